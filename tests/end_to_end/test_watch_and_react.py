"""Dagster itself around the real present: a commit becomes an episode, stale data stops the next, people know it once.

Once with Dagster's storage in files, once in a real PostgreSQL. Nothing here is told the time: the commits lie where
the story needs them.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from muse_domain.days import day_start
from tests.assets.runs import run_assets
from tests.dagster_server import DagsterServer, dagster_server, wait_for
from tests.live_workspace import LiveWorkspace, live_workspace, noisy_ms
from tests.postgres_server import PASSWORD, PostgresServer, postgres_server
from tests.slack_server import SlackServer, slack_server
from tests.workspaces import adapters_of, post_files, selected, stop_warehouse

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
TABLES = ("commits", "bench_runs", "watcher_runs", "findings", "fact_sheets")
SENSORS = ("commit_sensor", "file_sensor", "watcher_sensor", "failure_sensor", "catch_up_sensor")
WATCH = '[watch]\nbuild_at = "23:59"\nevery_minutes = 60\npoll_seconds = 5\ncatch_up_days = 2\n'
# A machine that does much else besides: each wait ends as soon as what it waits for is there. A run may wait for two
# others of its day, and a start that is lost holds the day's place for more than three minutes.
SLOW_S = 600
LOADED_DAYS = 36
LONGEST = 15 * MINUTE


@pytest.fixture
def now() -> datetime:
    """The present: Dagster's daemon has no other. Shortly before midnight it waits for the next day."""
    if (left := day_start(datetime.now(UTC).date() + DAY) - datetime.now(UTC)) < LONGEST:
        time.sleep(left.total_seconds() + 1)
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
        workspace.report(sha, told_day - 11 * DAY + hours * HOUR, noisy_ms(0.24, hours))
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


@pytest.fixture(params=["sqlite", "postgres"])
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer | None]:
    """The server that keeps Dagster's storage; None where it lies in files."""
    if request.param == "sqlite":
        yield None
        return
    with postgres_server() as server:
        yield server


@pytest.fixture
def dagster(
    live: LiveWorkspace, slack: SlackServer, postgres: PostgresServer | None, tmp_path: Path
) -> Iterator[DagsterServer]:
    """`muse dev`, after every sensor had its first look."""
    storage = {"MUSE_POSTGRES_URL": postgres.url()} if postgres else {}
    with dagster_server(live.folder, tmp_path / "log", SLACK_WEBHOOK_URL=slack.url, **storage) as server:
        wait_for(lambda: all(map(server.ticked_at, SENSORS)), SLOW_S, "the first look of every sensor")
        yield server


def look_often_and_build_soon(live: LiveWorkspace, dagster: DagsterServer) -> None:
    """Have the watcher look every six seconds, and the schedule build the day before in one to two minutes.

    Not from the beginning, since then the first commit would be told as stale before a run has loaded its rows. The new
    settings need new definitions, and with them goes the code server on which a run may just be starting: wait for all.
    """
    wait_for(lambda: not dagster.open_runs(), SLOW_S, lambda: f"the end of {dagster.open_runs()}")
    settings, at = live.folder / "muse.toml", datetime.now(UTC) + 2 * MINUTE
    soon = WATCH.replace("23:59", f"{at:%H:%M}").replace("every_minutes = 60", "every_minutes = 0.1")
    settings.write_text(settings.read_text().replace(WATCH, soon))
    dagster.reload()


def episode(live: LiveWorkspace, day: str) -> dict[str, Any]:
    """The stored episode of a day; empty while there is none."""
    rows = selected(live.folder, f"SELECT status, reason, ts FROM episodes WHERE day = '{day}'")
    return rows[0] if rows else {}


def measure(live: LiveWorkspace, sha: str, day: datetime) -> None:
    """Eight runs of a commit that made it slower."""
    for hours in range(5, 13):
        live.report(sha, day + hours * HOUR, noisy_ms(0.31, hours))


def test_from_a_commit_to_its_episode_and_from_stale_data_to_the_recovery(
    live: LiveWorkspace,
    slack: SlackServer,
    postgres: PostgresServer | None,
    dagster: DagsterServer,
    now: datetime,
    told_day: datetime,
    tmp_path: Path,
) -> None:
    """Without a hand except those that push, measure, and try in vain."""
    told, yesterday, today = (day.date().isoformat() for day in (told_day, told_day + DAY, now))

    # A commit appears, its measurements with it: its day is told and published.
    measure(live, live.commit(told_day + 4 * HOUR, "Decode in blocks"), told_day)
    published = wait_for(lambda: _published(live, told), SLOW_S, f"the episode of {told}")
    assert published["status"] == "published", published
    assert any("ep-001" in name for name in post_files(live.folder))
    assert dagster.runs_of(told, sensor_name="commit_sensor")
    assert slack.told == []

    # The next commit is not measured. Whoever starts a day under watch is refused, and people are told once.
    look_often_and_build_soon(live, dagster)
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
    wait_for(lambda: episode(live, yesterday), SLOW_S, f"the episode of {yesterday}")
    assert dagster.runs_of(yesterday, sensor_name="file_sensor")
    run = dagster.launch([], today, job="daily_episode_job")
    assert dagster.wait_for_run(run, SLOW_S) == "SUCCESS", dagster.errors_of(run)
    assert "has not ended" in episode(live, today)["reason"]
    wait_for(lambda: len(slack.told) > 1, SLOW_S, "the telling of the recovery")
    assert "Fresh again: hearts" in slack.told[1]
    dagster.wait_for_tick("failure_sensor", "watcher_sensor", timeout_s=SLOW_S)
    assert len(slack.told) == 2, slack.told
    assert bool(list(live.folder.rglob("*.db"))) is (postgres is None)
    if postgres:
        _stands_in(postgres, run)
        assert PASSWORD not in str(dagster.ask("{ instance { info } }"))
        assert PASSWORD.encode() not in (tmp_path / "log").read_bytes()


def _stands_in(postgres: PostgresServer, run_id: str) -> None:
    """Runs, events and ticks are where they belong."""
    assert postgres.rows(f"SELECT status FROM runs WHERE run_id = '{run_id}'") == [("SUCCESS",)]
    [(materialised,)] = postgres.rows(
        "SELECT count(DISTINCT asset_key) FROM event_logs "
        f"WHERE run_id = '{run_id}' AND dagster_event_type = 'ASSET_MATERIALIZATION'"
    )
    assert materialised >= 8
    [(ticking,)] = postgres.rows("SELECT count(DISTINCT selector_id) FROM job_ticks WHERE type = 'SENSOR'")
    assert ticking == len(SENSORS)


def _published(live: LiveWorkspace, day: str) -> dict[str, Any]:
    """The episode of a day as soon as it went as far as it goes."""
    found = episode(live, day)
    return found if found.get("status") not in (None, "approved") else {}
