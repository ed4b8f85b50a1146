"""Days without a final episode, over the real warehouse and a real instance."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason

from muse_assets.jobs import daily_episode_job
from muse_resources.adapters import Adapters
from muse_sensors.catch_up import INTERVAL_S, catch_up_sensor
from muse_sensors.cursors import read_cursor
from tests.assets.runs import run_assets
from tests.live_workspace import LiveWorkspace
from tests.sensors.conftest import START, ToldPeople, days_asked, failed_run, ticked

At = Callable[[datetime], Adapters]
MORNING = datetime(2026, 9, 4, 9, 0, tzinfo=UTC)
TICK = timedelta(seconds=INTERVAL_S)


def told_days(adapters: Adapters, *days: date) -> None:
    """Load each day, and store its final episode."""
    assert run_assets(adapters, ["commits", "bench_runs"], min(days), max(days)).success
    for day in days:
        row = {"day": day, "ts": datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1), "lang": "en",
               "run_id": "8ea741b0-2eb8-5f32-87bc-a32ff4309fd6", "status": "skipped"}  # fmt: skip
        adapters.warehouse.replace_days("episodes", [day], [row])


def started(adapters_at: At, instance: dg.DagsterInstance, now: datetime = MORNING) -> str:
    """The cursor after the first tick, which leaves the schedule its turn."""
    adapters_at(now).warehouse.migrate()
    first = ticked(catch_up_sensor(adapters_at(now - TICK), daily_episode_job()), None, instance)
    assert "the schedule goes first" in str(first.skip_reason)
    return str(first.cursor)


def tick(adapters_at: At, cursor: str, instance: dg.DagsterInstance, now: datetime = MORNING) -> dg.SensorResult:
    return ticked(catch_up_sensor(adapters_at(now), daily_episode_job()), cursor, instance)


def test_every_missed_day_is_started_once_in_order(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """Muse was down for three days; today is the schedule's of tomorrow."""
    cursor = started(adapters_at, instance)
    result = tick(adapters_at, cursor, instance)
    assert days_asked(result) == ["2026-09-01", "2026-09-02", "2026-09-03"]
    again = tick(adapters_at, str(result.cursor), instance)
    assert days_asked(again) == [] and "left failed" in str(again.skip_reason)


def test_days_with_an_episode_or_a_run_are_left_alone(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """A day that the schedule has started is the schedule's."""
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START)
    instance.create_run_for_job(
        dg.job(name="empty")(lambda: None),
        tags={"dagster/partition": "2026-09-02"},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert days_asked(tick(adapters_at, cursor, instance)) == ["2026-09-03"]


def test_a_refused_day_is_started_when_its_sources_let_it_through(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance, people: ToldPeople
) -> None:
    """Nobody has to remember it."""
    live.commit(datetime(2026, 9, 3, 20, tzinfo=UTC))
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START, date(2026, 9, 2))
    waiting = tick(adapters_at, cursor, instance)
    assert days_asked(waiting) == [] and "2026-09-03 waits: missing_hearts" in str(waiting.skip_reason)
    history = datetime(2026, 9, 6, 1, tzinfo=UTC)
    told_days(adapters_at(MORNING), date(2026, 9, 4))
    cursor = started(adapters_at, instance, history)
    assert days_asked(tick(adapters_at, cursor, instance, history)) == ["2026-09-03"]


def test_a_preview_is_not_an_episode(live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance) -> None:
    """A day that was only looked at while it was under way is still to be built."""
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START, date(2026, 9, 2))
    row = {"day": date(2026, 9, 3), "ts": datetime(2026, 9, 3, 18, tzinfo=UTC), "lang": "en", "status": "draft",
           "run_id": "8ea741b0-2eb8-5f32-87bc-a32ff4309fd6"}  # fmt: skip
    adapters_at(MORNING).warehouse.replace_days("episodes", [date(2026, 9, 3)], [row])
    assert days_asked(tick(adapters_at, cursor, instance)) == ["2026-09-03"]


@pytest.mark.parametrize(
    ("status", "deployed", "asked"),
    [
        ("approved", None, ["2026-09-03"]),
        ("published", None, ["2026-09-03"]),
        ("published", ("c0ffee", "error"), ["2026-09-03"]),
        ("published", ("0ld", "ready"), ["2026-09-03"]),
        ("published", ("c0ffee", "ready"), []),
        ("held", None, []),
    ],
)
def test_a_day_is_final_when_its_episode_is_where_its_status_says(
    live: LiveWorkspace,
    adapters_at: At,
    instance: dg.DagsterInstance,
    status: str,
    deployed: tuple[str, str] | None,
    asked: list[str],
) -> None:
    """One whose publication or deployment failed is tried again like any other."""
    cursor = started(adapters_at, instance)
    day, run_id = date(2026, 9, 3), "8ea741b0-2eb8-5f32-87bc-a32ff4309fd6"
    told_days(adapters_at(MORNING), START, date(2026, 9, 2), day)
    store, common = adapters_at(MORNING).warehouse, {"day": day, "run_id": run_id}
    store.replace_days("episodes", [day], [{**common, "ts": MORNING, "lang": "en", "status": status}])
    if status == "published":
        store.replace_days("publications", [day], [{**common, "series": "chimera", "commit_sha": "c0ffee"}])
    if deployed:
        commit_sha, state = deployed
        row = {**common, "ts": MORNING, "series": "chimera", "commit_sha": commit_sha, "status": state}
        store.replace_days("deployments", [day], [row])
    assert days_asked(tick(adapters_at, cursor, instance)) == asked


def test_a_day_that_is_left_failed_is_told_once(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance, people: ToldPeople
) -> None:
    """And started again only when its verdict is another."""
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START, date(2026, 9, 2))
    for _ in range(4):
        result = tick(adapters_at, cursor, instance)
        cursor = str(result.cursor)
    assert [notice.title for notice in people.told] == ["2026-09-03 is left without an episode"]
    adapters = adapters_at(MORNING)
    keys = set()
    for reason in ("the runner was replaced", "the runner was moved"):
        override = {"day": date(2026, 9, 3), "ts": MORNING, "by": "ada", "reason": reason}
        adapters.warehouse.replace_days("overrides", [date(2026, 9, 3)], [override])
        result = tick(adapters_at, cursor, instance)
        cursor = str(result.cursor)
        assert days_asked(result) == ["2026-09-03"]
        keys |= {request.run_key for request in result.run_requests or []}
    assert len(keys) == 2
    adapters.warehouse.replace_days("overrides", [date(2026, 9, 3)], [])
    assert days_asked(tick(adapters_at, cursor, instance)) == []


def test_after_a_pause_the_schedule_goes_first(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """It repeats the ticks that it missed; two runs of one day would be one too many."""
    cursor = started(adapters_at, instance)
    later = MORNING + 10 * TICK
    paused = tick(adapters_at, cursor, instance, later)
    assert days_asked(paused) == [] and read_cursor(paused.cursor)["at"] == later.isoformat()
    assert days_asked(tick(adapters_at, str(paused.cursor), instance, later + TICK)) != []


def test_a_day_whose_run_died_is_started_again(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """Though it has its episode: what its run was started for is not in it. The run itself is asked for once."""
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START, date(2026, 9, 2), date(2026, 9, 3))
    assert days_asked(tick(adapters_at, cursor, instance)) == []
    run_id = failed_run(instance, date(2026, 9, 3), MORNING - TICK)
    cursor = str(tick(adapters_at, cursor, instance).cursor)
    result = tick(adapters_at, cursor, instance)
    assert [(one.partition_key, one.run_key) for one in result.run_requests or []] == [("2026-09-03", f"died:{run_id}")]


def test_dagster_has_a_look_long_to_repeat_a_run_that_died(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """However long ago it died: its daemon, which evaluates this sensor, may have been away until now."""
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START, date(2026, 9, 2), date(2026, 9, 3))
    failed_run(instance, date(2026, 9, 3), MORNING - 2 * TICK)
    seen = tick(adapters_at, cursor, instance)
    assert days_asked(seen) == [] and "the run of 2026-09-03 died" in str(seen.skip_reason)
    repetition = instance.create_run_for_job(
        dg.job(name="daily_episode_job")(lambda: None), tags={"dagster/partition": "2026-09-03"}
    )
    assert days_asked(tick(adapters_at, str(seen.cursor), instance)) == []
    instance.report_run_failed(repetition)
    seen = tick(adapters_at, str(seen.cursor), instance)
    assert days_asked(seen) == []
    assert days_asked(tick(adapters_at, str(seen.cursor), instance)) == ["2026-09-03"]


def test_a_day_that_will_be_started_again_is_not_told_as_left(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance, people: ToldPeople
) -> None:
    """It was tried with this verdict, but its run died: nobody has to mend anything. One that fails again is told."""
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START, date(2026, 9, 2))
    cursor = str(tick(adapters_at, cursor, instance).cursor)
    failed_run(instance, date(2026, 9, 3), MORNING - 2 * TICK)
    asked = []
    for _ in range(2):
        result = tick(adapters_at, cursor, instance)
        asked += days_asked(result)
        cursor = str(result.cursor)
    assert (asked, people.told) == (["2026-09-03"], [])
    failed_run(instance, date(2026, 9, 3), MORNING, reason=RunFailureReason.STEP_FAILURE)
    tick(adapters_at, cursor, instance)
    assert [notice.title for notice in people.told] == ["2026-09-03 is left without an episode"]


def test_a_day_that_is_started_again_goes_before_the_days_that_rest_on_it(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """Days are queued in their order, and a day waits until those before it are loaded or started."""
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START)
    failed_run(instance, date(2026, 9, 2), MORNING - TICK)
    seen = tick(adapters_at, cursor, instance)
    assert days_asked(seen) == []
    assert days_asked(tick(adapters_at, str(seen.cursor), instance)) == ["2026-09-02", "2026-09-03"]


def test_days_that_muse_toml_does_not_cover_are_not_started_again(
    live: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """Their runs are of former settings; a request for a day without a partition would fail the tick for all days."""
    settings = live.folder / "muse.toml"
    settings.write_text(settings.read_text().replace("[muse]\n", "[muse]\nend_date = 2026-09-03\n"))
    cursor = started(adapters_at, instance)
    told_days(adapters_at(MORNING), START, date(2026, 9, 2), date(2026, 9, 3))
    for day in (date(2026, 8, 31), date(2026, 9, 2), date(2026, 9, 4)):
        failed_run(instance, day, MORNING - TICK)
    cursor = str(tick(adapters_at, cursor, instance).cursor)
    assert days_asked(tick(adapters_at, cursor, instance)) == ["2026-09-02"]
