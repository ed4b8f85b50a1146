"""Dagster's storage is what the environment says: PostgreSQL or SQLite, never one for the other, never a password."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import yaml

from muse_apps.dagster_home import open_instance, prepare_dagster_home
from muse_domain.failures import PermanentFailure
from muse_domain.settings import SettingsError
from muse_resources.dagster_storage import ping_postgres
from muse_resources.workspace import Workspace, load_workspace, read_secrets
from tests.live_workspace import live_workspace
from tests.postgres_server import PASSWORD, PostgresServer, postgres_server
from tests.workspaces import run_muse, stop_warehouse

URL = "MUSE_POSTGRES_URL"
RUN = dg.DagsterRun(job_name="job", run_id="0" * 36)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """One server for this module."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A workspace with an empty repository."""
    live_workspace(tmp_path / "live", date(2026, 9, 1))
    yield tmp_path / "live"
    stop_warehouse(tmp_path / "live")


def _on(folder: Path, url: str) -> Workspace:
    return load_workspace(folder, {URL: url})


def test_runs_go_where_the_variable_says(
    folder: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set, they stand in PostgreSQL; unset, in SQLite; neither knows the runs of the other."""
    monkeypatch.setitem(os.environ, URL, postgres.url())
    with open_instance(_on(folder, postgres.url())) as instance:
        instance.add_run(RUN)
    assert postgres.rows("SELECT run_id FROM runs") == [(RUN.run_id,)]
    with open_instance(load_workspace(folder, {})) as instance:
        assert instance.get_runs_count() == 0


def test_no_file_and_no_setting_that_dagster_shows_holds_the_address(
    folder: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The UI prints the instance's settings to everybody who can open it."""
    monkeypatch.setitem(os.environ, URL, postgres.url())
    with open_instance(_on(folder, postgres.url())) as instance:
        shown = f"{instance.info_str()} {instance.get_ref().to_dict()}"
    assert URL in shown and "4711" not in shown
    written = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    assert written and not any(b"4711" in content for content in written)


def test_changes_of_dagster_yaml_reach_postgres_too(folder: Path, postgres: PostgresServer) -> None:
    """A workspace's own settings hold for either storage."""
    own = prepare_dagster_home(load_workspace(folder, {})) / "dagster.yaml"
    own.write_text("retention: {sensor: {purge_after_days: 5}}\n")
    made = yaml.safe_load((prepare_dagster_home(_on(folder, postgres.url())) / "dagster.yaml").read_text())
    assert made["retention"] == {"sensor": {"purge_after_days": 5}}
    assert made["storage"] == {"postgres": {"postgres_url": {"env": URL}}}


def test_two_storages_are_refused(folder: Path, postgres: PostgresServer) -> None:
    """A dagster.yaml that names one of its own, and the variable: one of them is a mistake."""
    (prepare_dagster_home(load_workspace(folder, {})) / "dagster.yaml").write_text("run_storage: {}\n")
    with pytest.raises(SettingsError, match=r"storage of its own \(run_storage\).*unset MUSE_POSTGRES_URL"):
        open_instance(_on(folder, postgres.url()))


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"password": "guess-4711"}, "password authentication failed"),
        ({"database": "nowhere"}, "does not exist"),
        ({"user": "guest"}, "may not create tables there: make it the owner"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_with_a_remedy(
    folder: Path, postgres: PostgresServer, wrong: dict[str, str], expected: str
) -> None:
    """Wrong password, wrong database, too few rights: which, where, and what to do, but never the password."""
    url = postgres.url(**({"database": "template1"} if "user" in wrong else {}) | wrong)
    with pytest.raises(PermanentFailure, match=expected) as told:
        open_instance(_on(folder, url))
    assert "4711" not in str(told.value)


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    """Nobody listens: the variable is named, and how to do without it."""
    with pytest.raises(PermanentFailure, match=r"database 'muse' on 127\.0\.0\.1, does not answer .*in SQLite") as told:
        ping_postgres("postgresql://muse:word-4711@127.0.0.1:1/muse")
    assert "4711" not in str(told.value)


@pytest.mark.parametrize(
    "value",
    [
        "localhost", "mysql://a:word-4711@h/d", "postgres://a:word-4711@h/d", "postgresql://h/d", "postgresql://a@h",
        "postgresql://a:word-4711/more@h/d", "postgresql://a:b@h:word-4711/d",
    ],
)  # fmt: skip
def test_an_address_of_another_kind_is_refused_without_being_shown(value: str) -> None:
    """Whatever is wrong with it, the message names the variable and the form, not the value."""
    with pytest.raises(SettingsError, match=r"MUSE_POSTGRES_URL .*postgresql://USER:PASSWORD@HOST") as told:
        read_secrets({URL: value})
    assert "4711" not in str(told.value)


def test_status_says_which_storage_and_whether_it_answers(folder: Path, postgres: PostgresServer) -> None:
    """The database and its host, the variable that chose it; with a wrong password its row says so, without a guess."""
    said = run_muse("--workspace", folder, "status", **{URL: postgres.url()}, expect=None).stdout
    assert "PostgreSQL 18" in said and "MUSE_POSTGRES_URL is set" in said and "daily_episode_schedule" in said
    wrong = run_muse("--workspace", folder, "status", **{URL: postgres.url(password="guess-4711")}, expect=1).stdout
    assert "password authentication failed" in " ".join(wrong.split()) and "daily_episode_schedule" not in wrong
    plain = run_muse("--workspace", folder, "status", expect=None).stdout
    assert "SQLite" in plain and "MUSE_POSTGRES_URL is not set" in plain
    assert "4711" not in said + wrong and PASSWORD not in said + wrong


def test_migrate_prepares_a_server_and_may_be_run_again(folder: Path, postgres: PostgresServer) -> None:
    """The tables, and the folder that every part of Dagster is told as DAGSTER_HOME."""
    first = run_muse("--workspace", folder, "migrate", **{URL: postgres.url()}).stdout
    assert f"DAGSTER_HOME is {folder / 'dagster' / 'postgres'}" in first and "applied 0001_sources.sql" in first
    assert "The warehouse is up to date" in run_muse("--workspace", folder, "migrate", **{URL: postgres.url()}).stdout
    assert (folder / "dagster" / "postgres" / "dagster.yaml").is_file()
