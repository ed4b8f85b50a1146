"""What moved: every series of the day against its own past."""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from muse_assets.daily import count_by_day, days_of, markdown_table, range_result
from muse_domain.findings import DayFindings, find_day
from muse_domain.life_cycle import known_shifts
from muse_domain.ports import LoadedDay, Row, Warehouse
from muse_domain.series import group_series
from muse_domain.settings import Settings
from muse_domain.stored import check_row, commit_from_row, finding_row
from muse_resources.workspace import Workspace


def findings(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """What moved, when, by how much, how sure that is, and the cause: code, method, noise or unknown.

    Every series that was measured on the day is looked at, and noted in `series_checks`.
    """
    days = days_of(context)
    store = warehouse.tagged(context.run.run_id)
    looked = _look(days, store, workspace.settings)
    checks = [check_row(one.day, check) for one in looked for check in one.checks]
    rows = [finding_row(one.day, finding) for one in looked for finding in one.findings]
    store.replace_days("series_checks", days, checks)
    store.replace_days("findings", days, rows)
    # A day without findings is told from a day that was never looked at by this note.
    store.record_loads("findings", [LoadedDay(day, count) for day, count in count_by_day(days, rows).items()])
    return range_result(context, count_by_day(days, rows), _finding_preview(rows), series_checked=len(checks))


def _look(days: Sequence[date], store: Warehouse, settings: Settings) -> list[DayFindings]:
    """Each day in order, each knowing what the days before it have told."""
    window = timedelta(days=settings.analysis.window_days)
    span = {"first": min(days) - window, "last": max(days)}
    better = settings.analysis.better
    points = store.select("select_series_points", span)
    points = [{**row, "better": better.get(row["metric"], row["better"])} for row in points]
    series = group_series(row for row in points if row["better"] != "none")
    # All of them: a side branch that was merged in the window may be older than it.
    ever = {"first": settings.muse.start_date, "last": max(days)}
    history = store.select("select_commits", {"repository": "hearts", **ever})
    commits = [commit_from_row(row) for row in history]
    # All of them: a level may come back long after it was left.
    told = store.select("select_known_shifts", {"before": min(days)})
    looked: list[DayFindings] = []
    for day in sorted(days):
        found = find_day(day, series, commits, known_shifts(told), settings.analysis)
        told += [finding_row(day, finding) for finding in found.findings]
        looked.append(found)
    return looked


def _finding_preview(rows: Sequence[Row]) -> str:
    if not rows:
        return "Nothing moved.\n"
    listed = (
        (row["day"], row["benchmark"], row["metric"], row["before_median"], row["after_median"],
         f"{row['change_pct']:+.1f} %", row["p_value"], row["cause"], _first_suspect(row))
        for row in rows
    )  # fmt: skip
    return markdown_table(
        ("day", "benchmark", "metric", "before", "after", "change", "p", "cause", "first suspect"), listed
    )


def _first_suspect(row: Row) -> str:
    """The commit to look at first, of how many, and what it touches."""
    if not row["suspect_commits"]:
        return ""
    sha, touches, path = row["suspect_commits"][0], row["suspect_touches"][0], row["suspect_paths"][0]
    return f"`{sha[:7]}` of {len(row['suspect_commits'])}: {touches} {path}".rstrip()
