"""The Atom feed of all episodes."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from muse_resources.site.model import SiteSettings
from muse_resources.site.pages import environment
from muse_resources.site.reading import Page

NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)


def feed(pages: Sequence[Page], settings: SiteSettings) -> bytes:
    """The feed's XML, its entries in the order of `pages`."""
    base = settings.base_url.rstrip("/")
    template = environment().get_template("feed.xml")
    return template.render(
        settings=settings,
        base=f"{base}/" if base else "",
        feed_id=f"{base}/feed.xml" if base else uuid.uuid5(uuid.NAMESPACE_URL, settings.title).urn,
        updated=max((page.date for page in pages), default=NOTHING_YET),
        entries=[(page, _entry_id(page, base)) for page in pages],
    ).encode()


def _entry_id(page: Page, base: str) -> str:
    """Never changes for an episode: readers show an entry again when its id does."""
    host = urlsplit(base).hostname
    if host:
        return f"tag:{host},{page.date:%Y-%m-%d}:{page.address}"
    # One run can give several series an episode, and ids must differ.
    return uuid.uuid5(page.run_id, page.address).urn
