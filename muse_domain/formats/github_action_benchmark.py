"""github-action-benchmark's `data.js`: the history of a project's benchmarks, an entry for each commit.

Meanings from the action's own `src/extract.ts` (github.com/benchmark-action/github-action-benchmark).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from muse_domain.formats.benchmark_tools import StoredResult, read_result
from muse_domain.formats.columns import with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
    decimal,
    is_object,
    label,
    listed,
    number,
    section,
    stated_commit,
    stated_failure,
    stated_time,
)
from muse_domain.measurements import Measurement, Refusal, ReportReading
from muse_domain.quality import flag, quarantine

# The name that the action gives to a chart whose workflow names none: it says nothing, so it is left out.
_DEFAULT_CHART = "Benchmark"
_WHY_NULL = {"tokens_per_sec": "this tool counts calls, not tokens"}


class GithubActionBenchmarkHistory:
    """One run for each benchmark and entry."""

    name = "github-action-benchmark"
    title = "github-action-benchmark history (data.js)"
    documentation = """\
One run for each benchmark of each entry. The file grows with every commit: a run is identified by the hash of
its entry, so it keeps its id. Charts other than "Benchmark" stand before the benchmark's name.

| report | Muse |
|---|---|
| `date` (ms since 1970) | `ts` |
| `commit.id` | `commit_sha` |
| the chart's name | `suite` |

| tool | what becomes of its values |
|---|---|
| go | `ns/op` is `latency_mean_ms`; metrics `bytes_per_op`, `allocs_per_op`, `throughput_mb_per_sec`, \
others under their unit; the iterations ("58 times") are `n_samples`, the processors environment. The \
lines `NAME - UNIT` belong to the same run |
| pytest | the mean and `stddev` are `latency_mean_ms` and `latency_std_ms`; metric `ops_per_sec`; rounds \
are `n_samples` |
| googlecpp | `real_time` is `latency_mean_ms`; iterations are `n_samples`; aggregates over repetitions \
(`_median`, `_stddev`, `_cv`; `_min` and `_max` beside a `_mean`) are metrics |
| catch2, benchmarkdotnet | the mean is `latency_mean_ms`; benchmarkdotnet's deviation is `latency_std_ms` |
| jmh | a time an operation is `latency_mean_ms`, a throughput a metric, higher is better (the action \
itself calls lower better for all of jmh) |
| cargo | metrics `time_per_iteration` and its range: a median or a mean, the file does not say which |
| julia, benchmarkluau | metrics: which estimate the time is, or its unit, is not stored |
| benchmarkjs | metric `ops_per_sec` |
| customSmallerIsBetter, customBiggerIsBetter | metric `value` with its unit and direction |

A benchmark that appears again in an entry (`go test -count=5`) becomes `NAME #2` and so on. An unknown
tool or
unit keeps its value as a metric, and the run is flagged. Operations a second are never `tokens_per_sec`.
Null: percentiles, cost, memory. Names, addresses and messages of commits are not read.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """The script that sets `window.BENCHMARK_DATA`, or its JSON: `entries` beside `lastUpdate`."""
        top = content.top
        return is_object(top.get("entries")) and (content.is_script or "lastUpdate" in top)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each entry of each chart on its own."""
        measurements: list[Measurement] = []
        refusals: list[Refusal] = []
        for chart, entries in section(content.top, "entries").items():
            for position, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1):
                runs, refused = _entry(label(chart) or _DEFAULT_CHART, position, entry)
                measurements += runs
                refusals += refused
        return ReportReading(self.name, tuple(measurements), tuple(refusals))


def _entry(chart: str, position: int, entry: object) -> tuple[list[Measurement], list[Refusal]]:
    place = f"chart {chart!r}, entry {position}"
    stored = [bench for bench in listed(entry, "benches") if is_object(bench)] if is_object(entry) else []
    if not is_object(entry) or not stored:
        return [], [_refusal(place, "The entry holds no results.")]
    base = _described(chart, entry)
    tool = label(entry.get("tool"))
    results, refusals = _results(place, tool, stored)
    names = _unique_names(results)
    runs = [_run(base, chart, tool, name, result) for name, result in zip(names, results, strict=True)]
    failure = stated_failure(entry)
    return [quarantine(run, *([failure] if failure else [])) for run in runs], refusals


def _refusal(item: str, reason: str) -> Refusal:
    return Refusal(item, reason, "Correct the history at its source, then ingest it again.")


def _described(chart: str, entry: Mapping[str, object]) -> Measurement:
    milliseconds = number(entry.get("date"))
    ts, no_time = stated_time(None if milliseconds is None else milliseconds / 1000)
    commit, no_commit = stated_commit(section(entry, "commit").get("id"))
    return Measurement(
        benchmark="",
        suite=chart,
        ts=ts,
        commit_sha=commit,
        null_reasons=no_time | no_commit,
        identity=_identity(entry),
    )


def _identity(entry: Mapping[str, object]) -> str:
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _run(base: Measurement, chart: str, tool: str | None, name: str, result: StoredResult) -> Measurement:
    reading = read_result(tool, result)
    measurement = replace(
        base,
        benchmark=name if chart == _DEFAULT_CHART else f"{chart}/{name}",
        n_samples=reading.n_samples,
        metrics=reading.metrics,
        environment=reading.environment,
    )
    return flag(with_columns(measurement, reading.columns, why_null=_WHY_NULL), *reading.warnings)


def _results(
    place: str, tool: str | None, stored: list[Mapping[str, object]]
) -> tuple[list[StoredResult], list[Refusal]]:
    """The stored results, those of the Go tool joined; a result without name or number is refused."""
    results: list[StoredResult] = []
    refusals: list[Refusal] = []
    for position, item in enumerate(stored, start=1):
        result = _stored(item)
        if result is None:
            reason = "The result has no name or no usable number."
            refusals.append(_refusal(f"{place}, result {position}", reason))
        elif tool == "go" and results and _belongs_to(results[-1], result):
            known = results[-1].units
            results[-1] = replace(
                results[-1], units=known if result.unit in known else {**known, result.unit: result.value}
            )
        else:
            results.append(_with_units(result) if tool == "go" else result)
    return _beside_means(results) if tool == "googlecpp" else results, refusals


def _beside_means(results: list[StoredResult]) -> list[StoredResult]:
    """The results of Google Benchmark, each with whether the mean over its repetitions is among them."""
    means = {result.name.removesuffix("_mean") for result in results if result.name.endswith("_mean")}
    return [replace(result, has_mean=result.name.rpartition("_")[0] in means) for result in results]


def _stored(item: Mapping[str, object]) -> StoredResult | None:
    stated = item.get("value")
    # Some versions of the action stored all but the first value of a Go benchmark as the texts that Go printed.
    name, value = label(item.get("name")), decimal(stated) if isinstance(stated, str) else number(stated)
    if name is None or value is None:
        return None
    texts = {key: item.get(key) for key in ("unit", "range", "extra")}
    unit, spread, extra = (text if isinstance(text, str) else "" for text in texts.values())
    return StoredResult(name, value, label(unit) or "", label(spread) or "", extra)


def _belongs_to(previous: StoredResult, result: StoredResult) -> bool:
    """Since 1.18 the action stores "NAME" with all its values, then "NAME - UNIT" for each of them."""
    return result.name == f"{previous.name} - {result.unit}"


def _with_units(result: StoredResult) -> StoredResult:
    """A Go result with its fused unit "ns/op 880 B/op 5 allocs/op" taken apart."""
    first, *rest = result.unit.split()[:41] or [""]
    units = {first: result.value}
    for text, unit in zip(rest[::2], rest[1::2], strict=False):
        value = decimal(text)
        if value is not None:
            units.setdefault(unit, value)
    name = result.name.removesuffix(f" - {first}")
    return replace(result, name=name, unit=first, units=units)


def _unique_names(results: list[StoredResult]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for result in results:
        seen[result.name] += 1
        names.append(result.name if seen[result.name] == 1 else f"{result.name} #{seen[result.name]}")
    return names


FORMATS = (GithubActionBenchmarkHistory(),)
