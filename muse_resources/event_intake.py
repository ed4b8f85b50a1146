"""From event files to whole days of `ui_events`."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TypeVar

from muse_domain.failures import UnreadableInput
from muse_domain.intake import BuildPlan, FileReading, plan_build
from muse_domain.measurements import Refusal, ReportRefused
from muse_domain.ports import EventColumns, EventLoad, LineFile, OnFile, RefusedLines, Row, Warehouse
from muse_domain.settings import EventSource
from muse_resources.event_columns import event_columns
from muse_resources.event_files import (
    Inspected,
    begins_with,
    engine_readable,
    has_changed,
    inspect_events,
    inspect_object,
    modified_at,
    refused_letters,
    snapshot,
)
from muse_resources.file_ledger import (
    FileLedger,
    blocked_readings,
    dead_letter,
    ignore,
    one_at_a_time,
    unless_being_built,
    unsettle,
)
from muse_resources.input_files import InputFile, Listing, list_inputs, unreadable
from muse_resources.input_look import InputLook, Tell, input_look, new_files, newly_refused
from muse_resources.statements import statement
from muse_resources.workspace import Workspace

SOURCE = "ui_events"
# Refused lines that are kept one by one; of more, how many there are.
MOST_LETTERS = 1000
# Files that the engine reads by one statement: a statement takes as long as ten thousand events.
MOST_TOGETHER = 500
MOST_BYTES_TOGETHER = 512 * 1024**2
_ANY_DAY = (date(1970, 1, 1), date(2149, 6, 6))

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")


@dataclass(slots=True)
class EventIntake:
    """What a build did: its plan, the rows of each day, and how much was read."""

    plan: BuildPlan
    rows_by_day: dict[date, int] = field(default_factory=dict)
    files: int = 0
    files_read: int = 0
    missing: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)


def take_in_events(
    store: Warehouse,
    workspace: Workspace,
    days: Sequence[date],
    now: datetime,
    on_file: OnFile = ignore,
) -> EventIntake:
    """Read the event files that have changed inside the engine, and replace the days that are made of them.

    Raises TransientFailure or PermanentFailure of the warehouse; what is wrong with a file becomes a dead letter.
    """
    with one_at_a_time(workspace.locks, SOURCE):
        listing = list_inputs(workspace.folder, workspace.settings.events, store.list_objects)
        ledger = FileLedger(store, SOURCE)
        hash_key = workspace.secrets.hash_key
        readers = {source: event_reader(source, hash_key) for source in workspace.settings.events}
        changed = _changed(listing, ledger, readers)
        originals = _Originals(ledger, listing, {file.shown for file in changed})
        with store.load_days(SOURCE) as load:
            read: dict[str, _Read] = {}
            for one in _gather(load, changed, readers, hash_key, _ANY_DAY, originals):
                read[one.file.shown] = one
                on_file(SOURCE, len(read), len(changed))
            _complete(load, read.values(), hash_key)
            continued = _continued(read.values(), ledger, ledger.vanished(listing.files, listing.blocked))
            ledger.note(((one.reading, one.letters) for one in read.values()), now)
            ledger.note(blocked_readings(SOURCE, listing.blocked, now), now)
            ledger.settle_missing(listing.files, listing.blocked, now, continued)
            recorded = {row["day"]: row for row in store.select("select_day_loads", {"source": SOURCE})}
            plan = plan_build(days, ledger.expected(), {day: row["inputs_sha256"] for day, row in recorded.items()})
            lost = _gather_unchanged(load, listing, ledger, plan, set(read), hash_key)
            ledger.note(((one.reading, one.letters) for one in lost), now)
            if ledger.kept and plan.build:
                load.keep(ledger.kept, plan.build)
            unsettle(store, SOURCE, plan.build, recorded)
            counts = load.put_in_place(plan.build, number_sessions=hash_key is None)
        store.record_loads(SOURCE, ledger.loads(counts))
        return EventIntake(plan, dict(counts), len(listing.files), len(changed), ledger.missing, originals.copies)


def look_at_events(store: Warehouse, workspace: Workspace, now: datetime, tell: Tell) -> InputLook | None:
    """Let the engine read the event files that are new, a bounded part of them, and note which days they hold.

    Refused ones that `tell` holds back are not noted: the next look finds them again.
    None while a build reads them itself. Raises TransientFailure or PermanentFailure of the warehouse.
    """
    with unless_being_built(workspace.locks, SOURCE) as is_free:
        if not is_free:
            return None
        listing = list_inputs(workspace.folder, workspace.settings.events, store.list_objects)
        ledger = FileLedger(store, SOURCE)
        # Of a log that somebody always writes to, the part that was listed is read: there is nothing to wait for.
        found = new_files(listing, ledger, now, timedelta())
        originals = _Originals(ledger, listing, found.changed)
        read = _read_now(store, workspace, found.now, originals) if found.now else []
        readings = [one.reading for one in read]
        refused = newly_refused(readings, ledger)
        vanished = ledger.vanished(listing.files, listing.blocked)
        continued = _continued(read, ledger, vanished)
        held_back = tell(refused)
        ledger.note(((one.reading, one.letters) for one in read if one.reading.path not in held_back), now)
        if continued:
            # The build does not read the new name again, so it would not see that the old one goes on in it. Whatever
            # else is out of sight is for the build to note: a disk may not be mounted.
            out_of_sight = {one.path for one in vanished} - set(continued)
            ledger.settle_missing({*listing.files, *out_of_sight}, listing.blocked, now, continued)
        recorded = {row["day"]: row["inputs_sha256"] for row in store.select("select_day_loads", {"source": SOURCE})}
        return input_look(SOURCE, listing, found, readings, refused, ledger, recorded)


def _read_now(
    store: Warehouse, workspace: Workspace, files: Sequence[InputFile[EventSource]], originals: "_Originals"
) -> list["_Read"]:
    hash_key = workspace.secrets.hash_key
    readers = {source: event_reader(source, hash_key) for source in workspace.settings.events}
    with store.load_days(SOURCE) as load:
        read = list(_gather(load, files, readers, hash_key, _ANY_DAY, originals))
        _complete(load, read, hash_key)
    return read


def event_reader(source: EventSource, hash_key: str | None) -> str:
    """A hash of all that decides how a file of this source is read: the code, the statements, the mapping, the key."""
    unpack = source.known_format.unpack
    texts = [statement(name) for name in ("load_events", "load_settled_events", *([unpack] if unpack else []))]
    keyed = hashlib.sha256(f"muse reader {hash_key or ''}".encode()).hexdigest()
    return hashlib.sha256("\0".join([_code_sha256(), *texts, repr(source.fields), keyed]).encode()).hexdigest()


@cache
def _code_sha256() -> str:
    modules = [files("muse_resources") / name for name in ("event_columns.py", "event_files.py")]
    return hashlib.sha256(b"\0".join(module.read_bytes() for module in modules)).hexdigest()


@dataclass(slots=True)
class _Read:
    """One file as this build reads it: inspected and gathered, or set aside with its reason."""

    file: InputFile[EventSource]
    reading: FileReading
    letters: list[Row] = field(default_factory=list)
    inspected: Inspected | None = None

    def is_a_copy(self, sha256: str) -> None:
        """Another file of the same bytes, read in the same way, has given its events."""
        self.inspected = None
        self.reading = replace(self.reading, sha256=sha256)

    def set_aside(self, refusal: Refusal, kind: str, *, again: bool = False) -> "_Read":
        self.letters = [self._letter(refusal, kind, "", self.file.size_bytes)]
        self.reading = replace(self.reading, refused=1, again=again)
        return self

    def give_up(self, load: EventLoad, error: OSError | UnreadableInput) -> "_Read":
        """It cannot be read, or not to its end: nothing of it counts until it can."""
        load.drop(LineFile(self.file.path, self.file.shown))
        told = error.strerror or error if isinstance(error, OSError) else f"by the engine: {error}"
        return self.set_aside(unreadable(f"cannot be read: {told}."), "unreadable", again=True)

    def complete(self, days: Mapping[date, int], refused: RefusedLines, as_read: Inspected) -> None:
        parts = refused_letters(as_read, refused)
        self.letters = [self._letter(refusal, "refused_line", sha256, size) for refusal, sha256, size in parts]
        self.reading = replace(self.reading, sha256=as_read.sha256, days=days, refused=refused.total)

    def _letter(self, refusal: Refusal, kind: str, sha256: str, size_bytes: int) -> Row:
        ts = modified_at(self.file.modified_ns)
        return dead_letter(SOURCE, self.file.shown, refusal, kind, sha256=sha256, size_bytes=size_bytes, ts=ts)


class _Originals:
    """Which files gave the events of which bytes: events without an id would be there once for every copy."""

    def __init__(self, ledger: FileLedger, listing: Listing[EventSource], changed: set[str]) -> None:
        unchanged = (one for one in ledger.readings if one.path in listing.files and one.path not in changed)
        self._paths = {(one.sha256, one.reader): one.path for one in unchanged}
        self.copies: dict[str, str] = {}

    def holds(self, reading: FileReading) -> bool:
        """Whether an unchanged file gave the events of these bytes."""
        return (reading.sha256, reading.reader) in self._paths

    def set_copies_aside(self, reads: Iterable["_Read"]) -> None:
        """Take the first of the files with the same bytes, and no other."""
        for one in reads:
            if one.inspected is None:
                continue
            key = (one.inspected.sha256, one.reading.reader)
            original = self._paths.setdefault(key, one.file.shown)
            if original != one.file.shown:
                self.copies[one.file.shown] = original
                one.is_a_copy(one.inspected.sha256)


def _changed(
    listing: Listing[EventSource], ledger: FileLedger, readers: Mapping[EventSource, str]
) -> list[InputFile[EventSource]]:
    """Files that have to be read: new or changed ones, and copies whose original is not there as it was any more."""
    changed = {
        file.shown
        for file in listing.files.values()
        if (known := ledger.get(file.shown)) is None
        or not known.is_unchanged(file.size_bytes, file.modified_ns, readers[file.source])
    }
    originals = _Originals(ledger, listing, changed)
    for path in listing.files:
        known = ledger.get(path)
        # It gave nothing, and nothing of it was refused: another one's bytes, or a document without an event.
        if known and known.sha256 and not known.days and not known.refused and not originals.holds(known):
            changed.add(path)
    return [file for path, file in listing.files.items() if path in changed]


def _continued(read: Iterable[_Read], ledger: FileLedger, vanished: Sequence[FileReading]) -> list[str]:
    """Vanished files that another one begins with, which did not itself begin like that before: logs that were
    written to, then renamed, since the last build."""
    paths: list[str] = []
    for one in read if vanished else ():
        file = one.file
        if not one.reading.days or one.inspected is None or file.stored or one.inspected.file.gzip:
            continue
        before = ledger.get(file.shown)
        alike = [old for old in vanished if old.reader == one.reading.reader]
        shorter = {old.size_bytes: old.sha256 for old in (*alike, *([before] if before else []))}
        with suppress(OSError):  # gone since it was read
            size = begins_with(file.path, {size: sha256 for size, sha256 in shorter.items() if size < file.size_bytes})
            if size is not None and not (before and before.size_bytes == size):
                paths += [old.path for old in alike if (old.size_bytes, old.sha256) == (size, shorter[size])]
    return paths


def _gather(
    load: EventLoad,
    files: Sequence[InputFile[EventSource]],
    readers: Mapping[EventSource, str],
    hash_key: str | None,
    span: tuple[date, date],
    originals: _Originals | None = None,
) -> Iterator[_Read]:
    """Let the engine read the days of files that lie in `span`, both ends included; copies only of no originals."""
    with ThreadPoolExecutor(1) as ahead:
        # While the engine reads some files, the next ones are hashed.
        for looked in _one_ahead(ahead, lambda some: [_look(load, file, readers) for file in some], _batches(files)):
            if originals:
                originals.set_copies_aside(looked)
            for _, alike in groupby(sorted((one for one in looked if one.inspected), key=_kind), key=_kind):
                _add(load, list(alike), hash_key, span)
            yield from looked


def _batches(files: Sequence[InputFile[EventSource]]) -> Iterator[list[InputFile[EventSource]]]:
    """Files in turn, as many as are read at once."""
    batch: list[InputFile[EventSource]] = []
    size_bytes = 0
    for file in files:
        if batch and (len(batch) == MOST_TOGETHER or size_bytes + file.size_bytes > MOST_BYTES_TOGETHER):
            yield batch
            batch, size_bytes = [], 0
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


def _look(load: EventLoad, file: InputFile[EventSource], readers: Mapping[EventSource, str]) -> _Read:
    reading = FileReading(file.shown, "", readers[file.source], file.size_bytes, file.modified_ns)
    read = _Read(file, reading)
    try:
        read.inspected = _inspect(load, file)
    except (OSError, UnreadableInput) as error:
        read.give_up(load, error)
    except ReportRefused as error:
        read.set_aside(Refusal("", error.reason, error.remedy), "refused_file")
    return read


def _kind(read: _Read) -> tuple[object, ...]:
    """What files have in common that one statement can read. Parquet files have each a structure of their own."""
    assert read.inspected is not None
    file = read.inspected.file
    own = file.shown if file.url or file.layout == "parquet" else ""
    return id(read.file.source), file.layout, file.gzip, file.byte_order_mark, file.unpack, own


def _add(load: EventLoad, reads: Sequence[_Read], hash_key: str | None, span: tuple[date, date]) -> None:
    """Gather files that are alike; those that somebody has written to since they were listed once more."""
    columns = event_columns(reads[0].file.source.fields, hash_key)
    try:
        with engine_readable(*(one.inspected for one in reads if one.inspected)) as readable:
            load.add(readable, columns, *span)
    except (OSError, UnreadableInput) as error:
        if len(reads) == 1:
            reads[0].give_up(load, error)
            return
        # One of them is at fault: on its own it tells.
        for one in reads:
            load.drop(LineFile(one.file.path, one.file.shown))
            _add(load, [one], hash_key, span)
        return
    for one in reads:
        if not one.file.stored and has_changed(one.file.path, one.file.size_bytes, one.file.modified_ns):
            _add_as_listed(load, one, columns, span)


def _add_as_listed(load: EventLoad, read: _Read, columns: EventColumns, span: tuple[date, date]) -> None:
    """Somebody writes to the file: the part that was listed is read, the rest is another build's."""
    assert read.inspected is not None
    file = read.file
    load.drop(read.inspected.file)
    try:
        with snapshot(read.inspected, file.size_bytes) as [frozen]:
            copy = inspect_events(frozen.path, file.shown, file.size_bytes, file.source.known_format)
            load.add([copy.file], columns, *span)
        read.inspected = replace(copy, file=replace(copy.file, path=file.path))
    except (OSError, UnreadableInput) as error:
        read.give_up(load, error)
    except ReportRefused as error:
        read.set_aside(Refusal("", error.reason, error.remedy), "refused_file")


def _inspect(load: EventLoad, file: InputFile[EventSource]) -> Inspected:
    if file.stored:
        return inspect_object(file.stored, load.head, file.source.known_format)
    return inspect_events(file.path, file.shown, file.size_bytes, file.source.known_format)


def _as_hashed(inspected: Inspected, file: InputFile[EventSource]) -> AbstractContextManager[list[LineFile]]:
    """The file as it was when it was hashed, copied only if somebody has written to it since."""
    if file.stored or not has_changed(file.path, file.size_bytes, file.modified_ns):
        return engine_readable(inspected)
    return snapshot(inspected, file.size_bytes)


def _complete(load: EventLoad, read: Iterable[_Read], hash_key: str | None) -> None:
    """Days and refused lines of the gathered files. A file that gave a row for each line needs no second look."""
    by_file = load.rows_by_file()
    for one in read:
        if one.inspected is None or one.letters:
            continue
        days = by_file.get(one.file.shown, {})
        if sum(days.values()) == one.inspected.lines:
            one.complete(days, RefusedLines((), 0), one.inspected)
            continue
        try:
            with _as_hashed(one.inspected, one.file) as [frozen]:
                refused = load.refused(frozen, event_columns(one.file.source.fields, hash_key), MOST_LETTERS)
                one.complete(days, refused, replace(one.inspected, file=frozen))
        except (OSError, UnreadableInput) as error:
            one.give_up(load, error)


def _gather_unchanged(
    load: EventLoad, listing: Listing[EventSource], ledger: FileLedger, plan: BuildPlan, read: set[str], key: str | None
) -> list[_Read]:
    """Gather the rest of what the planned days are made of; returns the files that cannot be read any more."""
    needed = [
        reading
        for reading in ledger.readings
        if set(plan.build) & set(reading.days) and reading.path not in read and not reading.missing
    ]
    span = (min(plan.build), max(plan.build)) if plan.build else _ANY_DAY
    readers = {listing.files[one.path].source: one.reader for one in needed}
    gathered = list(_gather(load, [listing.files[one.path] for one in needed], readers, key, span))
    for reading, one in zip(needed, gathered, strict=True):
        if one.inspected and not one.letters and one.inspected.sha256 != reading.sha256:
            one.give_up(load, UnreadableInput("it was rewritten meanwhile"))
    return [one for one in gathered if one.letters]
