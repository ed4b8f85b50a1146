"""Which days that have ended are to be built now: those that were missed, refused or failed, once for each verdict."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta

from muse_domain.days import trailing_days


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day that has ended and has no final episode. `verdict` changes when another try may end otherwise."""

    day: date
    verdict: str
    lets_through: bool


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Days to start, days that wait for their sources, days whose week nobody has loaded, and days left failed."""

    start: tuple[OpenDay, ...]
    refused: tuple[OpenDay, ...]
    unloaded: tuple[OpenDay, ...]
    left_failed: tuple[OpenDay, ...]


def plan_catch_up(
    days: Sequence[OpenDay],
    *,
    loaded: Set[date],
    busy: Set[date],
    lost: Set[date],
    tried: Mapping[str, Collection[str]],
    week: int,
    first: date,
) -> CatchUp:
    """Decide on each open day, oldest first.

    A day needs the other days of its week: loaded, or about to be because they are started before it. One that was
    ever tried with this very verdict and is still open is left to people: trying again would fail again. Not so a
    `lost` day, whose run died: it is started again for that.
    """
    start: list[OpenDay] = []
    refused: list[OpenDay] = []
    unloaded: list[OpenDay] = []
    left: list[OpenDay] = []
    present = set(loaded) | set(busy)
    for one in sorted(days, key=lambda each: each.day):
        others = trailing_days(one.day - timedelta(days=1), week - 1, first)
        if one.day in busy or one.day in lost:
            continue
        if not one.lets_through:
            refused.append(one)
        elif one.verdict in tried.get(one.day.isoformat(), ()):
            left.append(one)
        elif not present.issuperset(others):
            unloaded.append(one)
        else:
            start.append(one)
            present.add(one.day)
    return CatchUp(tuple(start), tuple(refused), tuple(unloaded), tuple(left))
