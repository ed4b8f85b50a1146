"""The writer on a language model, against a server that speaks the Responses API and fails in every known way."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from openai.types.responses import Response  # noqa: TID251 - the contract that the scripted server has to keep

from muse_domain.drafts import Draft, Empty, Invalid, NoDraft, NoPrice, Quota, Rejected, TimedOut, Unavailable
from muse_resources.openai_writer import ATTEMPTS, OpenAIWriter
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.spenders import KEY, PRICE, RUN, task, writer_of
from tests.scripted_model import (
    MODEL,
    ScriptedModel,
    cuts,
    drips,
    error,
    hangs_up,
    honest,
    is_silent,
    refuses,
    response,
    scripted_model,
    sends,
    spoken,
)


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with scripted_model(honest()) as model:
        yield model


def events(engine: Client) -> list[dict[str, Any]]:
    result = engine.query("SELECT * FROM llm_events ORDER BY attempt, operation")
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


def test_the_scripted_server_speaks_the_clients_own_types() -> None:
    """Its whole answers are what the official client's models accept, strictly."""
    for body in (response([spoken("x")]), response([{"type": "refusal", "refusal": "x"}])):
        assert Response.model_validate(body).output[1].type == "message"


def test_a_draft_is_paid_for_and_noted(warehouse: ClickHouseWarehouse, engine: Client, server: ScriptedModel) -> None:
    """Usage, cost, latency and the server's name of the call stand in llm_events; the key went along in its header."""
    draft = writer_of(warehouse, server.url).write(task())
    assert isinstance(draft, Draft)
    assert (draft.writer, draft.model, draft.tokens_in, draft.tokens_out) == ("openai", MODEL, 1500, 400)
    assert draft.cost_usd == 0.0010625 and len(draft.prompt_hash) == 64
    [asked] = server.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}" and asked.body["store"] is False
    assert asked.body["max_output_tokens"] == 6000 and asked.body["text"]["format"]["strict"] is True
    [event] = events(engine)
    assert (str(event["run_id"]), event["day"], event["episode_day"]) == (RUN, date(2026, 9, 9), date(2026, 9, 8))
    assert (event["source"], event["status"], event["request_id"]) == ("council", "draft", "req_1")
    assert event["latency_ms"] > 0 and event["prompt_hash"] == draft.prompt_hash
    assert asked.headers["x-client-request-id"] == str(event["call_id"])


def test_the_same_question_is_asked_once(warehouse: ClickHouseWarehouse, server: ScriptedModel) -> None:
    """By whichever process: what was paid for lies in the warehouse. Other facts are another question."""
    first = writer_of(warehouse, server.url).write(task())
    server.says(error(500))
    again = writer_of(warehouse, server.url).write(task())
    assert server.asked == [] and isinstance(first, Draft) and isinstance(again, Draft)
    assert again.sections == first.sections and (again.tokens_in, again.cost_usd) == (0, 0.0)
    server.says(honest())
    writer_of(warehouse, server.url).write(task(1))
    writer_of(warehouse, server.url, model="n", prices=[{**PRICE, "model": "n"}]).write(task())
    writer_of(warehouse, server.url, max_output_tokens=5000).write(task())
    assert len(server.asked) == 3


NOTHING = sends(b'{"output": [], "usage": {"input_tokens": 9, "output_tokens": 0}}')


@pytest.mark.parametrize("script", [refuses("No."), cuts(), NOTHING])
def test_an_answer_that_is_no_draft_is_not_paid_for_twice(
    warehouse: ClickHouseWarehouse, server: ScriptedModel, script: Any
) -> None:
    """The same question would cost the same again."""
    server.says(script, honest())
    outcome = writer_of(warehouse, server.url).write(task())
    assert writer_of(warehouse, server.url).write(task()) == outcome
    assert isinstance(outcome, NoDraft) and len(server.asked) == 1


@pytest.mark.parametrize("script", [sends(b"<html>a proxy's page</html>"), error(500), error(401), hangs_up()])
def test_a_failure_is_not_remembered(warehouse: ClickHouseWarehouse, server: ScriptedModel, script: Any) -> None:
    """Nobody paid for an answer: the next build asks again."""
    server.says(script)
    assert isinstance(writer_of(warehouse, server.url).write(task()), NoDraft)
    server.says(honest())
    assert isinstance(writer_of(warehouse, server.url).write(task()), Draft)


def test_a_pause_that_the_server_asks_for_is_kept(
    warehouse: ClickHouseWarehouse, engine: Client, server: ScriptedModel
) -> None:
    """Retry-After in seconds, then as a date, then the draft; every attempt is a row."""
    slept: list[float] = []
    at = "Wed, 09 Sep 2026 12:00:30 GMT"
    server.says(error(429, "slow", "rate_limit_exceeded", Retry_After="7"), error(503, Retry_After=at), honest())
    assert isinstance(writer_of(warehouse, server.url, sleep=slept.append).write(task()), Draft)
    assert slept == [7.0, 30.0] and len(server.asked) == 3
    noted = [(event["attempt"], event["status"], event["cost_usd"] is None) for event in events(engine)]
    assert noted == [(1, "quota", False), (2, "unavailable", True), (3, "draft", False)]


def test_without_a_pause_the_wait_doubles(warehouse: ClickHouseWarehouse, server: ScriptedModel) -> None:
    """And the attempts are bounded."""
    slept: list[float] = []
    server.says(error(500))
    outcome = writer_of(warehouse, server.url, sleep=slept.append).write(task())
    assert isinstance(outcome, Unavailable)
    assert slept == [1.5, 3.0] and len(server.asked) == ATTEMPTS


def test_a_pause_that_is_too_long_is_not_waited_for(warehouse: ClickHouseWarehouse, server: ScriptedModel) -> None:
    """The day goes on with the templates."""
    slept: list[float] = []
    server.says(error(429, "tomorrow", Retry_After="3600"))
    assert isinstance(writer_of(warehouse, server.url, sleep=slept.append).write(task()), Quota)
    assert slept == [] and len(server.asked) == 1


@pytest.mark.parametrize(
    ("script", "kind", "requests"),
    [
        (error(429, "used up", "insufficient_quota"), Quota, 1),
        (error(400, "bad"), Rejected, 1),
        (error(401, "wrong key"), Rejected, 1),
        (error(500, **{"x_should_retry": "false"}), Unavailable, 1),
        (hangs_up(), Unavailable, ATTEMPTS),
        (hangs_up(5000), Unavailable, ATTEMPTS),
        (is_silent(2), TimedOut, 1),
        (drips(3), TimedOut, 1),
        (sends(b"x" * 10_000_000), Invalid, 1),
        (sends(b"{", Content_Encoding="gzip"), Invalid, 1),
        (sends(b"", 302, Location="http://127.0.0.1:1/"), Rejected, 1),
    ],
)
def test_each_failure_is_asked_as_often_as_makes_sense(
    warehouse: ClickHouseWarehouse, server: ScriptedModel, script: Any, kind: type[NoDraft], requests: int
) -> None:
    """What stays as it is is not asked again; a redirect is not followed with the key."""
    server.says(script)
    limit_s = 0.7 if kind is TimedOut else 60.0  # only silence is to run into it, however slow the machine is
    outcome = writer_of(warehouse, server.url, timeout_s=limit_s).write(task())
    assert type(outcome) is kind and len(server.asked) == requests


def test_a_server_that_is_not_there_costs_nothing(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """What was never sent is not counted."""
    outcome = writer_of(warehouse, "http://127.0.0.1:9/v1").write(task())
    assert isinstance(outcome, Unavailable) and {event["cost_usd"] for event in events(engine)} == {0}


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines", "sk-\x00"])
def test_a_key_that_fits_in_no_header_is_not_shown(
    warehouse: ClickHouseWarehouse, server: ScriptedModel, engine: Client, key: str
) -> None:
    """The reason names the fault and not the key."""
    outcome = writer_of(warehouse, server.url, key=key).write(task())
    assert isinstance(outcome, Unavailable) and server.asked == []
    assert key not in outcome.reason and {event["attempt"] for event in events(engine)} == {1}


def test_a_key_that_the_server_repeats_is_not_stored(
    warehouse: ClickHouseWarehouse, server: ScriptedModel, engine: Client
) -> None:
    """Some servers quote the wrong key in their complaint."""
    server.says(error(401, f"Incorrect API key provided: {KEY}."))
    outcome = writer_of(warehouse, server.url).write(task())
    assert isinstance(outcome, Rejected) and "Incorrect API key" in outcome.reason
    assert KEY not in outcome.reason and KEY not in str(events(engine))


def test_openai_itself_is_not_asked_without_a_key(warehouse: ClickHouseWarehouse) -> None:
    """A server of one's own may need none."""
    outcome = writer_of(warehouse, "https://api.openai.com/v1", key=None).write(task())
    assert isinstance(outcome, Rejected) and "OPENAI_API_KEY is not set" in outcome.reason
    with scripted_model(honest()) as own:
        assert isinstance(writer_of(warehouse, own.url, key=None).write(task()), Draft)


def test_no_price_no_call(warehouse: ClickHouseWarehouse, server: ScriptedModel) -> None:
    """Before the first day of its price a model is not asked."""
    early = writer_of(warehouse, server.url, at=datetime(2025, 12, 31, 23, tzinfo=UTC))
    outcome = early.write(task())
    assert isinstance(outcome, NoPrice) and "[[writer.prices]]" in outcome.reason and server.asked == []


def test_a_server_without_a_price_is_free_and_needs_no_budget(
    warehouse: ClickHouseWarehouse, server: ScriptedModel
) -> None:
    """A model on a machine of one's own: price and budget are zero, and said to be."""
    free = [{"model": MODEL, "from": "2026-01-01", "input_per_1m": 0, "output_per_1m": 0}]
    draft = writer_of(warehouse, server.url, prices=free, daily_budget_usd=0).write(task())
    assert isinstance(draft, Draft) and draft.cost_usd == 0.0 and draft.tokens_in == 1500


def test_without_findings_nobody_is_asked(warehouse: ClickHouseWarehouse, server: ScriptedModel) -> None:
    """A quiet day costs nothing."""
    assert isinstance(writer_of(warehouse, server.url).write(replace(task(), subjects=[])), Empty)
    assert server.asked == []


def test_the_state_names_model_server_and_what_is_left(warehouse: ClickHouseWarehouse, server: ScriptedModel) -> None:
    """What `muse status` shows; asking costs nothing."""
    writer: OpenAIWriter = writer_of(warehouse, server.url)
    host = server.url.removeprefix("http://").removesuffix("/v1")
    assert writer.state() == f"{MODEL} at {host}, $1.00 of $1.00 left today"
    writer.write(task())
    assert writer.state() == f"{MODEL} at {host}, $0.998938 of $1.00 left today"
    with pytest.raises(OSError, match="OPENAI_API_KEY is not set"):
        writer_of(warehouse, "https://api.openai.com/v1", key=None).state()


def test_the_client_is_imported_only_to_ask() -> None:
    """It costs most of a second, and most processes never ask."""
    look = "import sys, muse_resources.adapters; print('openai' in sys.modules or 'httpx2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
