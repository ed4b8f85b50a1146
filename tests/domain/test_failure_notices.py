"""What is told of a failed run, and what is one thing to tell."""

from dataclasses import replace
from datetime import date, timedelta

from muse_domain.failure_notices import FailedRun, Refusal, failure_notice

STALE = Refusal("watcher_gate", "missing_hearts", "hearts has no rows for its latest commit abc, 5.0 hours after it")
FAILED_ON = date(2026, 9, 9)
RUN = FailedRun("r1", "The day", "2026-09-08", [], ["bench_runs: the disk is full"], FAILED_ON)


def test_a_failed_step_is_told_with_its_words() -> None:
    """Which day, what failed, why."""
    notice = failure_notice(RUN, "http://ui/runs/r1")
    assert notice is not None
    assert (notice.title, notice.text) == ("The day of 2026-09-08 failed", "bench_runs: the disk is full")
    assert (notice.severity, notice.link) == ("error", "http://ui/runs/r1")


def test_each_failed_run_is_a_thing_of_its_own() -> None:
    """Two runs that failed alike are two."""
    assert failure_notice(RUN) != failure_notice(replace(RUN, run_id="r2"))


def test_runs_refused_for_one_reason_are_one_thing() -> None:
    """The schedule, a person and a backfill that meet the same gate share the key; time that passes does not matter."""
    refused = replace(RUN, errors=[], refusals=[STALE])
    later = replace(refused, run_id="r2", refusals=[replace(STALE, reason="... 5.5 hours after it")])
    first, second = failure_notice(refused), failure_notice(later)
    assert first and second and first.key == second.key and first.severity == "warning"
    other = failure_notice(replace(refused, refusals=[replace(STALE, status="incomplete")]))
    assert other and other.key != first.key


def test_a_stale_source_is_one_thing_for_all_days_under_watch() -> None:
    """Yesterday and today are refused for it alike; if it is stale tomorrow, that is worth a word. A week that is not
    loaded is of its day."""
    refused = replace(RUN, errors=[], refusals=[STALE])
    keys = [
        notice.key
        for one in (refused, replace(refused, day="2026-09-09"), replace(refused, failed_on=FAILED_ON + timedelta(1)))
        if (notice := failure_notice(one))
    ]
    assert keys[0] == keys[1] != keys[2]
    incomplete = replace(refused, refusals=[replace(STALE, status="incomplete")])
    first, second = failure_notice(incomplete), failure_notice(replace(incomplete, day="2026-09-09"))
    assert first and second and first.key != second.key


def test_a_run_that_starts_again_by_itself_is_not_told() -> None:
    """Its last attempt is."""
    assert failure_notice(replace(RUN, will_retry=True)) is None


def test_a_run_that_died_is_told_with_how_that_was_found_and_that_nobody_repeats_it() -> None:
    """A killed process leaves no words of its own."""
    died = replace(RUN, errors=[], death="The process of this run is gone.")
    texts = [
        notice.text
        for one in (died, replace(died, repeats=1), replace(died, repeats=2), replace(died, is_overdue=True))
        if (notice := failure_notice(one))
    ]
    assert texts == [
        "The process of this run is gone. Dagster does not repeat it.",
        "The process of this run is gone. Dagster has repeated it once, and does not again.",
        "The process of this run is gone. Dagster has repeated it 2 times, and does not again.",
        "The process of this run is gone. Dagster was to repeat it, and has not.",
    ]


def test_a_run_that_says_nothing_is_told_all_the_same() -> None:
    """With what is known."""
    notice = failure_notice(FailedRun("r1", "The day", "", [], [], FAILED_ON))
    assert notice and (notice.title, notice.text) == ("The day failed", "No step says why. Dagster does not repeat it.")
