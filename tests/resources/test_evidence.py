"""The rows behind facts, on the real engine: like is compared with like."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from muse_domain.days import day_end, day_start
from muse_domain.facts import FactSpec, bound_instant
from muse_domain.stored import finding_row
from muse_resources.warehouse import ClickHouseWarehouse
from tests.domain.day_story import findings
from tests.resources.loaders import DAY, commit_rows
from tests.resources.test_warehouse import NOON, bench_run

START, END = bound_instant(day_start(DAY)), bound_instant(day_end(DAY))
SERIES = {"benchmark": "decode", "model": "", "quant": "", "dataset": "", "metric": "wait", "environment": "machine"}
WINDOWS: dict[str, dict[str, Any]] = {
    "series_segments": {"segment_start": START, "changed_at": START, "segment_end": END},
    "left_out_runs": {"environment": "another", "start": START, "end": END},
    "hourly_pairs": {"start": START, "end": END},
}


def values_of(store: ClickHouseWarehouse, query: str, **parameters: Any) -> list[float | None]:
    """The values of the rows behind a fact."""
    return [row.value for row in store.evidence(FactSpec("f1.x", "f1", query, parameters, "median", "ms"))]


@pytest.fixture
def two_units(warehouse: ClickHouseWarehouse) -> ClickHouseWarehouse:
    """One name measured in milliseconds and in seconds, by turns, and users in the same hour."""
    named = {"benchmark": "decode", "environment_fingerprint": "machine"}
    runs = [bench_run(run_id=UUID(int=i), ts=NOON + timedelta(minutes=i), **named) for i in range(6)]
    metrics = [
        {"day": DAY, "ts": run["ts"], "run_id": run["run_id"], "benchmark": "decode", "metric": "wait",
         "value": 0.5 if i % 2 else 500.0, "unit": "s" if i % 2 else "ms", "better": "lower"}
        for i, run in enumerate(runs)
    ]  # fmt: skip
    unknown = dict.fromkeys(("event_id", "session_id", "commit_sha", "user_agent"))
    event = {**unknown, "day": DAY, "ts": NOON, "session_derived": False, "event_type": "view", "latency_ms": 100.0}
    event = {**event, "metadata": {}, "source_path": "x"}
    warehouse.replace_days("bench_runs", [DAY], runs)
    warehouse.replace_days("bench_metrics", [DAY], metrics)
    warehouse.replace_days("ui_events", [DAY], [event] * 5)
    return warehouse


@pytest.mark.parametrize("query", WINDOWS)
def test_the_rows_of_a_fact_are_of_one_unit(two_units: ClickHouseWarehouse, query: str) -> None:
    """A median over milliseconds and seconds is neither."""
    parameters = {**SERIES, **WINDOWS[query]}
    assert set(values_of(two_units, query, **parameters, unit="ms")) == {500.0}
    assert set(values_of(two_units, query, **parameters, unit="s")) == {0.5}
    assert values_of(two_units, query, **parameters), "a fact that was stored without its unit can be run again"


def test_a_chart_shows_one_unit(two_units: ClickHouseWarehouse) -> None:
    """One axis, one unit."""
    window = {"window_start": START, "window_end": END}
    points = two_units.select("select_chart_points", {**SERIES, "unit": "ms", **window})
    assert [point["value"] for point in points] == [500.0] * 3


P95: dict[str, Any] = {"benchmark": "decode", "model": "gemma3", "latency_p95_ms": 12.0, "n_samples": 20}


@pytest.mark.parametrize("other", ["benchmark", "model", "quant", "dataset", "environment_fingerprint"])
def test_unlike_runs_have_no_common_p95(warehouse: ClickHouseWarehouse, other: str) -> None:
    """One series alone has a p95 of its day; of two models or machines there is none."""
    warehouse.replace_days("bench_runs", [DAY], [bench_run(**P95), bench_run(**P95)])
    assert values_of(warehouse, "day_p95", day=DAY.isoformat()) == [12.0, 12.0]
    warehouse.replace_days("bench_runs", [DAY], [bench_run(**P95), bench_run(**{**P95, other: "another"})])
    assert values_of(warehouse, "day_p95", day=DAY.isoformat()) == []


def test_a_commit_of_one_clone_in_both_roles_counts_once(warehouse: ClickHouseWarehouse) -> None:
    """What is measured is the code of hearts: its commits are the day's, and the suspects."""
    commits = commit_rows(1, 2)
    warehouse.replace_days("commits", [DAY], [*commits, *({**row, "repository": "packs"} for row in commits)])
    suspects = {"suspect_commits": [row["commit_sha"] for row in commits]}
    warehouse.replace_days("findings", [DAY], [{**finding_row(DAY, findings()[0]), **suspects}])
    assert values_of(warehouse, "day_commits", day=DAY.isoformat()) == [1.0, 1.0]
    assert values_of(warehouse, "suspect_commits", day=DAY.isoformat(), finding_id="f1") == [1.0, 1.0]
