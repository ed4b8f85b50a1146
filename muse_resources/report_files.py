"""Report files: read, dated, and turned into rows or refusals."""

import errno
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.formats.registry import read_report
from muse_domain.intake import FileReading
from muse_domain.measurements import (
    METRIC_COLUMNS,
    Measurement,
    Refusal,
    ReportReading,
    ReportRefused,
    environment_fingerprint,
    file_sha256,
    run_id,
)
from muse_domain.ports import Row
from muse_domain.settings import ReportSource
from muse_resources.file_ledger import dead_letter
from muse_resources.git_command import GitError, git_text
from muse_resources.input_files import InputFile, path_within, storable, unreadable

# Larger files are refused before they are read: a report is a summary, not a trace.
LARGEST_REPORT_BYTES = 256 * 1024 * 1024

_YEAR_2100 = 4_102_444_800


@dataclass(slots=True)
class ReadReport:
    """One report file as it was read: rows of two tables, what was refused, and the reading to keep."""

    reading: FileReading
    runs: list[Row] = field(default_factory=list)
    metrics: list[Row] = field(default_factory=list)
    letters: list[Row] = field(default_factory=list)


def read_report_file(
    folder: Path, file: InputFile[ReportSource], reader: str, fetch: Callable[[str], bytes]
) -> ReadReport:
    """Read one file, an object of a store through `fetch`. Whatever is wrong becomes a dead letter, no exception."""
    sha256, reading, aside = _decode(file, fetch)
    runs, metrics, undated = _rows(folder, file, sha256, reading)
    aside += [*(_SetAside(refusal, "refused_part") for refusal in reading.refusals), *undated]
    reading_kept = FileReading(
        path=file.shown,
        sha256=sha256,
        reader=reader,
        size_bytes=file.size_bytes,
        modified_ns=file.modified_ns,
        days=dict(Counter(run["day"] for run in runs)),
        refused=len(aside),
        # A file that could not be opened may be open tomorrow, and git may know it by then.
        again=bool({one.kind for one in aside} & _passing(file.source)),
    )
    return ReadReport(reading_kept, runs, metrics, [_letter(file, sha256, one) for one in aside])


@dataclass(frozen=True, slots=True)
class _SetAside:
    """A file, or a part of one, that gave no row: why, and which kind of refusal that is."""

    refusal: Refusal
    kind: str


def _letter(file: InputFile[ReportSource], sha256: str, aside: _SetAside) -> Row:
    ts = datetime.fromtimestamp(file.modified_ns // 1_000_000_000, UTC)
    size = file.size_bytes
    return dead_letter("bench_runs", file.shown, aside.refusal, aside.kind, sha256=sha256, size_bytes=size, ts=ts)


def _decode(file: InputFile[ReportSource], fetch: Callable[[str], bytes]) -> tuple[str, ReportReading, list[_SetAside]]:
    """The hash of a file, what it states, and why it states nothing; no hash when it could not be opened."""
    nothing = ReportReading("", ())
    try:
        data = _read(file, fetch)
    except OSError as error:
        return "", nothing, [_SetAside(unreadable(f"cannot be read: {error.strerror}."), "unreadable")]
    except (TransientFailure, PermanentFailure) as error:
        return "", nothing, [_SetAside(unreadable(f"cannot be fetched: {error}."), "unreadable")]
    sha256 = file_sha256(data)
    try:
        return sha256, read_report(file.shown, data), []
    except ReportRefused as error:
        return sha256, nothing, [_SetAside(Refusal("", error.reason, error.remedy), "refused_report")]


def _rows(
    folder: Path, file: InputFile[ReportSource], sha256: str, reading: ReportReading
) -> tuple[list[Row], list[Row], list[_SetAside]]:
    """Rows of `bench_runs` and of their metrics, and the runs that no day can be found for."""
    runs: list[Row] = []
    metrics: list[Row] = []
    undated: list[_SetAside] = []
    date_run = _dating(folder, file.path, file.source)
    for measurement in reading.measurements:
        dated = date_run(measurement)
        if isinstance(dated, Refusal):
            undated.append(_SetAside(dated, "undated"))
            continue
        run = _run_row(measurement, dated, file.source, file.shown, sha256, reading.format)
        runs.append(run)
        metrics += _metric_rows(measurement, run)
    return runs, metrics, undated


def _passing(source: ReportSource) -> set[str]:
    """The kinds of refusal that the same bytes may not meet next time."""
    return {"unreadable", "undated"} if source.dated_by == "git" else {"unreadable"}


@cache
def report_reader(source: ReportSource) -> str:
    """A hash of all that decides how a file of this source is read: the readers' code and the source's settings."""
    return hashlib.sha256(f"{_readers_sha256()}\0{source.model_dump_json(exclude={'files'})}".encode()).hexdigest()


@cache
def _readers_sha256() -> str:
    package = files("muse_domain")
    modules = [package / "measurements.py", package / "quality.py", *(package / "formats").iterdir()]
    modules.append(files("muse_resources") / "report_files.py")
    digest = hashlib.sha256()
    for module in sorted((one for one in modules if one.name.endswith(".py")), key=lambda one: one.name):
        digest.update(f"{module.name}\0".encode() + module.read_bytes())
    return digest.hexdigest()


def _read(file: InputFile[ReportSource], fetch: Callable[[str], bytes]) -> bytes:
    if file.size_bytes > LARGEST_REPORT_BYTES:
        raise OSError(errno.EFBIG, f"larger than {LARGEST_REPORT_BYTES // 1024**2} MiB")
    if file.stored is None:
        return file.path.read_bytes()
    data = fetch(file.stored.url)
    if file.size_bytes and not data:
        raise OSError(errno.ENOENT, "the object is not there any more")
    return data


@dataclass(frozen=True, slots=True)
class _Dated:
    ts: datetime
    ts_source: str
    commit_sha: str | None


def _dating(folder: Path, path: Path, source: ReportSource) -> Callable[[Measurement], _Dated | Refusal]:
    """How the runs of one file are dated; its git history is asked at most once."""
    # Where the workspace itself lies says nothing about when a report was measured.
    within = path_within(folder, path) or path.as_posix()
    stated = re.search(source.pattern, storable(within)) if source.pattern else None
    groups: Mapping[str, str | None] = stated.groupdict() if stated else {}
    committed_at = cache(partial(_last_commit_time, path)) if source.dated_by == "git" else _never
    return lambda measurement: _date(measurement, groups, committed_at)


def _never() -> None:
    """When a file was committed whose source is not dated by git."""


def _date(
    measurement: Measurement, groups: Mapping[str, str | None], committed_at: Callable[[], datetime | None]
) -> _Dated | Refusal:
    """The report's own time and commit, else what the source says of its path, else its git history."""
    commit = measurement.commit_sha or groups.get("commit")
    if measurement.ts is not None:
        if not _is_storable(measurement.ts):
            reason = "the report states a time outside 1970 to 2100."
            return Refusal(measurement.benchmark, reason, "Correct it at its source, then ingest the report again.")
        return _Dated(measurement.ts, "report", commit)
    if text := groups.get("ts"):
        ts = _parse_instant(text)
        if ts is None or not _is_storable(ts):
            return Refusal(measurement.benchmark, f"the path's ts {text!r} is not a time.", "Mend reports.pattern.")
        return _Dated(ts, "path", commit)
    if ts := committed_at():
        return _Dated(ts, "git", commit)
    return Refusal(
        measurement.benchmark,
        "the report states no time, and nothing else dates it.",
        'In muse.toml, give its source a pattern with (?P<ts>...), or dated_by = "git".',
    )


def _parse_instant(text: str) -> datetime | None:
    try:
        ts = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ts if ts.tzinfo else ts.replace(tzinfo=UTC)


def _is_storable(ts: datetime) -> bool:
    """Whether an instant is one of a measurement: a day beyond what the tables hold would stop every other file."""
    return 0 < ts.timestamp() < _YEAR_2100


def _last_commit_time(path: Path) -> datetime | None:
    """When the file was last committed; None outside of git, and for what was changed since: no commit knows it."""
    try:
        if git_text(path.parent, "status", "--porcelain", "--", path.name):
            return None
        seconds = git_text(path.parent, "log", "-1", "--no-show-signature", "--format=%ct", "--", path.name)
    except GitError:
        return None
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None


def _run_row(
    measurement: Measurement, dated: _Dated, source: ReportSource, shown: str, sha256: str, report_format: str
) -> Row:
    values = {column: getattr(measurement, column) for column in METRIC_COLUMNS}
    ts = dated.ts.astimezone(UTC)
    return {
        "day": ts.date(),
        "ts": ts,
        "ts_source": dated.ts_source,
        "run_id": run_id(sha256, measurement),
        "repository": source.repository,
        "commit_sha": dated.commit_sha,
        "suite": measurement.suite,
        "benchmark": measurement.benchmark,
        "model": measurement.model,
        "quant": measurement.quant,
        "dataset": measurement.dataset,
        **values,
        "n_samples": measurement.n_samples,
        "environment_fingerprint": environment_fingerprint(measurement.environment),
        "environment": dict(measurement.environment),
        "quality": str(measurement.quality),
        "quality_reasons": list(measurement.quality_reasons),
        "null_reasons": dict(measurement.null_reasons),
        "source_format": report_format,
        "source_path": shown,
        "source_sha256": sha256,
    }


def _metric_rows(measurement: Measurement, run: Row) -> list[Row]:
    return [
        {
            **{key: run[key] for key in ("day", "ts", "run_id", "benchmark")},
            "metric": metric.name,
            "value": float(metric.value),
            "unit": metric.unit,
            "better": metric.better,
        }
        for metric in measurement.metrics
    ]
