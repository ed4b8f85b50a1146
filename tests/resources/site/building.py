"""Builds sample sites for the tests of the site, and reads their pages."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from muse_resources.site.build import build_site
from muse_resources.site.model import PublishedEpisode, SiteBuild, SiteSettings
from tests.site_samples import sample_episodes

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
        element: tuple[str, dict[str, str | None], list[str]] = (tag, dict(attrs), [])
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
        """The attributes and text of each claim."""
        return [(attrs, "".join(text)) for _, attrs, text in self.found if "data-source" in attrs]


def build(folder: Path, *episodes: PublishedEpisode, settings: SiteSettings = SETTINGS) -> SiteBuild:
    """Builds a site of the given episodes, or of all samples."""
    return build_site(episodes or sample_episodes(), settings, folder, commit_sha=COMMIT)


def files_in(folder: Path) -> dict[str, bytes]:
    """Each file under the folder, by its path inside it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def page_of(folder: Path, episode: PublishedEpisode) -> str:
    """The HTML of the episode's page."""
    return (folder / episode.address / "index.html").read_text("utf-8")


def with_body(body: str, claims: list[dict[str, Any]] | None = None) -> PublishedEpisode:
    """The last sample episode with another body, and only the given claims."""
    episode = sample_episodes()[-1]
    front = episode.markdown[: episode.markdown.index("---\n", 4) + 4]
    title = [claim for claim in episode.ledger["claims"] if claim["where"] != "body"]
    return replace(episode, markdown=front + body, ledger={**episode.ledger, "claims": [*title, *(claims or [])]})


def claim_of(body: str, text: str, fact: str = "f1.after") -> dict[str, Any]:
    """A claim on the first place in the body where the text stands."""
    start = body.index(text)
    return {"fact": fact, "where": "body", "text": text, "start": start, "end": start + len(text)}


def with_ledger(change: Change) -> PublishedEpisode:
    """The last sample episode with a changed copy of its ledger."""
    episode = sample_episodes()[-1]
    ledger: Any = deepcopy(episode.ledger)
    change(ledger)
    return replace(episode, ledger=ledger)
