"""The verdict as people read it: every claim beside its fact, its rows, and what is held against it."""

from dataclasses import replace

from muse_domain.claim_table import NO_FACT, ClaimLine, claim_lines
from muse_domain.composition import compose
from muse_domain.rendering import Claim
from muse_domain.verdicts import Objection
from tests.domain.day_story import evidence, inputs, sheet


def _lines(*objections: Objection) -> list[ClaimLine]:
    rendered = compose(inputs()).rendered
    assert rendered is not None
    return claim_lines(rendered.claims, sheet(), evidence(), objections)


def _of(lines: list[ClaimLine], fact: str) -> list[ClaimLine]:
    return [line for line in lines if line.fact == fact]


def test_every_claim_has_a_line_with_its_value_and_rows() -> None:
    """The value before it is rounded, the table it comes from, and the commits of its rows."""
    lines = _lines()
    rendered = compose(inputs()).rendered
    assert rendered is not None and len(lines) == len(rendered.claims)
    assert all(line.objection == "" for line in lines)
    change = _of(lines, "f1.change")[0]
    assert change.text.endswith(" %") and change.value.endswith(" %") and len(change.value) > len(change.text)
    used = evidence()["f1.change"]
    assert change.rows.startswith(f"{len(used)} of {used[0].table}, ")
    assert change.commit.endswith(f" and {len({row.commit_sha for row in used}) - 1} more")


def test_a_fact_of_one_side_counts_that_side_only() -> None:
    """The rows behind "before" are not those behind "after", though one query gives both."""
    lines = _lines()
    before, after = (_of(lines, f"f1.{name}")[0].rows.split(" ")[0] for name in ("before", "after"))
    both = len(evidence()["f1.change"])
    assert int(before) + int(after) == both and 0 < int(after) < both


def test_an_objection_stands_beside_the_claims_of_its_fact_only() -> None:
    """Which objection is against which claim can be read off."""
    lines = _lines(Objection("stale_fact", "facts", "f1.before was 1 ms, is 2 ms", "f1.before"))
    against = {line.fact: line.objection for line in lines if line.objection}
    assert against == {"f1.before": "stale_fact: f1.before was 1 ms, is 2 ms"}


def test_rows_that_changed_are_seen_without_any_objection() -> None:
    """Whether a claim holds is asked of the rows, not of what somebody noted."""
    rows = dict(evidence())
    rows["f1.after"] = [replace(row, value=(row.value or 0.0) + 1.0) for row in rows["f1.after"]]
    [line] = claim_lines([Claim("f1.after", "body", "whatever")], sheet(), rows, [])
    assert line.objection.startswith("was ")


def test_a_claim_without_a_fact_is_told() -> None:
    """A slot that nobody settled does not make the table fail."""
    [line] = claim_lines([Claim("f9.shift", "body", "much")], sheet(), evidence(), [])
    assert (line.objection, line.rows) == (NO_FACT, "–")
