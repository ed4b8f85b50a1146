"""One warehouse folder with one owner for the session; tests that stop or kill an owner get their own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from muse_resources.embedded.connect import owner_client, stop_owner


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A warehouse folder whose owner ends with the session, and soon by itself if the session is killed."""
    path = tmp_path_factory.mktemp("embedded") / "warehouse"
    with owner_client(path, idle_seconds=60):
        pass
    yield path
    stop_owner(path)


@pytest.fixture
def own_folder(tmp_path: Path) -> Iterator[Path]:
    """A cold folder of the test's own."""
    path = tmp_path / "warehouse"
    yield path
    with contextlib.suppress(FileNotFoundError):
        stop_owner(path)


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with owner_client(folder) as open_client:
        yield open_client


@pytest.fixture
def new_table(client: Client) -> Iterator[Callable[[str], str]]:
    """Creates a MergeTree table from its columns, whose first is its key; dropped after the test."""
    names: list[str] = []

    def create(columns: str) -> str:
        name = f"t_{len(names)}"
        client.command(f"DROP TABLE IF EXISTS {name} SYNC")
        client.command(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY {columns.split()[0]}")
        names.append(name)
        return name

    yield create
    for name in names:
        client.command(f"DROP TABLE IF EXISTS {name} SYNC")
