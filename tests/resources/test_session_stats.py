"""The hourly rollup of events: what was not measured is null, and a second run adds nothing."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.ports import LoadedDay
from muse_domain.settings import EventMapping, EventSource
from muse_resources.event_rollup import roll_up_events
from muse_resources.warehouse import ClickHouseWarehouse

DAY = date(2026, 9, 1)
TEN = datetime(2026, 9, 1, 10, tzinfo=UTC)
KINDS = {"error_types": ("error",), "start_types": ("start",), "completion_types": ("done",)}
Rollup = Callable[..., list[dict[str, Any]]]


def source(**kinds: tuple[str, ...]) -> EventSource:
    """A source whose mapping names these kinds of events."""
    return EventSource(files="*", mapping=EventMapping(ts=("at",), event_type=("kind",), **kinds))  # type: ignore[arg-type]


def event(kind: str = "click", ts: datetime = TEN, **values: Any) -> dict[str, Any]:
    return {
        "day": ts.date(), "ts": ts, "event_id": None, "session_id": None, "commit_sha": None, "event_type": kind,
        "latency_ms": None, "user_agent": None, "metadata": {}, "source_path": "a.jsonl", **values,
    }  # fmt: skip


def store(warehouse: ClickHouseWarehouse, days: list[date], *events: dict[str, Any]) -> None:
    """Events as a build leaves them, each time of other inputs."""
    warehouse.replace_days("ui_events", days, events)
    warehouse.record_loads("ui_events", [LoadedDay(day, len(events), 1, uuid.uuid4().hex) for day in days])


@pytest.fixture
def rollup(warehouse: ClickHouseWarehouse, engine: Client) -> Rollup:
    """Stores the events, rolls their days up, and returns `session_stats`."""

    def roll(*events: dict[str, Any], **kinds: tuple[str, ...]) -> list[dict[str, Any]]:
        days = sorted({one["day"] for one in events} | {DAY})
        store(warehouse, days, *events)
        roll_up_events(warehouse, [source(**{**KINDS, **kinds})], days)
        result = engine.query("SELECT * FROM session_stats ORDER BY hour, commit_sha")
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    return roll


def test_an_hour_states_what_its_events_hold(rollup: Rollup) -> None:
    """D-004: sessions, latency, errors and abandonment of each hour and commit."""
    sessions = [uuid.UUID(int=1), uuid.UUID(int=2)]
    made = [event(latency_ms=float(number), session_id=sessions[number % 2]) for number in range(1, 21)]
    [row] = rollup(*made, event("error"), event("start"), event("start"), event("start"), event("done"))
    assert (row["total_sessions"], row["total_events"], row["n_latency"]) == (2, 25, 20)
    assert (row["avg_latency_ms"], row["p50_latency_ms"]) == (10.5, 10.5)
    assert row["p95_latency_ms"] == pytest.approx(19.05)
    assert row["error_rate"] == 1 / 25
    assert row["abandonment_rate"] == pytest.approx(2 / 3)
    assert (row["day"], row["hour"]) == (DAY, TEN)


def test_a_second_run_does_not_add_up(rollup: Rollup) -> None:
    """F-73: the reference turned 100 ms into 200 ms and an error rate of 0.1 into 0.2."""
    events = [event("error", latency_ms=100.0), *(event(latency_ms=100.0) for _ in range(9))]
    assert rollup(*events) == rollup(*events)
    [row] = rollup(*events)
    assert (row["avg_latency_ms"], row["error_rate"], row["total_events"]) == (100.0, 0.1, 10)


@pytest.mark.parametrize(("count", "p50", "p95"), [(4, None, None), (5, 1.0, None), (19, 1.0, None), (20, 1.0, 1.0)])
def test_a_percentile_needs_enough_samples(rollup: Rollup, count: int, p50: float | None, p95: float | None) -> None:
    """DESIGN 6: a median from 5 samples, a p95 from 20; below that it is null, never a guess."""
    [row] = rollup(*(event(latency_ms=1.0) for _ in range(count)), event())
    assert (row["p50_latency_ms"], row["p95_latency_ms"], row["n_latency"]) == (p50, p95, count)


def test_what_the_events_do_not_carry_is_null(rollup: Rollup) -> None:
    """F-14: no latency, no session, no start: null, not zero and not a formula of something else."""
    [row] = rollup(event("error"), event("done"))
    absent = ("total_sessions", "avg_latency_ms", "p50_latency_ms", "p95_latency_ms", "abandonment_rate")
    assert {name: row[name] for name in absent} == dict.fromkeys(absent)
    assert row["error_rate"] == 0.5


@pytest.mark.parametrize("unnamed", ["start_types", "completion_types"])
def test_a_stream_without_starts_or_completions_has_no_abandonment(rollup: Rollup, unnamed: str) -> None:
    """Abandonment is stated only where the mapping names both ends of a session."""
    [row] = rollup(event("start"), event("done"), **{unnamed: ()})
    assert row["abandonment_rate"] is None


def test_a_stream_without_error_types_has_no_error_rate(rollup: Rollup) -> None:
    """Without a name for errors none can be counted: that is not a rate of zero."""
    [row] = rollup(event(), event("error"), error_types=())
    assert row["error_rate"] is None


def test_more_completions_than_starts_are_no_negative_abandonment(rollup: Rollup) -> None:
    """A session that began in the hour before may end in this one."""
    [row] = rollup(event("start"), event("done"), event("done"))
    assert row["abandonment_rate"] == 0.0


def test_hours_days_and_commits_are_kept_apart(rollup: Rollup) -> None:
    """Like is compared with like: an hour of one build says nothing about another; no build is a group of its own."""
    later = TEN + timedelta(hours=1)
    tomorrow = TEN + timedelta(days=1)
    rows = rollup(
        event(commit_sha="a", latency_ms=1.0), event(commit_sha="b", latency_ms=2.0), event(latency_ms=3.0),
        event("start", commit_sha="a"), event(ts=later, latency_ms=4.0), event(ts=tomorrow, latency_ms=5.0),
    )  # fmt: skip
    found = [(row["hour"], row["commit_sha"], row["avg_latency_ms"], row["abandonment_rate"]) for row in rows]
    assert sorted(found, key=str) == sorted(
        [(TEN, "a", 1.0, 1.0), (TEN, "b", 2.0, None), (TEN, None, 3.0, None), (later, None, 4.0, None),
         (tomorrow, None, 5.0, None)],
        key=str,
    )  # fmt: skip


def test_events_that_are_as_they_were_are_not_rolled_up_again(warehouse: ClickHouseWarehouse) -> None:
    """Nor is a day without events; a day that changed is, and one that another way of counting changes."""
    tomorrow = DAY + timedelta(days=1)
    store(warehouse, [DAY], event())
    sources = [source(**KINDS)]
    first = roll_up_events(warehouse, sources, [DAY, tomorrow])
    second = roll_up_events(warehouse, sources, [DAY, tomorrow])
    store(warehouse, [DAY], event(), event(ts=TEN + timedelta(hours=2)))
    third = roll_up_events(warehouse, sources, [DAY, tomorrow])
    fourth = roll_up_events(warehouse, [source(**{**KINDS, "error_types": ("click",)})], [DAY])
    told = [(dict(one.rows_by_day), one.unchanged) for one in (first, second, third, fourth)]
    assert told == [
        ({DAY: 1, tomorrow: 0}, 0), ({DAY: 1, tomorrow: 0}, 2), ({DAY: 2, tomorrow: 0}, 1), ({DAY: 2}, 0),
    ]  # fmt: skip


def test_a_day_that_has_lost_its_events_has_no_hours(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """And nothing that was rolled up before is left."""
    store(warehouse, [DAY], event())
    roll_up_events(warehouse, [source()], [DAY])
    store(warehouse, [DAY])
    assert roll_up_events(warehouse, [source()], [DAY]).rows_by_day == {DAY: 0}
    assert engine.query("SELECT count() FROM session_stats").result_rows == [(0,)]


def test_kinds_of_several_sources_count_together(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """An hour holds the events of all of them."""
    store(warehouse, [DAY], event("crash"), event("error"), event(), event())
    roll_up_events(warehouse, [source(error_types=("error",)), source(error_types=("crash", "error"))], [DAY])
    assert engine.query("SELECT error_rate FROM session_stats").result_rows == [(0.5,)]


def test_days_apart_are_rolled_up_without_those_between(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """Only what was asked for is replaced."""
    days = [DAY + timedelta(days=number) for number in range(3)]
    store(warehouse, days, *(event(ts=TEN + timedelta(days=number)) for number in range(3)))
    assert roll_up_events(warehouse, [source()], [days[0], days[2]]).rows_by_day == {days[0]: 1, days[2]: 1}
    assert engine.query("SELECT day FROM session_stats ORDER BY day").result_rows == [(days[0],), (days[2],)]
