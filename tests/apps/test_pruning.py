"""`muse prune`: the policy's old rows go, what a published claim rests on stays, and every claim still holds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from muse_apps.dagster_home import open_instance
from muse_apps.pruning import carry_out, claimed_days, plan_pruning
from muse_domain.settings import SettingsError, parse_settings
from muse_resources.adapters import Adapters
from muse_resources.proof import verify
from tests.workspaces import (
    FixedClock,
    adapters_of,
    all_rows,
    change_warehouse,
    copy_of,
    differences,
    run_muse,
    warehouse_folder,
)

POLICY = "\n[retention]\nruns_days = 40\nlogs_days = 40\nui_events_days = 100\n"
# A day before all that the demo's episodes look at.
UNCLAIMED = """INSERT INTO ui_events SELECT * REPLACE (toDate('2026-08-01') AS day, ts - INTERVAL 40 DAY AS ts)
FROM ui_events WHERE ui_events.day = '2026-09-10'"""
LATER = FixedClock(datetime(2030, 1, 1, tzinfo=UTC))


@pytest.fixture
def old(demo_workspace: Path, tmp_path: Path) -> Iterator[Adapters]:
    """The demo, years later, with a policy."""
    with copy_of(demo_workspace, tmp_path / "demo") as workspace:
        settings = workspace / "muse.toml"
        settings.write_text(settings.read_text() + POLICY)
        yield replace(adapters_of(workspace), clock=LATER)


def test_old_events_go_except_those_of_published_claims(old: Adapters) -> None:
    """Planning changes nothing; afterwards exactly the planned days are empty, and each claim can be run again."""
    folder = old.workspace.folder
    change_warehouse(folder, UNCLAIMED)
    before = all_rows(folder)
    with open_instance(old.workspace) as instance:
        pruning = plan_pruning(old, instance)
        assert all_rows(folder) == before
        assert set(pruning.event_days) == {date(2026, 8, 1)} and pruning.claimed_days
        carry_out(old, instance, pruning)
        assert not plan_pruning(old, instance).event_days
    after = all_rows(folder)
    assert set(differences(before, after)) == {"ui_events"}
    assert len(before["ui_events"]) - len(after["ui_events"]) == sum(pruning.event_days.values())
    proofs = list(verify(old.publisher, old.warehouse, "all"))
    assert proofs and not [proof for proof in proofs if proof.broken]


def test_the_days_of_claims_are_those_whose_loss_would_break_one(old: Adapters) -> None:
    """Without the first of them the proof fails, and holds again with the rows of its files."""
    first = min(claimed_days(old, "ui_events"))
    old.warehouse.replace_days("ui_events", [first], [])
    assert [proof for proof in verify(old.publisher, old.warehouse, "all") if proof.broken]
    run_muse("--workspace", old.workspace.folder, "ingest", "--rebuild", "--from", f"{first}", "--to", f"{first}")
    assert not [proof for proof in verify(old.publisher, old.warehouse, "all") if proof.broken]


def test_runs_that_built_something_are_kept(old: Adapters) -> None:
    """Without its run, Dagster would take a built day for a missing one; what a run printed is another matter."""
    with open_instance(old.workspace) as instance:
        for number, status in enumerate((dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS), 1):
            instance.add_run(dg.DagsterRun(job_name="job", run_id=str(number) * 36, status=status))
        built = {run.run_id for run in instance.get_runs()} - {"1" * 36}
        pruning = plan_pruning(old, instance)
        assert pruning.runs == ("1" * 36,)
        carry_out(old, instance, pruning)
        assert {run.run_id for run in instance.get_runs()} == built


def test_without_a_policy_nothing_goes(demo_workspace: Path, tmp_path: Path) -> None:
    """Keeping is the default; the command says what it did."""
    with copy_of(demo_workspace, tmp_path / "demo") as workspace:
        before = all_rows(workspace)
        for options in ((), ("--dry-run",)):
            said = run_muse("--workspace", workspace, "prune", *options).stdout
            assert "0 days of ui_events" in said and "0 runs" in said
        assert differences(before, all_rows(workspace)) == {}


def test_a_dry_run_makes_no_tables(tmp_path: Path) -> None:
    """In a workspace that nothing was built in, nothing would go, and no warehouse is made to find that out."""
    (tmp_path / "muse.toml").write_text(
        '[muse]\nstart_date = 2026-09-01\n\n[repositories.hearts]\npath = "."\n' + POLICY
    )
    assert "0 days of ui_events" in run_muse("--workspace", tmp_path, "prune", "--dry-run").stdout
    assert not warehouse_folder(tmp_path).exists()


def test_what_a_build_may_still_read_cannot_be_given_up() -> None:
    """A policy of a week would take the ground from under the next episode."""
    decoded = {"muse": {"start_date": date(2026, 9, 1)}, "repositories": {"hearts": {"path": "."}}}
    with pytest.raises(SettingsError, match=r"retention\.ui_events_days: .*greater than or equal to 35"):
        parse_settings({**decoded, "retention": {"ui_events_days": 7}})
