"""Which episodes are marked for correction, and what people are told of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from muse_domain.proofs import (
    MOST_LISTED,
    BrokenClaim,
    EpisodeProof,
    changed_days,
    correction_notice,
    correction_rows,
)

DAY, NOW = date(2026, 9, 8), datetime(2026, 9, 20, 5, tzinfo=UTC)
BROKEN = BrokenClaim("f1.change", "17.4 %", "was 17.4 %, is 19.0 %")


def _proof(*broken: BrokenClaim, day: date = DAY, number: int = 1) -> EpisodeProof:
    return EpisodeProof("banterpacks", number, day, 40, 20, broken)


def _told(*proofs: EpisodeProof) -> list[dict[str, Any]]:
    return [row | {"told": True} for row in correction_rows(proofs, [], NOW)]


def test_a_claim_that_stays_broken_keeps_when_it_was_found() -> None:
    """Also when its value is yet another one today: it is marked, and told, once."""
    known, later = _told(_proof(BROKEN)), NOW + timedelta(days=1)
    [again] = correction_rows([_proof(BROKEN)], known, later)
    assert again == known[0] and changed_days([again], known) == []
    [other] = correction_rows([_proof(BrokenClaim("f1.change", "17.4 %", "was 17.4 %, is 21.0 %"))], known, later)
    assert (other["found_at"], other["told"]) == (NOW, True) and "21.0" in other["problem"]
    assert changed_days([other], known) == [DAY] and correction_notice([other], known) is None


def test_a_further_claim_of_a_marked_episode_is_told() -> None:
    """What people know is one claim, not that something is wrong."""
    known = _told(_proof(BROKEN))
    rows = correction_rows([_proof(BROKEN, BrokenClaim("f1.low", "16.2 %", "gone"))], known, NOW)
    notice = correction_notice(rows, known)
    assert notice is not None and "f1.low gone" in notice.text and "f1.change" not in notice.text


def test_an_episode_that_holds_again_is_unmarked_and_told() -> None:
    """Its day is written again, without rows."""
    known = _told(_proof(BROKEN))
    assert changed_days([], known) == [DAY]
    notice = correction_notice([], known)
    assert notice is not None and notice.severity == "info" and "banterpacks/ep-001 of 2026-09-08" in notice.text


def test_what_was_never_told_is_not_taken_back() -> None:
    """Nobody hears that something holds again of which they never heard."""
    assert correction_notice([], correction_rows([_proof(BROKEN)], [], NOW)) is None


def test_a_whole_history_that_broke_is_one_short_message() -> None:
    """A warehouse that was lost breaks every claim there is."""
    proofs = [_proof(*[BROKEN] * 40, day=DAY + timedelta(days=number), number=number + 1) for number in range(400)]
    notice = correction_notice(correction_rows(proofs, [], NOW), [])
    assert notice is not None and f"and {400 - MOST_LISTED} more" in notice.text
    assert notice.title.endswith("400 episodes to correct") and len(notice.text) < 3000
