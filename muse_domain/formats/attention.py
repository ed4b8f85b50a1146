"""Banterhearts attention reports: mean times of attention mechanisms.

Shape from `reports/test_attention_benchmark.json` of Sahil170595/Chimera_Multi_agent, a generated sample.
"""

from collections.abc import Mapping

from muse_domain.formats.banterhearts import (
    judged,
    no_percentiles,
    read_items,
    stated_environment,
    summary_columns,
)
from muse_domain.formats.columns import with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
    is_object,
    label,
    metric,
    number,
    section,
    settings,
    stated_failure,
    stated_time,
)
from muse_domain.measurements import Measurement, Metric, ReportReading
from muse_domain.quality import quarantine

_WHY_NULL = no_percentiles("the report states only the mean of an unstated number of runs") | {
    "tokens_per_sec": "the stated throughput is not known to count tokens: the known samples divide 1000 by "
    "the mean time, which is a rate of calls",
    "memory_peak_mb": "the report states memory in use, not the peak",
}


class AttentionReport:
    """One run for each attention mechanism."""

    name = "banterhearts-attention"
    title = "Banterhearts attention report (JSON)"
    documentation = """\
One run for each mechanism under `performance_results`, named `attention/MECHANISM (SETTINGS)`, with the heads
and windows of `attention_configs` as settings.

| report | Muse |
|---|---|
| `mean_time_ms`, `std_time_ms`, `min_time_ms`, `max_time_ms` | `latency_mean_ms`, `_std_`, `_min_`, `_max_` |
| `memory_used_mb` | metric `memory_used_mb` (in use, not the peak) |
| `model.name` | `model` |

Null: percentiles, cost, commit, and `tokens_per_sec`: in the known samples `throughput_tokens_per_sec` is
1000 / mean time, a rate of calls. `cross_comparison` is computed from the same numbers and not read.
A report whose environment holds placeholders such as "3.9+" was generated: its runs are quarantined.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """`performance_results` beside `attention_configs`."""
        top = content.top
        return is_object(top.get("performance_results")) and is_object(top.get("attention_configs"))

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each mechanism on its own."""
        report = content.top
        results = section(report, "performance_results").items()
        return read_items(self.name, results, lambda name, item: _mechanism(report, name, item))


def _mechanism(report: Mapping[str, object], name: str, item: Mapping[str, object]) -> Measurement:
    ts, no_time = stated_time(report.get("generated_at"))
    shape = settings(section(section(report, "attention_configs"), name), without=("mechanism",))
    measurement = Measurement(
        benchmark=f"attention/{name} ({shape})" if shape else f"attention/{name}",
        suite="attention",
        ts=ts,
        model=label(section(report, "model").get("name")),
        metrics=_metrics(item),
        environment=stated_environment(report),
        null_reasons=no_time,
    )
    timed = with_columns(measurement, summary_columns(item), why_null=_WHY_NULL)
    failure = stated_failure(item)
    return quarantine(judged(timed, report), *([failure] if failure else []))


def _metrics(item: Mapping[str, object]) -> tuple[Metric, ...]:
    return metric("memory_used_mb", number(item.get("memory_used_mb")), "MB", "lower")


FORMATS = (AttentionReport(),)
