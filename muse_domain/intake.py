"""Which files a day is built from, and which days have to be built again.

Every version of an input file that was read leaves a `FileReading`: the days it holds and how many rows of each. From
these alone follows what a day's table must be made of, so that an unchanged file is not read twice and a late file
reaches the days that were built before it came.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

# What arrives this many days late still reaches its day with the next build; later, the day has to be asked for.
LATE_DAYS = 7


@dataclass(frozen=True, slots=True)
class FileReading:
    """What one version of an input file held when it was read.

    `reader` names how it was read: the code, the mapping, the source's settings. `again` says that the same bytes may
    read differently next time (a file that could not be opened, a report that git did not know yet). `missing` says
    that the file is not found any more: what it had given is kept.
    """

    path: str
    sha256: str
    reader: str
    size_bytes: int = 0
    modified_ns: int = 0
    days: Mapping[date, int] = field(default_factory=dict)
    refused: int = 0
    again: bool = False
    missing: bool = False
    reading_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def is_unchanged(self, size_bytes: int, modified_ns: int, reader: str) -> bool:
        """Whether a file of this size and time, read in this way, need not be opened at all."""
        known = (self.size_bytes, self.modified_ns, self.reader)
        return not self.again and not self.missing and known == (size_bytes, modified_ns, reader)

    def was_opened_as(self, size_bytes: int, modified_ns: int) -> bool:
        """Whether a file of this size and time was opened before, whatever came of it, and however it is read by now.

        One that went missing and is back is opened again; one that could not be read is not.
        """
        is_gone = self.missing and not self.again
        return not is_gone and (self.size_bytes, self.modified_ns) == (size_bytes, modified_ns)

    def says_the_same_as(self, other: "FileReading") -> bool:
        """Whether nothing but the name of the reading and the file's time differ."""
        return self._told() == other._told()

    def _told(self) -> tuple[object, ...]:
        return (
            self.path, self.sha256, self.reader, self.size_bytes, dict(self.days),
            self.refused, self.again, self.missing,
        )  # fmt: skip


def inputs_by_day(readings: Iterable[FileReading]) -> dict[date, list[FileReading]]:
    """The readings that each day is built from, in the order of their paths.

    These hold rows of the day, or are the first with the content of one that does: the later one is a copy, which
    tells nothing twice, whichever days are built together.
    """
    first: dict[str, FileReading] = {}
    inputs: dict[date, dict[str, FileReading]] = {}
    for reading in sorted(readings, key=lambda reading: reading.path):
        original = first.setdefault(reading.sha256, reading)
        for day in reading.days:
            inputs.setdefault(day, {}).update({original.path: original, reading.path: reading})
    return {day: sorted(found.values(), key=lambda reading: reading.path) for day, found in inputs.items()}


def inputs_sha256(readings: Sequence[FileReading], also: str = "") -> str:
    """A hash over the files that a day is built from and how they are read; whether a file went missing is no part."""
    lines = [f"{reading.path}\0{reading.sha256}\0{reading.reader}\n" for reading in readings]
    return hashlib.sha256("".join([also, *lines]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What one build of a table does: `build` are replaced; `unchanged` were asked for and are as they were;
    `late` are those of `build` that were not asked for; `stale` need to be asked for."""

    build: tuple[date, ...]
    unchanged: tuple[date, ...]
    late: tuple[date, ...]
    stale: tuple[date, ...]


def plan_build(asked: Sequence[date], expected: Mapping[date, str], recorded: Mapping[date, str]) -> BuildPlan:
    """Which days to build: the asked ones, and the loaded ones of the week before them, whose inputs have changed.

    `expected` and `recorded` map days to the hash of their inputs: as they are now, and as they were at the last load.
    A day that was never loaded is only built when it is asked for.
    """
    changed = changed_days(expected, recorded)
    build = [day for day in asked if day in changed or day not in recorded]
    reach = min(asked) - timedelta(days=LATE_DAYS)
    outdated = sorted(day for day in changed - set(asked) if day in recorded)
    late = [day for day in outdated if reach <= day <= max(asked)]
    return BuildPlan(
        build=tuple(sorted({*build, *late})),
        unchanged=tuple(day for day in asked if day not in set(build)),
        late=tuple(late),
        stale=tuple(day for day in outdated if day not in set(late)),
    )


def changed_days(expected: Mapping[date, str], recorded: Mapping[date, str]) -> set[date]:
    """Days that are not built from their inputs as these are now."""
    return {day for day in {*expected, *recorded} if expected.get(day, NO_INPUTS) != recorded.get(day)}


NO_INPUTS = inputs_sha256(())
