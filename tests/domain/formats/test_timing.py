"""Banterhearts timing reports, of one run and of several."""

from collections.abc import Callable

from muse_domain.measurements import Measurement, Quality, ReportReading

Runs = Callable[[object], dict[str, Measurement]]


def several(**changes: object) -> dict[str, object]:
    runs = [
        {"samples": 30, "p50_ms": 10.4, "p95_ms": 10.7, "p99_ms": 10.9, "mean_ms": mean, "stdev_ms": 0.2}
        for mean in (10.4, 10.5)
    ]
    return {
        "test_name": "inference_baseline",
        "runs": 2,
        "samples_per_run": 30,
        "timing_stats": {
            "overall_mean_ms": 10.45,
            "overall_stdev_ms": 0.07,
            "run_results": runs,
            "latency_percentiles": {"p50": 10.4, "p95": 10.5, "p99": 10.5},
        },
        "timestamp": 1759253480.3455892,
    } | changes


def test_percentiles_of_run_means_are_not_percentiles(runs_of: Runs) -> None:
    """The p95 of five means is no p95 of the samples: null, and those of each run are metrics."""
    run = runs_of(several())["timing/inference_baseline"]
    assert run.latency_mean_ms == 10.45
    assert run.latency_p95_ms is None and run.latency_std_ms is None
    assert "run means" in run.null_reasons["latency_p95_ms"]
    metrics = {m.name: m.value for m in run.metrics}
    assert metrics["run_mean_stdev_ms"] == 0.07
    assert metrics["run_2_p95_ms"] == 10.7
    assert run.n_samples == 60


def test_missing_runs_and_samples_are_flagged(runs_of: Runs) -> None:
    """Fewer than the report says were planned."""
    (run,) = runs_of(several(runs=5, samples_per_run=50)).values()
    assert run.quality is Quality.FLAGGED
    assert len(run.quality_reasons) == 2


def test_a_timing_without_numbers_is_quarantined(runs_of: Runs) -> None:
    """Nothing measured is nothing to use."""
    (run,) = runs_of({"benchmark_name": "x", "timing": {}}).values()
    assert run.quality is Quality.QUARANTINED


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Its p95 and p99 come from ten samples: kept, and flagged with that number."""
    (run,) = real_report("demo_inference_timing.json").measurements
    assert run.latency_p95_ms == 0.08060000254772604
    assert run.quality is Quality.FLAGGED
    assert run.quality_reasons == ("p95 stated from only 10 samples", "p99 stated from only 10 samples")
    assert run.ts is not None and run.ts.isoformat() == "2025-09-30T01:50:58+00:00"
    assert run.environment["os_release"] == "10"
    assert run.environment["gpu_name"] == "NVIDIA GeForce RTX 4080 Laptop GPU"
