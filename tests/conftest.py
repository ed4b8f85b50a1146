"""What several folders of tests share: the demo, built once by the real command; and how hypothesis draws."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from muse_apps.sample.truth import SampleTruth, read_truth
from tests.dagster_server import DagsterServer, dagster_server
from tests.workspaces import copy_of, run_muse, stop_warehouse

# Speed is measured in benchmarks. A build server draws the same examples each time: people find what is new.
settings.register_profile("muse", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("muse")


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The demo as `muse demo` builds it. Shared: look, but change only copies (`tests.workspaces.copy_of`)."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    run_muse("demo", "--folder", folder)
    yield folder
    stop_warehouse(folder)


@pytest.fixture(scope="session")
def truth(demo_workspace: Path) -> SampleTruth:
    """What was planted in the demo."""
    found = read_truth(demo_workspace)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def dagster(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterServer]:
    """`muse dev` on a copy of the demo: the real webserver, daemon and code server."""
    folder = tmp_path_factory.mktemp("dagster")
    with copy_of(demo_workspace, folder / "demo") as workspace, dagster_server(workspace, folder / "log") as server:
        yield server
