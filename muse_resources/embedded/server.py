"""The owner's listening side: connections, authentication, errors, and the count of what is under way."""

import base64
import contextlib
import hmac
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import BinaryIO, cast

from muse_resources.embedded.engine import AUTHENTICATION_FAILED, NOT_ENOUGH_SPACE, EngineError
from muse_resources.embedded.http_protocol import (
    BadRequest,
    Request,
    Responder,
    TruncatedUpload,
    read_request,
)
from muse_resources.embedded.lease import HOST, PROOF_HEADER, proof_of
from muse_resources.embedded.query_service import QueryService

log = logging.getLogger(__name__)

# A peer that neither sends nor takes a byte for so long is given up, so that it cannot keep the owner alive
# for ever.
_STALLED_PEER_S = 1800.0
_MOST_DISCARDED_BYTES = 64 << 20
_BAD_REQUEST_CODE = 36
_HTTP_STATUS = {AUTHENTICATION_FAILED: 403, 60: 404, 81: 404, 36: 400, 47: 400, 62: 400, 115: 400}


class Activity:
    """Counts the requests under way. Once draining, no request begins any more."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._last_s = time.monotonic()
        self._is_draining = False

    def begin(self) -> bool:
        """False when the owner is ending: the request must be refused without any effect."""
        with self._changed:
            if self._is_draining:
                return False
            self._under_way += 1
            return True

    def end(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._last_s = time.monotonic()
            self._changed.notify_all()

    def drain_if_idle_for(self, seconds: float) -> bool:
        """Starts draining if nothing happened for so long; no request can slip in between."""
        with self._changed:
            if self._under_way == 0 and time.monotonic() - self._last_s >= seconds:
                self._is_draining = True
            return self._is_draining

    def drain(self, timeout_s: float) -> bool:
        """Refuses new requests and waits for those under way; False if some did not end in time."""
        with self._changed:
            self._is_draining = True
            return self._changed.wait_for(lambda: self._under_way == 0, timeout_s)


class Server:
    """Listens on 127.0.0.1 only, one thread for each connection."""

    def __init__(self, queries: QueryService, token: str, on_stop: Callable[[], None]) -> None:
        self.activity = Activity()
        self._queries = queries
        self._token = token
        self._proof = proof_of(token)
        self._on_stop = on_stop
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def close(self) -> None:
        """Stops listening and hangs up on every client."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if self._listener.fileno() < 0 or error.errno == 22:  # closed
                    return
                log.warning("accept failed: %s", error)  # no free file descriptor, for instance
                time.sleep(0.1)
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            self._connections.add(connection)
        try:
            with connection, connection.makefile("rb", buffering=1 << 16) as stream:
                while (request := read_request(cast(BinaryIO, stream))) is not None:
                    if not self._serve_one(request, connection):
                        break
        except BadRequest as error:
            log.warning("bad request: %s", error)
        except OSError as error:
            log.debug("connection lost: %s", error)
        finally:
            with self._guard:
                self._connections.discard(connection)

    def _serve_one(self, request: Request, connection: socket.socket) -> bool:
        """Whether the connection can serve another request."""
        responder = Responder(connection)
        responder.keeps_alive = request.keeps_alive
        if not self.activity.begin():
            responder.keeps_alive = False
            responder.send(
                503,
                {PROOF_HEADER: self._proof},
                b"The owner of this folder is ending; nothing was executed.\n",
            )
            return False
        connection.settimeout(_STALLED_PEER_S)
        try:
            self._respond(request, responder)
        finally:
            self.activity.end()
            connection.settimeout(None)
        return responder.keeps_alive

    def _respond(self, request: Request, responder: Responder) -> None:
        try:
            self._route(request, responder)
        except TruncatedUpload as error:
            log.warning("upload cancelled, nothing was written: %s", error)
            responder.keeps_alive = False
        except BadRequest as error:
            refusal = EngineError.raised_here(_BAD_REQUEST_CODE, "BAD_ARGUMENTS", str(error))
            self._refuse(refusal, request, responder)
        except EngineError as error:
            self._refuse(error, request, responder)
        except OSError as error:
            if error.filename is None and not _is_disk_full(error):
                raise  # the client's connection
            self._refuse(_disk_error(error), request, responder)
        except Exception as error:
            log.exception("a request failed in the owner itself")
            self._refuse(EngineError.of(error), request, responder)

    def _route(self, request: Request, responder: Responder) -> None:
        if request.path == "/ping":
            responder.send(200, {PROOF_HEADER: self._proof}, b"Ok.\n")
            return
        self._authenticate(request)
        if request.headers.get("expect", "").lower() == "100-continue":
            responder.continue_upload()
        if request.path == "/":
            self._queries.answer(request, responder)
        elif request.path == "/stop" and request.method == "POST":
            responder.send(200, {}, b"Ok.\n")
            self._on_stop()
        else:
            responder.send(404, {}, b"There is only /, /ping and /stop.\n")

    def _authenticate(self, request: Request) -> None:
        given = _password(request)
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise EngineError.raised_here(
                AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", "Authentication failed: password is incorrect"
            )

    def _refuse(self, error: EngineError, request: Request, responder: Responder) -> None:
        if responder.has_started:
            responder.keeps_alive = False
            return
        with contextlib.suppress(TruncatedUpload, BadRequest):
            responder.keeps_alive &= request.body.discard(_MOST_DISCARDED_BYTES)
        headers = {
            "X-ClickHouse-Exception-Code": str(error.code),
            "Content-Type": "text/plain; charset=UTF-8",
        }
        responder.send(_HTTP_STATUS.get(error.code, 500), headers, f"{error}\n".encode())


def _password(request: Request) -> str:
    if key := request.headers.get("x-clickhouse-key"):
        return key
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            return base64.b64decode(credentials).decode("utf-8", "replace").partition(":")[2]
    return request.params.get("password", "")


def _is_disk_full(error: OSError) -> bool:
    return error.errno == 28


def _disk_error(error: OSError) -> EngineError:
    return EngineError.raised_here(NOT_ENOUGH_SPACE, "NOT_ENOUGH_SPACE", f"The owner cannot keep the upload: {error}")
