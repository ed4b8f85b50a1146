"""Where a series of numbers changed its level, and how sure that is.

The statistic is the largest standardised rank CUSUM over all admissible splits (a Wilcoxon test for an
unknown split, after Pettitt 1979). Its significance comes from permutations of the ranks, so it asks
nothing of the distribution: heavy tails and repeated values are fine. Permutations stop early by
Besag and Clifford (1991), whose sequential p-value is valid at every stopping point.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from muse_domain.series import FloatArray

# Exceedances after which a sequential permutation test has learnt enough to stop.
ENOUGH_EXCEEDANCES = 10
PERMUTATION_BATCH = 250


@dataclass(frozen=True, slots=True)
class Split:
    """A change of level: `index` is the first point after it, within segment [start, end)."""

    start: int
    index: int
    end: int
    p_value: float


def average_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], dtype=np.float64)


def rank_cusum(ranks: FloatArray, minimum_segment: int) -> FloatArray:
    """|standardised rank sum| of each split. `ranks` has shape (..., n); the result (..., n - 2m + 1)."""
    n = ranks.shape[-1]
    centred = ranks - ranks.mean(axis=-1, keepdims=True)
    sums = np.cumsum(centred, axis=-1)[..., minimum_segment - 1 : n - minimum_segment]
    k = np.arange(minimum_segment, n - minimum_segment + 1)
    # Variance of a sum of k ranks drawn without replacement; ties are in the variance of the ranks.
    variance = centred[..., :].var(axis=-1, keepdims=True) * k * (n - k) / (n - 1)
    return np.asarray(np.abs(sums) / np.sqrt(np.maximum(variance, 1e-300)), dtype=np.float64)


def change_p_value(values: FloatArray, minimum_segment: int, rng: np.random.Generator, permutations: int) -> float:
    """Permutation p-value of "there is a change of level somewhere"; 1 where no split is possible."""
    if len(values) < 2 * minimum_segment or np.ptp(values) == 0.0:
        return 1.0
    ranks = average_ranks(values)
    peak = float(rank_cusum(ranks, minimum_segment).max())
    return _sequential_p_value(ranks, peak, minimum_segment, rng, permutations)


def locate_split(values: FloatArray, minimum_segment: int) -> int:
    """First point after the split that leaves the least absolute deviation from the medians of both sides.

    The peak of the rank statistic tells whether there is a change, but leans towards the edges; the two-median
    fit tells where, and is as little moved by outliers.
    """
    candidates = range(minimum_segment, len(values) - minimum_segment + 1)
    return min(candidates, key=lambda k: _absolute_deviation(values[:k]) + _absolute_deviation(values[k:]))


def _absolute_deviation(values: FloatArray) -> float:
    return float(np.abs(values - np.median(values)).sum())


def _sequential_p_value(
    ranks: FloatArray, peak: float, minimum_segment: int, rng: np.random.Generator, permutations: int
) -> float:
    exceedances = drawn = 0
    while drawn < permutations:
        batch = min(PERMUTATION_BATCH, permutations - drawn)
        shuffled = rng.permuted(np.broadcast_to(ranks, (batch, len(ranks))), axis=1)
        reached: npt.NDArray[np.bool_] = rank_cusum(shuffled, minimum_segment).max(axis=1) >= peak - 1e-12
        if exceedances + int(reached.sum()) >= ENOUGH_EXCEEDANCES:
            stop = int(np.flatnonzero(reached)[ENOUGH_EXCEEDANCES - exceedances - 1]) + 1
            return ENOUGH_EXCEEDANCES / (drawn + stop)
        exceedances += int(reached.sum())
        drawn += batch
    return (exceedances + 1) / (drawn + 1)


def find_splits(
    values: FloatArray,
    *,
    minimum_segment: int,
    significance: float,
    permutations: int,
    seed: int,
) -> tuple[list[Split], float]:
    """Every change of level, oldest first, by binary segmentation; and the p-value of the whole.

    `seed` makes the permutations, and so the p-values, the same on every run over the same values.
    """
    rng = np.random.default_rng(seed)
    found: list[Split] = []
    whole: float | None = None
    pending = [(0, len(values))]
    while pending:
        start, end = pending.pop()
        p_value = change_p_value(values[start:end], minimum_segment, rng, permutations)
        whole = p_value if whole is None else whole
        if p_value <= significance:
            index = start + locate_split(values[start:end], minimum_segment)
            found.append(Split(start, index, end, p_value))
            pending += [(index, end), (start, index)]
    return _narrowed(sorted(found, key=lambda split: split.index), len(values)), whole or 1.0


def _narrowed(splits: list[Split], n: int) -> list[Split]:
    """Each split's segment cut to its neighbouring splits, so that only adjoining levels are compared."""
    edges = [0, *(split.index for split in splits), n]
    return [Split(edges[i], split.index, edges[i + 2], split.p_value) for i, split in enumerate(splits)]


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
