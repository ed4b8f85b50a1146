"""pytest-benchmark's JSON (`--benchmark-json`, `--benchmark-save`).

Meanings from pytest-benchmark's own source (github.com/ionelmc/pytest-benchmark): `stats` are in seconds, the deviation
of one round is written as 0 (`stats.py`), `datetime` is UTC in every version since 3.0 (`plugin.py`: utcnow before 5.0,
an aware UTC time after), `commit_info` describes the tested project's checkout (`utils.py: get_commit_info`).
"""

import re
from collections.abc import Iterator, Mapping

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import Columns, percentile_columns, stated_columns, with_columns, without_deviation
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
    StatedOnce,
    count,
    is_object,
    label,
    listed,
    metric,
    number,
    scalar,
    section,
    stated_commit,
    stated_failure,
    stated_time,
)
from muse_domain.measurements import Measurement, Metric, ReportReading
from muse_domain.quality import flag, quarantine

_STATS_KEYS = {
    "latency_mean_ms": "mean",
    "latency_p50_ms": "median",
    "latency_min_ms": "min",
    "latency_max_ms": "max",
    "latency_std_ms": "stddev",
}
_MACHINE_KEYS = ("machine", "system", "python_implementation", "python_version")
_CLOCK = re.compile(r"[A-Za-z_][\w.]{0,80}")
_USUAL_CLOCK = "perf_counter"
_WHY_NULL = {
    "latency_p95_ms": "the report states mean, median and quartiles; it was saved without the single rounds",
    "latency_p99_ms": "the report states mean, median and quartiles; it was saved without the single rounds",
    "tokens_per_sec": "this tool times calls, not tokens: ops are calls per second",
}


class PytestBenchmarkReport:
    """One run for each benchmark."""

    name = "pytest-benchmark"
    title = "pytest-benchmark (JSON)"
    documentation = """\
One run for each entry of `benchmarks`, named by its `fullname`.

| report | Muse |
|---|---|
| `stats.mean`, `median`, `min`, `max`, `stddev` (seconds) | `latency_mean_ms`, `_p50_`, `_min_`, \
`_max_`, `_std_` |
| `stats.data`, if saved, with one iteration a round | p95 from 20 rounds, p99 from 100 (linear \
interpolation) |
| `stats.rounds` | `n_samples` |
| `stats.ops`, `iqr`, `iterations` | metrics `ops_per_sec`, `latency_iqr_ms`, `iterations_per_round` |
| numbers in `extra_info` | metrics `extra_NAME`, unit not stated |
| `commit_info.id` | `commit_sha`; `dirty` flags the run |
| `datetime` (UTC) | `ts` |
| `machine_info`: CPU, architecture, system and its major release, Python | environment |
| `options.timer`, where it is not `perf_counter`: the clock, maybe one of CPU time | environment |

With several iterations a round, each sample is the mean of a round: the extremes and the median are those of
rounds. Null: p95 and p99 when the single rounds were not saved, the deviation of a single round, tokens, cost, memory.
A benchmark that raised is not in the report; a test that failed after its measurement is, without a mark, and cannot be
told. The name of the host, clock rates and build dates are not read.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """`machine_info` beside a list of `benchmarks`."""
        return is_object(content.top.get("machine_info")) and isinstance(content.top.get("benchmarks"), list)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each benchmark on its own."""
        report = content.top
        stated = _stated_once(report)
        benchmarks = list(enumerate(listed(report, "benchmarks"), start=1))
        return ReportReading(
            self.name,
            tuple(_benchmark(stated, index, item) for index, item in benchmarks if is_object(item)),
            tuple(not_an_object(f"benchmark {index}") for index, item in benchmarks if not is_object(item)),
        )


def _stated_once(report: Mapping[str, object]) -> StatedOnce:
    commit_info = section(report, "commit_info")
    ts, no_time = stated_time(report.get("datetime"), naive_is_utc=True)
    commit, no_commit = stated_commit(commit_info.get("id"))
    is_dirty = commit_info.get("dirty") is True
    warnings = ("the checkout was dirty: the commit is not exactly what was measured",) if is_dirty else ()
    return StatedOnce(ts, commit, no_time | no_commit, _environment(section(report, "machine_info")), warnings)


def _benchmark(report: StatedOnce, index: int, item: Mapping[str, object]) -> Measurement:
    stats = section(item, "stats")
    measurement = Measurement(
        benchmark=label(item.get("fullname")) or label(item.get("name")) or f"benchmark {index}",
        suite="pytest-benchmark",
        ts=report.ts,
        commit_sha=report.commit_sha,
        n_samples=count(stats.get("rounds")),
        metrics=(*_stats_metrics(stats), *_extra_metrics(section(item, "extra_info"))),
        environment={**report.environment, **_clock(section(item, "options"))},
        null_reasons=report.null_reasons,
    )
    columns = (_tail(stats), _stated(stats))
    failure = stated_failure(item)
    run = quarantine(with_columns(measurement, *columns, why_null=_WHY_NULL), *([failure] if failure else []))
    return flag(run, *report.warnings, *_missing_rounds(stats))


def _clock(options: Mapping[str, object]) -> dict[str, str]:
    """The clock, if it is not the usual one: the times of different clocks are not compared."""
    timer = label(options.get("timer"))
    return {"timer": timer} if timer and timer != _USUAL_CLOCK and _CLOCK.fullmatch(timer) else {}


def _stated(stats: Mapping[str, object]) -> Columns:
    columns = stated_columns(stats, _STATS_KEYS, scale=1000)
    return columns if count(stats.get("rounds")) != 1 else without_deviation(columns)


def _tail(stats: Mapping[str, object]) -> Columns:
    """p95 and p99 of the rounds: only where a round is one call, else they are percentiles of means."""
    seconds = [value for value in map(number, listed(stats, "data")) if value is not None]
    if not seconds:
        return Columns()
    if count(stats.get("iterations")) != 1:
        why = "a round is the mean of several calls: percentiles of rounds are not those of calls"
        return Columns(reasons={"latency_p95_ms": why, "latency_p99_ms": why})
    return percentile_columns([value * 1000 for value in seconds])


def _stats_metrics(stats: Mapping[str, object]) -> tuple[Metric, ...]:
    # Of one round it is 0, as the deviation is: neither was measured.
    iqr = None if count(stats.get("rounds")) == 1 else number(stats.get("iqr"))
    return (
        # The reciprocal of the mean, and its spread: compared, they would tell a change of latency again.
        *metric("ops_per_sec", number(stats.get("ops")), "ops/s"),
        *metric("latency_iqr_ms", None if iqr is None else iqr * 1000, "ms"),
        *metric("iterations_per_round", number(stats.get("iterations")), "iterations"),
    )


def _extra_metrics(extra: Mapping[str, object]) -> Iterator[Metric]:
    for key, value in extra.items():
        yield from metric(f"extra_{label(key) or '(unnamed)'}", number(value), "not stated")


def _environment(machine: Mapping[str, object]) -> dict[str, str]:
    cpu = section(machine, "cpu")
    facts = {key: label(machine.get(key)) for key in _MACHINE_KEYS}
    facts["os_release"] = _major(label(machine.get("release")))
    # py-cpuinfo renamed the field in its version 6.
    facts["cpu_brand"] = label(cpu.get("brand_raw")) or label(cpu.get("brand"))
    facts["cpu_arch"] = label(cpu.get("arch"))
    facts["cpu_count"] = scalar(cpu.get("count"))
    return {key: fact for key, fact in facts.items() if fact}


def _major(release: str | None) -> str | None:
    return release.split(".")[0] if release else None


def _missing_rounds(stats: Mapping[str, object]) -> Iterator[str]:
    rounds, data = count(stats.get("rounds")), listed(stats, "data")
    if rounds is not None and data and len(data) < rounds:
        yield f"{len(data)} of {rounds} stated rounds are in the report"


FORMATS = (PytestBenchmarkReport(),)
