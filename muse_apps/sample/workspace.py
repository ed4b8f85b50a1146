"""Puts the sample workspace in its folder: whole or not at all, and the same everywhere.

The sample owns `muse.toml`, `sources/`, `reports/`, `events/` and `truth.json`. The warehouse, the blog,
the site and Dagster's own folder lie beside them and are never touched.
"""

import shutil
import tempfile
import tomllib
from pathlib import Path

from filelock import FileLock

from muse_apps.sample.commits import write_repository
from muse_apps.sample.events import write_events
from muse_apps.sample.plan import SAMPLE_VERSION
from muse_apps.sample.planted import planted_truth
from muse_apps.sample.reports import write_reports
from muse_apps.sample.truth import TRUTH_FILE, SampleTruth, read_truth, write_truth
from muse_resources.templates import template_folder

SETTINGS_FILE = "muse.toml"
# muse.toml goes in first, because it says that the folder is a sample; the truth goes in last, because it
# says that all the rest is there.
OWNED = (SETTINGS_FILE, "sources", "reports", "events", TRUTH_FILE)


class SampleFolderTaken(Exception):
    """The folder holds a workspace that is not the sample."""


def build_sample_workspace(folder: Path) -> SampleTruth:
    """Write the sample workspace and return what was planted in it.

    A complete one of this version is left as it is. Killed at any moment, or run twice at once, it leaves
    no half-written file, and the next call completes it. Raises SampleFolderTaken for a folder with a
    workspace of one's own.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.sample.lock"):
        truth = _complete_truth(folder)
        if truth is not None:
            return truth
        _refuse_a_folder_of_ones_own(folder)
        _remove_leftovers(folder)
        with tempfile.TemporaryDirectory(prefix=_building(folder), dir=folder.parent) as workbench:
            new = Path(workbench) / "new"
            truth = _write_all(new)
            put_in_place(new, folder, aside=Path(workbench) / "old")
        return truth


def put_in_place(new: Path, folder: Path, aside: Path) -> None:
    """Rename the entries of `new` into `folder`, and those they replace into `aside`."""
    if not folder.exists():
        new.rename(folder)
        return
    aside.mkdir()
    (folder / TRUTH_FILE).unlink(missing_ok=True)
    for name in OWNED:
        if (folder / name).is_dir():
            (folder / name).rename(aside / name)
        (new / name).replace(folder / name)


def _complete_truth(folder: Path) -> SampleTruth | None:
    truth = read_truth(folder)
    is_complete = truth and truth.version == SAMPLE_VERSION and all((folder / name).exists() for name in OWNED)
    return truth if is_complete else None


def _refuse_a_folder_of_ones_own(folder: Path) -> None:
    if not any((folder / name).exists() for name in OWNED) or _is_sample(folder / SETTINGS_FILE):
        return
    raise SampleFolderTaken(
        f"{folder} holds files that are not Muse's sample: choose another folder, or move {', '.join(OWNED)} out of it"
    )


def _is_sample(settings: Path) -> bool:
    try:
        decoded = tomllib.loads(settings.read_text("utf-8"))
    except (FileNotFoundError, tomllib.TOMLDecodeError):
        return False
    section = decoded.get("muse")
    return isinstance(section, dict) and section.get("sample") is True


def _building(folder: Path) -> str:
    return f".{folder.name}.building-"


def _remove_leftovers(folder: Path) -> None:
    # Those of builds that were killed: the lock says that nobody is building now.
    for leftover in folder.parent.glob(f"{_building(folder)}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _write_all(workspace: Path) -> SampleTruth:
    workspace.mkdir()
    (workspace / SETTINGS_FILE).write_bytes((template_folder("sample") / SETTINGS_FILE).read_bytes())
    hearts = write_repository(workspace / "sources" / "hearts", "hearts")
    packs = write_repository(workspace / "sources" / "packs", "packs")
    refused_reports = write_reports(workspace, hearts)
    events, bad_lines = write_events(workspace, packs)
    truth = planted_truth(hearts, packs, events, (*refused_reports, *bad_lines))
    write_truth(workspace, truth)
    return truth
