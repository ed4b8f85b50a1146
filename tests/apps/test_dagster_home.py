"""Dagster's own state: processes that open it at once, and runs whose process is gone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg

from muse_apps.dagster_home import fail_abandoned_runs, open_instance, own_tags
from muse_resources.run_launcher import HOST_TAG, PID_TAG
from muse_resources.workspace import load_workspace
from tests.workspaces import ROOT, bare_environment

PROCESSES = 5
OPEN_AT = """
import sys, time
from pathlib import Path
from muse_apps.dagster_home import open_instance
from muse_resources.workspace import load_workspace
workspace = load_workspace(Path(sys.argv[1]), {})
time.sleep(max(0.0, float(sys.argv[2]) - time.time()))
with open_instance(workspace) as instance:
    print(instance.get_runs_count())
"""


def _workspace(folder: Path) -> Path:
    (folder / "muse.toml").write_text('[muse]\nstart_date = 2026-09-01\n[repositories.hearts]\npath = "."\n')
    return folder


def test_processes_that_open_a_fresh_instance_at_once_all_succeed(tmp_path: Path) -> None:
    """Each makes the same databases; without a lock all but one would fail now and then."""
    at = str(time.time() + 6)
    command = [sys.executable, "-c", OPEN_AT, str(_workspace(tmp_path)), at]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=bare_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    said = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES, said


def test_a_run_whose_process_is_gone_is_failed_and_others_are_left_alone(tmp_path: Path) -> None:
    """A run that looks busy for ever would hold up its day; one of a living process or another machine is not ours."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    tags = {
        "dead": {**own_tags(), PID_TAG: str(gone.pid)},
        "alive": {**own_tags(), PID_TAG: str(os.getpid())},
        "elsewhere": {HOST_TAG: "another", PID_TAG: str(gone.pid)},
    }
    with open_instance(load_workspace(_workspace(tmp_path), {})) as instance:
        for name, of_run in tags.items():
            run = dg.DagsterRun(job_name="job", run_id=f"{name:0<36}", status=dg.DagsterRunStatus.STARTED, tags=of_run)
            instance.add_run(run)
        assert fail_abandoned_runs(instance) == 1
        found = {run.run_id.rstrip("0"): run.status for run in instance.get_runs()}
    busy = dg.DagsterRunStatus.STARTED
    assert found == {"dead": dg.DagsterRunStatus.FAILURE, "alive": busy, "elsewhere": busy}
