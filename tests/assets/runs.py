"""Runs of the real graph in this process, as the UI, a job or a backfill would start them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg

from muse_assets.build import build_defs
from muse_resources.adapters import Adapters

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_assets(
    adapters: Adapters,
    assets: Iterable[str],
    first: date,
    last: date | None = None,
    *,
    checks: Iterable[tuple[str, str]] | None = None,
    tags: Mapping[str, str] | None = None,
    instance: dg.DagsterInstance | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of some assets for a day, or for the range up to `last`. `checks` alone: of no asset, only these."""
    selection = {dg.AssetKey(name) for name in assets}
    chosen = None if checks is None else {dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, name in checks}
    defs = build_defs(adapters)
    # Checks alone do not say whether a partition is a day or a month: those of the daily job do.
    graph = defs.resolve_implicit_global_asset_job_def() if selection else defs.resolve_job_def("daily_episode_job")
    subset = graph.get_subset(asset_selection=selection, asset_check_selection=chosen)
    if last is None:
        return subset.execute_in_process(
            partition_key=first.isoformat(), raise_on_error=False, run_config=_QUIET, tags=tags, instance=instance
        )
    days = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
    return subset.execute_in_process(
        tags={**days, **(tags or {})}, raise_on_error=False, run_config=_QUIET, instance=instance
    )


def run_daily_job(adapters: Adapters, day: date) -> dg.ExecuteInProcessResult:
    """The whole day, as the schedule starts it."""
    job = build_defs(adapters).resolve_job_def("daily_episode_job")
    return job.execute_in_process(partition_key=day.isoformat(), raise_on_error=False, run_config=_QUIET)


def built(result: dg.ExecuteInProcessResult) -> set[str]:
    """The assets that the run materialised."""
    return {
        event.asset_key.to_user_string()
        for event in result.all_events
        if event.is_step_materialization and event.asset_key is not None
    }


def materializations(result: dg.ExecuteInProcessResult, asset: str) -> dict[date, Mapping[str, dg.MetadataValue[Any]]]:
    """What the run noted of each day of an asset, with the metadata of that day."""
    found: dict[date, Mapping[str, dg.MetadataValue[Any]]] = {}
    for event in result.all_events:
        if event.is_step_materialization and event.asset_key == dg.AssetKey(asset) and event.partition:
            found[date.fromisoformat(event.partition)] = event.step_materialization_data.materialization.metadata
    return found


def check_results(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """What each check that was evaluated said, by name."""
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def reason_of(evaluation: dg.AssetCheckEvaluation) -> str:
    """The reason that a gate gave."""
    return str(evaluation.metadata["reason"].value)
