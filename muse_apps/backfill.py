"""Building days from the command line: the real graph, in this process, recorded in Dagster's instance.

History is loaded before anything is judged: the tables as one run over the range, then each day's episode. A backfill
that did not come to its end goes on where it was.
"""

import hashlib
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from muse_apps.dagster_home import fail_abandoned_runs, open_instance, own_tags
from muse_apps.resuming import Backfill, begin_or_go_on, day_state
from muse_assets.build import build_defs, daily_assets
from muse_assets.daily import DailyAsset
from muse_domain.days import days_between
from muse_resources.adapters import Adapters

# Dagster's own log lines would drown the progress; the events are in its instance all the same.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Step:
    """One run: these assets for these days (one day, or a whole range)."""

    title: str
    assets: tuple[str, ...]
    first: date
    last: date
    is_range: bool

    @property
    def builds_episode(self) -> bool:
        """Whether it comes to the episode of its day."""
        return "episodes" in self.assets


@dataclass(frozen=True, slots=True)
class StepFailure:
    """A run that failed, and what it said."""

    step: Step
    reason: str


@dataclass(slots=True)
class BackfillOutcome:
    """The runs that failed, and the days that an earlier go of the same backfill had built."""

    failures: list[StepFailure] = field(default_factory=list)
    built_before: list[date] = field(default_factory=list)


def plan_backfill(adapters: Adapters, first: date, last: date, only: Container[str] | None = None) -> list[Step]:
    """The runs of a backfill, in order; of only these assets, if they are given."""
    assets = [one for one in daily_assets(adapters.workspace.settings) if only is None or one.function.__name__ in only]
    groups = dict.fromkeys(asset.group for asset in assets if asset.one_run)
    tables = [
        Step(
            f"{group} tables",
            _names(asset for asset in assets if asset.one_run and asset.group == group),
            first,
            last,
            True,
        )
        for group in groups
    ]
    judged = _names(asset for asset in assets if not asset.one_run)
    title = "episode of " if "episodes" in judged else ""
    days = days_between(first, last) if judged else ()
    return [*tables, *(Step(f"{title}{day}", judged, day, day, False) for day in days)]


def _names(assets: Iterable[DailyAsset]) -> tuple[str, ...]:
    return tuple(asset.function.__name__ for asset in assets)


def run_backfill(
    adapters: Adapters,
    steps: Sequence[Step],
    on_step: Callable[[Step], None] = lambda step: None,
    *,
    afresh: bool = False,
) -> BackfillOutcome:
    """Run every step that an earlier go has not brought to its end.

    A failed table stops the backfill, as all that follows rests on it; a failed day does not. Tables are always looked
    at: where nothing has changed, that is quick. `afresh` builds every day, whatever an earlier go has built.
    """
    adapters.warehouse.migrate()
    graph = build_defs(adapters).resolve_implicit_global_asset_job_def()
    outcome = BackfillOutcome()
    with open_instance(adapters.workspace) as instance:
        fail_abandoned_runs(instance)
        backfill = _backfill(instance, steps, afresh=afresh)
        for step in steps:
            on_step(step)
            state = day_state(adapters, step.first) if step.builds_episode else ""
            if backfill and state and backfill.has_built(step.first, state):
                outcome.built_before.append(step.first)
                continue
            failure = _run(graph, step, instance, backfill.tags(state) if backfill else {})
            if failure:
                outcome.failures.append(failure)
                if step.is_range:
                    break
    return outcome


def _backfill(instance: dg.DagsterInstance, steps: Sequence[Step], *, afresh: bool) -> Backfill | None:
    """What the runs belong to; runs that come to no episode are no backfill that could go on."""
    days = [step.first for step in steps if step.builds_episode]
    if not days:
        return None
    plan = hashlib.sha256(repr(steps).encode()).hexdigest()[:16]
    return Backfill(plan) if afresh else begin_or_go_on(instance, plan, days)


def _run(graph: Any, step: Step, instance: dg.DagsterInstance, more_tags: Mapping[str, str]) -> StepFailure | None:
    selection = {dg.AssetKey(name) for name in step.assets}
    subset = graph.get_subset(asset_selection=selection)
    days: dict[str, Any] = {"partition_key": step.first.isoformat()}
    tags = own_tags() | dict(more_tags)
    if step.is_range:
        days = {}
        tags |= {
            "dagster/asset_partition_range_start": step.first.isoformat(),
            "dagster/asset_partition_range_end": step.last.isoformat(),
        }
    result = subset.execute_in_process(instance=instance, tags=tags, raise_on_error=False, run_config=_QUIET, **days)
    return None if result.success else StepFailure(step, _reason(result))


def _reason(result: dg.ExecuteInProcessResult) -> str:
    refused = [
        f"{check.check_name}: {check.metadata['reason'].value}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and "reason" in check.metadata
    ]
    if refused:
        return "; ".join(refused)
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None) if event.is_step_failure else None
        if error:
            cause = error.cause or error
            # The class of an error that people can mend says nothing to them; its words do.
            words = re.sub(r"^muse_\w+(?:\.\w+)+: ", "", cause.message.strip())
            return f"{event.step_key}: {words}"
    return "the run failed: see it in the Dagster UI"
