"""Runs beside the code server, as Dagster launches them by itself, and word of those whose process has died.

Dagster's own launcher leaves that to the code server, which knows its runs for as long as it lives: after a power cut a
run would look busy for ever and hold up its day and, as daily jobs wait for each other, every day after it.
"""

import json
import socket
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, LaunchRunContext, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from muse_resources.liveness import boot_instant, is_alive

# On a run that is executed within the process of a command.
PID_TAG, HOST_TAG = "muse/pid", "muse/host"
# By when the process of a run has begun, at the latest: a younger one with its number is another.
BEGUN_TAG = "muse/begun_by"
# A launch is given up, or noted and begun anew, when the code server, which makes the process, has not answered for a
# minute. Twice that: a storage that is slow must not make a worker look younger than its launch.
_LAUNCH_S = 120.0
_ANSWER_TIMEOUT_S = 5
_HERE = {"localhost", "127.0.0.1", "::1"}


class WatchedRunLauncher(DefaultRunLauncher):
    """Named in `dagster.yaml`. With `run_monitoring`, the daemon asks it for every run that is under way; a run whose
    process is gone fails, and `run_retries` starts it again."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Note first by when the run's process will have begun: whatever dies during the launch, the note is there."""
        self._instance.add_run_tags(context.dagster_run.run_id, {BEGUN_TAG: boot_instant(_LAUNCH_S)})
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """RUNNING unless it is known that no process works on the run; what cannot be known now is asked again."""
        if PID_TAG in run.tags:
            return _health(command_lives(self._instance, run), "The process of this run was killed.")
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if not server:
            return _health(True)
        known = _knows_run(server, run.run_id)
        if not known and ("socket" in server or server["host"] in _HERE):
            # A worker outlives its code server.
            return _health(self._has_process(run), "The process of this run is gone.")
        return _health(known is not False, "Its code server was started anew and does not know this run.")

    def _has_process(self, run: dg.DagsterRun) -> bool:
        for entry in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            pid = event.engine_event_data.metadata.get("pid") if event else None
            if pid and is_alive(int(str(pid.value)), entry.timestamp, run.tags.get(BEGUN_TAG, "")):
                return True
        return False


def command_lives(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the command still exists within whose process a run is executed, as `muse backfill` does; of another
    machine's processes nothing is known."""
    if run.tags.get(HOST_TAG) != socket.gethostname():
        return True
    record = instance.get_run_record_by_id(run.run_id)
    since = record.create_timestamp.timestamp() if record else None
    return is_alive(int(run.tags[PID_TAG]), since, run.tags.get(BEGUN_TAG, ""))


def _health(is_running: bool, otherwise: str = "") -> CheckRunHealthResult:
    return (
        CheckRunHealthResult(WorkerStatus.RUNNING)
        if is_running
        else CheckRunHealthResult(WorkerStatus.FAILED, otherwise)
    )


def _knows_run(server: Mapping[str, Any], run_id: str) -> bool | None:
    """Whether the code server works on the run; None when it does not answer."""
    # Imported here, as Dagster's launcher does: every command opens an instance, few need gRPC.
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.client import DagsterGrpcClient
    from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
    from dagster._serdes import deserialize_value

    client = DagsterGrpcClient(**server)
    try:
        answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=_ANSWER_TIMEOUT_S)
    except DagsterUserCodeUnreachableError:
        return None
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel
