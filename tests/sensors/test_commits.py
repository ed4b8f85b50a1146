"""New commits start the days that they belong to, over real git repositories."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from muse_assets.jobs import daily_episode_job
from muse_domain.ports import SourceUnreachable
from muse_resources.adapters import Adapters
from muse_sensors.commits import commit_sensor
from tests.live_workspace import LiveWorkspace
from tests.sensors.conftest import NOW, days_asked, ticked
from tests.workspaces import git

At = Callable[[datetime], Adapters]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def sensor_at(adapters_at: At, now: datetime = NOW) -> dg.SensorDefinition:
    return commit_sensor(adapters_at(now), daily_episode_job())


def test_the_first_look_remembers_and_starts_nothing(live: LiveWorkspace, adapters_at: At) -> None:
    """History is loaded by a backfill, not by a flood of runs."""
    sha = live.commit(NOW - HOUR)
    first = ticked(sensor_at(adapters_at))
    assert days_asked(first) == [] and "First look" in str(first.skip_reason)
    [event] = first.asset_events
    assert event.asset_key.to_user_string() == "hearts_repository"
    assert event.metadata["head"].value == sha


def test_a_new_commit_starts_its_day_once(live: LiveWorkspace, adapters_at: At) -> None:
    """However often the sensor looks."""
    live.commit(NOW - 3 * DAY)
    first = ticked(sensor_at(adapters_at))
    live.commit(NOW - HOUR)
    second = ticked(sensor_at(adapters_at), first.cursor)
    third = ticked(sensor_at(adapters_at), second.cursor)
    assert (days_asked(second), days_asked(third)) == (["2026-09-08"], [])
    assert third.asset_events == [] and third.cursor == second.cursor


def test_many_commits_between_two_looks_are_one_run_a_day(live: LiveWorkspace, adapters_at: At) -> None:
    """Ten commits of two days start two runs."""
    live.commit(NOW - 3 * DAY)
    first = ticked(sensor_at(adapters_at))
    for hours in range(30, 20, -1):
        live.commit(NOW - hours * HOUR)
    live.commit(NOW - HOUR)
    assert days_asked(ticked(sensor_at(adapters_at), first.cursor)) == ["2026-09-07", "2026-09-08"]


def test_the_same_commits_have_the_same_run_key(live: LiveWorkspace, adapters_at: At) -> None:
    """A tick that is repeated after a crash asks for the run that there is; other commits ask for another."""
    live.commit(NOW - 3 * DAY)
    first = ticked(sensor_at(adapters_at))
    live.commit(NOW - 2 * HOUR)
    keys = [ticked(sensor_at(adapters_at), first.cursor).run_requests[0].run_key for _ in range(2)]  # type: ignore[index]
    live.commit(NOW - HOUR)
    other = ticked(sensor_at(adapters_at), first.cursor).run_requests[0].run_key  # type: ignore[index]
    assert keys[0] == keys[1] != other


def test_rewritten_history_starts_the_days_that_it_changed(live: LiveWorkspace, adapters_at: At) -> None:
    """A force push takes a commit away: its day is built again."""
    live.commit(NOW - 3 * DAY)
    live.commit(NOW - 26 * HOUR)
    first = ticked(sensor_at(adapters_at))
    git(live.engine, "reset", "-q", "--hard", "HEAD~1")
    live.commit(NOW - HOUR)
    assert days_asked(ticked(sensor_at(adapters_at), first.cursor)) == ["2026-09-07", "2026-09-08"]


def test_old_and_future_days_are_not_started(live: LiveWorkspace, adapters_at: At) -> None:
    """A commit dated next year, or before the window of catching up, moves the head and nothing else."""
    live.commit(NOW - 3 * DAY)
    first = ticked(sensor_at(adapters_at))
    live.commit(NOW - 20 * DAY)
    second = ticked(sensor_at(adapters_at), first.cursor)
    live.commit(NOW + 300 * DAY)
    third = ticked(sensor_at(adapters_at), second.cursor)
    assert days_asked(second) == days_asked(third) == []
    assert second.cursor != first.cursor


def test_a_repository_that_cannot_be_read_is_said_and_nothing_is_forgotten(
    live: LiveWorkspace, adapters_at: At, tmp_path: Path
) -> None:
    """The tick fails with the reason; when the repository is back, its new commits are still new."""
    live.commit(NOW - 3 * DAY)
    first = ticked(sensor_at(adapters_at))
    live.commit(NOW - HOUR)
    away = live.engine.rename(tmp_path / "away")
    with pytest.raises(SourceUnreachable, match="hearts cannot be read"):
        ticked(sensor_at(adapters_at), first.cursor)
    away.rename(live.engine)
    assert days_asked(ticked(sensor_at(adapters_at), first.cursor)) == ["2026-09-08"]


def test_an_empty_repository_is_known_and_its_first_commit_is_new(live: LiveWorkspace, adapters_at: At) -> None:
    """No commit yet is an answer."""
    first = ticked(sensor_at(adapters_at))
    live.commit(NOW - HOUR)
    assert days_asked(ticked(sensor_at(adapters_at), first.cursor)) == ["2026-09-08"]


def test_it_runs_by_default(adapters_at: At) -> None:
    """Nobody has to switch it on."""
    sensor = sensor_at(adapters_at)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 60
