"""Small report files, as benchmark tools of four kinds write them."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20260921
FIRST = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = 30
# hyperfine states no time: it stands in the name of the file.
PATTERN = r"(?P<ts>\d{8}T\d{4})-\w+-(?P<commit>[0-9a-f]{40})"


def write_reports(folder: Path, count: int) -> None:
    """`count` reports of 2 to 3 KB under `folder`, of thirty days, in turn of each kind."""
    draws = random.Random(SEED)
    kinds = list(_KINDS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        ts = FIRST + timedelta(days=DAYS * number / count)
        commit = f"{draws.getrandbits(160):040x}"
        day = folder / f"{ts:%Y-%m-%d}"
        day.mkdir(parents=True, exist_ok=True)
        text = json.dumps(make(draws, number, ts, commit), indent=2)
        (day / f"{ts:%Y%m%dT%H%M}-{kind}-{commit}.json").write_text(text, "utf-8")


def _hyperfine(draws: random.Random, number: int, ts: datetime, commit: str) -> object:
    return {"results": [_timed_command(draws, f"scan --level {level} {number % 50}") for level in (1, 2)]}


def _timed_command(draws: random.Random, command: str) -> object:
    times = [draws.gauss(0.31, 0.01) for _ in range(20)]
    return {
        "command": command,
        **_summary(times),
        "user": draws.gauss(0.2, 0.01),
        "system": draws.gauss(0.05, 0.001),
        "times": times,
        "exit_codes": [0] * len(times),
    }


def _summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    mean = sum(times) / len(times)
    return {
        "mean": mean,
        "stddev": (sum((time - mean) ** 2 for time in times) / (len(times) - 1)) ** 0.5,
        "median": (ordered[(len(times) - 1) // 2] + ordered[len(times) // 2]) / 2,
        "min": ordered[0],
        "max": ordered[-1],
    }


def _pytest_benchmark(draws: random.Random, number: int, ts: datetime, commit: str) -> object:
    cpu = {"arch": "X86_64", "bits": 64, "count": 8, "brand_raw": "Xeon 8370C", "hz_actual": [2793438000, 0]}
    return {
        "machine_info": {
            "node": f"runner-{number % 9}",
            "processor": "x86_64",
            "machine": "x86_64",
            "system": "Linux",
            "release": "6.5.0-1025",
            "python_implementation": "CPython",
            "python_version": "3.11.9",
            "cpu": cpu,
        },
        "commit_info": {"id": commit, "time": ts.isoformat(), "dirty": False, "branch": "main"},
        "benchmarks": [_round_trip(draws, name) for name in ("read", "write")],
        "datetime": ts.isoformat(),
        "version": "4.0.0",
    }


def _round_trip(draws: random.Random, name: str) -> object:
    times = [draws.gauss(0.0025, 0.0001) for _ in range(40)]
    return {
        "group": None,
        "name": f"test_{name}",
        "fullname": f"tests/test_store.py::test_{name}",
        "params": None,
        "extra_info": {},
        "options": {"disable_gc": False, "timer": "perf_counter", "min_rounds": 5, "warmup": False},
        "stats": {**_summary(times), "rounds": len(times), "iqr": 0.0001, "ops": 400.0, "iterations": 1},
    }


def _google_benchmark(draws: random.Random, number: int, ts: datetime, commit: str) -> object:
    return {
        "context": {
            "date": ts.isoformat(),
            "host_name": f"build-{number % 9}",
            "executable": "./build/queue_bench",
            "num_cpus": 8,
            "mhz_per_cpu": 3200,
            "cpu_scaling_enabled": False,
            "caches": [{"type": "Data", "level": 1, "size": 32768, "num_sharing": 2}],
            "load_avg": [0.41, 0.5, 0.47],
            "library_build_type": "release",
            "git_commit": commit,
        },
        "benchmarks": [_iteration(draws, f"BM_Push/{8 << power}", power) for power in range(5)],
    }


def _iteration(draws: random.Random, name: str, instance: int) -> object:
    return {
        "name": name,
        "family_index": 0,
        "per_family_instance_index": instance,
        "run_name": name,
        "run_type": "iteration",
        "repetitions": 1,
        "repetition_index": 0,
        "threads": 1,
        "iterations": draws.randrange(40_000, 3_000_000),
        "real_time": draws.gauss(255.0, 5.0),
        "cpu_time": draws.gauss(250.0, 5.0),
        "time_unit": "ns",
    }


def _banterhearts(draws: random.Random, number: int, ts: datetime, commit: str) -> object:
    times = [draws.gauss(148.0, 9.0) for _ in range(60)]
    return {
        "generated_at": ts.isoformat(),
        "model": {"name": "llama-3-8b", "layers": 32, "precision": "fp16", "device": "cuda"},
        "environment": {"python_version": "3.11.9", "torch_version": "2.3.1", "gpu_name": "A10", "os": "Linux"},
        "scenarios": [f"prompt {index}" for index in range(12)],
        "generation_times": times,
        "total_tokens": 7_680,
        "performance_summary": {
            "average_time_ms": sum(times) / len(times),
            "min_time_ms": min(times),
            "max_time_ms": max(times),
            "tokens_per_second": 1000 * 128 / (sum(times) / len(times)),
        },
    }


_Maker = Callable[[random.Random, int, datetime, str], object]
_KINDS: dict[str, _Maker] = {
    "hyperfine": _hyperfine,
    "pytest": _pytest_benchmark,
    "google": _google_benchmark,
    "banterhearts": _banterhearts,
}
