"""The levels of a series: what stands as a change, and what is noise of another kind."""

from itertools import pairwise

import numpy as np
import pytest

from muse_domain.segmentation import (
    STEP_OVER_DRIFT,
    Doubt,
    Rules,
    Segmentation,
    neighbour_correlations,
    segment_all,
    step_over_line,
    step_over_walk,
)
from muse_domain.series import FloatArray
from muse_domain.shifts import locate_splits

RULES = Rules(minimum_segment=5, significance=0.05, minimum_widths=1.0)
SEED = 20260908


def segmented(values: FloatArray) -> Segmentation:
    [one] = segment_all([values], RULES)
    return one


def places_of(values: FloatArray) -> list[int]:
    return [split.index for split in segmented(values).splits]


def correlated(rng: np.random.Generator, phi: float, count: int) -> FloatArray:
    values = rng.normal(0.0, 1.0, count)
    for i in range(1, count):
        values[i] += phi * values[i - 1]
    return values


@pytest.mark.parametrize("seed", range(60))
def test_a_planted_shift_is_found_within_two_points(seed: int) -> None:
    """Three noise widths or more, with ten points or more on each side, are always told, and told there."""
    rng = np.random.default_rng(SEED + seed)
    before, after = (int(n) for n in rng.integers(10, 41, size=2))
    size = rng.uniform(3.0, 6.0) * rng.choice([-1.0, 1.0])
    values = 100.0 + rng.normal(0.0, 1.0, before + after) + np.where(np.arange(before + after) < before, 0.0, size)
    assert any(abs(index - before) <= 2 for index in places_of(values)), places_of(values)


@pytest.mark.parametrize("seed", range(10))
def test_two_shifts_are_both_found(seed: int) -> None:
    """A history may change its level more than once; segments end at the neighbouring changes."""
    rng = np.random.default_rng(seed)
    levels = np.repeat([10.0, 14.0, 7.0], [15, 18, 20])
    found = segmented(levels + rng.normal(0, 0.5, len(levels))).splits
    for at in (15, 33):
        assert any(abs(split.index - at) <= 2 for split in found)
    assert all(one.end == other.index and other.start == one.index for one, other in pairwise(found))


def test_a_staircase_is_steps_and_no_line() -> None:
    """A line would fit the whole, but each step is judged between its neighbours."""
    values = np.repeat([10.0, 14.0, 18.0, 22.0], 20) + np.random.default_rng(SEED).normal(0, 0.5, 80)
    assert places_of(values) == [20, 40, 60]


def test_a_shift_up_and_back_down_is_two_shifts() -> None:
    """A plateau is told by both its edges."""
    values = np.repeat([10.0, 14.0, 10.0], [20, 20, 20]) + np.random.default_rng(SEED).normal(0, 0.4, 60)
    assert places_of(values) == [20, 40]


def test_a_line_is_no_step() -> None:
    """A slow drift has no place at which it happened; it is told as drifting, not as a change of the code."""
    rng = np.random.default_rng(SEED)
    drifting = [segmented(rng.normal(0, 1, 80) + np.linspace(0, 6, 80)) for _ in range(40)]
    assert sum(bool(one.splits) for one in drifting) <= 2
    assert sum(one.doubt is Doubt.DRIFTING for one in drifting) >= 36


@pytest.mark.parametrize("phi", [0.3, 0.6])
def test_neighbours_that_resemble_each_other_are_no_shift(phi: float) -> None:
    """At most one history in twenty, where ranks alone see a change in up to seven of ten."""
    rng = np.random.default_rng(SEED)
    found = segment_all([correlated(rng, phi, 80) for _ in range(200)], RULES)
    assert sum(bool(one.splits) for one in found) <= 17  # ten, and two standard deviations


def test_a_correlated_shift_is_still_found() -> None:
    """Taking out the correlation costs certainty, not the shift."""
    rng = np.random.default_rng(SEED)
    steps = 4.0 * (np.arange(80) >= 40)
    found = segment_all([correlated(rng, 0.3, 80) + steps for _ in range(50)], RULES)
    assert sum(any(abs(split.index - 40) <= 2 for split in one.splits) for one in found) >= 48


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6])
def test_the_correlation_is_estimated_without_bias(phi: float) -> None:
    """Around one level of many runs the estimate is that of the noise, give or take the allowance."""
    rng = np.random.default_rng(SEED)
    residuals = np.concatenate([correlated(rng, phi, 400) for _ in range(100)])
    estimates = neighbour_correlations(residuals, np.arange(0, 40_000, 400), np.ones(100, dtype=np.intp))
    assert abs(np.median(estimates) - phi) <= 0.05


def test_a_shift_that_began_after_the_last_place_waits() -> None:
    """With three runs on the new level the place could only be given wrongly: it is told when there are five."""
    values = np.random.default_rng(SEED).normal(0, 1, 40) + 8.0 * (np.arange(40) >= 37)
    assert segmented(values).splits == ()
    assert places_of(np.append(values, [8.3, 7.6])) == [37]


def test_a_shift_within_the_noise_is_small() -> None:
    """However sure, a change of half a noise width is not told."""
    values = np.random.default_rng(SEED).normal(0, 1, 1200) + 0.5 * (np.arange(1200) >= 600)
    assert segmented(values).splits == () and segmented(values).doubt is Doubt.SMALL


def test_one_outlier_is_not_a_shift() -> None:
    """A single bad run moves neither the verdict nor the place."""
    values = np.random.default_rng(SEED).normal(10, 0.1, 40)
    values[25] = 1000.0
    assert places_of(values) == []


def test_a_step_between_two_constants_is_found() -> None:
    """Counts of allocations have no noise at all."""
    assert places_of(np.repeat([5.0, 6.0], [20, 12])) == [20]
    assert places_of(np.concatenate([np.zeros(20), np.full(20, 5.0)])) == [20]


def test_scaling_the_values_changes_nothing() -> None:
    """Milliseconds and seconds give the same answer."""
    values = np.random.default_rng(SEED).normal(10, 1, 50) + np.where(np.arange(50) < 25, 0, 4)
    assert places_of(values) == places_of(values * 1024.0)


def test_a_step_and_a_line_are_told_apart_by_their_fit() -> None:
    """Positive for a step, negative for a line."""
    noise = np.random.default_rng(SEED).normal(0, 1, 60)
    rows = np.stack([noise + 4.0 * (np.arange(60) >= 30), noise + np.linspace(0, 8, 60)])
    step, line = step_over_line(rows, np.array([30, 30]))
    assert step > 0 > line


def test_a_step_and_a_wandering_level_are_told_apart_by_their_fit() -> None:
    """At the place where a step fits best, most walks fit about as well, and no step of three widths does."""
    rng = np.random.default_rng(SEED)
    noise, walks = rng.normal(0, 1, (400, 60)), np.cumsum(rng.normal(0, 0.15, (400, 60)), axis=1)
    steps, walking = noise + 3.0 * (np.arange(60) >= 40), noise + walks
    price = STEP_OVER_DRIFT * np.log(60)
    assert np.mean(_over_walk(steps) > price) > 0.99
    assert np.mean(_over_walk(walking) > price) < 0.10


def test_correlated_noise_is_no_walk_that_hides_a_step() -> None:
    """Where neighbouring runs resemble each other, a shift of five widths is told from a wandering level."""
    rng = np.random.default_rng(SEED)
    values = rng.normal(0, 0.8, (400, 60))
    for i in range(1, 60):
        values[:, i] += 0.6 * values[:, i - 1]
    over = _over_walk(values + 5.0 * (np.arange(60) >= 40))
    assert np.mean(over > STEP_OVER_DRIFT * np.log(60)) > 0.95


def _over_walk(values: FloatArray) -> FloatArray:
    index = locate_splits(values, 5, np.ones(values.shape, dtype=bool))
    return step_over_walk(values, index)


def test_histories_are_segmented_each_for_itself() -> None:
    """What else is looked at on the day changes nothing."""
    rng = np.random.default_rng(SEED)
    histories = [rng.normal(0, 1, n) + 4.0 * (np.arange(n) >= n // 2) for n in (20, 40, 40, 70)]
    assert segment_all(histories, RULES) == [segmented(values) for values in histories]
