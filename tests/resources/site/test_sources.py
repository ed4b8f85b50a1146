"""A source tells all that the ledger knows about a fact."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.resources.site.building import Elements, build, page_of, with_ledger
from tests.site_samples import sample_episodes


def test_source_holds_everything_that_the_ledger_says(tmp_path: Path) -> None:
    """Value, unit, label, support, query, SQL, parameters, reduction, rows and hash stand in the page."""
    episode = sample_episodes()[-1]
    build(tmp_path / "site", episode)
    page = Elements(page_of(tmp_path / "site", episode))
    text = next(
        " ".join(" ".join(t).split())
        for _, a, t in page.found
        if a.get("data-fact") == "f1.after" and str(a.get("id")).startswith("source-")
    )
    fact = episode.ledger["facts"]["f1.after"]
    expected = [
        f"{fact['value']} ms",
        "measured",
        "Support 1.0",
        "median of 6 rows, after",
        fact["row_hash"][:12],
    ]
    expected += [
        "select_series_segments",
        "{benchmark:String}",
        "benchmark decode",
        "muse verify chimera/ep-002",
    ]
    expected += [fact["rows"][0]["commit_sha"][:7], "2026-09-08 02:00", str(fact["rows"][0]["value"])]
    assert [part for part in expected if part not in text] == []


def test_a_comparison_shows_rows_of_both_sides(tmp_path: Path) -> None:
    """The first rows of a change would otherwise all lie before it."""
    episode = sample_episodes()[-1]
    build(tmp_path / "site", episode)
    page = page_of(tmp_path / "site", episode)
    assert "The first 8 of 57 rows, from each side" in page
    assert page.count("<td>after</td>") >= 4


@pytest.mark.parametrize(
    ("unit", "value", "heading"),
    [
        ("ms", 1.0, "1 ms"),
        ("run", 1.0, "1 run"),
        ("run", 43.0, "43 runs"),
        ("p", 0.004, "p = 0.004"),
        ("rho", -0.51, "ρ = -0.51"),
        ("", 2.5, "2.5"),
    ],
)
def test_a_value_reads_as_people_say_it(tmp_path: Path, unit: str, value: float, heading: str) -> None:
    """Counts are singular or plural, and a symbol stands before its number."""
    episode = with_ledger(lambda ledger: ledger["facts"]["f1.runs"].update(unit=unit, value=value))
    build(tmp_path / "site", episode)
    page = page_of(tmp_path / "site", episode)
    source = re.search(r' id="source-\d+" data-fact="f1\.runs">.*?<h3>(.*?)</h3>', page, re.DOTALL)
    assert source
    assert " ".join(re.sub(r"<[^>]*>", "", source[1]).split()) == heading


def test_rows_of_other_segments_are_groups(tmp_path: Path) -> None:
    """Only before and after are the sides of something."""
    episode = with_ledger(_with_outcomes)
    build(tmp_path / "site", episode)
    page = page_of(tmp_path / "site", episode)
    assert "<th>Group</th>" in page
    assert "<td>no change</td>" in page


def _with_outcomes(ledger: dict[str, Any]) -> None:
    for at, row in enumerate(ledger["facts"]["f1.runs"]["rows"]):
        row["segment"] = ("no_change", "known_shift")[at % 2]
