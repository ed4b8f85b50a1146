"""Banterhearts inference reports."""

from collections.abc import Callable

from muse_domain.measurements import Measurement, Quality

Runs = Callable[[object], dict[str, Measurement]]


def report(times: list[object], **summary: float) -> dict[str, object]:
    stated = {
        "average_time_ms": 2500.0,
        "min_time_ms": 2400.0,
        "max_time_ms": 2600.0,
        "tokens_per_second": 320.0,
    }
    return {
        "model": {"name": "llama", "seq_len": 512},
        "generation_times": times,
        "total_tokens": 4000,
        "performance_summary": stated | summary,
    }


TIMES: list[object] = [2500.0, 2400.0, 2600.0, 2550.0, 2450.0]


def test_five_samples_give_a_median_and_no_tail(runs_of: Runs) -> None:
    """p95 is neither the maximum nor 1.2 times the mean."""
    run = runs_of(report(TIMES))["inference/llama (seq_len=512)"]
    assert run.latency_p50_ms == 2500.0
    assert run.latency_p95_ms is None and run.latency_p99_ms is None
    assert run.null_reasons["latency_p95_ms"] == "5 samples are too few: 20 are needed"
    assert run.tokens_per_sec == 320.0


def test_a_summary_that_contradicts_its_samples_is_quarantined(runs_of: Runs) -> None:
    """The stated values are kept, and the contradiction is told."""
    (run,) = runs_of(report(TIMES, average_time_ms=100.0)).values()
    assert run.latency_mean_ms == 100.0
    assert run.quality is Quality.QUARANTINED


def test_lost_samples_are_flagged(runs_of: Runs) -> None:
    """A sample that is no number is counted, not guessed."""
    (run,) = runs_of(report([*TIMES, None])).values()
    assert run.quality is Quality.FLAGGED
    assert run.n_samples == 5


def test_no_samples_are_quarantined(runs_of: Runs) -> None:
    """Nothing completed."""
    (run,) = runs_of(report([])).values()
    assert run.quality is Quality.QUARANTINED
