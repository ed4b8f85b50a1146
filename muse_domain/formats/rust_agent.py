"""Metrics of the Chimera Rust agents: language model calls of two agents, or of two settings of one.

Shapes from `src/rust/demo_agent/*/data/metrics.json`, `data/research/tr109_rust_full/` and
`src/rust/demo_multiagent/*/run_*/metrics.json` of Sahil170595/Chimeraforge.
"""

from collections.abc import Mapping

from muse_domain.formats.columns import Columns, sample_columns, stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.llm_requests import cold_start
from muse_domain.formats.values import (
    count,
    is_object,
    label,
    listed,
    metric,
    number,
    section,
    settings,
    stated_failure,
    stated_time,
)
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric, ReportReading
from muse_domain.quality import flag, quarantine

_AGENTS = ("baseline", "chimera", "collector", "insight")
_ENVIRONMENT_KEYS = ("arch", "os", "rust_version")
_NO_CALLS = "the report states no single calls, and not whether its duration is a mean or a sum"
_WHY_NULL = {column: _NO_CALLS for column in METRIC_COLUMNS if column.startswith("latency_")}


class RustAgentReport:
    """One run for each agent."""

    name = "chimera-rust-agent"
    title = "Chimera Rust agent metrics (JSON)"
    documentation = """\
One run for each of `baseline` and `chimera`, or of the two agents `collector` and `insight`, named
`rust_agent/AGENT (CONFIGURATION)`. The `scenario` of two agents is a part of the configuration: it says what the other
one does meanwhile.

| report | Muse |
|---|---|
| `total_duration_ms` of `individual_runs[]` or `llm_calls[].metrics` | `latency_mean_ms`, `_min_`, \
`_max_`, `_std_`, p50 from 5 calls, p95 from 20, p99 from 100 (linear interpolation) |
| `aggregate_metrics.average_tokens_per_second` | `tokens_per_sec` |
| `average_ttft_ms`, `stddev_ttft`, `stddev_throughput`, `total_tokens_generated` | metrics \
`ttft_mean_ms`, `ttft_std_ms`, `tokens_per_sec_std`, `tokens_generated` |
| `model`, `timestamp` | `model`, `ts` |
| `system_info.os`, `arch`, `rust_version` | environment (not the host's name) |

Null: latencies without single calls: `aggregate_metrics.total_duration_ms` is a mean in older reports
and a sum
in newer ones. Cost, memory and commit are not stated. `delta` and `summary` are computed from the same
numbers.
0 tokens per second in real time is a failure to parse the answer, stored as a measurement: quarantined.
A time to first token that equals the whole duration is left out, and the run is flagged: the agent did not
stream, and its tokens per second are over the whole duration. A cold first call flags the run too.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """An agent with `aggregate_metrics`."""
        return bool(_agents(content.top))

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each agent on its own."""
        agents = _agents(content.top).items()
        scenario = {"scenario": content.top.get("scenario")}
        return ReportReading(self.name, tuple(_agent(name, result, scenario) for name, result in agents))


def _agents(report: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    stated = {name: section(report, name) for name in _AGENTS}
    results = {name: section(part, "result") or part for name, part in stated.items()}
    return {name: result for name, result in results.items() if is_object(result.get("aggregate_metrics"))}


def _agent(name: str, result: Mapping[str, object], scenario: Mapping[str, object]) -> Measurement:
    totals = section(result, "aggregate_metrics")
    calls = _calls(result)
    ts, no_time = stated_time(result.get("timestamp"))
    configuration = settings({**section(result, "configuration"), **scenario})
    measurement = Measurement(
        benchmark=f"rust_agent/{name} ({configuration})" if configuration else f"rust_agent/{name}",
        suite="rust_agent",
        ts=ts,
        model=label(result.get("model")),
        n_samples=len(calls) or None,
        metrics=_metrics(totals, calls),
        environment=_environment(section(result, "system_info")),
        null_reasons=no_time,
    )
    timed = with_columns(measurement, *_columns(totals, calls), why_null=_WHY_NULL)
    failure = stated_failure(result)
    return flag(quarantine(timed, *([failure] if failure else [])), *_warnings(result, calls))


def _calls(result: Mapping[str, object]) -> list[Mapping[str, object]]:
    runs = [run for run in listed(result, "individual_runs") if is_object(run)]
    return runs or [section(call, "metrics") for call in listed(result, "llm_calls") if is_object(call)]


def _columns(totals: Mapping[str, object], calls: list[Mapping[str, object]]) -> tuple[Columns, ...]:
    durations = [number(call.get("total_duration_ms")) for call in calls]
    known = [duration for duration in durations if duration is not None]
    return sample_columns(known), stated_columns(totals, {"tokens_per_sec": "average_tokens_per_second"})


def _metrics(totals: Mapping[str, object], calls: list[Mapping[str, object]]) -> tuple[Metric, ...]:
    ttft = None if _did_not_stream(totals) else number(totals.get("average_ttft_ms"))
    several = len(calls) > 1
    ttft_std, rate_std = number(totals.get("stddev_ttft")), number(totals.get("stddev_throughput"))
    return (
        *metric("ttft_mean_ms", ttft, "ms", "lower"),
        *metric("ttft_std_ms", ttft_std if several else None, "ms", "lower"),
        *metric("tokens_per_sec_std", rate_std if several else None, "tokens/s", "lower"),
        *metric("tokens_generated", number(totals.get("total_tokens_generated")), "tokens"),
    )


def _did_not_stream(totals: Mapping[str, object]) -> bool:
    """The first version of the agent: its "first token" is the end of the answer."""
    ttft = number(totals.get("average_ttft_ms"))
    return ttft is not None and ttft == number(totals.get("total_duration_ms"))


def _environment(system: Mapping[str, object]) -> dict[str, str]:
    facts = {key: label(system.get(key)) for key in _ENVIRONMENT_KEYS}
    return {key: fact for key, fact in facts.items() if fact}


def _warnings(result: Mapping[str, object], calls: list[Mapping[str, object]]) -> list[str]:
    found = cold_start([number(call.get("load_duration_ms")) for call in calls])
    runs = count(result.get("runs"))
    if runs is not None and calls and len(calls) < runs:
        found.append(f"{len(calls)} of {runs} stated runs are in the report")
    if _did_not_stream(section(result, "aggregate_metrics")):
        found.append("not streamed: the time to first token is the whole duration, and so is the rate's time")
    return found


FORMATS = (RustAgentReport(),)
