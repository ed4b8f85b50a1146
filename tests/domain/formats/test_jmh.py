"""JMH's JSON."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from muse_domain.formats.registry import read_report
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality

Runs = Callable[[object], dict[str, Measurement]]

PERCENTILES = {"0.0": 240.5, "50.0": 250.0, "90.0": 255.0, "95.0": 258.5, "99.0": 259.5, "100.0": 260.5}


def entry(mode: str = "avgt", secondary: object = None, primary: object = None, **stated: object) -> dict[str, Any]:
    score = {
        "score": 250.5,
        "scoreError": 12.5,
        "scorePercentiles": PERCENTILES,
        "scoreUnit": "us/op",
        "rawData": [[245.5, 250.5], [251.5, 254.5]],
    }
    return {
        "jmhVersion": "1.37",
        "benchmark": "org.example.A.parse",
        "mode": mode,
        "threads": 1,
        "forks": 2,
        "jvm": "/home/jane/jdk/bin/java",
        "jvmArgs": ["-Xmx2g", "-Dkey=secret", "-XX:HeapDumpPath=/home/jane/dump", "-XX:+UseZGC"],
        "jdkVersion": "21.0.2",
        "vmName": "OpenJDK",
        "vmVersion": "21.0.2+13",
        "warmupIterations": 3,
        "warmupTime": "1 s",
        "warmupBatchSize": 1,
        "measurementIterations": 2,
        "measurementTime": "2 s",
        "measurementBatchSize": 1,
        "primaryMetric": score | (primary if isinstance(primary, dict) else {}),
        "secondaryMetrics": secondary or {},
    } | stated


def only(runs: dict[str, Measurement]) -> Measurement:
    (run,) = runs.values()
    return run


def test_a_time_an_operation_is_the_mean(runs_of: Runs) -> None:
    """Microseconds become milliseconds; a sample is an iteration, of each fork."""
    run = only(runs_of([entry()]))
    assert run.latency_mean_ms == 0.2505 and run.n_samples == 4
    assert [(m.name, m.value, m.unit) for m in run.metrics] == [("score_error_ms", 0.0125, "ms")]


def test_percentiles_of_iterations_are_none_of_calls(runs_of: Runs) -> None:
    """In the mode avgt an iteration is a mean of many calls."""
    run = only(runs_of([entry()]))
    assert run.latency_p50_ms is None and "mean of several calls" in run.null_reasons["latency_p99_ms"]
    assert (run.latency_min_ms, run.latency_max_ms) == (0.2405, 0.2605)


def test_sampled_calls_have_percentiles(runs_of: Runs) -> None:
    """The histogram says how many calls were sampled."""
    histogram = {"rawDataHistogram": [[[[240.5, 60], [250.0, 40]]], [[[260.5, 100]]]], "rawData": None}
    run = only(runs_of([entry(mode="sample", primary=histogram)]))
    assert (run.latency_p50_ms, run.latency_p95_ms, run.latency_p99_ms) == (0.25, 0.2585, 0.2595)
    assert run.n_samples == 200 and run.quality is Quality.OK


def test_a_call_below_the_clock_has_no_minimum(runs_of: Runs) -> None:
    """A clock of 100 ns states 0 for faster calls; the mean over many of them holds."""
    fast = {"score": 0.042, "scorePercentiles": {"0.0": 0.0, "50.0": 0.0, "95.0": 0.1, "99.0": 0.1, "100.0": 8.5}}
    run = only(runs_of([entry(mode="sample", primary=fast)]))
    assert run.latency_mean_ms == pytest.approx(4.2e-5)
    assert (run.latency_p95_ms, run.latency_max_ms) == (0.0001, 0.0085)
    assert run.latency_min_ms is None and "less than the clock" in run.null_reasons["latency_p50_ms"]
    assert run.quality is not Quality.QUARANTINED


def test_single_shots_are_calls_however_few(runs_of: Runs) -> None:
    """Their percentiles are stated, so they are kept and flagged."""
    run = only(runs_of([entry(mode="ss")]))
    assert run.latency_p99_ms == 0.2595
    assert "p99 stated from only 4 samples" in run.quality_reasons


def test_single_shots_of_several_threads_are_means(runs_of: Runs) -> None:
    """JMH averages them over the threads: the slowest call of a thread is in no sample."""
    run = only(runs_of([entry(mode="ss", threads=4)]))
    assert run.latency_mean_ms == 0.2505 and run.latency_p99_ms is None
    assert "mean of several calls" in run.null_reasons["latency_p99_ms"]


def test_a_throughput_is_no_latency(runs_of: Runs) -> None:
    """Operations a second, whatever the unit of the report, and higher is better."""
    run = only(runs_of([entry(mode="thrpt", primary={"scoreUnit": "ops/ms"})]))
    assert all(getattr(run, column) is None for column in METRIC_COLUMNS)
    assert [(m.name, m.value, m.unit, m.better) for m in run.metrics] == [
        ("throughput", 250500.0, "ops/s", "higher"),
        ("throughput_error", 12500.0, "ops/s", "none"),
    ]


def test_an_error_that_is_no_number_is_not_measured(runs_of: Runs) -> None:
    """JMH writes NaN as a text when there is but one sample."""
    run = only(runs_of([entry(primary={"scoreError": "NaN", "rawData": [[250.5]]})]))
    assert run.metrics == () and run.quality_reasons == ("only one sample",)


def test_a_score_that_is_no_number_is_quarantined(runs_of: Runs) -> None:
    """Even where a profiler measured something."""
    secondary = {"gc.count": {"score": 3.0, "scoreUnit": "counts"}}
    run = only(runs_of([entry(primary={"score": "NaN"}, secondary=secondary)]))
    assert run.quality is Quality.QUARANTINED and "the score is not a number" in run.quality_reasons


@pytest.mark.parametrize("score", [0, -3.5])
def test_a_throughput_of_nothing_is_quarantined(runs_of: Runs, score: float) -> None:
    """No operation completed in the time: no rate that another run could be compared with."""
    run = only(runs_of([entry(mode="thrpt", primary={"score": score, "scoreUnit": "ops/s"})]))
    assert (
        run.quality is Quality.QUARANTINED and f"the throughput is {score:g}: nothing completed" in run.quality_reasons
    )


@pytest.mark.parametrize(("unit", "seconds"), [("min", 60.0), ("hr", 3600.0), ("day", 86400.0)])
def test_long_units_are_times_too(runs_of: Runs, unit: str, seconds: float) -> None:
    """What `-tu m` and its like write."""
    time = only(runs_of([entry(mode="ss", primary={"score": 2.0, "scoreUnit": f"{unit}/op", "scorePercentiles": {}})]))
    assert time.latency_mean_ms == 2000 * seconds and time.quality is Quality.OK
    rate = only(runs_of([entry(mode="thrpt", primary={"score": 3 * seconds, "scoreUnit": f"ops/{unit}"})]))
    assert (rate.metrics[0].name, rate.metrics[0].value, rate.metrics[0].unit) == ("throughput", 3.0, "ops/s")


def test_an_unknown_unit_keeps_its_value_and_is_flagged(runs_of: Runs) -> None:
    """It is neither a time nor a throughput."""
    run = only(runs_of([entry(primary={"scoreUnit": "fortnights/op"})]))
    assert [(m.name, m.unit) for m in run.metrics] == [("score", "fortnights/op")]
    assert run.quality is Quality.FLAGGED and run.latency_mean_ms is None


def test_profilers_are_metrics_of_any_version(runs_of: Runs) -> None:
    """Older versions begin their names with a dot; less allocation is better."""
    secondary = {"·gc.alloc.rate.norm": {"score": 4096.5, "scoreUnit": "B/op"}, "cpi": {"score": "NaN"}}
    run = only(runs_of([entry(secondary=secondary)]))
    assert [(m.name, m.better) for m in run.metrics][1:] == [("gc.alloc.rate.norm", "lower")]


def test_modes_and_parameters_are_other_benchmarks(runs_of: Runs) -> None:
    """The same method in two modes measures two things."""
    runs = runs_of([entry(params={"size": "10"}), entry(mode="thrpt", primary={"scoreUnit": "ops/s"})])
    assert list(runs) == ["org.example.A.parse (avgt, size=10)", "org.example.A.parse (thrpt)"]


def test_numbers_of_threads_are_environments_of_one_benchmark() -> None:
    """All of a file are kept, each with an identity of its own."""
    reading = read_report("a.json", json.dumps([entry(threads=1), entry(threads=8)]).encode())
    assert [run.environment["threads"] for run in reading.measurements] == ["1", "8"]
    assert len({run.identity for run in reading.measurements}) == 2 and not reading.refusals


def test_the_environment_is_the_virtual_machine_and_the_procedure(runs_of: Runs) -> None:
    """Flags of the machine, neither paths nor properties."""
    run = only(runs_of([entry()]))
    assert run.environment == {
        "jmh_version": "1.37",
        "jdk_version": "21.0.2",
        "vm_name": "OpenJDK",
        "vm_version": "21.0.2+13",
        "threads": "1",
        "forks": "2",
        "warmup": "iterations 3, time 1 s, batch 1",
        "measurement": "iterations 2, time 2 s, batch 1",
        "jvm_flags": "-Xmx2g -XX:+UseZGC",
    }
    assert "jane" not in str(run) and "secret" not in str(run)


@pytest.mark.parametrize("data", [[[1]], [[[[1]]]], {"a": 1}, "x", [[[["a", -1]]]], None])
def test_raw_data_of_any_shape_gives_no_invented_number(runs_of: Runs, data: object) -> None:
    """What cannot be counted is not."""
    run = only(runs_of([entry(mode="sample", primary={"rawDataHistogram": data, "rawData": None})]))
    assert run.n_samples is None
