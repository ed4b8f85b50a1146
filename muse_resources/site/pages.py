"""The HTML pages, from `templates/site/`: one for each episode, and lists of episodes."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from muse_domain.wording import COUNTED
from muse_resources.site.model import SiteSettings
from muse_resources.site.reading import Page
from muse_resources.templates import template_folder


def html_files(pages: Sequence[Page], settings: SiteSettings) -> Iterator[tuple[str, bytes]]:
    """Each page's path on the site and its content; `pages` come the newest first."""
    all_series = sorted({page.series for page in pages})
    render = _renderer(settings, all_series)
    yield "index.html", render("index.html", pages=pages, months=_months(pages), root="", series=None)
    for series in all_series:
        own = [page for page in pages if page.series == series]
        listing = render("index.html", pages=own, months=_months(own), root="../", series=series)
        yield f"{series}/index.html", listing
        for newer, page, older in zip([None, *own], own, [*own[1:], None], strict=False):
            html = render("episode.html", page=page, newer=newer, older=older, root="../../", series=series)
            yield f"{page.address}/index.html", html


def _months(pages: Sequence[Page]) -> list[tuple[str, list[Page]]]:
    return [(name, list(group)) for name, group in groupby(pages, lambda page: f"{page.date:%B %Y}")]


def _renderer(settings: SiteSettings, all_series: Sequence[str]) -> Callable[..., bytes]:
    folder = template_folder("site")
    script = (folder / "site.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shared = {
        "settings": settings,
        "all_series": all_series,
        "style": Markup((folder / "site.css").read_text("utf-8")),
        "script": Markup(script),
        "script_hash": f"sha256-{digest}",
    }
    templates = environment()
    return lambda name, **values: templates.get_template(name).render(shared, **values).encode()


def environment() -> Environment:
    """The site's templates with their filters. A name that a template misspells is an error."""
    templates = Environment(
        loader=FileSystemLoader(template_folder("site")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals["counted"] = COUNTED
    templates.filters["day"] = lambda at: f"{at.day} {at:%B %Y}"
    templates.filters["iso"] = _iso
    templates.filters["from_elsewhere"] = _from_elsewhere
    return templates


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _from_elsewhere(html: Markup, address: str) -> Markup:
    """Text of an episode as another page shows it: its numbers lead to the sources on the episode's page."""
    # As a plain string: Markup would escape the quotation marks that are put in.
    linked = str(html).replace('href="#', f'href="{address}/index.html#')
    return Markup(re.sub(r' id="claim-\d+"', "", linked))
