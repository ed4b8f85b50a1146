"""llama-bench's JSON, JSON lines and CSV (`-o json`, `-o jsonl`, `-o csv`).

Meanings from llama.cpp's own source (github.com/ggml-org/llama.cpp, `tools/llama-bench/llama-bench.cpp`, before 2025
`examples/llama-bench`): a sample is the time of one whole test in nanoseconds, `avg_ts` is the mean of the samples'
tokens a second, deviations divide by n - 1 and are 0 for a single sample, `test_time` is UTC, `build_commit` is
llama.cpp's own. `backends` came late in 2024, before each backend has a flag; CSV has no samples, and 0 and 1 for
false and true. Its fork ik_llama.cpp (github.com/ikawrakow/ik_llama.cpp, `examples/llama-bench`) has settings of its
own and one more kind of test, told by `test` alone: `tg64@pp512` times what is generated after the prompt, without it.
"""

import re
from collections.abc import Iterator, Mapping

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import Columns, sample_columns, stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.tables import table_rows
from muse_domain.formats.values import (
    content_hash,
    count,
    decimal,
    is_object,
    label,
    listed,
    metric,
    number,
    scalar,
    settings,
    stated_time,
)
from muse_domain.measurements import Measurement, Refusal, ReportReading
from muse_domain.quality import PERCENTILE_MINIMUM, flag

_KEYS = frozenset({"n_prompt", "n_gen", "avg_ts"})
_SCANNED = 5
_NUMBERS = ("n_prompt", "n_gen", "n_depth", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts", "model_size")
# Values that say nothing, as llama-bench's own table leaves them out. They are fixed here, so that a name does not
# change when a later version has another default. `n_threads` depends on the machine: it is always named.
_PLAIN_SETTINGS = dict(
    pair.split("=")
    for pair in (
        "n_threads= n_batch=2048 n_ubatch=512 type_k=f16 type_v=f16 n_gpu_layers=99 n_cpu_moe=0 split_mode=layer "
        "main_gpu=0 no_kv_offload=0 flash_attn=0 devices=auto tensor_split=0 tensor_buft_overrides=none use_mmap=1 "
        "load_mode=mmap lazy_mode=auto use_direct_io=0 embeddings=0 no_op_offload=0 no_host=0 repack=1 "
        "fit_target=0 fit_min_ctx=0 defrag_thold=-1 cpu_mask=0x0 cpu_strict=0 poll=50 f16_kv=1 mul_mat_q=1 low_vram=0 "
        "mla_attn=3 attn_max_batch=0 ser=-1,0 reuse=1 mqkv=0 muge=0 defer_experts=0 fused_moe=1 grouped_er=0 "
        "no_fused_up_gate=0 use_thp=0 no_ooae=0 rcache=0 sas=0 max_gpu=0 override_tensor=none spec=none n_draft=0"
    ).split()
)
_BACKEND_FLAGS = ("cuda", "opencl", "vulkan", "kompute", "metal", "sycl", "rpc", "gpu_blas", "blas")
_ENVIRONMENT_KEYS = {"cpu_info": "cpu", "gpu_info": "gpu", "backends": "backends", "build_commit": "llama_cpp_commit"}
# "llama 7B Q4_0", "qwen2 7B Q4_K - Medium", "llama 7B mostly Q4_0": the quantization ends the text.
_QUANT = re.compile(r" ((?:[IT]?Q[0-9]|B?F16|F32|MXFP4|NVFP4).*)$")
# A remote device is named with its address.
_ENDPOINT = re.compile(r"RPC\[[^\]]*\]?")
_NO_SAMPLES = "the report has no single samples"
_WHY_NULL = dict.fromkeys((*PERCENTILE_MINIMUM, "latency_min_ms", "latency_max_ms"), _NO_SAMPLES)
_AGREEMENT = 2.0

_Test = Mapping[str, object]


class LlamaBenchReport:
    """One run for each test."""

    name = "llama-bench"
    title = "llama-bench (JSON, JSON lines, CSV)"
    documentation = """\
One run for each test, named `MODEL/TEST (SETTINGS)`: `pp512` handles a prompt of 512 tokens, `tg128` generates 128,
`pp512+tg128` does both, `@ d4096` does it behind 4,096 tokens, ik_llama.cpp's `tg64@pp512` generates behind a prompt
that is not timed. Named settings are the threads and what differs from
llama-bench's usual values. A line of JSON lines or CSV is identified by its own hash, as such files grow.

| report | Muse |
|---|---|
| `avg_ts` | `tokens_per_sec`: prompt tokens for `pp`, generated ones for `tg` and `tg@pp`, both for `pp+tg` |
| `stddev_ts` | metric `tokens_per_sec_std` |
| `avg_ns` | `latency_mean_ms` of one whole test, with all its tokens |
| `samples_ns` | `latency_min_ms`, `_max_`, `_std_`, p50 from 5 samples, p95 from 20, p99 from 100 of whole tests; \
`n_samples` |
| `stddev_ns`, without samples | `latency_std_ms`, if it agrees with `stddev_ts` |
| `model_filename` without folders, `model_type` | `model`; `quant`, from its end |
| `model_size` | metric `model_size_bytes`: not the memory used |
| `test_time` (UTC) | `ts` |
| `cpu_info`, `gpu_info`, `backends` (or the flags of older versions), `n_threads`, `build_commit` | environment |

llama-bench times the model alone, without tokenization and sampling: a latency here is that of a test, not of a
request to a server. `build_commit` is that of llama.cpp, never the `commit_sha` of the project that is watched.
The deviation of tests that take seconds overflows in llama-bench itself: the samples give the true one.
Null: percentiles and extremes in CSV, which has no samples, the deviation of a single sample, cost, memory, commit.
Markdown and SQL are refused.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """The keys or columns `n_prompt`, `n_gen` and `avg_ts`."""
        if content.header is not None:
            return set(content.header) >= _KEYS
        tests, _ = _documents(content)
        return any(is_object(item) and item.keys() >= _KEYS for item in tests[:_SCANNED])

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each test on its own."""
        refused: list[Refusal] = []
        if content.header is not None:
            rows, refused = table_rows(content)
            tests, grows = [_typed(row) for row in rows], True
        else:
            stated, grows = _documents(content)
            tests = [item for item in stated if is_object(item)]
            refused = [not_an_object(f"test {n}") for n, item in enumerate(stated, start=1) if not is_object(item)]
        return _reading(self.name, tests, refused, grows=grows)


def _documents(content: Decoded) -> tuple[list[object], bool]:
    """The tests, and whether they are lines of a file that may grow."""
    if isinstance(content.json, list):
        return content.json, False
    return list(content.documents or (content.top,)), True


def _refusal(place: str, why: str) -> Refusal:
    return Refusal(place, f"The test cannot be read: {why}.", "Let llama-bench write the report again.")


def _typed(cells: Mapping[str, str]) -> _Test:
    """Numbers where llama-bench has numbers; a commit of digits stays a text."""
    numbers = {key: decimal(cells[key]) for key in _NUMBERS if key in cells}
    return {**cells, **{key: value for key, value in numbers.items() if value is not None}}


def _reading(name: str, tests: list[_Test], refused: list[Refusal], *, grows: bool) -> ReportReading:
    kinds = [(test, _kind(test)) for test in tests]
    unknown = [
        _refusal(f"test {index}", "it does not say how many tokens it handles")
        for index, (_, kind) in enumerate(kinds, start=1)
        if not kind
    ]
    runs = tuple(_run(test, kind, content_hash(test) if grows else None) for test, kind in kinds if kind)
    return ReportReading(name, runs, (*refused, *unknown))


def _kind(test: _Test) -> str | None:
    """The test as llama-bench itself names it."""
    prompt, generated, depth = (count(test.get(key)) for key in ("n_prompt", "n_gen", "n_depth"))
    if prompt is None or generated is None or not prompt + generated:
        return None
    if test.get("test") == f"tg{generated}@pp{prompt}":
        return f"tg{generated}@pp{prompt}"
    parts = [*([f"pp{prompt}"] if prompt else []), *([f"tg{generated}"] if generated else [])]
    return "+".join(parts) + (f" @ d{depth}" if depth else "")


def _run(test: _Test, kind: str, identity: str | None) -> Measurement:
    model = re.split(r"[\\/]", label(test.get("model_filename")) or "")[-1]
    named = settings(dict(_named_settings(test)))
    time = test.get("test_time")
    ts, no_time = stated_time(time if isinstance(time, str) else None, naive_is_utc=True)
    stated_samples = listed(test, "samples_ns")
    samples = [value / 1e6 for value in map(number, stated_samples) if value is not None]
    run = Measurement(
        benchmark=f"{model or 'model'}/{kind}" + (f" ({named})" if named else ""),
        suite="llama-bench",
        ts=ts,
        model=model or None,
        quant=_quant(test),
        n_samples=len(samples) if "samples_ns" in test else None,
        metrics=(
            *metric("tokens_per_sec_std", number(test.get("stddev_ts")), "tokens/s"),
            *metric("model_size_bytes", number(test.get("model_size")), "B"),
        ),
        environment=_environment(test),
        null_reasons={"commit_sha": "build_commit is that of llama.cpp, not of this project", **no_time},
        identity=identity,
    )
    speed = stated_columns(test, {"tokens_per_sec": "avg_ts"})
    columns = (Columns() if samples else _deviation(test), sample_columns(samples), _mean(test), speed)
    lost = len(stated_samples) - len(samples)
    return flag(
        with_columns(run, *columns, why_null=_WHY_NULL),
        *([f"{lost} of {len(stated_samples)} samples are not numbers"] if lost else []),
    )


def _named_settings(test: _Test) -> Iterator[tuple[str, str]]:
    """The settings worth a name, spelled alike in all syntaxes: CSV and JSON have 0 and false for the same."""
    for key, plain in _PLAIN_SETTINGS.items():
        value = test.get(key)
        found = decimal(value) if isinstance(value, str) else number(int(value) if isinstance(value, bool) else value)
        text = f"{found:.15g}" if found is not None else _without_endpoints(value)
        if text and text != plain:
            yield key, text


def _without_endpoints(value: object) -> str | None:
    return _ENDPOINT.sub("RPC", label(value) or "") or None


def _quant(test: _Test) -> str | None:
    found = _QUANT.search(label(test.get("model_type")) or "")
    return found[1].removesuffix("(guessed)").strip() if found else None


def _environment(test: _Test) -> dict[str, str]:
    facts = {name: _without_endpoints(test.get(key)) for key, name in _ENVIRONMENT_KEYS.items()}
    facts["n_threads"] = scalar(count(test.get("n_threads")) or decimal(test.get("n_threads")))
    flags = [key for key in _BACKEND_FLAGS if test.get(key) in (True, "1")]
    if not facts["backends"] and any(key in test for key in _BACKEND_FLAGS):
        facts["backends"] = ",".join(flags) or "CPU"
    return {key: fact for key, fact in facts.items() if fact}


def _mean(test: _Test) -> Columns:
    mean = number(test.get("avg_ns"))
    if mean is not None:
        return Columns({"latency_mean_ms": mean / 1e6})
    broken = {"latency_mean_ms": "the report states avg_ns without a usable number"}
    return Columns(reasons=broken if "avg_ns" in test else {})


def _deviation(test: _Test) -> Columns:
    """The stated deviation of the times, checked by that of the speeds: llama-bench's own sum of squares overflows."""
    keys = ("avg_ns", "stddev_ns", "avg_ts", "stddev_ts")
    mean, std, speed, speed_std = (number(test.get(key)) or 0.0 for key in keys)
    if std == 0:
        return Columns(reasons={"latency_std_ms": "no deviation is stated, or 0 as for a single sample"})
    expected = mean * speed_std / speed if speed else 0.0
    if not expected / _AGREEMENT <= std <= expected * _AGREEMENT:
        return Columns(
            reasons={"latency_std_ms": "stddev_ns contradicts stddev_ts: llama-bench overflows for long tests"}
        )
    return Columns({"latency_std_ms": std / 1e6})


FORMATS = (LlamaBenchReport(),)
