"""Whether the data is fresh and whole: the table of verdicts. The gate inside `episodes` judges again by itself."""

import time

import dagster as dg

from muse_assets.daily import DailyAsset, count_by_day, days_of, markdown_table, range_result
from muse_domain.ports import Clock, SourceRepository, Warehouse
from muse_resources.freshness import FreshnessReader, watcher_row
from muse_resources.workspace import Workspace

GROUP = "watch"


def watcher_runs(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    repositories: dg.ResourceParam[dict[str, SourceRepository]],
    workspace: dg.ResourceParam[Workspace],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """One freshness verdict a day: the latest commits against the rows found for them.

    This table is for the eye. The gate inside `episodes` judges again at its own instant.
    """
    days = days_of(context)
    store = warehouse.tagged(context.run.run_id)
    reader = FreshnessReader(store, repositories, workspace.settings, clock.now())
    rows = []
    for day in days:
        started = time.perf_counter()
        verdict = reader.judge(day)
        rows.append(watcher_row(verdict, store, duration_ms=(time.perf_counter() - started) * 1000.0))
    store.replace_days("watcher_runs", days, rows)
    listed = (
        (row["day"], row["status"], f"{row['days_loaded']}/{row['days_expected']}", row["reason"]) for row in rows
    )
    preview = markdown_table(("day", "status", "days loaded", "reason"), listed)
    return range_result(context, count_by_day(days, rows), preview, status=rows[-1]["status"])


def watch_assets() -> list[DailyAsset]:
    """The group."""
    deps = ["commits", "bench_runs", "ui_events"]
    return [DailyAsset(watcher_runs, GROUP, deps, frozenset({"clickhouse"}), ["watcher_runs"])]
