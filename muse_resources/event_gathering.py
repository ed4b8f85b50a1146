"""Event files into one load: looked at, hashed, read by the engine, and what was refused of each told.

Files are looked at in batches, while the engine reads the batch before. Each is hashed while the engine reads it, where
nothing can be wrong with it that would harm the engine; else before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from muse_domain.failures import UnreadableInput
from muse_domain.intake import FileReading
from muse_domain.measurements import Refusal, ReportRefused
from muse_domain.ports import EventColumns, EventLoad, LineFile, RefusedLines, Row
from muse_domain.settings import EventSource
from muse_resources.event_columns import event_columns
from muse_resources.event_files import (
    Inspected,
    beginning,
    engine_readable,
    has_changed,
    has_short_lines,
    inspect_events,
    inspect_object,
    modified_at,
    refused_letters,
    snapshot,
    with_layout,
)
from muse_resources.file_ledger import FileLedger, dead_letter
from muse_resources.input_files import InputFile, Listing, unreadable

SOURCE = "ui_events"
ANY_DAY = (date(1970, 1, 1), date(2149, 6, 6))
# Refused lines that are kept one by one; of more, how many there are.
MOST_LETTERS = 1000
# Files that the engine reads by one statement: a statement takes as long as ten thousand events. It waits for the first
# ones to be looked at, so they are few; then four times as many each time.
MOST_TOGETHER = 500
FIRST_BYTES_TOGETHER = 64 * 1024**2
MOST_BYTES_TOGETHER = 2 * 1024**3

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")


@dataclass(slots=True)
class ReadEvents:
    """One file as this load reads it: inspected and gathered, or set aside with its reason."""

    file: InputFile[EventSource]
    reading: FileReading
    letters: list[Row] = field(default_factory=list)
    inspected: Inspected | None = None

    def is_a_copy(self, sha256: str) -> None:
        """Another file of the same bytes, read in the same way, has given its events."""
        self.inspected = None
        self.reading = replace(self.reading, sha256=sha256)

    def set_aside(self, refusal: Refusal, kind: str, *, again: bool = False) -> None:
        """Nothing of the file counts."""
        self.inspected = None
        self.letters = [self._letter(refusal, kind, "", self.file.size_bytes)]
        self.reading = replace(self.reading, refused=1, again=again)

    def drop(self, load: EventLoad) -> None:
        """Forget what the engine has gathered of it."""
        load.drop(LineFile(self.file.path, self.file.shown))

    def give_up(self, load: EventLoad, error: OSError | UnreadableInput) -> None:
        """It cannot be read, or not to its end: nothing of it counts until it can."""
        self.drop(load)
        told = error.strerror or error if isinstance(error, OSError) else f"by the engine: {error}"
        self.set_aside(unreadable(f"cannot be read: {told}."), "unreadable", again=True)

    def refuse(self, error: ReportRefused) -> None:
        """It is no file of events, or none that may be read."""
        self.set_aside(Refusal("", error.reason, error.remedy), "refused_file")

    def complete(self, days: Mapping[date, int], refused: RefusedLines, as_read: Inspected) -> None:
        """Keep what the file gave, and a dead letter for each refused line."""
        parts = refused_letters(as_read, refused)
        self.letters = [self._letter(refusal, "refused_line", sha256, size) for refusal, sha256, size in parts]
        self.reading = replace(self.reading, sha256=as_read.sha256, days=days, refused=refused.total)

    def _letter(self, refusal: Refusal, kind: str, sha256: str, size_bytes: int) -> Row:
        ts = modified_at(self.file.modified_ns)
        return dead_letter(SOURCE, self.file.shown, refusal, kind, sha256=sha256, size_bytes=size_bytes, ts=ts)


class Originals:
    """Which files gave the events of which bytes: events without an id would be there once for every copy."""

    def __init__(self, ledger: FileLedger, listing: Listing[EventSource], changed: set[str]) -> None:
        unchanged = (one for one in ledger.readings if one.path in listing.files and one.path not in changed)
        self._paths = {(one.sha256, one.reader): one.path for one in unchanged}
        self._by_size: dict[int, list[Path]] = {}
        for file in listing.files.values():
            self._by_size.setdefault(file.size_bytes, []).append(file.path)
        self._beginnings: dict[int, Counter[int]] = {}
        self.copies: dict[str, str] = {}

    def holds(self, reading: FileReading) -> bool:
        """Whether an unchanged file gave the events of these bytes."""
        return (reading.sha256, reading.reader) in self._paths

    def may_be_copied(self, file: InputFile[EventSource]) -> bool:
        """Whether another file could have the same bytes: it is as long, and begins alike."""
        size, alike = file.size_bytes, self._by_size[file.size_bytes]
        if len(alike) == 1:
            return False
        if size not in self._beginnings:
            self._beginnings[size] = Counter(map(beginning, alike))
        return self._beginnings[size][beginning(file.path)] > 1

    def set_copies_aside(self, reads: Iterable[ReadEvents]) -> None:
        """Take the first of the files with the same bytes, and no other."""
        for one in reads:
            if one.inspected is None or not one.inspected.sha256:
                continue
            key = (one.inspected.sha256, one.reading.reader)
            original = self._paths.setdefault(key, one.file.shown)
            if original != one.file.shown:
                self.copies[one.file.shown] = original
                one.is_a_copy(one.inspected.sha256)


@dataclass(frozen=True, slots=True)
class Gathering:
    """How the files of one load are read. Events of days outside `span`, both ends included, are left out; without
    `originals` every copy of a file is read."""

    load: EventLoad
    readers: Mapping[EventSource, str]
    hash_key: str | None
    span: tuple[date, date] = ANY_DAY
    originals: Originals | None = None

    def gather(self, files: Sequence[InputFile[EventSource]]) -> Iterator[ReadEvents]:
        """Let the engine read these files; what is wrong with one becomes its dead letter."""
        with ThreadPoolExecutor(2) as beside:
            for looked in _one_ahead(beside, lambda some: [self._look(file) for file in some], _batches(files)):
                hashing = {
                    one.file.shown: beside.submit(_inspect, self.load, one.file) for one in looked if _waits(one)
                }
                if self.originals:
                    self.originals.set_copies_aside(looked)
                for _, alike in groupby(sorted((one for one in looked if one.inspected), key=_kind), key=_kind):
                    self._add(list(alike), hashing)
                yield from looked

    def complete(self, reads: Iterable[ReadEvents]) -> None:
        """Days and refused lines of the gathered files. One that gave a row for each line needs no second look."""
        by_file = self.load.rows_by_file()
        for one in reads:
            if one.inspected is None:
                continue
            days = by_file.get(one.file.shown, {})
            if sum(days.values()) == one.inspected.lines:
                one.complete(days, RefusedLines((), 0), one.inspected)
                continue
            try:
                with _as_hashed(one.inspected, one.file) as [frozen]:
                    refused = self.load.refused(frozen, self._columns(one), MOST_LETTERS)
                    one.complete(days, refused, replace(one.inspected, file=frozen))
            except (OSError, UnreadableInput) as error:
                one.give_up(self.load, error)

    def _columns(self, one: ReadEvents) -> EventColumns:
        return event_columns(one.file.source.fields, self.hash_key)

    def _look(self, file: InputFile[EventSource]) -> ReadEvents:
        one = ReadEvents(
            file, FileReading(file.shown, "", self.readers[file.source], file.size_bytes, file.modified_ns)
        )
        try:
            one.inspected = self._unhashed(file) or _inspect(self.load, file)
        except (OSError, UnreadableInput) as error:
            one.give_up(self.load, error)
        except ReportRefused as error:
            one.refuse(error)
        return one

    def _unhashed(self, file: InputFile[EventSource]) -> Inspected | None:
        """A file whose hash can wait: it is hardly a copy of another, and the engine can read any of its lines.

        Raises OSError and ReportRefused.
        """
        if file.stored or (self.originals and self.originals.may_be_copied(file)):
            return None
        layout = with_layout(file.path, file.shown, file.size_bytes, file.source.known_format)
        is_harmless = layout.layout == "lines" and not layout.gzip and has_short_lines(file.path, file.size_bytes)
        return Inspected(layout, "", None) if is_harmless else None

    def _add(self, reads: Sequence[ReadEvents], hashing: Mapping[str, Future[Inspected]]) -> None:
        """Gather files that are alike; those that somebody has written to since they were listed once more."""
        try:
            with engine_readable(*(one.inspected for one in reads if one.inspected)) as readable:
                self.load.add(readable, self._columns(reads[0]), *self.span)
        except (OSError, UnreadableInput) as error:
            if len(reads) == 1:
                reads[0].give_up(self.load, error)
                return
            # One of them is at fault: on its own it tells.
            for one in reads:
                one.drop(self.load)
                self._add([one], hashing)
            return
        for one in reads:
            self._finish(one, hashing.get(one.file.shown))

    def _finish(self, one: ReadEvents, hashing: Future[Inspected] | None) -> None:
        try:
            # What was wrong with a file while somebody wrote it anew says nothing: it is read once more.
            if hashing and not (hashing.exception() and _is_written_to(one.file)):
                one.inspected = hashing.result()
            if _is_written_to(one.file):
                self._add_as_listed(one)
        except (OSError, UnreadableInput) as error:
            one.give_up(self.load, error)
        except ReportRefused as error:
            one.drop(self.load)
            one.refuse(error)
        if self.originals and one.inspected:
            # Of a file that was hashed only now it is known only now.
            self.originals.set_copies_aside([one])
            if one.inspected is None:
                one.drop(self.load)

    def _add_as_listed(self, one: ReadEvents) -> None:
        """Somebody writes to the file: the part that was listed is read, the rest is another build's.

        Raises OSError, UnreadableInput and ReportRefused.
        """
        assert one.inspected is not None
        file = one.file
        self.load.drop(one.inspected.file)
        with snapshot(one.inspected, file.size_bytes) as [frozen]:
            copy = inspect_events(frozen.path, file.shown, file.size_bytes, file.source.known_format)
            self.load.add([copy.file], self._columns(one), *self.span)
        one.inspected = replace(copy, file=replace(copy.file, path=file.path))


def _waits(one: ReadEvents) -> bool:
    """Whether its hash is still to be made."""
    return one.inspected is not None and not one.inspected.sha256


def _batches(files: Sequence[InputFile[EventSource]]) -> Iterator[list[InputFile[EventSource]]]:
    """Files in turn, as many as are read at once."""
    batch: list[InputFile[EventSource]] = []
    size_bytes, most_bytes = 0, FIRST_BYTES_TOGETHER
    for file in files:
        if batch and (len(batch) == MOST_TOGETHER or size_bytes + file.size_bytes > most_bytes):
            yield batch
            batch, size_bytes, most_bytes = [], 0, min(4 * most_bytes, MOST_BYTES_TOGETHER)
        batch.append(file)
        size_bytes += file.size_bytes
    if batch:
        yield batch


def _one_ahead(pool: Executor, work: Callable[[_Batch], _Result], batches: Iterable[_Batch]) -> Iterator[_Result]:
    """Results in turn; while one is used, the next is made."""
    pending: Future[_Result] | None = None
    for batch in batches:
        following = pool.submit(work, batch)
        if pending:
            yield pending.result()
        pending = following
    if pending:
        yield pending.result()


def _kind(read: ReadEvents) -> tuple[object, ...]:
    """What files have in common that one statement can read. Parquet files have each a structure of their own."""
    assert read.inspected is not None
    file = read.inspected.file
    own = file.shown if file.url or file.layout == "parquet" else ""
    return id(read.file.source), file.layout, file.gzip, file.byte_order_mark, file.unpack, own


def _inspect(load: EventLoad, file: InputFile[EventSource]) -> Inspected:
    if file.stored:
        return inspect_object(file.stored, load, file.source.known_format)
    return inspect_events(file.path, file.shown, file.size_bytes, file.source.known_format)


def _as_hashed(inspected: Inspected, file: InputFile[EventSource]) -> AbstractContextManager[list[LineFile]]:
    """The file as it was when it was hashed, copied only if somebody has written to it since."""
    return snapshot(inspected, file.size_bytes) if _is_written_to(file) else engine_readable(inspected)


def _is_written_to(file: InputFile[EventSource]) -> bool:
    """Whether somebody has written to it since it was listed. An object of a store is replaced, never written to."""
    return not file.stored and has_changed(file.path, file.size_bytes, file.modified_ns)
