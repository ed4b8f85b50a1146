"""Days whose build died, and that nobody builds again."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import dagster as dg

# Dagster repeats a run that died, but not while its code server is away. By then it has begun, or never will.
REPEATED_WITHIN = timedelta(minutes=5)
# What dies again and again is no accident; people have been told of it by then.
_MOST_DEATHS = 5
_MOST_RUNS = 500
_FAILURE_REASON_TAG, _STEP_FAILURE = "dagster/failure_reason", "STEP_FAILURE"


def lost_days(instance: dg.DagsterInstance, job_name: str, days: Collection[date]) -> dict[date, str]:
    """Those of the days whose newest run of the job died, with the id of that run.

    A run that failed in a step, or that a gate refused, did not die. A day whose last runs all died is left alone.
    """
    if not days:
        return {}
    first = min(days)
    after = datetime(first.year, first.month, first.day, tzinfo=UTC)
    filters = dg.RunsFilter(job_name=job_name, updated_after=after)
    by_day: dict[str, list[dg.DagsterRun]] = defaultdict(list)
    for record in instance.get_run_records(filters, limit=_MOST_RUNS):  # newest first
        by_day[record.dagster_run.tags.get("dagster/partition", "")].append(record.dagster_run)
    wanted = {day.isoformat(): day for day in days}
    return {wanted[text]: runs[0].run_id for text, runs in by_day.items() if text in wanted and _is_lost(runs)}


def _is_lost(runs: list[dg.DagsterRun]) -> bool:
    deaths = [_died(run) for run in runs[:_MOST_DEATHS]]
    return deaths[0] and not (len(deaths) == _MOST_DEATHS and all(deaths))


def _died(run: dg.DagsterRun) -> bool:
    return run.status is dg.DagsterRunStatus.FAILURE and run.tags.get(_FAILURE_REASON_TAG) != _STEP_FAILURE
