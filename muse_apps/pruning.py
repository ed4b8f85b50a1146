"""`muse prune`: what `[retention]` of muse.toml gives up, and what no policy does: the rows of a published claim."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from muse_apps.console import console, counted
from muse_apps.dagster_home import OPEN_STATUSES
from muse_domain.days import days_between
from muse_domain.facts import fact_from_row
from muse_resources.adapters import Adapters
from muse_resources.site_deployer import published_episodes
from muse_resources.statements import statement

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FINISHED = [status for status in dg.DagsterRunStatus if status not in (*OPEN_STATUSES, dg.DagsterRunStatus.QUEUED)]
_BUILT_NOTHING = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is given up: days of ui_events with their rows, runs, and runs whose compute logs go."""

    event_days: Mapping[date, int]
    claimed_days: frozenset[date]
    runs: tuple[str, ...]
    logs: tuple[str, ...]


def plan_pruning(adapters: Adapters, instance: dg.DagsterInstance) -> Pruning:
    """What the policy gives up now. Changes nothing."""
    policy, now = adapters.workspace.settings.retention, adapters.clock.now()
    days: dict[date, int] = {}
    claimed: set[date] = set()
    if policy.ui_events_days:
        before = now.date() - timedelta(days=policy.ui_events_days)
        found = {row["day"]: row["rows"] for row in adapters.warehouse.select("select_event_days", {"before": before})}
        claimed = claimed_days(adapters, "ui_events") & set(found)
        days = {day: rows for day, rows in found.items() if day not in claimed}

    def older(kept_days: int | None, statuses: list[dg.DagsterRunStatus]) -> list[str]:
        if not kept_days:
            return []
        before = dg.RunsFilter(statuses=statuses, created_before=now - timedelta(days=kept_days))
        return [run.run_id for run in instance.get_runs(before)]

    runs = [run for run in older(policy.runs_days, _BUILT_NOTHING) if not _materialised(instance, run)]
    return Pruning(days, frozenset(claimed), tuple(runs), tuple(older(policy.logs_days, _FINISHED)))


def claimed_days(adapters: Adapters, table: str) -> set[date]:
    """Days of a table that a published claim rests on: those that the parameters of a query over it span."""
    head = adapters.publisher.head_commit()
    episodes = published_episodes(adapters.publisher, head) if head else []
    ledgers = [episode.ledger["facts"] for episode in episodes]
    specs = [fact_from_row({**entry, "fact_id": name}).spec for facts in ledgers for name, entry in facts.items()]
    return {day for spec in specs if table in statement(spec.query) for day in _span(spec.parameters)}


def _span(parameters: Mapping[str, Any]) -> Iterable[date]:
    dates = [date.fromisoformat(found) for value in parameters.values() for found in _DATE.findall(str(value))]
    return days_between(min(dates), max(dates)) if dates else ()


def _materialised(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Deleting such a run would make Dagster forget that the day was built."""
    return bool(instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION))


def carry_out(adapters: Adapters, instance: dg.DagsterInstance, pruning: Pruning) -> None:
    """Give it up. Killed in the middle, the next time does the rest."""
    if pruning.event_days:
        adapters.warehouse.replace_days("ui_events", list(pruning.event_days), [])
    for run_id in pruning.logs:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    for run_id in pruning.runs:
        instance.delete_run(run_id)


def show_pruning(pruning: Pruning, done: str) -> None:
    """For people."""
    rows = counted(sum(pruning.event_days.values()), "row")
    console.print(f"{done} {counted(len(pruning.event_days), 'day')} of ui_events ({rows}),")
    console.print(
        f"{counted(len(pruning.runs), 'run')} that built nothing, the logs of {counted(len(pruning.logs), 'run')}."
    )
    if pruning.claimed_days:
        console.print(f"Kept {counted(len(pruning.claimed_days), 'older day')}: published claims rest on them.")
