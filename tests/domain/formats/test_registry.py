"""Recognising and reading any file: known, unknown, broken."""

import copy
import gzip
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muse_domain.formats.registry import FORMATS, read_report
from muse_domain.measurements import METRIC_COLUMNS, Quality, ReportReading, ReportRefused, run_id

# A small file of each further format, named as the format is.
EXAMPLES = Path(__file__).parent / "examples"

_TIMES = {"mean_time_ms": 2.5, "std_time_ms": 0.5, "min_time_ms": 1.5, "max_time_ms": 3.5}
_REQUEST = {"ttft_s": 0.125, "tokens_s": 100.5, "load_s": 0.1, "eval_s": 2.0, "eval_count": 201}
_CALL = {"total_duration_ms": 1500.5, "load_duration_ms": 20.5}
_RUN = {"samples": 30, "p50_ms": 10.25, "p95_ms": 10.75, "p99_ms": 10.9, "mean_ms": 10.5}
_STATS = {
    "mean": 0.25,
    "median": 0.24,
    "min": 0.2,
    "max": 0.3,
    "stddev": 0.01,
    "rounds": 1842,
    "iterations": 1,
}
_GO = {"name": "BenchmarkA", "value": 400.6, "unit": "ns/op 880 B/op", "extra": "58 times\n4 procs"}

SAMPLES: dict[str, Any] = {
    "banterhearts-compilation": {
        "generated_at": "2025-10-02T21:08:57+00:00",
        "model": {"name": "mlp", "batch_size": 4},
        "settings": {"runs": 10},
        "backends": {"jit": {"compilation": {"success": True, "compile_time_s": 0.25}, "benchmark": _TIMES}},
    },
    "banterhearts-kernels": {"fusion": {"fused": _TIMES}},
    "banterhearts-quantization": {"int8": {"accuracy": 0.75, "loss": 0.6, "model_size_bytes": 2781}},
    "banterhearts-attention": {
        "attention_configs": {"mqa": {"num_heads": 8}},
        "performance_results": {"mqa": {**_TIMES, "memory_used_mb": 500.5}},
    },
    "banterhearts-system": {
        "metrics_count": 1,
        "metrics": [{"system": {"cpu_percent": 12.5}, "gpu": [{"name": "RTX", "temperature": 48}]}],
    },
    "banterhearts-inference": {
        "model": {"name": "llama"},
        "generation_times": [2500.0, 2400.0, 2600.0, 2550.0, 2450.0],
        "performance_summary": {"average_time_ms": 2500.0, "tokens_per_second": 320.0},
    },
    "banterhearts-prompt-suite": {"model": "gemma3", "results": [_REQUEST, _REQUEST]},
    "banterhearts-ollama-summary": {
        "prompt_count": 5,
        "models": [{"model": "m:q4_0", "prompt_count": 5, "completed": 5, "mean_ttft_s": 0.5, "mean_tokens_s": 77.5}],
    },
    "banterhearts-timing": {"benchmark_name": "demo", "timestamp": 1759197058, "timing": _RUN},
    "banterhearts-timing-runs": {
        "test_name": "baseline",
        "timing_stats": {"overall_mean_ms": 10.5, "run_results": [_RUN, _RUN]},
    },
    "banterhearts-test-results": {
        "total_tests": 1,
        "results": [{"test_name": "a", "generation_time_ms": 2000.5, "tokens": 40, "tokens_per_second": 20.5}],
    },
    "chimera-rust-agent": {
        "baseline": {
            "aggregate_metrics": {"average_tokens_per_second": 97.5, "average_ttft_ms": 398.5},
            "individual_runs": [_CALL, _CALL],
            "model": "gemma3",
        }
    },
    "pytest-benchmark": {
        "machine_info": {"machine": "x86_64", "cpu": {"count": 2}},
        "commit_info": {"id": "2f235c94515378acee701ee745671e2ae6f04fcb", "dirty": False},
        "benchmarks": [{"fullname": "t.py::a", "stats": _STATS, "extra_info": {}}],
        "datetime": "2023-03-07T13:40:20.403009",
    },
    "github-action-benchmark": {
        "lastUpdate": 1764407244404,
        "entries": {"Benchmark": [{"commit": {"id": "a" * 40}, "date": 1762668501664, "tool": "go", "benches": [_GO]}]},
    },
}
TABLE = (
    "timestamp,model,prompt_index,prompt_text,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,"
    "prompt_eval_count,eval_count,response_chars,error,options\n"
    '2025-10-08T16:29:55+00:00,m:q4_0,1,"a, b",0.1,80.5,0.05,0.05,2.0,20,160,600,,"{""temperature"":0.3}"\n'
    '2025-10-08T16:29:55+00:00,m:q4_0,2,c,0.1,80.5,0.05,0.05,2.0,20,160,600,,"{""temperature"":0.3}"\n'
)
SAMPLES |= {example.stem: json.loads(example.read_bytes()) for example in EXAMPLES.glob("*.json")}
FILES = {name: json.dumps(report).encode() for name, report in SAMPLES.items()} | {
    "banterhearts-ollama-requests": TABLE.encode(),
    **{example.stem: example.read_bytes() for example in EXAMPLES.glob("[!.]*")},
}
# These state sums, means or counts of what they hold; all others only hand on.
AGGREGATED = {
    "banterhearts-system",
    "banterhearts-inference",
    "banterhearts-prompt-suite",
    "chimera-rust-agent",
}
COUNTED = {"requests_failed", "requests_completed"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
many = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def read_or_refuse(data: bytes) -> ReportReading | None:
    """The reading, or None where the file was refused; any other exception fails the test."""
    try:
        return read_report("report", data)
    except ReportRefused as refused:
        assert refused.reason and refused.remedy
        return None


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, names: list[str]) -> tuple[str, Any]:
    """A sample with up to three of its parts replaced by anything, or removed."""
    name = draw(st.sampled_from(names))
    report = copy.deepcopy(SAMPLES[name])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(paths(report))))
        holder = report
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[path[-1]] = draw(json_values)
        else:
            del holder[path[-1]]
        if not report:
            break
    return name, report


def assert_sound(reading: ReportReading) -> None:
    """What every reading owes its caller."""
    keys = [(run.identity, run.benchmark) for run in reading.measurements]
    assert len(set(keys)) == len(keys)
    for run in reading.measurements:
        assert run.benchmark and run.suite
        for column in METRIC_COLUMNS:
            value = getattr(run, column)
            assert value is not None or run.null_reasons[column]
            assert value is None or math.isfinite(value)
        assert run.ts is not None or run.null_reasons["ts"]
        assert run.commit_sha is not None or run.null_reasons["commit_sha"]
        assert (run.quality is Quality.OK) == (not run.quality_reasons)
        assert all(math.isfinite(metric.value) for metric in run.metrics)
        str(run).encode("utf-8")
        run_id("0" * 64, run)


@pytest.mark.parametrize("name", FILES)
def test_each_format_is_recognised_by_itself_alone(name: str) -> None:
    """One format reads a sample, and it is the right one."""
    reading = read_report("report", FILES[name])
    assert reading.format == name
    assert_sound(reading)


def test_every_format_is_tried_and_documented() -> None:
    """Names are unique, each has a sample here, and each says what is null and why."""
    assert {known.name for known in FORMATS} == set(FILES)
    for known in FORMATS:
        assert known.title
        assert "|---|---|" in known.documentation
        assert "Null:" in known.documentation


def test_a_byte_order_mark_is_tolerated() -> None:
    """Windows tools write one."""
    data = FILES["banterhearts-kernels"]
    assert read_report("a.json", b"\xef\xbb\xbf" + data) == read_report("a.json", data)


def test_a_report_reads_the_same_every_time() -> None:
    """The same bytes are the same rows."""
    for data in FILES.values():
        assert read_report("a", data) == read_report("b", data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (json.dumps(SAMPLES["banterhearts-kernels"]).encode("utf-16"), "UTF-16"),
        (b'{"caf\xe9": 1}', "not UTF-8"),
        (gzip.compress(FILES["banterhearts-kernels"], mtime=0), "packed (gzip)"),
        (b"PK\x03\x04report.json", "packed (zip)"),
        (b"\x00\x01\x02", "binary"),
        (FILES["banterhearts-kernels"][:-10], "cut"),
        (b"{'a': 1,}", "not valid JSON"),
        (b'{"a": 1} {"a": 2}', "more than one JSON document"),
        (b'{"a": 1}\n{"a": 2}', "2 lines of JSON with the keys a"),
        (b'{"a": 1}\n\n{"a": 2', "Line 3 of the JSON lines is broken. The file is cut"),
        (b'{"a": 1, "a": 2}', "the key 'a' appears twice"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"hello", "neither a JSON report nor a table"),
        (b"12", "neither a JSON report nor a table"),
        (b"[1, 2]", "a JSON list of 2 items"),
        (b"a,b\n1,2\n", "a table with the columns a, b"),
        (b'{"fps": 1, "gpu": 2}', "its top-level keys are fps, gpu"),
        (b'{"entries": {}, "lastUpdate": 1}', "holds no run"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    """The whole file is refused, and the message says why and what to do."""
    with pytest.raises(ReportRefused) as refused:
        read_report("report", data)
    assert reason in refused.value.reason
    assert refused.value.remedy


def test_an_ambiguous_report_is_refused_by_both_names() -> None:
    """Nobody chooses for the author of the file."""
    both = SAMPLES["banterhearts-timing"] | SAMPLES["banterhearts-timing-runs"]
    with pytest.raises(ReportRefused, match="it could be banterhearts-timing, banterhearts-timing-runs"):
        read_report("a.json", json.dumps(both).encode())


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_beyond_measure_are_not_measured(literal: str) -> None:
    """They are null with a reason, and neither crash nor become a value."""
    text = f'{{"fusion": {{"fused": {{"mean_time_ms": {literal}, "std_time_ms": 0.5}}}}}}'
    (run,) = read_report("a.json", text.encode()).measurements
    assert run.latency_mean_ms is None
    assert run.null_reasons["latency_mean_ms"] == "the report states mean_time_ms without a usable number"
    assert run.latency_std_ms == 0.5


def test_a_run_stated_twice_is_refused_once() -> None:
    """Two runs of one name would replace each other: the first stays, the second is told."""
    report = copy.deepcopy(SAMPLES["banterhearts-test-results"])
    report["results"] *= 2
    reading = read_report("a.json", json.dumps(report).encode())
    assert len(reading.measurements) == 1
    assert [refusal.item for refusal in reading.refusals] == ["tests/a"]


@given(st.binary(max_size=200))
@many
def test_no_bytes_crash_a_reader(data: bytes) -> None:
    """Whatever the file holds, it is read or refused."""
    read_or_refuse(data)


@given(json_values)
@many
def test_no_json_crashes_a_reader(value: object) -> None:
    """Whatever the document says, it is read or refused."""
    read_or_refuse(json.dumps(value).encode())


@given(mutated(list(SAMPLES)), st.booleans())
@settings(many, max_examples=500)
def test_no_mutation_crashes_a_reader(sample: tuple[str, Any], as_script: bool) -> None:
    """A report with any part replaced or missing is read soundly or refused."""
    text = json.dumps(sample[1])
    reading = read_or_refuse((f"window.BENCHMARK_DATA = {text}" if as_script else text).encode())
    if reading is not None:
        assert_sound(reading)


@given(st.sampled_from(sorted(FILES)), st.integers(0, 2000))
@many
def test_a_cut_report_is_refused(name: str, size: int) -> None:
    """No beginning of a JSON report is mistaken for a whole one."""
    data = FILES[name]
    reading = read_or_refuse(data[: min(size, len(data) - 1)])
    if name != "banterhearts-ollama-requests":
        assert reading is None


@given(st.integers(0, len(TABLE)), st.integers(0, 40), st.text(max_size=20))
@many
def test_no_table_crashes_a_reader(start: int, length: int, text: str) -> None:
    """A table with any stretch replaced is read soundly or refused."""
    reading = read_or_refuse((TABLE[:start] + text + TABLE[start + length :]).encode("utf-8", "replace"))
    if reading is not None:
        assert_sound(reading)


def stated_numbers(value: Any) -> Iterator[float]:
    """Every number of a report, also those in its texts ("ns/op 880 B/op")."""
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from stated_numbers(child)
    elif isinstance(value, str):
        yield from (float(found) for found in re.findall(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value) if abs(value) < 1e300 else math.nan


@given(mutated([name for name in SAMPLES if name not in AGGREGATED]))
@settings(many, max_examples=500)
def test_no_value_is_invented(sample: tuple[str, Any]) -> None:
    """Each value of a run stands in the report, as it is or in milliseconds."""
    reading = read_or_refuse(json.dumps(sample[1]).encode())
    numbers = list(stated_numbers(sample[1]))
    allowed = {
        *numbers,
        *(n * 1000 for n in numbers),
        *(n / 1e6 for n in numbers),
        *(n / 1e3 for n in numbers),
    }
    for run in reading.measurements if reading else ():
        values = [getattr(run, column) for column in METRIC_COLUMNS]
        values += [metric.value for metric in run.metrics if metric.name not in COUNTED]
        assert {value for value in values if value is not None} <= allowed


@given(mutated(sorted(AGGREGATED)))
@settings(many, max_examples=300)
def test_an_aggregate_lies_between_what_it_is_made_of(sample: tuple[str, Any]) -> None:
    """Means and percentiles never leave the range of the numbers in the report."""
    reading = read_or_refuse(json.dumps(sample[1]).encode())
    numbers = [n for n in stated_numbers(sample[1]) if math.isfinite(n)]
    for run in reading.measurements if reading else ():
        values = [getattr(run, column) for column in METRIC_COLUMNS if column != "latency_std_ms"]
        for value in (value for value in values if value is not None):
            low, high = min(numbers), max(numbers)
            assert low <= value <= high or math.isclose(value, low) or math.isclose(value, high)


def test_no_latency_is_made_up_for_real_reports(real_report: Callable[[str], ReportReading]) -> None:
    """None of the constants of the earlier implementation appears for any real file."""
    for name in ("kernel_benchmarks.json", "quantization_report.json", "compilation_conv_cpu.json"):
        for run in real_report(name).measurements:
            assert run.latency_p95_ms is None and run.cost_per_1k is None and run.memory_peak_mb is None
            assert run.tokens_per_sec is None and run.commit_sha is None
