"""Events from files into whole days of a table, read by the engine itself wherever it can open the file."""

import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any, BinaryIO

from clickhouse_connect.driver.exceptions import ClickHouseError

from muse_domain.failures import (
    INPUT_CLICKHOUSE_CODES,
    LineTooLong,
    PermanentFailure,
    UnreadableInput,
    is_unreadable_object_code,
)
from muse_domain.ports import EventColumns, LineFile, LineSizes, RefusedLines, Row
from muse_resources.engine import Engine, engine_words
from muse_resources.object_store import PATIENCE, ObjectStore
from muse_resources.statements import statement

# The engine reads by blocks of this many bytes and rows: enough for its full speed, little enough for a small machine.
_READING = PATIENCE | {
    # Lines are taken apart in portions that stay in a core's cache, which is faster than by 65,409, as is usual.
    "max_block_size": 16_384,
    "max_partitions_per_insert_block": 0,
    "max_insert_block_size": 524_288,
    "min_insert_block_size_rows": 524_288,
    "min_insert_block_size_bytes": 0,
    # Blocks are counted in rows, else: of lines of a megabyte one would hold gigabytes.
    "input_format_max_block_size_bytes": 67_108_864,
    "max_read_buffer_size": 131_072,
    # Lines are found faster by one thread than handed to several as chunks; what is made of them is still parallel.
    "input_format_parallel_parsing": 0,
    # Mapped into memory, as the embedded engine would have it, a file counts as memory with its whole size.
    "storage_file_read_method": "pread",
}
# A line is held while its end is looked for, in memory that doubles: this is enough for one of 128 MiB.
_LOOKING = PATIENCE | {
    "max_memory_usage": 402_653_184,
    "max_threads": 1,
    "input_format_parallel_parsing": 0,
    "input_format_max_block_size_bytes": 1_048_576,
}
_PATH = "{path:String} AS source_path"
# Where a refused event stands: its own line, or the document that it was unpacked from.
_OWN_PLACE = {"place_sha256": "SHA256(line)", "place_bytes": "length(line)"}
_PLACE = {"place_sha256": "document_sha256", "place_bytes": "document_bytes"}
# Of what this statement may take, not of what all of them or the machine may.
_OWN_LIMIT = re.compile(r"Query memory limit exceeded|Memory limit \(for query\) exceeded")
_BYTE_ORDER_MARK = "if(startsWith(line, unhex('EFBBBF')), substring(line, 4), line)"


class DayLoad:
    """One load of `table`: rows gathered in a staging table, then put in place day by day."""

    def __init__(self, engine: Engine, table: str, gathered: str, shares_files: bool, objects: ObjectStore) -> None:
        self._engine = engine
        self._table = table
        self._gathered = gathered
        self._shares_files = shares_files
        self._objects = objects

    def add(self, files: Sequence[LineFile], columns: EventColumns, first: date, last: date) -> None:
        """Gather the events of files that are alike whose day lies between first and last, both included.

        Files that the engine opens itself are read by one statement: they lie in one folder, and nothing else does.
        """
        span = {"first": first, "last": last, "target": self._gathered}
        opens_them = self._shares_files and not files[0].url
        for together in [files] if opens_them else [[file] for file in files]:
            with _blaming(together[0]), self._lines(*together) as (lines, bound):
                sql = _filled(statement("load_events"), columns, lines)
                self._engine.command(sql, {**columns.parameters, **bound, **span}, **_READING)

    def drop(self, file: LineFile) -> None:
        """Forget what a file gave."""
        self._engine.command(f"DELETE FROM {self._gathered} WHERE source_path = {{path:String}}", {"path": file.shown})

    def keep(self, paths: Sequence[str], days: Sequence[date]) -> None:
        """Gather what the table has of these files and days."""
        self._engine.load(
            f"INSERT INTO {self._gathered} SELECT * FROM {self._table} "
            "WHERE day IN {days:Array(Date)} AND source_path IN {paths:Array(String)}",
            {"days": list(days), "paths": list(paths)},
        )

    def rows_by_file(self) -> dict[str, dict[date, int]]:
        """How many rows of each day each file gave."""
        found: dict[str, dict[date, int]] = {}
        for row in self._engine.rows(
            f"SELECT source_path, day, count() AS rows FROM {self._gathered} GROUP BY source_path, day"
        ):
            found.setdefault(row["source_path"], {})[row["day"]] = row["rows"]
        return found

    def sample(self, most: int) -> list[Row]:
        """The first gathered rows by time."""
        return self._engine.rows(
            f"SELECT * FROM {self._gathered} ORDER BY ts, event_type LIMIT {{most:UInt32}}", {"most": most}
        )

    def refused(self, file: LineFile, columns: EventColumns, most: int) -> RefusedLines:
        """What was refused of a file: the first `most` lines, and how many in all."""
        with _blaming(file), self._lines(file) as (lines, bound):
            sql = _filled(statement("select_refused_events"), columns, lines, _PLACE if file.unpack else _OWN_PLACE)
            rows = self._engine.rows(sql, {**columns.parameters, **bound, "most": most}, **PATIENCE)
        return RefusedLines(rows, rows[0]["total"] if rows else 0)

    def put_in_place(self, days: Sequence[date], *, number_sessions: bool) -> dict[date, int]:
        """Make the gathered rows the whole content of these days; returns how many there are.

        An event that came twice on a day is taken once. `number_sessions` replaces the names of sessions by numbers.
        """
        if not days:
            return {}
        unsettled = [day for day in self._unsettled(number_sessions) if day in set(days)]
        settled = [day for day in days if day not in set(unsettled)]
        rows = self._engine.put_in_place(self._table, self._gathered, settled)
        if unsettled:
            with self._engine.staging(self._table) as staging:
                bound = {"days": unsettled, "number_sessions": number_sessions}
                tables = {"gathered": self._gathered, "target": staging}
                self._engine.load(statement("load_settled_events"), {**bound, **tables})
                rows |= self._engine.put_in_place(self._table, staging, unsettled)
        return rows

    def _unsettled(self, number_sessions: bool) -> list[date]:
        """Days on which an event came twice, or whose sessions are still to be made."""
        bound = {"gathered": self._gathered, "number_sessions": number_sessions}
        [found] = self._engine.rows(statement("select_is_unsettled"), bound)
        if not found["is_unsettled"]:
            return []
        return [row["day"] for row in self._engine.rows(statement("select_unsettled_days"), bound)]

    def head(self, file: LineFile, size: int) -> bytes:
        """The first bytes of a file, uncompressed."""
        rows = self._look(file, f"SELECT hex(substring(line, 1, {size})) AS line FROM <lines> LIMIT 2")
        return b"\n".join(bytes.fromhex(row["line"]) for row in rows)[:size]

    def measure(self, file: LineFile) -> LineSizes:
        """How long the lines of a file are, uncompressed."""
        sizes = "count() AS lines, max(length(line)) AS longest_bytes, sum(length(line)) + lines AS total_bytes"
        [row] = self._look(file, f"SELECT {sizes} FROM <lines>")
        return LineSizes(**row)

    def _look(self, file: LineFile, sql: str) -> list[Row]:
        """The rows of a query over the lines as they stand, in bounded memory."""
        plain = replace(file, layout="lines", unpack="", byte_order_mark=False)
        with _blaming(file), _blaming_lines(), self._lines(plain) as (lines, bound):
            return self._engine.rows(sql.replace("<lines>", lines), bound, **_LOOKING)

    def _object(self, file: LineFile) -> tuple[str, dict[str, Any]]:
        if file.layout == "parquet":
            source, bound = self._objects.source(file.url, "Parquet")
            return f"(SELECT formatRowNoNewline('JSONEachRow', *) AS line, {_PATH} FROM {source})", bound
        form = "LineAsString" if file.layout == "lines" else "RawBLOB"
        source, bound = self._objects.source(file.url, form, "line String")
        return f"(SELECT line, {_PATH} FROM {source})", {**bound, "compression": "gzip" if file.gzip else "none"}

    @contextmanager
    def _lines(self, file: LineFile, *others: LineFile) -> Iterator[tuple[str, dict[str, Any]]]:
        """A table expression with the columns `line`, one event a row, and `source_path`; and what it is bound to."""
        if file.url:
            yield _unpacked(file, *self._object(file))
        elif self._shares_files:
            yield _unpacked(file, *_table_function(file, *others))
        elif file.layout == "parquet":
            raise PermanentFailure(f"{file.shown}: only the embedded engine reads Parquet; convert it to JSON lines")
        else:
            with self._engine.lines_table() as name, _opened(file) as stream:
                form = "LineAsString" if file.layout == "lines" else "RawBLOB"
                self._engine.client.raw_insert(name, insert_block=stream, fmt=form)
                yield _unpacked(file, f"(SELECT line, {_PATH} FROM {name})", {})


def _filled(sql: str, columns: EventColumns, lines: str, place: Mapping[str, str] | None = None) -> str:
    expressions = {**columns.expressions, **(place or {}), "lines": lines}
    # In one pass: a mapped field may be called `<lines>` itself.
    return re.sub(r"<(\w+)>", lambda found: expressions[found[1]], sql)


def _table_function(file: LineFile, *others: LineFile) -> tuple[str, dict[str, Any]]:
    bound: dict[str, Any] = {"file": str(file.path), "compression": "gzip" if file.gzip else "none"}
    path = _PATH
    if others:
        bound["file"] = str(file.path.parent / "*")
        bound["names"] = [one.path.name for one in (file, *others)]
        bound["paths"] = [one.shown for one in (file, *others)]
        path = "transform(_file, {names:Array(String)}, {paths:Array(String)}, '') AS source_path"
    if file.layout == "parquet":
        return (
            f"(SELECT formatRowNoNewline('JSONEachRow', *) AS line, {path} FROM file({{file:String}}, 'Parquet'))",
            bound,
        )
    form = "LineAsString" if file.layout == "lines" else "RawBLOB"
    return f"(SELECT line, {path} FROM file({{file:String}}, '{form}', 'line String', {{compression:String}}))", bound


def _unpacked(file: LineFile, lines: str, bound: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if file.byte_order_mark:
        lines = f"(SELECT {_BYTE_ORDER_MARK} AS line, source_path FROM {lines})"
    if file.unpack:
        # Of the document only its hash goes on: beside each of its events it would be there a thousand times.
        place = "SHA256(line) AS document_sha256, length(line) AS document_bytes"
        documents = f"(SELECT line AS document, {place}, source_path FROM {lines})"
        unpacked = f"arrayJoin({statement(file.unpack)}) AS line, document_sha256, document_bytes, source_path"
        lines = f"(SELECT {unpacked} FROM {documents})"
    return lines, {"path": file.shown, **bound}


@contextmanager
def _blaming(file: LineFile) -> Iterator[None]:
    """Errors of the engine that are a fault of the file that it reads, or of the store that has it."""
    try:
        yield
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        if code in INPUT_CLICKHOUSE_CODES or (file.url and is_unreadable_object_code(code)):
            raise UnreadableInput(engine_words(error)) from error
        raise


@contextmanager
def _blaming_lines() -> Iterator[None]:
    """The memory limit of a look as what has used it up."""
    try:
        yield
    except ClickHouseError as error:
        if _OWN_LIMIT.search(str(error)):
            raise LineTooLong("a line is too long to be read") from error
        raise


@contextmanager
def _opened(file: LineFile) -> Iterator[BinaryIO]:
    try:
        with file.path.open("rb") as plain:
            yield gzip.GzipFile(fileobj=plain) if file.gzip else plain  # type: ignore[misc]
    except OSError as error:
        raise PermanentFailure(f"{file.shown} cannot be read ({error.strerror}): mend it, or leave it out") from error
