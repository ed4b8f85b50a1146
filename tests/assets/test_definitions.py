"""The graph as Dagster loads it: exactly these assets, checks, jobs and schedules, quietly and quickly."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from muse_apps.sample.workspace import build_sample_workspace
from muse_apps.starting_file import starting_file
from muse_domain.settings import Settings, parse_settings
from tests.workspaces import ROOT, bare_environment

GROUPS = {
    "sources": {"hearts_repository", "packs_repository", "benchmark_reports", "ui_event_files"},
    "ingest": {"commits", "bench_runs", "ui_events", "session_stats"},
    "watch": {"watcher_runs"},
    "people": {"approvals", "overrides"},
    "council": {"findings", "fact_sheets", "episode_drafts", "episode_verdicts", "episodes"},
    "publish": {"publications", "deployments"},
    "digest": {"digests", "digest_publications"},
    "prove": {"corrections"},
}
CHECKS = {
    "bench_runs:expectations",
    "bench_runs:nulls_have_reasons",
    "commits:expectations",
    "corrections:published_claims_hold",
    "digest_publications:publication_gate",
    "episodes:claims_match_facts",
    "episodes:confidence_reaches_policy",
    "episodes:front_matter_is_complete",
    "episodes:sections_are_in_order",
    "episodes:watcher_gate",
    "publications:publication_gate",
    "session_stats:expectations",
    "ui_events:expectations",
}
HEAVY = {"great_expectations", "openai", "deepl", "github", "matplotlib", "chdb"}

# Runs in the fresh interpreter and prints what it sees.
LOOK = """
import json
import dagster as dg
from muse_assets.definitions import defs

dg.Definitions.validate_loadable(defs)
graph = defs.resolve_asset_graph()
repository = defs.get_repository_def()

def seen(key):
    node = graph.get(key)
    schema = node.metadata.get("dagster/column_schema")
    return {
        "group": node.group_name, "kinds": sorted(node.kinds), "owners": list(node.owners),
        "description": node.description, "partitioned": node.is_partitioned,
        "columns": [column.name for column in schema.columns] if schema else [],
        "upstream": sorted(parent.to_user_string() for parent in node.parent_keys),
    }

print(json.dumps({
    "assets": {key.to_user_string(): seen(key) for key in graph.get_all_asset_keys()},
    "checks": sorted(key.to_user_string() for key in graph.asset_check_keys),
    "jobs": sorted(job.name for job in repository.get_all_jobs()),
    "schedules": sorted(schedule.name for schedule in repository.schedule_defs),
    "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    "running": {one.name: one.default_status.value for one in [*repository.sensor_defs, *repository.schedule_defs]},
}))
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, not built."""
    folder = tmp_path_factory.mktemp("definitions") / "demo"
    build_sample_workspace(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(workspace: Path) -> tuple[dict[str, Any], str]:
    """What a fresh interpreter with a nearly empty environment sees, and what it printed besides."""
    done = _fresh_python(workspace, "-c", LOOK)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def _fresh_python(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = bare_environment(MUSE_WORKSPACE=str(workspace))
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_assets_are_exactly_these_in_their_groups(loaded: tuple[dict[str, Any], str]) -> None:
    """An asset that is lost, renamed or put elsewhere is noticed."""
    found: dict[str, set[str]] = {}
    for name, asset in loaded[0]["assets"].items():
        found.setdefault(asset["group"], set()).add(name)
    assert found == GROUPS


def test_data_walks_through_the_groups_in_their_order(loaded: tuple[dict[str, Any], str]) -> None:
    """No asset needs one of a later group: sources, ingest, watch, council, publish, digest, prove."""
    order, assets = list(GROUPS), loaded[0]["assets"]
    for name, asset in assets.items():
        for upstream in asset["upstream"]:
            assert order.index(assets[upstream]["group"]) <= order.index(asset["group"]), f"{name} needs {upstream}"
    assert {name for name, asset in assets.items() if not asset["upstream"]} == GROUPS["sources"] | GROUPS["people"]


def test_checks_jobs_schedules_and_sensors_are_exactly_these(loaded: tuple[dict[str, Any], str]) -> None:
    """Nothing is judged, run or started that is not listed here."""
    seen = loaded[0]
    assert set(seen["checks"]) == CHECKS
    assert seen["jobs"] == ["__ASSET_JOB", "claims_job", "daily_episode_job", "digest_job"]
    assert seen["schedules"] == ["claims_schedule", "daily_episode_schedule", "digest_schedule"]
    assert seen["sensors"] == ["catch_up_sensor", "commit_sensor", "failure_sensor", "file_sensor", "watcher_sensor"]
    assert set(seen["running"].values()) == {"RUNNING"}, "what a new user wants running is running"


def test_every_asset_has_an_owner_kinds_and_a_description(loaded: tuple[dict[str, Any], str]) -> None:
    """Whoever opens an asset in the UI learns what it is and whom to ask."""
    for name, asset in loaded[0]["assets"].items():
        assert asset["owners"] == ["team:muse"], name
        assert asset["kinds"], name
        assert asset["description"] and len(asset["description"]) > 15, name


def test_every_built_asset_is_partitioned_and_shows_its_columns(loaded: tuple[dict[str, Any], str]) -> None:
    """The columns of the table stand in the UI; a source has none."""
    for name, asset in loaded[0]["assets"].items():
        is_built = name not in GROUPS["sources"]
        # What is proved is all that is published, whatever its day.
        assert asset["partitioned"] is (is_built and name not in GROUPS["prove"]), name
        assert ("day" in asset["columns"]) is is_built, name


def test_loading_prints_nothing(loaded: tuple[dict[str, Any], str]) -> None:
    """No warning: Dagster would repeat it in every process that it starts."""
    assert loaded[1] == ""


def test_loading_imports_nothing_heavy(workspace: Path) -> None:
    """Every run and every step starts by loading the graph, so it has to be quick."""
    done = _fresh_python(workspace, "-X", "importtime", "-c", "import muse_assets.definitions")
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "dagster" in imported
    assert not imported & HEAVY


def test_a_workspace_without_settings_says_what_to_do(tmp_path: Path) -> None:
    """The code location's error names the file and the remedy."""
    done = _fresh_python(tmp_path, "-c", "import muse_assets.definitions")
    assert done.returncode != 0
    assert "muse.toml does not exist" in done.stderr and "init" in done.stderr


def test_dagster_yaml_is_a_valid_instance() -> None:
    """Every key of dagster.yaml is one that Dagster knows."""
    # The only validation there is: a private function, used in this one test.
    from dagster._core.instance.config import dagster_instance_config

    config, _ = dagster_instance_config(str(ROOT), "dagster.yaml")
    assert config["concurrency"]["runs"]["max_concurrent_runs"] >= 1
    assert config["run_monitoring"]["enabled"]


def test_the_settings_in_the_root_are_what_init_writes() -> None:
    """One commented example, not two."""
    text = (ROOT / "muse.toml").read_text("utf-8")
    assert text == starting_file(date(2026, 1, 1))
    assert parse_settings(tomllib.loads(text)).muse.start_date == date(2026, 1, 1)


def test_the_starting_file_names_every_key() -> None:
    """Whoever mistypes a key is sent there."""
    text = starting_file(date(2026, 1, 1))
    named = set(re.findall(r"(?m)^(?:# ?)?(?:\w+(?= = )|\[+[\w.]+\]+)", text))
    keys = {part for key in named for part in key.lstrip("# ").strip("[]").split(".")}
    assert sorted(set(_keys(Settings)) - keys) == []


def _keys(section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        if name not in {"sample", "better"}:  # the demo's own; names of metrics
            yield field.alias or name
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _keys(inner)
