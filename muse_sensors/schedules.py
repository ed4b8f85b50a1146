"""The schedules: the episode of the day before, the digest of the month before, and the claims of all."""

from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from muse_domain.days import day_end
from muse_domain.settings import Settings


def daily_episode_schedule(job: Any, settings: Settings) -> dg.ScheduleDefinition:
    """02:00 UTC, for the day before. The day follows from the tick, never from the clock."""
    at = settings.watch.build_at

    @dg.schedule(
        name="daily_episode_schedule",
        job=job,
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Builds the episode of the day before, at {at:%H:%M} UTC.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = (context.scheduled_execution_time - timedelta(days=1)).date()
        first, last = settings.muse.start_date, settings.muse.end_date
        if day < first or (last and day > last):
            return dg.SkipReason(f"{day} is not covered: muse.toml runs from {first} to {last or 'now'}")
        return dg.RunRequest(run_key=f"daily:{day}", partition_key=day.isoformat())

    return tick


def build_time(day: date, settings: Settings) -> datetime:
    """When the schedule builds a day."""
    at = settings.watch.build_at
    return day_end(day) + timedelta(hours=at.hour, minutes=at.minute)


# A day that is built late is told by the digest of one of these mornings.
DIGEST_DAYS = 7


def digest_schedule(job: Any, settings: Settings) -> dg.ScheduleDefinition:
    """The first days of a month, for the month before. A digest that is as it was makes no second commit.

    By default it comes before the claims are run again: a digest that a late day broke is mended, not told as broken.
    """
    at = settings.watch.digest_at

    @dg.schedule(
        name="digest_schedule",
        job=job,
        cron_schedule=f"{at.minute} {at.hour} 1-{DIGEST_DAYS} * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Builds the digest of the month before, at {at:%H:%M} UTC on the first, and again on the "
        f"{DIGEST_DAYS - 1} days after it, for days that were built late.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick_day = context.scheduled_execution_time.date()
        last = tick_day.replace(day=1) - timedelta(days=1)
        month = last.replace(day=1)
        start, end = settings.muse.start_date, settings.muse.end_date
        if last < start or (end and month > end):
            return dg.SkipReason(f"{month:%Y-%m} is not covered: muse.toml runs from {start} to {end or 'now'}")
        return dg.RunRequest(run_key=f"digest:{tick_day}", partition_key=month.isoformat())

    return tick


def claims_schedule(job: Any, settings: Settings) -> dg.ScheduleDefinition:
    """After the day's build and its late files: what is published is proved again, the newest episode included."""
    at = settings.watch.verify_at

    @dg.schedule(
        name="claims_schedule",
        job=job,
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Runs the claims of all published episodes again, at {at:%H:%M} UTC.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"claims:{context.scheduled_execution_time.date()}")

    return tick
