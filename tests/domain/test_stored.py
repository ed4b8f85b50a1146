"""Domain objects survive their tables."""

from dataclasses import fields, replace
from datetime import timedelta, timezone

from muse_domain.stored import (
    absent_draft_row,
    check_row,
    commit_from_row,
    commit_row,
    draft_from_row,
    draft_row,
    finding_from_row,
    finding_row,
)
from tests.domain.day_story import COMMITS, DAY, day_findings, findings, template_draft


def test_findings_survive_storage() -> None:
    """Every field comes back, and what is derived is stored beside it."""
    for finding in findings():
        row = finding_row(DAY, finding)
        assert finding_from_row(row) == finding
        assert (row["direction"], row["effect"]) == (finding.direction, finding.effect)
        assert {f.name for f in fields(finding)} - {"key", "suspects"} <= set(row)


def test_drafts_survive_storage() -> None:
    """What was written is what is judged."""
    draft = replace(template_draft(), model="m", tokens_in=3, tokens_out=4, cost_usd=0.5)
    assert draft_from_row(draft_row(DAY, "run", draft, "hash")) == draft


def test_a_day_without_a_draft_says_why() -> None:
    """An outcome is stored, not left out."""
    row = absent_draft_row(DAY, "run", "quiet", "no finding on this day", "hash")
    assert (row["outcome"], row["reason"], row["title"]) == ("quiet", "no finding on this day", "")
    assert set(row) == set(draft_row(DAY, "run", template_draft(), "hash"))


def test_commits_survive_storage_on_their_utc_day() -> None:
    """Late evening in UTC is the next day further east: the day that counts is UTC's."""
    late = COMMITS[0].committed_at.replace(hour=23)
    evening = replace(COMMITS[0], committed_at=late.astimezone(timezone(timedelta(hours=5))))
    row = commit_row(evening)
    assert evening.committed_at.date() != late.date() == row["day"]
    assert commit_from_row(row) == evening


def test_checks_are_stored_with_their_outcome() -> None:
    """Series that were looked at and found quiet are rows too."""
    rows = [check_row(DAY, check) for check in day_findings().checks]
    assert sorted(row["outcome"] for row in rows) == ["no_change", "shift", "shift", "shift"]
    assert all(row["points"] and row["series_id"] for row in rows)
