"""Dagster itself around the real present: a commit becomes an episode, stale data stops the next, people know it once.

Nothing here is told the time: the commits lie where the story needs them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from muse_domain.days import day_start
from tests.assets.runs import run_assets
from tests.dagster_server import DagsterServer, dagster_server, wait_for
from tests.live_workspace import LiveWorkspace, live_workspace
from tests.slack_server import SlackServer, slack_server
from tests.workspaces import adapters_of, post_files, selected, stop_warehouse

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
TABLES = ("commits", "bench_runs", "watcher_runs", "findings", "fact_sheets")
SENSORS = ("commit_sensor", "file_sensor", "watcher_sensor", "failure_sensor", "catch_up_sensor")
WATCH = '[watch]\nbuild_at = "23:59"\nevery_minutes = 60\npoll_seconds = 5\ncatch_up_days = 2\n'
# A machine that does much else besides: each wait ends as soon as what it waits for is there.
SLOW_S = 300
LOADED_DAYS = 36


@pytest.fixture
def now() -> datetime:
    """The present: Dagster's daemon has no other."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def told_day(now: datetime) -> datetime:
    """The beginning of the day before yesterday, the first that is told."""
    return day_start(now.date()) - 2 * DAY


@pytest.fixture
def live(tmp_path: Path, now: datetime, told_day: datetime) -> Iterator[LiveWorkspace]:
    """Five loaded weeks, the last of them measured four times a day."""
    start = (now - LOADED_DAYS * DAY).date()
    workspace = live_workspace(tmp_path / "live", start, more=WATCH)
    sha = workspace.commit(told_day - 12 * DAY)
    for hours in range(2, 11 * 24, 6):
        workspace.report(sha, told_day - 11 * DAY + hours * HOUR, _noisy_ms(0.24, hours))
    adapters = adapters_of(workspace.folder)
    adapters.warehouse.migrate()
    assert run_assets(adapters, TABLES, start, now.date()).success
    yield workspace
    stop_warehouse(workspace.folder)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """Where people are told."""
    with slack_server() as server:
        yield server


def _noisy_ms(around_ms: float, seed: int) -> float:
    return around_ms * (1 + Random(seed).uniform(-0.01, 0.01))


@contextmanager
def running(live: LiveWorkspace, slack: SlackServer, log: Path) -> Iterator[DagsterServer]:
    """`muse dev`."""
    with dagster_server(live.folder, log, SLACK_WEBHOOK_URL=slack.url) as server:
        yield server


def watch(live: LiveWorkspace, **changes: object) -> None:
    """Change keys of `[watch]`, which count from the next start."""
    settings = live.folder / "muse.toml"
    text = settings.read_text()
    for key, value in changes.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count == 1
    settings.write_text(text)


def episode(live: LiveWorkspace, day: str) -> dict[str, Any]:
    """The stored episode of a day; empty while there is none."""
    rows = selected(live.folder, f"SELECT status, reason, ts FROM episodes WHERE day = '{day}'")
    return rows[0] if rows else {}


def at_rest(dagster: DagsterServer, *days: str) -> bool:
    """Whether no run of these days is under way, or waits."""
    return all(status in ("SUCCESS", "FAILURE") for day in days for status in dagster.runs_of(day).values())


def test_from_a_commit_to_its_episode_and_from_stale_data_to_the_recovery(
    live: LiveWorkspace, slack: SlackServer, now: datetime, told_day: datetime, tmp_path: Path
) -> None:
    """Without a hand except those that push, measure, and try in vain."""
    told, yesterday, today = (day.date().isoformat() for day in (told_day, told_day + DAY, now))

    # A commit appears, its measurements with it: its day is told and published.
    with running(live, slack, tmp_path / "first.log") as dagster:
        wait_for(lambda: all(map(dagster.ticked_at, SENSORS)), SLOW_S, "the first look of every sensor")
        slower = live.commit(told_day + 4 * HOUR, "Decode in blocks")
        for hours in range(5, 13):
            live.report(slower, told_day + hours * HOUR, _noisy_ms(0.31, hours))
        published = wait_for(lambda: _published(live, told), SLOW_S, f"the episode of {told}")
        assert published["status"] == "published", published
        assert any("ep-001" in name for name in post_files(live.folder))
        wait_for(lambda: dagster.runs_of(told, sensor_name="commit_sensor"), SLOW_S, "the run of the commit sensor")
        wait_for(lambda: at_rest(dagster, told, yesterday, today), SLOW_S, "the end of its runs")
        assert slack.told == []

    # The next commit is not measured. Whoever starts a day under watch is refused, and people are told once.
    build_at = datetime.now(UTC) + 150 * timedelta(seconds=1) + MINUTE
    watch(live, every_minutes=1, build_at=f'"{build_at:%H:%M}"')
    with running(live, slack, tmp_path / "second.log") as dagster:
        stale = live.commit(told_day + DAY + 12 * HOUR, "Not measured")
        wait_for(lambda: slack.told, SLOW_S, "the telling of the stale source")
        assert f"hearts has no rows for its latest commit {stale[:7]}" in slack.told[0]
        by_hand = [dagster.launch([], today, job="daily_episode_job"), dagster.launch(["episodes"], today)]
        backfill = dagster.backfill(["episodes"], today, today)
        last_month = [(now - days * DAY).date().isoformat() for days in (29, 28)]
        history = dagster.backfill(["episodes"], *last_month)
        assert [dagster.wait_for_run(run, SLOW_S) for run in by_hand] == ["FAILURE", "FAILURE"]
        assert dagster.wait_for_backfill(backfill, SLOW_S)["status"] == "COMPLETED_FAILED"
        assert dagster.wait_for_backfill(history, SLOW_S)["status"] == "COMPLETED_SUCCESS"
        [scheduled] = wait_for(
            lambda: dagster.runs_of(yesterday, schedule_name="daily_episode_schedule"), SLOW_S, "the schedule"
        )
        assert dagster.wait_for_run(scheduled, SLOW_S) == "FAILURE"
        assert [episode(live, day) for day in (yesterday, today)] == [{}, {}]
        assert all(episode(live, day) for day in last_month)
        dagster.wait_for_tick("failure_sensor", "watcher_sensor", timeout_s=SLOW_S)
        assert len(slack.told) == 1, slack.told

        # It is measured at last: the day is built by itself, today by hand, and people are told that it is well again.
        live.report(stale, told_day + DAY + 12 * HOUR + 2 * MINUTE)
        built = wait_for(lambda: episode(live, yesterday), SLOW_S, f"the episode of {yesterday}")
        assert built["status"] in ("skipped", "published"), built
        assert "SUCCESS" in dagster.runs_of(yesterday, sensor_name="file_sensor").values() or at_rest(dagster, today)
        run = dagster.launch([], today, job="daily_episode_job")
        assert dagster.wait_for_run(run, SLOW_S) == "SUCCESS", dagster.errors_of(run)
        assert "has not ended" in episode(live, today)["reason"]
        wait_for(lambda: len(slack.told) > 1, SLOW_S, "the telling of the recovery")
        assert "Fresh again: hearts" in slack.told[1]
        wait_for(lambda: at_rest(dagster, yesterday, today), SLOW_S, "the end of its runs")
        dagster.wait_for_tick("failure_sensor", "watcher_sensor", timeout_s=SLOW_S)
        assert len(slack.told) == 2, slack.told


def _published(live: LiveWorkspace, day: str) -> dict[str, Any]:
    """The episode of a day as soon as it went as far as it goes."""
    found = episode(live, day)
    return found if found.get("status") not in (None, "approved") else {}
