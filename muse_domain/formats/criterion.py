"""criterion.rs: its `estimates.json`, and the messages of `cargo criterion --message-format=json`.

Meanings from their own sources (github.com/bheisler/criterion.rs, github.com/bheisler/cargo-criterion): a sample is
the time of several iterations divided by their number, `mean`, `median` and `std_dev` are those of the samples
(`analysis/mod.rs`), in nanoseconds unless the benchmark measures something else; `new` holds the last run, `base`
and saved baselines are copies, `change` is relative; the messages are described in the book (`external_tools.md`).
Before 0.3.3 the keys of `estimates.json` are in capitals.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import OF_MEANS, Columns, mean_columns, sample_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import count, is_object, label, listed, metric, number, section, to_ms
from muse_domain.measurements import Measurement, Metric, Refusal, ReportReading, ReportRefused
from muse_domain.quality import PERCENTILE_MINIMUM, flag

_SUITE = "criterion"
_COMPLETE = "benchmark-complete"
_GROUP = "group-complete"
_SCANNED = 5
_OLD_KEYS = {
    "Mean": "mean",
    "Median": "median",
    "MedianAbsDev": "median_abs_dev",
    "Slope": "slope",
    "StdDev": "std_dev",
}
_ESTIMATE_METRICS = {"median": "median_of_samples_ms", "median_abs_dev": "median_abs_dev_ms", "slope": "slope_ms"}
_WHY_NULL = {
    "tokens_per_sec": "this tool times calls, not tokens",
    **dict.fromkeys(PERCENTILE_MINIMUM, OF_MEANS),
}
# What lies beside estimates.json: the same run once more, or no measurement at all.
_BESIDE = {
    "sample.json": "It holds the samples of the run that estimates.json beside it states: it would count twice.",
    "tukey.json": "It holds the fences for outliers, not a measurement.",
    "benchmark.json": "It names a benchmark and holds no measurement.",
}
_INGEST_NEW = (
    "Ingest GROUP/FUNCTION/new/estimates.json with the folders that name it, from the folder target/criterion, "
    "or the output of `cargo criterion --message-format=json`."
)

_Object = Mapping[str, object]


class CriterionReport:
    """One run for each benchmark: of a file of estimates, or of each message."""

    name = "criterion"
    title = "criterion.rs (estimates.json, cargo-criterion JSON lines)"
    documentation = """\
`target/criterion/GROUP/FUNCTION/VALUE/new/estimates.json` is one run, named `GROUP/FUNCTION/VALUE` by its folders.
Of `cargo criterion --message-format=json`, each `benchmark-complete` message is one run, named by its `id`.

| report | Muse |
|---|---|
| `mean` (ns, or the unit that a message states) | `latency_mean_ms` |
| `std_dev` of `estimates.json` | `latency_std_ms`: the deviation of the samples |
| `measured_values` divided by `iteration_count`, of a message | `latency_min_ms`, `_max_`, `_std_` of the samples; \
`n_samples` |
| `median`, `median_abs_dev`, `slope` | metrics `median_of_samples_ms`, `median_abs_dev_ms`, `slope_ms` |
| bounds of the mean's confidence interval | metrics `mean_lower_ms`, `mean_upper_ms` |
| `throughput` of a message | metrics `elements_per_iteration` or `bytes_per_iteration` |

`estimates.json` states no unit: it is read as nanoseconds, which is what criterion.rs measures unless the benchmark
brings a measurement of its own. A message in another unit than time keeps its mean as a metric.
Null: time, commit and environment (the report states none), percentiles (a sample is the mean of several calls; with
one call each they are known from a message), extremes and number of samples of `estimates.json`, tokens, cost,
memory. Refused: `base`, saved baselines and `change`, which repeat or compare runs; `sample.json`, `tukey.json`,
`benchmark.json`; a path that names no benchmark; messages that end before their group is complete.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """Messages by their `reason`, a mean and a median with a `point_estimate`, or a file that lies beside them."""
        first = (*content.documents[:_SCANNED], content.json)
        if any(is_object(item) and item.get("reason") in (_COMPLETE, _GROUP) for item in first):
            return True
        estimates = _estimates(content.top)
        named = "point_estimate" in section(estimates, "mean") and "point_estimate" in section(estimates, "median")
        return named or _is_beside(path, content)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """The run of a file of estimates, or those of all messages."""
        if "reason" in content.top or content.documents:
            return self._messages(content.documents or (content.json,))
        if _is_beside(path, content):
            raise ReportRefused(_BESIDE[path.rpartition("/")[2]], _INGEST_NEW)
        name = _name(path)
        return ReportReading(self.name, (_file_run(name, _estimates(content.top)),))

    def _messages(self, documents: tuple[object, ...]) -> ReportReading:
        messages = list(enumerate(documents, start=1))
        reasons = [item.get("reason") for _, item in messages if is_object(item)]
        if [reason for reason in reasons if reason in (_COMPLETE, _GROUP)][-1:] == [_COMPLETE]:
            reason = "The messages are cut: the group of the last benchmark is not complete."
            raise ReportRefused(reason, "Let `cargo criterion` run to its end, then ingest its output again.")
        complete = [(n, item) for n, item in messages if is_object(item) and item.get("reason") == _COMPLETE]
        unnamed = [n for n, item in complete if not label(item.get("id"))]
        return ReportReading(
            self.name,
            tuple(_message_run(item) for n, item in complete if n not in unnamed),
            (
                *(not_an_object(f"message {n}") for n, item in messages if not is_object(item)),
                *(_no_id(n) for n in unnamed),
            ),
        )


def _estimates(top: _Object) -> _Object:
    return {_OLD_KEYS.get(key, key): value for key, value in top.items()} if "Mean" in top else top


def _is_beside(path: str, content: Decoded) -> bool:
    """By name and shape: others may call their files so too."""
    name, value = path.rpartition("/")[2], content.json
    if name == "sample.json":
        return ("iters" in content.top and "times" in content.top) or (
            isinstance(value, list) and len(value) == 2 and all(isinstance(part, list) for part in value)
        )
    if name == "tukey.json":
        return isinstance(value, list) and len(value) == 4
    return name == "benchmark.json" and "group_id" in content.top


def _no_id(number: int) -> Refusal:
    return Refusal(f"message {number}", "The message does not name its benchmark.", _INGEST_NEW)


def _name(path: str) -> str:
    """The benchmark that the folders name; raises ReportRefused when they name none, or not the last run's."""
    folders = [part for part in path.split("/")[:-1] if part not in ("", ".")]
    kind = folders.pop() if folders else "new"
    if kind == "change":
        raise ReportRefused("It states a change against an earlier run, not a time.", _INGEST_NEW)
    if kind != "new":
        reason = f"Its folder is {label(kind)!r}, not 'new': base and saved baselines are copies of runs."
        raise ReportRefused(reason, _INGEST_NEW)
    name = label("/".join(folders[_start(folders) :]))
    if not name:
        raise ReportRefused("Nothing names the benchmark: criterion.rs names it only by its folders.", _INGEST_NEW)
    return name


def _start(folders: list[str]) -> int:
    """Where the names begin: after target/criterion, else after a folder criterion, else at once."""
    pairs = list(pairwise(folders))
    if ("target", "criterion") in pairs:
        return pairs.index(("target", "criterion")) + 2
    return folders.index("criterion") + 1 if "criterion" in folders else 0


def _file_run(name: str, estimates: _Object) -> Measurement:
    stated = {key: section(estimates, key) for key in estimates}
    mean = section(section(estimates, "mean"), "confidence_interval")
    values = {key: _ms(item.get("point_estimate"), "ns") for key, item in stated.items()}
    bounds = (_ms(mean.get("lower_bound"), "ns"), _ms(mean.get("upper_bound"), "ns"))
    extremes = dict.fromkeys(("latency_min_ms", "latency_max_ms"), "the file states no single samples")
    run = Measurement(benchmark=name, suite=_SUITE, metrics=tuple(_metrics(values, bounds)))
    columns = (Columns(reasons=extremes), _stated({"latency_mean_ms": "mean", "latency_std_ms": "std_dev"}, values))
    return with_columns(run, *columns, why_null=_WHY_NULL)


def _message_run(item: _Object) -> Measurement:
    keys = [key for key in ("mean", *_ESTIMATE_METRICS) if item.get(key) is not None]
    stated = {key: section(item, key) for key in keys}
    mean = section(item, "mean")
    values = {key: _ms(part.get("estimate"), part.get("unit")) for key, part in stated.items()}
    bounds = tuple(_ms(mean.get(key), mean.get("unit")) for key in ("lower_bound", "upper_bound"))
    samples = _samples(item)
    columns = sample_columns(samples) if _single_calls(item) else mean_columns(samples)
    run = Measurement(
        benchmark=label(item.get("id")) or "(unnamed)",
        suite=_SUITE,
        n_samples=len(samples) or None,
        metrics=(*_metrics(values, bounds), *_other_unit(mean), *_throughput(item)),
    )
    timed = with_columns(run, columns, _stated({"latency_mean_ms": "mean"}, values), why_null=_WHY_NULL)
    lost = len(listed(item, "measured_values")) - len(samples)
    return flag(timed, *([f"{lost} measured values are no times of iterations"] if lost else []))


def _ms(value: object, unit: object) -> float | None:
    found = number(value)
    return None if found is None or not isinstance(unit, str) else to_ms(found, unit)


def _stated(keys: Mapping[str, str], values: Mapping[str, float | None]) -> Columns:
    found = {column: values.get(key) for column, key in keys.items()}
    return Columns(
        {column: value for column, value in found.items() if value is not None},
        {
            column: f"the report states {key} without a usable time"
            for column, key in keys.items()
            if key in values and values[key] is None
        },
    )


def _metrics(values: Mapping[str, float | None], bounds: tuple[float | None, ...]) -> Iterator[Metric]:
    for key, name in _ESTIMATE_METRICS.items():
        yield from metric(name, values.get(key), "ms")
    for name, bound in zip(("mean_lower_ms", "mean_upper_ms"), bounds, strict=True):
        yield from metric(name, bound, "ms")


def _samples(item: _Object) -> list[float]:
    """The time of one iteration in ms for each sample; none when the lists do not fit together."""
    iterations, values = listed(item, "iteration_count"), listed(item, "measured_values")
    if len(iterations) != len(values):
        return []
    pairs = [(count(n), _ms(value, item.get("unit"))) for n, value in zip(iterations, values, strict=True)]
    return [time / n for n, time in pairs if n and time is not None]


def _single_calls(item: _Object) -> bool:
    return all(count(n) == 1 for n in listed(item, "iteration_count"))


def _other_unit(mean: _Object) -> tuple[Metric, ...]:
    """Another measurement than time (cycles, instructions): kept with its unit, its direction is not known."""
    unit = label(mean.get("unit"))
    return metric("mean", number(mean.get("estimate")), unit) if unit and to_ms(1, unit) is None else ()


def _throughput(item: _Object) -> Iterator[Metric]:
    """How much one iteration handles, by its unit: a setting of the benchmark, not a rate."""
    stated = {label(part.get("unit")): part for part in listed(item, "throughput") if is_object(part)}
    for unit, part in stated.items():
        if unit:
            yield from metric(f"{unit}_per_iteration", number(part.get("per_iteration")), unit)


FORMATS = (CriterionReport(),)
