"""The part of HTTP/1.1 that a ClickHouse client uses, over a blocking socket: requests in, streamed answers
out.
"""

import contextlib
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import parse_qsl, urlsplit

PIECE_BYTES = 1 << 20
_LONGEST_LINE_BYTES = 4 << 20
_MOST_HEADERS = 200
_SENT_AT_ONCE_BYTES = 1 << 16

_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class BadRequest(Exception):
    """The bytes received are not a request that this server understands."""


class TruncatedUpload(Exception):
    """The client went away before its request was complete. Nothing of the request may take effect."""


class Body:
    """A request's body, read piece by piece. Raises TruncatedUpload if it ends before its announced end."""

    def __init__(self, stream: BinaryIO, *, length: int | None) -> None:
        """``length`` in bytes; None for a chunked body."""
        self._stream = stream
        self._is_chunked = length is None
        self._left = length or 0
        self.is_finished = length == 0

    def read_piece(self) -> bytes:
        """The next piece of at most PIECE_BYTES; empty at the end."""
        if self.is_finished:
            return b""
        try:
            return self._read_chunked() if self._is_chunked else self._read_counted()
        except OSError as error:
            raise TruncatedUpload(f"the connection failed during the upload: {error}") from error

    def discard(self, most_bytes: int) -> bool:
        """Reads the rest away. False if more than ``most_bytes`` remain, so the connection cannot be used
        again.
        """
        seen = 0
        while piece := self.read_piece():
            seen += len(piece)
            if seen > most_bytes:
                return False
        return True

    def _read_counted(self) -> bytes:
        piece = self._exactly(min(self._left, PIECE_BYTES))
        self._left -= len(piece)
        self.is_finished = self._left == 0
        return piece

    def _read_chunked(self) -> bytes:
        if self._left == 0:
            self._left = self._chunk_size()
            if self._left == 0:
                self._skip_trailers()
                self.is_finished = True
                return b""
        piece = self._exactly(min(self._left, PIECE_BYTES))
        self._left -= len(piece)
        if self._left == 0:
            self._exactly(2)
        return piece

    def _chunk_size(self) -> int:
        line = self._line()
        try:
            return int(line.split(b";")[0], 16)
        except ValueError as error:
            raise BadRequest("a chunk of the body has no valid size") from error

    def _skip_trailers(self) -> None:
        while self._line():
            pass

    def _line(self) -> bytes:
        line = self._stream.readline(_LONGEST_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise TruncatedUpload("the upload ended inside a chunk header")
        return line.strip()

    def _exactly(self, size: int) -> bytes:
        piece = self._stream.read(size)
        if len(piece) < size:
            raise TruncatedUpload("the upload ended before its announced length")
        return piece


@dataclass(frozen=True)
class Request:
    """One request. Header names are lower case; of a repeated URL parameter the last one counts."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Body

    @property
    def keeps_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


def read_request(stream: BinaryIO) -> Request | None:
    """The next request of a connection; None when the client has closed it. Raises BadRequest."""
    line = stream.readline(_LONGEST_LINE_BYTES)
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("not an HTTP/1.x request line")
    headers = _read_headers(stream)
    url = urlsplit(words[1])
    params = dict(parse_qsl(url.query, keep_blank_values=True))
    return Request(words[0], url.path or "/", params, headers, Body(stream, length=_body_length(headers)))


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = stream.readline(_LONGEST_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise BadRequest("the request ended inside its headers")
        if line in (b"\r\n", b"\n"):
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise BadRequest("too many headers")


def _body_length(headers: Mapping[str, str]) -> int | None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return None
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise BadRequest("Content-Length is not a number")
    return int(length)


class Responder:
    """Writes the one answer to a request. ``has_started`` tells whether an error can still replace it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.has_started = False
        self.keeps_alive = True

    def continue_upload(self) -> None:
        """Answers ``Expect: 100-continue``, which curl waits for before it sends a large body."""
        self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send(self, status: int, headers: Mapping[str, str], *pieces: bytes) -> None:
        """An answer that is complete in memory."""
        size = sum(map(len, pieces))
        head = self._head(status, {**headers, "Content-Length": str(size)})
        if size < _SENT_AT_ONCE_BYTES:
            pieces = (b"".join((head, *pieces)),)
        else:
            self._connection.sendall(head)
        for piece in pieces:
            self._connection.sendall(piece)

    def send_file(self, headers: Mapping[str, str], file: BinaryIO, size: int) -> None:
        """An answer that lies in a file of ``size`` bytes."""
        self._connection.sendall(self._head(200, {**headers, "Content-Length": str(size)}))
        self._connection.sendfile(file)

    def start_stream(self, headers: Mapping[str, str]) -> None:
        """Starts an answer whose length is not known yet."""
        self._connection.sendall(self._head(200, {**headers, "Transfer-Encoding": "chunked"}))

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """The next pieces of a started stream."""
        for piece in pieces:
            if len(piece):
                self._connection.sendall(b"%x\r\n" % len(piece))
                self._connection.sendall(piece)
                self._connection.sendall(b"\r\n")

    def end_stream(self) -> None:
        """Marks a started stream as complete."""
        self._connection.sendall(b"0\r\n\r\n")

    def break_stream(self, tail: bytes) -> None:
        """Ends a started stream as failed: ``tail``, then no end mark, so that no client takes it for
        complete.
        """
        self.keeps_alive = False
        with contextlib.suppress(OSError):
            self.send_pieces([tail])

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        self.has_started = True
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Connection: {'keep-alive' if self.keeps_alive else 'close'}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
