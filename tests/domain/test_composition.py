"""The day's episode put together: the same bytes for whoever composes it, and a ledger that holds every claim."""

from dataclasses import replace

import pytest

from muse_domain.charts.drawing import render_chart
from muse_domain.charts.table import chart_table
from muse_domain.composition import compose, day_correlation, episode_charts, finding_chart, ledger_of
from muse_domain.episodes import (
    check_front_matter,
    check_sections,
    content_sha256,
    number_episode,
    read_front_matter,
    split_front_matter,
    unnumbered,
)
from muse_domain.facts import fact_from_row, recheck, settle
from muse_domain.rendering import OVERRIDE_FACT, OVERRIDE_WORDS
from muse_domain.wording import show
from tests.domain.day_story import (
    QUERIES,
    evidence,
    evidence_row,
    findings,
    inputs,
    planted_series,
    sheet,
    template_draft,
)


def test_composing_again_gives_the_same_bytes() -> None:
    """The verdict, the episode and `muse verify` each compose: they must mean the same text."""
    first, second = compose(inputs()), compose(inputs())
    assert first.canonical == second.canonical and first.rendered == second.rendered
    assert first.content_sha256 == second.content_sha256 == content_sha256(first.canonical)
    assert first.objections == ()


def test_the_composed_file_keeps_its_own_rules() -> None:
    """Front matter and sections are right in what was approved."""
    made = compose(inputs())
    assert check_front_matter(made.canonical) == [] and check_sections(made.canonical) == []


def test_the_order_of_facts_changes_nothing() -> None:
    """A warehouse may return a sheet in any order."""
    turned = dict(reversed(list(sheet().items())))
    assert compose(inputs(sheet=turned)).canonical == compose(inputs()).canonical


def test_every_shown_fact_is_in_the_ledger_and_proves_itself() -> None:
    """Claims, facts, queries, rows and hashes go out together."""
    given = inputs()
    made = compose(given)
    ledger = ledger_of(made, given, evidence(), dict.fromkeys(QUERIES, "SELECT 1"))
    assert made.rendered is not None
    assert len(ledger["claims"]) == len(made.rendered.claims)
    assert {claim["fact"] for claim in ledger["claims"]} == set(ledger["facts"])
    _, body = split_front_matter(made.canonical)
    for claim in ledger["claims"]:
        if claim["where"] == "body":
            assert body[claim["start"] : claim["end"]] == claim["text"]
    for fact_id, entry in ledger["facts"].items():
        assert entry["sql"] and entry["row_hash"]
        assert recheck(fact_from_row({**entry, "fact_id": fact_id}), evidence()[fact_id]).problem == ""
    assert ledger["episode"]["content_sha256"] == made.content_sha256
    assert ledger["episode"]["confidence"]["score"] == given.confidence.score


def test_title_claims_can_be_found_in_the_front_matter() -> None:
    """The title loses its code marks there, and so do its claims."""
    given = inputs()
    made = compose(given)
    ledger = ledger_of(made, given, evidence(), dict.fromkeys(QUERIES, ""))
    title = read_front_matter(made.canonical)["title"]
    claims = [claim for claim in ledger["claims"] if claim["where"] == "front_matter.title"]
    assert made.rendered is not None and "`" in made.rendered.title
    assert "`" not in title and len(claims) == 3
    assert all(claim["text"] in title and claim["start"] is None for claim in claims)


def test_the_front_matter_holds_the_days_facts() -> None:
    """p95, commit and models are the sheet's, and p95 is a claim."""
    made = compose(inputs())
    fields = read_front_matter(made.canonical)
    assert fields["latency_ms_p95"] == sheet()["day.latency_p95"].value
    assert fields["commit_sha"] == sheet()["day.hearts_commit"].text
    assert fields["models"] == ["llama-3.1-8b"]
    assert made.rendered is not None
    assert [c.fact for c in made.rendered.claims if c.where == "front_matter.latency_ms_p95"] == ["day.latency_p95"]


def test_an_absent_p95_is_null_with_its_reason() -> None:
    """What was not measured stays null, and the file says why."""
    absent = {**sheet(), "day.latency_p95": replace(sheet()["day.latency_p95"], value=None)}
    fields = read_front_matter(compose(inputs(sheet=absent)).canonical)
    assert fields["latency_ms_p95"] is None and "p95" in fields["data_quality"]["latency_ms_p95"]


def test_a_refused_draft_has_neither_text_nor_ledger() -> None:
    """There is nothing to publish by accident."""
    lying = replace(template_draft(), title="{{f1.name}} is 3 ms faster")
    given = inputs(draft=lying)
    made = compose(given)
    assert {o.code for o in made.objections} >= {"naked_number", "naked_unit", "wrong_direction"}
    assert made.rendered is None and made.canonical == ""
    with pytest.raises(ValueError, match="has no ledger"):
        ledger_of(made, given, evidence(), {})


def test_a_published_episode_keeps_its_series() -> None:
    """A number was taken in that series: later confidence does not move it."""
    assert compose(inputs()).header.series == "chimera"
    assert compose(inputs(published_series="banterpacks")).header.series == "banterpacks"


def test_the_strongest_relation_is_the_days() -> None:
    """Strength counts, not sign; without a relation there is none."""
    assert day_correlation(sheet(), findings()) == sheet()["f1.relation"].value
    opposed = {**sheet(), "f2.relation": replace(sheet()["f1.relation"], value=-0.99)}
    assert day_correlation(opposed, findings()) == -0.99
    assert day_correlation(sheet(), findings()[1:]) is None


def test_charts_show_the_values_of_the_sheet() -> None:
    """Labels of a chart are the facts of the text, and points of another environment are set apart."""
    [finding] = findings()[:1]
    measured = planted_series()[0]
    points = [
        {
            "ts": ts,
            "value": float(value),
            "commit_sha": None,
            "environment_fingerprint": finding.key.environment if i > 3 else "older machine",
        }
        for i, (ts, value) in enumerate(zip(measured.ts, measured.values, strict=True))
    ]
    chart = finding_chart(finding, sheet(), points)
    assert (chart.before_label, chart.after_label) == (show(sheet()["f1.before"]), show(sheet()["f1.after"]))
    assert [point.segment for point in chart.points[:5]] == ["earlier"] * 4 + ["before"]
    assert chart.environment_changes == (measured.ts[4],)
    assert [p.segment for p in chart.points].count("after") == finding.n_after
    assert [point.environment for point in chart.points[3:5]] == ["older machine", finding.key.environment]
    made = episode_charts([finding], sheet(), {"f1": points})
    assert made == {"f1.svg": render_chart(chart), "f1.csv": chart_table(chart)}


def test_the_chart_draws_the_interval_that_the_finding_states() -> None:
    """Percent of the median before becomes a level; the label is what the table says."""
    [finding] = findings()[:1]
    row = {"ts": finding.changed_at, "value": 1.0, "commit_sha": None, "environment_fingerprint": None}
    interval = finding_chart(finding, sheet(), [row]).interval
    assert interval is not None
    level = finding.before_median
    assert interval.low == pytest.approx(level * (1 + finding.interval_low_pct / 100))
    assert interval.high == pytest.approx(level * (1 + finding.interval_high_pct / 100))
    low, high = (show(sheet()[f"f1.{end}"], "signed") for end in ("low", "high"))
    assert interval.label == f"{low} to {high}"
    below_zero = finding_chart(replace(finding, before_median=-10.0), sheet(), [row]).interval
    assert below_zero is not None
    assert below_zero.low == pytest.approx(-10.0 + finding.interval_low_pct / 10)


@pytest.mark.parametrize("bound", [float("nan"), float("inf")])
def test_an_interval_that_has_no_end_is_not_drawn(bound: float) -> None:
    """Nothing is put in its place."""
    [finding] = findings()[:1]
    row = {"ts": finding.changed_at, "value": 1.0, "commit_sha": None, "environment_fingerprint": None}
    assert finding_chart(replace(finding, interval_high_pct=bound), sheet(), [row]).interval is None


def test_a_fact_that_an_older_sheet_lacks_is_an_objection_and_not_a_crash() -> None:
    """After an upgrade, days with older fact sheets are held with the remedy."""
    given = inputs()
    sheet = {fact_id: fact for fact_id, fact in given.sheet.items() if fact_id != "f1.full_name"}
    made = compose(replace(given, sheet=sheet))
    assert made.rendered is None
    assert [(one.code, "materialise fact_sheets again" in one.message) for one in made.objections] == [
        ("unknown_fact", True)
    ]


def test_an_override_is_printed_with_its_reason_and_proves_itself() -> None:
    """Readers learn that a person let the day through, and why; a hostile reason stays plain words."""
    reason = "Late [events](http://evil.example) arrive\n## tomorrow, 3 of 7"
    row = evidence_row(1, table="overrides", text=reason)
    spec = sheet()[OVERRIDE_FACT].spec
    made = compose(inputs(sheet={**sheet(), OVERRIDE_FACT: settle(spec, [row])}))
    assert made.objections == () and made.rendered is not None
    [claim] = [claim for claim in made.rendered.claims if claim.fact == OVERRIDE_FACT]
    assert f"- {OVERRIDE_WORDS}: {claim.text}\n" in made.canonical
    assert "Late events" in claim.text and "http" not in claim.text and "##" not in claim.text
    without = compose(inputs())
    assert OVERRIDE_WORDS not in without.canonical


@pytest.mark.parametrize(
    "name",
    ["x](ep-NNN/y", "](ep-NNN.claims.json", "a | b",
     "`code`", "<script>", "{{f2.change}}", "\u202eabc", "1\n2", "שלום 12.5 %",
     "[x](https://evil.example)", "ep-001", "---", "x\x00y", "100 % faster"],
)  # fmt: skip
def test_whatever_a_benchmark_is_called_its_claims_stand_where_the_ledger_says(name: str) -> None:
    """Also after the episode got its number, and back again."""
    names = {f"f1.{one}": replace(sheet()[f"f1.{one}"], text=name) for one in ("name", "full_name", "suspect_path")}
    given = inputs(sheet={**sheet(), **names})
    made = compose(given)
    assert made.objections == ()
    markdown, ledger = number_episode(made.canonical, ledger_of(made, given, evidence(), dict.fromkeys(QUERIES, "")), 7)
    _, body = split_front_matter(markdown)
    for claim in ledger["claims"]:
        if claim["where"] == "body":
            assert body[claim["start"] : claim["end"]] == claim["text"]
    assert unnumbered(markdown) == made.canonical
