"""Dagster's daemon, webserver and runs on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.dagster_server import dagster_server, wait_for
from tests.live_workspace import LiveWorkspace, live_workspace
from tests.postgres_server import PASSWORD, PostgresServer, postgres_server
from tests.workspaces import selected, stop_warehouse

SENSORS = ("commit_sensor", "file_sensor", "watcher_sensor", "failure_sensor", "catch_up_sensor")


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server for this test."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveWorkspace]:
    """A log that starts three days ago, measured since."""
    now = datetime.now(UTC)
    workspace = live_workspace(tmp_path / "live", (now - timedelta(days=3)).date())
    sha = workspace.commit(now - timedelta(days=3))
    for hours in range(6, 72, 6):
        workspace.report(sha, now - timedelta(hours=hours))
    yield workspace
    stop_warehouse(workspace.folder)


def test_a_day_is_built_and_its_runs_events_and_ticks_stand_in_postgres(
    live: LiveWorkspace, postgres: PostgresServer, tmp_path: Path
) -> None:
    """Launched over GraphQL as the UI does; no file of SQLite is made, and no log holds the password."""
    day = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    log = tmp_path / "log"
    with dagster_server(live.folder, log, MUSE_POSTGRES_URL=postgres.url()) as server:
        run_id = server.launch([], day, job="daily_episode_job")
        assert server.wait_for_run(run_id) == "SUCCESS", server.errors_of(run_id)
        wait_for(lambda: all(map(server.ticked_at, SENSORS)), 90, "the first look of every sensor")
        assert PASSWORD not in str(server.ask("{ instance { info } }"))
    assert selected(live.folder, f"SELECT status FROM episodes WHERE day = '{day}'") == [{"status": "skipped"}]
    assert postgres.rows(f"SELECT status FROM runs WHERE run_id = '{run_id}'") == [("SUCCESS",)]
    [(materialised,)] = postgres.rows(
        "SELECT count(DISTINCT asset_key) FROM event_logs "
        f"WHERE run_id = '{run_id}' AND dagster_event_type = 'ASSET_MATERIALIZATION'"
    )
    assert materialised >= 8
    [(ticking,)] = postgres.rows("SELECT count(DISTINCT selector_id) FROM job_ticks WHERE type = 'SENSOR'")
    assert ticking == len(SENSORS)
    assert not list(live.folder.rglob("*.db"))
    assert PASSWORD.encode() not in log.read_bytes()
