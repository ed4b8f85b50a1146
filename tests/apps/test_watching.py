"""`muse watcher`, `muse override`, `muse approve`, and what `muse status` says runs by itself, as they are typed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from muse_apps.automation import automation_rows
from muse_apps.cli import app
from tests.assets.runs import run_assets
from tests.live_workspace import LiveWorkspace, live_workspace
from tests.workspaces import adapters_of, selected, stop_warehouse


@cache
def now() -> datetime:
    """The present as the first test found it: the process may have collected its tests before midnight."""
    return datetime.now(UTC).replace(microsecond=0)


def start() -> date:
    """The first day of the workspace."""
    return (now() - timedelta(days=9)).date()


def today() -> date:
    """The day under way."""
    return now().date()


HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorkspace]:
    """A workspace whose newest commit waits for its measurement for an hour: late, but not too late."""
    workspace = live_workspace(tmp_path_factory.mktemp("watching") / "live", start())
    measured = workspace.commit(now() - 5 * HOUR)
    workspace.report(measured, now() - 5 * HOUR + timedelta(minutes=1))
    workspace.commit(now() - HOUR)
    adapters = adapters_of(workspace.folder)
    adapters.warehouse.migrate()
    assert run_assets(adapters, ["commits", "bench_runs"], start(), today()).success
    yield workspace
    stop_warehouse(workspace.folder)


def muse(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--workspace", str(folder), *arguments], env={"COLUMNS": "200"})


def test_the_watcher_says_why_and_ends_with_one(live: LiveWorkspace) -> None:
    """A script can stop on it."""
    done = muse(live.folder, "watcher")
    assert done.exit_code == 1, done.output
    assert "degraded" in done.output and "refused" in done.output and "behind commit" in done.output


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_degraded_data_is_let_through_when_it_is_allowed(
    live: LiveWorkspace, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--degraded` in this answer, WATCHER_ALLOW_DEGRADED everywhere."""
    if how == "variable":
        monkeypatch.setenv("WATCHER_ALLOW_DEGRADED", "true")
    done = muse(live.folder, "watcher", *(["--degraded"] if how == "flag" else []))
    assert done.exit_code == 0 and "passes" in done.output, done.output


def test_a_day_of_history_is_judged_by_its_own_data(live: LiveWorkspace) -> None:
    """Late today is not late then."""
    done = muse(live.folder, "watcher", "--day", (now() - timedelta(days=5)).date().isoformat())
    assert done.exit_code == 0 and "valid" in done.output, done.output


def test_a_day_before_the_log_is_refused_in_words(live: LiveWorkspace) -> None:
    """Not with a traceback."""
    done = muse(live.folder, "watcher", "--day", (start() - timedelta(days=1)).isoformat())
    assert done.exit_code == 2 and f"start_date, {start()}" in done.output, done.output


def test_an_override_is_recorded_and_withdrawn(live: LiveWorkspace) -> None:
    """Without a reason it is refused; with one the day passes, as `muse watcher` says."""
    day = today().isoformat()
    assert muse(live.folder, "override", day).exit_code == 2
    done = muse(live.folder, "override", day, "--reason", "the runner was replaced", "--by", "ada")
    assert done.exit_code == 0, done.output
    [row] = selected(live.folder, "SELECT day, by, reason FROM overrides")
    assert row == {"day": day, "by": "ada", "reason": "the runner was replaced"}
    assert muse(live.folder, "watcher", "--day", day).exit_code == 0
    assert muse(live.folder, "override", day, "--withdraw").exit_code == 0
    assert selected(live.folder, "SELECT day FROM overrides") == []
    assert muse(live.folder, "watcher", "--day", day).exit_code == 1


def test_an_approval_of_what_does_not_wait_is_refused(live: LiveWorkspace) -> None:
    """The message says why, and nothing is recorded."""
    refused = muse(live.folder, "approve", start().isoformat())
    assert refused.exit_code == 2 and "build the day first" in " ".join(refused.output.split())
    assert selected(live.folder, "SELECT day FROM approvals") == []


def test_status_says_what_runs_by_itself(live: LiveWorkspace) -> None:
    """Everything that a new user wants running is on, with its interval."""
    rows = {name: (when, is_on) for name, when, is_on, _ in automation_rows(adapters_of(live.folder))}
    assert rows["daily_episode_schedule"] == ("0 2 * * *", "[green]on[/]")
    assert rows["watcher_sensor"][0] == "every 10 min" and rows["commit_sensor"][0] == "every 1 min"
    assert {is_on for _, is_on in rows.values()} == {"[green]on[/]"}
