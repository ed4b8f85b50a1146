"""Banterhearts compilation reports."""

from collections.abc import Callable

import pytest

from muse_domain.measurements import Measurement, Quality, ReportReading

Runs = Callable[[object], dict[str, Measurement]]


def backend(**times: object) -> dict[str, object]:
    return {"backend": "x", "compilation": None, "benchmark": times}


def report(**backends: object) -> dict[str, object]:
    return {
        "generated_at": "2025-10-02T21:08:57+00:00",
        "model": {"name": "mlp", "device": "cuda", "batch_size": 4},
        "settings": {"runs": 10},
        "backends": backends,
    }


SOUND = {"mean_time_ms": 0.796, "std_time_ms": 0.03, "min_time_ms": 0.75, "max_time_ms": 0.85}


def test_a_mean_is_a_mean_and_stays_exact(runs_of: Runs) -> None:
    """0.796 ms stays 0.796, and a mean does not become a percentile."""
    run = runs_of(report(eager=backend(**SOUND)))["compilation/mlp/eager (batch_size=4)"]
    assert run.latency_mean_ms == 0.796
    assert (run.latency_p50_ms, run.latency_p95_ms, run.latency_p99_ms) == (None, None, None)
    assert run.null_reasons["latency_p95_ms"] == "the report states only the mean of 10 runs"
    assert run.tokens_per_sec is None
    assert run.environment == {"device": "cuda"}
    assert run.quality is Quality.OK


def test_a_failed_backend_is_quarantined_and_the_others_stay(runs_of: Runs) -> None:
    """A backend that did not compile has a mean of 0.0: it is kept, told, and never the fastest."""
    zeros = dict.fromkeys(SOUND, 0.0)
    failed = {
        "compilation": {
            "success": False,
            "compile_time_s": None,
            "error": "no triton in C:\\Users\\jane\\lib",
        },
        "benchmark": zeros,
    }
    runs = runs_of(report(eager=backend(**SOUND), torch_compile=failed))
    broken = runs["compilation/mlp/torch_compile (batch_size=4)"]
    assert broken.quality is Quality.QUARANTINED
    assert "no triton" in broken.quality_reasons[0]
    assert "jane" not in str(broken)
    assert runs["compilation/mlp/eager (batch_size=4)"].quality is Quality.OK


def test_the_impossible_sample_is_quarantined(runs_of: Runs) -> None:
    """A mean of 4.9 ms between 21.7 and 30.2 cannot be true."""
    run = runs_of(report(jit=backend(mean_time_ms=4.9, min_time_ms=21.7, max_time_ms=30.2, std_time_ms=2.2)))
    assert [r.quality for r in run.values()] == [Quality.QUARANTINED]


def test_a_generated_report_is_quarantined(runs_of: Runs) -> None:
    """An environment of "3.9+" was written by a generator, not by a measurement."""
    made_up = report(eager=backend(**SOUND)) | {"environment": {"python_version": "3.9+"}}
    (run,) = runs_of(made_up).values()
    assert run.quality is Quality.QUARANTINED
    assert "placeholder" in run.quality_reasons[0]


def test_one_bad_backend_does_not_drop_the_others(runs_of: Runs) -> None:
    """A backend without values is refused, the others are read."""
    assert len(runs_of(report(eager=backend(**SOUND), jit=7))) == 1


def test_a_value_that_is_no_number_is_null_with_its_reason(runs_of: Runs) -> None:
    """Neither NaN nor a text becomes a number."""
    (run,) = runs_of(report(eager=backend(**{**SOUND, "mean_time_ms": "0.7", "std_time_ms": float("nan")}))).values()
    assert run.latency_mean_ms is None
    assert run.null_reasons["latency_mean_ms"] == "the report states mean_time_ms without a usable number"
    assert run.latency_std_ms is None


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Four backends of a convolution on a CPU, with their time and without a commit."""
    runs = {run.benchmark.split()[0]: run for run in real_report("compilation_conv_cpu.json").measurements}
    assert set(runs) == {f"compilation/conv/{name}" for name in ("eager", "jit", "torch_compile", "onnx")}
    assert all(run.quality is Quality.OK and run.n_samples == 10 for run in runs.values())
    onnx = runs["compilation/conv/onnx"]
    assert onnx.latency_mean_ms == 0.692900000467489
    assert onnx.ts is not None and onnx.ts.isoformat() == "2025-10-02T21:08:57.892899+00:00"
    assert onnx.commit_sha is None
    assert [(m.name, m.unit, m.better) for m in onnx.metrics] == [("compile_time_ms", "ms", "lower")]
    assert onnx.metrics[0].value == pytest.approx(131.257)
    assert "sahil" not in str(runs).lower()
