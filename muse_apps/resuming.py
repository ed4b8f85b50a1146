"""Which days of a backfill that did not come to its end need not be built again.

A backfill goes on where it was cut off, however it was: its runs in Dagster's instance say which days it has built, and
from what. A day counts as built only if everything that its episode rests on is still the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import uuid4

import dagster as dg

from muse_domain.watch import is_under_way
from muse_resources.adapters import Adapters
from muse_sensors.busy_days import BACKFILL_TAG

_PLAN_TAG, _STATE_TAG = "muse/plan", "muse/state"


@dataclass(frozen=True, slots=True)
class Backfill:
    """One backfill over as many goes as it takes. `built` maps the days of earlier goes to their states."""

    plan: str
    name: str = field(default_factory=lambda: uuid4().hex)
    built: dict[str, str] = field(default_factory=dict)

    def has_built(self, day: date, state: str) -> bool:
        """Whether an earlier go has built the day from exactly this."""
        return self.built.get(day.isoformat()) == state

    def tags(self, state: str = "") -> dict[str, str]:
        """Tags of its runs; `state` is what a day is built from."""
        tags = {BACKFILL_TAG: self.name, _PLAN_TAG: self.plan}
        return tags | {_STATE_TAG: state} if state else tags


def begin_or_go_on(instance: dg.DagsterInstance, plan: str, days: Sequence[date]) -> Backfill:
    """The last backfill of the same plan, if days of it are not built; else a new one."""
    newest = instance.get_runs(dg.RunsFilter(tags={_PLAN_TAG: plan}), limit=1)
    if newest:
        name = newest[0].tags[BACKFILL_TAG]
        done = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], tags={BACKFILL_TAG: name}))
        built = {
            run.tags["dagster/partition"]: run.tags[_STATE_TAG] for run in reversed(done) if _STATE_TAG in run.tags
        }
        if not built.keys() >= {day.isoformat() for day in days}:
            return Backfill(plan, name, built)
    return Backfill(plan)


def day_state(adapters: Adapters, day: date) -> str:
    """A hash over what an episode of the day rests on: the rows up to its end, a person's decision, the settings.

    A preview of a day under way is another than the episode of the day that has ended, of the same rows, too.
    """
    [found] = adapters.warehouse.select("select_day_state", {"day": day})
    settings = adapters.workspace.settings.model_dump_json()
    preview = "\npreview" if is_under_way(day, adapters.clock.now()) else ""
    return hashlib.sha256(f"{found['state']}\n{settings}{preview}".encode()).hexdigest()
