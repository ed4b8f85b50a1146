"""github-action-benchmark's data.js."""

import json
from collections.abc import Callable

import pytest

from muse_domain.formats.registry import read_report
from muse_domain.measurements import Measurement, Quality, ReportReading, run_id

Runs = Callable[[object], dict[str, Measurement]]
COMMIT = "b596b64cec3970241e3db812eff9d1f541c310a9"

GO = [
    {"name": "BenchmarkA", "value": 400.6, "unit": "ns/op\t     880 B/op\t       5 allocs/op"},
    {"name": "BenchmarkA - ns/op", "value": 400.6, "unit": "ns/op"},
    {"name": "BenchmarkA - B/op", "value": 880, "unit": "B/op"},
    {"name": "BenchmarkA - allocs/op", "value": 5, "unit": "allocs/op"},
]


def entry(tool: str, *benches: dict[str, object], date: int = 1762668501664) -> dict[str, object]:
    author = {"name": "Jane Doe", "email": "jane@example.org", "username": "jane"}
    commit = {"id": COMMIT, "author": author, "message": "fix by Jane"}
    return {"commit": commit, "date": date, "tool": tool, "benches": list(benches)}


def history(*entries: dict[str, object], chart: str = "Benchmark") -> dict[str, object]:
    return {"lastUpdate": 1, "repoUrl": "https://github.com/a/b", "entries": {chart: list(entries)}}


def script(report: dict[str, object]) -> str:
    return f"window.BENCHMARK_DATA = {json.dumps(report)};"


def bench(name: str, value: float | str, unit: str, range: str = "", extra: str = "") -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "range": range, "extra": extra}


def only(runs: dict[str, Measurement]) -> Measurement:
    (run,) = runs.values()
    return run


def test_a_go_benchmark_is_one_run(runs_of: Runs) -> None:
    """The fused line and the lines of its units are one measurement of one benchmark."""
    benches = [item | {"extra": "58 times\n4 procs"} for item in GO]
    run = only(runs_of(script(history(entry("go", *benches)))))
    assert run.benchmark == "BenchmarkA"
    assert run.latency_mean_ms == pytest.approx(0.0004006, rel=1e-15)
    assert run.latency_p50_ms is None
    assert [(m.name, m.value, m.unit, m.better) for m in run.metrics] == [
        ("bytes_per_op", 880.0, "B", "lower"),
        ("allocs_per_op", 5.0, "allocs", "lower"),
    ]
    assert run.n_samples == 58
    assert run.environment == {"procs": "4"}
    assert run.commit_sha == COMMIT
    assert run.ts is not None and run.ts.isoformat() == "2025-11-09T06:08:21.664000+00:00"


@pytest.mark.parametrize("kept", [1, 4])
def test_old_and_new_go_histories_give_the_same_run(runs_of: Runs, kept: int) -> None:
    """Before 1.18 the action stored the fused line alone."""
    run = only(runs_of(history(entry("go", *GO[:kept]))))
    assert [m.name for m in run.metrics] == ["bytes_per_op", "allocs_per_op"]


def test_go_values_stored_as_texts_are_the_same_numbers(runs_of: Runs) -> None:
    """So some versions of the action stored all but the first: none of them is lost."""
    stored = [
        bench("BenchmarkA - ns/op", 9376839334, "ns/op", "", "1 times\n8 procs"),
        bench("BenchmarkA - cpu_seconds/op", "9.4", "cpu_seconds/op", "", "1 times\n8 procs"),
        bench("BenchmarkA - B/op", "4910336", "B/op", "", "1 times\n8 procs"),
    ]
    run = only(runs_of(history(entry("go", *stored))))
    assert run.benchmark == "BenchmarkA" and run.latency_mean_ms == 9376.839334
    assert [(m.name, m.value) for m in run.metrics] == [("cpu_seconds/op", 9.4), ("bytes_per_op", 4910336.0)]


@pytest.mark.parametrize("value", ["", "9,4", "fast", "NaN", "0x10"])
def test_a_text_that_is_no_number_is_refused(value: str) -> None:
    """Only what is spelled in plain digits is a value."""
    stored = bench("fib", value, "ns/iter")
    reading = read_report("data.js", script(history(entry("cargo", stored))).encode())
    assert not reading.measurements and "no usable number" in reading.refusals[0].reason


def test_repeated_go_benchmarks_are_runs_of_their_own(runs_of: Runs) -> None:
    """`go test -count=2` measures twice: neither is lost."""
    assert list(runs_of(history(entry("go", *GO, *GO)))) == ["BenchmarkA", "BenchmarkA #2"]


def test_a_run_keeps_its_id_when_the_history_grows() -> None:
    """The identity is the entry's, not the file's."""
    older, newer = entry("go", *GO), entry("go", *GO, date=1762669419620)
    first = read_report("data.js", script(history(older)).encode()).measurements
    both = read_report("data.js", script(history(older, newer)).encode()).measurements
    assert both[0] == first[0]
    assert len({run_id("any", run) for run in both}) == 2


def test_the_same_entry_twice_is_one_run() -> None:
    """A repetition would replace the first row: it is refused and told."""
    reading = read_report("data.js", script(history(entry("go", *GO), entry("go", *GO))).encode())
    assert len(reading.measurements) == 1
    assert reading.refusals[0].item == "BenchmarkA"


def test_charts_keep_their_benchmarks_apart(runs_of: Runs) -> None:
    """The same benchmark on another chart (another machine, say) is another benchmark."""
    run = only(runs_of(history(entry("go", *GO), chart="Windows")))
    assert run.benchmark == "Windows/BenchmarkA"
    assert run.suite == "Windows"


def test_people_are_not_read(runs_of: Runs) -> None:
    """Neither names nor addresses nor messages of commits."""
    assert "jane" not in str(runs_of(history(entry("go", *GO)))).lower()


def test_pytest_results_have_a_mean_in_their_extra(runs_of: Runs) -> None:
    """The value is a rate of calls; the mean and the deviation stand beside it."""
    extra = "mean: 1.25 msec\nrounds: 800"
    run = only(runs_of(history(entry("pytest", bench("t.py::a", 800.0, "iter/sec", "stddev: 0.0001", extra)))))
    assert run.latency_mean_ms == 1.25
    assert run.latency_std_ms == pytest.approx(0.1)
    assert run.n_samples == 800
    assert run.tokens_per_sec is None
    assert [(m.name, m.better) for m in run.metrics] == [("ops_per_sec", "none")]


def test_cargo_results_are_neither_mean_nor_median(runs_of: Runs) -> None:
    """libtest and criterion print the same line with different meanings: the columns stay null."""
    run = only(runs_of(history(entry("cargo", bench("fib", 22, "ns/iter", "± 3")))))
    assert run.latency_mean_ms is None and run.latency_p50_ms is None
    assert "does not say which" in run.null_reasons["latency_mean_ms"]
    assert [(m.name, m.value, m.unit) for m in run.metrics] == [
        ("time_per_iteration", 22.0, "ns/iter"),
        ("time_per_iteration_range", 3.0, "ns/iter"),
    ]


@pytest.mark.parametrize(
    ("tool", "stored", "mean", "samples"),
    [
        (
            "googlecpp",
            bench("b", 43.5, "us/iter", "", "iterations: 100\ncpu: 43 us\nthreads: 2"),
            0.0435,
            100,
        ),
        ("catch2", bench("b", 43.186, "us", "± 11.7", "100 samples\n2 iterations"), 0.043186, 100),
        ("benchmarkdotnet", bench("b", 2000.0, "ns", "± 100"), 0.002, None),
        ("jmh", bench("b", 1.5, "s/op", "", "iterations: 5\nforks: 1\nthreads: 4"), 1500.0, None),
    ],
)
def test_tools_that_state_a_mean(
    runs_of: Runs, tool: str, stored: dict[str, object], mean: float, samples: int | None
) -> None:
    """Each unit of time becomes milliseconds, and the samples are those that the tool states."""
    run = only(runs_of(history(entry(tool, stored))))
    assert run.latency_mean_ms == pytest.approx(mean, rel=1e-12)
    assert run.n_samples == samples
    assert run.latency_p50_ms is None
    assert run.quality is Quality.OK


def test_a_deviation_without_its_unit_is_not_used(runs_of: Runs) -> None:
    """The action stores catch2's deviation without its unit, which may be another than the mean's."""
    run = only(runs_of(history(entry("catch2", bench("b", 43.186, "us", "± 11.7")))))
    assert run.latency_std_ms is None
    assert run.null_reasons["latency_std_ms"] == "the stored deviation has lost its unit"


def test_aggregates_of_google_benchmark_are_not_means(runs_of: Runs) -> None:
    """A deviation over repetitions is not a latency."""
    run = only(runs_of(history(entry("googlecpp", bench("b_stddev", 3.0, "ns/iter")))))
    assert run.latency_mean_ms is None
    assert [m.name for m in run.metrics] == ["real_time_stddev"]


def test_a_coefficient_of_variation_has_no_unit_of_time(runs_of: Runs) -> None:
    """The action writes the unit of the row to it."""
    run = only(runs_of(history(entry("googlecpp", bench("b_cv", 0.02, "ns/iter")))))
    assert [(m.name, m.value, m.unit) for m in run.metrics] == [("real_time_cv", 0.02, "ratio")]


def test_a_benchmark_that_is_called_like_an_aggregate_is_none(runs_of: Runs) -> None:
    """A project's own statistic stands beside the mean; "find_max" alone is a benchmark that finds the largest."""
    stored = [bench(name, 3.0, "ms/iter") for name in ("find_max", "sort_mean", "sort_max")]
    runs = runs_of(history(entry("googlecpp", *stored)))
    assert runs["find_max"].latency_mean_ms == 3.0 and not runs["find_max"].metrics
    assert runs["sort_max"].latency_mean_ms is None
    assert [m.name for m in runs["sort_max"].metrics] == ["real_time_max"]


@pytest.mark.parametrize(
    ("tool", "unit", "better"),
    [
        ("benchmarkjs", "ops/sec", "higher"),
        ("customSmallerIsBetter", "requests", "lower"),
        ("customBiggerIsBetter", "MB/s", "higher"),
        ("jmh", "ops/s", "higher"),
        ("julia", "ns", "lower"),
        ("benchmarkluau", "ms", "lower"),
        ("jmh", "furlongs", "lower"),
        ("brand-new-tool", "ms", "none"),
    ],
)
def test_other_values_stay_metrics_with_their_unit(runs_of: Runs, tool: str, unit: str, better: str) -> None:
    """What is no known mean time enters no latency column; unit and direction are the tool's."""
    run = only(runs_of(history(entry(tool, bench("b", 12.0, unit)))))
    assert run.latency_mean_ms is None and run.tokens_per_sec is None
    assert [(m.value, m.unit, m.better) for m in run.metrics] == [(12.0, unit, better)]


@pytest.mark.parametrize(
    ("tool", "unit"), [("catch2", "furlongs"), ("brand-new-tool", "ms"), ("customSmallerIsBetter", "")]
)
def test_unknown_units_and_tools_are_flagged(runs_of: Runs, tool: str, unit: str) -> None:
    """The value is kept as it stands, and the run says so."""
    assert only(runs_of(history(entry(tool, bench("b", 12.0, unit))))).quality is Quality.FLAGGED


def test_a_bad_entry_and_a_bad_result_do_not_drop_the_others() -> None:
    """Each is refused by its place."""
    bad = entry("go", {"name": "BenchmarkB", "value": "fast", "unit": "ns/op"}, *GO)
    reading = read_report("data.js", script(history(bad, {"benches": []}, entry("go"))).encode())
    assert [run.benchmark for run in reading.measurements] == ["BenchmarkA"]
    assert [refusal.item for refusal in reading.refusals] == [
        "chart 'Benchmark', entry 1, result 1",
        "chart 'Benchmark', entry 2",
        "chart 'Benchmark', entry 3",
    ]


def test_the_real_history(real_report: Callable[[str], ReportReading]) -> None:
    """29 entries of 2 benchmarks are 58 runs, each with its commit and time."""
    reading = real_report("gurl_data.js")
    assert len(reading.measurements) == 58
    assert reading.refusals == ()
    assert len({(run.identity, run.benchmark) for run in reading.measurements}) == 58
    assert len({run.identity for run in reading.measurements}) == 29
    assert {run.benchmark for run in reading.measurements} == {
        "BenchmarkNetHTTPClient",
        "BenchmarkHTTPRequestParsing",
    }
    assert all(run.commit_sha and run.ts and run.quality is Quality.OK for run in reading.measurements)
    first = reading.measurements[0]
    assert first.latency_mean_ms == 100.079083
    assert {m.name: m.value for m in first.metrics} == {"bytes_per_op": 5177151.0, "allocs_per_op": 63863.0}
