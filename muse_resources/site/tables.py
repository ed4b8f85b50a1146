"""The data of an episode's charts, as tables that open below their picture."""

import csv
import io
import re
from collections.abc import Sequence

from markupsafe import Markup

from muse_resources.site.model import SiteError

TABLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.csv")
# Columns whose header alone does not say all that it should; other headers are shown as they are.
HEADS = {"time": "Time (UTC)"}


def table_of(chart: str) -> str:
    """The file with a chart's data: `f1.csv` for `f1.svg`."""
    return chart.removesuffix(".svg") + ".csv"


def table_html(content: str, name: str, address: str) -> Markup:
    """The CSV as a table in a fold, with a link to the file itself; every cell is text.

    `name` is its file, `address` the episode's. Raises SiteError where it is no table.
    """
    if not TABLE_NAME.fullmatch(name):
        raise SiteError(f"{address}/{name}: is no name of a table")
    head, *rows = _read(content, f"{address}/{name}")
    return Markup(
        '<details class="data"><summary>Data of this chart, {count} {runs}</summary>\n'
        '<div class="scroll" role="region" aria-label="Data of this chart" tabindex="0"><table>\n'
        "<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
        '<p><a href="{file}" download>{file}</a></p></details>\n'
    ).format(
        count=f"{len(rows):,}",
        runs="run" if len(rows) == 1 else "runs",
        head=Markup("").join(
            Markup('<th scope="col"{}>{}</th>').format(_classes(column), HEADS.get(column, column.capitalize()))
            for column in head
        ),
        rows=Markup("").join(Markup("<tr>{}</tr>\n").format(_cells(head, row)) for row in rows),
        file=name,
    )


def _read(content: str, path: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(content, newline=""), strict=True))
    except csv.Error as wrong:
        raise SiteError(f"{path}: is no CSV: {wrong}") from wrong
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise SiteError(f"{path}: is no table: its rows do not have the columns of its first line")
    return rows


def _cells(head: Sequence[str], row: Sequence[str]) -> Markup:
    return Markup("").join(
        Markup("<td{}>{}</td>").format(_classes(column), cell or "not stated")
        for column, cell in zip(head, row, strict=True)
    )


def _classes(column: str) -> Markup:
    return Markup(' class="number"') if column == "value" else Markup("")
