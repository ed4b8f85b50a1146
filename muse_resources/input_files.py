"""Input files on disk: found by pattern, with everything that could not be looked into told."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Generic, TypeVar

from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.measurements import Refusal
from muse_domain.ports import StoredObject
from muse_domain.settings import EventSource, ReportSource

Source = TypeVar("Source", ReportSource, EventSource)


@dataclass(frozen=True, slots=True)
class InputFile(Generic[Source]):
    """One file that a source names: where it is, how Muse shows it, and its size and time when it was found.

    `stored` is set for an object of a store: it has no path that could be opened.
    """

    path: Path
    shown: str
    source: Source
    size_bytes: int
    modified_ns: int
    stored: StoredObject | None = None


@dataclass(slots=True)
class Listing(Generic[Source]):
    """All files of all sources; `blocked` maps the shown path of what could not be looked into to the reason."""

    files: dict[str, InputFile[Source]] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)


def list_inputs(
    folder: Path, sources: Iterable[Source], list_objects: Callable[[str], list[StoredObject]]
) -> Listing[Source]:
    """Every file that the sources match. One that two sources match belongs to the first."""
    listing: Listing[Source] = Listing()
    seen: set[tuple[int, int]] = set()
    for source in sources:
        if is_remote(source.files):
            _add_objects(listing, source, list_objects)
            continue
        for path, error in _matches(*_absolute(folder, source.files)):
            shown = shown_path(folder, path)
            if error:
                listing.blocked[shown] = f"cannot be looked into: {error.strerror}."
            else:
                _add(listing, path, shown, source, seen)
    return listing


def find_files(folder: Path, pattern: str) -> Iterator[Path]:
    """Regular files that match a pattern, relative to `folder` or absolute, in a stable order."""
    return (path for path, error in _matches(*_absolute(folder, pattern)) if error is None)


def shown_path(folder: Path, path: Path) -> str:
    """Relative to the workspace where possible; never the name of a home folder."""
    within = path_within(folder, path)
    return storable(f"{path.parent.name}/{path.name}" if within is None else within)


def path_within(folder: Path, path: Path) -> str | None:
    """The path from `folder` on, None where it lies elsewhere: relative_to takes several times as long."""
    if path == folder:
        return "."
    beginning = f"{folder.as_posix().rstrip('/')}/"
    whole = path.as_posix()
    return whole.removeprefix(beginning) if whole.startswith(beginning) else None


def storable(name: str) -> str:
    """A file's name as text that can be stored: bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(name).decode("utf-8", "replace")


def unreadable(reason: str) -> Refusal:
    """The dead letter of what could not be opened."""
    return Refusal("", reason, "Mend it, or leave it out of `files`.")


def is_remote(pattern: str) -> bool:
    """Whether a source's `files` are objects of a store."""
    return pattern.startswith("s3://")


def _add_objects(listing: Listing[Source], source: Source, list_objects: Callable[[str], list[StoredObject]]) -> None:
    try:
        for one in list_objects(source.files):
            file = InputFile(Path(one.url), one.url, source, one.size_bytes, one.modified_ns, one)
            listing.files.setdefault(one.url, file)
    except (TransientFailure, PermanentFailure) as error:
        # A store that does not answer is not an empty store.
        listing.blocked[source.files] = f"cannot be listed: {error}."


def _add(listing: Listing[Source], path: Path, shown: str, source: Source, seen: set[tuple[int, int]]) -> None:
    try:
        status = path.stat()
    except OSError as error:
        listing.blocked[shown] = f"cannot be read: {error.strerror}."
        return
    # By device and inode, which links of either kind share: resolving thousands of paths takes seconds.
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return
    seen.add(identity)
    # Two files outside of the workspace may be shown alike: the second is told apart by a number.
    name, number = shown, 2
    while name in listing.files:
        name, number = f"{shown} ({number})", number + 1
    listing.files[name] = InputFile(path, name, source, status.st_size, status.st_mtime_ns)


def _absolute(folder: Path, pattern: str) -> tuple[Path, tuple[str, ...]]:
    whole = Path(pattern)
    with suppress(RuntimeError):  # a name that begins with a tilde and is nobody's
        whole = whole.expanduser()
    if whole.name == "**":  # files, however deep
        whole = whole / "*"
    if whole.is_absolute():
        return Path(whole.anchor), whole.parts[1:]
    return folder, whole.parts


def _matches(folder: Path, parts: tuple[str, ...]) -> Iterator[tuple[Path, OSError | None]]:
    """Files under `folder`, and what could not be looked into with its error.

    `**` is any number of folders. Links to folders are followed where they are named, not below `**`: a loop of links
    has an end.
    """
    if not parts:
        return
    first, rest = parts[0], parts[1:]
    if not any(sign in first for sign in "*?["):
        yield from _named(folder / first, rest)
        return
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        yield folder, error
        return
    if first == "**":
        yield from _matches(folder, rest)
        folders = (entry for entry in entries if entry.is_dir(follow_symlinks=False))
        for entry in folders:
            yield from _matches(Path(entry.path), parts)
    else:
        for entry in entries:
            if fnmatchcase(entry.name, first):
                yield from _named(Path(entry.path), rest)


def _named(path: Path, rest: tuple[str, ...]) -> Iterator[tuple[Path, OSError | None]]:
    try:
        if rest and path.is_dir():
            yield from _matches(path, rest)
        elif not rest and path.is_file():
            yield path, None
    except OSError as error:
        yield path, error
