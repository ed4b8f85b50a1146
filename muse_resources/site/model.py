"""What goes into a site and what comes out of building one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muse_domain.episodes import episode_name


class SiteError(ValueError):
    """An episode, ledger or chart that cannot be shown truthfully; the message names it."""


@dataclass(frozen=True, slots=True)
class PublishedEpisode:
    """One episode as it lies in the blog's repository.

    `charts` maps a file name ("f1.svg") to its SVG, `tables` one ("f1.csv") to the data of the chart of that name;
    older episodes have none.
    """

    series: str
    number: int
    markdown: str
    ledger: Mapping[str, Any]
    charts: Mapping[str, str]
    tables: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`ep-001`."""
        return episode_name(self.number)

    @property
    def address(self) -> str:
        """Its folder on the site: `chimera/ep-001`."""
        return f"{self.series}/{self.name}"


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
