"""The findings of a day with ten thousand series of a year, beside Apache Otava and ruptures on the same series."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measuring import Figures, Side, Sizes, alternate, apart, available, not_installed, peer, table
from muse_domain.findings import find_day
from muse_domain.segmentation import Rules, segment_all
from muse_domain.series import FloatArray, Series, SeriesKey
from muse_domain.settings import AnalysisSection
from muse_domain.shifts import IntArray, average_ranks, rank_cusum

TITLE = "Findings over many series"
POINTS = 365
MINIMUM_SEGMENT = 5
SHIFTED = 5  # one series in five has a shift of three noise widths
LAST_DAY = date(2026, 6, 30)
_OURS = "Muse: a day's findings"
# A peer that needs a second for a few series looks at the first so many in a thousand; what is compared is the pace.
_SHARES = {"Apache Otava": 40, "ruptures Binseg": 20, "ruptures Pelt": 1, "ruptures KernelCPD (in C)": 400}


def measure(sizes: Sizes) -> str:
    """Series a second of each, in turn; and in how many shifted series a split lies within two points."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "series.npz"
        values, places = made(sizes.series)
        np.savez(file, values=values, places=places)
        running = set(available({name: partial(peer, "change_points", file, name, 1) for name in _SHARES}))
        sides = alternate({**_ours(file), **_peers(file, sizes.series, running)}, sizes.rounds)
    ours = sides[_OURS]["series"] / sides[_OURS]["seconds"]
    rows = [_row(name, side, ours) for name, side in sides.items()]
    head = ("", "series/s", f"{_OURS} beside it", "series looked at", "shifts found within two points")
    return (
        f"{sizes.series:,} series of {POINTS} points of normal noise, one in {SHIFTED} with a shift of three widths, "
        f"ten points or more from its ends; at least {MINIMUM_SEGMENT} points on each side; {sizes.rounds} rounds, in "
        "turn. Muse starts in a fresh process each time: the tables that it simulates are in its time. The bare "
        "statistic is the least that any test on ranks must compute.\n\n"
        f"{table(head, rows)}{not_installed(set(_SHARES) - running)}"
    )


def _row(name: str, side: Side, ours: float) -> list[str]:
    pace, found = side["series"] / side["seconds"], side["found"]
    share = "-" if np.isnan(found) else f"{found:.1%}"
    return [name, f"{pace:,.0f}", f"{ours / pace:,.1f}", f"{side['series']:,.0f}", share]


def _row(name: str, side: Side, ours: float) -> list[str]:
    pace, found = side["series"] / side["seconds"], side["found"]
    share = "-" if np.isnan(found) else f"{found:.1%}"
    return [name, f"{pace:,.0f}", f"{ours / pace:,.1f}", f"{side['series']:,.0f}", share]


def made(series: int) -> tuple[FloatArray, IntArray]:
    """Values of shape (series, POINTS), and the first point after each shift; 0 where there is none."""
    rng = np.random.default_rng(20260921)
    places = np.where(np.arange(series) % SHIFTED == 0, rng.integers(10, POINTS - 9, series), 0)
    steps = (np.arange(POINTS) >= places[:, None]) & (places[:, None] > 0)
    return 100.0 + rng.normal(size=(series, POINTS)) + 3.0 * steps, places


def _ours(file: Path) -> dict[str, Callable[[], Figures]]:
    return {
        _OURS: partial(apart, _find_day, file),
        "Muse: change points alone": partial(apart, _segment, file),
        "the bare rank statistic, once": partial(apart, _bare_statistic, file),
    }


def _peers(file: Path, series: int, names: set[str]) -> dict[str, Callable[[], Figures]]:
    counts = {name: max(10, series * share // 1000) for name, share in _SHARES.items() if name in names}
    return {name: partial(_measured, file, name, count) for name, count in counts.items()}


def _measured(file: Path, name: str, count: int) -> Figures:
    figures = peer("change_points", file, name, count)
    if figures is None:
        raise RuntimeError(f"{name} ran once, and then no more")
    return figures


def _find_day(file: Path) -> Figures:
    """A day's look at all series, with correction for all of them; a finding may lie anywhere in its window."""
    values, places = _read(file)
    series = [_series(i, row) for i, row in enumerate(values)]
    analysis = AnalysisSection(window_days=POINTS, minimum_segment=MINIMUM_SEGMENT, minimum_change_pct=1.0)
    started = time.perf_counter()
    found = find_day(LAST_DAY, series, (), (), analysis).findings
    seconds = time.perf_counter() - started
    splits: list[list[int]] = [[] for _ in series]
    for finding in found:
        number = int(finding.key.benchmark.removeprefix("made "))
        splits[number].append(series[number].ts.index(finding.changed_at))
    return {"seconds": seconds, "series": len(series), "found": share_near(splits, places)}


def _segment(file: Path) -> Figures:
    values, places = _read(file)
    started = time.perf_counter()
    segmented = segment_all(list(values), Rules(MINIMUM_SEGMENT, 0.05, 1.0))
    seconds = time.perf_counter() - started
    splits = [[split.index for split in one.splits] for one in segmented]
    return {"seconds": seconds, "series": len(values), "found": share_near(splits, places)}


def _bare_statistic(file: Path) -> Figures:
    values, _ = _read(file)
    started = time.perf_counter()
    for row in values:
        rank_cusum(average_ranks(row), MINIMUM_SEGMENT)
    return {"seconds": time.perf_counter() - started, "series": len(values), "found": float("nan")}


def _read(file: Path) -> tuple[FloatArray, IntArray]:
    with np.load(file) as stored:
        return stored["values"], stored["places"]


def share_near(splits: list[list[int]], places: IntArray) -> float:
    """Share of the shifted series that have a split within two points of their shift."""
    shifted = [(found, place) for found, place in zip(splits, places, strict=True) if place]
    return sum(any(abs(one - place) <= 2 for one in found) for found, place in shifted) / len(shifted)


def _series(number: int, values: FloatArray) -> Series:
    key = SeriesKey(f"made {number}", None, None, None, "latency_p50_ms", "ms", "lower", "machine")
    last = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 3, tzinfo=UTC)
    times = tuple(last - timedelta(days=POINTS - 1 - i) for i in range(POINTS))
    return Series(key, times, values, tuple(f"{i:040x}" for i in range(POINTS)), ("made",) * POINTS)
