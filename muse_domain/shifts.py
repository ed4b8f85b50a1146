"""Whether a series changed its level, where, and how sure that is; vectorised over series of one length.

The statistic is the largest standardised rank CUSUM over all admissible splits (a Wilcoxon test for an unknown
split, after Pettitt 1979). Ranks ask nothing of the distribution: heavy tails and repeated values are fine.
Its tail under "no change" depends on nothing but the length of the series, so it is known before any series is
seen: simulated for short series, and for long ones the approximation for maximally selected rank statistics
(Miller and Siegmund 1982; the correction for discrete splits by Siegmund 1985). No series needs permutations of
its own.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from muse_domain.series import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

# Up to this length the tail is simulated; from here on the approximation errs by less than a quarter, and upwards.
LONGEST_SIMULATED = 63
SIMULATIONS = 20_000
SIMULATED_AT_ONCE = 1_000  # few enough to stay in the processor's cache
# Beyond the largest few simulated peaks the tail is extended as a normal one, which is heavier than that of ranks.
TAIL_PEAKS = 20
# Expected overshoot of a random walk over a boundary, in steps (Siegmund 1985, chapter 10).
OVERSHOOT = 0.583
# A value further from its level than this many noise widths counts as that far.
OUTLIER_WIDTHS = 2.5
NORMAL_WIDTH = 1.4826  # the standard deviation of normal noise in median absolute deviations
# Twice the log likelihood ratio within which the true place lies 95 times in a hundred (Bai 1997).
PLACE_RATIO = 7.7


@dataclass(frozen=True, slots=True)
class Split:
    """A change of level: `index` is the first point after it, within segment [start, end).

    The true place is one of `earliest` to `latest` 95 times in a hundred. `width` is the noise around both levels
    (a standard deviation, not moved by outliers), `correlation` that of neighbouring runs.
    """

    start: int
    index: int
    end: int
    p_value: float
    earliest: int
    latest: int
    width: float
    correlation: float


def average_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1 along the last axis; equal values share the mean of their ranks."""
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    n = values.shape[-1]
    place = np.broadcast_to(np.arange(n), values.shape)
    is_first = np.ones(values.shape, dtype=bool)
    is_first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    is_last = np.ones(values.shape, dtype=bool)
    is_last[..., :-1] = is_first[..., 1:]
    first = np.maximum.accumulate(np.where(is_first, place, 0), axis=-1)
    last = np.minimum.accumulate(np.where(is_last, place, n)[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2.0 + 1.0, axis=-1)
    return ranks


def rank_cusum(ranks: FloatArray, minimum_segment: int) -> FloatArray:
    """|standardised rank sum| of each split. `ranks` has shape (..., n); the result (..., n - 2m + 1).

    The variance is that of n different values: with repeated values the statistic is smaller, the test stricter.
    """
    n = ranks.shape[-1]
    sums = np.cumsum(ranks - (n + 1) / 2.0, axis=-1)[..., minimum_segment - 1 : n - minimum_segment]
    k = np.arange(minimum_segment, n - minimum_segment + 1)
    return np.asarray(np.abs(sums) / np.sqrt(k * (n - k) * (n + 1) / 12.0), dtype=np.float64)


def peak_p_values(peaks: FloatArray, n: int, minimum_segment: int) -> FloatArray:
    """How often a series of n points without a change has a peak of the rank CUSUM as high as these."""
    if n > LONGEST_SIMULATED:
        return _approximate_tail(peaks, n, minimum_segment)
    simulated = _simulated_peaks(n, minimum_segment)
    reached = SIMULATIONS - np.searchsorted(simulated, peaks - 1e-9)
    anchor = simulated[-TAIL_PEAKS]
    beyond = TAIL_PEAKS / SIMULATIONS * np.exp((anchor**2 - np.maximum(peaks, anchor) ** 2) / 2.0)
    counted = (reached + 1) / (SIMULATIONS + 1)
    return np.asarray(np.where(reached < TAIL_PEAKS, np.minimum(beyond, counted), counted), dtype=np.float64)


@lru_cache(maxsize=256)
def _simulated_peaks(n: int, minimum_segment: int) -> FloatArray:
    rng = np.random.default_rng([n, minimum_segment])
    ranks = np.broadcast_to(np.arange(1.0, n + 1.0), (SIMULATED_AT_ONCE, n))
    rounds = SIMULATIONS // SIMULATED_AT_ONCE
    peaks = [rank_cusum(rng.permuted(ranks, axis=1), minimum_segment).max(axis=1) for _ in range(rounds)]
    return np.sort(np.concatenate(peaks))


def _approximate_tail(peaks: FloatArray, n: int, minimum_segment: int) -> FloatArray:
    k = np.arange(minimum_segment, n - minimum_segment + 1)
    pace = n / (k * (n - k))
    height = np.maximum(peaks, 1.5)[..., None]  # below, the p-value is near one and the expansion does not hold
    density = np.exp(-(height**2) / 2.0) / np.sqrt(2.0 * np.pi)
    crossings = (height - 1.0 / height) * pace * np.exp(-OVERSHOOT * height * np.sqrt(pace))
    tail = density[..., 0] * (crossings.sum(axis=-1) + 4.0 / height[..., 0])
    return np.asarray(np.minimum(tail, 1.0), dtype=np.float64)


def change_p_values(values: FloatArray, minimum_segment: int, places: BoolArray | None = None) -> FloatArray:
    """P-value of "the level changes somewhere" for each row of `values` (shape (b, n)); 1 where n is too short.

    `places`, of the same shape, says before which points a split may lie.
    """
    rows, n = values.shape
    if n < 2 * minimum_segment:
        return np.ones(rows)
    cusum = rank_cusum(average_ranks(values), minimum_segment)
    return peak_p_values(_admissible(cusum, places, minimum_segment).max(axis=1), n, minimum_segment)


def locate_splits(values: FloatArray, minimum_segment: int, places: BoolArray | None = None) -> IntArray:
    """First point after the split, for each row: the two levels that leave the least squares.

    The rank peak tells whether there is a change, but leans towards the middle of the values; it is only the start.
    Outliers are drawn in to their level first, so that none of them can pull the split.
    """
    cusum = rank_cusum(average_ranks(values), minimum_segment)
    index: IntArray = _admissible(cusum, places, minimum_segment).argmax(axis=1) + minimum_segment
    for _ in range(2):
        squares = explained_squares(drawn_in(values, index), minimum_segment)
        index = _admissible(squares, places, minimum_segment).argmax(axis=1) + minimum_segment
    return index


def _admissible(statistic: FloatArray, places: BoolArray | None, minimum_segment: int) -> FloatArray:
    if places is None:
        return statistic
    n = places.shape[1]
    return np.where(places[:, minimum_segment : n - minimum_segment + 1], statistic, 0.0)


def explained_squares(values: FloatArray, minimum_segment: int) -> FloatArray:
    """The sum of squares that a step at each admissible split explains, shape (..., n - 2m + 1)."""
    n = values.shape[-1]
    centred = values - values.mean(axis=-1, keepdims=True)
    sums = np.cumsum(centred, axis=-1)[..., minimum_segment - 1 : n - minimum_segment]
    k = np.arange(minimum_segment, n - minimum_segment + 1)
    return np.asarray(sums**2 * n / (k * (n - k)), dtype=np.float64)


def drawn_in(values: FloatArray, index: IntArray) -> FloatArray:
    """Values no further outside of the two levels than `OUTLIER_WIDTHS`.

    Between the levels they stay as they are, so that a point on the wrong side of a first guess still pulls the
    split to where it belongs.
    """
    is_before = np.arange(values.shape[1]) < index[:, None]
    before = _median_where(values, is_before, index)
    after = _median_where(values, ~is_before, values.shape[1] - index)
    reach = OUTLIER_WIDTHS * noise_widths(values - np.where(is_before, before, after))[:, None]
    return np.clip(values, np.minimum(before, after) - reach, np.maximum(before, after) + reach)


def _median_where(values: FloatArray, mask: BoolArray, counts: IntArray) -> FloatArray:
    """Median of each row's masked values, shape (b, 1); `counts` of them are masked."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=1)
    middle = np.stack([(counts - 1) // 2, counts // 2], axis=1)
    return np.asarray(np.take_along_axis(ordered, middle, axis=1).mean(axis=1, keepdims=True), dtype=np.float64)


def noise_widths(residuals: FloatArray) -> FloatArray:
    """Standard deviation of the noise in each row, not moved by outliers.

    Where most values lie on their level exactly, the median deviation is nought: then the mean deviation counts.
    """
    deviations = np.abs(residuals)
    median = NORMAL_WIDTH * np.median(deviations, axis=-1)
    mean = np.sqrt(np.pi / 2.0) * deviations.mean(axis=-1)
    return np.asarray(np.where(median > 0.0, median, mean), dtype=np.float64)


def step_sizes(values: FloatArray, index: IntArray) -> FloatArray:
    """How far apart the medians of both sides lie, for each row."""
    is_before = np.arange(values.shape[1]) < index[:, None]
    before = _median_where(values, is_before, index)
    after = _median_where(values, ~is_before, values.shape[1] - index)
    return np.asarray(np.abs(after - before)[:, 0], dtype=np.float64)


def place_intervals(values: FloatArray, index: IntArray, minimum_segment: int) -> tuple[IntArray, IntArray]:
    """First and last index, for each row, at which the step explains nearly as much as at `index` (95 %)."""
    squares = explained_squares(values, minimum_segment)
    total = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1, keepdims=True)
    left = np.maximum(total - squares, 1e-12 * np.maximum(total, 1e-300))
    place = (index - minimum_segment)[:, None]
    is_near = values.shape[1] * np.log(left / np.take_along_axis(left, place, axis=1)) <= PLACE_RATIO
    first = is_near.argmax(axis=1) + minimum_segment
    last = is_near.shape[1] - 1 - is_near[:, ::-1].argmax(axis=1) + minimum_segment
    return np.minimum(first, index), np.maximum(last, index)


def shift_interval_pct(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    """95 % interval of the shift in percent of the median before (Hodges-Lehmann, normal approximation).

    Needs a median before that is not zero. With five points on each side the interval is the range of all
    pairwise differences but the outermost few.
    """
    differences = np.sort((after[:, None] - before[None, :]).ravel())
    m, n = len(before), len(after)
    spread = 1.959964 * np.sqrt(m * n * (m + n + 1) / 12.0)
    cut = int(max(0, np.floor(m * n / 2.0 - spread) - 1))  # the rank counts from one, the array from zero
    scale = 100.0 / abs(float(np.median(before)))
    return float(differences[cut] * scale), float(differences[len(differences) - 1 - cut] * scale)


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """Adjusted p-values (q): rejecting q <= r keeps the expected share of false discoveries at r."""
    n = len(p_values)
    order = np.argsort(p_values)
    scaled = p_values[order] * n / np.arange(1, n + 1)
    adjusted = np.minimum.accumulate(scaled[::-1])[::-1]
    result = np.empty(n)
    result[order] = np.minimum(adjusted, 1.0)
    return result
