"""New and changed files start the days that they hold: once for each change, and never because they cannot be read."""

import json
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

import muse_resources.input_look
import muse_sensors.files
from muse_assets.jobs import daily_episode_job
from muse_domain.ports import SourceUnreachable
from muse_resources.adapters import Adapters
from muse_resources.file_ledger import one_at_a_time
from muse_sensors.busy_days import BACKFILL_TAG
from muse_sensors.files import file_sensor, fixed_folder
from tests.assets.runs import run_assets
from tests.live_workspace import LiveWorkspace
from tests.sensors.conftest import NOW, START, ToldPeople, days_asked, ticked
from tests.workspaces import selected

At = Callable[[datetime], Adapters]
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
TODAY, YESTERDAY = NOW.date(), (NOW - DAY).date()
SHA = "a1" * 20
EVENTS = """
[repositories.packs]
path = "engine"

[[events]]
files = "events/*.jsonl"

[events.mapping]
ts = "ts"
event_type = "event_type"
"""


def load(adapters: Adapters, last: date = YESTERDAY, tables: tuple[str, ...] = ("commits", "bench_runs")) -> None:
    """The tables, as a backfill loads them."""
    adapters.warehouse.migrate()
    assert run_assets(adapters, tables, START, last).success


@pytest.fixture
def loaded(live: LiveWorkspace, adapters_at: At) -> LiveWorkspace:
    """A week that is loaded up to yesterday, without a report."""
    load(adapters_at(NOW))
    return live


@pytest.fixture
def tick(adapters_at: At, instance: dg.DagsterInstance) -> Callable[..., dg.SensorResult]:
    """One tick of the sensor, at any instant."""

    def at(cursor: str | None = None, now: datetime = NOW) -> dg.SensorResult:
        return ticked(file_sensor(adapters_at(now), daily_episode_job()), cursor, instance)

    return at


Tick = Callable[..., dg.SensorResult]


def test_a_workspace_that_nobody_has_loaded_starts_nothing(live: LiveWorkspace, adapters_at: At, tick: Tick) -> None:
    """A thousand reports do not start a thousand runs that would all be refused: the week is for a backfill."""
    adapters_at(NOW).warehouse.migrate()
    live.report(SHA, NOW - HOUR)
    first = tick()
    assert days_asked(first) == [] and "The week before 2026-09-08 is not loaded" in str(first.skip_reason)
    assert "1 files, 0 of them new or changed" in str(tick(first.cursor).skip_reason)


def test_a_new_report_starts_the_days_that_it_holds_once(loaded: LiveWorkspace, tick: Tick) -> None:
    """By the time that it states, not by the time that it came; a day that was loaded is built again."""
    loaded.report(SHA, NOW - 30 * HOUR)
    loaded.report(SHA, NOW - HOUR)
    second = tick()
    assert days_asked(second) == ["2026-09-07", "2026-09-08"]
    assert days_asked(tick(second.cursor)) == []


def test_a_look_notes_what_a_file_holds_and_replaces_no_day(loaded: LiveWorkspace, tick: Tick) -> None:
    """Rows are the business of a run; the sensor's part of the lineage is the source."""
    loaded.report(SHA, NOW - HOUR)
    [seen] = tick().asset_events
    assert isinstance(seen, dg.AssetMaterialization) and seen.asset_key.to_user_string() == "benchmark_reports"
    assert selected(loaded.folder, "SELECT days FROM input_files") == [{"days": {"2026-09-08": 1}}]
    assert selected(loaded.folder, "SELECT * FROM bench_runs") == []


def test_a_day_that_is_built_from_its_files_is_not_asked_for(
    loaded: LiveWorkspace, adapters_at: At, tick: Tick
) -> None:
    """Whatever has read the files, and even if the cursor is lost: what is known lies in the warehouse."""
    loaded.report(SHA, NOW - HOUR)
    assert days_asked(tick()) == ["2026-09-08"]
    load(adapters_at(NOW), TODAY)
    assert days_asked(tick()) == []


def test_a_touched_file_is_not_new_and_a_changed_one_is(loaded: LiveWorkspace, adapters_at: At, tick: Tick) -> None:
    """Size and time are looked at first, the content decides."""
    file = loaded.report(SHA, NOW - HOUR)
    first = tick()
    load(adapters_at(NOW), TODAY)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    touched = tick(first.cursor)
    assert days_asked(touched) == [] and "1 of them new or changed" in str(touched.skip_reason)
    loaded.report(SHA, NOW - HOUR, median_ms=0.31)
    assert days_asked(tick(touched.cursor, NOW + 10 * MINUTE)) == ["2026-09-08"]


def test_files_that_change_all_the_time_do_not_start_runs_all_the_time(loaded: LiveWorkspace, tick: Tick) -> None:
    """A log that somebody writes to starts its day every ten minutes, with what it is by then."""
    cursor, started = None, []
    for minute in range(30):
        loaded.report(SHA, NOW - HOUR, median_ms=0.2 + minute / 100)
        result = tick(cursor, NOW + minute * MINUTE)
        cursor = result.cursor
        started += [minute for _ in days_asked(result)]
    assert started == [0, 10, 20]


def test_a_report_that_is_being_written_waits_for_the_next_look(loaded: LiveWorkspace, tick: Tick) -> None:
    """Half a report would be refused, and its other half be a change."""
    file = loaded.report(SHA, NOW - HOUR)
    os.utime(file, (NOW.timestamp(),) * 2)
    second = tick()
    assert days_asked(second) == [] and "1 are left for the next tick" in str(second.skip_reason)
    assert days_asked(tick(second.cursor, NOW + MINUTE)) == ["2026-09-08"]


def test_a_refused_report_starts_nothing_and_is_told_once(
    loaded: LiveWorkspace, tick: Tick, people: ToldPeople
) -> None:
    """Nothing of it can be built; what could not be told is told by the next tick."""
    (loaded.folder / "reports" / "nonsense.json").write_text("{}")
    people.problem = "Slack answered 500"
    first = tick()
    assert days_asked(first) == [] and "Not told yet: Slack answered 500" in str(first.skip_reason)
    people.problem = ""
    second = tick(first.cursor)
    third = tick(second.cursor)
    assert [notice.title for notice in people.told] == ["An input file was refused"]
    assert "reports/nonsense.json" in people.told[0].text and days_asked(third) == []
    os.utime(loaded.folder / "reports" / "nonsense.json")
    tick(third.cursor)
    assert len(people.told) == 1


def test_a_refused_report_is_told_whatever_becomes_of_the_tick(
    loaded: LiveWorkspace,
    adapters_at: At,
    instance: dg.DagsterInstance,
    tick: Tick,
    people: ToldPeople,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step after the look that fails, or events that a build is reading, leave nobody in the dark."""

    def fail(*_: object) -> None:
        raise SourceUnreachable("the database is gone")

    (loaded.folder / "reports" / "one.json").write_text("{}")
    people.problem = "Slack answered 500"
    with monkeypatch.context() as patched:
        patched.setattr(muse_sensors.files, "_states", fail)
        with pytest.raises(SourceUnreachable):
            tick()
    people.problem = ""
    cursor = tick().cursor
    assert [notice.title for notice in people.told] == ["An input file was refused"]

    settings = loaded.folder / "muse.toml"
    settings.write_text(settings.read_text() + EVENTS)
    (loaded.folder / "events").mkdir()
    (loaded.folder / "reports" / "two.json").write_text("{}")
    adapters = adapters_at(NOW)
    sensor = file_sensor(adapters, daily_episode_job())
    with (
        one_at_a_time(adapters.workspace.locks, "ui_events"),
        dg.build_sensor_context(instance=instance, cursor=cursor) as context,
    ):
        assert isinstance(sensor(context), dg.SkipReason)
        cursor = context.cursor
    tick(cursor)
    assert ["two.json" in notice.text for notice in people.told] == [False, True]


def test_all_files_that_could_not_be_told_are_counted_later(
    loaded: LiveWorkspace, tick: Tick, people: ToldPeople
) -> None:
    """Thirty that were refused are thirty when Slack is back."""
    for number in range(30):
        (loaded.folder / "reports" / f"{number}.json").write_text("{}")
    people.problem = "Slack answered 500"
    cursor = tick(tick().cursor).cursor
    people.problem = ""
    tick(cursor)
    assert [notice.title for notice in people.told] == ["30 input files were refused"]


def test_a_report_that_cannot_be_used_yet_is_left_to_the_builds(
    loaded: LiveWorkspace, adapters_at: At, tick: Tick
) -> None:
    """One that git does not know yet is read again by every build, and by no tick."""
    settings = loaded.folder / "muse.toml"
    settings.write_text(
        settings.read_text().replace('repository = "hearts"\n', 'repository = "hearts"\ndated_by = "git"\n')
    )
    file = loaded.report(SHA, NOW - HOUR)
    file.write_text(
        json.dumps({key: value for key, value in json.loads(file.read_text()).items() if key != "datetime"})
    )
    os.utime(file, (1_700_000_000, 1_700_000_000))
    first = tick()
    assert selected(loaded.folder, "SELECT again FROM input_files") == [{"again": True}]
    assert "0 of them new or changed" in str(tick(first.cursor).skip_reason)


def test_a_report_of_long_ago_is_said_and_not_built(loaded: LiveWorkspace, adapters_at: At, tick: Tick) -> None:
    """Old episodes are not rewritten by themselves."""
    loaded.report(SHA, NOW - 7 * DAY)
    second = tick(None, NOW + 3 * DAY)
    assert days_asked(second) == [] and "too old: 2026-09-01. `muse backfill`" in str(second.skip_reason)


def test_a_folder_that_is_gone_is_no_empty_folder(
    loaded: LiveWorkspace, adapters_at: At, tick: Tick, tmp_path: Path
) -> None:
    """A disk that is not mounted fails the tick; back again, its files are not new."""
    loaded.report(SHA, NOW - HOUR)
    load(adapters_at(NOW), TODAY)
    away = (loaded.folder / "reports").rename(tmp_path / "away")
    with pytest.raises(SourceUnreachable, match="does not exist"):
        tick()
    away.rename(loaded.folder / "reports")
    back = tick()
    assert days_asked(back) == [] and "0 of them new or changed" in str(back.skip_reason)


def test_a_tick_that_dies_before_its_cursor_is_kept_is_repeated(loaded: LiveWorkspace, tick: Tick) -> None:
    """The file is known by then, its day is not built: the same run is asked for under the same key."""
    loaded.report(SHA, NOW - HOUR)
    lost, repeated = (tick() for _ in range(2))
    assert lost.run_requests[0].run_key == repeated.run_requests[0].run_key  # type: ignore[index]


def test_a_file_that_is_too_large_for_a_tick_starts_the_day_on_which_it_came(
    loaded: LiveWorkspace, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not opened here: its run reads it, and then its days are known."""
    monkeypatch.setattr(muse_resources.input_look, "MOST_BYTES", 10)
    file = loaded.report(SHA, NOW - 30 * HOUR)
    os.utime(file, ((NOW - HOUR).timestamp(),) * 2)
    first = tick()
    assert days_asked(first) == ["2026-09-08"] and days_asked(tick(first.cursor)) == []
    assert selected(loaded.folder, "SELECT * FROM input_files") == []


@pytest.mark.parametrize(
    ("tags", "asked"), [({}, ["2026-09-07"]), ({BACKFILL_TAG: "b"}, [])], ids=["a run", "a backfill"]
)
def test_a_day_that_late_files_reached_through_another_build_gets_its_episode(
    loaded: LiveWorkspace,
    adapters_at: At,
    instance: dg.DagsterInstance,
    tick: Tick,
    tags: dict[str, str],
    asked: list[str],
) -> None:
    """Its rows are younger than its episode, though they are built from all its files. A backfill that has built the
    rows comes to the episodes by itself."""
    adapters, yesterday = adapters_at(NOW), YESTERDAY
    assert run_assets(adapters, ["bench_runs", "episodes"], yesterday, instance=instance).success
    first = tick()
    assert days_asked(first) == []
    loaded.report(SHA, NOW - 30 * HOUR)
    assert run_assets(adapters, ["bench_runs"], TODAY, instance=instance, tags=tags).success
    assert days_asked(tick(first.cursor)) == asked
    assert run_assets(adapters, ["bench_runs", "episodes"], yesterday, instance=instance).success
    assert days_asked(tick(None)) == []


def test_files_that_a_build_is_reading_are_left_to_it(
    loaded: LiveWorkspace, adapters_at: At, instance: dg.DagsterInstance
) -> None:
    """A tick does not wait for the end of a backfill."""
    adapters = adapters_at(NOW)
    sensor = file_sensor(adapters, daily_episode_job())
    with (
        one_at_a_time(adapters.workspace.locks, "bench_runs"),
        dg.build_sensor_context(instance=instance) as context,
    ):
        skipped = sensor(context)
    assert isinstance(skipped, dg.SkipReason) and "A build is reading" in str(skipped.skip_message)


def test_events_start_the_days_that_they_hold(live: LiveWorkspace, adapters_at: At, tick: Tick) -> None:
    """By their own times, read inside the engine; a line that is no event starts nothing and is told of nobody."""
    settings = live.folder / "muse.toml"
    settings.write_text(settings.read_text() + EVENTS)
    (live.folder / "events").mkdir()
    load(adapters_at(NOW), tables=("commits", "bench_runs", "ui_events"))
    times = [NOW - 26 * HOUR, NOW - HOUR]
    lines = [json.dumps({"ts": at.isoformat(), "event_type": "open"}) for at in times]
    (live.folder / "events" / "log.jsonl").write_text("\n".join([*lines, "nonsense", ""]))
    first = tick()
    assert days_asked(first) == ["2026-09-07", "2026-09-08"]
    assert [event.asset_key.to_user_string() for event in first.asset_events] == ["ui_event_files"]
    assert days_asked(tick(first.cursor)) == []
    assert selected(live.folder, "SELECT * FROM ui_events") == []


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [("reports/*.json", "/w/reports"), ("a/b/**/c/*.json", "/w/a/b"), ("/data/x?/y.json", "/data"), ("*.json", "/w")],
)
def test_the_fixed_part_of_a_pattern_is_its_folder(pattern: str, folder: str) -> None:
    """What must be there for an empty answer to mean no files."""
    assert fixed_folder(Path("/w"), pattern) == Path(folder)
