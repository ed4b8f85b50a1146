"""Banterhearts system monitor."""

from collections.abc import Callable

from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality

Runs = Callable[[object], dict[str, Measurement]]


def sample(cpu: float) -> dict[str, object]:
    gpu = {
        "name": "RTX",
        "temperature": 50,
        "power_draw": 30.0,
        "utilization_gpu": 10,
        "memory_used_mb": 285.0,
    }
    return {"system": {"cpu_percent": cpu, "memory_percent": 70.0, "memory_used_gb": 10.7}, "gpu": [gpu]}


def test_load_of_a_machine_is_not_latency_or_peak_memory(runs_of: Runs) -> None:
    """No latency of 100/120/150 ms, and no memory made of percents."""
    report = {"export_timestamp": 1759275987.6, "metrics_count": 2, "metrics": [sample(10.0), sample(30.0)]}
    run = runs_of(report)["system/monitor"]
    assert all(getattr(run, column) is None for column in METRIC_COLUMNS)
    metrics = {m.name: (m.value, m.unit) for m in run.metrics}
    assert metrics["cpu_percent_mean"] == (20.0, "%")
    assert metrics["cpu_percent_max"] == (30.0, "%")
    assert metrics["gpu0_memory_used_mb_max"] == (285.0, "MB")
    assert run.environment == {"gpu_name": "RTX"}
    assert run.n_samples == 2 and run.quality is Quality.OK


def test_missing_samples_are_flagged(runs_of: Runs) -> None:
    """Fewer samples than the report says it has."""
    (run,) = runs_of({"metrics_count": 3, "metrics": [sample(1.0), None]}).values()
    assert run.quality_reasons == ("1 of 3 stated samples can be read", "only one sample")


def test_an_empty_monitor_is_quarantined(runs_of: Runs) -> None:
    """Nothing was seen."""
    (run,) = runs_of({"metrics_count": 0, "metrics": []}).values()
    assert run.quality is Quality.QUARANTINED


def test_averages_and_peaks_keep_their_names(runs_of: Runs) -> None:
    """The shape with a summary: each value is a metric, with the unit in its name."""
    (run,) = runs_of({"duration_minutes": 1.0, "system_metrics": {"memory_peak_percent": 85.3}}).values()
    assert [(m.name, m.value, m.unit) for m in run.metrics] == [("memory_peak_percent", 85.3, "%")]
    assert run.memory_peak_mb is None
