"""Whether a day's data is fresh and whole enough to be written about.

A pure function of the day, the sources' watermarks and the instant of judging; never of how a run was started.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from muse_domain.days import day_end
from muse_domain.ports import Commit


class WatchStatus(StrEnum):
    """The verdict, from best to worst; the last five block an episode, `degraded` does unless allowed."""

    VALID = "valid"
    DEGRADED = "degraded"
    LAG_EXCEEDED = "lag_exceeded"
    MISSING_HEARTS = "missing_hearts"
    MISSING_PACKS = "missing_packs"
    INCOMPLETE = "incomplete"
    ERROR = "error"


# What is wrong with a source, and so with every day under watch alike.
SOURCE_STATUSES = frozenset(set(WatchStatus) - {WatchStatus.VALID, WatchStatus.INCOMPLETE})

_SEVERITY = list(WatchStatus)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one source has come. Times are aware UTC; `error` says why the source could not be read.

    `cadence` is how long a commit may wait for the next measurement before it can be late; zero where every commit is
    measured. `waiting_since` is set where the wait began after the commit: at the last measurement. `rows_in_week` are
    those that the source gave in the trailing week, for whatever commit.
    """

    commit_sha: str | None
    committed_at: datetime | None
    rows_found: int
    first_row_at: datetime | None
    grace: timedelta
    error: str = ""
    cadence: timedelta = timedelta()
    waiting_since: datetime | None = None
    rows_in_week: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """The rows that were found for one commit."""

    rows: int
    first_row_at: datetime | None


def watermark(
    commits: Sequence[Commit],
    until: datetime,
    arrival: Callable[[Commit], Arrival],
    *,
    grace: timedelta,
    cadence: timedelta = timedelta(),
    rows_in_week: int = 0,
) -> Watermark:
    """The watermark at `until` of a source with these commits, oldest first.

    Judged is the newest commit before `until`: what was committed after a day ended says nothing about that day. A
    commit is measured by rows of its own or of a later commit. With a cadence, judged is the oldest commit that waits,
    and only since the last measurement: in a busy repository the newest commit is always young, and would hide that
    nothing has been measured for days.
    """
    counted = [commit for commit in commits if commit.committed_at < until]
    bare = Watermark(None, None, 0, None, grace, cadence=cadence, rows_in_week=rows_in_week)
    if not counted:
        return bare
    if cadence and (waiting := _waiting(commits, len(counted), arrival)):
        oldest, measured_at = waiting
        since = max(oldest.committed_at, measured_at) if measured_at else oldest.committed_at
        return replace(bare, commit_sha=oldest.sha, committed_at=oldest.committed_at, waiting_since=since)
    newest = counted[-1]
    found = next((one for one in map(arrival, commits[len(counted) - 1 :]) if one.rows), Arrival(0, None))
    return replace(
        bare,
        commit_sha=newest.sha,
        committed_at=newest.committed_at,
        rows_found=found.rows,
        first_row_at=found.first_row_at,
    )


def _waiting(
    commits: Sequence[Commit], counted: int, arrival: Callable[[Commit], Arrival]
) -> tuple[Commit, datetime | None] | None:
    """The oldest of the first `counted` commits that came after the last measured one, and when that was measured.

    All of the commits are looked at: the youngest hundred of a busy repository would always be young enough.
    """
    measured = next((at for at in range(len(commits) - 1, -1, -1) if arrival(commits[at]).rows), None)
    first = 0 if measured is None else measured + 1
    if first >= counted:
        return None
    return commits[first], None if measured is None else arrival(commits[measured]).first_row_at


@dataclass(frozen=True, slots=True)
class FreshnessVerdict:
    """One judgement of one day. Lags are seconds from the latest commit to its first row, or to `as_of`."""

    day: date
    as_of: datetime
    status: WatchStatus
    reason: str
    lags: Mapping[str, float | None]
    days_loaded: int
    days_expected: int
    statuses: Mapping[str, WatchStatus] = field(default_factory=dict)
    marks: Mapping[str, Watermark] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def lag_seconds(self) -> float | None:
        """The worst source's lag."""
        return max((lag for lag in self.lags.values() if lag is not None), default=None)

    def lets_through(self, *, allow_degraded: bool) -> bool:
        """Whether an episode may be written."""
        return self.status is WatchStatus.VALID or (self.status is WatchStatus.DEGRADED and allow_degraded)


def judge(
    day: date,
    now: datetime,
    watermarks: Mapping[str, Watermark],
    *,
    week: Sequence[date],
    loaded: Set[date],
    maximum_lag: timedelta,
    live_days: int,
) -> FreshnessVerdict:
    """Judge one day. History is judged by whether its trailing week is loaded; a live day also by its lag."""
    live = is_live(day, now, live_days)
    as_of = now if live else min(now, day_end(day))
    marks = watermarks if live else {}
    sources = {name: _source_status(name, mark, as_of, maximum_lag) for name, mark in marks.items()}
    missing = [one for one in week if one not in loaded]
    verdicts = [_completeness(missing, len(week)), *sources.values()]
    status, reason = max(verdicts, key=lambda verdict: _SEVERITY.index(verdict[0]))
    lags = {name: source_lag(mark, as_of) for name, mark in marks.items()}
    statuses = {name: verdict[0] for name, verdict in sources.items()}
    reasons = {name: verdict[1] for name, verdict in sources.items()}
    return FreshnessVerdict(
        day, as_of, status, reason, lags, len(week) - len(missing), len(week), statuses, dict(marks), reasons
    )


def is_under_way(day: date, now: datetime) -> bool:
    """Whether the day has not ended: it may be looked at, and nothing of it may be published."""
    return now < day_end(day)


def worst(statuses: Iterable[WatchStatus]) -> WatchStatus:
    """The worst of several; valid where there are none."""
    return max(statuses, key=_SEVERITY.index, default=WatchStatus.VALID)


@dataclass(frozen=True, slots=True)
class Override:
    """A person's decision that a day is written about although the watcher objects."""

    at: datetime
    by: str
    reason: str


def is_live(day: date, now: datetime, live_days: int) -> bool:
    """Whether the day ended so recently that its sources must be fresh; older days are history."""
    return day_end(day) > now - timedelta(days=live_days)


def source_lag(mark: Watermark, as_of: datetime) -> float | None:
    """Seconds from the judged commit to its first row; while there is none, to `as_of` (ruling X-04)."""
    if mark.committed_at is None:
        return None
    reached = mark.first_row_at if mark.first_row_at is not None else as_of
    return max(0.0, (reached - (mark.waiting_since or mark.committed_at)).total_seconds())


def _completeness(missing: Sequence[date], days_expected: int) -> tuple[WatchStatus, str]:
    if not missing:
        return WatchStatus.VALID, "every day of the trailing week is loaded"
    are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    return (
        WatchStatus.INCOMPLETE,
        f"{len(missing)} of the {days_expected} days of the trailing week {are} not loaded "
        f"({', '.join(map(str, missing))}): `muse ingest --from {missing[0]} --to {missing[-1]}`, or materialise the "
        f"group ingest for {them}",
    )


def _source_status(name: str, mark: Watermark, as_of: datetime, maximum_lag: timedelta) -> tuple[WatchStatus, str]:
    """As things are now: rows that came late are here, and hold nothing up any more. How late is in the lag."""
    if mark.error:
        return WatchStatus.ERROR, f"{name} cannot be read: {mark.error}"
    lag = source_lag(mark, as_of)
    if lag is None:
        return WatchStatus.VALID, f"{name} has no commit yet"
    sha = (mark.commit_sha or "")[:7]
    if mark.rows_found:
        return WatchStatus.VALID, f"{name} is fresh"
    if lag > (mark.cadence + maximum_lag).total_seconds():
        if mark.rows_in_week:
            return WatchStatus.LAG_EXCEEDED, f"{name} has no rows for its latest commit {sha}, {_hours(lag)} after it"
        missing = WatchStatus.MISSING_HEARTS if name == "hearts" else WatchStatus.MISSING_PACKS
        return missing, f"{name} has no rows of a whole week; its latest commit {sha} waits for {_hours(lag)}"
    if lag > (mark.cadence + mark.grace).total_seconds():
        return WatchStatus.DEGRADED, f"{name} is {_hours(lag)} behind commit {sha}"
    return WatchStatus.VALID, f"{name} is fresh"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"
