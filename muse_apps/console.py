"""What the command prints, and how."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def show_table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table for people; numbers stand right. Without rows it says so."""
    if title:
        # Not the table's own title: that one is folded to the width of the columns.
        console.print(f"[bold]{escape(title)}[/]{'' if rows else ': none'}")
    if not rows:
        console.print()
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(header):
        is_number = all(isinstance(row[place], int | float | None) for row in rows)
        table.add_column(name, header_style="dim", overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)
    console.print()


def counted(count: int, what: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


@contextmanager
def progress(total: int) -> Iterator[Any]:
    """A progress bar over `total` steps; yields a function that names the step that begins."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("starting", total=total)
        started = 0

        def begin(title: str) -> None:
            nonlocal started
            bar.update(task, description=title, completed=started)
            started += 1

        yield begin
        bar.update(task, completed=total)


@contextmanager
def files_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each table whose files are read; yields an OnFile."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def on_file(table: str, done: int, of: int) -> None:
            if table not in tasks:
                tasks[table] = bar.add_task(f"files of {table}", total=of)
            bar.update(tasks[table], completed=done)

        yield on_file
