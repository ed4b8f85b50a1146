"""From report files to whole days of `bench_runs` and `bench_metrics`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from muse_domain.intake import BuildPlan, FileReading, plan_build
from muse_domain.ports import OnFile, Row, Warehouse
from muse_domain.settings import ReportSource
from muse_resources.file_ledger import (
    FileLedger,
    blocked_readings,
    ignore,
    one_at_a_time,
    unless_being_built,
    unsettle,
)
from muse_resources.garbage import rare_collections
from muse_resources.input_files import Listing, list_inputs
from muse_resources.input_look import SETTLED, InputLook, Tell, input_look, new_files, newly_refused
from muse_resources.report_files import ReadReport, read_report_file, report_reader
from muse_resources.workspace import Workspace

SOURCE = "bench_runs"
Fetch = Callable[[str], bytes]


@dataclass(slots=True)
class Intake:
    """What a build did: its plan, the rows of each day, and how much was read."""

    plan: BuildPlan
    rows_by_day: dict[date, int]
    rows: list[Row] = field(default_factory=list)
    files: int = 0
    files_read: int = 0
    further_values: int = 0
    copies: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def take_in_reports(
    store: Warehouse,
    workspace: Workspace,
    days: Sequence[date],
    now: datetime,
    on_file: OnFile = ignore,
) -> Intake:
    """Read the report files that have changed, and replace the days that are made of them.

    Raises TransientFailure or PermanentFailure of the warehouse; what is wrong with a file becomes a dead letter.
    """
    with one_at_a_time(workspace.locks, SOURCE), rare_collections():
        listing = list_inputs(workspace.folder, workspace.settings.reports, store.list_objects)
        ledger = FileLedger(store, SOURCE)
        read = _read_changed(workspace, listing, ledger, store.read_object, on_file)
        ledger.note(((one.reading, one.letters) for one in read.values()), now)
        ledger.note(blocked_readings(SOURCE, listing.blocked, now), now)
        ledger.settle_missing(listing.files, listing.blocked, now)
        recorded = {row["day"]: row for row in store.select("select_day_loads", {"source": SOURCE})}
        hashes = {day: row["inputs_sha256"] for day, row in recorded.items()}
        plan = plan_build(days, ledger.expected(), hashes)
        intake = Intake(plan, {}, files=len(listing.files), files_read=len(read), missing=ledger.missing)
        if plan.build:
            read |= _reread(workspace, listing, ledger, plan, read, store.read_object, now)
            unsettle(store, SOURCE, plan.build, recorded)
            _build(store, ledger, read, intake)
        return intake


def look_at_reports(
    store: Warehouse, workspace: Workspace, now: datetime, is_time_up: Callable[[], bool], tell: Tell
) -> InputLook | None:
    """Read and note the reports that are new, a bounded number of them; None while a build reads them itself.

    Refused ones that `tell` holds back are not noted: the next look finds them again.
    Raises TransientFailure or PermanentFailure of the warehouse.
    """
    with unless_being_built(workspace.locks, SOURCE) as is_free:
        if not is_free:
            return None
        listing = list_inputs(workspace.folder, workspace.settings.reports, store.list_objects)
        ledger = FileLedger(store, SOURCE)
        found = new_files(listing, ledger, now, SETTLED)
        read: list[ReadReport] = []
        for file in found.now:
            if is_time_up():
                break
            read.append(read_report_file(workspace.folder, file, report_reader(file.source), store.read_object))
        readings = [one.reading for one in read]
        refused = newly_refused(readings, ledger)
        held_back = tell(refused)
        ledger.note(((one.reading, one.letters) for one in read if one.reading.path not in held_back), now)
        recorded = {row["day"]: row["inputs_sha256"] for row in store.select("select_day_loads", {"source": SOURCE})}
        return input_look(SOURCE, listing, found, readings, refused, ledger, recorded)


def _read_changed(
    workspace: Workspace, listing: Listing[ReportSource], ledger: FileLedger, fetch: Fetch, on_file: OnFile
) -> dict[str, ReadReport]:
    changed = [
        file
        for file in listing.files.values()
        if (known := ledger.get(file.shown)) is None
        or not known.is_unchanged(file.size_bytes, file.modified_ns, report_reader(file.source))
    ]
    read: dict[str, ReadReport] = {}
    for number, file in enumerate(changed, start=1):
        read[file.shown] = read_report_file(workspace.folder, file, report_reader(file.source), fetch)
        on_file(SOURCE, number, len(changed))
    return read


def _reread(
    workspace: Workspace,
    listing: Listing[ReportSource],
    ledger: FileLedger,
    plan: BuildPlan,
    read: Mapping[str, ReadReport],
    fetch: Fetch,
    now: datetime,
) -> dict[str, ReadReport]:
    """The unchanged files that the planned days are made of, too."""
    needed = [reading.path for reading in _inputs(ledger, plan) if not reading.missing and reading.path not in read]
    files = [listing.files[path] for path in needed]
    reread = {file.shown: read_report_file(workspace.folder, file, report_reader(file.source), fetch) for file in files}
    # One may have changed since it was listed, or have lost its rights, which leave no trace in its time.
    ledger.note(((one.reading, one.letters) for one in reread.values()), now)
    return reread


def _inputs(ledger: FileLedger, plan: BuildPlan) -> list[FileReading]:
    inputs = ledger.inputs()
    found = {reading.path: reading for day in plan.build for reading in inputs.get(day, ())}
    return [found[path] for path in sorted(found)]


def _build(store: Warehouse, ledger: FileLedger, read: Mapping[str, ReadReport], intake: Intake) -> None:
    inputs = _inputs(ledger, intake.plan)
    reports = [read[one.path] for one in inputs if not one.missing and one.path in read]
    runs, metrics, intake.copies = _distinct(reports, set(intake.plan.build))
    kept_runs, kept_metrics = _kept(store, inputs, intake.plan.build, {run["run_id"] for run in runs})
    runs, metrics = runs + kept_runs, metrics + kept_metrics
    store.replace_days("bench_metrics", intake.plan.build, metrics)
    store.replace_days("bench_runs", intake.plan.build, runs)
    counts = dict.fromkeys(intake.plan.build, 0)
    for run in runs:
        counts[run["day"]] += 1
    store.record_loads(SOURCE, ledger.loads(counts))
    intake.rows, intake.rows_by_day, intake.further_values = runs, counts, len(metrics)


def _distinct(reports: Iterable[ReadReport], days: set[date]) -> tuple[list[Row], list[Row], dict[str, str]]:
    """Runs and metrics of these days, each run once, and which file is a copy of which: a history that is kept in two
    places tells nothing twice."""
    stated: dict[Any, str] = {}
    runs: list[Row] = []
    metrics: list[Row] = []
    copies: dict[str, str] = {}
    for report in reports:
        new = {run["run_id"] for run in report.runs if run["run_id"] not in stated}
        copied = [run for run in report.runs if run["run_id"] in stated]
        copies |= {run["source_path"]: stated[run["run_id"]] for run in copied}
        stated |= dict.fromkeys(new, report.reading.path)
        runs += [run for run in report.runs if run["run_id"] in new and run["day"] in days]
        metrics += [row for row in report.metrics if row["run_id"] in new and row["day"] in days]
    return runs, metrics, copies


def _kept(
    store: Warehouse, inputs: Iterable[FileReading], days: Sequence[date], known: set[Any]
) -> tuple[list[Row], list[Row]]:
    """Runs that only files state which are not found any more, and their metrics, as the tables have them."""
    kept = [reading for reading in inputs if reading.missing]
    if not kept:
        return [], []
    # By content, too: one that moved before it went may still stand in the table under its first path.
    of = {"days": list(days), "paths": [one.path for one in kept], "sha256": [one.sha256 for one in kept]}
    runs = [run for run in store.select("select_kept_runs", of) if run["run_id"] not in known]
    metrics = [row for row in store.select("select_kept_metrics", of) if row["run_id"] not in known]
    return runs, metrics
