"""A site is a pure function of its episodes: whole, and the same bytes every time."""

import json
from pathlib import Path
from xml.etree import ElementTree

from muse_resources.site.build import build_site
from muse_resources.site.model import SiteBuild
from tests.resources.site.building import COMMIT, SETTINGS, build, files_in
from tests.site_samples import sample_episodes


def test_site_has_the_expected_files(tmp_path: Path) -> None:
    """Pages, ledgers, charts with their data, feed and build record, and nothing else."""
    built = build(tmp_path / "site")
    episodes = [f"{episode.series}/ep-{episode.number:03d}" for episode in sample_episodes()]
    own = {f"{episode}/{name}" for episode in episodes for name in ("index.html", "claims.json", "f1.svg", "f1.csv")}
    lists = {"index.html", "banterpacks/index.html", "chimera/index.html", "feed.xml", "build.json"}
    assert set(files_in(tmp_path / "site")) == own | lists
    assert built == SiteBuild(pages=9, changed=29)


def test_building_again_changes_nothing(tmp_path: Path) -> None:
    """Same episodes, same bytes: no build time, no order of files or dictionaries gets in."""
    build(tmp_path / "one")
    build_site(list(reversed(sample_episodes())), SETTINGS, tmp_path / "two", commit_sha=COMMIT)
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
    assert build(tmp_path / "one").changed == 0


def test_another_commit_changes_only_the_build_record(tmp_path: Path) -> None:
    """Pages do not change with a commit that does not concern them."""
    build(tmp_path / "site")
    assert build_site(sample_episodes(), SETTINGS, tmp_path / "site", commit_sha="d" * 40).changed == 1
    record = json.loads((tmp_path / "site/build.json").read_text())
    assert record["commit_sha"] == "d" * 40
    assert set(record["files"]) == set(files_in(tmp_path / "site")) - {"build.json"}


def test_a_withdrawn_episode_is_gone(tmp_path: Path) -> None:
    """The folder holds exactly the episodes given, nothing from before."""
    build(tmp_path / "site")
    build(tmp_path / "site", *sample_episodes()[1:])
    assert not (tmp_path / "site/banterpacks/ep-001").exists()


def test_no_episodes_make_a_site_that_says_so(tmp_path: Path) -> None:
    """The first day of a blog is no error."""
    assert build_site([], SETTINGS, tmp_path / "site", commit_sha=COMMIT).pages == 1
    assert "No episode has been published yet." in (tmp_path / "site/index.html").read_text()
    ElementTree.parse(tmp_path / "site/feed.xml")
