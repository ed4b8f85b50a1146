"""The warehouse on clickhouse-connect: the same code for the embedded engine and for a server.

A day is replaced as a whole: rows go into a staging table, and `REPLACE PARTITION` puts each day in place.
Killed half-way, or run twice at once, it leaves exactly one correct day.
"""

import hashlib
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from urllib3.exceptions import HTTPError

from muse_domain.facts import EvidenceRow, FactSpec
from muse_domain.failures import (
    PermanentFailure,
    TransientFailure,
    is_transient_clickhouse_code,
    is_transient_http_status,
)
from muse_domain.ports import Row
from muse_resources.embedded.connect import OwnerError
from muse_resources.liveness import is_alive
from muse_resources.statements import migrations, split_statements, statement

# Staging tables of another machine are left alone for this long: their load may still be running.
FOREIGN_STAGING_HOURS = 6

_STAGING = re.compile(r"staging__\w+__(?P<host>[0-9a-f]{8})_(?P<pid>\d+)_[0-9a-f]{8}")
_HTTP_STATUS = re.compile(r"HTTP status (\d{3})")


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
            return self._rows(client, statement(query), parameters)

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
        _refuse_naive_datetimes(table, batch)
        with self._client(f"replace days of {table}") as client, self._staging(client, table) as staging:
            self._fill(client, staging, batch)
            self._put_in_place(client, table, staging, [f"'{day}'" for day in days], "day")
        return len(batch)

    def replace_source(self, table: str, source: str, rows: Iterable[Row]) -> int:
        """Make `rows` the whole content of the partition `source` of a table that is partitioned by it."""
        batch = list(rows)
        strays = {row["source"] for row in batch} - {source}
        if strays:
            raise PermanentFailure(f"{table}: rows of {min(strays)!r} came with a load of {source!r}")
        _refuse_naive_datetimes(table, batch)
        with self._client(f"replace {source} of {table}") as client, self._staging(client, table) as staging:
            self._fill(client, staging, batch)
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

    def record_loads(self, source: str, rows_by_day: Mapping[date, int], *, files: int, inputs_sha256: str) -> None:
        """Note that these days of `source` are loaded, with how many rows: a day without rows is loaded too."""
        rows = [
            {"day": day, "source": source, "rows": count, "files": files, "inputs_sha256": inputs_sha256}
            for day, count in rows_by_day.items()
        ]
        with self._client(f"record loads of {source}") as client, self._staging(client, "day_loads") as staging:
            self._fill(client, staging, rows)
            partitions = [f"('{source}', '{day}')" for day in rows_by_day]
            for partition in partitions:
                self._command(client, f"ALTER TABLE day_loads REPLACE PARTITION {partition} FROM {staging}")

    def ping(self) -> str:
        """The server's version. Raises TransientFailure or PermanentFailure when it does not answer."""
        with self._bare_client("ping") as client:
            return str(self._rows(client, "SELECT version() AS version")[0]["version"])

    def migrate(self) -> list[str]:
        """Apply the migrations that are missing; running it again, or twice at once, is harmless."""
        with self._bare_client("create database") as client:
            self._command(client, f"CREATE DATABASE IF NOT EXISTS {self._database}")
        with self._client("migrate") as client:
            self._command(
                client,
                "CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, name String, sha256 String) "
                "ENGINE = MergeTree ORDER BY version",
            )
            applied = {row["version"] for row in self._rows(client, "SELECT version FROM schema_migrations")}
            pending = [one for one in migrations() if one[0] not in applied]
            for version, name, text in pending:
                for one in split_statements(text):
                    self._command(client, one)
                sha256 = hashlib.sha256(text.encode()).hexdigest()
                self._insert(client, "schema_migrations", [{"version": version, "name": name, "sha256": sha256}])
            return [name for _, name, _ in pending]

    def close(self) -> None:
        """Close the client of this process; the next call opens another."""
        self._shared.close()

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

    def _rows(self, client: Client, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        result = client.query(sql, parameters=_bound(parameters), settings=self._settings(), column_oriented=False)
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

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

    def _fill(self, client: Client, staging: str, rows: Sequence[Row]) -> None:
        """Insert all rows of a load, each once: clickhouse-connect repeats an insert whose connection was cut, and the
        first may have been executed all the same."""
        self._insert(client, staging, rows)
        [stored] = self._rows(client, f"SELECT count() AS rows FROM {staging}")
        if stored["rows"] != len(rows):
            raise TransientFailure(f"warehouse: {stored['rows']} rows arrived of {len(rows)}: the connection was cut")

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

    def _put_in_place(self, client: Client, table: str, staging: str, partitions: Sequence[str], key: str) -> None:
        found = self._rows(client, f"SELECT DISTINCT toString({key}) AS part FROM {staging}")
        filled = {f"'{row['part']}'" for row in found}
        for partition in partitions:
            # REPLACE from a staging table without that partition is refused by the engine: an empty day is dropped.
            replace = f"REPLACE PARTITION {partition} FROM {staging}"
            change = replace if partition in filled else f"DROP PARTITION {partition}"
            self._command(client, f"ALTER TABLE {table} {change}")

    def _rows_by_day(self, client: Client, table: str, days: Sequence[date]) -> dict[date, int]:
        counted = self._rows(
            client,
            f"SELECT day, count() AS rows FROM {table} WHERE day BETWEEN {{first:Date}} AND {{last:Date}} GROUP BY day",
            _span(days),
        )
        return dict.fromkeys(days, 0) | {row["day"]: row["rows"] for row in counted if row["day"] in set(days)}

    @contextmanager
    def _lines(self, client: Client, path: Path) -> Iterator[str]:
        """The file's lines as a table with the single column `line`."""
        name = _staging_name("lines")
        self._command(client, f"CREATE TABLE {name} (line String) ENGINE = MergeTree ORDER BY tuple()")
        try:
            with _opened(path) as stream:
                client.raw_insert(name, insert_block=stream, fmt="LineAsString", settings=self._settings())
            yield name
        finally:
            self._command(client, f"DROP TABLE IF EXISTS {name} SYNC")

    def _refused(self, client: Client, lines: str, parameters: Mapping[str, Any]) -> list[Row]:
        paths = {key: parameters[key] for key in ("ts_path", "event_type_path")}
        return self._rows(client, statement("select_refused_lines"), {"lines": lines, **paths})

    def _drop_abandoned_staging(self, client: Client) -> None:
        tables = self._rows(
            client,
            "SELECT name, metadata_modification_time AS changed_at FROM system.tables "
            "WHERE database = currentDatabase() AND startsWith(name, 'staging__')",
        )
        for table in tables:
            if _is_abandoned(table["name"], table["changed_at"]):
                self._command(client, f"DROP TABLE IF EXISTS {table['name']} SYNC")


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
    except (ClickHouseError, HTTPError, OwnerError, OSError) as error:
        kind = TransientFailure if _is_transient(error) else PermanentFailure
        raise kind(f"warehouse, {doing}: {error}") from error


def _is_transient(error: Exception) -> bool:
    """By the engine's code where it gave one; without one, a connection that was refused, cut or timed out."""
    code = getattr(error, "code", None)
    if code is not None:
        return is_transient_clickhouse_code(code)
    if status := _HTTP_STATUS.search(str(error)):
        return is_transient_http_status(int(status.group(1)))
    return isinstance(error, OperationalError | HTTPError | OwnerError | ConnectionError | TimeoutError)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise PermanentFailure(f"{path} cannot be read ({error.strerror}): mend its rights, or leave it out") from error
    with stream:
        yield stream


def _refuse_naive_datetimes(table: str, rows: Sequence[Row]) -> None:
    """A datetime without a zone would be stored as if it were the server's: a guess."""
    for row in rows:
        for column, value in row.items():
            if isinstance(value, datetime) and value.tzinfo is None:
                raise PermanentFailure(f"{table}.{column}: {value.isoformat()} has no time zone: give it one")


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
    maker = _STAGING.fullmatch(name)
    if maker is None:
        return False  # somebody else's table, whatever its name begins with
    if maker["host"] == _host_mark():
        return not is_alive(int(maker["pid"]))
    age_s = time.time() - changed_at.replace(tzinfo=changed_at.tzinfo or UTC).timestamp()
    return age_s > FOREIGN_STAGING_HOURS * 3600


def json_text(value: Any) -> str:
    """JSON as it is stored: sorted, so that the same content is the same bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
