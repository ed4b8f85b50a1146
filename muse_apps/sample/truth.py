"""What the sample holds, as `truth.json` and as a value: what a test may expect Muse to find."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

TRUTH_FILE = "truth.json"


@dataclass(frozen=True, slots=True)
class PlantedShift:
    """A change of code. `factor` is after / before of `metric`, a name of the warehouse.

    `benchmark` is a part of the warehouse's name for it (which adds the file, or the options).

    `commit_sha` is the hearts commit that brings it: every run after `began_at` has it, none before.
    """

    day: date
    began_at: datetime
    source_format: str
    benchmark: str
    metric: str
    direction: str
    factor: float
    commit_sha: str
    subject: str
    path: str


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """A change of the machine under every benchmark of these formats: not a change of code."""

    at: datetime
    formats: tuple[str, ...]
    factor: float
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """An input that must not become a fact. `kind`: truncated, unknown_format, failed_backend, bad_line.

    `item` is the backend's name, or the line's number counted from 1; empty for a whole file.
    """

    path: str
    kind: str
    item: str
    why: str


@dataclass(frozen=True, slots=True)
class OutlierRun:
    """One slow pytest-benchmark run on a busy machine: never a change."""

    path: str
    at: datetime
    factor: float


@dataclass(frozen=True, slots=True)
class JointMovement:
    """A benchmark and a user latency that move together over the seven days that end on each of `days`.

    The user latency (hourly median of `event_type`) takes a step of `factor` in the hour of `began_at`.
    """

    benchmark: str
    event_type: str
    began_at: datetime
    factor: float
    days: tuple[date, ...]
    minimum_spearman: float


@dataclass(frozen=True, slots=True)
class EventTruth:
    """The valid events, each counted once and on the day it happened."""

    count: int
    by_day: Mapping[date, int]
    sent_twice: tuple[str, ...]
    late_file: str
    late_day: date
    late_count: int


@dataclass(frozen=True, slots=True)
class SampleTruth:
    """Everything that was planted in one sample workspace. Paths are relative to it."""

    version: int
    days: tuple[date, ...]
    shifts: tuple[PlantedShift, ...]
    environment_changes: tuple[EnvironmentChange, ...]
    outliers: tuple[OutlierRun, ...]
    joint_movements: tuple[JointMovement, ...]
    refused: tuple[Refused, ...]
    quiet_days: tuple[date, ...]
    events: EventTruth
    heads: Mapping[str, str]


_adapter = TypeAdapter(SampleTruth)


def write_truth(folder: Path, truth: SampleTruth) -> None:
    """Write `truth.json` into `folder`."""
    (folder / TRUTH_FILE).write_bytes(_adapter.dump_json(truth, indent=2) + b"\n")


def read_truth(folder: Path) -> SampleTruth | None:
    """The truth of the sample in `folder`; None if there is none, or it was written by another version."""
    try:
        return _adapter.validate_json((folder / TRUTH_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
