"""The life of a finding on a real warehouse: rows of earlier days, facts, and the text that tells them."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from benchmarks.histories import DAYS, FIRST_DAY, quiet
from muse_domain.series import FloatArray
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.workspace import load_workspace
from tests.assets.runs import run_assets
from tests.resources.test_warehouse import bench_run
from tests.workspaces import FixedClock, selected, stop_warehouse

SETTINGS = """
[muse]
start_date = 2026-01-01
end_date = 2026-03-01

[repositories.hearts]
path = "."
"""
LAST = FIRST_DAY + timedelta(days=DAYS - 1)
TABLES = ("watcher_runs", "findings", "fact_sheets")
COUNCIL = ("episode_drafts", "episode_verdicts")
# "there_and_back" goes up and comes back; "by_chance" shows a shift by chance, which the runs after it refute.
BENCHMARKS = ("there_and_back", "by_chance")


def _values(benchmark: str) -> FloatArray:
    if benchmark == "by_chance":
        return quiet("normal", 5054).series.values
    levels = np.repeat([10.0, 12.0, 10.0], DAYS * 2 // 3)
    return levels + np.random.default_rng(5).normal(0.0, 0.1, len(levels))


def _runs() -> Iterator[dict[str, Any]]:
    for number, benchmark in enumerate(BENCHMARKS):
        for run, value in enumerate(_values(benchmark)):
            ts = datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(hours=12) * run
            yield bench_run(
                day=ts.date(), ts=ts, run_id=UUID(int=1000 * number + run + 1), benchmark=benchmark,
                latency_p50_ms=float(value), environment_fingerprint="machine", source_format="made",
            )  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two benchmarks of sixty days, with findings and facts of all days built in one run."""
    folder = tmp_path_factory.mktemp("life") / "workspace"
    folder.mkdir()
    (folder / "muse.toml").write_text(SETTINGS)
    adapters = _adapters(folder)
    adapters.warehouse.migrate()
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    adapters.warehouse.replace_days("bench_runs", days, list(_runs()))
    assert run_assets(adapters, TABLES, FIRST_DAY, LAST).success
    yield folder
    stop_warehouse(folder)


def _adapters(folder: Path) -> Adapters:
    return replace(build_adapters(load_workspace(folder, {})), clock=FixedClock(datetime(2026, 11, 1, tzinfo=UTC)))


def _findings(folder: Path) -> list[dict[str, Any]]:
    return selected(folder, "SELECT * FROM findings ORDER BY day, finding_id")


def _of(folder: Path, benchmark: str) -> list[dict[str, Any]]:
    return [row for row in _findings(folder) if row["benchmark"] == benchmark]


def _facts(folder: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Value or text of the finding's facts, by name."""
    where = f"day = '{row['day']}' AND subject = '{row['finding_id']}'"
    rows = selected(folder, f"SELECT * FROM fact_sheets WHERE {where}")
    return {one["fact_id"].partition(".")[2]: one["value"] if one["text"] is None else one["text"] for one in rows}


def test_a_shift_is_confirmed_and_its_return_names_it(workspace: Path) -> None:
    """Four rows on four days; what they say of each other are facts with rows of their own."""
    up, up_again, back, back_again = _of(workspace, "there_and_back")
    assert [row["state"] for row in (up, up_again, back, back_again)] == ["suspected", "confirmed"] * 2
    assert (up_again["told_on"], back_again["told_on"]) == (up["day"], back["day"])
    assert (back["returned_on"], back["returned_as"]) == (up["day"], up["finding_id"])
    facts = _facts(workspace, up_again)
    assert (facts["state"], facts["told_on"], facts["n_since"]) == ("confirmed", up["day"], up_again["n_since"])
    facts = _facts(workspace, back)
    assert (facts["state"], facts["returned"], facts["returned_on"]) == ("suspected", "regression", up["day"])


def test_how_every_shift_stands_is_one_query(workspace: Path) -> None:
    """For people and dashboards: fixed by which finding, confirmed since when, refuted."""
    up, _, back, back_again = _of(workspace, "there_and_back")
    told, refuted = _of(workspace, "by_chance")
    rows = selected(workspace, "SELECT * FROM finding_states ORDER BY first_day, first_id")
    stands = {(row["first_day"], row["first_id"]): (row["state"], row["since"], row["undone_by"]) for row in rows}
    assert stands == {
        (up["day"], up["finding_id"]): ("fixed", back["day"], back["finding_id"]),
        (back["day"], back["finding_id"]): ("confirmed", back_again["day"], None),
        (told["day"], told["finding_id"]): ("refuted", refuted["day"], None),
    }


def test_a_shift_of_chance_is_refuted(workspace: Path) -> None:
    """The second row takes the first back; its commit and direction are gone."""
    told, refuted = _of(workspace, "by_chance")
    assert (told["state"], refuted["state"], refuted["told_on"]) == ("suspected", "refuted", told["day"])
    assert (refuted["direction"], refuted["cause"], refuted["first_bad_commit"]) == ("none", "noise", None)
    assert _facts(workspace, refuted)["state"] == "refuted"
    assert (refuted["p_value"], refuted["q_value"], "p_value" in _facts(workspace, refuted)) == (None, None, False)


@pytest.mark.parametrize(
    ("benchmark", "number", "says"),
    [
        ("there_and_back", 0, "{{f1.state}}"),
        ("there_and_back", 1, "{{f1.state}}"),
        ("there_and_back", 2, "{{f1.returned}}"),
        ("by_chance", 1, "The shift in the {{f1.metric}} of {{f1.name}} was {{f1.state}}."),
    ],
)
def test_the_days_text_tells_the_state_and_passes(workspace: Path, benchmark: str, number: int, says: str) -> None:
    """None of these days is quiet, and the verdict finds a fact for everything that is said."""
    day = date.fromisoformat(_of(workspace, benchmark)[number]["day"])
    assert run_assets(_adapters(workspace), COUNCIL, day).success
    [draft] = selected(workspace, f"SELECT * FROM episode_drafts WHERE day = '{day}'")
    [verdict] = selected(workspace, f"SELECT * FROM episode_verdicts WHERE day = '{day}'")
    assert draft["outcome"] == "draft" and says in draft["what_changed"]
    assert json.loads(verdict["objections"]) == [] and verdict["passed"]


def test_days_built_again_in_any_order_give_the_same_rows(workspace: Path) -> None:
    """Single days, newest and oldest first, those with findings and some without: not a row differs."""
    before = _findings(workspace)
    days = sorted({date.fromisoformat(row["day"]) for row in before})
    chosen = [*days, LAST, days[0] + timedelta(days=1)]
    random.Random(7).shuffle(chosen)
    for day in chosen:
        assert run_assets(_adapters(workspace), ["findings"], day, day).success
    assert _findings(workspace) == before
