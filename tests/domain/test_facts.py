"""A fact is its query, its rows and how they were reduced; running it again tells whether it still holds."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.facts import (
    REDUCERS,
    EvidenceError,
    EvidenceRow,
    FactSpec,
    bound_instant,
    fact_from_row,
    fact_to_row,
    instant,
    recheck,
    row_hash,
    settle,
)
from tests.domain.day_story import START, evidence, evidence_row, sheet


def spec(reducer: str, unit: str = "ms") -> FactSpec:
    return FactSpec("f1.x", "f1", "series_segments", {"day": "2026-09-08"}, reducer, unit)


ROWS = [
    *(evidence_row(i, segment="before", value=v) for i, v in enumerate((10.0, 12.0, 11.0))),
    *(evidence_row(10 + i, segment="after", value=v) for i, v in enumerate((20.0, 22.0, 24.0, 26.0))),
]


@pytest.mark.parametrize(
    ("reducer", "value", "rows"),
    [
        ("median:before", 11.0, 3),
        ("median:after", 23.0, 4),
        ("count:before", 3.0, 3),
        ("count", 7.0, 7),
        ("sum", 125.0, 7),
        ("change_pct", (23.0 / 11.0 - 1.0) * 100.0, 7),
        ("last", 26.0, 7),
        ("count_any", 7.0, 7),
    ],
)
def test_reducers_state_their_value_and_the_rows_they_used(reducer: str, value: float, rows: int) -> None:
    """A segment's fact rests on the segment's rows, and on no others."""
    fact = settle(spec(reducer), ROWS)
    assert fact.value == pytest.approx(value)
    assert fact.row_count == rows and fact.reason == ""


def test_text_reducers_state_text() -> None:
    """Names are facts too: distinct ones in order, or the newest."""
    rows = [evidence_row(i, text=text) for i, text in enumerate(("b", "a", None, "b"))]
    assert settle(spec("distinct"), rows).text == "a, b"
    assert settle(spec("last"), rows).text == "b"
    assert settle(spec("single"), rows[:1]).text == "b"


def test_a_correlation_uses_whole_pairs_only() -> None:
    """A row with one side missing is not a pair; fewer than three pairs are no correlation."""
    pairs = [(1.0, 2.0), (2.0, 5.0), (3.0, 4.0), (4.0, None)]
    rows = [evidence_row(i, value=a, pair=b) for i, (a, b) in enumerate(pairs)]
    assert settle(spec("spearman", "rho"), rows).value == pytest.approx(0.5)
    assert settle(spec("spearman", "rho"), rows[2:]).value is None


@pytest.mark.parametrize("reducer", sorted(set(REDUCERS) - {"count"}))
def test_without_rows_a_fact_is_absent_with_a_reason(reducer: str) -> None:
    """Nothing measured is null, and says why; it is never zero."""
    fact = settle(spec(reducer), [])
    assert fact.value is None and fact.text is None and fact.reason == "no rows"


def test_rows_without_values_give_no_value() -> None:
    """Rows were there, but nothing was measured: that is another reason."""
    fact = settle(spec("median"), [evidence_row(1), evidence_row(2)])
    assert fact.value is None and fact.reason == "no row holds a measured value"


def test_a_change_from_zero_does_not_exist() -> None:
    """No percentage of nothing."""
    rows = [evidence_row(0, segment="before", value=0.0), evidence_row(1, segment="after", value=3.0)]
    assert settle(spec("change_pct", "%"), rows).value is None


def test_a_rise_among_negative_values_is_positive() -> None:
    """The sign tells the direction, whatever the sign of the level."""
    rows = [evidence_row(0, segment="before", value=-10.0), evidence_row(1, segment="after", value=-8.0)]
    assert settle(spec("change_pct", "%"), rows).value == pytest.approx(20.0)


def test_an_unknown_reducer_is_refused_by_name() -> None:
    """A ledger that names another reducer cannot be settled by accident."""
    with pytest.raises(EvidenceError, match=r"f1\.x: no reducer is called 'average'"):
        settle(spec("average:before"), ROWS)


def test_one_row_means_one_row() -> None:
    """A second row is a broken query, not something to choose from."""
    with pytest.raises(EvidenceError, match="one row was expected, 7 came"):
        settle(spec("single"), ROWS)


def test_a_fact_holds_while_its_rows_do() -> None:
    """The same rows in another order, from moved files, prove the same fact."""
    fact = settle(spec("median:after"), ROWS)
    moved = [replace(row, source=f"elsewhere/{row.source}") for row in reversed(ROWS)]
    assert recheck(fact, moved).problem == ""


def test_a_changed_value_is_told_with_both_values() -> None:
    """Whoever checks sees what was said and what is true now."""
    fact = settle(spec("median:after"), ROWS)
    changed = [*ROWS[:-1], replace(ROWS[-1], value=2000.0), evidence_row(99, segment="after", value=3000.0)]
    assert recheck(fact, changed).problem == "was 23.0 ms, is 24.0 ms"


def test_changed_rows_are_told_though_the_value_holds() -> None:
    """A median may survive a forged row; its hash does not."""
    fact = settle(spec("median:after"), ROWS)
    forged = [*ROWS[:-1], replace(ROWS[-1], value=999.0)]
    assert recheck(fact, forged).problem == "the value holds, but its 4 rows changed (now 4)"
    assert "now 6" in recheck(fact, [*ROWS, replace(ROWS[3], row_id="x"), replace(ROWS[-1], row_id="y")]).problem


def test_rows_that_are_gone_are_told() -> None:
    """A fact without its rows is absent, and the message says so."""
    fact = settle(spec("median:after"), ROWS)
    assert recheck(fact, []).problem == "was 23.0 ms, is absent (no rows)"
    absent = settle(spec("median:after"), [])
    assert recheck(absent, []).problem == ""
    assert recheck(absent, ROWS).problem == "was absent (no rows), is 23.0 ms"


@given(st.permutations(ROWS))
def test_the_row_hash_knows_no_order(rows: list[EvidenceRow]) -> None:
    """Engines may answer in any order."""
    assert row_hash(rows) == row_hash(ROWS)


@pytest.mark.parametrize(
    "change",
    [
        {"value": 10.000000001}, {"commit_sha": "f" * 40}, {"commit_sha": None}, {"row_id": "other"},
        {"table": "other"},
        {"segment": "after"}, {"pair": 1.0}, {"text": "x"}, {"text": ""}, {"value": None},
        {"ts": START + timedelta(milliseconds=1)},
    ],
)  # fmt: skip
def test_the_row_hash_knows_every_column_but_the_path(change: dict[str, object]) -> None:
    """Value, commit, time and identity of every row are in the proof; where the file lies is not."""
    changed = [replace(ROWS[0], **change), *ROWS[1:]]  # type: ignore[arg-type]
    assert row_hash(changed) != row_hash(ROWS)
    assert row_hash([replace(ROWS[0], source="elsewhere"), *ROWS[1:]]) == row_hash(ROWS)
    assert row_hash([*ROWS, ROWS[0]]) != row_hash(ROWS)


def test_the_row_hash_knows_no_time_zone() -> None:
    """The same instant is the same row in any zone."""
    shifted = [replace(row, ts=row.ts.astimezone(timezone(timedelta(hours=5)))) for row in ROWS]
    assert row_hash(shifted) == row_hash(ROWS)
    assert instant(shifted[0].ts) == "2026-08-20T03:17:00.000Z"
    assert bound_instant(shifted[0].ts) == "2026-08-20T03:17:00.000"


def test_facts_survive_storage() -> None:
    """Written as a row and read again, a fact is the same fact, and proves itself."""
    for fact_id, fact in sheet().items():
        again = fact_from_row(fact_to_row(fact))
        assert again == fact
        assert recheck(again, evidence()[fact_id]).problem == ""


def test_a_ledgers_parameters_may_be_decoded_already() -> None:
    """Ledgers hold parameters as an object, tables as JSON text."""
    fact = sheet()["f1.before"]
    assert fact_from_row({**fact_to_row(fact), "parameters": dict(fact.spec.parameters)}) == fact
