"""What a mapping makes of an event: each field of a row, stated or null, never guessed and never personal."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.event_formats.event_format import EventFields
from muse_domain.event_formats.registry import FORMATS
from muse_domain.ports import Row
from muse_domain.settings import EventMapping, EventSource
from muse_resources.event_columns import event_columns
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.event_folder import DAY, EventFolder, event, lines_of

CHROME = "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.61 Safari/537.36"
NOTHING = EventMapping(ts=("at",), event_type=("kind",))


@pytest.fixture
def events(tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client) -> EventFolder:
    return EventFolder(tmp_path / "workspace", warehouse, engine)


def mapped(**paths: Any) -> EventMapping:
    return EventMapping(**{"ts": ("at",), "event_type": ("kind",), **paths})


def read(events: EventFolder, mapping: EventMapping, *objects: dict[str, Any]) -> list[Row]:
    """The rows of these events, in their order; each needs an id of its own or another time."""
    return events.read(lines_of(*objects), mapping=mapping)


def test_a_full_event_fills_every_mapped_column(events: EventFolder) -> None:
    """Dots descend into objects; numbers may come as strings; metadata keeps scalars of any kind."""
    full = event(
        session={"id": "s-1"}, build={"sha": "c" * 40}, took_ms="812.25", panel="it's \"left\"\n",
        size={"width": 640}, person="ada", agent=CHROME,
    )  # fmt: skip
    [row] = events.read(lines_of(full))
    assert row.pop("session_id") is not None
    assert row == {
        "day": DAY,
        "ts": datetime(2026, 9, 1, 10, tzinfo=UTC),
        "event_id": "e1",
        "session_derived": False,
        "commit_sha": "c" * 40,
        "event_type": "query_submit",
        "latency_ms": 812.25,
        "user_agent": "Chrome 126",
        "metadata": {"panel": 'it\'s "left"\n', "size.width": "640"},
        "source_path": "a.jsonl",
        "schema_version": 1,
    }
    assert events.refused == []


def test_what_an_event_does_not_state_is_null(events: EventFolder) -> None:
    """Missing and JSON null are both "not stated": no word "null", no zero, no empty session is made of them."""
    told = {"at": "2026-09-01T10:00:00Z", "kind": "open"}
    nulls = dict.fromkeys(("id", "session", "build", "took_ms", "agent", "panel", "person", "size"))
    inner = {"session": {"id": None}, "build": {"sha": None}, "size": {"width": None}}
    empty = dict.fromkeys(nulls, "")
    rows = events.read(lines_of(told, {**told, **nulls}, {**told, **inner}, {**told, **empty}))
    assert len(rows) == 4
    for row in rows:
        found = {row[name] for name in ("event_id", "session_id", "commit_sha", "latency_ms", "user_agent")}
        assert (found, row["metadata"], row["session_derived"]) == ({None}, {}, False)


def test_the_text_null_is_a_text(events: EventFolder) -> None:
    """Somebody may be called so."""
    [row] = events.read(lines_of(event(id="null", panel="null", session={"id": "null"})))
    assert (row["event_id"], row["metadata"], row["session_id"] is None) == ("null", {"panel": "null"}, False)


def test_columns_that_are_not_mapped_stay_null(events: EventFolder) -> None:
    """No mapping matches nothing, not even a field with an empty name."""
    [row] = read(events, NOTHING, {**event(), "": "x", "session": "s", "nothing": "n", "person": "ada"})
    found = (row["session_id"], row["event_id"], row["commit_sha"], row["metadata"], row["session_derived"])
    assert found == (None, None, None, {}, False)


def test_keys_that_are_not_mapped_are_not_read(events: EventFolder) -> None:
    """However many there are, and whatever they hold."""
    others = {f"key {number}": [{"at": 1, "kind": 2}] for number in range(200)}
    [row] = read(events, NOTHING, {**others, "at": "2026-09-01T10:00:00Z", "kind": "open", "AT": "no", "deep": others})
    assert row["event_type"] == "open"


def test_the_first_of_several_paths_that_states_something_wins(events: EventFolder) -> None:
    """Neither null nor '' is a statement, and the order of the paths counts, not that of the fields."""
    mapping = mapped(event_type=("name", "event.kind", "type"), event_id=("id", "uuid"), latency=("took", "t.ms"))
    rows = read(
        events,
        mapping,
        {"at": "2026-09-01T10:00:00Z", "type": "c", "event": {"kind": "b"}, "name": "a", "id": "1", "uuid": "x"},
        {"at": "2026-09-01T10:00:01Z", "type": "c", "event": {"kind": "b"}, "name": None, "uuid": "2", "t": {"ms": 5}},
        {"at": "2026-09-01T10:00:02Z", "type": "c", "event": None, "name": "", "id": "", "uuid": 3, "took": "6"},
    )
    assert [(row["event_type"], row["event_id"], row["latency_ms"]) for row in rows] == [
        ("a", "1", None), ("b", "2", 5.0), ("c", "3", 6.0),
    ]  # fmt: skip


def test_the_time_may_stand_under_several_names(events: EventFolder) -> None:
    """The first stated is the time, even if it cannot be read: the second is not tried behind its back."""
    mapping = mapped(ts=("at", "meta.sent"))
    later = {"meta": {"sent": "2026-09-01T11:00:00Z"}, "kind": "open"}
    [row] = read(events, mapping, later, {**later, "at": "soon"})
    assert (row["ts"].hour, len(events.letters)) == (11, 1)


def test_quotes_hold_a_name_with_dots_together(events: EventFolder) -> None:
    """As OpenTelemetry names its attributes."""
    mapping = mapped(event_id=('attributes."session.id"',), metadata=('resource."service.name"', '"a\\"b"."c.d"'))
    one = {
        "at": "2026-09-01T10:00:00Z", "kind": "open", "attributes": {"session.id": "s", "session": {"id": "no"}},
        "resource": {"service.name": "shop"}, 'a"b': {"c.d": 1},
    }  # fmt: skip
    [row] = read(events, mapping, one)
    assert (row["event_id"], row["metadata"]) == ("s", {'resource."service.name"': "shop", '"a\\"b"."c.d"': "1"})


NAMES = "@timestamp|event-type|the id|grün|it's|`|\\|{shape:String}|$p|<lines>|<&>|a'b`c\\d|日".split("|")


@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_reads_fields_of_any_name(events: EventFolder, name: str) -> None:
    """A configured name can never break out of the statement that it becomes part of, at any depth."""
    quoted = json.dumps(name, ensure_ascii=False)
    paths = (quoted, f"outer.{quoted}", f"{quoted}.inner")
    mapping = mapped(event_id=paths[:1], commit=paths[1:2], metadata=(f"whole.{quoted}",))
    one = {name: "e1", "outer": {name: "a" * 40}, "whole": {name: 1.5}}
    [row] = read(events, mapping, {"at": "2026-09-01T10:00:00Z", "kind": "open", **one})
    assert (row["event_id"], row["commit_sha"], row["metadata"]) == ("e1", "a" * 40, {f"whole.{quoted}": "1.5"})


def test_a_field_may_be_mapped_together_with_one_below_it(events: EventFolder) -> None:
    """As when `user` is a text in old events and an object in new ones."""
    mapping = mapped(event_id=("user", "user.id", "user.name.last"), metadata=("user.plan",))
    rows = read(
        events,
        mapping,
        {"at": "2026-09-01T10:00:00Z", "kind": "open", "user": "u1"},
        {"at": "2026-09-01T10:00:01Z", "kind": "open", "user": {"id": "u2", "plan": "pro", "mail": "ada@example.org"}},
        {"at": "2026-09-01T10:00:02Z", "kind": "open", "user": {"name": {"last": "u3"}}},
        {"at": "2026-09-01T10:00:03Z", "kind": "open", "user": [{"id": "u4"}, "u4"]},
    )
    assert [row["event_id"] for row in rows] == ["u1", "u2", "u3", None]
    assert [row["metadata"] for row in rows] == [{}, {"user.plan": "pro"}, {}, {}]


@pytest.mark.parametrize(
    "value",
    [
        ["x", "y"], [{"id": "x"}], ["", "x"], [["x"]], [None, "x"], [None, None, "x" * 40, "x"], [None, {"id": "x"}],
        [None, ["x", "y"]], {"other": "x"}, "x", 5, None,
    ],
)  # fmt: skip
def test_what_is_no_object_has_no_fields(events: EventFolder, value: object) -> None:
    """Least of all by position: the first item of a list is not the first mapped field, the second one neither."""
    mapping = mapped(event_id=("deep.session.id",), commit=("deep.session.sha",), metadata=("deep.session.panel",))
    one = {"at": "2026-09-01T10:00:00Z", "kind": "open"}
    rows = read(events, mapping, {**one, "deep": {"session": value}}, {**one, "deep": value}, {**one, "deep": [value]})
    assert [(row["event_id"], row["commit_sha"], row["metadata"]) for row in rows] == [(None, None, {})] * 3


@pytest.mark.parametrize("blank", ["", " ", "\t", "\r", " \t  "])
def test_a_list_that_begins_with_null_is_a_list_however_it_is_written(events: EventFolder, blank: str) -> None:
    """And an event beside it, or one with such a list elsewhere, is read as ever."""
    mapping = mapped(event_id=("deep.id",), metadata=("own.panel",))
    line = f'{{"at": "2026-09-01T10:00:00Z", "kind": "open", "deep": [{blank}null, "x"], "own": {{"panel": "[null"}}}}'
    other = {"at": "2026-09-01T10:00:01Z", "kind": "open", "deep": {"id": "e2"}, "more": [None, 1]}
    rows = events.read(lines_of(line.encode(), other), mapping=mapping)
    assert [(row["event_id"], row["metadata"]) for row in rows] == [(None, {"own.panel": "[null"}), ("e2", {})]


@pytest.mark.parametrize("value", [{"mail": "ada@example.org"}, ["ada@example.org"], [], {}])
def test_an_object_or_a_list_states_nothing(events: EventFolder, value: object) -> None:
    """They would be stored with everything that they hold."""
    names = {"event_id": "id", "session": "session", "actor": "person", "commit": "sha", "latency": "took"}
    mapping = mapped(**{name: (path,) for name, path in names.items()}, user_agent=("agent",), metadata=("panel",))
    fields = dict.fromkeys((*names.values(), "agent", "panel"), value)
    [row] = read(events, mapping, {"at": "2026-09-01T10:00:00Z", "kind": "open", **fields})
    found = {row[name] for name in ("event_id", "session_id", "commit_sha", "latency_ms", "user_agent")}
    assert (found, row["metadata"]) == ({None}, {})
    assert read(events, NOTHING, {"at": "2026-09-01T10:00:00Z", "kind": value}) == []
    assert [reason for _, reason in events.refused] == ["the mapped event type is missing."]


def test_metadata_keeps_scalars(events: EventFolder) -> None:
    """As texts; a text in brackets is a text."""
    values = {"a": "[beta] left", "b": "{x}", "c": 0, "d": False, "e": 1e-7, "f": 12345678901234567890, "g": "é\n\0"}
    kept = mapped(metadata=(*values, "h", "i", "j", "k"))
    [row] = read(
        events, kept, {"at": "2026-09-01T10:00:00Z", "kind": "[Auto] click", **values, "h": [1], "i": {"x": 1}, "j": ""}
    )
    assert row["event_type"] == "[Auto] click"
    assert row["metadata"] == {
        "a": "[beta] left", "b": "{x}", "c": "0", "d": "false", "e": "1e-7", "f": "12345678901234567890", "g": "é\n\0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "told", "latency_ms"),
    [
        ("ns", 812_250_000, 812.25),
        ("us", "812250", 812.25),
        ("ms", 0.796, 0.796),
        ("s", 0.81225, 812.25),
        ("s", 0, 0.0),
    ],
)
def test_a_latency_has_the_unit_that_the_mapping_states(
    events: EventFolder, unit: str, told: object, latency_ms: float
) -> None:
    """DESIGN 5: 0.796 ms stays 0.796."""
    [row] = read(events, mapped(latency=("took",), latency_unit=unit), event(took=told))
    assert row["latency_ms"] == pytest.approx(latency_ms, rel=1e-15, abs=0)


def test_a_latency_that_cannot_be_one_is_null(events: EventFolder) -> None:
    """What cannot be true is not stored as a measurement; the events themselves are kept."""
    impossible = ["-3", "NaN", "inf", "fast", True, -0.5, {"ms": 3}, [3], "1e999", "0x10", "12 ms", " "]
    rows = events.read(lines_of(*(event(number, took_ms=told) for number, told in enumerate(impossible))))
    assert [row["latency_ms"] for row in rows] == [None] * len(impossible)


def test_a_latency_that_is_too_large_to_be_milliseconds_is_null(events: EventFolder) -> None:
    """1e308 seconds are a number, in milliseconds they are none."""
    [row] = read(events, mapped(latency=("took",), latency_unit="s"), event(took=1e308))
    assert row["latency_ms"] is None


@pytest.mark.parametrize("told", ["main", "v1.2.0", "abc1234", "g" * 40, "a" * 41, 5])
def test_what_is_no_full_hash_is_no_commit(events: EventFolder, told: object) -> None:
    """A branch, a version or a short hash names no commit for sure."""
    [row] = events.read(lines_of(event(build={"sha": told})))
    assert row["commit_sha"] is None


def test_every_honest_way_to_write_a_time_is_read_as_the_same_instant(events: EventFolder) -> None:
    """Epochs in seconds to nanoseconds, numbers or strings, and ISO 8601 with any offset."""
    instant = datetime(2026, 9, 1, 10, 0, 0, 250000, tzinfo=UTC)
    ms = int(instant.timestamp() * 1000)
    told = [
        ms, str(ms), ms * 1000, str(ms * 1_000_000), ms * 1_000_000, ms / 1000, "2026-09-01T10:00:00.250Z",
        "2026-09-01T12:00:00.250+02:00", "2026-09-01T04:30:00.250-0530", "2026-09-01 10:00:00.250",
        "2026-09-01T10:00:00.250123456Z", "2026-09-01T10:00:00.250", "2026-09-01 10:00:00,250", f"{ms}.75", ms + 0.5,
        "2026-09-01T12:00:00,250+02:00",
    ]  # fmt: skip
    events.read(lines_of(*(event(number, at=at) for number, at in enumerate([*told, ms // 1000, "2026-09-01T10:00"]))))
    found = {row["event_id"]: row["ts"] for row in events.rows}
    whole = instant.replace(microsecond=0)
    assert found == {
        **{f"e{number}": instant for number in range(len(told))},
        f"e{len(told)}": whole,
        f"e{len(told) + 1}": whole,
    }


def test_a_time_that_would_have_to_be_guessed_is_refused(events: EventFolder) -> None:
    """The engine's lenient parser makes a time of this year of "10:30", 2020 of 2200, and a January of month 0."""
    guesses = [
        "10:30", "4/5/26", "12", "2026", "May", "2026-09-01", "soon", 12.5, True, "2200-01-01T00:00:00Z",
        "1800-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-09-01T25:00:00Z", "2026-00-01T00:00:00Z",
        "2026-09-00T00:00:00Z", "2026-09-01T00:00:00+99:99", "2026-09-01T00:00:00+02:60", -5,
        {"s": 1788256800}, [1788256800],
    ]  # fmt: skip
    events.write("a.jsonl", *(event(number, at=told) for number, told in enumerate(guesses)))
    events.take_in(date(1970, 1, 1), date(2149, 6, 6))
    assert events.query("SELECT count() AS rows FROM ui_events") == [{"rows": 0}]
    assert {item for item, _ in events.refused} == {f"line {number}" for number in range(1, len(guesses) + 1)}
    assert all("timestamp" in reason for _, reason in events.refused)
    [reading] = events.warehouse.select("select_input_files", {"source": "ui_events"})
    assert (reading["days"], reading["refused"]) == ({}, len(guesses))


def test_a_user_agent_is_reduced_to_family_and_major_version(events: EventFolder) -> None:
    """A whole user agent is close to a fingerprint of a person's machine."""
    agents = {
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592": "Edge 126",
        "Mozilla/5.0 AppleWebKit/537.36 Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0": "Opera 111",
        "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML) Version/17.4 Safari/605.1.15": "Safari 17",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": "Firefox 128",
        CHROME: "Chrome 126",
        "Mozilla/5.0 (iPhone) AppleWebKit/605.1 (KHTML, like Gecko) CriOS/113.0 Mobile/15E Safari/604.1": "Chrome 113",
        "Mozilla/5.0 (iPhone) AppleWebKit/605.1 (KHTML, like Gecko) FxiOS/114.0 Mobile/15E Safari/605.1": "Firefox 114",
        "Mozilla/5.0 (iPad) AppleWebKit/605.1 Version/16.0 EdgiOS/115.0 Mobile/15E Safari/605.1": "Edge 115",
        "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/110.0 Mobile Safari/537.36 EdgA/116.0": "Edge 116",
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/64.0 Safari/537.36 Edge/17.17134": "Edge 17",
        "Mozilla/5.0 (Linux; Android 13) SamsungBrowser/21.0 Chrome/110.0 Mobile Safari/537.36": "Samsung Internet 21",
        "ada-laptop-of-team-seven Chrome/": "other",
        "curl/8.5 run by ada": "other",
        "": None,
    }
    rows = events.read(lines_of(*(event(id=agent or "none", agent=agent) for agent in agents)))
    assert {row["event_id"]: row["user_agent"] for row in rows} == {agent or "none": agents[agent] for agent in agents}


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_an_event_that_states_nothing_is_refused_in_every_format(events: EventFolder, known: Any) -> None:
    """The expressions of every format are sound SQL, and make no event of an empty object."""
    mapping = NOTHING if known.name == "json_lines" else EventMapping()
    events.read(b"{}\n", format=known.name, mapping=mapping)
    assert (events.rows, [reason for _, reason in events.refused]) == ([], ["the mapped timestamp is missing."])


def test_the_same_fields_make_the_same_statement() -> None:
    """In every process, so that what was read once is not read again."""
    fields = EventSource(files="a", mapping=mapped(metadata=("b.c", "b.d", "e", "f.g.h", "f.g"))).fields
    first = event_columns(fields, "key")
    assert event_columns(fields, "key") == first
    assert first.parameters["shape"].index("`b`") < first.parameters["shape"].index("`e`")


def test_no_fields_at_all_are_sound() -> None:
    """An empty tuple is no type of the engine's."""
    columns = event_columns(EventFields(), None)
    assert columns.parameters["shape"] == "Tuple(nothing String)"
