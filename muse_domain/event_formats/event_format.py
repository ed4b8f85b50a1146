"""What an event format states: which field of its events holds what.

A format is data, not code: the engine reads the files. Where an event is not a JSON object of its own, or where a
column takes more than the first stated of some fields, `unpack` names an expression (`muse_resources/sql/unpack/`)
that makes flat events of a document first; what it adds lies under the key `muse`.

Paths descend with dots (`context.app.version`). A key that itself holds dots is quoted: `attributes."session.id"`;
inside the quotes a backslash keeps a quote or a backslash.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from muse_domain.formats.values import is_object

_SEGMENT = r'"(?:[^"\\]|\\.)+"|[^".]+'
_PATH = re.compile(rf"(?:{_SEGMENT})(?:\.(?:{_SEGMENT}))*")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class EventFields:
    """Paths into one event; the first that states something wins. None at all means never stated.

    Neither '' nor null is a statement. `session` and `actor` are personal: the first is stored as a keyed hash only,
    the second is never stored; it groups events into sessions where no native session exists. `metadata` may name
    harmless facts only, no text that a person wrote.
    """

    ts: tuple[str, ...] = ()
    event_type: tuple[str, ...] = ()
    event_id: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    actor: tuple[str, ...] = ()
    commit: tuple[str, ...] = ()
    latency: tuple[str, ...] = ()
    user_agent: tuple[str, ...] = ()
    latency_unit: Literal["ns", "us", "ms", "s"] = "ms"
    error_types: tuple[str, ...] = ()
    start_types: tuple[str, ...] = ()
    completion_types: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventFormat:
    """One kind of event file. `documentation` is markdown: what maps to which column, what is null and why.

    `unpack` names the expression that turns a document into events, '' when each document is one event already.
    `recognises` is asked about the first document of a file.
    """

    name: str
    title: str
    documentation: str
    fields: EventFields
    unpack: str
    recognises: Callable[[Mapping[str, object]], bool]


def path_parts(path: str) -> tuple[str, ...]:
    """The keys of a path, outermost first. Raises ValueError for an empty key or an unbalanced quote."""
    if not _PATH.fullmatch(path):
        raise ValueError(f'{path!r} is not a path: write a.b, or a."b.c" for a key with a dot')
    return tuple(_key(segment) for segment in re.findall(_SEGMENT, path))


def _key(segment: str) -> str:
    return _ESCAPED.sub(r"\1", segment[1:-1]) if segment.startswith('"') else segment


def stated(document: Mapping[str, object], path: str) -> object:
    """What a document states under a path; None when it states nothing there."""
    value: object = document
    for part in path_parts(path):
        value = value.get(part) if is_object(value) else None
    return None if value == "" else value


def first_event(document: Mapping[str, object], envelope: str) -> Mapping[str, object]:
    """The first object in the list under `envelope`, or the document itself when there is no such list."""
    events = document.get(envelope)
    if not isinstance(events, list):
        return document
    return next((event for event in events if is_object(event)), {})
