"""The sources of an episode: each cited fact with its value, query, first rows and row hash."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from muse_resources.site.claims import Claims, written

SHOWN_ROWS = 8
REDUCER_WORDS = {
    "single": "read from",
    "change_pct": "change between the medians of",
    "spearman": "rank correlation over",
    "last": "newest of",
    "distinct": "all that stands in",
}
SQL_WORDS = (
    "SELECT|FROM|PREWHERE|WHERE|GROUP BY|ORDER BY|LIMIT|HAVING|WITH|AND|OR|NOT|IN|IS|NULL|AS|ON|USING|"
    "ASC|DESC|DISTINCT|BETWEEN|FINAL|ALL|ANY|LEFT|INNER|ASOF|JOIN|UNION|CASE|WHEN|THEN|ELSE|END|SETTINGS|OVER"
)
SQL_PART = re.compile(
    r"(?P<comment>--[^\n]*)|(?P<string>'(?:[^'\\]|\\.)*')|(?P<parameter>\{\w+:[^}]*\})"
    rf"|(?P<keyword>\b(?:{SQL_WORDS})\b)"
)
SQL_CLAUSE = re.compile(r"\s+(?=(?:FROM|PREWHERE|WHERE|GROUP BY|ORDER BY|LIMIT|HAVING|SETTINGS)\b)")


@dataclass(frozen=True, slots=True)
class Source:
    """One fact as the page shows it. `first_claim` is the number of the claim that leads back to the text."""

    number: int
    fact: str
    value: str
    unit: str
    label: str
    support: str
    reduced: str
    query: str
    sql: Markup
    parameters: tuple[tuple[str, str], ...]
    row_count: int
    row_hash: str
    rows: tuple[Mapping[str, str], ...]
    shows_segments: bool
    shows_beside: bool
    shown_as: tuple[str, ...]
    first_claim: int


def sources(facts: Mapping[str, Any], claims: Claims) -> Iterator[Source]:
    """The source of each cited fact, in the order of their numbers."""
    for fact_id, number in claims.numbers.items():
        fact = facts[fact_id]
        rows = _aligned([_row(row) for row in _first_rows(fact["rows"])])
        citing = [(index, claim) for index, claim in enumerate(claims.claims) if claim["fact"] == fact_id]
        yield Source(
            number=number,
            fact=fact_id,
            value=_value(fact),
            # The unit of a text only says how to print it.
            unit=(fact["unit"] or "") if fact["value"] is not None else "",
            label=fact["label"],
            support=str(fact["support"]),
            reduced=_reduced(fact["reducer"], fact["row_count"]),
            query=fact["query"],
            sql=_highlighted(fact["sql"]),
            parameters=tuple((key, written(value)) for key, value in fact["parameters"].items()),
            row_count=fact["row_count"],
            row_hash=fact["row_hash"],
            rows=tuple(rows),
            shows_segments=len({row["segment"] for row in rows}) > 1,
            shows_beside=any(row["beside"] for row in rows),
            shown_as=tuple(dict.fromkeys(claim["text"].strip("`") for _, claim in citing)),
            first_claim=citing[0][0] + 1,
        )


def _value(fact_or_row: Mapping[str, Any]) -> str:
    value = fact_or_row["value"]
    return written(value) if value is not None else written(fact_or_row["text"])


def _first_rows(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first rows; of a fact that compares two sides, as many of each."""
    sides = {row.get("segment"): None for row in rows}
    share = SHOWN_ROWS // max(len(sides), 1) or 1
    return [row for side in sides for row in [row for row in rows if row.get("segment") == side][:share]]


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "ts": row["ts"],
        "time": row["ts"].replace("T", " ")[:16],
        "commit": (row["commit_sha"] or "")[:7],
        "source": row["source"] or "",
        "file": _tail(row["source"] or ""),
        "segment": row.get("segment") or "",
        "value": _value(row),
        "beside": _beside(row),
    }


def _beside(row: Mapping[str, Any]) -> str:
    """What stands beside a row's value: the other value of a joined row, or what the row is about."""
    if row.get("pair") is not None:
        return written(row["pair"])
    return written(row["text"]) if row["value"] is not None and row.get("text") else ""


def _tail(path: str) -> str:
    """The end of a path, which tells files apart; the whole path is in its title."""
    folders = path.split("/")
    return path if len(folders) < 3 else "\u2026/" + "/".join(folders[-2:])


def _aligned(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Fills up short fractions with figure spaces, so that the decimal points stand under each other."""
    fractions = [row["value"].partition(".")[2] for row in rows]
    if not all(re.fullmatch(r"-?\d+(\.\d+)?", row["value"]) for row in rows):
        return list(rows)
    longest = max(map(len, fractions), default=0)
    missing = [longest - len(fraction) for fraction in fractions]
    return [{**row, "value": row["value"] + "\u2007" * places} for row, places in zip(rows, missing, strict=True)]


def _reduced(reducer: str, rows: int) -> str:
    """`median:after` of 42 rows reads "median of 42 rows, after"."""
    name, _, segment = reducer.partition(":")
    counted = "1 row" if rows == 1 else f"{rows:,} rows"
    words = REDUCER_WORDS.get(name, f"{name.replace('_', ' ')} of")
    return f"{words} {counted}" + (f", {segment.replace('_', ' ')}" if segment else "")


def _highlighted(sql: str) -> Markup:
    laid_out = sql.strip() if "\n" in sql.strip() else SQL_CLAUSE.sub("\n", sql.strip())
    parts, done = [], 0
    for match in SQL_PART.finditer(laid_out):
        parts.append(escape(laid_out[done : match.start()]))
        parts.append(Markup('<span class="sql-{}">{}</span>').format(match.lastgroup, match[0]))
        done = match.end()
    return Markup("").join([*parts, escape(laid_out[done:])])
