"""Facts: every value that an episode may state, with the query that gave it and the hash of its rows.

A fact's evidence is the rows of one query (`sql/evidence/<query>.sql`) with the columns of `EvidenceRow`;
a reducer turns them into the value. Running query and reducer again must give the same value and hash:
that is what `muse verify` does.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from muse_domain.relations import spearman

Parameters = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One warehouse row that supports a fact. `pair` is the second value of a joined row."""

    table: str
    row_id: str
    ts: datetime
    commit_sha: str | None
    source: str
    segment: str
    value: float | None
    pair: float | None
    text: str | None


@dataclass(frozen=True, slots=True)
class FactSpec:
    """What is to be known: which rows, reduced how, in which unit, and how far it may be trusted."""

    fact_id: str
    subject: str
    query: str
    parameters: Parameters
    reducer: str
    unit: str
    label: Literal["measured", "estimated"] = "measured"
    support: float = 1.0
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A settled fact. `value` or `text` is set; where neither is, `reason` says why."""

    spec: FactSpec
    value: float | None
    text: str | None
    row_count: int
    row_hash: str
    reason: str = ""

    @property
    def fact_id(self) -> str:
        """The name under which slots refer to it."""
        return self.spec.fact_id


class EvidenceError(Exception):
    """A fact's rows do not have the shape that its reducer needs."""


Reduced = tuple[float | None, str | None]


def settle(spec: FactSpec, rows: Sequence[EvidenceRow]) -> Fact:
    """Reduce the rows to the fact. Raises EvidenceError for an unknown reducer."""
    name = spec.reducer.partition(":")[0]
    if name not in REDUCERS:
        raise EvidenceError(f"{spec.fact_id}: no reducer is called {name!r}")
    used = used_rows(spec, rows)
    value, text = REDUCERS[name](used)
    reason = "" if value is not None or text is not None else _absence(used)
    return Fact(spec, value, text, len(used), row_hash(used), reason)


def used_rows(spec: FactSpec, rows: Sequence[EvidenceRow]) -> list[EvidenceRow]:
    """The rows that the fact's reducer takes: those of its segment, or all."""
    segment = spec.reducer.partition(":")[2]
    return [row for row in rows if not segment or row.segment == segment]


def _absence(rows: Sequence[EvidenceRow]) -> str:
    return "no rows" if not rows else "no row holds a measured value"


def row_hash(rows: Sequence[EvidenceRow]) -> str:
    """SHA-256 over the rows in canonical form; file paths are left out, so that moving a file changes nothing."""
    lines = sorted(
        json.dumps(
            [row.table, row.row_id, instant(row.ts), row.commit_sha, row.segment, row.value, row.pair, row.text],
            ensure_ascii=False,
        )
        for row in rows
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def instant(ts: datetime) -> str:
    """ISO 8601 with milliseconds and Z."""
    return ts.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bound_instant(ts: datetime) -> str:
    """The same instant as a bound DateTime64 parameter takes it: UTC, without a zone mark."""
    return instant(ts).removesuffix("Z")


def _values(rows: Sequence[EvidenceRow]) -> list[float]:
    return [row.value for row in rows if row.value is not None]


def _median(rows: Sequence[EvidenceRow]) -> Reduced:
    values = _values(rows)
    return (float(np.median(values)) if values else None), None


def _count(rows: Sequence[EvidenceRow]) -> Reduced:
    return float(len(rows)), None


def _count_any(rows: Sequence[EvidenceRow]) -> Reduced:
    """The count; none at all is nothing to tell."""
    return (float(len(rows)) if rows else None), None


def _sum(rows: Sequence[EvidenceRow]) -> Reduced:
    values = _values(rows)
    return (float(np.sum(values)) if values else None), None


def _single(rows: Sequence[EvidenceRow]) -> Reduced:
    if len(rows) > 1:
        raise EvidenceError(f"one row was expected, {len(rows)} came")
    return (rows[0].value, rows[0].text) if rows else (None, None)


def relative_change_pct(before: float, after: float) -> float:
    """Change in percent of the size of `before`, so that more is positive for negative values too."""
    return (after / before - 1.0) * math.copysign(100.0, before)


def _change_pct(rows: Sequence[EvidenceRow]) -> Reduced:
    before = _values([row for row in rows if row.segment == "before"])
    after = _values([row for row in rows if row.segment == "after"])
    if not before or not after or float(np.median(before)) == 0.0:
        return None, None
    return relative_change_pct(float(np.median(before)), float(np.median(after))), None


def _spearman(rows: Sequence[EvidenceRow]) -> Reduced:
    pairs = [(row.value, row.pair) for row in rows if row.value is not None and row.pair is not None]
    if len(pairs) < 3:
        return None, None
    return spearman(np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])), None


def _last(rows: Sequence[EvidenceRow]) -> Reduced:
    newest = max(rows, key=lambda row: (row.ts, row.row_id), default=None)
    return (newest.value, newest.text) if newest else (None, None)


def _distinct(rows: Sequence[EvidenceRow]) -> Reduced:
    return None, ", ".join(sorted({row.text for row in rows if row.text})) or None


REDUCERS: Mapping[str, Callable[[Sequence[EvidenceRow]], Reduced]] = {
    "median": _median,
    "count": _count,
    "count_any": _count_any,
    "sum": _sum,
    "single": _single,
    "change_pct": _change_pct,
    "spearman": _spearman,
    "last": _last,
    "distinct": _distinct,
}


@dataclass(frozen=True, slots=True)
class Recheck:
    """Whether a fact still holds: `problem` is empty when it does."""

    fact_id: str
    problem: str


def recheck(fact: Fact, rows: Sequence[EvidenceRow]) -> Recheck:
    """Settle the fact again from today's rows and compare value, text and row hash."""
    now = settle(fact.spec, rows)
    if (now.value, now.text) != (fact.value, fact.text):
        return Recheck(fact.fact_id, f"was {_shown(fact)}, is {_shown(now)}")
    if now.row_hash != fact.row_hash:
        return Recheck(fact.fact_id, f"the value holds, but its {fact.row_count} rows changed (now {now.row_count})")
    return Recheck(fact.fact_id, "")


def _shown(fact: Fact) -> str:
    shown = fact.text if fact.text is not None else fact.value
    return f"{shown} {fact.spec.unit}".strip() if shown is not None else f"absent ({fact.reason})"


def fact_to_row(fact: Fact) -> dict[str, Any]:
    """The fact as a row of `fact_sheets` (without its day)."""
    spec = fact.spec
    return {
        "fact_id": spec.fact_id,
        "subject": spec.subject,
        "value": fact.value,
        "text": fact.text,
        "unit": spec.unit,
        "label": spec.label,
        "support": spec.support,
        "direction": spec.direction,
        "query": spec.query,
        "parameters": json.dumps(dict(spec.parameters), sort_keys=True, ensure_ascii=False),
        "reducer": spec.reducer,
        "row_count": fact.row_count,
        "row_hash": fact.row_hash,
        "reason": fact.reason,
    }


def facts_of_ledger(ledger: Mapping[str, Any]) -> dict[str, Fact]:
    """The facts of a claim ledger by id."""
    return {fact_id: fact_from_row({**entry, "fact_id": fact_id}) for fact_id, entry in ledger["facts"].items()}


def fact_from_row(row: Mapping[str, Any]) -> Fact:
    """The fact of a `fact_sheets` row, or of a claim ledger's entry."""
    parameters = row["parameters"]
    spec = FactSpec(
        fact_id=row["fact_id"],
        subject=row["subject"],
        query=row["query"],
        parameters=json.loads(parameters) if isinstance(parameters, str) else dict(parameters),
        reducer=row["reducer"],
        unit=row["unit"],
        label=row["label"],
        support=row["support"],
        direction=row["direction"],
    )
    return Fact(spec, row["value"], row["text"], row["row_count"], row["row_hash"], row.get("reason", ""))
