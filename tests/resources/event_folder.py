"""A workspace of event files, built by the real intake on the real engine: what the tests of events share."""

import gzip
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.ports import Row
from muse_domain.settings import EventMapping, EventSource, MuseSection, RepositorySection, Settings
from muse_resources.event_intake import EventIntake, take_in_events
from muse_resources.event_rollup import Rollup, roll_up_events
from muse_resources.warehouse import ClickHouseWarehouse
from muse_resources.workspace import Secrets, Workspace

DAY = date(2026, 9, 1)
NEXT_DAY = DAY + timedelta(days=1)
MAPPING = EventMapping(
    ts=("at",), event_type=("kind",), event_id=("id",), session=("session.id",), actor=("person",),
    commit=("build.sha",), latency=("took_ms",), user_agent=("agent",), metadata=("panel", "size.width"),
)  # fmt: skip
PEOPLE = 65534  # the user "nobody", who may look into nothing of ours


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    """An event of the day with an id."""
    return {"at": "2026-09-01T10:00:00Z", "kind": "query_submit", "id": f"e{number}", **fields}


def lines_of(*lines: bytes | Mapping[str, Any], ending: bytes = b"\n") -> bytes:
    """Lines of a file; objects become JSON."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return b"".join(text + ending for text in texts)


def workspace_of(folder: Path, sources: Sequence[EventSource], hash_key: str | None) -> Workspace:
    """A workspace with these sources of events and nothing else."""
    settings = Settings(
        muse=MuseSection(start_date=date(2026, 1, 1)),
        repositories={"packs": RepositorySection(path="packs")},
        events=tuple(sources),
    )
    return Workspace(folder, settings, Secrets(hash_key=hash_key))


class EventFolder:
    """A folder of event files and the table that builds of it leave. Every build is a second later."""

    def __init__(self, folder: Path, warehouse: ClickHouseWarehouse, engine: Client) -> None:
        self.folder = folder
        self.warehouse = warehouse
        self.engine = engine
        self.hash_key: str | None = "key"
        self.sources = [EventSource(files="*.jsonl", mapping=MAPPING)]
        self._now = datetime(2026, 9, 20, tzinfo=UTC)
        self._written = 0
        folder.mkdir(exist_ok=True)

    def write(self, name: str, *lines: bytes | Mapping[str, Any], ending: bytes = b"\n") -> Path:
        return self.write_bytes(name, lines_of(*lines, ending=ending))

    def write_bytes(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def touch(self, path: Path) -> None:
        """Give a file another time, to the nanosecond: writes within one tick of the clock look alike."""
        self._written += 1
        moment_ns = 1_788_000_000_000_000_000 + self._written
        os.utime(path, ns=(moment_ns, moment_ns))

    def take_in(self, *days: date) -> EventIntake:
        self._now += timedelta(seconds=1)
        workspace = workspace_of(self.folder, self.sources, self.hash_key)
        return take_in_events(self.warehouse, workspace, days or (DAY,), self._now)

    def roll_up(self, *days: date) -> Rollup:
        return roll_up_events(self.warehouse, self.sources, days or (DAY,))

    def read(self, content: bytes, name: str = "a.jsonl", **source: Any) -> list[Row]:
        """The rows of the day after one file was taken in as the only one, in the order of their times."""
        self.sources = [EventSource(files=name, **{"mapping": MAPPING, **source})]
        self.write_bytes(name, content)
        self.take_in()
        return self.rows

    @property
    def rows(self) -> list[Row]:
        return self.query("SELECT * FROM ui_events ORDER BY ts, event_id, source_path")

    @property
    def ids(self) -> list[str | None]:
        return [row["event_id"] for row in self.rows]

    @property
    def letters(self) -> list[Row]:
        return self.warehouse.select("select_dead_letters", {"source": "ui_events"})

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Part and reason of every dead letter that counts."""
        return [(letter["item"], letter["error"]) for letter in self.letters]

    def query(self, sql: str) -> list[Row]:
        result = self.engine.query(sql)
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def staging(self) -> list[str]:
        return [row["name"] for row in self.query("SHOW TABLES LIKE 'staging%'")]

    def everything(self) -> str:
        """All rows of all tables as text."""
        tables = self.engine.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows
        texts = [self.engine.raw_query(f"SELECT * FROM {name} FORMAT JSONEachRow").decode() for (name,) in tables]
        return "\n".join(texts)


def packed(content: bytes) -> bytes:
    """Gzip."""
    return gzip.compress(content, mtime=0)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Rights count for root, too: the effective user is another one meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(PEOPLE)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into and write to."""
    with TemporaryDirectory(prefix="muse-test-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder
