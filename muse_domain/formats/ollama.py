"""Banterhearts reports on Ollama: the summary of a prompt suite (JSON) and its requests (CSV).

Shapes from `outputs/reports/ollama/*/`, `outputs/reports/gemma3/` and `data/csv/` of
Sahil170595/Chimeraforge.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from muse_domain.formats.banterhearts import judged, no_percentiles, not_an_object, stated_environment
from muse_domain.formats.columns import Columns, stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.llm_requests import DOCUMENTED, LlmRequest, llm_request, with_requests
from muse_domain.formats.tables import Row, table_rows
from muse_domain.formats.values import (
    count,
    decimal,
    excerpt,
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
from muse_domain.measurements import (
    METRIC_COLUMNS,
    Measurement,
    Metric,
    ReportReading,
)
from muse_domain.quality import flag, quarantine

# Ollama ends the tag of a quantized model with the quantization: "8b-instruct-q5_K_M".
_QUANT = re.compile(r":(?:.*-)?(q[0-9](?:_[0-9KSML]+)*|f(?:p)?16|bf16)$")
_MEASURED = ("ttft_s", "tokens_s", "load_s", "prompt_eval_s", "eval_s", "eval_count")
_SETTING_COLUMNS = ("tag", "num_gpu", "num_ctx", "temperature")
_NO_LATENCY = "the summary states the mean time to first token, not how long a request took"
_SUMMARY_WHY_NULL = {c: _NO_LATENCY for c in METRIC_COLUMNS if c.startswith("latency_")}

_RowKey = tuple[str, str, str]


def stated_quant(model: str | None) -> str | None:
    """The quantization that the model's Ollama tag states, or None."""
    found = _QUANT.search(model) if model else None
    return found.group(1) if found else None


class OllamaSummaryReport:
    """The summary of a suite: one run for each model."""

    name = "banterhearts-ollama-summary"
    title = "Banterhearts Ollama suite summary (JSON)"
    documentation = """\
One run for each entry of `models`, named `prompts/MODEL (OPTIONS)`.

| report | Muse |
|---|---|
| `mean_tokens_s` | `tokens_per_sec` |
| `mean_ttft_s` | metric `ttft_mean_ms` |
| `completed`, `prompt_count` | `n_samples`, metrics `requests_completed` and `requests_failed` |
| `results.MODEL.average_time_ms` | `latency_mean_ms` |
| `results.MODEL.tokens_generated` | metric `tokens_generated` |
| `generated_at` | `ts`, if it has a zone |

Null: percentiles (means only), cost, memory, commit. A model of which nothing completed is quarantined,
one of
which a part completed is flagged. A generated report (environment "3.9+") is quarantined. The summary and the
CSV of the same suite state the same runs: ingest one of them, the CSV if there is one.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A list of `models` with the number that `completed`, beside a `prompt_count`."""
        models = listed(content.top, "models")
        return "prompt_count" in content.top and any(is_object(m) and "completed" in m for m in models)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each model on its own."""
        report = content.top
        models = list(enumerate(listed(report, "models"), start=1))
        return ReportReading(
            self.name,
            tuple(_summary(report, item) for _, item in models if is_object(item)),
            tuple(not_an_object(f"model {index}") for index, item in models if not is_object(item)),
        )


def _summary(report: Mapping[str, object], item: Mapping[str, object]) -> Measurement:
    model = label(item.get("model"))
    options = settings(section(item, "options"))
    completed, asked = count(item.get("completed")), count(item.get("prompt_count"))
    totals = section(section(report, "results"), str(item.get("model")))
    ts, no_time = stated_time(report.get("generated_at"))
    measurement = Measurement(
        benchmark=_benchmark(model, options),
        suite="prompts",
        ts=ts,
        model=model,
        quant=stated_quant(model),
        n_samples=completed,
        metrics=_summary_metrics(item, totals, completed, asked),
        environment=stated_environment(report),
        null_reasons=no_time,
    )
    timed = with_columns(measurement, *_summary_columns(item, totals), why_null=_SUMMARY_WHY_NULL)
    return flag(quarantine(judged(timed, report), *_contradictions(item)), *_unfinished(completed, asked))


def _contradictions(item: Mapping[str, object]) -> list[str]:
    failure = stated_failure(item)
    found = [failure] if failure else []
    completed, asked = count(item.get("completed")), count(item.get("prompt_count"))
    if completed is not None and asked is not None and completed > asked:
        found.append(f"{completed} of {asked} prompts completed, more than were asked")
    return found


def _summary_columns(item: Mapping[str, object], totals: Mapping[str, object]) -> tuple[Columns, ...]:
    percentiles = no_percentiles("the report states only means") if "average_time_ms" in totals else {}
    return (
        stated_columns(item, {"tokens_per_sec": "mean_tokens_s"}),
        stated_columns(totals, {"latency_mean_ms": "average_time_ms"}),
        Columns(reasons=percentiles),
    )


def _summary_metrics(
    item: Mapping[str, object], totals: Mapping[str, object], completed: int | None, asked: int | None
) -> tuple[Metric, ...]:
    ttft = number(item.get("mean_ttft_s"))
    failed = None if completed is None or asked is None or completed > asked else float(asked - completed)
    return (
        *metric("ttft_mean_ms", None if ttft is None else ttft * 1000, "ms", "lower"),
        *metric("requests_completed", None if completed is None else float(completed), "requests", "higher"),
        *metric("requests_failed", failed, "requests", "lower"),
        *metric("tokens_generated", number(totals.get("tokens_generated")), "tokens"),
    )


def _unfinished(completed: int | None, asked: int | None) -> list[str]:
    if completed is None or asked is None or completed >= asked:
        return []
    return [f"{completed} of {asked} prompts completed"]


def _benchmark(model: str | None, options: str) -> str:
    name = f"prompts/{model or 'model'}"
    return f"{name} ({options})" if options else name


class OllamaRequestsTable:
    """The requests of a suite, one a line: one run for each model and its settings."""

    name = "banterhearts-ollama-requests"
    title = "Banterhearts Ollama requests (CSV)"
    documentation = f"""\
A request a line. One run for each model, options and start of the suite, named `prompts/MODEL (OPTIONS)`. A table
without the column `model` is named by its file, and `model` is null. Tables of parameter tuning (`num_gpu`, `num_ctx`,
`temperature`) and of quantizations (`tag`) are read the same way; their times have no zone, so `ts` is null.

{DOCUMENTED}
`quant` is the `tag` column, or the end of the model's name ("...-q4_0").
A line with too few or too many cells is refused, and the others stay; a table that ends within a line is cut.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """The columns `ttft_s`, `tokens_s` and `eval_s`."""
        return content.header is not None and {"ttft_s", "tokens_s", "eval_s"} <= set(content.header)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """The lines, grouped into runs."""
        rows, refusals = table_rows(content, _defect)
        groups: dict[_RowKey, list[Row]] = {}
        for row in rows:
            groups.setdefault(_run_of(row), []).append(row)
        file = label(PurePosixPath(path).stem)
        return ReportReading(self.name, tuple(_run(group, file) for group in groups.values()), tuple(refusals))


def _defect(row: Row) -> str | None:
    """`options` is the last column: where it is no object, the line is cut."""
    if "options" in row and _stated_options(row["options"]) is None:
        return "the options are no JSON object"
    return None


def _stated_options(cell: str) -> Mapping[str, object] | None:
    try:
        options = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return options if is_object(options) else None


def _run_of(row: Row) -> _RowKey:
    """What one run has in common. Only a suite stamps all its requests with one time, and it has options."""
    started = row.get("timestamp", "") if "options" in row else ""
    return started, row.get("model", ""), _options(row)


def _options(row: Row) -> str:
    columns = settings({key: row[key] for key in _SETTING_COLUMNS if row.get(key)})
    options = settings(_stated_options(row.get("options", "{}")) or {})
    return ", ".join(part for part in (columns, options) if part)


def _run(rows: list[Row], file: str | None) -> Measurement:
    """One run; without a column `model` the file's name tells apart what is not the same model."""
    first = rows[0]
    model = label(first.get("model"))
    ts, no_time = stated_time(first.get("timestamp"))
    measurement = Measurement(
        benchmark=_benchmark(model or file, _options(first)),
        suite="prompts",
        ts=ts,
        model=model,
        quant=label(first.get("tag")) or stated_quant(model),
        null_reasons=no_time,
        identity=_identity(rows),
    )
    return flag(with_requests(measurement, _requests(rows)), *_unreadable(rows))


def _identity(rows: list[Row]) -> str:
    """The table may hold several suites and grow by another: a run is the hash of its own lines."""
    canonical = json.dumps(rows, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _requests(rows: list[Row]) -> list[LlmRequest]:
    stated = [count(decimal(row.get("prompt_index"))) for row in rows]
    indexes = [index for index in stated if index is not None]
    if len(set(indexes)) < len(rows):
        indexes = list(range(1, len(rows) + 1))
    return [_request(index, row) for index, row in zip(indexes, rows, strict=True)]


def _request(index: int, row: Row) -> LlmRequest:
    numbers: dict[str, object] = {key: decimal(row.get(key)) for key in _MEASURED}
    return llm_request(index, numbers | {"error": row.get("error")})


def _unreadable(rows: list[Row]) -> list[str]:
    cells = [(key, row[key]) for row in rows for key in _MEASURED if row.get(key)]
    broken = [(key, cell) for key, cell in cells if decimal(cell) is None]
    return (
        [f"{len(broken)} cells are not numbers, the first in {broken[0][0]}: {excerpt(broken[0][1])}"] if broken else []
    )


FORMATS = (OllamaSummaryReport(), OllamaRequestsTable())
