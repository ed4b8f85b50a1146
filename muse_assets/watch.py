"""Whether the data is fresh and whole: the table of verdicts, and the judgement that the gate repeats."""

import time
import uuid
from datetime import date, timedelta

import dagster as dg

from muse_assets.daily import DailyAsset, count_by_day, days_of, markdown_table, range_result
from muse_domain.days import trailing_days
from muse_domain.measurements import RUN_NAMESPACE
from muse_domain.ports import Clock, Row, SourceRepository, SourceUnreachable, Warehouse
from muse_domain.settings import Settings
from muse_domain.watch import FreshnessVerdict, Watermark, is_live, judge
from muse_resources.workspace import Workspace

GROUP = "watch"
TRAILING_WEEK = 7


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
    rows = []
    for day in days:
        started = time.perf_counter()
        verdict = judge_day(day, store, repositories, workspace.settings, clock)
        rows.append(_watcher_row(verdict, store, (time.perf_counter() - started) * 1000.0))
    store.replace_days("watcher_runs", days, rows)
    listed = (
        (row["day"], row["status"], f"{row['days_loaded']}/{row['days_expected']}", row["reason"]) for row in rows
    )
    preview = markdown_table(("day", "status", "days loaded", "reason"), listed)
    return range_result(context, count_by_day(days, rows), preview, status=rows[-1]["status"])


def judge_day(
    day: date,
    warehouse: Warehouse,
    repositories: dict[str, SourceRepository],
    settings: Settings,
    clock: Clock,
) -> FreshnessVerdict:
    """The verdict of one day at this instant."""
    week = trailing_days(day, TRAILING_WEEK, settings.muse.start_date)
    now = clock.now()
    live_days = settings.policy.live_days
    return judge(
        day,
        now,
        _watermarks(warehouse, repositories, settings) if is_live(day, now, live_days) else {},
        days_loaded=days_loaded(warehouse, week, required_sources(settings)),
        days_expected=len(week),
        maximum_lag=timedelta(hours=settings.policy.maximum_lag_hours),
        live_days=live_days,
    )


def required_sources(settings: Settings) -> list[str]:
    """Tables that must be loaded before a day may be written about: those that something is configured for."""
    return [
        "commits",
        *(["bench_runs"] if settings.reports else []),
        *(["ui_events"] if settings.events else []),
    ]


def days_loaded(warehouse: Warehouse, week: list[date], sources: list[str]) -> int:
    """How many of the days are loaded for every one of the sources."""
    parameters = {"first": min(week), "last": max(week), "sources": sources}
    return sum(row["sources"] == len(sources) for row in warehouse.select("select_days_loaded", parameters))


def _watermarks(
    warehouse: Warehouse, repositories: dict[str, SourceRepository], settings: Settings
) -> dict[str, Watermark]:
    """How far each measured repository's rows have come. A repository nothing is configured for is not judged."""
    judged = {source.repository for source in settings.reports} | {source.repository for source in settings.events}
    return {
        name: _watermark(name, repository, warehouse, timedelta(minutes=settings.repositories[name].grace_minutes))
        for name, repository in repositories.items()
        if name in judged
    }


def _watermark(name: str, repository: SourceRepository, warehouse: Warehouse, grace: timedelta) -> Watermark:
    try:
        head = repository.head()
    except SourceUnreachable as error:
        return Watermark(None, None, 0, None, grace, error=str(error))
    if head is None:
        return Watermark(None, None, 0, None, grace)
    query = "select_bench_watermark" if name == "hearts" else "select_event_watermark"
    [found] = warehouse.select(query, {"commit_sha": head.sha, "committed_at": head.committed_at})
    return Watermark(head.sha, head.committed_at, found["rows_found"], found["first_row_at"], grace)


def _watcher_row(verdict: FreshnessVerdict, warehouse: Warehouse, duration_ms: float) -> Row:
    [found] = warehouse.select("select_day_evidence", {"day": verdict.day})
    return {
        "day": verdict.day,
        "ts": verdict.as_of,
        "run_id": uuid.uuid5(RUN_NAMESPACE, f"watcher:{verdict.day}"),
        "hearts_commit": found["hearts_commit"],
        "packs_commit": found["packs_commit"],
        "hearts_rows_found": found["hearts_rows"],
        "packs_rows_found": found["packs_rows"],
        "hearts_lag_seconds": verdict.lags.get("hearts"),
        "packs_lag_seconds": verdict.lags.get("packs"),
        "lag_seconds": verdict.lag_seconds,
        "days_loaded": verdict.days_loaded,
        "days_expected": verdict.days_expected,
        "status": str(verdict.status),
        "reason": verdict.reason,
        "alert_sent": False,
        # A replay of history must give the same row, so only a live verdict is timed.
        "duration_ms": duration_ms if verdict.lags else None,
    }


def watch_assets() -> list[DailyAsset]:
    """The group."""
    deps = ["commits", "bench_runs", "ui_events"]
    return [DailyAsset(watcher_runs, GROUP, deps, frozenset({"clickhouse"}), ["watcher_runs"])]
