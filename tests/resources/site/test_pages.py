"""Pages load nothing, link relatively, and say what their numbers are."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.resources.site.building import SETTINGS, Elements, build, page_of
from tests.site_samples import LONG_NAME, sample_episodes


def test_pages_load_nothing(tmp_path: Path) -> None:
    """No element names a resource, the policy forbids all, and only links name an address."""
    build(tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        html = path.read_text("utf-8")
        page = Elements(html)
        assert not [
            a for tag, a, _ in page.found if "src" in a or (tag == "link" and str(a["href"]).startswith("http"))
        ]
        assert not re.search(r"url\(|@import", html)
        assert "default-src 'none'" in html


def test_every_local_link_leads_somewhere(tmp_path: Path) -> None:
    """All links are relative and end at a file or an anchor of the site, as from a disk."""
    build(tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        page = Elements(path.read_text("utf-8"))
        ids = {attrs.get("id") for _, attrs, _ in page.found}
        for href in (str(attrs["href"]) for tag, attrs, _ in page.found if "href" in attrs):
            file, _, anchor = href.partition("#")
            if not re.match(r"(https|data):", href):
                assert (path.parent / file).exists(), href
            if anchor and not file:
                assert anchor in ids, href


def test_ids_are_unique_on_each_page(tmp_path: Path) -> None:
    """Anchors and labels are unambiguous, also with charts and repeated claims."""
    build(tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        ids = [attrs["id"] for _, attrs, _ in Elements(path.read_text("utf-8")).found if "id" in attrs]
        assert len(ids) == len(set(ids))


def test_null_p95_is_shown_with_its_reason(tmp_path: Path) -> None:
    """What was not measured is neither zero nor missing."""
    episode = next(episode for episode in sample_episodes() if LONG_NAME in episode.markdown)
    build(tmp_path / "site", episode)
    html = page_of(tmp_path / "site", episode)
    assert "not measured" in html
    assert "no user interface events on this day" in html


@pytest.mark.parametrize(("sample", "bands"), [(True, 9), (False, 0)])
def test_sample_data_is_told_on_every_page(tmp_path: Path, sample: bool, bands: int) -> None:
    """Nobody can take sample numbers for measured ones."""
    build(tmp_path / "site", settings=replace(SETTINGS, sample=sample))
    pages = [path.read_text("utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert sum('class="band"' in page for page in pages) == bands


def test_an_episode_from_sample_data_says_so_itself(tmp_path: Path) -> None:
    """The front matter's word is enough, on a site that is not a sample."""
    episode = sample_episodes()[0]
    marked = replace(episode, markdown=episode.markdown.replace("tokens_in:", "sample_data: true\ntokens_in:"))
    build(tmp_path / "site", marked)
    assert 'class="band"' in page_of(tmp_path / "site", marked)
