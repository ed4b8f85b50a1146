"""What github-action-benchmark stores for each tool's result, and what of it may enter which column.

Meanings from the action's own `src/extract.ts` (what is stored where) and `src/write.ts: biggerIsBetter`
(github.com/benchmark-action/github-action-benchmark).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from muse_domain.formats.columns import Columns
from muse_domain.formats.values import count, decimal, metric, to_ms
from muse_domain.measurements import METRIC_COLUMNS, Better, Metric

_LATENCIES = tuple(column for column in METRIC_COLUMNS if column.startswith("latency_"))
# Google Benchmark appends these to the aggregates that it makes of repetitions, and always states their mean with them.
_AGGREGATE = re.compile(r"_(median|stddev|cv)$")
# Those that a project adds are ordinary endings of names, too.
_OWN_AGGREGATE = re.compile(r"_(min|max)$")
_GO_METRICS: Mapping[str, tuple[str, str, Better]] = {
    "B/op": ("bytes_per_op", "B", "lower"),
    "allocs/op": ("allocs_per_op", "allocs", "lower"),
    "MB/s": ("throughput_mb_per_sec", "MB/s", "higher"),
}


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One result as `data.js` holds it. `units` has every value that the tool measured, by its unit.

    `better` holds the directions that are stated of units; `has_mean` says that the mean over the repetitions of the
    same benchmark stands beside it.
    """

    name: str
    value: float
    unit: str
    range: str = ""
    extra: str = ""
    units: Mapping[str, float] = field(default_factory=dict)
    better: Mapping[str, Better] = field(default_factory=dict)
    has_mean: bool = False


@dataclass(frozen=True, slots=True)
class ToolReading:
    """What a stored result gives: columns, further metrics, samples, environment, and warnings."""

    columns: Columns = field(default_factory=Columns)
    metrics: tuple[Metric, ...] = ()
    n_samples: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_result(tool: str | None, result: StoredResult) -> ToolReading:
    """The reading of one result by its tool's rules; an unknown tool's value stays as it is, flagged."""
    reader = _TOOLS.get(tool or "")
    if reader is None:
        return ToolReading(
            columns=_no_latency("the tool is not known, so neither is what its value means"),
            metrics=(Metric("value", result.value, result.unit),),
            warnings=(f"unknown tool {tool!r}: the value is kept with its unit {result.unit!r}",),
        )
    return reader(result)


def _no_latency(why: str) -> Columns:
    return Columns(reasons=dict.fromkeys(_LATENCIES, why))


def _mean(value_ms: float) -> Columns:
    why = dict.fromkeys(_LATENCIES, "the report states only a mean")
    return Columns({"latency_mean_ms": value_ms}, why)


def _unknown_unit(result: StoredResult, better: Better) -> ToolReading:
    return ToolReading(
        columns=_no_latency(f"the unit {result.unit!r} is not known as a time"),
        metrics=(Metric("value", result.value, result.unit, better),),
        warnings=(f"unknown unit {result.unit!r}: the value is kept as it is",),
    )


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match.group(1) if match else None


def _counted(pattern: str, text: str) -> int | None:
    return count(decimal(_found(pattern, text)))


def _fact(name: str, value: str | None) -> dict[str, str]:
    return {name: value} if value else {}


def _go(result: StoredResult) -> ToolReading:
    """`ns/op` is the whole time divided by the iterations: a mean, whose samples are the iterations."""
    units = dict(result.units) or {result.unit: result.value}
    mean = units.pop("ns/op", None)
    metrics: list[Metric] = []
    for unit, value in units.items():
        name, stored, better = _GO_METRICS.get(unit, (unit, unit, "none"))
        metrics.extend(metric(name, value, stored, result.better.get(unit, better)))
    return ToolReading(
        columns=_no_latency("the report states no ns/op") if mean is None else _mean(mean / 1e6),
        metrics=tuple(metrics),
        n_samples=_counted(r"^(\d+) times", result.extra),
        environment=_fact("procs", _found(r"(\d+) procs", result.extra)),
    )


def _cargo(result: StoredResult) -> ToolReading:
    """libtest prints the median, criterion's bencher output an estimate of the mean: neither says so."""
    spread = decimal(result.range.removeprefix("±").strip())
    return ToolReading(
        columns=_no_latency("`cargo bench` prints a median, criterion a mean: the report does not say which"),
        metrics=(
            Metric("time_per_iteration", result.value, result.unit, "lower"),
            *metric("time_per_iteration_range", spread, result.unit, "lower"),
        ),
    )


def _pytest(result: StoredResult) -> ToolReading:
    """The value is iterations a second; the mean stands in `extra`, the deviation (s) in `range`."""
    match = re.search(r"mean: (\S+) (\w+)", result.extra)
    stated = decimal(match.group(1)) if match else None
    mean = to_ms(stated, match.group(2)) if match and stated is not None else None
    std = decimal(_found(r"stddev: (\S+)", result.range))
    values = {"latency_mean_ms": mean, "latency_std_ms": None if std is None else std * 1000}
    known = {column: value for column, value in values.items() if value is not None}
    return ToolReading(
        columns=Columns(known, dict.fromkeys(_LATENCIES, "the report states mean and deviation only")),
        # The reciprocal of the mean: where the mean is stated, it is the one that is compared.
        metrics=(Metric("ops_per_sec", result.value, result.unit, "higher" if mean is None else "none"),),
        n_samples=_counted(r"rounds: (\d+)", result.extra),
    )


def _google(result: StoredResult) -> ToolReading:
    """`real_time` of one iteration, a mean over the iterations; aggregates of repetitions stay metrics."""
    environment = _fact("threads", _found(r"threads: (\d+)", result.extra))
    aggregate = _AGGREGATE.search(result.name) or (_OWN_AGGREGATE.search(result.name) if result.has_mean else None)
    if aggregate:
        # The action writes the unit of time to each row; the coefficient of variation has none.
        unit = "ratio" if aggregate.group(1) == "cv" else result.unit
        return ToolReading(
            columns=_no_latency(f"the result is the {aggregate.group(1)} over repetitions"),
            metrics=(Metric(f"real_time_{aggregate.group(1)}", result.value, unit, "lower"),),
            environment=environment,
        )
    mean = to_ms(result.value, result.unit.removesuffix("/iter"))
    if mean is None:
        return _unknown_unit(result, "lower")
    iterations = _counted(r"iterations: (\d+)", result.extra)
    return ToolReading(columns=_mean(mean), n_samples=iterations, environment=environment)


def _catch2(result: StoredResult) -> ToolReading:
    """A mean; the action keeps the number of the deviation and loses its unit, so it is not used."""
    mean = to_ms(result.value, result.unit)
    if mean is None:
        return _unknown_unit(result, "lower")
    why = {**_mean(mean).reasons, "latency_std_ms": "the stored deviation has lost its unit"}
    samples = _counted(r"(\d+) samples", result.extra)
    return ToolReading(columns=Columns({"latency_mean_ms": mean}, why), n_samples=samples)


def _benchmark_dot_net(result: StoredResult) -> ToolReading:
    """Mean and standard deviation, both in the unit of the result (ns)."""
    mean = to_ms(result.value, result.unit)
    if mean is None:
        return _unknown_unit(result, "lower")
    spread = decimal(result.range.removeprefix("±").strip())
    std = None if spread is None else to_ms(spread, result.unit)
    columns = _mean(mean)
    values = {**columns.values, **({} if std is None else {"latency_std_ms": std})}
    return ToolReading(columns=Columns(values, columns.reasons))


def _jmh(result: StoredResult) -> ToolReading:
    """A score: a mean time for `ms/op` and the like, a throughput for `ops/s` and the like."""
    unit, _, per = result.unit.partition("/")
    environment = _fact("threads", _found(r"threads: (\d+)", result.extra))
    mean = to_ms(result.value, unit) if per == "op" else None
    if mean is not None:
        return ToolReading(columns=_mean(mean), environment=environment)
    if unit == "ops":
        return ToolReading(
            columns=_no_latency("the report states a throughput"),
            metrics=(Metric("throughput", result.value, result.unit, "higher"),),
            environment=environment,
        )
    return _unknown_unit(result, "lower")


def _julia(result: StoredResult) -> ToolReading:
    """An estimate whose kind (minimum, median, mean) the action does not keep."""
    return ToolReading(
        columns=_no_latency("the report does not say whether the time is a minimum, a median or a mean"),
        metrics=(
            Metric("time", result.value, result.unit, "lower"),
            *metric("memory_bytes", decimal(_found(r"memory=(\S+)", result.extra)), "B", "lower"),
            *metric("allocs", decimal(_found(r"allocs=(\S+)", result.extra)), "allocs", "lower"),
        ),
    )


def _benchmark_js(result: StoredResult) -> ToolReading:
    """Operations a second, with a relative margin of error."""
    margin = decimal((_found(r"([0-9.]+)%", result.range)) or "")
    return ToolReading(
        columns=_no_latency("the report states operations a second, not a latency"),
        metrics=(
            Metric("ops_per_sec", result.value, result.unit, "higher"),
            *metric("ops_per_sec_margin_pct", margin, "%"),
        ),
        n_samples=_counted(r"(\d+) samples", result.extra),
    )


def _custom(better: Better) -> Callable[[StoredResult], ToolReading]:
    """A value that the project defines itself: kept with its unit, and with the direction it states."""

    def read(result: StoredResult) -> ToolReading:
        return ToolReading(
            columns=_no_latency("the project defines this value itself: it is kept as a metric"),
            metrics=(Metric("value", result.value, result.unit, better),),
            warnings=() if result.unit else ("the value has no unit",),
        )

    return read


_TOOLS: Mapping[str, Callable[[StoredResult], ToolReading]] = {
    "go": _go,
    "cargo": _cargo,
    "pytest": _pytest,
    "googlecpp": _google,
    "catch2": _catch2,
    "benchmarkdotnet": _benchmark_dot_net,
    "jmh": _jmh,
    "julia": _julia,
    "benchmarkjs": _benchmark_js,
    "benchmarkluau": lambda result: _unknown_unit(result, "lower"),
    "customSmallerIsBetter": _custom("lower"),
    "customBiggerIsBetter": _custom("higher"),
}
