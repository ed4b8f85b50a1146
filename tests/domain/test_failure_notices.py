"""What is told of a failed run, and what is one thing to tell."""

from dataclasses import replace

from muse_domain.failure_notices import FailedRun, Refusal, failure_notice

STALE = Refusal("watcher_gate", "missing_hearts", "hearts has no rows for its latest commit abc, 5.0 hours after it")
RUN = FailedRun("r1", "The day", "2026-09-08", [], ["bench_runs: the disk is full"])


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


def test_a_run_that_starts_again_by_itself_is_not_told() -> None:
    """Its last attempt is."""
    assert failure_notice(replace(RUN, will_retry=True)) is None


def test_a_run_that_says_nothing_is_told_all_the_same() -> None:
    """A killed process leaves no words."""
    notice = failure_notice(FailedRun("r1", "The day", "", [], []))
    assert notice and notice.title == "The day failed" and "see the run" in notice.text
