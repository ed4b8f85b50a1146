"""Whether a day may be written about: fresh, late, missing, incomplete or unreadable."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from muse_domain.days import trailing_days
from muse_domain.ports import Commit
from muse_domain.watch import (
    Arrival,
    FreshnessVerdict,
    WatchStatus,
    Watermark,
    is_live,
    is_under_way,
    judge,
    source_lag,
    watermark,
    worst,
)

DAY = date(2026, 9, 8)
NOW = datetime(2026, 9, 8, 18, 0, tzinfo=UTC)
HEARTS_GRACE, PACKS_GRACE = timedelta(minutes=5), timedelta(minutes=90)


def mark(lag: timedelta | None = timedelta(), *, grace: timedelta = HEARTS_GRACE, **changes: Any) -> Watermark:
    """A source whose latest commit's rows came `lag` after it; with None, no rows came in the whole week."""
    committed = NOW - timedelta(hours=10)
    arrived = None if lag is None else committed + lag
    columns: dict[str, Any] = {
        "commit_sha": "a1" * 20,
        "committed_at": committed,
        "rows_found": 0 if lag is None else 12,
        "first_row_at": arrived,
        "grace": grace,
    }
    return Watermark(**{**columns, **changes})


def waiting(lag: timedelta, *, grace: timedelta = HEARTS_GRACE) -> Watermark:
    """A source that was measured this week and whose latest commit has waited `lag` for its rows."""
    return mark(None, grace=grace, committed_at=NOW - lag, rows_in_week=12)


def watched(
    hearts: Watermark | None = None,
    packs: Watermark | None = None,
    *,
    day: date = DAY,
    now: datetime = NOW,
    loaded: int = 7,
) -> FreshnessVerdict:
    marks = {"hearts": hearts or mark(), "packs": packs or mark(grace=PACKS_GRACE)}
    week = trailing_days(day, 7, day - timedelta(days=30))
    return judge(day, now, marks, week=week, loaded=set(week[:loaded]), maximum_lag=timedelta(hours=4), live_days=2)


def test_fresh_sources_are_valid() -> None:
    """Rows that came with their commit let an episode through."""
    verdict = watched()
    assert verdict.status is WatchStatus.VALID and verdict.lets_through(allow_degraded=False)


@pytest.mark.parametrize(
    ("lag", "status"),
    [
        (timedelta(minutes=5), WatchStatus.VALID),
        (timedelta(minutes=5, seconds=1), WatchStatus.DEGRADED),
        (timedelta(hours=4), WatchStatus.DEGRADED),
        (timedelta(hours=4, seconds=1), WatchStatus.LAG_EXCEEDED),
    ],
)
def test_measured_code_has_five_minutes_of_grace_and_four_hours_at_most(lag: timedelta, status: WatchStatus) -> None:
    """Within the grace fresh, after it degraded, after four hours blocked; the limits themselves are kept."""
    assert watched(hearts=waiting(lag)).status is status


@pytest.mark.parametrize(
    ("lag", "status"),
    [(timedelta(minutes=90), WatchStatus.VALID), (timedelta(minutes=91), WatchStatus.DEGRADED)],
)
def test_each_source_has_its_own_grace(lag: timedelta, status: WatchStatus) -> None:
    """The interface's events may take ninety minutes."""
    assert watched(packs=waiting(lag, grace=PACKS_GRACE)).status is status
    assert watched(hearts=waiting(lag)).status is WatchStatus.DEGRADED


@pytest.mark.parametrize("lag", [timedelta(minutes=6), timedelta(hours=5)])
def test_rows_that_came_late_hold_nothing_up_any_more(lag: timedelta) -> None:
    """The verdict is of things as they are now; how late they came stays in the lag, from commit to row."""
    verdict = watched(hearts=mark(lag))
    assert verdict.status is WatchStatus.VALID and verdict.lag_seconds == lag.total_seconds()


def test_a_source_without_rows_is_missing_by_name() -> None:
    """No rows at all, too long after the commit, is told as missing, and which."""
    assert watched(hearts=mark(None)).status is WatchStatus.MISSING_HEARTS
    assert watched(packs=mark(None, grace=PACKS_GRACE)).status is WatchStatus.MISSING_PACKS
    assert "no rows of a whole week; its latest commit a1a1a1a" in watched(hearts=mark(None)).reason


def test_a_source_that_was_measured_this_week_lags_behind_its_latest_commit() -> None:
    """It works, and has not come to this commit: too late is not missing."""
    behind = watched(hearts=mark(None, rows_in_week=12))
    assert behind.status is WatchStatus.LAG_EXCEEDED
    assert "no rows for its latest commit a1a1a1a, 10.0 hours after it" in behind.reason


def test_rows_that_did_not_come_yet_are_not_missing_yet() -> None:
    """Until four hours have passed, a source without rows is late, not missing."""
    committed = NOW - timedelta(hours=1)
    assert watched(hearts=mark(None, committed_at=committed)).status is WatchStatus.DEGRADED


def test_a_source_without_commits_is_not_late() -> None:
    """Nothing was committed, so nothing can be missing."""
    none = mark(None, commit_sha=None, committed_at=None)
    assert watched(hearts=none).status is WatchStatus.VALID
    assert source_lag(none, NOW) is None


def test_a_source_that_cannot_be_read_is_an_error_not_stale() -> None:
    """A failed read is not an empty result, and is worse than everything else."""
    unreadable = mark(None, error="the clone is gone")
    verdict = watched(hearts=unreadable, packs=mark(None, grace=PACKS_GRACE), loaded=3)
    assert verdict.status is WatchStatus.ERROR and "the clone is gone" in verdict.reason


def test_degraded_passes_only_with_the_flag_and_nothing_else_does() -> None:
    """The flag opens one door."""
    for status in WatchStatus:
        verdict = FreshnessVerdict(DAY, NOW, status, "", {}, 7, 7)
        assert verdict.lets_through(allow_degraded=False) is (status is WatchStatus.VALID)
        allowed = status in (WatchStatus.VALID, WatchStatus.DEGRADED)
        assert verdict.lets_through(allow_degraded=True) is allowed


def test_a_missing_day_of_the_week_blocks_live_days_and_history() -> None:
    """An episode needs its whole trailing week, whenever it is written."""
    for day in (DAY, DAY - timedelta(days=300)):
        verdict = watched(day=day, loaded=6)
        assert verdict.status is WatchStatus.INCOMPLETE
        assert verdict.reason.startswith(f"1 of the 7 days of the trailing week is not loaded ({day}): `muse ingest")


def test_history_is_judged_by_its_own_data() -> None:
    """A backfill of an old day does not fail because a source is late, missing or unreadable today."""
    late = mark(None, error="unreachable")
    verdict = watched(hearts=late, packs=late, day=DAY - timedelta(days=30))
    assert verdict.status is WatchStatus.VALID
    assert verdict.lags == {} and verdict.lag_seconds is None
    assert verdict.as_of == datetime(2026, 8, 10, tzinfo=UTC)


def test_days_are_live_for_as_long_as_configured() -> None:
    """The day itself and the two days after its end."""
    assert is_live(DAY, NOW, 2)
    assert is_live(DAY - timedelta(days=2), NOW, 2)
    assert not is_live(DAY - timedelta(days=3), NOW, 2)
    assert is_live(DAY + timedelta(days=1), NOW, 2)


def test_the_worst_source_decides_and_its_lag_is_told() -> None:
    """Lags are kept for each source; the verdict names the worst."""
    verdict = watched(hearts=waiting(timedelta(minutes=10)), packs=waiting(timedelta(hours=5), grace=PACKS_GRACE))
    assert verdict.status is WatchStatus.LAG_EXCEEDED
    assert verdict.lags == {"hearts": 600.0, "packs": 18000.0} and verdict.lag_seconds == 18000.0
    assert "5.0 hours" in verdict.reason


def test_rows_older_than_the_commit_are_no_negative_lag() -> None:
    """Clocks differ: early is not less than fresh."""
    assert source_lag(mark(timedelta(hours=-1)), NOW) == 0.0


def test_the_verdict_is_a_function_of_its_inputs() -> None:
    """The same day, instant and watermarks give the same verdict."""
    assert watched() == watched()


def commit(at: datetime, sha: str) -> Commit:
    return Commit("hearts", sha, at, None, "Change", 1, 1, 0, ())


def reached(commits: list[Commit], measured: dict[str, datetime], until: datetime = NOW, **more: Any) -> Watermark:
    """The watermark where each commit of `measured` has rows from that instant on."""

    def arrival(one: Commit) -> Arrival:
        return Arrival(4, measured[one.sha]) if one.sha in measured else Arrival(0, None)

    return watermark(commits, until, arrival, grace=HEARTS_GRACE, rows_in_week=4, **more)


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MORNING, NOON = NOW - 10 * HOUR, NOW - 6 * HOUR


def test_the_newest_commit_is_judged() -> None:
    """Its own rows are its arrival; those of the commit before it say nothing about it."""
    commits = [commit(MORNING, "a"), commit(NOON, "b")]
    assert reached(commits, {"b": NOON + MINUTE}) == mark(
        MINUTE, commit_sha="b", committed_at=NOON, rows_found=4, first_row_at=NOON + MINUTE, rows_in_week=4
    )
    assert watched(hearts=reached(commits, {"a": MORNING})).status is WatchStatus.LAG_EXCEEDED


def test_commits_after_the_day_do_not_count_against_it() -> None:
    """A day is judged by what had been committed when it ended."""
    commits = [commit(MORNING, "a"), commit(NOW + 5 * HOUR, "next day")]
    assert reached(commits, {"a": MORNING + MINUTE}, NOW).commit_sha == "a"
    assert reached(commits[1:], {}, NOW).committed_at is None


def test_rows_of_a_later_commit_measure_the_earlier_one() -> None:
    """The last commit of a day is often measured with the first of the next."""
    commits = [commit(MORNING, "a"), commit(NOW + HOUR, "b")]
    found = reached(commits, {"b": NOW + 2 * HOUR}, NOW)
    assert (found.commit_sha, found.rows_found, found.first_row_at) == ("a", 4, NOW + 2 * HOUR)


def test_nightly_benchmarks_are_not_late_before_their_night() -> None:
    """With a cadence a commit may wait for the next run; grace and limit are counted after that."""
    measured_at = NOW - 14 * HOUR
    commits = [commit(measured_at - HOUR, "a"), commit(MORNING, "b"), commit(NOON, "c")]
    nightly = reached(commits, {"a": measured_at}, cadence=24 * HOUR)
    assert (nightly.commit_sha, nightly.rows_found) == ("b", 0)
    assert watched(hearts=nightly).status is WatchStatus.VALID
    for hours, status in ((24, WatchStatus.DEGRADED), (28.1, WatchStatus.LAG_EXCEEDED)):
        later = MORNING + timedelta(hours=hours, minutes=6)
        assert watched(hearts=nightly, now=later, day=later.date()).status is status


def test_a_stopped_nightly_run_is_not_hidden_by_young_commits() -> None:
    """A commit an hour does not make three days without a measurement fresh."""
    hourly = [commit(NOW - at * HOUR, f"c{at}") for at in range(72, 0, -1)]
    stopped = reached(hourly, {"c72": NOW - 71 * HOUR}, cadence=24 * HOUR)
    assert stopped.commit_sha == "c71"
    assert watched(hearts=stopped).status is WatchStatus.LAG_EXCEEDED


@pytest.mark.parametrize("measured", [{}, {"c0": NOW - 5 * 24 * HOUR}], ids=["never", "five days ago"])
def test_a_stopped_nightly_run_is_not_hidden_by_many_commits(measured: dict[str, datetime]) -> None:
    """A hundred and fifty a day: the youngest hundred are always young enough."""
    busy = [commit(NOW - 5 * 24 * HOUR + at * timedelta(minutes=9.6), f"c{at}") for at in range(750)]
    assert watched(hearts=reached(busy, measured, cadence=24 * HOUR)).status is WatchStatus.LAG_EXCEEDED


def test_an_old_branch_merged_after_the_nightly_run_waits_from_that_run_on() -> None:
    """Its commits are older than the run that could not have measured them."""
    ran_at = NOW - 12 * HOUR
    commits = [commit(NOW - 72 * HOUR, "measured"), commit(NOW - 70 * HOUR, "on the branch"), commit(NOW, "merge")]
    merged = reached(commits, {"measured": ran_at}, NOW + MINUTE, cadence=24 * HOUR)
    assert merged.waiting_since == ran_at and source_lag(merged, NOW) == 12 * 3600.0
    assert watched(hearts=merged).status is WatchStatus.VALID


def test_a_nightly_source_whose_commits_are_all_measured_is_judged_by_its_newest() -> None:
    """Nothing waits, so the lag is that of the newest commit."""
    commits = [commit(MORNING, "a"), commit(NOON, "b")]
    found = reached(commits, {"b": NOON + 2 * HOUR}, cadence=24 * HOUR)
    assert (found.commit_sha, found.waiting_since) == ("b", None)
    assert watched(hearts=found).status is WatchStatus.VALID


def test_each_source_has_its_own_status() -> None:
    """What is told names the source; the verdict is the worst of them."""
    verdict = watched(hearts=mark(None), packs=mark(grace=PACKS_GRACE))
    assert verdict.statuses == {"hearts": WatchStatus.MISSING_HEARTS, "packs": WatchStatus.VALID}
    assert worst(verdict.statuses.values()) is verdict.status
    assert worst([]) is WatchStatus.VALID


def test_a_day_is_under_way_until_it_ends() -> None:
    """Its last instant is still of it, midnight is not."""
    midnight = datetime(2026, 9, 9, tzinfo=UTC)
    assert is_under_way(DAY, midnight - timedelta(milliseconds=1)) and not is_under_way(DAY, midnight)
