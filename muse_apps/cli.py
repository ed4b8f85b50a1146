"""The `muse` command."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from muse_apps import dead_letters
from muse_apps.backup import backup, restore
from muse_apps.console import console, errors, files_progress, progress, show_table
from muse_apps.deciding import approve, override
from muse_apps.spans import DAY_FORMATS, asked_days, named_days
from muse_apps.watching import watcher
from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import SourceUnreachable
from muse_domain.settings import SettingsError
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.backup import exclusive
from muse_resources.workspace import SETTINGS_FILE, load_workspace

app = typer.Typer(
    name="muse",
    help="Turns what your team measured into a daily episode in which every claim can be run again.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

app.add_typer(dead_letters.app, name="dead-letters")
app.command()(watcher)
app.command()(override)
app.command()(approve)
app.command()(backup)
app.command()(restore)


@app.callback()
def choose_workspace(
    context: typer.Context,
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", envvar="MUSE_WORKSPACE", help="The folder that holds muse.toml.")
    ] = Path(),
) -> None:
    """Remember the workspace for the command that follows."""
    context.obj = workspace


def main() -> None:
    """Run the command; a failure that people can mend is one message, not a traceback."""
    try:
        app()
    except (SettingsError, PermanentFailure, TransientFailure, SourceUnreachable) as error:
        errors.print(f"[bold red]muse:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(2)


def _adapters(context: typer.Context) -> Adapters:
    return build_adapters(load_workspace(context.obj))


@app.command()
def init(context: typer.Context) -> None:
    """Write a commented `muse.toml` to start from. An existing one is left as it is."""
    from muse_apps.starting_file import starting_file

    folder: Path = context.obj
    file = folder / SETTINGS_FILE
    if file.exists():
        errors.print(f"{file} exists already: edit it, or remove it and run `muse init` again.")
        raise typer.Exit(1)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(starting_file(datetime.now(UTC).date() - timedelta(days=30)), encoding="utf-8")
    command = "muse" if folder == Path() else f"muse --workspace {folder}"
    console.print(f"Wrote {file}. Name your repository and reports in it, then run:\n")
    console.print(f"  {command} status                # is everything found?", soft_wrap=True)
    console.print(f"  {command} backfill --days 30    # build the last month", soft_wrap=True)


@app.command()
def status(context: typer.Context) -> None:
    """Say what is configured, which adapter fills each port and why, and whether each answers."""
    from muse_apps.automation import automation_rows
    from muse_apps.report import show_corrections
    from muse_apps.status import answers, table_rows

    adapters = _adapters(context)
    rows = answers(adapters)
    console.print(f"[bold]{escape(adapters.workspace.settings.muse.title)}[/] in {adapters.workspace.folder}\n")
    show_table("Ports", ("port", "adapter", "because", "answers"), [row.cells for row in rows])
    if all(row.is_well for row in rows if row.choice.port == "dagster storage"):
        show_table("Runs by itself, while `muse dev` runs", ("name", "when", "is", "what"), automation_rows(adapters))
    if all(row.is_well for row in rows):
        show_table("Warehouse", ("table", "rows"), table_rows(adapters))
        show_corrections(adapters)
    else:
        raise typer.Exit(1)


@app.command()
def migrate(context: typer.Context) -> None:
    """Make or update the warehouse's tables and DAGSTER_HOME, as `muse dev` and `muse backfill` do. For servers."""
    from muse_apps.dagster_home import open_instance

    adapters = _adapters(context)
    applied = adapters.warehouse.migrate()
    with open_instance(adapters.workspace):
        console.print(f"DAGSTER_HOME is {adapters.workspace.dagster_home}", soft_wrap=True)
    console.print("\n".join(f"applied {name}" for name in applied) or "The warehouse is up to date.")


@app.command()
def backfill(
    context: typer.Context,
    days: Annotated[int | None, typer.Option(min=1, help="The last N days up to yesterday.")] = None,
    from_: Annotated[datetime | None, typer.Option("--from", formats=DAY_FORMATS, help="First day.")] = None,
    to: Annotated[datetime | None, typer.Option(formats=DAY_FORMATS, help="Last day (default: yesterday).")] = None,
    assets: Annotated[str, typer.Option(help="Only these, with commas between them; all without it.")] = "",
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Build every day, also those that a backfill before this one has built.")
    ] = False,
) -> None:
    """Build days from reports to page. Running it again changes nothing that has not changed.

    The tables of all days are loaded before the first episode is judged. A backfill that was cut off, or in which days
    failed, goes on: days that it has built from what is there now are not built again.
    """
    from muse_apps.backfill import plan_backfill, run_backfill
    from muse_apps.report import show_result

    adapters = _adapters(context)
    first, last = asked_days(adapters, days, from_, to)
    steps = plan_backfill(adapters, first, last, _known_assets(adapters, assets))
    with progress(len(steps)) as begin:
        outcome = run_backfill(adapters, steps, lambda step: begin(step.title), afresh=afresh)
    show_result(adapters, first, last, outcome)
    if outcome.failures:
        raise typer.Exit(1)


def _known_assets(adapters: Adapters, asked: str) -> set[str] | None:
    from muse_assets.build import daily_assets

    known = [asset.function.__name__ for asset in daily_assets(adapters.workspace.settings)]
    wanted = {name.strip() for name in asked.split(",") if name.strip()}
    if unknown := sorted(wanted - set(known)):
        raise typer.BadParameter(f"no asset is called {', '.join(unknown)}. There are: {', '.join(known)}")
    return wanted or None


_INGEST_EXAMPLES = """
`muse ingest` reads what is new or changed, up to yesterday.

`muse ingest --from 2026-09-01 --to 2026-09-07` builds these days, even if they were left out before.

`muse ingest --forget-missing --from 2026-09-01 --to 2026-09-01` gives up what files of this day gave that are not found
any more. One that also holds other days keeps all of its rows, and is named with its days.

`muse ingest --dry-run` says which files would be read, and which are not found any more. In a new workspace, where
nothing is made by that, all of them.

`muse ingest --explain results.json` says how a file is read: the columns, the nulls with their reasons, what would be
quarantined or refused. It needs no workspace, and suggests what to write into muse.toml.

Refused files wait in `muse dead-letters`. Ends with 0 when all is well, 1 when something failed or the explained file
is refused, 2 when the command was misused.
"""


@app.command(epilog=_INGEST_EXAMPLES)
def ingest(
    context: typer.Context,
    from_: Annotated[datetime | None, typer.Option("--from", formats=DAY_FORMATS, help="First day.")] = None,
    to: Annotated[datetime | None, typer.Option(formats=DAY_FORMATS, help="Last day (default: yesterday).")] = None,
    explain: Annotated[
        Path | None, typer.Option(help="Say how this one file is read, and write nothing.", exists=True, dir_okay=False)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which files would be read, and write nothing.")
    ] = False,
    forget_missing: Annotated[
        bool,
        typer.Option(
            "--forget-missing",
            help="Give up the rows of files that are not found any more: with --from or --to, of those that hold no "
            "other days.",
        ),
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build the days again from their files, though nothing has changed.")
    ] = False,
) -> None:
    """Read commits, reports and events into the warehouse. Only what has changed is read."""
    from muse_apps import ingest as intake
    from muse_apps.explain import explain as explain_file
    from muse_apps.report import show_dry_run, show_forgotten, show_ingest
    from muse_resources.scratch_warehouse import without_writing

    if sum((explain is not None, dry_run, forget_missing or rebuild or bool(from_ or to))) > 1:
        raise typer.BadParameter("--explain and --dry-run stand alone: they write nothing, and look at every day")
    if explain:
        raise typer.Exit(0 if explain_file(explain, lambda: _adapters(context)) else 1)
    adapters = _adapters(context)
    if dry_run:
        with without_writing(adapters) as looking:
            show_dry_run(intake.dry_run(looking))
        return
    adapters.warehouse.migrate()
    first, last = asked_days(adapters, None, from_, to)
    if forget_missing:
        show_forgotten(intake.forget_missing(adapters, *named_days(from_, to, last)))
    if rebuild:
        intake.rebuild(adapters, first, last)
    with files_progress() as on_file:
        outcome = intake.run_ingest(adapters, first, last, on_file)
    show_ingest(adapters, first, last, outcome)
    if outcome.failures:
        raise typer.Exit(1)


@app.command()
def verify(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(help="`all`, a day (2026-09-08), an episode (banterpacks/ep-001) or a digest (digest-2026-09)."),
    ] = "all",
) -> None:
    """Run every claim of the published episodes and digests against the warehouse again, and say which still hold."""
    from muse_apps.report import show_corrections, show_proof
    from muse_resources.proof import NothingToVerify
    from muse_resources.proof import verify as prove

    adapters = _adapters(context)
    adapters.warehouse.migrate()
    try:
        proofs = prove(adapters.publisher, adapters.warehouse, target)
    except NothingToVerify as error:
        errors.print(f"[bold red]muse:[/] {escape(str(error))}")
        raise typer.Exit(2) from error
    show_proof(proofs)
    show_corrections(adapters)
    if any(proof.broken for proof in proofs):
        raise typer.Exit(1)


@app.command()
def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
) -> None:
    """Remove what `[retention]` of muse.toml gives up, never a row that a published claim rests on."""
    from muse_apps.dagster_home import open_instance
    from muse_apps.pruning import carry_out, plan_pruning, show_pruning
    from muse_resources.scratch_warehouse import without_writing

    adapters = _adapters(context)
    if dry_run:
        with without_writing(adapters) as looking, open_instance(adapters.workspace) as instance:
            show_pruning(plan_pruning(looking, instance), "Would remove")
        return
    adapters.warehouse.migrate()
    with open_instance(adapters.workspace) as instance:
        pruning = plan_pruning(adapters, instance)
        carry_out(adapters, instance, pruning)
    show_pruning(pruning, "Removed")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the sample workspace goes.")] = Path(".muse/demo"),
) -> None:
    """Make a sample workspace and build three weeks of it, from made-up reports to a page."""
    from muse_apps.backfill import plan_backfill, run_backfill
    from muse_apps.report import show_result, show_where_to_look
    from muse_apps.sample.workspace import SampleFolderTaken, build_sample_workspace

    try:
        truth = build_sample_workspace(folder)
    except SampleFolderTaken as error:
        errors.print(f"[bold red]muse:[/] {escape(str(error))}")
        raise typer.Exit(2) from error
    adapters = build_adapters(load_workspace(folder))
    steps = plan_backfill(adapters, min(truth.days), max(truth.days))
    with progress(len(steps)) as begin:
        outcome = run_backfill(adapters, steps, lambda step: begin(step.title))
    show_result(adapters, min(truth.days), max(truth.days), outcome)
    if outcome.failures:
        raise typer.Exit(1)
    show_where_to_look(adapters)


@app.command()
def dev(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
) -> None:
    """Open Dagster on this workspace: the UI, the daemon and the code server, until Ctrl-C."""
    from muse_apps.dagster_home import fail_abandoned_runs, instance_settings_file, open_instance
    from muse_apps.dev_server import run_until_stopped

    adapters = _adapters(context)
    adapters.warehouse.migrate()
    with open_instance(adapters.workspace) as instance:
        # A run that looks busy holds up every later run of its day.
        fail_abandoned_runs(instance)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(adapters.workspace.dagster_home),
        "MUSE_WORKSPACE": str(adapters.workspace.folder),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    locations = instance_settings_file().with_name("workspace.yaml")
    console.print(f"Dagster UI: http://127.0.0.1:{port}  (Ctrl-C ends it)")
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(locations), "-h", "127.0.0.1", "-p", str(port)]
    with exclusive(adapters.workspace.server_lock, "`muse dev` runs on this workspace already"):
        raise typer.Exit(run_until_stopped(command, environment))


if __name__ == "__main__":
    main()
