"""Days whose files have changed are started once for each change, when their week is there."""

from datetime import UTC, date, datetime, timedelta

from muse_domain.rebuilding import Asked, Rebuild, plan_rebuild

NOW = datetime(2026, 9, 15, 18, 0, tzinfo=UTC)
FIRST = date(2026, 9, 1)
LOADED = {date(2026, 9, day) for day in range(1, 16)}


def day(number: int) -> date:
    return date(2026, 9, number)


def planned(
    states: dict[int, str],
    *,
    asked: dict[int, Asked] | None = None,
    busy: set[date] | None = None,
    loaded: set[date] | None = None,
) -> Rebuild:
    return plan_rebuild(
        {day(number): state for number, state in states.items()},
        asked={day(number): one for number, one in (asked or {}).items()},
        busy=busy or set(),
        loaded=LOADED if loaded is None else loaded,
        week=7,
        first=FIRST,
        now=NOW,
        again_after=timedelta(minutes=10),
    )


def test_changed_days_are_started_oldest_first() -> None:
    """A day rests on the days before it."""
    assert planned({15: "b", 14: "a"}) == Rebuild((day(14), day(15)), (), ())


def test_a_day_is_started_once_for_each_state_of_its_files() -> None:
    """A run that failed on this very state would fail again."""
    assert planned({15: "a"}, asked={15: Asked("a", NOW - timedelta(days=1))}) == Rebuild((), (), ())
    assert planned({15: "b"}, asked={15: Asked("a", NOW - timedelta(days=1))}).start == (day(15),)


def test_a_day_that_changes_all_the_time_is_started_now_and_then() -> None:
    """Ten minutes after the last start, not before."""
    assert planned({15: "b"}, asked={15: Asked("a", NOW - timedelta(minutes=9))}).waiting == (day(15),)
    assert planned({15: "b"}, asked={15: Asked("a", NOW - timedelta(minutes=10))}).start == (day(15),)


def test_a_day_that_is_being_built_waits_for_the_end_of_that() -> None:
    """The run may have begun before the file came, or after: when it has ended, the ledger tells."""
    assert planned({15: "a"}, busy={day(15)}).waiting == (day(15),)


def test_a_day_whose_week_is_not_loaded_is_left_to_a_backfill() -> None:
    """Its episode would be refused; being built, or started just before it, is as good as loaded."""
    without = LOADED - {day(12)}
    assert planned({15: "a"}, loaded=without) == Rebuild((), (), (day(15),))
    assert planned({15: "a"}, loaded=without, busy={day(12)}).start == (day(15),)
    assert planned({12: "a", 15: "a"}, loaded=without).start == (day(12), day(15))


def test_the_first_days_have_a_shorter_week() -> None:
    """Nothing lies before the start."""
    assert planned({1: "a"}, loaded=set()).start == (day(1),)
