"""The roles that the asset graph needs filled. Adapters live in `muse_resources`, one for each system."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from muse_domain.facts import EvidenceRow, FactSpec

Row = dict[str, Any]


class Warehouse(Protocol):
    """ClickHouse, embedded or a server. Datetimes are aware UTC; parameters are always bound.

    Every method raises TransientFailure or PermanentFailure (`muse_domain.failures`).
    """

    def tagged(self, run_id: str) -> "Warehouse":
        """The same warehouse, whose queries carry this run id."""

    def select(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of a named query."""

    def evidence(self, spec: FactSpec) -> list[EvidenceRow]:
        """The rows that a fact rests on."""

    def evidence_by_field(self, spec: FactSpec, fields: Sequence[str]) -> dict[str, list[EvidenceRow]]:
        """The rows of facts that are as `spec` but for their parameter `field`, at once."""

    def replace_days(self, table: str, days: Sequence[date], rows: Iterable[Row]) -> int:
        """Make `rows` the whole content of those days of `table`; returns how many there are."""

    def append(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows to a table whose readers take a row that came twice as one."""

    def replace_days_from(
        self, table: str, days: Sequence[date], load: str, parameters: Mapping[str, Any]
    ) -> dict[date, int]:
        """Replace days by a named load inside the engine; returns the rows of each day."""

    def list_objects(self, pattern: str) -> "list[StoredObject]":
        """The objects that match `s3://bucket/prefix/*.json`, in the order of their keys."""

    def read_object(self, url: str) -> bytes:
        """The bytes of one object."""

    def load_days(self, table: str) -> AbstractContextManager["EventLoad"]:
        """A load of whole days of `table` from files, inside the engine."""

    def record_loads(self, source: str, loads: "Iterable[LoadedDay]") -> None:
        """Note that these days of `source` are loaded; a day without rows is loaded too."""

    def migrate(self) -> list[str]:
        """Bring the tables up to date; returns the names of the migrations that were applied."""

    def pending(self) -> list[str]:
        """Names of the migrations that are missing. Nothing is written."""

    def ping(self) -> str:
        """The engine's version."""


@dataclass(frozen=True, slots=True)
class LoadedDay:
    """That a day of a table is loaded: from how many files, and a hash over all that it was made from."""

    day: date
    rows: int
    files: int = 0
    inputs_sha256: str = ""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a store that speaks S3's protocol. `etag` changes with its content."""

    url: str
    etag: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class LineFile:
    """A file whose lines, documents or rows are events.

    `path` is where the engine may read it, or `url` in an object store; `shown` is what is stored. `layout`: a JSON
    text a line, one JSON document in the whole file, or Parquet. `unpack` names the expression that makes events of a
    document; empty when a line is one.
    """

    path: Path
    shown: str
    gzip: bool = False
    byte_order_mark: bool = False
    layout: Literal["lines", "document", "parquet"] = "lines"
    unpack: str = ""
    url: str = ""


class EventLoad(Protocol):
    """Rows gathered from files and not yet in place. What is not put in place is forgotten."""

    def add(self, files: Sequence[LineFile], columns: "EventColumns", first: date, last: date) -> None:
        """Gather the events of files that are alike whose day lies between first and last, both included."""

    def drop(self, file: LineFile) -> None:
        """Forget what a file gave."""

    def keep(self, paths: Sequence[str], days: Sequence[date]) -> None:
        """Gather what the table has of these files and days."""

    def rows_by_file(self) -> Mapping[str, Mapping[date, int]]:
        """How many rows of each day each file gave."""

    def head(self, file: LineFile, size: int) -> bytes:
        """The first bytes of a file, uncompressed. Raises LineTooLong."""

    def measure(self, file: LineFile) -> "LineSizes":
        """How long the lines of a file are, uncompressed. Raises LineTooLong."""

    def sample(self, most: int) -> list[Row]:
        """The first gathered rows by time."""

    def refused(self, file: LineFile, columns: "EventColumns", most: int) -> "RefusedLines":
        """What was refused of a file: the first `most` lines, and how many in all."""

    def put_in_place(self, days: Sequence[date], *, number_sessions: bool) -> Mapping[date, int]:
        """Make the gathered rows the whole content of these days; returns how many there are."""


@dataclass(frozen=True, slots=True)
class EventColumns:
    """How an event's JSON becomes a row: SQL expressions made of the mapping, and the values that they are bound to."""

    expressions: Mapping[str, str]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LineSizes:
    """How many lines a file has, and the bytes of the longest one and of all."""

    lines: int
    longest_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class RefusedLines:
    """Lines of a file that are no events: hash, size and reason of the first ones, and how many there are."""

    lines: Sequence[Row]
    total: int


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a source repository. `author_hash` is keyed: no name or address is kept.

    `parents` is empty for a first commit, and where they were not stored.
    """

    repository: str
    sha: str
    committed_at: datetime
    author_hash: str | None
    subject: str
    files_changed: int
    insertions: int
    deletions: int
    paths: tuple[str, ...]
    parents: tuple[str, ...] = ()


class SourceRepository(Protocol):
    """The commits of one repository that Muse follows."""

    def commits(self, start: datetime, end: datetime) -> list[Commit]:
        """Commits of the followed branch with start <= committed_at < end, oldest first.

        Raises SourceUnreachable when the repository cannot be read: that is not the same as no commits.
        """

    def head(self) -> Commit | None:
        """The newest commit of the followed branch; None for an empty branch."""


class SourceUnreachable(Exception):
    """A source could not be read. Never to be taken for a source without data."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing one day left in the blog's repository. `changed` is False when it was all there."""

    series: str
    number: int
    commit_sha: str
    path: str
    changed: bool


class Publisher(Protocol):
    """The blog's repository: it allocates episode numbers and takes the files of an episode as one commit."""

    def published_days(self) -> Mapping[date, tuple[str, int]]:
        """Series and number of every day's episode at the branch's head; digests are of no day."""

    def head_commit(self) -> str | None:
        """The newest commit; None before the first publication."""

    def list_files(self, commit: str) -> list[str]:
        """Every file of a commit."""

    def read_files(self, commit: str, paths: list[str]) -> dict[str, str]:
        """The text of these files in a commit."""

    def publish(self, episode: "PublishableEpisode") -> Publication:
        """Commit the episode under its number, taking the next free one if the day has none yet."""


@dataclass(frozen=True, slots=True)
class PublishableEpisode:
    """An approved episode before it has a number: `files` and the message are made once it is known.

    `charts` maps a file name to its content: of each finding the picture (SVG) and the values that it draws (CSV).
    """

    day: date
    series: str
    canonical: str
    ledger: Mapping[str, Any]
    charts: Mapping[str, str]
    title: str
    confidence: float | None
    correlation: float | None
    cost_usd: float
    run_id: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a blog commit. `build_time_ms` is measured; `changed` tells whether pages moved."""

    deployment_id: str
    commit_sha: str
    status: str
    build_time_ms: float
    url: str
    pages: int
    changed: int


class Deployer(Protocol):
    """Turns a commit of the blog's repository into a site that people can open."""

    def deploy(self, commit_sha: str) -> Deployment:
        """Build and put in place the site of that commit. `changed` is 0 where it was all there."""


# Told the table, how many files of this build have been read, and of how many.
OnFile = Callable[[str, int, int], None]


class Clock(Protocol):
    """The only way to the present."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
