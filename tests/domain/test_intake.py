"""Which days are built: those that were asked for and those that something reached late, and no others."""

import random
import uuid
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.intake import (
    LATE_DAYS,
    NO_INPUTS,
    BuildPlan,
    FileReading,
    inputs_by_day,
    inputs_sha256,
    plan_build,
)

DAY = date(2026, 9, 1)
DAYS = [DAY + timedelta(days=number) for number in range(20)]

days = st.sampled_from(DAYS)
hashes = st.sampled_from(["a", "b", NO_INPUTS])
asked_days = st.lists(days, min_size=1, max_size=5, unique=True)
states = st.dictionaries(days, hashes, max_size=12)


def plan(asked: list[date], expected: dict[date, str], recorded: dict[date, str]) -> BuildPlan:
    return plan_build(asked, expected, recorded)


def reading(path: str = "a", sha256: str = "1", **values: Any) -> FileReading:
    return replace(FileReading(path, sha256, "reader", 10, 20, {DAY: 3}), **values)


def test_a_day_is_built_when_its_inputs_have_changed_or_it_was_never_loaded() -> None:
    """An empty day is loaded, too: once."""
    first, second, third, fourth = DAYS[:4]
    recorded = {first: "a", second: "a", fourth: NO_INPUTS}
    found = plan([first, second, third, fourth], {first: "a", second: "b"}, recorded)
    assert (found.build, found.unchanged, found.late, found.stale) == ((second, third), (first, fourth), (), ())


def test_a_day_whose_files_have_gone_is_built() -> None:
    """It is empty, then."""
    assert plan([DAY], {}, {DAY: "a"}).build == (DAY,)


@pytest.mark.parametrize("late", [1, LATE_DAYS])
def test_a_loaded_day_of_the_week_before_is_built_with_the_asked_ones(late: int) -> None:
    """What arrives late reaches its day without being asked for."""
    found = plan([DAY], {DAY - timedelta(days=late): "b"}, {DAY: NO_INPUTS, DAY - timedelta(days=late): "a"})
    assert (found.build, found.late, found.stale) == ((DAY - timedelta(days=late),), (DAY - timedelta(days=late),), ())


@pytest.mark.parametrize("number", [-LATE_DAYS - 1, 1, 30])
def test_a_loaded_day_out_of_reach_is_told(number: int) -> None:
    """Earlier than a week before, or after the asked days: nobody asked for it, and it is not quietly left as it is."""
    other = DAY + timedelta(days=number)
    found = plan([DAY], {other: "b"}, {other: "a"})
    assert (found.build, found.late, found.stale) == ((DAY,), (), (other,))


def test_a_day_between_the_asked_ones_is_late() -> None:
    """It lies within reach."""
    found = plan([DAYS[0], DAYS[2]], {DAYS[1]: "b"}, dict.fromkeys(DAYS[:3], NO_INPUTS))
    assert (found.build, found.late) == ((DAYS[1],), (DAYS[1],))


def test_a_day_that_was_never_loaded_is_only_built_when_it_is_asked_for() -> None:
    """A file with a year of history does not load the year."""
    found = plan([DAYS[8]], dict.fromkeys(DAYS, "a"), {})
    assert (found.build, found.stale) == ((DAYS[8],), ())


@given(asked_days, states, states)
def test_every_asked_day_is_built_or_unchanged(
    asked: list[date], expected: dict[date, str], recorded: dict[date, str]
) -> None:
    """Never both, never neither."""
    found = plan(asked, expected, recorded)
    assert sorted(asked) == sorted({*found.build, *found.unchanged} & set(asked))
    assert not set(found.build) & set(found.unchanged)
    assert set(found.unchanged) <= set(asked)


@given(asked_days, states, states)
def test_what_is_built_is_asked_or_late_and_in_order(
    asked: list[date], expected: dict[date, str], recorded: dict[date, str]
) -> None:
    """And what is late or stale was loaded before, of other inputs."""
    found = plan(asked, expected, recorded)
    assert list(found.build) == sorted(set(found.build))
    assert set(found.build) - set(asked) == set(found.late)
    for day in (*found.late, *found.stale):
        assert day in recorded
        assert recorded[day] != expected.get(day, NO_INPUTS)
    assert not set(found.late) & set(found.stale)


@given(asked_days, states, states)
def test_a_second_build_of_the_same_inputs_builds_nothing(
    asked: list[date], expected: dict[date, str], recorded: dict[date, str]
) -> None:
    """Building is settling: what a build recorded is what the next one expects."""
    first = plan(asked, expected, recorded)
    settled = recorded | {day: expected.get(day, NO_INPUTS) for day in first.build}
    second = plan(asked, expected, settled)
    assert (second.build, second.late) == ((), ())
    assert second.stale == first.stale


@given(states, states)
def test_what_is_stale_is_built_when_it_is_asked_for(expected: dict[date, str], recorded: dict[date, str]) -> None:
    """So that the warning has an end."""
    found = plan([DAY], expected, recorded)
    if found.stale:
        assert set(found.stale) <= set(plan(list(found.stale), expected, recorded).build)


readings = st.lists(
    st.builds(
        FileReading,
        path=st.sampled_from(["a", "b", "c", "d\n", "e\0"]),
        sha256=st.sampled_from(["1", "2", "3"]),
        reader=st.sampled_from(["x", "y"]),
        days=st.dictionaries(days, st.integers(1, 9), min_size=1, max_size=3),
    ),
    max_size=5,
    unique_by=lambda one: one.path,
)


@given(readings, st.randoms())
def test_the_inputs_of_a_day_do_not_depend_on_the_order_of_the_files(
    found: list[FileReading], order: random.Random
) -> None:
    """The same files are the same hash."""
    shuffled = list(found)
    order.shuffle(shuffled)
    assert inputs_by_day(found) == inputs_by_day(shuffled)


@given(readings)
def test_every_reading_with_rows_is_an_input_of_its_days(found: list[FileReading]) -> None:
    """In the order of the paths."""
    inputs = inputs_by_day(found)
    for one in found:
        for day in one.days:
            assert one in inputs[day]
    for some in inputs.values():
        assert [one.path for one in some] == sorted({one.path for one in some})


@pytest.mark.parametrize("change", [{"path": "b"}, {"sha256": "2"}, {"reader": "other"}])
def test_name_content_and_reader_make_the_hash(change: dict[str, str]) -> None:
    """Any of them changed: the day is built again."""
    assert inputs_sha256([reading()]) != inputs_sha256([reading(**change)])


@pytest.mark.parametrize(
    "change",
    [{"missing": True}, {"modified_ns": 5}, {"refused": 3}, {"again": True}, {"reading_id": uuid.uuid4()}],
)
def test_what_changes_no_row_changes_no_hash(change: dict[str, Any]) -> None:
    """Least of all that a file went missing: its rows are kept."""
    assert inputs_sha256([reading()]) == inputs_sha256([reading(**change)])


def test_no_inputs_have_a_hash_of_their_own() -> None:
    """A day that is empty on purpose is not one that was never loaded."""
    assert inputs_sha256(()) == NO_INPUTS != inputs_sha256([reading()])
    assert inputs_sha256([reading()], "more") != inputs_sha256([reading()])


def test_one_file_is_not_taken_for_two() -> None:
    """Names may hold anything but a zero."""
    one = [FileReading("a\n1\nx\nb", "2", "x")]
    two = [FileReading("a", "1", "x"), FileReading("b", "2", "x")]
    assert inputs_sha256(one) != inputs_sha256(two)


def test_a_file_of_the_same_size_and_time_is_not_opened() -> None:
    """Unless it may read differently, or was gone, or is to be read in another way."""
    known = reading()
    assert known.is_unchanged(10, 20, "reader")
    assert not known.is_unchanged(11, 20, "reader")
    assert not known.is_unchanged(10, 21, "reader")
    assert not known.is_unchanged(10, 20, "another")
    assert not replace(known, again=True).is_unchanged(10, 20, "reader")
    assert not replace(known, missing=True).is_unchanged(10, 20, "reader")


def test_a_look_opens_no_file_twice_that_has_not_changed() -> None:
    """Nor one that could not be read, nor one that another version would read otherwise; one that is back is new."""
    known = reading()
    assert known.was_opened_as(10, 20)
    assert not known.was_opened_as(11, 20) and not known.was_opened_as(10, 21)
    assert replace(known, again=True).was_opened_as(10, 20)
    assert replace(known, again=True, missing=True).was_opened_as(10, 20)
    assert not replace(known, missing=True).was_opened_as(10, 20)


def test_a_reading_that_says_nothing_new_is_recognised() -> None:
    """A touched file, read again; not one that gave other rows."""
    assert reading().says_the_same_as(reading(modified_ns=99, reading_id=uuid.uuid4()))
    changes: list[dict[str, Any]] = [
        {"days": {DAY: 4}}, {"refused": 1}, {"missing": True}, {"again": True}, {"sha256": "2"},
    ]  # fmt: skip
    for change in changes:
        assert not reading().says_the_same_as(reading(**change))
