"""The `muse` command: what it answers to a wrong value, a missing file, an unknown name. Never a traceback."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from muse_apps.sample.workspace import build_sample_workspace
from muse_domain.settings import parse_settings
from tests.workspaces import run_muse, stop_warehouse

COMMANDS = {
    "init": ["muse.toml"],
    "status": ["port", "answers"],
    "backfill": ["--days", "--from", "--to"],
    "verify": ["all", "banterpacks/ep-001"],
    "demo": ["--folder"],
    "dev": ["--port"],
    "migrate": ["DAGSTER_HOME"],
    "backup": ["FILE"],
    "restore": ["--replace"],
    "prune": ["--dry-run"],
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample, not built."""
    folder = tmp_path_factory.mktemp("command") / "sample"
    build_sample_workspace(folder)
    yield folder
    stop_warehouse(folder)


def _refusal(*arguments: str | Path, expect: int = 2) -> str:
    """What the command says when it refuses, on one line."""
    done = run_muse(*arguments, expect=expect)
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).replace("│", " ").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """`--help` names the options that a newcomer needs."""
    said = run_muse(command, "--help").stdout
    assert "Usage: muse" in said
    assert all(name in said for name in COMMANDS[command])


def test_the_overview_names_every_command() -> None:
    """`muse --help` lists them all; `muse` alone shows the same."""
    said = run_muse("--help").stdout
    assert all(command in said for command in COMMANDS)


def test_init_writes_a_file_that_is_valid_and_never_replaces_one(tmp_path: Path) -> None:
    """The second time it says so and leaves the file as it is."""
    folder = tmp_path / "new"
    run_muse("--workspace", folder, "init")
    file = folder / "muse.toml"
    assert parse_settings(tomllib.loads(file.read_text())).repositories["hearts"]
    file.write_text("mine")
    assert "exists already" in _refusal("--workspace", folder, "init", expect=1)
    assert file.read_text() == "mine"


def test_a_missing_settings_file_is_told_with_its_remedy(tmp_path: Path) -> None:
    """Which file, and which command writes one."""
    said = _refusal("--workspace", tmp_path, "status")
    assert "muse.toml does not exist" in said and "init" in said


def test_a_wrong_key_is_named(tmp_path: Path) -> None:
    """A misspelt key, a wrong value and broken TOML each name the file and the place."""
    file = tmp_path / "muse.toml"
    good = '[muse]\nstart_date = 2026-09-01\n[repositories.hearts]\npath = "."\n'
    for text, expected in {
        good.replace("path", "pat"): "repositories.hearts.pat",
        good.replace("2026-09-01", '"soon"'): "muse.start_date",
        good + "[policy]\npublish_at = 7\n": "policy.publish_at",
        good + "[": "not valid TOML",
    }.items():
        file.write_text(text)
        said = _refusal("--workspace", tmp_path, "status")
        assert "muse.toml" in said and expected in said


def test_a_wrong_environment_variable_is_named(sample: Path) -> None:
    """A flag that is neither true nor false is an error, not a quiet default."""
    done = run_muse("--workspace", sample, "status", expect=2, WATCHER_ALLOW_DEGRADED="perhaps")
    assert "WATCHER_ALLOW_DEGRADED" in done.stderr and "true or false" in done.stderr


def test_status_says_which_port_does_not_answer(sample: Path, tmp_path: Path) -> None:
    """A repository that is not there: exit code 1, its row says so, the others answer."""
    text = (sample / "muse.toml").read_text().replace("sources/hearts", "sources/nowhere")
    (tmp_path / "muse.toml").write_text(text.replace("sources/packs", str(sample / "sources" / "packs")))
    try:
        said = _refusal("--workspace", tmp_path, "status", expect=1)
    finally:
        stop_warehouse(tmp_path)
    assert "does not exist" in said and "head e9161be" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--from", "2026-10-01", "--to", "2026-10-03"), "no day is left: muse.toml covers 2026-09-01 to 2026-09-21"),
        (("--from", "2026-09-05", "--to", "2026-09-04"), "no day is left"),
        (("--days", "3", "--from", "2026-09-04"), "not both"),
        (("--days", "0"), "--days"),
        (("--from", "yesterday"), "yesterday"),
    ],
)
def test_a_backfill_of_impossible_days_is_refused(sample: Path, options: tuple[str, ...], expected: str) -> None:
    """Days out of range, in the wrong order or unreadable are named before anything runs."""
    assert expected in _refusal("--workspace", sample, "backfill", *options)
    assert not (sample / "dagster").exists()


def test_verify_says_when_nothing_is_published(sample: Path) -> None:
    """An unknown target is an error, never "all hold"."""
    assert "no published episode is called 'all'" in _refusal("--workspace", sample, "verify", "all")


def test_an_unknown_target_lists_what_there_is(demo_workspace: Path) -> None:
    """Whoever mistypes an episode sees the names that exist."""
    said = _refusal("--workspace", demo_workspace, "verify", "banterpacks/ep-999")
    assert "'banterpacks/ep-999'" in said and "banterpacks/ep-001" in said


def test_the_demo_never_touches_a_workspace_of_ones_own(tmp_path: Path) -> None:
    """A folder with another muse.toml is refused and left as it is."""
    (tmp_path / "muse.toml").write_text("[muse]\nstart_date = 2026-01-01\n")
    assert "choose another folder" in _refusal("demo", "--folder", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["muse.toml"]
