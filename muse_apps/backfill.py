"""Building days from the command line: the real graph, in this process, recorded in Dagster's instance.

History is loaded before anything is judged: the tables as one run over the range, then each day's episode.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from muse_apps.dagster_home import fail_abandoned_runs, open_instance, own_tags
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


@dataclass(frozen=True, slots=True)
class StepFailure:
    """A run that failed, and what it said."""

    step: Step
    reason: str


def plan_backfill(adapters: Adapters, first: date, last: date) -> list[Step]:
    """The runs of a backfill, in order."""
    assets = daily_assets(adapters.workspace.settings)
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
    return [*tables, *(Step(f"episode of {day}", judged, day, day, False) for day in days_between(first, last))]


def _names(assets: Iterable[DailyAsset]) -> tuple[str, ...]:
    return tuple(asset.function.__name__ for asset in assets)


def run_backfill(
    adapters: Adapters, steps: Sequence[Step], on_step: Callable[[Step], None] = lambda step: None
) -> list[StepFailure]:
    """Run every step. A failed table stops the backfill, as all that follows rests on it; a failed day does not."""
    adapters.warehouse.migrate()
    graph = build_defs(adapters).resolve_implicit_global_asset_job_def()
    failures: list[StepFailure] = []
    with open_instance(adapters.workspace) as instance:
        fail_abandoned_runs(instance)
        for step in steps:
            on_step(step)
            failure = _run(graph, step, instance)
            if failure:
                failures.append(failure)
                if step.is_range:
                    break
    return failures


def _run(graph: Any, step: Step, instance: dg.DagsterInstance) -> StepFailure | None:
    selection = {dg.AssetKey(name) for name in step.assets}
    subset = graph.get_subset(asset_selection=selection)
    days: dict[str, Any] = {"partition_key": step.first.isoformat()}
    tags = own_tags()
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
