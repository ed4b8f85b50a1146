"""Banterhearts compilation reports: one model, compiled and timed by several backends.

Shape from the reports under `outputs/reports/compilation/` of Sahil170595/Chimeraforge.
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
    count,
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


class CompilationReport:
    """One run for each backend; a backend that failed is kept and quarantined."""

    name = "banterhearts-compilation"
    title = "Banterhearts compilation report (JSON)"
    documentation = """\
One run for each backend under `backends`, named `compilation/MODEL/BACKEND (SETTINGS)`, with the model's
dimensions and type as settings: another input size is another benchmark.

| report | Muse |
|---|---|
| `benchmark.mean_time_ms`, `std_`, `min_`, `max_` | `latency_mean_ms`, `_std_`, `_min_`, `_max_` |
| `settings.runs` | `n_samples` |
| `compilation.compile_time_s` | metric `compile_time_ms` |
| `model.name` | `model` |
| `model.device`, `environment` | environment |
| `generated_at` | `ts`, if it has a zone |

Null: percentiles (only the mean of the runs is stated), tokens, cost, memory, commit.
A backend with `success: false` or an error text is quarantined, and so is its mean of 0.0 ms.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """An object of `backends` beside `settings` or `model`."""
        top = content.top
        return is_object(top.get("backends")) and ("settings" in top or "model" in top)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each backend on its own."""
        report = content.top
        backends = section(report, "backends").items()
        return read_items(self.name, backends, lambda name, item: _backend(report, name, item))


def _backend(report: Mapping[str, object], name: str, item: Mapping[str, object]) -> Measurement:
    model = section(report, "model")
    runs = count(section(report, "settings").get("runs"))
    ts, no_time = stated_time(report.get("generated_at"))
    measurement = Measurement(
        benchmark=_benchmark(model, name),
        suite="compilation",
        ts=ts,
        model=label(model.get("name")),
        n_samples=runs,
        metrics=_compile_time(section(item, "compilation")),
        environment=stated_environment(report),
        null_reasons=no_time,
    )
    why = no_percentiles(_only_the_mean(runs)) | {"tokens_per_sec": "this suite times calls, not tokens"}
    timed = with_columns(measurement, summary_columns(section(item, "benchmark")), why_null=why)
    return quarantine(judged(timed, report), *_failures(item))


def _benchmark(model: Mapping[str, object], backend: str) -> str:
    shape = settings(model, without=("name", "device"))
    name = f"compilation/{label(model.get('name')) or 'model'}/{backend}"
    return f"{name} ({shape})" if shape else name


def _only_the_mean(runs: int | None) -> str:
    return f"the report states only the mean of {runs} runs" if runs else "the report states only the mean"


def _compile_time(compilation: Mapping[str, object]) -> tuple[Metric, ...]:
    seconds = number(compilation.get("compile_time_s"))
    return metric("compile_time_ms", None if seconds is None else seconds * 1000, "ms", "lower")


def _failures(item: Mapping[str, object]) -> list[str]:
    parts = (item, section(item, "compilation"), section(item, "benchmark"))
    return [failure for part in parts if (failure := stated_failure(part))]


FORMATS = (CompilationReport(),)
