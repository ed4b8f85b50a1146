"""Days whose build died, and that nobody builds again."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import dagster as dg

# Dagster repeats a run that died, but not while its code server is away. By then it has begun, or never will.
REPEATED_WITHIN = timedelta(minutes=5)
# What dies again and again is no accident; people have been told of it by then.
_MOST_DEATHS = 5
_MOST_RUNS = 500
_FAILURE_REASON_TAG, _STEP_FAILURE = "dagster/failure_reason", "STEP_FAILURE"


def lost_days(instance: dg.DagsterInstance, job_name: str, first: date, last: date, now: datetime) -> dict[date, str]:
    """Days from `first` to `last` whose newest run of the job died at least five minutes ago, with the id of that run.

    A run that failed in a step, or that a gate refused, did not die. A day whose last runs all died is left alone.
    """
    after = datetime(first.year, first.month, first.day, tzinfo=UTC)
    filters = dg.RunsFilter(job_name=job_name, updated_after=after)
    by_day: dict[str, list[dg.RunRecord]] = defaultdict(list)
    for record in instance.get_run_records(filters, limit=_MOST_RUNS):  # newest first
        by_day[record.dagster_run.tags.get("dagster/partition", "")].append(record)
    lost: dict[date, str] = {}
    for text, records in by_day.items():
        day = date.fromisoformat(text) if text else None
        if day and first <= day <= last and _is_lost(records, now):
            lost[day] = records[0].dagster_run.run_id
    return lost


def _is_lost(records: list[dg.RunRecord], now: datetime) -> bool:
    newest = records[0]
    deaths = [_died(record.dagster_run) for record in records[:_MOST_DEATHS]]
    is_accident = len(deaths) < _MOST_DEATHS or not all(deaths)
    return deaths[0] and is_accident and (newest.end_time or 0.0) <= (now - REPEATED_WITHIN).timestamp()


def _died(run: dg.DagsterRun) -> bool:
    return run.status is dg.DagsterRunStatus.FAILURE and run.tags.get(_FAILURE_REASON_TAG) != _STEP_FAILURE
