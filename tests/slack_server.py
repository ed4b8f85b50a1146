"""A server that answers as Slack's incoming webhooks do, on this machine: it keeps what it was told."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class SlackServer:
    """`answers` are given one after the other as (status, headers), then 200; "hang" waits longer than anyone would."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]] | str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    asked: int = 0


@contextmanager
def slack_server(answers: Sequence[tuple[int, dict[str, str]] | str] = ()) -> Iterator[SlackServer]:
    """A running server until the end of the block."""
    slack = SlackServer(answers=list(answers))

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            slack.asked += 1
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = slack.answers.pop(0) if slack.answers else (200, {})
            if isinstance(answer, str):
                time.sleep(6)
                return
            status, headers = answer
            if status == 200:
                slack.told.append(said["text"])
            body = b"ok" if status == 200 else b"error"
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    slack.url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/secret"
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
