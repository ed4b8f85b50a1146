"""Event files: however they are laid out and whatever is wrong with them, from a file to rows and dead letters."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.event_formats.event_format import stated
from muse_domain.event_formats.registry import FORMATS, event_format
from muse_domain.ports import Row
from muse_domain.settings import EventMapping, EventSource
from muse_resources import event_files, event_gathering
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.event_folder import DAY, MAPPING, NEXT_DAY, EventFolder, event, lines_of, packed

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "events"
EXAMPLES = Path(__file__).parents[1] / "domain" / "event_formats" / "examples"


@pytest.fixture
def events(tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client) -> EventFolder:
    return EventFolder(tmp_path / "workspace", warehouse, engine)


def numbered(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [event(number) for number in range(first, first + count)]


def ids(count: int) -> list[str]:
    return [f"e{number}" for number in range(count)]


NONE = EventMapping()
THREE = numbered(3)
LAYOUTS = {
    "lines": lines_of(*THREE),
    "no newline at the end": lines_of(*THREE).removesuffix(b"\n"),
    "carriage returns": lines_of(*THREE, ending=b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + lines_of(*THREE),
    "byte order mark and carriage returns": b"\xef\xbb\xbf" + lines_of(*THREE, ending=b"\r\n"),
    "empty lines": b"\n\n" + lines_of(*THREE, ending=b"\n\n  \n"),
    "indented lines": b"".join(b" \t" + lines_of(one) for one in THREE),
    "an array in one line": json.dumps(THREE).encode(),
    "an array in one line with a newline": json.dumps(THREE).encode() + b"\n",
    "an array over several lines": json.dumps(THREE, indent=2).encode(),
    "an array over several lines with tabs": json.dumps(THREE, indent="\t").encode(),
    "an array with an event a line": b"[\n" + b",\n".join(json.dumps(one).encode() for one in THREE) + b"\n]\n",
    "an array that begins beside its first event": b"[" + b",\n".join(json.dumps(one).encode() for one in THREE) + b"]",
    "an array over several lines after a mark": b"\xef\xbb\xbf" + json.dumps(THREE, indent=2).encode(),
    "arrays, one a line": lines_of(json.dumps(THREE[:2]).encode(), json.dumps(THREE[2:]).encode()),
}  # fmt: skip


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_changes_nothing_of_the_events(events: EventFolder, layout: str, is_packed: bool) -> None:
    """Lines, arrays, marks and packing are the writer's habits; gzip is known by its content, not by a name."""
    content = LAYOUTS[layout]
    events.read(packed(content) if is_packed else content)
    assert (events.ids, events.refused) == (ids(3), [])


def test_one_document_over_several_lines_is_one_event(events: EventFolder) -> None:
    """As people write an example by hand."""
    events.read(json.dumps(event(session={"id": "s"}, size={"width": 5}), indent=2).encode())
    [row] = events.rows
    assert (row["event_id"], row["metadata"], events.refused) == ("e1", {"size.width": "5"}, [])


def test_gzip_of_several_members_is_read_to_its_end(events: EventFolder) -> None:
    """Packed files may be put one behind the other."""
    events.read(packed(lines_of(*numbered(2))) + packed(lines_of(event(2))))
    assert events.ids == ids(3)


def test_a_name_says_nothing_of_the_packing(events: EventFolder) -> None:
    """A plain file that is called .gz is read as what it is."""
    events.read(LAYOUTS["lines"], name="a.jsonl.gz")
    assert events.ids == ids(3)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
def test_a_refused_line_has_the_number_that_an_editor_shows(
    events: EventFolder, mark: bytes, ending: bytes, is_packed: bool
) -> None:
    """A byte order mark, carriage returns or packing do not move it."""
    content = mark + lines_of(event(0), b"broken", b"", event(1), b"broken too", ending=ending) + b"cut"
    events.read(packed(content) if is_packed else content)
    assert events.ids == ids(2)
    assert sorted(events.refused) == [(f"line {number}", "not valid JSON.") for number in (2, 5, 6)]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("known", ["segment", "rudderstack", "datadog_rum"])
def test_a_refused_event_of_a_known_format_has_the_number_of_its_line(
    events: EventFolder, known: str, ending: bytes
) -> None:
    """Whatever the format makes of the line, and whichever event of a batch it is."""
    good = {"type": "track", "event": "open", "timestamp": "2026-09-01T10:00:00Z", "date": 1788256800000}
    bad = {"type": "track", "event": "open"}
    batch = {"data" if known == "datadog_rum" else "batch": [good, bad, bad | {"event": "close"}]}
    events.read(
        b"\xef\xbb\xbf" + lines_of(good, b"broken", bad, b"", batch, good, ending=ending), format=known, mapping=NONE
    )
    assert len(events.rows) == 3
    assert sorted(events.refused) == [
        ("line 2", "not valid JSON."),
        *[(f"line {number}", "the mapped timestamp is missing.") for number in (3, 5, 5)],
    ]


def test_a_refused_first_line_after_a_mark_has_its_number(events: EventFolder) -> None:
    """The mark is no part of the line."""
    events.read(b"\xef\xbb\xbfbroken\n" + lines_of(event(0)))
    assert (events.ids, events.refused) == (["e0"], [("line 1", "not valid JSON.")])


def test_lines_that_are_no_events_are_refused_while_the_others_load(events: EventFolder) -> None:
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
        b"5",
        b"null",
        b'"text"',
    )
    intake = events.take_in()
    assert events.ids == ["e1", "e11"]
    assert sorted(events.refused) == sorted(
        [
            ("line 2", "not valid JSON."),
            ("line 4", "the mapped timestamp is missing."),
            ("line 5", "the mapped event type is missing."),
            ("line 6", "the mapped timestamp is missing."),
            ("line 7", "the mapped event type is missing."),
            ("line 8", "not valid JSON."),
            ("line 9", "not a JSON object."),
            ("line 10", "not valid JSON."),
            ("line 12", "the mapped timestamp is neither ISO 8601 nor an epoch."),
            ("line 13", "the mapped timestamp is neither ISO 8601 nor an epoch."),
            ("line 14", "not a JSON object."),
            ("line 15", "not a JSON object."),
            ("line 16", "not a JSON object."),
        ]
    )
    assert {letter["source_path"] for letter in events.letters} == {path.name}
    assert all(letter["remedy"] and letter["error_type"] == "refused_line" for letter in events.letters)
    assert (intake.files, intake.files_read) == (1, 1)


def test_a_line_that_is_an_array_is_never_read_by_position(events: EventFolder) -> None:
    """The first element of a list is not the first mapped field, whatever it looks like."""
    array = ["2026-09-01T10:00:00Z", "open", "e1", ["s"], "ada@example.org"]
    events.read(lines_of(json.dumps(array).encode(), json.dumps([array]).encode(), event(2)))
    assert events.ids == ["e2"]
    assert {reason for _, reason in events.refused} == {"not a JSON object."}


def test_elements_of_an_array_that_are_no_objects_are_refused(events: EventFolder) -> None:
    """They have no line of their own: their hash names them."""
    events.read(json.dumps([event(0), 5, [1], "x", None, {"kind": "open"}], indent=1).encode())
    assert events.ids == ["e0"]
    assert Counter(reason for _, reason in events.refused) == {
        "not a JSON object.": 4,
        "the mapped timestamp is missing.": 1,
    }
    assert all(item.startswith("event ") for item, _ in events.refused)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("event_format", ["json_lines", "snowplow"])
def test_an_array_that_begins_with_null_is_an_array(events: EventFolder, indent: int | None, event_format: str) -> None:
    """Its events are read by their names, and what is none is refused."""
    mapping = MAPPING if event_format == "json_lines" else EventMapping()
    snowplow = {"event_id": "e1", "event": "page_view", "derived_tstamp": "2026-09-01T10:00:00Z"}
    one = event(1) if event_format == "json_lines" else snowplow
    events.read(json.dumps([None, one], indent=indent).encode(), format=event_format, mapping=mapping)
    assert (events.ids, [reason for _, reason in events.refused]) == (["e1"], ["not a JSON object."])


@pytest.mark.parametrize("content", [b"[]", b"[ ]\n", b"\n", b"   \r\n\r\n", b"\xef\xbb\xbf"])
def test_a_file_without_events_is_no_trouble(events: EventFolder, content: bytes) -> None:
    """No row and no complaint."""
    assert (events.read(content), events.refused) == ([], [])


def test_a_first_line_that_is_cut_does_not_make_a_document_of_the_file(events: EventFolder) -> None:
    """A rotated log may begin or end anywhere: only the cut line is lost."""
    for number, cut in enumerate((b'{"at": 1,', b'{"at":', b'{"session": {', b'"id": "e1"}')):
        name = f"{number}.jsonl"
        events.write(name, cut, event(number))
    events.take_in()
    assert (sorted(map(str, events.ids)), len(events.refused)) == (ids(4), 4)


def test_a_very_long_first_line_is_a_line(events: EventFolder) -> None:
    """However it is cut while it is looked at."""
    for pad in range(6):
        events.write(f"{pad}.jsonl", event(pad, pad="x" * pad, note=[1] * 700_000), event(10 + pad))
    events.take_in()
    assert (len(events.ids), events.refused) == (12, [])


def test_a_line_of_a_megabyte_is_an_event(events: EventFolder) -> None:
    """Length is no fault."""
    events.read(lines_of(event(1, note="x" * 1_000_000, panel="y" * 1_000_000), event(2)))
    assert (events.ids, len(events.rows[0]["metadata"]["panel"])) == (["e1", "e2"], 1_000_000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty."),
        ('{"at": 1}\n'.encode("utf-16"), "The file is UTF-16, not UTF-8."),
        (b"\xfe\xff\x00{", "The file is UTF-16, not UTF-8."),
        (b"\x28\xb5\x2f\xfd\x04\x00", "The file is packed with zstd."),
        (b"BZh91AY&SY", "The file is packed with bzip2."),
        (b"\xfd7zXZ\x00", "The file is packed with xz."),
        (b"PK\x03\x04", "The file is packed with zip."),
        (packed(lines_of(*numbered(1000)))[:-20], "The gzip file is cut or broken"),
        (packed(lines_of(*numbered(1000)))[:5], "The gzip file is cut or broken"),
        (b"\x1f\x8bno gzip at all", "The gzip file is cut or broken"),
        (packed(lines_of(event())) + b"rubbish behind it", "The gzip file is cut or broken"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_the_others_load(
    events: EventFolder, content: bytes, reason: str
) -> None:
    """One broken file costs itself: what is wrong, and what to do."""
    events.write("a.jsonl", event(0))
    events.write_bytes("b.jsonl", content)
    events.write("c.jsonl", event(1))
    events.take_in()
    [letter] = events.letters
    assert letter["error"].startswith(reason)
    assert (letter["source_path"], letter["item"], letter["error_type"]) == ("b.jsonl", "", "refused_file")
    assert (events.ids, letter["size_bytes"], bool(letter["remedy"])) == (ids(2), len(content), True)


def test_what_only_the_engine_cannot_read_is_told_without_the_folder_it_lay_in(events: EventFolder) -> None:
    """The name of a folder that is gone, and another one with every build, helps nobody."""
    events.write("a.jsonl", event(0))
    events.write_bytes("b.jsonl.gz", packed(lines_of(event(1))) + b"\0" * 512)
    events.sources = [EventSource(files="*", mapping=MAPPING)]
    events.take_in()
    assert (events.ids, events.refused) == (
        ["e0"],
        [("", "cannot be read: by the engine: inflate failed: data error.")],
    )


def test_a_line_without_an_end_is_refused_as_a_file(events: EventFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine would take all memory for it."""
    monkeypatch.setattr(event_files, "LONGEST_LINE_BYTES", 1024**2)
    events.write("a.jsonl", event(0))
    events.write("b.jsonl", event(5), event(6, note="x" * 5 * 1024**2), event(7))
    events.write_bytes("c.jsonl", packed(lines_of(event(8, note="x" * 5 * 1024**2))))
    events.take_in()
    assert events.ids == ["e0"]
    assert [letter["error"][:41] for letter in events.letters] == ["A line of the file is longer than 1 MiB: "] * 2


@given(lengths=st.lists(st.integers(0, 250), min_size=1), longest_of_others=st.integers(0, 9))
def test_a_look_at_some_line_ends_bounds_every_line(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], longest_of_others: int
) -> None:
    """What it lets through has no line that is too long; short lines it lets through always."""
    path = tmp_path_factory.mktemp("looked") / "a.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_files, "LONGEST_LINE_BYTES", 100)
        patch.setattr(event_files, "_FIRST_LINE", 10)
        path.write_bytes(b"".join(b"x" * length + b"\n" for length in lengths))
        assert not event_files.has_short_lines(path, path.stat().st_size) or max(lengths) <= 100
        path.write_bytes((b"x" * longest_of_others + b"\n") * 100)
        assert event_files.has_short_lines(path, path.stat().st_size)


def test_a_document_without_an_end_is_refused_as_a_file(events: EventFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents may be longer than lines, not boundless."""
    monkeypatch.setattr(event_files, "LARGEST_DOCUMENT_BYTES", 1024**2)
    monkeypatch.setattr(event_files, "LONGEST_LINE_BYTES", 1024)
    events.write_bytes("a.jsonl", json.dumps(numbered(1000), indent=1).encode())
    events.write_bytes("b.jsonl", json.dumps([event(note=["x"] * 500_000)], indent=1).encode())
    events.take_in()
    assert len(events.ids) == 1000
    assert [letter["source_path"] for letter in events.letters] == ["b.jsonl"]


def test_a_zip_bomb_is_refused(events: EventFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What grows without measure is not made of events."""
    monkeypatch.setattr(event_files, "LARGEST_GZIP_RATIO", 2)
    events.write("a.jsonl", event(0))
    events.write_bytes("b.jsonl", packed(b"\n" * 20 * 1024**2))
    events.take_in()
    [letter] = events.letters
    assert (events.ids, letter["error"]) == (
        ["e0"],
        "The gzip file grows more than 2 times: it is not made of events.",
    )


def test_a_well_packed_file_of_events_is_no_bomb(events: EventFolder) -> None:
    """Equal lines pack to a hundredth."""
    line = lines_of({"at": "2026-09-01T10:00:00Z", "kind": "open"})
    events.write_bytes("a.jsonl", packed(line * 200_000))
    assert events.take_in().rows_by_day == {DAY: 200_000}


NAMES = [
    'it\'s "ours"\n{ts_path:String} \\ Grüße 日本.jsonl', "a*b?[c].jsonl", "{a,b}.jsonl", "{1..3}.jsonl", "a\tb.jsonl",
    "%41%s$(x);--.jsonl", "-rf.jsonl", ".jsonl", "a b.jsonl",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_may_hold_anything(events: EventFolder, name: str) -> None:
    """File names are made by others: none is taken for a pattern, a parameter or an end of a text."""
    events.write(name, event(1), b"broken")
    events.write("b.jsonl", event(2))
    events.take_in()
    [letter] = events.letters
    assert ({row["source_path"] for row in events.rows}, letter["source_path"]) == ({name, "b.jsonl"}, name)
    assert events.take_in().files_read == 0


def test_a_file_name_that_is_no_text_is_shown_as_one(events: EventFolder) -> None:
    """Names are bytes to the disk."""
    name = b"caf\xe9.jsonl".decode("utf-8", "surrogateescape")
    events.write(name, event(1), b"broken")
    events.take_in()
    [letter] = events.letters
    [row] = events.rows
    assert row["source_path"] == letter["source_path"] == "caf�.jsonl"
    assert events.take_in().files_read == 0


def test_dead_letters_are_bounded(events: EventFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones are named, the others counted."""
    monkeypatch.setattr(event_gathering, "MOST_LETTERS", 10)
    events.write("a.jsonl", event(0), *(event(number, at=f"day {number}") for number in range(25)))
    events.take_in()
    last = [letter for letter in events.letters if letter["item"].startswith("and ")]
    assert len(events.letters) == 11
    assert [(one["item"], "neither ISO 8601 nor an epoch" in one["error"]) for one in last] == [("and 15 more", True)]
    [reading] = events.warehouse.select("select_input_files", {"source": "ui_events"})
    assert reading["refused"] == 25


def test_a_thousand_dead_letters_are_kept_of_a_file(events: EventFolder) -> None:
    """Of as many equal lines, too: each has its number."""
    events.write_bytes("a.jsonl", b"the same rubbish\n" * 30_000 + lines_of(event(0)))
    events.take_in()
    stored = events.query("SELECT count() AS letters FROM dead_letters")
    assert stored == [{"letters": 1001}]
    items = [item for item, _ in events.refused]
    assert (items.count("and 29,000 more"), {f"line {number}" for number in range(1, 1001)} <= set(items)) == (1, True)


def test_equal_refused_events_of_a_document_are_one_letter(events: EventFolder) -> None:
    """Without a number of their own they cannot be told apart; the reading has their count."""
    events.write_bytes("a.jsonl", json.dumps([5] * 50, indent=1).encode())
    events.take_in()
    assert len(events.letters) == 1
    [reading] = events.warehouse.select("select_input_files", {"source": "ui_events"})
    assert reading["refused"] == 50


def test_an_event_is_there_once_however_often_it_is_delivered(events: EventFolder) -> None:
    """Deliveries repeat: the earliest of a native id is kept, across lines and files; events without id all stay."""
    events.write("a.jsonl", event(1), event(1), event(2, at="2026-09-01T11:00:00Z"), {**event(), "id": ""})
    events.write("b.jsonl", event(2, at="2026-09-01T10:30:00Z"), event(1), {**event(), "id": None})
    assert events.take_in().rows_by_day == {DAY: 4}
    kept = [(row["event_id"], row["ts"].hour, row["source_path"]) for row in events.rows if row["event_id"]]
    assert kept == [("e1", 10, "a.jsonl"), ("e2", 10, "b.jsonl")]
    assert events.ids.count(None) == 2


@pytest.mark.parametrize("files", [("a.jsonl", "a.jsonl", "a.jsonl"), ("a.jsonl", "b.jsonl", "c.jsonl")])
def test_of_an_event_that_was_sent_again_as_it_grew_the_latency_is_kept(events: EventFolder, files: Any) -> None:
    """A view is sent first without its loading time, then with it, whole or as an update: it is one view."""
    begun = {"type": "view", "date": 1788256800250, "session": {"id": "s"}, "view": {"id": "v-1", "time_spent": 1}}
    loaded = begun | {"view": {"id": "v-1", "loading_time": 4115295000}}
    later = begun | {"type": "view_update"}
    events.sources = [EventSource(files="*.jsonl", format="datadog_rum")]
    for told in ((begun, loaded, later), (begun, later, loaded | {"type": "view_update"})):
        lines: dict[str, list[dict[str, Any]]] = {}
        for name, one in zip(files, told, strict=True):
            lines.setdefault(name, []).append(one)
        for name, some in lines.items():
            events.write(name, *some)
        events.take_in()
        assert [(row["event_type"], row["event_id"], row["latency_ms"]) for row in events.rows] == [
            ("view", "v-1", 4115.295)
        ]


def test_an_event_is_there_once_a_day(events: EventFolder) -> None:
    """A day must not depend on which others are built with it."""
    events.write("a.jsonl", event(1), event(1, at="2026-09-02T10:00:00Z"))
    assert events.take_in(DAY, NEXT_DAY).rows_by_day == {DAY: 1, NEXT_DAY: 1}


def test_every_event_without_an_id_is_kept(events: EventFolder) -> None:
    """Absence of an id is not sameness: a hundred thousand equal lines are as many events."""
    line = b'{"at": "2026-09-01T10:00:00Z", "kind": "open"}\n'
    twice = lines_of(event(1), event(1), *(event(id=f"no id {number}") for number in range(10)))
    events.write_bytes("a.jsonl", line * 100_000 + twice)
    assert events.take_in().rows_by_day == {DAY: 100_011}
    assert events.refused == []


def test_an_event_goes_to_the_day_of_its_own_time_in_utc(events: EventFolder) -> None:
    """Not to the day of its file."""
    events.write(
        "a.jsonl",
        event(1, at="2026-09-01T23:59:59.999Z"),
        event(2, at="2026-09-02T01:00:00+02:00"),
        event(3, at="2026-09-01T00:00:00Z"),
        event(4, at="2026-09-02T00:00:00Z"),
    )
    assert events.take_in(DAY, NEXT_DAY).rows_by_day == {DAY: 3, NEXT_DAY: 1}
    found = [(row["event_id"], row["day"]) for row in events.rows]
    assert found == [("e3", DAY), ("e2", DAY), ("e1", DAY), ("e4", NEXT_DAY)]


def test_a_file_that_two_sources_name_is_read_once_by_the_first(events: EventFolder) -> None:
    """Overlapping patterns do not double the events, nor does the later one decide how they are read."""
    other = EventMapping(ts=("at",), event_type=("id",))
    events.sources = [EventSource(files="*.jsonl", mapping=MAPPING), EventSource(files="a.*", mapping=other)]
    events.write("a.jsonl", event(1))
    assert (events.take_in().files, [row["event_type"] for row in events.rows]) == (1, ["query_submit"])


PARQUET = (
    "SELECT toDateTime64('2026-09-01 10:00:00.250', 3, 'UTC') + number AS at, 'open' AS kind, "
    "concat('p', toString(number)) AS id, toDateTime64('2026-09-01 10:00:00.250', 3) AS local, "
    "CAST(tuple('s-1'), 'Tuple(id String)') AS session, 'abcdef01' AS build, 12345678901234567 + number AS panel, "
    "if(number = 1, NULL, 812.25) AS took_ms, map('width', '640') AS size, ['x'] AS other, true AS agent "
    "FROM numbers(3)"
)


def write_parquet(events: EventFolder, path: Path, select: str) -> None:
    events.engine.command(f"INSERT INTO FUNCTION file('{path}', 'Parquet') {select}")


def test_parquet_is_read_by_its_columns(events: EventFolder) -> None:
    """Columns are fields: times in UTC, structures and maps as objects, whole numbers to the last digit."""
    events.sources = [EventSource(files="*.parquet", mapping=MAPPING)]
    write_parquet(events, events.folder / "a.parquet", PARQUET)
    events.take_in()
    assert (events.ids, events.refused) == (["p0", "p1", "p2"], [])
    first, second, _ = events.rows
    assert first["ts"] == datetime(2026, 9, 1, 10, 0, 0, 250000, tzinfo=UTC)
    assert (first["latency_ms"], second["latency_ms"]) == (812.25, None)
    assert second["metadata"] == {"size.width": "640", "panel": "12345678901234568"}
    assert len({row["session_id"] for row in events.rows}) == 1


AT = "toDateTime64('2026-09-01 10:00:00.250', 6, 'UTC')"
PARQUET_OF = {
    "posthog": f"SELECT 'u-1' AS uuid, 'open' AS event, 'ada' AS distinct_id, {AT} AS timestamp, CAST(NULL, "
    """'Nullable(String)') AS set, '{"$session_id": "s-1", "$lib": "web"}' AS properties""",
    "rudderstack": f"SELECT 'track' AS type, 'open' AS event, 'u-1' AS messageId, {AT} AS timestamp, 'ada' AS "
    "anonymousId, 'web' AS channel, CAST(tuple(1788256800123), 'Tuple(sessionId Int64)') AS context",
    "datadog_rum": f"SELECT 'open' AS type, toUnixTimestamp64Milli({AT}) AS date, CAST(tuple('u-1'), "
    "'Tuple(id String)') AS open, CAST(tuple('s-1', 'user'), 'Tuple(id String, type String)') AS session",
}


@pytest.mark.parametrize("known", PARQUET_OF)
def test_parquet_of_a_known_format_is_read_as_its_lines_are(events: EventFolder, known: str) -> None:
    """What a format makes of an event, it makes of a row: texts that spell objects, ids under the event's type."""
    events.sources = [EventSource(files="*.parquet", format=known)]
    write_parquet(events, events.folder / "a.parquet", PARQUET_OF[known])
    events.take_in()
    [row] = events.rows
    assert row["ts"] == datetime(2026, 9, 1, 10, 0, 0, 250000, tzinfo=UTC)
    assert (row["event_type"], row["event_id"]) == ("open", "u-1")
    assert (row["session_id"] is None, row["session_derived"], row["metadata"] == {}) == (False, False, False)


def test_rows_of_parquet_that_are_no_events_are_refused(events: EventFolder) -> None:
    """As lines are, each named by its hash."""
    events.sources = [EventSource(files="*.parquet", mapping=MAPPING)]
    select = PARQUET.replace("'open' AS kind", "if(number = 1, '', 'open') AS kind")
    write_parquet(events, events.folder / "a.parquet", select)
    events.take_in()
    assert events.ids == ["p0", "p2"]
    [(item, reason)] = events.refused
    assert (item[:6], reason) == ("event ", "the mapped event type is missing.")


@pytest.mark.parametrize("cut", [-30, 40])
def test_a_cut_parquet_file_leaves_nothing_of_itself(events: EventFolder, cut: int) -> None:
    """Neither rows nor an end of the build; it is tried again with the next one."""
    events.sources = [EventSource(files="*.parquet", mapping=MAPPING), EventSource(files="*.jsonl", mapping=MAPPING)]
    path = events.folder / "a.parquet"
    write_parquet(events, path, PARQUET)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    events.write("b.jsonl", event(1))
    events.take_in()
    [letter] = events.letters
    assert (events.ids, letter["error_type"], letter["source_path"]) == (["e1"], "unreadable", "a.parquet")
    path.write_bytes(whole)
    events.take_in()
    assert (events.ids, events.letters) == (["e1", "p0", "p1", "p2"], [])


def example_events(path: Path) -> list[Mapping[str, Any]]:
    unpacked = EXAMPLES / "unpacked" / f"{path.stem}.jsonl"
    text = (unpacked if unpacked.is_file() else path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def first_stated(one: Mapping[str, Any], paths: tuple[str, ...]) -> str | None:
    found = next((value for path in paths if (value := stated(one, path)) is not None), None)
    return found if found is None or isinstance(found, str) else json.dumps(found)


EXAMPLE_FILES = sorted(path.name for path in EXAMPLES.glob("*.json*"))


@pytest.mark.parametrize("name", EXAMPLE_FILES)
def test_the_examples_of_every_format_load_as_their_fields_say(events: EventFolder, name: str) -> None:
    """Every event of an example is a row or a dead letter, and a row has what the format's fields state."""
    path = EXAMPLES / name
    known = next(one for one in FORMATS if path.stem.removeprefix(one.name) in ("", "_batch", "_search"))
    own = EventMapping(ts=("at",), event_type=("kind",), event_id=("id",), session=("session.id",))
    mapping = own if known.name == "json_lines" else EventMapping()
    rows = events.read(path.read_bytes(), name=name, format=known.name, mapping=mapping)
    fields = EventSource(files=name, format=known.name, mapping=mapping).fields
    told = example_events(path)
    good = [one for one in told if first_stated(one, fields.ts) and first_stated(one, fields.event_type)]
    assert len(events.letters) == len(told) - len(good)

    def expected(one: Mapping[str, Any]) -> tuple[object, ...]:
        metadata = {key: text for key in fields.metadata if (text := first_stated(one, (key,))) is not None}
        has_session = first_stated(one, (*fields.session, *fields.actor)) is not None
        is_derived = has_session and first_stated(one, fields.session) is None
        return (
            first_stated(one, fields.event_type), first_stated(one, fields.event_id), first_stated(one, fields.commit),
            metadata, has_session, is_derived,
        )  # fmt: skip

    def found(row: Row) -> tuple[object, ...]:
        return (
            row["event_type"], row["event_id"], row["commit_sha"], row["metadata"],
            row["session_id"] is not None, row["session_derived"],
        )  # fmt: skip

    assert sorted(map(str, map(found, rows))) == sorted(map(str, map(expected, good)))
    assert all(row["day"] == DAY for row in rows)


def test_every_format_has_an_example() -> None:
    """So that the test above speaks of all of them."""
    assert all(any(name.startswith(known.name) for name in EXAMPLE_FILES) for known in FORMATS)


@pytest.fixture
def real(events: EventFolder) -> Iterator[EventFolder]:
    """Real files of public projects, where they lie beside the repository."""
    if not REAL.is_dir():
        pytest.skip("no real events beside the repository")
    yield events


def test_a_real_stream_loads_as_its_own_lines_say(real: EventFolder) -> None:
    """Every line is a row of its day, or a dead letter; none is lost or doubled."""
    path = REAL / "visitor_events.jsonl"
    told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    distinct = {one["event_id"]: one for one in told}
    expected = Counter(datetime.fromisoformat(one["timestamp"]).astimezone(UTC).date() for one in distinct.values())
    mapping = EventMapping(
        ts=("timestamp",), event_type=("event_type",), event_id=("event_id",), session=("visitor_id",),
        metadata=("zone_id", "dwell_ms", "is_staff"),
    )  # fmt: skip
    real.sources = [EventSource(files=str(path), mapping=mapping)]
    assert real.take_in(*sorted(expected)).rows_by_day == dict(expected)
    assert (sum(expected.values()) > 600, real.refused) == (True, [])
    by_id = {row["event_id"]: row for row in real.rows}
    for native, one in distinct.items():
        row = by_id[native]
        assert (row["event_type"], row["metadata"]["dwell_ms"]) == (one["event_type"], str(one["dwell_ms"]))
    assert len({row["session_id"] for row in real.rows}) == len({one["visitor_id"] for one in distinct.values()})


def test_a_real_datadog_action_loads(real: EventFolder) -> None:
    """A document over several lines, with a duration in nanoseconds."""
    real.sources = [EventSource(files=str(REAL / "rum_action.json"), format="datadog_rum")]
    real.take_in(date(2020, 6, 4))
    [row] = real.rows
    assert row["ts"] == datetime(2020, 6, 4, 15, 27, 8, 705000, tzinfo=UTC)
    assert (row["event_type"], row["latency_ms"]) == ("action.click", 566.25)
    assert (row["event_id"], row["session_derived"]) == ("47af0abb-3de1-4170-a491-4473716df979", False)


def test_a_real_export_of_logs_holds_no_events(real: EventFolder) -> None:
    """OpenTelemetry's example is a line of a log: it is told, not guessed at."""
    real.sources = [EventSource(files=str(REAL / "otlp_logs.json"), format="otlp_logs")]
    real.take_in(date(2018, 12, 13))
    assert (real.rows, [reason for _, reason in real.refused]) == ([], ["the mapped event type is missing."])


def test_real_rudderstack_calls_load(real: EventFolder) -> None:
    """The fixture wraps its calls: as it lies there it is refused, its calls are read."""
    path = REAL / "rudder_engagement_track.json"
    real.sources = [EventSource(files=files, format="rudderstack") for files in ("calls.json", str(path))]
    [call] = json.loads(path.read_text(encoding="utf-8"))["output"]["queue"]
    real.write_bytes("calls.json", json.dumps([call], indent=2).encode())
    called_at = datetime.fromisoformat(call.get("timestamp") or call["originalTimestamp"])
    real.take_in(called_at.date())
    assert [(row["event_type"], row["ts"]) for row in real.rows] == [("Release Announcement", called_at)]
    assert [reason for _, reason in real.refused] == ["the mapped timestamp is missing."]


def test_formats_are_named_in_muse_toml() -> None:
    """What is not known is refused with the names that are."""
    with pytest.raises(LookupError, match="json_lines"):
        event_format("csv")


def test_gzip_is_hashed_by_what_it_holds(events: EventFolder) -> None:
    """A log that is packed when it is rotated is the same content under another name."""
    content = lines_of(*({"at": "2026-09-01T10:00:00Z", "kind": "open"} for _ in range(5)))
    path = events.write_bytes("a.jsonl", content)
    events.take_in()
    path.unlink()
    events.write_bytes("b.jsonl", gzip.compress(content))
    assert (events.take_in().missing, len(events.rows)) == ([], 5)
