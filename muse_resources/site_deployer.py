"""The deployer that needs no account: the blog's published posts as a static site in a folder."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

from muse_domain.ports import Deployment, Publisher
from muse_resources.git_publisher import LocalGitPublisher
from muse_resources.site.build import build_site
from muse_resources.site.model import PublishedEpisode, SiteSettings

_POST = re.compile(r"(?P<stem>.*posts/(?P<series>[a-z0-9_-]+)/ep-(?P<number>\d+))\.md$")


class StaticSiteDeployer:
    """Builds the site of one blog commit, read from git: the work tree may hold anything."""

    def __init__(self, blog: LocalGitPublisher, settings: SiteSettings, folder: Path) -> None:
        self._blog = blog
        self._settings = settings
        self._folder = folder

    def deploy(self, commit_sha: str) -> Deployment:
        """Build and swap in the pages. Raises SiteError naming the episode that cannot be shown."""
        started = time.perf_counter()
        episodes = published_episodes(self._blog, commit_sha)
        build = build_site(episodes, self._settings, self._folder, commit_sha=commit_sha)
        return Deployment(
            deployment_id=f"static-{commit_sha[:12]}",
            commit_sha=commit_sha,
            status="ready",
            build_time_ms=(time.perf_counter() - started) * 1000.0,
            url=(self._folder / "index.html").as_uri(),
            pages=build.pages,
            changed=build.changed,
        )


def published_episodes(blog: Publisher, commit_sha: str) -> list[PublishedEpisode]:
    """Every episode in Muse's format at that commit, with ledger, charts and their data; other posts are left alone."""
    paths = blog.list_files(commit_sha)
    posts = {match["stem"]: match for match in (_POST.match(path) for path in paths) if match}
    with_ledger = [stem for stem in posts if f"{stem}.claims.json" in paths]
    own = {stem: [f"{stem}.md", f"{stem}.claims.json", *_beside(stem, paths)] for stem in with_ledger}
    texts = blog.read_files(commit_sha, [path for files in own.values() for path in files])
    return [
        PublishedEpisode(
            series=posts[stem]["series"],
            number=int(posts[stem]["number"]),
            markdown=texts[f"{stem}.md"],
            ledger=json.loads(texts[f"{stem}.claims.json"]),
            charts=_named(own[stem], texts, ".svg"),
            tables=_named(own[stem], texts, ".csv"),
        )
        for stem in with_ledger
    ]


def _beside(stem: str, paths: list[str]) -> list[str]:
    """The charts of an episode, and the tables with their data."""
    return [path for path in paths if path.startswith(f"{stem}/") and path.endswith((".svg", ".csv"))]


def _named(paths: list[str], texts: Mapping[str, str], ending: str) -> dict[str, str]:
    return {path.rsplit("/", 1)[1]: texts[path] for path in paths if path.endswith(ending)}
