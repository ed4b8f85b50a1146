"""Banterhearts inference reports: raw generation times of a few scenarios.

Shape from `reports/test_inference_benchmark.json` of Sahil170595/Chimera_Multi_agent, a generated sample.
"""

from collections.abc import Mapping

from muse_domain.formats.banterhearts import judged, stated_environment
from muse_domain.formats.columns import sample_columns, stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
    is_object,
    label,
    listed,
    metric,
    number,
    section,
    settings,
    stated_failure,
    stated_time,
)
from muse_domain.measurements import Measurement, ReportReading
from muse_domain.quality import flag, quarantine

# The stated values win over those that the samples give: `assess` then sees a contradiction.
_SUMMARY_KEYS = {
    "latency_mean_ms": "average_time_ms",
    "latency_min_ms": "min_time_ms",
    "latency_max_ms": "max_time_ms",
    "tokens_per_sec": "tokens_per_second",
}


class InferenceReport:
    """One run with its raw samples."""

    name = "banterhearts-inference"
    title = "Banterhearts inference report (JSON)"
    documentation = """\
One run, named `inference/MODEL (SETTINGS)`.

| report | Muse |
|---|---|
| `performance_summary.average_time_ms`, `min_time_ms`, `max_time_ms` | `latency_mean_ms`, `_min_`, `_max_` |
| `generation_times` (ms, as the summary shows) | `latency_p50_ms` from 5 samples, p95 from 20, p99 from \
100 (linear interpolation), `latency_std_ms`, `n_samples` |
| `performance_summary.tokens_per_second` | `tokens_per_sec` |
| `total_tokens` | metric `tokens_generated` |

Null: percentiles with too few samples, cost, memory, commit. A generated report (environment "3.9+") is
quarantined.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A list of `generation_times` beside a `performance_summary`."""
        top = content.top
        return isinstance(top.get("generation_times"), list) and is_object(top.get("performance_summary"))

    def read(self, path: str, content: Decoded) -> ReportReading:
        """The one run of the file."""
        report = content.top
        stated = listed(report, "generation_times")
        times = [time for time in map(number, stated) if time is not None]
        summary = stated_columns(section(report, "performance_summary"), _SUMMARY_KEYS)
        timed = with_columns(_described(report, len(times)), sample_columns(times), summary)
        lost = len(stated) - len(times)
        flagged = flag(timed, *([f"{lost} of {len(stated)} generation times are not numbers"] if lost else []))
        failure = stated_failure(report)
        return ReportReading(self.name, (quarantine(judged(flagged, report), *([failure] if failure else [])),))


def _described(report: Mapping[str, object], samples: int) -> Measurement:
    model = section(report, "model")
    name = label(model.get("name"))
    shape = settings(model, without=("name", "device"))
    ts, no_time = stated_time(report.get("generated_at"))
    return Measurement(
        benchmark=f"inference/{name or 'model'}" + (f" ({shape})" if shape else ""),
        suite="inference",
        ts=ts,
        model=name,
        n_samples=samples,
        metrics=metric("tokens_generated", number(report.get("total_tokens")), "tokens"),
        environment=stated_environment(report),
        null_reasons=no_time,
    )


FORMATS = (InferenceReport(),)
