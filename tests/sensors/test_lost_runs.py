"""Which days have lost their build, over a real instance."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.events import RunFailureReason

from muse_sensors.lost_runs import lost_days
from tests.sensors.conftest import failed_run

DAY = date(2026, 9, 3)
EARLIER = datetime(2026, 9, 4, 9, tzinfo=UTC)


def lost(instance: dg.DagsterInstance) -> dict[date, str]:
    return lost_days(instance, "daily_episode_job", [date(2026, 9, day) for day in range(1, 5)])


def a_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    """A later run of the day."""
    job = dg.job(name="daily_episode_job")(lambda: None)
    instance.create_run_for_job(job, tags={"dagster/partition": DAY.isoformat()}, status=status)


def test_a_day_is_lost_when_its_newest_run_died(instance: dg.DagsterInstance) -> None:
    """And found again when another one has begun."""
    run_id = failed_run(instance, DAY, EARLIER)
    assert lost(instance) == {DAY: run_id}
    a_run(instance, dg.DagsterRunStatus.STARTED)
    assert lost(instance) == {}


def test_a_run_that_failed_in_a_step_did_not_die(instance: dg.DagsterInstance) -> None:
    """It would fail again."""
    failed_run(instance, DAY, EARLIER, reason=RunFailureReason.STEP_FAILURE)
    assert lost(instance) == {}


def test_a_day_whose_runs_die_again_and_again_is_left_to_people(instance: dg.DagsterInstance) -> None:
    """The fifth death in a row is no accident; one that follows a run that lived is."""
    for number in range(4):
        failed_run(instance, DAY, EARLIER - timedelta(hours=4 - number))
    assert list(lost(instance)) == [DAY]
    failed_run(instance, DAY, EARLIER)
    assert lost(instance) == {}
    a_run(instance, dg.DagsterRunStatus.SUCCESS)
    failed_run(instance, DAY, EARLIER)
    assert list(lost(instance)) == [DAY]


def test_days_and_jobs_of_others_are_left_alone(instance: dg.DagsterInstance) -> None:
    """Only the daily job, and only days that may be built unasked."""
    failed_run(instance, date(2026, 8, 31), EARLIER)
    run = instance.create_run_for_job(dg.job(name="other")(lambda: None), tags={"dagster/partition": DAY.isoformat()})
    instance.report_run_failed(run)
    assert lost(instance) == {}
