"""hyperfine's JSON (`--export-json`).

Meanings from hyperfine's own source (github.com/sharkdp/hyperfine): all times are in seconds, `user` and `system`
are means over the runs (`benchmark/mod.rs`), an exit code is null on a run without one, 128 and more after a signal
(`util/exit_code.rs`), the time of the shell is subtracted and less than that is written as 0 (`benchmark/executor.rs`),
memory is the largest of all child processes so far (`timer/unix_timer.rs`). `median` came with 1.6, `parameters` with
1.11 (before: `parameter`), `exit_codes` with 1.12, `memory_usage_byte` with 1.20.
"""

from collections.abc import Iterator, Mapping

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import (
    Columns,
    percentile_columns,
    stated_columns,
    with_columns,
    without_deviation,
    without_zeros,
)
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import is_object, label, listed, metric, number, section, settings
from muse_domain.measurements import Measurement, Metric, ReportReading
from muse_domain.quality import flag, quarantine

_STATED_KEYS = {
    "latency_mean_ms": "mean",
    "latency_p50_ms": "median",
    "latency_min_ms": "min",
    "latency_max_ms": "max",
    "latency_std_ms": "stddev",
}
_SCANNED = 5
_NOTHING_LEFT = "the report states 0: the tool subtracts the time of the shell, and nothing is left"
_WHY_NULL = {
    "tokens_per_sec": "this tool times commands, not tokens",
    "latency_p95_ms": "the report does not state the single runs",
    "latency_p99_ms": "the report does not state the single runs",
}

_Result = Mapping[str, object]


class HyperfineReport:
    """One run for each command."""

    name = "hyperfine"
    title = "hyperfine (JSON)"
    documentation = """\
One run for each entry of `results`, named `COMMAND (PARAMETERS)`. A sample is one run of the whole command.

| report | Muse |
|---|---|
| `mean`, `median`, `min`, `max`, `stddev` (seconds) | `latency_mean_ms`, `_p50_`, `_min_`, `_max_`, `_std_` |
| `times` (seconds) | p95 from 20 runs, p99 from 100 (linear interpolation); `n_samples` |
| `memory_usage_byte`, the largest | `memory_peak_mb`, if it is larger than that of all commands before |
| `user`, `system` (seconds, means) | metrics `user_time_mean_ms`, `system_time_mean_ms` |
| `exit_codes` | a code other than 0, or none, quarantines the run |

hyperfine measures memory as the largest process so far, so a command that needs less than one before it has no peak
of its own; what `--prepare` starts counts too. Null: time, commit and environment (the report states none), p95 and
p99 of too few runs, the deviation of a single run, tokens, cost. The tool subtracts the time of its shell and writes 0
where nothing is left: such a minimum or percentile is null, and the run flagged. Reports before 1.12 have no exit
codes: their failed runs cannot be told, and a time of 0 quarantines the run.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A list of `results` that each have a `command` and its `mean` or `times`."""
        return any(
            is_object(item) and "command" in item and ("mean" in item or "times" in item)
            for item in listed(content.top, "results")[:_SCANNED]
        )

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each command on its own, but for its memory."""
        results = list(enumerate(listed(content.top, "results"), start=1))
        peaks = [_peak(item) for _, item in results]
        return ReportReading(
            self.name,
            tuple(_command(index, item, peaks[:index]) for index, item in results if is_object(item)),
            tuple(not_an_object(f"result {index}") for index, item in results if not is_object(item)),
        )


def _peak(item: object) -> float | None:
    values = [number(value) for value in listed(item, "memory_usage_byte")] if is_object(item) else []
    return max((value for value in values if value is not None), default=None)


def _command(index: int, item: _Result, peaks: list[float | None]) -> Measurement:
    stated = listed(item, "times")
    times = [time for time in map(number, stated) if time is not None]
    codes = listed(item, "exit_codes")
    samples = len(times) if "times" in item else len(codes) or None
    measurement = Measurement(
        benchmark=_name(index, item),
        suite="hyperfine",
        n_samples=samples,
        metrics=tuple(_metrics(item)),
    )
    latencies = [percentile_columns([time * 1000 for time in times]) if stated else Columns(), _stated(item, samples)]
    if _has_zeros(item):
        latencies = [without_zeros(columns, _NOTHING_LEFT) for columns in latencies]
    columns = (*latencies, _memory(item, peaks))
    run = quarantine(with_columns(measurement, *columns, why_null=_WHY_NULL), *_failures(codes))
    return flag(run, *_warnings(item, len(stated), len(times), len(codes)))


def _name(index: int, item: _Result) -> str:
    name = label(item.get("command")) or f"command {index}"
    parameters = settings(section(item, "parameters")) or settings({"parameter": item.get("parameter")})
    return f"{name} ({parameters})" if parameters else name


def _stated(item: _Result, samples: int | None) -> Columns:
    columns = stated_columns(item, _STATED_KEYS, scale=1000)
    return columns if samples != 1 else without_deviation(columns)


def _has_zeros(item: _Result) -> bool:
    """Whether a run of the command took no longer than the shell. Only exit codes say that it ran: without them, and
    where no time at all is stated, a time of 0 cannot be true."""
    return "exit_codes" in item and number(item.get("min")) == 0 and bool(number(item.get("mean")))


def _memory(item: _Result, peaks: list[float | None]) -> Columns:
    """The peak of a command, the last of `peaks`, is known only if it is above those of the commands before."""
    *before, peak = peaks
    if peak is None:
        known = "memory_usage_byte" in item
        reasons = {"memory_peak_mb": "the report states memory_usage_byte without a usable number"}
        return Columns(reasons=reasons if known else {})
    if peak == 0:
        return Columns(reasons={"memory_peak_mb": "the report states 0 bytes: memory was not measured"})
    if any(other is not None and other >= peak for other in before):
        why = "an earlier command used as much: the tool states the largest process so far"
        return Columns(reasons={"memory_peak_mb": why})
    return Columns({"memory_peak_mb": peak / 1e6})


def _metrics(item: _Result) -> Iterator[Metric]:
    for key in ("user", "system"):
        time = number(item.get(key))
        yield from metric(f"{key}_time_mean_ms", None if time is None else time * 1000, "ms")


def _failures(codes: list[object]) -> Iterator[str]:
    failed = [code for code in map(number, codes) if code != 0]
    if failed:
        shown = ", ".join(dict.fromkeys("none" if code is None else f"{code:g}" for code in failed[:8]))
        yield f"{len(failed)} of {len(codes)} runs failed: exit codes {shown}"


def _warnings(item: _Result, stated: int, usable: int, codes: int) -> Iterator[str]:
    if _has_zeros(item):
        yield "some runs took no longer than the shell that the tool subtracts: their times are 0"
    if usable < stated:
        yield f"{stated - usable} of {stated} times are not numbers"
    if "exit_codes" in item and "times" in item and codes != stated:
        yield f"the report states {codes} exit codes for {stated} runs"


FORMATS = (HyperfineReport(),)
