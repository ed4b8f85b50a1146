"""k6's end-of-test summaries: `--summary-export`, the data of `handleSummary`, and the machine-readable one.

What the shapes have in common, and where their meaning comes from, is in `k6_metrics`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from muse_domain.formats.columns import Columns, stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.k6_metrics import REQUEST_PHASES, K6Metric, summary_metrics
from muse_domain.formats.values import count, is_object, label, metric, number, section, stated_time
from muse_domain.measurements import METRIC_COLUMNS, Better, Measurement, Metric, Refusal, ReportReading, ReportRefused
from muse_domain.quality import flag, quarantine

_COLUMN_KEYS = (
    {"latency_p50_ms": "p(50)", "latency_p95_ms": "p95", "latency_p99_ms": "p99"},
    {
        "latency_mean_ms": "avg",
        "latency_p50_ms": "med",
        "latency_p95_ms": "p(95)",
        "latency_p99_ms": "p(99)",
        "latency_min_ms": "min",
        "latency_max_ms": "max",
    },
)
_PERCENTILE = re.compile(r"p\(?([0-9.]{1,8})\)?")
_REQUESTS = "http_req_duration"
_TEST = "iteration_duration"
# No metric of k6 can have a space in its name.
_WHOLE_TEST = "whole test"
_OF_REQUESTS = ("http_reqs", "http_req_failed")
_FAILURES = {_REQUESTS: "http_req_failed", "browser_http_req_duration": "browser_http_req_failed"}
_OTHER_PROTOCOLS = ("browser_", "grpc_", "ws_")
_BYTES = frozenset({"data_sent", "data_received", "browser_data_sent", "browser_data_received"})
# By its name in the machine-readable summary, and in all others.
_CHECKS = ("checks_succeeded", "checks")
_BETTER: Mapping[str, Better] = {
    "http_reqs": "higher",
    **dict.fromkeys(_FAILURES.values(), "lower"),
    "iterations": "higher",
    "dropped_iterations": "lower",
    "checks": "higher",
    "checks_succeeded": "higher",
}
_LATENCIES = tuple(column for column in METRIC_COLUMNS if column.startswith("latency_"))
_WHY_NULL = {
    "latency_min_ms": "the summary states none, or 0: a request that was never sent, or a clock that is too coarse",
    "latency_p99_ms": "the summary has p(99) only where summaryTrendStats asks for it",
    "latency_std_ms": "k6 states no deviation",
    "tokens_per_sec": "this tool counts requests, not tokens",
}


class K6Summary:
    """One run for each trend."""

    name = "k6"
    title = "k6 end-of-test summary (JSON)"
    documentation = """\
One run for each trend, named as k6 names it (`http_req_duration`, `http_req_duration{expected_response:true}`,
`iteration_duration`, custom trends), with the file name of the script before it where the summary states it.

| report | Muse |
|---|---|
| `avg`, `med`, `p(95)`, `p(99)`, `min`, `max` of a trend of times (ms) | `latency_mean_ms`, `_p50_`, `_p95_`, \
`_p99_`, `_min_`, `_max_` |
| other percentiles | metrics `latency_pN_ms` |
| `count` of the trend; of requests, that of `http_reqs` | `n_samples` |
| the phases of a request (`http_req_waiting` and others) | metrics `http_req_waiting_mean_ms` ... of \
`http_req_duration` |
| `http_reqs`, `http_req_failed` | metrics `http_reqs_count`, `_per_sec`, `http_req_failed_rate` of \
`http_req_duration` |
| other counters, rates and gauges (their last value) | metrics `NAME_count`, `NAME_per_sec`, `NAME_rate`, `NAME` \
of `iteration_duration`, or of a run `whole test` without it |
| a trend that k6 does not call a time | metrics `avg`, `med` and so on, unit not stated |
| `generated_at` | `ts` |

Null: a minimum of 0 (a request that was never sent, or a coarse clock) and the deviation; `ts` and
commit, which most summaries do not state, and p99 unless it was asked for.
A threshold that failed flags the run of its metric (in a `--summary-export`, `true` says that it failed). Failed
requests, those of the browser too, flag the run of the requests; if all failed, it is quarantined, and with it the
iterations, the groups and the trends of the script, which waited for nothing but failures. Checks that failed flag the
run that holds their rate: answers may have been fast and wrong. Data of the setup is not read. The machine-readable
summary of k6 1.5 and later states no thresholds, no count a second and no percentiles but p90 and p95.
A threshold brings a metric without any value into a summary, as 0: such a rate is left out, a trend of nothing but
zeros is flagged, one of times quarantined. A test of which no iteration completed is quarantined.
Only the machine-readable summary states its script: of several scripts, give Muse that one, or `http_req_duration` is
one benchmark for all of them.
The lines of `--out json` are single samples: refused, export a summary of the test instead.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """`metrics` beside a `root_group`, or `results` with metrics beside the version of k6."""
        top = content.top
        if is_object(top.get("metrics")):
            return "root_group" in top or is_object(top.get("state"))
        return _is_machine_readable(top) or _is_stream(content)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each trend on its own; raises ReportRefused for a stream of samples."""
        if _is_stream(content):
            reason = "This is k6's stream of single samples (`--out json`), not a summary."
            raise ReportRefused(reason, "Run k6 with `--summary-export=summary.json` and ingest that file.")
        found = list(summary_metrics(content.top))
        metrics = [item for item in found if isinstance(item, K6Metric)]
        refusals = [_refusal(item) for item in found if isinstance(item, str)]
        refusals += [_refusal(item.full_name) for item in metrics if not item.kind]
        return ReportReading(self.name, tuple(_runs(content.top, metrics)), tuple(refusals))


def _is_machine_readable(top: Mapping[str, object]) -> bool:
    metadata, results = top.get("metadata"), top.get("results")
    has_version = is_object(metadata) and ("k6_version" in metadata or "k6Version" in metadata)
    return has_version and is_object(results) and isinstance(results.get("metrics"), list)


def _is_stream(content: Decoded) -> bool:
    first = content.documents[0] if content.documents else None
    return is_object(first) and first.get("type") in ("Metric", "Point") and {"metric", "data"} <= first.keys()


def _refusal(item: str) -> Refusal:
    return Refusal(item, "This metric has none of k6's values.", "Export the summary again, then ingest it again.")


@dataclass(frozen=True, slots=True)
class _Run:
    """A trend, and the further metrics of the test that belong to it; whether all requests of the test failed."""

    trend: K6Metric
    others: Sequence[K6Metric]
    is_lost: bool


def _runs(summary: Mapping[str, object], metrics: list[K6Metric]) -> Iterator[Measurement]:
    trends = [item for item in metrics if item.kind == "trend"]
    has_requests = any(item.full_name == _REQUESTS for item in trends)
    trends = [t for t in trends if not (has_requests and t.name in REQUEST_PHASES and not t.tags)]
    names = {trend.full_name for trend in trends}
    others: dict[str, list[K6Metric]] = {}
    for item in metrics:
        if item.kind and item.full_name not in names:
            others.setdefault(_owner(item, names), []).append(item)
    if others.get(_WHOLE_TEST):
        trends.append(K6Metric(_WHOLE_TEST, "", "trend", None, {}))
    is_lost = any(item.full_name == _FAILURES[_REQUESTS] and item.rate == 1 for item in metrics)
    for trend in trends:
        is_other = trend.name.startswith(_OTHER_PROTOCOLS)
        yield _run(summary, _Run(trend, others.get(trend.full_name, []), is_lost and not is_other))


def _owner(item: K6Metric, trends: set[str]) -> str:
    """The trend whose run holds this metric: the requests of the same tags, the whole test for all others."""
    requests = f"{_REQUESTS}{item.tags}"
    if item.name in (*_OF_REQUESTS, *REQUEST_PHASES) and requests in trends:
        return requests
    of_browser = next((f"{name}{item.tags}" for name, failed in _FAILURES.items() if failed == item.name), "")
    if of_browser in trends:
        return of_browser
    return _TEST if _TEST in trends else _WHOLE_TEST


def _run(summary: Mapping[str, object], run: _Run) -> Measurement:
    metadata, config = section(summary, "metadata"), section(summary, "config")
    ts, no_time = stated_time(metadata.get("generated_at", metadata.get("generatedAt")))
    script = re.split(r"[\\/]", label(config.get("script")) or "")[-1]
    measurement = Measurement(
        benchmark=f"{script}: {run.trend.full_name}" if script else run.trend.full_name,
        suite="k6",
        ts=ts,
        n_samples=_samples(run),
        metrics=(*_trend_metrics(run.trend), *(found for other in run.others for found in _further(other))),
        environment=_environment(metadata, config),
        null_reasons=no_time,
    )
    is_time = run.trend.is_time
    why = "k6 does not say that this is a time" if run.trend.values else "these are the counts of the whole test"
    columns = (
        [stated_columns(_without_zero_minimum(run.trend.values), keys) for keys in _COLUMN_KEYS] if is_time else []
    )
    no_latency = {} if is_time else dict.fromkeys(_LATENCIES, why)
    timed = with_columns(measurement, *columns, Columns(reasons=no_latency), why_null=_WHY_NULL)
    return flag(quarantine(timed, *_defects(run)), *_warnings(run))


def _without_zero_minimum(values: Mapping[str, object]) -> Mapping[str, object]:
    """The values of a trend; 0 under a mean above it is a request that was never sent, or a clock too coarse."""
    if number(values.get("min")) == 0 and number(values.get("avg")):
        return {key: value for key, value in values.items() if key != "min"}
    return values


def _samples(run: _Run) -> int | None:
    stated = count(run.trend.values.get("count"))
    requests = next((other for other in run.others if other.name == "http_reqs"), None)
    return stated if stated is not None or requests is None else count(requests.values.get("count"))


def _trend_metrics(trend: K6Metric) -> Iterator[Metric]:
    columns = {key for keys in _COLUMN_KEYS for key in keys.values()}
    for key, value in trend.values.items():
        percentile = _PERCENTILE.fullmatch(key)
        if trend.is_time and percentile and key not in columns:
            yield from metric(f"latency_p{percentile.group(1)}_ms", number(value), "ms")
        elif not trend.is_time and (percentile or key in columns):
            yield from metric(key, number(value), "not stated")


def _further(item: K6Metric) -> Iterator[Metric]:
    """A counter, rate or gauge, or the mean of a request's phase, as metrics of another trend's run."""
    name, values, better = item.full_name, item.values, _BETTER.get(item.name, "none")
    # Sub-metrics tell a part of the same change again.
    better = "none" if item.tags else better
    if item.kind == "trend":
        # A phase is a part of the request's time, which is compared.
        yield from metric(f"{name}_mean_ms", number(values.get("avg")), "ms")
    elif item.kind == "counter":
        unit = "B" if item.name in _BYTES else "count"
        yield from metric(f"{name}_count", number(values.get("count")), unit)
        yield from metric(f"{name}_per_sec", number(values.get("rate")), f"{unit}/s", better)
    elif item.kind == "rate":
        yield from metric(f"{name}_rate", item.rate, "ratio", better)
    else:
        yield from metric(name, number(values.get("value")), "not stated")


def _environment(metadata: Mapping[str, object], config: Mapping[str, object]) -> dict[str, str]:
    version = label(metadata.get("k6_version", metadata.get("k6Version")))
    facts = {"k6_version": version, "execution": label(config.get("execution"))}
    return {key: fact for key, fact in facts.items() if fact}


def _failed_share(run: _Run) -> float | None:
    failures = _FAILURES.get(run.trend.name)
    failed = next((other for other in run.others if other.name == failures), None)
    return None if failed is None else failed.rate


def _defects(run: _Run) -> list[str]:
    iterations = next((other for other in run.others if other.full_name == "iterations"), None)
    found = ["all requests failed"] if run.is_lost or _failed_share(run) == 1 else []
    if iterations is not None and count(iterations.values.get("count")) == 0:
        found.append("no iteration completed")
    return found


def _warnings(run: _Run) -> list[str]:
    share = _failed_share(run)
    found = [f"{share:.3%} of the requests failed"] if share and share < 1 else []
    held = next((other.rate for other in run.others if other.full_name in _CHECKS), None)
    if held is not None and held < 1:
        found.append(f"{1 - held:.3%} of the checks failed")
    if run.trend.values and not run.trend.is_time and not any(number(value) for value in run.trend.values.values()):
        found.append("nothing but zeros: k6 states them for a trend without any value, too")
    for item in (run.trend, *run.others):
        found += [f"threshold failed: {item.full_name} {condition}" for condition in item.failed]
    return found


FORMATS = (K6Summary(),)
