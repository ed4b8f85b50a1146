"""One owner process and one migrated database for the session; every test begins with empty tables."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from muse_resources.embedded.connect import owner_client, stop_owner
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.loaders import Loaders


def _warehouse(folder: Path, database: str) -> ClickHouseWarehouse:
    return ClickHouseWarehouse(lambda name: owner_client(folder, database=name), database)


@pytest.fixture(scope="session")
def warehouse_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the embedded engine; its owner ends with the session, and soon by itself if that is killed."""
    folder = tmp_path_factory.mktemp("warehouse") / "store"
    try:
        with owner_client(folder, idle_seconds=60):
            yield folder
    finally:
        stop_owner(folder)


@pytest.fixture(scope="session")
def database(warehouse_folder: Path) -> str:
    """Name of the migrated database. Migrating takes half a second, emptying it a fiftieth."""
    warehouse = _warehouse(warehouse_folder, "chimera_metrics")
    warehouse.migrate()
    warehouse.close()
    return "chimera_metrics"


@pytest.fixture
def engine(warehouse_folder: Path, database: str) -> Iterator[Client]:
    """The engine itself, to look at what the warehouse left in it."""
    with owner_client(warehouse_folder, database=database) as client:
        yield client
        for (name,) in client.query("SHOW TABLES LIKE 'staging%'").result_rows:
            client.command(f"DROP TABLE {name} SYNC")
        for table in client.query(
            "SHOW TABLES WHERE name NOT IN ('schema_migrations', 'bench_points', 'finding_states')"
        ).result_rows:
            client.command(f"TRUNCATE TABLE {table[0]} SYNC")


@pytest.fixture
def warehouse(warehouse_folder: Path, database: str, engine: Client) -> Iterator[ClickHouseWarehouse]:
    """A migrated warehouse without rows."""
    warehouse = _warehouse(warehouse_folder, database)
    yield warehouse
    warehouse.close()


@pytest.fixture
def loaders(warehouse_folder: Path, database: str) -> Iterator[Loaders]:
    """Starts processes that load the warehouse, and ends them with the test."""
    with ExitStack() as stack:
        yield Loaders(warehouse_folder, database, stack)


@pytest.fixture
def bare_warehouse(warehouse_folder: Path) -> Iterator[ClickHouseWarehouse]:
    """A warehouse whose database, `bare`, does not exist yet."""
    warehouse = _warehouse(warehouse_folder, "bare")
    yield warehouse
    warehouse.close()
    with owner_client(warehouse_folder) as client:
        client.command("DROP DATABASE IF EXISTS bare SYNC")
