"""Failed runs in Dagster's instance: told once, in order, whoever started them."""

import logging
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from muse_resources.adapters import Adapters
from muse_resources.run_launcher import HOST_TAG, PID_TAG
from muse_sensors.cursors import write_cursor
from muse_sensors.failures import MOST_TOLD, failure_sensor
from muse_sensors.lost_runs import REPEATED_WITHIN
from tests.sensors.conftest import ToldPeople, failed_run, ticked
from tests.workspaces import ROOT, ended_process

At = Callable[[datetime], Adapters]
NEXT = date(2026, 9, 9)
DAYS = dg.DailyPartitionsDefinition(start_date="2026-09-01", timezone="UTC")


@dg.asset(partitions_def=DAYS)
def broken() -> None:
    """Fails."""
    raise dg.Failure("the disk is full")


@dg.asset(
    partitions_def=DAYS,
    output_required=False,
    check_specs=[dg.AssetCheckSpec("watcher_gate", asset="refused", blocking=True, partitions_def=DAYS)],
)
def refused() -> object:
    """Is refused by its gate, as `episodes` is."""
    metadata = {"status": "missing_hearts", "reason": "hearts has no rows"}
    yield dg.AssetCheckResult(check_name="watcher_gate", passed=False, metadata=metadata)


def fail(asset: dg.AssetsDefinition, instance: dg.DagsterInstance, day: str = "2026-09-08") -> None:
    done = dg.materialize([asset], instance=instance, partition_key=day, raise_on_error=False)
    assert not done.success


def sensor(adapters_at: At) -> dg.SensorDefinition:
    return failure_sensor(adapters_at(datetime.now(UTC)))


def test_a_failed_run_is_told_once(adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance) -> None:
    """With the words of its step; looking again tells nothing new."""
    fail(broken, instance)
    cursor = ticked(sensor(adapters_at), None, instance).cursor
    for _ in range(3):
        cursor = ticked(sensor(adapters_at), cursor, instance).cursor
    [notice] = people.told
    assert "2026-09-08" in notice.title and "the disk is full" in notice.text


def test_a_telling_that_failed_is_repeated(adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance) -> None:
    """The cursor stays before the first run that people do not know of."""
    fail(broken, instance)
    fail(broken, instance, "2026-09-09")
    people.problem = "Slack answered 500"
    first = ticked(sensor(adapters_at), None, instance)
    assert "not told yet: Slack answered 500" in str(first.skip_reason)
    people.problem = ""
    ticked(sensor(adapters_at), first.cursor, instance)
    assert [notice.title[-17:] for notice in people.told] == ["2026-09-08 failed", "2026-09-09 failed"]


def looked(adapters_at: At, instance: dg.DagsterInstance, start: datetime, cursor: str | None = None) -> str:
    """The cursor after looks of five minutes, the last of them REPEATED_WITHIN after the first."""
    for minutes in range(6):
        later = start + timedelta(minutes=minutes)
        cursor = ticked(failure_sensor(adapters_at(later)), cursor, instance).cursor
    assert later == start + REPEATED_WITHIN
    return str(cursor)


def repeatable(instance: dg.DagsterInstance, day: date, at: datetime) -> str:
    """The id of a run that died then, and that Dagster is to repeat."""
    run_id = failed_run(instance, day, at)
    instance.add_run_tags(run_id, {"dagster/will_retry": "true"})
    return run_id


def test_a_run_that_dagster_did_not_repeat_is_told_after_five_minutes(
    adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance
) -> None:
    """Its code server was away. One that was repeated is told by what becomes of its repetition."""
    now = datetime.now(UTC)
    repeatable(instance, date(2026, 9, 8), now)
    repeated = repeatable(instance, date(2026, 9, 9), now)
    job = dg.job(name="daily_episode_job")(lambda: None)
    instance.create_run_for_job(job, tags={"dagster/parent_run_id": repeated})
    cursor = ticked(sensor(adapters_at), None, instance).cursor
    assert people.told == []
    people.problem = "Slack answered 500"
    cursor = looked(adapters_at, instance, datetime.now(UTC), cursor)
    people.problem = ""
    for _ in range(3):
        later = failure_sensor(adapters_at(datetime.now(UTC) + REPEATED_WITHIN))
        cursor = ticked(later, cursor, instance).cursor
    [notice] = people.told
    assert "2026-09-08 failed" in notice.title and "was to repeat it, and has not" in notice.text


@pytest.mark.parametrize("was_seen_before", [True, False])
def test_a_daemon_that_was_away_has_its_five_minutes(
    adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance, was_seen_before: bool
) -> None:
    """It evaluates this sensor and repeats runs: an hour in which it did neither counts for nothing."""
    death, back = datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1)
    before = str(ticked(failure_sensor(adapters_at(death)), None, instance).cursor)
    repeatable(instance, date(2026, 9, 8), death)
    if was_seen_before:
        before = str(ticked(failure_sensor(adapters_at(death)), before, instance).cursor)
    cursor = str(ticked(failure_sensor(adapters_at(back)), before, instance).cursor)
    assert people.told == []
    looked(adapters_at, instance, back, cursor)
    assert len(people.told) == 1


def test_a_cursor_of_an_earlier_version_is_understood(
    adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance
) -> None:
    """It names the runs that are waited for, and not since when: from now on."""
    now = datetime.now(UTC)
    run_id = repeatable(instance, date(2026, 9, 8), now - timedelta(minutes=4))
    former = {"after": now.isoformat(), "known": [f"run:{run_id}"], "waiting": [run_id]}
    cursor = str(ticked(failure_sensor(adapters_at(now + timedelta(minutes=2))), write_cursor(former), instance).cursor)
    assert people.told == []
    looked(adapters_at, instance, now + timedelta(minutes=2), cursor)
    assert len(people.told) == 1


def test_a_death_is_told_with_the_words_of_who_found_it(
    adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance
) -> None:
    """Here of the code server, which marks the run as failed without a word, but said before what it saw."""
    run = instance.create_run_for_job(dg.job(name="daily_episode_job")(lambda: None))
    instance.report_engine_event("Started process for run (pid: 7).", run)
    instance.report_engine_event("Run execution process was terminated by signal 9 (SIGKILL).", run)
    instance.report_run_failed(run)
    instance.report_engine_event("Process for run exited (pid: 7).", run)
    ticked(sensor(adapters_at), None, instance)
    [notice] = people.told
    assert notice.text == "Run execution process was terminated by signal 9 (SIGKILL). Dagster does not repeat it."


def test_a_death_that_the_run_monitoring_found_is_told_with_its_words(
    adapters_at: At, people: ToldPeople, tmp_path: Path
) -> None:
    """Those of the project's own launcher, by Dagster's own monitoring."""
    tags = {PID_TAG: str(ended_process()), HOST_TAG: socket.gethostname()}
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        job = dg.job(name="daily_episode_job")(lambda: None)
        run = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
        record = instance.get_run_record_by_id(run.run_id)
        assert record is not None
        workspace: Any = None  # only a run that is resumed needs one
        monitor_started_run(instance, workspace, record, logging.getLogger(__name__))
        looked(adapters_at, instance, datetime.now(UTC))
    [notice] = people.told
    assert notice.text == "The process of this run was killed. Dagster was to repeat it, and has not."


def test_a_day_refused_again_and_again_is_told_once(
    adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance
) -> None:
    """Schedule, person and backfill meet the same gate; the other days under watch are refused for the same source."""
    for _ in range(3):
        fail(refused, instance)
    fail(refused, instance, "2026-09-09")
    cursor = ticked(sensor(adapters_at), None, instance).cursor
    fail(refused, instance)
    ticked(sensor(adapters_at), cursor, instance)
    assert [(notice.title[-22:], notice.text) for notice in people.told] == [
        ("2026-09-08 was refused", "hearts has no rows"),
    ]


def test_a_refusal_that_the_watcher_has_told_is_not_told_again(
    adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance
) -> None:
    """Stale data is one thing to tell, not one for each run that it stops."""
    adapters = adapters_at(datetime.now(UTC))
    adapters.warehouse.migrate()
    day = datetime(2026, 9, 8, tzinfo=UTC)
    row = {
        "day": day.date(), "ts": day, "run_id": "8ea741b0-2eb8-5f32-87bc-a32ff4309fd6", "hearts_rows_found": 0,
        "packs_rows_found": 0, "days_loaded": 7, "days_expected": 7, "status": "missing_hearts", "reason": "",
        "alert_sent": True,
    }  # fmt: skip
    adapters.warehouse.replace_days("watcher_runs", [day.date()], [row])
    adapters.warehouse.replace_days("watcher_runs", [NEXT], [{**row, "day": NEXT, "alert_sent": False}])
    fail(refused, instance)
    fail(refused, instance, "2026-09-09")
    ticked(sensor(adapters_at), None, instance)
    [notice] = people.told
    assert "2026-09-09" in notice.title
    # What this sensor told, the watcher need not tell again.
    [noted] = adapters.warehouse.select("select_watcher_run", {"day": NEXT})
    assert noted["alert_sent"]


def test_many_failures_are_told_over_several_ticks(
    adapters_at: At, people: ToldPeople, instance: dg.DagsterInstance
) -> None:
    """A tick is short; nothing is lost between two of them."""
    for _ in range(MOST_TOLD + 2):
        fail(broken, instance)
    cursor = ticked(sensor(adapters_at), None, instance).cursor
    assert len(people.told) == MOST_TOLD
    ticked(sensor(adapters_at), cursor, instance)
    assert len({notice.key for notice in people.told}) == len(people.told) == MOST_TOLD + 2
