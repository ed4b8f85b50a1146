"""One owner process for all warehouse tests of the session; every test gets a migrated database of its own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from muse_resources.embedded.connect import owner_client, stop_owner
from muse_resources.warehouse import ClickHouseWarehouse

_databases = count(1)


@pytest.fixture(scope="session")
def warehouse_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the embedded engine; its owner ends with the session, and soon by itself if that is killed."""
    folder = tmp_path_factory.mktemp("warehouse") / "store"
    try:
        with owner_client(folder, idle_seconds=60):
            yield folder
    finally:
        stop_owner(folder)


@pytest.fixture
def database(warehouse_folder: Path) -> Iterator[str]:
    """Name of a database that no other test uses; dropped after the test."""
    name = f"test_{next(_databases)}"
    yield name
    with owner_client(warehouse_folder) as client:
        client.command(f"DROP DATABASE IF EXISTS {name} SYNC")


@pytest.fixture
def bare_warehouse(warehouse_folder: Path, database: str) -> Iterator[ClickHouseWarehouse]:
    """A warehouse whose database does not exist yet."""
    warehouse = ClickHouseWarehouse(lambda name: owner_client(warehouse_folder, database=name), database)
    yield warehouse
    warehouse.close()


@pytest.fixture
def warehouse(bare_warehouse: ClickHouseWarehouse) -> ClickHouseWarehouse:
    """A migrated warehouse without rows."""
    bare_warehouse.migrate()
    return bare_warehouse


@pytest.fixture
def engine(warehouse: ClickHouseWarehouse, warehouse_folder: Path, database: str) -> Iterator[Client]:
    """The engine itself, to look at what the warehouse left in it."""
    with owner_client(warehouse_folder, database=database) as client:
        yield client
