"""One connection to ClickHouse with the run that it works for: queries, inserts, staging tables, whole partitions."""

import hashlib
import os
import random
import re
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from muse_domain.failures import TransientFailure
from muse_domain.ports import Row
from muse_resources.liveness import is_alive
from muse_resources.statements import statement

# Staging tables of another machine are left alone for this long: their load may still be running.
FOREIGN_STAGING_HOURS = 6
# Parts of a staging table that are merged at once: merging five, as is usual, takes a third of a load's time, for parts
# that change their table when it ends.
_MERGING = "SETTINGS merge_selector_base = 50"
# Changes of partitions in one statement: a statement for each would take most of the time.
MOST_CHANGES = 50
# How often a day is put in place that another load replaces at the same time.
MOST_ATTEMPTS = 20

_STAGING = re.compile(r"staging__\w+__(?P<host>[0-9a-f]{8})_(?P<pid>\d+)_[0-9a-f]{8}")

_NOISE = re.compile(
    r" \((?:[A-Z][A-Z0-9_]+|version [\d.]+|for url [^)]*)\)| on disk 'StorageS3'"
    r"|:? While (?:executing \w+|reading from: \S+)"
    r"|\.? You can specify the structure manually:| \(in file/uri [^)]*\)"
    r"|Poco::Exception\. Code: \d+, (?:e\.code\(\) = \d+, )?| HTTP response code: 1844674407\d+| S3 exception: ``,"
)


@dataclass(frozen=True, slots=True)
class Engine:
    """A client whose every query carries `comment` in its `log_comment`. Parameters are always bound."""

    client: Client
    comment: str

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any) -> list[Row]:
        """The rows of a query. Datetimes are aware UTC."""
        every = {**self._settings(), **settings}
        result = self.client.query(sql, parameters=dict(parameters or {}), settings=every, column_oriented=False)
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Run a statement that returns nothing."""
        self.client.command(sql, parameters=dict(parameters or {}), settings={**self._settings(), **settings})

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows. A cut connection may leave them twice: `fill` guards against that."""
        if not rows:
            return
        columns = list(rows[0])
        # A replicated table would take rows that it was given before, as the state of a day, for an insert repeated.
        settings = {**self._settings(), "max_partitions_per_insert_block": 0, "insert_deduplicate": 0}
        self.client.insert(table, [[row[c] for c in columns] for row in rows], column_names=columns, settings=settings)

    def fill(self, staging: str, rows: Sequence[Row]) -> None:
        """Insert all rows of a load, each once: clickhouse-connect repeats an insert whose connection was cut, and the
        first may have been executed all the same."""
        self.insert(staging, rows)
        [stored] = self.rows(f"SELECT count() AS rows FROM {staging}")
        if stored["rows"] != len(rows):
            raise TransientFailure(f"warehouse: {stored['rows']} rows arrived of {len(rows)}: the connection was cut")

    def load(self, sql: str, parameters: Mapping[str, Any]) -> None:
        """Run an `INSERT ... SELECT` that may fill any number of partitions."""
        self.command(sql, parameters, max_partitions_per_insert_block=0)

    @contextmanager
    def staging(self, table: str) -> Iterator[str]:
        """A table like `table` for one load; leftovers of loads that died are removed first.

        It is never replicated, though `table` may be: a partition that is put in place reaches all replicas at once.
        """
        with self._temporary(table, f"AS {table} {self._keys(table)} {_MERGING}") as name:
            yield name

    def _keys(self, table: str) -> str:
        for keys in self.rows(statement("select_table_keys"), {"table": table}):
            return f"ENGINE = MergeTree PARTITION BY {keys['partition_key']} ORDER BY ({keys['sorting_key']})"
        return ""  # the engine itself says best that there is no such table

    @contextmanager
    def lines_table(self) -> Iterator[str]:
        """A table with the single column `line`, for files that the engine cannot read by itself."""
        with self._temporary("lines", "(line String) ENGINE = MergeTree ORDER BY tuple()") as name:
            yield name

    @contextmanager
    def _temporary(self, table: str, definition: str) -> Iterator[str]:
        self._drop_abandoned_staging()
        name = _staging_name(table)
        self.command(f"CREATE TABLE {name} {definition}")
        try:
            yield name
        finally:
            self.command(f"DROP TABLE IF EXISTS {name} SYNC")

    def put_in_place(self, table: str, staging: str, days: Sequence[date]) -> dict[date, int]:
        """Make these days of `staging` those of `table`; one that `staging` lacks is emptied. Returns their rows.

        Two loads that replace a day at the same instant may leave the rows of both: the engine drops what it saw when
        it began. Whoever is last finds more rows than its own, and replaces the day again.
        Raises TransientFailure where another load comes between each time.
        """
        staged, found, left = self.rows_by_day(staging, days), dict.fromkeys(days, 0), days
        for attempt in range(MOST_ATTEMPTS):
            time.sleep(random.uniform(0, 0.05 * attempt))  # not in step with the other load
            self._replace(table, staging, {day: staged[day] for day in left})
            found |= self.rows_by_day(table, left)
            left = [day for day in left if found[day] > staged[day]]
            if not left:
                return found
        raise TransientFailure(f"warehouse: another load replaces {left[0]} of {table} again and again")

    def _replace(self, table: str, staging: str, staged: Mapping[date, int]) -> None:
        # REPLACE from a staging table without that partition is refused by the engine: an empty day is dropped.
        changes = [
            f"REPLACE PARTITION '{day}' FROM {staging}" if rows else f"DROP PARTITION '{day}'"
            for day, rows in staged.items()
        ]
        statements = [
            f"ALTER TABLE {table} {', '.join(changes[start : start + MOST_CHANGES])}"
            for start in range(0, len(changes), MOST_CHANGES)
        ]
        # A statement works on one partition after the other, with one thread.
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(self.command, statements):
                pass

    def rows_by_day(self, table: str, days: Sequence[date]) -> dict[date, int]:
        """How many rows a table has of each of these days."""
        if not days:
            return {}
        span = {"first": min(days), "last": max(days)}
        counted = self.rows(
            f"SELECT day, count() AS rows FROM {table} WHERE day BETWEEN {{first:Date}} AND {{last:Date}} GROUP BY day",
            span,
        )
        return dict.fromkeys(days, 0) | {row["day"]: row["rows"] for row in counted if row["day"] in set(days)}

    def _settings(self) -> dict[str, Any]:
        return {"log_comment": self.comment}

    def _drop_abandoned_staging(self) -> None:
        tables = self.rows(
            "SELECT name, metadata_modification_time AS changed_at FROM system.tables "
            "WHERE database = currentDatabase() AND startsWith(name, 'staging__')"
        )
        for table in tables:
            if _is_abandoned(table["name"], table["changed_at"]):
                self.command(f"DROP TABLE IF EXISTS {table['name']} SYNC")


def engine_words(error: Exception, longest: int = 300) -> str:
    """The innermost reason that the engine gives, without its codes, its version and where it was asked."""
    reason = " ".join(str(error).split()).rpartition("DB::Exception: ")[2]
    return _NOISE.sub("", reason).strip(" :.")[:longest]


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
