"""What people are told of a change: each source that is not fresh with its reason, and each that is again."""

from datetime import UTC, datetime

from muse_domain.watch import FreshnessVerdict, WatchStatus
from muse_domain.watch_state import change_notice, source_statuses

NOW = datetime(2026, 9, 8, 18, tzinfo=UTC)


def verdict(status: WatchStatus, **sources: WatchStatus) -> FreshnessVerdict:
    reasons = {name: f"why {name} is {one}" for name, one in sources.items()}
    return FreshnessVerdict(NOW.date(), NOW, status, "of the day", {}, 7, 7, sources, {}, reasons)


def told(verdicts: list[FreshnessVerdict], **before: str) -> tuple[str, str]:
    notice = change_notice(before, source_statuses(verdicts), verdicts)
    assert notice is not None
    return notice.title, notice.text


def test_each_source_that_is_not_fresh_is_told_with_its_reason() -> None:
    """Not the worst alone."""
    both = verdict(WatchStatus.ERROR, hearts=WatchStatus.ERROR, packs=WatchStatus.LAG_EXCEEDED)
    assert told([both]) == (
        "hearts cannot be read, packs is stale",
        "why hearts is error; why packs is lag_exceeded. Episodes wait.",
    )


def test_a_stale_source_of_an_incomplete_day_is_told_with_its_reason() -> None:
    """The day's own status is worse, and is no affair of sources."""
    day = verdict(WatchStatus.INCOMPLETE, hearts=WatchStatus.LAG_EXCEEDED, packs=WatchStatus.VALID)
    assert told([day])[1] == "why hearts is lag_exceeded. Episodes wait."


def test_the_recovery_of_one_of_two_sources_is_told() -> None:
    """With what is still stale."""
    one = verdict(WatchStatus.LAG_EXCEEDED, hearts=WatchStatus.LAG_EXCEEDED, packs=WatchStatus.VALID)
    title, _ = told([one], hearts="lag_exceeded", packs="lag_exceeded")
    assert title == "hearts is stale; fresh again: packs"


def test_what_was_told_is_not_told_again() -> None:
    """The same statuses are no change."""
    one = verdict(WatchStatus.LAG_EXCEEDED, hearts=WatchStatus.LAG_EXCEEDED)
    assert change_notice({"hearts": "lag_exceeded"}, source_statuses([one]), [one]) is None
