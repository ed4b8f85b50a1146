"""Banterhearts test results."""

from collections.abc import Callable

from muse_domain.measurements import Measurement, Quality

Runs = Callable[[object], dict[str, Measurement]]


def report(*results: object) -> dict[str, object]:
    summary = {"avg_generation_time_ms": 1.0}
    return {"test_timestamp": 1759099000.35, "total_tests": 5, "results": list(results), "summary": summary}


def result(text: str = "four words of text", tokens: int = 4, **changes: object) -> dict[str, object]:
    stated = {
        "test_name": "Level Up",
        "generation_time_ms": 2000.0,
        "tokens": tokens,
        "tokens_per_second": 2.0,
    }
    return stated | {"banter_text": text, "success": True} | changes


def test_words_are_not_tokens(runs_of: Runs) -> None:
    """The suite counts the words of the text: they stay out of tokens_per_sec, with the reason."""
    run = runs_of(report(result()))["tests/Level Up"]
    assert run.tokens_per_sec is None
    assert "words" in run.null_reasons["tokens_per_sec"]
    assert {m.name: m.value for m in run.metrics} == {"words_generated": 4.0, "words_per_sec": 2.0}


def test_tokens_that_are_not_words_are_tokens(runs_of: Runs) -> None:
    """Where the count differs from the words, the report's word for it stands."""
    run = runs_of(report(result(tokens=7)))["tests/Level Up"]
    assert run.tokens_per_sec == 2.0


def test_one_call_has_no_percentile(runs_of: Runs) -> None:
    """A single time is a mean of one, flagged, and the summary's wrong average is not read."""
    run = runs_of(report(result()))["tests/Level Up"]
    assert run.latency_mean_ms == 2000.0 and run.n_samples == 1
    assert run.latency_p50_ms is None
    assert run.quality is Quality.FLAGGED


def test_failures_are_quarantined_and_the_others_stay(runs_of: Runs) -> None:
    """success=false, and the error that was stored as a generated text."""
    failed = result("Error generating banter: All connection attempts failed", test_name="B")
    runs = runs_of(report(result(), {"test_name": "A", "success": False, "error": "boom"}, failed, None))
    assert {name: run.quality for name, run in runs.items()} == {
        "tests/Level Up": Quality.FLAGGED,
        "tests/A": Quality.QUARANTINED,
        "tests/B": Quality.QUARANTINED,
    }
