"""Banterhearts prompt suite of one model."""

from collections.abc import Callable

import pytest

from muse_domain.measurements import Measurement, Quality, ReportReading

Runs = Callable[[object], dict[str, Measurement]]


def request(ttft_s: float = 0.125, load_s: float = 0.1, **changes: object) -> dict[str, object]:
    stated = {"prompt": "secret text", "ttft_s": ttft_s, "load_s": load_s, "tokens_s": 100.0}
    return stated | {"eval_s": 2.0, "eval_count": 200} | changes


def test_time_to_first_token_is_not_the_latency(runs_of: Runs) -> None:
    """The latency columns are null with the reason; the times are metrics under their own names."""
    run = runs_of({"model": "gemma3:latest", "results": [request() for _ in range(5)]})["prompts/gemma3:latest"]
    assert run.latency_mean_ms is None and run.latency_p50_ms is None
    assert "time to first token" in run.null_reasons["latency_p50_ms"]
    metrics = {m.name: (m.value, m.unit) for m in run.metrics}
    assert metrics["ttft_p50_ms"] == (125.0, "ms")
    assert "ttft_p95_ms" not in metrics
    assert run.tokens_per_sec == 100.0


def test_a_cold_start_is_flagged_and_kept(runs_of: Runs) -> None:
    """The first request loads the model: it stays in the mean, and the run says so."""
    results = [request(2.3, 2.0), *(request() for _ in range(4))]
    (run,) = runs_of({"model": "m", "results": results}).values()
    assert run.quality is Quality.FLAGGED
    assert run.quality_reasons[0].startswith("cold start")
    assert {m.name: m.value for m in run.metrics}["ttft_mean_ms"] == pytest.approx(560.0)


def test_a_failed_request_never_enters_a_mean(runs_of: Runs) -> None:
    """Its zeros are a failure, not a very fast answer."""
    results = [request(), request(0.0, 0.0, tokens_s=0.0, eval_count=0), request()]
    (run,) = runs_of({"model": "m", "results": results}).values()
    assert run.tokens_per_sec == 100.0
    assert run.n_samples == 2
    assert run.quality is Quality.FLAGGED
    assert {m.name: m.value for m in run.metrics}["requests_failed"] == 1.0


def test_texts_of_prompts_are_not_kept(runs_of: Runs) -> None:
    """Only the number of a prompt is."""
    assert "secret" not in str(runs_of({"model": "m", "results": [request()]}))


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Five prompts, the first of them cold; neither time nor commit."""
    (run,) = real_report("gemma3_baseline.json").measurements
    assert run.model == "gemma3:latest" and run.quant is None
    assert run.ts is None and run.commit_sha is None
    assert run.n_samples == 5
    assert run.quality is Quality.FLAGGED
    metrics = {m.name: m.value for m in run.metrics}
    assert metrics["prompt_1_ttft_ms"] == 2326.0788
    assert metrics["ttft_p50_ms"] == pytest.approx(129.4317)
    assert metrics["tokens_generated"] == 2868
