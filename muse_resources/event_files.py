"""Event files before the engine reads them: their hash, their layout, and what would make reading them fail."""

import errno
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from muse_domain.event_formats.event_format import EventFormat
from muse_domain.failures import LineTooLong, UnreadableInput
from muse_domain.measurements import Refusal, ReportRefused
from muse_domain.ports import EventLoad, LineFile, RefusedLines, Row, StoredObject
from muse_resources.scratch_folders import scratch_folder

LONGEST_LINE_BYTES = 64 * 1024**2
# The engine holds a document nine times while it takes it apart: 288 MiB took 2.65 GB.
LARGEST_DOCUMENT_BYTES = 256 * 1024**2
# A kilobyte of zeros packs into a byte: text that people write packs to a tenth or a twentieth.
LARGEST_GZIP_RATIO = 400
# What a byte of gzip can grow to.
_MOST_GZIP_RATIO = 1032
# Small enough to stay in the cache of a core.
_CHUNK = 256 * 1024
_FIRST_LINE = 1024**2
# The first two lines of nearly every file lie within it.
_FIRST_LOOK = 16 * 1024
# Where files of different events differ, if they do.
_FIRST_BYTES = 4096
_NEWLINE = ord("\n")
_GZIP, _PARQUET, _BYTE_ORDER_MARK = b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHER_PACKING = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}


@dataclass(frozen=True, slots=True)
class Inspected:
    """An event file that the engine may read. `lines` counts them; None where the layout has none."""

    file: LineFile
    sha256: str
    lines: int | None


def inspect_events(path: Path, shown: str, size_bytes: int, event_format: EventFormat) -> Inspected:
    """Hash the first `size_bytes` of a file and find how it is laid out.

    Raises OSError, and ReportRefused for what the engine could not read or should not try to.
    """
    file = with_layout(path, shown, size_bytes, event_format)
    with path.open("rb") as stream:
        if file.layout == "parquet":
            return Inspected(file, _hash(_chunks(stream, size_bytes)), None)
        chunks = _unzipped(stream, size_bytes) if file.gzip else _chunks(stream, size_bytes)
        document = file.layout == "document"
        sha256, lines = _hash_and_count(chunks, LARGEST_DOCUMENT_BYTES if document else LONGEST_LINE_BYTES, document)
    return Inspected(file, sha256, None if file.unpack else lines)


def with_layout(path: Path, shown: str, size_bytes: int, event_format: EventFormat) -> LineFile:
    """How a file of this size is laid out, from its beginning.

    Raises OSError, also where the file has been emptied since it was listed: whoever does that is about to write it
    anew. Raises ReportRefused for what is no file of events.
    """
    with path.open("rb") as stream:
        head = _first_lines(stream)
    if size_bytes and not head:
        raise OSError(errno.ENODATA, "somebody has emptied it since it was listed")
    _refuse_foreign(head)
    packed = head.startswith(_GZIP)
    unpacked = _unpacked_head(path) if packed else head
    file = LineFile(path, shown, gzip=packed, byte_order_mark=unpacked.startswith(_BYTE_ORDER_MARK))
    if head.startswith(_PARQUET):
        return replace(file, layout="parquet", unpack=_unpack(event_format, b"", False))
    text = unpacked.removeprefix(_BYTE_ORDER_MARK)
    document = _is_document(text)
    return replace(file, layout="document" if document else "lines", unpack=_unpack(event_format, text, document))


def _first_lines(stream: BinaryIO) -> bytes:
    """The beginning with two lines in it, unless they are longer than _FIRST_LINE together."""
    head = stream.read(_FIRST_LOOK)
    return head if head.lstrip().count(b"\n") > 1 else head + stream.read(_FIRST_LINE - len(head))


def beginning(path: Path) -> int:
    """A number for the first bytes of a file, which copies share; one for all that cannot be read."""
    try:
        with path.open("rb", buffering=0) as stream:
            return hash(stream.read(_FIRST_BYTES))
    except OSError:
        return 0


def has_short_lines(path: Path, size_bytes: int) -> bool:
    """Whether no line can be longer than LONGEST_LINE_BYTES, without reading them all: line ends were found that lie
    closer together. Raises OSError."""
    if size_bytes <= LONGEST_LINE_BYTES:
        return True
    with path.open("rb") as stream:
        for start in range(0, size_bytes, LONGEST_LINE_BYTES // 2):
            stream.seek(start)
            if b"\n" not in stream.read(_FIRST_LINE):
                return False
    return True


def inspect_object(stored: StoredObject, load: EventLoad, event_format: EventFormat) -> Inspected:
    """An object of a store: its hash is the store's, its layout follows from its first line.

    Raises UnreadableInput, and ReportRefused for what the engine could not read or should not try to.
    """
    try:
        file = _object_layout(stored, load.head, event_format)
        return Inspected(file, stored.etag, _lines_of_object(stored, file, load))
    except LineTooLong as error:
        raise _too_long("line", LONGEST_LINE_BYTES) from error


def _object_layout(stored: StoredObject, head: Callable[[LineFile, int], bytes], event_format: EventFormat) -> LineFile:
    file = LineFile(Path(stored.url), stored.url, gzip=stored.url.endswith(".gz"), url=stored.url)
    text = head(file, _FIRST_LINE)
    if text.startswith(_GZIP):
        file = replace(file, gzip=True)
        text = head(file, _FIRST_LINE)
    if text.startswith(_PARQUET):
        return replace(file, layout="parquet", unpack=_unpack(event_format, b"", False))
    if stored.size_bytes and not text and not file.gzip:
        raise UnreadableInput("the object is not there any more")
    _refuse_foreign(text)
    file = replace(file, byte_order_mark=text.startswith(_BYTE_ORDER_MARK))
    text = text.removeprefix(_BYTE_ORDER_MARK)
    document = _is_document(text)
    layout: Literal["lines", "document"] = "document" if document else "lines"
    return replace(file, layout=layout, unpack=_unpack(event_format, text, document))


def _lines_of_object(stored: StoredObject, file: LineFile, load: EventLoad) -> int | None:
    """How many lines an object has that is large enough for one which is too long; None where nobody has to know."""
    if file.layout == "parquet" or stored.size_bytes * (_MOST_GZIP_RATIO if file.gzip else 1) <= LONGEST_LINE_BYTES:
        return None
    sizes = load.measure(file)
    if file.layout == "document":
        if sizes.total_bytes > LARGEST_DOCUMENT_BYTES:
            raise _too_long("document", LARGEST_DOCUMENT_BYTES)
    elif sizes.longest_bytes > LONGEST_LINE_BYTES:
        raise _too_long("line", LONGEST_LINE_BYTES)
    return None if file.unpack else sizes.lines


def begins_with(path: Path, beginnings: Mapping[int, str]) -> int | None:
    """The longest of these sizes whose first bytes have the SHA-256 that is given for it. Raises OSError."""
    digest, done, found = hashlib.sha256(), 0, None
    with path.open("rb") as stream:
        for size in sorted(beginnings):
            for chunk in _chunks(stream, size - done):
                digest.update(chunk)
            done = size
            found = size if digest.hexdigest() == beginnings[size] else found
    return found


@contextmanager
def engine_readable(*inspected: Inspected) -> Iterator[list[LineFile]]:
    """The files in a folder of their own, under names without signs that the engine would take for a pattern."""
    with scratch_folder() as folder:
        yield [
            one.file if one.file.url else _linked(one.file, folder / f"{number}")
            for number, one in enumerate(inspected)
        ]


def _linked(file: LineFile, link: Path) -> LineFile:
    link.symlink_to(file.path.resolve())
    return replace(file, path=link)


@contextmanager
def snapshot(inspected: Inspected, size_bytes: int) -> Iterator[list[LineFile]]:
    """The first `size_bytes` of a file that somebody writes to, as they were when it was hashed."""
    with scratch_folder() as folder:
        copy = folder / "events"
        with inspected.file.path.open("rb") as source, copy.open("wb") as target:
            for chunk in _chunks(source, size_bytes):
                target.write(chunk)
        yield [replace(inspected.file, path=copy)]


def has_changed(path: Path, size_bytes: int, modified_ns: int) -> bool:
    """Whether somebody has written to a file since it was found."""
    try:
        status = path.stat()
    except OSError:
        return True
    return (status.st_size, status.st_mtime_ns) != (size_bytes, modified_ns)


def refused_letters(inspected: Inspected, refused: RefusedLines) -> Iterator[tuple[Refusal, str, int]]:
    """Refusal, hash and size of each refused event, with the number of its line; what is beyond the first ones as one
    more.

    Contents are not kept: they may be personal.
    """
    places: dict[str, dict[str, Row]] = {}
    for row in refused.lines:
        places.setdefault(row["place_sha256"].lower(), {})[row["line_sha256"].lower()] = row
    remedy = "Mend the line, or the events mapping in muse.toml."
    for item, sha256, row in islice(_refused_items(inspected.file, places), len(refused.lines)):
        yield Refusal(item, f"{row['reason']}.", remedy), sha256, row["size_bytes"]
    if more := refused.total - len(refused.lines):
        reasons = ", ".join(sorted({row["reason"] for row in refused.lines}))
        most = len(refused.lines)
        yield Refusal(f"and {more:,} more", f"refused as the first {most:,} were: {reasons}.", remedy), "", 0


def _refused_items(file: LineFile, places: Mapping[str, Mapping[str, Row]]) -> Iterator[tuple[str, str, Row]]:
    """Name, hash and row of each refused event. Only the lines of a file on this machine can be counted."""
    if file.layout == "lines" and not file.url:
        sizes = {row["place_bytes"] for rows in places.values() for row in rows.values()}
        for place, item in _line_numbers(file, places.keys(), sizes):
            yield from ((item, sha256, row) for sha256, row in places[place].items())
        return
    for rows in places.values():
        yield from ((f"event {sha256[:12]}", sha256, row) for sha256, row in rows.items())


def modified_at(modified_ns: int) -> datetime:
    """The time of a file's last write."""
    return datetime.fromtimestamp(modified_ns // 1_000_000_000, UTC)


def _refuse_foreign(head: bytes) -> None:
    if not head:
        raise ReportRefused("The file is empty.", "Nothing, if it is about to be written; else remove it.")
    if head.startswith(_UTF16):
        raise ReportRefused("The file is UTF-16, not UTF-8.", "Convert it to UTF-8, then ingest it again.")
    for magic, name in _OTHER_PACKING.items():
        if head.startswith(magic):
            raise ReportRefused(f"The file is packed with {name}.", "Unpack it, or pack it with gzip.")


def _unpacked_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as stream:
            return stream.read(_FIRST_LINE)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _broken_gzip(error) from error


def _broken_gzip(error: Exception) -> ReportRefused:
    return ReportRefused(f"The gzip file is cut or broken ({error}).", "Fetch it again, then ingest it again.")


def _is_document(head: bytes) -> bool:
    """Whether the file is one JSON text over several lines: its first line is the beginning of one."""
    first, newline, rest = head.lstrip().partition(b"\n")
    first = first.rstrip()
    if first[:1] not in (b"{", b"[") or not newline or _is_json(first):
        return False
    # The cut line of a rotated log may end in any sign, but an event follows it: within a list only, one does, too.
    is_cut = first[:1] == b"{" and first[-1:] != b"[" and _is_json(rest.partition(b"\n")[0], b"{")
    return first[-1:] in (b"{", b"[", b",", b":") and not is_cut


def _is_json(text: bytes, start: bytes = b"") -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return text.lstrip().startswith(start)


def _unpack(event_format: EventFormat, text: bytes, document: bool) -> str:
    """Plain JSON lines need no unpacking, nor rows of a mapping of your own: the engine is twice as fast without."""
    is_plain = event_format.name == "json_lines" and not document and not text.lstrip().startswith(b"[")
    return "" if is_plain else event_format.unpack


def _chunks(stream: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
        left -= len(chunk)
        yield chunk


def _unzipped(stream: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    size = 0
    try:
        with gzip.GzipFile(fileobj=stream) as unzipped:
            while chunk := unzipped.read(_CHUNK):
                size += len(chunk)
                if size > max(_CHUNK, size_bytes) * LARGEST_GZIP_RATIO:
                    reason = f"The gzip file grows more than {LARGEST_GZIP_RATIO} times: it is not made of events."
                    raise ReportRefused(reason, "Unpack it yourself if you trust it.")
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _broken_gzip(error) from error


def _hash(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _hash_and_count(chunks: Iterator[bytes], longest: int, document: bool) -> tuple[str, int]:
    digest, lines, open_bytes = hashlib.sha256(), 0, 0
    for chunk in chunks:
        digest.update(chunk)
        lines += int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == _NEWLINE))  # four times bytes.count
        last = -1 if document else chunk.rfind(b"\n")
        open_bytes = len(chunk) - last - 1 if last >= 0 else open_bytes + len(chunk)
        if open_bytes > longest:
            raise _too_long("document" if document else "line", longest)
    return digest.hexdigest(), lines + (open_bytes > 0)


def _too_long(what: str, longest: int) -> ReportRefused:
    return ReportRefused(
        f"A {what} of the file is longer than {longest // 1024**2} MiB: it is not an event.",
        "Write one event a line, or leave the file out of `files`.",
    )


def _line_numbers(file: LineFile, wanted: Collection[str], sizes: Collection[int]) -> Iterator[tuple[str, str]]:
    """Hash and number of the lines with a wanted hash, as they stand. Only lines of a wanted length are hashed."""
    with gzip.open(file.path) if file.gzip else file.path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            text = line.removesuffix(b"\n")
            if number == 1 and file.byte_order_mark:
                text = text.removeprefix(_BYTE_ORDER_MARK)
            if len(text) in sizes and (sha256 := hashlib.sha256(text).hexdigest()) in wanted:
                yield sha256, f"line {number}"
