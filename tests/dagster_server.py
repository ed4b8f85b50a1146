"""Dagster as `muse dev` starts it, webserver, daemon and code server, and what its UI would ask it."""

import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError

from tests.workspaces import MUSE, ROOT, bare_environment, dagster_processes_of, end_group

T = TypeVar("T")
LOCATION = {"repositoryLocationName": "muse", "repositoryName": "__repository__"}
START_TIMEOUT_S = 90.0
OPEN = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]
LAST_WORDS = 12

LAUNCH = """mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on InvalidSubsetError { message } } }"""
BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
BACKFILL_STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status error { message } runs(limit: 100) { runId status } } } }"""
RUN_ERRORS = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  __typename ... on ExecutionStepFailureEvent { stepKey error { message cause { message } } }
  ... on RunFailureEvent { error { message } } ... on MessageEvent { level message } } } } }"""
RELOAD = """mutation($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) {
  __typename ... on WorkspaceLocationEntry { loadStatus } } }"""
ASSETS = "{ assetNodes { groupName isPartitioned assetKey { path } } }"
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus
  locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
TICKS = """query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor {
  sensorState { ticks(limit: 2) { timestamp status } } } } }"""
RUNS = """query($filter: RunsFilter!) { runsOrError(filter: $filter, limit: 100) { ... on Runs { results {
  runId status tags { key value } } } } }"""
LATEST = """query($key: AssetKeyInput!, $days: [String!]) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetMaterializations(partitions: $days, limit: 1) { runId metadataEntries { __typename label
    ... on MarkdownMetadataEntry { mdStr } ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue }
  } } } } }"""


@dataclass(frozen=True, slots=True)
class DagsterServer:
    """A running `muse dev`."""

    workspace: Path
    address: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """The `data` of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, assets: Sequence[str], day: str, job: str = "__ASSET_JOB") -> str:
        """Start one run of these assets for one day, as the UI does; no assets are all of the job's. Returns its id."""
        params = {
            "selector": {
                **LOCATION,
                "pipelineName": job,
                "assetSelection": [{"path": [name]} for name in assets] or None,
            },
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
        }
        answer = self.ask(LAUNCH, params=params)["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def backfill(self, assets: Sequence[str], first: str, last: str) -> str:
        """Start an asset backfill of exactly these assets and days; returns its id."""
        days = {"range": {"start": first, "end": last}}
        params = {"partitionsByAssets": [{"assetKey": {"path": [name]}, "partitions": days} for name in assets]}
        answer = self.ask(BACKFILL, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def reload(self) -> None:
        """Load the definitions again, as the UI's button does: settings that were changed count from now on."""
        answer = self.ask(RELOAD, name="muse")["reloadRepositoryLocation"]
        assert answer.get("loadStatus") == "LOADED", answer

    def ticked_at(self, sensor: str) -> float:
        """When the last evaluation of a sensor that has ended began, in seconds since 1970; 0 for none."""
        answer = self.ask(TICKS, sensor={**LOCATION, "sensorName": sensor})["sensorOrError"]
        ticks = answer["sensorState"]["ticks"]
        return float(max((tick["timestamp"] for tick in ticks if tick["status"] != "STARTED"), default=0))

    def wait_for_tick(self, *sensors: str, timeout_s: float) -> None:
        """Until each of the sensors was evaluated after this call."""
        since = time.time()
        for sensor in sensors:
            wait_for(lambda: self.ticked_at(sensor) > since, timeout_s, f"a tick of {sensor}")  # noqa: B023

    def runs_of(self, day: str, **tags: str) -> dict[str, str]:
        """Status of each run of a day by its id, newest first; only of those that Dagster tagged so."""
        wanted = [{"key": "dagster/partition", "value": day}]
        wanted += [{"key": f"dagster/{name}", "value": value} for name, value in tags.items()]
        return self._runs(tags=wanted)

    def open_runs(self) -> dict[str, str]:
        """Status of each run that has not ended, by its id."""
        return self._runs(statuses=OPEN)

    def _runs(self, **wanted: Any) -> dict[str, str]:
        found = self.ask(RUNS, filter=wanted)["runsOrError"]["results"]
        return {run["runId"]: run["status"] for run in found}

    def status_of(self, run_id: str) -> str:
        """The run's status now."""
        return str(self.ask(RUN, id=run_id)["runOrError"]["status"])

    def wait_for_run(self, run_id: str, timeout_s: float = 90) -> str:
        """The run's final status."""

        def final() -> str:
            status = self.status_of(run_id)
            return status if status in ("SUCCESS", "FAILURE", "CANCELED") else ""

        return wait_for(final, timeout_s, lambda: self._about(run_id))

    def _about(self, run_id: str) -> str:
        """How a run is that does not end: its last words, and what else is open, which may be what it waits for."""
        events = self.ask(RUN_ERRORS, id=run_id)["logsForRun"]["events"]
        said = [event["message"] for event in events if event.get("message")]
        words = "\n  ".join(said[-LAST_WORDS:])
        return f"run {run_id}, {self.status_of(run_id)}; open are {self.open_runs()}; it said last\n  {words}"

    def wait_for_backfill(self, backfill_id: str, timeout_s: float = 180) -> dict[str, Any]:
        """The backfill's final state with its runs."""

        def final() -> dict[str, Any]:
            state: dict[str, Any] = self.ask(BACKFILL_STATUS, id=backfill_id)["partitionBackfillOrError"]
            return {} if state["status"] in ("REQUESTED", "CANCELING", "FAILING") else state

        return wait_for(final, timeout_s, f"backfill {backfill_id}")

    def errors_of(self, run_id: str) -> list[str]:
        """What went wrong in a run, for the message of a failed assertion."""
        events = self.ask(RUN_ERRORS, id=run_id)["logsForRun"]["events"]
        return [json.dumps(event) for event in events if event.get("error") or event.get("level") == "ERROR"]

    def latest_metadata(self, asset: str, day: str) -> tuple[str, dict[str, Any]]:
        """Run id and metadata of the newest materialisation of a day."""
        [newest] = self.ask(LATEST, key={"path": [asset]}, days=[day])["assetNodeOrError"]["assetMaterializations"]
        shown = ("mdStr", "text", "intValue")
        entries = newest["metadataEntries"]
        return newest["runId"], {e["label"]: next((e[k] for k in shown if k in e), None) for e in entries}


@contextmanager
def dagster_server(workspace: Path, log: Path, **environment: str) -> Iterator[DagsterServer]:
    """`muse dev` on a free port until the end of the block; then no process of its Dagster is left."""
    port = free_port()
    command = [str(MUSE), "--workspace", str(workspace), "dev", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=bare_environment(**environment), stdout=output, stderr=output, start_new_session=True
        )
    server = DagsterServer(workspace, f"http://127.0.0.1:{port}", process, log)
    try:
        wait_for(lambda: _is_up(server), START_TIMEOUT_S, f"muse dev: {log}")
        yield server
    finally:
        # As a terminal's Ctrl-C: to the group of the command, which Dagster's own processes are not in.
        end_group(process, signal.SIGINT)
        wait_for(lambda: not dagster_processes_of(workspace), 10, "the end of the processes of muse dev")


def _is_up(server: DagsterServer) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        with urllib.request.urlopen(f"{server.address}/server_info", timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ready: Callable[[], T], timeout_s: float, what: str | Callable[[], str]) -> T:
    """What `ready` returns as soon as it is true; `what` may look how things stand when that has not come."""
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        if found := ready():
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {timeout_s:g} s in vain for {what if isinstance(what, str) else what()}")
