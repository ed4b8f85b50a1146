"""The levels of a series: divided where ranks see a change, joined again where that was noise of another kind.

Dividing goes from the whole to its parts (the divisive half of E-divisive, Matteson and James 2014) and takes the
noise to be exchangeable. The noise of benchmarks is not: neighbouring runs resemble each other, and machines drift.
Joining goes the other way: a split stands only if it is as sure after the correlation of neighbouring runs is taken
out (prewhitening, Serinaldi and Kilsby 2016), if a step describes its two levels better than a line does, if it is
large beside the noise, and if its place does not lie beyond the last point at which it could be told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from muse_domain.series import FloatArray
from muse_domain.shifts import (
    OUTLIER_WIDTHS,
    BoolArray,
    Split,
    change_p_values,
    drawn_in,
    explained_squares,
    locate_splits,
    noise_widths,
    place_interval,
)

# Twice the log likelihood by which a step must beat a line, in logarithms of the number of points: the price that
# Schwarz's criterion asks for a level and a place, and half a parameter more for the search.
STEP_OVER_LINE = 2.5
# The lag-one correlation of residuals around fitted levels comes out too small: by a constant over the number of
# points, and by a share of itself. Simulated for AR(1) noise of 0 to 1 and 20 to 224 points around one fitted split.
CORRELATION_OFFSET = 3.0
CORRELATION_SHRINKAGE = 9.0
LEAST_SHRUNK = 0.4
# Its standard error is this over the root of the number of points. Where it is beyond chance, part of the error is
# added: to take correlation for less than it is costs false findings.
CORRELATION_ERROR = 0.9
BEYOND_CHANCE = 1.3
ALLOWANCE = 0.5
HIGHEST_CORRELATION = 0.98


class Doubt(StrEnum):
    """Why a split that ranks saw was joined again, from the weakest reason to the strongest."""

    NONE = ""
    UNCERTAIN = "uncertain"
    SMALL = "small"
    UNSETTLED = "unsettled"
    DRIFTING = "drifting"


_STRENGTH = {doubt: strength for strength, doubt in enumerate(Doubt)}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a split needs: points on each side, a p-value, and a size in noise widths."""

    minimum_segment: int
    significance: float
    minimum_widths: float


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The splits of one series, oldest first; the p-value of "no change"; and why the last one joined was joined."""

    splits: tuple[Split, ...]
    p_value: float
    doubt: Doubt = Doubt.NONE


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece [start, end) of one history, by its number."""

    history: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Levels:
    """A history around its levels: outliers drawn in to them, the noise width, the correlation of neighbours."""

    values: FloatArray
    width: float
    correlation: float


def segment_all(
    histories: Sequence[FloatArray], rules: Rules, places: Sequence[BoolArray] | None = None
) -> list[Segmentation]:
    """The levels of every history. `places[i][j]` says whether history i may be split before its point j."""
    allowed = places if places is not None else [np.ones(len(values), dtype=bool) for values in histories]
    whole, divided = _divide(histories, allowed, rules)
    return [
        _join(histories[i], allowed[i], divided[i], p_value, rules) if i in divided else Segmentation((), p_value)
        for i, p_value in enumerate(whole)
    ]


def _divide(
    histories: Sequence[FloatArray], places: Sequence[BoolArray], rules: Rules
) -> tuple[list[float], Mapping[int, Mapping[int, float]]]:
    """The p-value of each whole history; and of each split by history and index."""
    whole = [1.0] * len(histories)
    divided: dict[int, dict[int, float]] = defaultdict(dict)
    pending = [_Part(i, 0, len(values)) for i, values in enumerate(histories)]
    while pending:
        halves: list[_Part] = []
        for parts in _by_length(pending, 2 * rules.minimum_segment):
            values = np.stack([histories[part.history][part.start : part.end] for part in parts])
            allowed = np.stack([places[part.history][part.start : part.end] for part in parts])
            p_values = change_p_values(values, rules.minimum_segment, allowed)
            for part, p_value in zip(parts, p_values, strict=True):
                if part.end - part.start == len(histories[part.history]):
                    whole[part.history] = float(p_value)
            changed = np.flatnonzero(p_values <= rules.significance)
            found = locate_splits(values[changed], rules.minimum_segment, allowed[changed])
            for row, offset in zip(changed, found, strict=True):
                part, index = parts[row], parts[row].start + int(offset)
                divided[part.history][index] = float(p_values[row])
                halves += [_Part(part.history, part.start, index), _Part(part.history, index, part.end)]
        pending = halves
    return whole, divided


def _by_length(parts: Iterable[_Part], shortest: int) -> Iterator[list[_Part]]:
    """Parts of one length are tested together; those too short to be divided are left out."""
    groups: dict[int, list[_Part]] = defaultdict(list)
    for part in parts:
        groups[part.end - part.start].append(part)
    return (groups[length] for length in sorted(groups) if length >= shortest)


def _join(
    values: FloatArray, places: BoolArray, divided: Mapping[int, float], whole: float, rules: Rules
) -> Segmentation:
    """Take out the most doubtful split until all that are left stand."""
    left, doubt = dict(divided), Doubt.NONE
    while left:
        if len(divided) > 1:  # the place of an only split is that of the whole history already
            left = _settle_places(values, places, left, rules.minimum_segment)
        levels = _levels(values, [0, *left, len(values)])
        splits = [_split(values, levels, part, p, rules) for part, p in _with_neighbours(left, len(values))]
        doubts = [_doubt(values[split.start : split.end], split, rules) for split in splits]
        strength, p_value, index = max(
            (_STRENGTH[one], split.p_value, split.index) for one, split in zip(doubts, splits, strict=True)
        )
        if not strength:
            return Segmentation(tuple(splits), min(split.p_value for split in splits))
        doubt, whole = list(Doubt)[strength], max(whole, p_value)
        del left[index]
    return Segmentation((), whole, doubt)


def _with_neighbours(splits: Mapping[int, float], n: int) -> Iterator[tuple[tuple[int, int, int], float]]:
    edges = [0, *splits, n]
    for (start, index), (_, end) in zip(pairwise(edges), pairwise(edges[1:]), strict=False):
        yield (start, index, end), splits[index]


def _settle_places(
    values: FloatArray, places: BoolArray, splits: Mapping[int, float], minimum_segment: int
) -> dict[int, float]:
    """Each split put where it fits best between its neighbours, from the oldest to the newest."""
    settled: dict[int, float] = {}
    indices = sorted(splits)
    start = 0
    for index, end in zip(indices, [*indices[1:], len(values)], strict=True):
        part = slice(start, end)
        start += int(locate_splits(values[None, part], minimum_segment, places[None, part])[0])
        settled[start] = splits[index]
    return settled


def _levels(values: FloatArray, edges: Sequence[int]) -> _Levels:
    levels = np.concatenate([np.full(end - start, np.median(values[start:end])) for start, end in pairwise(edges)])
    residuals = values - levels
    width = float(noise_widths(residuals))
    residuals = np.clip(residuals, -OUTLIER_WIDTHS * width, OUTLIER_WIDTHS * width)
    return _Levels(levels + residuals, width, neighbour_correlation(residuals, len(edges) - 1))


def neighbour_correlation(residuals: FloatArray, levels: int) -> float:
    """Correlation of neighbouring runs around fitted levels, without the bias of fitting; never below zero.

    Noise that alternates makes the rank test stricter than it promises, and needs no correction.
    """
    squares = float((residuals**2).sum())
    if squares == 0.0:
        return 0.0
    points = 2.0 * len(residuals) / levels  # as many points stand around each split
    raw = float((residuals[1:] * residuals[:-1]).sum()) / squares
    shrunk = max(LEAST_SHRUNK, 1.0 - CORRELATION_SHRINKAGE / points)
    error = CORRELATION_ERROR / np.sqrt(points) / shrunk
    correlation = (raw + CORRELATION_OFFSET / points) / shrunk
    if correlation > BEYOND_CHANCE * error:
        correlation += ALLOWANCE * error
    return float(np.clip(correlation, 0.0, HIGHEST_CORRELATION))


def _split(values: FloatArray, levels: _Levels, part: tuple[int, int, int], p_value: float, rules: Rules) -> Split:
    start, index, end = part
    if levels.correlation > 0.0:
        around = levels.values[start:end]
        innovations = around[1:] - levels.correlation * around[:-1]
        p_value = max(p_value, float(change_p_values(innovations[None], rules.minimum_segment)[0]))
    near = _drawn_in(values[start:end], index - start)
    earliest, latest = place_interval(near, index - start, rules.minimum_segment)
    return Split(start, index, end, p_value, start + earliest, start + latest, levels.width, levels.correlation)


def _drawn_in(values: FloatArray, index: int) -> FloatArray:
    drawn: FloatArray = drawn_in(values[None], np.array([index]))[0]
    return drawn


def _doubt(part: FloatArray, split: Split, rules: Rules) -> Doubt:
    """The strongest reason against a split; `part` is what lies between its neighbours."""
    index = split.index - split.start
    values = _drawn_in(part, index)
    if step_over_line(values, index) < STEP_OVER_LINE * np.log(len(values)):
        return Doubt.DRIFTING
    if _lies_beyond(values, rules.minimum_segment):
        return Doubt.UNSETTLED
    if abs(np.median(values[index:]) - np.median(values[:index])) < rules.minimum_widths * split.width:
        return Doubt.SMALL
    return Doubt.NONE if split.p_value <= rules.significance else Doubt.UNCERTAIN


def step_over_line(values: FloatArray, index: int) -> float:
    """Twice the log likelihood ratio of a step at `index` to a straight line, for normal noise."""
    n = len(values)
    centred = values - values.mean()
    times = np.arange(n) - (n - 1) / 2.0
    total = float((centred**2).sum())
    line = total - float((centred * times).sum()) ** 2 / float((times**2).sum())
    step = total - float(centred[:index].sum()) ** 2 * n / (index * (n - index))
    return float(n * np.log(max(line, 1e-300) / max(step, 1e-12 * total, 1e-300)))


def _lies_beyond(values: FloatArray, minimum_segment: int) -> bool:
    """Whether the step fits better so near an end that a side would be too short: it is told when there are more."""
    least = 2
    if minimum_segment <= least or len(values) == 2 * minimum_segment:
        return False
    best = int(explained_squares(values, least).argmax()) + least
    return not minimum_segment <= best <= len(values) - minimum_segment
