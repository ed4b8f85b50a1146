"""Builds the site of a set of episodes.

Every claim of an episode becomes a link to its source (value, query, rows, row hash), so the chain from
a number to its rows also works without JavaScript; the page's script only shows the same source beside
the number. Pages carry their style and script within, ask nothing of the network, and link relatively,
so that the folder works from a disk as it does behind a web server.

Nothing here reads a clock: the same episodes are always the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from muse_resources.site.feed import feed
from muse_resources.site.folder import replace_site
from muse_resources.site.model import PublishedEpisode, SiteBuild, SiteSettings
from muse_resources.site.pages import html_files
from muse_resources.site.reading import read_episodes


def build_site(
    episodes: Sequence[PublishedEpisode], settings: SiteSettings, folder: Path, *, commit_sha: str
) -> SiteBuild:
    """Builds all pages and puts them in `folder` in one step; a build that changes nothing writes nothing.

    `commit_sha` (the commit of the blog's repository that the site shows) stands only in `build.json`, so
    pages change only when their content does. Raises SiteError before anything is written.
    """
    files = _site_files(episodes, settings, commit_sha)
    pages = sum(name.endswith(".html") for name in files)
    return SiteBuild(pages=pages, changed=replace_site(folder, files))


def _site_files(episodes: Sequence[PublishedEpisode], settings: SiteSettings, commit_sha: str) -> dict[str, bytes]:
    pages = read_episodes(episodes)
    files = dict(html_files(pages, settings))
    for page in pages:
        files[f"{page.address}/claims.json"] = _json(page.ledger)
        files |= {f"{page.address}/{name}": text.encode() for name, text in {**page.charts, **page.tables}.items()}
    files["feed.xml"] = feed(pages, settings)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    files["build.json"] = _json({"schema": 1, "commit_sha": commit_sha, "files": hashes})
    return files


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
