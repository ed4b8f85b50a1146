"""The static site: every number leads to its rows, nothing runs or loads, and a build is one step."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from muse_resources import static_site
from muse_resources.static_site import PublishedEpisode, SiteBuild, SiteError, SiteSettings, build_site
from tests.site_samples import LONG_NAME, sample_episodes

ATOM = "{http://www.w3.org/2005/Atom}"
SETTINGS = SiteSettings(title="Muse", base_url="", description="What was measured, day by day.", sample=False)
COMMIT = "c" * 40
Change = Callable[[dict[str, Any]], None]


class Elements(HTMLParser):
    """All elements of a page: (tag, attributes, the text inside)."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "wbr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, dict(attrs), [])
        self.found.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1][0] == tag, f"<{self._open[-1][0]}> is closed by </{tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def claims(self) -> list[tuple[dict[str, str | None], str]]:
        return [(attrs, "".join(text)) for _, attrs, text in self.found if "data-source" in attrs]


def _build(folder: Path, *episodes: PublishedEpisode, settings: SiteSettings = SETTINGS) -> SiteBuild:
    return build_site(episodes or sample_episodes(), settings, folder, commit_sha=COMMIT)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _page(folder: Path, episode: PublishedEpisode) -> str:
    return (folder / episode.series / f"ep-{episode.number:03d}" / "index.html").read_text("utf-8")


def _with_body(body: str, claims: list[dict[str, Any]] | None = None) -> PublishedEpisode:
    """The last sample episode with another body, and only the given claims."""
    episode = sample_episodes()[-1]
    front = episode.markdown[: episode.markdown.index("---\n", 4) + 4]
    title = [claim for claim in episode.ledger["claims"] if claim["where"] != "body"]
    return replace(
        episode, markdown=front + body, ledger={**episode.ledger, "claims": [*title, *(claims or [])]}
    )


def _claim(body: str, text: str, fact: str = "f1.after") -> dict[str, Any]:
    start = body.index(text)
    return {"fact": fact, "where": "body", "text": text, "start": start, "end": start + len(text)}


def _with_ledger(change: Change) -> PublishedEpisode:
    episode = sample_episodes()[-1]
    ledger: Any = deepcopy(episode.ledger)
    change(ledger)
    return replace(episode, ledger=ledger)


def test_site_has_the_expected_files(tmp_path: Path) -> None:
    """Pages, ledgers, charts, feed and build record, and nothing else."""
    build = _build(tmp_path / "site")
    episodes = [f"{episode.series}/ep-{episode.number:03d}" for episode in sample_episodes()]
    own = {f"{episode}/{name}" for episode in episodes for name in ("index.html", "claims.json", "f1.svg")}
    lists = {"index.html", "banterpacks/index.html", "chimera/index.html", "feed.xml", "build.json"}
    assert set(_files(tmp_path / "site")) == own | lists
    assert build == SiteBuild(pages=9, changed=23)


def test_building_again_changes_nothing(tmp_path: Path) -> None:
    """Same episodes, same bytes: no build time, no order of files or dictionaries gets in."""
    _build(tmp_path / "one")
    build_site(list(reversed(sample_episodes())), SETTINGS, tmp_path / "two", commit_sha=COMMIT)
    assert _files(tmp_path / "one") == _files(tmp_path / "two")
    assert _build(tmp_path / "one").changed == 0


def test_another_commit_changes_only_the_build_record(tmp_path: Path) -> None:
    """Pages do not change with a commit that does not concern them."""
    _build(tmp_path / "site")
    assert build_site(sample_episodes(), SETTINGS, tmp_path / "site", commit_sha="d" * 40).changed == 1
    record = json.loads((tmp_path / "site/build.json").read_text())
    assert record["commit_sha"] == "d" * 40
    assert set(record["files"]) == set(_files(tmp_path / "site")) - {"build.json"}


def test_a_withdrawn_episode_is_gone(tmp_path: Path) -> None:
    """The folder holds exactly the episodes given, nothing from before."""
    _build(tmp_path / "site")
    _build(tmp_path / "site", *sample_episodes()[1:])
    assert not (tmp_path / "site/banterpacks/ep-001").exists()


@pytest.mark.parametrize(
    "episode", sample_episodes(), ids=lambda episode: f"{episode.series}-{episode.number}"
)
def test_every_claim_is_an_element_that_leads_to_its_source(
    tmp_path: Path, episode: PublishedEpisode
) -> None:
    """In paragraphs, lists, tables, captions, title and facts alike; and the source is on the page."""
    _build(tmp_path / "site", episode)
    page = Elements(_page(tmp_path / "site", episode))
    placed = sorted((str(attrs["data-fact"]), text) for attrs, text in page.claims())
    assert placed == sorted((claim["fact"], claim["text"].strip("`")) for claim in episode.ledger["claims"])
    sources = {
        attrs.get("id"): attrs.get("data-fact")
        for _, attrs, _ in page.found
        if attrs.get("class") == "source"
    }
    assert all(sources[str(attrs["href"])[1:]] == attrs["data-fact"] for attrs, _ in page.claims())


def test_source_holds_everything_that_the_ledger_says(tmp_path: Path) -> None:
    """Value, unit, label, support, query, SQL, parameters, reduction, rows and hash stand in the page."""
    episode = sample_episodes()[-1]
    _build(tmp_path / "site", episode)
    page = Elements(_page(tmp_path / "site", episode))
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
    _build(tmp_path / "site", episode)
    page = _page(tmp_path / "site", episode)
    assert "The first 8 of 57 rows, from each side" in page
    assert page.count("<td>after</td>") >= 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ledger: ledger["claims"][0].update(text="99 ms"), "claim 0 .*does not stand at"),
        (lambda ledger: ledger["claims"][0].update(start=-3), "claim 0 .*does not stand at"),
        (lambda ledger: ledger["claims"][1].update(ledger["claims"][0]), "claim 1 .*overlaps"),
        (
            lambda ledger: ledger["claims"][0].update(fact="f9.after"),
            "claim 0 .*fact that the ledger does not",
        ),
        (lambda ledger: ledger["claims"][0].update(where="front_matter.mood"), "claim 0 .*has no place"),
        (lambda ledger: ledger["claims"][-1].update(text="21.5"), "does not stand in the front matter"),
        (lambda ledger: ledger["claims"][-2].update(text="4.8 %"), "does not stand in the title"),
        (lambda ledger: ledger["facts"]["f1.after"].pop("sql"), "'sql' is missing"),
        (lambda ledger: ledger["episode"].update(series="banterpacks"), "ledger is that of banterpacks 2"),
    ],
    ids=["text", "offset", "overlap", "fact", "place", "p95", "title", "field", "series"],
)
def test_a_ledger_that_does_not_fit_is_an_error(tmp_path: Path, change: Change, message: str) -> None:
    """It names the episode and the claim, and nothing is written."""
    with pytest.raises(SiteError, match=f"^chimera/ep-002: .*{message}"):
        _build(tmp_path / "site", _with_ledger(change))
    assert not (tmp_path / "site").exists()


def test_claims_stand_in_code_emphasis_and_escapes(tmp_path: Path) -> None:
    """Marking a number never changes how the Markdown around it is read."""
    body = "\n## What changed\n\n**14.0 ms**, `13.1 ms` and \\-3.2 % [in 12 runs](https://example.org/12).\n"
    texts = ("14.0 ms", "`13.1 ms`", "-3.2 %", "12 runs")
    episode = _with_body(body, [_claim(body, text) for text in texts])
    _build(tmp_path / "site", episode)
    html = _page(tmp_path / "site", episode)
    assert re.search(r"<strong><a class=\"claim\"[^>]*>14\.0 ms</a></strong>", html)
    assert re.search(r"<a class=\"claim\"[^>]*><code>13\.1 ms</code></a>", html)
    assert re.search(r"and <a class=\"claim\"[^>]*>-3\.2 %</a> <a href", html)
    assert re.search(r">in 12 runs</a><a class=\"claim reference\"[^>]*>\d+</a>", html)


def test_a_claim_across_elements_is_an_error(tmp_path: Path) -> None:
    """Its element could not be closed where it ends."""
    body = "\n## What changed\n\nfrom **14.0** ms\n"
    with pytest.raises(SiteError, match="begins and ends in different elements"):
        _build(tmp_path / "site", _with_body(body, [_claim(body, "14.0** ms")]))


def test_a_claim_inside_an_address_is_an_error(tmp_path: Path) -> None:
    """It could not be shown, and is not skipped."""
    body = "\n## What changed\n\n[Report](https://example.org/14.0)\n"
    with pytest.raises(SiteError, match="has no place on the page"):
        _build(tmp_path / "site", _with_body(body, [_claim(body, "14.0")]))


def test_private_use_characters_in_a_text_are_harmless(tmp_path: Path) -> None:
    """A text cannot forge the marks that the build puts around claims."""
    body = "\n## What changed\n\n\U000f0000forged\U00100000 and 14.0 ms\n"
    episode = _with_body(body, [_claim(body, "14.0 ms")])
    _build(tmp_path / "site", episode)
    assert "\ufffdforged\ufffd" in _page(tmp_path / "site", episode)


def test_hostile_text_cannot_run_anything(tmp_path: Path) -> None:
    """Markup in Markdown, title, SQL or rows stays text, and script addresses stay no links."""
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    links = "[x](javascript:alert(3)) ![x](data:text/html,x) <!--f1.svg-->"
    body = f"\n## {attack}\n\n{attack} {links}\n\n| {attack} |\n|---|\n| 1 |\n"
    episode = _with_body(body)
    ledger: Any = deepcopy(episode.ledger)
    for fact in ledger["facts"].values():
        fact.update(sql=attack, parameters={attack: attack}, query=attack, reducer=attack)
        fact["rows"][0].update(source=attack, commit_sha="<script>")
    markdown = episode.markdown.replace('title: "', f'title: "{attack} ')
    _build(tmp_path / "site", replace(episode, markdown=markdown, ledger=ledger))
    for path in (tmp_path / "site").rglob("*.html"):
        page = Elements(path.read_text("utf-8"))
        assert [tag for tag, _, _ in page.found if tag in ("script", "img", "iframe", "object")] == ["script"]
        assert not [name for _, attrs, _ in page.found for name in attrs if name.startswith("on")]
        assert not [a for _, a, _ in page.found if str(a.get("href")).startswith("javascript")]
    ElementTree.parse(tmp_path / "site/feed.xml")


@pytest.mark.parametrize(
    ("svg", "problem"),
    [
        ("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "<script>"),
        ("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "onload"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><a href='https://x'/></svg>", "<a>"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><style>@import 'x'</style></svg>", "style"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><g></svg>", "well-formed"),
        ("<!DOCTYPE svg><svg/>", "not an SVG"),
    ],
)
def test_a_chart_that_does_more_than_draw_is_refused(tmp_path: Path, svg: str, problem: str) -> None:
    """Charts are inlined, so nothing in them may run or load."""
    episode = replace(sample_episodes()[0], charts={"f1.svg": svg})
    with pytest.raises(SiteError, match=problem):
        _build(tmp_path / "site", episode)


def test_a_missing_chart_is_an_error(tmp_path: Path) -> None:
    """A hole in an episode is told, not published."""
    with pytest.raises(SiteError, match=r"shows the chart 'f1\.svg', which it does not have"):
        _build(tmp_path / "site", replace(sample_episodes()[0], charts={}))


def test_chart_stands_inline_with_its_alt_text_as_caption(tmp_path: Path) -> None:
    """The picture is part of the page, and its caption's numbers are claims too."""
    episode = sample_episodes()[-1]
    _build(tmp_path / "site", episode)
    figure = re.search(r'<figure class="chart">(.*?)</figure>', _page(tmp_path / "site", episode), re.DOTALL)
    assert figure
    assert episode.charts["f1.svg"].strip() in figure[1]
    assert figure[1].count('class="claim"') == 2


def test_pages_load_nothing(tmp_path: Path) -> None:
    """No element names a resource, the policy forbids all, and only links name an address."""
    _build(tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        html = path.read_text("utf-8")
        page = Elements(html)
        assert not [
            a
            for tag, a, _ in page.found
            if "src" in a or (tag == "link" and str(a["href"]).startswith("http"))
        ]
        assert not re.search(r"url\(|@import", html)
        assert "default-src 'none'" in html


def test_every_local_link_leads_somewhere(tmp_path: Path) -> None:
    """All links are relative and end at a file or an anchor of the site, as from a disk."""
    _build(tmp_path / "site")
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
    _build(tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        ids = [attrs["id"] for _, attrs, _ in Elements(path.read_text("utf-8")).found if "id" in attrs]
        assert len(ids) == len(set(ids))


def test_null_p95_is_shown_with_its_reason(tmp_path: Path) -> None:
    """What was not measured is neither zero nor missing."""
    episode = next(episode for episode in sample_episodes() if LONG_NAME in episode.markdown)
    _build(tmp_path / "site", episode)
    html = _page(tmp_path / "site", episode)
    assert "not measured" in html
    assert "no user interface events on this day" in html


@pytest.mark.parametrize(("sample", "bands"), [(True, 9), (False, 0)])
def test_sample_data_is_told_on_every_page(tmp_path: Path, sample: bool, bands: int) -> None:
    """Nobody can take sample numbers for measured ones."""
    _build(tmp_path / "site", settings=replace(SETTINGS, sample=sample))
    pages = [path.read_text("utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert sum('class="band"' in page for page in pages) == bands


def test_an_episode_from_sample_data_says_so_itself(tmp_path: Path) -> None:
    """The front matter's word is enough, on a site that is not a sample."""
    episode = sample_episodes()[0]
    marked = replace(
        episode, markdown=episode.markdown.replace("tokens_in:", "sample_data: true\ntokens_in:")
    )
    _build(tmp_path / "site", marked)
    assert 'class="band"' in _page(tmp_path / "site", marked)


def _feed(folder: Path) -> ElementTree.Element:
    return ElementTree.parse(folder / "feed.xml").getroot()


@pytest.mark.parametrize("base_url", ["", "https://muse.example/log/"])
def test_feed_is_valid_atom(tmp_path: Path, base_url: str) -> None:
    """Required elements are there, entries are the newest first, and ids are unique."""
    _build(tmp_path / "site", settings=replace(SETTINGS, base_url=base_url))
    feed = _feed(tmp_path / "site")
    assert all(
        feed.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated", "author/" + ATOM + "name")
    )
    entries = feed.findall(f"{ATOM}entry")
    for entry in entries:
        assert all(entry.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated", "summary"))
    updated = [str(entry.findtext(f"{ATOM}updated")) for entry in entries]
    assert updated == sorted(updated, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == updated[0] == "2026-09-09T06:00:00Z"
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 6


def test_feed_ids_and_links_follow_the_base_url(tmp_path: Path) -> None:
    """With an address: tag ids and full links. Without: urn ids and relative links."""
    _build(tmp_path / "with", settings=replace(SETTINGS, base_url="https://muse.example/log/"))
    _build(tmp_path / "without")
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


def test_no_episodes_make_a_site_that_says_so(tmp_path: Path) -> None:
    """The first day of a blog is no error."""
    assert build_site([], SETTINGS, tmp_path / "site", commit_sha=COMMIT).pages == 1
    assert "No episode has been published yet." in (tmp_path / "site/index.html").read_text()
    ElementTree.parse(tmp_path / "site/feed.xml")


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    """A wrong path costs an error, not somebody's files."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SiteError, match="other files than a site"):
        _build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(("series", "number"), [("../etc", 1), ("", 1), ("Muse", 1), ("chimera", 0)])
def test_an_address_outside_the_site_is_refused(tmp_path: Path, series: str, number: int) -> None:
    """Names become folders, so they are held to a narrow form."""
    with pytest.raises(SiteError, match="no address"):
        _build(tmp_path / "site", replace(sample_episodes()[0], series=series, number=number))


def test_without_atomic_exchange_the_site_is_still_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File systems that cannot exchange folders get two renames."""
    monkeypatch.setattr(static_site, "_exchange", lambda one, two: False)
    _build(tmp_path / "site")
    _build(tmp_path / "site", *sample_episodes()[:2])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]
    assert not (tmp_path / "site/chimera").exists()


def test_an_interrupted_replacement_is_mended(tmp_path: Path) -> None:
    """A kill between the two renames leaves the old site aside; the next build starts from it."""
    _build(tmp_path / "site")
    (tmp_path / "site").rename(tmp_path / ".site.replaced")
    (tmp_path / ".site.building-left").mkdir()
    assert _build(tmp_path / "site").changed == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]


ENDLESS_BUILD = """
import sys
from pathlib import Path
from muse_resources.static_site import SiteSettings, build_site
from tests.site_samples import sample_episodes
episodes = sample_episodes()
number = 0
while True:
    number += 1
    settings = SiteSettings(f"Muse {number}", "", "", False)
    build_site(episodes, settings, Path(sys.argv[1]), commit_sha=str(number))
    print(number, flush=True)
"""


def _is_whole(files: Mapping[str, bytes]) -> bool:
    record = json.loads(files["build.json"])
    title = f"<title>Muse {record['commit_sha']}</title>".encode()
    return set(record["files"]) | {"build.json"} == set(files) and title in files["index.html"]


def test_a_killed_build_leaves_the_old_site_or_the_new(tmp_path: Path) -> None:
    """Killed at any moment, the folder holds one whole site."""
    root = Path(__file__).parents[2]
    for delay in (0.0, 0.013, 0.031, 0.057):
        command = [sys.executable, "-c", ENDLESS_BUILD, str(tmp_path / "site")]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, env=os.environ) as build:
            assert build.stdout
            build.stdout.readline()
            build.stdout.readline()
            time.sleep(delay)
            build.send_signal(signal.SIGKILL)
        assert _is_whole(_files(tmp_path / "site"))
