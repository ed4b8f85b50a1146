"""Dagster as a service manager keeps it up, in simulated time: what may be killed, and what is left of it."""

import subprocess
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

import dagster as dg
import psutil

from tests.live_workspace import LiveWorkspace
from tests.simulated.clock import SimulatedClock
from tests.workspaces import ROOT, end_group

FINAL = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass(slots=True)
class Service:
    """A process that is started again whenever it ends, as a service manager does."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def keep_up(self) -> None:
        """Start it if it does not run."""
        if self.process is None or self.process.poll() is not None:
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    self.command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True
                )

    def kill(self) -> None:
        """kill -9, of this process alone."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it and what it has started."""
        if self.process:
            end_group(self.process)

    def load(self) -> tuple[int, int]:
        """Open files, and resident memory in bytes."""
        assert self.process is not None
        process = psutil.Process(self.process.pid)
        return process.num_fds(), process.memory_info().rss


@dataclass(slots=True)
class SimulatedDay:
    """The workspace, its clock, and the two processes that live as long as the day."""

    live: LiveWorkspace
    clock: SimulatedClock
    start: datetime
    daemon: Service
    code: Service
    instance: dg.DagsterInstance
    random: Random = field(default_factory=lambda: Random(20261))
    killed: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def now(self) -> datetime:
        """The simulated instant."""
        return self.clock.now()

    def keep_up(self) -> None:
        """Both processes run."""
        for service in (self.code, self.daemon):
            service.keep_up()

    def kill(self, what: str) -> bool:
        """kill -9; of a run, the process of one that is under way and was not started again already."""
        if what == "run":
            workers = self._workers()
            if not workers:
                return False
            self.random.choice(workers).kill()
        else:
            (self.daemon if what == "daemon" else self.code).kill()
        self.killed[what] += 1
        return True

    def _workers(self) -> list[psutil.Process]:
        started = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        found = []
        for run in started:
            if run.parent_run_id is None and (pid := worker_pid(self.instance, run.run_id)):
                with suppress(psutil.NoSuchProcess):
                    found.append(psutil.Process(pid))
        return found

    def chains(self) -> dict[str, list[dg.DagsterRun]]:
        """Each run that somebody asked for, with its repetitions, oldest first."""
        found: dict[str, list[dg.DagsterRun]] = defaultdict(list)
        for run in reversed(self.instance.get_runs()):
            found[run.root_run_id or run.run_id].append(run)
        return found

    def is_quiet(self) -> bool:
        """Nothing runs or waits, and the last run of every day succeeded."""
        runs = self.instance.get_runs()
        newest = {day: run.status for run in reversed(runs) if (day := run.tags.get("dagster/partition"))}
        return all(run.status in FINAL for run in runs) and set(newest.values()) == {dg.DagsterRunStatus.SUCCESS}


def worker_pid(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process that works on a run, as it said itself."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        pid = entry.dagster_event and entry.dagster_event.engine_event_data.metadata.get("pid")
        if pid:
            return int(str(pid.value))
    return None
