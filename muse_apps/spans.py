"""The days that a command is asked for, within those that muse.toml covers."""

from datetime import date, datetime, timedelta

import typer

from muse_resources.adapters import Adapters

# How a command is given a day.
DAY_FORMATS = ["%Y-%m-%d"]


def asked_days(adapters: Adapters, days: int | None, from_: datetime | None, to: datetime | None) -> tuple[date, date]:
    """First and last day; up to yesterday unless said otherwise. Raises typer.BadParameter when none is left."""
    if days and from_:
        raise typer.BadParameter("use --days, or --from with --to, not both")
    muse = adapters.workspace.settings.muse
    yesterday = adapters.clock.now().date() - timedelta(days=1)
    last = to.date() if to else min(yesterday, muse.end_date or yesterday)
    first = from_.date() if from_ else last - timedelta(days=days - 1) if days else muse.start_date
    first, last = max(first, muse.start_date), min(last, adapters.clock.now().date())
    if muse.end_date:
        last = min(last, muse.end_date)
    if last < first:
        raise typer.BadParameter(f"no day is left: muse.toml covers {muse.start_date} to {muse.end_date or 'now'}")
    return first, last


def named_days(from_: datetime | None, to: datetime | None, last: date) -> tuple[date, date]:
    """The days that were named, also those that muse.toml does not cover; all there are where none was. `last` ends a
    span that names no end."""
    if from_ is None and to is None:
        return date.min, date.max
    return (from_.date() if from_ else date.min), (to.date() if to else last)
