"""pytest-benchmark reports of the engine, with statistics really taken from drawn rounds."""

import json
import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from muse_apps.sample.commits import Commit
from muse_apps.sample.draws import Draws
from muse_apps.sample.plan import (
    BENCHMARKS,
    ENVIRONMENT_CHANGE,
    OUTLIERS,
    Benchmark,
    Format,
    environment_factor,
    shift_factor,
)

ROUNDS = 60
FORMAT: Format = "pytest-benchmark"
OPTIONS = {
    "disable_gc": False,
    "timer": "perf_counter",
    "min_rounds": ROUNDS,
    "max_time": 1.0,
    "min_time": 5e-06,
    "warmup": True,
}


def engine_report(run: datetime, written_at: datetime, commit: Commit) -> str:
    """The report of one run, as `pytest --benchmark-json` writes it."""
    report = {
        "machine_info": machine_info(run),
        "commit_info": _commit_info(commit),
        "benchmarks": [_result(benchmark, run) for benchmark in BENCHMARKS],
        "datetime": written_at.isoformat(),
        "version": "5.1.0",
    }
    return json.dumps(report, indent=4) + "\n"


def machine_info(run: datetime) -> Mapping[str, Any]:
    """The machine under the runner at that time."""
    return _machine("after" if run >= ENVIRONMENT_CHANGE.at else "before")


def run_noise(benchmark: Benchmark, run: datetime) -> float:
    """The level of this run beside that of its neighbours: the machine's mood, as a factor."""
    return Draws("engine level", benchmark.name, run).noise(benchmark.run_noise)


@cache
def _machine(name: str) -> Mapping[str, Any]:
    text = files("muse_apps.sample").joinpath("data", f"machine_{name}.json").read_text("utf-8")
    machine: Mapping[str, Any] = json.loads(text)
    return machine


def _commit_info(commit: Commit) -> dict[str, object]:
    at = commit.at.isoformat()
    return {
        "id": commit.sha,
        "time": at,
        "author_time": at,
        "dirty": False,
        "project": "hearts",
        "branch": "main",
    }


def _result(benchmark: Benchmark, run: datetime) -> dict[str, object]:
    return {
        "group": "engine",
        "name": benchmark.name,
        "fullname": f"benchmarks/bench_engine.py::{benchmark.name}",
        "params": None,
        "param": None,
        "extra_info": {},
        "options": OPTIONS,
        "stats": round_statistics(_rounds(benchmark, run)),
    }


def _rounds(benchmark: Benchmark, run: datetime) -> list[float]:
    draws = Draws("engine rounds", benchmark.name, run)
    level, jitter = _level_s(benchmark, run), benchmark.level_s
    # More work moves the level, not the jitter of the machine around it. The clock counts nanoseconds.
    quiet = [level + jitter * (draws.noise(benchmark.round_noise) - 1.0) for _ in range(ROUNDS)]
    return [round(seconds * _disturbance(draws), 9) for seconds in quiet]


def _disturbance(draws: Draws) -> float:
    # One round in forty meets something else on the machine.
    return draws.between(1.15, 1.6) if draws.share() < 1 / 40 else 1.0


def _level_s(benchmark: Benchmark, run: datetime) -> float:
    planted = environment_factor(run) * shift_factor(FORMAT, benchmark.name, run) * OUTLIERS.get(run, 1.0)
    return benchmark.level_s * planted * run_noise(benchmark, run)


def round_statistics(rounds: list[float]) -> dict[str, object]:
    """The statistics that pytest-benchmark 5 gives for an even number of rounds, in seconds."""
    data = sorted(rounds)
    half = len(data) // 2
    q1, q3 = statistics.median(data[:half]), statistics.median(data[half:])
    mean, stddev = statistics.fmean(data), statistics.stdev(data)
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    iqr_outliers = _outside(data, low, high)
    stddev_outliers = _outside(data, mean - stddev, mean + stddev)
    return {
        "min": data[0],
        "max": data[-1],
        "mean": mean,
        "stddev": stddev,
        "rounds": len(data),
        "median": statistics.median(data),
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": iqr_outliers,
        "stddev_outliers": stddev_outliers,
        "outliers": f"{stddev_outliers};{iqr_outliers}",
        "ld15iqr": data[bisect_left(data, low)],
        "hd15iqr": data[min(bisect_right(data, high), len(data) - 1)],
        "ops": 1 / mean,
        "total": math.fsum(data),
        "iterations": 1,
    }


def _outside(data: list[float], low: float, high: float) -> int:
    return sum(1 for value in data if not low <= value <= high)
