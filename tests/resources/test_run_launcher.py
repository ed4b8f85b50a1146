"""What the daemon is told of a run that is under way: it fails only when it is known that no process works on it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psutil
import pytest
import time_machine
from dagster._cli.job import _create_run
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.events import EngineEventData, JobFailureData, RunFailureReason
from dagster._core.execution.api import execute_run_iterator
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from muse_apps.dagster_home import open_instance
from muse_resources.run_launcher import HOST_TAG, PID_TAG, WatchedRunLauncher
from muse_resources.workspace import load_workspace
from tests.dagster_server import free_port, wait_for
from tests.simulated.day import worker_pid
from tests.workspaces import ROOT, bare_environment, end_group, ended_process

HERE = socket.gethostname()
ELSEWHERE = "127.0.0.2"
DEFINITIONS = """
import time
import dagster as dg

@dg.op
def wait():
    time.sleep(600)

@dg.job
def waits():
    wait()

defs = dg.Definitions(jobs=[waits])
"""
OF_CODE_SERVER = {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": "/tmp/no-such-socket"})}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the project's own dagster.yaml."""
    (tmp_path / "muse.toml").write_text('[muse]\nstart_date = 2026-09-01\n[repositories.hearts]\npath = "."\n')
    with open_instance(load_workspace(tmp_path, {})) as opened:
        yield opened


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    return ended_process()


def status(instance: dg.DagsterInstance, tags: dict[str, str], worker: int | None = None) -> WorkerStatus:
    """What the launcher says of a run with these tags, on which that process said that it works."""
    run = instance.add_run(
        dg.DagsterRun(job_name="job", run_id="r" * 36, status=dg.DagsterRunStatus.STARTED, tags=tags)
    )
    if worker:
        instance.report_engine_event("Started process for run.", run, EngineEventData.in_process(worker))
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchedRunLauncher) and launcher.supports_check_run_worker_health
    return launcher.check_run_worker_health(run).status


@pytest.mark.parametrize("host, fails", [(HERE, True), ("another", False)])
def test_a_run_of_a_command_ends_with_its_process(
    instance: dg.DagsterInstance, gone: int, host: str, fails: bool
) -> None:
    """Of another machine's processes nothing is known."""
    expected = WorkerStatus.FAILED if fails else WorkerStatus.RUNNING
    assert status(instance, {PID_TAG: str(gone), HOST_TAG: host}) is expected


def test_a_run_of_a_living_command_goes_on(instance: dg.DagsterInstance) -> None:
    """It is this very process."""
    assert status(instance, {PID_TAG: str(os.getpid()), HOST_TAG: HERE}) is WorkerStatus.RUNNING


def test_a_worker_outlives_its_code_server(instance: dg.DagsterInstance) -> None:
    """The server's socket is gone, the worker is not."""
    assert status(instance, OF_CODE_SERVER, os.getpid()) is WorkerStatus.RUNNING


def test_a_worker_that_is_gone_fails_its_run(instance: dg.DagsterInstance, gone: int) -> None:
    """Nobody else would say so: its code server has died as well."""
    assert status(instance, OF_CODE_SERVER, gone) is WorkerStatus.FAILED


def test_a_process_that_took_the_number_of_a_worker_is_another_one(instance: dg.DagsterInstance) -> None:
    """After a power cut numbers come again. This process is younger than what was noted an hour ago."""
    with time_machine.travel(time.time() - 3600):
        run = status(instance, OF_CODE_SERVER, os.getpid())
    assert run is WorkerStatus.FAILED


def test_a_run_that_nobody_is_known_to_work_on_is_left_alone(instance: dg.DagsterInstance) -> None:
    """Another launcher's run, or one that a script executes."""
    assert status(instance, {}) is WorkerStatus.RUNNING


def test_a_launched_run_is_known_by_its_worker_whatever_the_clock_says(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Launched for real; then its code server dies, and the clock is put forward. It fails when its worker dies."""
    with code_server(tmp_path, "localhost") as (server, port):
        run_id = launched(instance, port)
        worker = wait_for(lambda: worker_pid(instance, run_id), 60, "the worker")
        server.kill()
        server.wait()
        started_at = psutil.boot_time()
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda: started_at + 3600)
        try:
            assert health(instance, run_id) is WorkerStatus.RUNNING
        finally:
            psutil.Process(worker).kill()
        wait_for(lambda: health(instance, run_id) is WorkerStatus.FAILED, 10, "the worker's death")


def test_a_worker_that_comes_too_late_leaves_its_run_alone(instance: dg.DagsterInstance) -> None:
    """Its start timed out, and the run is repeated. That Dagster looks once more is why three minutes are safe."""
    job = dg.job(name="late")(lambda: None)
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING)
    instance.report_run_failed(run, job_failure_data=JobFailureData(None, RunFailureReason.START_TIMEOUT))
    failed = instance.get_run_by_id(run.run_id)
    assert failed
    [event] = execute_run_iterator(InMemoryJob(job), failed, instance)
    assert "after the run had already finished" in str(event.message)


def launched(instance: dg.DagsterInstance, port: int) -> str:
    """The id of a run of the code server's job, launched as the daemon does."""
    target = GrpcServerTarget(host="localhost", port=port, socket=None, location_name="muse")
    with WorkspaceProcessContext(instance, target) as process:
        workspace = process.create_request_context()
        location = workspace.get_code_location("muse")
        repository = location.get_repository("__repository__")
        run = _create_run(
            instance, location, repository, repository.get_full_job("waits"),
            run_config={}, tags=None, op_selection=None, run_id=None,
        )  # fmt: skip
        instance.launch_run(run.run_id, workspace)
    return run.run_id


def health(instance: dg.DagsterInstance, run_id: str) -> WorkerStatus:
    """What the launcher says of a run."""
    run = instance.get_run_by_id(run_id)
    assert run
    return instance.run_launcher.check_run_worker_health(run).status


def test_a_code_server_elsewhere_says_whether_it_works_on_a_run(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    """While it does not answer nothing is known; one that was started anew has no run of before."""
    (tmp_path / "definitions.py").write_text("import dagster as dg\ndefs = dg.Definitions()\n")
    # An address of its own: not one of those that mean this machine.
    tags = {GRPC_INFO_TAG: json.dumps({"host": ELSEWHERE, "port": 1})}
    assert status(instance, tags) is WorkerStatus.RUNNING
    with code_server(tmp_path, ELSEWHERE) as (_, port):
        instance.delete_run("r" * 36)
        tags = {GRPC_INFO_TAG: json.dumps({"host": ELSEWHERE, "port": port})}
        assert status(instance, tags) is WorkerStatus.FAILED


@contextmanager
def code_server(folder: Path, host: str) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """A code server that answers, with one job; and its port."""
    (folder / "definitions.py").write_text(DEFINITIONS)
    port = free_port()
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--host", host, "--port", str(port)]
    server = subprocess.Popen(
        [*command, "-f", str(folder / "definitions.py")], cwd=ROOT, env=bare_environment(), start_new_session=True
    )
    try:
        wait_for(lambda: _answers(host, port), 60, "the code server")
        yield server, port
    finally:
        end_group(server)


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
