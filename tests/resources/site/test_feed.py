"""The feed is valid Atom, and its ids never change."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.resources.site.building import SETTINGS, build

ATOM = "{http://www.w3.org/2005/Atom}"


def _feed(folder: Path) -> ElementTree.Element:
    return ElementTree.parse(folder / "feed.xml").getroot()


@pytest.mark.parametrize("base_url", ["", "https://muse.example/log/"])
def test_feed_is_valid_atom(tmp_path: Path, base_url: str) -> None:
    """Required elements are there, entries are the newest first, and ids are unique."""
    build(tmp_path / "site", settings=replace(SETTINGS, base_url=base_url))
    feed = _feed(tmp_path / "site")
    assert all(feed.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated", "author/" + ATOM + "name"))
    entries = feed.findall(f"{ATOM}entry")
    for entry in entries:
        assert all(entry.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated", "summary"))
    updated = [str(entry.findtext(f"{ATOM}updated")) for entry in entries]
    assert updated == sorted(updated, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == updated[0] == "2026-09-09T06:00:00Z"
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 6


def test_feed_ids_and_links_follow_the_base_url(tmp_path: Path) -> None:
    """With an address: tag ids and full links. Without: urn ids and relative links."""
    build(tmp_path / "with", settings=replace(SETTINGS, base_url="https://muse.example/log/"))
    build(tmp_path / "without")
    found = {}
    for name in ("with", "without"):
        entry = _feed(tmp_path / name).find(f"{ATOM}entry")
        assert entry is not None
        link = entry.find(f"{ATOM}link")
        assert link is not None
        found[name] = (entry.findtext(f"{ATOM}id"), link.get("href"))
    assert found["with"] == (
        "tag:muse.example,2026-09-09:chimera/ep-002",
        "https://muse.example/log/chimera/ep-002/index.html",
    )
    assert str(found["without"][0]).startswith("urn:uuid:")
    assert found["without"][1] == "chimera/ep-002/index.html"
