"""What input files looked like at the last look: size and time first, content only where these have changed."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# A tick hashes no more than this; what is left over is hashed by the next.
MOST_BYTES = 512 * 1024**2
MOST_FILES = 200
# A file that was written this recently may not be whole yet.
_SETTLED_S = 2.0


@dataclass(frozen=True, slots=True)
class FileState:
    """One file as it was seen. `sha256` is empty until the content was ever looked at."""

    size_bytes: int
    modified_ns: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """All files as they are known now, and those whose content is new. `left` files wait for the next look."""

    states: Mapping[str, FileState]
    changed: tuple[Path, ...]
    left: int


def first_look(paths: Iterable[Path]) -> dict[str, FileState]:
    """Every file by size and time: taken as known, not read."""
    return {str(path): state for path in paths if (state := _stated(path)) is not None}


def look(paths: Iterable[Path], known: Mapping[str, FileState]) -> Look:
    """Compare files with what is known of them. A file that was only touched is not changed, nor one that went away
    and came back: what is not found stays known."""
    states = dict(known)
    changed: list[Path] = []
    budget, left = MOST_BYTES, 0
    for path in paths:
        before, now = known.get(str(path)), _stated(path)
        if now is None:
            continue
        if before and (before.size_bytes, before.modified_ns) == (now.size_bytes, now.modified_ns):
            continue
        has_time = len(changed) < MOST_FILES and (budget >= now.size_bytes or budget == MOST_BYTES)
        content = _content(path, now) if has_time and _is_settled(now) else None
        if content is None:
            left += 1
            continue
        budget -= now.size_bytes
        states[str(path)] = content
        if before is None or before.sha256 != content.sha256:
            changed.append(path)
    return Look(states, tuple(changed), left)


def _stated(path: Path) -> FileState | None:
    """Size and time; None for a file that went away."""
    try:
        status = path.stat()
    except OSError:
        return None
    return FileState(status.st_size, status.st_mtime_ns)


def _is_settled(state: FileState) -> bool:
    return not 0 <= time.time() - state.modified_ns / 1e9 < _SETTLED_S


def _content(path: Path, state: FileState) -> FileState | None:
    """The state with its hash; None when the file cannot be read, or not now."""
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
    return FileState(state.size_bytes, state.modified_ns, sha256)


class FileStates:
    """Looks kept in a folder, each under the hash of its content.

    A sensor's cursor names one of them, so that look and cursor move together: a tick that dies in between has left
    the old look in place. Lost looks cost one more first look, no data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, version: str) -> dict[str, FileState] | None:
        """The look of that version; None when it is lost."""
        try:
            kept = json.loads(self._file(version).read_text(encoding="utf-8"))
            return {path: FileState(*state) for path, state in kept.items()}
        except (OSError, ValueError, TypeError):
            return None

    def save(self, states: Mapping[str, FileState], earlier: str) -> str:
        """Keep a look; every other than this and the earlier one is removed. Returns its version."""
        kept = {path: (one.size_bytes, one.modified_ns, one.sha256) for path, one in sorted(states.items())}
        text = json.dumps(kept)
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._file(version).exists():
            draft = self._folder / f".{version}.draft"
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._file(version))
        for file in self._folder.glob("*.json"):
            if file.stem not in (version, earlier):
                file.unlink(missing_ok=True)
        return version

    def _file(self, version: str) -> Path:
        return self._folder / f"{version}.json"
