"""The roles that the asset graph needs filled. Adapters live in `muse_resources`, one for each system."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

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

    def replace_days(self, table: str, days: Sequence[date], rows: Iterable[Row]) -> int:
        """Make `rows` the whole content of those days of `table`; returns how many there are."""

    def replace_source(self, table: str, source: str, rows: Iterable[Row]) -> int:
        """Make `rows` the whole content of the partition `source` of `table`."""

    def replace_days_from(
        self, table: str, days: Sequence[date], load: str, parameters: Mapping[str, Any]
    ) -> dict[date, int]:
        """Replace days by a named load inside the engine; returns the rows of each day."""

    def replace_days_from_lines(
        self,
        table: str,
        days: Sequence[date],
        sources: Iterable[tuple[Path, str, Mapping[str, Any]]],
        *,
        deduplicate: str,
    ) -> tuple[dict[date, int], list[Row]]:
        """Replace days from files of lines; returns the rows of each day, and the refused lines."""

    def record_loads(self, source: str, rows_by_day: Mapping[date, int], *, files: int, inputs_sha256: str) -> None:
        """Note that these days of `source` are loaded; a day without rows is loaded too."""

    def migrate(self) -> list[str]:
        """Bring the tables up to date; returns the names of the migrations that were applied."""

    def ping(self) -> str:
        """The engine's version."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a source repository. `author_hash` is keyed: no name or address is kept."""

    repository: str
    sha: str
    committed_at: datetime
    author_hash: str | None
    subject: str
    files_changed: int
    insertions: int
    deletions: int
    paths: tuple[str, ...]


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
        """Series and number of every day's episode at the branch's head."""

    def head_commit(self) -> str | None:
        """The newest commit; None before the first publication."""

    def publish(self, episode: "PublishableEpisode") -> Publication:
        """Commit the episode under its number, taking the next free one if the day has none yet."""


@dataclass(frozen=True, slots=True)
class PublishableEpisode:
    """An approved episode before it has a number: `files` and the message are made once it is known."""

    day: date
    series: str
    canonical: str
    ledger: Mapping[str, Any]
    charts: Mapping[str, str]
    title: str
    confidence: float
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


class Clock(Protocol):
    """The only way to the present."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
