"""`muse backup` and `muse restore`: what comes back is what was there, all of it or none of it."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from muse_apps.dagster_home import OPEN_STATUSES, open_instance, own_tags
from muse_domain.failures import PermanentFailure
from muse_resources.backup import JOURNAL, exclusive, read_backup
from muse_resources.workspace import load_workspace
from tests.workspaces import (
    ROOT,
    all_rows,
    bare_environment,
    change_warehouse,
    copy_of,
    differences,
    run_muse,
    stop_warehouse,
)

# Each place of a restore at which a kill may come, as a call that never returns.
KILLED_AT = ("_unpack", "_write_durably", *(f"Path.rename:{number}" for number in (1, 2, 3, 4)), "_remove:2")
KILLED_RESTORE = """
import os, signal, sys
from pathlib import Path
import muse_resources.backup as backup
from muse_resources.workspace import load_workspace, state_folders
name, _, count = sys.argv[3].partition(":")
owner = Path if name.startswith("Path.") else backup
name = name.removeprefix("Path.")
real, calls = getattr(owner, name), []
def killing(*given, **named):
    calls.append(name)
    if len(calls) == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)
folders = state_folders(load_workspace(Path(sys.argv[1]), {}))
setattr(owner, name, killing)
backup.restore_backup(folders, Path(sys.argv[2]), replace=True)
"""

KILLED_BACKUP = """
import os, signal
import muse_resources.backup as backup
from muse_apps.cli import main
backup._add_text = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


@pytest.fixture(scope="module")
def backed_up(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The demo and its backup."""
    folder = tmp_path_factory.mktemp("backup")
    with copy_of(demo_workspace, folder / "demo") as workspace:
        said = run_muse("--workspace", workspace, "backup", folder / "muse.backup").stdout
        assert "Wrote" in said
        yield workspace, folder / "muse.backup"


@pytest.fixture
def changed(backed_up: tuple[Path, Path], tmp_path: Path) -> Iterator[Path]:
    """A copy of the demo in which a table has lost its rows since."""
    with copy_of(backed_up[0], tmp_path / "demo") as workspace:
        change_warehouse(workspace, "TRUNCATE TABLE bench_runs SYNC")
        yield workspace


def _runs(workspace: Path) -> set[str]:
    with open_instance(load_workspace(workspace, {})) as instance:
        return {run.run_id for run in instance.get_runs()}


def test_every_row_and_run_comes_back_and_every_claim_holds(backed_up: tuple[Path, Path], changed: Path) -> None:
    """Into a workspace that has lost rows and gained a run."""
    source, file = backed_up
    with open_instance(load_workspace(changed, {})) as instance:
        instance.add_run(dg.DagsterRun(job_name="later", run_id="1" * 36, status=dg.DagsterRunStatus.SUCCESS))
    assert run_muse("--workspace", changed, "verify", "all", expect=1)
    run_muse("--workspace", changed, "restore", file, "--replace")
    assert differences(all_rows(source), all_rows(changed)) == {}
    assert _runs(changed) == _runs(source)
    run_muse("--workspace", changed, "verify", "all")
    left = (".restoring", ".replaced", JOURNAL)
    assert not [path for path in changed.iterdir() if path.name.endswith(left)]


def test_an_empty_place_is_restored_without_asking(backed_up: tuple[Path, Path], tmp_path: Path) -> None:
    """A new machine: muse.toml from the backup itself, nothing else."""
    source, file = backed_up
    with tarfile.open(file) as archive:
        archive.extract("muse.toml", tmp_path, filter="data")
    assert (tmp_path / "muse.toml").read_bytes() == (source / "muse.toml").read_bytes()
    try:
        run_muse("--workspace", tmp_path, "restore", file)
        assert differences(all_rows(source), all_rows(tmp_path)) == {}
    finally:
        stop_warehouse(tmp_path)


def test_nothing_is_overwritten_unasked(backed_up: tuple[Path, Path], changed: Path) -> None:
    """Without --replace a workspace that holds something stays as it is."""
    before = all_rows(changed)
    said = run_muse("--workspace", changed, "restore", backed_up[1], expect=2).stderr
    assert "would be overwritten" in said and "--replace" in said
    assert all_rows(changed) == before


@pytest.mark.parametrize("harm", ["cut", "one byte", "not a backup"])
def test_a_backup_that_is_not_whole_is_refused_before_anything_is_touched(
    backed_up: tuple[Path, Path], tmp_path: Path, harm: str
) -> None:
    """Cut off, changed or another file: told, and the workspace is not even looked at."""
    content = bytearray(backed_up[1].read_bytes())
    harmed = tmp_path / "harmed"
    if harm == "cut":
        content = content[: len(content) // 2]
    elif harm == "one byte":
        content[len(content) // 2] ^= 1
    else:
        content = bytearray(b"something else")
    harmed.write_bytes(content)
    with pytest.raises(PermanentFailure, match="take another one"):
        read_backup(harmed)


def test_a_member_that_was_exchanged_is_found(backed_up: tuple[Path, Path], tmp_path: Path) -> None:
    """A tar that is whole in itself but holds another file than was hashed."""
    other = tmp_path / "muse.toml"
    other.write_text("[muse]\n")
    with tarfile.open(backed_up[1]) as old, tarfile.open(tmp_path / "exchanged", "w:gz") as new:
        for member in old:
            if member.name == "muse.toml":
                new.add(other, "muse.toml")
            else:
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
    with pytest.raises(PermanentFailure, match=r"muse\.toml is another"):
        read_backup(tmp_path / "exchanged")


@pytest.mark.parametrize("place", KILLED_AT)
def test_killed_in_the_middle_a_restore_leaves_the_old_or_the_new(
    backed_up: tuple[Path, Path], changed: Path, place: str
) -> None:
    """Both folders of the same state, as soon as anything opens the workspace."""
    source, file = backed_up
    folders = [load_workspace(one, {}).own_dagster_folder for one in (source, changed)]
    (folders[1] / "mark").touch()  # only the old state has it
    stop_warehouse(changed)
    command = [sys.executable, "-c", KILLED_RESTORE, str(changed), str(file), place]
    done = subprocess.run(command, cwd=ROOT, env=bare_environment(), capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    was_decided = folders[1].with_name(JOURNAL).exists() or place == "_remove:2"
    load_workspace(changed, {})
    rows, is_old = all_rows(changed), (folders[1] / "mark").exists()
    assert is_old is not was_decided
    assert bool(rows["bench_runs"]) is was_decided
    if was_decided:
        assert differences(all_rows(source), rows) == {}


def test_a_killed_backup_leaves_the_former_one(backed_up: tuple[Path, Path], tmp_path: Path) -> None:
    """The file takes its place when it is whole."""
    file = tmp_path / "muse.backup"
    shutil.copy(backed_up[1], file)
    command = [sys.executable, "-c", KILLED_BACKUP, "--workspace", str(backed_up[0]), "backup", str(file)]
    done = subprocess.run(command, cwd=ROOT, env=bare_environment(), check=False)
    assert done.returncode == -9
    assert read_backup(file) == read_backup(backed_up[1])


def test_both_are_refused_while_runs_go(changed: Path, backed_up: tuple[Path, Path], tmp_path: Path) -> None:
    """Half of a day is not worth keeping; what a server uses is not taken from below it."""
    run = dg.DagsterRun(job_name="job", run_id="2" * 36, status=OPEN_STATUSES[0], tags=own_tags())
    with open_instance(load_workspace(changed, {})) as instance:
        instance.add_run(run)
    assert "still going" in run_muse("--workspace", changed, "backup", tmp_path / "b", expect=2).stderr
    assert not (tmp_path / "b").exists()
    restore = ("--workspace", changed, "restore", backed_up[1], "--replace")
    assert "still going" in run_muse(*restore, expect=2).stderr
    with exclusive(load_workspace(changed, {}).server_lock, "taken"):
        assert "`muse dev` runs" in run_muse(*restore, expect=2).stderr


def test_a_server_makes_its_own_backup(tmp_path: Path) -> None:
    """Muse does not copy a server's tables through itself: it says which statement does."""
    text = '[muse]\nstart_date = 2026-09-01\n[repositories.hearts]\npath = "."\n[warehouse]\nurl = "http://h:8123"\n'
    (tmp_path / "muse.toml").write_text(text)
    said = run_muse("--workspace", tmp_path, "backup", tmp_path / "b", expect=2).stderr
    assert "BACKUP DATABASE chimera_metrics" in said and "pg_dump" in said
