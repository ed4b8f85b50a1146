"""From files and commits to tables. Every asset replaces its days as a whole and notes that they are loaded."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from muse_assets.daily import DailyAsset, count_by_day, days_of, markdown_table, range_result
from muse_domain.days import day_end, day_start
from muse_domain.ports import Clock, LoadedDay, OnFile, Row, SourceRepository, Warehouse
from muse_domain.settings import Settings
from muse_domain.stored import commit_row
from muse_resources.event_intake import EventIntake, take_in_events
from muse_resources.event_rollup import roll_up_events
from muse_resources.report_intake import Intake, take_in_reports
from muse_resources.workspace import Workspace

GROUP = "ingest"


def commits(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    repositories: dg.ResourceParam[dict[str, SourceRepository]],
) -> dg.MaterializeResult:
    """The day's commits of both repositories. Authors are hashed with MUSE_HASH_KEY, or dropped without one."""
    days = days_of(context)
    found = [
        commit
        for repository in repositories.values()
        for commit in repository.commits(day_start(min(days)), day_end(max(days)))
    ]
    rows = [commit_row(commit) for commit in found]
    store = warehouse.tagged(context.run.run_id)
    store.replace_days("commits", days, rows)
    by_day = count_by_day(days, rows)
    heads = _heads_sha256(repositories)
    store.record_loads("commits", [LoadedDay(day, rows, len(repositories), heads) for day, rows in by_day.items()])
    listed = ((c.committed_at.strftime("%m-%d %H:%M"), c.repository, f"`{c.sha[:7]}`", c.subject) for c in found)
    preview = markdown_table(("committed", "repository", "commit", "subject"), listed)
    return range_result(context, by_day, preview)


def bench_runs(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
    clock: dg.ResourceParam[Clock],
    on_file: dg.ResourceParam[OnFile],
) -> dg.MaterializeResult:
    """The day's benchmark runs, one row a run, and their further values in `bench_metrics`.

    What a report does not state is null with its reason; what cannot be true is quarantined; what cannot be
    read lies in `dead_letters`.
    """
    days = days_of(context)
    intake = take_in_reports(warehouse.tagged(context.run.run_id), workspace, days, clock.now(), on_file)
    return _intake_result(
        context,
        warehouse,
        intake,
        "bench_runs",
        _run_preview(intake.rows) + _copies_preview(intake.copies),
        further_values=intake.further_values,
        flagged=sum(run["quality"] == "flagged" for run in intake.rows),
        quarantined=sum(run["quality"] == "quarantined" for run in intake.rows),
    )


def ui_events(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
    clock: dg.ResourceParam[Clock],
    on_file: dg.ResourceParam[OnFile],
) -> dg.MaterializeResult:
    """The day's user-interface events, one row for each native event id, read inside the engine."""
    days = days_of(context)
    intake = take_in_events(warehouse.tagged(context.run.run_id), workspace, days, clock.now(), on_file)
    return _intake_result(context, warehouse, intake, "ui_events", _copies_preview(intake.copies))


def session_stats(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """Events rolled up by hour and commit: sessions, latency, errors, abandonment."""
    days = days_of(context)
    store = warehouse.tagged(context.run.run_id)
    rolled = roll_up_events(store, workspace.settings.events, days)
    _tell_late(context, rolled.late, rolled.rows_by_day)
    return range_result(context, {day: rolled.rows_by_day[day] for day in days}, unchanged=rolled.unchanged)


def ingest_assets(settings: Settings) -> list[DailyAsset]:
    """The group, in the order of the data."""
    repositories = [f"{name}_repository" for name in sorted(settings.repositories)]
    tables = frozenset({"clickhouse"})
    return [
        DailyAsset(commits, GROUP, repositories, tables | {"git"}, ["commits"]),
        DailyAsset(bench_runs, GROUP, ["benchmark_reports"], tables, ["bench_runs", "bench_metrics"]),
        DailyAsset(ui_events, GROUP, ["ui_event_files"], tables, ["ui_events"]),
        DailyAsset(session_stats, GROUP, ["ui_events"], tables, ["session_stats"]),
    ]


def _intake_result(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    intake: Intake | EventIntake,
    source: str,
    preview: str,
    **more: Any,
) -> dg.MaterializeResult:
    """Rows of the days that were asked for, days that came late, and what people need to know of the files."""
    plan, days = intake.plan, days_of(context)
    _tell_late(context, plan.late, intake.rows_by_day)
    counted = warehouse.select("select_day_counts", {"first": min(days), "last": max(days), "source": source})
    by_day = dict.fromkeys(days, 0) | {row["day"]: row["rows"] for row in counted if row["day"] in set(days)}
    letters = warehouse.select("select_dead_letters", {"source": source})
    notes = []
    if intake.missing:
        notes.append(
            f"{len(intake.missing)} files are not found any more, and what they gave is kept: "
            f"{', '.join(intake.missing[:5])}. `muse ingest --forget-missing` gives it up."
        )
    if intake.copies:
        first, original = min(intake.copies.items())
        notes.append(f"{len(intake.copies)} files repeat others, which count once: {first} is like {original}.")
    if plan.stale:
        notes.append(
            f"The inputs of {len(plan.stale)} other days have changed: `muse backfill --from {plan.stale[0]} "
            f"--to {plan.stale[-1]}` builds them again."
        )
    for note in notes:
        context.log.warning(note)
    told = "".join(f"> {note}\n\n" for note in notes)
    return range_result(
        context,
        by_day,
        told + preview + refusal_preview(letters),
        files=intake.files,
        files_read=intake.files_read,
        days_unchanged=len(plan.unchanged),
        dead_letters=len(letters),
        **more,
    )


def _tell_late(context: dg.AssetExecutionContext, late: Sequence[date], rows_by_day: Mapping[date, int]) -> None:
    """Days that were not asked for, and built again because something reached them late: in Dagster's history, too."""
    for day in late:
        context.log.info(f"{day} has new inputs and was built again.")
        context.log_event(
            dg.AssetMaterialization(
                context.asset_key,
                partition=day.isoformat(),
                metadata={"dagster/partition_row_count": rows_by_day[day], "built_by": "late inputs"},
            )
        )


def _copies_preview(copies: Mapping[str, str]) -> str:
    if not copies:
        return ""
    return "\n**Copies, taken once**\n\n" + markdown_table(("file", "repeats"), sorted(copies.items()))


def refusal_preview(letters: list[Row]) -> str:
    """Refused inputs as a table."""
    if not letters:
        return ""
    listed = ((row["source_path"], row["item"], row["error"], row["remedy"]) for row in letters)
    return "\n**Refused**\n\n" + markdown_table(("file", "part", "reason", "remedy"), listed)


def _run_preview(runs: list[Row]) -> str:
    listed = (
        (run["ts"].strftime("%H:%M"), run["benchmark"], run["latency_p50_ms"], run["latency_mean_ms"],
         run["tokens_per_sec"], run["quality"], (run["commit_sha"] or "–")[:7])
        for run in runs
    )  # fmt: skip
    header = ("measured", "benchmark", "p50 ms", "mean ms", "tokens/s", "quality", "commit")
    return markdown_table(header, listed, longest=25)


def _heads_sha256(repositories: Mapping[str, SourceRepository]) -> str:
    """Over the newest commit of each repository, so that a day has the same hash however many are loaded with it."""
    heads = {name: repository.head() for name, repository in sorted(repositories.items())}
    lines = (f"{name} {head.sha if head else ''}" for name, head in heads.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
