"""The site's folder: replaced as a whole, in one step where the system can.

The folder belongs to the site: one that holds anything but an earlier build is refused.
"""

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from muse_resources.site.model import SiteError


def replace_site(folder: Path, files: Mapping[str, bytes]) -> int:
    """Makes `folder` hold exactly `files`; returns how many of them were changed, added or removed.

    Killed at any moment, it leaves the old site or the new one. Where nothing changes, nothing is written.
    Raises SiteError for a folder that is no site.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        _restore_interrupted(folder)
        changed = _count_changed(folder, files)
        if changed:
            _replace(folder, files)
    return changed


def _count_changed(folder: Path, files: Mapping[str, bytes]) -> int:
    if not folder.exists():
        return len(files)
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    if present and "build.json" not in present:
        raise SiteError(f"{folder}: holds other files than a site; it would be replaced as a whole")
    written = sum(name not in present or present[name].read_bytes() != data for name, data in files.items())
    return written + len(present.keys() - files.keys())


def _replace(folder: Path, files: Mapping[str, bytes]) -> None:
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.building-", dir=folder.parent))
    building.chmod(0o755)
    for name, content in files.items():
        path = building / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    _swap(building, folder)


def _swap(building: Path, folder: Path) -> None:
    if not folder.exists():
        building.rename(folder)
        return
    if _exchange(building, folder):
        shutil.rmtree(building)
        return
    # No atomic exchange here: two renames, and the next build mends what a kill between them leaves.
    aside = _aside(folder)
    folder.rename(aside)
    building.rename(folder)
    shutil.rmtree(aside)


def _exchange(one: Path, two: Path) -> bool:
    """Exchanges two folders in one step, where the system and its file system can."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        at_cwd, exchange = -100, 2
        arguments = (at_cwd, os.fsencode(one), at_cwd, os.fsencode(two), exchange)
        return bool(library.renameat2(*arguments) == 0)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        swap = 2
        return bool(library.renamex_np(os.fsencode(one), os.fsencode(two), swap) == 0)
    return False


def _aside(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.replaced"


def _restore_interrupted(folder: Path) -> None:
    """Clears what a killed build left. The caller holds the lock, so no other build is at work."""
    aside = _aside(folder)
    if aside.exists() and not folder.exists():
        aside.rename(folder)
    for left in (aside, *folder.parent.glob(f".{folder.name}.building-*")):
        shutil.rmtree(left, ignore_errors=True)
