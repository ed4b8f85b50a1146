"""A bounded look at the input files between two builds: what is new is read and noted, no day is replaced."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic

from muse_domain.intake import FileReading, changed_days
from muse_resources.event_files import modified_at
from muse_resources.file_ledger import FileLedger
from muse_resources.input_files import InputFile, Listing, Source

# A look opens no more than this, packed files counted as what they may unpack to. The next look goes on from there.
MOST_FILES = 200
MOST_BYTES = 128 * 1024**2
_PACKED = {".gz": 10, ".parquet": 5}
# A report that was written this recently may not be whole yet.
SETTLED = timedelta(seconds=2)

# Tells people of newly refused files, by path; returns those that may not be noted yet.
Tell = Callable[[Sequence[str]], set[str]]


@dataclass(frozen=True, slots=True)
class NewFiles(Generic[Source]):
    """Files that were never opened as they are now: `changed` are all of them, as they are shown. `too_large` ones are
    a build's, not a look's."""

    changed: set[str]
    now: list[InputFile[Source]]
    left: int
    too_large: tuple[InputFile[Source], ...]


def new_files(listing: Listing[Source], ledger: FileLedger, at: datetime, settled: timedelta) -> NewFiles[Source]:
    """The new and changed files of a listing, as many as one look may open.

    How a file is read plays no part: a new version of Muse opens files when their day is built, not here.
    """
    found = [file for file in listing.files.values() if not _was_opened(file, ledger)]
    whole = [file for file in found if not timedelta(0) <= at - modified_at(file.modified_ns) < settled]
    large = tuple(file for file in whole if _weight(file) > MOST_BYTES)
    now: list[InputFile[Source]] = []
    budget = MOST_BYTES
    for file in whole:
        if _weight(file) <= budget and len(now) < MOST_FILES:
            now.append(file)
            budget -= _weight(file)
    return NewFiles({file.shown for file in found}, now, len(found) - len(now) - len(large), large)


def _was_opened(file: InputFile[Source], ledger: FileLedger) -> bool:
    known = ledger.get(file.shown)
    return known is not None and known.was_opened_as(file.size_bytes, file.modified_ns)


def _weight(file: InputFile[Source]) -> int:
    return file.size_bytes * _PACKED.get(file.path.suffix, 1)


@dataclass(frozen=True, slots=True)
class InputLook:
    """What a look found out about the files of one table.

    `refused` are the shown paths of files that gave nothing and did not say so before. `expected` and `recorded` are
    the hashes of each day's inputs: as they are known now, and as they were when the day was last built.
    """

    table: str
    files: int
    read: int
    left: int
    refused: tuple[str, ...]
    too_large: Mapping[str, tuple[int, datetime]]
    blocked: Mapping[str, str]
    expected: Mapping[date, str]
    recorded: Mapping[date, str]

    @property
    def changed_days(self) -> set[date]:
        """Days that are not built from their inputs as these are now."""
        return changed_days(self.expected, self.recorded)


def newly_refused(read: Sequence[FileReading], ledger: FileLedger) -> tuple[str, ...]:
    """Files of which nothing could be used, and that had not been told as such. Asked before they are noted."""
    return tuple(one.path for one in read if _gave_nothing(one) and not _gave_nothing(ledger.get(one.path)))


def _gave_nothing(reading: FileReading | None) -> bool:
    return reading is not None and reading.refused > 0 and not reading.days


def input_look(
    table: str,
    listing: Listing[Source],
    found: NewFiles[Source],
    read: Sequence[FileReading],
    refused: tuple[str, ...],
    ledger: FileLedger,
    recorded: Mapping[date, str],
) -> InputLook:
    """The look as it is told, after what was read has been noted."""
    return InputLook(
        table,
        files=len(listing.files),
        read=len(read),
        left=found.left + len(found.now) - len(read),
        refused=refused,
        too_large={one.shown: (one.size_bytes, modified_at(one.modified_ns)) for one in found.too_large},
        blocked=listing.blocked,
        expected=ledger.expected(),
        recorded=recorded,
    )
