"""The levels of a series: divided where ranks see a change, joined again where that was noise of another kind.

Dividing goes from the whole to its parts (the divisive half of E-divisive, Matteson and James 2014) and takes the
noise to be exchangeable. The noise of benchmarks is not: neighbouring runs resemble each other, and machines drift.
Joining goes the other way: a split stands only if it is as sure after the correlation of neighbouring runs is taken
out (prewhitening, Serinaldi and Kilsby 2016), if a step describes its two levels better than a line or a walk does, if
it is large beside the noise, and if its place does not lie beyond the last point at which it could be told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from muse_domain.series import FloatArray
from muse_domain.shifts import (
    NORMAL_WIDTH,
    OUTLIER_WIDTHS,
    BoolArray,
    IntArray,
    Split,
    change_p_values,
    drawn_in,
    explained_squares,
    locate_splits,
    place_intervals,
    step_sizes,
)

# Twice the log likelihood by which a step must beat a line and a walk, in logarithms of the number of points: the
# price that Schwarz's criterion asks for a level and a place, and half a parameter more for the search.
STEP_OVER_DRIFT = 2.5
# Variances of the steps of a level that wanders slowly, beside that of the noise. What moves faster is noise whose
# neighbours resemble each other, and is taken out as such: as a walk it would explain true shifts as well.
WALKS = np.array([0.003, 0.01, 0.03])
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
POINTS_AT_ONCE = 64_000


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
    """A piece [start, end) of one history, by its number; `index` is where it is split."""

    history: int
    start: int
    end: int
    index: int = 0


@dataclass(frozen=True, slots=True)
class _Levels:
    """Histories around their levels: outliers drawn in to them, noise widths, correlations of neighbours."""

    values: Sequence[FloatArray]
    widths: FloatArray
    correlations: FloatArray


@dataclass(slots=True)
class _Question:
    """A history whose splits are in question, with the p-value of each by its index."""

    history: int
    splits: dict[int, float]
    p_value: float
    is_settled: bool
    doubt: Doubt = Doubt.NONE


def segment_all(
    histories: Sequence[FloatArray], rules: Rules, places: Sequence[BoolArray] | None = None
) -> list[Segmentation]:
    """The levels of every history. `places[i][j]` says whether history i may be split before its point j."""
    allowed = places if places is not None else [np.ones(len(values), dtype=bool) for values in histories]
    whole, divided = _divide(histories, allowed, rules)
    # The place of an only split is that of the whole history already.
    questions = [_Question(i, dict(splits), whole[i], len(splits) == 1) for i, splits in divided.items()]
    joined = _join(questions, histories, allowed, rules)
    return [joined[i] if i in joined else Segmentation((), p_value) for i, p_value in enumerate(whole)]


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
    """Parts of one length are tested together, as many as stay in the cache; too short ones are left out."""
    groups: dict[int, list[_Part]] = defaultdict(list)
    for part in parts:
        groups[part.end - part.start].append(part)
    for length in sorted(groups):
        rows = max(1, POINTS_AT_ONCE // length)
        if length >= shortest:
            yield from (groups[length][first : first + rows] for first in range(0, len(groups[length]), rows))


def _join(
    questions: Sequence[_Question], histories: Sequence[FloatArray], places: Sequence[BoolArray], rules: Rules
) -> dict[int, Segmentation]:
    """Take out the most doubtful split of each history until all that are left stand; by history."""
    joined: dict[int, Segmentation] = {}
    pending = list(questions)
    while pending:
        for one in pending:
            if not one.is_settled:
                i = one.history
                one.splits = _settle_places(histories[i], places[i], one.splits, rules.minimum_segment)
        for one, judged in zip(pending, _judge(pending, histories, rules), strict=True):
            strength, p_value, index = max((_STRENGTH[doubt], split.p_value, split.index) for split, doubt in judged)
            if not strength:
                splits = tuple(split for split, _ in judged)
                joined[one.history] = Segmentation(splits, min(split.p_value for split in splits))
                one.splits = {}
                continue
            one.doubt, one.p_value = list(Doubt)[strength], max(one.p_value, p_value)
            del one.splits[index]
            if not one.splits:
                joined[one.history] = Segmentation((), one.p_value, one.doubt)
        pending = [one for one in pending if one.splits]
    return joined


def _judge(
    questions: Sequence[_Question], histories: Sequence[FloatArray], rules: Rules
) -> list[list[tuple[Split, Doubt]]]:
    """Each history's splits as they stand between their neighbours, oldest first, and what speaks against each."""
    levels = _levels([histories[one.history] for one in questions], [sorted(one.splits) for one in questions])
    parts = [
        _Part(row, start, end, index)
        for row, one in enumerate(questions)
        for start, index, end in _between_neighbours(sorted(one.splits), len(histories[one.history]))
    ]
    judged: list[list[tuple[Split, Doubt]]] = [[] for _ in questions]
    for batch in _by_length(parts, 2 * rules.minimum_segment):
        p_values = np.array([questions[part.history].splits[part.index] for part in batch])
        values = np.stack([histories[questions[part.history].history][part.start : part.end] for part in batch])
        for part, found in zip(batch, _judge_batch(batch, values, p_values, levels, rules), strict=True):
            judged[part.history].append(found)
    return [sorted(found, key=lambda one: one[0].index) for found in judged]


def _between_neighbours(splits: Sequence[int], n: int) -> Iterator[tuple[int, int, int]]:
    edges = [0, *splits, n]
    return zip(edges, edges[1:], edges[2:], strict=False)


def _judge_batch(
    parts: Sequence[_Part], values: FloatArray, p_values: FloatArray, levels: _Levels, rules: Rules
) -> Iterator[tuple[Split, Doubt]]:
    """Splits of parts of one length; `values` has a row for each part."""
    least, rows = rules.minimum_segment, [part.history for part in parts]
    index = np.array([part.index - part.start for part in parts])
    widths, correlations = levels.widths[rows], levels.correlations[rows]
    around = np.stack([levels.values[part.history][part.start : part.end] for part in parts])
    innovations = around[:, 1:] - correlations[:, None] * around[:, :-1]
    whitened = change_p_values(innovations, least)
    p_values = np.where(correlations > 0.0, np.maximum(p_values, whitened), p_values)
    near = drawn_in(values, index)
    earliest, latest = place_intervals(near, index, least)
    doubts = np.where(p_values <= rules.significance, _STRENGTH[Doubt.NONE], _STRENGTH[Doubt.UNCERTAIN])
    doubts[step_sizes(near, index) < rules.minimum_widths * widths] = _STRENGTH[Doubt.SMALL]
    doubts[_lie_beyond(near, least)] = _STRENGTH[Doubt.UNSETTLED]
    over_drift = np.minimum(step_over_line(near, index), step_over_walk(near, index))
    doubts[over_drift < STEP_OVER_DRIFT * np.log(values.shape[1])] = _STRENGTH[Doubt.DRIFTING]
    for i, part in enumerate(parts):
        yield (
            Split(
                part.start, part.index, part.end, float(p_values[i]),
                part.start + int(earliest[i]), part.start + int(latest[i]), float(widths[i]), float(correlations[i]),
            ),
            list(Doubt)[doubts[i]],
        )  # fmt: skip


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


def _levels(histories: Sequence[FloatArray], splits: Sequence[Sequence[int]]) -> _Levels:
    """All histories at once, laid end to end, whatever their lengths."""
    values = np.concatenate(histories)
    starts = np.cumsum([0, *(len(one) for one in histories[:-1])])
    edges = np.concatenate([start + np.array([0, *own]) for start, own in zip(starts, splits, strict=True)])
    levels = np.repeat(_medians(values, edges), np.diff([*edges, len(values)]))
    residuals = values - levels
    lengths = np.diff([*starts, len(values)])
    deviations = np.abs(residuals)
    medians = NORMAL_WIDTH * _medians(deviations, starts)
    means = np.sqrt(np.pi / 2.0) * np.add.reduceat(deviations, starts) / lengths
    widths = np.where(medians > 0.0, medians, means)
    reach = np.repeat(OUTLIER_WIDTHS * widths, lengths)
    residuals = np.clip(residuals, -reach, reach)
    correlations = neighbour_correlations(residuals, starts, np.array([len(own) + 1 for own in splits]))
    return _Levels(np.split(levels + residuals, starts[1:]), widths, correlations)


def _medians(values: FloatArray, starts: IntArray) -> FloatArray:
    """The median of each stretch of `values` that begins at one of `starts` and ends before the next."""
    sizes = np.diff([*starts, len(values)])
    ordered = values[np.lexsort((values, np.repeat(np.arange(len(starts)), sizes)))]
    return np.asarray((ordered[starts + (sizes - 1) // 2] + ordered[starts + sizes // 2]) / 2.0, dtype=np.float64)


def neighbour_correlations(residuals: FloatArray, starts: IntArray, levels: IntArray) -> FloatArray:
    """Correlation of neighbouring runs around fitted levels, without the bias of fitting; never below zero.

    The histories lie end to end and begin at `starts`; `levels` is how many were fitted to each. Noise that alternates
    makes the rank test stricter than it promises, and needs no correction.
    """
    products = np.zeros_like(residuals)
    products[1:] = residuals[1:] * residuals[:-1]
    products[starts] = 0.0  # the runs before are another history's
    squares = np.add.reduceat(residuals**2, starts)
    raw = np.add.reduceat(products, starts) / np.maximum(squares, 1e-300)
    points = 2.0 * np.diff([*starts, len(residuals)]) / levels  # as many points stand around each split
    shrunk = np.maximum(LEAST_SHRUNK, 1.0 - CORRELATION_SHRINKAGE / points)
    error = CORRELATION_ERROR / np.sqrt(points) / shrunk
    correlation = (raw + CORRELATION_OFFSET / points) / shrunk
    correlation = np.where(correlation > BEYOND_CHANCE * error, correlation + ALLOWANCE * error, correlation)
    return np.where(squares > 0.0, np.clip(correlation, 0.0, HIGHEST_CORRELATION), 0.0)


def step_over_line(values: FloatArray, index: IntArray) -> FloatArray:
    """Twice the log likelihood ratio of a step at `index` to a straight line, for each row, for normal noise."""
    n = values.shape[1]
    centred = values - values.mean(axis=1, keepdims=True)
    times = np.arange(n) - (n - 1) / 2.0
    line = (centred**2).sum(axis=1) - (centred @ times) ** 2 / float((times**2).sum())
    return np.asarray(n * np.log(np.maximum(line, 1e-300) / _left_by_step(values, index)), dtype=np.float64)


def step_over_walk(values: FloatArray, index: IntArray) -> FloatArray:
    """Twice the log likelihood ratio of a step at `index` to a level that wanders, for each row, for normal noise.

    The level is a random walk under noise (the local level model, Harvey 1989, 4.2), of the best of WALKS. Both are
    taken given the first point.
    """
    n = values.shape[1]
    level, variance = np.repeat(values[:, :1], len(WALKS), axis=1), np.ones(len(WALKS))
    squares, logs = np.zeros_like(level), np.zeros(len(WALKS))
    for point in values[:, 1:].T:
        expected = variance + WALKS + 1.0
        innovation = point[:, None] - level
        squares += innovation**2 / expected
        logs += np.log(expected)
        variance = 1.0 - 1.0 / expected
        level += variance * innovation
    walk = ((n - 1) * np.log(np.maximum(squares, 1e-300)) + logs).min(axis=1)
    step = (n - 1) * np.log(_left_by_step(values, index)) + np.log(n)
    return np.asarray(walk - step, dtype=np.float64)


def _left_by_step(values: FloatArray, index: IntArray) -> FloatArray:
    """The squares that a step at `index` does not explain; above nought."""
    n = values.shape[1]
    centred = values - values.mean(axis=1, keepdims=True)
    total = (centred**2).sum(axis=1)
    before = np.take_along_axis(np.cumsum(centred, axis=1), index[:, None] - 1, axis=1)[:, 0]
    step = total - before**2 * n / (index * (n - index))
    return np.asarray(np.maximum(step, np.maximum(1e-12 * total, 1e-300)), dtype=np.float64)


def _lie_beyond(values: FloatArray, minimum_segment: int) -> BoolArray:
    """Whether a step fits better so near an end that a side would be too short: it is told when there are more."""
    least, n = 2, values.shape[1]
    if minimum_segment <= least or n == 2 * minimum_segment:
        return np.zeros(len(values), dtype=bool)
    best = explained_squares(values, least).argmax(axis=1) + least
    return np.asarray((best < minimum_segment) | (best > n - minimum_segment), dtype=bool)
