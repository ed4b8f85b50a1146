"""Banterhearts quantization reports: accuracy, loss and size of one model, quantized in several ways.

Shape from `outputs/reports/quantization/quantization_report.json` of Sahil170595/Chimeraforge.
"""

from collections.abc import Mapping

from muse_domain.formats.banterhearts import judged, read_items, stated_environment
from muse_domain.formats.columns import with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import is_object, label, metric, number, section, stated_failure, stated_time
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric, ReportReading
from muse_domain.quality import quarantine

_ACCURACY_ONLY = "this suite measures accuracy, loss and model size, not speed or memory in use"


class QuantizationReport:
    """One run for each method; nothing about speed is measured."""

    name = "banterhearts-quantization"
    title = "Banterhearts quantization report (JSON)"
    documentation = """\
One run for each method, named `quantization/METHOD`. Methods stand at the top level, or under
`quantization_methods`. `quant` is the method, except for `baseline`, which is not quantized.

| report | Muse |
|---|---|
| `accuracy` | metric `accuracy` (share, higher is better) |
| `loss` | metric `loss` (lower is better) |
| `model_size_bytes` | metric `model_size_bytes` (B, lower is better) |

Null: every latency, tokens, cost and `memory_peak_mb`. The size of a model's file is not the memory that it
needs when it runs.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """Objects of which one at least has a `model_size_bytes`."""
        methods = _methods(content.top).values()
        # A broken method is one refusal, not a broken report; texts and lists belong to other formats.
        return not any(isinstance(method, str | list) for method in methods) and any(
            is_object(method) and "model_size_bytes" in method for method in methods
        )

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each method on its own."""
        report = content.top
        return read_items(self.name, _methods(report).items(), lambda name, item: _method(report, name, item))


def _methods(report: Mapping[str, object]) -> Mapping[str, object]:
    return section(report, "quantization_methods") if "quantization_methods" in report else report


def _method(report: Mapping[str, object], name: str, item: Mapping[str, object]) -> Measurement:
    ts, no_time = stated_time(report.get("generated_at"))
    measurement = Measurement(
        benchmark=f"quantization/{name}",
        suite="quantization",
        ts=ts,
        model=label(section(report, "model").get("name")),
        quant=None if name == "baseline" else name,
        metrics=_metrics(item),
        environment=stated_environment(report),
        null_reasons=no_time,
    )
    complete = with_columns(measurement, why_null=dict.fromkeys(METRIC_COLUMNS, _ACCURACY_ONLY))
    failure = stated_failure(item)
    return quarantine(judged(complete, report), *([failure] if failure else []))


def _metrics(item: Mapping[str, object]) -> tuple[Metric, ...]:
    return (
        *metric("accuracy", number(item.get("accuracy")), "share", "higher"),
        *metric("loss", number(item.get("loss")), "loss", "lower"),
        *metric("model_size_bytes", number(item.get("model_size_bytes")), "B", "lower"),
    )


FORMATS = (QuantizationReport(),)
