"""A warehouse for commands that say what would happen, and write nothing: neither rows nor tables nor folders."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from muse_domain.failures import PermanentFailure
from muse_domain.ports import Row
from muse_resources.adapters import Adapters, object_store
from muse_resources.day_load import DayLoad
from muse_resources.embedded.connect import owner_client, stop_owner
from muse_resources.scratch_folders import scratch_folder
from muse_resources.statements import migrations
from muse_resources.warehouse import ClickHouseWarehouse

# Should this process be killed, its engine ends so long after the last request.
_IDLE_S = 30


@contextmanager
def without_writing(adapters: Adapters) -> Iterator[Adapters]:
    """The adapters with a warehouse that is only looked at: the workspace's own, or, where none was made yet, an empty
    one that goes with the block.

    Raises PermanentFailure where the tables are there, and not as this version of Muse has them.
    """
    pending = _pending(adapters)
    if not pending:
        yield adapters
    elif len(pending) == len(migrations()) and not adapters.workspace.settings.warehouse.url:
        with scratch_folder() as folder, _ended(ScratchWarehouse(folder / "warehouse", adapters)) as scratch:
            yield replace(adapters, warehouse=scratch)
    else:
        what = f"its tables lack {pending[0]}" + (f" and {len(pending) - 1} more" if pending[1:] else "")
        raise PermanentFailure(f"warehouse: {what}: run `muse migrate` first, since this command writes nothing")


def _pending(adapters: Adapters) -> list[str]:
    """The migrations that the workspace's warehouse lacks. One without a folder is not opened: that would make it."""
    configured = adapters.workspace.settings.warehouse
    folder = adapters.workspace.path(configured.folder)
    if not configured.url and not (folder.is_dir() and any(folder.iterdir())):
        return [name for _, name, _ in migrations()]
    return adapters.warehouse.pending()


class ScratchWarehouse(ClickHouseWarehouse):
    """A warehouse in which nothing was ever stored. Its engine starts when something asks for one: to list the objects
    of a store, or to read events; its tables are made for the latter."""

    def __init__(self, folder: Path, adapters: Adapters) -> None:
        def connect(database: str | None) -> Client:
            return owner_client(folder, database=database, idle_seconds=_IDLE_S)

        super().__init__(connect, "default", objects=object_store(adapters.workspace))
        self.folder = folder

    def select(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """No row of any query."""
        return []

    @contextmanager
    def load_days(self, table: str) -> Iterator[DayLoad]:
        """A load that nothing is to be kept of."""
        self.migrate()
        with super().load_days(table) as load:
            yield load


@contextmanager
def _ended(scratch: ScratchWarehouse) -> Iterator[ScratchWarehouse]:
    try:
        yield scratch
    finally:
        scratch.close()
        stop_owner(scratch.folder)
