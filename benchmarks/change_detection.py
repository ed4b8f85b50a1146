"""How long it takes to look at every series of a day, and what that finds on series whose truth is known."""

import statistics
import time

import numpy as np

from benchmarks.measuring import Sizes
from muse_domain.segmentation import Rules, segment_all
from muse_domain.shifts import average_ranks, rank_cusum

TITLE = "Change detection"
SERIES = 400
POINTS = 120
MINIMUM_SEGMENT = 5
ROUNDS = 3


def measure(sizes: Sizes) -> str:
    """Series a second and what is found, for quiet and for shifted series; beside one pass of the bare statistic."""
    rng = np.random.default_rng(20260921)
    quiet = [rng.standard_t(3, POINTS) for _ in range(SERIES)]
    shifted = [values + 3.0 * (np.arange(POINTS) >= POINTS // 2) for values in rng.standard_normal((SERIES, POINTS))]
    rows = [_row("heavy-tailed, no shift", quiet), _row("a shift of three noise widths", shifted)]
    table = [
        f"{SERIES} series of {POINTS} points, at least {MINIMUM_SEGMENT} on each side. The bare statistic is one rank "
        "CUSUM of each series: the least that any test on it must compute.\n",
        "| series | found | series/s | bare statistic, series/s | cost of significance |",
        "|---|---:|---:|---:|---:|",
        *rows,
    ]
    return "\n".join(table) + "\n"


def _row(name: str, series: list[np.ndarray]) -> str:
    found, seconds = _detect(series)
    bare = statistics.median(_bare(series) for _ in range(ROUNDS))
    pace, limit = len(series) / seconds, len(series) / bare
    return f"| {name} | {found / len(series):.1%} | {pace:,.0f} | {limit:,.0f} | {limit / pace:,.0f}x |"


def _detect(series: list[np.ndarray]) -> tuple[int, float]:
    times, found = [], 0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        segmented = segment_all(series, Rules(MINIMUM_SEGMENT, 0.05, 1.0))
        times.append(time.perf_counter() - started)
        found = sum(bool(one.splits) for one in segmented)
    return found, statistics.median(times)


def _bare(series: list[np.ndarray]) -> float:
    started = time.perf_counter()
    for values in series:
        rank_cusum(average_ranks(values), MINIMUM_SEGMENT)
    return time.perf_counter() - started
