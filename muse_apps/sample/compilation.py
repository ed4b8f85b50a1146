"""Banterhearts compilation reports: one small network under four compilers, once a day."""

import json
import statistics
from datetime import datetime

from muse_apps.sample.draws import Draws
from muse_apps.sample.engine import machine_info
from muse_apps.sample.plan import FAILED_BACKEND, FAILED_BACKEND_DAY, environment_factor

RUNS = 10
RUN_NOISE = 0.015
SAMPLE_NOISE = 0.05

# Backend: how it names its compiler (None: it has none), its level in ms, its compile time in seconds.
BACKENDS: dict[str, tuple[str | None, float, float]] = {
    "eager": (None, 3.81, 0.0),
    "jit": ("torchscript", 3.42, 0.099),
    "torch_compile": ("torch.compile", 2.87, 12.9),
    "onnx": ("onnx", 0.693, 0.131),
}


def compilation_report(run: datetime, written_at: datetime) -> str:
    """The day's report; on one planned day a backend failed and says so."""
    report = {
        "generated_at": written_at.isoformat(),
        "model": {
            "name": "sample-conv",
            "device": "cpu",
            "dtype": "torch.float32",
            "batch_size": 4,
            "channels": 3,
            "height": 128,
            "width": 128,
        },
        "settings": {"runs": RUNS, "warmup_runs": 3, "backends": list(BACKENDS)},
        "environment": _environment(run),
        "backends": {name: _backend(name, run) for name in BACKENDS},
    }
    return json.dumps(report, indent=2) + "\n"


def _environment(run: datetime) -> dict[str, object]:
    machine = machine_info(run)
    return {
        "os": machine["system"],
        "os_version": machine["release"],
        "python_version": machine["python_version"],
        "torch_version": "2.4.0+cpu",
        "cuda_available": False,
    }


def _backend(name: str, run: datetime) -> dict[str, object]:
    compiler, level_ms, compile_s = BACKENDS[name]
    draws = Draws("compilation", name, run)
    has_failed = (run.date(), name) == (FAILED_BACKEND_DAY, FAILED_BACKEND)
    took_s = round(compile_s * draws.noise(0.04), 6)
    level = level_ms * environment_factor(run) * draws.noise(RUN_NOISE)
    samples = [0.0] * RUNS if has_failed else [round(level * draws.noise(SAMPLE_NOISE), 6) for _ in range(RUNS)]
    return {
        "backend": name,
        "compilation": _compilation(compiler, took_s, has_failed) if compiler else None,
        "benchmark": _timing(name, samples, took_s),
    }


def _compilation(compiler: str, took_s: float, has_failed: bool) -> dict[str, object]:
    return {
        "backend": compiler,
        "success": not has_failed,
        "compile_time_s": took_s,
        "metadata": {},
        "error": "BackendCompilerFailed: no C++ compiler found" if has_failed else None,
    }


def _timing(name: str, samples: list[float], took_s: float) -> dict[str, object]:
    return {
        "backend": name,
        "mean_time_ms": statistics.fmean(samples),
        "std_time_ms": statistics.stdev(samples),
        "min_time_ms": min(samples),
        "max_time_ms": max(samples),
        "metadata": {"compile_time_s": took_s},
    }
