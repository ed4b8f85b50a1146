"""The columns of a table as its migration declares them: one source for the engine and for the UI."""

import re
from dataclasses import dataclass
from functools import cache

from muse_resources.statements import migrations

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (?P<name>\w+)\s*\((?P<columns>.*?)\)\s*ENGINE", re.DOTALL)
_ALTERED = re.compile(
    r"ALTER TABLE (?P<table>\w+) (?:ADD COLUMN IF NOT|MODIFY COLUMN IF) EXISTS (?P<column>[^;]*?)"
    r"(?: AFTER (?P<after>\w+))?;"
)
_COLUMN = re.compile(
    r"^\s*(?P<name>\w+)\s+(?P<type>[A-Z]\w*(?:\(.*?\)(?=\s|,|$))?)(?:\s+DEFAULT\s+\S+?)?"
    r"(?:\s+COMMENT\s+'(?P<comment>[^']*)')?,?\s*$"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its ClickHouse type and what it means."""

    name: str
    type: str
    comment: str


@cache
def table_columns(table: str) -> tuple[Column, ...]:
    """Columns of a migrated table, in order. Raises LookupError."""
    columns: list[Column] = []
    for _, _, text in migrations():
        for created in _TABLE.finditer(text):
            if created["name"] == table:
                columns = _columns(created["columns"])
        for altered in _ALTERED.finditer(text):
            if altered["table"] == table:
                [column] = _columns(altered["column"])
                _put(columns, column, altered["after"])
    if not columns:
        raise LookupError(f"no migration creates table {table!r}")
    return tuple(columns)


def _put(columns: list[Column], column: Column, after: str | None) -> None:
    """In the place of the column of that name, else where it was added."""
    names = [known.name for known in columns]
    if column.name in names:
        columns[names.index(column.name)] = column
    else:
        columns.insert(names.index(after) + 1 if after else len(columns), column)


def _columns(text: str) -> list[Column]:
    columns: list[Column] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _COLUMN.match(line)
        if match is None:
            raise LookupError(f"this line of a migration is not understood: {line.strip()!r}")
        columns.append(Column(match["name"], match["type"], match["comment"] or ""))
    return columns
