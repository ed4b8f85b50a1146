"""The warehouse on clickhouse-connect: the same code for the embedded engine and for a server.

A day is replaced as a whole: rows go into a staging table, and `REPLACE PARTITION` puts each day in place.
Killed half-way, or run twice at once, it leaves exactly one correct day.
"""

import hashlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from muse_domain.facts import EvidenceRow, FactSpec
from muse_domain.failures import PermanentFailure, TransientFailure, is_transient_clickhouse_code
from muse_domain.ports import Row
from muse_resources.statements import migrations, split_statements, statement

# Staging tables of another machine are left alone for this long: their load may still be running.
FOREIGN_STAGING_HOURS = 6


class ClickHouseWarehouse:
    """Queries, whole-day loads and migrations over one clickhouse-connect client a process.

    `connect` is called on first use, never at import. `comment` goes into `log_comment` of every query.
    """

    def __init__(self, connect: Callable[[str | None], Client], database: str, *, comment: str = "muse") -> None:
        self._connect = connect
        self._database = database
        self._comment = comment
        self._shared = _SharedClient()

    def tagged(self, run_id: str) -> "ClickHouseWarehouse":
        """The same warehouse whose queries carry this Dagster run id."""
        tagged = ClickHouseWarehouse(self._connect, self._database, comment=f"muse run {run_id}")
        tagged._shared = self._shared
        return tagged

    def select(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of a named query. Datetimes are aware UTC. Raises TransientFailure or PermanentFailure."""
        with self._client(query) as client:
            result = client.query(
                statement(query), parameters=_bound(parameters), settings=self._settings(), column_oriented=False
            )
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def evidence(self, spec: FactSpec) -> list[EvidenceRow]:
        """The rows that a fact rests on."""
        return [
            EvidenceRow(
                row["table"], row["row_id"], row["ts"], row["commit_sha"], row["source"], row["segment"],
                row["value"], row["pair"], row["text"],
            )
            for row in self.select(spec.query, spec.parameters)
        ]  # fmt: skip

    def replace_days(self, table: str, days: Sequence[date], rows: Iterable[Row]) -> int:
        """Make `rows` (each with its `day`) the whole content of those days; returns how many there are."""
        batch = list(rows)
        strays = {row["day"] for row in batch} - set(days)
        if strays:
            raise PermanentFailure(f"{table}: rows for {min(strays)} came with a load of other days")
        with self._client(f"replace days of {table}") as client, self._staging(client, table) as staging:
            self._insert(client, staging, batch)
            self._put_in_place(client, table, staging, [f"'{day}'" for day in days], "day")
        return len(batch)

    def replace_source(self, table: str, source: str, rows: Iterable[Row]) -> int:
        """Make `rows` the whole content of the partition `source` of a table that is partitioned by it."""
        batch = list(rows)
        with self._client(f"replace {source} of {table}") as client, self._staging(client, table) as staging:
            self._insert(client, staging, batch)
            self._put_in_place(client, table, staging, [f"'{source}'"], "source")
        return len(batch)

    def replace_days_from(
        self, table: str, days: Sequence[date], load: str, parameters: Mapping[str, Any]
    ) -> dict[date, int]:
        """Replace days by an `INSERT ... SELECT` (`sql/loads/<load>.sql`) that stays inside the engine."""
        with self._client(load) as client, self._staging(client, table) as staging:
            self._load(client, staging, load, parameters)
            self._put_in_place(client, table, staging, [f"'{day}'" for day in days], "day")
            return self._rows_by_day(client, table, days)

    def replace_days_from_lines(
        self,
        table: str,
        days: Sequence[date],
        sources: Iterable[tuple[Path, str, Mapping[str, Any]]],
        *,
        deduplicate: str,
    ) -> tuple[dict[date, int], list[Row]]:
        """Stream files of lines into the engine, map them there, and replace the days.

        Each source is a file, the name of its load, and the load's parameters. Returns rows by day, and the
        refused lines (`sql/queries/select_refused_lines.sql`) with their file.
        """
        refused: list[Row] = []
        with self._client(f"load lines into {table}") as client, self._staging(client, table) as gathered:
            for path, load, parameters in sources:
                with self._lines(client, path) as lines:
                    self._load(client, gathered, load, {**parameters, "lines": lines})
                    refused += [{**row, "path": path} for row in self._refused(client, lines, parameters)]
            with self._staging(client, table) as staging:
                self._load(client, staging, deduplicate, {"gathered": gathered, **_span(days)})
                self._put_in_place(client, table, staging, [f"'{day}'" for day in days], "day")
            return self._rows_by_day(client, table, days), refused

    def record_loads(
        self, source: str, rows_by_day: Mapping[date, int], *, files: int, inputs_sha256: str
    ) -> None:
        """Note that these days of `source` are loaded, with how many rows: a day without rows is loaded too."""
        rows = [
            {"day": day, "source": source, "rows": count, "files": files, "inputs_sha256": inputs_sha256}
            for day, count in rows_by_day.items()
        ]
        with self._client(f"record loads of {source}") as client, self._staging(client, "day_loads") as staging:
            self._insert(client, staging, rows)
            partitions = [f"('{source}', '{day}')" for day in rows_by_day]
            for partition in partitions:
                self._command(client, f"ALTER TABLE day_loads REPLACE PARTITION {partition} FROM {staging}")

    def ping(self) -> str:
        """The server's version. Raises TransientFailure or PermanentFailure when it does not answer."""
        with self._client("ping") as client:
            return str(client.command("SELECT version()"))

    def migrate(self) -> list[str]:
        """Apply the migrations that are missing; running it again, or twice at once, is harmless."""
        with self._bare_client("create database") as client:
            client.command(f"CREATE DATABASE IF NOT EXISTS {self._database}")
        with self._client("migrate") as client:
            client.command(
                "CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, name String, sha256 String) "
                "ENGINE = MergeTree ORDER BY version"
            )
            applied = {int(row[0]) for row in client.query("SELECT version FROM schema_migrations").result_rows}
            pending = [one for one in migrations() if one[0] not in applied]
            for version, name, text in pending:
                for one in split_statements(text):
                    client.command(one)
                client.insert("schema_migrations", [[version, name, hashlib.sha256(text.encode()).hexdigest()]])
            return [name for _, name, _ in pending]

    def close(self) -> None:
        """Close the client of this process; the next call opens another."""
        self._shared.close()

    # -- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _client(self, doing: str) -> Iterator[Client]:
        with _translated(doing):
            yield self._shared.get(lambda: self._connect(self._database))

    @contextmanager
    def _bare_client(self, doing: str) -> Iterator[Client]:
        """A client without a database: for the moment before it exists."""
        with _translated(doing):
            client = self._connect(None)
            try:
                yield client
            finally:
                client.close()

    def _settings(self) -> dict[str, Any]:
        return {"log_comment": self._comment}

    def _command(self, client: Client, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        client.command(sql, parameters=_bound(parameters), settings=self._settings())

    def _load(self, client: Client, target: str, load: str, parameters: Mapping[str, Any]) -> None:
        settings = {**self._settings(), "max_partitions_per_insert_block": 0}
        client.command(statement(load), parameters=_bound({**parameters, "target": target}), settings=settings)

    def _insert(self, client: Client, table: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        columns = list(rows[0])
        settings = {**self._settings(), "max_partitions_per_insert_block": 0}
        client.insert(table, [[row[c] for c in columns] for row in rows], column_names=columns, settings=settings)

    @contextmanager
    def _staging(self, client: Client, table: str) -> Iterator[str]:
        """A table like `table` for one load; leftovers of loads that died are removed first."""
        self._drop_abandoned_staging(client)
        name = _staging_name(table)
        self._command(client, f"CREATE TABLE {name} AS {table}")
        try:
            yield name
        finally:
            self._command(client, f"DROP TABLE IF EXISTS {name} SYNC")

    def _put_in_place(
        self, client: Client, table: str, staging: str, partitions: Sequence[str], key: str
    ) -> None:
        filled = {
            f"'{row[0]}'" for row in client.query(f"SELECT DISTINCT toString({key}) FROM {staging}").result_rows
        }
        for partition in partitions:
            # REPLACE from a staging table without that partition is refused by the engine: an empty day is dropped.
            change = f"REPLACE PARTITION {partition} FROM {staging}" if partition in filled else f"DROP PARTITION {partition}"
            self._command(client, f"ALTER TABLE {table} {change}")

    def _rows_by_day(self, client: Client, table: str, days: Sequence[date]) -> dict[date, int]:
        counted = client.query(
            f"SELECT day, count() FROM {table} WHERE day BETWEEN {{first:Date}} AND {{last:Date}} GROUP BY day",
            parameters=_span(days),
        ).result_rows
        return {day: 0 for day in days} | {day: int(count) for day, count in counted if day in set(days)}

    @contextmanager
    def _lines(self, client: Client, path: Path) -> Iterator[str]:
        """The file's lines as a table with the single column `line`."""
        name = _staging_name("lines")
        self._command(client, f"CREATE TABLE {name} (line String) ENGINE = MergeTree ORDER BY tuple()")
        try:
            with path.open("rb") as stream:
                client.raw_insert(name, insert_block=stream, fmt="LineAsString", settings=self._settings())
            yield name
        finally:
            self._command(client, f"DROP TABLE IF EXISTS {name} SYNC")

    def _refused(self, client: Client, lines: str, parameters: Mapping[str, Any]) -> list[Row]:
        result = client.query(
            statement("select_refused_lines"),
            parameters=_bound({"lines": lines, **{key: parameters[key] for key in ("ts_path", "event_type_path")}}),
            settings=self._settings(),
        )
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def _drop_abandoned_staging(self, client: Client) -> None:
        tables = client.query(
            "SELECT name, metadata_modification_time FROM system.tables "
            "WHERE database = currentDatabase() AND startsWith(name, 'staging__')"
        ).result_rows
        for name, changed_at in tables:
            if _is_abandoned(name, changed_at):
                self._command(client, f"DROP TABLE IF EXISTS {name} SYNC")


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


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Errors of the driver as failures that say whether trying again can help."""
    try:
        yield
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        kind = TransientFailure if is_transient_clickhouse_code(code) else PermanentFailure
        raise kind(f"warehouse, {doing}: {error}") from error


def _bound(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(parameters or {})


def _span(days: Sequence[date]) -> dict[str, Any]:
    return {"first": min(days), "last": max(days)}


def _host_mark() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _staging_name(table: str) -> str:
    """`staging__<table>__<host>_<pid>_<token>`: who made it can be seen from its name."""
    return f"staging__{table}__{_host_mark()}_{os.getpid()}_{uuid.uuid4().hex[:8]}"


def _is_abandoned(name: str, changed_at: datetime) -> bool:
    """Whether the load that made this staging table has died."""
    host, pid, _ = name.rsplit("__", 1)[1].split("_")
    if host == _host_mark():
        return not _is_alive(int(pid))
    age_s = time.time() - changed_at.replace(tzinfo=changed_at.tzinfo or UTC).timestamp()
    return age_s > FOREIGN_STAGING_HOURS * 3600


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def json_text(value: Any) -> str:
    """JSON as it is stored: sorted, so that the same content is the same bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
