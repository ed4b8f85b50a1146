"""The ollama suite: one CSV a run, one line a request."""

import csv
import io
from datetime import datetime
from functools import cache
from importlib.resources import files

from muse_apps.sample.draws import Draws
from muse_apps.sample.plan import OLLAMA_MODEL, shift_factor

COLUMNS = (
    *("timestamp", "model", "prompt_index", "prompt_text"),
    *("ttft_s", "tokens_s", "load_s", "prompt_eval_s", "eval_s"),
    *("prompt_eval_count", "eval_count", "response_chars", "error", "options"),
)
# A fixed seed, so that every run generates the same number of tokens and only their pace can move.
OPTIONS = '{"temperature":0.3,"top_p":0.9,"seed":7}'

TOKENS_PER_SEC = 79.0
PROMPT_TOKENS_PER_SEC = 560.0
LOAD_S = 0.046
RUN_NOISE = 0.012
REQUEST_NOISE = 0.015


def ollama_report(run: datetime, written_at: datetime) -> str:
    """The CSV of one run: 24 requests to a model that is loaded already."""
    draws = Draws("ollama", run)
    shift = shift_factor("banterhearts-ollama-requests", OLLAMA_MODEL, run)
    generation = TOKENS_PER_SEC * shift * draws.noise(RUN_NOISE)
    prefill = PROMPT_TOKENS_PER_SEC * draws.noise(RUN_NOISE)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index, (text, prompt_tokens, tokens) in enumerate(_prompts(), start=1):
        head = [written_at.isoformat(), OLLAMA_MODEL, index, text]
        writer.writerow([*head, *_request(draws, generation, prefill, prompt_tokens, tokens), "", OPTIONS])
    return out.getvalue()


def _request(draws: Draws, generation: float, prefill: float, prompt_tokens: int, tokens: int) -> list[object]:
    load_s = LOAD_S * draws.noise(0.02)
    prompt_eval_s = prompt_tokens / (prefill * draws.noise(REQUEST_NOISE))
    eval_s = round(tokens / (generation * draws.noise(REQUEST_NOISE)), 6)
    seconds = [f"{load_s + prompt_eval_s:.6f}", f"{tokens / eval_s:.2f}"]
    parts = [f"{load_s:.6f}", f"{prompt_eval_s:.6f}", f"{eval_s:.6f}"]
    return [*seconds, *parts, prompt_tokens, tokens, tokens * 4]


@cache
def _prompts() -> tuple[tuple[str, int, int], ...]:
    table = files("muse_apps.sample").joinpath("data", "prompts.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines())
    return tuple((text, int(prompt_tokens), int(tokens)) for text, prompt_tokens, tokens in rows)
