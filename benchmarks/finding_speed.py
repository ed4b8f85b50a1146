"""The findings of a day with ten thousand series of a year, beside Apache Otava and ruptures on the same series."""

import json
import subprocess
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from muse_domain.findings import find_day
from muse_domain.segmentation import Rules, segment_all
from muse_domain.series import FloatArray, Series, SeriesKey
from muse_domain.settings import AnalysisSection

TITLE = "Findings over many series"
SERIES = 10_000
POINTS = 365
SHIFTED = 5  # one series in five has a shift of three noise widths
ROUNDS = 3
LAST_DAY = date(2026, 6, 30)
ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = ROOT / ".muse" / "peers" / "bin" / "python"
# A peer that needs a second for a few series looks at the first so many of them; what is compared is the pace.
PEER_SERIES = {
    "Apache Otava": 400,
    "ruptures Binseg": 200,
    "ruptures Pelt": 6,
    "ruptures KernelCPD (C)": 4_000,
}


def measure(series: int = SERIES, python: Path = PEERS_PYTHON, rounds: int = ROUNDS, share: float = 1.0) -> str:
    """Series a second of each, alternating; and in how many shifted series a split lies within two points.

    `share` of the series that each peer usually looks at, for a quick look.
    """
    values, places = made(series)
    paces: dict[str, list[float]] = {}
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "series.npz"
        np.savez(file, values=values, places=places)
        for _ in range(rounds):
            for name, (pace, hit) in {**_ours(values, places), **_peers(file, python, share)}.items():
                paces.setdefault(name, []).append(pace)
                found[name] = hit
    ours = float(np.median(paces["Muse, a day's findings"]))
    rows = [
        f"| {name} | {np.median(pace):,.0f} | {ours / np.median(pace):,.1f}x | {found[name]:.1%} |"
        for name, pace in paces.items()
    ]
    about = (
        f"{series:,} series of {POINTS} points of normal noise, one in {SHIFTED} with a shift of three widths; at "
        f"least five points on each side, one core, the median of {rounds} alternating rounds. The first round of "
        "Muse also simulates its tables. Slow peers look at the first of the series only.\n\n"
    )
    head = "| | series/s | Muse is faster by | shifts found within two points |\n|---|---:|---:|---:|\n"
    missing = "" if python.exists() else "\nNot installed: Apache Otava, ruptures. `make bench-peers` installs them.\n"
    return about + head + "\n".join(rows) + "\n" + missing


def made(series: int) -> tuple[FloatArray, np.ndarray]:
    """Values of shape (series, POINTS), and the first point after each shift; 0 where there is none."""
    rng = np.random.default_rng(20260921)
    places = np.where(np.arange(series) % SHIFTED == 0, rng.integers(10, POINTS - 9, series), 0)
    steps = (np.arange(POINTS) >= places[:, None]) & (places[:, None] > 0)
    return 100.0 + rng.normal(size=(series, POINTS)) + 3.0 * steps, places


def _ours(values: FloatArray, places: np.ndarray) -> dict[str, tuple[float, float]]:
    started = time.perf_counter()
    segmented = segment_all(list(values), Rules(5, 0.05, 1.0))
    core = len(values) / (time.perf_counter() - started)
    found = near([[split.index for split in one.splits] for one in segmented], places)
    series = [_series(i, row) for i, row in enumerate(values)]
    started = time.perf_counter()
    find_day(LAST_DAY, series, (), (), AnalysisSection(window_days=POINTS, minimum_change_pct=1.0))
    day = len(values) / (time.perf_counter() - started)
    return {"Muse, a day's findings": (day, found), "Muse, change points alone": (core, found)}


def near(splits: list[list[int]], places: np.ndarray) -> float:
    """Share of the shifted series that have a split within two points of their shift."""
    shifted = [(found, place) for found, place in zip(splits, places, strict=True) if place]
    return sum(any(abs(one - place) <= 2 for one in found) for found, place in shifted) / len(shifted)


def _series(number: int, values: FloatArray) -> Series:
    key = SeriesKey(f"made {number}", None, None, None, "latency_p50_ms", "ms", "lower", "machine")
    last = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 3, tzinfo=UTC)
    times = tuple(last - timedelta(days=POINTS - 1 - i) for i in range(POINTS))
    return Series(key, times, values, tuple(f"{i:040x}" for i in range(POINTS)), ("made",) * POINTS)


def _peers(file: Path, python: Path, share: float) -> dict[str, tuple[float, float]]:
    if not python.exists():
        return {}
    counts = {name: max(6, round(count * share)) for name, count in PEER_SERIES.items()}
    command = [python, ROOT / "benchmarks" / "peers" / "change_points.py", file, json.dumps(counts)]
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return {name: (pace, found) for name, pace, found in json.loads(done.stdout)}


if __name__ == "__main__":
    print(measure())
