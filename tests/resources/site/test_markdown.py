"""An episode's text becomes HTML that can neither run nor hide anything."""

import csv
import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from muse_resources.site.model import SiteError
from tests.resources.site.building import Elements, build, page_of, with_body
from tests.site_samples import sample_episodes


def test_hostile_text_cannot_run_anything(tmp_path: Path) -> None:
    """Markup in Markdown, title, SQL or rows stays text, and script addresses stay no links."""
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    links = "[x](javascript:alert(3)) ![x](data:text/html,x) <!--f1.svg-->"
    body = f"\n## {attack}\n\n{attack} {links}\n\n| {attack} |\n|---|\n| 1 |\n"
    episode = with_body(body)
    ledger: Any = deepcopy(episode.ledger)
    for fact in ledger["facts"].values():
        fact.update(sql=attack, parameters={attack: attack}, query=attack, reducer=attack)
        fact["rows"][0].update(source=attack, commit_sha="<script>")
    markdown = episode.markdown.replace('title: "', f'title: "{attack} ')
    build(tmp_path / "site", replace(episode, markdown=markdown, ledger=ledger))
    for path in (tmp_path / "site").rglob("*.html"):
        page = Elements(path.read_text("utf-8"))
        assert [tag for tag, _, _ in page.found if tag in ("script", "img", "iframe", "object")] == ["script"]
        assert not [name for _, attrs, _ in page.found for name in attrs if name.startswith("on")]
        assert not [a for _, a, _ in page.found if str(a.get("href")).startswith("javascript")]
    ElementTree.parse(tmp_path / "site/feed.xml")


def test_a_missing_chart_is_an_error(tmp_path: Path) -> None:
    """A hole in an episode is told, not published."""
    with pytest.raises(SiteError, match=r"shows the chart 'f1\.svg', which it does not have"):
        build(tmp_path / "site", replace(sample_episodes()[0], charts={}))


def test_chart_stands_inline_with_its_alt_text_as_caption(tmp_path: Path) -> None:
    """The picture is part of the page, and its caption's numbers are claims too."""
    episode = sample_episodes()[-1]
    build(tmp_path / "site", episode)
    html = page_of(tmp_path / "site", episode)
    figure = re.search(r'<figure class="chart">(.*?)</figure>', html, re.DOTALL)
    assert figure
    assert episode.charts["f1.svg"].strip() in figure[1]
    assert figure[1].count('class="claim"') == 4


def test_the_data_of_a_chart_is_folded_below_it(tmp_path: Path) -> None:
    """Who cannot see the picture reads the same runs as a table, or takes the file."""
    episode = sample_episodes()[-1]
    build(tmp_path / "site", episode)
    html = page_of(tmp_path / "site", episode)
    fold = re.search(r'</figure>\s*<details class="data">(.*?)</details>', html, re.DOTALL)
    assert fold
    written = list(csv.reader(episode.tables["f1.csv"].splitlines()))
    shown = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", fold[1])]
    assert shown[0] == ["Time (UTC)", "Value", "Unit", "Commit", "Segment", "Environment"]
    assert shown[1:] == written[1:]
    assert f"{len(written) - 1} runs" in fold[1]
    assert '<a href="f1.csv" download>' in fold[1]
    assert (tmp_path / "site" / episode.address / "f1.csv").read_text("utf-8") == episode.tables["f1.csv"]


def test_an_older_chart_without_data_stands_alone(tmp_path: Path) -> None:
    """What was published before there were tables is still shown."""
    episode = replace(sample_episodes()[-1], tables={})
    build(tmp_path / "site", episode)
    assert '<details class="data">' not in page_of(tmp_path / "site", episode)
    assert '<figure class="chart">' in page_of(tmp_path / "site", episode)
