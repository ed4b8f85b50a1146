"""`muse dead-letters`: what was refused, why, what to do, and trying it again."""

from typing import Annotated

import typer
from rich.markup import escape

from muse_apps.console import console, counted, files_progress, show_table
from muse_domain.ports import Row
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.workspace import load_workspace

app = typer.Typer(
    help="What was refused, why, and what to do. Nothing that Muse cannot read is lost: it waits here.",
    epilog="""
1. `muse dead-letters list` numbers every refusal.
2. `muse dead-letters show 3` says what to do about the third.
3. `muse ingest --explain FILE` shows how the mended file is read.
4. `muse dead-letters replay 3` reads it again; `muse dead-letters replay all` reads every refused file.

A file that was changed needs no replay: the next `muse ingest` reads it.
""",
    no_args_is_help=True,
)

_LABELS = {
    "source": "table",
    "source_path": "file",
    "item": "part",
    "error": "reason",
    "remedy": "what to do",
    "error_type": "kind",
    "source_sha256": "sha256",
    "size_bytes": "bytes",
    "ts": "written at",
}


def letters(adapters: Adapters) -> list[Row]:
    """Every refusal that stands, in a stable order: its number is its place in this list, from 1."""
    adapters.warehouse.migrate()
    return adapters.warehouse.select("select_dead_letters", {"source": ""})


@app.command("list")
def show_all(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many are shown.")] = 50,
) -> None:
    """List what was refused, with the numbers that `show` and `replay` take."""
    found = letters(build_adapters(load_workspace(context.obj)))
    rows = [
        (number, escape(f"{row['source_path']} {row['item']}".strip()), escape(row["error"]))
        for number, row in enumerate(found[:limit], start=1)
    ]
    if not found:
        console.print("Nothing is refused.")
        return
    show_table(f"Refused ({len(found):,})", ("no", "file and part", "reason"), rows)
    if len(found) > limit:
        console.print(f"... and {len(found) - limit:,} more: `--limit {len(found)}` shows them.")
    console.print("`muse dead-letters show 1` says what to do about the first.")


@app.command("show")
def show_one(context: typer.Context, number: Annotated[int, typer.Argument(min=1, help="From the list.")]) -> None:
    """Show one refusal with its remedy."""
    row = _one(letters(build_adapters(load_workspace(context.obj))), number)
    stated = {label: row[name] for name, label in _LABELS.items() if row[name] not in ("", 0)}
    for label, value in stated.items():
        console.print(f"[dim]{label:10}[/]  {escape(str(value))}", soft_wrap=True)


@app.command("replay")
def replay_files(
    context: typer.Context,
    which: Annotated[str, typer.Argument(help="A number from the list, or `all`.")] = "all",
) -> None:
    """Read refused files again, and bring the tables up to what they give now."""
    from muse_apps.ingest import replay, run_ingest
    from muse_apps.report import show_failures
    from muse_apps.spans import asked_days

    adapters = build_adapters(load_workspace(context.obj))
    before = letters(adapters)
    if which != "all" and not which.isdecimal():
        raise typer.BadParameter("give a number from `muse dead-letters list`, or all")
    if not before and which == "all":
        console.print("Nothing is refused.")
        return
    wanted = before if which == "all" else [_one(before, int(which))]
    files = {(row["source"], row["source_path"]) for row in wanted}
    for source in sorted({source for source, _ in files}):
        replay(adapters, source, sorted(path for one, path in files if one == source))
    days = asked_days(adapters, None, None, None)
    with files_progress() as on_file:
        outcome = run_ingest(adapters, *days, on_file)
    show_failures(outcome.failures)
    after = letters(adapters)
    console.print(
        f"Read {counted(sum(outcome.read.values()), 'file')}: "
        f"{counted(len(before), 'refusal')} before, {len(after):,} now."
    )
    if after:
        console.print("`muse dead-letters list` shows what is still refused.")
    if outcome.failures:
        raise typer.Exit(1)


def _one(found: list[Row], number: int) -> Row:
    if not found:
        raise typer.BadParameter("nothing is refused")
    if not 1 <= number <= len(found):
        raise typer.BadParameter(f"there is no number {number}: `muse dead-letters list` has 1 to {len(found)}")
    return found[number - 1]
