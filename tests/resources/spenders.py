"""Processes that spend on one budget at once, and the writers and tasks that they spend with.

``python -m tests.resources.spenders FOLDER DATABASE URL BUDGET FIRST COUNT`` is one of them.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from muse_domain.drafts import Draft, WritingTask
from muse_domain.settings import WriterSection
from muse_resources.llm_ledger import LlmLedger
from muse_resources.openai_writer import OpenAIWriter
from muse_resources.warehouse import ClickHouseWarehouse
from tests.domain.day_story import sheet, writing_task
from tests.resources.loaders import open_warehouse
from tests.scripted_model import MODEL
from tests.workspaces import FixedClock

NOON = datetime(2026, 9, 9, 12, tzinfo=UTC)
KEY = "sk-test-4711"
RUN = "0b9ac1de-5cf7-5d2e-8a39-0d3f9f7c1a55"
PRICE = {"model": MODEL, "from": "2026-01-01", "input_per_1m": 0.25, "cached_input_per_1m": 0.025, "output_per_1m": 2.0}


def section(url: str, **changes: Any) -> WriterSection:
    """`[writer]` of a test."""
    plain = {
        "kind": "openai",
        "model": MODEL,
        "base_url": url,
        "daily_budget_usd": 1,
        "timeout_s": 60,
        "prices": [PRICE],
    }
    return WriterSection.model_validate({**plain, **changes})


def writer_of(
    warehouse: ClickHouseWarehouse,
    url: str,
    *,
    sleep: Callable[[float], None] = lambda seconds: None,
    at: datetime = NOON,
    key: str | None = KEY,
    **changes: Any,
) -> OpenAIWriter:
    """A writer at a fixed instant, whose pauses take no time."""
    ledger = LlmLedger(warehouse, FixedClock(at))
    return OpenAIWriter(section(url, **changes), key, ledger, sleep=sleep, jitter=lambda: 0.5)


def task(number: int = 0) -> WritingTask:
    """A task that nobody has paid for; another number is another question."""
    known = sheet()
    counted = replace(known["day.sessions"], value=float(number))
    return replace(writing_task({**known, "day.sessions": counted}), run_id=RUN)


def start_spender(*arguments: object) -> "subprocess.Popen[str]":
    """A process that is ready to spend, and begins when told."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.resources.spenders", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def go(process: "subprocess.Popen[str]") -> None:
    """Let it begin."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _spend(folder: str, database: str, url: str, budget: str, first: str, count: str) -> None:
    writer = writer_of(open_warehouse(Path(folder), database), url, daily_budget_usd=budget, timeout_s=60)
    print("ready", flush=True)
    sys.stdin.readline()
    outcomes = [writer.write(task(number)) for number in range(int(first), int(first) + int(count))]
    print(json.dumps([type(one).__name__ if isinstance(one, Draft) else one.kind for one in outcomes]))


if __name__ == "__main__":
    _spend(*sys.argv[1:])
