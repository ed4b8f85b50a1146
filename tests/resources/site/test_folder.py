"""The folder changes in one step, and only if it is a site."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from muse_resources.site import folder as site_folder
from muse_resources.site.model import SiteError
from tests.resources.site.building import build, files_in
from tests.site_samples import sample_episodes


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    """A wrong path costs an error, not somebody's files."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SiteError, match="other files than a site"):
        build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_without_atomic_exchange_the_site_is_still_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File systems that cannot exchange folders get two renames."""
    monkeypatch.setattr(site_folder, "_exchange", lambda one, two: False)
    build(tmp_path / "site")
    build(tmp_path / "site", *sample_episodes()[:2])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]
    assert not (tmp_path / "site/chimera").exists()


def test_an_interrupted_replacement_is_mended(tmp_path: Path) -> None:
    """A kill between the two renames leaves the old site aside; the next build starts from it."""
    build(tmp_path / "site")
    (tmp_path / "site").rename(tmp_path / ".site.replaced")
    (tmp_path / ".site.building-left").mkdir()
    assert build(tmp_path / "site").changed == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]


ENDLESS_BUILD = """
import sys
from pathlib import Path
from muse_resources.site.build import build_site
from muse_resources.site.model import SiteSettings
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
    root = Path(__file__).parents[3]
    for delay in (0.0, 0.013, 0.031, 0.057):
        command = [sys.executable, "-c", ENDLESS_BUILD, str(tmp_path / "site")]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, env=os.environ) as running:
            assert running.stdout
            running.stdout.readline()
            running.stdout.readline()
            time.sleep(delay)
            running.send_signal(signal.SIGKILL)
        assert _is_whole(files_in(tmp_path / "site"))
