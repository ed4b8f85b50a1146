"""The series of a github-action-benchmark file; imports nothing but the standard library."""

import json
from pathlib import Path


def read_series(file: str) -> dict[str, list[float]]:
    """Values by benchmark, oldest first, of a github-action-benchmark file."""
    data = json.loads(Path(file).read_text(encoding="utf-8").split("=", 1)[1])
    series: dict[str, list[float]] = {}
    for run in data["entries"]["Benchmark"]:
        for bench in run["benches"]:
            series.setdefault(bench["name"], []).append(float(bench["value"]))
    return series
