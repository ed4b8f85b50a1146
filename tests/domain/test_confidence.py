"""Confidence is the weakest of four shares, and nothing is never everything."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.confidence import Confidence, completeness, data_quality, evidence, recency

NOW = datetime(2026, 9, 9, tzinfo=UTC)


def test_no_data_gives_zero_never_one() -> None:
    """An empty warehouse is not a perfect one."""
    assert completeness(0, 0) == 0.0
    assert recency(None, NOW) == 0.0
    assert data_quality(0, 0, 0) == 0.0
    assert evidence([]) == 0.0
    assert Confidence(0.0, 1.0, 1.0, 1.0).score == 0.0


@given(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4))
def test_the_score_is_the_weakest_share(shares: list[float]) -> None:
    """Three strong components do not carry a weak one."""
    assert Confidence(*shares).score == round(min(shares), 4)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(hours=-3), 1.0),
        (timedelta(), 1.0),
        (timedelta(hours=24), 1.0),
        (timedelta(days=4), 0.75),
        (timedelta(days=7), 0.5),
        (timedelta(days=13), 0.0),
        (timedelta(days=400), 0.0),
    ],
)
def test_recency_falls_in_a_line_after_a_day(age: timedelta, expected: float) -> None:
    """Fresh up to 24 hours, a half at seven days, and then on to nothing."""
    assert recency(NOW - age, NOW) == pytest.approx(expected)


def test_completeness_is_the_share_of_loaded_days() -> None:
    """Six of seven days are six sevenths."""
    assert completeness(6, 7) == pytest.approx(6 / 7)
    assert completeness(7, 7) == 1.0


def test_flagged_runs_count_half_and_quarantined_ones_not_at_all() -> None:
    """Doubtful data is worth less than sound data, refused data nothing."""
    assert data_quality(10, 0, 0) == 1.0
    assert data_quality(0, 10, 0) == 0.5
    assert data_quality(0, 0, 10) == 0.0
    assert data_quality(6, 2, 2) == pytest.approx(0.7)


def test_evidence_is_the_weakest_claims() -> None:
    """One doubtful claim makes the whole text doubtful."""
    assert evidence([1.0, 0.95, 0.62]) == 0.62
