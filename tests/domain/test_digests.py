"""A digest says what its facts say, word for word, and nothing passes that does not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from muse_domain.digests import (
    Digest,
    Month,
    compose_digest,
    covered_month,
    decide_digest,
    digest_ledger,
    digest_lines,
    digest_name,
    list_specs,
    month_specs,
)
from muse_domain.episodes import EpisodeStatus, check_front_matter, number_episode, unnumbered
from muse_domain.facts import EvidenceRow, Fact, settle
from muse_domain.rendering import RenderedEpisode
from muse_domain.tracing import trace_worded
from muse_domain.wording import Citation

OCTOBER = Month(date(2026, 10, 1), date(2026, 10, 1), date(2026, 10, 31))
RUN_ID = "5d1f6a52-7a3e-5c0f-9a4b-0f6f1f2b7c11"
OUTCOMES = {"told": 2, "quiet": 25, "waiting": 1, "held": 2, "failed": 1}


def _row(row_id: str, segment: str = "", value: float | None = None, text: str | None = None) -> EvidenceRow:
    at = datetime(2026, 10, 1, tzinfo=UTC)
    return EvidenceRow("episodes", row_id, at, None, "", segment, value, None, text)


def _days(outcomes: dict[str, int]) -> list[EvidenceRow]:
    listed = [outcome for outcome, count in outcomes.items() for _ in range(count)]
    return [_row(f"2026-10-{number:02d}", outcome, 3.0) for number, outcome in enumerate(listed, start=1)]


SPAN = {"name": "October 2026", "digest": "digest-2026-10", "first": "2026-10-01", "last": "2026-10-31"}
TEXTS = {
    "name": "prefill_512", "metric": "median latency", "told_on": "2026-09-30", "returned_on": "2026-10-01",
    "title": "`prefill_512` is 3 % slower <b>", "post": "chimera/ep-001",
}  # fmt: skip


def _sheet(
    outcomes: dict[str, int] | None = None, shifts: Sequence[str] = ("confirmed", "fixed"), post: str = ""
) -> dict[str, Fact]:
    days = _days(OUTCOMES if outcomes is None else outcomes)
    moved = [_row(f"2026-10-{number:02d} f1", kind) for number, kind in enumerate(shifts, start=1)]
    rows = {
        "month_days": days,
        "month_quiet_series": [_row("a"), _row("b")] if any(day.segment == "quiet" for day in days) else [],
        "month_unfinished": [],
        "month_shifts": moved,
    }
    sheet: dict[str, Fact] = {}
    for spec in [*month_specs(OCTOBER), *list_specs(days, moved)]:
        field, state = str(spec.parameters.get("field")), dict(zip(("s1", "s2"), shifts, strict=False))
        texts = {**SPAN, **TEXTS, "day": str(spec.parameters.get("day")), "state": state.get(spec.subject, "")}
        texts |= {"returned": "regression" if state.get(spec.subject) == "fixed" else "improvement"}
        if post:
            texts["post"] = post
        if spec.query == "finding_text":
            texts["name"] = TEXTS["name"]
        elif spec.query == "month_span":
            texts["name"] = SPAN["name"]
        given = rows.get(spec.query, [_row("x", text=texts.get(field))])
        sheet[spec.fact_id] = settle(spec, given)
    return sheet


def _composed(sheet: dict[str, Fact]) -> Digest:
    return compose_digest(OCTOBER, RUN_ID, sheet, sample=False)


def test_it_tells_every_outcome_and_passes() -> None:
    """Each outcome is counted as what it is; what did not occur is not mentioned."""
    made = _composed(_sheet())
    assert made.objections == () and check_front_matter(made.canonical, ("digest",)) == []
    for line in (
        "What became of 31 days, from 2026-10-01 to 2026-10-31:",
        "- 2 days with an episode",
        "- 25 days quiet: looked at, and no new shift found in 2 series, with 75 checks in all",
        "- 1 day waiting for a person to decide",
        "1 shift confirmed, 1 shift fixed:",
        "- median latency of `prefill_512`: first told on 2026-09-30, confirmed on 2026-10-01 "
        "([chimera/ep-001](../chimera/ep-001.md))",
        "- median latency of `prefill_512`: the regression first told on 2026-10-01 is fixed, told on 2026-10-02 "
        "([chimera/ep-001](../chimera/ep-001.md))",
        "- 2026-10-02: prefill_512 is 3 % slower b ([chimera/ep-001](../chimera/ep-001.md))",
        "- Check it yourself: muse verify digest-2026-10",
    ):
        assert line in made.canonical.split("\n"), line
    assert "not built" not in made.canonical


def test_a_lost_improvement_is_told_beside_what_was_fixed() -> None:
    """A shift back is no good news by itself."""
    made = _composed(_sheet(shifts=("undone",)))
    assert made.objections == () and "1 shift undone:" in made.canonical
    assert "the improvement first told on 2026-10-01 is lost, told on 2026-10-01" in made.canonical


def test_a_quiet_month_has_neither_shifts_nor_episodes() -> None:
    """Their sections are left out, and nothing is said of what was not there."""
    made = _composed(_sheet({"quiet": 31}, ()))
    assert made.objections == () and "## Shifts" not in made.canonical and "## Episodes" not in made.canonical
    assert "- 31 days quiet: looked at, and no new shift found in 2 series, with 93 checks in all\n" in made.canonical


def test_quiet_days_on_which_nothing_could_be_checked_claim_no_checks() -> None:
    """Series with too few runs are looked at, and not tested."""
    sheet = _sheet({"quiet": 31}, ())
    sheet["month.quiet_series"] = replace(sheet["month.quiet_series"], value=None)
    assert "- 31 days quiet: looked at, and no new shift found\n" in _composed(sheet).canonical


def test_a_month_without_a_finished_day_has_no_text() -> None:
    """There is nothing to tell; it is held for its days, not for its words."""
    made = _composed(_sheet({}, ()))
    assert (made.rendered, made.canonical, made.objections) == (None, "", ())
    assert decide_digest(made, ["2026-10-01"], under_way=False)[0] is EpisodeStatus.HELD
    with pytest.raises(ValueError, match="no ledger"):
        digest_ledger(made, {}, {})


def test_a_post_that_is_no_post_is_not_linked() -> None:
    """A link's target is made of a row: what is no episode's address holds the digest."""
    made = _composed(_sheet(post="../../etc/passwd"))
    assert made.rendered is None and [one.code for one in made.objections] == ["unknown_fact"]
    status, reason = decide_digest(made, [], under_way=False)
    assert status is EpisodeStatus.HELD and reason.startswith("the verdict objects")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("31 days", "30 days", "claim_moved"),
        ("with an episode", "with 9 episodes", "stray_number"),
        ("looked at, and no new", "looked at, and not one", "altered_text"),
        ("waiting for a person", "quiet", "altered_text"),
        ("](../chimera/ep-001.md)", "](https://example.org)", "unknown_link"),
        ("## Shifts", "## Feats", "altered_text"),
    ],
)
def test_whatever_is_changed_in_the_text_is_objected_to(old: str, new: str, code: str) -> None:
    """A number, a word, a heading or a link: the text must be the digest's own."""
    sheet = _sheet()
    rendered = _composed(sheet).rendered
    assert rendered is not None and old in rendered.body
    at, shift = rendered.body.index(old), len(new) - len(old)
    claims = [
        claim if claim.where != "body" or (claim.start or 0) <= at else
        replace(claim, start=(claim.start or 0) + shift, end=(claim.end or 0) + shift)
        for claim in rendered.claims
    ]  # fmt: skip
    changed = RenderedEpisode(rendered.title, rendered.body.replace(old, new, 1), tuple(claims), rendered.links)
    title = ("Digest of ", Citation("month.name"))
    found = trace_worded(changed, sheet, title, digest_lines(sheet), allowed_links=rendered.links)
    assert code in {one.code for one in found}


def test_its_number_comes_and_goes_without_touching_links_to_episodes() -> None:
    """The canonical text is what the verdict is bound to; every claim stands where the numbered ledger says."""
    sheet = _sheet()
    made = _composed(sheet)
    ledger = digest_ledger(made, {name: [] for name in sheet}, {fact.spec.query: "" for fact in sheet.values()})
    text, numbered = number_episode(made.canonical, ledger, 1)
    assert unnumbered(text) == made.canonical and "](../chimera/ep-001.md)" in made.canonical
    body = text.split("---\n", 2)[2]
    assert all(body[one["start"] : one["end"]] == one["text"] for one in numbered["claims"] if one["where"] == "body")


def test_what_becomes_of_it() -> None:
    """Under way it is a preview; with an unfinished day it is held and names it; else it goes out."""
    made = _composed(_sheet())
    assert decide_digest(made, [], under_way=True)[0] is EpisodeStatus.DRAFT
    status, reason = decide_digest(made, [f"2026-10-0{day}" for day in range(1, 8)], under_way=False)
    assert status is EpisodeStatus.HELD and "2026-10-05 and 2 more; `muse backfill --from 2026-10-01" in reason
    assert decide_digest(made, [], under_way=False) == (
        EpisodeStatus.APPROVED,
        "each of the month's 31 days has its outcome",
    )


def test_a_month_is_cut_to_what_is_covered() -> None:
    """By the first and the last covered day; its date stays the last of the calendar month."""
    assert covered_month(date(2026, 10, 1), date(2026, 1, 1), None) == OCTOBER
    cut = covered_month(date(2028, 2, 1), date(2028, 2, 10), date(2028, 2, 20))
    assert (cut.covered_first, cut.covered_last, cut.last) == (date(2028, 2, 10), date(2028, 2, 20), date(2028, 2, 29))
    assert digest_name(cut.last) == "digest-2028-02"
