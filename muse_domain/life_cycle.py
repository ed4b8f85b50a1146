"""What becomes of a shift after it was told: confirmed, refuted, or undone by a shift the other way.

Everything is derived from what earlier days told and from today's values; nothing is kept beside them. The rules are
those of decision 11.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import numpy as np

from muse_domain.days import day_end
from muse_domain.facts import relative_change_pct
from muse_domain.series import FloatArray, Series, key_of
from muse_domain.settings import AnalysisSection
from muse_domain.shifts import Split, shift_interval_pct


class State(StrEnum):
    """How a shift stands. `returned`: its level came back, so a regression is fixed and an improvement lost."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class KnownShift:
    """A shift that an earlier day has told, as the latest day before today left it."""

    series_id: str
    changed_at: datetime
    direction: str
    told_on: date
    told_as: str
    state: State
    segment_start: datetime
    before_median: float

    @property
    def is_open(self) -> bool:
        """Whether its new level, as far as is known, still holds."""
        return self.state in (State.SUSPECTED, State.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Levels:
    """The two levels that a shift compares today: [start, index) and [index, end of the series).

    The true place is one of `earliest` to `latest` 95 times in a hundred. From `since` on, the runs were measured after
    the day that told it.
    """

    start: int
    earliest: int
    index: int
    latest: int
    since: int


def known_shifts(rows: Iterable[Mapping[str, Any]]) -> list[KnownShift]:
    """What rows of `findings`, in the order of their days, tell of each shift; those that were refuted are left out.

    A series is named by its key: the `series_id` of a row that was stored before the unit was part of it is another.
    """
    known: dict[tuple[date, str], KnownShift] = {}
    undone: dict[tuple[date, str], KnownShift] = {}
    for row in rows:
        name = (row["told_on"] or row["day"], row["told_as"] or row["finding_id"])
        returned = (row["returned_on"], row["returned_as"])
        if row["state"] == State.REFUTED:
            known.pop(name, None)
            if name in undone:  # what it had undone is what it was before
                again = undone.pop(name)
                known[(again.told_on, again.told_as)] = again
            continue
        if returned in known:
            undone[name] = known[returned]
            known[returned] = replace(known[returned], state=State.RETURNED)
        known[name] = KnownShift(
            key_of(row).series_id, row["changed_at"], row["direction"], *name,
            State(row["state"]), row["segment_start"], row["before_median"],
        )  # fmt: skip
    return list(known.values())


def is_same_shift(split: Split, direction: str, series: Series, shift: KnownShift, minimum_segment: int) -> bool:
    """The estimate of where a change lies moves as points arrive: within its own interval it is the same."""
    if shift.direction != direction or shift.changed_at < series.ts[0]:
        return False
    at = sum(one < shift.changed_at for one in series.ts)
    return split.earliest - minimum_segment <= at <= split.latest + minimum_segment


def state_today(
    series: Series, splits: Sequence[Split], shift: KnownShift, analysis: AnalysisSection
) -> tuple[State, Levels] | None:
    """Whether today's values confirm or refute a suspected shift, and what they compare; None while they do neither."""
    values, least = series.values, analysis.minimum_segment
    standing = next(
        (one for one in splits if is_same_shift(one, step_direction(values, one), series, shift, least)), None
    )
    index = standing.index if standing else sum(one < shift.changed_at for one in series.ts)
    if any(split.index > index for split in splits):
        return None  # another shift followed: its runs say nothing of this one
    start = standing.start if standing else sum(one < shift.segment_start for one in series.ts)
    earliest, latest = (standing.earliest, standing.latest) if standing else (index, index)
    since = max(index, sum(one < day_end(shift.told_on) for one in series.ts))
    levels = Levels(start, earliest, index, latest, since)
    if index - start < least or len(values) - index < 2 * least or len(values) - levels.since < least:
        return None
    keeps = _lies_beyond(values[start:index], values[levels.since :], shift.direction, analysis.minimum_change_pct)
    if standing and keeps:
        return State.CONFIRMED, levels
    return (State.REFUTED, levels) if not standing and not keeps else None


def step_direction(values: FloatArray, split: Split) -> str:
    """Where the values go at a split: up or down."""
    before, after = values[split.start : split.index], values[split.index : split.end]
    return "up" if np.median(after) > np.median(before) else "down"


def _lies_beyond(before: FloatArray, new: FloatArray, direction: str, minimum_change_pct: float) -> bool:
    """Whether the new values lie on the other side of the level before, by more than chance and by enough."""
    if np.median(before) == 0.0:
        return False  # a size in percent of nothing
    sign = 1.0 if direction == "up" else -1.0
    low, high = shift_interval_pct(before, new)
    change = relative_change_pct(float(np.median(before)), float(np.median(new)))
    return min(sign * low, sign * high) > 0.0 and sign * change >= minimum_change_pct


def undone_by(
    direction: str, before_median: float, interval_pct: tuple[float, float], known: Iterable[KnownShift]
) -> KnownShift | None:
    """The newest open shift that a new one undoes: the way back to its old level lies in the new one's interval.

    `interval_pct` is in percent of `before_median`.
    """
    low, high = interval_pct
    for shift in sorted(known, key=lambda one: (one.told_on, one.told_as), reverse=True):
        if shift.is_open and shift.direction != direction:
            way_back = relative_change_pct(before_median, shift.before_median)
            if low <= way_back <= high:
                return shift
    return None
