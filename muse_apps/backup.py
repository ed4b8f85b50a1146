"""`muse backup` and `muse restore`: what a workspace cannot build again, in one file and back."""

from pathlib import Path
from typing import Annotated

import typer

from muse_apps.console import console, counted
from muse_domain.failures import PermanentFailure
from muse_resources.adapters import SystemClock
from muse_resources.backup import StateFolders, exclusive, restore_backup, write_backup
from muse_resources.workspace import SETTINGS_FILE, Workspace, load_workspace, state_folders

_POSTGRES = "Dagster's runs lie in PostgreSQL and are not in it: back that up with pg_dump."
_RUNS = "Dagster's runs lie in PostgreSQL and were left as they are."


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to make; one that is there is replaced.", dir_okay=False)],
) -> None:
    """Copy the warehouse and Dagster's state into FILE. The blog is not in it: it is a git repository, push it."""
    workspace = load_workspace(_folder(context))
    folders = _folders(workspace)
    _refuse_while_runs_go(workspace)
    title, now = workspace.settings.muse.title, SystemClock().now()
    manifest = write_backup(folders, workspace.folder / SETTINGS_FILE, title, now, file.absolute())
    size_mb = file.stat().st_size / 1e6
    console.print(f"Wrote {file}: {counted(len(manifest.sha256), 'file')}, {size_mb:,.1f} MB.", soft_wrap=True)
    if workspace.secrets.postgres_url:
        console.print(_POSTGRES)


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `muse backup` made.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Give up the warehouse and state that are there.")] = False,
) -> None:
    """Put the warehouse and Dagster's state back from FILE: all of it or, if FILE is not whole, nothing."""
    workspace = load_workspace(_folder(context))
    folders = _folders(workspace)
    with exclusive(workspace.server_lock, "`muse dev` runs on this workspace: stop it, then restore"):
        if workspace.dagster_home.exists():
            _refuse_while_runs_go(workspace)
        manifest = restore_backup(folders, file.absolute(), replace=replace)
    console.print(f"Restored what was backed up at {manifest.made_at}.", soft_wrap=True)
    console.print("`muse verify all` proves it against the blog.")
    if workspace.secrets.postgres_url:
        console.print(_RUNS)


def _folder(context: typer.Context) -> Path:
    folder: Path = context.obj
    return folder


def _folders(workspace: Workspace) -> StateFolders:
    configured = workspace.settings.warehouse
    if configured.url:
        raise PermanentFailure(
            f"the warehouse is the server of warehouse.url: have it make its own, by BACKUP DATABASE "
            f"{configured.database} TO File('...'), and pg_dump for PostgreSQL"
        )
    return state_folders(workspace)


def _refuse_while_runs_go(workspace: Workspace) -> None:
    """A run writes several tables one after the other: between two of them there is nothing whole to copy."""
    import dagster as dg

    from muse_apps.dagster_home import OPEN_STATUSES, fail_abandoned_runs, open_instance

    with open_instance(workspace) as instance:
        fail_abandoned_runs(instance)
        going = instance.get_runs_count(dg.RunsFilter(statuses=OPEN_STATUSES))
    if going:
        raise PermanentFailure(f"{counted(going, 'run')} of Dagster still going: wait, or end what is left in its UI")
