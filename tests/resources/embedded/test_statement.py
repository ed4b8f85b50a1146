"""The owner reads only as much of a statement as it needs, and never mistakes text for a clause."""

import pytest

from muse_resources.embedded.statement import read_statement


@pytest.mark.parametrize(
    ("sql", "keyword", "output_format"),
    [
        (b"SELECT 1", "SELECT", None),
        (b" /* FORMAT CSV */ select 1 -- FORMAT TSV\n FORMAT Native", "SELECT", "Native"),
        (b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1;", "SELECT", "JSON"),
        (b"SELECT 'x FORMAT CSV'", "SELECT", None),
        (b"SELECT format FROM system.formats", "SELECT", None),
        (b"SELECT * FROM (SELECT 1 FORMAT CSV) FORMAT Arrow", "SELECT", "Arrow"),
        (b"(SELECT 1) UNION ALL (SELECT 2) FORMAT TSV", "SELECT", "TSV"),
        (b"WITH 1 AS a SELECT a", "WITH", None),
        (b"EXISTS TABLE x FORMAT CSV", "EXISTS", "CSV"),
        (b"INSERT INTO t SELECT 1 FORMAT CSV", "INSERT", None),
        (b"INSERT INTO t (a) VALUES (1), ('FORMAT CSV')", "INSERT", None),
        (b"SELECT format, a FROM t ORDER BY format DESC", "SELECT", None),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT TSV", "SELECT", "TSV"),
        (b"", "", None),
    ],
)
def test_keyword_and_format_are_found_outside_of_strings_comments_and_brackets(
    sql: bytes, keyword: str, output_format: str | None
) -> None:
    """A word inside a string, a comment or a subquery is not a clause of the statement."""
    statement = read_statement(sql)

    assert (statement.keyword, statement.format) == (keyword, output_format)
    assert not statement.is_upload


@pytest.mark.parametrize(
    ("sql", "head", "data"),
    [
        (b"INSERT INTO t (a) FORMAT Native\n\x01\x02", b"INSERT INTO t (a)", b"\x01\x02"),
        (b"INSERT INTO t FORMAT CSV 1,2", b"INSERT INTO t", b"1,2"),
        (b"INSERT INTO t FORMAT CSV\r\n\n1,2", b"INSERT INTO t", b"\n1,2"),
        (b"insert into `a FORMAT b` (`format`) settings x = 1 format JSONEachRow", b"", b""),
        (b"INSERT INTO t FORMAT Native\n'\xff SELECT", b"INSERT INTO t", b"'\xff SELECT"),
    ],
)
def test_data_starts_after_the_format_and_one_line_end(sql: bytes, head: bytes, data: bytes) -> None:
    """Every byte after the statement belongs to the rows, whatever it looks like."""
    statement = read_statement(sql)

    assert statement.is_upload
    assert sql[statement.data_start :] == data
    assert not head or sql[: statement.head_end].strip() == head
