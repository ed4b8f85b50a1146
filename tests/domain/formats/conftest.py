"""Real reports of public projects, when the shared folder with them lies beside the repository."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from muse_domain.formats.registry import read_report
from muse_domain.measurements import Measurement, ReportReading

_REPORTS = Path(__file__).parents[3].parent / "shared" / "data" / "reports"


@pytest.fixture
def real_report() -> Callable[[str], ReportReading]:
    """Reads a real report by its file name; skips the test when the folder is absent."""

    def read(name: str) -> ReportReading:
        path = _REPORTS / name
        if not path.is_file():
            pytest.skip(f"no real reports beside the repository: {name} is not there")
        return read_report(name, path.read_bytes())

    return read


@pytest.fixture
def runs_of() -> Callable[[object], dict[str, Measurement]]:
    """The runs of a literal report, by benchmark."""

    def read(report: object) -> dict[str, Measurement]:
        data = report.encode() if isinstance(report, str) else json.dumps(report).encode()
        return {run.benchmark: run for run in read_report("report", data).measurements}

    return read
