"""vLLM's serving benchmark (`vllm bench serve --save-result`, before that `benchmark_serving.py`).

Meanings from vLLM's own source (github.com/vllm-project/vllm, `vllm/benchmarks/serve.py` and the older
`benchmarks/benchmark_serving.py`): `e2el` is the time from sending a request to its whole answer, `ttft` that to
its first token, `tpot` the time for each further token, `itl` the time between two answers of a stream; all in ms,
with deviations of the population (numpy's default). A statistic over nothing is written as 0. `date` is the local
time of the client, without a zone. `--append-result` writes a result a line, `vllm bench sweep` a list of them. Tokens
are summed over the requests that completed; how long the requests were to be is not stated.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import log2

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import Columns, sample_columns, stated_columns, with_columns
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
    settings,
    stated_time,
)
from muse_domain.formats.vllm_metrics import COLUMN_KEYS, MEDIAN_KEYS, time_metrics, total_metrics
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric, ReportReading, ReportRefused
from muse_domain.quality import flag

_KEYS = frozenset({"model_id", "num_prompts", "completed", "total_input_tokens", "duration"})
# What the other benchmarks of vLLM write: numbers alone.
_NAMELESS = {
    "throughput": frozenset({"elapsed_time", "num_requests", "total_num_tokens", "tokens_per_second"}),
    "latency": frozenset({"avg_latency", "latencies", "percentiles"}),
}
_LOAD_KEYS = ("request_rate", "max_concurrency", "ramp_up_strategy", "ramp_up_start_rps", "ramp_up_end_rps")
_LENGTH_KEYS = {"input_len": "total_input_tokens", "output_len": "total_output_tokens"}
# What users add with --metadata has names of their own choice: only these say what the server ran on.
_ENVIRONMENT_KEYS = (
    "framework",
    "gpu",
    "gpu_name",
    "gpu_type",
    "gpu_count",
    "tensor_parallel_size",
    "tp",
    "dtype",
    "vllm_version",
)
_NO_LATENCY = "the report states no end-to-end latency (e2el): times to tokens are no latency of a request"
_WHY_NULL = {c: _NO_LATENCY for c in METRIC_COLUMNS if c.startswith("latency_")} | {
    "tokens_per_sec": "the report states no output_throughput"
}
# What a report with e2el may still lack: vLLM states p99 alone where `--metric-percentiles` asks for no other.
_NOT_STATED = {column: f"the report states no {key}" for column, key in COLUMN_KEYS.items()} | dict.fromkeys(
    ("latency_min_ms", "latency_max_ms"), "the report states no extremes of the end-to-end latency"
)
_NO_ZONE = re.compile(r"[0-9]{8}-[0-9]{6}")
_LOCAL_PATH = re.compile(r"(?:[~.]{0,2}[\\/]|[A-Za-z]:[\\/])")


class VllmServeReport:
    """One run for each saved result."""

    name = "vllm-serve"
    title = "vLLM serving benchmark (JSON, JSON lines)"
    documentation = """\
One run for each result, named `serve/MODEL (LOAD)`: backend, label, number of prompts, request rate, concurrency, and
the mean tokens of a completed request and of its answer, to the nearest power of two (`input_len=~1024`): a result does
not state the lengths that were asked for, and requests of other lengths are another benchmark. A run of which nothing
completed has no lengths in its name. Of what `--metadata` adds, only `input_len` and `output_len` are in the name,
instead of the means: give settings that are to be told apart a `--label`.

| report | Muse |
|---|---|
| `mean_e2el_ms`, `median_` (else `p50_`), `std_`, `p95_`, `p99_` (if `--percentile-metrics` has e2el) | \
`latency_mean_ms`, `_p50_`, `_std_`, `_p95_`, `_p99_` |
| `latencies` of the requests that answered, where e2el is not stated | the latency columns, percentiles from \
enough requests only |
| `output_throughput` | `tokens_per_sec` |
| `completed` | `n_samples`, metric `requests_completed` |
| `failed`, or the texts in `errors` | metric `requests_failed` |
| `ttft`, `tpot`, `itl`, queue times: mean, median, std and percentiles | metrics `ttft_mean_ms`, `ttft_p50_ms`, \
`ttft_std_ms`, `ttft_p99_ms` and so on |
| throughputs, goodput, tokens, duration, speculative decoding, audio (`rtfx`), probe requests | metrics \
`requests_per_sec`, `goodput_requests_per_sec`, `total_tokens_per_sec`, `input_tokens_per_sec`, `tokens_read`, \
`tokens_generated`, `duration_s`, `audio_seconds_per_sec`, `probe_e2el_p50_ms` and others |
| `model_id`, of a local path the last part | `model` |

Null: `ts` (the date has no zone), commit, cost, memory, and the latency columns when only times to tokens are
stated. A time whose mean is 0 was not measured and is left out. Failed requests flag the run, a run of which
nothing completed is quarantined. Prompts, generated texts and texts of errors are not read.
The results of `vllm bench throughput` and `vllm bench latency` are refused: they name neither model nor load.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A model, a number of prompts and of completed requests, tokens and a duration; or a result without a name."""
        first = next(iter(_results(content)), None)
        return (is_object(first) and first.keys() >= _KEYS) or _nameless(content) is not None

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each result on its own; raises ReportRefused for those of vLLM's other benchmarks."""
        kind = _nameless(content)
        if kind:
            reason = f"This is a result of vLLM's {kind} benchmark, which names neither the model nor the load."
            raise ReportRefused(reason, "Measure with `vllm bench serve --save-result` and ingest that file.")
        results = list(enumerate(_results(content), start=1))
        place = "line" if content.documents else "result"
        return ReportReading(
            self.name,
            tuple(_run(item) for _, item in results if is_object(item)),
            tuple(not_an_object(f"{place} {index}") for index, item in results if not is_object(item)),
        )


def _nameless(content: Decoded) -> str | None:
    """Which of vLLM's other benchmarks wrote the file, or None."""
    return next((kind for kind, keys in _NAMELESS.items() if content.top.keys() >= keys), None)


def _results(content: Decoded) -> Sequence[object]:
    if isinstance(content.json, list):
        return content.json
    return content.documents or (content.json,)


def _run(report: Mapping[str, object]) -> Measurement:
    model = _model(report.get("model_id"))
    ts, no_time = _time(report.get("date"))
    measurement = Measurement(
        benchmark=_benchmark(report, model),
        suite="serve",
        ts=ts,
        model=model,
        quant=label(report.get("quantization")),
        dataset=_model(report.get("dataset_name")),
        n_samples=count(report.get("completed")),
        metrics=(*_requests(report), *total_metrics(report), *time_metrics(report)),
        environment=_environment(report, model),
        null_reasons=no_time,
        identity=content_hash(report),
    )
    stated = stated_columns(report, COLUMN_KEYS if "median_e2el_ms" in report else COLUMN_KEYS | MEDIAN_KEYS)
    rate = stated_columns(report, {"tokens_per_sec": "output_throughput"})
    why = _WHY_NULL | (_NOT_STATED if stated.values else {})
    columns = (stated if stated.values else _measured(report), rate)
    return flag(with_columns(measurement, *columns, why_null=why), *_warnings(report))


def _model(value: object) -> str | None:
    """A name; of a local path only its last part, as the others name users and machines."""
    name = label(value)
    if name is None or not _LOCAL_PATH.match(name):
        return name
    return re.split(r"[\\/]", name.rstrip("\\/"))[-1] or None


def _time(date: object) -> tuple[datetime | None, dict[str, str]]:
    if isinstance(date, str) and _NO_ZONE.fullmatch(date):
        return None, {"ts": "the report states a time without a zone"}
    return stated_time(date)


def _benchmark(report: Mapping[str, object], model: str | None) -> str:
    load = {key: report.get(key) for key in _LOAD_KEYS}
    load["prompts"] = report.get("num_prompts")
    load["backend"] = report.get("backend") or report.get("endpoint_type")
    # 1 is the default, and the only value of versions that do not state it.
    load["burstiness"] = None if report.get("burstiness") == 1 else report.get("burstiness")
    load["label"] = report.get("label")
    load |= {name: scalar(report.get(name)) or _length(report, key) for name, key in _LENGTH_KEYS.items()}
    return f"serve/{model or 'model'} ({settings(load)})"


def _length(report: Mapping[str, object], key: str) -> str | None:
    """The mean tokens of a completed request, so coarse that a run that answers a little longer keeps its name."""
    tokens, completed = count(report.get(key)), count(report.get("completed"))
    return f"~{2 ** round(log2(tokens / completed))}" if tokens and completed and tokens >= completed else None


def _measured(report: Mapping[str, object]) -> Columns:
    """The columns from the single latencies (s), where the report tells which requests answered."""
    latencies = listed(report, "latencies")
    if not latencies:
        return Columns()
    errors = report.get("errors")
    if isinstance(errors, list) and len(errors) == len(latencies):
        latencies = [latency for latency, error in zip(latencies, errors, strict=True) if not error]
    seconds = [value for value in map(number, latencies) if value is not None]
    if len(seconds) != len(latencies) or len(seconds) != count(report.get("completed")):
        why = "the report states single latencies, but not which of them are of completed requests"
        return Columns(reasons={column: why for column in _WHY_NULL if column.startswith("latency_")})
    return sample_columns([value * 1000 for value in seconds])


def _requests(report: Mapping[str, object]) -> Iterator[Metric]:
    completed = count(report.get("completed"))
    failed = _failed(report)
    yield from metric("requests_completed", None if completed is None else float(completed), "requests", "higher")
    yield from metric("requests_failed", None if failed is None else float(failed), "requests", "lower")


def _failed(report: Mapping[str, object]) -> int | None:
    """How many failed: stated since 2025, before that only by the texts in `errors`."""
    errors = report.get("errors")
    if "failed" in report or not isinstance(errors, list):
        return count(report.get("failed"))
    return sum(1 for error in errors if error)


def _environment(report: Mapping[str, object], model: str | None) -> dict[str, str]:
    facts = {key: scalar(report.get(key)) for key in _ENVIRONMENT_KEYS}
    tokenizer = _model(report.get("tokenizer_id"))
    facts["tokenizer"] = None if tokenizer == model else tokenizer
    return {key: fact for key, fact in facts.items() if fact}


def _warnings(report: Mapping[str, object]) -> list[str]:
    asked, completed, failed = count(report.get("num_prompts")), count(report.get("completed")), _failed(report)
    if completed is None:
        return ["the report does not say how many requests completed"]
    if failed:
        return [f"{failed} of {completed + failed} requests failed"]
    if failed is None and asked is not None and completed < asked:
        return [f"{completed} of {asked} prompts completed"]
    return []


FORMATS = (VllmServeReport(),)
