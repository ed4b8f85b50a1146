"""Whether a day's data is fresh and whole enough to be written about.

A pure function of the day, the sources' watermarks and the instant of judging; never of how a run was started.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from muse_domain.days import day_end


class WatchStatus(StrEnum):
    """The verdict, from best to worst; the last five block an episode, `degraded` does unless allowed."""

    VALID = "valid"
    DEGRADED = "degraded"
    LAG_EXCEEDED = "lag_exceeded"
    MISSING_HEARTS = "missing_hearts"
    MISSING_PACKS = "missing_packs"
    INCOMPLETE = "incomplete"
    ERROR = "error"


_SEVERITY = list(WatchStatus)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one source has come. Times are aware UTC; `error` says why the source could not be read."""

    commit_sha: str | None
    committed_at: datetime | None
    rows_found: int
    first_row_at: datetime | None
    grace: timedelta
    error: str = ""


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
    days_loaded: int,
    days_expected: int,
    maximum_lag: timedelta,
    live_days: int,
) -> FreshnessVerdict:
    """Judge one day. History is judged by whether its trailing week is loaded; a live day also by its lag."""
    live = is_live(day, now, live_days)
    as_of = now if live else min(now, day_end(day))
    verdicts = [_completeness(days_loaded, days_expected)]
    if live:
        verdicts += [_source_status(name, mark, as_of, maximum_lag) for name, mark in watermarks.items()]
    status, reason = max(verdicts, key=lambda verdict: _SEVERITY.index(verdict[0]))
    lags = {name: source_lag(mark, as_of) for name, mark in watermarks.items()} if live else {}
    return FreshnessVerdict(day, as_of, status, reason, lags, days_loaded, days_expected)


def is_live(day: date, now: datetime, live_days: int) -> bool:
    """Whether the day ended so recently that its sources must be fresh; older days are history."""
    return day_end(day) > now - timedelta(days=live_days)


def source_lag(mark: Watermark, as_of: datetime) -> float | None:
    """Seconds from the latest commit to its first row; while there is none, to `as_of` (ruling X-04)."""
    if mark.committed_at is None:
        return None
    reached = mark.first_row_at if mark.first_row_at is not None else as_of
    return max(0.0, (reached - mark.committed_at).total_seconds())


def _completeness(days_loaded: int, days_expected: int) -> tuple[WatchStatus, str]:
    if days_loaded >= days_expected:
        return WatchStatus.VALID, "every day of the trailing week is loaded"
    missing = days_expected - days_loaded
    return (
        WatchStatus.INCOMPLETE,
        f"{missing} of the {days_expected} days of the trailing week are not loaded: materialise the ingest group "
        "for them",
    )


def _source_status(name: str, mark: Watermark, as_of: datetime, maximum_lag: timedelta) -> tuple[WatchStatus, str]:
    if mark.error:
        return WatchStatus.ERROR, f"{name} cannot be read: {mark.error}"
    lag = source_lag(mark, as_of)
    if lag is None:
        return WatchStatus.VALID, f"{name} has no commit yet"
    sha = (mark.commit_sha or "")[:7]
    if lag > maximum_lag.total_seconds():
        if mark.rows_found == 0:
            missing = WatchStatus.MISSING_HEARTS if name == "hearts" else WatchStatus.MISSING_PACKS
            return missing, f"{name} has no rows for its latest commit {sha}, {_hours(lag)} after it"
        return WatchStatus.LAG_EXCEEDED, f"{name} rows came {_hours(lag)} after commit {sha}"
    if lag > mark.grace.total_seconds():
        return WatchStatus.DEGRADED, f"{name} is {_hours(lag)} behind commit {sha}"
    return WatchStatus.VALID, f"{name} is fresh"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"
