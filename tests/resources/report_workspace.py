"""A workspace that holds reports, and the reports that the tests put into it."""

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from muse_domain.ports import StoredObject
from muse_domain.settings import ReportSource, parse_settings
from muse_resources.input_files import list_inputs
from muse_resources.report_files import ReadReport, read_report_file, report_reader
from muse_resources.workspace import Secrets, Workspace

REPORTED = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)
WRITTEN = datetime(2026, 9, 5, 12, tzinfo=UTC)
COMMITTED = datetime(2026, 9, 3, 8, tzinfo=UTC)

Content = Mapping[str, Any] | bytes


class ReportWorkspace:
    """A folder with reports, whose settings are given by every call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "reports").mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: Content, *, at: datetime = WRITTEN) -> Path:
        """Write a report, last written at a fixed time."""
        path = self.folder / "reports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def configured(self, *sources: ReportSource, files: str = "reports/**/*", **options: Any) -> Workspace:
        """The workspace as its settings would make it; `options` are those of its only source."""
        return Workspace(self.folder, settings_of(*(sources or [ReportSource(files=files, **options)])), Secrets())

    def read(self, *sources: ReportSource, **options: Any) -> list[ReadReport]:
        """Every file as it reads, in the order in which they are found."""
        workspace = self.configured(*sources, **options)
        found = list_inputs(workspace.folder, workspace.settings.reports, _no_objects).files.values()
        return [read_report_file(workspace.folder, file, report_reader(file.source), _no_object) for file in found]

    def read_one(self, **options: Any) -> ReadReport:
        """The only file as it reads."""
        [report] = self.read(**options)
        return report

    def git(self, *arguments: str, at: datetime = COMMITTED) -> None:
        """Run git in the folder, committing at a fixed time."""
        parts = [f"{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
        identity = {f"GIT_{part}": "someone@else" for part in parts}
        committed = f"{int(at.timestamp())} +0000"
        isolated = {**os.environ, **identity, "GIT_COMMITTER_DATE": committed, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *arguments], cwd=self.folder, env=isolated, check=True, capture_output=True)

    def commit_all(self, *, at: datetime = COMMITTED) -> None:
        """Commit all files as they are."""
        if not (self.folder / ".git").exists():
            self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "reports", at=at)


def _no_objects(pattern: str) -> list[StoredObject]:
    """The tests of files have no store of objects."""
    raise AssertionError(f"nobody asked for {pattern}")


def _no_object(url: str) -> bytes:
    raise AssertionError(f"nobody asked for {url}")


def settings_of(*sources: ReportSource) -> Any:
    """Settings with these sources of reports and nothing else."""
    return parse_settings(
        {
            "muse": {"start_date": "2026-08-01"},
            "repositories": {"hearts": {"path": "hearts"}, "packs": {"path": "packs"}},
            "reports": [source.model_dump() for source in sources],
        }
    )


def dated(name: str = "parse", mean_ms: float = 0.796, at: datetime = REPORTED) -> dict[str, Any]:
    """A report of one run that states its time."""
    timing = {"samples": 30, "mean_ms": mean_ms, "p50_ms": mean_ms, "stdev_ms": 0.01}
    return {
        "benchmark_name": name,
        "timestamp": int(at.timestamp()),
        "timing": timing,
        "environment": {"os": "Linux"},
    }


def compiled(backend: str = "jit") -> dict[str, Any]:
    """A report of one run with a further value, the time of its compilation."""
    times = {"mean_time_ms": 2.5, "std_time_ms": 0.5, "min_time_ms": 1.5, "max_time_ms": 3.5}
    return {
        "generated_at": REPORTED.isoformat(),
        "model": {"name": "mlp", "batch_size": 4},
        "settings": {"runs": 10},
        "backends": {backend: {"compilation": {"success": True, "compile_time_s": 0.25}, "benchmark": times}},
    }


def undated(*runs: str, mean_ms: float = 1.0) -> dict[str, Any]:
    """A report of several runs that states no time."""
    timing = {"mean_time_ms": mean_ms, "std_time_ms": 0.1, "min_time_ms": 0.5, "max_time_ms": 2.0}
    return {"attention": dict.fromkeys(runs or ("torch",), timing), "tensor_core": {}, "fusion": {}}


def history(*entries: datetime) -> bytes:
    """The `data.js` of github-action-benchmark: a file that grows by an entry with every commit."""
    made = [
        {
            "commit": {"id": f"{number:040x}", "timestamp": at.isoformat()},
            "date": int(at.timestamp() * 1000),
            "tool": "go",
            "benches": [{"name": "BenchmarkA", "value": 400.5 + number, "unit": "ns/op", "extra": "58 times\n4 procs"}],
        }
        for number, at in enumerate(entries, start=1)
    ]
    document = {"lastUpdate": int(max(entries).timestamp() * 1000), "entries": {"Benchmark": made}}
    return b"window.BENCHMARK_DATA = " + json.dumps(document).encode()
