"""New and changed report and event files: the days that they hold are built again."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from muse_domain.notices import Notice
from muse_domain.ports import SourceUnreachable
from muse_domain.rebuilding import Asked, Rebuild, plan_rebuild
from muse_domain.settings import Settings
from muse_resources.adapters import Adapters
from muse_resources.event_intake import look_at_events
from muse_resources.freshness import TRAILING_WEEK, loaded_days
from muse_resources.input_files import is_remote
from muse_resources.input_look import InputLook
from muse_resources.report_intake import look_at_reports
from muse_resources.workspace import Workspace
from muse_sensors.busy_days import BACKFILL_TAG, busy_days
from muse_sensors.covered_days import buildable
from muse_sensors.cursors import read_cursor, write_cursor

# A tick ends after 60 seconds, whatever it is doing: what is not read by then is the next one's.
_LONGEST_S = 15.0
# Paths that a message names; how many there are is always said.
_MOST_NAMED = 3
_SOURCE_ASSETS = {"bench_runs": "benchmark_reports", "ui_events": "ui_event_files"}


def file_sensor(adapters: Adapters, job: Any) -> dg.SensorDefinition:
    """Reads files that are new into the ledger of inputs, and starts the days that are built from others than theirs.

    What is known of files lies in the warehouse (`input_files`, `loaded_days`). The cursor only holds which days were
    started for which state of their files, and which refused files people still have to be told of.
    """
    settings = adapters.workspace.settings

    @dg.sensor(
        name="file_sensor",
        job=job,
        minimum_interval_seconds=settings.watch.poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds the days that new or changed reports and events belong to.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = adapters.clock.now()
        cursor = read_cursor(context.cursor)
        telling = _Telling(adapters, cursor.get("untold", []))
        looks = _looks(adapters, now, telling)
        if looks is None:
            context.update_cursor(write_cursor(cursor | {"untold": telling.untold}))
            return dg.SkipReason("A build is reading the files itself: the next tick looks.")
        telling.tell(())
        asked = _asked(cursor)
        days = _window(settings, now)
        states = _states(context.instance, looks, days)
        plan = _plan(adapters, context.instance, states, asked, now)
        problems = _problems(adapters.workspace, looks)
        if problems and not plan.start and not any(look.read for look in looks):
            raise SourceUnreachable("; ".join(problems))
        for problem in problems:
            context.log.error(problem)
        started = {day: Asked(states[day], now) for day in plan.start}
        return dg.SensorResult(
            run_requests=[_request(day, states[day], asked.get(day)) for day in plan.start],
            skip_reason=None if plan.start else " ".join([*_said(looks, plan, days), *problems, *telling.problems]),
            cursor=write_cursor({"asked": _written(asked | started, days), "untold": telling.untold}),
            asset_events=[_event(look) for look in looks if look.read],
        )

    return tick


def _looks(adapters: Adapters, now: datetime, telling: "_Telling") -> list[InputLook] | None:
    """A look at each kind of files; None while a build is reading them, or when there was no time for all."""
    give_up_at = time.monotonic() + _LONGEST_S
    store, workspace = adapters.warehouse.tagged("file_sensor"), adapters.workspace

    def is_time_up() -> bool:
        return time.monotonic() > give_up_at

    looks: list[InputLook | None] = []
    if workspace.settings.reports:
        looks.append(look_at_reports(store, workspace, now, is_time_up, telling.tell))
    if workspace.settings.events:
        looks.append(None if is_time_up() else look_at_events(store, workspace, now, telling.tell))
    found = [look for look in looks if look]
    return found if len(found) == len(looks) else None


def _window(settings: Settings, now: datetime) -> list[date]:
    """The days that may be started unasked."""
    today = now.date()
    back = range(settings.watch.catch_up_days + 1)
    return buildable([today - timedelta(days=days) for days in back], settings, today)


def _states(instance: dg.DagsterInstance, looks: Sequence[InputLook], days: Sequence[date]) -> dict[date, str]:
    """Those of the days that are not built from their files, with a hash over the files as they are."""
    states: dict[date, str] = {}
    for day in days:
        parts = []
        for look in looks:
            large = sorted(f"{path} {size}" for path, (size, at) in look.too_large.items() if at.date() == day)
            if large or day in look.changed_days or _is_built_without_episode(instance, look.table, day):
                parts.append("\n".join([look.table, look.expected.get(day, ""), *large]))
        if parts:
            states[day] = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return states


def _is_built_without_episode(instance: dg.DagsterInstance, table: str, day: date) -> bool:
    """Whether the day's rows are younger than its episode: late files reached it through the build of another day."""
    rows, episode = _latest(instance, table, day), _latest(instance, "episodes", day)
    if rows is None or episode is None or rows.storage_id < episode.storage_id:
        return False
    run = instance.get_run_by_id(rows.run_id)
    return run is None or not _comes_to_the_episode(run, day)


def _latest(instance: dg.DagsterInstance, asset: str, day: date) -> dg.EventLogRecord | None:
    wanted = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[day.isoformat()])
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0] if records else None


def _comes_to_the_episode(run: dg.DagsterRun, day: date) -> bool:
    """Whether the run, or its backfill, builds the day's episode itself, or was refused there: that is told, and no
    affair of files."""
    if BACKFILL_TAG in run.tags:
        return True
    builds_episodes = run.asset_selection is None or dg.AssetKey("episodes") in run.asset_selection
    return builds_episodes and run.tags.get("dagster/partition") == day.isoformat()


def _plan(
    adapters: Adapters,
    instance: dg.DagsterInstance,
    states: Mapping[date, str],
    asked: Mapping[date, Asked],
    now: datetime,
) -> Rebuild:
    if not states:
        return Rebuild((), (), ())
    settings = adapters.workspace.settings
    first, last = min(states) - timedelta(days=TRAILING_WEEK), max(states)
    return plan_rebuild(
        states,
        asked=asked,
        busy=busy_days(instance, first, last),
        loaded=loaded_days(first, last, adapters.warehouse, settings),
        week=TRAILING_WEEK,
        first=settings.muse.start_date,
        now=now,
        again_after=timedelta(minutes=settings.watch.again_minutes),
    )


class _Telling:
    """Tells of files that gave nothing, before they are noted: a tick that dies in between tells twice, not never.

    `untold` are those that people have still to be told of; they are kept in the cursor.
    """

    def __init__(self, adapters: Adapters, kept: Sequence[str]) -> None:
        self._adapters = adapters
        self._kept = frozenset(kept)
        self.untold = list(kept)
        self.problems: list[str] = []

    def tell(self, refused: Sequence[str]) -> set[str]:
        """Tell of these and of what is untold; returns those of them that nobody would know of if they were noted."""
        paths = list(dict.fromkeys([*self.untold, *refused]))
        if not paths:
            return set()
        named = ", ".join(paths[:_MOST_NAMED]) + (", ..." if len(paths) > _MOST_NAMED else "")
        title = f"{len(paths)} input files were refused" if len(paths) > 1 else "An input file was refused"
        text = f"Nothing of {named} is used. `muse dead-letters list` says why, and what to do."
        problem = self._adapters.notifier.tell(Notice(f"refused:{named}", title, text, "warning"))
        self.untold = paths if problem else []
        self.problems = [f"Not told yet: {problem}."] if problem else []
        return set(refused) - self._kept if problem else set()


def _problems(workspace: Workspace, looks: Sequence[InputLook]) -> list[str]:
    """What could not be looked into. A folder that is gone is no empty folder: a disk may not be mounted."""
    reports, events = workspace.settings.reports, workspace.settings.events
    patterns = [source.files for source in reports] + [source.files for source in events]
    gone = [
        f"{pattern!r} cannot be looked for: {root} does not exist."
        for pattern in patterns
        if not is_remote(pattern) and not (root := fixed_folder(workspace.folder, pattern)).is_dir()
    ]
    return gone + [f"{path} {reason}" for look in looks for path, reason in look.blocked.items()]


def fixed_folder(folder: Path, pattern: str) -> Path:
    """The folder of a pattern up to its first wildcard."""
    fixed = folder
    for part in Path(pattern).expanduser().parts[:-1]:
        if any(sign in part for sign in "*?["):
            break
        fixed /= part
    return fixed


def _said(looks: Sequence[InputLook], plan: Rebuild, days: Sequence[date]) -> list[str]:
    read, left = sum(look.read for look in looks), sum(look.left for look in looks)
    said = [f"{sum(look.files for look in looks)} files, {read} of them new or changed."]
    said += [f"{left} are left for the next tick."] if left else []
    said += [f"{_span(plan.waiting)} waits: it is being built, or was just now."] if plan.waiting else []
    said += (
        [f"The week before {_span(plan.unloaded)} is not loaded: `muse backfill` loads it."] if plan.unloaded else []
    )
    older = sorted({day for look in looks for day in look.changed_days if not days or day < days[0]})
    said += [f"Not built by itself, too old: {_span(older)}. `muse backfill` builds it."] if older else []
    return said


def _span(days: Sequence[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _request(day: date, state: str, before: Asked | None) -> dg.RunRequest:
    """The same for a tick that is repeated; another when the files are, later, what they once were."""
    since = before.at.isoformat() if before else ""
    return dg.RunRequest(run_key=f"files:{day}:{state}:{since}", partition_key=day.isoformat())


def _asked(cursor: Mapping[str, Any]) -> dict[date, Asked]:
    kept = cursor.get("asked", {})
    return {date.fromisoformat(day): Asked(state, datetime.fromisoformat(at)) for day, (state, at) in kept.items()}


def _written(asked: Mapping[date, Asked], days: Sequence[date]) -> dict[str, tuple[str, str]]:
    return {day.isoformat(): (one.state, one.at.isoformat()) for day, one in asked.items() if day in days}


def _event(look: InputLook) -> dg.AssetMaterialization:
    metadata = {"files": look.files, "read": look.read, "refused": len(look.refused), "left": look.left}
    return dg.AssetMaterialization(_SOURCE_ASSETS[look.table], metadata=metadata)
