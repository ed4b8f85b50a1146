"""Changes of level: found where they are, not found where there is none."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.series import FloatArray
from muse_domain.shifts import (
    Split,
    average_ranks,
    benjamini_hochberg,
    change_p_value,
    find_splits,
    locate_split,
    rank_cusum,
    shift_interval_pct,
)

SIGNIFICANCE = 0.05
SEED = 20260908


def splits_of(values: FloatArray, *, seed: int = 1, permutations: int = 999) -> list[Split]:
    found, _ = find_splits(values, minimum_segment=5, significance=SIGNIFICANCE, permutations=permutations, seed=seed)
    return found


def noise(kind: str, rng: np.random.Generator, count: int) -> FloatArray:
    """Noise of about one noise width, in the shapes that benchmarks show."""
    if kind == "normal":
        return rng.normal(0.0, 1.0, count)
    if kind == "heavy-tailed":
        return rng.standard_t(2.5, count)
    if kind == "skewed":
        return rng.exponential(1.0, count)
    return np.round(rng.normal(0.0, 1.0, count))  # repeated values


@pytest.mark.parametrize("seed", range(60))
def test_a_planted_shift_is_found_within_two_points(seed: int) -> None:
    """Three noise widths or more, with ten points or more on each side, are always told, and told there."""
    rng = np.random.default_rng(SEED + seed)
    before, after = (int(n) for n in rng.integers(10, 41, size=2))
    size = rng.uniform(3.0, 6.0) * rng.choice([-1.0, 1.0])
    values = 100.0 + rng.normal(0.0, 1.0, before + after) + np.where(np.arange(before + after) < before, 0.0, size)
    found = splits_of(values, seed=seed)
    assert any(abs(split.index - before) <= 2 for split in found), [split.index for split in found]


@pytest.mark.parametrize("kind", ["normal", "heavy-tailed", "skewed", "repeated values"])
def test_no_shift_is_told_more_often_than_the_stated_rate(kind: str) -> None:
    """Without a change, at most five histories in a hundred are told to have one, whatever the noise."""
    rng = np.random.default_rng(SEED)
    histories = 300
    false = sum(change_p_value(50.0 + noise(kind, rng, 40), 5, rng, 199) <= SIGNIFICANCE for _ in range(histories))
    # 5 % of 300 is 15; 27 is three standard deviations above it.
    assert false <= 27


def test_p_values_without_a_shift_are_spread_evenly() -> None:
    """A p-value of 0.5 means what it says, also where the test stops early."""
    rng = np.random.default_rng(SEED)
    p_values = np.array([change_p_value(rng.normal(0, 1, 30), 5, rng, 199) for _ in range(300)])
    for limit in (0.1, 0.25, 0.5, 0.75):
        assert (p_values <= limit).mean() <= limit + 0.09


@pytest.mark.parametrize("seed", range(10))
def test_two_shifts_are_both_found(seed: int) -> None:
    """A history may change its level more than once; segments end at the neighbouring changes."""
    rng = np.random.default_rng(seed)
    levels = np.repeat([10.0, 14.0, 7.0], [15, 18, 20])
    found = splits_of(levels + rng.normal(0, 0.5, len(levels)), seed=seed)
    for at in (15, 33):
        assert any(abs(split.index - at) <= 2 for split in found)
    assert found == sorted(found, key=lambda split: split.index)
    assert all(one.end == other.index and other.start == one.index for one, other in pairwise(found))


def test_a_shift_up_and_back_down_is_two_shifts() -> None:
    """A plateau is told by both its edges."""
    rng = np.random.default_rng(SEED)
    values = np.repeat([10.0, 14.0, 10.0], [20, 20, 20]) + rng.normal(0, 0.4, 60)
    assert [round(split.index / 20) for split in splits_of(values)] == [1, 2]


def test_a_constant_series_never_changes() -> None:
    """Where nothing varies there is nothing to test."""
    assert splits_of(np.full(60, 3.25)) == []
    assert find_splits(np.full(60, 0.0), minimum_segment=5, significance=0.05, permutations=99, seed=1)[1] == 1.0


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_too_short_a_series_is_not_tested(count: int) -> None:
    """Two whole segments are needed; with fewer points the p-value is one, and nothing breaks."""
    values = np.arange(count, dtype=float)
    assert splits_of(values) == []
    assert change_p_value(values, 5, np.random.default_rng(1), 99) == 1.0


def test_zeros_among_the_values_do_no_harm() -> None:
    """Ranks do not divide by the values."""
    values = np.concatenate([np.zeros(20), np.full(20, 5.0) + np.random.default_rng(1).normal(0, 0.1, 20)])
    assert [split.index for split in splits_of(values)] == [20]


def test_one_outlier_is_not_a_shift() -> None:
    """A single bad run moves neither the verdict nor the place."""
    values = np.random.default_rng(SEED).normal(10, 0.1, 40)
    values[25] = 1000.0
    assert splits_of(values) == []


def test_the_same_values_and_seed_give_the_same_answer() -> None:
    """Permutations are drawn from the given seed only."""
    values = np.random.default_rng(SEED).normal(10, 1, 50) + np.where(np.arange(50) < 25, 0, 1.2)
    assert splits_of(values, seed=5) == splits_of(values, seed=5)


def test_scaling_the_values_changes_nothing() -> None:
    """Milliseconds and seconds give the same answer."""
    values = np.random.default_rng(SEED).normal(10, 1, 50) + np.where(np.arange(50) < 25, 0, 4)
    assert splits_of(values) == splits_of(values * 1000.0)


def test_the_interval_covers_the_true_shift_as_often_as_stated() -> None:
    """A 95 % interval covers at least about 95 times in a hundred, also with few points."""
    rng = np.random.default_rng(SEED)
    for before, after in ((5, 5), (12, 20)):
        covered = 0
        for _ in range(400):
            low, high = shift_interval_pct(rng.normal(100, 3, before), rng.normal(110, 3, after))
            covered += low <= 10.0 <= high
        # Dividing by the measured median, itself uncertain, costs a little.
        assert covered / 400 >= 0.92


def test_the_interval_of_a_negative_median_keeps_its_direction() -> None:
    """More is positive, also where the values are below zero."""
    low, high = shift_interval_pct(np.full(5, -10.0), np.full(5, -5.0))
    assert (low, high) == (50.0, 50.0)


def reference_adjustment(p_values: list[float]) -> list[float]:
    """Benjamini and Hochberg 1995, written down as defined: min over k >= rank of p(k) n / k."""
    n = len(p_values)
    ordered = sorted(p_values)
    return [min(1.0, *(ordered[k - 1] * n / k for k in range(ordered.index(p) + 1, n + 1))) for p in p_values]


@given(st.lists(st.floats(0.0001, 1.0), max_size=30))
@settings(max_examples=100, deadline=None)
def test_false_discovery_adjustment_is_benjamini_hochberg(p_values: list[float]) -> None:
    """The fast computation equals the definition; no p-values give no q-values."""
    adjusted = benjamini_hochberg(np.array(p_values, dtype=float))
    assert adjusted == pytest.approx(reference_adjustment(p_values))


def test_false_discovery_adjustment_of_a_known_table() -> None:
    """The textbook example of five tests."""
    adjusted = benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.005, 0.2]))
    assert adjusted == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.2])


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=20))
@settings(deadline=None)
def test_equal_values_share_their_mean_rank(values: list[int]) -> None:
    """Ranks of ties are averaged, and all ranks together are 1 + 2 + ... + n."""
    ranks = average_ranks(np.array(values, dtype=float))
    n = len(values)
    assert ranks.sum() == pytest.approx(n * (n + 1) / 2)
    for value, rank in zip(values, ranks, strict=True):
        below, same = sum(v < value for v in values), values.count(value)
        assert rank == pytest.approx(below + (same + 1) / 2)


def test_the_statistic_has_one_value_for_each_admissible_split() -> None:
    """Segments shorter than the minimum are never proposed."""
    ranks = average_ranks(np.arange(12.0))
    assert rank_cusum(ranks, 5).shape == (3,)
    assert locate_split(np.array([1.0] * 6 + [9.0] * 6), 5) == 6
