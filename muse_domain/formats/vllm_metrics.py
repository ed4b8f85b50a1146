"""The further metrics of a vLLM serving result: throughputs, sums, and the statistics that no column holds."""

import re
from collections.abc import Iterator, Mapping

from muse_domain.formats.values import metric, number
from muse_domain.measurements import Better, Metric

COLUMN_KEYS = {
    "latency_mean_ms": "mean_e2el_ms",
    "latency_p50_ms": "median_e2el_ms",
    "latency_p95_ms": "p95_e2el_ms",
    "latency_p99_ms": "p99_e2el_ms",
    "latency_std_ms": "std_e2el_ms",
}
# The same value under another key, where not the median but percentiles are stated.
MEDIAN_KEYS = {"latency_p50_ms": "p50_e2el_ms"}
_STATISTIC = re.compile(
    r"(mean|median|std|p[0-9.]{1,8})_(ttft|tpot|itl|e2el|client_queue_time|e2el_including_client_queue)_ms"
)
_METRICS: Mapping[str, tuple[str, str, Better]] = {
    "request_throughput": ("requests_per_sec", "requests/s", "higher"),
    # Its name in the versions of early 2024.
    "request_inthroughput": ("requests_per_sec", "requests/s", "higher"),
    "request_goodput": ("goodput_requests_per_sec", "requests/s", "higher"),
    # Written with the colon by the versions of early 2025.
    "request_goodput:": ("goodput_requests_per_sec", "requests/s", "higher"),
    "total_token_throughput": ("total_tokens_per_sec", "tokens/s", "higher"),
    "input_throughput": ("input_tokens_per_sec", "tokens/s", "none"),
    "input_sequence_throughput": ("input_sequences_per_sec", "inputs/s", "higher"),
    "max_output_tokens_per_s": ("max_tokens_per_sec", "tokens/s", "none"),
    "max_concurrent_requests": ("max_concurrent_requests", "requests", "none"),
    "total_input_tokens": ("tokens_read", "tokens", "none"),
    "total_output_tokens": ("tokens_generated", "tokens", "none"),
    "duration": ("duration_s", "s", "none"),
    "spec_decode_acceptance_rate": ("spec_decode_acceptance_pct", "%", "higher"),
    "spec_decode_acceptance_length": ("spec_decode_acceptance_length", "tokens", "higher"),
    # Seconds of audio that are transcribed in one: 0 where there was no audio.
    "rtfx": ("audio_seconds_per_sec", "s/s", "higher"),
    "probe_median_e2el_ms": ("probe_e2el_p50_ms", "ms", "lower"),
    "probe_p99_e2el_ms": ("probe_e2el_p99_ms", "ms", "lower"),
}


def total_metrics(report: Mapping[str, object]) -> Iterator[Metric]:
    """The values of the whole run; of two keys for the same one, the first that states it."""
    stated = {key: value for key in _METRICS if (value := number(report.get(key))) is not None}
    if stated.get("rtfx") == 0:
        del stated["rtfx"]
    told: set[str] = set()
    for key, value in stated.items():
        name, unit, better = _METRICS[key]
        if name not in told:
            yield Metric(name, value, unit, better)
        told.add(name)


def time_metrics(report: Mapping[str, object]) -> Iterator[Metric]:
    """The statistics that no column holds. Those of a time whose mean is 0 are of no measurement."""
    for key, value in report.items():
        found = _STATISTIC.fullmatch(key)
        if not found or key in (*COLUMN_KEYS.values(), *MEDIAN_KEYS.values()):
            continue
        # Some programs state percentiles alone: then the value itself tells.
        if not number(report.get(f"mean_{found.group(2)}_ms", value)):
            continue
        statistic = "p50" if found.group(1) == "median" else found.group(1)
        if statistic == "p50" and found.group(1) != "median" and f"median_{found.group(2)}_ms" in report:
            continue
        better: Better = "none" if statistic == "std" else "lower"
        yield from metric(f"{found.group(2)}_{statistic}_ms", number(value), "ms", better)
