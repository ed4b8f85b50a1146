"""From files and commits to tables. Every asset replaces its days as a whole and notes that they are loaded."""

import hashlib
from collections.abc import Mapping
from datetime import date

import dagster as dg

from muse_assets.daily import DailyAsset, count_by_day, days_of, markdown_table, range_result
from muse_domain.days import day_end, day_start
from muse_domain.ports import Row, SourceRepository, Warehouse
from muse_domain.settings import EventMapping, Settings
from muse_domain.stored import commit_row
from muse_resources.event_files import event_loads, inputs_sha256, refused_lines
from muse_resources.report_files import rows_of_days, take_in_reports
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
    store.record_loads("commits", by_day, files=len(repositories), inputs_sha256=_heads_sha256(repositories))
    listed = ((c.committed_at.strftime("%m-%d %H:%M"), c.repository, f"`{c.sha[:7]}`", c.subject) for c in found)
    preview = markdown_table(("committed", "repository", "commit", "subject"), listed)
    return range_result(context, by_day, preview)


def bench_runs(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """The day's benchmark runs, one row a run, and their further values in `bench_metrics`.

    What a report does not state is null with its reason; what cannot be true is quarantined; what cannot be
    read lies in `dead_letters`.
    """
    days = days_of(context)
    intake = take_in_reports(workspace.folder, workspace.settings.reports)
    runs = rows_of_days(intake.runs, days)
    metrics = rows_of_days(intake.metrics, days)
    store = warehouse.tagged(context.run.run_id)
    by_day = count_by_day(days, runs)
    fewer = _days_with_fewer(store, "bench_runs", by_day)
    if fewer:
        context.log.warning("Fewer runs than at the last load, were reports removed? %s", "; ".join(fewer))
    store.replace_days("bench_metrics", days, metrics)
    store.replace_days("bench_runs", days, runs)
    store.replace_source("dead_letters", "bench_runs", intake.dead_letters)
    store.record_loads("bench_runs", by_day, files=intake.files, inputs_sha256=intake.inputs_sha256)
    return range_result(
        context,
        by_day,
        _run_preview(runs) + refusal_preview(intake.dead_letters),
        fewer_than_before="; ".join(fewer) or "no",
        files_read=intake.files,
        further_values=len(metrics),
        flagged=sum(run["quality"] == "flagged" for run in runs),
        quarantined=sum(run["quality"] == "quarantined" for run in runs),
        dead_letters=len(intake.dead_letters),
    )


def ui_events(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """The day's user-interface events, one row for each native event id, read inside the engine."""
    days = days_of(context)
    loads = event_loads(workspace.folder, workspace.settings.events, days, workspace.secrets.hash_key)
    store = warehouse.tagged(context.run.run_id)
    by_day, refused = store.replace_days_from_lines("ui_events", days, loads, deduplicate="load_distinct_events")
    letters = refused_lines(workspace.folder, refused)
    store.replace_source("dead_letters", "ui_events", letters)
    paths = [path for path, _, _ in loads]
    store.record_loads("ui_events", by_day, files=len(paths), inputs_sha256=inputs_sha256(paths))
    return range_result(
        context,
        by_day,
        refusal_preview(letters),
        files_read=len(paths),
        dead_letters=len(letters),
    )


def session_stats(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """Events rolled up by hour and commit: sessions, latency, errors, abandonment."""
    days = days_of(context)
    kinds = _event_kinds([source.mapping for source in workspace.settings.events])
    parameters = {"first": min(days), "last": max(days), **kinds}
    by_day = warehouse.tagged(context.run.run_id).replace_days_from(
        "session_stats", days, "load_session_stats", parameters
    )
    return range_result(context, by_day)


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


def _days_with_fewer(store: Warehouse, source: str, by_day: Mapping[date, int]) -> list[str]:
    """Days whose inputs have shrunk since they were last loaded: history may have been lost outside of Muse."""
    span = {"first": min(by_day), "last": max(by_day), "source": source}
    earlier = {row["day"]: row["rows"] for row in store.select("select_day_counts", span)}
    return [f"{day}: {earlier[day]} before, {rows} now" for day, rows in by_day.items() if rows < earlier.get(day, 0)]


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


def _event_kinds(mappings: list[EventMapping]) -> dict[str, list[str]]:
    """Event types of all sources together that mean an error, a start, a completion."""
    return {
        name: sorted({kind for mapping in mappings for kind in getattr(mapping, name)})
        for name in ("error_types", "start_types", "completion_types")
    }


def _heads_sha256(repositories: Mapping[str, SourceRepository]) -> str:
    """Over the newest commit of each repository, so that a day has the same hash however many are loaded with it."""
    heads = {name: repository.head() for name, repository in sorted(repositories.items())}
    lines = (f"{name} {head.sha if head else ''}" for name, head in heads.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
