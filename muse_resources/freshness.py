"""What the watcher judges by: the newest commits of the sources, and the rows that were found for them."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from muse_domain.days import day_end, trailing_days
from muse_domain.measurements import RUN_NAMESPACE
from muse_domain.ports import Commit, Row, SourceRepository, SourceUnreachable, Warehouse
from muse_domain.settings import Settings
from muse_domain.watch import Arrival, FreshnessVerdict, Override, Watermark, is_live, judge, watermark

TRAILING_WEEK = 7
# How far back the newest commit before a day's end is looked for, wider each time there is none.
_LOOK_BACK = (timedelta(days=8), timedelta(days=90), timedelta(days=36500))


@dataclass(slots=True)
class FreshnessReader:
    """Judges days at one instant; what it has read serves all of them."""

    warehouse: Warehouse
    repositories: Mapping[str, SourceRepository]
    settings: Settings
    now: datetime
    _arrivals: dict[tuple[str, str], Arrival] = field(default_factory=dict)

    def judge(self, day: date) -> FreshnessVerdict:
        """The verdict of one day."""
        policy = self.settings.policy
        week = trailing_days(day, TRAILING_WEEK, self.settings.muse.start_date)
        live = is_live(day, self.now, policy.live_days)
        return judge(
            day,
            self.now,
            self._watermarks(min(self.now, day_end(day)), week) if live else {},
            week=week,
            loaded=loaded_days(week[0], week[-1], self.warehouse, self.settings),
            maximum_lag=timedelta(hours=policy.maximum_lag_hours),
            live_days=policy.live_days,
        )

    def _watermarks(self, until: datetime, week: list[date]) -> dict[str, Watermark]:
        """Of each measured repository. One that nothing is configured for is not judged."""
        settings = self.settings
        [rows] = self.warehouse.select("select_week_rows", {"first": min(week), "last": max(week)})
        judged = {source.repository for source in settings.reports} | {source.repository for source in settings.events}
        return {
            name: self._watermark(name, repository, until, rows["hearts" if name == "hearts" else "packs"])
            for name, repository in self.repositories.items()
            if name in judged
        }

    def _watermark(self, name: str, repository: SourceRepository, until: datetime, rows_in_week: int) -> Watermark:
        configured = self.settings.repositories[name]
        grace, cadence = timedelta(minutes=configured.grace_minutes), timedelta(hours=configured.cadence_hours)
        try:
            # A commit that has waited too long must be in sight, or a younger one would be judged instead.
            too_long = cadence + timedelta(hours=self.settings.policy.maximum_lag_hours, days=1)
            commits = commits_around(repository, until, self.now, too_long)
            arrival = self._arrival_of(name, commits)
            if cadence and commits and commits[0].parents and not any(arrival(commit).rows for commit in commits):
                commits = commits_around(repository, until, self.now, _LOOK_BACK[1])
                arrival = self._arrival_of(name, commits)
        except SourceUnreachable as error:
            return Watermark(None, None, 0, None, grace, error=str(error), cadence=cadence)
        return watermark(commits, until, arrival, grace=grace, cadence=cadence, rows_in_week=rows_in_week)

    def _arrival_of(self, name: str, commits: Sequence[Commit]) -> Callable[[Commit], Arrival]:
        if name == "hearts":
            self._read_arrivals([commit for commit in commits if (name, commit.sha) not in self._arrivals])

        def arrival(commit: Commit) -> Arrival:
            known = self._arrivals.get((name, commit.sha))
            if known is None:
                parameters = {"commit_sha": commit.sha, "committed_at": commit.committed_at}
                [found] = self.warehouse.select("select_event_watermark", parameters)
                known = self._arrivals[name, commit.sha] = Arrival(found["rows_found"], found["first_row_at"])
            return known

        return arrival

    def _read_arrivals(self, commits: Sequence[Commit]) -> None:
        """Those of measured commits, all at once: a stale source is looked at commit by commit."""
        shas = [commit.sha for commit in commits]
        rows = self.warehouse.select("select_bench_watermarks", {"shas": shas}) if shas else []
        found = {row["commit_sha"]: Arrival(row["rows_found"], row["first_row_at"]) for row in rows}
        self._arrivals |= {("hearts", sha): found.get(sha, Arrival(0, None)) for sha in shas}


def live_days(settings: Settings, now: datetime) -> list[date]:
    """The days under watch, newest first: the day under way and those that ended so recently that they are live."""
    today = now.date()
    last = min(today, settings.muse.end_date) if settings.muse.end_date else today
    days = trailing_days(last, settings.policy.live_days + 1, settings.muse.start_date)
    return [day for day in reversed(days) if is_live(day, now, settings.policy.live_days)]


def stored_override(day: date, warehouse: Warehouse) -> Override | None:
    """The override that a person has recorded for this day."""
    rows = warehouse.select("select_override", {"day": day})
    return Override(rows[0]["ts"], rows[0]["by"], rows[0]["reason"]) if rows else None


def commits_around(
    repository: SourceRepository, until: datetime, now: datetime, reach: timedelta = _LOOK_BACK[0]
) -> list[Commit]:
    """Commits up to `now`, oldest first, of `reach` before `until` and with at least the newest one before it.

    Raises SourceUnreachable.
    """
    head = repository.head()
    if head is None:
        return []
    reach = max(reach, _LOOK_BACK[0])
    if head.committed_at < until - reach:
        return [head]
    for back in (reach, *_LOOK_BACK[1:]):
        found = repository.commits(until - back, now)
        if any(commit.committed_at < until for commit in found):
            break
    return found


def required_sources(settings: Settings) -> list[str]:
    """Tables that must be loaded before a day may be written about: those that something is configured for."""
    return [
        "commits",
        *(["bench_runs"] if settings.reports else []),
        *(["ui_events"] if settings.events else []),
    ]


def loaded_days(first: date, last: date, warehouse: Warehouse, settings: Settings) -> set[date]:
    """The days from `first` to `last` for which every required source is loaded."""
    sources = required_sources(settings)
    rows = warehouse.select("select_days_loaded", {"first": first, "last": last, "sources": sources})
    return {row["day"] for row in rows if row["sources"] == len(sources)}


def watcher_row(
    verdict: FreshnessVerdict, warehouse: Warehouse, *, duration_ms: float, alert_sent: bool = False
) -> Row:
    """The verdict as a row of `watcher_runs`. What people were told of this status stays told.

    Which commit a day ended with is taken from its rows, live or not: facts of the day rest on it.
    """
    day = verdict.day
    [found] = warehouse.select("select_day_evidence", {"day": day})
    earlier = warehouse.select("select_watcher_run", {"day": day})
    was_told = bool(earlier) and earlier[0]["status"] == str(verdict.status) and earlier[0]["alert_sent"]
    marks = verdict.marks
    return {
        "day": day,
        "ts": verdict.as_of,
        "run_id": uuid.uuid5(RUN_NAMESPACE, f"watcher:{day}"),
        "hearts_commit": found["hearts_commit"],
        "packs_commit": found["packs_commit"],
        "hearts_rows_found": marks["hearts"].rows_found if "hearts" in marks else found["hearts_rows"],
        "packs_rows_found": marks["packs"].rows_found if "packs" in marks else found["packs_rows"],
        "hearts_lag_seconds": verdict.lags.get("hearts"),
        "packs_lag_seconds": verdict.lags.get("packs"),
        "lag_seconds": verdict.lag_seconds,
        "days_loaded": verdict.days_loaded,
        "days_expected": verdict.days_expected,
        "status": str(verdict.status),
        "reason": verdict.reason,
        "alert_sent": alert_sent or was_told,
        # A replay of history must give the same row, so only a live verdict is timed.
        "duration_ms": duration_ms if marks else None,
    }
