"""New and changed report and event files: the days that they hold are built again."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from glob import escape
from pathlib import Path
from typing import Any

import dagster as dg

from muse_domain.ports import SourceUnreachable
from muse_domain.settings import EventSource, ReportSource
from muse_resources.adapters import Adapters
from muse_resources.file_states import FileState, FileStates, first_look, look
from muse_resources.report_files import find_files, take_in_reports
from muse_resources.workspace import Workspace
from muse_sensors.covered_days import buildable

Source = ReportSource | EventSource

# An event file that was written this soon after midnight still holds events of the day before.
_OVERLAP = timedelta(hours=2)


def file_sensor(adapters: Adapters, job: Any) -> dg.SensorDefinition:
    """Looks for files whose content is new. The first look takes what is there as known: `muse backfill` loads it."""
    settings, folder = adapters.workspace.settings, adapters.workspace.folder
    kept = FileStates(adapters.workspace.dagster_home / "muse_files")

    @dg.sensor(
        name="file_sensor",
        job=job,
        minimum_interval_seconds=settings.watch.poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds the days that new or changed reports and events belong to.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        paths = _found(adapters.workspace)
        known = kept.load(context.cursor) if context.cursor else None
        if known is None:
            version = kept.save(first_look(paths), "")
            said = f"First look: {len(paths)} files are taken as known. `muse backfill` loads them."
            return dg.SensorResult(skip_reason=said, cursor=version)
        found = look(sorted(paths), known)
        version = kept.save(found.states, context.cursor or "")
        days_by_file = {path: _days(folder, path, paths[path]) for path in found.changed}
        held = {day for days in days_by_file.values() for day in days}
        days = buildable(held, settings, adapters.clock.now().date())
        older = sorted(held - set(days))
        said = f"{len(found.changed)} new or changed files, {found.left} left for the next tick."
        if older:
            said += f" Not built by itself, too old or not covered: {older[0]} to {older[-1]}; use `muse backfill`."
            context.log.warning(said)
        return dg.SensorResult(
            run_requests=[_request(day, days_by_file, found.states) for day in days],
            skip_reason=None if days else said,
            cursor=version,
        )

    return tick


def _found(workspace: Workspace) -> dict[Path, Source]:
    """Every input file with its source; a file of two sources belongs to the first. Raises SourceUnreachable."""
    sources: list[Source] = [*workspace.settings.reports, *workspace.settings.events]
    found: dict[Path, Source] = {}
    for source in sources:
        root = fixed_folder(workspace.folder, source.files)
        if not root.is_dir():
            # A disk that is not mounted is no empty folder.
            raise SourceUnreachable(f"{root} does not exist: {source.files!r} cannot be looked for")
        for path in find_files(workspace.folder, source.files):
            found.setdefault(path, source)
    return found


def fixed_folder(folder: Path, pattern: str) -> Path:
    """The folder of a pattern up to its first wildcard."""
    fixed = folder
    for part in Path(pattern).expanduser().parts[:-1]:
        if any(sign in part for sign in "*?["):
            break
        fixed /= part
    return fixed


def _days(folder: Path, path: Path, source: Source) -> set[date]:
    """The days that a file holds: a report says so, an event file is taken for when it was written."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    near = {written.date(), (written - _OVERLAP).date()}
    if not isinstance(source, ReportSource):
        return near
    intake = take_in_reports(folder, [source.model_copy(update={"files": escape(str(path))})])
    # A report that is refused belongs to no day; the day it came on shows the refusal.
    return {run["day"] for run in intake.runs} or {written.date()}


def _request(day: date, days_by_file: Mapping[Path, Iterable[date]], states: Mapping[str, FileState]) -> dg.RunRequest:
    hashes = sorted(states[str(path)].sha256 for path, days in days_by_file.items() if day in days)
    digest = hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:16]
    return dg.RunRequest(run_key=f"files:{day}:{digest}", partition_key=day.isoformat())
