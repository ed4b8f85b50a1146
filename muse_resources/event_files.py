"""User-interface events: JSON-lines files, mapped by muse.toml and read by the engine."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from muse_domain.settings import EventMapping, EventSource
from muse_resources.report_files import Row, find_files

# A key that no event has: what is not mapped reads as not stated.
_UNMAPPED = '$."(not mapped)"'


def json_path(dotted: str) -> str:
    """`session.id` as the JSONPath `$."session"."id"`; an empty name as a path that matches nothing."""
    if not dotted:
        return _UNMAPPED
    return "$" + "".join('."' + part.replace('"', "") + '"' for part in dotted.split("."))


def event_loads(
    folder: Path, sources: Iterable[EventSource], days: Sequence[date], pepper: str | None
) -> list[tuple[Path, str, dict[str, Any]]]:
    """Every event file with the name of its load and the load's parameters."""
    loads: dict[Path, tuple[Path, str, dict[str, Any]]] = {}
    for source in sources:
        for path in find_files(folder, source.files):
            parameters = _parameters(source.mapping, path.name, days, pepper or "")
            loads.setdefault(path.resolve(), (path, "load_event_lines", parameters))
    return list(loads.values())


def _parameters(mapping: EventMapping, name: str, days: Sequence[date], pepper: str) -> dict[str, Any]:
    return {
        "ts_path": json_path(mapping.ts),
        "event_type_path": json_path(mapping.event_type),
        "event_id_path": json_path(mapping.event_id),
        "session_path": json_path(mapping.session),
        "commit_path": json_path(mapping.commit),
        "latency_path": json_path(mapping.latency_ms),
        "user_agent_path": json_path(mapping.user_agent),
        "metadata_keys": list(mapping.metadata),
        "pepper": pepper,
        "source_path": name,
        "first": min(days),
        "last": max(days),
    }


def inputs_sha256(paths: Iterable[Path]) -> str:
    """A hash over names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            digest.update(f"{path.name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def refused_lines(folder: Path, refused: Sequence[Row]) -> list[Row]:
    """Dead letters of refused lines, each with its line number. Contents are not kept: they may be personal."""
    letters: list[Row] = []
    for path in dict.fromkeys(row["path"] for row in refused):
        wanted = {row["line_sha256"]: row for row in refused if row["path"] == path}
        for number, line in _numbered_lines(path):
            sha256 = hashlib.sha256(line).hexdigest().upper()
            if sha256 in wanted:
                letters.append(_letter(folder, path, number, wanted[sha256]))
    return letters


def _numbered_lines(path: Path) -> Iterable[tuple[int, bytes]]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            # The engine splits at the newline alone: a carriage return is part of the line that it hashed.
            yield number, line.removesuffix(b"\n")


def _letter(folder: Path, path: Path, number: int, row: Row) -> Row:
    shown = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
    return {
        "source": "ui_events",
        "ts": datetime.fromtimestamp(path.stat().st_mtime, UTC),
        "operation": "ingest",
        "source_path": shown,
        "source_sha256": row["line_sha256"].lower(),
        "item": f"line {number}",
        "size_bytes": row["size_bytes"],
        "error_type": "refused_line",
        "error": f"{row['reason']}.",
        "remedy": "Mend the line, or the events mapping in muse.toml.",
    }
