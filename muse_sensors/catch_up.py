"""Days that ended without an episode, missed, refused or failed, and days whose run died: built when they can be."""

from collections.abc import Iterable, Sequence, Set
from datetime import date, datetime, timedelta
from itertools import starmap
from typing import Any

import dagster as dg

from muse_domain.catch_up import CatchUp, OpenDay, plan_catch_up
from muse_domain.notices import Notice
from muse_domain.settings import Settings
from muse_domain.watch import WatchStatus, worst
from muse_resources.adapters import Adapters
from muse_resources.freshness import TRAILING_WEEK, FreshnessReader, loaded_days, stored_override
from muse_sensors.busy_days import busy_days
from muse_sensors.covered_days import buildable
from muse_sensors.cursors import read_cursor, write_cursor
from muse_sensors.lost_runs import lost_days
from muse_sensors.schedules import build_time

INTERVAL_S = 300
# The schedule goes first; this sensor only takes what it has left.
_AFTER_SCHEDULE = timedelta(minutes=20)


def catch_up_sensor(adapters: Adapters, job: Any) -> dg.SensorDefinition:
    """Starts days of the last week that have no final episode, oldest first, each once for each verdict; and days whose
    last run died and was not repeated, today included.

    After a pause the first tick only looks at the clock: Dagster's schedule repeats ticks that it missed, and goes
    first. For the same reason a run that died is seen by one tick and repeated by the next: Dagster's daemon, which may
    have been away, had five minutes by then to repeat it. Days that failed and cannot be tried again are told once.
    """
    settings = adapters.workspace.settings

    @dg.sensor(
        name="catch_up_sensor",
        job=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds days that were missed, refused or failed, as soon as their verdict lets them through; and "
        "days whose run died without being repeated.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = adapters.clock.now()
        state = read_cursor(context.cursor)
        looked_at = state.get("at")
        state |= {"at": now.isoformat()}
        if looked_at is None or now - datetime.fromisoformat(looked_at) > timedelta(seconds=3 * INTERVAL_S):
            return dg.SensorResult(skip_reason="Just started: the schedule goes first.", cursor=write_cursor(state))
        tried = _tried(state)
        lost = lost_days(context.instance, job.name, buildable(_window(settings, now), settings, now.date()))
        again = {day: run_id for day, run_id in lost.items() if run_id in state.get("lost", ())}
        plan = _plan(adapters, context.instance, now, tried, lost.keys() - again.keys(), again.keys())
        problem = _tell_left(adapters, plan.left_failed, state)
        tried |= {(day := one.day.isoformat()): [*tried.get(day, []), one.verdict] for one in plan.start}
        first = (now - timedelta(days=settings.watch.catch_up_days)).date()
        state["tried"] = {day: key for day, key in tried.items() if day >= first.isoformat()}
        state["lost"] = sorted(lost.values())
        requests = [*map(_request, plan.start), *starmap(_again, again.items())]
        return dg.SensorResult(
            run_requests=sorted(requests, key=lambda request: request.partition_key or ""),
            skip_reason=None if requests else _said(plan, lost, problem),
            cursor=write_cursor(state),
        )

    return tick


def _window(settings: Settings, now: datetime) -> list[date]:
    """Today and the days that may be built unasked."""
    return [now.date() - timedelta(days=back) for back in range(settings.watch.catch_up_days + 1)]


def _plan(
    adapters: Adapters,
    instance: dg.DagsterInstance,
    now: datetime,
    tried: dict[str, list[str]],
    lost: Set[date],
    again: Set[date],
) -> CatchUp:
    """What to do about the days without a final episode; of those whose run died, `again` are started in this tick."""
    settings = adapters.workspace.settings
    days = buildable(_window(settings, now)[1:], settings, now.date())
    due = [day for day in days if now >= build_time(day, settings) + _AFTER_SCHEDULE]
    if not due:
        return CatchUp((), (), (), ())
    span = {"first": min(due) - timedelta(days=TRAILING_WEEK), "last": max(due)}
    final = {row["day"] for row in adapters.warehouse.select("select_days_told", span)}
    open_days = [day for day in due if day not in final]
    reader = FreshnessReader(adapters.warehouse, adapters.repositories, settings, now)
    overrides = {day: found.reason for day in open_days if (found := stored_override(day, adapters.warehouse))}
    judged = [_open_day(adapters, reader, day, overrides.get(day)) for day in open_days]
    return plan_catch_up(
        judged,
        loaded=loaded_days(span["first"], span["last"], adapters.warehouse, settings),
        busy=busy_days(instance, min(due), max(due)) | again,
        lost=lost,
        tried=tried,
        week=TRAILING_WEEK,
        first=settings.muse.start_date,
    )


def _tried(state: dict[str, Any]) -> dict[str, list[str]]:
    """The verdicts that each day was tried with; a cursor of earlier versions holds the last of them."""
    return {day: [known] if isinstance(known, str) else known for day, known in state.get("tried", {}).items()}


def _open_day(adapters: Adapters, reader: FreshnessReader, day: date, override: str | None) -> OpenDay:
    """The day by what its sources say: its own rows are loaded by the run that is to be started.

    Another reason of an override is another verdict: the episode prints it.
    """
    status = worst(reader.judge(day).statuses.values())
    passes = status is WatchStatus.VALID or (status is WatchStatus.DEGRADED and adapters.workspace.allows_degraded)
    verdict = str(status) if override is None else f"{status}, overridden: {override}"
    return OpenDay(day, verdict, passes or override is not None)


def _tell_left(adapters: Adapters, left: Sequence[OpenDay], state: dict[str, Any]) -> str:
    """Tell of each day that was tried and is still without an episode, once for each verdict."""
    told = dict(state.get("told", {}))
    problem = ""
    for one in left:
        day = one.day.isoformat()
        if told.get(day) == one.verdict:
            continue
        text = f"It was tried again with the verdict {one.verdict} and did not end well: see its runs, mend, build it."
        problem = adapters.notifier.tell(Notice(f"left:{day}", f"{day} is left without an episode", text, "error"))
        if not problem:
            told[day] = one.verdict
    state["told"] = {one.day.isoformat(): told.get(one.day.isoformat(), "") for one in left}
    return problem


def _request(one: OpenDay) -> dg.RunRequest:
    return dg.RunRequest(run_key=f"catch-up:{one.day}:{one.verdict}", partition_key=one.day.isoformat())


def _again(day: date, run_id: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=f"died:{run_id}", partition_key=day.isoformat())


def _said(plan: CatchUp, lost: Iterable[date], problem: str) -> str:
    said = [f"{one.day} waits: {one.verdict}" for one in plan.refused]
    said += [f"the run of {day} died: the next look starts it again, if Dagster has not" for day in sorted(lost)]
    said += [f"{one.day} is left failed" for one in plan.left_failed]
    if plan.unloaded:
        first = plan.unloaded[0].day
        said.append(f"the week before {first} is not loaded: `muse backfill` loads it")
    said += [f"not told yet: {problem}"] if problem else []
    return "; ".join(said) or "Every day that is due has its episode, or its quiet."
