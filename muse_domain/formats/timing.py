"""Banterhearts timing reports: one timed function, or several runs of one.

Shapes from `data/csv/demo_inference_*.json` and `data/csv/baselines/*.json` of Sahil170595/Chimeraforge.
"""

from collections.abc import Mapping

from muse_domain.formats.banterhearts import judged, no_percentiles, stated_environment
from muse_domain.formats.columns import stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
    count,
    is_object,
    label,
    listed,
    metric,
    number,
    section,
    stated_failure,
    stated_time,
)
from muse_domain.measurements import Measurement, Metric, ReportReading
from muse_domain.quality import flag, quarantine

_TIMING_KEYS = {
    "latency_mean_ms": "mean_ms",
    "latency_p50_ms": "p50_ms",
    "latency_p95_ms": "p95_ms",
    "latency_p99_ms": "p99_ms",
    "latency_std_ms": "stdev_ms",
}
_NO_TOKENS = {"tokens_per_sec": "this suite times calls, not tokens"}
_RUNS_WHY_NULL = (
    _NO_TOKENS
    | no_percentiles("the report states percentiles of each run, which cannot be merged, and of the run means")
    | {"latency_std_ms": "the report states the deviation of the run means, not of the samples"}
)


class TimingReport:
    """One function, timed in one run."""

    name = "banterhearts-timing"
    title = "Banterhearts timing report (JSON)"
    documentation = """\
One run, named `timing/BENCHMARK_NAME`.

| report | Muse |
|---|---|
| `timing.mean_ms`, `p50_ms`, `p95_ms`, `p99_ms`, `stdev_ms` | `latency_mean_ms`, `_p50_`, `_p95_`, \
`_p99_`, `_std_` |
| `timing.samples` | `n_samples` |
| `timestamp` (seconds since 1970) | `ts` |
| `environment` | environment, the release of the system as its major number |

Percentiles that the report states from too few samples are kept, and the run is flagged: with 10 samples its
p95 and p99 are simply the slowest call. Null: extremes, tokens, cost, memory, commit.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """`benchmark_name` beside an object `timing`."""
        return "benchmark_name" in content.top and is_object(content.top.get("timing"))

    def read(self, path: str, content: Decoded) -> ReportReading:
        """The one run of the file."""
        report = content.top
        timing = section(report, "timing")
        measurement = _described(report, "benchmark_name", count(timing.get("samples")))
        timed = with_columns(measurement, stated_columns(timing, _TIMING_KEYS), why_null=_NO_TOKENS)
        return ReportReading(self.name, (_checked(timed, report),))


class TimingRunsReport:
    """One function, timed in several runs."""

    name = "banterhearts-timing-runs"
    title = "Banterhearts inference baseline: several timing runs (JSON)"
    documentation = """\
One run of Muse for the whole file, named `timing/TEST_NAME`.

| report | Muse |
|---|---|
| `timing_stats.overall_mean_ms` | `latency_mean_ms` |
| `timing_stats.overall_stdev_ms` | metric `run_mean_stdev_ms`: it is the deviation of the run means |
| `timing_stats.run_results[i]` | metrics `run_N_mean_ms`, `run_N_p50_ms`, `run_N_p95_ms`, `run_N_p99_ms` |
| the sum of `run_results[i].samples` | `n_samples` |
| `timestamp` (seconds since 1970) | `ts` |

Null: the percentiles. Those of the runs cannot be merged without the samples, and
`timing_stats.latency_percentiles` are percentiles of the run means (its p95 is the slowest run's mean).
Fewer runs or samples than stated flag the run.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """`test_name` beside an object `timing_stats`."""
        return "test_name" in content.top and is_object(content.top.get("timing_stats"))

    def read(self, path: str, content: Decoded) -> ReportReading:
        """All runs of the file as one."""
        report = content.top
        stats = section(report, "timing_stats")
        runs = [run for run in listed(stats, "run_results") if is_object(run)]
        measurement = _described(report, "test_name", _total_samples(runs), _run_metrics(stats, runs))
        overall = stated_columns(stats, {"latency_mean_ms": "overall_mean_ms"})
        timed = with_columns(measurement, overall, why_null=_RUNS_WHY_NULL)
        return ReportReading(self.name, (flag(_checked(timed, report), *_missing_samples(report, runs)),))


def _described(
    report: Mapping[str, object], name_key: str, samples: int | None, metrics: tuple[Metric, ...] = ()
) -> Measurement:
    ts, no_time = stated_time(report.get("timestamp"))
    return Measurement(
        benchmark=f"timing/{label(report.get(name_key)) or '(unnamed)'}",
        suite="timing",
        ts=ts,
        n_samples=samples,
        metrics=metrics,
        environment=stated_environment(report),
        null_reasons=no_time,
    )


def _checked(measurement: Measurement, report: Mapping[str, object]) -> Measurement:
    failure = stated_failure(report)
    return quarantine(judged(measurement, report), *([failure] if failure else []))


def _total_samples(runs: list[Mapping[str, object]]) -> int | None:
    counts = [count(run.get("samples")) for run in runs]
    return None if None in counts or not counts else sum(found for found in counts if found)


def _run_metrics(stats: Mapping[str, object], runs: list[Mapping[str, object]]) -> tuple[Metric, ...]:
    found = list(metric("run_mean_stdev_ms", number(stats.get("overall_stdev_ms")), "ms", "lower"))
    for position, run in enumerate(runs, start=1):
        for key in ("mean_ms", "p50_ms", "p95_ms", "p99_ms"):
            found.extend(metric(f"run_{position}_{key}", number(run.get(key)), "ms", "lower"))
    return tuple(found)


def _missing_samples(report: Mapping[str, object], runs: list[Mapping[str, object]]) -> list[str]:
    stated_runs, stated_samples = count(report.get("runs")), count(report.get("samples_per_run"))
    found = []
    if stated_runs is not None and len(runs) < stated_runs:
        found.append(f"{len(runs)} of {stated_runs} stated runs are in the report")
    if stated_samples is not None and any((count(r.get("samples")) or 0) < stated_samples for r in runs):
        found.append(f"a run has fewer than the stated {stated_samples} samples")
    return found


FORMATS = (TimingReport(), TimingRunsReport())
