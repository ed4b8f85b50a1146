"""What each format reads of its example events, and of the real ones."""

from typing import Any

import pytest

from muse_domain.event_formats.event_format import EventFields, stated
from muse_domain.event_formats.registry import FORMATS, event_format

COLUMNS = ("ts", "event_type", "event_id", "session", "actor", "commit", "latency", "user_agent")
CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
# The examples are about Ada, who is called by her name, her address and her machine.
ADA = ("ada", "192.0.2.7", "/account")


def read(fields: EventFields, event: Any) -> dict[str, Any]:
    """The stated columns of an event, the first statement of each; what is not stated is left out."""
    found = {
        column: next((value for path in getattr(fields, column) if (value := stated(event, path)) is not None), None)
        for column in COLUMNS
    }
    return {column: value for column, value in found.items() if value is not None}


def metadata(fields: EventFields, event: Any) -> dict[str, Any]:
    return {path: value for path in fields.metadata if (value := stated(event, path)) is not None}


@pytest.fixture
def columns(example_events: dict[str, list[Any]]) -> Any:
    """Reads an example by its stem and its format's name."""

    def columns_of(stem: str, name: str) -> list[dict[str, Any]]:
        return [read(event_format(name).fields, event) for event in example_events[stem]]

    return columns_of


def test_segment_prefers_the_corrected_time_and_the_tracked_name(columns: Any) -> None:
    """`timestamp` before the device's clock; the time of sending is no time of an event."""
    device = "23adfd82-aa0f-45a7-a756-24f2a7a4c895"
    assert columns("segment", "segment") == [
        {
            "ts": "2026-09-01T10:00:00.500Z",
            "event_type": "Search Submitted",
            "event_id": "ajs-f8ca1e4de5024d9430b3928bd8ac6b96",
            "actor": device,
            "user_agent": CHROME,
        },
        {
            "ts": "2026-09-01T10:00:04.000Z",
            "event_type": "page",
            "event_id": "ajs-0002",
            "actor": device,
            "user_agent": CHROME,
        },
        {
            "ts": "2026-09-01T10:01:00.000Z",
            "event_type": "identify",
            "event_id": "ajs-0003",
            "actor": "ada@example.com",
        },
    ]
    sent = {"type": "track", "event": "a", "messageId": "1", "sentAt": "2026-09-01T10:00:00Z", "receivedAt": "x"}
    assert "ts" not in read(event_format("segment").fields, sent)


def test_a_segment_batch_is_its_calls(columns: Any) -> None:
    """As SDKs send them."""
    assert [(row["event_type"], row["actor"]) for row in columns("segment_batch", "segment")] == [
        ("Report Opened", "ada@example.com"),
        ("screen", "device-1"),
    ]


def test_rudderstack_sessions_belong_to_a_device(columns: Any) -> None:
    """Two devices whose sessions began in the same millisecond have two sessions; a server has none."""
    first, second = columns("rudderstack", "rudderstack")
    assert first == {
        "ts": "2026-09-01T10:00:00.500Z",
        "event_type": "Search Submitted",
        "event_id": "b6ad3a1f-0b41-4b2a-8f2a-000000000001",
        "session": "1788256800123 6f5a1e2c-3f0d-4c8c-9d0e-000000000001",
        "actor": "6f5a1e2c-3f0d-4c8c-9d0e-000000000001",
        "user_agent": CHROME,
    }
    assert second["session"] == "1788256800123 device-2"
    (server,) = columns("rudderstack_batch", "rudderstack")
    assert server["event_type"] == "Report Opened"
    assert "session" not in server


def test_a_rudderstack_screen_is_no_event_of_its_name(columns: Any) -> None:
    """SDKs for mobiles repeat the screen's name in `event`."""
    assert columns("rudderstack", "rudderstack")[1]["event_type"] == "screen"


def test_posthog_states_sessions_and_ids(columns: Any) -> None:
    """In exports; the capture API's body may have neither."""
    first, second = columns("posthog", "posthog")
    assert first == {
        "ts": "2026-09-01T10:00:00.500000Z",
        "event_type": "$pageview",
        "event_id": "0191ad60-0000-7000-8000-000000000001",
        "session": "0191ad60-0000-7000-8000-0000000000aa",
        "actor": "ada@example.com",
        "user_agent": CHROME,
    }
    assert "session" not in second
    assert columns("posthog_batch", "posthog") == [
        {"ts": "2026-09-01T10:00:00.500Z", "event_type": "query completed", "actor": "ada@example.com"}
    ]


def test_snowplow_prefers_the_derived_time(columns: Any) -> None:
    """And knows three kinds of sessions and types: of browsers, of structured events, of mobiles."""
    web, structured, mobile = columns("snowplow", "snowplow")
    assert web == {
        "ts": "2026-09-01T10:00:00.500Z",
        "event_type": "page_view",
        "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
        "session": "2b15e5c8-d3b1-11e4-b9d6-1681e6b88ec1",
        "actor": "bc2e92ec6c204a14",
        "user_agent": CHROME,
    }
    assert (structured["ts"], structured["event_type"]) == ("2026-09-01T10:00:02.500Z", "add-to-basket")
    assert (mobile["event_type"], mobile["session"]) == ("screen_view", "7f2c0d6e-0000-4000-8000-000000000001")


def test_datadog_reads_by_the_type_of_the_event(columns: Any) -> None:
    """The id and the wait of its own, not those of the action or the view that it names."""
    fields = event_format("datadog_rum").fields
    action, error, view, resource, update = columns("datadog_rum", "datadog_rum")
    assert action == {
        "ts": 1788256800500,
        "event_type": "action.click",
        "event_id": "47af0abb-3de1-4170-a491-4473716df979",
        "session": "cacbf45c-3a05-48ce-b066-d76349460599",
        "actor": "device-1",
        "commit": "c" * 40,
        "latency": "566250000",
    }
    assert (error["event_type"], error["event_id"]) == ("error", "c9ecb486-2200-4b5d-9d53-040030c3765c")
    assert (view["latency"], "commit" in view) == ("4115295000", False)
    assert (resource["event_id"], "latency" in resource) == ("b83a5d82-cdd1-468d-9bc9-3aa9e54d957a", False)
    assert (update["event_type"], update["event_id"]) == ("view", "623d50fd-75cf-4025-97d2-e51ff94171f7")
    assert (fields.latency_unit, fields.error_types) == ("ns", ("error",))


def test_datadogs_search_api_nests_the_event(columns: Any) -> None:
    """What it states around the event fills what the event does not state."""
    (stored,) = columns("datadog_rum_search", "datadog_rum")
    assert stored == {
        "ts": "2026-09-01T10:00:00.500Z",
        "event_type": "action.custom",
        "event_id": "AAAAAWgN8Xwgr1vKDQAAAABBV2dOOFh3ZzZobm1mWXJFYTR0OA",
        "session": "cacbf45c-3a05-48ce-b066-d76349460599",
        "actor": "device-1",
        "commit": "d" * 40,
        "user_agent": CHROME,
    }


def test_otlp_logs_are_events_by_their_name(columns: Any) -> None:
    """The observed time stands in for one of 0; a line of a log has no type, so the mapping refuses it."""
    event, older, line = columns("otlp_logs", "otlp_logs")
    assert event == {
        "ts": "1788256800500000000",
        "event_type": "browser.page_view",
        "event_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "session": "00112233-4455-6677-8899-aabbccddeeff",
        "actor": "ada@example.com",
        "commit": "c" * 40,
        "user_agent": CHROME,
    }
    assert (older["ts"], older["event_type"]) == ("1788256803000000000", "exception")
    assert line == {"ts": "1788256804000000000"}


def test_otlp_spans_last_from_start_to_end(columns: Any) -> None:
    """A span that ends before it starts lasted no known time; ids that are not valid are none."""
    load, click, request = columns("otlp_spans", "otlp_spans")
    assert (load["ts"], load["event_type"], load["latency"]) == ("1788256800500000000", "documentLoad", "812500000")
    assert load["event_id"] == "5b8efff798038103d269b633813fc60c-eee19b7ec3c1b171"
    assert load["session"] == "00112233-4455-6677-8899-aabbccddeeff"
    assert "latency" not in click
    assert "latency" not in request and "event_id" not in request
    assert event_format("otlp_spans").fields.latency_unit == "ns"


@pytest.mark.parametrize("name", ["otlp_logs", "otlp_spans"])
def test_older_names_of_otlp_are_read(name: str) -> None:
    """SDKs follow the conventions of their own time; the newer name wins."""
    fields = event_format(name).fields
    old = {"browser.user_agent": CHROME, "deployment.environment": "staging"}
    event = {"resource": old}
    assert read(fields, event) == {"user_agent": CHROME}
    assert metadata(fields, event) == {'resource."deployment.environment"': "staging"}
    assert read(fields, {"resource": {**old, "user_agent.original": "new"}}) == {"user_agent": "new"}


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_nothing_about_ada_is_stored_as_it_is(known: Any, example_events: dict[str, list[Any]]) -> None:
    """Of what is personal only the session is kept, hashed, and of the user agent its family and version."""
    stems = [stem for stem in example_events if stem in {known.name, f"{known.name}_batch", f"{known.name}_search"}]
    assert stems
    for event in (event for stem in stems for event in example_events[stem]):
        row = read(known.fields, event)
        kept = [row.get(column) for column in ("event_type", "event_id", "commit", "latency")]
        told = str([*kept, *metadata(known.fields, event).items()]).lower()
        assert not [word for word in ADA if word in told], told


def test_the_generic_format_reads_what_its_user_maps() -> None:
    """And nothing by itself."""
    assert event_format("json_lines").fields == EventFields()


def test_real_events_are_read(real_documents: dict[str, list[Any]]) -> None:
    """RudderStack's own fixture and OpenTelemetry's example, with what they leave out."""
    (call,) = real_documents["rudder_engagement_track"][0]["output"]["queue"]
    fields = event_format("rudderstack").fields
    unpacked = call | {"muse": {"type": call["event"], "session": ""}}
    assert read(fields, unpacked) == {
        "ts": "2020-11-13T10:15:39.389Z",
        "event_type": "Release Announcement",
        "event_id": "00000000-0000-0000-0000-000000000000",
        "actor": "New!",
    }
    action = read(event_format("datadog_rum").fields, real_documents["rum_action"][0])
    assert action == {"ts": 1591284428705, "session": "cacbf45c-3a05-48ce-b066-d76349460599"}
