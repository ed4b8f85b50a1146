"""Runs one statement on a handle and gives back an answer that can be sent piece by piece.

Three ways, because the engine streams only some results: SELECTs in formats without a header or footer are
streamed block by block; SELECTs in any other format are written by the engine to a file which is then sent;
everything else (DDL, SHOW, EXISTS, INSERT ... SELECT) is small and answered from memory.
"""

import json
import os
import tempfile
import uuid
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from muse_resources.embedded.engine import EngineError, Handle, quoted
from muse_resources.embedded.http_protocol import PIECE_BYTES
from muse_resources.embedded.statement import Statement, read_statement

Blocks = Generator[bytes, None, None]
DEFAULT_FORMAT = "TabSeparated"
_HEAD_BYTES = 64 << 10
_HELD_BACK_BYTES = 1 << 20
_MOST_IN_MEMORY_BYTES = 32 << 20
# The engine encodes every block by itself, so only formats whose blocks can simply be joined may be streamed.
_JOINABLE_FORMATS = frozenset(
    {
        "Native",
        "TabSeparated",
        "TSV",
        "TabSeparatedRaw",
        "TSVRaw",
        "CSV",
        "RowBinary",
        "JSONEachRow",
        "JSONLines",
        "NDJSON",
        "JSONCompactEachRow",
    }
)


@dataclass
class Answer:
    """A result on its way to the client.

    Complete in ``pieces``, or complete in ``file`` (of ``file_bytes``), or streamed: ``pieces``, then
    ``rest``, which may raise EngineError. ``format`` is None for a statement without a result.
    """

    format: str | None = None
    summary: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    rest: Blocks | None = None
    file: BinaryIO | None = None
    file_bytes: int = 0

    def close(self) -> None:
        """Cancels what is still running and gives the file free."""
        if self.rest is not None:
            self.rest.close()
        if self.file is not None:
            self.file.close()


@dataclass(frozen=True)
class Call:
    """A statement with its bound parameters; ``prefix`` + ``upload`` is the text, and the data if it is an
    INSERT.
    """

    prefix: bytes
    upload: BinaryIO
    params: Mapping[str, str]
    default_format: str
    spool_folder: Path
    waits_for_end: bool


def execute(handle: Handle, call: Call) -> Answer:
    """Runs the statement. Raises EngineError; an error after the first megabyte of a result comes out of
    ``rest``.
    """
    start = call.prefix + call.upload.read(_HEAD_BYTES)
    statement = read_statement(start)
    if statement.is_upload:
        return _insert_rows(handle, call, statement, start)
    text = start + call.upload.read()
    if len(text) > len(start):
        statement = read_statement(text)
        if statement.is_upload:
            return _insert_rows(handle, call, statement, text)
    if not statement.is_streamed:
        return _run_whole(handle, call, statement, text)
    try:
        return _select(handle, call, statement, text)
    except EngineError as error:
        if not error.is_refusal_to_stream:
            raise
    return _run_whole(handle, call, statement, text)  # WITH ... INSERT


def _insert_rows(handle: Handle, call: Call, statement: Statement, start: bytes) -> Answer:
    handle.set({f"param_{name}": value for name, value in call.params.items()})
    rows = _rows_after(start[statement.data_start :], call.upload)
    result = handle.insert(start[: statement.head_end].rstrip(), statement.format or "", rows)
    return Answer(summary=_summary(written_rows=result.rows_written, written_bytes=result.bytes_written))


def _rows_after(first: bytes, upload: BinaryIO) -> Iterator[bytes]:
    if first:
        yield first
    while piece := upload.read(PIECE_BYTES):
        yield piece


def _run_whole(handle: Handle, call: Call, statement: Statement, text: bytes) -> Answer:
    """With names, a statement that has a result gives at least a line of names, and one without gives
    nothing.
    """
    has_own_format = statement.format is not None or call.default_format != DEFAULT_FORMAT
    used_format = call.default_format if has_own_format else "TabSeparatedWithNames"
    result = handle.query(text, used_format, call.params)
    body: bytes = result.bytes()
    answer = Answer(summary=_summary_of(result))
    if has_own_format and statement.keyword != "INSERT":
        answer.format, answer.pieces = statement.format or call.default_format, [body]
    elif body:
        answer.format, answer.pieces = DEFAULT_FORMAT, [body.partition(b"\n")[2]]
    return answer


def _select(handle: Handle, call: Call, statement: Statement, text: bytes) -> Answer:
    output_format = statement.format or call.default_format
    # Streamed block by block, totals would be missing without a word.
    if output_format not in _JOINABLE_FORMATS or statement.has_totals:
        return _select_to_file(handle, call, statement, text, output_format)
    blocks = handle.stream(text, output_format, call.params)
    held_back: list[bytes] = []
    room_bytes = _MOST_IN_MEMORY_BYTES if call.waits_for_end else _HELD_BACK_BYTES
    for block in blocks:
        held_back.append(block)
        room_bytes -= len(block)
        if room_bytes <= 0:
            if call.waits_for_end:
                return _keep_in_file(call, output_format, held_back, blocks)
            return Answer(format=output_format, pieces=held_back, rest=blocks)
    if not held_back and output_format == "Native":
        held_back.append(_native_header(handle, text[: statement.head_end], call.params))
    return Answer(format=output_format, pieces=held_back, summary=_summary())


def _keep_in_file(call: Call, output_format: str, start: list[bytes], blocks: Blocks) -> Answer:
    """A client that waits for the end learns of a late error as of any other, not by a broken stream."""
    file = cast(BinaryIO, tempfile.TemporaryFile(dir=call.spool_folder))  # noqa: SIM115 - see Answer.close
    try:
        file.writelines(start)
        file.writelines(blocks)
        size = file.tell()
        file.seek(0)
    except BaseException:
        blocks.close()
        file.close()
        raise
    return Answer(format=output_format, summary=_summary(), file=file, file_bytes=size)


def _select_to_file(handle: Handle, call: Call, statement: Statement, text: bytes, output_format: str) -> Answer:
    path = call.spool_folder / f"result-{uuid.uuid4().hex}"
    target = f" INTO OUTFILE {quoted(str(path))} FORMAT {output_format} ".encode()
    sql = text[: statement.head_end] + b"\n" + target + text[statement.tail_start :]
    try:
        result = handle.query(sql, output_format, call.params)
        file = open(path, "rb")  # noqa: SIM115 - closed with the answer
    finally:
        path.unlink(missing_ok=True)
    return Answer(
        format=output_format,
        summary=_summary_of(result),
        file=file,
        file_bytes=os.fstat(file.fileno()).st_size,
    )


def _native_header(handle: Handle, select: bytes, params: Mapping[str, str]) -> bytes:
    """A block without rows. A server sends it for an empty result, chDB does not, and clients need the
    columns.
    """
    query = "DESCRIBE TABLE (" + select.decode(errors="replace").rstrip("; \t\r\n") + "\n)"
    try:
        columns = handle.lines(query, params)
    except EngineError:
        return b""
    parts = [_varint(len(columns)), _varint(0)]
    for column in columns:
        parts += [_native_text(column["name"]), _native_text(column["type"])]
    return b"".join(parts)


def _native_text(text: str) -> bytes:
    data = text.encode()
    return _varint(len(data)) + data


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _summary_of(result: Any) -> dict[str, str]:
    return _summary(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
    )


def _summary(
    *, read_rows: int = 0, read_bytes: int = 0, written_rows: int = 0, written_bytes: int = 0
) -> dict[str, str]:
    return {
        "read_rows": str(read_rows),
        "read_bytes": str(read_bytes),
        "written_rows": str(written_rows),
        "written_bytes": str(written_bytes),
    }


def add_external_table(handle: Handle, name: str, structure: str, input_format: str, rows: Iterable[bytes]) -> None:
    """A temporary table that the statement can read, as sent along by a client. Raises EngineError."""
    handle.query(f"CREATE TEMPORARY TABLE {name} ({structure})".encode(), DEFAULT_FORMAT)
    handle.insert(f"INSERT INTO {name}".encode(), input_format, rows)


def summary_header(answer: Answer) -> str:
    return json.dumps(answer.summary)
