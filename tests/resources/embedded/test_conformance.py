"""The owner answers clickhouse-connect as a ClickHouse server does."""

import datetime as dt
import gzip
import io
import time
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from backports import zstd
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from muse_resources.embedded.connect import owner_client

NewTable = Callable[[str], str]
MILLION = 1_000_000


def test_rows_come_back_with_their_types(client: Client) -> None:
    """A query returns what the engine computed, in Python's types."""
    result = client.query("SELECT 1 AS a, 'x' AS b, [1, 2] AS c, NULL AS d, toDecimal64(1.5, 2) AS e")

    assert result.column_names == ("a", "b", "c", "d", "e")
    assert result.first_row[:4] == (1, "x", [1, 2], None)


def test_an_empty_result_still_has_its_columns(client: Client, new_table: NewTable) -> None:
    """A quiet day's result has columns and no rows, as from a server, though chDB itself sends nothing."""
    table = new_table("a UInt8, at DateTime64(3, 'UTC')")

    assert client.query(f"SELECT * FROM {table}").column_names == ("a", "at")
    with_parameter = f"SELECT a + 1 AS b FROM {table} WHERE a > {{x:UInt8}}"
    assert client.query(with_parameter, {"x": 1}).column_names == ("b",)
    assert client.query_arrow(f"SELECT * FROM {table}").column_names == ["a", "at"]
    assert client.query(f"SELECT * FROM {table} LIMIT 0").column_names == ("a", "at")


def test_frames_arrays_and_arrow_tables_hold_every_row(client: Client) -> None:
    """Results of many blocks are complete in each of the client's shapes."""
    query = f"SELECT number AS n, number / 3 AS x, toString(number) AS s FROM numbers({MILLION})"

    frame = client.query_df(query)
    assert frame["n"].sum() == MILLION * (MILLION - 1) // 2
    assert client.query_np(f"SELECT number FROM numbers({MILLION})").shape == (MILLION, 1)
    assert client.query_arrow(query).num_rows == MILLION
    assert client.query_df_arrow(query).shape == (MILLION, 3)


def test_streams_hold_every_row(client: Client) -> None:
    """Nothing is lost at the borders of blocks."""
    query = f"SELECT number AS n FROM numbers({MILLION})"
    expected = MILLION * (MILLION - 1) // 2

    with client.query_column_block_stream(query) as blocks:
        assert sum(sum(block[0]) for block in blocks) == expected
    with client.query_row_block_stream(query) as blocks:
        assert sum(row[0] for block in blocks for row in block) == expected
    with client.query_rows_stream(query) as rows:
        assert sum(row[0] for row in rows) == expected
    with client.query_df_stream(query) as frames:
        assert sum(frame["n"].sum() for frame in frames) == expected
    with client.query_arrow_stream(query) as batches:
        assert sum(batch.num_rows for batch in batches) == MILLION


@pytest.mark.parametrize("output_format", ["CSV", "TSV", "JSONEachRow", "RowBinary", "CSVWithNames", "JSON"])
def test_a_raw_result_is_the_same_streamed_or_whole(client: Client, output_format: str) -> None:
    """A format with a header or a footer has it once, however many blocks the engine made."""
    query = "SELECT number AS n, toString(number) AS s FROM numbers(200000) ORDER BY n"

    whole = client.raw_query(query, fmt=output_format)
    streamed = client.raw_stream(query, fmt=output_format).read()

    assert _without_timing(streamed) == _without_timing(whole)
    assert whole.count(b"199999") == 2 or output_format == "RowBinary"
    assert whole.count(b'"s"\n') == (1 if output_format == "CSVWithNames" else 0)


def _without_timing(data: bytes) -> bytes:
    return data.split(b'"statistics"')[0]


def test_totals_are_not_lost(client: Client) -> None:
    """A clause that adds a part after the rows gives what the engine gives."""
    query = "SELECT number % 2 AS k, count() AS n FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k"

    assert client.raw_query(query, fmt="TSV") == b"0\t5\n1\t5\n\n0\t10\n"


def test_parquet_goes_out_and_in(client: Client, new_table: NewTable) -> None:
    """A format that must be whole is sent and taken whole."""
    table = new_table("n UInt64, s String")
    data = client.raw_query("SELECT number AS n, toString(number) AS s FROM numbers(100000)", fmt="Parquet")

    client.raw_insert(table, ["n", "s"], data, fmt="Parquet")

    assert client.command(f"SELECT count(), sum(n) FROM {table}") == ["100000", "4999950000"]


def test_commands_answer_as_a_server_does(client: Client, new_table: NewTable) -> None:
    """SHOW, EXISTS, DESCRIBE, EXPLAIN and CHECK have results; DDL has a summary."""
    table = new_table("a UInt8")

    assert client.command(f"EXISTS {table}") == 1
    assert client.command("EXISTS no_such_table") == 0
    assert table in client.command("SHOW TABLES")
    assert client.query(f"DESCRIBE TABLE {table}").first_row[:2] == ("a", "UInt8")
    assert client.query("EXPLAIN SELECT 1").row_count > 0
    assert client.command("SELECT 1 WHERE 0") == ""
    assert client.command(f"TRUNCATE TABLE {table}").query_id()
    assert client.command("SELECT 1 FORMAT CSV") == 1
    assert client.query("SHOW DATABASES").row_count >= 2
    assert client.ping()


def test_insert_shapes_all_arrive(client: Client, new_table: NewTable) -> None:
    """Rows, frames, Arrow tables and inline values say how much they wrote."""
    table = new_table("a UInt64, b Nullable(String)")
    frame = pd.DataFrame({"a": np.arange(1000, dtype=np.uint64), "b": ["x"] * 1000})

    assert client.insert(table, [[1, "x"], [2, None]], column_names=["a", "b"]).written_rows == 2
    assert client.insert_df(table, frame).written_rows == 1000
    arrow = pa.table({"a": pa.array([1, 2], pa.uint64()), "b": ["x", None]})
    assert client.insert_arrow(table, arrow).written_rows == 2
    assert client.command(f"INSERT INTO {table} VALUES (1, 'x'), (2, 'y;z')").written_rows == 2
    assert client.command(f"INSERT INTO {table} VALUES", data="(1, 'x')").written_rows == 1
    assert client.command(f"INSERT INTO {table} SELECT number, 'x' FROM numbers(10)").written_rows == 10
    with_insert = f"INSERT INTO {table} WITH 5 AS n SELECT n, 'x'"
    assert client.command(with_insert).written_rows == 1
    assert client.command(f"SELECT count() FROM {table}") == 1018


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip"])
def test_compressed_inserts_arrive(folder: Path, new_table: NewTable, compression: str) -> None:
    """The client's own compression, which sends many frames one after the other, is understood."""
    table = new_table("a UInt64")
    frame = pd.DataFrame({"a": np.arange(300_000, dtype=np.uint64)})

    with owner_client(folder) as client:
        client.write_compression = compression
        client.insert_df(table, frame)

        assert client.command(f"SELECT count(), sum(a) FROM {table}") == ["300000", str(frame["a"].sum())]


@pytest.mark.parametrize(
    ("compression", "compress"),
    [(None, bytes), ("gzip", gzip.compress), ("lz4", lz4.frame.compress), ("zstd", zstd.compress)],
)
def test_raw_inserts_arrive_from_bytes_generators_and_files(
    client: Client, new_table: NewTable, compression: str | None, compress: Callable[[bytes], bytes]
) -> None:
    """However the rows are handed over, all of them are written once."""
    table = new_table("a UInt64, b String")
    data = compress(b"".join(b'{"a": %d, "b": "x"}\n' % number for number in range(50_000)))
    pieces = (data[start : start + 7777] for start in range(0, len(data), 7777))

    for block in (data, pieces, io.BytesIO(data)):
        summary = client.raw_insert(table, ["a", "b"], block, fmt="JSONEachRow", compression=compression)
        assert summary.written_rows == 50_000

    assert client.command(f"SELECT count() FROM {table}") == 150_000


def test_bound_parameters_keep_hostile_text(folder: Path, client: Client) -> None:
    """Values never become SQL, in the URL, in a form or in an INSERT."""
    value = "a'b\\c\td\ne; DROP TABLE x -- é {y:String}"
    query = "SELECT {v:String} AS v, {n:Array(Int32)} AS n, {at:DateTime64(3)} AS at"
    at = dt.datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=dt.timezone.utc)  # noqa: UP017
    params = {"v": value, "n": [1, -2], "at": at}

    assert client.query(query, params).first_row[:2] == (value, [1, -2])
    assert client.query(query, params).first_row[2] == at
    form_client = owner_client(folder)
    form_client.form_encode_query_params = True
    assert form_client.query(query, params).first_row[:2] == (value, [1, -2])
    assert client.query("SELECT {v:String} AS v WHERE 0", params).column_names == ("v",)
    assert client.query("SELECT %(v)s AS v", {"v": value}).first_row == (value,)


def test_settings_belong_to_one_request(client: Client) -> None:
    """A request's settings, log_comment among them, apply to it and to no other."""
    query = "SELECT getSetting('log_comment') AS c, getSetting('max_threads') AS t"

    assert client.query(query, settings={"log_comment": "run '1'", "max_threads": 3}).first_row == (
        "run '1'",
        3,
    )
    assert client.query(query).first_row[0] == ""
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT 1", settings={"no_such_setting": 1})
    assert caught.value.code == 115


def test_settings_limit_the_query_that_they_came_with(client: Client) -> None:
    """A time or memory limit ends the query with its code and leaves the owner well."""
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", settings={"max_execution_time": 1})
    assert caught.value.code == 159
    with pytest.raises(DatabaseError) as caught:
        client.command("SELECT groupArray(number) FROM numbers(100000000)", settings={"max_memory_usage": 10**6})
    assert caught.value.code == 241


def test_a_client_works_in_its_database(folder: Path, client: Client) -> None:
    """Unqualified names mean the client's database."""
    client.command("CREATE DATABASE IF NOT EXISTS chimera_metrics")
    with owner_client(folder, database="chimera_metrics") as other:
        other.command("CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x")
        other.insert("a", [[1]], column_names=["x"])
        assert other.command("SELECT currentDatabase()") == "chimera_metrics"
    assert client.command("SELECT x FROM chimera_metrics.a") == 1
    client.command("DROP DATABASE chimera_metrics SYNC")
    with pytest.raises(DatabaseError) as caught:
        owner_client(folder, database="chimera_metrics")
    assert caught.value.code == 81


def test_a_session_keeps_tables_and_settings(folder: Path) -> None:
    """Temporary tables and SET live as long as the session, a request's settings do not."""
    with owner_client(folder, session_id="s1") as client:
        client.command("CREATE TEMPORARY TABLE tmp (a UInt8)")
        client.insert("tmp", [[7]], column_names=["a"], column_type_names=["UInt8"])
        client.command("SET max_threads = 5")
        query = "SELECT a, getSetting('max_threads') FROM tmp"
        assert client.query(query, settings={"max_threads": 2}).first_row == (7, 2)
        assert client.query(query).first_row == (7, 5)
    with owner_client(folder, session_id="s2") as other, pytest.raises(DatabaseError) as caught:
        other.query("SELECT * FROM tmp")
    assert caught.value.code == 60


def test_a_session_expires(folder: Path) -> None:
    """A session nobody used for its timeout is gone, and session_check says so."""
    with owner_client(folder, session_id="s3", session_timeout=1) as client:
        client.command("CREATE TEMPORARY TABLE tmp (a UInt8)")
        time.sleep(2.3)
        with pytest.raises(DatabaseError) as caught:
            client.command("SELECT 1", settings={"session_check": 1})
        assert caught.value.code == 372


def test_a_busy_session_is_locked(folder: Path) -> None:
    """Two requests in one session at once: the second is refused with SESSION_IS_LOCKED."""
    first, second = owner_client(folder, session_id="s4"), owner_client(folder, session_id="s4")

    with first.query_row_block_stream("SELECT number FROM numbers(20000000)") as blocks:
        next(iter(blocks))
        with pytest.raises(DatabaseError) as caught:
            second.command("SELECT 1")
    assert caught.value.code == 373


def test_external_data_is_a_table_of_the_query(folder: Path, client: Client) -> None:
    """Data sent along is readable by this query only, in sessions too, named or by types."""
    data = ExternalData(file_name="names.csv", data=b"1,x\n2,y\n", fmt="CSV", structure="id UInt8, name String")
    query = "SELECT name FROM names WHERE id = {id:UInt8}"

    assert client.query(query, {"id": 2}, external_data=data).first_row == ("y",)
    assert client.raw_query(query, {"id": 1}, external_data=data) == b"x\n"
    typed = ExternalData(file_name="names", data=b"1\tx\n", fmt="TSV", types=["UInt8", "Decimal(9, 2)"])
    typed.files[0].data = b"1\t2.50\n"
    assert client.command("SELECT _1, _2 FROM names", external_data=typed) == ["1", "2.5"]
    with owner_client(folder, session_id="s5") as session:
        assert session.query(query, {"id": 2}, external_data=data).row_count == 1
        assert session.query(query, {"id": 2}, external_data=data).row_count == 1


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC 1", 62),
        ("SELECT * FROM nope", 60),
        ("SELECT nope", 47),
        ("SELECT throwIf(1)", 395),
        ("USE nope", 81),
    ],
)
def test_errors_carry_clickhouses_code(client: Client, sql: str, code: int) -> None:
    """Whoever decides on a retry sees the engine's own code."""
    for run in (client.command, client.query, client.raw_query):
        with pytest.raises(DatabaseError) as caught:
            run(sql)
        assert caught.value.code == code
    with pytest.raises(DatabaseError) as caught:
        client.insert("nope", [[1]], column_names=["a"], column_type_names=["UInt8"])
    assert caught.value.code == 60


def test_a_late_error_is_never_taken_for_the_end(client: Client) -> None:
    """A result that fails after a gigabyte or a row is an error, streamed or not."""
    query = "SELECT number, throwIf(number = 3000000) FROM numbers(5000000)"

    with pytest.raises(DatabaseError) as whole:
        client.query(query)
    assert whole.value.code == 395
    with pytest.raises(StreamFailureError) as streamed, client.query_row_block_stream(query) as blocks:
        sum(1 for _ in blocks)
    assert streamed.value.code == 395
    with pytest.raises(Exception, match=r"IncompleteRead|prematurely"):
        client.raw_stream(query, fmt="CSV").read()
    assert client.command("SELECT 1") == 1


def test_malformed_rows_are_an_error_and_write_nothing(client: Client, new_table: NewTable) -> None:
    """A bad row fails the insert with the engine's message."""
    table = new_table("a UInt64")

    with pytest.raises(DatabaseError) as caught:
        client.raw_insert(table, ["a"], b"1\n2\nx\n", fmt="CSV")

    assert caught.value.code == 117
    assert client.command(f"SELECT count() FROM {table}") == 0


def test_times_are_exact_and_utc_on_any_machine(client: Client, new_table: NewTable) -> None:
    """The machine's time zone reaches neither the engine nor the values."""
    table = new_table("at DateTime64(3, 'UTC'), day Date MATERIALIZED toDate(at)")
    at = dt.datetime(2026, 3, 29, 0, 59, 59, 999000, tzinfo=dt.timezone.utc)  # noqa: UP017

    client.insert(table, [[at]], column_names=["at"])

    assert client.query(f"SELECT at, day FROM {table}").first_row == (at, at.date())
    assert client.command("SELECT timezone()") == "UTC"
    assert client.command("SELECT toString(toDateTime(0))") == "1970-01-01 00:00:00"


def test_the_engine_reads_files_by_absolute_path(client: Client, new_table: NewTable, tmp_path: Path) -> None:
    """Large inputs go from file to table without passing through Python."""
    table = new_table("a UInt64")
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n{"a": 2}\n')

    source = f"file('{tmp_path}/*.jsonl', JSONEachRow, 'a UInt64')"
    assert client.command(f"INSERT INTO {table} SELECT a FROM {source}").written_rows == 2


def test_a_day_is_replaced_as_a_whole(client: Client) -> None:
    """Migrations and the staging table's REPLACE PARTITION and DROP PARTITION work over HTTP."""
    columns = "(day Date, n UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY n"
    for table in ("days", "days_staging"):
        client.command(f"CREATE OR REPLACE TABLE {table} {columns}")
    client.command("ALTER TABLE days ADD COLUMN IF NOT EXISTS note Nullable(String)")
    client.command("ALTER TABLE days_staging ADD COLUMN IF NOT EXISTS note Nullable(String)")
    day = dt.date(2026, 3, 1)
    for _ in range(2):
        client.command("TRUNCATE TABLE days_staging")
        client.insert("days_staging", [[day, number, None] for number in range(1000)])
        client.command("ALTER TABLE days REPLACE PARTITION '2026-03-01' FROM days_staging")
    assert client.command("SELECT count() FROM days") == 1000

    client.command("ALTER TABLE days DROP PARTITION '2026-03-01'")

    assert client.command("SELECT count() FROM days") == 0
    client.command("DROP TABLE days SYNC")
    client.command("DROP TABLE days_staging SYNC")
