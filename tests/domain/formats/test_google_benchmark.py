"""Google Benchmark's JSON."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.formats.decoded import decode
from muse_domain.formats.google_benchmark import GoogleBenchmarkReport
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality, ReportReading

Runs = Callable[[object], dict[str, Measurement]]
COMMIT = "2f235c94515378acee701ee745671e2ae6f04fcb"


def row(name: str = "BM_A", **changes: Any) -> dict[str, object]:
    stated: dict[str, object] = {
        "name": name,
        "run_name": name,
        "run_type": "iteration",
        "repetitions": 1,
        "repetition_index": 0,
        "threads": 1,
        "iterations": 1000,
        "real_time": 250.0,
        "cpu_time": 240.0,
        "time_unit": "ns",
    }
    return stated | changes


def aggregate(kind: str, time: float, **changes: Any) -> dict[str, object]:
    found = row(run_type="aggregate", aggregate_name=kind, repetitions=3, iterations=3, real_time=time, **changes)
    del found["repetition_index"]
    return found | {"name": f"BM_A_{kind}"}


def repeated(*times: float, **changes: Any) -> list[dict[str, object]]:
    return [row(real_time=t, repetitions=len(times), repetition_index=i, **changes) for i, t in enumerate(times)]


def report(*rows: object, **context: Any) -> dict[str, Any]:
    stated = {
        "date": "2024-05-11T09:30:12+02:00",
        "host_name": "janes-laptop",
        "executable": "/home/jane/build/bench",
        "num_cpus": 8,
        "mhz_per_cpu": 3200,
        "cpu_scaling_enabled": False,
        "load_avg": [0.5],
        "library_build_type": "release",
    }
    return {"context": stated | context, "benchmarks": list(rows)}


def old(name: str, time: float) -> dict[str, object]:
    return {"name": name, "iterations": 10, "real_time": time, "cpu_time": time, "time_unit": "ns"}


@pytest.mark.parametrize(("unit", "factor"), [("ns", 1e-6), ("us", 1e-3), ("ms", 1.0), ("s", 1e3)])
def test_the_unit_of_each_row_counts(runs_of: Runs, unit: str, factor: float) -> None:
    """`time_unit` may differ from row to row."""
    (run,) = runs_of(report(row(time_unit=unit))).values()
    assert run.latency_mean_ms == pytest.approx(250 * factor)


def test_another_cpu_is_another_environment(runs_of: Runs) -> None:
    """The report states no model: machines of as many CPUs differ by their caches, not by the load or the clock."""

    def environment(size: int, **context: object) -> object:
        caches = [{"type": "Unified", "level": 3, "size": size, "num_sharing": 8}]
        (run,) = runs_of(report(row(), caches=caches, **context)).values()
        return run.environment

    assert environment(33554432) == environment(33554432, mhz_per_cpu=2900, load_avg=[7.5], host_name="other")
    assert environment(33554432) != environment(50331648)


@pytest.mark.parametrize("unit", ["fortnights", None, 3])
def test_an_unknown_unit_is_not_guessed(runs_of: Runs, unit: object) -> None:
    """The time is null with the reason."""
    (run,) = runs_of(report(row(time_unit=unit))).values()
    assert run.latency_mean_ms is None
    assert "unknown unit" in run.null_reasons["latency_mean_ms"]


def test_a_single_repetition_is_one_mean(runs_of: Runs) -> None:
    """The iterations are its samples; its percentiles and extremes are averaged away."""
    (run,) = runs_of(report(row())).values()
    assert (run.n_samples, run.quality) == (1000, Quality.OK)
    assert run.latency_p50_ms is run.latency_min_ms is run.latency_std_ms is None
    assert "mean of several calls" in run.null_reasons["latency_p50_ms"]


def test_repetitions_are_one_run(runs_of: Runs) -> None:
    """Each repetition is a sample, without percentiles: it is a mean itself."""
    runs = runs_of(report(*repeated(*range(200, 230))))
    assert list(runs) == ["BM_A"]
    assert runs["BM_A"].n_samples == 30
    assert runs["BM_A"].latency_max_ms == pytest.approx(229e-6)
    assert runs["BM_A"].latency_std_ms is not None
    assert runs["BM_A"].latency_p95_ms is None


def test_repetitions_of_one_iteration_are_calls(runs_of: Runs) -> None:
    """Then each time is that of one call, and percentiles are known."""
    (run,) = runs_of(report(*repeated(*range(200, 220), iterations=1))).values()
    assert run.latency_p50_ms == pytest.approx(209.5e-6)
    assert run.latency_p95_ms is not None and run.latency_p99_ms is None


def test_stated_aggregates_win(runs_of: Runs) -> None:
    """The mean and the deviation are the tool's; the median of means is no p50."""
    rows = (*repeated(200.0, 300.0, 400.0), aggregate("mean", 301.0), aggregate("median", 300.0))
    (run,) = runs_of(report(*rows, aggregate("stddev", 99.0), aggregate("cv", 0.33))).values()
    assert run.latency_mean_ms == pytest.approx(301e-6)
    assert run.latency_std_ms == pytest.approx(99e-6)
    assert run.latency_p50_ms is None
    assert {m.name: m.value for m in run.metrics}["real_time_median_ms"] == pytest.approx(300e-6)


def test_aggregates_alone_are_a_run(runs_of: Runs) -> None:
    """`--benchmark_report_aggregates_only` leaves out the repetitions, so their extremes are not known."""
    (run,) = runs_of(report(aggregate("mean", 300.0), aggregate("stddev", 9.0))).values()
    assert (run.benchmark, run.n_samples) == ("BM_A", 3)
    assert run.latency_mean_ms == pytest.approx(300e-6)
    assert run.latency_min_ms is None


def test_contradicting_aggregates_are_quarantined(runs_of: Runs) -> None:
    """A mean outside its repetitions cannot be theirs."""
    (run,) = runs_of(report(*repeated(200.0, 300.0), aggregate("mean", 400.0))).values()
    assert run.quality is Quality.QUARANTINED


def test_old_rows_have_only_names(runs_of: Runs) -> None:
    """Before 1.5.0 an aggregate is known by the end of its name, and never comes alone."""
    rows = [old("BM_A", 200.0), old("BM_A", 300.0), old("BM_A_mean", 250.0), old("BM_A_stddev", 70.0)]
    runs = runs_of(report(*rows, old("BM_B_mean", 5.0), date="2016-08-28 22:39:12"))
    assert set(runs) == {"BM_A", "BM_B_mean"}
    assert runs["BM_A"].n_samples == 2
    assert runs["BM_A"].latency_std_ms == pytest.approx(70e-6)


def test_missing_repetitions_are_flagged(runs_of: Runs) -> None:
    """Two of three are in the report."""
    (run,) = runs_of(report(*repeated(200.0, 300.0, 400.0)[:2])).values()
    assert run.quality_reasons == ("2 of 3 stated repetitions are in the report",)


def test_two_benchmarks_of_one_name_are_not_repetitions(runs_of: Runs) -> None:
    """The library allows it; the first is kept and the second is refused, as nothing tells them apart."""
    assert runs_of(report(row(), row(real_time=900.0)))["BM_A"].latency_mean_ms == pytest.approx(250e-6)
    families = report(row(family_index=0), row(family_index=1, real_time=900.0))
    assert runs_of(families)["BM_A"].n_samples == 1000


def test_a_failed_benchmark_is_quarantined(runs_of: Runs) -> None:
    """Its zero times are not read, its message is, without paths."""
    bad: dict[str, Any] = {
        "error_occurred": True,
        "error_message": "no /home/jane/data.bin",
        "real_time": 0.0,
        "iterations": 0,
    }
    (run,) = runs_of(report(row(**bad))).values()
    assert run.quality is Quality.QUARANTINED
    assert "failed: no <path>" in run.quality_reasons
    assert run.latency_mean_ms is None and run.null_reasons["latency_mean_ms"] == "nothing completed"


def test_a_skipped_benchmark_is_quarantined(runs_of: Runs) -> None:
    """It measured nothing."""
    (run,) = runs_of(report(row(skipped=True, skip_message="no AVX2", real_time=0.0))).values()
    assert run.quality is Quality.QUARANTINED and "skipped: no AVX2" in run.quality_reasons


def test_one_failed_repetition_spoils_the_run(runs_of: Runs) -> None:
    """What went wrong once may have gone wrong unseen."""
    rows = repeated(200.0, 300.0, 0.0)
    rows[2] |= {"error_occurred": True, "error_message": "timeout"}
    (run,) = runs_of(report(*rows)).values()
    assert (run.quality, run.n_samples) == (Quality.QUARANTINED, 2)
    assert run.latency_min_ms == pytest.approx(200e-6)


def test_a_debug_library_and_scaling_are_flagged(runs_of: Runs) -> None:
    """Such times are used with a warning."""
    (run,) = runs_of(report(row(), library_build_type="debug", cpu_scaling_enabled=True)).values()
    assert run.quality is Quality.FLAGGED and len(run.quality_reasons) == 2


def test_counters_and_rates_are_metrics_without_direction(runs_of: Runs) -> None:
    """Nobody said whether more of a counter is better, and rates tell the time again."""
    (run,) = runs_of(report(row(items_per_second=4e6, cache_misses=3.0, label="x", max_bytes_used=99))).values()
    found = {m.name: (m.value, m.unit, m.better) for m in run.metrics}
    assert found["items_per_second"] == (4e6, "items/s", "none")
    assert found["counter_cache_misses"] == (3.0, "not stated", "none")
    assert found["max_bytes_used"] == (99.0, "B", "lower")
    assert run.tokens_per_sec is None and run.memory_peak_mb is None


def test_a_counter_may_be_called_rms(runs_of: Runs) -> None:
    """It is a fit only where no time stands beside it."""
    assert list(runs_of(report(row(rms=0.5)))) == ["BM_A"]


def test_complexity_is_a_run_of_its_own(runs_of: Runs) -> None:
    """The coefficient of a fitted curve is no latency."""
    fit: dict[str, Any] = {
        "run_name": "BM_A",
        "run_type": "aggregate",
        "real_coefficient": 4.5,
        "big_o": "NlgN",
        "time_unit": "ns",
    }
    rms = {"name": "BM_A_RMS", "run_name": "BM_A", "run_type": "aggregate", "rms": 0.05}
    runs = runs_of(report(row("BM_A/8"), {"name": "BM_A_BigO", "aggregate_name": "BigO", **fit}, rms))
    assert set(runs) == {"BM_A/8", "BM_A complexity NlgN"}
    run = runs["BM_A complexity NlgN"]
    assert {m.name: m.value for m in run.metrics} == {"real_coefficient": 4.5, "rms": 0.05}
    assert all(getattr(run, column) is None for column in METRIC_COLUMNS)


def test_the_time_needs_an_offset(runs_of: Runs) -> None:
    """Before 1.5.2 the tool wrote local time without saying where."""
    (run,) = runs_of(report(row())).values()
    assert run.ts is not None and run.ts.isoformat() == "2024-05-11T07:30:12+00:00"
    (naive,) = runs_of(report(row(), date="2024-05-11 09:30:12")).values()
    assert naive.ts is None and naive.null_reasons["ts"] == "the report states a time without a zone"


def test_a_commit_may_stand_in_the_context(runs_of: Runs) -> None:
    """`--benchmark_context=git-commit=...` names it, unless two disagree."""
    (run,) = runs_of(report(row(), **{"git-commit": COMMIT})).values()
    assert run.commit_sha == COMMIT
    (two,) = runs_of(report(row(), commit=COMMIT, git_sha="0" * 40)).values()
    assert two.commit_sha is None and two.null_reasons["commit_sha"] == "the context states more than one commit"
    (short,) = runs_of(report(row(), commit="2f235c9")).values()
    assert short.null_reasons["commit_sha"] == "the report states no full commit hash"


def test_the_environment_is_what_matters_for_speed(runs_of: Runs) -> None:
    """Neither host, nor clock, nor load, nor folders."""
    (run,) = runs_of(report(row(threads=4), compiler="clang 18", user="jane")).values()
    assert run.environment == {
        "num_cpus": "8",
        "cpu_scaling_enabled": "false",
        "library_build_type": "release",
        "compiler": "clang 18",
        "executable": "bench",
        "threads": "4",
    }


def test_what_is_no_object_is_refused_alone() -> None:
    """The other benchmarks stay."""
    reading = GoogleBenchmarkReport().read("report", decode(b'{"context": {}, "benchmarks": [1, {"name": "a"}]}'))
    assert [run.benchmark for run in reading.measurements] == ["a"]
    assert [refusal.item for refusal in reading.refusals] == ["benchmark 1"]


@given(st.lists(st.floats(1e-3, 1e12), min_size=1, max_size=30), st.integers(1, 5))
def test_a_run_stays_within_its_repetitions(times: list[float], iterations: int) -> None:
    """Whatever was measured, every value of the run lies between the repetitions."""
    rows = repeated(*times, iterations=iterations)
    (benchmark,) = GoogleBenchmarkReport().read("report", decode(json.dumps(report(*rows)).encode())).measurements
    for column in METRIC_COLUMNS:
        value = getattr(benchmark, column)
        if value is not None and column != "latency_std_ms":
            assert min(times) / 1e6 * (1 - 1e-9) <= value <= max(times) / 1e6 * (1 + 1e-9)


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Two benchmarks of a public project, in local time."""
    reading = real_report("wp_benchmark_result.json")
    assert [(run.benchmark, run.n_samples) for run in reading.measurements] == [("fib_10", 4899250), ("fib_20", 38287)]
    first = reading.measurements[0]
    assert first.latency_mean_ms == pytest.approx(1.3470733684167854e-4)
    assert first.ts is None and first.quality is Quality.OK
    assert "wangpeng" not in str(reading)
