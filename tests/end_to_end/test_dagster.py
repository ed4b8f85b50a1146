"""Dagster itself on the demo: webserver, daemon and code server, asked and started through GraphQL as the UI does."""

from pathlib import Path

import pytest

from tests.assets.test_definitions import GROUPS
from tests.dagster_server import ASSETS, LOCATIONS, DagsterServer, dagster_server, wait_for
from tests.workspaces import (
    OF_ONE_WORKSPACE,
    all_rows,
    copy_of,
    dagster_processes_of,
    differences,
    git,
    owners_in,
    post_files,
    run_muse,
    start_muse,
    stop_warehouse,
)

TOLD = "2026-09-18"
WEEK = ("2026-09-14", "2026-09-20")


def test_the_code_location_loads_without_an_error(dagster: DagsterServer) -> None:
    """`workspace.yaml` names one location, and it loads."""
    [location] = dagster.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert (location["name"], location["loadStatus"]) == ("muse", "LOADED")
    assert location["locationOrLoadError"]["__typename"] == "RepositoryLocation", location


def test_the_ui_gets_the_groups_and_their_assets(dagster: DagsterServer) -> None:
    """What a person sees in the graph is what the definitions hold."""
    found: dict[str, set[str]] = {}
    for node in dagster.ask(ASSETS)["assetNodes"]:
        found.setdefault(node["groupName"], set()).add("/".join(node["assetKey"]["path"]))
    assert found == GROUPS


def test_one_day_of_episodes_is_built_by_hand_and_shows_its_text(dagster: DagsterServer) -> None:
    """A run of a single asset and day, as the UI launches it; the episode stands in its metadata."""
    run_id = dagster.launch(["episodes"], TOLD)
    assert dagster.wait_for_run(run_id) == "SUCCESS", dagster.errors_of(run_id)
    built_by, metadata = dagster.latest_metadata("episodes", TOLD)
    assert built_by == run_id
    assert metadata["status"] == "published" and metadata["dagster/partition_row_count"] == 1
    assert "## What changed" in metadata["preview"] and "prefill_512" in metadata["preview"]


def test_who_waits_in_vain_for_a_run_is_told_how_it_stands(dagster: DagsterServer) -> None:
    """Its status, its last words, and what else is open: without them a failed wait on another machine is a riddle."""
    run_id = dagster.launch(["commits"], TOLD)
    assert dagster.wait_for_run(run_id) == "SUCCESS", dagster.errors_of(run_id)
    with pytest.raises(AssertionError, match=rf"run {run_id}, SUCCESS; open are .*\n(.*\n)*.*Process for run exited"):
        dagster.wait_for_run(run_id, timeout_s=0)


def test_a_week_is_built_again_by_a_backfill_while_others_use_the_warehouse(dagster: DagsterServer) -> None:
    """A run for each of seven episodes with three commands beside them: no error, and not a row or byte changes."""
    workspace = dagster.workspace
    before, posts = all_rows(workspace), post_files(workspace)
    head = git(workspace / "blog", "rev-parse", "main")
    backfill = dagster.backfill(["episodes"], *WEEK)
    beside = start_muse("--workspace", workspace, "backfill", "--from", "2026-09-08", "--to", "2026-09-09")
    run_muse("--workspace", workspace, "status")
    run_muse("--workspace", workspace, "verify", "all")
    said, _ = beside.communicate(timeout=120)
    assert beside.returncode == 0, said
    state = dagster.wait_for_backfill(backfill)
    failed = {run["runId"]: dagster.errors_of(run["runId"]) for run in state["runs"] if run["status"] != "SUCCESS"}
    assert (state["status"], failed) == ("COMPLETED_SUCCESS", {}), state["error"]
    assert len(state["runs"]) == 7
    assert differences(before, all_rows(workspace)) == {}
    assert post_files(workspace) == posts and git(workspace / "blog", "rev-parse", "main") == head


def test_stopping_it_leaves_no_process_behind(demo_workspace: Path, tmp_path: Path) -> None:
    """Webserver, daemon, code server and run workers end with their command; the warehouse's owner when it is told."""
    with copy_of(demo_workspace, tmp_path / "demo") as workspace:
        with dagster_server(workspace, tmp_path / "log") as server:
            assert owners_in(workspace) and dagster_processes_of(workspace)
            run_id = server.launch(["commits"], TOLD)
            begun = ("STARTING", "STARTED", "SUCCESS")
            wait_for(lambda: server.status_of(run_id) in begun, 60, "the start of the run")
        # Stopped in its middle: whether the run had ended or not, it left a whole day.
        stop_warehouse(workspace)
        wait_for(lambda: not owners_in(workspace), 10, "the end of the owner")
        rows = all_rows(workspace, leave_out=OF_ONE_WORKSPACE)
        assert differences(all_rows(demo_workspace, leave_out=OF_ONE_WORKSPACE), rows) == {}
