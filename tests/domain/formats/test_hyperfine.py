"""hyperfine's JSON."""

from collections.abc import Callable

import pytest

from muse_domain.measurements import Measurement, Quality, ReportReading

Runs = Callable[[object], dict[str, Measurement]]
TIMES = [1.0 + index / 100 for index in range(20)]


def result(command: str = "make", **changes: object) -> dict[str, object]:
    stated: dict[str, object] = {
        "command": command,
        "mean": 1.095,
        "stddev": 0.059,
        "median": 1.095,
        "user": 3.5,
        "system": 0.25,
        "min": 1.0,
        "max": 1.19,
        "times": TIMES,
        "memory_usage_byte": [50_000_000, 51_000_000],
        "exit_codes": [0] * 20,
    }
    return stated | changes


def report(*results: object) -> dict[str, object]:
    return {"results": list(results)}


def without(*keys: str) -> dict[str, object]:
    return {key: value for key, value in result().items() if key not in keys}


def test_seconds_become_milliseconds(runs_of: Runs) -> None:
    """The median is p50, and p95 comes from the runs."""
    (run,) = runs_of(report(result())).values()
    assert run.latency_mean_ms == pytest.approx(1095)
    assert run.latency_p50_ms == pytest.approx(1095)
    assert run.latency_p95_ms == pytest.approx(1180.5)
    assert run.latency_p99_ms is None and run.n_samples == 20
    assert run.quality is Quality.OK


def test_a_time_below_that_of_the_shell_is_not_known(runs_of: Runs) -> None:
    """The tool subtracts the shell and writes 0 where nothing is left: the mean may be used, the 0 is no time."""
    times = [0.0] * 12 + [0.004] * 8
    (run,) = runs_of(report(result(times=times, mean=0.0016, median=0.0, min=0.0, max=0.004, stddev=0.001))).values()
    assert (run.latency_mean_ms, run.latency_max_ms) == (1.6, 4.0)
    assert run.latency_min_ms is None and run.latency_p50_ms is None
    assert "subtracts the time of the shell" in run.null_reasons["latency_min_ms"]
    assert run.quality is Quality.FLAGGED and "no longer than the shell" in run.quality_reasons[0]
    (nothing,) = runs_of(report(result(times=[0.0] * 20, mean=0.0, median=0.0, min=0.0, max=0.0, stddev=0.0))).values()
    assert nothing.quality is Quality.QUARANTINED


def test_processor_time_is_a_metric(runs_of: Runs) -> None:
    """Over several cores it is more than the time that passed."""
    (run,) = runs_of(report(result())).values()
    assert [(m.name, m.value, m.better) for m in run.metrics] == [
        ("user_time_mean_ms", 3500.0, "none"),
        ("system_time_mean_ms", 250.0, "none"),
    ]


def test_memory_is_the_largest_process(runs_of: Runs) -> None:
    """In MB, the peak of all runs."""
    (run,) = runs_of(report(result())).values()
    assert run.memory_peak_mb == 51.0


def test_memory_below_that_of_an_earlier_command_is_not_known(runs_of: Runs) -> None:
    """hyperfine reads the largest of all processes so far, so the second command inherits the first's."""
    runs = runs_of(report(result("big"), result("small"), result("huge", memory_usage_byte=[90_000_000])))
    assert runs["small"].memory_peak_mb is None
    assert "earlier command" in runs["small"].null_reasons["memory_peak_mb"]
    assert runs["huge"].memory_peak_mb == 90.0


def test_memory_that_was_not_measured_is_null(runs_of: Runs) -> None:
    """Windows states 0, older versions nothing."""
    (zero,) = runs_of(report(result(memory_usage_byte=[0, 0]))).values()
    assert zero.null_reasons["memory_peak_mb"] == "the report states 0 bytes: memory was not measured"
    (older,) = runs_of(report(without("memory_usage_byte"))).values()
    assert older.null_reasons["memory_peak_mb"] == "the report does not state it"


@pytest.mark.parametrize(
    ("codes", "shown"),
    [([0, 1], "1 of 2 runs failed: exit codes 1"), ([None, 137], "2 of 2 runs failed: exit codes none, 137")],
)
def test_a_failed_command_is_quarantined(runs_of: Runs, codes: list[object], shown: str) -> None:
    """Its time is that of a failure; no code at all is a signal."""
    (run,) = runs_of(report(result(exit_codes=codes, times=[1.0, 1.19]))).values()
    assert run.quality is Quality.QUARANTINED and shown in run.quality_reasons


def test_a_single_run_has_no_deviation(runs_of: Runs) -> None:
    """Newer versions state null, older ones 0."""
    for stddev in (None, 0.0):
        single = result(times=[1.0], exit_codes=[0], mean=1.0, median=1.0, max=1.0, stddev=stddev)
        (run,) = runs_of(report(single)).values()
        assert run.latency_std_ms is None
        assert run.null_reasons["latency_std_ms"] == "one sample has no deviation"
        assert run.quality is Quality.FLAGGED


def test_parameters_are_part_of_the_name(runs_of: Runs) -> None:
    """Commands with a name of their own differ only by them; older versions state one without its name."""
    jobs = [result("build", parameters={"jobs": str(n)}) for n in (1, 2)]
    assert set(runs_of(report(*jobs))) == {"build (jobs=1)", "build (jobs=2)"}
    assert set(runs_of(report(result("build", parameter=3)))) == {"build (parameter=3)"}


def test_old_reports_are_read(runs_of: Runs) -> None:
    """Before 1.6 there is no median, before 1.12 there are no exit codes."""
    (run,) = runs_of(report(without("median", "exit_codes", "memory_usage_byte"))).values()
    assert run.latency_p50_ms == pytest.approx(1095)
    assert run.quality is Quality.OK


def test_without_single_runs_there_is_no_tail(runs_of: Runs) -> None:
    """The number of runs is that of the exit codes."""
    (run,) = runs_of(report(without("times"))).values()
    assert run.n_samples == 20
    assert run.null_reasons["latency_p95_ms"] == "the report does not state the single runs"


def test_times_that_are_no_numbers_are_flagged(runs_of: Runs) -> None:
    """The others count."""
    (run,) = runs_of(report(result(times=[1.0, "fast", 1.19], exit_codes=[0, 0, 0]))).values()
    assert run.n_samples == 2
    assert "1 of 3 times are not numbers" in run.quality_reasons


def test_exit_codes_of_other_runs_are_flagged(runs_of: Runs) -> None:
    """Two codes for twenty runs: eighteen are not known."""
    (run,) = runs_of(report(result(exit_codes=[0, 0]))).values()
    assert run.quality_reasons == ("the report states 2 exit codes for 20 runs",)


def test_stated_values_of_another_type_are_null(runs_of: Runs) -> None:
    """Null with the reason, and the rest of the run stays."""
    (run,) = runs_of(report(result(mean="1.095"))).values()
    assert run.null_reasons["latency_mean_ms"] == "the report states mean without a usable number"
    assert run.latency_min_ms == 1000.0


def test_home_folders_in_a_command_are_masked(runs_of: Runs) -> None:
    """A command line may name its author."""
    assert list(runs_of(report(result("python /home/jane/run.py")))) == ["python /home/<user>/run.py"]


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Three runs each: a median of three is kept and flagged."""
    runs = real_report("hyperfine_1brc.json").measurements
    assert [run.n_samples for run in runs] == [3, 3]
    assert runs[0].latency_mean_ms == pytest.approx(11614.81411152)
    assert all(run.quality_reasons == ("p50 stated from only 3 samples",) for run in runs)
    assert all(run.ts is None and run.commit_sha is None for run in runs)


def test_the_real_report_of_a_command_that_never_ran(real_report: Callable[[str], ReportReading]) -> None:
    """Times of zero cannot be true: the run is quarantined."""
    (run,) = real_report("hyperfine_error_run.json").measurements
    assert run.quality is Quality.QUARANTINED
    assert "latency_min_ms is 0: a time is more than zero" in run.quality_reasons
