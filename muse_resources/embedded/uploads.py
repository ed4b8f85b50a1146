"""Uploads: received completely, decompressed and checked, before the engine sees the first byte.

A client that dies while sending must leave nothing behind. The engine commits large inserts block by block,
so feeding it while receiving could commit half of an upload. Small uploads stay in memory, larger ones lie in
an unnamed file.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from muse_resources.embedded.http_protocol import BadRequest, Body, TruncatedUpload

_MOST_IN_MEMORY_BYTES = 8 << 20


class _PlainDecoder:
    is_complete = True

    def decode(self, piece: bytes) -> bytes:
        return piece


class _FrameDecoder:
    """Any number of compressed frames one after the other, which is what ClickHouse clients send."""

    def __init__(self, new_frame: Callable[[], Any]) -> None:
        self._new_frame = new_frame
        self._frame = new_frame()
        self.is_complete = True

    def decode(self, piece: bytes) -> bytes:
        parts = []
        while piece:
            parts.append(self._frame.decompress(piece))
            self.is_complete = self._frame.eof
            if not self.is_complete:
                break
            piece = self._frame.unused_data
            self._frame = self._new_frame()
        return b"".join(parts)


def _lz4_frame() -> Any:
    import lz4.frame  # type: ignore[import-untyped]

    return lz4.frame.LZ4FrameDecompressor()


def _zstd_frame() -> Any:
    from backports import zstd

    return zstd.ZstdDecompressor()


_FRAMES: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(15),
    "lz4": _lz4_frame,
    "zstd": _zstd_frame,
}


def _decoder_for(encoding: str) -> _PlainDecoder | _FrameDecoder:
    if encoding in ("", "identity"):
        return _PlainDecoder()
    if encoding not in _FRAMES:
        raise BadRequest(f"Content-Encoding {encoding} is not one of {', '.join(sorted(_FRAMES))}")
    return _FrameDecoder(_FRAMES[encoding])


def receive_upload(body: Body, encoding: str, spool_folder: Path) -> BinaryIO:
    """The decompressed body as a file at position 0; the caller closes it.

    Raises TruncatedUpload if the body or its last compressed frame is not complete, BadRequest if it cannot
    be decompressed.
    """
    decoder = _decoder_for(encoding)
    # closed by the caller
    spool = cast(BinaryIO, SpooledTemporaryFile(_MOST_IN_MEMORY_BYTES, dir=str(spool_folder)))  # noqa: SIM115
    try:
        while piece := body.read_piece():
            spool.write(_decode(decoder, piece, encoding))
        if not decoder.is_complete:
            raise TruncatedUpload(f"the {encoding} stream ended inside a frame")
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def _decode(decoder: _PlainDecoder | _FrameDecoder, piece: bytes, encoding: str) -> bytes:
    try:
        return decoder.decode(piece)
    except (TruncatedUpload, MemoryError):
        raise
    except Exception as error:  # each compression library raises its own class
        raise BadRequest(f"the body is not valid {encoding}: {error}") from error


@dataclass(frozen=True)
class FormPart:
    """One part of a multipart form; ``filename`` is None for a plain field."""

    name: str
    filename: str | None
    content: bytes


def read_form(content_type: str, data: bytes) -> list[FormPart]:
    """The parts of a multipart/form-data body. Raises BadRequest."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        raise BadRequest("a multipart body needs a boundary")
    mark = b"--" + boundary.group(1).encode("latin-1")
    sections = (b"\r\n" + data).split(b"\r\n" + mark)
    return [_read_part(section) for section in sections[1:] if not section.startswith(b"--")]


def _read_part(section: bytes) -> FormPart:
    head, separator, content = section.partition(b"\r\n\r\n")
    name = re.search(rb'[; ]name="((?:[^"\\]|\\.)*)"', head)
    if not separator or name is None:
        raise BadRequest("a part of the multipart body has no name")
    filename = re.search(rb'filename="((?:[^"\\]|\\.)*)"', head)
    return FormPart(name.group(1).decode(), filename.group(1).decode() if filename else None, content)
