"""A year of history through `muse backfill`, beside the same graph whose assets do nothing."""

import functools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import dagster as dg

from benchmarks.made_events import FIRST_DAY, write_events
from benchmarks.measuring import Sizes, table
from muse_apps.backfill import Step, plan_backfill, run_backfill
from muse_assets import build
from muse_assets.daily import DailyAsset
from muse_domain.days import day_start
from muse_domain.settings import Settings
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.workspace import load_workspace
from tests.live_workspace import live_workspace
from tests.workspaces import stop_warehouse

TITLE = "A year's backfill"
BENCHMARKS, EVENTS_A_DAY = 20, 500
_EVENTS = """
[repositories.packs]
path = "engine"

[[events]]
files = "events/*.jsonl"

[events.mapping]
ts = "timestamp"
event_type = "event"
event_id = "messageId"
session = "sessionId"
commit = "release"
latency = "latencyMs"
metadata = ["page"]
"""
_MUSE, _EMPTY = "`muse backfill`", "the same graph, its assets empty"


def measure(sizes: Sizes) -> str:
    """Month by month, one side after the other, so that a busy hour hits both."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(sizes.backfill_days)]
    with TemporaryDirectory() as scratch:
        full, empty = Path(scratch) / "muse", Path(scratch) / "empty"
        _make_year(full, days)
        live_workspace(empty, days[0], more=_EVENTS)
        sides = {_MUSE: (_adapters(full), nullcontext), _EMPTY: (_adapters(empty), _empty_graph)}
        seconds = {name: [0.0, 0.0] for name in sides}
        try:
            for month in _months(days):
                for name, (adapters, graph) in sides.items():
                    for kind, part in enumerate(_parts(adapters, month)):
                        seconds[name][kind] += _timed(adapters, part, graph())
            episodes = len(sides[_MUSE][0].publisher.published_days())
        finally:
            stop_warehouse(full)
            stop_warehouse(empty)
    least = sum(seconds[_EMPTY])
    rows = [
        [name, f"{tables:.1f}", f"{told:.1f}", f"{(tables + told) / len(days):.2f}", f"{(tables + told) / least:.2f}"]
        for name, (tables, told) in seconds.items()
    ]
    head = ("", "tables, s", "episodes, s", "s a day", "beside the empty graph")
    return (
        f"{len(days)} days of {BENCHMARKS} benchmarks, one run, two commits and {EVENTS_A_DAY} events each, in one "
        f"process on SQLite, a month at a time: its tables in three runs, then a run for each day; {episodes} of them "
        f"had an episode. The empty graph has the same assets, partitions, gates and runs, and no checks.\n\n"
        f"{table(head, rows)}"
    )


def _timed(adapters: Adapters, steps: Sequence[Step], graph: AbstractContextManager[None]) -> float:
    started = time.perf_counter()
    with graph:
        failures = run_backfill(adapters, steps, afresh=True).failures
    if failures:
        raise RuntimeError(f"{failures[0].step.title}: {failures[0].reason}")
    return time.perf_counter() - started


def _parts(adapters: Adapters, days: Sequence[date]) -> tuple[list[Step], list[Step]]:
    steps = plan_backfill(adapters, days[0], days[-1])
    return [one for one in steps if one.is_range], [one for one in steps if not one.is_range]


def _months(days: Sequence[date]) -> Iterator[Sequence[date]]:
    for start in range(0, len(days), 30):
        yield days[start : start + 30]


def _adapters(folder: Path) -> Adapters:
    return build_adapters(load_workspace(folder, {"MUSE_HASH_KEY": "benchmark"}))


@contextmanager
def _empty_graph() -> Iterator[None]:
    """The graph with the same assets, gates, partitions and runs; nothing is done in them."""
    with patch.object(build, "daily_assets", _empty_assets), patch.object(build, "daily_checks", lambda _: []):
        yield


def _empty_assets(settings: Settings, real: Callable[[Settings], list[DailyAsset]] = build.daily_assets) -> Any:
    return [replace(asset, function=_nothing(asset)) for asset in real(settings)]


def _nothing(asset: DailyAsset) -> Callable[..., Any]:
    @functools.wraps(asset.function)
    def nothing(context: dg.AssetExecutionContext) -> Any:
        gates = [dg.AssetCheckResult(check_name=asset.gate, passed=True)] if asset.gate else []
        yield dg.MaterializeResult(check_results=gates)

    del nothing.__wrapped__  # type: ignore[attr-defined]
    nothing.__annotations__ = {"context": dg.AssetExecutionContext}
    return nothing


def _make_year(folder: Path, days: Sequence[date]) -> None:
    """Two commits a day, the second of them measured. Each month one benchmark becomes slower by a fifth."""
    draws = random.Random(20261122)
    live = live_workspace(folder, days[0], more=_EVENTS)
    usual_ms = {f"test_{series}": 2.0 + series / 2.0 for series in range(BENCHMARKS - 1)}
    for number, day in enumerate(days):
        if number % 30 == 29:
            usual_ms[f"test_{number // 30 % len(usual_ms)}"] *= 1.2
        live.commit(day_start(day) + timedelta(hours=3))
        at = day_start(day) + timedelta(hours=4)
        measured_ms = {name: draws.gauss(usual, usual / 100.0) for name, usual in usual_ms.items()}
        live.report(live.commit(at), at + timedelta(hours=1), draws.gauss(0.24, 0.0024), **measured_ms)
    write_events(folder / "events", EVENTS_A_DAY * len(days), len(days))
