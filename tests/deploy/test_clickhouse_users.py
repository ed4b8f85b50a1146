"""The users of deploy/clickhouse: enough rights to build a day, and no more. The engine itself decides."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from muse_domain.failures import PermanentFailure
from muse_resources.adapters import Adapters, warehouse_connector
from muse_resources.replication import for_cluster
from muse_resources.statements import migrations, statement
from tests.assets.runs import built, run_assets
from tests.deploy.clickhouse_server import server_with_rights
from tests.live_workspace import live_workspace
from tests.workspaces import ROOT, adapters_of

USERS = ROOT / "deploy" / "clickhouse" / "users.d" / "muse.xml"
START = date(2026, 9, 1)
EVERYTHING = (
    "commits", "bench_runs", "ui_events", "session_stats", "watcher_runs", "findings", "fact_sheets", "episode_drafts",
    "episode_verdicts", "episodes", "publications",
)  # fmt: skip


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adapters]:
    """A workspace whose warehouse is a server, reached as the user `muse`."""
    folder = tmp_path_factory.mktemp("rights")
    at = datetime(2026, 9, 1, 5, tzinfo=UTC)
    live = live_workspace(folder / "live", START)
    sha = live.commit(at)
    for hours in range(6):
        live.report(sha, at + timedelta(hours=hours))
    with server_with_rights(folder / "server", USERS, "muse", "word") as url:
        settings = live.folder / "muse.toml"
        settings.write_text(settings.read_text().replace('folder = "warehouse"', f'url = "{url}"'))
        yield adapters_of(live.folder, CH_USER="muse", CH_PASSWORD="word")


def test_a_day_is_built_with_the_rights_of_muse(adapters: Adapters) -> None:
    """Migrations, loads, staging tables, whole days replaced, twice."""
    assert adapters.warehouse.migrate() and adapters.warehouse.migrate() == []
    for _ in range(2):
        result = run_assets(adapters, EVERYTHING, START)
        assert result.success
        assert "episodes" in built(result)


def test_every_engine_of_the_tables_is_granted() -> None:
    """A server as it comes asks for the right to each engine of a table; the embedded one does not, so it is read."""
    made = {statement("create_schema_migrations"), *(text for _, _, text in migrations())}
    engines = {
        engine
        for text in made
        for cluster in ("", "muse")
        for engine in re.findall(r"ENGINE = (\w+)", for_cluster(text, cluster))
    }
    granted = re.findall(r"GRANT TABLE ENGINE ON (\w+)", USERS.read_text())
    assert engines == set(granted) and len(granted) == 4


BEYOND = [
    "CREATE DATABASE other",
    "DROP DATABASE chimera_metrics",
    "CREATE TABLE default.t (a Int32) ENGINE = MergeTree ORDER BY a",
    "CREATE USER another",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SYSTEM SHUTDOWN",
]


@pytest.mark.parametrize("beyond", BEYOND)
def test_muse_may_do_nothing_else(adapters: Adapters, beyond: str) -> None:
    """Not beyond its database, no files or addresses of the server, no users."""
    adapters.warehouse.migrate()
    assert "Not enough privileges" in _refusal(adapters, beyond)


def _refusal(adapters: Adapters, sql: str) -> str:
    client = warehouse_connector(adapters.workspace)("chimera_metrics")
    try:
        client.command(sql)
    except Exception as error:
        return str(error)
    finally:
        client.close()
    return "done"


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    """For people and dashboards."""
    live = live_workspace(tmp_path / "live", START)
    with server_with_rights(tmp_path / "server", USERS, "muse_reader", "word") as url:
        settings = live.folder / "muse.toml"
        settings.write_text(settings.read_text().replace('folder = "warehouse"', f'url = "{url}"'))
        reader = adapters_of(live.folder, CH_USER="muse_reader", CH_PASSWORD="word")
        assert reader.warehouse.ping()
        with pytest.raises(PermanentFailure, match="Not enough privileges"):
            reader.warehouse.migrate()
