"""Documents into events, inside the engine: batches, arrays, stored events, export requests, and garbage."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import chdb
import pytest

from muse_domain.event_formats.event_format import path_parts, stated
from muse_domain.event_formats.registry import FORMATS, EventFormat, event_format

SQL = Path(__file__).parents[2] / "muse_resources" / "sql" / "unpack"
EXAMPLES = Path(__file__).parents[1] / "domain" / "event_formats" / "examples"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "events"
NAMES = sorted(path.stem for path in SQL.glob("*.sql"))
ENVELOPES = {
    **dict.fromkeys(("batch", "posthog", "rudderstack"), "batch"),
    "datadog_rum": "data",
    "otlp_logs": "resourceLogs",
    "otlp_spans": "resourceSpans",
}
UNPACKING = [known for known in FORMATS if known.unpack]


@cache
def expression(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def unpack(name: str, *documents: str) -> list[list[str]]:
    """The events of each document, as texts."""
    rows = ", ".join(literal(document) for document in documents)
    query = f"SELECT {expression(name)} AS events FROM (SELECT arrayJoin([{rows}]) AS document)"
    return [row["events"] for row in json.loads(str(chdb.query(query, "JSON")))["data"]]


def events(name: str, *documents: str) -> list[Any]:
    """All events of all documents, decoded."""
    return [json.loads(event) for found in unpack(name, *documents) for event in found]


def texts(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return text.splitlines() if path.suffix == ".jsonl" else [text]


def real(name: str) -> str:
    if not (REAL / name).is_file():
        pytest.skip(f"no real events beside the repository: {name} is not there")
    return (REAL / name).read_text(encoding="utf-8")


def test_every_expression_belongs_to_a_format() -> None:
    """And every format's is there."""
    assert set(NAMES) == {known.unpack for known in UNPACKING}


@pytest.mark.parametrize("known", UNPACKING, ids=lambda known: known.name)
def test_examples_unpack_into_their_events(known: EventFormat) -> None:
    """The unpacked examples that the formats' own tests read are what the engine makes of the documents."""
    paths = [
        path for path in EXAMPLES.glob("*.json*") if path.stem.removeprefix(known.name) in ("", "_batch", "_search")
    ]
    assert paths
    for path in paths:
        unpacked = EXAMPLES / "unpacked" / f"{path.stem}.jsonl"
        expected = texts(unpacked) if unpacked.is_file() else texts(path)
        assert events(known.unpack, *texts(path)) == [json.loads(line) for line in expected]


@pytest.mark.parametrize("known", UNPACKING, ids=lambda known: known.name)
def test_the_engine_follows_the_paths_of_a_format(known: EventFormat) -> None:
    """Keys with dots and dollar signs are found as the formats' own tests find them."""
    names = ("ts", "event_type", "event_id", "session", "actor", "commit", "latency", "user_agent", "metadata")
    paths = [path for name in names for path in getattr(known.fields, name)]
    steps = ", ".join(f"JSONExtractString(event, {', '.join(map(literal, path_parts(path)))})" for path in paths)
    for event in events(known.unpack, *texts(next(EXAMPLES.glob(f"{known.name}.json*")))):
        query = f"SELECT [{steps}] AS found FROM (SELECT {literal(json.dumps(event))} AS event)"
        (row,) = json.loads(str(chdb.query(query, "JSON")))["data"]
        assert row["found"] == [as_text(stated(event, path)) for path in paths]


def as_text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


GARBAGE = [
    "", " ", "hello", "nul", "5", '"text"', "null", "true", "{}", "{", "[1, 2", '{"batch": [1, 2', '{"a": 1} {"a": 2}',
    '{"data": 5}', '{"batch": {}}', '{"batch": "[]"}', '{"resourceLogs": null}',
    '{"resourceSpans": {"scopeSpans": []}}', "[" * 2000 + "]" * 2000,
    '{"type": 1e999}', '{"type": "\\ud800"}', "a\tb\tpage_view\t\t",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_no_events_is_handed_on(name: str) -> None:
    """The mapping refuses it with its reason; nothing raises, and nothing vanishes."""
    for document, found in zip(GARBAGE, unpack(name, *GARBAGE), strict=True):
        assert len(found) == 1, document
        if found[0] != document:
            assert json.loads(found[0]).keys() - {"muse"} == json.loads(document).keys()


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("otlp")])
def test_an_array_is_its_elements(name: str) -> None:
    """However it is printed; what is no object is handed on as it is."""
    array = '\n[\n  {"a": "é\\n\\"", "n": 12345678901234567890},\n  5, null, "x", []\n]\n'
    first, *others = unpack(name, array)[0]
    assert others == ["5", "null", '"x"', "[]"]
    assert json.loads(first)["a"] == 'é\n"'
    assert json.loads(first)["n"] == 12345678901234567890


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_container_is_no_event(name: str) -> None:
    """That is how a caller tells an empty document from one that cannot be read."""
    empty = f'{{"{ENVELOPES[name]}": []}}' if name in ENVELOPES else "[]"
    assert unpack(name, empty) == [[]]
    if not name.startswith("otlp"):
        assert unpack(name, " [ ] ") == [[]]


@pytest.mark.parametrize("name", ["rudderstack", "datadog_rum", "batch", "posthog", "snowplow", "list"])
def test_an_event_keeps_what_it_states(name: str) -> None:
    """Unpacking adds a key and changes none, so that muse.toml may map any of them."""
    event = {"type": "view", "context": {"a.b": [1, {"c": None}], "ü": "\u2028"}, "big": 2**63, "small": 1e-7}
    (found,) = events(name, json.dumps(event))
    found.pop("muse", None)
    assert found == event


@pytest.mark.parametrize("name", ["rudderstack", "datadog_rum"])
def test_fields_of_another_type_are_not_stated(name: str) -> None:
    """Wrong types give an event that states less."""
    for wrong in (5, None, [], [1], {}, {"id": 5}, "x", True):
        document = dict.fromkeys(("context", "action", "session", "ddtags", "attributes"), wrong) | {"type": "action"}
        (found,) = events(name, json.dumps(document))
        assert found["muse"]["type"] == "action"
        assert not found["muse"].get("session")


@pytest.mark.parametrize(
    ("call", "kind"), [("track", "Opened"), ("Track", "Opened"), ("TRACK", "Opened"), ("Page", "page")]
)
def test_a_call_of_rudderstack_may_be_written_large(call: str, kind: str) -> None:
    """RudderStack itself does not tell them apart: the name of what was tracked would be lost."""
    (event,) = events("rudderstack", json.dumps({"type": call, "event": "Opened"}))
    assert event["muse"]["type"] == kind


@pytest.mark.parametrize("told", [{"a": 1}, {}, [1], [], None, ""])
def test_a_session_of_rudderstack_is_a_number_or_a_text(told: object) -> None:
    """An object or a list names no session."""
    (event,) = events("rudderstack", json.dumps({"anonymousId": "u", "context": {"sessionId": told}}))
    assert event["muse"]["session"] == ""


def test_posthogs_properties_may_be_a_text() -> None:
    """As in exports to Parquet; a text that is no JSON stays what it is, and the session is not stated."""
    row = {"uuid": "u", "event": "é", "properties": json.dumps({"$session_id": "s", "n": 1, "q": '"\\'}), "set": None}
    (event,) = events("posthog", json.dumps(row))
    assert event == row | {"properties": {"$session_id": "s", "n": 1, "q": '"\\'}}
    broken = row | {"properties": "{"}
    assert events("posthog", json.dumps(broken)) == [broken]


def test_the_context_of_a_segment_batch_holds_for_its_calls() -> None:
    """Some SDKs, as Java's, state their library once; what a call states itself wins."""
    shared = {"library": {"name": "analytics-java"}, "app": {"version": "1"}}
    calls: list[Any] = [{"type": "page"}, {"context": {}}, {"context": None}, {"context": {"app": {"version": "2"}}}]
    others: list[Any] = [5, None, {}, []]
    found = unpack("batch", json.dumps({"batch": calls + others, "context": shared}))[0]
    assert [json.loads(one) for one in found[len(calls) :]] == others
    shape = "Tuple(type String, context Tuple(app Tuple(version String), library Tuple(name String)))"
    rows = ", ".join(literal(one) for one in found[: len(calls)])
    query = f"SELECT JSONExtract(arrayJoin([{rows}]), '{shape}') AS call"
    read = [row["call"] for row in json.loads(str(chdb.query(query, "JSON")))["data"]]
    assert [call["context"]["app"]["version"] for call in read] == ["1", "1", "1", "2"]
    assert {call["context"]["library"]["name"] for call in read} == {"analytics-java"}
    assert [call["type"] for call in read] == ["page", "", "", ""]


@pytest.mark.parametrize("context", [None, {}, [], "x", 5])
def test_a_segment_batch_without_a_context_keeps_its_calls(context: object) -> None:
    """As they are."""
    call = {"type": "page", "context": {"app": {"version": "1"}}}
    assert events("batch", json.dumps({"batch": [call], "context": context})) == [call]


ZEROS = "00000000-0000-0000-0000-000000000000"
CLIENT_SESSION = "contexts_com_snowplowanalytics_snowplow_client_session_1"


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", " :\t")])
def test_an_id_of_zeros_names_nobody_in_snowplow(separators: tuple[str, str]) -> None:
    """Collectors write it for everybody who is tracked anonymously: they would be one visitor with one session."""
    event = {"network_userid": ZEROS, "user_id": "u", CLIENT_SESSION: [{"userId": ZEROS, "sessionId": ZEROS}]}
    kept = {"page_title": f'a "{ZEROS}" b', ZEROS: f"/{ZEROS}", "list": [ZEROS, f'x,"{ZEROS}']}
    (found,) = events("snowplow", json.dumps(event | kept, separators=separators))
    session = found.pop("muse")["session"]
    assert (session, found.pop("network_userid"), found.pop("user_id")) == ("", None, "u")
    assert found == {CLIENT_SESSION: [{"userId": None, "sessionId": None}], **kept, "list": [None, kept["list"][1]]}


@pytest.mark.parametrize("name", ["sessionId", "session_id"])
def test_a_mobile_session_of_snowplow_has_two_names(name: str) -> None:
    """Loaders that write Parquet name the fields of an entity in snake case."""
    (event,) = events("snowplow", json.dumps({CLIENT_SESSION: [{name: "s", "user_id": "u"}]}))
    assert event["muse"] == {"session": "s"}


def test_who_is_tracked_by_posthog_without_cookies_is_nobody() -> None:
    """Libraries send one word for everybody: all of them would be one person with one session."""
    nobody = "$posthog_cookieless"
    properties = {"distinct_id": nobody, "$session_id": None, "text": f'a "{nobody}" b', nobody: f"{nobody}!"}
    batch = {"batch": [{"event": "a", "distinct_id": nobody, "properties": properties}, {"distinct_id": "x"}]}
    first, second = events("posthog", json.dumps(batch, indent=1))
    assert (first["distinct_id"], first["properties"]) == (None, properties | {"distinct_id": None})
    assert second == {"distinct_id": "x"}


def test_an_own_key_of_our_name_does_not_win() -> None:
    """The first of two equal keys is the one that the engine reads."""
    (event,) = unpack("rudderstack", '{"type": "page", "muse": {"type": "forged"}}')[0]
    query = f"SELECT JSONExtract({literal(event)}, 'Tuple(muse Tuple(type String))').muse.type AS found"
    assert json.loads(str(chdb.query(query, "JSON")))["data"] == [{"found": "page"}]


def test_a_stored_event_of_another_product_is_not_unwrapped() -> None:
    """Only attributes within attributes are an event of the search API."""
    assert events("datadog_rum", '{"data": [{"id": "1", "attributes": {"a": 1}}, 5]}') == [
        {
            "muse": {"type": "", "id": "1", "time": "", "duration": "", "commit": ""},
            "id": "1",
            "attributes": {"a": 1},
        },
        5,
    ]


@pytest.mark.parametrize("kind", [{"mail": "ada@example.org"}, ["ada@example.org"], 5, True, None, ""])
def test_the_kind_of_a_datadog_action_is_a_text(kind: object) -> None:
    """Whatever else stood there would become the type of the event, with all that it holds."""
    (event,) = events("datadog_rum", json.dumps({"type": "action", "action": {"type": kind}}))
    assert event["muse"]["type"] == "action"


@pytest.mark.parametrize(
    ("beside", "own", "service"),
    [("shop \\1", {}, "shop \\1"), ("shop", {"service": "own"}, "own"), (None, {}, None), ({"a": 1}, {}, None)],
)
def test_the_service_of_a_stored_datadog_event_may_stand_beside_it(
    beside: object, own: dict[str, str], service: str | None
) -> None:
    """As the search API documents it; the event's own wins, the first of two equal keys."""
    attributes = {"service": beside, "attributes": {"type": "view", **own}}
    (event,) = unpack("datadog_rum", json.dumps({"data": [{"type": "rum", "attributes": attributes}]}))[0]
    query = f"SELECT JSONExtract({literal(event)}, 'Tuple(service Nullable(String))').service AS found"
    assert json.loads(str(chdb.query(query, "JSON")))["data"] == [{"found": service}]


@pytest.mark.parametrize(
    ("tags", "commit"),
    [
        ("env:prod,git.commit.sha:" + "aB" * 20, "aB" * 20),
        ("git.commit.sha:abc1234", ""),
        ("gitXcommit.sha:" + "a" * 40, ""),
        ("", ""),
    ],
)
def test_only_a_full_hash_is_a_commit(tags: str, commit: str) -> None:
    """A short one names no commit for sure."""
    (event,) = events("datadog_rum", json.dumps({"type": "view", "ddtags": tags}))
    assert event["muse"]["commit"] == commit


def otlp(record: object, kind: str = "Log") -> str:
    scopes = {f"scope{kind}s": [{"logRecords" if kind == "Log" else "spans": [record]}]}
    return json.dumps({f"resource{kind}s": [{"resource": {}, **scopes}]})


@pytest.mark.parametrize("record", [5, None, "x", [], {}, {"attributes": 5, "body": 5, "status": 5, "traceId": 5}])
@pytest.mark.parametrize("name", ["otlp_logs", "otlp_spans"])
def test_a_broken_record_is_an_event_without_a_time(name: str, record: object) -> None:
    """So that the mapping refuses it, and counts it."""
    (event,) = events(name, otlp(record, "Log" if name == "otlp_logs" else "Span"))
    assert event["timeUnixNano"] == ""
    assert event["attributes"] == {}


@pytest.mark.parametrize("name", ["otlp_logs", "otlp_spans"])
def test_broken_groups_hold_no_events(name: str) -> None:
    """A request whose groups are of the wrong type is as empty as one without groups."""
    key = ENVELOPES[name]
    scopes = key.replace("resource", "scope")
    wrong: list[object] = [5, {}, None, {scopes: 5}, {scopes: [5, {}]}, {scopes: [{"spans": 5, "logRecords": {}}]}]
    for group in wrong:
        assert unpack(name, json.dumps({key: [group]})) == [[]]


def test_attributes_keep_their_dots_and_their_types() -> None:
    """Texts that look like numbers stay texts; lists and maps, and values of no type, are not read."""
    values = {
        "a.b": {"stringValue": "007"}, 'q"\\': {"stringValue": 'x"\\\n'}, "i": {"intValue": "-12"},
        "n": {"intValue": 12},
        "d": {"doubleValue": 0.5}, "nan": {"doubleValue": "NaN"}, "t": {"boolValue": True}, "e": {"stringValue": ""},
        "l": {"arrayValue": {"values": []}}, "m": {"kvlistValue": {"values": []}}, "y": {"bytesValue": "AA=="}, "z": {},
        "w": 5,
    }  # fmt: skip
    attributes = [{"key": key, "value": value} for key, value in values.items()]
    (event,) = events("otlp_logs", otlp({"attributes": [*attributes, {"key": "bare"}]}))
    assert event["attributes"] == {
        "a.b": "007", 'q"\\': 'x"\\\n', "i": "-12", "n": 12, "d": 0.5, "nan": "NaN", "t": True, "e": "",
        "l": None, "m": None, "y": None, "z": None, "w": None, "bare": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "duration"),
    [
        ("1788256800500000000", "1788256800500000001", "1"),
        (1788256800500000000, 1788256801500000000, "1000000000"),
        ("1788256800500000000", "1788256800500000000", "0"),
        ("1788256800500000000", "0", ""),
        ("0", "1788256800500000000", ""),
        ("1788256800500", "1788256801500", ""),
        (1788256800500000, 1788256801500000, ""),
        ("x", "1788256800500000000", ""),
        ("1788256800500000000", None, ""),
        (-1, 5, ""),
    ],
)
def test_a_duration_needs_both_ends_in_order(start: object, end: object, duration: str) -> None:
    """To the nanosecond: numbers of 19 digits are not rounded."""
    (event,) = events("otlp_spans", otlp({"startTimeUnixNano": start, "endTimeUnixNano": end}, "Span"))
    assert event["durationNano"] == duration


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Navigation: /account#top?token=s3cret&mail=ada@example.org", "Navigation: /account"),
        ("HTTP GET https://shop.example.org/?q=a b\nc", "HTTP GET https://shop.example.org/"),
        ("fetch https://ada:s3cret@shop.example.org/a#b", "fetch https://shop.example.org/a"),
        ("https://ada@shop.example.org/@x", "https://shop.example.org/@x"),
        ("GET https://shop.example.org/a@b", "GET https://shop.example.org/a@b"),
        ("GET /users/:id", "GET /users/:id"),
        ("what? C# and more", "what? C# and more"),
        ("", ""),
    ],
)
def test_the_name_of_a_span_holds_no_query(told: str, name: str) -> None:
    """A browser's instrumentation names a navigation by the whole address, and it becomes the type of the event. Nor
    does it hold who logs in by the address."""
    assert [event["name"] for event in events("otlp_spans", otlp({"name": told}, "Span"))] == [name]


def test_the_scopes_and_resources_of_records_do_not_mix() -> None:
    """Each record has those of its own group."""

    def group(name: str, *scopes: str) -> dict[str, Any]:
        attributes = [{"key": "service.name", "value": {"stringValue": name}}]
        parts = [{"scope": {"name": scope}, "logRecords": [{"eventName": scope}] * 2} for scope in scopes]
        return {"resource": {"attributes": attributes}, "scopeLogs": parts}

    found = events(
        "otlp_logs", json.dumps({"resourceLogs": [group("one", "a", "b"), group("two"), group("three", "c")]})
    )
    assert [(event["resource"]["service.name"], event["scope"], event["name"]) for event in found] == [
        *[("one", "a", "a")] * 2,
        *[("one", "b", "b")] * 2,
        *[("three", "c", "c")] * 2,
    ]


@pytest.mark.parametrize(("kind", "records"), [("Log", "logs"), ("Log", "logRecords"), ("Span", "spans")])
def test_exports_from_before_2022_name_scopes_otherwise(kind: str, records: str) -> None:
    """Instrumentation libraries; the new name counts where a request carries both. What happened was a log's `name`."""
    old = [{"instrumentationLibrary": {"name": "old"}, records: [{"name": "a"}] * 2}]
    new = [{"scope": {"name": "new"}, "spans": [{"name": "b"}], "logRecords": [{"name": "x", "eventName": "b"}]}]
    groups: list[dict[str, Any]] = [
        {f"instrumentationLibrary{kind}s": old},
        {f"instrumentationLibrary{kind}s": old, f"scope{kind}s": []},
        {f"instrumentationLibrary{kind}s": old, f"scope{kind}s": new},
    ]
    found = events(f"otlp_{kind.lower()}s", json.dumps({f"resource{kind}s": groups}))
    assert [(event["scope"], event["name"]) for event in found] == [*[("old", "a")] * 4, ("new", "b")]


@pytest.mark.parametrize(
    ("told", "kind", "status"),
    [
        ({"kind": 3, "status": {"code": 2}}, 3, 2),
        ({"kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR"}}, 3, 2),
        ({"kind": "SPAN_KIND_INTERNAL", "status": {"code": "STATUS_CODE_OK"}}, 1, 1),
        ({"kind": "SPAN_KIND_UNSPECIFIED", "status": {"code": "STATUS_CODE_UNSET"}}, 0, 0),
        ({"kind": "other", "status": {}}, 0, 0),
        ({}, 0, 0),
    ],
)
def test_an_enumeration_may_be_a_word(told: dict[str, Any], kind: int, status: int) -> None:
    """As the printers of protobuf write it: it means the same number."""
    (event,) = events("otlp_spans", otlp(told, "Span"))
    assert (event["kind"], event["status"]) == (kind, status)


def test_a_real_export_of_logs_is_unpacked() -> None:
    """OpenTelemetry's own example: a line of a log, so it has a time and no type."""
    (event,) = events("otlp_logs", real("otlp_logs.json"))
    assert event["timeUnixNano"] == "1544712660300000000"
    assert event["attributes"]["string.attribute"] == "some string"
    assert event["resource"] == {"service.name": "my.service"}
    fields = event_format("otlp_logs").fields
    assert [stated(event, path) for path in fields.event_type] == [None, None]


def test_a_real_datadog_action_is_unpacked() -> None:
    """Its type, id and wait are under `muse`."""
    (event,) = events("datadog_rum", real("rum_action.json"))
    assert event.pop("muse") == {
        "type": "action.click",
        "id": "47af0abb-3de1-4170-a491-4473716df979",
        "time": "",
        "duration": "566250000",
        "commit": "",
    }
    assert event == json.loads(real("rum_action.json"))


def test_real_rudderstack_calls_are_unpacked() -> None:
    """RudderStack's own fixture: an array of one track call, without a session."""
    queue = json.loads(real("rudder_engagement_track.json"))["output"]["queue"]
    (event,) = events("rudderstack", json.dumps(queue, indent=1))
    assert event.pop("muse") == {"type": "Release Announcement", "session": ""}
    assert [event] == queue


def test_real_json_lines_pass_unchanged() -> None:
    """A line that is an event stays the very text that it was."""
    lines = real("visitor_events.jsonl").splitlines()[:50]
    assert unpack("list", *lines) == [[line] for line in lines]
