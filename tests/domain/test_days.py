"""UTC days."""

from datetime import UTC, date, datetime, timedelta

from muse_domain.days import day_end, day_start, days_between, trailing_days

DAY = date(2026, 3, 1)


def test_a_day_ends_where_the_next_begins() -> None:
    """No instant belongs to two days, or to none; clocks do not change in UTC."""
    assert day_start(DAY) == datetime(2026, 3, 1, tzinfo=UTC)
    assert day_end(DAY) == day_start(DAY + timedelta(days=1))
    assert day_end(date(2026, 3, 29)) - day_start(date(2026, 3, 29)) == timedelta(hours=24)


def test_ranges_hold_both_ends() -> None:
    """From the first to the last; an end before the start is empty."""
    assert list(days_between(date(2026, 2, 27), DAY)) == [date(2026, 2, 27), date(2026, 2, 28), DAY]
    assert list(days_between(DAY, DAY - timedelta(days=1))) == []


def test_a_window_does_not_begin_before_the_log_does() -> None:
    """On its second day a log has a window of two days."""
    assert len(trailing_days(DAY, 7, date(2020, 1, 1))) == 7
    assert trailing_days(DAY, 7, date(2026, 2, 28)) == [date(2026, 2, 28), DAY]
