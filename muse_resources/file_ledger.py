"""What is known of the input files of one table, kept in `input_files` and `dead_letters`."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from muse_domain.intake import FileReading, inputs_by_day, inputs_sha256
from muse_domain.measurements import Refusal
from muse_domain.ports import LoadedDay, Row, Warehouse
from muse_resources.input_files import is_remote, unreadable


class FileLedger:
    """The newest reading of every file of `source`, with what this build has read itself.

    A reading is added, never changed: its dead letters first, then the reading that makes them count. Killed between
    the two, the letters are nobody's.
    """

    def __init__(self, store: Warehouse, source: str) -> None:
        self._store = store
        self._source = source
        rows = store.select("select_input_files", {"source": source})
        self._readings = {row["source_path"]: _reading(row) for row in rows}
        self._read_at = max((row["read_at"] for row in rows), default=datetime.min.replace(tzinfo=UTC))

    def get(self, path: str) -> FileReading | None:
        """The newest reading of a path."""
        return self._readings.get(path)

    @property
    def readings(self) -> list[FileReading]:
        """The newest reading of every path that has given rows."""
        return [reading for reading in self._readings.values() if reading.days]

    @property
    def missing(self) -> list[str]:
        """Paths that gave rows and are not found any more. What cannot be looked into may still be there."""
        return sorted(reading.path for reading in self.readings if reading.missing and not reading.again)

    @property
    def kept(self) -> list[str]:
        """Paths whose rows stay as the table has them: of files that are missing, or that could not be opened."""
        return sorted(reading.path for reading in self.readings if reading.missing)

    def note(self, read: Iterable[tuple[FileReading, Sequence[Row]]], read_at: datetime) -> None:
        """Keep readings with their dead letters, those that say something new."""
        news = [
            (reading, letters)
            for found, letters in read
            for known in [self.get(found.path)]
            for reading in [_with_what_it_gave(found, known)]
            if known is None or not reading.says_the_same_as(known) or reading.modified_ns != known.modified_ns
        ]
        # The newest reading counts: a clock that was set back must not let an older one win.
        read_at = self._read_at = max(read_at.astimezone(UTC), self._read_at + timedelta(microseconds=1))
        letters = [{**letter, "reading_id": reading.reading_id} for reading, some in news for letter in some]
        self._store.append("dead_letters", letters)
        self._store.append("input_files", [_row(self._source, reading, read_at) for reading, _ in news])
        self._readings |= {reading.path: reading for reading, _ in news}

    def vanished(self, found: Iterable[str], blocked: Iterable[str]) -> list[FileReading]:
        """Readings that gave rows, were there at the last build, and are not found any more."""
        listed = {*found, *blocked}
        return [
            one
            for one in self.readings
            if not one.missing and one.path not in listed and not is_under(one.path, blocked)
        ]

    def settle_missing(
        self, found: Iterable[str], blocked: Iterable[str], read_at: datetime, continued: Iterable[str] = ()
    ) -> None:
        """Note what is not found any more. A file that only moved has given its rows under its new name, and so has
        one that is `continued`: moved, and written to since.

        A file under what could not be looked into is not missing: what it gave is kept by this build, and nothing of
        it is noted, so that it need not be read again for having been out of sight.
        """
        listed = {*found, *blocked}
        hidden = [one for one in self._readings.values() if one.path not in listed and is_under(one.path, blocked)]
        self._readings |= {one.path: replace(one, missing=True, again=True) for one in hidden}
        listed |= {one.path for one in hidden}
        elsewhere = {one.sha256 for one in self.readings if one.path in listed and not one.missing}
        elsewhere |= {self._readings[path].sha256 for path in continued}
        settled = [
            replace(
                reading,
                missing=True,
                again=False,
                refused=0,
                days={} if reading.sha256 in elsewhere else reading.days,
                reading_id=uuid4(),
            )
            for path, reading in self._readings.items()
            if path not in listed
        ]
        self.note(((reading, ()) for reading in settled), read_at)

    def forget(self, paths: Iterable[str], read_at: datetime) -> list[str]:
        """Give up the rows of missing files; returns which were known."""
        wanted = [self._readings[path] for path in paths if path in self._readings]
        self.note(((replace(one, days={}, missing=True, reading_id=uuid4()), ()) for one in wanted), read_at)
        return [one.path for one in wanted]

    def replay(self, paths: Iterable[str], read_at: datetime) -> list[str]:
        """Have files read again by the next build, changed or not; returns which were known."""
        known = [self._readings[path] for path in paths if path in self._readings]
        # The same reading under the same id: its dead letters stand until the file has been read.
        self.note(((replace(one, again=True), ()) for one in known), read_at)
        return [one.path for one in known]

    def expected(self) -> dict[date, str]:
        """The hash of every day's inputs as they are now."""
        return {day: inputs_sha256(inputs) for day, inputs in self.inputs().items()}

    def inputs(self) -> dict[date, list[FileReading]]:
        """The readings that each day is built from."""
        return inputs_by_day(self.readings)

    def loads(self, rows_by_day: Mapping[date, int]) -> list[LoadedDay]:
        """What is to be recorded of days that were built from these readings."""
        inputs = self.inputs()
        return [
            LoadedDay(day, rows, len(inputs.get(day, ())), inputs_sha256(inputs.get(day, ())))
            for day, rows in rows_by_day.items()
        ]


def unsettle(store: Warehouse, source: str, days: Iterable[date], recorded: Mapping[date, Row]) -> None:
    """Note that loaded days are about to be replaced.

    A build that is killed half-way may leave them as its own inputs had them, or, where the engine itself was killed,
    twice. They are built again then, even if the inputs are by that time what they were before.
    """
    store.record_loads(source, [LoadedDay(day, recorded[day]["rows"]) for day in days if day in recorded])


def ignore(table: str, done: int, of: int) -> None:
    """An OnFile for builds that nobody watches."""


@contextmanager
def one_at_a_time(folder: Path, source: str) -> Iterator[None]:
    """One build of a table at a time on this machine: the next one finds what this one has read."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(str(folder / f".{source}.lock")):
        yield


@contextmanager
def unless_being_built(folder: Path, source: str) -> Iterator[bool]:
    """Whether no build of the table is under way; none begins before the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder / f".{source}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def dead_letter(
    source: str, path: str, refusal: Refusal, kind: str, *, sha256: str, size_bytes: int, ts: datetime
) -> Row:
    """A row of `dead_letters`, which FileLedger.note completes."""
    return {
        "source": source,
        "ts": ts,
        "operation": "ingest",
        "source_path": path,
        "source_sha256": sha256,
        "item": refusal.item,
        "size_bytes": size_bytes,
        "error_type": kind,
        "error": refusal.reason,
        "remedy": refusal.remedy,
    }


def blocked_readings(source: str, blocked: Mapping[str, str], now: datetime) -> Iterator[tuple[FileReading, list[Row]]]:
    """Readings of what could not be looked into, with the reasons: tried again with every build."""
    for path, reason in blocked.items():
        reading = FileReading(path, sha256="", reader="", refused=1, again=True)
        refusal = unreadable(reason)
        yield reading, [dead_letter(source, path, refusal, "unreadable", sha256="", size_bytes=0, ts=now)]


def is_under(path: str, blocked: Iterable[str]) -> bool:
    """Whether a file lies in one of these folders, or may match one of these patterns of a store."""
    return any(path.startswith(_beginning(one) if is_remote(one) else f"{one}/") for one in blocked)


def _beginning(pattern: str) -> str:
    return re.split(r"[*?{]", pattern, maxsplit=1)[0]


def _with_what_it_gave(reading: FileReading, known: FileReading | None) -> FileReading:
    """A file that could not be opened keeps what it gave before: a failed read is not an empty file."""
    if known is None or not known.days or not reading.again or reading.sha256:
        return reading
    return replace(reading, sha256=known.sha256, reader=known.reader, days=known.days, missing=True)


def _reading(row: Row) -> FileReading:
    stored = {
        name: row[name] for name in ("sha256", "reader", "size_bytes", "modified_ns", "refused", "again", "missing")
    }
    return FileReading(path=row["source_path"], days=dict(row["days"]), reading_id=row["reading_id"], **stored)


def _row(source: str, reading: FileReading, read_at: datetime) -> Row:
    return {
        "source": source,
        "source_path": reading.path,
        "reading_id": reading.reading_id,
        "read_at": read_at.astimezone(UTC),
        "sha256": reading.sha256,
        "reader": reading.reader,
        "size_bytes": reading.size_bytes,
        "modified_ns": reading.modified_ns,
        "days": dict(reading.days),
        "refused": reading.refused,
        "again": reading.again,
        "missing": reading.missing,
    }
