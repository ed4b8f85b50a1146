"""One run out of single requests to a language model, as the prompt suites record them.

The names are those of Ollama's API (docs.ollama.com/api/usage): `load` is the time to load the model,
`prompt_eval` the time to read the prompt, `eval` the time to generate. The suites compute the time to first
token as load + prompt_eval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from muse_domain.formats.banterhearts import no_percentiles
from muse_domain.formats.columns import Columns, percentile_columns, with_columns
from muse_domain.formats.values import excerpt, metric, number
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric
from muse_domain.quality import flag, quarantine

DOCUMENTED = """\
| report | Muse |
|---|---|
| the mean of `tokens_s` | `tokens_per_sec` |
| `ttft_s` | metrics `ttft_mean_ms`, `ttft_min_ms`, `ttft_max_ms`, and `ttft_p50_ms` from 5 requests, \
`ttft_p95_ms` from 20, `ttft_p99_ms` from 100 (linear interpolation) |
| `eval_s` | metric `eval_mean_ms` |
| `eval_count` | metric `tokens_generated`, the sum |
| each request | metrics `prompt_N_ttft_ms`, `prompt_N_load_ms`, `prompt_N_tokens_per_sec`, \
`prompt_N_tokens_generated` |
| requests with and without an error | metrics `requests_completed`, `requests_failed`; `n_samples` \
counts the completed ones |

Null: the latency columns. The suite states the time to the first token and the time to generate, not how long
a request took. Cost and memory are not measured. Texts of prompts are not stored, only their numbers.

The first request often loads the model. It stays in the means, as the report measured it; the run is flagged,
and `ttft_p50_ms` and the metrics of the single requests show the rest.
A failed request never enters a mean; it flags the run, and a run without a completed request is quarantined.
"""

_NO_LATENCY = "the suite states time to first token and generation time, not how long a request took"
_WHY_NULL = {c: _NO_LATENCY for c in METRIC_COLUMNS if c.startswith("latency_")} | no_percentiles(_NO_LATENCY)
# Loading a resident model takes about 0.1 s in the real reports, loading it from disk 2 s and more.
_COLD_FACTOR = 5


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """One request: times in ms, None where not stated. `failure` says why it gave no answer."""

    index: int
    ttft_ms: float | None
    load_ms: float | None
    eval_ms: float | None
    tokens_per_sec: float | None
    tokens_generated: float | None
    failure: str | None


def llm_request(index: int, item: Mapping[str, object]) -> LlmRequest:
    """A request from an object with times in seconds and an optional `error` text."""
    tokens = number(item.get("eval_count"))
    error = excerpt(item.get("error"))
    return LlmRequest(
        index=index,
        ttft_ms=_milliseconds(item.get("ttft_s")),
        load_ms=_milliseconds(item.get("load_s")),
        eval_ms=_milliseconds(item.get("eval_s")),
        tokens_per_sec=number(item.get("tokens_s")),
        tokens_generated=tokens,
        failure=error or ("no tokens were generated" if tokens == 0 else None),
    )


def _milliseconds(seconds: object) -> float | None:
    value = number(seconds)
    return None if value is None else value * 1000


def with_requests(measurement: Measurement, requests: Sequence[LlmRequest]) -> Measurement:
    """The measurement with the values of its requests; failed ones are counted and told, never averaged."""
    completed = [request for request in requests if request.failure is None]
    rates = [request.tokens_per_sec for request in completed if request.tokens_per_sec is not None]
    columns = Columns({"tokens_per_sec": fmean(rates)} if rates else {})
    described = replace(
        measurement,
        n_samples=len(completed),
        metrics=(*measurement.metrics, *_totals(requests, completed), *_each(completed)),
    )
    complete = with_columns(described, columns, why_null=_WHY_NULL)
    return _judged(complete, requests, completed)


def _totals(requests: Sequence[LlmRequest], completed: Sequence[LlmRequest]) -> tuple[Metric, ...]:
    ttft = [request.ttft_ms for request in completed if request.ttft_ms is not None]
    evals = [request.eval_ms for request in completed if request.eval_ms is not None]
    tokens = [r.tokens_generated for r in completed if r.tokens_generated is not None]
    return (
        *metric("requests_completed", float(len(completed)), "requests", "higher"),
        *metric("requests_failed", float(len(requests) - len(completed)), "requests", "lower"),
        *_ttft(ttft),
        # Follows from the rate and from how much was asked for: compared, it would tell a change twice.
        *metric("eval_mean_ms", fmean(evals) if evals else None, "ms"),
        *metric("tokens_generated", sum(tokens) if tokens else None, "tokens"),
    )


def _ttft(ttft: list[float]) -> tuple[Metric, ...]:
    if not ttft:
        return ()
    stated = {"mean": fmean(ttft), "min": min(ttft), "max": max(ttft)}
    for column, value in percentile_columns(ttft).values.items():
        stated[column.removeprefix("latency_").removesuffix("_ms")] = value
    typical = "p50" if "p50" in stated else "mean"
    # Only the typical value and the tail are compared: the other statistics would tell the same change again.
    return tuple(
        Metric(f"ttft_{name}_ms", value, "ms", "lower" if name in (typical, "p95") else "none")
        for name, value in stated.items()
    )


def _each(completed: Sequence[LlmRequest]) -> tuple[Metric, ...]:
    found: list[Metric] = []
    for request in completed:
        # A single request is kept for the eye; as a series of its own it would be compared from one sample a run.
        parts = (
            ("ttft_ms", request.ttft_ms, "ms"),
            ("load_ms", request.load_ms, "ms"),
            ("tokens_per_sec", request.tokens_per_sec, "tokens/s"),
            ("tokens_generated", request.tokens_generated, "tokens"),
        )
        for name, value, unit in parts:
            found.extend(metric(f"prompt_{request.index}_{name}", value, unit))
    return tuple(found)


def _judged(measurement: Measurement, requests: Sequence[LlmRequest], completed: Sequence[LlmRequest]) -> Measurement:
    failures = [request.failure for request in requests if request.failure]
    if not completed:
        why = f": {failures[0]}" if failures else ""
        return quarantine(measurement, f"none of {len(requests)} requests completed{why}")
    warnings = [*cold_start([request.load_ms for request in requests])]
    if failures:
        warnings.append(f"{len(failures)} of {len(requests)} requests failed: {failures[0]}")
    return flag(measurement, *warnings)


def cold_start(loads_ms: Sequence[float | None]) -> list[str]:
    """A warning when the first request loaded the model and the later ones (two or more) did not."""
    first, *later = loads_ms or [None]
    known = [load for load in later if load is not None]
    if first is None or len(known) < 2 or first <= _COLD_FACTOR * median(known):
        return []
    return [f"cold start: the first request took {first:g} ms to load the model, the others {median(known):g} ms"]
