"""Reads published episodes into pages: front matter, body and ledger, checked against each other."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import yaml
from markupsafe import Markup, escape

from muse_domain.episodes import DIGEST_SERIES
from muse_resources.site.charts import Spark, safe_svg, spark
from muse_resources.site.claims import mark_title, place, place_value, read_claims
from muse_resources.site.markdown import Section, sections
from muse_resources.site.model import PublishedEpisode, SiteError
from muse_resources.site.sources import Source, sources
from muse_resources.site.tables import table_html

NOT_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SERIES_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
# Keys of the front matter whose value stands on the page, and can therefore carry a claim.
SHOWN_KEYS = ("latency_ms_p95", "tokens_in", "tokens_out", "cost_usd", "commit_sha", "run_id", "models")


@dataclass(frozen=True, slots=True)
class Trust:
    """How sure the episode is, from its ledger; `score` is the lowest of the parts."""

    score: float | None
    parts: tuple[tuple[str, float], ...]
    correlation: float | None


@dataclass(frozen=True, slots=True)
class Page:
    """One episode, read, checked and rendered. `shown` holds front matter as HTML, `front` as it was read."""

    series: str
    number: int
    name: str
    address: str
    title: str
    title_html: Markup
    date: datetime
    run_id: uuid.UUID
    front: Mapping[str, Any]
    shown: Mapping[str, Markup]
    trust: Trust
    sources: tuple[Source, ...]
    sections: tuple[Section, ...]
    charts: Mapping[str, str]
    tables: Mapping[str, str]
    ledger: Mapping[str, Any]
    spark: Spark | None

    @property
    def claims(self) -> int:
        """How many claims the episode makes."""
        return len(self.ledger["claims"])

    @property
    def lead_html(self) -> Markup:
        """The first paragraph of the first section."""
        match = re.search(r"<p>(.*?)</p>", self.sections[0].html, re.DOTALL) if self.sections else None
        return Markup(match[1]) if match else Markup("")

    @property
    def lead(self) -> str:
        """The same without markup, in one line."""
        return " ".join(self.lead_html.striptags().split())

    @property
    def is_digest(self) -> bool:
        """Whether it is of a month: then it measures nothing of its own."""
        return self.series == DIGEST_SERIES

    @property
    def is_sample(self) -> bool:
        """Whether the episode itself says that it is made from sample data."""
        return bool(self.front.get("sample_data", False))


def read_episodes(episodes: Sequence[PublishedEpisode]) -> list[Page]:
    """All episodes, the newest first. Raises SiteError naming the one that cannot be shown."""
    pages = sorted(map(_read, episodes), key=lambda page: (page.series, page.number))
    for one, two in pairwise(pages):
        if one.address == two.address:
            raise SiteError(f"{one.address}: given twice")
    return sorted(pages, key=lambda page: page.date, reverse=True)


def _read(episode: PublishedEpisode) -> Page:
    address = episode.address
    if not SERIES_NAME.fullmatch(episode.series) or episode.number < 1:
        raise SiteError(f"{address}: is no address of an episode")
    try:
        return _page(episode, address)
    except SiteError:
        raise
    except KeyError as missing:
        raise SiteError(f"{address}: {missing} is missing") from missing
    except (TypeError, AttributeError, ValueError) as wrong:
        raise SiteError(f"{address}: {wrong}") from wrong


def _page(episode: PublishedEpisode, address: str) -> Page:
    front, body = _split(episode.markdown, address)
    _require_same_episode(episode, front, address)
    claims = read_claims(episode.ledger, address)
    charts = {chart: safe_svg(svg, f"{address}/{chart}") for chart, svg in sorted(episode.charts.items())}
    tables = {name: table_html(text, name, address) for name, text in sorted(episode.tables.items())}
    title = _one_line(str(front["title"]))
    page = Page(
        series=episode.series,
        number=episode.number,
        name=episode.name,
        address=address,
        title=title,
        title_html=place(str(escape(mark_title(title, claims))), claims),
        date=_date(front["date"], address),
        run_id=uuid.UUID(str(front["run_id"])),
        front=front,
        shown={key: place_value(key, front.get(key), claims) for key in SHOWN_KEYS},
        trust=_trust(episode.ledger["episode"]),
        sources=tuple(sources(episode.ledger["facts"], claims)),
        sections=tuple(sections(body, claims, episode.name, charts, tables)),
        charts=charts,
        tables=dict(sorted(episode.tables.items())),
        ledger=episode.ledger,
        spark=spark(next(iter(charts.values()))) if charts else None,
    )
    claims.require_all_placed()
    return page


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


def _trust(stated: Mapping[str, Any]) -> Trust:
    confidence = stated.get("confidence") or {}
    parts = tuple((part, float(value)) for part, value in confidence.items() if part != "score")
    return Trust(confidence.get("score"), parts, stated.get("correlation_strength"))
