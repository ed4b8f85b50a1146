"""What it costs to build days through the real graph, and how much of that is the warehouse."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.measuring import Sizes
from muse_apps.backfill import Step, plan_backfill, run_backfill
from muse_apps.sample.workspace import build_sample_workspace
from muse_resources.adapters import Adapters, build_adapters, warehouse_connector
from muse_resources.embedded.connect import stop_owner
from muse_resources.warehouse import ClickHouseWarehouse
from muse_resources.workspace import load_workspace

TITLE = "Building days"


@dataclass(slots=True)
class _Stopwatch:
    """Seconds spent inside warehouse calls."""

    seconds: float = 0.0


def measure(sizes: Sizes) -> str:
    """The demo's three weeks, built twice: wall time of each kind of run beside its time in the warehouse."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "sample"
        truth = build_sample_workspace(folder)
        watch = _Stopwatch()
        adapters = _timed(build_adapters(load_workspace(folder)), watch)
        steps = plan_backfill(adapters, min(truth.days), max(truth.days))
        try:
            rows = [row for name in ("first build", "unchanged build") for row in _build(name, adapters, steps, watch)]
        finally:
            stop_owner(folder / "warehouse")
    header = "| build | runs | wall, s | in the warehouse, s | wall / warehouse |\n|---|---:|---:|---:|---:|\n"
    about = "The demo's 21 days (835 runs, 30,073 events) through the real graph, in one process, on SQLite.\n\n"
    return about + header + "\n".join(rows) + "\n"


def _build(name: str, adapters: Adapters, steps: list[Step], watch: _Stopwatch) -> Iterator[str]:
    tables = [step for step in steps if step.is_range]
    days = [step for step in steps if not step.is_range]
    for kind, part in (("tables, one run a group", tables), ("episodes, one run a day", days)):
        watch.seconds = 0.0
        started = time.perf_counter()
        failures = run_backfill(adapters, part, afresh=True).failures
        wall = time.perf_counter() - started
        if failures:
            raise RuntimeError(f"{failures[0].step.title}: {failures[0].reason}")
        yield f"| {name}: {kind} | {len(part)} | {wall:.1f} | {watch.seconds:.1f} | {wall / watch.seconds:.1f} |"


def _timed(adapters: Adapters, watch: _Stopwatch) -> Adapters:
    connect = warehouse_connector(adapters.workspace)

    def timed_connect(database: str | None) -> Any:
        client = connect(database)
        for name in ("query", "command", "insert", "raw_insert"):
            setattr(client, name, _measured(getattr(client, name), watch))
        return client

    timed = ClickHouseWarehouse(timed_connect, adapters.workspace.settings.warehouse.database)
    return replace(adapters, warehouse=timed)


def _measured(call: Any, watch: _Stopwatch) -> Any:
    def measured(*arguments: Any, **options: Any) -> Any:
        with _counting(watch):
            return call(*arguments, **options)

    return measured


@contextmanager
def _counting(watch: _Stopwatch) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        watch.seconds += time.perf_counter() - started
