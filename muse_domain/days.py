"""UTC days: the unit of partitions, loads and episodes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta


def day_start(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def day_end(day: date) -> datetime:
    """The first instant of the next UTC day."""
    return day_start(day) + timedelta(days=1)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def trailing_days(day: date, count: int, earliest: date) -> list[date]:
    """The last `count` days up to and with `day`, none before `earliest`."""
    return list(days_between(max(earliest, day - timedelta(days=count - 1)), day))


def month_last(day: date) -> date:
    """The last day of the day's calendar month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
