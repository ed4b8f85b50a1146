"""airspeed velocity's results."""

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.formats.registry import read_report
from muse_domain.measurements import Measurement, Quality, ReportRefused
from tests.domain.formats.test_registry import assert_sound, json_values, paths, read_or_refuse

Runs = Callable[[object], dict[str, Measurement]]
COMMIT = "05d283b9694ed6db6e3f2df3f21d832e78bded7f"
COLUMNS = (
    "result params version started_at duration stats_ci_99_a stats_ci_99_b stats_q_25 stats_q_75 "
    "stats_number stats_repeat samples profile"
).split()


def report(results: dict[str, Any], **stated: object) -> dict[str, Any]:
    return {
        "commit_hash": COMMIT,
        "date": 1386688801000,
        "params": {
            "machine": "janes-laptop",
            "arch": "x86_64",
            "cpu": "Xeon",
            "num_cpu": "4",
            "os": "Linux 5.15.0-1033-azure",
            "ram": "16323904",
        },
        "python": "3.11",
        "requirements": {"numpy": "1.26", "cython": ""},
        "result_columns": COLUMNS,
        "results": results,
        "version": 2,
    } | stated


def row(result: object, params: object = (), number: int = 4, samples: object = None) -> list[object]:
    spread = [[0.01]] * 4
    return [result, params, "a" * 64, 1700000100500, 4.25, *spread, [number], [10], samples]


def version_1(results: dict[str, object], **stated: object) -> dict[str, Any]:
    older = report(results, version=1, **stated)
    del older["result_columns"]
    return older


VERSION_1 = version_1(
    {
        "a.time_x": 0.0125,
        "a.time_y": {
            "params": [["1", "2"]],
            "result": [0.5, None],
            "stats": [{"ci_99": [0.4, 0.6], "q_25": 0.45, "q_75": 0.55, "number": 1, "repeat": 5}, None],
            "samples": None,
        },
    },
    started_at={"a.time_x": 1700000100500},
)


def only(runs: dict[str, Measurement]) -> Measurement:
    (run,) = runs.values()
    return run


def test_a_time_is_the_median_in_seconds(runs_of: Runs) -> None:
    """asv keeps the median of the samples; it is no mean."""
    run = only(runs_of(report({"a.time_x": row([0.0125])})))
    assert run.latency_p50_ms == 12.5 and run.latency_mean_ms is None
    assert "median" in run.null_reasons["latency_mean_ms"]
    assert run.n_samples == 10


def test_an_interval_below_zero_says_nothing_against_the_median(runs_of: Runs) -> None:
    """With two samples asv's interval of the median is wider than the median: no time is negative for that."""
    wide = [[4.4], [], "a" * 64, 1700000100500, 4.25, [-0.73], [9.54], [4.35], [4.46], [1], [2], None]
    run = only(runs_of(report({"a.time_x": wide})))
    assert run.quality is Quality.FLAGGED and run.latency_p50_ms == 4400.0
    assert "so few samples that their confidence interval reaches below zero" in run.quality_reasons
    assert [m.name for m in run.metrics] == ["latency_q25_ms", "latency_q75_ms"]


def test_a_negative_median_is_quarantined(runs_of: Runs) -> None:
    """The interval may reach below zero, the time itself cannot."""
    assert only(runs_of(report({"a.time_x": row([-4.4])}))).quality is Quality.QUARANTINED


def test_the_time_is_that_of_the_measurement_not_of_the_commit(runs_of: Runs) -> None:
    """`date` belongs to the commit."""
    run = only(runs_of(report({"a.time_x": row([0.0125])})))
    assert run.ts is not None and run.ts.isoformat() == "2023-11-14T22:15:00.500000+00:00"
    assert run.commit_sha == COMMIT
    undated = only(runs_of(report({"a.time_x": [[0.0125], []]})))
    assert undated.ts is None and "commit's date" in undated.null_reasons["ts"]


def test_each_combination_of_parameters_is_a_run(runs_of: Runs) -> None:
    """In the order of the product, the last parameter fastest."""
    runs = runs_of(report({"a.time_x": row([0.001, 0.002, 0.003, 0.004], [["10", "20"], ["'a'", "'b'"]])}))
    assert {name: run.latency_p50_ms for name, run in runs.items()} == {
        "a.time_x(10, 'a')": 1.0,
        "a.time_x(10, 'b')": 2.0,
        "a.time_x(20, 'a')": 3.0,
        "a.time_x(20, 'b')": 4.0,
    }


def test_combinations_without_a_value_are_refused_together() -> None:
    """null failed, NaN was skipped; the others stay."""
    results = {"a.time_x": row([0.001, None, math.nan], [["1", "2", "3"]]), "a.time_y": row(None)}
    reading = read_report("a.json", json.dumps(report(results)).encode())
    assert [run.benchmark for run in reading.measurements] == ["a.time_x(1)"]
    assert [refusal.reason for refusal in reading.refusals] == [
        "2 of 3 combinations have no value: 1 failed, 1 skipped.",
        "The benchmark failed: asv states no value for it.",
    ]


def test_results_that_do_not_fit_the_parameters_are_refused() -> None:
    """Nobody guesses which value belongs to which parameter."""
    reading = read_report("a.json", json.dumps(report({"a.time_x": row([1.0, 2.0, 3.0], [["1", "2"]])})).encode())
    assert not reading.measurements and "do not fit" in reading.refusals[0].reason


def test_the_beginning_of_the_name_decides_the_unit(runs_of: Runs) -> None:
    """Seconds, bytes of the process, bytes of an object, and what the suite defines itself."""
    results = {name: row([2e6]) for name in ("a.peakmem_x", "a.mem_x", "a.track_x", "a.B.timeraw_x", "a.TimeX")}
    runs = runs_of(report(results))
    assert runs["a.peakmem_x"].memory_peak_mb == 2.0 and runs["a.mem_x"].memory_peak_mb is None
    kinds = {name: [(m.name, m.unit, m.better) for m in run.metrics] for name, run in runs.items()}
    assert kinds["a.mem_x"] == [("size_bytes", "B", "lower")]
    assert kinds["a.track_x"] == [("value", "not stated", "none")]
    assert runs["a.B.timeraw_x"].latency_p50_ms == runs["a.TimeX"].latency_p50_ms == 2e9


def test_recorded_samples_give_the_mean_and_only_calls_a_tail(runs_of: Runs) -> None:
    """A sample of several calls is a mean."""
    samples = [[0.01 + index / 1e5 for index in range(100)]]
    means = only(runs_of(report({"a.time_x": row([0.0105], samples=samples)})))
    assert means.latency_mean_ms == pytest.approx(10.495) and means.latency_p50_ms == 10.5
    assert means.latency_p95_ms is None and "mean of several calls" in means.null_reasons["latency_p95_ms"]
    calls = only(runs_of(report({"a.time_x": row([0.0105], number=1, samples=samples)})))
    assert calls.latency_p99_ms is not None


def test_the_environment_is_the_machine_without_its_name(runs_of: Runs) -> None:
    """Processor, system, Python, requirements and the benchmark's version; the memory only roughly."""
    run = only(runs_of(report({"a.time_x": row([0.0125])}, env_vars={"OMP_NUM_THREADS": "1"})))
    assert run.environment == {
        "arch": "x86_64",
        "cpu": "Xeon",
        "num_cpu": "4",
        "os": "Linux 5",
        "ram": "1.6e+07",
        "python": "3.11",
        "benchmark_version": "a" * 12,
        "requirement_numpy": "1.26",
        "requirement_cython": "any",
        "env_OMP_NUM_THREADS": "1",
    }
    assert "jane" not in str(run)


def test_version_1_is_read_the_same_way(runs_of: Runs) -> None:
    """A number, or an object with its parameters and statistics."""
    runs = runs_of(VERSION_1)
    assert runs["a.time_x"].latency_p50_ms == 12.5 and runs["a.time_x"].ts is not None
    assert runs["a.time_y(1)"].n_samples == 5
    assert {m.name: m.value for m in runs["a.time_y(1)"].metrics}["latency_ci99_low_ms"] == 400.0


def test_version_1_states_more_than_the_median(runs_of: Runs) -> None:
    """Until asv 0.5: mean and extremes in seconds, the deviation of a population, the samples called "n" at first."""
    stats = {"mean": 0.5, "std": 0.1, "min": 0.4, "max": 0.7, "n": 5, "ci_99": [0.4, 0.6], "q_25": 0.45, "q_75": 0.55}
    results = {"result": [0.5, 0.5], "params": [["1", "2"]], "stats": [stats, stats | {"n": 1}]}
    runs = runs_of(version_1({"a.time_x": results}))
    five, one = runs["a.time_x(1)"], runs["a.time_x(2)"]
    assert (five.latency_mean_ms, five.latency_min_ms, five.latency_max_ms) == (500.0, 400.0, 700.0)
    # The squares divided by 4, not by 5.
    assert five.n_samples == 5 and five.latency_std_ms == pytest.approx(111.8034)
    assert one.latency_std_ms is None and one.null_reasons["latency_std_ms"] == "one sample has no deviation"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"machine": "m", "arch": "x", "cpu": "c", "ram": "1", "os": "o", "version": 1}, "machine.json"),
        ({"a": {"code": "c", "param_names": [], "params": [], "type": "time"}, "version": 2}, "benchmarks.json"),
    ],
)
def test_files_without_results_are_refused_by_name(content: object, reason: str) -> None:
    """asv writes them beside its results."""
    with pytest.raises(ReportRefused, match=reason):
        read_report("a.json", json.dumps(content).encode())


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_change_of_version_1_crashes_the_reader(data: st.DataObject) -> None:
    """Any part replaced by anything."""
    changed: Any = copy.deepcopy(VERSION_1)
    path = data.draw(st.sampled_from(list(paths(VERSION_1))))
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = data.draw(json_values)
    reading = read_or_refuse(json.dumps(changed).encode())
    if reading is not None:
        assert_sound(reading)
