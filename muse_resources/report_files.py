"""Report files on disk: found by pattern, read, dated, and turned into rows or refusals."""

import errno
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from muse_domain.formats.registry import read_report
from muse_domain.measurements import (
    METRIC_COLUMNS,
    Measurement,
    Refusal,
    ReportRefused,
    environment_fingerprint,
    file_sha256,
    run_id,
)
from muse_domain.settings import ReportSource
from muse_resources.git_command import GitError, git_text

# Larger files are refused before they are read: a report is a summary, not a trace.
LARGEST_REPORT_BYTES = 256 * 1024 * 1024

Row = dict[str, Any]


@dataclass(slots=True)
class ReportIntake:
    """What all report files together gave: rows of three tables, and a hash over the inputs."""

    runs: list[Row] = field(default_factory=list)
    metrics: list[Row] = field(default_factory=list)
    dead_letters: list[Row] = field(default_factory=list)
    files: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    seen: dict[uuid.UUID, str] = field(default_factory=dict)

    def first_of(self, run: Row) -> str | None:
        """The path of the file that stated this run before; None, and noted, when this is the first."""
        first = self.seen.get(run["run_id"])
        self.seen.setdefault(run["run_id"], run["source_path"])
        return first

    @property
    def inputs_sha256(self) -> str:
        """Changes when any input's path or content does."""
        return str(self.digest.hexdigest())


def find_files(folder: Path, pattern: str) -> Iterator[Path]:
    """Regular files under `folder` (or an absolute pattern's root) that match, in a stable order."""
    absolute = Path(pattern).expanduser()
    if absolute.is_absolute():
        folder, pattern = Path(absolute.anchor), str(absolute.relative_to(absolute.anchor))
    for path in sorted(folder.glob(pattern)):
        if path.is_file():
            yield path


def take_in_reports(folder: Path, sources: Iterable[ReportSource]) -> ReportIntake:
    """Read every report file of every source. A file that two sources match belongs to the first."""
    intake = ReportIntake()
    seen: set[Path] = set()
    for source in sources:
        for path in find_files(folder, source.files):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                _take_in(intake, folder, path, source)
    return intake


def _take_in(intake: ReportIntake, folder: Path, path: Path, source: ReportSource) -> None:
    shown = _shown_path(folder, path)
    intake.files += 1
    sha256, size, written_at = "", 0, datetime.fromtimestamp(0, UTC)

    def set_aside(refusal: Refusal, kind: str) -> None:
        intake.dead_letters.append(_dead_letter(shown, sha256, size, written_at, refusal, kind))

    try:
        size, written_at = _size_and_time(path)
        data = _read(path, size)
        size, sha256 = len(data), file_sha256(data)
        intake.digest.update(f"{shown}\0{sha256}\n".encode())
        reading = read_report(path.name, data)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}."
        set_aside(Refusal("", reason, "Mend it, or leave it out of `files`."), "unreadable")
        return
    except ReportRefused as error:
        set_aside(Refusal("", error.reason, error.remedy), "refused_report")
        return
    for refusal in reading.refusals:
        set_aside(refusal, "refused_part")
    date_run = _dating(folder, path, source)
    for measurement in reading.measurements:
        dated = date_run(measurement)
        if isinstance(dated, Refusal):
            set_aside(dated, "undated")
            continue
        run = _run_row(measurement, dated, source, shown, sha256, reading.format)
        if first := intake.first_of(run):
            set_aside(Refusal(run["benchmark"], f"is a copy of {first}.", "Nothing: one is enough."), "duplicate")
            continue
        intake.runs.append(run)
        intake.metrics += _metric_rows(measurement, run)


def _size_and_time(path: Path) -> tuple[int, datetime]:
    status = path.stat()
    return status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)


def _read(path: Path, size: int) -> bytes:
    if size > LARGEST_REPORT_BYTES:
        raise OSError(errno.EFBIG, f"larger than {LARGEST_REPORT_BYTES // 1024**2} MiB")
    return path.read_bytes()


@dataclass(frozen=True, slots=True)
class _Dated:
    ts: datetime
    ts_source: str
    commit_sha: str | None


def _dating(folder: Path, path: Path, source: ReportSource) -> Callable[[Measurement], _Dated | Refusal]:
    """How the runs of one file are dated; its git history is asked at most once."""
    # Where the workspace itself lies says nothing about when a report was measured.
    within = path.relative_to(folder) if path.is_relative_to(folder) else path
    stated = re.search(source.pattern, within.as_posix()) if source.pattern else None
    groups: Mapping[str, str | None] = stated.groupdict() if stated else {}
    committed_at = cache(lambda: _last_commit_time(path) if source.dated_by == "git" else None)
    return lambda measurement: _date(measurement, groups, committed_at)


def _date(
    measurement: Measurement, groups: Mapping[str, str | None], committed_at: Callable[[], datetime | None]
) -> _Dated | Refusal:
    """The report's own time and commit, else what the source says of its path, else its git history."""
    commit = measurement.commit_sha or groups.get("commit")
    if measurement.ts is not None:
        return _Dated(measurement.ts, "report", commit)
    if text := groups.get("ts"):
        ts = _parse_instant(text)
        if ts is None:
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


def _last_commit_time(path: Path) -> datetime | None:
    """When the file was last committed; None outside of git."""
    try:
        seconds = git_text(path.parent, "log", "-1", "--no-show-signature", "--format=%ct", "--", path.name)
    except GitError:
        return None
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None


def _run_row(
    measurement: Measurement, dated: _Dated, source: ReportSource, shown: str, sha256: str, report_format: str
) -> Row:
    values = {column: getattr(measurement, column) for column in METRIC_COLUMNS}
    return {
        "day": dated.ts.astimezone(UTC).date(),
        "ts": dated.ts.astimezone(UTC),
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


def _dead_letter(path: str, sha256: str, size: int, ts: datetime, refusal: Refusal, kind: str) -> Row:
    return {
        "source": "bench_runs",
        "ts": ts,
        "operation": "ingest",
        "source_path": path,
        "source_sha256": sha256,
        "item": refusal.item,
        "size_bytes": size,
        "error_type": kind,
        "error": refusal.reason,
        "remedy": refusal.remedy,
    }


def _shown_path(folder: Path, path: Path) -> str:
    """Relative to the workspace where possible; never the name of a home folder."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return f"{path.parent.name}/{path.name}"


def rows_of_days(rows: Iterable[Row], days: Iterable[date]) -> list[Row]:
    """The rows whose day is among `days`."""
    wanted = set(days)
    return [row for row in rows if row["day"] in wanted]
