"""A small part of the finding study: histories whose truth is known, looked at day after day."""

import pytest

from benchmarks.finding_study import across_machines, is_found, look_daily
from benchmarks.histories import NOISES, moved, quiet, shifted

STATIONARY = ("normal", "heavy-tailed (t3)", "skewed (lognormal)", "repeated values", "daily pattern")


@pytest.mark.parametrize("kind", STATIONARY)
def test_a_shift_is_told_by_a_day_within_two_points(kind: str) -> None:
    """Three widths, ten points on both sides: a day tells it, in its direction, where it is."""
    for seed in (1, 2, 3):
        history = shifted(kind, seed)
        looked = look_daily([history])
        assert is_found(history, looked), seed
        assert looked.confirmed, seed


@pytest.mark.parametrize("kind", NOISES)
def test_quiet_days_stay_quiet(kind: str) -> None:
    """Whatever the noise: three series, sixty days, at most three days with a false finding."""
    looked = look_daily([quiet(kind, 7 + i, f"made {i}") for i in range(3)])
    assert looked.days_with_findings <= 3


@pytest.mark.parametrize("kind", ("normal", "autocorrelated 0.6", "linear drift"))
def test_a_change_of_machine_is_never_told(kind: str) -> None:
    """However far the level jumps with the machine, no finding compares the one machine with the other."""
    for seed in range(3):
        assert across_machines(moved(kind, seed)) == 0
