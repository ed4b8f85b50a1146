"""pytest-benchmark's JSON."""

from collections.abc import Callable
from typing import cast

import pytest

from muse_domain.measurements import Measurement, Quality, ReportReading

Runs = Callable[[object], dict[str, Measurement]]
COMMIT = "2f235c94515378acee701ee745671e2ae6f04fcb"


def report(dirty: bool = False, commit: object = COMMIT, **stats: object) -> dict[str, object]:
    stated = {
        "mean": 0.00025,
        "median": 0.00024,
        "min": 0.0002,
        "max": 0.0003,
        "stddev": 1e-5,
        "rounds": 1842,
    }
    return {
        "machine_info": {
            "node": "janes-laptop",
            "machine": "x86_64",
            "system": "Linux",
            "release": "5.15.0-1033-azure",
            "python_version": "3.11.2",
            "cpu": {"brand_raw": "Xeon", "arch": "X86_64", "count": 2, "hz_actual": [2095077000, 0]},
        },
        "commit_info": {"id": commit, "dirty": dirty},
        "benchmarks": [
            {
                "fullname": "t.py::a",
                "stats": stated | {"ops": 4000.0, "iterations": 1} | stats,
                "extra_info": {},
            }
        ],
        "datetime": "2023-03-07T13:40:20.403009",
        "version": "4.0.0",
    }


def test_seconds_become_milliseconds_and_the_median_is_p50(runs_of: Runs) -> None:
    """The report has a mean and a median: each has its column."""
    run = runs_of(report())["t.py::a"]
    assert run.latency_mean_ms == pytest.approx(0.25)
    assert run.latency_p50_ms == pytest.approx(0.24)
    assert run.latency_p95_ms is None
    assert run.n_samples == 1842


def test_one_round_has_no_deviation(runs_of: Runs) -> None:
    """The tool writes 0 for what one value does not have."""
    run = runs_of(report(rounds=1, stddev=0, iqr=0.0))["t.py::a"]
    assert run.latency_std_ms is None and run.null_reasons["latency_std_ms"] == "one sample has no deviation"
    assert "latency_iqr_ms" not in [m.name for m in run.metrics] and run.latency_mean_ms == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("timer", "known"),
    [("perf_counter", None), ("process_time", "process_time"), ("<function a at 0x7f2b>", None), (3, None)],
)
def test_another_clock_is_another_environment(runs_of: Runs, timer: object, known: str | None) -> None:
    """CPU time is not compared with time on the wall; a clock that is named by its address changes with each run."""
    one = report()
    (benchmark,) = cast("list[dict[str, object]]", one["benchmarks"])
    benchmark["options"] = {"timer": timer}
    assert runs_of(one)["t.py::a"].environment.get("timer") == known


def test_calls_a_second_are_not_tokens_a_second(runs_of: Runs) -> None:
    """`ops` is a metric of its own; never compared, as it tells the same change as the time does."""
    run = runs_of(report())["t.py::a"]
    assert run.tokens_per_sec is None
    assert ("ops_per_sec", 4000.0, "ops/s", "none") in [(m.name, m.value, m.unit, m.better) for m in run.metrics]


def test_the_naive_time_is_utc(runs_of: Runs) -> None:
    """The tool writes UTC, with and without a zone."""
    (run,) = runs_of(report()).values()
    assert run.ts is not None and run.ts.isoformat() == "2023-03-07T13:40:20.403009+00:00"
    aware = report() | {"datetime": "2023-03-07T13:40:20.403009+00:00"}
    assert [other.ts for other in runs_of(aware).values()] == [run.ts]


def test_the_commit_is_the_projects(runs_of: Runs) -> None:
    """It is kept when it is one, and a dirty checkout is flagged."""
    (run,) = runs_of(report()).values()
    assert run.commit_sha == COMMIT and run.quality is Quality.OK
    (dirty,) = runs_of(report(dirty=True)).values()
    assert dirty.quality is Quality.FLAGGED
    (none,) = runs_of(report(commit="unversioned")).values()
    assert none.commit_sha is None and "commit_sha" in none.null_reasons


def test_the_environment_is_what_matters_for_speed(runs_of: Runs) -> None:
    """Machine and versions, neither host name nor clock rate."""
    (run,) = runs_of(report()).values()
    assert run.environment == {
        "machine": "x86_64",
        "system": "Linux",
        "os_release": "5",
        "python_version": "3.11.2",
        "cpu_brand": "Xeon",
        "cpu_arch": "X86_64",
        "cpu_count": "2",
    }


def test_the_tail_comes_from_the_saved_rounds(runs_of: Runs) -> None:
    """With its rounds saved, a report has a p95 from 20 on and a p99 from 100 on."""
    rounds = [0.0002 + index * 1e-6 for index in range(100)]
    (run,) = runs_of(report(data=rounds, rounds=100)).values()
    assert run.latency_p99_ms == pytest.approx(0.29801)
    (few,) = runs_of(report(data=rounds[:20], rounds=20)).values()
    assert few.latency_p95_ms is not None and few.latency_p99_ms is None


def test_rounds_of_several_calls_have_no_tail(runs_of: Runs) -> None:
    """Percentiles of means are not percentiles of calls."""
    (run,) = runs_of(report(data=[0.00025] * 100, rounds=100, iterations=10)).values()
    assert run.latency_p95_ms is None
    assert "mean of several calls" in run.null_reasons["latency_p95_ms"]


def test_missing_rounds_are_flagged(runs_of: Runs) -> None:
    """Fewer rounds saved than stated."""
    (run,) = runs_of(report(data=[0.00025] * 20)).values()
    assert run.quality_reasons == ("20 of 1842 stated rounds are in the report",)


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Four benchmarks of a public project."""
    reading = real_report("lagom_py311_0001_baseline.json")
    assert [run.benchmark.rpartition("::")[2] for run in reading.measurements] == [
        "test_magic",
        "test_plain",
        "test_optimised",
        "test_context_partials",
    ]
    first = reading.measurements[0]
    assert first.latency_mean_ms == pytest.approx(0.23518566286641495)
    assert first.commit_sha == COMMIT
    assert first.environment["cpu_brand"] == "Intel(R) Xeon(R) Platinum 8171M CPU @ 2.60GHz"
    assert all(run.quality is Quality.OK for run in reading.measurements)
