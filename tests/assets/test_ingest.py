"""Ingest as runs of the graph: what came late reaches its day, in the tables and in Dagster's history."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from muse_apps.sample.workspace import build_sample_workspace
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.file_ledger import FileLedger
from muse_resources.workspace import load_workspace
from tests.assets.runs import materializations, run_assets
from tests.resources.report_workspace import dated
from tests.workspaces import FixedClock, selected, stop_warehouse

FIRST, LAST = date(2026, 9, 2), date(2026, 9, 12)
LATE, STALE = date(2026, 9, 8), date(2026, 9, 3)
NOW = datetime(2026, 9, 13, 4, tzinfo=UTC)
INGEST = ("bench_runs", "ui_events", "session_stats")
pytestmark = pytest.mark.filterwarnings("ignore:Asset job daily_episode_job")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample with eleven days of ingested tables. Every test adds files of its own."""
    folder = tmp_path_factory.mktemp("ingest") / "sample"
    build_sample_workspace(folder)
    adapters = _adapters(folder)
    adapters.warehouse.migrate()
    assert run_assets(adapters, INGEST, FIRST, LAST).success
    yield folder
    stop_warehouse(folder)


@pytest.fixture
def adapters(workspace: Path) -> Adapters:
    return _adapters(workspace)


def _adapters(folder: Path) -> Adapters:
    return replace(build_adapters(load_workspace(folder, {})), clock=FixedClock(NOW))


def _runs_of(workspace: Path, path: str) -> list[str]:
    found = selected(workspace, f"SELECT day FROM bench_runs WHERE source_path = '{path}'")
    return [row["day"] for row in found]


def _told(result: dg.ExecuteInProcessResult, asset: str, day: date) -> Mapping[str, Any]:
    """What the run says of one day of an asset."""
    assert result.success
    return {name: value.value for name, value in materializations(result, asset)[day].items()}


def _report(workspace: Path, name: str, day: date) -> Path:
    path = workspace / "reports" / name
    path.write_text(json.dumps(dated(name, at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC))))
    return path


def test_a_second_run_says_that_nothing_had_to_be_read(adapters: Adapters) -> None:
    """Whoever looks at a run sees what it cost: files, files read, days that are as they were."""
    assert run_assets(adapters, INGEST, LAST).success
    result = run_assets(adapters, INGEST, LAST)
    for asset in ("bench_runs", "ui_events"):
        told = _told(result, asset, LAST)
        assert told["files"] > 0
        assert (told["files_read"], told["days_unchanged"]) == (0, 1)
        assert told["rows_in_run"] == told["dagster/partition_row_count"] > 0
    assert set(materializations(result, "session_stats")) == {LAST}


def test_a_late_report_materialises_the_day_that_it_reached(workspace: Path, adapters: Adapters) -> None:
    """A run over one day builds the late one, too, and Dagster's history of that partition says why."""
    _report(workspace, "late.json", LATE)
    result = run_assets(adapters, ["bench_runs"], LAST)
    late = _told(result, "bench_runs", LATE)
    [stored] = selected(workspace, f"SELECT toUInt32(count()) AS rows FROM bench_runs WHERE day = '{LATE}'")
    assert (late["built_by"], late["dagster/partition_row_count"]) == ("late inputs", stored["rows"])
    assert _told(result, "bench_runs", LAST)["files_read"] == 1
    assert set(materializations(result, "bench_runs")) == {LATE, LAST}
    assert _runs_of(workspace, "reports/late.json") == [LATE.isoformat()]


def test_late_events_reach_the_tables_that_are_made_of_them(workspace: Path, adapters: Adapters) -> None:
    """Sessions are rolled up again for the day of the events, in the same run."""
    event = {"id": "late-1", "at": f"{LATE}T09:00:00+00:00", "kind": "page_open", "session": {"id": "late"}}
    (workspace / "events" / "late.jsonl").write_text(json.dumps(event) + "\n")
    before = selected(
        workspace, f"SELECT toUInt32(sum(total_events)) AS events FROM session_stats WHERE day = '{LATE}'"
    )
    result = run_assets(adapters, ["ui_events", "session_stats"], LAST)
    after = selected(workspace, f"SELECT toUInt32(sum(total_events)) AS events FROM session_stats WHERE day = '{LATE}'")
    assert after[0]["events"] == before[0]["events"] + 1
    for asset in ("ui_events", "session_stats"):
        assert _told(result, asset, LATE)["built_by"] == "late inputs"
        assert set(materializations(result, asset)) == {LATE, LAST}


def test_what_waits_to_be_asked_for_is_noted(workspace: Path, adapters: Adapters) -> None:
    """Beyond a week nothing is built by itself; the run says which command does it."""
    _report(workspace, "stale.json", STALE)
    result = run_assets(adapters, ["bench_runs"], LAST)
    assert set(materializations(result, "bench_runs")) == {LAST}
    assert f"muse backfill --from {STALE} --to {STALE}" in _told(result, "bench_runs", LAST)["preview"]
    assert run_assets(adapters, ["bench_runs"], STALE).success
    assert _runs_of(workspace, "reports/stale.json") == [STALE.isoformat()]
    again = _told(run_assets(adapters, ["bench_runs"], LAST), "bench_runs", LAST)
    assert "muse backfill" not in again["preview"]


def test_vanished_files_are_noted_until_they_are_given_up(workspace: Path, adapters: Adapters) -> None:
    """Their rows stay, the run names them and the command that gives them up."""
    path = _report(workspace, "gone.json", LAST)
    assert run_assets(adapters, ["bench_runs"], LAST).success
    path.unlink()
    told = _told(run_assets(adapters, ["bench_runs"], LAST), "bench_runs", LAST)
    assert "1 files are not found any more" in told["preview"] and "reports/gone.json" in told["preview"]
    assert "muse ingest --forget-missing" in told["preview"]
    assert _runs_of(workspace, "reports/gone.json") == [LAST.isoformat()]
    FileLedger(adapters.warehouse, "bench_runs").forget(["reports/gone.json"], NOW)
    told = _told(run_assets(adapters, ["bench_runs"], LAST), "bench_runs", LAST)
    assert "not found any more" not in told["preview"]
    assert _runs_of(workspace, "reports/gone.json") == []


def test_copies_are_told_beside_the_runs(workspace: Path, adapters: Adapters) -> None:
    """A copied report is taken once, and the run says which file it repeats."""
    for name in ("original.json", "repeated.json"):
        path = workspace / "reports" / name
        path.write_text(json.dumps(dated("copied", at=datetime(2026, 9, 12, 9, tzinfo=UTC))))
    preview = _told(run_assets(adapters, ["bench_runs"], LAST), "bench_runs", LAST)["preview"]
    assert "Copies, taken once" in preview
    assert "| reports/repeated.json | reports/original.json |" in preview


def test_a_backfill_counts_each_of_its_days(workspace: Path, adapters: Adapters) -> None:
    """A run over a range materialises every partition with its own rows, the unchanged ones included."""
    result = run_assets(adapters, ["bench_runs"], LATE, LATE + timedelta(days=2))
    found = materializations(result, "bench_runs")
    days = [LATE + timedelta(days=offset) for offset in range(3)]
    stored = selected(
        workspace, f"SELECT day, toUInt32(count()) AS rows FROM bench_runs WHERE day >= '{days[0]}' GROUP BY day"
    )
    by_day = {date.fromisoformat(row["day"]): row["rows"] for row in stored}
    assert {day: found[day]["dagster/partition_row_count"].value for day in days} == {day: by_day[day] for day in days}
