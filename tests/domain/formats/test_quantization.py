"""Banterhearts quantization reports."""

from collections.abc import Callable

from muse_domain.measurements import METRIC_COLUMNS, Measurement, ReportReading

Runs = Callable[[object], dict[str, Measurement]]


def test_accuracy_is_not_latency(runs_of: Runs) -> None:
    """No latency, rate, cost or memory is made up for a suite that measures accuracy."""
    run = runs_of({"int8": {"accuracy": 0.75, "loss": 0.6, "model_size_bytes": 3029}})["quantization/int8"]
    assert all(getattr(run, column) is None for column in METRIC_COLUMNS)
    assert all("measures accuracy" in run.null_reasons[column] for column in METRIC_COLUMNS)


def test_model_size_is_a_metric_in_bytes(runs_of: Runs) -> None:
    """2,781 bytes of a model's file are not 2 MB of memory."""
    run = runs_of({"baseline": {"accuracy": 0.75, "model_size_bytes": 2781}})["quantization/baseline"]
    assert ("model_size_bytes", 2781.0, "B") in [(m.name, m.value, m.unit) for m in run.metrics]
    assert run.memory_peak_mb is None


def test_the_method_is_the_quantization(runs_of: Runs) -> None:
    """The baseline is not quantized."""
    method = {"model_size_bytes": 1}
    runs = runs_of({"quantization_methods": {"baseline": method, "fp8": method}})
    assert runs["quantization/baseline"].quant is None
    assert runs["quantization/fp8"].quant == "fp8"


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Four methods with accuracy, loss and size."""
    reading = real_report("quantization_report.json")
    assert [run.quant for run in reading.measurements] == [None, "qat", "int8", "fp8"]
    assert all(
        [m.name for m in run.metrics] == ["accuracy", "loss", "model_size_bytes"] for run in reading.measurements
    )
