"""Google Benchmark's JSON (`--benchmark_format=json`, `--benchmark_out`).

Meanings from Google Benchmark's own source (github.com/google/benchmark): `real_time` and `cpu_time` are means over
`iterations`, in `time_unit` (`json_reporter.cc`); aggregates are those of the repetitions (`statistics.cc`); `date`
has an offset since 1.5.2, before it is a local time without a zone (`timers.cc`).
"""

import re
from collections.abc import Iterator, Mapping

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import OF_MEANS, Columns, mean_columns, sample_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.google_benchmark_rows import BenchmarkRows, Row, grouped_rows
from muse_domain.formats.values import (
    StatedOnce,
    count,
    excerpt,
    is_object,
    label,
    listed,
    metric,
    number,
    scalar,
    section,
    stated_commit,
    stated_time,
    to_ms,
)
from muse_domain.measurements import METRIC_COLUMNS, Better, Measurement, Metric, ReportReading
from muse_domain.quality import PERCENTILE_MINIMUM, flag, quarantine

_CONTEXT_KEYS = frozenset({"num_cpus", "mhz_per_cpu", "library_build_type"})
_AGGREGATE_COLUMNS = {"latency_mean_ms": "mean", "latency_std_ms": "stddev"}
_ENVIRONMENT_KEYS = ("num_cpus", "cpu_scaling_enabled", "aslr_enabled", "library_build_type")
# Keys that projects add themselves (`--benchmark_context`); all others could be anything, so they are not read.
_OWN_ENVIRONMENT_KEYS = tuple("cpu cpu_model cpu_name gpu gpu_name compiler compiler_version build_type".split())
_OWN_COMMIT_KEYS = frozenset(
    "commit commit_hash commit_id commit_sha revision sha git_commit git_commit_hash git_commit_sha git_hash "
    "git_revision git_sha".split()
)
_ROW_KEYS = frozenset(
    "name run_name run_type family_index per_family_instance_index repetitions repetition_index threads "
    "aggregate_name aggregate_unit iterations real_time cpu_time time_unit label error_occurred error_message "
    "skipped skip_message".split()
)
# What the library measures itself. Rates tell the change of the time again; total and net bytes have no direction.
_KNOWN_METRICS: Mapping[str, tuple[str, Better]] = {
    "bytes_per_second": ("B/s", "none"),
    "items_per_second": ("items/s", "none"),
    "allocs_per_iter": ("allocs", "lower"),
    "max_bytes_used": ("B", "lower"),
    "total_allocated_bytes": ("B", "none"),
    "net_heap_growth": ("B", "none"),
}
_WHY_NULL = {"tokens_per_sec": "this tool times calls, not tokens"}


class GoogleBenchmarkReport:
    """One run for each benchmark, made of its repetitions and aggregates."""

    name = "google-benchmark"
    title = "Google Benchmark (JSON)"
    documentation = """\
One run for each `run_name` of `benchmarks`: its repetitions are the samples of one run, not runs of their own.

| report | Muse |
|---|---|
| `real_time` in `time_unit`, the mean over `iterations` | `latency_mean_ms` |
| `real_time` of several repetitions | `latency_mean_ms`, `_min_`, `_max_`, `_std_` of the repetitions |
| aggregates `mean`, `stddev` | `latency_mean_ms`, `latency_std_ms`; they win over the repetitions |
| aggregate `median` | metric `real_time_median_ms`: the median of means, not of calls |
| `iterations`; with several repetitions their number | `n_samples` |
| `cpu_time`, `iterations` | metrics `cpu_time_mean_ms`, `iterations_per_repetition` |
| `bytes_per_second`, `items_per_second`, `max_bytes_used`, `allocs_per_iter` | metrics of these names |
| user counters | metrics `counter_NAME`, unit not stated, never compared |
| rows of `Complexity()` | a run `NAME complexity CURVE` with its coefficients and `rms` as metrics |
| `context.date`, if it has an offset | `ts` |
| a full hash under `git_commit`, `commit`, `revision` or the like in `context` | `commit_sha` |
| `num_cpus`, `caches` (level, type, size), scaling, ASLR, build type, name of the executable, `threads`, own keys \
such as `compiler` | environment |

A benchmark that failed or was skipped is quarantined, also if only one of its repetitions was. A debug build of the
library and CPU frequency scaling are flagged. Null: percentiles, as a repetition is a mean over its iterations
(with one iteration each they are known, from enough repetitions), extremes and deviation of a single repetition,
tokens, cost, memory. The name of the host, clock rate, load, labels and further aggregates
(`cv`, a project's own) are not read.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A `context` with the CPUs or the build type beside a list of `benchmarks`."""
        context = section(content.top, "context")
        return isinstance(content.top.get("benchmarks"), list) and any(key in context for key in _CONTEXT_KEYS)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each benchmark on its own."""
        context = _context(section(content.top, "context"))
        rows = list(enumerate(listed(content.top, "benchmarks"), start=1))
        benchmarks = grouped_rows([(index, row) for index, row in rows if is_object(row)])
        return ReportReading(
            self.name,
            tuple(_measurement(context, benchmark) for benchmark in benchmarks),
            tuple(not_an_object(f"benchmark {index}") for index, row in rows if not is_object(row)),
        )


def _context(context: Row) -> StatedOnce:
    date = context.get("date")
    ts, no_time = stated_time(date if isinstance(date, str) else None)
    commit, no_commit = _commit(context)
    return StatedOnce(ts, commit, no_time | no_commit, _environment(context), tuple(_noise(context)))


def _measurement(context: StatedOnce, benchmark: BenchmarkRows) -> Measurement:
    run = _fitted(context, benchmark) if benchmark.complexity else _timed(context, benchmark)
    return flag(run, *context.warnings, *_missing_repetitions(benchmark.repetitions))


def _described(
    context: StatedOnce, name: str, first: Row, metrics: tuple[Metric, ...], samples: int | None = None
) -> Measurement:
    threads = scalar(first.get("threads"))
    return Measurement(
        benchmark=name,
        suite="google-benchmark",
        ts=context.ts,
        commit_sha=context.commit_sha,
        n_samples=samples,
        metrics=metrics,
        environment={**context.environment, **({"threads": threads} if threads else {})},
        null_reasons=context.null_reasons,
    )


def _commit(context: Row) -> tuple[str | None, dict[str, str]]:
    own = [value for key, value in context.items() if re.sub(r"[ -]", "_", key.lower()) in _OWN_COMMIT_KEYS]
    found = {commit for commit, _ in map(stated_commit, own) if commit}
    if len(found) > 1:
        return None, {"commit_sha": "the context states more than one commit"}
    return stated_commit(next(iter(found or own), None))


def _environment(context: Row) -> dict[str, str]:
    executable = label(context.get("executable"))
    facts = {key: scalar(context.get(key)) for key in (*_ENVIRONMENT_KEYS, *_OWN_ENVIRONMENT_KEYS)}
    facts["executable"] = re.split(r"[\\/]", executable)[-1] if executable else None
    # The library states no model of the CPU: the sizes of its caches tell one machine from another.
    facts["caches"] = ", ".join(_cache(cache) for cache in listed(context, "caches") if is_object(cache))
    return {key: fact for key, fact in facts.items() if fact}


def _cache(cache: Row) -> str:
    stated = (scalar(cache.get(key)) for key in ("level", "type", "size"))
    return " ".join(part for part in stated if part)


def _fitted(context: StatedOnce, benchmark: BenchmarkRows) -> Measurement:
    """The curve that `Complexity()` fits over a family of benchmarks, whose own runs tell the change."""
    values = {key: value for row in benchmark.complexity for key, value in row.items()}
    unit = label(values.get("time_unit")) or "not stated"
    metrics = (
        *metric("real_coefficient", number(values.get("real_coefficient")), unit),
        *metric("cpu_coefficient", number(values.get("cpu_coefficient")), unit),
        *metric("rms", number(values.get("rms")), "ratio"),
    )
    name = f"{benchmark.name} complexity {label(values.get('big_o')) or '(not stated)'}"
    run = _described(context, name, benchmark.first, metrics)
    return with_columns(run, why_null=dict.fromkeys(METRIC_COLUMNS, "a curve fitted over benchmarks, not a time"))


def _timed(context: StatedOnce, benchmark: BenchmarkRows) -> Measurement:
    done = [row for row in benchmark.repetitions if _failure(row) is None]
    failures = dict.fromkeys(filter(None, map(_failure, benchmark.repetitions)))
    mean = benchmark.aggregates.get("mean") or (done[0] if len(done) == 1 else {})
    metrics = (*_time_metrics(benchmark, mean, done), *_counters(mean))
    run = _described(context, benchmark.name, benchmark.first, metrics, _samples(benchmark, done))
    columns = (_repetition_columns(done), _aggregate_columns(benchmark.aggregates))
    return quarantine(with_columns(run, *columns, why_null=_WHY_NULL), *failures)


def _failure(row: Row) -> str | None:
    for key, message in (("error_occurred", "error_message"), ("skipped", "skip_message")):
        if row.get(key) is True:
            word = "failed" if key == "error_occurred" else "skipped"
            return f"{word}: {excerpt(row.get(message)) or 'the report does not say why'}"
    return None


def _samples(benchmark: BenchmarkRows, done: list[Row]) -> int | None:
    """Several repetitions are the samples; of a single one, its iterations are."""
    if len(benchmark.repetitions) > 1:
        return sum(_ms(row, "real_time") is not None for row in done)
    if benchmark.repetitions:
        return count(benchmark.repetitions[0].get("iterations")) if done else 0
    return next(filter(None, (count(row.get("repetitions")) for row in benchmark.aggregates.values())), None)


def _ms(row: Row, key: str) -> float | None:
    value, unit = number(row.get(key)), row.get("time_unit")
    return None if value is None or not isinstance(unit, str) else to_ms(value, unit)


def _why_no_time(row: Row) -> str:
    if number(row.get("real_time")) is None:
        return "the report states real_time without a usable number"
    return f"the report states real_time in the unknown unit {scalar(row.get('time_unit'))!r}"


def _repetition_columns(done: list[Row]) -> Columns:
    times = [time for time in (_ms(row, "real_time") for row in done) if time is not None]
    if not times:
        return Columns(reasons={"latency_mean_ms": _why_no_time(done[0]) if done else "nothing completed"})
    if all(count(row.get("iterations")) == 1 for row in done):
        return sample_columns(times)
    if len(times) > 1:
        return mean_columns(times)
    single = dict.fromkeys(("latency_min_ms", "latency_max_ms", "latency_std_ms"), "a single mean over the iterations")
    return Columns({"latency_mean_ms": times[0]}, {**single, **dict.fromkeys(PERCENTILE_MINIMUM, OF_MEANS)})


def _aggregate_columns(aggregates: Mapping[str, Row]) -> Columns:
    rows = {column: aggregates[name] for column, name in _AGGREGATE_COLUMNS.items() if name in aggregates}
    times = {column: _ms(row, "real_time") for column, row in rows.items()}
    return Columns(
        {column: time for column, time in times.items() if time is not None},
        {column: _why_no_time(rows[column]) for column, time in times.items() if time is None},
    )


def _time_metrics(benchmark: BenchmarkRows, mean: Row, done: list[Row]) -> Iterator[Metric]:
    yield from metric("real_time_median_ms", _ms(benchmark.aggregates.get("median", {}), "real_time"), "ms")
    yield from metric("cpu_time_mean_ms", _ms(mean, "cpu_time"), "ms")
    if done:
        yield from metric("iterations_per_repetition", number(done[0].get("iterations")), "iterations")


def _counters(mean: Row) -> Iterator[Metric]:
    for key, value in mean.items():
        if key in _KNOWN_METRICS:
            yield from metric(key, number(value), *_KNOWN_METRICS[key])
        elif key not in _ROW_KEYS:
            yield from metric(f"counter_{label(key) or '(unnamed)'}", number(value), "not stated")


def _noise(context: Row) -> Iterator[str]:
    if context.get("library_build_type") == "debug":
        yield "the benchmark library is a debug build: its times are not those of a release"
    if context.get("cpu_scaling_enabled") is True:
        yield "CPU frequency scaling was on: real times are noisy"


def _missing_repetitions(rows: list[Row]) -> Iterator[str]:
    stated = count(rows[0].get("repetitions")) if rows else None
    if stated is not None and len(rows) < stated:
        yield f"{len(rows)} of {stated} stated repetitions are in the report"


FORMATS = (GoogleBenchmarkReport(),)
