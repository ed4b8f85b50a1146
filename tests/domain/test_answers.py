"""What a server answered: every outcome has its type, whatever the bytes are."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.answers import LONGEST_TEXT, Answer, Reply, Texts, read_reply, read_texts, retry_delay_s
from muse_domain.drafts import Empty, Invalid, NoDraft, Quota, Refused, Rejected, TimedOut, Truncated, Unavailable
from muse_domain.spending import Bound, Usage
from tests.scripted_model import USAGE, response, spoken

BOUND = Bound(8000, 6000)
GOOD = {"title": "{{f1.name}}", "what_changed": ["a", "b"], "why_it_matters": ["c"], "next_steps": ["d", "- e"]}
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def read(body: Any, status: int = 200, **reply: Any) -> Answer:
    return read_reply(Reply(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **reply), BOUND)


def read_text(text: str, **changes: Any) -> Answer:
    return read(response([spoken(text)], **changes))


def test_a_whole_answer_becomes_texts() -> None:
    """Paragraphs are set apart, steps become bullets, and the usage is the server's."""
    answer = read_text(json.dumps(GOOD))
    assert answer.outcome == Texts("{{f1.name}}", "a\n\nb", "c", "- d\n- e")
    assert answer.usage == Usage(1500, 500, 400)
    assert read_texts(answer.text) == answer.outcome


def test_line_breaks_inside_a_paragraph_make_no_markup() -> None:
    """A paragraph is one line: no heading, list or table can begin in it."""
    answer = read_text(json.dumps({**GOOD, "what_changed": ["a\n# b\n\n    code\u2028c"]}))
    assert isinstance(answer.outcome, Texts) and answer.outcome.what_changed == "a # b code c"


@pytest.mark.parametrize(
    "usage",
    [{"input_tokens": 10**12, "output_tokens": 1}, {"input_tokens": -5, "output_tokens": 1},
     {"input_tokens": 5, "output_tokens": 10**9}, {"input_tokens": "many", "output_tokens": True},
     {"input_tokens": 5, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 6}}, [], None, {}],
)  # fmt: skip
def test_usage_that_cannot_be_is_not_taken_for_a_cost(usage: Any) -> None:
    """A server's bill for more than the call could use, or for less than nothing, is no measurement."""
    assert read_text(json.dumps(GOOD), usage=usage).usage is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (read(response([{"type": "refusal", "refusal": "No."}])), Refused),
        (read(response([{"type": "refusal", "refusal": ""}])), Refused),
        (read(response([spoken("{}"), {"type": "refusal", "refusal": "No."}])), Refused),
        (read_text("{", status="incomplete", incomplete_details={"reason": "max_output_tokens"}), Truncated),
        (read_text("{", status="incomplete", incomplete_details={"reason": "content_filter"}), Refused),
        (read_text("{", status="incomplete"), Truncated),
        (read_text('{"title": "cut', usage={"input_tokens": 5, "output_tokens": 6000}), Truncated),
        (read_text("", status="failed", error={"code": "server_error"}), Unavailable),
        (read_text(" "), Empty),
        (read(response([])), Empty),
        (read({"output": None}), Empty),
        (read_text(json.dumps(dict.fromkeys(GOOD, ""))), Invalid),
        (read_text(json.dumps({**{key: [""] for key in GOOD}, "title": " "})), Empty),
        (read_text(json.dumps({**GOOD, "title": "x" * LONGEST_TEXT})), Invalid),
        (read_text(json.dumps({**GOOD, "title": 3})), Invalid),
        (read_text(json.dumps({**GOOD, "more": []})), Invalid),
        (read_text(json.dumps({**GOOD, "next_steps": [None]})), Invalid),
        (read_text(json.dumps({**GOOD, "title": "\ud800"})), Invalid),
        (read_text("[" * 15_000), Invalid),
        (read(b""), Invalid),
        (read(b"\xff\xfe\x00"), Invalid),
        (read(b"NaN"), Invalid),
        (read(b'{"error": "x"}', 429), Quota),
        (read(b"busy", 503), Unavailable),
        (read(b"", 501), Unavailable),
        (read({"error": {"message": "x"}}, 401), Rejected),
        (read(b"", 302), Rejected),
        (read_reply(Reply(loss="late"), BOUND), TimedOut),
        (read_reply(Reply(loss="large"), BOUND), Invalid),
        (read_reply(Reply(loss="cut"), BOUND), Unavailable),
        (read_reply(Reply(loss="unsent"), BOUND), Unavailable),
    ],
)
def test_every_other_answer_has_its_type(answer: Answer, kind: type[NoDraft]) -> None:
    """Refused, cut, empty, invalid, too late, too busy, rejected: each is told apart."""
    assert type(answer.outcome) is kind


@pytest.mark.parametrize(
    ("status", "error", "may_retry", "again"),
    [
        (429, {"code": "rate_limit_exceeded"}, True, True),
        (429, {"code": "rate_limit_exceeded"}, False, False),
        (429, {"code": "insufficient_quota"}, True, False),
        (429, {"type": "insufficient_quota"}, True, False),
        (408, {}, True, True),
        (500, {}, True, True),
        (503, {}, False, False),
        (501, {}, True, False),
        (400, {}, True, False),
        (401, {}, True, False),
        (404, {}, True, False),
    ],
)
def test_only_what_may_pass_is_tried_again(status: int, error: dict[str, str], may_retry: bool, again: bool) -> None:
    """A used-up account or a wrong key stays what it is; `x-should-retry: false` is obeyed."""
    assert read({"error": error}, status, may_retry=may_retry).is_worth_another_try is again


@pytest.mark.parametrize(
    ("reply", "is_free"),
    [(Reply(429), True), (Reply(401), True), (Reply(302), True), (Reply(loss="unsent"), True), (Reply(408), False),
     (Reply(500), False), (Reply(200), False), (Reply(loss="cut"), False), (Reply(loss="late"), False)],
)  # fmt: skip
def test_a_call_is_free_only_when_that_is_certain(reply: Reply, is_free: bool) -> None:
    """Whatever may have reached the model counts in full until somebody says what it cost."""
    assert reply.is_free is is_free


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*USAGE, *response([])]) | st.text(), inner),
)


@settings(max_examples=60)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.integers(200, 599))
def test_nothing_that_a_server_sends_raises(body: bytes, status: int) -> None:
    """Any bytes under any status have an outcome."""
    assert isinstance(read(body, status), Answer)


@settings(max_examples=60)
@given(JSON)
def test_no_shape_of_a_response_raises(value: Any) -> None:
    """Right keys with wrong values."""
    for key in ("output", "usage", "status", "incomplete_details", "error"):
        assert isinstance(read({**response([spoken("x")]), key: value}), Answer)
    for part in ("content", "type"):
        assert isinstance(read({"output": [{"type": "message", "content": [], part: value}]}), Answer)
    assert isinstance(read_text(json.dumps({**GOOD, "title": value, "next_steps": value})), Answer)


def test_what_a_server_says_of_itself_is_plain_and_short() -> None:
    """It ends up in tables and previews: no markup, no link, no control character, no novel."""
    said = "\x1b[31m<b>see</b> https://evil.example | [x](y) " + "z" * 5000
    outcome = read({"error": {"message": said, "code": "c"}}, 500).outcome
    assert isinstance(outcome, Unavailable) and len(outcome.reason) <= 200
    assert not set("<>[]|\x1b").intersection(outcome.reason) and "evil" not in outcome.reason


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0", 0.0), ("2.5", 2.5), ("Tue, 01 Sep 2026 12:00:30 GMT", 30.0),
     ("Tue, 01 Sep 2026 11:00:00 GMT", 0.0), ("", None), ("soon", None), ("-1", None), ("nan", None), ("inf", None),
     ("1e99", None), ("Tue, 99 Sep 2026 12:00:30 GMT", None)],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float | None) -> None:
    """RFC 9110; anything else is no pause that somebody asked for."""
    assert retry_delay_s(header, NOW) == seconds
