"""The warehouse on clickhouse-connect: the same code for the embedded engine and for a server.

A day is replaced as a whole: rows go into a staging table, and `REPLACE PARTITION` puts each day in place.
Killed half-way, or run twice at once, it leaves exactly one correct day.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from muse_domain.facts import EvidenceRow, FactSpec
from muse_domain.failures import PermanentFailure
from muse_domain.ports import LoadedDay, Row, StoredObject
from muse_resources.day_load import DayLoad
from muse_resources.engine import Engine
from muse_resources.engine_failures import translated
from muse_resources.object_store import NO_KEYS, ObjectStore, list_objects, read_object
from muse_resources.replication import for_cluster
from muse_resources.statements import migrations, split_statements, statement

# How long another process may take for a migration that it has begun.
MIGRATION_PATIENCE_S = 10.0
# What facts that were stored before their query asked for it do not state: any will do, as it did then.
_NOT_STATED = {"unit": "*"}
# The parameter that says which value of a row a fact is. It may name several, and each row then says which it answers.
FIELD = "field"


class ClickHouseWarehouse:
    """Queries, whole-day loads and migrations over one clickhouse-connect client a process.

    `connect` is called on first use, never at import. `comment` goes into `log_comment` of every query.
    `shares_files` says that the engine runs on this machine and opens the same files. `cluster` names the cluster on
    whose every node the tables are made.
    """

    def __init__(
        self,
        connect: Callable[[str | None], Client],
        database: str,
        *,
        comment: str = "muse",
        shares_files: bool = True,
        objects: ObjectStore = NO_KEYS,
        cluster: str = "",
    ) -> None:
        self._connect = connect
        self._database = database
        self._comment = comment
        self._shares_files = shares_files
        self._objects = objects
        self._cluster = cluster
        self._shared = _SharedClient()

    def tagged(self, run_id: str) -> "ClickHouseWarehouse":
        """The same warehouse whose queries carry this Dagster run id."""
        tagged = ClickHouseWarehouse(
            self._connect,
            self._database,
            comment=f"muse run {run_id}",
            shares_files=self._shares_files,
            objects=self._objects,
            cluster=self._cluster,
        )
        tagged._shared = self._shared
        return tagged

    def select(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of a named query. Datetimes are aware UTC. Raises TransientFailure or PermanentFailure."""
        with self._engine(query) as engine:
            return engine.rows(statement(query), parameters)

    def evidence(self, spec: FactSpec) -> list[EvidenceRow]:
        """The rows that a fact rests on."""
        return [_evidence_row(row) for row in self._rows_behind(spec, {})]

    def evidence_by_field(self, spec: FactSpec, fields: Sequence[str]) -> dict[str, list[EvidenceRow]]:
        """The rows of facts that are as `spec` but for their field, in one statement."""
        found: dict[str, list[EvidenceRow]] = {field: [] for field in fields}
        for row in self._rows_behind(spec, {FIELD: ",".join(found)}):
            found[row[FIELD]].append(_evidence_row(row))
        return found

    def _rows_behind(self, spec: FactSpec, parameters: Mapping[str, str]) -> list[Row]:
        return self.select(spec.query, {**_NOT_STATED, **spec.parameters, **parameters})

    def replace_days(self, table: str, days: Sequence[date], rows: Iterable[Row]) -> int:
        """Make `rows` (each with its `day`) the whole content of those days; returns how many there are."""
        batch = list(rows)
        strays = {row["day"] for row in batch} - set(days)
        if strays:
            raise PermanentFailure(f"{table}: rows for {min(strays)} came with a load of other days")
        _refuse_naive_datetimes(table, batch)
        with self._engine(f"replace days of {table}") as engine, engine.staging(table) as staging:
            engine.fill(staging, batch)
            engine.put_in_place(table, staging, days)
        return len(batch)

    def append(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows to a table whose readers take a row that came twice as one."""
        batch = list(rows)
        _refuse_naive_datetimes(table, batch)
        with self._engine(f"append to {table}") as engine:
            engine.insert(table, batch)

    def replace_days_from(
        self, table: str, days: Sequence[date], load: str, parameters: Mapping[str, Any]
    ) -> dict[date, int]:
        """Replace days by an `INSERT ... SELECT` (`sql/loads/<load>.sql`) that stays inside the engine."""
        with self._engine(load) as engine, engine.staging(table) as staging:
            engine.load(statement(load), {**parameters, "target": staging})
            return engine.put_in_place(table, staging, days)

    def list_objects(self, pattern: str) -> list[StoredObject]:
        """The objects that match `s3://bucket/prefix/*.json`, in the order of their keys."""
        # `muse status` asks before there is a database.
        with self._bare_engine(f"list {pattern}") as engine:
            return list_objects(engine, self._objects, pattern)

    def read_object(self, url: str) -> bytes:
        """The bytes of one object."""
        with self._engine(f"read {url}") as engine:
            return read_object(engine, self._objects, url)

    @contextmanager
    def load_days(self, table: str) -> Iterator[DayLoad]:
        """A load of whole days of `table` from files, inside the engine: see DayLoad."""
        with self._engine(f"load files into {table}") as engine, engine.staging(table) as gathered:
            yield DayLoad(engine, table, gathered, self._shares_files, self._objects)

    def record_loads(self, source: str, loads: Iterable[LoadedDay]) -> None:
        """Note that these days of `source` are loaded, with how many rows: a day without rows is loaded too."""
        rows = [
            {"day": one.day, "source": source, "rows": one.rows, "files": one.files, "inputs_sha256": one.inputs_sha256}
            for one in loads
        ]
        with self._engine(f"record loads of {source}") as engine:
            engine.insert("loaded_days", rows)

    def ping(self) -> str:
        """The server's version. Raises TransientFailure or PermanentFailure when it does not answer."""
        with self._bare_engine("ping") as engine:
            return str(engine.rows("SELECT version() AS version")[0]["version"])

    def migrate(self) -> list[str]:
        """Apply the migrations that are missing; running it again, or twice at once, is harmless.

        Raises PermanentFailure where a cluster is named and a table was made without it: it would stay on one node.
        """
        with self._bare_engine("create database") as engine:
            engine.command(for_cluster(f"CREATE DATABASE IF NOT EXISTS {self._database}", self._cluster))
        with self._engine("migrate") as engine:
            if self._cluster:
                _refuse_unreplicated(engine)
            engine.command(for_cluster(statement("create_schema_migrations"), self._cluster))
            applied = _applied(engine)
            pending = [one for one in migrations() if one[0] not in applied]
            for version, name, text in pending:
                _apply(engine, version, name, text, self._cluster)
            return [name for _, name, _ in pending]

    def pending(self) -> list[str]:
        """Names of the migrations that are missing; before there is a database, of all. Nothing is written."""
        with self._bare_engine("look for tables") as engine:
            begun = engine.rows(
                "SELECT name FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'",
                {"database": self._database},
            )
        if not begun:
            return [name for _, name, _ in migrations()]
        with self._engine("look for migrations") as engine:
            applied = _applied(engine)
        return [name for version, name, _ in migrations() if version not in applied]

    def close(self) -> None:
        """Close the client of this process; the next call opens another."""
        self._shared.close()

    @contextmanager
    def _engine(self, doing: str) -> Iterator[Engine]:
        with translated(doing):
            yield Engine(self._shared.get(lambda: self._connect(self._database)), self._comment)

    @contextmanager
    def _bare_engine(self, doing: str) -> Iterator[Engine]:
        """A connection without a database: for the moment before it exists."""
        with translated(doing):
            client = self._connect(None)
            try:
                yield Engine(client, self._comment)
            finally:
                client.close()


def _evidence_row(row: Row) -> EvidenceRow:
    return EvidenceRow(
        row["table"], row["row_id"], row["ts"], row["commit_sha"], row["source"], row["segment"],
        row["value"], row["pair"], row["text"],
    )  # fmt: skip


def _applied(engine: Engine) -> set[int]:
    return {row["version"] for row in engine.rows("SELECT version FROM schema_migrations")}


def _refuse_unreplicated(engine: Engine) -> None:
    names = [row["name"] for row in engine.rows(statement("select_unreplicated_tables"))]
    if names:
        raise PermanentFailure(
            f"warehouse: {', '.join(names)} lie on one node only, and [warehouse] names a cluster: convert them as "
            "docs/operations.md says, or name another database"
        )


def _apply(engine: Engine, version: int, name: str, text: str, cluster: str) -> None:
    try:
        for one in split_statements(text):
            engine.command(for_cluster(one, cluster))
    except ClickHouseError:
        # Of two processes that migrate at once, one may find a table gone: it waits for the other to be done.
        until = time.monotonic() + MIGRATION_PATIENCE_S
        while version not in _applied(engine):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        return
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    engine.insert("schema_migrations", [{"version": version, "name": name, "sha256": sha256}])


class _SharedClient:
    """One client for all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Client | None = None

    def get(self, connect: Callable[[], Client]) -> Client:
        with self._lock:
            if self._client is None:
                self._client = connect()
            return self._client

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None


def _refuse_naive_datetimes(table: str, rows: Sequence[Row]) -> None:
    """A datetime without a zone would be stored as if it were the server's: a guess."""
    for row in rows:
        naive = [value for value in row.values() if isinstance(value, datetime) and value.tzinfo is None]
        if naive:
            column = next(column for column, value in row.items() if value is naive[0])
            raise PermanentFailure(f"{table}.{column}: {naive[0].isoformat()} has no time zone: give it one")


def json_text(value: Any) -> str:
    """JSON as it is stored: sorted, so that the same content is the same bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
