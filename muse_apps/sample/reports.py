"""Every report file of the sample: the runs as planned, and the three that must be refused."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from muse_apps.sample.commits import Commit, newest_before
from muse_apps.sample.compilation import compilation_report
from muse_apps.sample.draws import Draws
from muse_apps.sample.engine import engine_report
from muse_apps.sample.ollama import ollama_report
from muse_apps.sample.plan import (
    DAYS,
    FAILED_BACKEND,
    FAILED_BACKEND_DAY,
    TRUNCATED_REPORT_RUN,
    UNKNOWN_FORMAT_DAY,
    runs_of,
)
from muse_apps.sample.truth import Refused


def write_reports(workspace: Path, hearts: Sequence[Commit]) -> tuple[Refused, ...]:
    """Write `reports/<day>/...` into the workspace; returns what must not become a fact."""
    for day in DAYS:
        (workspace / "reports" / day.isoformat()).mkdir(parents=True)
        for path, text in _reports_of(day, hearts):
            (workspace / path).write_text(text, "utf-8")
    return _refused(hearts)


def engine_path(run: datetime) -> str:
    """Where the run's pytest-benchmark report lies; the report names its own commit."""
    return f"reports/{run:%Y-%m-%d}/{run:%H%M}-engine.json"


def compilation_path(day: date, hearts: Sequence[Commit]) -> str:
    """Where the day's compilation report lies."""
    return _named_by_commit(_compilation_run(day), "compilation", "json", hearts)


def _reports_of(day: date, hearts: Sequence[Commit]) -> Iterator[tuple[str, str]]:
    for run in runs_of(day):
        commit, written_at = newest_before(hearts, run), _written_at(run)
        yield engine_path(run), _cut(engine_report(run, written_at, commit), run)
        ollama_at = written_at + timedelta(minutes=3)
        yield _named_by_commit(run, "ollama", "csv", hearts), ollama_report(run, ollama_at)
    compilation_at = _written_at(_compilation_run(day)) + timedelta(minutes=9)
    yield compilation_path(day, hearts), compilation_report(_compilation_run(day), compilation_at)
    if day == UNKNOWN_FORMAT_DAY:
        yield _build_log_path(), _build_log()


def _named_by_commit(run: datetime, suite: str, ending: str, hearts: Sequence[Commit]) -> str:
    # Neither format states a commit: the path does, and `pattern` in muse.toml reads it.
    sha = newest_before(hearts, run).sha
    return f"reports/{run:%Y-%m-%d}/{run:%H%M}-{suite}-{sha}.{ending}"


def _written_at(run: datetime) -> datetime:
    return run + timedelta(microseconds=Draws("run jitter", run).whole(9_000_000, 48_000_000))


def _compilation_run(day: date) -> datetime:
    return list(runs_of(day))[1]


def _cut(text: str, run: datetime) -> str:
    # As a runner leaves it that is stopped while it writes.
    return text[: len(text) * 3 // 5] if run == TRUNCATED_REPORT_RUN else text


def _build_log_path() -> str:
    return f"reports/{UNKNOWN_FORMAT_DAY.isoformat()}/build-log.json"


def _build_log() -> str:
    steps = [{"step": "configure", "seconds": 4.1}, {"step": "compile", "seconds": 71.8}]
    return json.dumps({"build": "sample-nightly", "steps": steps, "warnings": 3, "result": "ok"}, indent=2) + "\n"


def _refused(hearts: Sequence[Commit]) -> tuple[Refused, ...]:
    failed = compilation_path(FAILED_BACKEND_DAY, hearts)
    return (
        Refused(engine_path(TRUNCATED_REPORT_RUN), "truncated", "", "the JSON ends in the middle"),
        Refused(_build_log_path(), "unknown_format", "", "a build log, not a benchmark report"),
        Refused(failed, "failed_backend", FAILED_BACKEND, "success is false and every time is zero"),
    )
