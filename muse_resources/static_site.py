"""The static site: published episodes and their claim ledgers as a folder of pages.

Every claim of an episode becomes a link to its source (value, query, rows, row hash), so the chain from
a number to its rows also works without JavaScript; the page's script only shows the same source beside
the number. Pages carry their style and script within, ask nothing of the network, and link relatively,
so that the folder works from a disk as it does behind a web server.

The folder belongs to the site: a build replaces it as a whole, and refuses a folder that holds anything
but an earlier build. Nothing here reads a clock: the same episodes are always the same bytes.
"""

import base64
import ctypes
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from xml.etree import ElementTree

import yaml
from filelock import FileLock
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

SHOWN_ROWS = 8
# A claim of more characters (a benchmark's name) may break over lines; a number never does.
LONG_CLAIM = 18
SPARK_WIDTH, SPARK_HEIGHT, SPARK_DOTS = 148.0, 44.0, 120
# One private-use character opens each claim (it also says which), another closes it. Markdown sees
# neither space nor punctuation in them, so they change nothing about how the text around them is read.
CLAIM_OPEN, CLAIM_CLOSE = 0xF0000, "\U00100000"
MOST_CLAIMS = 0xFFF0
RESERVED = re.compile(f"[\\U{CLAIM_OPEN:08x}-\\U000ffffd{CLAIM_CLOSE}]")
CLAIM = re.compile(f"([\\U{CLAIM_OPEN:08x}-\\U000ffffd])([^{CLAIM_CLOSE}]*){CLAIM_CLOSE}")
LINK = re.compile(r"(<a [^>]*>)(.*?)</a>", re.DOTALL)
TAG = re.compile(r"<(/?\w+)[^>]*>")
NOT_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SERIES_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
DRAWING_TAGS = frozenset(
    ("svg", "g", "title", "desc", "style", "rect", "line", "polyline", "circle", "text", "tspan", "path")
)
LOADING_STYLE = re.compile(r"@import|url\(|expression|\\|<")
CHART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.svg")
NUMBER_CELL = re.compile(r"[\[(+\u2212-]?\d|[\u2013\u2014-]?$|n/a$|null$")
SQL_WORDS = (
    "SELECT|FROM|PREWHERE|WHERE|GROUP BY|ORDER BY|LIMIT|HAVING|WITH|AND|OR|NOT|IN|IS|NULL|AS|ON|USING|"
    "ASC|DESC|DISTINCT|BETWEEN|FINAL|ALL|ANY|LEFT|INNER|ASOF|JOIN|UNION|CASE|WHEN|THEN|ELSE|END|SETTINGS|OVER"
)
SQL_PART = re.compile(
    r"(?P<comment>--[^\n]*)|(?P<string>'(?:[^'\\]|\\.)*')|(?P<parameter>\{\w+:[^}]*\})"
    rf"|(?P<keyword>\b(?:{SQL_WORDS})\b)"
)
SQL_CLAUSE = re.compile(r"\s+(?=(?:FROM|PREWHERE|WHERE|GROUP BY|ORDER BY|LIMIT|HAVING|SETTINGS)\b)")
# Keys of the front matter whose value stands on the page, and can therefore carry a claim.
SHOWN_KEYS = ("latency_ms_p95", "tokens_in", "tokens_out", "cost_usd", "commit_sha", "run_id", "models")
REDUCER_WORDS = {
    "single": "read from",
    "change_pct": "change between the medians of",
    "spearman": "rank correlation over",
    "last": "newest of",
    "distinct": "all that stands in",
}
NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)


class SiteError(ValueError):
    """An episode, ledger or chart that cannot be shown truthfully; the message names it."""


@dataclass(frozen=True, slots=True)
class PublishedEpisode:
    """One episode as it lies in the blog's repository; `charts` maps a file name ("f1.svg") to its SVG."""

    series: str
    number: int
    markdown: str
    ledger: Mapping[str, Any]
    charts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """What all pages share. `base_url` may be empty: the feed then links relatively.

    `sample` puts the "sample data" band on every page. `language` is the pages' own language (BCP 47).
    """

    title: str
    base_url: str
    description: str
    sample: bool
    language: str = "en"


@dataclass(frozen=True, slots=True)
class SiteBuild:
    """How many HTML pages the site has, and how many files this build changed, added or removed."""

    pages: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Source:
    """One fact as the page shows it."""

    number: int
    fact: str
    value: str
    unit: str
    label: str
    support: str
    reduced: str
    query: str
    sql: Markup
    parameters: tuple[tuple[str, str], ...]
    row_count: int
    row_hash: str
    rows: tuple[Mapping[str, str], ...]
    shows_segments: bool
    shown_as: tuple[str, ...]
    first_claim: int


@dataclass(frozen=True, slots=True)
class _Section:
    anchor: str
    heading: Markup
    html: Markup


@dataclass(frozen=True, slots=True)
class _Spark:
    """A chart's dots and medians at the size of a word: (x, y, segment) and (x1, x2, y, segment)."""

    dots: tuple[tuple[float, float, str], ...]
    lines: tuple[tuple[float, float, float, str], ...]


@dataclass(frozen=True, slots=True)
class _Trust:
    """How sure the episode is, from its ledger; `score` is the lowest of the parts."""

    score: float | None
    parts: tuple[tuple[str, float], ...]
    correlation: float | None


@dataclass(frozen=True, slots=True)
class _Page:
    """One episode, read, checked and rendered."""

    series: str
    number: int
    title: str
    title_html: Markup
    date: datetime
    run_id: uuid.UUID
    front: Mapping[str, Any]
    shown: Mapping[str, Markup]
    trust: _Trust
    sources: tuple[_Source, ...]
    sections: tuple[_Section, ...]
    charts: Mapping[str, str]
    ledger: Mapping[str, Any]
    spark: _Spark | None

    @property
    def name(self) -> str:
        return f"ep-{self.number:03d}"

    @property
    def address(self) -> str:
        return f"{self.series}/{self.name}"

    @property
    def claims(self) -> int:
        return len(self.ledger["claims"])

    @property
    def lead_html(self) -> Markup:
        """The first paragraph of the first section."""
        match = re.search(r"<p>(.*?)</p>", self.sections[0].html, re.DOTALL) if self.sections else None
        return Markup(match[1]) if match else Markup("")

    @property
    def lead(self) -> str:
        return " ".join(self.lead_html.striptags().split())

    @property
    def is_sample(self) -> bool:
        return bool(self.front.get("sample_data", False))


@dataclass(slots=True)
class _Claims:
    """The claims of one episode, and which of them have already found their place on the page."""

    address: str
    claims: Sequence[Mapping[str, Any]]
    numbers: Mapping[str, int]
    placed: set[int] = field(default_factory=set)

    def error(self, index: int, problem: str) -> SiteError:
        claim = self.claims[index]
        named = f"claim {index} ({claim.get('fact')!r}, {claim.get('text')!r} in {claim.get('where')!r})"
        return SiteError(f"{self.address}: {named} {problem}")

    def at(self, where: str) -> list[tuple[int, Mapping[str, Any]]]:
        return [(index, claim) for index, claim in enumerate(self.claims) if claim["where"] == where]

    def element(self, index: int, text: Markup, classes: str = "claim") -> Markup:
        self.placed.add(index)
        fact = self.claims[index]["fact"]
        if len(text.striptags()) > LONG_CLAIM:
            classes += " long"
        return Markup(
            '<a class="{}" id="claim-{}" href="#source-{}" data-source="{}" data-fact="{}">{}</a>'
        ).format(classes, index + 1, self.numbers[fact], self.numbers[fact], fact, text)

    def reference(self, index: int) -> Markup:
        number = self.numbers[self.claims[index]["fact"]]
        return self.element(index, Markup("{}").format(number), "claim reference")


def build_site(
    episodes: Sequence[PublishedEpisode], settings: SiteSettings, folder: Path, *, commit_sha: str
) -> SiteBuild:
    """Builds all pages and puts them in `folder` in one step; a build that changes nothing writes nothing.

    `commit_sha` (the commit of the blog's repository that the site shows) stands only in `build.json`, so
    pages change only when their content does. Raises SiteError before anything is written.
    """
    files = _site_files(episodes, settings, commit_sha)
    pages = sum(name.endswith(".html") for name in files)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        _restore_interrupted(folder)
        changed = _count_changed(folder, files)
        if changed:
            _replace_folder(folder, files)
    return SiteBuild(pages=pages, changed=changed)


def _site_files(
    episodes: Sequence[PublishedEpisode], settings: SiteSettings, commit_sha: str
) -> dict[str, bytes]:
    pages = _read_all(episodes)
    files = dict(_html_files(pages, settings))
    for page in pages:
        files[f"{page.address}/claims.json"] = _json(page.ledger)
        files |= {f"{page.address}/{name}": svg.encode() for name, svg in page.charts.items()}
    files["feed.xml"] = _feed(pages, settings)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    files["build.json"] = _json({"schema": 1, "commit_sha": commit_sha, "files": hashes})
    return files


def _read_all(episodes: Sequence[PublishedEpisode]) -> list[_Page]:
    """All episodes, the newest first."""
    pages = sorted(map(_read, episodes), key=lambda page: (page.series, page.number))
    for one, two in pairwise(pages):
        if one.address == two.address:
            raise SiteError(f"{one.address}: given twice")
    return sorted(pages, key=lambda page: page.date, reverse=True)


def _html_files(pages: Sequence[_Page], settings: SiteSettings) -> Iterator[tuple[str, bytes]]:
    render = _renderer(settings, sorted({page.series for page in pages}))
    yield "index.html", render("index.html", pages=pages, months=_months(pages), root="", series=None)
    for series in sorted({page.series for page in pages}):
        own = [page for page in pages if page.series == series]
        listing = render("index.html", pages=own, months=_months(own), root="../", series=series)
        yield f"{series}/index.html", listing
        for newer, page, older in zip([None, *own], own, [*own[1:], None], strict=False):
            html = render("episode.html", page=page, newer=newer, older=older, root="../../", series=series)
            yield f"{page.address}/index.html", html


def _months(pages: Sequence[_Page]) -> list[tuple[str, list[_Page]]]:
    return [(name, list(group)) for name, group in groupby(pages, lambda page: f"{page.date:%B %Y}")]


def _renderer(settings: SiteSettings, all_series: Sequence[str]) -> Callable[..., bytes]:
    folder = _template_folder()
    script = (folder / "site.js").read_text("utf-8")
    environment = _environment(folder)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shared = {
        "settings": settings,
        "all_series": all_series,
        "style": Markup((folder / "site.css").read_text("utf-8")),
        "script": Markup(script),
        "script_hash": f"sha256-{digest}",
    }
    return lambda name, **values: environment.get_template(name).render(shared, **values).encode()


def _template_folder() -> Path:
    # A wheel carries the templates inside the package; a checkout has them beside it.
    packaged = Path(__file__).parent / "_templates"
    return (packaged if packaged.is_dir() else Path(__file__).parents[1] / "templates") / "site"


def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["day"] = lambda at: f"{at.day} {at:%B %Y}"
    environment.filters["iso"] = _iso
    environment.filters["from_elsewhere"] = _from_elsewhere
    return environment


def _from_elsewhere(html: Markup, address: str) -> Markup:
    """Text of an episode as another page shows it: its numbers lead to the sources on the episode's page."""
    # As a plain string: Markup would escape the quotation marks that are put in.
    linked = str(html).replace('href="#', f'href="{address}/index.html#')
    return Markup(re.sub(r' id="claim-\d+"', "", linked))


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _feed(pages: Sequence[_Page], settings: SiteSettings) -> bytes:
    base = settings.base_url.rstrip("/")
    template = _environment(_template_folder()).get_template("feed.xml")
    return template.render(
        settings=settings,
        base=f"{base}/" if base else "",
        feed_id=f"{base}/feed.xml" if base else uuid.uuid5(uuid.NAMESPACE_URL, settings.title).urn,
        updated=max((page.date for page in pages), default=NOTHING_YET),
        entries=[(page, _entry_id(page, base)) for page in pages],
    ).encode()


def _entry_id(page: _Page, base: str) -> str:
    """Never changes for an episode: readers show an entry again when its id does."""
    host = urlsplit(base).hostname
    if host:
        return f"tag:{host},{page.date:%Y-%m-%d}:{page.address}"
    # One run can give several series an episode, and ids must differ.
    return uuid.uuid5(page.run_id, page.address).urn


def _read(episode: PublishedEpisode) -> _Page:
    name = f"ep-{episode.number:03d}"
    address = f"{episode.series}/{name}"
    if not SERIES_NAME.fullmatch(episode.series) or episode.number < 1:
        raise SiteError(f"{address}: is no address of an episode")
    try:
        return _page(episode, name, address)
    except SiteError:
        raise
    except KeyError as missing:
        raise SiteError(f"{address}: {missing} is missing") from missing
    except (TypeError, AttributeError, ValueError) as wrong:
        raise SiteError(f"{address}: {wrong}") from wrong


def _page(episode: PublishedEpisode, name: str, address: str) -> _Page:
    front, body = _split(episode.markdown, address)
    _require_same_episode(episode, front, address)
    claims = _claims(episode.ledger, address)
    charts = {chart: _safe_svg(svg, f"{address}/{chart}") for chart, svg in sorted(episode.charts.items())}
    title = _one_line(str(front["title"]))
    page = _Page(
        series=episode.series,
        number=episode.number,
        title=title,
        title_html=_place(str(escape(_mark_title(title, claims))), claims),
        date=_date(front["date"], address),
        run_id=uuid.UUID(str(front["run_id"])),
        front=front,
        shown={key: _shown(key, front.get(key), claims) for key in SHOWN_KEYS},
        trust=_trust(episode.ledger["episode"]),
        sources=tuple(_sources(episode.ledger["facts"], claims)),
        sections=tuple(_sections(body, claims, name, charts)),
        charts=charts,
        ledger=episode.ledger,
        spark=_spark(next(iter(charts.values()))) if charts else None,
    )
    _require_all_placed(claims)
    return page


def _trust(stated: Mapping[str, Any]) -> _Trust:
    confidence = stated.get("confidence") or {}
    parts = tuple((part, float(value)) for part, value in confidence.items() if part != "score")
    return _Trust(confidence.get("score"), parts, stated.get("correlation_strength"))


def _split(markdown: str, address: str) -> tuple[Mapping[str, Any], str]:
    """Front matter and body; offsets of claims count from the first character of this body."""
    match = re.match(r"---\n(.*?\n)---\n", markdown, re.DOTALL)
    if not match:
        raise SiteError(f"{address}: has no front matter")
    try:
        front = yaml.safe_load(match[1])
    except yaml.YAMLError as wrong:
        raise SiteError(f"{address}: its front matter is not YAML: {wrong}") from wrong
    if not isinstance(front, dict):
        raise SiteError(f"{address}: its front matter is not a mapping")
    return front, markdown[match.end() :]


def _require_same_episode(episode: PublishedEpisode, front: Mapping[str, Any], address: str) -> None:
    """A ledger beside the wrong text would give true sources to other numbers."""
    stated = episode.ledger["episode"]
    for origin, series, number in (
        ("front matter", front["series"], front["episode"]),
        ("ledger", stated["series"], stated["episode"]),
    ):
        if (series, number) != (episode.series, episode.number):
            raise SiteError(f"{address}: its {origin} is that of {series} {number}")


def _date(value: object, address: str) -> datetime:
    at = value if isinstance(value, datetime) else None
    if at is None and isinstance(value, str):
        at = datetime.fromisoformat(value)
    elif at is None and isinstance(value, date):
        at = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if at is None or at.tzinfo is None:
        raise SiteError(f"{address}: its date {value!r} is not an instant in UTC")
    return at.astimezone(UTC)


def _one_line(text: str) -> str:
    # XML cannot hold control characters at all, not even escaped.
    return NOT_XML.sub(" ", text).strip()


def _claims(ledger: Mapping[str, Any], address: str) -> _Claims:
    """The claims, and the number of each fact's source in the order in which the text cites them."""
    claims: Sequence[Mapping[str, Any]] = ledger["claims"]
    facts: Iterable[str] = dict.fromkeys(claim["fact"] for claim in claims)
    found = _Claims(address, claims, {fact: number for number, fact in enumerate(facts, 1)})
    if len(claims) > MOST_CLAIMS:
        raise SiteError(f"{address}: has {len(claims)} claims; {MOST_CLAIMS} are the most a page can hold")
    for index, claim in enumerate(claims):
        if claim["fact"] not in ledger["facts"]:
            raise found.error(index, "names a fact that the ledger does not hold")
    return found


def _mark_body(body: str, claims: _Claims) -> str:
    """The body with each claim between its sentinels, if each stands exactly where the ledger says."""
    spans = sorted((claim["start"], claim["end"], index) for index, claim in claims.at("body"))
    for start, end, index in spans:
        if not 0 <= start < end or body[start:end] != claims.claims[index]["text"]:
            raise claims.error(index, f"does not stand at {start}..{end}: {body[max(start, 0) : end]!r} does")
    for (_, end, _), (start, _, index) in pairwise(spans):
        if start < end:
            raise claims.error(index, "overlaps the claim before it")
    return _insert(body, spans)


def _insert(text: str, spans: Iterable[tuple[int, int, int]]) -> str:
    parts, done = [], 0
    for start, end, index in spans:
        # A sentinel between a backslash and what it escapes would bring the backslash back to light.
        before = start - (text[:start].endswith("\\") and not text[:start].endswith("\\\\"))
        parts += [_clean(text[done:before]), chr(CLAIM_OPEN + index), _clean(text[before:end]), CLAIM_CLOSE]
        done = end
    return "".join([*parts, _clean(text[done:])])


def _clean(text: str) -> str:
    return RESERVED.sub("\ufffd", text)


def _mark_title(title: str, claims: _Claims) -> str:
    spans, done = [], 0
    for index, claim in claims.at("front_matter.title"):
        # Not inside a longer number: "7.3 %" is no part of "17.3 %".
        pattern = rf"(?<![\d.,]){re.escape(claim['text'])}(?!\d|[.,]\d)"
        match = re.compile(pattern).search(title, done) if claim["text"] else None
        if not match:
            raise claims.error(index, f"does not stand in the title {title!r}")
        spans.append((match.start(), match.end(), index))
        done = match.end()
    return _insert(title, spans)


def _place(html: str, claims: _Claims) -> Markup:
    """Turns sentinels in HTML into elements. `html` must be trusted: rendered Markdown or escaped text."""
    with_links = LINK.sub(lambda match: _with_references(match, claims), html)
    return Markup(CLAIM.sub(lambda match: _element(match, claims), with_links))


def _with_references(link: re.Match[str], claims: _Claims) -> str:
    """A link cannot hold another: a claim in one is followed by a reference to its source."""
    references = [claims.reference(ord(match[1]) - CLAIM_OPEN) for match in CLAIM.finditer(link[2])]
    return "".join([link[1], CLAIM.sub(r"\2", link[2]), "</a>", *references])


def _element(match: re.Match[str], claims: _Claims) -> str:
    index, html, start = ord(match[1]) - CLAIM_OPEN, match.string, match.start()
    # In trusted HTML, < and > stand for nothing but the ends of tags.
    if html.rfind("<", 0, start) > html.rfind(">", 0, start):
        raise claims.error(index, "has no place on the page: it stands in an attribute")
    if [tag for tag in TAG.findall(match[2]) if tag.startswith("/")] != _closing(match[2]):
        raise claims.error(index, "begins and ends in different elements")
    return claims.element(index, Markup(match[2]))


def _closing(html: str) -> list[str]:
    """The closing tags that the elements opened in `html` need, if none holds another of its kind."""
    return [f"/{tag}" for tag in reversed(TAG.findall(html)) if not tag.startswith("/")]


def _shown(key: str, value: object, claims: _Claims) -> Markup:
    """A value of the front matter as the page shows it, as a claim where the ledger has one for it."""
    plain = ", ".join(map(str, value)) if isinstance(value, list) else _written(value)
    for index, claim in claims.at(f"front_matter.{key}"):
        if not _is_same(plain, claim["text"]):
            raise claims.error(index, f"does not stand in the front matter, which says {plain!r}")
        return claims.element(index, escape(claim["text"]))
    return escape(plain)


def _is_same(plain: str, text: str) -> bool:
    try:
        return float(plain) == float(text.replace(",", ""))
    except ValueError:
        return plain == text


def _require_all_placed(claims: _Claims) -> None:
    for index in range(len(claims.claims)):
        if index not in claims.placed:
            raise claims.error(index, "has no place on the page where it could be shown")


def _sources(facts: Mapping[str, Any], claims: _Claims) -> Iterator[_Source]:
    for fact_id, number in claims.numbers.items():
        fact = facts[fact_id]
        rows = _aligned([_row(row) for row in _first_rows(fact["rows"])])
        citing = [(index, claim) for index, claim in enumerate(claims.claims) if claim["fact"] == fact_id]
        yield _Source(
            number=number,
            fact=fact_id,
            value=_written(fact["value"]) if fact["value"] is not None else _written(fact["text"]),
            # The unit of a text only says how to print it.
            unit=(fact["unit"] or "") if fact["value"] is not None else "",
            label=fact["label"],
            support=str(fact["support"]),
            reduced=_reduced(fact["reducer"], fact["row_count"]),
            query=fact["query"],
            sql=_highlighted(fact["sql"]),
            parameters=tuple((key, _written(value)) for key, value in fact["parameters"].items()),
            row_count=fact["row_count"],
            row_hash=fact["row_hash"],
            rows=tuple(rows),
            shows_segments=len({row["segment"] for row in rows}) > 1,
            shown_as=tuple(dict.fromkeys(claim["text"].strip("`") for _, claim in citing)),
            first_claim=citing[0][0] + 1,
        )


def _first_rows(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first rows; of a fact that compares two sides, as many of each."""
    sides = {row.get("segment"): None for row in rows}
    share = SHOWN_ROWS // max(len(sides), 1) or 1
    return [row for side in sides for row in [row for row in rows if row.get("segment") == side][:share]]


def _aligned(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Fills up short fractions with figure spaces, so that the decimal points stand under each other."""
    fractions = [row["value"].partition(".")[2] for row in rows]
    if not all(re.fullmatch(r"-?\d+(\.\d+)?", row["value"]) for row in rows):
        return list(rows)
    longest = max(map(len, fractions), default=0)
    missing = [longest - len(fraction) for fraction in fractions]
    return [
        {**row, "value": row["value"] + "\u2007" * places} for row, places in zip(rows, missing, strict=True)
    ]


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "ts": row["ts"],
        "time": row["ts"].replace("T", " ")[:16],
        "commit": (row["commit_sha"] or "")[:7],
        "source": row["source"] or "",
        "file": _tail(row["source"] or ""),
        "segment": row.get("segment") or "",
        "value": _written(row["value"]) if row["value"] is not None else _written(row["text"]),
    }


def _tail(path: str) -> str:
    """The end of a path, which tells files apart; the whole path is in its title."""
    folders = path.split("/")
    return path if len(folders) < 3 else "\u2026/" + "/".join(folders[-2:])


def _written(value: object) -> str:
    """A value with every digit it has, up to what a float holds reliably."""
    if value is None:
        return "null"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _reduced(reducer: str, rows: int) -> str:
    """`median:after` of 42 rows reads "median of 42 rows, after"."""
    name, _, segment = reducer.partition(":")
    counted = "1 row" if rows == 1 else f"{rows:,} rows"
    words = REDUCER_WORDS.get(name, f"{name.replace('_', ' ')} of")
    return f"{words} {counted}" + (f", {segment.replace('_', ' ')}" if segment else "")


def _highlighted(sql: str) -> Markup:
    laid_out = sql.strip() if "\n" in sql.strip() else SQL_CLAUSE.sub("\n", sql.strip())
    parts, done = [], 0
    for match in SQL_PART.finditer(laid_out):
        parts.append(escape(laid_out[done : match.start()]))
        parts.append(Markup('<span class="sql-{}">{}</span>').format(match.lastgroup, match[0]))
        done = match.end()
    return Markup("").join([*parts, escape(laid_out[done:])])


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.add_render_rule("image", _render_image)
    return markdown


def _render_image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A picture that is no chart of the episode becomes a link: pages load nothing from elsewhere."""
    token = tokens[index]
    alt = self.renderInlineAsText(token.children, options, env)
    return str(Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(token.attrGet("src"), alt))


def _sections(body: str, claims: _Claims, name: str, charts: Mapping[str, str]) -> list[_Section]:
    markdown = _markdown()
    tokens = markdown.parse(_mark_body(body, claims))
    _localise_links(tokens, name)
    _label_cells(tokens)
    tokens = list(_with_figures(tokens, claims.address, name, charts))

    def html(part: Sequence[Token]) -> Markup:
        return _with_charts(_place(markdown.renderer.render(part, markdown.options, {}), claims), charts)

    return [_section(part, html) for part in _split_at_headings(tokens)]


def _split_at_headings(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    starts = [at for at, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]
    for start, end in pairwise([*([] if starts[:1] == [0] else [0]), *starts, len(tokens)]):
        if start < end:
            yield list(tokens[start:end])


def _section(tokens: Sequence[Token], html: Callable[[Sequence[Token]], Markup]) -> _Section:
    if tokens[0].type != "heading_open":
        return _Section("", Markup(""), html(tokens))
    heading = html([tokens[1]])
    anchor = re.sub(r"[^a-z0-9]+", "-", heading.striptags().lower()).strip("-")
    return _Section(anchor, heading, html(tokens[3:]))


def _localise_links(tokens: Iterable[Token], name: str) -> None:
    """On the site an episode's files lie beside its page, not in a folder of its name."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                href = str(child.attrGet("href") or "")
                child.attrSet("href", _local_address(href, name))
                child.attrSet("rel", "noopener noreferrer")


def _local_address(href: str, name: str) -> str:
    return "claims.json" if href == f"{name}.claims.json" else href.removeprefix(f"{name}/")


def _label_cells(tokens: Sequence[Token]) -> None:
    """Gives each cell its column's name, for phones, where a row becomes a small list."""
    for start, token in enumerate(tokens):
        if token.type == "table_open":
            end = next(at for at in range(start, len(tokens)) if tokens[at].type == "table_close")
            _label_table(tokens[start:end])


def _label_table(tokens: Sequence[Token]) -> None:
    rows = list(_rows(tokens))
    heads = [_clean_text(text) for _, text in rows[0]]
    columns = range(len(heads))
    is_number = [all(NUMBER_CELL.match(_clean_text(row[at][1])) for row in rows[1:]) for at in columns]
    for row in rows:
        for at, (cell, _) in enumerate(row):
            cell.attrs.pop("style", None)
            cell.attrSet("role", "columnheader" if cell.tag == "th" else "cell")
            cell.attrSet("data-label", heads[at])
            if is_number[at]:
                cell.attrSet("class", "number")
    for token in tokens:
        role = {"table": "table", "tr": "row", "thead": "rowgroup", "tbody": "rowgroup"}.get(token.tag)
        if role and token.nesting == 1:
            token.attrSet("role", role)


def _rows(tokens: Sequence[Token]) -> Iterator[list[tuple[Token, str]]]:
    """The cells of each row, each with its text."""
    row: list[tuple[Token, str]] = []
    for token, following in pairwise(tokens):
        if token.type in ("th_open", "td_open"):
            row.append((token, following.content))
        elif token.type == "tr_close":
            yield row
            row = []


def _clean_text(text: str) -> str:
    return RESERVED.sub("", text).strip().strip("*`")


def _with_figures(
    tokens: Sequence[Token], address: str, name: str, charts: Mapping[str, str]
) -> Iterator[Token]:
    """Lifts chart images out of their paragraphs: a figure cannot stand inside one."""
    skip = 0
    for at, token in enumerate(tokens):
        if skip:
            skip -= 1
            continue
        images = _chart_images(tokens[at + 1], name) if token.type == "paragraph_open" else []
        for image in images:
            yield _figure(image, address, name, charts)
        if images:
            skip = 2
        else:
            yield token


def _chart_images(inline: Token, name: str) -> list[Token]:
    """The images of a paragraph that holds nothing but charts of this episode."""
    children = [
        child for child in inline.children or () if child.type != "softbreak" and child.content.strip()
    ]
    prefix = f"{name}/"
    is_chart = [child.type == "image" and str(child.attrGet("src")).startswith(prefix) for child in children]
    return children if children and all(is_chart) else []


def _figure(image: Token, address: str, name: str, charts: Mapping[str, str]) -> Token:
    chart = str(image.attrGet("src")).removeprefix(f"{name}/")
    if chart not in charts:
        raise SiteError(f"{address}: shows the chart {chart!r}, which it does not have")
    markdown = _markdown()
    renderer = cast(RendererHTML, markdown.renderer)
    caption = renderer.renderInlineAsText(image.children or [], markdown.options, {})
    # The chart itself comes after the claims are placed: its text is not the author's.
    filled = Markup('<figure class="chart"><!--{}--><figcaption>{}</figcaption></figure>\n').format(
        chart, caption
    )
    return Token("html_block", "", 0, content=str(filled), block=True)


def _with_charts(html: Markup, charts: Mapping[str, str]) -> Markup:
    # Nothing but a figure can hold a comment here, since HTML in Markdown is off.
    return Markup(re.sub(r"<!--(.*?)-->", lambda match: charts[match[1]], html))


def _safe_svg(svg: str, name: str) -> str:
    """The chart, if it only draws. It is inlined in a page, so it must neither run nor load anything."""
    if not CHART_NAME.fullmatch(name.rpartition("/")[2]):
        raise SiteError(f"{name}: is no name of a chart")
    try:
        root = ElementTree.fromstring(svg) if svg.startswith("<svg") else None
    except ElementTree.ParseError as wrong:
        raise SiteError(f"{name}: is not well-formed: {wrong}") from wrong
    if root is None:
        raise SiteError(f"{name}: is not an SVG element")
    for element in root.iter():
        problem = _danger(element)
        if problem:
            raise SiteError(f"{name}: holds {problem}, which a chart must not")
    return svg


def _danger(element: ElementTree.Element) -> str | None:
    tag = _local(element.tag)
    if tag not in DRAWING_TAGS:
        return f"<{tag}>"
    if tag == "style" and LOADING_STYLE.search(element.text or ""):
        return "a style that loads something"
    for name in (_local(name).lower() for name in element.attrib):
        if name.startswith("on") or name in ("href", "style"):
            return f"the attribute {name}"
    return None


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _spark(svg: str) -> _Spark | None:
    """A chart's dots and median lines, scaled down for the list of episodes."""
    root = ElementTree.fromstring(svg)
    dots = [dot for group in root.iter() for dot in _group_dots(group)]
    lines = [line for element in root.iter() for line in _median_line(element)]
    xs = [x for x, _, _ in dots] + [x for x1, x2, _, _ in lines for x in (x1, x2)]
    ys = [y for _, y, _ in dots] + [y for _, _, y, _ in lines]
    if not dots:
        return None
    across, down = _scale(xs, SPARK_WIDTH), _scale(ys, SPARK_HEIGHT)
    thin = dots[:: -(-len(dots) // SPARK_DOTS)]
    return _Spark(
        dots=tuple((across(x), down(y), segment) for x, y, segment in thin),
        lines=tuple((across(x1), across(x2), down(y), segment) for x1, x2, y, segment in lines),
    )


def _group_dots(group: ElementTree.Element) -> Iterator[tuple[float, float, str]]:
    for segment in ("earlier", "before", "after"):
        if f"muc-{segment}" in group.get("class", "").split():
            for dot in group:
                yield float(dot.get("cx", 0)), float(dot.get("cy", 0)), segment


def _median_line(element: ElementTree.Element) -> Iterator[tuple[float, float, float, str]]:
    name = element.get("class", "")
    if name in ("muc-median-before", "muc-median-after"):
        yield float(element.get("x1", 0)), float(element.get("x2", 0)), float(element.get("y1", 0)), name[11:]


def _scale(values: Sequence[float], size: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    return lambda value: round(3 + (value - low) / (high - low) * (size - 6), 1) if high > low else size / 2


def _count_changed(folder: Path, files: Mapping[str, bytes]) -> int:
    if not folder.exists():
        return len(files)
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    if present and "build.json" not in present:
        raise SiteError(f"{folder}: holds other files than a site; it would be replaced as a whole")
    written = sum(name not in present or present[name].read_bytes() != data for name, data in files.items())
    return written + len(present.keys() - files.keys())


def _replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.building-", dir=folder.parent))
    building.chmod(0o755)
    for name, content in files.items():
        path = building / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    _swap(building, folder)


def _swap(building: Path, folder: Path) -> None:
    if not folder.exists():
        building.rename(folder)
        return
    if _exchange(building, folder):
        shutil.rmtree(building)
        return
    # No atomic exchange here: two renames, and the next build mends what a kill between them leaves.
    aside = _aside(folder)
    folder.rename(aside)
    building.rename(folder)
    shutil.rmtree(aside)


def _exchange(one: Path, two: Path) -> bool:
    """Exchanges two folders in one step, where the system and its file system can."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        at_cwd, exchange = -100, 2
        arguments = (at_cwd, os.fsencode(one), at_cwd, os.fsencode(two), exchange)
        return bool(library.renameat2(*arguments) == 0)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        swap = 2
        return bool(library.renamex_np(os.fsencode(one), os.fsencode(two), swap) == 0)
    return False


def _aside(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.replaced"


def _restore_interrupted(folder: Path) -> None:
    """Clears what a killed build left. The caller holds the lock, so no other build is at work."""
    aside = _aside(folder)
    if aside.exists() and not folder.exists():
        aside.rename(folder)
    for left in (aside, *folder.parent.glob(f".{folder.name}.building-*")):
        shutil.rmtree(left, ignore_errors=True)
