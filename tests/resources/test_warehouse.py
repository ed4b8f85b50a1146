"""The warehouse on the real engine: whole days, exact values, and failures that say whether to try again."""

import json
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from urllib3.exceptions import ProtocolError

from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import LoadedDay
from muse_resources.embedded.connect import ensure_owner, owner_client, stop_owner
from muse_resources.statements import migrations, split_statements
from muse_resources.table_columns import table_columns
from muse_resources.warehouse import ClickHouseWarehouse
from tests.clickhouse_server import clickhouse_server, server_client
from tests.resources.loaders import DAY, ROWS, Loaders, commit_rows

NEXT_DAY = DAY + timedelta(days=1)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
SPAN = {"first": DAY, "last": DAY}

# Every table that DESIGN.md names, with the columns that REQUIREMENTS D-001..D-007 and S0-055 demand.
TABLES = {
    "bench_runs": "ts run_id commit_sha model quant dataset latency_p50_ms latency_p95_ms latency_p99_ms "
    "tokens_per_sec cost_per_1k memory_peak_mb schema_version source_format source_sha256 n_samples "
    "environment_fingerprint quality null_reasons",
    "llm_events": "ts run_id source model operation tokens_in tokens_out latency_ms cost_usd status error_msg",
    "ui_events": "ts session_id commit_sha event_type latency_ms user_agent metadata schema_version",
    "session_stats": "hour commit_sha session_id total_sessions avg_latency_ms error_rate p95_latency_ms "
    "abandonment_rate",
    "watcher_runs": "ts run_id hearts_commit packs_commit hearts_rows_found packs_rows_found lag_seconds status "
    "alert_sent duration_ms",
    "episodes": "ts series title episode run_id hearts_commit packs_commit lang path confidence_score tokens_total "
    "cost_total correlation_strength status",
    "deployments": "ts run_id episode episode_run_id vercel_deployment_id commit_sha status build_time_ms "
    "duration_ms url",
    "commits": "ts repository commit_sha author_hash subject parents",
    "bench_metrics": "run_id metric value unit",
    "findings": "finding_id series_id change_pct p_value q_value cause suspect_commits suspect_touches suspect_paths",
    "series_checks": "series_id p_value outcome",
    "fact_sheets": "fact_id value text unit label support query row_hash reason",
    "episode_drafts": "run_id outcome model prompt_hash tokens_in tokens_out cost_usd",
    "episode_verdicts": "content_sha256 passed objections confidence completeness recency data_quality evidence",
    "translations": "lang series status markdown",
    "dead_letters": "source source_path source_sha256 error_type error remedy reading_id",
    "llm_reservations": "day ts call_id model worst_usd",
    "input_files": "source source_path reading_id read_at sha256 reader days refused again missing",
    "loaded_days": "day source rows inputs_sha256",
    "overrides": "day ts by reason",
    "approvals": "day ts by content_sha256",
    "corrections": "day series episode fact_id claim problem found_at told",
    "publications": "series episode path commit_sha content_sha256",
    "digests": "series episode title status reason passed objections content_sha256 canonical ledger",
    "digest_publications": "series episode path commit_sha content_sha256",
}

VIEWS = {"bench_points", "finding_states"}


@pytest.fixture(params=["embedded", "server"])
def warehouse(
    request: pytest.FixtureRequest, warehouse_folder: Path, database: str, engine: Client
) -> Iterator[ClickHouseWarehouse]:
    """A migrated warehouse without rows, over either transport: what it promises does not depend on it."""
    if request.param == "embedded":
        store = ClickHouseWarehouse(lambda name: owner_client(warehouse_folder, database=name), database)
        yield store
        store.close()
        return
    with clickhouse_server(warehouse_folder) as served:
        store = ClickHouseWarehouse(lambda name: server_client(served, name), database, shares_files=False)
        yield store
        store.close()


def bench_run(**values: Any) -> dict[str, Any]:
    """A row of `bench_runs` in which nothing optional was measured."""
    absent = dict.fromkeys(
        "commit_sha model quant dataset latency_mean_ms latency_p50_ms latency_p95_ms latency_p99_ms latency_min_ms "
        "latency_max_ms latency_std_ms tokens_per_sec cost_per_1k memory_peak_mb n_samples "
        "environment_fingerprint".split()
    )
    stated = dict.fromkeys("ts_source repository suite benchmark source_format source_path source_sha256".split(), "x")
    return {
        **absent,
        **stated,
        "day": DAY,
        "ts": NOON,
        "run_id": uuid.uuid4(),
        "environment": {},
        "quality": "ok",
        "quality_reasons": [],
        "null_reasons": {},
        **values,
    }


def dead_letter(**values: Any) -> dict[str, Any]:
    """A row of `dead_letters`."""
    stated = dict.fromkeys("source operation source_path source_sha256 item error_type error remedy".split(), "x")
    return {**stated, "ts": NOON, "size_bytes": 1, "reading_id": uuid.uuid4(), **values}


def input_file(reading_id: uuid.UUID) -> dict[str, Any]:
    """A row of `input_files`."""
    stated = dict.fromkeys("source source_path sha256 reader".split(), "x")
    numbers = dict.fromkeys("size_bytes modified_ns refused".split(), 1)
    flags = {"again": False, "missing": False}
    return {**stated, **numbers, **flags, "reading_id": reading_id, "read_at": NOON, "days": {DAY: 1}}


def contents(engine: Client, day: date = DAY) -> dict[str, int]:
    """How many rows of each content the day holds."""
    query = "SELECT subject, count() FROM commits WHERE day = {day:Date} GROUP BY subject"
    return {row[0]: row[1] for row in engine.query(query, parameters={"day": day}).result_rows}


def staging_tables(engine: Client) -> list[str]:
    found = engine.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'staging%'")
    return [row[0] for row in found.result_rows]


def test_every_named_table_has_the_columns_of_the_requirements(engine: Client) -> None:
    """S0-050 to S0-056, D-001 to D-007, X-07: one schema is the union of what the documents ask for."""
    query = "SELECT table, groupArray(name) FROM system.columns WHERE database = currentDatabase() GROUP BY table"
    columns = {table: set(names) for table, names in engine.query(query).result_rows}
    assert {table: set(names.split()) - columns.get(table, set()) for table, names in TABLES.items()} == {
        table: set() for table in TABLES
    }


def test_a_run_id_means_one_row_and_no_metric_is_an_integer(engine: Client) -> None:
    """F-07, F-76: latencies are nullable floats, and a commit is never padded with NULs."""
    query = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'bench_runs'"
    types = {row[0]: row[1] for row in engine.query(query).result_rows}
    assert {types[name] for name in types if name.endswith(("_ms", "_sec", "_1k", "_mb"))} == {"Nullable(Float64)"}
    assert types["commit_sha"] == "Nullable(String)"
    assert types["ts"] == "DateTime64(3, 'UTC')"


def test_the_declared_columns_are_those_of_the_engine(engine: Client) -> None:
    """The UI shows `table_columns`: name, type, comment and order must be the engine's own, for every table."""
    found = engine.query(
        "SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() AND table IN "
        "(SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree') "
        "AND table != 'schema_migrations' ORDER BY table, position"
    )
    engines: dict[str, list[tuple[str, str, str]]] = {}
    for table, *column in found.result_rows:
        engines.setdefault(table, []).append(tuple(column))
    declared = {table: [(c.name, c.type, c.comment) for c in table_columns(table)] for table in engines}
    assert set(engines) == set(TABLES)
    assert declared == engines


@pytest.mark.parametrize("done", range(3))
def test_a_migration_that_copies_a_table_survives_a_kill_after_each_statement(
    bare_warehouse: ClickHouseWarehouse, warehouse_folder: Path, done: int
) -> None:
    """It is not noted as applied, so it runs again from its beginning."""
    bare_warehouse.migrate()
    steps = {version: split_statements(text) for version, _, text in migrations()}
    loads = next(one for one in steps[1] if "TABLE IF NOT EXISTS day_loads" in one)
    with owner_client(warehouse_folder, database="bare") as client:
        for one in ("DROP TABLE loaded_days SYNC", loads, "DELETE FROM schema_migrations WHERE version IN (12, 15)"):
            client.command(one)
        client.command(
            f"INSERT INTO day_loads VALUES ('{DAY}', 'commits', 3, 2, 'a'), ('{DAY}', 'bench_runs', 4, 2, 'b')"
        )
        for one in steps[12][:done]:
            client.command(one)
        assert len(bare_warehouse.migrate()) == 2
        [kept] = bare_warehouse.select("select_day_loads", {"source": "commits"})
        assert (kept["rows"], kept["inputs_sha256"]) == (3, "a")
        assert client.query("EXISTS TABLE day_loads").result_rows == [(0,)]


def test_columns_of_a_table_that_no_migration_creates_are_an_error() -> None:
    """A misspelt table must not look like one without columns."""
    with pytest.raises(LookupError, match="bench_run'"):
        table_columns("bench_run")


def test_migrating_again_changes_nothing(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """Re-running migrations is harmless: rows stay, and nothing is applied twice."""
    warehouse.replace_days("commits", [DAY], commit_rows(1))
    assert warehouse.migrate() == []
    assert contents(engine) == {"content 1": ROWS}
    assert engine.query("SELECT count() FROM schema_migrations").result_rows == [(len(migrations()),)]


def test_four_processes_may_migrate_at_once(
    bare_warehouse: ClickHouseWarehouse, loaders: Loaders, warehouse_folder: Path
) -> None:
    """The first run of a day starts several processes on an empty folder: none may fail or spoil the schema."""
    loaders.database = "bare"
    processes = loaders.start_together(*[("migrate",)] * 4)
    assert [process.wait() for process in processes] == [0] * 4
    assert bare_warehouse.migrate() == []
    with owner_client(warehouse_folder, database="bare") as client:
        tables = {row[0] for row in client.query("SHOW TABLES").result_rows}
    assert tables == {*TABLES, *VIEWS, "schema_migrations"}


def test_a_day_that_is_loaded_twice_is_there_once(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """F-75: the day is replaced as a whole, other days are left alone."""
    other = [{**row, "day": NEXT_DAY} for row in commit_rows(7, 3)]
    warehouse.replace_days("commits", [NEXT_DAY], other)
    for _ in range(2):
        assert warehouse.replace_days("commits", [DAY], commit_rows(1)) == ROWS
    assert contents(engine) == {"content 1": ROWS}
    assert contents(engine, NEXT_DAY) == {"content 7": 3}


@pytest.mark.parametrize("fewer", [3, 0])
def test_a_day_that_shrinks_keeps_no_old_row(warehouse: ClickHouseWarehouse, engine: Client, fewer: int) -> None:
    """Fewer rows, or none at all, are the whole content just as well."""
    warehouse.replace_days("commits", [DAY], commit_rows(1))
    assert warehouse.replace_days("commits", [DAY], commit_rows(2, fewer)) == fewer
    assert contents(engine) == ({"content 2": fewer} if fewer else {})


def test_a_range_is_loaded_in_one_go_with_its_empty_days(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """A backfill is one load over its range; a year has more partitions than one insert may make by default."""
    days = [DAY + timedelta(days=offset) for offset in range(150)]
    warehouse.replace_days("commits", days[:3], [{**row, "day": days[1]} for row in commit_rows(1, 1)])
    rows = [{**row, "day": day} for day in days if day != days[1] for row in commit_rows(2, 1)]
    assert warehouse.replace_days("commits", days, rows) == 149
    assert contents(engine, days[1]) == {}
    assert engine.query("SELECT uniqExact(day), count() FROM commits").result_rows == [(149, 149)]


def test_rows_of_a_day_that_was_not_named_are_refused(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """A load may not touch what it did not name: it is refused before anything changes."""
    warehouse.replace_days("commits", [DAY], commit_rows(1))
    strays = [*commit_rows(2, 2), {**commit_rows(2, 1)[0], "day": NEXT_DAY}]
    with pytest.raises(PermanentFailure, match="2026-09-02"):
        warehouse.replace_days("commits", [DAY], strays)
    assert contents(engine) == {"content 1": ROWS}
    assert contents(engine, NEXT_DAY) == {}


def test_a_load_that_fails_leaves_the_old_day_and_no_staging(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """F-72: a failed insert is told, and the day before it stands."""
    warehouse.replace_days("commits", [DAY], commit_rows(1))
    broken = [*commit_rows(2, 2), {**commit_rows(2, 1)[0], "insertions": "many"}]
    with pytest.raises(PermanentFailure, match="replace days of commits"):
        warehouse.replace_days("commits", [DAY], broken)
    assert contents(engine) == {"content 1": ROWS}
    assert staging_tables(engine) == []


def test_two_processes_that_replace_a_day_at_once_leave_one_correct_day(
    warehouse: ClickHouseWarehouse, engine: Client, loaders: Loaders
) -> None:
    """Two runs of the same day may overlap: at no moment is the day mixed, doubled or empty."""
    warehouse.replace_days("commits", [DAY], commit_rows(0))
    processes = loaders.start_together(("replace_rounds", 100, 20), ("replace_rounds", 200, 20))
    seen: set[str] = set()
    while any(process.poll() is None for process in processes):
        [(content, count)] = contents(engine).items()
        assert count == ROWS
        seen.add(content)
    assert [process.returncode for process in processes] == [0, 0]
    [(content, count)] = contents(engine).items()
    assert (content in ("content 119", "content 219"), count) == (True, ROWS)
    assert len(seen) > 5, "the two were watched at work"
    assert staging_tables(engine) == []


def test_a_day_that_is_put_in_place_by_two_at_the_same_instant_is_there_once(
    warehouse: ClickHouseWarehouse, engine: Client
) -> None:
    """The engine itself keeps the rows of both now and then. One load holds more rows than the other."""
    together = threading.Barrier(2)
    sizes: list[int] = []

    def replace_again_and_again(count: int) -> None:
        for _ in range(60):
            together.wait(timeout=60)
            warehouse.replace_days("commits", [DAY], commit_rows(count, count))
            if together.wait(timeout=60) == 0:
                sizes.append(len(engine.query("SELECT commit_sha FROM commits").result_rows))

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(replace_again_and_again, (3, 5)):
            pass
    assert set(sizes) <= {3, 5}, sizes


def test_a_killed_load_leaves_the_old_day_or_the_new_one(
    warehouse: ClickHouseWarehouse, engine: Client, loaders: Loaders
) -> None:
    """Killed at any moment, the day is whole; the next load removes what the dead ones left behind."""
    process = loaders.start("die_while_loading", 15)
    output, _ = process.communicate(timeout=60)
    left = [json.loads(line) for line in output.splitlines()]
    assert process.returncode == 0
    assert len(left) == 15
    for one in left:
        [content] = one["contents"]
        assert one["rows"] == ROWS
        assert content - one["acknowledged"] in (0, 1), "an acknowledged load is kept, the one under way is whole"
    warehouse.replace_days("commits", [DAY], commit_rows(9))
    assert contents(engine) == {"content 9": ROWS}
    assert staging_tables(engine) == []


def test_staging_tables_of_the_dead_are_removed_and_those_of_the_living_are_not(
    warehouse: ClickHouseWarehouse, engine: Client
) -> None:
    """A staging table names its process: a running load is never robbed, a dead one is cleared away."""
    with warehouse.load_days("ui_events"):  # a load is under way; meanwhile another one does its clearing
        [living] = staging_tables(engine)
        host, _, token = living.rsplit("__", 1)[1].split("_")
        dead = f"staging__commits__{host}_{_pid_of_ended_process()}_{token}"
        foreign = f"staging__commits__{'f' * 8}_1_{token}"
        for name in (dead, foreign, "staging__of_somebody_else"):
            engine.command(f"CREATE TABLE {name} AS commits")
        warehouse.replace_days("commits", [DAY], commit_rows(1))
        assert sorted(staging_tables(engine)) == sorted([living, foreign, "staging__of_somebody_else"])
    assert sorted(staging_tables(engine)) == sorted([foreign, "staging__of_somebody_else"])


def _pid_of_ended_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_appended_rows_that_came_twice_are_read_as_one(warehouse: ClickHouseWarehouse) -> None:
    """A cut connection may leave an insert twice: whoever reads letters and readings sees each once."""
    letter = dead_letter(error='it\'s "quoted"\nand more')
    for _ in range(2):
        warehouse.append("dead_letters", [letter])
        warehouse.append("input_files", [input_file(letter["reading_id"])])
    [read] = warehouse.select("select_dead_letters", {"source": ""})
    assert (read["error"], read["reading_id"]) == (letter["error"], letter["reading_id"])
    [known] = warehouse.select("select_input_files", {"source": "x"})
    assert (known["days"], known["reading_id"]) == ({DAY: 1}, letter["reading_id"])


def test_letters_count_only_with_the_reading_that_names_them(warehouse: ClickHouseWarehouse) -> None:
    """Killed between letters and reading, a build has refused nothing."""
    warehouse.append("dead_letters", [dead_letter()])
    assert warehouse.select("select_dead_letters", {"source": ""}) == []


def test_appending_nothing_is_harmless(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """A build without news writes nothing."""
    warehouse.append("input_files", [])
    assert engine.query("SELECT count() FROM input_files").result_rows == [(0,)]


def test_a_load_that_is_not_put_in_place_is_forgotten(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """What was gathered and then failed leaves neither rows nor tables."""
    with pytest.raises(ZeroDivisionError), warehouse.load_days("ui_events"):
        1 / 0  # noqa: B018
    assert (staging_tables(engine), engine.query("SELECT count() FROM ui_events").result_rows) == ([], [(0,)])


def test_a_day_without_rows_counts_as_loaded(warehouse: ClickHouseWarehouse) -> None:
    """The watcher tells a day that was loaded and empty from one that was never loaded."""
    warehouse.record_loads("commits", [LoadedDay(DAY, 0, 2, "a"), LoadedDay(NEXT_DAY, 4, 2, "b")])
    warehouse.record_loads("ui_events", [LoadedDay(DAY, 1)])
    warehouse.record_loads("commits", [LoadedDay(DAY, 0, 2, "c")])
    warehouse.record_loads("commits", [])
    span = {"first": DAY, "last": NEXT_DAY}
    loaded = warehouse.select("select_days_loaded", {**span, "sources": ["commits", "ui_events"]})
    assert [(row["day"], row["sources"]) for row in loaded] == [(DAY, 2), (NEXT_DAY, 1)]
    counts = warehouse.select("select_day_counts", {**span, "source": "commits"})
    assert [(row["day"], row["rows"]) for row in counts] == [(DAY, 0), (NEXT_DAY, 4)]
    hashes = warehouse.select("select_day_loads", {"source": "commits"})
    assert {row["day"]: row["inputs_sha256"] for row in hashes} == {DAY: "c", NEXT_DAY: "b"}


def test_values_come_back_exactly_as_they_were_measured(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """F-07: 0.796 ms stays 0.796 to the last bit, a null stays null, a time keeps its milliseconds and its zone."""
    ts = datetime(2026, 9, 1, 23, 59, 59, 999000, tzinfo=UTC)
    run = bench_run(ts=ts, latency_p50_ms=0.796, latency_p95_ms=0.1 + 0.2, tokens_per_sec=1e-300, latency_std_ms=0.0)
    run["null_reasons"] = {"latency_p99_ms": 'it\'s from "10" samples\\n'}
    warehouse.replace_days("bench_runs", [DAY], [run])
    result = engine.query("SELECT * FROM bench_runs")
    [stored] = [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
    assert {key: stored[key] for key in run} == run
    assert stored["schema_version"] == 1


def test_an_instant_of_another_zone_is_stored_as_the_same_instant(warehouse: ClickHouseWarehouse) -> None:
    """UTC-aware datetimes only: an offset is converted, never dropped."""
    there = datetime(2026, 9, 1, 14, 30, 0, 123000, tzinfo=timezone(timedelta(hours=2)))
    warehouse.replace_days("commits", [DAY], [{**commit_rows(1, 1)[0], "ts": there}])
    [row] = warehouse.select("select_commits", {"repository": "hearts", "first": DAY, "last": DAY})
    assert row["ts"] == there
    assert row["ts"].utcoffset() == timedelta(0)


def test_a_datetime_without_a_zone_is_refused(warehouse: ClickHouseWarehouse) -> None:
    """A naive datetime would be stored as the server's local time, which is a guess."""
    naive = datetime(2026, 9, 1, 12)  # noqa: DTZ001 (that is the point)
    with pytest.raises(PermanentFailure, match=r"commits\.ts.*time zone"):
        warehouse.replace_days("commits", [DAY], [{**commit_rows(1, 1)[0], "ts": naive}])


def test_parameters_are_bound_whatever_they_hold(warehouse: ClickHouseWarehouse) -> None:
    """Names come from files of others: no character of them reaches the statement."""
    texts = ["it's", "tab\there", "back\\slash", "new\nline", "{day:Date}", "'; DROP TABLE commits", "é“”\x1f"]
    rows = [{**commit_rows(1, 1)[0], "repository": text, "subject": text, "paths": [text]} for text in texts]
    warehouse.replace_days("commits", [DAY], rows)
    for text in texts:
        [found] = warehouse.select("select_commits", {"repository": text, "first": DAY, "last": DAY})
        assert (found["subject"], found["paths"]) == (text, [text])


def test_every_request_carries_the_run_id(
    warehouse_folder: Path, database: str, warehouse: ClickHouseWarehouse
) -> None:
    """DESIGN 5: whoever looks at the server's query log finds the Dagster run behind every statement."""
    sent: list[str] = []

    def connect(name: str | None) -> Client:
        client = owner_client(warehouse_folder, database=name)
        pool = client._owner_pool  # type: ignore[attr-defined]
        passed_on: Callable[..., Any] = pool.request

        def request(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            sent.append(f"{url} {kwargs.get('fields')}")
            return passed_on(method, url, *args, **kwargs)

        pool.request = request
        return client

    tagged = ClickHouseWarehouse(connect, database).tagged("0b7c-run")
    tagged.ping()
    sent.clear()  # what the client asks while it connects is not a query of the run
    tagged.replace_days("commits", [DAY], commit_rows(1, 2))
    tagged.select("select_commits", {"repository": "hearts", "first": DAY, "last": DAY})
    tagged.record_loads("commits", [LoadedDay(DAY, 2)])
    kinds: dict[str, Any] = {"error_types": [], "start_types": [], "completion_types": []}
    tagged.replace_days_from("session_stats", [DAY], "load_session_stats", {**kinds, **SPAN, "days": [DAY]})
    tagged.append("dead_letters", [dead_letter()])
    with tagged.load_days("ui_events") as load:
        load.keep(["a"], [DAY])
        load.put_in_place([DAY], number_sessions=True)
    tagged.migrate()
    tagged.ping()
    tagged.close()
    assert len(sent) > 20
    assert [request for request in sent if "log_comment=muse+run+0b7c-run" not in request] == []


def test_a_statement_that_the_engine_refuses_is_a_permanent_failure(warehouse: ClickHouseWarehouse) -> None:
    """Trying a wrong statement again cannot help; the message names the query."""
    with pytest.raises(PermanentFailure, match="select_commits"):
        warehouse.select("select_commits", {"repository": "hearts", "first": "no day", "last": DAY})


def test_memory_pressure_is_a_transient_failure(
    warehouse_folder: Path, warehouse: ClickHouseWarehouse, database: str
) -> None:
    """A code that names a passing condition is worth another try (DESIGN 9)."""
    starved = ClickHouseWarehouse(
        lambda name: owner_client(warehouse_folder, database=name, max_memory_usage=1000), database
    )
    warehouse.replace_days("commits", [DAY], commit_rows(1))
    with pytest.raises(TransientFailure, match="241"):
        starved.select("select_commits", {"repository": "hearts", "first": DAY, "last": DAY})
    starved.close()


def test_a_server_that_cannot_be_reached_is_a_transient_failure() -> None:
    """A refused connection has no ClickHouse code, yet trying again may help."""

    def connect(_: str | None) -> Client:
        import clickhouse_connect

        return clickhouse_connect.get_client(host="127.0.0.1", port=1, connect_timeout=2)

    with pytest.raises(TransientFailure, match="ping"):
        ClickHouseWarehouse(connect, "chimera_metrics").ping()


def test_an_owner_that_cannot_start_is_told_as_a_failure_of_the_warehouse(tmp_path: Path) -> None:
    """The port promises two kinds of failure: the embedded owner's own error is one of them."""
    folder = tmp_path / "warehouse"
    folder.write_text("a file lies where the folder should be")
    unreachable = ClickHouseWarehouse(lambda name: owner_client(folder, database=name), "chimera_metrics")
    with pytest.raises((TransientFailure, PermanentFailure)):
        unreachable.ping()


def test_a_tagged_warehouse_opens_no_connection_of_its_own(warehouse_folder: Path, database: str) -> None:
    """Every open connection costs the owner a thread: all tags of a process share one client."""
    opened: list[str | None] = []

    def connect(name: str | None) -> Client:
        opened.append(name)
        return owner_client(warehouse_folder)

    shared = ClickHouseWarehouse(connect, database)
    counted = [one.select("select_table_counts") for one in (shared, shared.tagged("a"), shared.tagged("b"))]
    assert counted[0] == counted[1] == counted[2]
    shared.close()
    assert opened == [database]


def test_an_insert_that_the_client_repeats_does_not_double_the_day(
    warehouse_folder: Path, database: str, warehouse: ClickHouseWarehouse, engine: Client
) -> None:
    """clickhouse-connect repeats an insert whose answer was lost, though it was executed: the day must not double."""

    def connect(name: str | None) -> Client:
        client = owner_client(warehouse_folder, database=name)
        pool = client._owner_pool  # type: ignore[attr-defined]
        passed_on: Callable[..., Any] = pool.request
        lost: list[str] = []

        def request(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            answer = passed_on(method, url, *args, **kwargs)
            if kwargs["headers"].get("Content-Type") == "application/octet-stream" and not lost:
                lost.append(url)
                raise ProtocolError("Connection aborted.") from RemoteDisconnected("no answer came")
            return answer

        pool.request = request
        return client

    warehouse.replace_days("commits", [DAY], commit_rows(1))
    cut = ClickHouseWarehouse(connect, database)
    with pytest.raises(TransientFailure, match="800 rows arrived of 400"):
        cut.replace_days("commits", [DAY], commit_rows(2))
    assert contents(engine) == {"content 1": ROWS}
    assert cut.replace_days("commits", [DAY], commit_rows(2)) == ROWS
    assert (contents(engine), staging_tables(engine)) == ({"content 2": ROWS}, [])
    cut.close()


def test_an_owner_that_is_killed_during_a_load_costs_at_most_another_try(tmp_path: Path) -> None:
    """The engine's process may die at any moment: the day stays whole, and the failure says that trying helps."""
    folder = tmp_path / "store"
    warehouse = ClickHouseWarehouse(lambda name: owner_client(folder, database=name), "chimera_metrics")

    try:
        warehouse.migrate()
        warehouse.replace_days("commits", [DAY], commit_rows(1))
        with suppress(TransientFailure), warehouse.load_days("ui_events") as load:
            os.kill(ensure_owner(folder).pid, signal.SIGKILL)
            load.put_in_place([DAY], number_sessions=True)
        rows = warehouse.select("select_commits", {"repository": "hearts", "first": DAY, "last": DAY})
        assert {row["subject"] for row in rows} == {"content 1"}
        assert warehouse.replace_days("commits", [DAY], commit_rows(2, 3)) == 3
        with owner_client(folder, database="chimera_metrics") as client:
            assert (contents(client), staging_tables(client)) == ({"content 2": 3}, [])
    finally:
        warehouse.close()
        stop_owner(folder)
