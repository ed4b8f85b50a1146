"""The workspace: every wrong value is answered with its file, its key and a remedy, and no secret is ever shown."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from muse_domain.settings import SettingsError
from muse_resources.workspace import Secrets, Workspace, load_workspace, read_secrets, workspace_folder

SMALLEST = """
[muse]
start_date = 2026-09-01
[repositories.hearts]
path = "../hearts"
"""
SECRETS = {"MUSE_HASH_KEY": "pepper-4711", "CH_USER": "reader-4711", "CH_PASSWORD": "word-4711"}


def load(folder: Path, text: str = SMALLEST, environment: dict[str, str] | None = None) -> Workspace:
    (folder / "muse.toml").write_text(text, encoding="utf-8")
    return load_workspace(folder, environment or {})


def test_the_smallest_file_is_enough(tmp_path: Path) -> None:
    """Everything but the start and one repository has a default that needs no account."""
    workspace = load(tmp_path)
    assert workspace.settings.warehouse.url == ""
    assert workspace.settings.writer.kind == "templates"
    assert workspace.secrets == Secrets()


def test_relative_paths_are_relative_to_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Muse was started does not matter."""
    workspace = load(tmp_path)
    monkeypatch.chdir("/")
    assert workspace.path("../hearts") == tmp_path.parent / "hearts"
    assert workspace.path("/absolute") == Path("/absolute")
    assert workspace.dagster_home == tmp_path / ".muse" / "dagster"


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("[muse]\n[repositories.hearts]\npath = 'x'", "muse.start_date", "add it"),
        (SMALLEST + "[policy]\npublish_at = 1.7", "policy.publish_at", "less than or equal to 1"),
        (SMALLEST + "[policy]\npublish_at = 0.4", "policy", "lower it"),
        (SMALLEST + "[polcy]\nx = 1", "polcy", "mend its spelling"),
        (SMALLEST + "[[reports]]\nfiles = 'a'\npattern = '('", "reports[0].pattern", "regular expression"),
        (SMALLEST + "[[reports]]\nfiles = 'a'\npattern = '(?P<when>.)'", "reports[0].pattern", "(?P<ts>...)"),
        (SMALLEST + "[[events]]\nfiles = 'a'\nrepository = 'hearts'\n[events.mapping]\nts = 't'",
         "events[0].mapping.event_type", "add it"),
        (SMALLEST + "[[reports]]\nfiles = 'a'\nrepository = 'packs'", "", "[repositories.packs]"),
        (SMALLEST + "[warehouse]\nurl = 'clickhouse:9000'", "warehouse.url", "https://host:8443"),
        (SMALLEST + "[warehouse]\ndatabase = 'a; DROP'", "warehouse.database", "letters, digits"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_file_the_key_and_the_remedy(tmp_path: Path, text: str, key: str, remedy: str) -> None:
    """S0-103: whoever reads the message can mend the file without reading any code."""
    with pytest.raises(SettingsError) as told:
        load(tmp_path, text)
    message = str(told.value)
    assert str(tmp_path / "muse.toml") in message
    assert key in message
    assert remedy in message


def test_all_wrong_values_are_told_at_once(tmp_path: Path) -> None:
    """One run of the command, one list: not one error after the other."""
    with pytest.raises(SettingsError) as told:
        load(tmp_path, SMALLEST + "[policy]\npublish_at = 2\n[analysis]\nwindow_days = 1\n[site]\nfoldr = 'x'")
    assert all(key in str(told.value) for key in ("policy.publish_at", "analysis.window_days", "site.foldr"))


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    """The first start of a new user ends with the command that helps."""
    with pytest.raises(SettingsError, match=r"muse\.toml does not exist: run `muse --workspace .* init`"):
        load_workspace(tmp_path, {})


@pytest.mark.parametrize("content", [b"[muse\n", b"a = 1\na = 2", b"\xff\xfe\0", b"start_date = 2026-13-45"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    """A cut or doubled line is told with its file and place."""
    (tmp_path / "muse.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"muse\.toml is not valid TOML"):
        load_workspace(tmp_path, {})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder in its place, or a workspace that is a file, is no traceback."""
    (tmp_path / "muse.toml").mkdir()
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(SettingsError, match=r"muse\.toml cannot be read"):
            load_workspace(folder, {})


def test_secrets_are_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """S0-100: not in a repr, a message, a log line, or the repr of what holds them."""
    workspace = load(tmp_path, environment=SECRETS)
    assert workspace.secrets.hash_key == "pepper-4711"
    with caplog.at_level(logging.INFO):
        logging.getLogger("muse").info("%s %r", workspace, [workspace.secrets])
    changed = replace(workspace.secrets, allow_degraded=True)
    shown = f"{workspace!r} {workspace} {workspace.secrets!s} {changed!r} {caplog.text} {workspace.settings!r}"
    assert "4711" not in shown


def test_an_unset_or_empty_secret_is_absent() -> None:
    """F-70: an empty password is not a password."""
    assert read_secrets({}) == read_secrets(dict.fromkeys(SECRETS, "")) == Secrets()
    assert read_secrets(SECRETS).clickhouse_password == "word-4711"


@pytest.mark.parametrize(
    ("value", "allowed"),
    [("", False), ("0", False), ("false", False), ("No", False), (" TRUE ", True), ("1", True), ("yes", True)],
)
def test_degraded_data_is_let_through_only_on_a_clear_word(value: str, allowed: bool) -> None:
    """F-21: the flag is off unless it is clearly on."""
    assert read_secrets({"WATCHER_ALLOW_DEGRADED": value}).allow_degraded is allowed


@pytest.mark.parametrize("value", ["maybe", "2", "ja", "true false", "tru"])
def test_an_unclear_word_about_degraded_data_is_an_error(value: str) -> None:
    """A misspelt flag is neither on nor off: the variable is named, with what it may be."""
    with pytest.raises(SettingsError, match=r"WATCHER_ALLOW_DEGRADED.*use true or false"):
        read_secrets({"WATCHER_ALLOW_DEGRADED": value})


def test_the_environment_names_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """MUSE_WORKSPACE where it is set, the current folder otherwise; read when asked, not at import."""
    monkeypatch.setitem(os.environ, "MUSE_WORKSPACE", "/a/log")
    assert workspace_folder() == Path("/a/log")
    assert workspace_folder({}) == workspace_folder({"MUSE_WORKSPACE": ""}) == Path()
