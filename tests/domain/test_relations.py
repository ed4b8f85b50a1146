"""Whether two measurements moved together."""

import numpy as np
import pytest

from muse_domain.relations import MINIMUM_PAIRS, relate, spearman


def walk(rng: np.random.Generator, count: int) -> np.ndarray:
    """A series in which neighbours resemble each other, as hours of a machine do."""
    values = np.empty(count)
    values[0] = rng.normal()
    for i in range(1, count):
        values[i] = 0.6 * values[i - 1] + rng.normal()
    return values


def test_series_that_move_together_may_be_told() -> None:
    """A strong relation over a week's hours has an interval that excludes zero."""
    rng = np.random.default_rng(1)
    left = walk(rng, 168)
    found = relate(left, left * 3.0 + rng.normal(0, 0.5, 168), seed=1)
    assert found is not None and found.is_claimable and found.n == 168
    assert found.low < found.coefficient < found.high


def test_opposed_series_may_be_told_with_their_sign() -> None:
    """Moving against each other is a relation too."""
    rng = np.random.default_rng(1)
    left = walk(rng, 168)
    found = relate(left, -left + rng.normal(0, 0.3, 168), seed=1)
    assert found is not None and found.is_claimable and found.coefficient < 0


def test_unrelated_series_are_seldom_told() -> None:
    """Neighbouring hours resemble each other; the block bootstrap keeps that from making relations."""
    rng = np.random.default_rng(2)
    found = [relate(walk(rng, 72), walk(rng, 72), seed=i) for i in range(8)]
    assert sum(one is not None and one.is_claimable for one in found) <= 2


@pytest.mark.parametrize("count", [0, 1, MINIMUM_PAIRS - 1])
def test_too_few_hours_are_no_relation(count: int) -> None:
    """An interval from less than a day says nothing."""
    values = np.arange(count, dtype=float)
    assert relate(values, values, seed=1) is None


def test_a_side_that_does_not_vary_has_no_relation() -> None:
    """The correlation with a constant is not zero: it does not exist."""
    assert relate(np.full(48, 3.0), np.arange(48.0), seed=1) is None
    assert spearman(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])) is None


def test_the_same_seed_gives_the_same_interval() -> None:
    """A relation can be computed again."""
    left = walk(np.random.default_rng(3), 60)
    assert relate(left, left[::-1].copy(), seed=9) == relate(left, left[::-1].copy(), seed=9)


def test_ranks_decide_not_sizes() -> None:
    """Any growing relation is a perfect one."""
    left = np.arange(1.0, 20.0)
    assert spearman(left, np.exp(left)) == pytest.approx(1.0)
    assert spearman(left, -left) == pytest.approx(-1.0)
