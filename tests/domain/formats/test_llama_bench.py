"""llama-bench's JSON, JSON lines and CSV."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.formats.registry import read_report
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality, ReportReading, ReportRefused

Runs = Callable[[object], dict[str, Measurement]]
SAMPLES = [51_000_000, 51_100_000, 51_200_000, 51_300_000, 51_400_000]
values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.floats(), max_size=3)
)


def row(**changes: object) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "build_commit": "8f1d2c3a",
        "build_number": 5412,
        "cpu_info": "Ryzen 9",
        "gpu_info": "RTX 4070",
        "backends": "CUDA",
        "model_filename": "/home/jane/models/tiny-q4.gguf",
        "model_type": "llama 1B Q4_K - Medium",
        "model_size": 807690240,
        "n_batch": 2048,
        "n_ubatch": 512,
        "n_threads": 16,
        "type_k": "f16",
        "flash_attn": False,
        "tensor_split": "0.00",
        "defrag_thold": -1.0,
        "use_mmap": True,
        "n_prompt": 512,
        "n_gen": 0,
        "n_depth": 0,
        "test_time": "2025-05-17T20:14:05Z",
        "avg_ns": 51_200_000,
        "stddev_ns": 158_113,
        "avg_ts": 10_000.06,
        "stddev_ts": 30.9,
        "samples_ns": SAMPLES,
        "samples_ts": [10_039.2],
    }
    return stated | changes


def run_of(**changes: object) -> Measurement:
    (run,) = read_report("report", json.dumps([row(**changes)]).encode()).measurements
    return run


def table(*rows: dict[str, Any]) -> str:
    """As llama-bench writes it: without samples, every cell quoted, 0 and 1 for false and true."""
    columns = [key for key in rows[0] if not key.startswith("samples")]
    text = io.StringIO()
    text.write(",".join(columns) + "\n")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for each in rows:
        cells = [each[key] for key in columns]
        writer.writerow([int(cell) if isinstance(cell, bool) else cell for cell in cells])
    return text.getvalue()


@pytest.mark.parametrize(
    ("prompt", "generated", "depth", "name"),
    [(512, 0, 0, "pp512"), (0, 128, 0, "tg128"), (512, 128, 0, "pp512+tg128"), (0, 32, 4096, "tg32 @ d4096")],
)
def test_the_test_is_named_as_llama_bench_names_it(prompt: int, generated: int, depth: int, name: str) -> None:
    """With the model before it, and its threads behind it."""
    run = run_of(n_prompt=prompt, n_gen=generated, n_depth=depth)
    assert run.benchmark == f"tiny-q4.gguf/{name} (n_threads=16)"


def test_settings_that_are_not_the_usual_ones_are_named() -> None:
    """Two tests of one report differ by them."""
    run = run_of(flash_attn=True, type_k="q8_0", n_batch=512)
    assert run.benchmark == "tiny-q4.gguf/pp512 (flash_attn=1, n_batch=512, n_threads=16, type_k=q8_0)"


def test_generating_after_a_prompt_is_a_test_of_its_own() -> None:
    """ik_llama.cpp says so in `test` alone: the numbers are those of a test that times both."""
    after, both = row(n_prompt=512, n_gen=64, test="tg64@pp512"), row(n_prompt=512, n_gen=64, test="pp512+tg64")
    for text in (json.dumps([after, both]), table(after, both)):
        runs = read_report("report", text.encode()).measurements
        assert [run.benchmark for run in runs] == [
            "tiny-q4.gguf/tg64@pp512 (n_threads=16)",
            "tiny-q4.gguf/pp512+tg64 (n_threads=16)",
        ]
    assert "pp512 (" in run_of(test="anything else").benchmark


def test_the_settings_of_the_fork_tell_tests_apart() -> None:
    """Its usual values say nothing."""
    usual = {"mla_attn": 3, "ser": "-1,0", "fused_moe": True, "test": "pp512"}
    assert run_of(**usual).benchmark == "tiny-q4.gguf/pp512 (n_threads=16)"
    changed = run_of(**(usual | {"mla_attn": 2, "ser": "6,1", "fused_moe": False}))
    assert changed.benchmark == "tiny-q4.gguf/pp512 (fused_moe=0, mla_attn=2, n_threads=16, ser=6,1)"


def test_the_settings_of_2026_tell_tests_apart() -> None:
    """Weights loaded lazily or packed anew, and a model fitted to the memory; their usual values say nothing."""
    usual = {"lazy_mode": "auto", "repack": True, "fit_target": 0, "fit_min_ctx": 0}
    assert run_of(**usual).benchmark == "tiny-q4.gguf/pp512 (n_threads=16)"
    others = [{"lazy_mode": "on"}, {"repack": False}, {"fit_target": 1024}, {"fit_min_ctx": 4096}]
    rows = [row(**(usual | other)) for other in others]
    for text in (json.dumps(rows), table(*rows)):
        reading = read_report("report", text.encode())
        assert not reading.refusals
        assert [run.benchmark for run in reading.measurements] == [
            "tiny-q4.gguf/pp512 (lazy_mode=on, n_threads=16)",
            "tiny-q4.gguf/pp512 (n_threads=16, repack=0)",
            "tiny-q4.gguf/pp512 (fit_target=1024, n_threads=16)",
            "tiny-q4.gguf/pp512 (fit_min_ctx=4096, n_threads=16)",
        ]


def test_a_latency_is_that_of_a_whole_test() -> None:
    """Each sample is one test with all its tokens, so its percentiles are known."""
    run = run_of()
    assert (run.latency_mean_ms, run.latency_min_ms, run.latency_p50_ms) == (51.2, 51.0, 51.2)
    assert run.latency_p95_ms is None and run.n_samples == 5
    assert run.tokens_per_sec == 10_000.06
    assert run.quality is Quality.OK


def test_the_deviation_is_that_of_the_samples() -> None:
    """llama-bench's own sum of squares overflows for tests that take seconds."""
    assert run_of(stddev_ns=2_147_483_648).latency_std_ms == pytest.approx(0.158114, rel=1e-5)


def test_a_single_sample_has_no_deviation() -> None:
    """llama-bench states 0."""
    run = run_of(samples_ns=SAMPLES[:1], avg_ns=SAMPLES[0], stddev_ns=0, stddev_ts=0.0)
    assert run.latency_std_ms is None
    assert run.quality_reasons == ("only one sample",)


def test_the_model_is_its_file_and_the_quantization_its_type() -> None:
    """Without the folders, which name people."""
    run = run_of()
    assert (run.model, run.quant) == ("tiny-q4.gguf", "Q4_K - Medium")
    assert "jane" not in str(run)
    assert run_of(model_filename="C:\\Users\\jane\\m.gguf").model == "m.gguf"


@pytest.mark.parametrize(
    ("model_type", "quant"),
    [
        ("llama 7B mostly Q4_0", "Q4_0"),
        ("llama ?B Q3_K - Large", "Q3_K - Large"),
        ("qwen2 1B F16 (guessed)", "F16"),
        ("llama 8B IQ2_XXS - 2.0625 bpw", "IQ2_XXS - 2.0625 bpw"),
        ("gpt-oss 20B MXFP4 MoE", "MXFP4 MoE"),
        ("llama 7B unknown, may not work", None),
        (7, None),
    ],
)
def test_the_quantization_ends_the_type(model_type: object, quant: str | None) -> None:
    """Older versions wrote "mostly" before it."""
    assert run_of(model_type=model_type).quant == quant


def test_the_commit_is_llama_cpps() -> None:
    """It tells what ran, not what is watched."""
    run = run_of()
    assert run.commit_sha is None
    assert run.null_reasons["commit_sha"] == "build_commit is that of llama.cpp, not of this project"
    assert run.environment == {
        "cpu": "Ryzen 9",
        "gpu": "RTX 4070",
        "backends": "CUDA",
        "llama_cpp_commit": "8f1d2c3a",
        "n_threads": "16",
    }


def test_older_versions_have_flags_for_backends() -> None:
    """Without any, the processor did it."""
    flags = {"cuda": True, "metal": False, "blas": True}
    old = {key: value for key, value in row().items() if key != "backends"}
    for stated, backends in ((flags, "cuda,blas"), (dict.fromkeys(flags, False), "CPU")):
        (run,) = read_report("report", json.dumps([old | stated]).encode()).measurements
        assert run.environment["backends"] == backends


def test_addresses_of_remote_devices_are_masked() -> None:
    """They name hosts."""
    assert run_of(gpu_info="RTX, RPC[10.0.0.7:50052]").environment["gpu"] == "RTX, RPC"


def test_the_time_is_utc() -> None:
    """A time that is none is null with the reason."""
    ts = run_of().ts
    assert ts is not None and ts.isoformat() == "2025-05-17T20:14:05+00:00"
    assert run_of(test_time="yesterday").null_reasons["ts"] == "the report states a time that cannot be read"


def test_all_syntaxes_tell_the_same() -> None:
    """Name, speed, mean and environment; CSV has no samples."""
    rows = [row(), row(n_prompt=0, n_gen=128, flash_attn=True)]
    array = read_report("report", json.dumps(rows).encode()).measurements
    lines = read_report("report", "\n".join(map(json.dumps, rows)).encode()).measurements
    cells = read_report("report", table(*rows).encode()).measurements
    for runs in (lines, cells):
        assert [run.benchmark for run in runs] == [run.benchmark for run in array]
        assert [run.environment for run in runs] == [run.environment for run in array]
        assert [(run.latency_mean_ms, run.tokens_per_sec, run.ts) for run in runs] == [
            (run.latency_mean_ms, run.tokens_per_sec, run.ts) for run in array
        ]
    assert all(run.latency_min_ms is None and run.n_samples is None for run in cells)
    assert cells[0].null_reasons["latency_p50_ms"] == "the report has no single samples"


def test_a_table_states_the_deviation_if_it_agrees() -> None:
    """It is checked by that of the speeds, which does not overflow."""
    (good,) = read_report("report", table(row()).encode()).measurements
    assert good.latency_std_ms == pytest.approx(0.158113)
    (bad,) = read_report("report", table(row(stddev_ns=2_147_483_648)).encode()).measurements
    assert "overflows" in bad.null_reasons["latency_std_ms"]
    (single,) = read_report("report", table(row(stddev_ns=0, stddev_ts=0)).encode()).measurements
    assert single.latency_std_ms is None


def test_lines_keep_their_identity_while_the_file_grows() -> None:
    """JSON lines and tables are appended to; the same test at another time is another run."""
    one, two = row(), row(test_time="2025-05-18T20:14:05Z")
    for write in (table, lambda *rows: "\n".join(map(json.dumps, rows))):
        before = read_report("report", write(one).encode()).measurements
        after = read_report("report", write(one, two).encode()).measurements
        assert after[0].identity == before[0].identity is not None
        assert len({run.identity for run in after}) == 2


def test_a_commit_of_digits_stays_a_text() -> None:
    """In a table it looks like a number."""
    (run,) = read_report("report", table(row(build_commit="12345e67")).encode()).measurements
    assert run.environment["llama_cpp_commit"] == "12345e67"


@pytest.mark.parametrize("changes", [{"n_prompt": 0}, {"n_gen": None}, {"n_prompt": "512"}, {"n_prompt": -1}])
def test_a_test_of_unknown_size_is_refused(changes: dict[str, object]) -> None:
    """Nobody knows what its time is the time of."""
    reading = read_report("report", json.dumps([row(**changes), row()]).encode())
    assert [refusal.item for refusal in reading.refusals] == ["test 1"]
    assert len(reading.measurements) == 1


@pytest.mark.parametrize("speed", [0, -1.0])
def test_no_tokens_are_quarantined(speed: float) -> None:
    """A test that took time handled tokens."""
    assert run_of(avg_ts=speed).quality is Quality.QUARANTINED


def test_a_speed_that_is_no_number_is_null() -> None:
    """With the reason, in each syntax."""
    for text in (json.dumps([row(avg_ts="inf")]), table(row(avg_ts="inf"))):
        (run,) = read_report("report", text.encode()).measurements
        assert run.null_reasons["tokens_per_sec"] == "the report states avg_ts without a usable number"


def test_samples_that_are_no_numbers_are_flagged() -> None:
    """The others count."""
    run = run_of(samples_ns=[*SAMPLES, None])
    assert run.n_samples == 5
    assert run.quality_reasons == ("1 of 6 samples are not numbers",)


def test_a_cut_table_is_refused() -> None:
    """Every cell is quoted, so that a table that ends within a cell or a line shows it."""
    text = table(row(), row(n_prompt=256)).rstrip()
    for size in (len(text) - 3, text.rindex(",")):
        with pytest.raises(ReportRefused, match="cut"):
            read_report("report", text[:size].encode())


@pytest.mark.parametrize(
    "text", ["| model | test | t/s |\n| --- | --- | --- |", "CREATE TABLE IF NOT EXISTS llama_bench (\n"]
)
def test_markdown_and_sql_are_refused(text: str) -> None:
    """They are for eyes and for databases."""
    with pytest.raises(ReportRefused, match="not known"):
        read_report("report", text.encode())


def assert_sound(reading: ReportReading) -> None:
    for run in reading.measurements:
        assert run.benchmark and "jane" not in str(run)
        assert all(getattr(run, column) is not None or run.null_reasons[column] for column in METRIC_COLUMNS)
        assert run.ts is not None or run.null_reasons["ts"]


@given(st.dictionaries(st.sampled_from(sorted(row())), values, max_size=4), st.sampled_from([json.dumps, table]))
def test_no_row_crashes_the_reader(changes: dict[str, object], write: Callable[[Any], str]) -> None:
    """Objects and lines with any part replaced are read soundly or refused."""
    try:
        assert_sound(read_report("report", write(row(**changes)).encode("utf-8", "replace")))
    except ReportRefused as refused:
        assert refused.remedy


@given(st.integers(0, 700), st.integers(0, 40), st.text(max_size=20))
def test_no_table_crashes_the_reader(start: int, length: int, text: str) -> None:
    """A table with any stretch replaced is read soundly or refused."""
    whole = table(row(), row(n_prompt=0, n_gen=128)).replace("jane", "x")
    try:
        assert_sound(read_report("report", (whole[:start] + text + whole[start + length :]).encode("utf-8", "replace")))
    except ReportRefused as refused:
        assert refused.remedy


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=30))
def test_values_lie_between_the_samples(samples: list[int]) -> None:
    """No time leaves what was measured."""
    run = run_of(samples_ns=samples, avg_ns=sum(samples) // len(samples))
    for column in ("latency_min_ms", "latency_max_ms", "latency_p50_ms", "latency_p95_ms"):
        value = getattr(run, column)
        assert value is None or min(samples) / 1e6 <= value <= max(samples) / 1e6


def test_the_real_report(real_report: Callable[[str], ReportReading]) -> None:
    """Two tests of one model on one card."""
    prompt, generation = real_report("llama-bench_b5606_rtx4090.json").measurements
    assert prompt.benchmark == "Snowpiercer-15B-v1.Q3_K_L.gguf/pp8192 (n_threads=56)"
    assert generation.benchmark == "Snowpiercer-15B-v1.Q3_K_L.gguf/tg1280 (n_threads=56)"
    assert (prompt.tokens_per_sec, prompt.quant, prompt.n_samples) == (3024.404345, "Q3_K - Large", 5)
    assert generation.latency_mean_ms == pytest.approx(14970.971478)
    assert generation.latency_std_ms == pytest.approx(9.0626, rel=1e-4)
    assert {run.quality for run in (prompt, generation)} == {Quality.OK}
