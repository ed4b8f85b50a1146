"""Builds of `ui_events`: what has changed is read once, every day is what its files say, and no file stops another."""

import gzip
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.event_formats.registry import FORMATS
from muse_domain.ports import LineFile
from muse_domain.settings import EventMapping, EventSource
from muse_resources import event_gathering, event_intake
from muse_resources.day_load import DayLoad
from muse_resources.event_files import Inspected, engine_readable, has_short_lines
from muse_resources.event_intake import EventIntake, event_reader
from muse_resources.file_ledger import FileLedger
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.event_folder import (
    DAY,
    MAPPING,
    NEXT_DAY,
    EventFolder,
    as_nobody,
    event,
    lines_of,
    open_folder,
)
from tests.resources.loaders import Loaders

__all__ = ["open_folder"]


@pytest.fixture
def events(tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client) -> EventFolder:
    return EventFolder(tmp_path / "workspace", warehouse, engine)


def nameless(count: int = 1, day: date = DAY) -> list[dict[str, Any]]:
    """Events without an id: nothing but the build keeps them from being there twice."""
    return [{"at": f"{day}T10:00:00Z", "kind": "open"} for _ in range(count)]


@pytest.fixture(params=["before", "beside"])
def hashed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files are hashed while the engine reads them, or before, as those are whose lines may be too long for it."""
    looked: list[Path] = []

    def looking(path: Path, size_bytes: int) -> bool:
        looked.append(path)
        return request.param == "beside" and has_short_lines(path, size_bytes)

    monkeypatch.setattr(event_gathering, "has_short_lines", looking)
    yield
    assert looked


def readings(events: EventFolder) -> int:
    return int(events.query("SELECT count() AS n FROM input_files")[0]["n"])


# Unchanged, touched, changed


@pytest.mark.usefixtures("hashed")
def test_an_unchanged_file_is_not_read_again(events: EventFolder) -> None:
    """The second build opens nothing, replaces nothing and notes nothing."""
    events.write("a.jsonl", *nameless(3), b"broken")
    first = events.take_in(DAY, NEXT_DAY)
    parts = events.query("SELECT name FROM system.parts WHERE active AND table = 'ui_events' ORDER BY name")
    noted = readings(events)
    second = events.take_in(DAY, NEXT_DAY)
    assert (first.files_read, first.plan.build, first.rows_by_day) == (1, (DAY, NEXT_DAY), {DAY: 3, NEXT_DAY: 0})
    assert (second.files, second.files_read, second.plan.build, second.rows_by_day) == (1, 0, (), {})
    assert second.plan.unchanged == (DAY, NEXT_DAY)
    assert events.query("SELECT name FROM system.parts WHERE active AND table = 'ui_events' ORDER BY name") == parts
    assert (readings(events), len(events.letters)) == (noted, 1)


def test_a_file_that_was_only_touched_replaces_nothing(events: EventFolder) -> None:
    """Its time makes it be read; its content decides."""
    path = events.write("a.jsonl", *nameless(3), b"broken")
    events.take_in()
    events.touch(path)
    touched = events.take_in()
    assert (touched.files_read, touched.plan.build) == (1, ())
    assert events.take_in().files_read == 0
    assert (len(events.rows), events.refused) == (3, [("line 4", "not valid JSON.")])


@pytest.mark.usefixtures("hashed")
def test_a_changed_file_replaces_what_it_gave(events: EventFolder) -> None:
    """The day is what its files say now, and nothing that an earlier build left."""
    events.write("a.jsonl", *nameless(3))
    events.write("b.jsonl", *nameless(2))
    events.take_in()
    events.write("a.jsonl", event(1))
    changed = events.take_in()
    assert (changed.files_read, changed.rows_by_day) == (1, {DAY: 3})
    assert [row["source_path"] for row in events.rows].count("b.jsonl") == 2


def test_a_file_may_move_all_its_events_to_another_day(events: EventFolder) -> None:
    """The day that it left is empty, then."""
    events.write("a.jsonl", *nameless(3))
    events.take_in(DAY, NEXT_DAY)
    events.write("a.jsonl", *nameless(4, NEXT_DAY))
    assert events.take_in(DAY, NEXT_DAY).rows_by_day == {DAY: 0, NEXT_DAY: 4}


def test_a_day_without_files_is_loaded_and_empty(events: EventFolder) -> None:
    """No events are a fact, too."""
    assert events.take_in().rows_by_day == {DAY: 0}
    assert events.take_in().plan.unchanged == (DAY,)


def test_a_day_that_was_not_asked_for_is_built_when_it_is(events: EventFolder) -> None:
    """From a file that was read before."""
    events.write("a.jsonl", *nameless(2), *nameless(3, NEXT_DAY))
    assert events.take_in(DAY).rows_by_day == {DAY: 2}
    later = events.take_in(NEXT_DAY)
    assert (later.files_read, later.rows_by_day, len(events.rows)) == (0, {NEXT_DAY: 3}, 5)


@pytest.mark.parametrize("what", ["mapping", "format", "key", "error types"])
def test_another_way_of_reading_reads_everything_again(events: EventFolder, what: str) -> None:
    """What is stored is what the present configuration makes of the files."""
    events.write("a.jsonl", event(1, session={"id": "s"}))
    events.write("b.jsonl", event(2))
    events.take_in()
    if what == "key":
        events.hash_key = "another"
    else:
        more: dict[str, dict[str, Any]] = {
            "mapping": {"mapping": MAPPING.model_copy(update={"event_type": ("id",)})},
            "format": {"mapping": MAPPING, "format": "segment"},
            "error types": {"mapping": MAPPING.model_copy(update={"error_types": ("x",)})},
        }
        events.sources = [EventSource(files="*.jsonl", **more[what])]
    assert (events.take_in().files_read, events.take_in().files_read) == (2, 0)


def test_two_sources_of_one_pattern_are_told_apart(events: EventFolder) -> None:
    """The first reads the files: a change of the second changes nothing, one of the first everything."""
    events.write("a.jsonl", event(1))
    types = [MAPPING.model_copy(update={"event_type": (name,)}) for name in ("kind", "id", "at")]

    def files_read(first: EventMapping, second: EventMapping) -> int:
        events.sources = [EventSource(files="*.jsonl", mapping=one) for one in (first, second)]
        return events.take_in().files_read

    assert [files_read(types[0], types[1]), files_read(types[0], types[2]), files_read(types[1], types[2])] == [1, 0, 1]
    assert [row["event_type"] for row in events.rows] == ["e1"]


# Late, stale, missing, moved


@pytest.mark.parametrize("days_late", [1, 7])
def test_a_late_event_reaches_its_day_with_the_build_of_a_later_one(events: EventFolder, days_late: int) -> None:
    """Up to a week: the events, and what is rolled up of them."""
    events.write("a.jsonl", *nameless(2))
    events.take_in(DAY)
    events.roll_up(DAY)
    later = DAY + timedelta(days=days_late)
    events.write("b.jsonl", *nameless(1), *nameless(5, later))
    built = events.take_in(later)
    rolled = events.roll_up(later)
    assert (built.plan.late, built.rows_by_day) == ((DAY,), {DAY: 3, later: 5})
    assert (rolled.late, rolled.rows_by_day) == ((DAY,), {DAY: 1, later: 1})
    stats = events.query("SELECT day, total_events FROM session_stats ORDER BY day")
    assert [(row["day"], row["total_events"]) for row in stats] == [(DAY, 3), (later, 5)]
    assert (events.take_in(later).plan.build, events.roll_up(later).unchanged) == ((), 1)


def test_what_comes_later_than_a_week_is_told_and_built_when_asked_for(events: EventFolder) -> None:
    """So that no build is boundless."""
    events.write("a.jsonl", *nameless(2))
    events.take_in(DAY)
    later = DAY + timedelta(days=8)
    events.write("b.jsonl", *nameless(1))
    built = events.take_in(later)
    assert (built.plan.stale, built.plan.late, built.rows_by_day, len(events.rows)) == ((DAY,), (), {later: 0}, 2)
    asked = events.take_in(DAY)
    assert (asked.rows_by_day, asked.files_read, asked.plan.stale) == ({DAY: 3}, 0, ())


@pytest.mark.usefixtures("hashed")
def test_a_file_that_vanished_keeps_its_rows(events: EventFolder) -> None:
    """A folder that is cleared away does not unmake history, even when the day is built again."""
    path = events.write("a.jsonl", *nameless(3), b"broken")
    events.take_in()
    path.unlink()
    gone = events.take_in()
    assert (gone.missing, gone.plan.unchanged, len(events.rows), events.letters) == (["a.jsonl"], (DAY,), 3, [])
    events.write("b.jsonl", *nameless(2))
    assert events.take_in().rows_by_day == {DAY: 5}
    events.write("a.jsonl", *nameless(3), b"broken")
    back = events.take_in()
    assert (back.missing, len(events.rows)) == ([], 5)


def test_a_vanished_file_keeps_its_sessions_without_a_key(events: EventFolder) -> None:
    """Numbers are given anew, and what belonged together stays together."""
    events.hash_key = None
    path = events.write("a.jsonl", *(event(number, session={"id": f"s{number % 2}"}) for number in range(4)))
    events.take_in()
    path.unlink()
    events.write("b.jsonl", event(5, at="2026-09-01T09:00:00Z", session={"id": "early"}))
    events.take_in()
    found = [row["session_id"] for row in events.rows]
    assert (len(set(found)), found[1] == found[3], found[2] == found[4]) == (3, True, True)


@pytest.mark.parametrize("is_packed", [False, True], ids=["moved", "packed"])
def test_a_moved_file_gives_nothing_twice(events: EventFolder, is_packed: bool) -> None:
    """Events without an id, too: the same content under another name is the same file."""
    path = events.write("a.jsonl", *nameless(3))
    events.take_in()
    content = path.read_bytes()
    path.unlink()
    events.write_bytes("2026/a.jsonl.gz", gzip.compress(content) if is_packed else content)
    events.sources = [EventSource(files="**/*.jsonl*", mapping=MAPPING)]
    moved = events.take_in()
    assert (moved.missing, [row["source_path"] for row in events.rows]) == ([], ["2026/a.jsonl.gz"] * 3)


def test_a_log_that_is_rotated_loses_and_doubles_nothing(events: EventFolder) -> None:
    """The old lines have a new name, and the old name has new lines."""
    events.sources = [EventSource(files="a.log*", mapping=MAPPING)]
    path = events.write("a.log", *nameless(3))
    events.take_in()
    path.rename(events.folder / "a.log.1")
    events.write("a.log", *nameless(2))
    rotated = events.take_in()
    assert (rotated.rows_by_day, rotated.missing) == ({DAY: 5}, [])


@pytest.mark.usefixtures("hashed")
def test_a_log_that_is_written_to_and_then_renamed_doubles_nothing(events: EventFolder) -> None:
    """The file under the new name begins with all that the old name had given."""
    events.sources = [EventSource(files="a.log*", mapping=MAPPING)]
    path = events.write("a.log", *nameless(3))
    events.take_in()
    path.unlink()
    events.write("a.log.1", *nameless(5))
    events.write("a.log.2", *nameless(2, NEXT_DAY))
    renamed = events.take_in(DAY, NEXT_DAY)
    assert (renamed.rows_by_day, renamed.missing) == ({DAY: 5, NEXT_DAY: 2}, [])


def test_a_new_file_that_begins_differently_is_another_one(events: EventFolder) -> None:
    """The vanished one keeps what it gave."""
    events.sources = [EventSource(files="a.log*", mapping=MAPPING)]
    path = events.write("a.log", *nameless(3))
    events.take_in()
    path.unlink()
    events.write("a.log.1", {"at": f"{DAY}T09:00:00Z", "kind": "open"}, *nameless(3))
    assert (events.take_in().rows_by_day, events.take_in().missing) == ({DAY: 7}, ["a.log"])


@pytest.mark.parametrize("later", [False, True], ids=["at once", "by a later build"])
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
def test_a_copy_gives_nothing_twice_and_is_told(events: EventFolder, is_packed: bool, later: bool) -> None:
    """Events without an id have nothing else that keeps them from being there twice. The first to be hashed counts."""
    events.sources = [EventSource(files="*.jsonl*", mapping=MAPPING)]
    content = events.write("a.jsonl", *nameless(3)).read_bytes()
    if later:
        events.take_in()
    name = "copy.jsonl.gz" if is_packed else "copy.jsonl"
    events.write_bytes(name, gzip.compress(content) if is_packed else content)
    copied = events.take_in()
    # A plain file is read before its hash is known, unless another is as long: its rows are given up again.
    original, copy = (name, "a.jsonl") if is_packed and not later else ("a.jsonl", name)
    assert copied.copies == {copy: original}
    assert [row["source_path"] for row in events.rows] == [original] * 3
    assert events.take_in().files_read == 0


@pytest.mark.usefixtures("hashed")
@pytest.mark.parametrize("change", ["rewritten", "gone"])
def test_a_copy_stands_in_for_its_original(events: EventFolder, change: str) -> None:
    """Nothing is lost when the file that was counted is not there as it was."""
    original = events.write("a.jsonl", *nameless(3))
    shutil.copy(original, events.folder / "b.jsonl")
    events.take_in()
    original.unlink()
    if change == "rewritten":
        events.write("a.jsonl", *nameless(2, NEXT_DAY))
    changed = events.take_in(DAY, NEXT_DAY)
    assert [row["source_path"] for row in events.rows if row["day"] == DAY] == ["b.jsonl"] * 3
    assert changed.missing == []
    assert changed.rows_by_day == {DAY: 3, NEXT_DAY: 2 if change == "rewritten" else 0}


def test_a_file_that_two_sources_read_differently_is_no_copy(events: EventFolder) -> None:
    """Either takes its own events from the same bytes."""
    events.sources = [
        EventSource(files="a.jsonl", mapping=MAPPING),
        EventSource(files="b.jsonl", mapping=MAPPING.model_copy(update={"event_type": ("at",)})),
    ]
    shutil.copy(events.write("a.jsonl", *nameless(1)), events.folder / "b.jsonl")
    assert (events.take_in().rows_by_day, events.take_in().copies) == ({DAY: 2}, {})


@pytest.mark.usefixtures("hashed")
def test_a_mended_file_loses_its_dead_letters(events: EventFolder) -> None:
    """They speak of what lies there now."""
    events.write("a.jsonl", b"broken", b"too")
    events.write("b.jsonl", b"broken as well")
    events.take_in()
    assert len(events.letters) == 3
    events.write("a.jsonl", event(1))
    events.take_in()
    assert ([letter["source_path"] for letter in events.letters], events.ids) == (["b.jsonl"], ["e1"])


def test_dead_letters_of_a_file_that_is_gone_are_gone(events: EventFolder) -> None:
    """Nobody can mend it any more."""
    path = events.write("a.jsonl", b"broken")
    events.take_in()
    path.unlink()
    events.take_in()
    assert events.letters == []


def test_a_refused_file_that_is_mended_gives_its_rows(events: EventFolder) -> None:
    """Even if it has the same size, and nobody asked for its day again."""
    content = lines_of(*nameless(2))
    path = events.write_bytes("a.jsonl", gzip.compress(content)[:-4] + b"\0\0\0\0")
    events.take_in()
    assert (events.rows, len(events.letters)) == ([], 1)
    path.write_bytes(gzip.compress(content))
    events.touch(path)
    assert (events.take_in().rows_by_day, events.letters) == ({DAY: 2}, [])


# Files that cannot be read


@pytest.fixture
def nobodys(
    warehouse: ClickHouseWarehouse, engine: Client, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> EventFolder:
    """A workspace that every user may look into, built by a user without further rights."""
    # The client would look into the warehouse's folder, which is closed to other users.
    monkeypatch.setattr("muse_resources.embedded.connect._RECHECK_AFTER_S", 600)
    found = Nobodys(open_folder, warehouse, engine)
    found.sources = [EventSource(files="**/*.jsonl", mapping=MAPPING)]
    found.write("z.jsonl", event(9))
    assert found.letters == []
    return found


class Nobodys(EventFolder):
    """What is built as another user."""

    def take_in(self, *days: date) -> EventIntake:
        with as_nobody():
            return super().take_in(*days)


def test_a_file_without_rights_is_told_and_the_others_load(nobodys: EventFolder) -> None:
    """And read as soon as it may be, without another change."""
    path = nobodys.write("a.jsonl", *nameless(2))
    path.chmod(0)
    nobodys.take_in()
    [letter] = nobodys.letters
    assert (letter["source_path"], letter["error"]) == ("a.jsonl", "cannot be read: Permission denied.")
    assert (nobodys.ids, letter["error_type"]) == (["e9"], "unreadable")
    path.chmod(0o644)
    assert (nobodys.take_in().rows_by_day, nobodys.letters) == ({DAY: 3}, [])


def test_a_file_that_loses_its_rights_keeps_what_it_gave(nobodys: EventFolder) -> None:
    """A source that cannot be read is not an empty one; its day may be built again meanwhile."""
    path = nobodys.write("a.jsonl", *nameless(2))
    nobodys.take_in()
    path.chmod(0)
    nobodys.write("b.jsonl", *nameless(3))
    assert nobodys.take_in().rows_by_day == {DAY: 6}
    assert [letter["source_path"] for letter in nobodys.letters] == ["a.jsonl"]
    assert nobodys.take_in().plan.unchanged == (DAY,)
    path.chmod(0o644)
    nobodys.take_in()
    assert (len(nobodys.rows), nobodys.letters) == (6, [])


def test_a_changed_file_without_rights_keeps_what_it_gave(nobodys: EventFolder) -> None:
    """Until it can be read: then it is what it says."""
    path = nobodys.write("a.jsonl", *nameless(2))
    nobodys.take_in()
    nobodys.write("a.jsonl", *nameless(5))
    path.chmod(0)
    nobodys.take_in()
    assert (len(nobodys.rows), len(nobodys.letters)) == (3, 1)
    path.chmod(0o644)
    assert (nobodys.take_in().rows_by_day, nobodys.letters) == ({DAY: 6}, [])


def test_a_folder_without_rights_is_told_and_keeps_what_it_gave(nobodys: EventFolder) -> None:
    """What cannot be looked into is not empty, and its files are not missing."""
    nobodys.write("deep/a.jsonl", *nameless(2))
    nobodys.take_in()
    (nobodys.folder / "deep").chmod(0)
    nobodys.write("b.jsonl", *nameless(3))
    built = nobodys.take_in()
    assert (built.rows_by_day, built.missing) == ({DAY: 6}, [])
    [letter] = nobodys.letters
    assert (letter["source_path"], letter["error"]) == ("deep", "cannot be looked into: Permission denied.")
    (nobodys.folder / "deep").chmod(0o755)
    nobodys.take_in()
    assert (len(nobodys.rows), nobodys.letters) == (6, [])


def test_a_dangling_link_and_a_folder_of_that_name_are_no_files(events: EventFolder) -> None:
    """They hold no events."""
    (events.folder / "a.jsonl").symlink_to("nowhere")
    (events.folder / "b.jsonl").mkdir()
    events.write("c.jsonl", event(1))
    assert (events.take_in().files, events.ids, events.letters) == (1, ["e1"], [])


def test_a_file_that_fails_while_it_is_read_is_told(events: EventFolder) -> None:
    """Its end may be on a broken disk."""
    (events.folder / "a.jsonl").symlink_to("/proc/self/mem")
    events.write("b.jsonl", event(1))
    events.take_in()
    assert ([letter["error_type"] for letter in events.letters], events.ids) == (["unreadable"], ["e1"])


# Files that somebody writes to


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Calls that are made, one each time that files have been hashed and the engine is about to read them."""
    calls: list[Any] = []

    @contextmanager
    def readable(*inspected: Inspected) -> Iterator[list[LineFile]]:
        if calls:
            calls.pop(0)()
        with engine_readable(*inspected) as files:
            yield files

    monkeypatch.setattr(event_gathering, "engine_readable", readable)
    yield calls


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)


@pytest.mark.usefixtures("hashed")
@pytest.mark.parametrize("tail", [b"", b'{"at": "2026-09-01T10:0', b"broken\n"], ids=["whole", "cut", "broken"])
def test_a_file_that_grows_while_it_is_read_gives_what_was_listed(
    events: EventFolder, meanwhile: list[Any], tail: bytes
) -> None:
    """The rest is the next build's: nothing twice, nothing lost."""
    path = events.write_bytes("a.jsonl", lines_of(*nameless(3)) + tail)
    ending = b'0:00Z", "kind": "open"}' if tail.startswith(b"{") else b""
    meanwhile.append(lambda: append(path, ending + b"\n" + lines_of(*nameless(2))))
    assert events.take_in().rows_by_day == {DAY: 3}
    assert len(events.letters) == bool(tail)
    expected = 6 if tail.startswith(b"{") else 5
    assert (events.take_in().rows_by_day, len(events.letters)) == ({DAY: expected}, int(tail == b"broken\n"))
    assert events.take_in().plan.build == ()


@pytest.mark.usefixtures("hashed")
def test_a_file_that_is_rewritten_while_it_is_read_gives_one_of_both(events: EventFolder, meanwhile: list[Any]) -> None:
    """And the next build the new one: its hash is of what was read."""
    path = events.write("a.jsonl", *nameless(3))
    meanwhile.append(lambda: path.write_bytes(lines_of(*nameless(7))))
    assert events.take_in().rows_by_day[DAY] in (3, 7)
    events.take_in()
    assert len(events.rows) == 7


@pytest.mark.usefixtures("hashed")
def test_a_file_that_is_empty_for_a_moment_keeps_what_it_gave_or_is_read_anew(
    events: EventFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes a file anew empties it first: that moment is not what it says."""
    path = events.write("a.jsonl", *nameless(3))
    events.take_in()
    path.write_bytes(lines_of(*nameless(5)))
    inspect = event_gathering.inspect_events

    def while_emptied(*file: Any) -> Inspected:
        monkeypatch.setattr(event_gathering, "inspect_events", inspect)
        path.write_bytes(b"")
        try:
            return inspect(*file)
        finally:
            path.write_bytes(lines_of(*nameless(7)))

    monkeypatch.setattr(event_gathering, "inspect_events", while_emptied)
    events.take_in()
    assert len(events.rows) in (3, 5)
    events.take_in()
    assert (len(events.rows), events.letters) == (7, [])


@pytest.mark.usefixtures("hashed")
def test_a_file_that_vanishes_while_it_is_read_keeps_what_it_gave(events: EventFolder, meanwhile: list[Any]) -> None:
    """It is told, and the others load."""
    path = events.write("a.jsonl", *nameless(3))
    events.take_in()
    events.write("a.jsonl", *nameless(4))
    events.write("b.jsonl", event(1))
    meanwhile.append(path.unlink)
    events.take_in()
    assert (len(events.rows), [letter["source_path"] for letter in events.letters]) == (4, ["a.jsonl"])
    gone = events.take_in()
    assert (gone.missing, len(events.rows), events.letters) == (["a.jsonl"], 4, [])


@pytest.mark.usefixtures("hashed")
def test_an_unchanged_file_that_vanishes_while_its_day_is_built_keeps_what_it_gave(
    events: EventFolder, meanwhile: list[Any]
) -> None:
    """The day is built of another file's change."""
    path = events.write("a.jsonl", *nameless(3))
    events.take_in()
    events.write("b.jsonl", event(1))
    meanwhile.extend([lambda: None, path.unlink])
    assert events.take_in().rows_by_day == {DAY: 4}
    assert (events.take_in().missing, len(events.rows)) == (["a.jsonl"], 4)


@pytest.mark.usefixtures("hashed")
def test_an_unchanged_file_that_grows_while_its_day_is_built_gives_what_it_gave(
    events: EventFolder, meanwhile: list[Any]
) -> None:
    """The rest is the next build's."""
    path = events.write("a.jsonl", *nameless(3))
    events.take_in()
    events.write("b.jsonl", event(1))
    meanwhile.extend([lambda: None, lambda: append(path, lines_of(*nameless(2)))])
    assert events.take_in().rows_by_day == {DAY: 4}
    assert events.take_in().rows_by_day == {DAY: 6}


@pytest.mark.usefixtures("hashed")
def test_a_file_that_is_written_all_the_time_is_read_to_a_line(events: EventFolder) -> None:
    """A build beside a writer: each sees a beginning of the file, the last one all of it."""
    path = events.write("a.jsonl", event(0))
    stop = threading.Event()
    written = 1

    def write() -> None:
        nonlocal written
        with path.open("ab") as stream:
            while not stop.wait(0.002):
                stream.write(lines_of(*(event(written + number) for number in range(20))))
                stream.flush()
                written += 20

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [(events.take_in(), len(events.rows))[1] for _ in range(4)]
    finally:
        stop.set()
        writer.join()
    assert seen == sorted(seen)
    events.take_in()
    assert (sorted(map(str, events.ids)), events.letters) == (sorted(f"e{number}" for number in range(written)), [])


# Personal data

MAIL, NAME, ADDRESS, DEVICE = "ada.l@example.org", "Lovelace", "203.0.113.77", "device-4711"
AGENT = f"Mozilla/5.0 ({NAME}s Phone; {MAIL}) Firefox/128.0"
PERSON = {
    "email": MAIL, "name": NAME, "firstName": NAME, "phone": "+44 20 7946 0018", "ip": ADDRESS, "userId": DEVICE,
    "user": {"id": DEVICE, "email": MAIL, "name": NAME}, "traits": {"email": MAIL, "address": {"street": "Dorset 12"}},
    "list": [MAIL, {"name": NAME}], MAIL: NAME, "url": f"https://shop.example.com/?mail={MAIL}", "title": NAME,
}  # fmt: skip
SECRETS = (MAIL, NAME, ADDRESS, DEVICE, "+44 20", "Dorset", "session-of-ada", "Phone")


def attributes(**values: str) -> list[dict[str, Any]]:
    """OTLP's."""
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


OTLP_PERSON = [
    *attributes(**{
        "session.id": "session-of-ada", "enduser.id": DEVICE, "user.id": DEVICE, "user.email": MAIL, "user.hash": NAME,
        "client.address": ADDRESS, "user_agent.original": AGENT, "user.full_name": NAME, "exception.message": MAIL,
    }),
    {"key": "people", "value": {"arrayValue": {"values": [{"stringValue": MAIL}]}}},
    {"key": "traits", "value": {"kvlistValue": {"values": attributes(name=NAME)}}},
]  # fmt: skip
STAMP, NANOS = "2026-09-01T10:00:00Z", "1788256800000000000"
CONTEXT = {
    "ip": ADDRESS, "userAgent": AGENT, "traits": PERSON, "device": {"id": DEVICE, "name": NAME, "type": "ios"},
    "page": PERSON, "location": {"city": "Dorset"}, "sessionId": "session-of-ada", "referrer": PERSON,
}  # fmt: skip
CALL = {
    "type": "track", "event": "Opened", "timestamp": STAMP, "messageId": "m-1", "anonymousId": DEVICE, "userId": MAIL,
    "context": CONTEXT, "properties": PERSON, "traits": PERSON, "integrations": {NAME: True}, "request_ip": ADDRESS,
}  # fmt: skip
DOCUMENTS: dict[str, dict[str, Any]] = {
    "json_lines": {
        "at": STAMP, "kind": "open", "session": {"id": "session-of-ada", **PERSON}, "person": MAIL, "agent": AGENT,
        "build": PERSON, "size": PERSON, "took_ms": MAIL, "panel": PERSON, **PERSON,
    },
    "segment": CALL | PERSON,
    "rudderstack": CALL | PERSON | {"channel": "web", "rudderId": DEVICE},
    "posthog": {
        "uuid": "u-1", "event": "$pageview", "timestamp": STAMP, "distinct_id": MAIL, "person_id": DEVICE,
        "properties": {
            "$session_id": "session-of-ada", "$raw_user_agent": AGENT, "$ip": ADDRESS, "$set": PERSON,
            "$current_url": PERSON["url"], "$referrer": PERSON["url"], "$elements": [PERSON], **PERSON,
        },
        "person_properties": PERSON, "set": PERSON, "set_once": PERSON, "elements_chain": NAME, "ip": ADDRESS,
    },
    "snowplow": {
        "event_id": "s-1", "collector_tstamp": STAMP, "event": "page_view", "event_name": "page_view", "user_id": MAIL,
        "user_ipaddress": ADDRESS, "domain_userid": DEVICE, "network_userid": DEVICE, "useragent": AGENT,
        "domain_sessionid": "session-of-ada", "page_url": PERSON["url"], "page_title": NAME, "geo_city": "Dorset",
        "se_label": NAME, "se_property": MAIL, "refr_urlquery": MAIL, "tr_city": "Dorset", "user_fingerprint": DEVICE,
        "contexts_com_snowplowanalytics_snowplow_client_session_1": [{"sessionId": "session-of-ada", "userId": DEVICE}],
        "unstruct_event_com_acme_1": PERSON, "contexts_com_acme_1": [PERSON],
    },
    "datadog_rum": {
        "type": "action", "date": 1788256800000, "application": {"id": "a"},
        "session": {"id": "session-of-ada", "useragent": AGENT}, "usr": {"anonymous_id": DEVICE, "id": MAIL, **PERSON},
        "account": PERSON, "view": {"id": "v", "url": PERSON["url"], "name": NAME, "referrer": MAIL}, "context": PERSON,
        "action": {"type": "click", "id": "x-1", "target": {"name": NAME}}, "ddtags": f"user:{MAIL},host:{NAME}",
        "geo": {"city": "Dorset"}, "connectivity": {"ip": ADDRESS}, "error": {"message": MAIL}, "feature_flags": PERSON,
    },
    "otlp_logs": {"resourceLogs": [{
        "resource": {"attributes": [*attributes(**{"host.name": NAME, "service.instance.id": DEVICE}), *OTLP_PERSON]},
        "scopeLogs": [{"scope": {"name": "browser", "attributes": OTLP_PERSON}, "logRecords": [{
            "timeUnixNano": NANOS, "eventName": "open", "attributes": OTLP_PERSON, "traceId": DEVICE,
            "body": {"stringValue": f"{NAME} <{MAIL}>"},
        }, {
            "timeUnixNano": NANOS, "eventName": "open", "body": {"kvlistValue": {"values": attributes(mail=MAIL)}},
        }]}],
    }]},
    "otlp_spans": {"resourceSpans": [{
        "resource": {"attributes": [*attributes(**{"host.name": NAME}), *OTLP_PERSON]},
        "scopeSpans": [{"scope": {"name": "browser", "attributes": OTLP_PERSON}, "spans": [{
            "startTimeUnixNano": NANOS, "endTimeUnixNano": NANOS, "name": "click", "attributes": OTLP_PERSON,
            "traceId": "5b8e", "spanId": "ee", "status": {"message": MAIL}, "traceState": NAME,
            "events": [{"name": NAME, "attributes": OTLP_PERSON}], "links": [{"attributes": OTLP_PERSON}],
        }]}],
    }]},
}  # fmt: skip
TIMES = ("at", "timestamp", "collector_tstamp", "date", "timeUnixNano", "startTimeUnixNano")


def undated(document: Any) -> Any:
    """The same without any time: it is refused, and its letter must not tell more than an event would."""
    if isinstance(document, dict):
        return {key: undated(value) for key, value in document.items() if key not in TIMES}
    return [undated(item) for item in document] if isinstance(document, list) else document


@pytest.mark.parametrize("hash_key", ["key", None])
@pytest.mark.parametrize("known", [known.name for known in FORMATS])
def test_no_personal_data_reaches_any_table(events: EventFolder, known: str, hash_key: str | None) -> None:
    """S0-102: what is not mapped is not read, sessions are hashed, refused lines leave no content behind."""
    document = DOCUMENTS[known]
    events.hash_key = hash_key
    mapping = MAPPING if known == "json_lines" else EventMapping()
    events.sources = [EventSource(files="*.json*", format=known, mapping=mapping)]
    cut = json.dumps(document)[:-9].encode()
    events.write("a.jsonl", document, undated(document), cut, b"[" + json.dumps(MAIL).encode() + b"]")
    events.write_bytes("b.json", json.dumps(document | {"kind": "b"}, indent=2).encode())
    events.write_bytes("c.json", json.dumps([document, undated(document), PERSON, MAIL], indent=2).encode())
    events.write_bytes("d.jsonl", cut + b"\n" + cut)
    events.take_in()
    events.roll_up()
    everything = events.everything()
    assert events.rows and events.letters
    assert any(row["session_id"] for row in events.rows)
    assert "Firefox 128" in everything
    assert [secret for secret in SECRETS if secret.lower() in everything.lower()] == []


def test_every_format_has_a_document_full_of_personal_data() -> None:
    """A new format is not left out."""
    assert set(DOCUMENTS) == {known.name for known in FORMATS}


# Builds at the same time, and builds that end early


def test_two_builds_at_once_leave_one_correct_day(events: EventFolder, loaders: Loaders) -> None:
    """Two processes whose keys differ replace each other's days again and again: at no moment are they mixed."""
    session = {"session": {"id": "s"}}
    for number in range(5):
        lines = [one | session | {"file": number} for one in (*nameless(200), *nameless(100, NEXT_DAY))]
        events.write(f"{number}.jsonl", *lines)
    processes = loaders.start_together(*[("take_in_event_rounds", events.folder, key, 6) for key in ("one", "two")])
    seen = set()
    while any(process.poll() is None for process in processes):
        for row in events.query(
            "SELECT day, count() AS n, groupUniqArray(session_id) AS ids FROM ui_events GROUP BY day"
        ):
            assert (row["n"], len(row["ids"])) == (1000 if row["day"] == DAY else 500, 1)
            seen.add(row["ids"][0])
    assert [process.returncode for process in processes] == [0, 0]
    counted = events.query("SELECT day, count() AS n, uniqExact(session_id) AS ids FROM ui_events GROUP BY day")
    assert {(row["day"], row["n"], row["ids"]) for row in counted} == {(DAY, 1000, 1), (NEXT_DAY, 500, 1)}
    assert (len(seen), events.staging()) == (2, [])


@pytest.mark.parametrize("step", ["put_in_place", "keep", "rows_by_file"])
def test_a_build_that_ends_early_is_made_good_by_the_next(
    events: EventFolder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever was noted before it ended: a file that is noted as read is not taken for one that is loaded."""
    gone = events.write("gone.jsonl", *nameless(2))
    events.write("a.jsonl", *nameless(3))
    events.take_in()
    gone.unlink()
    events.write("a.jsonl", *nameless(4), *nameless(1, NEXT_DAY))

    def end(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"muse_resources.day_load.DayLoad.{step}", end)
        with pytest.raises(KeyboardInterrupt):
            events.take_in(DAY, NEXT_DAY)
    assert events.take_in(DAY, NEXT_DAY).rows_by_day == {DAY: 6, NEXT_DAY: 1}
    assert events.staging() == []


def test_a_build_that_ends_before_it_is_recorded_is_repeated(
    events: EventFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The days are in place and nobody knows: building them again gives the same."""
    events.write("a.jsonl", *nameless(3))

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(FileLedger, "loads", end)
        with pytest.raises(KeyboardInterrupt):
            events.take_in()
    again = events.take_in()
    assert (again.files_read, again.rows_by_day) == (0, {DAY: 3})


@pytest.mark.parametrize("back", ["file", "key"])
def test_a_change_that_is_taken_back_after_its_build_was_killed_is_built_again(
    events: EventFolder, monkeypatch: pytest.MonkeyPatch, back: str
) -> None:
    """The inputs are what they were, the day in place is not."""
    one = {"session": {"id": "s"}}
    path = events.write("a.jsonl", event(1, **one))
    events.take_in()
    before, content = events.rows, path.read_bytes()
    put = DayLoad.put_in_place

    def end(*given: Any, **more: Any) -> None:
        put(*given, **more)
        raise KeyboardInterrupt

    if back == "file":
        events.write("a.jsonl", event(1, **one), event(2, **one))
    else:
        events.hash_key = "another"
    with monkeypatch.context() as patched:
        patched.setattr(DayLoad, "put_in_place", end)
        with pytest.raises(KeyboardInterrupt):
            events.take_in()
    assert events.rows != before
    path.write_bytes(content)
    events.hash_key = "key"
    events.take_in()
    assert events.rows == before


def test_a_rollup_that_was_killed_is_made_good_when_the_events_are_as_before(
    events: EventFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the events themselves."""
    path = events.write("a.jsonl", *nameless(3))
    events.take_in()
    events.roll_up()
    content = path.read_bytes()
    events.write("a.jsonl", *nameless(5))
    events.take_in()
    replace_days_from = ClickHouseWarehouse.replace_days_from

    def end(*given: Any) -> None:
        replace_days_from(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ClickHouseWarehouse, "replace_days_from", end)
        with pytest.raises(KeyboardInterrupt):
            events.roll_up()
    path.write_bytes(content)
    events.take_in()
    events.roll_up()
    assert events.query("SELECT total_events FROM session_stats") == [{"total_events": 3}]


def test_a_workspace_that_moves_reads_nothing_again(events: EventFolder, tmp_path: Path) -> None:
    """Files are known by their path within it; their times move with them."""
    events.write("a.jsonl", *nameless(3))
    events.take_in()
    moved = tmp_path / "moved"
    shutil.copytree(events.folder, moved)
    there = replace_folder(events, moved)
    assert (there.take_in().files_read, len(there.rows)) == (0, 3)


def replace_folder(events: EventFolder, folder: Path) -> EventFolder:
    there = EventFolder(folder, events.warehouse, events.engine)
    there._now = events._now
    return there


def test_a_file_with_many_days_is_loaded_at_once(events: EventFolder) -> None:
    """A year in one file is no more trouble than a day."""
    days = [DAY - timedelta(days=number) for number in range(365)]
    events.write("a.jsonl", *(one for day in days for one in nameless(2, day)))
    assert events.take_in(*days).rows_by_day == dict.fromkeys(days, 2)


def test_many_small_files_are_loaded(events: EventFolder) -> None:
    """Each is known by itself."""
    for number in range(40):
        events.write(f"{number}.jsonl", event(number))
    built = events.take_in()
    assert (built.files, built.files_read, built.rows_by_day) == (40, 40, {DAY: 40})
    os.utime(events.folder / "7.jsonl", ns=(1, 1))
    assert events.take_in().files_read == 1


@pytest.mark.parametrize("module", ["event_columns.py", "event_files.py"])
def test_an_edited_reader_reads_event_files_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """What a version of the code has read is not what another would read."""
    package = tmp_path / "muse_resources"
    package.mkdir()
    for name in ("event_columns.py", "event_files.py"):
        (package / name).write_bytes((files("muse_resources") / name).read_bytes())
    source = EventSource(files="*.log", mapping=MAPPING)
    before = event_reader(source, None)
    monkeypatch.setattr(event_intake, "files", lambda name: tmp_path / name)
    event_intake._code_sha256.cache_clear()
    copied = event_reader(source, None)
    (package / module).write_text("EDITED = True\n")
    event_intake._code_sha256.cache_clear()
    edited = event_reader(source, None)
    event_intake._code_sha256.cache_clear()
    assert before == copied != edited
