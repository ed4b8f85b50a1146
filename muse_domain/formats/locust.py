"""Locust's statistics of requests (`--csv`, `*_stats.csv`; before 0.13.1 `*_requests.csv`).

Meanings from Locust's own source (github.com/locustio/locust, `locust/stats.py`, also at its tags 0.10.0 to 1.0):
times are ms, requests include the failed ones, the last line sums all others. Mean, minimum and maximum are exact; the
median and the percentiles are taken from times rounded to two digits (147 is 150, 3432 is 3400), the median then held
within minimum and maximum. Where nothing was timed, Locust writes 0. Version 0.13.3 took the percentiles of the last
ten seconds only, under the same column names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from muse_domain.formats.columns import Columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.tables import cut_table, table_rows
from muse_domain.formats.values import count, decimal, label, metric
from muse_domain.measurements import Better, Measurement, Metric, Refusal, ReportReading, ReportRefused
from muse_domain.quality import flag, quarantine

# Before 1.0 some columns had other names; all are compared in lower case.
_RENAMED = {
    "method": "type",
    "# requests": "request count",
    "# failures": "failure count",
    "requests failed/s": "failures/s",
}
_STATISTICS = frozenset({"type", "name", "request count", "failure count", "average response time"})
_NOT_STATISTICS = {
    "the history of a test": frozenset({"timestamp", "name", "requests/s"}),
    "the list of failures": frozenset({"type", "name", "error", "occurrences"}),
    "the list of exceptions": frozenset({"count", "message", "traceback", "nodes"}),
    "the distribution of response times": frozenset({"name", "request count", "50%", "100%"}),
}
_EXACT = {"latency_mean_ms": "average response time", "latency_max_ms": "max response time"}
_ROUNDED = {"latency_p50_ms": "median response time", "latency_p95_ms": "95%", "latency_p99_ms": "99%"}
_METRICS: Mapping[str, tuple[str, str, Better]] = {
    "requests/s": ("requests_per_sec", "requests/s", "higher"),
    "failures/s": ("failures_per_sec", "requests/s", "lower"),
    "failure count": ("requests_failed", "requests", "lower"),
    "average content size": ("response_size_mean_bytes", "B", "none"),
    "90%": ("latency_p90_ms", "ms", "none"),
    "99.9%": ("latency_p99_9_ms", "ms", "none"),
}
_TOTALS = ("Aggregated", "Total")
_WHY_NULL = {
    "latency_std_ms": "Locust states no deviation",
    "tokens_per_sec": "this tool counts requests, not tokens",
}
# Below it, a step of the rounding is more than 5 %: from 1 to 2 ms it would be told as twice the time.
_WHOLE_MS = 10
_NOTHING_TIMED = "no response was timed: Locust writes 0 for it"


class LocustStats:
    """One run for each kind of request, and one for all."""

    name = "locust"
    title = "Locust statistics (CSV)"
    documentation = """\
One run for each line, named by the request's type and name; the sum of all is `Aggregated`.

| report | Muse |
|---|---|
| `Average`, `Min`, `Max Response Time` (ms) | `latency_mean_ms`, `_min_`, `_max_` |
| `Median Response Time`, `95%`, `99%` (ms, rounded to two digits) | `latency_p50_ms`, `_p95_`, `_p99_` |
| `Request Count` | `n_samples` |
| `Failure Count`, `Requests/s`, `Failures/s`, `Average Content Size` | metrics `requests_failed`, \
`requests_per_sec`, `failures_per_sec`, `response_size_mean_bytes` |
| `90%`, `99.9%` | metrics `latency_p90_ms`, `latency_p99_9_ms` |

The column names of Locust before 1.0 are known too. Its percentiles are approximate: a change within the rounding of
5 % is not seen. Below 10 ms they are whole milliseconds, too coarse to be compared: they become metrics
(`latency_p50_rounded_ms` and so on). A percentile that the rounding moved outside minimum and maximum is left out, and
so are all of a line whose `100%` is not its maximum (percentiles of other requests than the line's).
Null: `ts`, commit and environment, which the table does not state, the deviation, and a minimum of 0 (none, or a
rounded one). Failed requests are in the times and flag the run; if all failed, it is quarantined. A table without its
last line, the sum, is cut. The table does not say which test it is of: `Aggregated` is one benchmark for all tests in a
workspace, and so is a request that has the same name in two. The histories and the lists of failures and exceptions
are refused.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """The columns of any of Locust's tables."""
        columns = _columns(content)
        return _is_statistics(columns) or _other_table(columns) is not None

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each line on its own; raises ReportRefused for Locust's other tables."""
        columns = _columns(content)
        if not _is_statistics(columns):
            reason = f"This is {_other_table(columns)} that Locust writes, not its statistics."
            raise ReportRefused(reason, "Ingest the file that ends in `_stats.csv`.")
        rows, refusals = table_rows(content)
        lines = [_Line({_column(key): cell for key, cell in row.items()}) for row in rows]
        if not lines or lines[-1].cells["name"] not in _TOTALS:
            raise cut_table("the last line, the sum of all, is missing")
        refusals += [_unreadable(line) for line in lines if line.requests is None]
        return ReportReading(
            self.name, tuple(_run(line) for line in lines if line.requests is not None), tuple(refusals)
        )


def _column(name: str) -> str:
    lower = name.lower()
    return _RENAMED.get(lower, lower)


def _columns(content: Decoded) -> frozenset[str]:
    return frozenset(_column(name) for name in content.header or ())


def _is_statistics(columns: frozenset[str]) -> bool:
    return columns >= _STATISTICS and "timestamp" not in columns


def _other_table(columns: frozenset[str]) -> str | None:
    if not columns & {"requests/s", "occurrences", "traceback", "100%"}:
        return None
    return next((table for table, names in _NOT_STATISTICS.items() if columns >= names), None)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the statistics, by the column names of today in lower case."""

    cells: Mapping[str, str]

    @property
    def benchmark(self) -> str:
        """The request's type and name; the sum's name alone, whose type is empty or "None"."""
        name, kind = self.cells["name"], self.cells["type"]
        return label(name if kind in ("None", "") else f"{kind} {name}") or "(unnamed)"

    @property
    def requests(self) -> int | None:
        """How many were sent, the failed ones among them; None where the cell is no number."""
        return count(self.number("request count"))

    @property
    def failures(self) -> int:
        """How many failed; 0 where the cell is no number."""
        return count(self.number("failure count")) or 0

    def number(self, column: str) -> float | None:
        """The number in a cell, or None."""
        return decimal(self.cells.get(column))


def _unreadable(line: _Line) -> Refusal:
    remedy = "Let Locust write the table again, then ingest it again."
    return Refusal(line.benchmark, "The line states no number of requests.", remedy)


def _run(line: _Line) -> Measurement:
    measurement = Measurement(
        benchmark=line.benchmark, suite="locust", n_samples=line.requests, metrics=tuple(_metrics(line))
    )
    timed = with_columns(measurement, _exact(line), _rounded(line), why_null=_WHY_NULL)
    return flag(quarantine(timed, *_defects(line)), *_warnings(line))


def _exact(line: _Line) -> Columns:
    found = {column: line.number(name) for column, name in _EXACT.items()}
    values = {column: value for column, value in found.items() if value}
    reasons = {column: _NOTHING_TIMED for column, value in found.items() if value == 0}
    least = line.number("min response time")
    if least:
        return Columns({**values, "latency_min_ms": least}, reasons)
    why = "the report states 0: none, or one that was rounded to it" if least == 0 else "the report does not state it"
    return Columns(values, {**reasons, "latency_min_ms": why})


def _rounded(line: _Line) -> Columns:
    """Median and percentiles where they can be those of the line: within its extremes, and up to its maximum."""
    low, high, last = (line.number(name) for name in ("min response time", "max response time", "100%"))
    if high is not None and last is not None and abs(last - high) > high * 0.05 + 1:
        why = f"the stated 100% is {last:g} ms, the maximum {high:g} ms: the percentiles are of other requests"
        return Columns(_median(line), dict.fromkeys(("latency_p95_ms", "latency_p99_ms"), why))
    values, reasons = {}, {}
    for column, name in _ROUNDED.items():
        value = line.number(name)
        if _is_coarse(value):
            reasons[column] = f"stated as {value:g} ms: below {_WHOLE_MS} ms Locust's whole milliseconds are too coarse"
        elif value is not None and (low is None or value >= low) and (high is None or value <= high) and value > 0:
            values[column] = value
        elif value is not None:
            reasons[column] = f"stated as {value:g} ms, rounded to outside of minimum and maximum"
    return Columns(values, reasons)


def _is_coarse(value: float | None) -> TypeGuard[float]:
    """Whether a time may be half of a millisecond away; what has a fraction is held at minimum or maximum instead."""
    return value is not None and 0 < value < _WHOLE_MS and value.is_integer()


def _median(line: _Line) -> dict[str, float]:
    median = line.number("median response time")
    return {"latency_p50_ms": median} if median and not _is_coarse(median) else {}


def _metrics(line: _Line) -> Iterator[Metric]:
    for column, (name, unit, better) in _METRICS.items():
        if unit != "ms" or line.requests:
            yield from metric(name, line.number(column), unit, better)
    for column, name in _ROUNDED.items():
        value = line.number(name)
        yield from metric(f"{column.removesuffix('_ms')}_rounded_ms", value if _is_coarse(value) else None, "ms")


def _defects(line: _Line) -> list[str]:
    requests = line.requests or 0
    return [f"all {requests} requests failed"] if requests and line.failures >= requests else []


def _warnings(line: _Line) -> list[str]:
    requests = line.requests or 0
    return [f"{line.failures} of {requests} requests failed"] if 0 < line.failures < requests else []


FORMATS = (LocustStats(),)
