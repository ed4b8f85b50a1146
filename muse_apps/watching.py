"""`muse watcher`: what the watcher says of the days under watch."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from muse_apps.console import show_table
from muse_apps.spans import DAY_FORMATS
from muse_domain.watch import FreshnessVerdict
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.freshness import FreshnessReader, live_days, stored_override
from muse_resources.workspace import load_workspace


def watcher(
    context: typer.Context,
    degraded: Annotated[
        bool, typer.Option("--degraded", help="Let data through that is late, but not too late, in this answer.")
    ] = False,
    day: Annotated[datetime | None, typer.Option(formats=DAY_FORMATS, help="Only this day.")] = None,
) -> None:
    """Judge whether the data is fresh enough to be written about. Ends with 1 when a day is refused."""
    adapters = build_adapters(load_workspace(_folder(context)))
    adapters.warehouse.migrate()
    now = adapters.clock.now()
    start = adapters.workspace.settings.muse.start_date
    if day and day.date() < start:
        raise typer.BadParameter(f"{day.date()} is before muse.toml's start_date, {start}")
    days = [day.date()] if day else live_days(adapters.workspace.settings, now)
    reader = FreshnessReader(adapters.warehouse, adapters.repositories, adapters.workspace.settings, now)
    verdicts = [reader.judge(one) for one in days]
    allow_degraded = degraded or adapters.workspace.allows_degraded
    is_let_through = [_is_let_through(adapters, verdict, allow_degraded) for verdict in verdicts]
    _show(verdicts, is_let_through)
    if not all(is_let_through):
        raise typer.Exit(1)


def _folder(context: typer.Context) -> Path:
    return Path(context.obj)


def _is_let_through(adapters: Adapters, verdict: FreshnessVerdict, allow_degraded: bool) -> bool:
    overridden = stored_override(verdict.day, adapters.warehouse) is not None
    return overridden or verdict.lets_through(allow_degraded=allow_degraded)


def _show(verdicts: Sequence[FreshnessVerdict], is_let_through: Sequence[bool]) -> None:
    listed = [
        (verdict.day, f"[{'green' if passes else 'bold red'}]{verdict.status}[/]", "passes" if passes else "refused",
         f"{verdict.days_loaded} of {verdict.days_expected}", escape(verdict.reason))
        for verdict, passes in zip(verdicts, is_let_through, strict=True)
    ]  # fmt: skip
    show_table("Watched days", ("day", "status", "an episode", "days loaded", "because"), listed)
    sources = [
        (
            verdict.day,
            name,
            str(status),
            (mark.commit_sha or "–")[:7],
            mark.rows_found,
            _minutes(verdict.lags.get(name)),
        )
        for verdict in verdicts
        for name, status in verdict.statuses.items()
        for mark in [verdict.marks[name]]
    ]
    if sources:
        show_table("Sources", ("day", "source", "status", "commit", "rows", "lag"), sources)


def _minutes(lag_seconds: float | None) -> str:
    return "–" if lag_seconds is None else f"{lag_seconds / 60:.0f} min"
