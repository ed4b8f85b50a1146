"""Metrics of the Chimera Rust agents."""

from collections.abc import Callable

import pytest

from muse_domain.measurements import Measurement, Quality

Runs = Callable[[object], dict[str, Measurement]]


def call(total: float = 15000.0, load: float = 200.0) -> dict[str, float]:
    return {"total_duration_ms": total, "load_duration_ms": load, "ttft_ms": 400.0}


def agent(calls: list[dict[str, float]] | None = None, rate: float = 97.8, **changes: object) -> dict[str, object]:
    totals = {"average_tokens_per_second": rate, "average_ttft_ms": 398.5, "total_duration_ms": 99999.0}
    return {
        "aggregate_metrics": totals | {"total_tokens_generated": 7419, "stddev_ttft": 38.1},
        "configuration": {"num_ctx": 512, "temperature": 0.800000011920929},
        "individual_runs": calls or [],
        "model": "gemma3:latest",
        "system_info": {"arch": "x86_64", "hostname": "JaneDoe", "os": "windows", "rust_version": "1.90.0"},
        "timestamp": "2025-11-10T04:42:34.196263800Z",
    } | changes


def test_latency_comes_from_the_calls(runs_of: Runs) -> None:
    """The total is a mean in one version of the agent and a sum in another, so it is not used."""
    calls = [call(float(total)) for total in (15000, 15100, 15200, 15300, 15400)]
    run = runs_of({"baseline": agent(calls)})["rust_agent/baseline (num_ctx=512, temperature=0.8)"]
    assert run.latency_mean_ms == 15200.0 and run.latency_p50_ms == 15200.0
    assert run.latency_p95_ms is None
    assert run.n_samples == 5
    assert run.ts is not None and run.ts.year == 2025


def test_without_calls_there_is_no_latency(runs_of: Runs) -> None:
    """Null, with the reason."""
    (run,) = runs_of({"baseline": agent()}).values()
    assert run.latency_mean_ms is None
    assert "mean or a sum" in run.null_reasons["latency_mean_ms"]


def test_calls_of_the_newer_agent_are_read(runs_of: Runs) -> None:
    """They stand one level deeper, beside the texts, which are not kept."""
    calls = [{"metrics": call(100.0), "prompt": "secret"}, {"metrics": call(300.0), "response": "secret"}]
    (run,) = runs_of({"chimera": agent(llm_calls=calls)}).values()
    assert run.latency_mean_ms == 200.0
    assert "secret" not in str(run)


def test_zero_tokens_in_real_time_are_quarantined(runs_of: Runs) -> None:
    """A parse failure that was stored as a measurement."""
    (run,) = runs_of({"baseline": agent([call()], rate=0.0)}).values()
    assert run.quality is Quality.QUARANTINED


def test_the_name_of_the_host_is_not_kept(runs_of: Runs) -> None:
    """It names a person, and says nothing about what was measured."""
    (run,) = runs_of({"baseline": agent()}).values()
    assert run.environment == {"arch": "x86_64", "os": "windows", "rust_version": "1.90.0"}
    assert "Jane" not in str(run)


def test_a_time_to_first_token_that_is_the_whole_is_not_one(runs_of: Runs) -> None:
    """The first version did not stream."""
    totals = {"average_ttft_ms": 6368.7, "total_duration_ms": 6368.7, "average_tokens_per_second": 34.7}
    (run,) = runs_of({"baseline": agent(aggregate_metrics=totals)}).values()
    assert "ttft_mean_ms" not in [m.name for m in run.metrics]
    assert run.quality is Quality.FLAGGED


@pytest.mark.parametrize(("runs", "reason"), [(3, "1 of 3 stated runs"), (1, "only one sample")])
def test_missing_runs_are_flagged(runs_of: Runs, runs: int, reason: str) -> None:
    """Fewer calls than runs, or one alone."""
    (run,) = runs_of({"baseline": agent([call()], runs=runs)}).values()
    assert any(reason in said for said in run.quality_reasons)


def test_a_cold_start_is_flagged(runs_of: Runs) -> None:
    """The first call loaded the model."""
    (run,) = runs_of({"chimera": agent([call(load=3759.0), call(), call()])}).values()
    assert run.quality_reasons[0].startswith("cold start")


def test_two_agents_at_work_together_are_two_runs(runs_of: Runs) -> None:
    """The result of each stands under its own key."""
    runs = runs_of({"collector": {"result": agent()}, "insight": {"result": agent()}, "summary": {}})
    assert [name.split()[0] for name in runs] == ["rust_agent/collector", "rust_agent/insight"]


def test_beside_another_agent_is_another_benchmark(runs_of: Runs) -> None:
    """Both may have the same configuration in two scenarios, and share the card with another load in each."""
    names = [
        list(runs_of({"collector": agent([call()]), "insight": agent([call()]), "scenario": scenario}))
        for scenario in ("baseline_vs_chimera", "chimera_homo")
    ]
    assert names[0][1] == "rust_agent/insight (num_ctx=512, scenario=baseline_vs_chimera, temperature=0.8)"
    assert not set(names[0]) & set(names[1])
