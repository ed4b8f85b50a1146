"""Which days that have ended are started, in which order, and which are left to people."""

from datetime import date, timedelta

from muse_domain.catch_up import CatchUp, OpenDay, plan_catch_up

FIRST, TODAY = date(2026, 9, 1), date(2026, 9, 20)
LOADED = {FIRST + timedelta(days=number) for number in range(14)}


def open_days(*numbers: int, passes: bool = True, verdict: str = "valid") -> list[OpenDay]:
    return [OpenDay(date(2026, 9, number), verdict, passes) for number in numbers]


def planned(days: list[OpenDay], **changes: object) -> CatchUp:
    given = {"loaded": LOADED, "busy": set(), "lost": set(), "tried": {}, "week": 7, "first": FIRST, **changes}
    return plan_catch_up(days, **given)  # type: ignore[arg-type]


def numbers(days: tuple[OpenDay, ...]) -> list[int]:
    return [one.day.day for one in days]


def test_missed_days_are_started_oldest_first() -> None:
    """Each rests on the days before it, which are loaded or started before it."""
    assert numbers(planned(open_days(17, 15, 16)).start) == [15, 16, 17]


def test_a_day_is_tried_once_for_each_verdict() -> None:
    """The same verdict again is left to people; another one is another chance."""
    tried = {"2026-09-15": ["valid", "degraded"]}
    assert numbers(planned(open_days(15), tried=tried).left_failed) == [15]
    assert numbers(planned(open_days(15, verdict="valid, overridden"), tried=tried).start) == [15]


def test_a_day_that_the_sources_refuse_waits() -> None:
    """It is started when they let it through."""
    plan = planned(open_days(15, passes=False, verdict="missing_hearts"))
    assert (numbers(plan.start), numbers(plan.refused)) == ([], [15])


def test_a_day_that_is_being_built_is_left_alone_and_counts_as_loaded() -> None:
    """Neither started twice nor in the way of the days after it."""
    assert numbers(planned(open_days(15, 16), busy={date(2026, 9, 15)}).start) == [16]


def test_a_day_whose_run_died_is_neither_started_nor_left() -> None:
    """It is started again for that; until then it is not there for the days after it."""
    plan = planned(open_days(15, 16), lost={date(2026, 9, 15)}, tried={"2026-09-15": ["valid"]})
    assert (numbers(plan.start), numbers(plan.left_failed), numbers(plan.unloaded)) == ([], [], [16])


def test_a_week_that_nobody_has_loaded_is_not_begun() -> None:
    """A new workspace with a month of history is for `muse backfill`: the runs would be refused one by one."""
    plan = planned(open_days(13, 14, 15), loaded=set())
    assert (numbers(plan.start), numbers(plan.unloaded)) == ([], [13, 14, 15])


def test_the_first_days_of_a_log_need_no_week() -> None:
    """Before its start nothing can be missing."""
    assert numbers(planned(open_days(1, 2, 3), loaded=set()).start) == [1, 2, 3]
