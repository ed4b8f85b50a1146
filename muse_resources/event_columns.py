"""The mapping of an event format as SQL over one parsed line.

A line is parsed once, by `JSONExtract` into a named tuple of all mapped fields: as fast as the engine's own reader of
JSON lines, and a line that is no JSON gives empty fields instead of ending the load.

A field states a text, a number or a boolean; an object or a list states nothing. The engine would fill a tuple from a
list by position: so every inner tuple begins with a member that only the first item of a list can fill. An item that is
null leaves it empty: where a line holds such a list, the engine is asked for what the field is.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from muse_domain.event_formats.event_format import EventFields, path_parts
from muse_domain.ports import EventColumns

_LATENCY_DIVISOR = {"ns": 1e6, "us": 1e3, "ms": 1.0, "s": 1e-3}
_FIELDS = ("ts", "event_type", "event_id", "session", "actor", "commit", "latency", "user_agent")

# Fields whose text the statement itself holds to a form that no object and no list has: they need no look for one.
_STRICT = {"ts", "commit", "latency"}

_LIST_ITEM = "`(item of a list)`"
# The line, if some list in it may begin with null: to look for that costs far less than to parse again, and to look for
# any list at all less still.
_NULL_LISTS = (
    r"if(position(line, '[') > 0, if(multiSearchAny(line, ['[null', '[ ', '[\t', '[\r', '[\n']), line, ''), '')"
)

# A mapped field, and those below it: a field that holds others may be mapped itself as well.
_Tree = dict[str, "_Tree"]


def event_columns(fields: EventFields, hash_key: str | None) -> EventColumns:
    """Expressions for `load_events.sql` and what they are bound to. `hash_key` keys the hash of sessions (SipHash)."""
    paths = [*(path for name in _FIELDS for path in getattr(fields, name)), *fields.metadata]
    tree = _tree(path_parts(path) for path in paths)
    expressions = {name: _first_stated(tree, getattr(fields, name), name in _STRICT) for name in _FIELDS}
    expressions["null_lists"] = _NULL_LISTS
    pairs = ", ".join(f"{_text(path)}, {_stated(tree, path_parts(path))}" for path in fields.metadata)
    expressions["metadata"] = f"CAST(map({pairs}), 'Map(String, String)')"
    key = hashlib.sha256(f"muse sessions {hash_key or ''}".encode()).digest()
    parameters: dict[str, Any] = {
        "shape": _shape(tree),
        "hash_key_1": int.from_bytes(key[:8], "little"),
        "hash_key_2": int.from_bytes(key[8:16], "little"),
        "latency_divisor": _LATENCY_DIVISOR[fields.latency_unit],
    }
    return EventColumns(expressions, parameters)


def _tree(paths: Iterable[tuple[str, ...]]) -> _Tree:
    tree: _Tree = {}
    whole = dict.fromkeys(paths)
    for path in whole:
        below = tree
        for depth, segment in enumerate(path, start=1):
            below = below.setdefault(segment, {})
            if path[:depth] in whole:
                # Mapped itself, so it is read as text; what lies below it is taken from that text.
                break
    return tree


def _shape(tree: _Tree) -> str:
    return f"Tuple({_members(tree) or 'nothing String'})"


def _members(tree: _Tree) -> str:
    inner = f"Tuple({_LIST_ITEM} Nullable(String), "
    return ", ".join(
        f"{_identifier(name)} {f'{inner}{_members(below)})' if below else 'String'}" for name, below in tree.items()
    )


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _first_stated(tree: _Tree, paths: Sequence[str], is_strict: bool) -> str:
    # Of several paths, one that holds an object gives way to the next.
    stated = [_stated(tree, path_parts(path), any_text=is_strict and len(paths) == 1) for path in paths]
    if not stated:
        return "''"
    *earlier, last = stated
    choices = "".join(f"{expression} != '', {expression}, " for expression in earlier)
    return f"multiIf({choices}{last})" if earlier else last


def _stated(tree: _Tree, path: tuple[str, ...], *, any_text: bool = False) -> str:
    """The text of a field, '' where it is an object or a list; with `any_text` the text of these as well."""
    field, below, conditions = "event", tree, []
    for depth, segment in enumerate(path, start=1):
        below = below[segment]
        field += f".{_identifier(segment)}"
        if not below:
            names = "".join(f", {_text(name)}" for name in path[depth:])
            field = f"JSONExtract({field}{names}, 'String')" if names else field
            break
        names = ", ".join(_text(name) for name in path[:depth])
        conditions.append(f"isNull({field}.{_LIST_ITEM})")
        conditions.append(f"(null_lists = '' OR JSONType(null_lists, {names}) != 'Array')")
    if not any_text:
        conditions.append(f"NOT ((startsWith({field}, '{{') OR startsWith({field}, '[')) AND isValidJSON({field}))")
    return f"if({' AND '.join(conditions)}, {field}, '')" if conditions else field
