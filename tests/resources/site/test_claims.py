"""Every claim stands on the page as a link to its source, wherever Markdown has put it."""

import re
from pathlib import Path

import pytest

from muse_resources.site.model import PublishedEpisode, SiteError
from tests.resources.site.building import Elements, build, claim_of, page_of, with_body
from tests.site_samples import sample_episodes


@pytest.mark.parametrize("episode", sample_episodes(), ids=lambda episode: f"{episode.series}-{episode.number}")
def test_every_claim_is_an_element_that_leads_to_its_source(tmp_path: Path, episode: PublishedEpisode) -> None:
    """In paragraphs, lists, tables, captions, title and facts alike; and the source is on the page."""
    build(tmp_path / "site", episode)
    page = Elements(page_of(tmp_path / "site", episode))
    placed = sorted((str(attrs["data-fact"]), text) for attrs, text in page.claims())
    assert placed == sorted((claim["fact"], claim["text"].strip("`")) for claim in episode.ledger["claims"])
    sources = {attrs.get("id"): attrs.get("data-fact") for _, attrs, _ in page.found if attrs.get("class") == "source"}
    assert all(sources[str(attrs["href"])[1:]] == attrs["data-fact"] for attrs, _ in page.claims())


def test_claims_stand_in_code_emphasis_and_escapes(tmp_path: Path) -> None:
    """Marking a number never changes how the Markdown around it is read."""
    body = "\n## What changed\n\n**14.0 ms**, `13.1 ms` and \\-3.2 % [in 12 runs](https://example.org/12).\n"
    texts = ("14.0 ms", "`13.1 ms`", "-3.2 %", "12 runs")
    episode = with_body(body, [claim_of(body, text) for text in texts])
    build(tmp_path / "site", episode)
    html = page_of(tmp_path / "site", episode)
    assert re.search(r"<strong><a class=\"claim\"[^>]*>14\.0 ms</a></strong>", html)
    assert re.search(r"<a class=\"claim\"[^>]*><code>13\.1 ms</code></a>", html)
    assert re.search(r"and <a class=\"claim\"[^>]*>-3\.2 %</a> <a href", html)
    assert re.search(r">in 12 runs</a><a class=\"claim reference\"[^>]*>\d+</a>", html)


def test_a_claim_across_elements_is_an_error(tmp_path: Path) -> None:
    """Its element could not be closed where it ends."""
    body = "\n## What changed\n\nfrom **14.0** ms\n"
    with pytest.raises(SiteError, match="begins and ends in different elements"):
        build(tmp_path / "site", with_body(body, [claim_of(body, "14.0** ms")]))


def test_a_claim_inside_an_address_is_an_error(tmp_path: Path) -> None:
    """It could not be shown, and is not skipped."""
    body = "\n## What changed\n\n[Report](https://example.org/14.0)\n"
    with pytest.raises(SiteError, match="has no place on the page"):
        build(tmp_path / "site", with_body(body, [claim_of(body, "14.0")]))


def test_private_use_characters_in_a_text_are_harmless(tmp_path: Path) -> None:
    """A text cannot forge the marks that the build puts around claims."""
    body = "\n## What changed\n\n\U000f0000forged\U00100000 and 14.0 ms\n"
    episode = with_body(body, [claim_of(body, "14.0 ms")])
    build(tmp_path / "site", episode)
    assert "\ufffdforged\ufffd" in page_of(tmp_path / "site", episode)
