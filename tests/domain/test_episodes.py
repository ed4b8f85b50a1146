"""The claim ledger carries enough rows along to see what a fact says."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from muse_domain.confidence import Confidence
from muse_domain.episodes import LEDGER_ROWS, EpisodeHeader, build_ledger
from muse_domain.facts import EvidenceRow, FactSpec, settle
from muse_domain.rendering import Claim, RenderedEpisode

HEADER = EpisodeHeader("banterpacks", date(2026, 9, 18), (), "run", None, None, 0, 0, 0.0, {}, False)
START = datetime(2026, 9, 11, tzinfo=UTC)


def _evidence(*segments: str) -> list[EvidenceRow]:
    return [
        EvidenceRow(
            "bench_runs", f"r{at}", START + timedelta(hours=at), None, "", segment, float(at + 1), None, None
        )
        for at, segment in enumerate(segments)
    ]


def _kept(reducer: str, rows: Sequence[EvidenceRow]) -> list[tuple[str, str]]:
    """Segment and id of the rows that the ledger keeps of one fact."""
    fact = settle(FactSpec("f1.x", "f1", "series_segments", {}, reducer, "%"), rows)
    rendered = RenderedEpisode("", "", (Claim("f1.x", "body", "x"),), ())
    ledger: dict[str, Any] = build_ledger(
        HEADER,
        rendered,
        {"f1.x": fact},
        {"f1.x": rows},
        {"series_segments": ""},
        Confidence(1, 1, 1, 1),
        None,
        "",
        "templates",
    )
    return [(row["segment"], row["row_id"]) for row in ledger["facts"]["f1.x"]["rows"]]


def test_a_comparison_keeps_rows_of_both_sides() -> None:
    """The first rows of a change would otherwise all lie before it."""
    kept = _kept("change_pct", _evidence(*["before"] * 43, *["after"] * 5))
    assert [segment for segment, _ in kept] == ["before"] * (LEDGER_ROWS // 2) + ["after"] * 5


def test_kept_rows_stay_in_the_order_of_the_query() -> None:
    """Segments may alternate; the ledger leaves rows out, but moves none."""
    kept = _kept("change_pct", _evidence(*["before", "after"] * 20))
    assert [row for _, row in kept] == [f"r{at}" for at in range(LEDGER_ROWS)]


@pytest.mark.parametrize(("reducer", "expected"), [("median:before", "before"), ("median:after", "after")])
def test_a_fact_of_one_segment_keeps_as_many_rows_as_the_ledger_has_room_for(
    reducer: str, expected: str
) -> None:
    """Only rows that the fact was reduced from are its evidence."""
    kept = _kept(reducer, _evidence(*["before"] * 20, *["after"] * 20))
    assert [segment for segment, _ in kept] == [expected] * LEDGER_ROWS
