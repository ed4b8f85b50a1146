"""What is known of input files: the newest reading counts, and nothing is given up that a person did not give up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from muse_domain.intake import FileReading, inputs_by_day
from muse_domain.measurements import Refusal
from muse_domain.ports import Row
from muse_resources.file_ledger import FileLedger, blocked_readings, dead_letter, one_at_a_time, unless_being_built
from muse_resources.warehouse import ClickHouseWarehouse

NOW = datetime(2026, 9, 10, 6, tzinfo=UTC)
DAY, NEXT_DAY = date(2026, 9, 1), date(2026, 9, 2)


def reading(path: str = "a.json", sha256: str = "a", **values: Any) -> FileReading:
    """A file that holds two rows of a day."""
    made = FileReading(path, sha256, "reader", size_bytes=10, modified_ns=1, days={DAY: 2})
    return replace(made, reading_id=uuid4(), **values)


def letters(count: int, path: str = "a.json") -> list[Row]:
    """Refused parts of a file."""
    refusals = [Refusal(f"part {number}", "a reason", "a remedy") for number in range(count)]
    return [dead_letter("t", path, one, "refused_part", sha256="a", size_bytes=10, ts=NOW) for one in refusals]


class Ledgers:
    """Ledgers of one source, each as a new build opens it."""

    def __init__(self, warehouse: ClickHouseWarehouse) -> None:
        self.warehouse = warehouse

    def open(self) -> FileLedger:
        return FileLedger(self.warehouse, "t")

    def note(self, *found: FileReading, refused: Sequence[Row] = (), at: datetime = NOW) -> None:
        self.open().note(((one, refused) for one in found), at)

    def shown_letters(self) -> list[str]:
        return [row["item"] for row in self.warehouse.select("select_dead_letters", {"source": "t"})]


@pytest.fixture
def ledgers(warehouse: ClickHouseWarehouse) -> Ledgers:
    return Ledgers(warehouse)


def test_a_reading_comes_back_as_it_was_noted(ledgers: Ledgers) -> None:
    """Nothing of it is lost in the warehouse, days and odd names included."""
    noted = reading(path="it's\n[é].json", days={DAY: 2, NEXT_DAY: 2**40}, refused=3, modified_ns=-5, again=True)
    ledgers.note(noted)
    assert ledgers.open().get(noted.path) == noted
    assert ledgers.open().get("other") is None


def test_the_newest_reading_of_a_path_counts(ledgers: Ledgers) -> None:
    """Readings are added; the last one is what is known, though the clock stood still or went back."""
    for number, at in enumerate((NOW, NOW, NOW - timedelta(days=1))):
        ledgers.note(reading(sha256=f"version {number}"), refused=letters(number), at=at)
    known = ledgers.open().get("a.json")
    assert known is not None and known.sha256 == "version 2"
    assert ledgers.shown_letters() == ["part 0", "part 1"]


def test_a_reading_that_says_nothing_new_is_not_noted(ledgers: Ledgers) -> None:
    """A folder that is looked at every hour must not fill a table."""
    ledgers.note(reading(), refused=letters(2))
    first = ledgers.open().get("a.json")
    ledgers.note(reading(), refused=letters(2))
    assert ledgers.open().get("a.json") == first
    assert len(ledgers.shown_letters()) == 2


def test_letters_of_an_older_reading_are_not_listed(ledgers: Ledgers) -> None:
    """A mended file has none left."""
    ledgers.note(reading(refused=2), refused=letters(2))
    ledgers.note(reading(sha256="b"))
    assert ledgers.shown_letters() == []


def test_ledgers_of_different_tables_know_nothing_of_each_other(ledgers: Ledgers) -> None:
    """The same path may feed two tables."""
    ledgers.note(reading())
    assert FileLedger(ledgers.warehouse, "u").get("a.json") is None


def test_what_is_not_found_any_more_is_missing_and_keeps_its_days(ledgers: Ledgers) -> None:
    """A vanished file is told, its rows still count; one that never gave rows is simply gone."""
    ledgers.note(reading(), reading("refused.json", "r", days={}, refused=1), refused=letters(1))
    ledgers.open().settle_missing([], [], NOW)
    opened = ledgers.open()
    assert (opened.missing, opened.kept, list(opened.expected())) == (["a.json"], ["a.json"], [DAY])
    assert ledgers.shown_letters() == []


def test_settling_again_notes_nothing(ledgers: Ledgers) -> None:
    """Missing once is missing until it comes back."""
    ledgers.note(reading())
    ledgers.open().settle_missing([], [], NOW)
    known = ledgers.open().get("a.json")
    ledgers.open().settle_missing([], [], NOW)
    assert ledgers.open().get("a.json") == known


def test_a_file_under_a_folder_without_rights_is_kept_and_not_called_missing(ledgers: Ledgers) -> None:
    """Out of sight is not gone: its days stand for this build, and nothing is noted of it."""
    ledgers.note(reading("locked/a.json"), reading("lockedness.json", "b"))
    before = ledgers.open()
    before.settle_missing([], ["locked"], NOW)
    assert (before.kept, before.missing) == (["locked/a.json", "lockedness.json"], ["lockedness.json"])
    known = ledgers.open().get("locked/a.json")
    assert known is not None and known.is_unchanged(10, 1, "reader")


def test_a_file_that_only_moved_gives_up_its_old_name(ledgers: Ledgers) -> None:
    """Its rows come from where it lies now."""
    ledgers.note(reading(), reading("moved.json"))
    ledgers.open().settle_missing(["moved.json"], [], NOW)
    opened = ledgers.open()
    assert (opened.missing, [one.path for one in opened.readings]) == ([], ["moved.json"])


def test_a_copy_that_gives_no_rows_is_no_new_place(ledgers: Ledgers) -> None:
    """Moved to where nothing dates it, a report would lose its rows: they are kept under its old name."""
    ledgers.note(reading(), reading("undated/a.json", days={}, refused=1))
    ledgers.open().settle_missing(["undated/a.json"], [], NOW)
    assert ledgers.open().missing == ["a.json"]


def test_what_a_person_forgets_has_no_days_left(ledgers: Ledgers) -> None:
    """Only then does a missing file lose its rows; what was never known is not claimed to be forgotten."""
    ledgers.note(reading())
    ledgers.open().settle_missing([], [], NOW)
    assert ledgers.open().forget(["a.json", "never.json"], NOW) == ["a.json"]
    opened = ledgers.open()
    assert (opened.missing, opened.expected()) == ([], {})


@pytest.mark.parametrize("known_before", [True, False])
def test_what_could_not_be_opened_keeps_what_it_gave(ledgers: Ledgers, known_before: bool) -> None:
    """A failed read is not an empty file; it is told, tried again, and never called missing."""
    if known_before:
        ledgers.note(reading())
    before = ledgers.open().expected()
    ledgers.open().note(blocked_readings("t", {"a.json": "cannot be read: no rights."}, NOW), NOW)
    opened = ledgers.open()
    assert (opened.expected(), opened.kept, opened.missing) == (before, ["a.json"] if known_before else [], [])
    known = opened.get("a.json")
    assert known is not None and not known.is_unchanged(10, 1, "reader")
    assert len(ledgers.shown_letters()) == 1


def test_what_could_not_be_opened_and_then_vanished_is_missing(ledgers: Ledgers) -> None:
    """Its letter goes with it, its rows stay."""
    ledgers.note(reading())
    ledgers.open().note(blocked_readings("t", {"a.json": "cannot be read: no rights."}, NOW), NOW)
    ledgers.open().settle_missing([], [], NOW)
    assert (ledgers.open().missing, ledgers.shown_letters()) == (["a.json"], [])


def test_a_replayed_file_is_read_again_and_keeps_its_letters_until_then(ledgers: Ledgers) -> None:
    """Asking for another look loses nothing."""
    ledgers.note(reading(), refused=letters(2))
    assert ledgers.open().replay(["a.json", "never.json"], NOW) == ["a.json"]
    known = ledgers.open().get("a.json")
    assert known is not None and not known.is_unchanged(10, 1, "reader")
    assert len(ledgers.shown_letters()) == 2


def test_a_day_is_recorded_with_its_files_and_their_hash(ledgers: Ledgers) -> None:
    """From this the next build tells whether the day is as it was."""
    ledgers.note(reading(), reading("b.json", "b", days={DAY: 1, NEXT_DAY: 1}))
    opened = ledgers.open()
    first, second, empty = opened.loads({DAY: 3, NEXT_DAY: 1, date(2026, 9, 3): 0})
    assert [(one.rows, one.files) for one in (first, second, empty)] == [(3, 2), (1, 1), (0, 0)]
    assert {DAY: first.inputs_sha256, NEXT_DAY: second.inputs_sha256} == opened.expected()


@pytest.mark.parametrize(
    "changed", [{"path": "b.json"}, {"sha256": "b"}, {"reader": "mended"}], ids=["name", "content", "reader"]
)
def test_the_hash_of_a_day_changes_with_its_files(ledgers: Ledgers, changed: dict[str, str]) -> None:
    """Names, contents and ways of reading count; times, sizes and going missing do not."""
    [before] = inputs_of(reading())
    assert inputs_of(reading(**changed)) != [before]
    assert inputs_of(reading(modified_ns=7, missing=True)) == [before]


def inputs_of(*readings: FileReading) -> list[list[tuple[str, str, str]]]:
    """What each day is built from, as far as it is hashed."""
    return [[(one.path, one.sha256, one.reader) for one in inputs] for inputs in inputs_by_day(readings).values()]


def test_a_day_of_copies_is_built_with_the_first_of_them(ledgers: Ledgers) -> None:
    """A copy under a later day depends on the file that it repeats; the first depends on nobody."""
    first, copy = reading(), reading("b.json", days={NEXT_DAY: 2})
    found = {day: [one.path for one in inputs] for day, inputs in inputs_by_day([copy, first]).items()}
    assert found == {DAY: ["a.json"], NEXT_DAY: ["a.json", "b.json"]}


def test_one_build_at_a_time(tmp_path: Path) -> None:
    """The folder of the locks is made; a lock ends with its block, and tables do not wait for each other."""
    with one_at_a_time(tmp_path / "locks", "t"), one_at_a_time(tmp_path / "locks", "u"):
        assert (tmp_path / "locks").is_dir()
    with one_at_a_time(tmp_path / "locks", "t"):
        pass


def test_a_look_does_not_wait_for_a_build_and_a_build_waits_for_a_look(tmp_path: Path) -> None:
    """The look knows at once; when it is free, it holds the same lock."""
    with one_at_a_time(tmp_path, "t"), unless_being_built(tmp_path, "t") as is_free:
        assert not is_free
    with unless_being_built(tmp_path, "t") as is_free, unless_being_built(tmp_path, "t") as is_free_twice:
        assert is_free and not is_free_twice
    with one_at_a_time(tmp_path, "t"):
        pass
