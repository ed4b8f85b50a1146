"""Which days a run is building, or waits to build."""

from datetime import date

import dagster as dg

from muse_domain.days import days_between

# On the runs of a `muse backfill`, which builds the tables of its days first and their episodes then.
BACKFILL_TAG = "muse/backfill"

_BUSY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def busy_days(instance: dg.DagsterInstance, first: date, last: date) -> set[date]:
    """Those of the days from `first` to `last` that are being built, by a run of a day or of a range."""
    busy: set[date] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=_BUSY)):
        span = _span(run)
        if span:
            busy.update(days_between(max(span[0], first), min(span[1], last)))
    return busy


def _span(run: dg.DagsterRun) -> tuple[date, date] | None:
    day = run.tags.get("dagster/partition")
    begin = run.tags.get("dagster/asset_partition_range_start", day)
    end = run.tags.get("dagster/asset_partition_range_end", day)
    return (date.fromisoformat(begin), date.fromisoformat(end)) if begin and end else None
