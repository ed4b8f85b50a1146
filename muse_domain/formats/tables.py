"""Reading the lines of a comma-separated report: strict, and never half a line."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping

from muse_domain.formats.decoded import Decoded
from muse_domain.measurements import Refusal, ReportRefused

Row = Mapping[str, str]


def _no_defect(row: Row) -> str | None:
    return None


def table_rows(
    content: Decoded, defect_of: Callable[[Row], str | None] = _no_defect
) -> tuple[list[Row], list[Refusal]]:
    """The lines under the header by column name, and those that were refused: for their number of cells, or for what
    `defect_of` finds in a line whose cells are complete.

    Raises ReportRefused when a column name appears twice, or when the table ends within a line.
    """
    header = content.header or ()
    if len(set(header)) < len(header):
        reason = "The table is ambiguous: a column name appears twice."
        raise ReportRefused(reason, "Give each column one name.")
    rows: list[Row] = []
    refusals: list[Refusal] = []
    cut = None
    for line, cells in _lines(content.text):
        row = dict(zip(header, cells, strict=False))
        is_whole = len(cells) == len(header)
        defect = defect_of(row) if is_whole else f"{len(cells)} cells under {len(header)} columns"
        # A cut line lacks cells, or the end of its last one. Too many cells are a fault of who wrote them.
        cut = f"line {line}: {defect}" if defect and len(cells) <= len(header) else None
        if defect:
            refusals.append(_bad_line(line, defect))
        else:
            rows.append(row)
    if cut:
        raise cut_table(cut)
    return rows, refusals


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines after the header, with their numbers; blank ones are left out."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        next(reader)
        for cells in filter(None, reader):
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise cut_table(f"line {reader.line_num}: {error}") from error


def cut_table(where: str) -> ReportRefused:
    """The refusal of a table that does not hold all it was written with."""
    return ReportRefused(
        f"The table is cut or broken ({where}).",
        "Let the benchmark tool write the report again, then ingest it again.",
    )


def _bad_line(line: int, defect: str) -> Refusal:
    return Refusal(
        f"line {line}",
        f"The line cannot be read: {defect}.",
        "Correct the line at its source, then ingest the report again.",
    )
