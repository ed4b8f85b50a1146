"""`muse ingest`: files into rows, without judging or telling anything; and what a build would do, before it does it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from muse_apps.backfill import Step, StepFailure, run_backfill
from muse_apps.console import counted
from muse_assets.ingest import GROUP, ingest_assets
from muse_domain.measurements import ReportRefused
from muse_domain.ports import LoadedDay, OnFile
from muse_domain.settings import EventSource, ReportSource
from muse_resources import event_gathering, report_intake
from muse_resources.adapters import Adapters
from muse_resources.event_files import inspect_events
from muse_resources.event_intake import event_reader
from muse_resources.file_ledger import FileLedger, is_under, one_at_a_time
from muse_resources.input_files import InputFile, list_inputs
from muse_resources.report_files import read_report_file, report_reader

REPORTS, EVENTS = report_intake.SOURCE, event_gathering.SOURCE
SOURCES = (REPORTS, EVENTS)
# What a file may be to the next ingest, with an explanation where the word does not suffice.
STATES = {
    "blocked": "cannot be looked into now; what it gave is kept",
    "missing": "not found any more; what it gave is kept, unless `muse ingest --forget-missing` gives it up",
    "new": "",
    "changed": "",
    "again": "could not be read or dated last time, or is to be replayed",
    "read otherwise": "the same file under other settings, another MUSE_HASH_KEY or another version of Muse",
    "unchanged": "",
}


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """What one ingest did: files read by table, paths that are not found any more, and what failed."""

    read: Mapping[str, int]
    missing: Sequence[str]
    failures: Sequence[StepFailure]


def run_ingest(adapters: Adapters, first: date, last: date, on_file: OnFile) -> IngestOutcome:
    """Bring the tables up to the files, in one run over the days, recorded in Dagster's instance."""
    names = tuple(asset.function.__name__ for asset in ingest_assets(adapters.workspace.settings))
    read: Counter[str] = Counter()

    def count(table: str, done: int, of: int) -> None:
        read[table] = done
        on_file(table, done, of)

    steps = [Step(f"{GROUP} tables", names, first, last, True)]
    failures = run_backfill(replace(adapters, on_file=count), steps).failures
    missing = [path for source in SOURCES for path in FileLedger(adapters.warehouse, source).missing]
    return IngestOutcome(read, missing, failures)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Missing files whose rows were given up, and those that keep them for their days that were not asked for."""

    paths: Sequence[str]
    kept: Mapping[str, tuple[date, date]]


def forget_missing(adapters: Adapters, first: date, last: date) -> Forgotten:
    """Give up the rows of files that are not found any more and hold nothing but these days. The next ingest of them
    removes the rows.

    What is known of a file is known as a whole: a part of its days cannot be given up.
    """
    forgotten: list[str] = []
    kept: dict[str, tuple[date, date]] = {}
    for source in SOURCES:
        for ledger in _ledgers(adapters, source):
            spans = {path: _span(ledger, path) for path in ledger.missing}
            within = [path for path, (begin, end) in spans.items() if first <= begin and end <= last]
            kept |= {path: span for path, span in spans.items() if path not in within}
            forgotten += ledger.forget(within, adapters.clock.now())
    return Forgotten(forgotten, kept)


def _span(ledger: FileLedger, path: str) -> tuple[date, date]:
    reading = ledger.get(path)
    assert reading is not None
    return min(reading.days), max(reading.days)


def rebuild(adapters: Adapters, first: date, last: date) -> None:
    """Have the next ingest build these days again from their files, though nothing has changed: what was written into
    the tables by another hand is not seen by comparing files."""
    for source in (*SOURCES, "session_stats"):
        rows = adapters.warehouse.select("select_day_loads", {"source": source})
        asked = [LoadedDay(row["day"], row["rows"]) for row in rows if first <= row["day"] <= last]
        adapters.warehouse.record_loads(source, asked)


def replay(adapters: Adapters, source: str, paths: Sequence[str]) -> list[str]:
    """Have the next ingest read these files again; returns those that were known."""
    return [path for ledger in _ledgers(adapters, source) for path in ledger.replay(paths, adapters.clock.now())]


def _ledgers(adapters: Adapters, source: str) -> Iterator[FileLedger]:
    with one_at_a_time(adapters.workspace.locks, source):
        yield FileLedger(adapters.warehouse, source)


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What the next build would make of one file: one of STATES. `gives` reads the file."""

    path: str
    state: str
    gives: Callable[[], str]


def dry_run(adapters: Adapters) -> list[FilePlan]:
    """Every file that the next build would read, miss or leave alone, in the order of STATES. Nothing is written."""
    workspace, warehouse = adapters.workspace, adapters.warehouse
    reports = list_inputs(workspace.folder, workspace.settings.reports, warehouse.list_objects)
    events = list_inputs(workspace.folder, workspace.settings.events, warehouse.list_objects)
    ledgers = {source: FileLedger(warehouse, source) for source in SOURCES}
    plans = [_report_plan(adapters, file, ledgers[REPORTS]) for file in reports.files.values()]
    plans += [_event_plan(adapters, file, ledgers[EVENTS]) for file in events.files.values()]
    plans += _out_of_sight(ledgers[REPORTS], reports.files, reports.blocked)
    plans += _out_of_sight(ledgers[EVENTS], events.files, events.blocked)
    order = list(STATES)
    return sorted(plans, key=lambda plan: order.index(plan.state))


def _out_of_sight(ledger: FileLedger, found: Iterable[str], blocked: Mapping[str, str]) -> Iterator[FilePlan]:
    for path, reason in blocked.items():
        yield FilePlan(path, "blocked", _always(reason))
    seen = {*found, *blocked}
    for one in ledger.readings:
        if one.path not in seen:
            state = "blocked" if is_under(one.path, blocked) else "missing"
            yield FilePlan(one.path, state, _always(f"{counted(sum(one.days.values()), 'row')} kept"))


def _always(text: str) -> Callable[[], str]:
    return lambda: text


def _report_plan(adapters: Adapters, file: InputFile[ReportSource], ledger: FileLedger) -> FilePlan:
    reader = report_reader(file.source)

    def gives() -> str:
        read = read_report_file(adapters.workspace.folder, file, reader, adapters.warehouse.read_object)
        refused = f"refused: {read.letters[0]['error']}" if read.letters else ""
        if not read.runs:
            return refused
        quarantined = sum(run["quality"] == "quarantined" for run in read.runs)
        parts = [f"{counted(len(read.runs), 'run')} of {counted(len(read.reading.days), 'day')}"]
        parts += [f"{quarantined:,} quarantined"] if quarantined else []
        return "; ".join([", ".join(parts), *([refused] if refused else [])])

    return FilePlan(file.shown, _state(ledger, file, reader), gives)


def _event_plan(adapters: Adapters, file: InputFile[EventSource], ledger: FileLedger) -> FilePlan:
    reader = event_reader(file.source, adapters.workspace.secrets.hash_key)

    def gives() -> str:
        if file.stored:
            return counted(file.size_bytes, "byte")
        try:
            inspected = inspect_events(file.path, file.shown, file.size_bytes, file.source.known_format)
        except ReportRefused as error:
            return f"refused: {error.reason}"
        except OSError as error:
            return f"refused: cannot be read: {error.strerror}."
        return "events" if inspected.lines is None else counted(inspected.lines, "line")

    return FilePlan(file.shown, _state(ledger, file, reader), gives)


def _state(ledger: FileLedger, file: InputFile[ReportSource] | InputFile[EventSource], reader: str) -> str:
    """What a file is to the next build."""
    known = ledger.get(file.shown)
    if known and known.again:
        return "again"
    if known is None or known.missing:
        return "new"
    if known.is_unchanged(file.size_bytes, file.modified_ns, reader):
        return "unchanged"
    return "changed" if known.reader == reader else "read otherwise"
