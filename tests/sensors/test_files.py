"""New and changed reports start the days that they hold."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from muse_assets.jobs import daily_episode_job
from muse_domain.ports import SourceUnreachable
from muse_resources.adapters import Adapters
from muse_sensors.files import file_sensor, fixed_folder
from tests.live_workspace import LiveWorkspace
from tests.sensors.conftest import NOW, days_asked, ticked

At = Callable[[datetime], Adapters]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SHA = "a1" * 20


def sensor_at(adapters_at: At) -> dg.SensorDefinition:
    return file_sensor(adapters_at(NOW), daily_episode_job())


def test_the_first_look_takes_what_is_there_as_known(live: LiveWorkspace, adapters_at: At) -> None:
    """A workspace of a thousand reports does not start a thousand runs."""
    live.report(SHA, NOW - HOUR)
    first = ticked(sensor_at(adapters_at))
    assert days_asked(first) == [] and "1 files are taken as known" in str(first.skip_reason)
    assert days_asked(ticked(sensor_at(adapters_at), first.cursor)) == []


def test_a_new_report_starts_the_days_that_it_holds_once(live: LiveWorkspace, adapters_at: At) -> None:
    """By the time that it states, not by the time that it came."""
    first = ticked(sensor_at(adapters_at))
    live.report(SHA, NOW - 30 * HOUR)
    second = ticked(sensor_at(adapters_at), first.cursor)
    assert days_asked(second) == ["2026-09-07"]
    assert days_asked(ticked(sensor_at(adapters_at), second.cursor)) == []


def test_a_touched_file_is_not_new_and_a_changed_one_is(live: LiveWorkspace, adapters_at: At) -> None:
    """Size and time are looked at first, the content decides."""
    first = ticked(sensor_at(adapters_at))
    file = live.report(SHA, NOW - HOUR)
    second = ticked(sensor_at(adapters_at), first.cursor)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    touched = ticked(sensor_at(adapters_at), second.cursor)
    live.report(SHA, NOW - HOUR, median_ms=0.31)
    changed = ticked(sensor_at(adapters_at), touched.cursor)
    assert [days_asked(one) for one in (second, touched, changed)] == [["2026-09-08"], [], ["2026-09-08"]]
    keys = [one.run_requests[0].run_key for one in (second, changed)]  # type: ignore[index]
    assert keys[0] != keys[1]


def test_a_file_that_is_being_written_waits_for_the_next_look(live: LiveWorkspace, adapters_at: At) -> None:
    """Half a report would be refused, and its other half be a change."""
    first = ticked(sensor_at(adapters_at))
    file = live.report(SHA, NOW - HOUR)
    os.utime(file)
    second = ticked(sensor_at(adapters_at), first.cursor)
    assert days_asked(second) == [] and "1 left for the next tick" in str(second.skip_reason)
    os.utime(file, (file.stat().st_mtime - 60,) * 2)
    assert days_asked(ticked(sensor_at(adapters_at), second.cursor)) == ["2026-09-08"]


def test_a_refused_report_starts_the_day_on_which_it_came(live: LiveWorkspace, adapters_at: At) -> None:
    """So that the refusal is seen."""
    first = ticked(sensor_at(adapters_at))
    file = live.folder / "reports" / "nonsense.json"
    file.write_text("{}")
    os.utime(file, ((NOW - HOUR).timestamp(),) * 2)
    assert days_asked(ticked(sensor_at(adapters_at), first.cursor)) == ["2026-09-08"]


def test_a_report_of_long_ago_is_said_and_not_built(live: LiveWorkspace, adapters_at: At) -> None:
    """Old episodes are not rewritten by themselves."""
    first = ticked(sensor_at(adapters_at))
    live.report(SHA, datetime(2026, 8, 1, tzinfo=NOW.tzinfo))
    second = ticked(sensor_at(adapters_at), first.cursor)
    assert days_asked(second) == [] and "2026-08-01" in str(second.skip_reason)


def test_a_folder_that_is_gone_is_no_empty_folder(live: LiveWorkspace, adapters_at: At, tmp_path: Path) -> None:
    """A disk that is not mounted fails the tick; back again, its files are not new."""
    live.report(SHA, NOW - HOUR)
    first = ticked(sensor_at(adapters_at))
    away = (live.folder / "reports").rename(tmp_path / "away")
    with pytest.raises(SourceUnreachable, match="does not exist"):
        ticked(sensor_at(adapters_at), first.cursor)
    away.rename(live.folder / "reports")
    assert days_asked(ticked(sensor_at(adapters_at), first.cursor)) == []


def test_a_tick_that_dies_before_its_cursor_is_kept_is_repeated(live: LiveWorkspace, adapters_at: At) -> None:
    """The look that the old cursor names is still there, and the same files are the same run."""
    first = ticked(sensor_at(adapters_at))
    live.report(SHA, NOW - HOUR)
    lost, repeated = (ticked(sensor_at(adapters_at), first.cursor) for _ in range(2))
    assert lost.run_requests[0].run_key == repeated.run_requests[0].run_key  # type: ignore[index]


def test_lost_looks_begin_again(live: LiveWorkspace, adapters_at: At) -> None:
    """A cursor that names nothing is a first look."""
    live.report(SHA, NOW - HOUR)
    assert "First look" in str(ticked(sensor_at(adapters_at), "0123456789abcdef").skip_reason)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [("reports/*.json", "/w/reports"), ("a/b/**/c/*.json", "/w/a/b"), ("/data/x?/y.json", "/data"), ("*.json", "/w")],
)
def test_the_fixed_part_of_a_pattern_is_its_folder(pattern: str, folder: str) -> None:
    """What must be there for an empty answer to mean no files."""
    assert fixed_folder(Path("/w"), pattern) == Path(folder)
