"""`muse ingest --explain FILE`: how a file is read, what stays null and why, what would be quarantined or refused."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.markdown import Markdown
from rich.markup import escape

from muse_apps.console import console, counted, show_table
from muse_domain.event_formats.registry import event_format, recognise
from muse_domain.failures import UnreadableInput
from muse_domain.formats.decoded import EXPLAIN
from muse_domain.formats.registry import read_report
from muse_domain.measurements import METRIC_COLUMNS, Measurement, ReportReading, ReportRefused
from muse_domain.ports import RefusedLines, Row
from muse_domain.settings import EventSource, ReportSource, SettingsError
from muse_resources.adapters import Adapters
from muse_resources.event_columns import event_columns
from muse_resources.event_files import Inspected, engine_readable, inspect_events, refused_letters, with_layout
from muse_resources.input_files import InputFile, list_inputs
from muse_resources.report_files import LARGEST_REPORT_BYTES, read_report_file
from muse_resources.scratch_warehouse import without_writing

_SHOWN = 12
_ANY_DAY = (date(1970, 1, 1), date(2149, 6, 6))
_HEAD = 1024**2
_READ_SO_FAR = "docs/formats.md lists what is known."
_OR_EVENTS = (
    "If these are events with names of their own, name the file in an [[events]] section, and which of its fields hold "
    "`ts` and `event_type` in [events.mapping]."
)
_NAME_PARQUET = (
    "If these are events, name the file in an [[events]] section, with its `format`, or with the columns that hold "
    "`ts` and `event_type` in [events.mapping]."
)


def explain(path: Path, adapters_of: Callable[[], Adapters]) -> bool:
    """Print how a file is read; False when it would be refused. Nothing is written."""
    if not path.is_file():
        # A pipe that nobody writes to would be waited for, and what was read to look at it could not be read again.
        reason = f"{path} is no regular file, but a pipe, a socket or a device."
        return _refused(reason, "Write what comes out of it to a file, then explain that file.")
    adapters = _workspace(adapters_of)
    try:
        events = _named_by(adapters, path, "events") if adapters else None
        if adapters and events:
            return _explain_events(adapters, events)
        if names := recognise(_first_document(path)):
            return _explain_foreign_events(adapters, path, names)
        # Whatever is packed so that not even events are read from it is told as what it is.
        if with_layout(path, path.name, path.stat().st_size, event_format("json_lines")).layout == "parquet":
            return _refused("The file is Parquet: events are read from it, reports are not.", _NAME_PARQUET)
        return _explain_report(adapters, path)
    except ReportRefused as error:
        return _refused(error.reason, error.remedy)
    except UnreadableInput as error:
        return _refused(f"The engine cannot read the file: {error}.", "Mend it, then explain it again.")
    except OSError as error:
        return _refused(f"The file cannot be read: {error.strerror or error}.", "Mend its rights, or copy it.")


def _refused(reason: str, *remedies: str) -> bool:
    console.print(f"[bold red]Refused.[/] {escape(reason)}")
    for remedy in remedies:
        # Whoever reads this has just run `--explain`.
        console.print(escape(_READ_SO_FAR if remedy == EXPLAIN else remedy))
    return False


def _workspace(adapters_of: Callable[[], Adapters]) -> Adapters | None:
    """A file can be explained without a workspace: then nothing dates it but itself."""
    try:
        return adapters_of()
    except SettingsError as error:
        console.print(f"[dim]Without a workspace: {escape(str(error))}[/]\n")
        return None


def _named_by(adapters: Adapters, path: Path, kind: str) -> Any:
    """The file as a source of muse.toml finds it; None when no source does."""
    listing = list_inputs(adapters.workspace.folder, getattr(adapters.workspace.settings, kind), lambda pattern: [])
    return next((file for file in listing.files.values() if file.path.resolve() == path.resolve()), None)


def _explain_report(adapters: Adapters | None, path: Path) -> bool:
    file: InputFile[ReportSource] | None = _named_by(adapters, path, "reports") if adapters else None
    if path.stat().st_size > LARGEST_REPORT_BYTES:
        reason = f"The file is larger than {LARGEST_REPORT_BYTES // 1024**2} MiB: a report is a summary, not a trace."
        raise ReportRefused(reason, "Let the benchmark tool write a summary.")
    try:
        reading = read_report(file.shown if file else path.as_posix(), path.read_bytes())
    except ReportRefused as error:
        is_json = isinstance(_first_document(path), dict | list)
        return _refused(error.reason, error.remedy, *([_OR_EVENTS] if is_json and file is None else []))
    console.print(f"[bold]{escape(reading.format)}[/]: {_summary(reading)}\n")
    _show_runs(reading)
    _show_nulls(reading)
    _show_refused([(one.item, one.reason, one.remedy) for one in reading.refusals], len(reading.refusals))
    if adapters and file:
        return _show_days(adapters, file)
    _show_what_is_needed(adapters, path, reading)
    return bool(reading.measurements)


def _summary(reading: ReportReading) -> str:
    kinds = {kind: sum(str(run.quality) == kind for run in reading.measurements) for kind in ("flagged", "quarantined")}
    meant = {"flagged": "flagged (used with care)", "quarantined": "quarantined (kept, and never used)"}
    return ", ".join(
        [counted(len(reading.measurements), "run")] + [f"{n:,} {meant[kind]}" for kind, n in kinds.items() if n]
    )


def _show_runs(reading: ReportReading) -> None:
    for run in reading.measurements[:_SHOWN]:
        console.print(f"[bold]{escape(run.benchmark)}[/] {_quality(run)}")
        show_table("", ("column", "value", "goes to"), [tuple(map(escape, row)) for row in _stated(run)])
    if len(reading.measurements) > _SHOWN:
        console.print(f"... and {counted(len(reading.measurements) - _SHOWN, 'more run')}.\n")


def _stated(run: Measurement) -> list[tuple[str, str, str]]:
    values = {column: getattr(run, column) for column in METRIC_COLUMNS}
    rows = [(name, _digits(value), "bench_runs") for name, value in values.items() if value is not None]
    rows += [(m.name, f"{_digits(m.value)} {m.unit}", f"bench_metrics, better: {m.better}") for m in run.metrics]
    names = ("ts", "commit_sha", "model", "quant", "dataset", "n_samples")
    facts = {name: getattr(run, name) for name in names}
    rows += [(name, str(value), "bench_runs") for name, value in facts.items() if value is not None]
    rows += [(f"environment.{name}", value, "bench_runs") for name, value in sorted(run.environment.items())]
    return rows


def _digits(value: float) -> str:
    """As many digits as a report is compared by; the last ones of a double are those of no measurement."""
    return f"{value:.12g}"


def _quality(run: Measurement) -> str:
    if not run.quality_reasons:
        return "[green]ok[/]"
    colour = "red" if run.quality == "quarantined" else "yellow"
    return f"[{colour}]{run.quality}[/]: {escape('; '.join(run.quality_reasons))}"


def _show_nulls(reading: ReportReading) -> None:
    reasons: dict[tuple[str, str], int] = {}
    for run in reading.measurements:
        for column, reason in run.null_reasons.items():
            reasons[column, reason] = reasons.get((column, reason), 0) + 1
    rows = [(column, escape(reason), count) for (column, reason), count in reasons.items()]
    show_table("Null, and why", ("column", "reason", "runs"), rows)


def _show_refused(rows: list[tuple[str, str, str]], total: int) -> None:
    if not rows:
        return
    shown = [tuple(map(escape, row)) for row in rows[:_SHOWN]]
    title = f"Refused ({total:,}; the first {_SHOWN})" if total > _SHOWN else f"Refused ({total:,})"
    show_table(title, ("part", "reason", "what to do"), shown)


def _show_days(adapters: Adapters, file: InputFile[ReportSource]) -> bool:
    """Where the runs of a file that a source names go; whether any has a day."""
    read = read_report_file(adapters.workspace.folder, file, "", adapters.warehouse.read_object)
    undated = [letter for letter in read.letters if letter["error_type"] == "undated"]
    days = sorted(read.reading.days)
    shown = ", ".join(map(str, days[:_SHOWN])) + (f" and {len(days) - _SHOWN} more" if len(days) > _SHOWN else "")
    console.print(f"Named by files = {escape(repr(file.source.files))} of {file.source.repository}.")
    if days:
        console.print(f"{counted(len(days), 'day')}: {shown}.")
    if undated:
        told = f"[yellow]{counted(len(undated), 'run')} refused:[/] {escape(undated[0]['error'])}"
        console.print(f"{told}\n{escape(undated[0]['remedy'])}")
    return bool(read.runs)


def _show_what_is_needed(adapters: Adapters | None, path: Path, reading: ReportReading) -> None:
    """The section of muse.toml that would name a file which none does yet."""
    undated = sum(run.ts is None for run in reading.measurements)
    console.print("[yellow]No source of muse.toml names this file;[/] this one would:\n" if adapters else "Name it:\n")
    lines = ["[[reports]]", f"files = {json.dumps(_shown(adapters, path), ensure_ascii=False)}"]
    lines += ['dated_by = "git"   # or a pattern with (?P<ts>...) over its path'] if undated else []
    console.print(escape("\n".join(lines)), soft_wrap=True)
    if undated:
        told = "1 run states no time" if undated == 1 else f"{undated:,} runs state no time"
        console.print(f"\n[yellow]{told}:[/] without a source that dates it, a run is refused.")


def _shown(adapters: Adapters | None, path: Path) -> str:
    """A path as muse.toml would have it."""
    whole = path.resolve()
    if adapters and whole.is_relative_to(adapters.workspace.folder):
        return whole.relative_to(adapters.workspace.folder).as_posix()
    return whole.as_posix()


@dataclass(frozen=True, slots=True)
class _Sample:
    """What the engine makes of an event file: rows of each day, the first events, the refused lines."""

    counts: dict[date, int]
    rows: list[Row]
    refused: RefusedLines


def _explain_events(adapters: Adapters, file: InputFile[EventSource]) -> bool:
    fields = file.source.fields
    console.print(f"[bold]{file.source.format}[/] events of {file.source.repository}\n")
    named = ("ts", "event_type", "event_id", "session", "actor", "commit", "latency", "user_agent", "metadata")
    mapping = [(name, " else ".join(getattr(fields, name)) or "– (null)") for name in named]
    show_table("Mapping", ("column", "field of the event"), [(name, escape(path)) for name, path in mapping])
    inspected = inspect_events(file.path, file.shown, file.size_bytes, file.source.known_format)
    sample = _sample(adapters, file, inspected)
    total = sum(sample.counts.values())
    console.print(f"{counted(total, 'event')} of {counted(len(sample.counts), 'day')}.\n")
    header = ("ts", "event_type", "latency_ms", "session", "commit_sha")
    show_table("The first events", header, [_event(row) for row in sample.rows])
    letters = refused_letters(inspected, sample.refused)
    _show_refused([(one.item, one.reason, one.remedy) for one, _, _ in letters], sample.refused.total)
    return bool(sample.counts)


def _sample(adapters: Adapters, file: InputFile[EventSource], inspected: Inspected) -> _Sample:
    columns = event_columns(file.source.fields, adapters.workspace.secrets.hash_key)
    with (
        without_writing(adapters) as looking,
        looking.warehouse.load_days("ui_events") as load,
        engine_readable(inspected) as readable,
    ):
        load.add(readable, columns, *_ANY_DAY)
        counts = load.rows_by_file().get(file.shown, {})
        return _Sample(dict(counts), load.sample(_SHOWN), load.refused(readable[0], columns, _SHOWN))


def _event(row: Row) -> tuple[Any, ...]:
    session = ("derived" if row["session_derived"] else "stated") if row["session_id"] else None
    at = f"{row['ts']:%Y-%m-%d %H:%M:%S}"
    return (at, escape(row["event_type"]), row["latency_ms"], session, (row["commit_sha"] or "–")[:7])


def _explain_foreign_events(adapters: Adapters | None, path: Path, names: list[str]) -> bool:
    """A file that looks like events of a known format, which no source names."""
    known = event_format(names[0])
    none_does = "No source of muse.toml names this file; this one would:" if adapters else "Name them in muse.toml:"
    console.print(f"[bold]Events: {escape(known.title)}[/]. {none_does}\n")
    files = json.dumps(_shown(adapters, path), ensure_ascii=False)
    console.print(escape(f'[[events]]\nfiles = {files}\nformat = "{known.name}"\n'), soft_wrap=True)
    if others := ", ".join(names[1:]):
        console.print(f"It could also be {others}.\n")
    console.print(Markdown(known.documentation))
    return True


def _first_document(path: Path) -> object:
    """The first JSON text of a file, None when there is none at its beginning."""
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            text = stream.read(_HEAD)
        try:
            return json.loads(text)
        except ValueError:
            return json.loads(text.lstrip().partition(b"\n")[0])
    except (ValueError, OSError, EOFError, RecursionError):
        return None
