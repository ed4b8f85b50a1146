"""Dagster's own state for a workspace: its instance, and the runs that died in it."""

import os
import shutil
import socket
from pathlib import Path

import dagster as dg
from filelock import FileLock

from muse_resources.liveness import is_alive
from muse_resources.workspace import Workspace

PID_TAG, HOST_TAG = "muse/pid", "muse/host"
_OPEN = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]


def instance_settings_file() -> Path:
    """The project's `dagster.yaml`."""
    return Path(__file__).resolve().parent.parent / "dagster.yaml"


def prepare_dagster_home(workspace: Workspace) -> Path:
    """DAGSTER_HOME of the workspace, with the project's settings unless it has its own."""
    home = workspace.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        draft = home / f".dagster.yaml.{os.getpid()}"
        shutil.copyfile(instance_settings_file(), draft)
        draft.replace(settings)
    return home


def open_instance(workspace: Workspace) -> dg.DagsterInstance:
    """The workspace's Dagster instance: what is run here shows in its UI."""
    home = prepare_dagster_home(workspace)
    # Opening it makes its databases. Two processes at once break each other there: Dagster guards the database of
    # events against that, but not the one of runs ("table alembic_version already exists").
    with FileLock(str(home / ".opening.lock")):
        return dg.DagsterInstance.from_config(str(home))


def own_tags() -> dict[str, str]:
    """Tags by which a later process can tell that a run's process has died."""
    return {PID_TAG: str(os.getpid()), HOST_TAG: socket.gethostname()}


def fail_abandoned_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs of this machine whose process is gone as failed, so that they do not look busy for ever."""
    abandoned = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=_OPEN, tags={HOST_TAG: socket.gethostname()}))
        if not is_alive(int(run.tags[PID_TAG]))
    ]
    for run in abandoned:
        instance.report_run_failed(run, message="The process of this run was killed.")
    return len(abandoned)
