"""What a server answered to a request for a draft: read as data, typed, bounded, and never believed.

The reply comes as bytes; nothing here raises for anything that they may hold.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from muse_domain.drafts import (
    Empty,
    Invalid,
    NoDraft,
    Quota,
    Refused,
    Rejected,
    TimedOut,
    Truncated,
    Unavailable,
)
from muse_domain.failures import is_transient_http_status
from muse_domain.prompting import LIST_SECTIONS
from muse_domain.spending import Bound, Usage
from muse_domain.wording import plain_text

MOST_BYTES = 1_000_000
LONGEST_TEXT = 20_000
LONGEST_REASON = 200

# Without a status there was no answer: never sent, lost on the way, too late, or larger than MOST_BYTES.
Loss = Literal["", "unsent", "cut", "late", "large"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a status with its body, or how the answer was lost."""

    status: int | None = None
    body: bytes = b""
    loss: Loss = ""
    detail: str = ""
    request_id: str = ""
    retry_after: str = ""
    may_retry: bool = True

    @property
    def is_free(self) -> bool:
        """Whether the call certainly cost nothing: it never left, or was turned away at the door."""
        if self.status is None:
            return self.loss == "unsent"
        return 300 <= self.status < 500 and self.status != 408


@dataclass(frozen=True, slots=True)
class Texts:
    """The four texts of an answer that keeps the schema."""

    title: str
    what_changed: str
    why_it_matters: str
    next_steps: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as read. `usage` is None where the server states none that can be true."""

    outcome: Texts | NoDraft
    usage: Usage | None = None
    is_worth_another_try: bool = False
    text: str = ""


def read_reply(reply: Reply, bound: Bound) -> Answer:
    """The typed outcome of a reply."""
    if reply.status is None:
        return _lost(reply)
    if reply.status != 200:
        return _turned_away(reply)
    decoded = _decoded(reply.body)
    if not isinstance(decoded, Mapping):
        return Answer(Invalid("the answer is not a JSON object"))
    usage = _usage(decoded.get("usage"), bound)
    text, refusal = _said(decoded.get("output"))
    outcome = _outcome(decoded, text, refusal, usage, bound)
    is_worth = isinstance(outcome, Unavailable)
    return Answer(outcome, usage, is_worth, text if isinstance(outcome, Texts) else "")


def _lost(reply: Reply) -> Answer:
    if reply.loss == "late":
        return Answer(TimedOut(reply.detail))
    if reply.loss == "large":
        return Answer(Invalid(f"the answer is larger than {MOST_BYTES:,} bytes, or compressed"))
    return Answer(Unavailable(_plain(reply.detail)), is_worth_another_try=reply.may_retry)


def _turned_away(reply: Reply) -> Answer:
    """An answer that is no success: used up, too busy, broken, or a request that nobody may send."""
    error = _error_of(reply.body)
    said = _plain(f"HTTP {reply.status} {error.get('code') or ''} {error.get('message') or ''}")
    if reply.status == 429:
        is_used_up = error.get("code") == "insufficient_quota" or error.get("type") == "insufficient_quota"
        return Answer(Quota(said), is_worth_another_try=reply.may_retry and not is_used_up)
    if reply.status is not None and is_transient_http_status(reply.status):
        return Answer(Unavailable(said), is_worth_another_try=reply.may_retry)
    return Answer(Unavailable(said) if (reply.status or 0) >= 500 else Rejected(said))


def _error_of(body: bytes) -> Mapping[str, Any]:
    decoded = _decoded(body)
    error = decoded.get("error") if isinstance(decoded, Mapping) else None
    return error if isinstance(error, Mapping) else {"message": error} if isinstance(error, str) else {}


def _decoded(body: bytes) -> Any:
    """The JSON of a body; None where it is none. Deeply nested lists exhaust the parser's stack."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _usage(stated: Any, bound: Bound) -> Usage | None:
    """The stated usage; None where it is missing, or cannot be that of this request."""
    if not isinstance(stated, Mapping):
        return None
    details = stated.get("input_tokens_details")
    cached = details.get("cached_tokens", 0) if isinstance(details, Mapping) else 0
    stated_counts = (stated.get("input_tokens"), cached or 0, stated.get("output_tokens"))
    counts = [count for count in stated_counts if type(count) is int]
    usage = Usage(*counts) if len(counts) == len(stated_counts) else None
    return usage if usage is not None and bound.allows(usage) else None


def _said(output: Any) -> tuple[str, str]:
    """Text and refusal of all messages; what else stands in the output is left alone."""
    items = output if isinstance(output, list) else []
    messages = [item for item in items if isinstance(item, Mapping) and item.get("type") == "message"]
    parts = [part for one in messages for part in _listed(one.get("content")) if isinstance(part, Mapping)]
    texts = [part.get("text") for part in parts if part.get("type") == "output_text"]
    refusals = [part.get("refusal") for part in parts if part.get("type") == "refusal"]
    return "".join(map(_text, texts)), " ".join(map(_text, refusals)) or ("refused" if refusals else "")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _outcome(decoded: Mapping[str, Any], text: str, refusal: str, usage: Usage | None, bound: Bound) -> Texts | NoDraft:
    status, details = decoded.get("status"), decoded.get("incomplete_details")
    cut_by = details.get("reason") if isinstance(details, Mapping) else None
    if status == "failed":
        return Unavailable(_plain(f"the server failed: {decoded.get('error')}"))
    if refusal or cut_by == "content_filter":
        return Refused(_plain(refusal) or "the server's content filter stopped the answer")
    if status == "incomplete":
        return Truncated(f"the answer was cut: {_plain(str(cut_by))}; raise writer.max_output_tokens")
    if not text.strip():
        return Empty("the answer holds no text")
    texts = read_texts(text)
    # Servers have been seen to call an answer complete that ended where its tokens did.
    if isinstance(texts, Invalid) and usage is not None and usage.output_tokens == bound.output_tokens:
        return Truncated("the answer ends where its tokens did; raise writer.max_output_tokens")
    return texts


def read_texts(text: str) -> Texts | NoDraft:
    """The four texts of an answer's JSON, or what it lacks."""
    if len(text) > LONGEST_TEXT:
        return Invalid(f"the text is longer than {LONGEST_TEXT:,} characters")
    decoded = _decoded(text.encode(errors="replace"))
    if not isinstance(decoded, Mapping) or set(decoded) != {"title", *LIST_SECTIONS}:
        return Invalid("the text is not the JSON object that was asked for")
    title, lists = decoded["title"], [decoded[name] for name in LIST_SECTIONS]
    if not isinstance(title, str) or not all(_is_texts(one) for one in lists):
        return Invalid("the text does not keep the schema that was asked for")
    if not _can_be_stored([title, *(paragraph for one in lists for paragraph in one)]):
        return Invalid("the text holds characters that are none")
    changed, matters, steps = ([" ".join(paragraph.split()) for paragraph in one] for one in lists)
    texts = Texts(
        " ".join(title.split()), _paragraphs(changed), _paragraphs(matters), "\n".join(_bullet(step) for step in steps)
    )
    if not any((texts.title, texts.what_changed, texts.why_it_matters, texts.next_steps.strip("- \n"))):
        return Empty("the answer holds empty texts")
    return texts


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _can_be_stored(texts: Sequence[str]) -> bool:
    """Half a surrogate pair is valid JSON, and no character."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def _paragraphs(texts: Sequence[str]) -> str:
    return "\n\n".join(text for text in texts if text)


def _bullet(text: str) -> str:
    return text if text.startswith("- ") else f"- {text}"


def _plain(text: str) -> str:
    """What a server says of itself, as plain words of a bounded length."""
    return plain_text(text[:2000].encode(errors="replace").decode(), LONGEST_REASON)


def retry_delay_s(retry_after: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date (RFC 9110). None where it is neither."""
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _seconds_until(retry_after, now)
    return seconds if 0 <= seconds < 1e9 else None


def _seconds_until(date_text: str, now: datetime) -> float:
    try:
        at = parsedate_to_datetime(date_text)
    except (ValueError, OverflowError):
        return -1.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)
