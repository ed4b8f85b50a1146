"""Dagster's own state for a workspace: its instance, and the runs that died in it."""

import os
import socket
from pathlib import Path

import dagster as dg
import yaml
from filelock import FileLock

from muse_domain.settings import SettingsError
from muse_resources.dagster_storage import POSTGRES_VARIABLE, ping_postgres
from muse_resources.liveness import boot_instant
from muse_resources.run_launcher import BEGUN_TAG, HOST_TAG, PID_TAG, command_lives
from muse_resources.workspace import Workspace

SETTINGS_FILE = "dagster.yaml"
_STORAGES = {"storage", "run_storage", "event_log_storage", "schedule_storage"}
OPEN_STATUSES = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]


def instance_settings_file() -> Path:
    """The project's `dagster.yaml`."""
    return Path(__file__).resolve().parent.parent / "dagster.yaml"


def prepare_dagster_home(workspace: Workspace) -> Path:
    """DAGSTER_HOME of the workspace, with the project's settings unless it has its own."""
    own = workspace.own_dagster_folder
    own.mkdir(parents=True, exist_ok=True)
    settings = own / SETTINGS_FILE
    if not settings.exists():
        _write(settings, instance_settings_file().read_text(encoding="utf-8"))
    home = workspace.dagster_home
    if workspace.secrets.postgres_url:
        home.mkdir(exist_ok=True)
        _write(home / SETTINGS_FILE, _on_postgres(settings))
    return home


def _on_postgres(settings: Path) -> str:
    """The same settings with PostgreSQL as storage. The address stays in the environment."""
    text = settings.read_text(encoding="utf-8")
    if stated := sorted(_STORAGES & set(yaml.safe_load(text) or {})):
        remedy = f"remove it there, or unset {POSTGRES_VARIABLE}"
        raise SettingsError(f"{settings} names a storage of its own ({', '.join(stated)}): {remedy}")
    storage = {"storage": {"postgres": {"postgres_url": {"env": POSTGRES_VARIABLE}}}}
    return f"# Made from {settings} at every start: change that one.\n{text}\n{yaml.safe_dump(storage)}"


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def open_instance(workspace: Workspace) -> dg.DagsterInstance:
    """The workspace's Dagster instance: what is run here shows in its UI.

    Raises PermanentFailure when its PostgreSQL does not answer: never is another storage taken instead.
    """
    home = prepare_dagster_home(workspace)
    if workspace.secrets.postgres_url:
        ping_postgres(workspace.secrets.postgres_url)
    # Opening it makes its databases. Two processes at once break each other there: Dagster guards the database of
    # events against that, but not the one of runs ("table alembic_version already exists").
    with FileLock(str(home / ".opening.lock")):
        return dg.DagsterInstance.from_config(str(home))


def own_tags() -> dict[str, str]:
    """Tags by which a later process can tell that a run's process has died."""
    return {PID_TAG: str(os.getpid()), HOST_TAG: socket.gethostname(), BEGUN_TAG: boot_instant()}


def fail_abandoned_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs of this machine whose process is gone as failed, so that they do not look busy for ever."""
    abandoned = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=OPEN_STATUSES, tags={HOST_TAG: socket.gethostname()}))
        if not command_lives(instance, run)
    ]
    for run in abandoned:
        instance.report_run_failed(run, message="The process of this run was killed.")
    return len(abandoned)
