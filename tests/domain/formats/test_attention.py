"""Banterhearts attention reports."""

from collections.abc import Callable

from muse_domain.measurements import Measurement, Quality

Runs = Callable[[object], dict[str, Measurement]]

REPORT = {
    "generated_at": "2025-10-07T00:09:42.055207",
    "model": {"name": "llama", "device": "cpu"},
    "attention_configs": {"mqa": {"mechanism": "mqa", "num_heads": 8}},
    "performance_results": {
        "mqa": {
            "mean_time_ms": 15.0,
            "std_time_ms": 1.5,
            "min_time_ms": 12.0,
            "max_time_ms": 18.0,
            "throughput_tokens_per_sec": 66.66666666666667,
            "memory_used_mb": 500.0,
        }
    },
}


def test_a_rate_of_calls_is_not_tokens(runs_of: Runs) -> None:
    """1000 / mean time counts calls: it stays out of tokens_per_sec, with the reason."""
    run = runs_of(REPORT)["attention/mqa (num_heads=8)"]
    assert run.tokens_per_sec is None
    assert "rate of calls" in run.null_reasons["tokens_per_sec"]
    assert run.latency_mean_ms == 15.0


def test_memory_in_use_is_not_the_peak(runs_of: Runs) -> None:
    """It is a metric of its own."""
    run = runs_of(REPORT)["attention/mqa (num_heads=8)"]
    assert run.memory_peak_mb is None
    assert [(m.name, m.value, m.unit) for m in run.metrics] == [("memory_used_mb", 500.0, "MB")]


def test_a_time_without_zone_is_null(runs_of: Runs) -> None:
    """The generator writes local time without a zone."""
    run = runs_of(REPORT)["attention/mqa (num_heads=8)"]
    assert run.ts is None
    assert run.null_reasons["ts"] == "the report states a time without a zone"


def test_the_generated_sample_is_quarantined(runs_of: Runs) -> None:
    """Invented numbers never reach an episode."""
    (run,) = runs_of(REPORT | {"environment": {"pytorch_version": "2.0+", "device": "cpu"}}).values()
    assert run.quality is Quality.QUARANTINED
    assert run.environment == {"device": "cpu"}
