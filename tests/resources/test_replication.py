"""Migrations for a ClickHouse cluster. None can be had here: the engine's own grammar judges them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_domain.failures import PermanentFailure
from muse_resources.embedded.connect import owner_client
from muse_resources.replication import for_cluster
from muse_resources.statements import migrations, split_statements, statement
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.loaders import DAY

TEXTS = [statement("create_schema_migrations"), *(text for _, _, text in migrations())]
STATEMENTS = [
    "CREATE DATABASE IF NOT EXISTS chimera_metrics",
    *(one.rstrip(";") for text in TEXTS for one in split_statements(text)),
]


def test_without_a_cluster_a_statement_is_as_it_stands() -> None:
    """One node needs no word of it."""
    assert [for_cluster(one, "") for one in STATEMENTS] == STATEMENTS


def test_every_statement_for_a_cluster_is_one_of_the_engine(engine: Client) -> None:
    """Whatever is made or dropped is so on every node; what changes a replicated table travels by itself."""
    for one in STATEMENTS:
        sql = for_cluster(one, "muse")
        formatted = engine.query("SELECT formatQuery({sql:String})", parameters={"sql": sql}).result_rows[0][0]
        assert ("ON CLUSTER muse" in formatted) is one.startswith(("CREATE", "DROP")), formatted
        assert one.startswith(("CREATE", "DROP", "ALTER", "INSERT")), one


def test_every_table_of_a_cluster_is_replicated() -> None:
    """Also those that take the latest row of a key."""
    engines = {engine for one in STATEMENTS for engine in re.findall(r"ENGINE = (\w+)", for_cluster(one, "muse"))}
    assert engines == {"ReplicatedMergeTree", "ReplicatedReplacingMergeTree"}


def test_a_staging_table_has_an_engine_of_its_own(warehouse: ClickHouseWarehouse, engine: Client) -> None:
    """That of a replicated table cannot be had a second time: its path in the keeper is taken."""
    with warehouse.load_days("ui_events"):
        [[sql]] = engine.query("SELECT create_table_query FROM system.tables WHERE name LIKE 'staging%'").result_rows
    assert "ENGINE = MergeTree PARTITION BY day ORDER BY (event_type, ts)" in sql


def test_tables_of_one_node_are_not_taken_for_replicated(warehouse_folder: Path, engine: Client) -> None:
    """A cluster that is named later would have half of its tables on one node."""
    named = ClickHouseWarehouse(
        lambda name: _without_cluster(warehouse_folder, name), "chimera_metrics", cluster="muse"
    )
    engine.command(f"INSERT INTO commits (day) VALUES ('{DAY}')")
    with pytest.raises(PermanentFailure, match=r"commits, .* lie on one node only"):
        named.migrate()
    named.close()


def _without_cluster(folder: Path, database: str | None) -> Client:
    """A client of the embedded engine, which knows of no cluster and refuses the words."""
    client = owner_client(folder, database=database)
    command: Callable[..., Any] = client.command
    client.command = lambda sql, **more: command(sql.replace(" ON CLUSTER 'muse'", ""), **more)  # type: ignore[method-assign]
    return client
