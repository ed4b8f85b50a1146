"""Which days are built again because their files have changed: once for each change, and not all the time."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from muse_domain.days import trailing_days


@dataclass(frozen=True, slots=True)
class Asked:
    """That a day was started, when, and for which state of its files."""

    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Days to start now, days that wait, and days whose week nobody has loaded."""

    start: tuple[date, ...]
    waiting: tuple[date, ...]
    unloaded: tuple[date, ...]


def plan_rebuild(
    states: Mapping[date, str],
    *,
    asked: Mapping[date, Asked],
    busy: Set[date],
    loaded: Set[date],
    week: int,
    first: date,
    now: datetime,
    again_after: timedelta,
) -> Rebuild:
    """Decide on the days that are not built from their files as these are now; `states` names how they are.

    One that was started for this very state is not started again: a run that failed on it is told, and mended by
    people. A log that somebody always writes to changes with every look: its day is started every `again_after`.
    """
    start: list[date] = []
    waiting: list[date] = []
    unloaded: list[date] = []
    present = loaded | busy
    for day, state in sorted(states.items()):
        before = asked.get(day)
        others = trailing_days(day - timedelta(days=1), week - 1, first)
        if before and before.state == state:
            continue
        if day in busy or (before and now - before.at < again_after):
            waiting.append(day)
        elif not set(others) <= present:
            unloaded.append(day)
        else:
            start.append(day)
            present = present | {day}
    return Rebuild(tuple(start), tuple(waiting), tuple(unloaded))
