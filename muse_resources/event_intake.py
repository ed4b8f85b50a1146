"""From event files to whole days of `ui_events`.

A build gathers the files that have changed, notes what they hold, plans which days that concerns, gathers or keeps the
rest of these days, and replaces each as a whole.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

from muse_domain.failures import UnreadableInput
from muse_domain.intake import BuildPlan, FileReading, plan_build
from muse_domain.ports import EventLoad, OnFile, Warehouse
from muse_domain.settings import EventSource
from muse_resources.event_files import begins_with
from muse_resources.event_gathering import ANY_DAY, SOURCE, Gathering, Originals, ReadEvents
from muse_resources.file_ledger import (
    FileLedger,
    blocked_readings,
    ignore,
    one_at_a_time,
    unless_being_built,
    unsettle,
)
from muse_resources.input_files import InputFile, Listing, list_inputs
from muse_resources.input_look import InputLook, Tell, input_look, new_files, newly_refused
from muse_resources.scratch_folders import remove_abandoned
from muse_resources.statements import statement
from muse_resources.workspace import Workspace


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
        remove_abandoned()
        listing = list_inputs(workspace.folder, workspace.settings.events, store.list_objects)
        ledger = FileLedger(store, SOURCE)
        hash_key = workspace.secrets.hash_key
        readers = {source: event_reader(source, hash_key) for source in workspace.settings.events}
        changed = _changed(listing, ledger, readers)
        originals = Originals(ledger, listing, {file.shown for file in changed})
        with store.load_days(SOURCE) as load:
            gathering = Gathering(load, readers, hash_key, originals=originals)
            read: dict[str, ReadEvents] = {}
            for one in gathering.gather(changed):
                read[one.file.shown] = one
                on_file(SOURCE, len(read), len(changed))
            gathering.complete(read.values())
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
        remove_abandoned()
        listing = list_inputs(workspace.folder, workspace.settings.events, store.list_objects)
        ledger = FileLedger(store, SOURCE)
        # Of a log that somebody always writes to, the part that was listed is read: there is nothing to wait for.
        found = new_files(listing, ledger, now, timedelta())
        originals = Originals(ledger, listing, found.changed)
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
    store: Warehouse, workspace: Workspace, files: Sequence[InputFile[EventSource]], originals: Originals
) -> list[ReadEvents]:
    hash_key = workspace.secrets.hash_key
    readers = {source: event_reader(source, hash_key) for source in workspace.settings.events}
    with store.load_days(SOURCE) as load:
        gathering = Gathering(load, readers, hash_key, originals=originals)
        read = list(gathering.gather(files))
        gathering.complete(read)
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
    originals = Originals(ledger, listing, changed)
    for path in listing.files:
        known = ledger.get(path)
        # It gave nothing, and nothing of it was refused: another one's bytes, or a document without an event.
        if known and known.sha256 and not known.days and not known.refused and not originals.holds(known):
            changed.add(path)
    return [file for path, file in listing.files.items() if path in changed]


def _continued(read: Iterable[ReadEvents], ledger: FileLedger, vanished: Sequence[FileReading]) -> list[str]:
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


def _gather_unchanged(
    load: EventLoad, listing: Listing[EventSource], ledger: FileLedger, plan: BuildPlan, read: set[str], key: str | None
) -> list[ReadEvents]:
    """Gather the rest of what the planned days are made of; returns the files that cannot be read any more."""
    needed = [
        reading
        for reading in ledger.readings
        if set(plan.build) & set(reading.days) and reading.path not in read and not reading.missing
    ]
    span = (min(plan.build), max(plan.build)) if plan.build else ANY_DAY
    readers = {listing.files[one.path].source: one.reader for one in needed}
    gathered = list(Gathering(load, readers, key, span).gather([listing.files[one.path] for one in needed]))
    for reading, one in zip(needed, gathered, strict=True):
        if one.inspected and one.inspected.sha256 != reading.sha256:
            one.give_up(load, UnreadableInput("it was rewritten meanwhile"))
    return [one for one in gathered if one.letters]
