"""Every claim of a text beside what it rests on: the verdict as a person reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muse_domain.facts import EvidenceRow, Fact, instant, recheck, used_rows
from muse_domain.rendering import Claim
from muse_domain.verdicts import Objection
from muse_domain.wording import FactSheet

NO_FACT = "no such fact on the day's sheet"


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One claim, the fact and rows that it rests on, and what is held against it; empty where it holds."""

    text: str
    where: str
    fact: str
    value: str
    rows: str
    commit: str
    objection: str


def claim_lines(
    claims: Sequence[Claim],
    sheet: FactSheet,
    evidence: Mapping[str, Sequence[EvidenceRow]],
    objections: Sequence[Objection],
) -> list[ClaimLine]:
    """Each claim against the rows of today, and the objections that name its fact."""
    return [_claim_line(claim, sheet.get(claim.fact), evidence.get(claim.fact, ()), objections) for claim in claims]


def _claim_line(
    claim: Claim, fact: Fact | None, rows: Sequence[EvidenceRow], objections: Sequence[Objection]
) -> ClaimLine:
    against = [f"{one.code}: {one.message}" for one in objections if one.fact == claim.fact]
    if fact is None:
        return ClaimLine(claim.text, claim.where, claim.fact, "–", "–", "–", "; ".join(against) or NO_FACT)
    if not against and (problem := recheck(fact, rows).problem):
        against = [problem]
    used = used_rows(fact.spec, rows)
    return ClaimLine(
        claim.text, claim.where, claim.fact, _value(fact), _tables(used), _commits(used), "; ".join(against)
    )


def _value(fact: Fact) -> str:
    """The stored value, before it is rounded for readers."""
    if fact.text is not None:
        return fact.text
    return f"{fact.value:.10g} {fact.spec.unit}".strip() if fact.value is not None else f"absent: {fact.reason}"


def _tables(rows: Sequence[EvidenceRow]) -> str:
    """How many rows of which table, and of which time."""
    if not rows:
        return "no row"
    tables = ", ".join(sorted({row.table for row in rows}))
    first, last = min(row.ts for row in rows), max(row.ts for row in rows)
    when = instant(first) if first == last else f"{instant(first)} to {instant(last)}"
    return f"{len(rows)} of {tables}, {when}"


def _commits(rows: Sequence[EvidenceRow]) -> str:
    """The commit of the newest row, and how many others there are."""
    named = [row for row in rows if row.commit_sha]
    if not named:
        return "–"
    newest = max(named, key=lambda row: (row.ts, row.row_id)).commit_sha or ""
    others = len({row.commit_sha for row in named}) - 1
    return newest[:7] + (f" and {others} more" if others else "")
