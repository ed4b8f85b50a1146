"""Banterhearts kernel reports."""

from collections.abc import Callable

from muse_domain.measurements import Measurement, Quality, ReportReading

Runs = Callable[[object], dict[str, Measurement]]
KERNEL = {"mean_time_ms": 0.05, "std_time_ms": 0.01, "min_time_ms": 0.04, "max_time_ms": 0.07}


def test_no_time_and_no_commit_are_made_up(runs_of: Runs) -> None:
    """The report states neither: both are null with a reason."""
    run = runs_of({"fusion": {"fused": KERNEL}})["kernels/fusion/fused"]
    assert run.ts is None and run.commit_sha is None and run.n_samples is None
    assert run.null_reasons["ts"] == "the report states no time"
    assert run.null_reasons["commit_sha"] == "the report states no commit"
    assert run.tokens_per_sec is None and run.cost_per_1k is None and run.memory_peak_mb is None


def test_an_unstable_kernel_is_flagged(runs_of: Runs) -> None:
    """A deviation above the mean is told."""
    run = runs_of({"attention": {"torch": {"mean_time_ms": 24.6, "std_time_ms": 73.2}}})["kernels/attention/torch"]
    assert run.quality is Quality.FLAGGED


def test_groups_under_a_key_are_the_same_benchmarks(runs_of: Runs) -> None:
    """The same kernel has the same name in both shapes of the report."""
    assert set(runs_of({"kernels": {"fusion": {"fused": KERNEL}}})) == {"kernels/fusion/fused"}


def test_a_bad_group_and_a_bad_kernel_do_not_drop_the_others(runs_of: Runs) -> None:
    """What cannot be read is refused alone."""
    assert set(runs_of({"a": None, "b": {"x": 1, "y": KERNEL}})) == {"kernels/b/y"}


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Four kernels, three of them unstable."""
    reading = real_report("kernel_benchmarks.json")
    quality = {run.benchmark: run.quality for run in reading.measurements}
    assert quality == {
        "kernels/attention/torch": Quality.FLAGGED,
        "kernels/tensor_core/512x512x512": Quality.FLAGGED,
        "kernels/fusion/baseline_linear_gelu": Quality.FLAGGED,
        "kernels/fusion/fused_linear_gelu": Quality.OK,
    }
