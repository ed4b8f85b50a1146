"""Sessions: native or derived, always without a person in them, and what the hourly rollup counts of them."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.ports import Row
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.event_folder import DAY, NEXT_DAY, EventFolder, event

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)


@pytest.fixture
def events(tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client) -> EventFolder:
    return EventFolder(tmp_path / "workspace", warehouse, engine)


def at(minutes: float, **fields: Any) -> dict[str, Any]:
    """An event so many minutes after nine."""
    return {"at": (NINE + timedelta(minutes=minutes)).isoformat(), "kind": "click", **fields}


def sessions(events: EventFolder, *objects: dict[str, Any]) -> list[uuid.UUID | None]:
    """The session of each event, in the order of their times."""
    events.write("a.jsonl", *objects)
    events.take_in(DAY, NEXT_DAY)
    return [row["session_id"] for row in events.rows]


def numbers(found: list[uuid.UUID | None]) -> list[int | None]:
    """Sessions as the numbers of their first appearance."""
    seen: dict[uuid.UUID, int] = {}
    return [None if one is None else seen.setdefault(one, len(seen)) for one in found]


def rollup(events: EventFolder) -> list[Row]:
    events.roll_up(DAY, NEXT_DAY)
    return events.query("SELECT * FROM session_stats ORDER BY hour, commit_sha")


def test_a_native_session_is_one_id_that_only_the_key_could_lead_back_to(events: EventFolder) -> None:
    """The same session is the same id on every build; under another key it is another."""
    told = [event(1, session={"id": "s"}), event(2, session={"id": "s"}), event(3, session={"id": "t"})]
    first = sessions(events, *told)
    events.hash_key = "another"
    again = sessions(events, *told)
    events.hash_key = "key"
    assert sessions(events, *told) == first
    assert (numbers(first), set(first) & set(again)) == ([0, 0, 1], set())
    assert not any(row["session_derived"] for row in events.rows)


def test_the_id_of_a_native_session_is_no_plain_hash(events: EventFolder) -> None:
    """Whoever has a list of sessions cannot find them by hashing it."""
    [found] = sessions(events, event(1, session={"id": "s"}))
    plain = {getattr(hashlib, name)(b"s").hexdigest()[:32] for name in ("md5", "sha1", "sha256")}
    assert found is not None
    assert found.hex not in plain


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((0, 29.99, 59.98), [0, 0, 0]),
        ((0, 30), [0, 0]),
        ((0, 30.001), [0, 1]),
        ((0, 31, 32, 90), [0, 1, 1, 2]),
        ((14 * 60 + 55, 15 * 60 + 5), [0, 1]),
    ],
    ids=["no gap", "30 minutes", "a little more", "several", "midnight"],
)
def test_a_person_without_sessions_has_those_that_gaps_make(
    events: EventFolder, minutes: tuple[float, ...], expected: list[int]
) -> None:
    """More than thirty minutes without an event end a session, and so does midnight."""
    found = sessions(events, *(at(minute, person="ada") for minute in minutes))
    assert numbers(found) == expected
    assert all(row["session_derived"] for row in events.rows)


def test_people_do_not_share_derived_sessions(events: EventFolder) -> None:
    """However their events lie between each other; an event of nobody has none."""
    told = [at(0, person="ada"), at(1, person="eve"), at(20, person="ada"), at(40, person="eve"), at(41)]
    assert numbers(sessions(events, *told)) == [0, 1, 0, 2, None]


def test_a_native_session_comes_before_the_person(events: EventFolder) -> None:
    """A person may have both: where a session is stated, it counts."""
    told = [at(0, person="ada", session={"id": "s"}), at(1, person="ada"), at(2, person="ada", session={"id": "s"})]
    assert numbers(sessions(events, *told)) == [0, 1, 0]
    assert [row["session_derived"] for row in events.rows] == [False, True, False]


def test_a_person_whose_id_is_a_session_is_not_mixed_up_with_it(events: EventFolder) -> None:
    """The same text names two things."""
    told = [at(0, session={"id": "x"}), at(1, person="x"), at(2, session={"id": "x"})]
    assert numbers(sessions(events, *told)) == [0, 1, 0]


def test_events_of_one_moment_are_in_one_session(events: EventFolder) -> None:
    """Ties in time make no gap."""
    assert numbers(sessions(events, *[at(5, person="ada")] * 50)) == [0] * 50


def test_a_derived_session_spans_files(events: EventFolder) -> None:
    """Files are cut anywhere."""
    events.write("b.jsonl", at(20, person="ada"), at(80, person="ada"))
    assert numbers(sessions(events, at(0, person="ada"), at(40, person="ada"))) == [0, 0, 0, 1]


def test_the_id_of_a_derived_session_says_nothing_of_the_person(events: EventFolder) -> None:
    """It is the same whoever it was, with and without a key, and another one on another day."""
    first = sessions(events, at(0, person="ada"), at(24 * 60, person="ada"))
    events.hash_key = "another"
    assert sessions(events, at(0, person="eve"), at(24 * 60, person="bob")) == first
    events.hash_key = None
    assert sessions(events, at(3, person="bob"), at(24 * 60, person="ada")) == first
    assert numbers(first) == [0, 1]


def test_without_a_key_all_sessions_are_numbers_of_their_day(events: EventFolder) -> None:
    """A hash without a key could be found by trying; numbers link neither days nor people."""
    events.hash_key = None
    told = [at(0, session={"id": "s"}), at(1, session={"id": "t"}), at(2, session={"id": "s"}), at(3, person="ada")]
    first = sessions(events, *told, at(24 * 60, session={"id": "s"}))
    assert numbers(first) == [0, 1, 0, 2, 3]
    renamed = [at(0, session={"id": "q"}), at(1, session={"id": "r"}), at(2, session={"id": "q"}), at(3, person="eve")]
    assert sessions(events, *renamed, at(24 * 60, session={"id": "z"})) == first
    assert [row["session_derived"] for row in events.rows] == [False, False, False, True, False]


def test_a_session_of_an_event_that_came_twice_counts_once(events: EventFolder) -> None:
    """Deliveries are settled before sessions are made of what is left."""
    twice = at(0, person="ada", id="e1")
    assert numbers(sessions(events, twice, {**twice, "at": at(45)["at"]}, at(50, person="ada", id="e2"))) == [0, 1]


@pytest.mark.parametrize("hash_key", ["key", None])
def test_the_rollup_counts_sessions(events: EventFolder, hash_key: str | None) -> None:
    """Native and derived ones alike, those of an hour; events without any leave it null."""
    events.hash_key = hash_key
    sessions(
        events,
        at(0, session={"id": "s"}), at(1, session={"id": "t"}), at(2, person="ada"), at(3, person="ada"), at(4),
        at(55, person="ada"), at(61, session={"id": "s"}), at(62, person="ada"), at(125), at(126),
    )  # fmt: skip
    assert [(row["hour"].hour, row["total_sessions"], row["total_events"]) for row in rollup(events)] == [
        (9, 4, 6), (10, 2, 2), (11, None, 2),
    ]  # fmt: skip


def test_the_rollup_names_no_session(events: EventFolder) -> None:
    """A row is an hour."""
    sessions(events, at(0, session={"id": "s"}))
    assert [row["session_id"] for row in rollup(events)] == [None]
