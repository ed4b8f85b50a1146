"""How every process reaches the embedded ClickHouse: find or start the owner of a folder, and an ordinary
HTTP client.

What is retried, and what is not. A client that was not used for a moment first makes sure that the owner
still answers, which restarts the owner's idle time; so an owner never ends under a client's next request. If
an owner has gone all the same (killed, stopped), a request is repeated once on a new owner only if it was
certainly not executed: the connection was refused, or the owner answered that it is ending. A request that
may have been executed is never repeated here; its error reaches the caller. (clickhouse-connect itself
repeats statements that only read.)
"""

import contextlib
import http.client
import os
import select
import subprocess
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.httpclient import HttpClient
from clickhouse_connect.driver.httputil import get_pool_manager_options
from filelock import Timeout
from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

import muse_resources
from muse_resources.embedded.lease import (
    PROOF_HEADER,
    OwnerAddress,
    OwnerFiles,
    live_address,
    proof_of,
)

__all__ = ["OwnerAddress", "OwnerError", "ensure_owner", "owner_client", "stop_owner"]

_LONGEST_LOG_BYTES = 1 << 20
_LOG_LINES_SHOWN = 15
_SEND_RECEIVE_TIMEOUT_S = 1800
_RECHECK_AFTER_S = 2.0
_USER = "default"


class OwnerError(RuntimeError):
    """The owner of a folder cannot be started, reached or stopped. Says which folder, its log's end, and what
    to do.
    """

    def __init__(self, files: OwnerFiles, problem: str, remedy: str) -> None:
        lines = _last_log_lines(files)
        log = f"\nLast lines of {files.log}:\n{lines}" if lines else ""
        super().__init__(f"The embedded warehouse in {files.folder} {problem}. {remedy}{log}")


def ensure_owner(folder: Path, *, idle_seconds: float = 120, start_timeout_s: float = 60) -> OwnerAddress:
    """Address of the live owner of ``folder``, started if none answers. Safe to call from many processes at
    once.

    ``idle_seconds`` counts only for an owner started by this call. The folder is created if needed. Raises
    OwnerError.
    """
    files = OwnerFiles.of(folder)
    address = live_address(files)
    if address is not None:
        return address
    files.create()
    give_up_at = time.monotonic() + start_timeout_s
    try:
        with files.spawn_lock(start_timeout_s):
            return live_address(files) or _start(files, idle_seconds, give_up_at)
    except Timeout as error:
        raise OwnerError(
            files, "is being started by another process, without end", "Look for what hangs there."
        ) from error


def owner_client(folder: Path, *, database: str | None = None, idle_seconds: float = 120, **settings: Any) -> Client:
    """A clickhouse-connect HTTP client of the folder's owner; ``settings`` are ClickHouse settings for every
    request.

    May be kept as long as wanted and shared by threads (without ``session_id``): it finds the next owner by
    itself, see the module. A removed folder is not created again by a client that lived longer. Raises
    OwnerError.
    """
    address = ensure_owner(folder, idle_seconds=idle_seconds)
    return _OwnerClient(_OwnerPool(OwnerFiles.of(folder), address, idle_seconds), address, database, settings)


def stop_owner(folder: Path, *, timeout_s: float = 30) -> bool:
    """Asks the owner to finish its requests, close the engine and end, and waits until its process has ended.

    True if an owner has ended, False if there was none. Raises OwnerError if it did not end within
    ``timeout_s``.
    """
    files = OwnerFiles.of(folder)
    if not files.state.is_dir():
        return False
    address = live_address(files)
    if address is not None:
        _ask_to_stop(address)
    lock = files.life_lock()
    try:
        lock.acquire(timeout=0 if address is None else timeout_s)
    except Timeout:
        if address is None:
            return _wait_for_ending_owner(files, timeout_s)
        raise OwnerError(
            files,
            f"did not end within {timeout_s:g} s",
            f"Wait for its requests, or end process {address.pid}.",
        ) from None
    lock.release()
    return address is not None


def _wait_for_ending_owner(files: OwnerFiles, timeout_s: float) -> bool:
    """For an owner that has the folder and does not answer: it is starting or ending."""
    give_up_at = time.monotonic() + timeout_s
    lock = files.life_lock()
    while time.monotonic() < give_up_at:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0.1)
            lock.release()
            return True
        if (address := live_address(files)) is not None:
            _ask_to_stop(address)
    raise OwnerError(files, "has an owner that does not answer", "End that process, then try again.")


def _ask_to_stop(address: OwnerAddress) -> None:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("POST", "/stop", headers={"X-ClickHouse-Key": address.token})
        connection.getresponse().read()


def _start(files: OwnerFiles, idle_seconds: float, give_up_at: float) -> OwnerAddress:
    """Starts an owner; the caller holds the spawn lock."""
    while time.monotonic() < give_up_at:
        word = _spawn(files, idle_seconds, give_up_at)
        address = live_address(files)
        if address is not None:
            return address
        if word == b"":
            raise OwnerError(files, "could not be opened", "Correct what the log says, then try again.")
        time.sleep(0.05)
    raise OwnerError(
        files,
        "has an owner that does not answer",
        "End the process named in its log's last lines, then try again.",
    )


def _spawn(files: OwnerFiles, idle_seconds: float, give_up_at: float) -> bytes:
    """What the new process said: ``ready``, ``busy`` (another has the folder), or nothing as it failed."""
    _shorten_log(files)
    read_end, write_end = os.pipe()
    with open(read_end, "rb", buffering=0) as words:
        try:
            _launch(files, idle_seconds, write_end)
        finally:
            os.close(write_end)
        ready, _, _ = select.select([words], [], [], max(0.0, give_up_at - time.monotonic()))
        return words.read(16) if ready else b"late"


def _launch(files: OwnerFiles, idle_seconds: float, ready_fd: int) -> None:
    options = ["--detach", "--folder", files.folder, "--idle-seconds", idle_seconds, "--ready-fd", ready_fd]
    with open(os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-P", "-m", "muse_resources.embedded.owner", *map(str, options)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            pass_fds=[ready_fd],
            start_new_session=True,
        )
    launcher.wait()  # ends as soon as it has gone to the background, so no zombie stays


def _environment() -> dict[str, str]:
    """The caller's, with this package importable: the owner's working directory is the root of the file
    system.
    """
    package_root = str(Path(str(muse_resources.__file__)).resolve().parents[1])
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{package_root}{os.pathsep}{path}" if path else package_root}


def _shorten_log(files: OwnerFiles) -> None:
    with contextlib.suppress(OSError):
        if files.log.stat().st_size > _LONGEST_LOG_BYTES:
            files.log.replace(files.log.with_suffix(".log.1"))


def _last_log_lines(files: OwnerFiles) -> str:
    try:
        return "\n".join(files.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])
    except OSError:
        return ""


class _OwnerClient(HttpClient):
    """The ordinary client with a pool that is closed with it: an open connection costs the owner a thread."""

    def __init__(
        self, pool: "_OwnerPool", address: OwnerAddress, database: str | None, settings: dict[str, Any]
    ) -> None:
        self._owner_pool = pool
        super().__init__(
            interface="http",
            host=address.host,
            port=address.port,
            username=_USER,
            password=address.token,
            database=database,
            settings=settings,
            pool_mgr=pool,
            compress=False,
            autogenerate_session_id=False,
            tz_mode="aware",
            send_receive_timeout=_SEND_RECEIVE_TIMEOUT_S,
        )

    def close(self) -> None:
        super().close()
        self._owner_pool.clear()


class _OwnerPool(PoolManager):
    """A connection pool that sends every request to the folder's present owner."""

    def __init__(self, files: OwnerFiles, address: OwnerAddress, idle_seconds: float) -> None:
        super().__init__(**get_pool_manager_options())
        self._files = files
        self._idle_seconds = idle_seconds
        self._guard = threading.Lock()
        self._address = address
        self._used_at_s = time.monotonic()

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> BaseHTTPResponse:
        """As PoolManager.request; see the module for what is repeated."""
        try:
            return self._request(method, url, *args, **kwargs)
        except HTTPError as error:
            if not _is_upload(url, kwargs.get("body")):
                raise
            problem = str(error)
        # Raised out here it has no cause that clickhouse-connect knows: it would send the insert a second time.
        raise HTTPError(f"the insert may or may not have been executed: {problem}")

    def _request(self, method: str, url: str, *args: Any, **kwargs: Any) -> BaseHTTPResponse:
        address = self._present_address()
        try:
            response = self._send(address, method, url, *args, **kwargs)
        except MaxRetryError as error:
            if not isinstance(error.reason, NewConnectionError):
                raise
            return self._send(self._next_address(address), method, url, *args, **kwargs)
        if _was_refused_unexecuted(response, address) and _can_be_sent_again(kwargs.get("body")):
            response.drain_conn()
            return self._send(self._next_address(address), method, url, *args, **kwargs)
        return response

    def _send(self, address: OwnerAddress, method: str, url: str, *args: Any, **kwargs: Any) -> BaseHTTPResponse:
        target = urlunsplit(urlsplit(url)._replace(netloc=f"{address.host}:{address.port}"))
        credentials = b64encode(f"{_USER}:{address.token}".encode()).decode()
        kwargs["headers"] = {**(kwargs.get("headers") or {}), "Authorization": f"Basic {credentials}"}
        response = super().request(method, target, *args, **kwargs)
        self._used_at_s = time.monotonic()
        return response

    def _present_address(self) -> OwnerAddress:
        with self._guard:
            recheck_after_s = min(_RECHECK_AFTER_S, self._address.idle_seconds / 4)
            if time.monotonic() - self._used_at_s > recheck_after_s:
                self._address = self._ensure()
            return self._address

    def _next_address(self, gone: OwnerAddress) -> OwnerAddress:
        with self._guard:
            if self._address == gone:
                self._address = self._ensure()
            return self._address

    def _ensure(self) -> OwnerAddress:
        if not self._files.folder.is_dir():
            raise OwnerError(self._files, "has been removed", "Make a new client to create it again.")
        address = ensure_owner(self._files.folder, idle_seconds=self._idle_seconds)
        self._used_at_s = time.monotonic()
        return address


def _was_refused_unexecuted(response: BaseHTTPResponse, address: OwnerAddress) -> bool:
    return response.status == 503 and response.headers.get(PROOF_HEADER) == proof_of(address.token)


def _is_upload(url: str, body: Any) -> bool:
    """Whether the request inserts: its statement stands in the address, or at the head of a streamed body."""
    return "query=insert" in url.lower() or not (body is None or isinstance(body, (bytes, bytearray, str)))


def _can_be_sent_again(body: Any) -> bool:
    """Not a generator or a file, of which a part may have been read."""
    return body is None or isinstance(body, (bytes, bytearray, str))
