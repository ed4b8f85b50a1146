"""From `ui_events` to `session_stats`, for the days whose events have changed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from muse_domain.intake import NO_INPUTS, plan_build
from muse_domain.ports import LoadedDay, Warehouse
from muse_domain.settings import EventSource
from muse_resources.file_ledger import unsettle
from muse_resources.statements import statement

_KINDS = ("error_types", "start_types", "completion_types")


@dataclass(frozen=True, slots=True)
class Rollup:
    """Rows of each day that was asked for or built, the days that were built late, and how many were as they are."""

    rows_by_day: Mapping[date, int]
    late: Sequence[date]
    unchanged: int


def roll_up_events(store: Warehouse, sources: Sequence[EventSource], days: Sequence[date]) -> Rollup:
    """Replace the asked days, and those of the week before, whose events were loaded anew since they were rolled up."""
    kinds = {name: sorted({kind for one in sources for kind in getattr(one.fields, name)}) for name in _KINDS}
    how = hashlib.sha256(f"{statement('load_session_stats')}\0{kinds}".encode()).hexdigest()
    events = {row["day"]: row for row in store.select("select_day_loads", {"source": "ui_events"})}
    done = {row["day"]: row for row in store.select("select_day_loads", {"source": "session_stats"})}
    expected = {day: _hash(row["inputs_sha256"], how) for day, row in events.items()}
    plan = plan_build(days, expected, {day: row["inputs_sha256"] for day, row in done.items()})
    built: dict[date, int] = {}
    if plan.build:
        unsettle(store, "session_stats", plan.build, done)
        span = {"first": min(plan.build), "last": max(plan.build), "days": list(plan.build)}
        built = store.replace_days_from("session_stats", plan.build, "load_session_stats", {**span, **kinds})
        store.record_loads(
            "session_stats", [LoadedDay(day, rows, 0, expected.get(day, NO_INPUTS)) for day, rows in built.items()]
        )
    known = {day: row["rows"] for day, row in done.items()}
    return Rollup({day: built.get(day, known.get(day, 0)) for day in {*days, *built}}, plan.late, len(plan.unchanged))


def _hash(inputs_sha256: str, how: str) -> str:
    return hashlib.sha256(f"{inputs_sha256}\0{how}".encode()).hexdigest()
