"""Failed runs: each told once, however it was started."""

from collections.abc import Collection, Iterator
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
# Runs that failed shortly before the first tick are told, older ones are history.
_FIRST_LOOK = timedelta(minutes=10)
_EVENTS = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}


def failure_sensor(adapters: Adapters) -> dg.SensorDefinition:
    """Tells of failed runs in the order in which they failed.

    Dagster's own failure sensors forget a run whose telling failed, and miss what was started by hand. This one moves
    its cursor past a run only when people know of it. A run that Dagster is to repeat is remembered, and told when it
    has not been repeated five minutes later.
    """

    @dg.sensor(
        name="failure_sensor",
        minimum_interval_seconds=min(_INTERVAL_S, adapters.workspace.settings.watch.poll_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people of each failed run once, and of a refused day once for each reason.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        state = read_cursor(context.cursor)
        start = (adapters.clock.now() - _FIRST_LOOK).isoformat()
        after, known = str(state.get("after", start)), list(state.get("known", []))
        waiting = list(state.get("waiting", []))
        told, problem = 0, ""
        for record in _failed_since(context.instance, datetime.fromisoformat(after)):
            run_id = record.dagster_run.run_id
            if f"run:{run_id}" not in known:
                if _will_retry(record.dagster_run):
                    waiting.append(run_id)
                news, problem = _tell(adapters, _failed(context.instance, record), known)
                if problem:
                    break
                known += [f"run:{run_id}", *news]
                told += bool(news)
                if told == MOST_TOLD:
                    break
            after = record.update_timestamp.astimezone(UTC).isoformat()
        overdue, waiting = _overdue(context.instance, waiting, adapters.clock.now())
        for record in overdue:
            news, not_told = _tell(adapters, replace(_failed(context.instance, record), will_retry=False))
            waiting += [record.dagster_run.run_id] if not_told else []
            known += news
            told, problem = told + bool(news), problem or not_told
        said = f"told of {told} failed runs" + (f"; not told yet: {problem}" if problem else "")
        cursor = write_cursor({"after": after, "known": known[-_REMEMBERED:], "waiting": waiting})
        return dg.SensorResult(skip_reason=said, cursor=cursor)

    return tick


def _failed_since(instance: dg.DagsterInstance, after: datetime) -> Any:
    # Times are compared with a little to spare; runs that are known are not told again.
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=after - timedelta(seconds=5))
    return instance.get_run_records(filters, limit=_MOST_RUNS, order_by="update_timestamp", ascending=True)


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get("dagster/will_retry") == "true"


def _overdue(instance: dg.DagsterInstance, waiting: list[str], now: datetime) -> tuple[list[dg.RunRecord], list[str]]:
    """Of the failed runs that Dagster is to repeat: those that it should have repeated by now, and those that wait."""
    overdue, still = [], []
    for run_id in waiting:
        record = instance.get_run_record_by_id(run_id)
        if record is None or instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": run_id}), limit=1):
            continue
        if (record.end_time or 0.0) <= (now - REPEATED_WITHIN).timestamp():
            overdue.append(record)
        else:
            still.append(run_id)
    return overdue, still


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
    for entry in instance.all_logs(run.run_id, of_type=_EVENTS):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            refusals += _refusal(event.asset_check_evaluation_data)
        else:
            errors += _error(event)
    days = {run.tags.get("dagster/partition"), run.tags.get("dagster/asset_partition_range_start")} - {None}
    title = "The day" if run.job_name == "daily_episode_job" else ", ".join(sorted(_assets(run))) or run.job_name
    day = min(map(str, days), default="")
    return FailedRun(run.run_id, title, day, refusals, errors, failed_on, _will_retry(run))


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
