"""Turns one HTTP request for ``/`` into a statement on the right handle, and its answer into an HTTP
response.
"""

import contextlib
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from muse_resources.embedded.engine import NOT_IMPLEMENTED, Engine, EngineError, Handle, quoted_name
from muse_resources.embedded.execution import (
    DEFAULT_FORMAT,
    Answer,
    Call,
    add_external_table,
    execute,
    summary_header,
)
from muse_resources.embedded.http_protocol import BadRequest, Request, Responder
from muse_resources.embedded.sessions import DEFAULT_TIMEOUT_S, Sessions, settings_of_one_request
from muse_resources.embedded.uploads import FormPart, read_form, receive_upload

# Parameters that concern the transport, plus settings that only a server's own HTTP handler acts on.
_TRANSPORT_PARAMS = frozenset(
    {
        "query",
        "database",
        "default_format",
        "session_id",
        "session_timeout",
        "session_check",
        "query_id",
        "user",
        "password",
        "quota_key",
        "role",
        "buffer_size",
        "wait_end_of_query",
        "compress",
        "decompress",
        "stacktrace",
        "client_protocol_version",
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
    }
)
_TAG_LETTERS = string.ascii_lowercase


@dataclass(frozen=True)
class _Query:
    """What a request asks for, whatever way it was encoded."""

    sql: bytes
    params: dict[str, str]
    settings: dict[str, str]
    externals: list[FormPart] = field(default_factory=list)


class QueryService:
    """Answers queries on one engine."""

    def __init__(self, engine: Engine, spool_folder: Path) -> None:
        self._engine = engine
        self._spool_folder = spool_folder
        self.sessions = Sessions(engine)

    def answer(self, request: Request, responder: Responder) -> None:
        """Runs the request's statement and sends the result. Raises EngineError, BadRequest or
        TruncatedUpload, all before anything was sent; a later failure is written into the stream.
        """
        if request.params.get("compress") == "1" or request.params.get("decompress") == "1":
            raise EngineError.raised_here(
                NOT_IMPLEMENTED,
                "NOT_IMPLEMENTED",
                "compress=1 and decompress=1 are not supported; use Content-Encoding",
            )
        upload = receive_upload(request.body, request.headers.get("content-encoding", ""), self._spool_folder)
        query = _read_query_params(request.params)
        with upload:
            content_type = request.headers.get("content-type", "")
            if content_type.startswith("multipart/form-data"):  # the form is the whole body
                query = _with_form(query, read_form(content_type, upload.read()))
            with self._handle_for(request, query) as handle:
                self._run(handle, request, query, upload, responder)

    def _run(self, handle: Handle, request: Request, query: _Query, upload: BinaryIO, responder: Responder) -> None:
        prefix = query.sql + b"\n" if query.sql else b""
        default_format = request.params.get("default_format") or request.headers.get("x-clickhouse-format")
        call = Call(
            prefix=prefix,
            upload=upload,
            params=query.params,
            default_format=default_format or DEFAULT_FORMAT,
            spool_folder=self._spool_folder,
            waits_for_end=request.params.get("wait_end_of_query") == "1",
        )
        with (
            _external_tables(handle, query, request.params),
            contextlib.closing(execute(handle, call)) as answer,
        ):
            _send(answer, request.params.get("query_id") or secrets.token_hex(16), responder)

    @contextlib.contextmanager
    def _handle_for(self, request: Request, query: _Query) -> Iterator[Handle]:
        database = request.params.get("database", "")
        session_id = request.params.get("session_id")
        if session_id:
            timeout_s = _timeout_s(request.params.get("session_timeout"))
            must_exist = request.params.get("session_check") == "1"
            with (
                self.sessions.use(session_id, timeout_s=timeout_s, must_exist=must_exist) as handle,
                settings_of_one_request(handle, database, query.settings),
            ):
                yield handle
            return
        handle = self._engine.new_handle()
        try:
            handle.set(query.settings)
            if database not in ("", "default"):
                handle.use(database)
            yield handle
        finally:
            handle.close()


def _timeout_s(text: str | None) -> float:
    try:
        return float(text) if text else DEFAULT_TIMEOUT_S
    except ValueError as error:
        raise BadRequest("session_timeout is not a number of seconds") from error


def _read_query_params(params: dict[str, str]) -> _Query:
    bound = {name[6:]: value for name, value in params.items() if name.startswith("param_")}
    settings = {
        name: value
        for name, value in params.items()
        if name not in _TRANSPORT_PARAMS and not name.startswith("param_") and not _describes_external(name, params)
    }
    return _Query(params.get("query", "").encode(), bound, settings)


def _describes_external(name: str, params: dict[str, str]) -> bool:
    """``x_structure``, ``x_types`` and ``x_format`` describe an external table x and are no settings. A
    setting's name may end the same way, so a format counts only beside one of the others.
    """
    table, _, what = name.rpartition("_")
    if what in ("structure", "types"):
        return bool(table)
    return what == "format" and (f"{table}_structure" in params or f"{table}_types" in params)


def _with_form(query: _Query, parts: list[FormPart]) -> _Query:
    bound, externals, sql = dict(query.params), [], query.sql
    for part in parts:
        if part.filename is not None:
            externals.append(part)
        elif part.name == "query":
            sql = part.content
        elif part.name.startswith("param_"):
            bound[part.name[6:]] = part.content.decode()
    return replace(query, sql=sql, params=bound, externals=externals)


@contextlib.contextmanager
def _external_tables(handle: Handle, query: _Query, params: dict[str, str]) -> Iterator[None]:
    created: list[str] = []
    try:
        for part in query.externals:
            name = quoted_name(part.name)
            created.append(name)
            add_external_table(
                handle,
                name,
                _structure(part.name, params),
                params.get(f"{part.name}_format", DEFAULT_FORMAT),
                [part.content],
            )
        yield
    finally:
        for name in created:  # a session's handle lives on
            with contextlib.suppress(EngineError):
                handle.query(f"DROP TABLE IF EXISTS {name}".encode(), DEFAULT_FORMAT)


def _structure(name: str, params: dict[str, str]) -> str:
    """As the server does it: either names with types, or types only for columns _1, _2..."""
    if structure := params.get(f"{name}_structure"):
        return structure
    types = params.get(f"{name}_types")
    if not types:
        raise BadRequest(f"external table {name} has neither {name}_structure nor {name}_types")
    return ", ".join(f"_{number} {kind}" for number, kind in enumerate(_split_types(types), start=1))


def _split_types(types: str) -> list[str]:
    """Splits at commas outside of brackets."""
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _send(answer: Answer, query_id: str, responder: Responder) -> None:
    headers = {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Timezone": "UTC",
        "Content-Type": "application/octet-stream",
    }
    if answer.format is not None:
        headers["X-ClickHouse-Format"] = answer.format
    if answer.summary:
        headers["X-ClickHouse-Summary"] = summary_header(answer)
    if answer.file is not None:
        responder.send_file(headers, answer.file, answer.file_bytes)
    elif answer.rest is None:
        responder.send(200, headers, *answer.pieces)
    else:
        _send_stream(answer, headers, responder)


def _send_stream(answer: Answer, headers: dict[str, str], responder: Responder) -> None:
    tag = "".join(secrets.choice(_TAG_LETTERS) for _ in range(16))
    responder.start_stream({**headers, "X-ClickHouse-Exception-Tag": tag})
    responder.send_pieces(answer.pieces)
    try:
        responder.send_pieces(answer.rest or ())
    except EngineError as error:
        message = str(error).encode()
        tail = b"\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n"
        responder.break_stream(tail % (tag.encode(), message, len(message) + 1, tag.encode()))
        return
    responder.end_stream()
