"""A server with the Responses API that says what a test tells it to: answers, refusals, nonsense, and nothing."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "writer-1"
USAGE: Mapping[str, Any] = {
    "input_tokens": 1500,
    "input_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 0},
    "output_tokens": 400,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 1900,
}

# Answers one request; told its decoded body.
Script = Callable[["_Answering", Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    at: float


@dataclass(slots=True)
class ScriptedModel:
    """The server of one test. The last script is repeated."""

    scripts: list[Script] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """What `writer.base_url` is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

    def says(self, *scripts: Script) -> "ScriptedModel":
        """What it answers from now on, request by request."""
        self.scripts, self.asked = list(scripts), []
        return self

    def next_script(self, asked: Asked) -> Script:
        """The script of this request."""
        with self.lock:
            self.asked.append(asked)
            return self.scripts[min(len(self.asked), len(self.scripts)) - 1]


class _Answering(BaseHTTPRequestHandler):
    """One connection to the scripted server."""

    model: ScriptedModel
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        complaint = _complaint(self.path, body)
        script = self.model.next_script(Asked(body, dict(self.headers), time.monotonic()))
        with contextlib.suppress(OSError):
            (error(400, complaint) if complaint else script)(self, body)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        named = {"Content-Type": "application/json", "x-request-id": f"req_{len(self.model.asked)}"}
        for name, value in {**named, **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


def _complaint(path: str, body: Mapping[str, Any]) -> str:
    """What the real server would object to."""
    schema = body.get("text", {}).get("format", {})
    strict = schema.get("strict") is True and schema.get("schema", {}).get("additionalProperties") is False
    if path != "/v1/responses":
        return f"Invalid URL ({path})"
    if not {"model", "input"} <= set(body):
        return "Missing required parameter"
    return "" if strict and body["max_output_tokens"] >= 16 else "Invalid schema for response_format"


@contextlib.contextmanager
def scripted_model(*scripts: Script) -> Iterator[ScriptedModel]:
    """A server on a free port of this machine, until the end of the block."""
    model = ScriptedModel(list(scripts))
    answering = type("Answering", (_Answering,), {"model": model})
    with ThreadingHTTPServer(("127.0.0.1", 0), answering) as server:
        server.daemon_threads = True
        model.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield model
        finally:
            server.shutdown()
            thread.join()


def response(content: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """The body of a response whose one message has this content."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": list(content)}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1790000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": f"{MODEL}-2026-09-01",
        "output": [{"id": "rs_1", "type": "reasoning", "summary": []}, message],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": dict(USAGE),
        **changes,
    }


def spoken(text: str) -> dict[str, Any]:
    """The part of a message that holds text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def replies(body: Mapping[str, Any]) -> Script:
    """Status 200 with this body."""
    return lambda answering, _: answering.answer(200, json.dumps(body).encode())


def says_text(text: str, **changes: Any) -> Script:
    """A whole answer with this text, whatever it is."""
    return replies(response([spoken(text)], **changes))


def says(texts: Mapping[str, Any], **changes: Any) -> Script:
    """A whole answer with these texts as JSON."""
    return says_text(json.dumps(texts), **changes)


def refuses(why: str) -> Script:
    """A refusal, as the API has it."""
    return replies(response([{"type": "refusal", "refusal": why}]))


def cuts(reason: str = "max_output_tokens") -> Script:
    """An answer that ends in the middle."""
    half = [spoken('{"title": "{{f1.name}} is {{f1.ch')]
    return replies(response(half, status="incomplete", incomplete_details={"reason": reason}))


def error(status: int, message: str = "", code: str = "", **headers: str) -> Script:
    """An error in the API's form."""
    body = json.dumps({"error": {"message": message, "type": code or "server_error", "param": None, "code": code}})
    return lambda answering, _: answering.answer(status, body.encode(), **headers)


def sends(body: bytes, status: int = 200, **headers: str) -> Script:
    """These bytes."""
    return lambda answering, _: answering.answer(status, body, **headers)


def is_silent(seconds: float) -> Script:
    """No answer for a while, then the connection ends."""

    def script(answering: _Answering, _: Mapping[str, Any]) -> None:
        time.sleep(seconds)
        answering.close_connection = True

    return script


def drips(seconds: float) -> Script:
    """An answer of which a byte comes now and then."""

    def script(answering: _Answering, _: Mapping[str, Any]) -> None:
        answering.send_response(200)
        answering.send_header("Content-Length", "100000")
        answering.end_headers()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answering.wfile.write(b" ")
            answering.wfile.flush()
            time.sleep(0.05)
        answering.close_connection = True

    return script


def hangs_up(promised: int = 0) -> Script:
    """The connection ends before any answer, or in the middle of one that was promised longer."""

    def script(answering: _Answering, _: Mapping[str, Any]) -> None:
        if promised:
            answering.send_response(200)
            answering.send_header("Content-Length", str(promised))
            answering.end_headers()
            answering.wfile.write(b'{"id": "resp_1", "output": [')
        answering.close_connection = True

    return script


def honest(change: Callable[[dict[str, Any]], Any] | None = None) -> Script:
    """A model that keeps every rule, for any day; `change` may spoil what it says."""

    def script(answering: _Answering, body: Mapping[str, Any]) -> None:
        texts = honest_texts(body)
        changed = texts if change is None else change(texts)
        says_text(changed if isinstance(changed, str) else json.dumps(changed))(answering, body)

    return script


def honest_texts(body: Mapping[str, Any]) -> dict[str, Any]:
    """An entry about the day that the request describes, from its slots alone."""
    findings = json.loads(body["input"][0]["content"])["findings"]
    lead = findings[0]["id"]
    return {
        "title": f"{_slot(lead, 'name')}: {_slot(lead, 'metric')} {_verb(findings[0])} by {_slot(lead, 'change')}",
        "what_changed": [
            f"As measured, the {_slot(one['id'], 'metric')} of {_slot(one['id'], 'name')} {_verb(one)} "
            f"{_slot(one['id'], 'shift')}, by {_slot(one['id'], 'change')}."
            for one in findings
        ],
        "why_it_matters": [
            f"Whoever runs {_slot(one['id'], 'name')} meets the new {_slot(one['id'], 'metric')}." for one in findings
        ],
        "next_steps": [f"Look at {_slot(one['id'], 'name')} since {_slot(one['id'], 'since')}." for one in findings],
    }


def _verb(finding: Mapping[str, Any]) -> str:
    return "rose" if finding["direction"] == "up" else "fell"


def _slot(finding: str, name: str) -> str:
    return "{{" + f"{finding}.{name}" + "}}"
