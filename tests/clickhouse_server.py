"""A ClickHouse server for tests: the real engine behind an HTTP(S) endpoint that asks for a user, and that can fail.

What a request asks is answered by the engine itself; this endpoint only lets it through, or does not.
"""

import http.client
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from clickhouse_connect.driver.client import Client

from muse_domain.settings import parse_settings
from muse_resources.adapters import warehouse_connector
from muse_resources.embedded.connect import ensure_owner
from muse_resources.embedded.lease import OwnerAddress
from muse_resources.workspace import Workspace, read_secrets

USER, PASSWORD = "muse", "correct horse"
# How a request fails: it never reaches the engine; its answer never comes back; it comes late; it is turned away.
CUT_BEFORE, CUT_AFTER, SLOW, TOO_MANY, UNAVAILABLE = "cut before", "cut after", "slow", "429", "503"
FAULTS = (CUT_BEFORE, CUT_AFTER, SLOW, TOO_MANY, UNAVAILABLE)
_SLOW_S = 1.0
_AUTHORISED = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_NOT_AUTHORISED = (
    b"Code: 516. DB::Exception: muse: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"
)
# What is said between two machines, not between two programs.
_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(slots=True)
class ServedEngine:
    """`fault` is asked with the address of every request that passed the door: how does it fail, if it does?"""

    url: str = ""
    fault: Callable[[str], str | None] = field(default=lambda _: None)
    requests: int = 0


@contextmanager
def clickhouse_server(folder: Path, certificate: Path | None = None) -> Iterator[ServedEngine]:
    """Serves the engine of `folder` until the end of the block; over TLS with a certificate and its key in one file."""
    served = ServedEngine()
    server = _Server(("127.0.0.1", 0), _Endpoint)
    server.served, server.owner = served, ensure_owner(folder)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.url = f"{'https' if certificate else 'http'}://localhost:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def server_client(served: ServedEngine, database: str | None) -> Client:
    """A client of the served engine, as the adapters make it."""
    settings = parse_settings({"muse": {"start_date": "2026-09-01"}, "repositories": {"hearts": {"path": "."}},
                               "warehouse": {"url": served.url}})  # fmt: skip
    workspace = Workspace(Path(), settings, read_secrets({"CH_USER": USER, "CH_PASSWORD": PASSWORD}))
    return warehouse_connector(workspace)(database)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    served: ServedEngine
    owner: OwnerAddress


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = _body_of(self)
        if self.headers.get("Authorization") != _AUTHORISED:
            self._say(403, {"X-ClickHouse-Exception-Code": "516"}, _NOT_AUTHORISED)
            return
        served = self.server.served
        served.requests += 1
        fault = served.fault(self.path)
        if fault in (TOO_MANY, UNAVAILABLE):
            self._say(int(fault), {}, b"not now")
        elif fault == CUT_BEFORE:
            self._cut()
        else:
            time.sleep(_SLOW_S if fault == SLOW else 0.0)
            answer = _ask(self.server.owner, self, body)
            if fault == CUT_AFTER:
                self._cut()
            else:
                self._say(*answer)

    def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _body_of(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", "0")))
    body = b""
    while size := int(request.rfile.readline().split(b";")[0], 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def _ask(owner: OwnerAddress, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """The engine's own answer."""
    credentials = b64encode(f"default:{owner.token}".encode()).decode()
    passed = {name: value for name, value in request.headers.items() if name.lower() not in {*_HOP_HEADERS, "host"}}
    connection = http.client.HTTPConnection(owner.host, owner.port, timeout=120)
    try:
        connection.request(request.command, request.path, body, {**passed, "Authorization": f"Basic {credentials}"})
        answer = connection.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_HEADERS}
        return answer.status, headers, answer.read()
    finally:
        connection.close()
