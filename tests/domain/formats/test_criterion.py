"""criterion.rs: files of estimates, and the messages of cargo-criterion."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.formats.registry import read_report
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality, ReportReading, ReportRefused

NEW = "target/criterion/hash/short/new/estimates.json"
values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.floats(), max_size=3)
)


def estimate(value: object) -> dict[str, object]:
    interval = {"confidence_level": 0.95, "lower_bound": 40.0, "upper_bound": 45.0}
    return {"confidence_interval": interval, "point_estimate": value, "standard_error": 0.5}


def estimates() -> dict[str, Any]:
    keys = {"mean": 42.5, "median": 42.0, "median_abs_dev": 0.75, "slope": 42.25, "std_dev": 1.5}
    return {key: estimate(value) for key, value in keys.items()}


def interval(value: float, unit: str = "ns") -> dict[str, object]:
    return {"estimate": value, "lower_bound": value - 1, "upper_bound": value + 1, "unit": unit}


def message(name: object = "hash/short", unit: str = "ns", **changes: object) -> dict[str, Any]:
    stated: dict[str, object] = {
        "reason": "benchmark-complete",
        "id": name,
        "report_directory": "/home/jane/target/criterion/reports/hash/short",
        "iteration_count": [10, 20],
        "measured_values": [400.0, 880.0],
        "unit": unit,
        "throughput": [{"per_iteration": 1024, "unit": "bytes"}],
        "typical": interval(42.0, unit),
        "mean": interval(42.0, unit),
        "median": interval(42.0, unit),
        "median_abs_dev": interval(2.0, unit),
        "slope": None,
        "change": None,
    }
    return stated | changes


GROUP = {"reason": "group-complete", "group_name": "hash", "benchmarks": ["hash/short"]}


def read(value: object, path: str = NEW) -> ReportReading:
    return read_report(path, json.dumps(value).encode())


def read_messages(*messages: object) -> ReportReading:
    return read_report("messages.json", "\n".join(map(json.dumps, messages)).encode())


def run_of(*messages: object) -> Measurement:
    (run,) = read_messages(*messages, GROUP).measurements
    return run


def refusal(value: object, path: str) -> str:
    with pytest.raises(ReportRefused) as refused:
        read(value, path)
    assert refused.value.remedy
    return refused.value.reason


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (NEW, "hash/short"),
        ("crates/a/target/criterion/hash/short/1024/new/estimates.json", "hash/short/1024"),
        ("criterion/target/criterion/criterion/f/new/estimates.json", "criterion/f"),
        ("criterion/hash/new/estimates.json", "hash"),
        ("./hash/short/new/estimates.json", "hash/short"),
    ],
)
def test_the_folders_name_the_benchmark(path: str, name: str) -> None:
    """The file itself says nothing about it."""
    (run,) = read(estimates(), path).measurements
    assert run.benchmark == name


@pytest.mark.parametrize("path", ["", "estimates.json", "new/estimates.json", "target/criterion/new/estimates.json"])
def test_a_path_without_a_name_is_refused(path: str) -> None:
    """Nobody guesses which benchmark it was."""
    assert "Nothing names the benchmark" in refusal(estimates(), path)


@pytest.mark.parametrize("folder", ["base", "main", "before"])
def test_copies_of_earlier_runs_are_refused(folder: str) -> None:
    """`base` and saved baselines repeat what `new` held once: a run counts once."""
    assert f"Its folder is {folder!r}" in refusal(estimates(), f"target/criterion/hash/{folder}/estimates.json")


def test_a_change_is_refused() -> None:
    """It is relative to the run before."""
    change = {key: estimate(-0.01) for key in ("mean", "median")}
    assert "a change" in refusal(change, "target/criterion/hash/change/estimates.json")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("sample.json", {"sampling_mode": "Linear", "iters": [1.0], "times": [2.0]}, "samples"),
        ("sample.json", [[1.0, 2.0], [3.0, 6.0]], "samples"),
        ("tukey.json", [1.0, 2.0, 3.0, 4.0], "outliers"),
        ("benchmark.json", {"group_id": "hash", "full_id": "hash/short"}, "no measurement"),
    ],
)
def test_what_lies_beside_the_estimates_is_refused(name: str, content: object, reason: str) -> None:
    """It holds the same run once more, or none."""
    assert reason in refusal(content, f"target/criterion/hash/new/{name}")


def test_nanoseconds_become_milliseconds() -> None:
    """The mean and the deviation are those of the samples, which are means of calls."""
    (run,) = read(estimates()).measurements
    assert run.latency_mean_ms == 42.5 / 1e6
    assert run.latency_std_ms == 1.5 / 1e6
    assert run.latency_p50_ms is None and "mean of several calls" in run.null_reasons["latency_p50_ms"]
    assert run.null_reasons["latency_min_ms"] == "the file states no single samples"
    assert run.quality is Quality.OK


def test_the_estimates_are_metrics_that_are_never_compared() -> None:
    """Slope, median and bounds tell the change of the mean again."""
    (run,) = read(estimates()).measurements
    assert {m.name for m in run.metrics} == {
        "median_of_samples_ms",
        "median_abs_dev_ms",
        "slope_ms",
        "mean_lower_ms",
        "mean_upper_ms",
    }
    assert {m.better for m in run.metrics} == {"none"}


def test_flat_sampling_has_no_slope() -> None:
    """Criterion writes null."""
    (run,) = read(estimates() | {"slope": None}).measurements
    assert "slope_ms" not in {m.name for m in run.metrics}


def test_old_estimates_are_read_alike() -> None:
    """Before 0.3.3 the keys were in capitals."""
    old = {"mean": "Mean", "median": "Median", "median_abs_dev": "MedianAbsDev", "slope": "Slope", "std_dev": "StdDev"}
    assert read({old[key]: value for key, value in estimates().items()}) == read(estimates())


def test_an_estimate_of_another_type_is_null() -> None:
    """With the reason."""
    (run,) = read(estimates() | {"std_dev": estimate("fast")}).measurements
    assert run.latency_std_ms is None
    assert run.null_reasons["latency_std_ms"] == "the report states std_dev without a usable time"


def test_a_message_is_a_run() -> None:
    """Samples are values divided by their iterations."""
    run = run_of(message())
    assert (run.benchmark, run.n_samples) == ("hash/short", 2)
    assert (run.latency_mean_ms, run.latency_min_ms, run.latency_max_ms) == (42e-6, 40e-6, 44e-6)
    assert run.latency_p50_ms is None
    assert "jane" not in str(run)


@pytest.mark.parametrize(("unit", "mean"), [("us", 0.042), ("ms", 42.0), ("s", 42_000.0)])
def test_the_unit_of_a_message_counts(unit: str, mean: float) -> None:
    """Each estimate states its own."""
    assert run_of(message(unit=unit)).latency_mean_ms == pytest.approx(mean)


def test_another_measurement_than_time_is_a_metric() -> None:
    """Cycles are no latency, and nobody says whether fewer are better."""
    run = run_of(message(unit="cycles"))
    assert run.latency_mean_ms is None
    assert ("mean", 42.0, "cycles", "none") in [(m.name, m.value, m.unit, m.better) for m in run.metrics]


def test_samples_of_one_call_have_percentiles() -> None:
    """Then a sample is a call."""
    run = run_of(message(iteration_count=[1] * 20, measured_values=[float(n) for n in range(32, 52)]))
    assert run.latency_p50_ms == pytest.approx(41.5e-6)
    assert run.latency_p95_ms is not None and run.latency_p99_ms is None


def test_lists_that_do_not_fit_give_no_samples() -> None:
    """The mean stays, and the run is flagged."""
    run = run_of(message(iteration_count=[10]))
    assert run.latency_min_ms is None and run.latency_mean_ms == 42e-6
    assert run.quality is Quality.FLAGGED


def test_messages_that_end_within_a_group_are_cut() -> None:
    """A group that began has an end."""
    with pytest.raises(ReportRefused, match="cut"):
        read_messages(message(), GROUP, message("hash/long"))


def test_one_message_alone_is_recognised() -> None:
    """And refused as cut: its group is not complete."""
    with pytest.raises(ReportRefused, match="cut"):
        read_messages(message())


def test_unknown_messages_are_left_out() -> None:
    """More kinds may come, the book says."""
    assert len(read_messages({"reason": "news"}, message(), GROUP).measurements) == 1


def test_a_message_without_a_name_is_refused_alone() -> None:
    """The others stay."""
    reading = read_messages(message(name=None), message(), 7, GROUP)
    assert [run.benchmark for run in reading.measurements] == ["hash/short"]
    assert {refused.item for refused in reading.refusals} == {"message 1", "message 3"}


def assert_sound(reading: ReportReading) -> None:
    for run in reading.measurements:
        assert run.benchmark
        assert all(getattr(run, column) is not None or run.null_reasons[column] for column in METRIC_COLUMNS)


@given(st.sampled_from(sorted(estimates())), st.sampled_from(["point_estimate", "confidence_interval"]), values)
def test_no_estimate_crashes_the_reader(key: str, part: str, value: object) -> None:
    """A file of estimates with any part replaced is read soundly or refused."""
    report = estimates()
    report[key][part] = value
    assert_sound(read(report))
    if part != "point_estimate" or key not in ("mean", "median"):
        report[key] = value
        try:
            assert_sound(read(report))
        except ReportRefused:
            assert key in ("mean", "median")


@given(st.text(max_size=60))
def test_no_path_crashes_the_reader(path: str) -> None:
    """Any path names a benchmark or is refused."""
    try:
        assert_sound(read(estimates(), path))
    except ReportRefused as refused:
        assert refused.remedy


@given(st.dictionaries(st.sampled_from(sorted(message().keys() - {"reason"})), values, max_size=3))
def test_no_message_crashes_the_reader(changes: dict[str, object]) -> None:
    """A message with any part replaced is read soundly or refused."""
    assert_sound(read_messages(message() | changes, GROUP))


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(1e-3, 1e9)), min_size=1, max_size=30))
def test_extremes_are_those_of_the_samples(samples: list[tuple[int, float]]) -> None:
    """No value leaves what was measured."""
    run = run_of(message(iteration_count=[n for n, _ in samples], measured_values=[v for _, v in samples], mean=None))
    times = [value / 1e6 / n for n, value in samples]
    assert run.latency_min_ms == pytest.approx(min(times))
    assert run.latency_max_ms == pytest.approx(max(times))
