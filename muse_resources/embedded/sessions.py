"""Sessions: handles that outlive a request, with their temporary tables and settings, until they expire."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from muse_resources.embedded.engine import (
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    Engine,
    EngineError,
    Handle,
    quoted,
)

DEFAULT_TIMEOUT_S = 60.0
LONGEST_TIMEOUT_S = 3600.0


@dataclass
class _Session:
    handle: Handle
    busy: threading.Lock = field(default_factory=threading.Lock)
    expires_at_s: float = 0.0


class Sessions:
    """All sessions of an engine by their id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[str, _Session] = {}
        self._guard = threading.Lock()

    @contextmanager
    def use(self, session_id: str, *, timeout_s: float, must_exist: bool) -> Iterator[Handle]:
        """The session's handle for one request. Raises EngineError 372 if it must exist and does not, 373 if
        busy.
        """
        with self._guard:
            session = self._sessions.get(session_id)
            if session is None:
                if must_exist:
                    raise EngineError.raised_here(SESSION_NOT_FOUND, "SESSION_NOT_FOUND", "Session not found")
                session = self._sessions[session_id] = _Session(self._engine.new_handle())
            if not session.busy.acquire(blocking=False):
                raise EngineError.raised_here(
                    SESSION_IS_LOCKED,
                    "SESSION_IS_LOCKED",
                    f"Session {session_id} is locked by a concurrent client",
                )
        try:
            yield session.handle
        finally:
            session.expires_at_s = time.monotonic() + min(timeout_s, LONGEST_TIMEOUT_S)
            session.busy.release()

    def close_expired(self, *, now_s: float | None = None) -> None:
        """Closes the sessions that nobody used for their timeout; with ``now_s`` infinite, all idle ones."""
        now_s = time.monotonic() if now_s is None else now_s
        with self._guard:
            for session_id, session in list(self._sessions.items()):
                if session.busy.acquire(blocking=False):
                    if session.expires_at_s <= now_s:
                        del self._sessions[session_id]
                        session.handle.close()
                    else:
                        session.busy.release()


@contextmanager
def settings_of_one_request(handle: Handle, database: str, settings: Mapping[str, str]) -> Iterator[None]:
    """On a session's handle: applies what came with one request, and restores what the session had before."""
    before = _changed_settings(handle, settings)
    database_before = handle.lines("SELECT currentDatabase() AS name")[0]["name"] if database else ""
    try:
        handle.set(settings)
        if database:
            handle.use(database)
        yield
    finally:
        for name in settings:
            value = quoted(before[name]) if name in before else "DEFAULT"
            with contextlib.suppress(EngineError):  # a name that the engine has already refused
                handle.query(f"SET {name} = {value}".encode(), "TabSeparated")
        if database:
            handle.use(database_before)


def _changed_settings(handle: Handle, settings: Mapping[str, str]) -> dict[str, str]:
    if not settings:
        return {}
    names = ", ".join(quoted(name) for name in settings)
    rows = handle.lines(f"SELECT name, value FROM system.settings WHERE changed AND name IN ({names})")
    return {row["name"]: row["value"] for row in rows}
