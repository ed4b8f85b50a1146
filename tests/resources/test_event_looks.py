"""A look between two builds changes nothing of what the builds make of the files: whatever it has noted, they agree."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.settings import EventSource
from muse_resources.event_intake import EventIntake, look_at_events
from muse_resources.input_look import InputLook
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.event_folder import DAY, MAPPING, NEXT_DAY, EventFolder, workspace_of

NOW = datetime(2026, 9, 20, tzinfo=UTC)


class LookedInto(EventFolder):
    """A folder that is looked into before every build."""

    def look(self) -> InputLook:
        workspace = workspace_of(self.folder, self.sources, self.hash_key)
        look = look_at_events(self.warehouse, workspace, NOW, lambda _: set())
        assert look is not None
        return look

    def take_in(self, *days: date) -> EventIntake:
        self.look()
        built = super().take_in(*days)
        assert self.look().changed_days == set()
        return built


@pytest.fixture
def events(tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client) -> LookedInto:
    folder = LookedInto(tmp_path / "workspace", warehouse, engine)
    folder.sources = [EventSource(files="*.log*", mapping=MAPPING)]
    return folder


def nameless(count: int, day: date = DAY) -> list[dict[str, Any]]:
    """Events without an id: nothing but the intake keeps them from being there twice."""
    return [{"at": f"{day}T10:00:00Z", "kind": "open"} for _ in range(count)]


def test_a_look_says_which_days_are_not_built_from_their_files(events: LookedInto) -> None:
    """Before the first build, and after a file has come; a build reads nothing of it a second time to know its days."""
    events.write("a.log", *nameless(3), *nameless(1, NEXT_DAY))
    first = events.look()
    assert (first.read, first.left, first.changed_days) == (1, 0, {DAY, NEXT_DAY})
    assert (events.look().read, events.rows) == (0, [])
    built = events.take_in(DAY, NEXT_DAY)
    assert (built.files_read, built.rows_by_day) == (0, {DAY: 3, NEXT_DAY: 1})
    assert events.look().changed_days == set()


def test_a_rotated_log_is_there_once(events: LookedInto) -> None:
    """The old lines have a new name, and the old name has new lines."""
    path = events.write("a.log", *nameless(3))
    events.take_in()
    path.rename(events.folder / "a.log.1")
    events.write("a.log", *nameless(2))
    assert events.take_in().rows_by_day == {DAY: 5}


def test_a_log_that_was_written_to_and_then_renamed_is_there_once(events: LookedInto) -> None:
    """The build does not read the new name again: that the old one goes on in it was noted by the look."""
    path = events.write("a.log", *nameless(3))
    events.take_in()
    path.unlink()
    events.write("a.log.1", *nameless(5))
    renamed = events.take_in()
    assert (renamed.rows_by_day, renamed.missing) == ({DAY: 5}, [])


@pytest.mark.parametrize("later", [False, True], ids=["at once", "by a later look"])
def test_a_copy_is_there_once(events: LookedInto, later: bool) -> None:
    """Of events without an id nothing else tells."""
    original = events.write("a.log", *nameless(3))
    if later:
        events.take_in()
    shutil.copy(original, events.folder / "b.log")
    events.take_in()
    assert [row["source_path"] for row in events.rows] == ["a.log"] * 3


@pytest.mark.parametrize("change", ["rewritten", "gone"])
def test_a_copy_stands_in_for_its_original(events: LookedInto, change: str) -> None:
    """Nothing is lost when the file that was counted is not there as it was."""
    original = events.write("a.log", *nameless(3))
    shutil.copy(original, events.folder / "b.log")
    events.take_in()
    original.unlink()
    if change == "rewritten":
        events.write("a.log", *nameless(2, NEXT_DAY))
    events.take_in(DAY, NEXT_DAY)
    assert [row["source_path"] for row in events.rows if row["day"] == DAY] == ["b.log"] * 3


def test_what_is_out_of_sight_is_for_a_build_to_note(events: LookedInto) -> None:
    """A disk may not be mounted: back again, its files are not new."""
    path = events.write("a.log", *nameless(3))
    events.take_in()
    away = path.rename(events.folder / "away")
    assert events.look().changed_days == set()
    away.rename(path)
    assert events.look().read == 0
