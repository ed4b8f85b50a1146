"""User-interface events: from lines of a file to rows inside the engine, and to dead letters for the rest."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.failures import PermanentFailure
from muse_domain.settings import EventMapping, EventSource
from muse_resources.event_files import event_loads, inputs_sha256, json_path, refused_lines
from muse_resources.warehouse import ClickHouseWarehouse

DAY = date(2026, 9, 1)
NEXT_DAY = date(2026, 9, 2)
MAPPING = EventMapping(
    ts="at", event_type="kind", event_id="id", session="session.id", commit="build.sha", latency_ms="took_ms",
    user_agent="agent", metadata=("panel", "size.width"),
)  # fmt: skip
REAL_EVENTS = Path(__file__).parents[2].parent / "shared" / "data" / "events" / "visitor_events.jsonl"


class Events:
    """A folder of event files, and the day's table as a load of them leaves it."""

    def __init__(self, folder: Path, warehouse: ClickHouseWarehouse, engine: Client) -> None:
        self.folder = folder
        self.warehouse = warehouse
        self.engine = engine

    def write(self, name: str, *lines: bytes | Mapping[str, Any], ending: bytes = b"\n") -> Path:
        texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        (self.folder / name).write_bytes(b"".join(text + ending for text in texts))
        return self.folder / name

    def load(
        self, days: Sequence[date] = (DAY,), mapping: EventMapping = MAPPING, pepper: str | None = "pepper"
    ) -> list[dict[str, Any]]:
        """Loads the days from every file, as the asset does, and returns their dead letters."""
        sources = [EventSource(files="*.jsonl", mapping=mapping)]
        loads = event_loads(self.folder, sources, days, pepper)
        self.by_day, refused = self.warehouse.replace_days_from_lines(
            "ui_events", days, loads, deduplicate="load_distinct_events"
        )
        letters = refused_lines(self.folder, refused)
        self.warehouse.replace_source("dead_letters", "ui_events", letters)
        return letters

    @property
    def rows(self) -> list[dict[str, Any]]:
        result = self.engine.query("SELECT * FROM ui_events ORDER BY ts, event_id")
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


@pytest.fixture
def events(tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client) -> Events:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return Events(folder, warehouse, engine)


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"at": "2026-09-01T10:00:00Z", "kind": "query_submit", "id": f"e{number}", **fields}


def test_a_full_event_fills_every_mapped_column(events: Events) -> None:
    """Dots descend into objects; numbers may come as strings; metadata keeps scalars of any kind."""
    events.write(
        "a.jsonl",
        event(
            session={"id": "s-1"}, build={"sha": "c" * 40}, took_ms="812.25", panel="it's \"left\"\n",
            size={"width": 640},
            agent="Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.61 Safari/537.36",
        ),
    )  # fmt: skip
    assert events.load() == []
    [row] = events.rows
    assert row.pop("session_id") is not None
    assert row == {
        "day": DAY,
        "ts": datetime(2026, 9, 1, 10, tzinfo=UTC),
        "event_id": "e1",
        "commit_sha": "c" * 40,
        "event_type": "query_submit",
        "latency_ms": 812.25,
        "user_agent": "Chrome 126",
        "metadata": {"panel": 'it\'s "left"\n', "size.width": "640"},
        "source_path": "a.jsonl",
        "schema_version": 1,
    }


def test_what_an_event_does_not_state_is_null(events: Events) -> None:
    """Missing and JSON null are both "not stated": no word "null", no zero, no empty session is made of them."""
    stated = {"at": "2026-09-01T10:00:00Z", "kind": "open"}
    nulls = dict.fromkeys(("id", "session", "build", "took_ms", "agent", "panel"))
    inner = {"session": {"id": None}, "build": {"sha": None}, "size": {"width": None}}
    events.write("a.jsonl", stated, {**stated, **nulls}, {**stated, **inner})
    assert events.load() == []
    assert len(events.rows) == 3
    for row in events.rows:
        found = {row[name] for name in ("event_id", "session_id", "commit_sha", "latency_ms", "user_agent")}
        assert (found, row["metadata"]) == ({None}, {})


def test_columns_that_are_not_mapped_stay_null(events: Events) -> None:
    """An empty mapping key matches nothing, not even a field with an empty name."""
    events.write("a.jsonl", {**event(), "": "x", "session": "s"})
    events.load(mapping=EventMapping(ts="at", event_type="kind"))
    [row] = events.rows
    assert (row["session_id"], row["event_id"], row["commit_sha"]) == (None, None, None)


def test_a_latency_that_cannot_be_one_is_null(events: Events) -> None:
    """What cannot be true is not stored as a measurement; the events themselves are kept."""
    impossible = ["-3", "NaN", "inf", "fast", True, -0.5, {"ms": 3}, [3]]
    events.write("a.jsonl", *(event(number, took_ms=stated) for number, stated in enumerate(impossible)))
    assert events.load() == []
    assert [row["latency_ms"] for row in events.rows] == [None] * len(impossible)


def test_every_honest_way_to_write_a_time_is_read_as_the_same_instant(events: Events) -> None:
    """Epochs in seconds to nanoseconds, numbers or strings, and ISO 8601 with any offset."""
    instant = datetime(2026, 9, 1, 10, 0, 0, 250000, tzinfo=UTC)
    ms = int(instant.timestamp() * 1000)
    stated = [
        ms, str(ms), ms * 1000, str(ms * 1_000_000), ms / 1000, "2026-09-01T10:00:00.250Z",
        "2026-09-01T12:00:00.250+02:00", "2026-09-01T04:30:00.250-0530", "2026-09-01 10:00:00.250",
    ]  # fmt: skip
    events.write("a.jsonl", *(event(number, at=at) for number, at in enumerate([*stated, ms // 1000])))
    assert events.load() == []
    found = {row["event_id"]: row["ts"] for row in events.rows}
    assert found == {
        **{f"e{number}": instant for number in range(len(stated))},
        f"e{len(stated)}": instant.replace(microsecond=0),
    }


def test_a_time_that_would_have_to_be_guessed_is_refused(events: Events) -> None:
    """The engine's lenient parser makes a time of this year of "10:30", and 2020 of 2200: neither may enter a day."""
    guesses = [
        "10:30", "4/5/26", "12", "2026", "May", "2026-09-01", "soon", 12.5, True, "2200-01-01T00:00:00Z",
        "1800-01-01T00:00:00Z", "2026-02-30T00:00:00Z",
    ]  # fmt: skip
    events.write("a.jsonl", *(event(number, at=stated) for number, stated in enumerate(guesses)))
    letters = events.load([date(1970, 1, 1), date(2149, 6, 6)])
    assert events.rows == []
    assert [letter["item"] for letter in letters] == [f"line {number}" for number in range(1, len(guesses) + 1)]
    assert all("timestamp" in letter["error"] for letter in letters)


def test_refused_lines_are_named_by_their_number_while_the_others_load(events: Events) -> None:
    """One bad line costs itself, not the file: what is wrong, where, and what to do."""
    path = events.write(
        "a.jsonl",
        event(1),
        b'{"at": "2026-09-01T10:00:00Z", "kind": "op',
        b"",
        {"kind": "open", "id": "e3"},
        {"at": "2026-09-01T10:00:00Z", "id": "e4"},
        event(5, at=None),
        event(6, kind=None),
        b"\xff\xfe not text",
        b"[1, 2]",
        b"{} {}",
        event(11),
        event(12, at="yesterday"),
        event(12, at="yesterday"),
    )
    letters = events.load()
    assert [row["event_id"] for row in events.rows] == ["e1", "e11"]
    assert {(letter["item"], letter["error"]) for letter in letters} == {
        ("line 2", "not valid JSON."),
        ("line 4", "the mapped timestamp is missing."),
        ("line 5", "the mapped event type is missing."),
        ("line 6", "the mapped timestamp is missing."),
        ("line 7", "the mapped event type is missing."),
        ("line 8", "not valid JSON."),
        ("line 9", "the mapped timestamp is missing."),
        ("line 10", "not valid JSON."),
        ("line 12", "the mapped timestamp is neither ISO 8601 nor an epoch."),
        ("line 13", "the mapped timestamp is neither ISO 8601 nor an epoch."),
    }
    assert {letter["source_path"] for letter in letters} == {path.name}
    assert all(letter["remedy"] and letter["error_type"] == "refused_line" for letter in letters)


def test_files_of_other_systems_are_read_alike(events: Events) -> None:
    """A byte order mark or carriage returns change neither the events nor the numbers of refused lines."""
    variants = [(start, ending) for start in (b"", b"\xef\xbb\xbf") for ending in (b"\n", b"\r\n")]
    for number, (start, ending) in enumerate(variants):
        ids = range(10 * number, 10 * number + 3)
        path = events.write(f"{number}.jsonl", event(ids[0]), b"broken", event(ids[1], panel="x"), ending=ending)
        path.write_bytes(start + path.read_bytes() + json.dumps(event(ids[2])).encode())
    letters = events.load()
    assert [(letter["source_path"], letter["item"]) for letter in letters] == [
        (f"{number}.jsonl", "line 2") for number in range(len(variants))
    ]
    assert len(events.rows) == 3 * len(variants)


def test_an_empty_file_and_a_very_long_line_are_no_trouble(events: Events) -> None:
    """An empty file holds no events; a line of a megabyte is one."""
    events.write("a.jsonl")
    events.write("b.jsonl", b"", b"   ", ending=b"\r\n")
    events.write("c.jsonl", event(1, note="x" * 1_000_000, panel="y" * 1_000_000), event(2))
    assert events.load() == []
    assert [row["event_id"] for row in events.rows] == ["e1", "e2"]
    assert len(events.rows[0]["metadata"]["panel"]) == 1_000_000


def test_a_file_name_may_hold_anything(events: Events) -> None:
    """File names are made by others: quotes, newlines, braces and letters of any script."""
    name = 'it\'s "ours"\n{ts_path:String} \\ Grüße 日本.jsonl'
    events.write(name, event(1), b"broken")
    [letter] = events.load()
    [row] = events.rows
    assert (row["source_path"], letter["source_path"]) == (name, name)


def test_an_event_is_there_once_however_often_it_is_delivered(events: Events) -> None:
    """Deliveries repeat: the earliest of a native id is kept, across lines and files; events without id all stay."""
    events.write("a.jsonl", event(1), event(1), event(2, at="2026-09-01T11:00:00Z"), {**event(), "id": ""})
    events.write("b.jsonl", event(2, at="2026-09-01T10:30:00Z"), event(1), {**event(), "id": None})
    events.load()
    kept = [(row["event_id"], row["ts"].hour, row["source_path"]) for row in events.rows if row["event_id"]]
    assert kept == [("e1", 10, "a.jsonl"), ("e2", 10, "b.jsonl")]
    assert sum(row["event_id"] is None for row in events.rows) == 2


def test_every_event_without_an_id_is_kept(events: Events) -> None:
    """Absence of an id is not sameness: a hundred thousand equal lines are as many events."""
    line = b'{"at": "2026-09-01T10:00:00Z", "kind": "open"}\n'
    (events.folder / "a.jsonl").write_bytes(line * 100_000)
    assert events.load() == []
    assert events.by_day == {DAY: 100_000}


def test_a_late_event_reaches_its_day_when_that_is_loaded_again(events: Events) -> None:
    """A file of today may hold events of yesterday: each goes to the day of its own time, in UTC."""
    events.write("a.jsonl", event(1, at="2026-09-01T23:59:59.999Z"), event(2, at="2026-09-02T01:00:00+02:00"))
    events.load()
    assert [row["event_id"] for row in events.rows] == ["e2", "e1"]
    events.write("b.jsonl", event(3, at="2026-09-01T00:00:00Z"), event(4, at="2026-09-02T00:00:00Z"))
    events.load([DAY, NEXT_DAY])
    assert [(row["event_id"], row["day"]) for row in events.rows] == [
        ("e3", DAY), ("e2", DAY), ("e1", DAY), ("e4", NEXT_DAY),
    ]  # fmt: skip
    assert events.by_day == {DAY: 3, NEXT_DAY: 1}


def test_a_day_that_lost_its_file_is_empty_again(events: Events) -> None:
    """The day is what its files say now, and nothing that an earlier load left."""
    path = events.write("a.jsonl", event(1))
    events.load()
    path.unlink()
    events.load()
    assert (events.rows, events.by_day) == ([], {DAY: 0})


def test_a_file_that_vanishes_while_it_is_loaded_is_told(events: Events) -> None:
    """An unreadable source is not an empty one: the load stops and the day stays as it was."""
    path = events.write("a.jsonl", event(1))
    events.load()
    loads = event_loads(events.folder, [EventSource(files="*.jsonl", mapping=MAPPING)], [DAY], None)
    path.unlink()
    with pytest.raises(PermanentFailure, match=r"a\.jsonl cannot be read"):
        events.warehouse.replace_days_from_lines("ui_events", [DAY], loads, deduplicate="load_distinct_events")
    assert len(events.rows) == 1


def test_no_personal_data_reaches_any_table(events: Events) -> None:
    """S0-102: what is not mapped is not read, sessions are hashed, refused lines leave no content behind."""
    person = {"email": "ada@example.org", "user": {"id": "user-4711", "name": "Ada Lovelace"}, "ip": "203.0.113.7"}
    agent = "Mozilla/5.0 (Ada's phone; ada@example.org) Firefox/128.0"
    events.write(
        "a.jsonl",
        event(1, session={"id": "session-of-ada"}, agent=agent, **person),
        {"kind": "open", **person},
        b'{"email": "ada@example.org", "user-4711',
    )
    assert len(events.load()) == 2
    assert "Firefox 128" in _everything(events.engine)
    for secret in ("ada@", "user-4711", "Lovelace", "203.0.113.7", "session-of-ada", "phone"):
        assert secret not in _everything(events.engine), secret


def _everything(engine: Client) -> str:
    """All rows of all tables as text."""
    tables = engine.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows
    return "\n".join(engine.raw_query(f"SELECT * FROM {name} FORMAT JSONEachRow").decode() for (name,) in tables)


def test_a_session_is_one_id_that_only_the_key_could_lead_back_to(events: Events) -> None:
    """The same session is the same id on every load; under another key it is another."""
    events.write("a.jsonl", event(1, session={"id": "s"}), event(2, session={"id": "s"}), event(3, session={"id": "t"}))
    events.load(pepper="one")
    first = [row["session_id"] for row in events.rows]
    events.load(pepper="one")
    again = [row["session_id"] for row in events.rows]
    events.load(pepper="another")
    assert first == again
    assert (len(set(first)), first[0] == first[1]) == (2, True)
    assert not set(first) & {row["session_id"] for row in events.rows}


def test_a_user_agent_is_reduced_to_family_and_major_version(events: Events) -> None:
    """A whole user agent is close to a fingerprint of a person's machine."""
    agents = {
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592": "Edge 126",
        "Mozilla/5.0 AppleWebKit/537.36 Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0": "Opera 111",
        "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML) Version/17.4 Safari/605.1.15": "Safari 17",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": "Firefox 128",
        "ada-laptop-of-team-seven Chrome/": "other",
        "curl/8.5 run by ada": "other",
        "": None,
    }
    events.write("a.jsonl", *(event(number, agent=agent) for number, agent in enumerate(agents)))
    events.load()
    assert [row["user_agent"] for row in events.rows] == list(agents.values())


def test_a_file_belongs_to_the_first_source_that_matches_it(events: Events) -> None:
    """Two overlapping patterns do not double the events."""
    events.write("a.jsonl", event(1))
    sources = [EventSource(files="*.jsonl", mapping=MAPPING), EventSource(files="a.*", mapping=MAPPING)]
    assert len(event_loads(events.folder, sources, [DAY], None)) == 1


def test_the_hash_of_the_inputs_changes_with_name_and_content(tmp_path: Path) -> None:
    """`day_loads.inputs_sha256` tells whether a day was built from what lies there now."""
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_bytes(b"1")
    second.write_bytes(b"1")
    before = inputs_sha256([first])
    assert before != inputs_sha256([second])
    first.write_bytes(b"2")
    assert before != inputs_sha256([first])


@pytest.mark.parametrize(
    ("dotted", "path"),
    [("a", '$."a"'), ("session.id", '$."session"."id"'), ("@t", '$."@t"'), ('a"b', '$."ab"'), ("", '$."(not mapped)"')],
)
def test_a_mapping_names_a_path(dotted: str, path: str) -> None:
    """A configured name can never break out of the JSONPath that it becomes."""
    assert json_path(dotted) == path


def test_a_mapping_reads_fields_of_any_name(events: Events) -> None:
    """Names with dashes, spaces, signs and letters of any script are names like others."""
    names = ["@timestamp", "event-type", "the id", "grün", "it's"]
    mapping = EventMapping(ts=names[0], event_type=names[1], event_id=names[2], commit=names[3], latency_ms=names[4])
    values = ["2026-09-01T10:00:00Z", "open", "e1", "abc", 5]
    events.write("a.jsonl", dict(zip(names, values, strict=True)))
    assert events.load(mapping=mapping) == []
    [row] = events.rows
    assert (row["event_type"], row["event_id"], row["commit_sha"], row["latency_ms"]) == ("open", "e1", "abc", 5.0)


def test_a_real_stream_loads_as_its_own_lines_say(events: Events) -> None:
    """Real events of a public project: every line is a row of its day, or a dead letter; none is lost or doubled."""
    if not REAL_EVENTS.is_file():
        pytest.skip("no real events beside the repository: visitor_events.jsonl is not there")
    (events.folder / "real.jsonl").write_bytes(REAL_EVENTS.read_bytes())
    stated = [json.loads(line) for line in REAL_EVENTS.read_text(encoding="utf-8").splitlines()]
    distinct = {one["event_id"]: one for one in stated}
    expected = Counter(datetime.fromisoformat(one["timestamp"]).astimezone(UTC).date() for one in distinct.values())
    mapping = EventMapping(
        ts="timestamp", event_type="event_type", event_id="event_id", session="visitor_id",
        metadata=("zone_id", "dwell_ms", "is_staff"),
    )  # fmt: skip
    assert events.load(sorted(expected), mapping) == []
    assert events.by_day == dict(expected)
    assert sum(expected.values()) > 600
    by_id = {row["event_id"]: row for row in events.rows}
    for native, one in distinct.items():
        row = by_id[native]
        assert row["event_type"] == one["event_type"]
        assert row["metadata"]["dwell_ms"] == str(one["dwell_ms"])
    assert len({row["session_id"] for row in events.rows}) == len({one["visitor_id"] for one in distinct.values()})
