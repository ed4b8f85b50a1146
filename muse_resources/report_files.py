"""Report files on disk: found by pattern, read, dated, and turned into rows or refusals."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
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

    @property
    def inputs_sha256(self) -> str:
        """Changes when any input's path or content does."""
        return str(self.digest.hexdigest())


def find_files(folder: Path, pattern: str) -> Iterator[Path]:
    """Regular files under `folder` (or an absolute pattern's root) that match, in a stable order."""
    absolute = Path(pattern)
    root, relative = (Path(absolute.anchor), str(absolute.relative_to(absolute.anchor))) if absolute.is_absolute() else (folder, pattern)  # noqa: E501
    for path in sorted(root.glob(relative)):
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
    _refuse_duplicates(intake)
    return intake


def _take_in(intake: ReportIntake, folder: Path, path: Path, source: ReportSource) -> None:
    shown = _shown_path(folder, path)
    intake.files += 1
    try:
        written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        data = _read(path)
    except OSError as error:
        refusal = Refusal("", f"cannot be read: {error.strerror}.", "Mend its rights, or leave it out of `files`.")
        intake.dead_letters.append(_dead_letter(shown, "", 0, datetime.fromtimestamp(0, UTC), refusal, "unreadable"))
        return
    sha256 = file_sha256(data)
    intake.digest.update(f"{shown}\0{sha256}\n".encode())
    try:
        reading = read_report(path.name, data)
    except ReportRefused as error:
        refusal = Refusal("", error.reason, error.remedy)
        intake.dead_letters.append(_dead_letter(shown, sha256, len(data), written_at, refusal, "refused_report"))
        return
    for refusal in reading.refusals:
        intake.dead_letters.append(_dead_letter(shown, sha256, len(data), written_at, refusal, "refused_part"))
    for measurement in reading.measurements:
        dated = _date(measurement, path, source)
        if isinstance(dated, Refusal):
            intake.dead_letters.append(_dead_letter(shown, sha256, len(data), written_at, dated, "undated"))
            continue
        run = _run_row(measurement, dated, source, shown, sha256, reading.format)
        intake.runs.append(run)
        intake.metrics += _metric_rows(measurement, run)


def _read(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_REPORT_BYTES:
        raise OSError(27, f"larger than {LARGEST_REPORT_BYTES // 1024**2} MiB")
    return path.read_bytes()


@dataclass(frozen=True, slots=True)
class _Dated:
    ts: datetime
    ts_source: str
    commit_sha: str | None


def _date(measurement: Measurement, path: Path, source: ReportSource) -> _Dated | Refusal:
    """The report's own time and commit, else what the source says of its path, else its git history."""
    stated = re.search(source.pattern, path.as_posix()) if source.pattern else None
    groups: Mapping[str, str | None] = stated.groupdict() if stated else {}
    commit = measurement.commit_sha or groups.get("commit")
    if measurement.ts is not None:
        return _Dated(measurement.ts, "report", commit)
    if text := groups.get("ts"):
        ts = _parse_instant(text)
        if ts is None:
            return Refusal(measurement.benchmark, f"the path's ts {text!r} is not a time.", "Mend reports.pattern.")
        return _Dated(ts, "path", commit)
    if source.dated_by == "git" and (ts := _last_commit_time(path)):
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
        seconds = git_text(path.parent, "log", "-1", "--format=%ct", "--", path.name)
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


def _refuse_duplicates(intake: ReportIntake) -> None:
    """The same bytes under two names are one measurement: the later copy is set aside."""
    kept: dict[Any, Row] = {}
    for run in intake.runs:
        first = kept.setdefault(run["run_id"], run)
        if first is not run and first["source_path"] != run["source_path"]:
            refusal = Refusal(run["benchmark"], f"is a copy of {first['source_path']}.", "Nothing: one is enough.")
            intake.dead_letters.append(
                _dead_letter(run["source_path"], run["source_sha256"], 0, run["ts"], refusal, "duplicate")
            )
    if len(kept) < len(intake.runs):
        intake.runs = list(kept.values())
        unique = {(row["run_id"], row["metric"]): row for row in intake.metrics}
        intake.metrics = list(unique.values())


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
