"""Changes of level: found where they are, not found where there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.series import FloatArray
from muse_domain.shifts import (
    LONGEST_SIMULATED,
    average_ranks,
    benjamini_hochberg,
    change_p_values,
    locate_splits,
    peak_p_values,
    place_intervals,
    rank_cusum,
    shift_interval_pct,
)

SIGNIFICANCE = 0.05
SEED = 20260908


def noise(kind: str, rng: np.random.Generator, count: int) -> FloatArray:
    """Noise of about one noise width, in the shapes that benchmarks show."""
    if kind == "normal":
        return rng.normal(0.0, 1.0, count)
    if kind == "heavy-tailed":
        return rng.standard_t(2.5, count)
    if kind == "skewed":
        return rng.exponential(1.0, count)
    return np.round(rng.normal(0.0, 1.0, count))  # repeated values


@pytest.mark.parametrize("kind", ["normal", "heavy-tailed", "skewed", "repeated values"])
def test_no_shift_is_told_more_often_than_the_stated_rate(kind: str) -> None:
    """Without a change, at most five histories in a hundred are told to have one, whatever the noise."""
    rng = np.random.default_rng(SEED)
    p_values = change_p_values(50.0 + np.stack([noise(kind, rng, 40) for _ in range(1000)]), 5)
    for limit in (0.05, 0.01):
        # Three standard deviations above the limit; repeated values make the test stricter, never looser.
        assert (p_values <= limit).mean() <= limit + 3 * np.sqrt(limit * (1 - limit) / 1000)


@pytest.mark.parametrize("count", [20, LONGEST_SIMULATED, LONGEST_SIMULATED + 1, 200])
def test_p_values_without_a_shift_are_spread_evenly(count: int) -> None:
    """A p-value means what it says, whether its tail was simulated or approximated."""
    p_values = change_p_values(np.random.default_rng(SEED).normal(0, 1, (2000, count)), 5)
    for limit in (0.01, 0.05, 0.1, 0.25):
        assert 0.6 * limit - 0.005 <= (p_values <= limit).mean() <= limit + 3 * np.sqrt(limit / 2000)


@pytest.mark.parametrize("count", [20, 60, 300])
def test_higher_peaks_are_less_likely(count: int) -> None:
    """The tail falls all the way, also beyond what was simulated."""
    p_values = peak_p_values(np.linspace(1.5, 12.0, 200), count, 5)
    assert np.all(np.diff(p_values) <= 0.0) and 0.0 < p_values[-1] < 1e-9 and p_values[0] <= 1.0


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_too_short_a_series_is_not_tested(count: int) -> None:
    """Two whole segments are needed; with fewer points the p-value is one, and nothing breaks."""
    assert change_p_values(np.arange(count, dtype=float)[None], 5).tolist() == [1.0]


def test_a_constant_series_never_changes() -> None:
    """Where nothing varies there is nothing to test."""
    assert change_p_values(np.full((1, 60), 3.25), 5).tolist() == [1.0]


def test_rows_are_tested_and_placed_each_for_itself() -> None:
    """What stands in the other rows of a batch changes nothing."""
    values = np.random.default_rng(SEED).normal(0, 1, (5, 50)) + 4.0 * (np.arange(50) >= np.arange(10, 35, 5)[:, None])
    alone = [(change_p_values(row[None], 5)[0], locate_splits(row[None], 5)[0]) for row in values]
    assert list(zip(change_p_values(values, 5), locate_splits(values, 5), strict=True)) == alone


def test_outliers_do_not_pull_the_split() -> None:
    """Values far outside of both levels count as the edge of their level."""
    values = np.random.default_rng(SEED).normal(0, 1, 60) + 5.0 * (np.arange(60) >= 30)
    values[[3, 40]] = 500.0, -500.0
    assert abs(locate_splits(values[None], 5)[0] - 30) <= 1


def test_a_point_on_the_wrong_side_of_the_first_guess_is_put_right() -> None:
    """However large the shift is beside the noise, no point of one level is left in the other."""
    for seed in range(50):
        values = np.random.default_rng(seed).normal(0, 0.01, 39) + 5.0 * (np.arange(39) >= 24)
        assert locate_splits(values[None], 5).tolist() == [24]


def test_a_split_lies_only_where_it_may() -> None:
    """Runs of one instant have no order among themselves: no split goes between them."""
    values = np.repeat([0.0, 5.0], [20, 20])[None] + np.random.default_rng(1).normal(0, 0.1, (1, 40))
    places = np.ones((1, 40), dtype=bool)
    places[0, 19:22] = False
    assert locate_splits(values, 5, places)[0] in (18, 22)
    assert change_p_values(values, 5, np.zeros((1, 40), dtype=bool)).tolist() == [1.0]


def test_the_true_place_lies_in_its_interval() -> None:
    """Nineteen times in twenty, and the interval is short where the shift is large."""
    rng = np.random.default_rng(SEED)
    covered = 0
    for _ in range(300):
        values = rng.normal(0, 1, 60) + rng.uniform(1.5, 3.0) * (np.arange(60) >= 30)
        [earliest], [latest] = place_intervals(values[None], locate_splits(values[None], 5), 5)
        covered += earliest <= 30 <= latest
    assert covered / 300 >= 0.92
    sharp = np.repeat([0.0, 10.0], 30) + rng.normal(0, 1, 60)
    assert place_intervals(sharp[None], np.array([30]), 5) == (np.array([30]), np.array([30]))


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
@settings(max_examples=100)
def test_false_discovery_adjustment_is_benjamini_hochberg(p_values: list[float]) -> None:
    """The fast computation equals the definition; no p-values give no q-values."""
    adjusted = benjamini_hochberg(np.array(p_values, dtype=float))
    assert adjusted == pytest.approx(reference_adjustment(p_values))


def test_false_discovery_adjustment_of_a_known_table() -> None:
    """The textbook example of five tests."""
    adjusted = benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.005, 0.2]))
    assert adjusted == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.2])


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=20))
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
    assert locate_splits(np.array([[1.0] * 6 + [9.0] * 6]), 5).tolist() == [6]
