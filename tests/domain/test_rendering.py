"""From slots to Markdown, with the place of every claim."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from muse_domain.rendering import LEDGER_LINK, RenderedEpisode, render_episode
from muse_domain.wording import UnknownSlot, offered_slots, show
from tests.domain.day_story import findings, sheet, template_draft

NAMES = [finding.finding_id for finding in findings()]


def rendered() -> RenderedEpisode:
    return render_episode(template_draft(), sheet(), NAMES, {"latency_ms_p95": "day.latency_p95"})


def test_every_claim_stands_at_its_place() -> None:
    """Offsets are characters of the title or the body, and hold the fact as it is shown."""
    episode = rendered()
    for claim in episode.claims:
        if claim.where.startswith("front_matter."):
            continue
        text = episode.title if claim.where == "title" else episode.body
        assert text[claim.start : claim.end] == claim.text == show(sheet()[claim.fact], claim.style)


SLOTS = st.sampled_from([f"{{{{{slot}}}}}" for slot in offered_slots(sheet())])


@given(st.lists(st.one_of(SLOTS, st.text("ab .,\n🚀é", max_size=6)), max_size=12))
@settings(max_examples=60)
def test_claims_stand_at_their_place_whatever_lies_between(parts: list[str]) -> None:
    """Text around slots, astral characters and neighbouring slots shift nothing."""
    draft = replace(template_draft(), what_changed="".join(parts), title="".join(parts))
    episode = render_episode(draft, sheet(), NAMES, {})
    for claim in episode.claims:
        where = episode.title if claim.where == "title" else episode.body
        assert where[claim.start : claim.end] == claim.text


def test_an_unknown_slot_stops_the_rendering() -> None:
    """No text leaves with a hole in it."""
    with pytest.raises(UnknownSlot):
        render_episode(replace(template_draft(), title="{{f9.name}}"), sheet(), NAMES, {})


def test_the_title_is_one_line() -> None:
    """Front matter has no room for paragraphs."""
    episode = render_episode(replace(template_draft(), title="  {{f1.name}}\n\n is slower "), sheet(), NAMES, {})
    assert episode.title == f"{show(sheet()['f1.name'])} is slower"


def test_links_are_those_that_the_publisher_makes_files_for() -> None:
    """The ledger, and a chart with the table of its data for each finding."""
    files = [f"ep-NNN/{name}.{kind}" for name in ("f1", "f2", "f3") for kind in ("svg", "csv")]
    assert rendered().links == (LEDGER_LINK, *files)
    assert all(f"]({link})" in rendered().body for link in rendered().links)


def test_a_chart_states_the_interval_to_who_does_not_see_it() -> None:
    """Its alt text cites both ends, as the table does: they are claims like any other."""
    [alt] = [line for line in rendered().body.splitlines() if line.endswith("(ep-NNN/f1.svg)") and line[0] == "!"]
    low, high = (show(sheet()[f"f1.{end}"], "signed") for end in ("low", "high"))
    assert f"the interval of the change, {low} to {high}]" in alt
    assert [claim.fact for claim in rendered().claims].count("f1.low") >= 2


def test_a_hostile_name_stays_inside_its_code() -> None:
    """A benchmark called like a link renders as text: the page has the program's links and no others."""
    hostile = replace(sheet()["f1.name"], text="x`](https://evil.example)|<b>`[a](b)")
    names = {"f1.name": hostile, "f1.full_name": hostile}
    episode = render_episode(template_draft(), {**sheet(), **names}, NAMES, {})
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(episode.body)
    assert "evil.example" in html and 'href="https://evil' not in html and "<b>" not in html
    assert html.count("<tr>") == len(NAMES) + 1


def test_an_absent_front_matter_fact_is_no_claim() -> None:
    """A null in the front matter claims nothing."""
    absent = {**sheet(), "day.latency_p95": replace(sheet()["day.latency_p95"], value=None)}
    episode = render_episode(template_draft(), absent, NAMES, {"latency_ms_p95": "day.latency_p95"})
    assert not [claim for claim in episode.claims if claim.where.startswith("front_matter.")]
