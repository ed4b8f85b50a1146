"""airspeed velocity's results (asv): one file for each commit and environment.

Meanings from asv's own documentation and source (github.com/airspeed-velocity/asv, `docs/source/dev.rst` and
`asv/results.py`; asv_runner, `benchmarks/` and `statistics.py`). Version 2 writes `result_columns` and a row for each
benchmark, version 1 a number or an object, before asv 0.5 with mean, extremes and deviation of the samples. `date` is
the commit's date, `started_at` the start of the measurement, both in ms since 1970. The beginning of a function's name
decides its kind: time_ and timeraw_ are seconds, the median of samples that are each the mean of `number` calls;
peakmem_ is the peak resident memory and mem_ the size of an object, in bytes; the unit of track_ stands in
`benchmarks.json` only. null is a failed benchmark, NaN a skipped one.
"""

import math
import re
from collections.abc import Iterator, Mapping

from muse_domain.formats.asv_rows import AsvResult, benchmark_results
from muse_domain.formats.columns import OF_MEANS, Columns, mean_columns, sample_columns, stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
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
)
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric, Refusal, ReportReading, ReportRefused
from muse_domain.quality import flag

_TIME = re.compile(r"(?:time|timeraw)_|(?:Time|Timeraw)[A-Z_]")
_PEAK_MEMORY = re.compile(r"peakmem_|PeakMem[A-Z_]")
_SIZE = re.compile(r"mem_|Mem[A-Z_]")
_MACHINE_KEYS = ("arch", "cpu", "num_cpu")
_VERSION_1 = {"latency_mean_ms": "stats_mean", "latency_min_ms": "stats_min", "latency_max_ms": "stats_max"}
_QUARTILES = {"latency_q25_ms": "stats_q_25", "latency_q75_ms": "stats_q_75"}
_INTERVAL = {"latency_ci99_low_ms": "stats_ci_99_a", "latency_ci99_high_ms": "stats_ci_99_b"}
_RELEASE = re.compile(r"([0-9]+)\.[\w.+-]{0,80}")
_MEDIAN_ONLY = "asv states the median of the samples; it saved them without --record-samples"
_NO_SAMPLES = {c: _MEDIAN_ONLY for c in METRIC_COLUMNS if c.startswith("latency_")}
_NO_TIME = {c: "this benchmark measures no time" for c in METRIC_COLUMNS if c.startswith("latency_")}


class AsvResults:
    """One run for each benchmark and combination of its parameters."""

    name = "asv"
    title = "airspeed velocity results (asv, JSON)"
    documentation = """\
One run for each benchmark and combination of parameters that has a value, named `BENCHMARK(PARAMETER, ...)`.

| report | Muse |
|---|---|
| `result` of a `time_` or `timeraw_` benchmark (seconds, the median) | `latency_p50_ms` |
| `samples`, if recorded | mean, deviation, extremes; p95 and p99 from enough of them, if a sample is one call |
| `mean`, `min`, `max`, `std` of the `stats` of version 1 | `latency_mean_ms`, `_min_`, `_max_`, `_std_`: asv divides \
the squares by n, Muse by n - 1 |
| `stats_repeat`; `repeat` or `n` of version 1 | `n_samples` |
| `stats_q_25`, `stats_q_75`, `stats_ci_99_a`, `stats_ci_99_b` | metrics `latency_q25_ms`, `latency_q75_ms`, \
`latency_ci99_low_ms`, `latency_ci99_high_ms` |
| `result` of `peakmem_` (bytes) | `memory_peak_mb` |
| `result` of `mem_` (bytes) | metric `size_bytes` |
| `result` of `track_` and others | metric `value`, unit and direction not stated |
| `commit_hash` | `commit_sha` |
| `started_at` (ms since 1970) | `ts` |
| `params`, `python`, `requirements`, `env_vars`, the benchmark's `version` | environment |

Null: `ts` where the start is not stated (`date` is the commit's, not that of the measurement), the mean without
samples (version 2), tokens, cost. Combinations without a value (failed, skipped) are refused, once for each benchmark.
The machine's name is not read; its memory is kept to two digits, of its system the major release. Of few samples the
confidence interval may reach below zero: it is left out, and the run flagged.
`machine.json` and `benchmarks.json` hold no results and are refused.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """`commit_hash` beside `results`; also the files that asv writes beside its results."""
        return _is_results(content) or _is_machine(content) or _is_benchmarks(content)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each benchmark on its own; raises ReportRefused for asv's files without results."""
        if not _is_results(content):
            kind = "machine.json: it describes a machine" if _is_machine(content) else "benchmarks.json: it lists them"
            reason = f"This is asv's {kind} and states no result."
            raise ReportRefused(reason, "Ingest the files `COMMIT-ENVIRONMENT.json` in the machine's folder.")
        runs: list[Measurement] = []
        refusals: list[Refusal] = []
        for name, stated in section(content.top, "results").items():
            for part in benchmark_results(content.top, name, stated):
                if isinstance(part, Refusal):
                    refusals.append(part)
                else:
                    runs.append(_run(content.top, part))
        return ReportReading(self.name, tuple(runs), tuple(refusals))


def _is_results(content: Decoded) -> bool:
    return "commit_hash" in content.top and is_object(content.top.get("results"))


def _is_machine(content: Decoded) -> bool:
    return content.top.keys() >= {"machine", "arch", "cpu", "ram", "os", "version"}


def _is_benchmarks(content: Decoded) -> bool:
    if "version" not in content.top or len(content.top) < 2:
        return False
    first = next((value for key, value in content.top.items() if key != "version"), None)
    return is_object(first) and first.keys() >= {"code", "param_names", "params", "type"}


def _run(report: Mapping[str, object], result: AsvResult) -> Measurement:
    started = number(result.stated.get("started_at"))
    ts, no_time = stated_time(None if started is None else started / 1000)
    if started is None:
        no_time = {"ts": "the report states the commit's date, not when it was measured"}
    commit, no_commit = stated_commit(report.get("commit_hash"))
    function = result.name.partition("(")[0].rpartition(".")[2]
    measurement = Measurement(
        benchmark=result.name,
        suite="asv",
        ts=ts,
        commit_sha=commit,
        n_samples=count(result.stated.get("stats_repeat")),
        metrics=tuple(_metrics(function, result)),
        environment=_environment(report, result),
        null_reasons=no_time | no_commit,
    )
    if _TIME.match(function):
        return flag(with_columns(measurement, *_times(result), why_null=_NO_SAMPLES), *_warnings(result))
    memory = {"memory_peak_mb": result.value / 1e6} if _PEAK_MEMORY.match(function) else {}
    return with_columns(measurement, Columns(memory), why_null=_NO_TIME)


def _times(result: AsvResult) -> tuple[Columns, ...]:
    """The stated median, and what the samples (s) give, if they were recorded."""
    samples = [number(sample) for sample in listed(result.stated, "samples")]
    milliseconds = [sample * 1000 for sample in samples if sample is not None]
    of_calls = count(result.stated.get("stats_number")) == 1
    median = Columns({"latency_p50_ms": result.value * 1000})
    stated = (stated_columns(result.stated, _VERSION_1, scale=1000), _version_1_deviation(result))
    if not milliseconds or len(milliseconds) != len(samples):
        return (*stated, median if of_calls else Columns(median.values, _tail_of_means(result)))
    return (*stated, sample_columns(milliseconds) if of_calls else mean_columns(milliseconds), median)


def _version_1_deviation(result: AsvResult) -> Columns:
    """The deviation of the samples, which asv states as that of a whole population."""
    std, samples = number(result.stated.get("stats_std")), count(result.stated.get("stats_repeat"))
    if std is None:
        return Columns()
    if samples is None or samples < 2:
        why = "one sample has no deviation" if samples == 1 else "the number of samples is not stated"
        return Columns(reasons={"latency_std_ms": why})
    return Columns({"latency_std_ms": std * 1000 * math.sqrt(samples / (samples - 1))})


def _tail_of_means(result: AsvResult) -> dict[str, str]:
    several = (count(result.stated.get("stats_number")) or 0) > 1
    return dict.fromkeys(("latency_p95_ms", "latency_p99_ms"), OF_MEANS) if several else {}


def _metrics(function: str, result: AsvResult) -> Iterator[Metric]:
    if _TIME.match(function):
        for name, key in (_QUARTILES if _reaches_below_zero(result) else _QUARTILES | _INTERVAL).items():
            seconds = number(result.stated.get(key))
            yield from metric(name, None if seconds is None else seconds * 1000, "ms")
    elif _SIZE.match(function):
        yield Metric("size_bytes", result.value, "B", "lower")
    elif not _PEAK_MEMORY.match(function):
        yield Metric("value", result.value, "not stated")


def _reaches_below_zero(result: AsvResult) -> bool:
    """Whether the interval is no range of times: asv takes it from Student's distribution, wide for two samples."""
    return (number(result.stated.get("stats_ci_99_a")) or 0) < 0


def _warnings(result: AsvResult) -> list[str]:
    return ["so few samples that their confidence interval reaches below zero"] if _reaches_below_zero(result) else []


def _environment(report: Mapping[str, object], result: AsvResult) -> dict[str, str]:
    machine = section(report, "params")
    facts = {key: scalar(machine.get(key)) for key in _MACHINE_KEYS}
    facts["os"] = _RELEASE.sub(r"\1", label(machine.get("os")) or "")
    facts["ram"] = _rough(machine.get("ram"))
    facts["python"] = scalar(report.get("python"))
    # A benchmark whose code changed is another benchmark: asv itself compares none of different versions.
    facts["benchmark_version"] = (scalar(result.stated.get("version")) or "")[:12]
    for prefix, key in (("requirement", "requirements"), ("env", "env_vars")):
        facts |= {f"{prefix}_{label(k)}": excerpt(scalar(v)) or "any" for k, v in section(report, key).items()}
    return {key: fact for key, fact in facts.items() if fact}


def _rough(memory: object) -> str | None:
    """The memory to two digits, in the unit that the report does not state: the rest changes with each kernel."""
    text = scalar(memory)
    try:
        return f"{float(text):.2g}" if text else None
    except ValueError:
        return text


FORMATS = (AsvResults(),)
