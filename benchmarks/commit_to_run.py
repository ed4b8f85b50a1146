"""From a commit to the start of the run that builds its day, through a real `muse dev`."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Sizes, table
from muse_domain.days import day_start
from tests.assets.runs import run_assets
from tests.dagster_server import DagsterServer, dagster_server, wait_for
from tests.live_workspace import LiveWorkspace, live_workspace
from tests.workspaces import adapters_of, stop_warehouse

TITLE = "From a commit to its run"
_POLLS_S = (60, 5)
_PATIENCE_S = 300
_RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status creationTime startTime } } }"""


def measure(sizes: Sizes) -> str:
    """Each commit falls at another moment between two looks."""
    rows = [[str(poll), *_row(poll, sizes.rounds)] for poll in _POLLS_S]
    return (
        f"{sizes.rounds} commits to a local repository for each setting, while nothing else is built: until the sensor "
        "has asked for a run, and until the process of the run has loaded the graph and begun. Dagster looks at its "
        "sensors and at its queue every five seconds, so a smaller `poll_seconds` gains nothing.\n\n"
        + table(("`[watch] poll_seconds`", "asked for after, s", "spread", "begun after, s", "spread"), rows)
    )


def _row(poll_s: int, rounds: int) -> list[str]:
    with TemporaryDirectory() as scratch, _dagster(Path(scratch), poll_s) as (live, dagster):
        seconds = [_react(live, dagster, number * poll_s / rounds) for number in range(rounds)]
    cells = []
    for side in zip(*seconds, strict=True):
        cells += [f"{statistics.median(side):.1f}", f"{min(side):.1f}-{max(side):.1f}"]
    return cells


@contextmanager
def _dagster(scratch: Path, poll_s: int) -> Iterator[tuple[LiveWorkspace, DagsterServer]]:
    """`muse dev` on a loaded fortnight, after the commit sensor's first look."""
    today = datetime.now(UTC).date()
    start = today - timedelta(days=14)
    live = live_workspace(scratch / "live", start, more=f"[watch]\npoll_seconds = {poll_s}\n")
    live.commit(day_start(today) - timedelta(days=3))
    adapters = adapters_of(live.folder)
    adapters.warehouse.migrate()
    if not run_assets(adapters, ("commits", "bench_runs"), start, today).success:
        raise RuntimeError("the days could not be loaded")
    try:
        with dagster_server(live.folder, scratch / "log") as server:
            wait_for(lambda: server.ticked_at("commit_sensor"), _PATIENCE_S, "the first look")
            yield live, server
    finally:
        stop_warehouse(live.folder)


def _react(live: LiveWorkspace, dagster: DagsterServer, after_look_s: float) -> tuple[float, float]:
    """Seconds from a commit, so long after a look, to its run's creation and to its start."""
    day = datetime.now(UTC).date().isoformat()
    known = set(dagster.runs_of(day))
    dagster.wait_for_tick("commit_sensor", timeout_s=_PATIENCE_S)
    time.sleep(after_look_s)
    live.commit(datetime.now(UTC), "Change")
    committed = time.time()
    [run_id] = wait_for(lambda: set(dagster.runs_of(day)) - known, _PATIENCE_S, "the run")
    dagster.wait_for_run(run_id, _PATIENCE_S)
    run = dagster.ask(_RUN, id=run_id)["runOrError"]
    return run["creationTime"] - committed, run["startTime"] - committed
