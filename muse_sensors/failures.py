"""Failed runs: each told once, however it was started."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from muse_domain.failure_notices import FailedRun, Refusal, failure_notice
from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import Row
from muse_resources.adapters import Adapters
from muse_sensors.cursors import read_cursor, write_cursor
from muse_sensors.lost_runs import REPEATED_WITHIN

# A tick is short, and what it leaves over is told by the next.
MOST_TOLD, _MOST_RUNS = 10, 200
_REMEMBERED = 500
# People know of a failure within a minute.
_INTERVAL_S = 30
# Looks of a busy machine lie so far apart; what is more was a pause.
_COUNTED = timedelta(minutes=2)
# Runs that failed shortly before the first tick are told, older ones are history.
_FIRST_LOOK = timedelta(minutes=10)
_EVENTS = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.ENGINE_EVENT,
}
# Dagster's words around those of the run launcher, and its words where nobody gave any.
_MONITORED = re.compile(r"Detected run worker status \w+: '(.+)'\. Marking run \S+ as failed", re.DOTALL)
_MARKED = "This run has been marked as failed from outside the execution context."


def failure_sensor(adapters: Adapters) -> dg.SensorDefinition:
    """Tells of failed runs in the order in which they failed.

    Dagster's own failure sensors forget a run whose telling failed, and miss what was started by hand. This one moves
    its cursor past a run only when people know of it. A run that Dagster is to repeat is remembered, and told when it
    has not been repeated after five minutes in which it could have been.
    """

    @dg.sensor(
        name="failure_sensor",
        minimum_interval_seconds=min(_INTERVAL_S, adapters.workspace.settings.watch.poll_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people of each failed run once, and of a refused day once for each reason.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now, state = adapters.clock.now(), read_cursor(context.cursor)
        after, known = str(state.get("after", (now - _FIRST_LOOK).isoformat())), list(state.get("known", []))
        waiting = _waited(state, now)
        told, problem = 0, ""
        for record in _failed_since(context.instance, datetime.fromisoformat(after)):
            run_id = record.dagster_run.run_id
            if f"run:{run_id}" not in known:
                if _will_retry(record.dagster_run):
                    waiting[run_id] = 0.0
                news, problem = _tell(adapters, _failed(context.instance, record), known)
                if problem:
                    break
                known += [f"run:{run_id}", *news]
                told += bool(news)
                if told == MOST_TOLD:
                    break
            after = record.update_timestamp.astimezone(UTC).isoformat()
        waiting = _still_waiting(context.instance, waiting)
        for run_id in _overdue(waiting):
            news, not_told = _tell(adapters, _not_repeated(context.instance, run_id))
            if not not_told:
                del waiting[run_id]
            known += news
            told, problem = told + bool(news), problem or not_told
        said = f"told of {told} failed runs" + (f"; not told yet: {problem}" if problem else "")
        after_it = {"after": after, "at": now.isoformat(), "known": known[-_REMEMBERED:], "waiting": waiting}
        return dg.SensorResult(skip_reason=said, cursor=write_cursor(after_it))

    return tick


def _failed_since(instance: dg.DagsterInstance, after: datetime) -> Any:
    # Times are compared with a little to spare; runs that are known are not told again.
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=after - timedelta(seconds=5))
    return instance.get_run_records(filters, limit=_MOST_RUNS, order_by="update_timestamp", ascending=True)


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get("dagster/will_retry") == "true"


def _waited(state: Mapping[str, Any], now: datetime) -> dict[str, float]:
    """The runs that Dagster is to repeat, each with the seconds that it had for that.

    Of the time between two looks little counts: if it is long, nobody was there to repeat a run, since the daemon that
    does so is the one that evaluates this sensor. A cursor of an earlier version is a list without times.
    """
    waiting, looked_at = state.get("waiting", {}), state.get("at")
    if not isinstance(waiting, Mapping) or not looked_at:
        return dict.fromkeys(waiting, 0.0)
    passed_s = max(0.0, min(now - datetime.fromisoformat(looked_at), _COUNTED).total_seconds())
    return {run_id: waited_s + passed_s for run_id, waited_s in waiting.items()}


def _still_waiting(instance: dg.DagsterInstance, waiting: Mapping[str, float]) -> dict[str, float]:
    return {
        run_id: waited_s
        for run_id, waited_s in waiting.items()
        if instance.get_run_by_id(run_id)
        and not instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": run_id}), limit=1)
    }


def _overdue(waiting: Mapping[str, float]) -> list[str]:
    return [run_id for run_id, waited_s in waiting.items() if waited_s >= REPEATED_WITHIN.total_seconds()]


def _not_repeated(instance: dg.DagsterInstance, run_id: str) -> FailedRun:
    record = instance.get_run_record_by_id(run_id)
    assert record is not None
    return replace(_failed(instance, record), will_retry=False, is_overdue=True)


def _failed(instance: dg.DagsterInstance, record: dg.RunRecord) -> FailedRun:
    return failed_run(instance, record.dagster_run, record.update_timestamp.astimezone(UTC).date())


def _tell(adapters: Adapters, failed: FailedRun, known: Collection[str] = ()) -> tuple[list[str], str]:
    """Keys that people know now and did not before; and why they could not be told."""
    notice = failure_notice(failed, _link(adapters, failed.run_id))
    if notice is None or notice.key in known or _watcher_has_told(adapters, failed):
        return [], ""
    problem = adapters.notifier.tell(notice)
    if problem:
        return [], problem
    _note_refusal(adapters, failed)
    return [notice.key], ""


def failed_run(instance: dg.DagsterInstance, run: dg.DagsterRun, failed_on: date) -> FailedRun:
    """What is known of a failed run from its events."""
    refusals: list[Refusal] = []
    errors: list[str] = []
    death, last_said = "", ""
    for entry in instance.all_logs(run.run_id, of_type=_EVENTS):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            refusals += _refusal(event.asset_check_evaluation_data)
        elif event.event_type is dg.DagsterEventType.ENGINE_EVENT:
            last_said = _words(event)
        else:
            errors += _error(event)
            death = _death(event.message or "", last_said)
    days = {run.tags.get("dagster/partition"), run.tags.get("dagster/asset_partition_range_start")} - {None}
    title = "The day" if run.job_name == "daily_episode_job" else ", ".join(sorted(_assets(run))) or run.job_name
    day = min(map(str, days), default="")
    repeats = int(run.tags.get("dagster/retry_number", 0))
    return FailedRun(run.run_id, title, day, refusals, errors, failed_on, _will_retry(run), death, repeats)


def _words(event: dg.DagsterEvent) -> str:
    error = event.engine_event_data.error
    return str(error.message if error else event.message).strip()


def _death(said: str, said_before: str) -> str:
    """How it was found that a run died: what it was marked as failed with, else what was said just before."""
    monitored = _MONITORED.match(said)
    if monitored:
        return monitored[1]
    return said_before if said == _MARKED else said


def _assets(run: dg.DagsterRun) -> Iterator[str]:
    yield from (key.to_user_string() for key in run.asset_selection or ())


def _refusal(check: Any) -> list[Refusal]:
    if check.passed or check.severity is not dg.AssetCheckSeverity.ERROR or not check.check_name.endswith("_gate"):
        return []
    said = {name: str(value.value) for name, value in check.metadata.items()}
    return [Refusal(check.check_name, said.get("status", ""), said.get("reason", ""))]


def _error(event: Any) -> list[str]:
    """The words of a failed step; that a run failed because its step did, or its gate refused, says nothing new."""
    error = getattr(event.event_specific_data, "error", None)
    if error is None:
        return []
    cause = error.cause or error
    if "DagsterAssetCheckFailedError" in (error.cls_name, cause.cls_name):
        return []
    return [f"{event.step_key or 'run'}: {cause.message.strip()}"]


def _watcher_has_told(adapters: Adapters, failed: FailedRun) -> bool:
    """Whether people know already of the very status for which this day was refused."""
    return any(row["alert_sent"] for row in _refused_verdicts(adapters, failed))


def _note_refusal(adapters: Adapters, failed: FailedRun) -> None:
    """People know of this verdict now: the watcher, which comes to the same, need not tell it."""
    for row in _refused_verdicts(adapters, failed):
        with suppress(TransientFailure, PermanentFailure):
            adapters.warehouse.replace_days("watcher_runs", [row["day"]], [{**row, "alert_sent": True}])


def _refused_verdicts(adapters: Adapters, failed: FailedRun) -> list[Row]:
    """The stored verdict for which a run was refused, and nothing else was wrong with it."""
    statuses = {one.status for one in failed.refusals if one.gate == "watcher_gate"}
    if not statuses or failed.errors or not failed.day:
        return []
    try:
        rows = adapters.warehouse.select("select_watcher_run", {"day": date.fromisoformat(failed.day)})
    except (TransientFailure, PermanentFailure):
        return []  # better told twice than not at all
    return [row for row in rows if row["status"] in statuses]


def _link(adapters: Adapters, run_id: str) -> str:
    url = adapters.workspace.settings.dagster.url.rstrip("/")
    return f"{url}/runs/{run_id}" if url else ""
