"""Dagster itself around the real present: a commit starts its day, stale data stops it, people are told twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.assets.runs import run_assets
from tests.dagster_server import DagsterServer, dagster_server, wait_for
from tests.live_workspace import LiveWorkspace, live_workspace
from tests.slack_server import SlackServer, slack_server
from tests.workspaces import adapters_of, selected, stop_warehouse

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TABLES = ("commits", "bench_runs", "ui_events", "session_stats", "watcher_runs", "findings", "fact_sheets")
SENSORS = ("commit_sensor", "file_sensor", "watcher_sensor", "failure_sensor", "catch_up_sensor")
QUICK = "[watch]\nevery_minutes = 1\npoll_seconds = 5\ncatch_up_days = 1\n"
SLOW_S = 400


@pytest.fixture
def now() -> datetime:
    """The present: Dagster's daemon has no other."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def live(tmp_path: Path, now: datetime) -> Iterator[LiveWorkspace]:
    """Five loaded weeks, whose newest commit was measured ten hours ago."""
    start = (now - timedelta(days=36)).date()
    workspace = live_workspace(tmp_path / "live", start, more=QUICK)
    sha = workspace.commit(now - 10 * HOUR)
    workspace.report(sha, now - 10 * HOUR + MINUTE)
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


@pytest.fixture
def dagster(live: LiveWorkspace, slack: SlackServer, tmp_path: Path) -> Iterator[DagsterServer]:
    """`muse dev`, after every sensor had its first look."""
    with dagster_server(live.folder, tmp_path / "log", SLACK_WEBHOOK_URL=slack.url) as server:
        wait_for(lambda: all(map(server.has_ticked, SENSORS)), SLOW_S, "the first look of every sensor")
        yield server


def episode(live: LiveWorkspace, day: str) -> dict[str, Any]:
    """The stored episode of a day."""
    rows = selected(live.folder, f"SELECT status, reason, ts FROM episodes WHERE day = '{day}'")
    return rows[0] if rows else {}


def test_a_commit_starts_its_day_stale_data_stops_it_and_people_are_told_twice(
    live: LiveWorkspace, dagster: DagsterServer, slack: SlackServer, now: datetime
) -> None:
    """From the first commit to the recovery, without a hand except those that push, measure and look."""
    today, measured_at, stale_at = now.date().isoformat(), now - 8 * HOUR, now - 5 * HOUR

    first = live.commit(measured_at)
    live.report(first, measured_at + MINUTE)
    day = measured_at.date().isoformat()
    built = wait_for(lambda: episode(live, day), SLOW_S, f"the episode of {day}")
    assert built["status"] == "skipped", built
    assert ("has not ended" in built["reason"]) is (day == today)
    assert slack.told == []

    stale = live.commit(stale_at)
    wait_for(lambda: slack.told, SLOW_S, "the telling of the stale source")
    assert "missing hearts" in slack.told[0] or "no rows for its latest commit" in slack.told[0]
    runs = [dagster.launch([], today, job="daily_episode_job"), dagster.launch(["episodes"], today)]
    backfill = dagster.backfill(["episodes"], today, today)
    assert [dagster.wait_for_run(run, SLOW_S) for run in runs] == ["FAILURE", "FAILURE"]
    state = dagster.wait_for_backfill(backfill, SLOW_S)
    assert state["status"] == "COMPLETED_FAILED"
    last_month = [(now - timedelta(days=days)).date().isoformat() for days in (29, 28)]
    history = dagster.wait_for_backfill(dagster.backfill(["episodes"], *last_month), SLOW_S)
    assert history["status"] == "COMPLETED_SUCCESS", history
    assert len(slack.told) == 1, slack.told

    live.report(stale, stale_at + 2 * MINUTE)
    wait_for(lambda: len(slack.told) > 1, SLOW_S, "the telling of the recovery")
    assert "Fresh again: hearts" in slack.told[1]
    run = dagster.launch([], today, job="daily_episode_job")
    assert dagster.wait_for_run(run, SLOW_S) == "SUCCESS", dagster.errors_of(run)
    assert episode(live, today)["status"] == "skipped"
    assert len(slack.told) == 2, slack.told
