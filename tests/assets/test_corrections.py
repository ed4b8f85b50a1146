"""The daily look at all that is published, on a real warehouse and a real blog: what breaks is marked and told once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import numpy as np
import pytest

from muse_assets.build import build_defs
from muse_domain.ports import LoadedDay
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.freshness import required_sources
from muse_resources.workspace import load_workspace
from tests.assets.runs import check_results, run_assets
from tests.resources.test_warehouse import bench_run
from tests.sensors.conftest import ToldPeople
from tests.workspaces import FixedClock, change_warehouse, run_muse, selected, stop_warehouse

SETTINGS = """
[muse]
start_date = 2026-01-01
end_date = 2026-01-31

[repositories.hearts]
path = "."
"""
FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(30)]
TABLES = ("watcher_runs", "findings", "fact_sheets")
EPISODE = ("episode_drafts", "episode_verdicts", "episodes", "publications")
RUNS_A_DAY = 3
# The level of each benchmark rises on one day of its own.
RISES = {"decode": 10, "prefill": 20}
LOOKED_AT = datetime(2026, 3, 1, 5, tzinfo=UTC)


def _runs() -> Iterator[dict[str, Any]]:
    for number, (benchmark, rise) in enumerate(RISES.items()):
        noise = np.random.default_rng(number).normal(0.0, 0.1, len(DAYS) * RUNS_A_DAY)
        for run, value in enumerate(noise):
            ts = datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(hours=24 // RUNS_A_DAY) * run
            level = 12.0 if run >= rise * RUNS_A_DAY else 10.0
            yield bench_run(
                day=ts.date(), ts=ts, run_id=UUID(int=1000 * number + run + 1), benchmark=benchmark,
                latency_p50_ms=level + float(value), environment_fingerprint="machine", source_format="made",
            )  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Thirty days of two benchmarks, and every episode that they give published."""
    folder = tmp_path_factory.mktemp("corrections") / "workspace"
    folder.mkdir()
    (folder / "muse.toml").write_text(SETTINGS)
    adapters = build_adapters(load_workspace(folder, {}))
    adapters.warehouse.migrate()
    adapters.warehouse.replace_days("bench_runs", DAYS, list(_runs()))
    for source in required_sources(adapters.workspace.settings):
        adapters.warehouse.record_loads(source, [LoadedDay(day, RUNS_A_DAY * len(RISES)) for day in DAYS])
    assert run_assets(adapters, TABLES, DAYS[0], DAYS[-1]).success
    for day in sorted({date.fromisoformat(row["day"]) for row in selected(folder, "SELECT day FROM findings")}):
        assert run_assets(adapters, EPISODE, day).success
    yield folder
    stop_warehouse(folder)


@pytest.fixture
def people() -> ToldPeople:
    """What people were told."""
    return ToldPeople()


def _look(workspace: Path, people: ToldPeople, days_later: int = 0) -> dg.ExecuteInProcessResult:
    """One look, as the schedule starts it."""
    at = LOOKED_AT + timedelta(days=days_later)
    adapters = replace(build_adapters(load_workspace(workspace, {})), clock=FixedClock(at), notifier=people)
    return _job(adapters).execute_in_process(raise_on_error=False)


def _job(adapters: Adapters) -> dg.JobDefinition:
    return build_defs(adapters).resolve_job_def("claims_job")


def _marks(workspace: Path) -> list[dict[str, Any]]:
    return selected(workspace, "SELECT * FROM corrections ORDER BY day, fact_id")


def _published(workspace: Path) -> dict[str, dict[str, Any]]:
    posts = workspace / ".muse" / "blog" / "posts"
    ledgers = [json.loads(file.read_text()) for file in sorted(posts.glob("*/*.claims.json"))]
    return {ledger["episode"]["day"]: ledger for ledger in ledgers}


def _rests_on(ledger: dict[str, Any], benchmark: str, segment: str) -> set[str]:
    """The facts that are made of a benchmark's runs before or after its change."""
    return {
        fact_id
        for fact_id, fact in ledger["facts"].items()
        if fact["query"] == "series_segments" and fact["parameters"]["benchmark"] == benchmark
        if fact["reducer"].partition(":")[2] in ("", segment)
    }


def _shift_first_run(workspace: Path, by: str) -> None:
    """A report that is corrected late: the first run of `decode`, which only the episodes about it rest on."""
    change_warehouse(
        workspace, f"ALTER TABLE bench_runs UPDATE latency_p50_ms = latency_p50_ms {by} WHERE run_id = '{UUID(int=1)}'"
    )


def test_what_holds_is_not_marked(workspace: Path, people: ToldPeople) -> None:
    """A look at untouched rows marks nothing and tells nobody."""
    published = _published(workspace)
    assert len(published) == 2 * len(RISES)
    result = _look(workspace, people)
    assert result.success and check_results(result)["published_claims_hold"].passed
    assert _marks(workspace) == [] and people.told == []


def test_a_late_change_marks_exactly_its_claims_is_told_once_and_mended(workspace: Path, people: ToldPeople) -> None:
    """One row changed: the episodes that rest on it, with exactly their facts; restored, the marks are gone."""
    published = _published(workspace)
    expected = {(day, fact) for day, ledger in published.items() for fact in _rests_on(ledger, "decode", "before")}
    days = {day for day, _ in expected}
    assert len(days) == 2 and len(expected) >= 6 and len(published) == 4
    _shift_first_run(workspace, "+ 8")
    try:
        result = _look(workspace, people)
        assert result.success and not check_results(result)["published_claims_hold"].passed
        marks = _marks(workspace)
        assert {(mark["day"], mark["fact_id"]) for mark in marks} == expected
        assert all(mark["told"] and mark["found_at"].startswith("2026-03-01 05:00") for mark in marks)
        [notice] = people.told
        assert notice.title == "Published claims no longer hold: 2 episodes to correct" and notice.severity == "error"
        assert _look(workspace, people, days_later=1).success
        assert _marks(workspace) == marks, "found when it was found"
        assert len(people.told) == 1, "told once"
        _expect_marks_shown(workspace, sorted(days)[0])
    finally:
        _shift_first_run(workspace, "- 8")
    assert check_results(_look(workspace, people, days_later=2))["published_claims_hold"].passed
    assert _marks(workspace) == []
    assert [notice.severity for notice in people.told] == ["error", "info"]


def _expect_marks_shown(workspace: Path, day: str) -> None:
    done = run_muse("--workspace", workspace, "verify", day, expect=1)
    assert "Marked for correction" in done.stdout and "2026-03-01 05:00" in done.stdout


def test_what_could_not_be_told_is_told_by_the_next_look(workspace: Path, people: ToldPeople) -> None:
    """The marks stand meanwhile."""
    _shift_first_run(workspace, "+ 8")
    try:
        people.problem = "Slack did not answer"
        assert _look(workspace, people).success
        assert people.told == [] and not any(mark["told"] for mark in _marks(workspace))
        people.problem = ""
        assert _look(workspace, people, days_later=1).success
        assert len(people.told) == 1 and all(mark["told"] for mark in _marks(workspace))
    finally:
        _shift_first_run(workspace, "- 8")
        assert _look(workspace, people, days_later=2).success
