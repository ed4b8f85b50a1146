"""A sensor's memory: JSON in its cursor. What cannot be read is forgotten, as after a reset in the UI."""

import json
from typing import Any


def read_cursor(cursor: str | None) -> dict[str, Any]:
    """The remembered state; empty at the first tick."""
    try:
        state = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def write_cursor(state: dict[str, Any]) -> str:
    """The state as a cursor; the same state is the same text."""
    return json.dumps(state, sort_keys=True, separators=(",", ":"))
