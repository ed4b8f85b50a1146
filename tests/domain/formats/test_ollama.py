"""Banterhearts reports on Ollama: the summary and the table of requests."""

import json
from collections.abc import Callable

import pytest

from muse_domain.formats.ollama import stated_quant
from muse_domain.formats.registry import read_report
from muse_domain.measurements import Measurement, Quality, ReportReading, ReportRefused

Runs = Callable[[object], dict[str, Measurement]]

HEADER = (
    "timestamp,model,prompt_index,prompt_text,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,"
    "prompt_eval_count,eval_count,response_chars,error,options"
)
START = "2025-10-08T16:29:55+00:00"


def line(index: int, model: str = "llama:8b-q4_0", start: str = START, error: str = "") -> str:
    measured = "0.0,0.0,0.0,0.0,0.0,0,0,0" if error else "0.1,80.0,0.05,0.05,2.0,20,160,600"
    return f'{start},{model},{index},"secret, text",{measured},{error},"{{""temperature"":0.3}}"'


def table(*lines: str) -> str:
    return "\n".join([HEADER, *lines]) + "\n"


def summary(**model: object) -> dict[str, object]:
    stated = {"model": "m:8b-q8_0", "prompt_count": 5, "completed": 5, "options": {"temperature": 0.3}}
    return {"generated_at": START, "prompt_count": 5, "prompts": ["secret"], "models": [stated | model]}


@pytest.mark.parametrize(
    ("model", "quant"),
    [
        ("llama3.1:8b-instruct-q4_0", "q4_0"),
        ("llama3.1:8b-instruct-q5_K_M", "q5_K_M"),
        ("x:fp16", "fp16"),
        ("gemma3:1b-it-qat", None),
        ("gemma3:latest", None),
        ("q4_0", None),
        (None, None),
    ],
)
def test_a_quantization_is_read_only_where_the_tag_states_it(model: str | None, quant: str | None) -> None:
    """Ollama ends a tag with the quantization; nothing else is taken for one."""
    assert stated_quant(model) == quant


def test_a_run_is_a_suite_of_one_model(runs_of: Runs) -> None:
    """The requests of a model are one run, and each prompt's detail a metric by its number."""
    runs = runs_of(table(line(1), line(2), line(1, model="other")))
    run = runs["prompts/llama:8b-q4_0 (temperature=0.3)"]
    assert set(runs) == {run.benchmark, "prompts/other (temperature=0.3)"}
    assert run.n_samples == 2 and run.tokens_per_sec == 80.0 and run.quant == "q4_0"
    assert run.ts is not None and run.ts.isoformat() == START
    assert {m.name: m.value for m in run.metrics}["prompt_2_ttft_ms"] == 100.0
    assert "secret" not in str(runs)


def test_failed_requests_are_counted_not_averaged(runs_of: Runs) -> None:
    """The zeros of a failed request are not a fast answer."""
    (run,) = runs_of(table(line(1), line(2, error="connection refused"), line(3))).values()
    assert run.tokens_per_sec == 80.0 and run.n_samples == 2
    assert run.quality is Quality.FLAGGED
    assert run.quality_reasons == ("1 of 3 requests failed: connection refused",)


def test_a_run_without_an_answer_is_quarantined(runs_of: Runs) -> None:
    """The suite ran while the server was down: kept, never used, and no rate of 0 tokens a second."""
    (run,) = runs_of(table(line(1, error="down"), line(2, error="down"))).values()
    assert run.quality is Quality.QUARANTINED
    assert run.tokens_per_sec is None


def test_a_run_keeps_its_identity_when_the_table_grows() -> None:
    """Another suite in the same table changes neither the first run nor its identity."""
    later = line(1, start="2025-10-09T16:29:55+00:00")
    first = read_report("a.csv", table(line(1)).encode()).measurements
    both = read_report("a.csv", table(line(1), later).encode()).measurements
    assert both[0] == first[0]
    assert len({run.identity for run in both}) == 2


def test_a_table_cut_within_a_line_is_refused() -> None:
    """Half a line would be a measurement that nobody made."""
    whole = table(line(1), line(2))
    for end in range(len(whole) - len(line(2)), len(whole) - 2):
        with pytest.raises(ReportRefused, match="cut"):
            read_report("a.csv", whole[:end].encode())


def test_a_bad_line_does_not_drop_the_others() -> None:
    """It is refused by its number."""
    reading = read_report("a.csv", table(line(1), "too,short", line(2)).encode())
    assert [refusal.item for refusal in reading.refusals] == ["line 3"]
    assert reading.measurements[0].n_samples == 2


def test_a_cell_that_is_no_number_is_not_measured(runs_of: Runs) -> None:
    """The request stays, the value is missing, and the run says so."""
    (run,) = runs_of(table(line(1).replace("80.0", "fast"), line(2))).values()
    assert run.tokens_per_sec == 80.0
    assert "cells are not numbers" in run.quality_reasons[0]


def test_tuning_tables_group_by_their_settings(runs_of: Runs) -> None:
    """Their times have no zone, so the run has none."""
    text = (
        '"timestamp","model","num_gpu","num_ctx","temperature","ttft_s","tokens_s","eval_s"\n'
        '"2025-09-30T20:11:33","m","999","1024","0.2","5.7","77.5","1.2"\n'
        '"2025-09-30T20:11:35","m","999","1024","0.4","0.08","77.9","1.3"\n'
    )
    runs = runs_of(text)
    assert list(runs) == [
        "prompts/m (num_ctx=1024, num_gpu=999, temperature=0.2)",
        "prompts/m (num_ctx=1024, num_gpu=999, temperature=0.4)",
    ]
    assert {run.null_reasons["ts"] for run in runs.values()} == {"the report states a time without a zone"}


def test_tables_that_name_no_model_are_told_apart_by_their_files() -> None:
    """A table for each model, all of the same settings: compared as one, the change would be that of the model."""
    text = b"num_gpu,num_ctx,temperature,config_name,ttft_s,tokens_s,eval_s\n999,1024,0.2,g999,0.1,101.4,2.9\n"
    runs = [
        read_report(path, text).measurements[0]
        for path in ("reports/gemma3_1b_param_tuning.csv", "reports/gemma3_270m_param_tuning.csv")
    ]
    assert [run.benchmark for run in runs] == [
        "prompts/gemma3_1b_param_tuning (num_ctx=1024, num_gpu=999, temperature=0.2)",
        "prompts/gemma3_270m_param_tuning (num_ctx=1024, num_gpu=999, temperature=0.2)",
    ]
    assert {run.model for run in runs} == {None}


def test_a_summary_states_means_only(runs_of: Runs) -> None:
    """The mean time to first token is a metric, and no percentile is made of it."""
    run = runs_of(summary(mean_ttft_s=0.65, mean_tokens_s=77.6))["prompts/m:8b-q8_0 (temperature=0.3)"]
    assert run.tokens_per_sec == 77.6
    assert {m.name: m.value for m in run.metrics}["ttft_mean_ms"] == 650.0
    assert run.latency_mean_ms is None and run.latency_p95_ms is None
    assert run.quality is Quality.OK


def test_a_summary_of_nothing_is_quarantined(runs_of: Runs) -> None:
    """`completed: 0` with null means is a failed run."""
    (run,) = runs_of(summary(completed=0, mean_ttft_s=None, mean_tokens_s=None)).values()
    assert run.quality is Quality.QUARANTINED
    assert run.null_reasons["tokens_per_sec"] == "the report states mean_tokens_s without a usable number"


def test_a_part_of_a_suite_is_flagged(runs_of: Runs) -> None:
    """Fewer prompts than asked."""
    (run,) = runs_of(summary(completed=3, mean_tokens_s=70.0)).values()
    assert run.quality_reasons == ("3 of 5 prompts completed",)


def test_more_answers_than_prompts_are_quarantined(runs_of: Runs) -> None:
    """Such a summary contradicts itself."""
    (run,) = runs_of(summary(completed=6, mean_tokens_s=70.0)).values()
    assert run.quality is Quality.QUARANTINED


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Five requests of one model, the first of them cold."""
    (run,) = real_report("ollama_suite_runs.csv").measurements
    assert run.benchmark == "prompts/llama3.1:8b-instruct-q4_0 (temperature=0.3, top_p=0.9)"
    assert run.quant == "q4_0" and run.n_samples == 5
    assert run.tokens_per_sec == pytest.approx(79.27)
    assert run.quality is Quality.FLAGGED and run.quality_reasons[0].startswith("cold start")
    assert "Motivate" not in json.dumps([str(run)])
