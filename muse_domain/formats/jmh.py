"""JMH, the Java Microbenchmark Harness, as JSON (`-rf json`).

Meanings from JMH's own source (github.com/openjdk/jmh, `JSONResultFormat.java`, `Result.java`, `Mode.java`): a score
is the mean of its samples, `scoreError` half of the 99.9 % confidence interval of that mean. In the modes avgt and
thrpt a sample is an iteration, a mean of many calls; in sample and ss it is one call, but in ss with several threads
the mean over the threads (`SingleShotResult.java`). NaN and infinities are written as texts. Versions before 1.36
begin the names of profilers' results with a dot.
"""

from collections.abc import Iterator, Mapping

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import OF_MEANS, Columns, with_columns, without_zeros
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
    content_hash,
    count,
    is_object,
    label,
    listed,
    metric,
    number,
    scalar,
    section,
    settings,
    to_ms,
)
from muse_domain.measurements import METRIC_COLUMNS, Better, Measurement, Metric, ReportReading
from muse_domain.quality import flag, quarantine

_EXTREMES = {"latency_min_ms": "0.0", "latency_max_ms": "100.0"}
_PERCENTILES = {"latency_p50_ms": "50.0", "latency_p95_ms": "95.0", "latency_p99_ms": "99.0"}
_MODES = ("thrpt", "avgt", "sample", "ss")
# The units of `TimeValue.java` that no other tool writes.
_LONG_MS = {"min": 60e3, "hr": 3600e3, "day": 86400e3}
_PER_SECOND = {"s": 1.0, "sec": 1.0, "ms": 1e3, "msec": 1e3, "us": 1e6, "usec": 1e6, "ns": 1e9, "nsec": 1e9}
_BELOW_CLOCK = "the report states 0: a call took less than the clock can tell"
_TOKENS = {"tokens_per_sec": "this tool times calls, not tokens"}
_LATENCIES = tuple(column for column in METRIC_COLUMNS if column.startswith("latency_"))


class JmhReport:
    """One run for each benchmark, mode and set of parameters."""

    name = "jmh"
    title = "JMH results (JSON)"
    documentation = """\
One run for each entry, named `BENCHMARK (MODE, PARAMETERS)`.

| report | Muse |
|---|---|
| `primaryMetric.score` in a time an operation (avgt, sample, ss) | `latency_mean_ms` |
| `scorePercentiles` 0 and 100 of a time | `latency_min_ms`, `latency_max_ms`; in avgt those of iterations |
| `scorePercentiles` 50, 95, 99 in the modes sample, and ss with one thread | `latency_p50_ms`, `_p95_`, `_p99_` |
| `score` in operations a time (thrpt) | metric `throughput` in ops/s |
| `scoreError` | metric `score_error_ms` or `throughput_error` |
| the numbers in `rawData`, or the counts in `rawDataHistogram` | `n_samples` |
| `secondaryMetrics` (profilers) | metrics under their name; of `gc.alloc.rate.norm` lower is better |
| versions of JMH, JDK and VM, threads, forks, warm-up, measurement, `-X` flags | environment |

Null: percentiles in the mode avgt (an iteration is a mean of many calls) and in ss with several threads (each is a
mean over them), a minimum or percentile of 0 (calls below the resolution of the clock), all latencies in thrpt, the
deviation, time and commit, which JMH does not state. The path of the JVM, system properties and flags with paths are
not read. A score that is not a number, or a throughput of zero or less, quarantines the run; a unit that is no time
keeps its value as a metric and flags it.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A list whose first entry has a benchmark, a mode and a `primaryMetric`."""
        first = content.json[0] if isinstance(content.json, list) and content.json else None
        return is_object(first) and {"benchmark", "mode", "primaryMetric"} <= first.keys()

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each entry on its own."""
        entries = list(enumerate(content.json if isinstance(content.json, list) else [], start=1))
        return ReportReading(
            self.name,
            tuple(_run(index, entry) for index, entry in entries if is_object(entry)),
            tuple(not_an_object(f"entry {index}") for index, entry in entries if not is_object(entry)),
        )


def _run(index: int, entry: Mapping[str, object]) -> Measurement:
    primary, mode = section(entry, "primaryMetric"), label(entry.get("mode"))
    parameters = ", ".join(part for part in (mode, settings(section(entry, "params"))) if part)
    measurement = Measurement(
        benchmark=f"{label(entry.get('benchmark')) or f'benchmark {index}'} ({parameters})",
        suite="jmh",
        n_samples=_samples(primary),
        metrics=(*_primary_metrics(primary), *_secondary_metrics(section(entry, "secondaryMetrics"))),
        environment=_environment(entry),
        # One file may hold a benchmark at several numbers of threads.
        identity=content_hash(entry),
    )
    run = with_columns(measurement, _columns(primary, _is_of_calls(mode, entry)), why_null=_TOKENS)
    return flag(quarantine(run, *_defects(primary)), *_warnings(mode, primary))


def _samples(primary: Mapping[str, object]) -> int | None:
    """Iterations of all forks, or the calls that the histogram counts; None where they were not saved."""
    forks = [fork for fork in listed(primary, "rawData") if isinstance(fork, list)]
    if forks:
        return sum(map(len, forks)) or None
    counts = [count(call[1]) for call in _histogram(primary) if isinstance(call, list) and len(call) == 2]
    return None if not counts or None in counts else sum(found or 0 for found in counts)


def _histogram(primary: Mapping[str, object]) -> Iterator[object]:
    """The [value, count] of each fork and iteration."""
    for fork in listed(primary, "rawDataHistogram"):
        for iteration in fork if isinstance(fork, list) else []:
            yield from iteration if isinstance(iteration, list) else []


def _is_of_calls(mode: str | None, entry: Mapping[str, object]) -> bool:
    """Whether a sample is one call, not a mean over calls or threads."""
    return mode == "sample" or (mode == "ss" and (count(entry.get("threads")) or 1) == 1)


def _columns(primary: Mapping[str, object], is_of_calls: bool) -> Columns:
    unit = _unit(primary)
    score = number(primary.get("score"))
    if score is None or _time(score, unit) is None:
        why = (
            "the score is not a number"
            if score is None
            else f"the score is in {unit or 'no unit'}: no time an operation"
        )
        return Columns(reasons=dict.fromkeys(_LATENCIES, why))
    percentiles = section(primary, "scorePercentiles")
    keys = _EXTREMES | (_PERCENTILES if is_of_calls else {})
    found = {column: _stated_time(percentiles.get(key), unit) for column, key in keys.items()}
    values = found | {"latency_mean_ms": _time(score, unit)}
    reasons = {} if is_of_calls else dict.fromkeys(_PERCENTILES, OF_MEANS)
    columns = Columns({column: value for column, value in values.items() if value is not None}, reasons)
    return without_zeros(columns, _BELOW_CLOCK) if is_of_calls and score > 0 else columns


def _unit(primary: Mapping[str, object]) -> str:
    return label(primary.get("scoreUnit")) or ""


def _time(value: float, unit: str) -> float | None:
    """Milliseconds of a value in a time an operation ("us/op"), or None."""
    scale, _, per = unit.partition("/")
    if per != "op":
        return None
    return value * _LONG_MS[scale] if scale in _LONG_MS else to_ms(value, scale)


def _stated_time(stated: object, unit: str) -> float | None:
    value = number(stated)
    return None if value is None else _time(value, unit)


def _throughput(value: float, unit: str) -> float | None:
    """Operations a second of a value in operations a time ("ops/ms"), or None."""
    operations, _, per = unit.partition("/")
    if operations != "ops":
        return None
    if per in _LONG_MS:
        return value / (_LONG_MS[per] / 1e3)
    return value * _PER_SECOND[per] if per in _PER_SECOND else None


def _primary_metrics(primary: Mapping[str, object]) -> Iterator[Metric]:
    unit = _unit(primary)
    score, error = number(primary.get("score")), number(primary.get("scoreError"))
    if score is not None and _throughput(score, unit) is not None:
        yield from metric("throughput", _throughput(score, unit), "ops/s", "higher")
        yield from metric("throughput_error", None if error is None else _throughput(error, unit), "ops/s")
    elif score is not None and _time(score, unit) is None:
        yield Metric("score", score, unit or "not stated")
    else:
        yield from metric("score_error_ms", None if error is None else _time(error, unit), "ms")


def _secondary_metrics(secondary: Mapping[str, object]) -> Iterator[Metric]:
    for key, item in secondary.items():
        name = (label(key) or "").lstrip("·Â ") or "(unnamed)"
        if is_object(item):
            better: Better = "lower" if name == "gc.alloc.rate.norm" else "none"
            yield from metric(name, number(item.get("score")), _unit(item) or "not stated", better)


def _environment(entry: Mapping[str, object]) -> dict[str, str]:
    facts = {
        "jmh_version": scalar(entry.get("jmhVersion")),
        "jdk_version": scalar(entry.get("jdkVersion")),
        "vm_name": scalar(entry.get("vmName")),
        "vm_version": scalar(entry.get("vmVersion")),
        "threads": scalar(entry.get("threads")),
        "forks": scalar(entry.get("forks")),
        "warmup": _phase(entry, "warmup"),
        "measurement": _phase(entry, "measurement"),
        "jvm_flags": " ".join(flag for flag in map(label, listed(entry, "jvmArgs")) if flag and _is_vm_flag(flag)),
    }
    return {key: fact for key, fact in facts.items() if fact}


def _phase(entry: Mapping[str, object], phase: str) -> str:
    stated = (scalar(entry.get(f"{phase}{key}")) for key in ("Iterations", "Time", "BatchSize"))
    names = ("iterations", "time", "batch")
    return ", ".join(f"{name} {value}" for name, value in zip(names, stated, strict=True) if value)


def _is_vm_flag(argument: str) -> bool:
    """Heap sizes, collectors and compilers; properties and paths are the user's own."""
    return argument.startswith("-X") and "/" not in argument and "\\" not in argument


def _defects(primary: Mapping[str, object]) -> list[str]:
    score = number(primary.get("score"))
    if score is None:
        return ["the score is not a number"]
    if score <= 0 and _throughput(score, _unit(primary)) is not None:
        return [f"the throughput is {score:g}: nothing completed"]
    return []


def _warnings(mode: str | None, primary: Mapping[str, object]) -> list[str]:
    unit, score = _unit(primary), number(primary.get("score"))
    found = [] if mode in _MODES else [f"unknown mode {mode!r}"]
    if score is not None and _time(score, unit) is None and _throughput(score, unit) is None:
        found.append(f"unknown unit {unit!r}: the score is kept as it is")
    return found


FORMATS = (JmhReport(),)
