"""The process that owns one warehouse folder: opens the engine once, serves it on 127.0.0.1, ends when idle.

Run as ``python -m muse_resources.embedded.owner --folder PATH --idle-seconds N``; normally started on demand
by ``connect.ensure_owner``. Exit codes: 0 ended in order, 1 failed, 3 another process owns the folder.
"""

import argparse
import contextlib
import logging
import os
import resource
import secrets
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout, UnixFileLock

from muse_resources.embedded.lease import (
    HOST,
    OwnerAddress,
    OwnerFiles,
    live_address,
    remove_address,
    write_address,
)

if TYPE_CHECKING:
    from muse_resources.embedded.engine import Engine
    from muse_resources.embedded.query_service import QueryService
    from muse_resources.embedded.server import Activity, Server
    from muse_resources.embedded.sessions import Sessions

log = logging.getLogger("muse.owner")

EXIT_OWNED_BY_ANOTHER = 3
READY, BUSY = b"ready", b"busy"

_TAKE_OVER_S = 30.0
_LONGEST_DRAIN_S = 30.0
_WATCH_EVERY_S = 1.0
_MOST_FILES = 65536
# Requests that were on their way when the address file went still get a clear refusal instead of a hang-up.
_REFUSE_FOR_S = 0.05


def main() -> int:
    """Serves until idle, stopped or without a folder; returns the exit code."""
    args = _read_args()
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03dZ %(process)d %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.Formatter.converter = time.gmtime
    if args.detach and os.fork() > 0:
        # The engine is not loaded yet. The starter reaps this process at once and the owner has no parent to
        # wait for it.
        return 0
    files = OwnerFiles.of(args.folder)
    files.create()
    lock = _take_life_lock(files)
    if lock is None:
        _tell_starter(args.ready_fd, BUSY)
        return EXIT_OWNED_BY_ANOTHER
    try:
        return _serve(files, args.idle_seconds, args.ready_fd)
    except Exception:
        log.exception("the owner of %s failed", files.folder)
        return 1


def _read_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="the warehouse folder")
    parser.add_argument("--idle-seconds", type=float, default=120, help="end after so long without a request")
    parser.add_argument("--detach", action="store_true", help="go to the background")
    parser.add_argument("--ready-fd", type=int, help="file descriptor that is told when requests are answered")
    return parser.parse_args()


def _take_life_lock(files: OwnerFiles) -> UnixFileLock | None:
    """The lifetime lock. An owner that answers keeps it; one that is ending is waited for. None: another one
    has it.
    """
    lock = files.life_lock()
    give_up_at = time.monotonic() + _TAKE_OVER_S
    while True:
        try:
            lock.acquire(timeout=0.02)
            return lock
        except Timeout:
            if live_address(files) is not None or time.monotonic() > give_up_at:
                return None


def _tell_starter(ready_fd: int | None, word: bytes) -> None:
    if ready_fd is not None:
        with contextlib.suppress(OSError):  # the starter may have gone
            os.write(ready_fd, word)
            os.close(ready_fd)


def _serve(files: OwnerFiles, idle_seconds: float, ready_fd: int | None) -> int:
    # Only now: the loser of a race for the folder should not pay for the engine.
    from muse_resources.embedded.engine import Engine, EngineError
    from muse_resources.embedded.query_service import QueryService
    from muse_resources.embedded.server import Server

    started_s = time.monotonic()
    _clear(files.spool)
    try:
        engine = Engine(files.folder)
    except EngineError as error:
        log.error("cannot open %s: %s", files.folder, error)
        return 1
    _allow_many_files()
    stop = _event_of_signals()
    queries = QueryService(engine, files.spool)
    token = secrets.token_hex(24)
    server = Server(queries, token, stop.set)
    address = OwnerAddress(HOST, server.port, token, os.getpid(), idle_seconds)
    server.start()
    write_address(files, address)
    opened_in_s = time.monotonic() - started_s
    log.info("owns %s on port %d, opened in %.2f s", files.folder, server.port, opened_in_s)
    _tell_starter(ready_fd, READY)

    reason = _watch(files, address, server.activity, queries.sessions, stop)

    remove_address(files, address)
    _end(server, queries, engine)
    log.info("ended: %s", reason)
    return 0


def _clear(spool: Path) -> None:
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(mode=0o700)


def _allow_many_files() -> None:
    """The engine keeps three files open for every thread that serves a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _event_of_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _end(server: "Server", queries: "QueryService", engine: "Engine") -> None:
    is_drained = server.activity.drain(_LONGEST_DRAIN_S)
    time.sleep(_REFUSE_FOR_S)
    server.close()
    if not is_drained:
        # Closing the engine would wait for them. What was acknowledged before is on disk.
        log.warning("some requests did not end within %.0f s and are given up", _LONGEST_DRAIN_S)
        return
    queries.sessions.close_expired(now_s=float("inf"))
    engine.close()


def _watch(
    files: OwnerFiles,
    address: OwnerAddress,
    activity: "Activity",
    sessions: "Sessions",
    stop: threading.Event,
) -> str:
    """Waits for a reason to end, and tells it. Draining has begun when it is idleness."""
    identity = _identity(files)
    while not stop.wait(min(_WATCH_EVERY_S, address.idle_seconds / 4)):
        if _identity(files) != identity:
            return "its folder was removed"
        if not files.address.exists():
            return "its address file was removed"
        sessions.close_expired()
        if activity.drain_if_idle_for(address.idle_seconds):
            return f"no request for {address.idle_seconds:g} s"
    return "asked to"


def _identity(files: OwnerFiles) -> tuple[int, ...] | None:
    """Changes when the folder or its state is removed, even if it is created again under the same name."""
    try:
        return (files.folder.stat().st_ino, files.state.stat().st_ino)
    except OSError:
        return None


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stderr.flush()
    # The engine's own threads outlive its closing and would hold up an ordinary exit.
    os._exit(code)
