"""A copy of a workspace's warehouse and of Dagster's state in one file: made whole or not at all, and put back so.

The file is a compressed tar whose last member says what it holds, with a hash of each member: a file that was cut off
has none. It is read through and compared before anything of the workspace is touched. Restoring unpacks beside the old
folders, then writes down which folders change places (`JOURNAL`), and lets them: killed before that line, the old ones
stay; killed after it, whatever opens the workspace next ends what was begun.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from filelock import Timeout, UnixFileLock

from muse_domain.failures import PermanentFailure
from muse_resources.embedded.connect import OwnerError, stop_owner
from muse_resources.embedded.lease import OwnerFiles

MANIFEST = "manifest.json"
FORMAT = 1
JOURNAL = "restore.json"
_NEW, _OLD = ".restoring", ".replaced"
_NOT_STATE = ("-wal", "-shm", "-journal", ".lock")
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: a hash by member, and of which workspace it was when."""

    format: int
    made_at: str
    title: str
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StateFolders:
    """The two folders that a workspace cannot do without, and where it notes a restore that is under way."""

    warehouse: Path
    dagster: Path

    def __post_init__(self) -> None:
        if self.warehouse.is_relative_to(self.dagster) or self.dagster.is_relative_to(self.warehouse):
            raise PermanentFailure(
                "warehouse.folder and dagster.home lie in each other: move one of them out to back them up"
            )

    @property
    def by_name(self) -> dict[str, Path]:
        """The folders by their name in a backup."""
        return {"warehouse": self.warehouse, "dagster": self.dagster}

    @property
    def journal(self) -> Path:
        """Names the restore that is under way; there is none otherwise."""
        return self.dagster.with_name(JOURNAL)


def write_backup(folders: StateFolders, settings_file: Path, title: str, now: datetime, file: Path) -> Manifest:
    """Copy both folders into `file`, which appears when it is whole. The warehouse stands still meanwhile.

    Nobody else's statement is cut: those under way end first, and those that come wait for the copy.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # readable by this user only
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as archive:
            hashes: dict[str, str] = {}
            _add(archive, hashes, settings_file.name, settings_file)
            with warehouse_at_rest(folders.warehouse):
                _add_folder(archive, hashes, "warehouse", folders.warehouse)
            _add_dagster(archive, hashes, folders.dagster)
            manifest = Manifest(FORMAT, now.isoformat(), title, hashes)
            _add_text(archive, MANIFEST, json.dumps(asdict(manifest), indent=1))
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def read_backup(file: Path) -> Manifest:
    """Read a backup to its end and compare every hash. Raises PermanentFailure when it is not whole."""
    found: dict[str, str] = {}
    stated: Manifest | None = None
    try:
        with tarfile.open(file, "r:gz") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if member.name == MANIFEST and content:
                    stated = Manifest(**json.loads(content.read()))
                elif content:
                    found[member.name] = _sha256(content)
                elif member.issym():
                    found[member.name] = hashlib.sha256(member.linkname.encode()).hexdigest()
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, TypeError) as error:
        raise PermanentFailure(f"{file} is not a whole backup of Muse ({error}): take another one") from error
    if stated is None or stated.format != FORMAT:
        raise PermanentFailure(
            f"{file} is not a whole backup of Muse (it has no {MANIFEST} of format {FORMAT}): take another one"
        )
    if found != stated.sha256:
        changed = sorted(name for name in {*found, *stated.sha256} if found.get(name) != stated.sha256.get(name))
        raise PermanentFailure(f"{file} was changed after it was made ({changed[0]} is another): take another one")
    return stated


def restore_backup(folders: StateFolders, file: Path, *, replace: bool) -> Manifest:
    """Put the folders back as they were: both, or neither. Raises PermanentFailure before anything is touched."""
    manifest = read_backup(file)
    present = [str(folder) for folder in folders.by_name.values() if folder.exists() and any(folder.iterdir())]
    if present and not replace:
        raise PermanentFailure(f"{' and '.join(present)} would be overwritten: say --replace if that is meant")
    try:
        _unpack(folders, file)
    except BaseException:
        _remove(folders, _NEW)
        raise
    with warehouse_at_rest(folders.warehouse):
        _write_durably(folders.journal, json.dumps({"backup": str(file), "made_at": manifest.made_at}))
        _change_places(folders)
    return manifest


def finish_restore(folders: StateFolders) -> bool:
    """End a restore that was cut off after its decision; whether there was one."""
    if not folders.journal.exists():
        return False
    with warehouse_at_rest(folders.warehouse):
        if folders.journal.exists():
            _change_places(folders)
    return True


@contextlib.contextmanager
def warehouse_at_rest(folder: Path) -> Iterator[None]:
    """The embedded engine is closed and nobody can open it until the end of the block. Raises PermanentFailure."""
    files = OwnerFiles.of(folder)
    is_new = not folder.exists()
    files.create()
    try:
        with files.spawn_lock(_PATIENCE_S):
            stop_owner(folder)
            with files.life_lock().acquire(timeout=_PATIENCE_S):
                yield
    except (Timeout, OwnerError) as error:
        raise PermanentFailure(f"the warehouse in {folder} is busy: wait for its queries, or end them") from error
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # it is not empty any more
                folder.rmdir()


@contextlib.contextmanager
def exclusive(lock: Path, refusal: str) -> Iterator[None]:
    """Hold a lock of the kernel's, which a killed process loses. Raises PermanentFailure when another holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with UnixFileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise PermanentFailure(refusal) from error


def _add_folder(archive: tarfile.TarFile, hashes: dict[str, str], name: str, folder: Path) -> None:
    archive.add(folder, name, recursive=False)
    for path in sorted(folder.rglob("*")):
        _add(archive, hashes, f"{name}/{path.relative_to(folder)}", path)


def _add(archive: tarfile.TarFile, hashes: dict[str, str], name: str, path: Path) -> None:
    if path.is_symlink():
        hashes[name] = hashlib.sha256(str(path.readlink()).encode()).hexdigest()
    elif path.is_file():
        with path.open("rb") as content:
            hashes[name] = _sha256(content)
    archive.add(path, name, recursive=False)


def _sha256(content: IO[bytes]) -> str:
    running = hashlib.sha256()
    while block := content.read(1 << 20):
        running.update(block)
    return running.hexdigest()


def _add_dagster(archive: tarfile.TarFile, hashes: dict[str, str], folder: Path) -> None:
    """From copies, since the daemon writes meanwhile: of SQLite's files by its own backup, or they would be torn."""
    folder.mkdir(parents=True, exist_ok=True)
    archive.add(folder, "dagster", recursive=False)
    for path in sorted(folder.rglob("*")):
        name = f"dagster/{path.relative_to(folder)}"
        if path.is_dir():
            archive.add(path, name, recursive=False)
        elif not path.name.endswith(_NOT_STATE):
            with tempfile.TemporaryDirectory() as aside:
                _add(archive, hashes, name, _copy_of(path, Path(aside) / path.name))


def _copy_of(path: Path, copy: Path) -> Path:
    if path.suffix != ".db":
        return Path(shutil.copy2(path, copy))
    with (
        contextlib.closing(sqlite3.connect(path, timeout=30)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _unpack(folders: StateFolders, file: Path) -> None:
    _remove(folders, _NEW)
    for folder in folders.by_name.values():
        _beside(folder, _NEW).mkdir(parents=True)
    with tarfile.open(file, "r:gz") as archive:
        for member in archive:
            root, _, rest = member.name.partition("/")
            if root in folders.by_name and rest:
                member.name = rest
                archive.extract(member, _beside(folders.by_name[root], _NEW), filter="data")
    os.sync()  # what takes the old folders' place must be on the disk before they go


def _change_places(folders: StateFolders) -> None:
    """Each step may have been done already."""
    for folder in folders.by_name.values():
        new, old = _beside(folder, _NEW), _beside(folder, _OLD)
        if new.exists():
            if folder.exists():
                shutil.rmtree(old, ignore_errors=True)
                folder.rename(old)
            new.rename(folder)
    folders.journal.unlink()
    _remove(folders, _OLD)


def _remove(folders: StateFolders, mark: str) -> None:
    for folder in folders.by_name.values():
        shutil.rmtree(_beside(folder, mark), ignore_errors=True)


def _beside(folder: Path, mark: str) -> Path:
    return folder.with_name(folder.name + mark)


def _write_durably(file: Path, text: str) -> None:
    draft = file.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as content:
        content.write(text)
        content.flush()
        os.fsync(content.fileno())
    draft.replace(file)
