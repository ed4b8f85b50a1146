"""vLLM's serving benchmark."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.formats.registry import read_report
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality, ReportReading, ReportRefused
from tests.domain.formats.test_registry import assert_sound, json_values, read_or_refuse

Runs = Callable[[object], dict[str, Measurement]]


def result(**stated: object) -> dict[str, Any]:
    return {
        "date": "20250723-120000",
        "backend": "vllm",
        "model_id": "example/small-1b",
        "tokenizer_id": "example/small-1b",
        "num_prompts": 100,
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": None,
        "duration": 12.5,
        "completed": 100,
        "total_input_tokens": 25600,
        "total_output_tokens": 12800,
        "request_throughput": 8.0,
        "output_throughput": 1024.0,
        "mean_ttft_ms": 50.5,
        "median_ttft_ms": 48.5,
        "std_ttft_ms": 5.5,
        "p99_ttft_ms": 75.5,
    } | stated


def metrics(run: Measurement) -> dict[str, float]:
    return {metric.name: metric.value for metric in run.metrics}


def only(runs: dict[str, Measurement]) -> Measurement:
    (run,) = runs.values()
    return run


def test_a_run_is_named_by_its_model_and_its_load(runs_of: Runs) -> None:
    """Other loads are other benchmarks; the default burstiness says nothing."""
    assert list(runs_of(result())) == [
        "serve/example/small-1b (backend=vllm, input_len=~256, output_len=~128, prompts=100, request_rate=inf)"
    ]
    limited = result(max_concurrency=16, burstiness=0.5, request_rate=8.0)
    assert list(runs_of(limited)) == [
        "serve/example/small-1b (backend=vllm, burstiness=0.5, input_len=~256, max_concurrency=16, output_len=~128, "
        "prompts=100, request_rate=8)"
    ]


def test_requests_of_another_length_are_another_benchmark(runs_of: Runs) -> None:
    """A sweep over lengths states them nowhere but in the tokens; a few tokens more are the same benchmark."""
    short, long = result(), result(total_input_tokens=3_276_800)
    assert list(runs_of(short)) != list(runs_of(long))
    assert list(runs_of(short)) == list(runs_of(result(total_input_tokens=25_000, total_output_tokens=13_900)))
    assert list(runs_of(result(completed=50, total_input_tokens=12_800, total_output_tokens=6400))) == list(
        runs_of(short)
    )


def test_lengths_that_users_state_are_the_lengths(runs_of: Runs) -> None:
    """With `--metadata input_len=250 output_len=500`: answers may end earlier than they may."""
    (name,) = runs_of(result(input_len="250", output_len="500"))
    assert "input_len=250, output_len=500" in name


def test_a_run_of_which_nothing_completed_has_no_lengths(runs_of: Runs) -> None:
    """Nothing tells them."""
    empty = result(completed=0, total_input_tokens=0, total_output_tokens=0)
    assert list(runs_of(empty)) == ["serve/example/small-1b (backend=vllm, prompts=100, request_rate=inf)"]


def test_a_label_tells_benchmarks_apart(runs_of: Runs) -> None:
    """The prefix that users give to the results of one setting."""
    (name,) = runs_of(result(label="chunked"))
    assert "label=chunked" in name and [name] != list(runs_of(result(label=None)))


def test_the_time_to_the_first_token_is_no_latency(runs_of: Runs) -> None:
    """It is a metric; the latency columns stay empty and say why."""
    run = only(runs_of(result()))
    assert all(getattr(run, c) is None for c in METRIC_COLUMNS if c.startswith("latency_"))
    assert "end-to-end" in run.null_reasons["latency_p99_ms"]
    assert metrics(run)["ttft_p50_ms"] == 48.5 and metrics(run)["ttft_p99_ms"] == 75.5


def test_the_end_to_end_latency_is_the_latency(runs_of: Runs) -> None:
    """Where e2el is stated, with the percentiles that were chosen."""
    stated = {"mean_e2el_ms": 900.5, "median_e2el_ms": 890.5, "std_e2el_ms": 20.5, "p95_e2el_ms": 940.5}
    run = only(runs_of(result(**stated, p90_e2el_ms=920.5)))
    assert (run.latency_mean_ms, run.latency_p50_ms, run.latency_p95_ms) == (900.5, 890.5, 940.5)
    assert run.latency_p99_ms is None and run.latency_std_ms == 20.5
    assert metrics(run)["e2el_p90_ms"] == 920.5 and "e2el_mean_ms" not in metrics(run)


def test_a_percentile_that_nobody_asked_for_is_null_for_that(runs_of: Runs) -> None:
    """vLLM's default is p99 alone: the end-to-end latency itself is stated."""
    run = only(runs_of(result(mean_e2el_ms=340.3, median_e2el_ms=166.5, std_e2el_ms=307.6, p99_e2el_ms=876.8)))
    assert run.latency_p99_ms == 876.8 and run.latency_p95_ms is None
    assert run.null_reasons["latency_p95_ms"] == "the report states no p95_e2el_ms"


def test_percentiles_without_a_mean_are_kept(runs_of: Runs) -> None:
    """Programs that write vLLM's keys may state some alone; the 50th percentile is the median."""
    run = only(runs_of(result(p50_e2el_ms=230.5, p95_e2el_ms=344.5, p95_itl_ms=12.5, p50_itl_ms=0.0)))
    assert (run.latency_p50_ms, run.latency_p95_ms, run.latency_mean_ms) == (230.5, 344.5, None)
    assert metrics(run)["itl_p95_ms"] == 12.5 and "itl_p50_ms" not in metrics(run)
    assert not [name for name in metrics(run) if name.startswith("e2el")]
    assert run.null_reasons["latency_max_ms"] == "the report states no extremes of the end-to-end latency"
    both = only(runs_of(result(median_e2el_ms=230.5, p50_e2el_ms=230.5)))
    assert both.latency_p50_ms == 230.5 and not [name for name in metrics(both) if name.startswith("e2el")]


def test_generated_tokens_a_second_are_the_throughput(runs_of: Runs) -> None:
    """Neither the prompts' tokens nor the requests."""
    run = only(runs_of(result(total_token_throughput=3072.0)))
    assert run.tokens_per_sec == 1024.0
    assert metrics(run)["total_tokens_per_sec"] == 3072.0 and metrics(run)["requests_per_sec"] == 8.0


def test_a_date_without_a_zone_is_no_instant(runs_of: Runs) -> None:
    """The client's local time, from anywhere."""
    run = only(runs_of(result()))
    assert run.ts is None and run.null_reasons["ts"] == "the report states a time without a zone"


def test_nothing_completed_is_quarantined(runs_of: Runs) -> None:
    """A run against a server that is down states zeros for everything."""
    run = only(runs_of(result(completed=0, failed=100, output_throughput=0.0, mean_e2el_ms=0.0, mean_ttft_ms=0.0)))
    assert run.quality is Quality.QUARANTINED
    assert "nothing completed: 0 samples" in run.quality_reasons


def test_failed_requests_are_counted_and_flag_the_run(runs_of: Runs) -> None:
    """By the stated number, before it was stated by the texts of errors; else by what is missing."""
    run = only(runs_of(result(completed=90, failed=10)))
    assert run.quality_reasons == ("10 of 100 requests failed",) and metrics(run)["requests_failed"] == 10
    older = only(runs_of(result(completed=98, errors=[""] * 98 + ["refused", "refused"])))
    assert older.quality_reasons == ("2 of 100 requests failed",)
    oldest = only(runs_of(result(completed=90)))
    assert oldest.quality_reasons == ("90 of 100 prompts completed",)
    assert "requests_failed" not in metrics(oldest)


def test_a_statistic_over_nothing_is_left_out(runs_of: Runs) -> None:
    """Without streaming vLLM writes 0 for the time to the first token."""
    run = only(runs_of(result(mean_ttft_ms=0.0, median_ttft_ms=0.0, std_ttft_ms=0.0, p99_ttft_ms=0.0)))
    assert not [name for name in metrics(run) if name.startswith("ttft")]


def test_single_latencies_of_completed_requests_are_enough(runs_of: Runs) -> None:
    """Newer versions save them; a failed one's is none."""
    latencies, errors = [0.5 + index / 100 for index in range(20)], [""] * 20
    run = only(runs_of(result(completed=20, latencies=[*latencies, 0.0], errors=[*errors, "down"])))
    assert run.latency_min_ms == 500.0 and run.latency_max_ms == pytest.approx(690.0)
    assert run.latency_p95_ms is not None and run.latency_p99_ms is None
    unknown = only(runs_of(result(completed=20, latencies=[*latencies, 0.0])))
    assert unknown.latency_mean_ms is None and "which of them" in unknown.null_reasons["latency_mean_ms"]


def test_the_goodput_of_early_2025_has_a_colon(runs_of: Runs) -> None:
    """A slip of the tool under which the value stood."""
    assert metrics(only(runs_of(result(**{"request_goodput:": 7.5}))))["goodput_requests_per_sec"] == 7.5


def test_the_throughputs_of_early_2024_have_other_keys(runs_of: Runs) -> None:
    """The requests a second stood under a slip of the tool, the tokens of the prompts on their own."""
    oldest = result(request_inthroughput=7.5, input_throughput=2048.0)
    del oldest["request_throughput"]
    found = metrics(only(runs_of(oldest)))
    assert found["requests_per_sec"] == 7.5 and found["input_tokens_per_sec"] == 2048.0


def test_audio_and_probes_are_kept(runs_of: Runs) -> None:
    """What a transcription is measured by; and single tokens asked for beside the load."""
    found = metrics(only(runs_of(result(rtfx=42.5, probe_median_e2el_ms=20.5, probe_p99_e2el_ms=90.5))))
    assert found["audio_seconds_per_sec"] == 42.5
    assert (found["probe_e2el_p50_ms"], found["probe_e2el_p99_ms"]) == (20.5, 90.5)
    assert "audio_seconds_per_sec" not in metrics(only(runs_of(result(rtfx=0.0))))


def test_texts_and_paths_of_people_are_not_kept(runs_of: Runs) -> None:
    """Prompts, answers, errors, and folders of models."""
    detailed = result(
        model_id="/home/jane/models/small-1b",
        tokenizer_id="/home/jane/models/tokenizer",
        generated_texts=["secret"],
        errors=["secret"],
        host="jane-host",
    )
    run = only(runs_of(detailed))
    assert run.model == "small-1b" and run.environment == {"tokenizer": "tokenizer"}
    assert not {"jane", "secret"} & {word for word in ("jane", "secret") if word in str(run)}


def test_appended_results_are_runs_that_keep_their_identity(runs_of: Runs) -> None:
    """A file that grows by a line does not change the run that it held."""
    first, second = json.dumps(result()), json.dumps(result(date="20250724-120000", output_throughput=1000.5))
    alone = read_report("a.json", first.encode()).measurements
    both = read_report("a.json", f"{first}\n{second}".encode()).measurements
    assert both[0] == alone[0] and len({run.identity for run in both}) == 2


def test_a_list_of_results_is_read() -> None:
    """A sweep of vLLM collects the repetitions of one setting in one."""
    again = result(date="20250723-120100", output_throughput=1000.5)
    reading = read_report("summary.json", json.dumps([result(), again, 7]).encode())
    assert [run.tokens_per_sec for run in reading.measurements] == [1024.0, 1000.5]
    assert len({run.identity for run in reading.measurements}) == 2
    assert [refusal.item for refusal in reading.refusals] == ["result 3"]


@pytest.mark.parametrize(
    ("kind", "stated"),
    [
        ("throughput", {"elapsed_time": 2.5, "num_requests": 10, "total_num_tokens": 900, "tokens_per_second": 360.0}),
        ("latency", {"avg_latency": 0.5, "latencies": [0.5], "percentiles": {"50": 0.5}}),
    ],
)
def test_results_without_a_name_are_refused_by_what_they_are(kind: str, stated: dict[str, object]) -> None:
    """Two of them may be of two models, and nothing would tell."""
    with pytest.raises(ReportRefused, match=f"{kind} benchmark") as refused:
        read_report("raw.json", json.dumps(stated).encode())
    assert "vllm bench serve" in refused.value.remedy


def test_a_line_that_is_no_result_is_refused_alone() -> None:
    """The others stay."""
    reading = read_report("a.json", f"{json.dumps(result())}\n[1]".encode())
    assert len(reading.measurements) == 1 and [refusal.item for refusal in reading.refusals] == ["line 2"]


@given(st.sampled_from(sorted(result())), json_values, st.integers(0, 900))
@settings(max_examples=150, deadline=None)
def test_no_appended_line_crashes_the_reader(key: str, value: object, cut: int) -> None:
    """Any value of any type, and any cut."""
    text = f"{json.dumps(result())}\n{json.dumps(result(**{key: value}))}"
    for data in (text, text[:cut]):
        reading = read_or_refuse(data.encode())
        if reading is not None:
            assert_sound(reading)


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """vLLM 0.25 on a small model."""
    (run,) = real_report("bench_serve_v0.25.1.json").measurements
    assert run.model == "facebook/opt-125m" and run.n_samples == 8
    assert run.tokens_per_sec == pytest.approx(82.89297074037474)
    assert run.latency_mean_ms is None and run.ts is None and run.quality is Quality.OK
    assert metrics(run)["ttft_mean_ms"] == pytest.approx(215.53594200008774)
