"""A simulated day and night in a few minutes: Dagster's daemon, code server and runs are killed at random moments.

They are the real processes, started again as a service manager would; only their wall clock is not the real one. What
is left has to be what a workspace holds that was built once and in peace.
"""

import json
import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import median

import dagster as dg
import pytest
import time_machine

from muse_apps.dagster_home import open_instance, prepare_dagster_home
from muse_domain.days import day_start, days_between
from muse_resources.adapters import Adapters
from muse_resources.workspace import load_workspace
from tests.assets.runs import run_assets, run_daily_job
from tests.dagster_server import free_port, wait_for
from tests.live_workspace import LiveWorkspace, live_workspace, noisy_ms
from tests.simulated.clock import SimulatedClock
from tests.simulated.day import Service, SimulatedDay
from tests.workspaces import (
    OF_ONE_WORKSPACE,
    ROOT,
    FixedClock,
    adapters_of,
    all_rows,
    bare_environment,
    differences,
    git,
    post_files,
    stop_warehouse,
)

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
RATE = 240.0
SLOW_S = 600
LOADED_DAYS = 30
TABLES = ("commits", "bench_runs", "watcher_runs", "findings", "fact_sheets")
WATCH = """
[watch]
poll_seconds = 600
again_minutes = 60
catch_up_days = 2

# A run takes simulated hours: what is late by that is not late.
[policy]
maximum_lag_hours = 48
"""
# Dagster's patience with a start is of simulated seconds: this is half a real minute.
HOME = {"start_timeout_seconds": 2 * 3600, "poll_interval_seconds": 60}
KILLS = {"daemon": 4, "code server": 4, "run": 5}
# After these hours nobody is killed: who is left alone must not grow.
KILLED_HOURS = 18
# What says when somebody looked, and how things were then.
OF_THE_CLOCK = {"episodes": frozenset({"ts"})}
OF_AN_INSTANT = ("watcher_runs", "corrections")


@pytest.fixture
def start() -> datetime:
    """A noon to come, far from the days on which a digest is built. Not of the past: a process must not look younger
    than what is noted of it."""
    now = datetime.now(UTC)
    noon = day_start(now.date()) + 12 * HOUR
    while noon < now or not 9 <= noon.day <= 25:
        noon += DAY
    return noon


@pytest.fixture
def live(tmp_path: Path, start: datetime) -> Iterator[LiveWorkspace]:
    """A loaded month, measured four times a day in its last days, told up to the day before yesterday."""
    first = (start - LOADED_DAYS * DAY).date()
    workspace = live_workspace(tmp_path / "live", first, grace_minutes=12 * 60, more=WATCH)
    sha = workspace.commit(day_start(start.date()) - 12 * DAY)
    for hours in range(2, 12 * 24, 6):
        workspace.report(sha, day_start(start.date()) - 12 * DAY + hours * HOUR, noisy_ms(0.24, hours))
    build(adapters_at(workspace, start), first, start.date() - 2 * DAY)
    yield workspace
    stop_warehouse(workspace.folder)


def adapters_at(workspace: LiveWorkspace, at: datetime) -> Adapters:
    """Its adapters at that instant."""
    return replace(adapters_of(workspace.folder), clock=FixedClock(at))


def build(adapters: Adapters, first: date, told: date) -> None:
    """Load all days until today, and build the days from `told` on, one after the other."""
    adapters.warehouse.migrate()
    now = adapters.clock.now()
    with time_machine.travel(now):  # for Dagster, which else would not know the day yet
        assert run_assets(adapters, TABLES, first, now.date()).success
        for day in days_between(told, now.date()):
            assert run_daily_job(adapters, day).success


@pytest.fixture
def simulated(live: LiveWorkspace, start: datetime, tmp_path: Path) -> Iterator[SimulatedDay]:
    """Daemon and code server of the workspace, after every sensor had its first look."""
    workspace = load_workspace(live.folder, {})
    home = prepare_dagster_home(workspace)
    settings = (home / "dagster.yaml").read_text()
    assert "poll_interval_seconds: 30" in settings
    patience = "\n  ".join(f"{key}: {value}" for key, value in HOME.items())
    (home / "dagster.yaml").write_text(settings.replace("poll_interval_seconds: 30", patience))
    clock, port = SimulatedClock(tmp_path / "clock"), str(free_port())
    clock.set(start, RATE)
    servers = {"host": "localhost", "port": int(port), "location_name": "muse"}
    (tmp_path / "workspace.yaml").write_text(json.dumps({"load_from": [{"grpc_server": servers}]}))
    environment = bare_environment(
        DAGSTER_HOME=str(home),
        MUSE_WORKSPACE=str(live.folder),
        PYTHONPATH=os.pathsep.join((str(ROOT / "tests" / "simulated"), str(ROOT))),
        SIMULATED_CLOCK=str(clock.file),
        SIMULATED_RATE=str(RATE),
        DAGSTER_DAEMON_HEARTBEAT_TOLERANCE=str(10**9),
        DAGSTER_DISABLE_TELEMETRY="1",
    )
    python = [sys.executable, "-m"]
    code = [*python, "dagster", "api", "grpc", "--host", "localhost", "--port", port]
    daemon = [*python, "tests.simulated.daemon", "run", "-w", str(tmp_path / "workspace.yaml")]
    with ExitStack() as stack:
        instance = stack.enter_context(open_instance(workspace))
        day = SimulatedDay(
            live,
            clock,
            start,
            Service("daemon", daemon, environment, tmp_path / "daemon.log"),
            Service("code", [*code, "--module-name", "muse_assets.definitions"], environment, tmp_path / "code.log"),
            instance,
        )
        stack.callback(day.code.stop)
        stack.callback(day.daemon.stop)
        day.keep_up()
        wait_for(lambda: _ticks(instance) >= 5, SLOW_S, "the first look of every sensor")
        day.start = day.now
        yield day


def _ticks(instance: dg.DagsterInstance) -> int:
    """Sensors that have been evaluated."""
    states = instance.all_instigator_state(instigator_type=None)
    return sum(1 for state in states if getattr(state.instigator_data, "last_tick_timestamp", None))


def what_happens(day: SimulatedDay) -> list[tuple[datetime, str | Callable[[], object]]]:
    """What the team does, and which process is killed when."""
    random = day.random
    plan: list[tuple[datetime, str | Callable[[], object]]] = []
    for hours in (1, 3, 6, 9, 11, 15, 18, 20):
        at = day.start + hours * HOUR
        plan.append((at, lambda at=at: day.live.commit(at - MINUTE, "Change")))
        for later in (30, 60, 90):
            plan.append((at + later * MINUTE, lambda at=at, later=later: _measure(day, at + later * MINUTE)))
    for what, times in KILLS.items():
        for number in range(times):
            hours = 1 + (number + random.random()) * (KILLED_HOURS - 2) / times
            plan.append((day.start + hours * HOUR, what))
    return sorted(plan, key=lambda entry: entry[0])


def _measure(day: SimulatedDay, at: datetime) -> None:
    day.live.report(git(day.live.engine, "rev-parse", "HEAD"), at - MINUTE, noisy_ms(0.31, int(at.timestamp())))


def test_a_day_and_a_night_of_kills_leave_what_peace_leaves(simulated: SimulatedDay, tmp_path: Path) -> None:
    """Every day is built once by the schedule, nothing is lost or doubled, and who is left alone does not grow."""
    day, waiting = simulated, what_happens(simulated)
    to_kill: list[str] = []
    loads: dict[str, list[tuple[int, int]]] = defaultdict(list)
    while day.now < day.start + DAY:
        while waiting and waiting[0][0] <= day.now:
            _, what = waiting.pop(0)
            to_kill.append(what) if isinstance(what, str) else what()
        to_kill = [what for what in to_kill if not day.kill(what)]
        day.keep_up()
        if day.now > day.start + KILLED_HOURS * HOUR:
            for service in (day.code, day.daemon):
                loads[service.name].append(service.load())
        time.sleep(0.2)
    end = day.now
    day.clock.set(end, RATE / 2)
    wait_for(lambda: day.is_quiet() if day.now > end + 2 * HOUR else day.keep_up(), SLOW_S, "the end of all runs")
    day.daemon.stop()
    day.code.stop()

    assert day.killed == KILLS
    asked = [runs[0].tags for runs in day.chains().values()]
    by_schedule = [tags for tags in asked if tags.get("dagster/schedule_name") == "daily_episode_schedule"]
    assert [tags["dagster/partition"] for tags in by_schedule] == [day.start.date().isoformat()]
    keys = [tags["dagster/run_key"] for tags in asked]
    assert len(keys) == len(set(keys)), "what was asked for once was started once"
    with in_peace(day.live, tmp_path / "peaceful", end) as peaceful:
        sides = [dict(all_rows(one.folder, leave_out=OF_ONE_WORKSPACE | OF_THE_CLOCK)) for one in (day.live, peaceful)]
        for table, side in product(OF_AN_INSTANT, sides):
            side.pop(table)
        assert differences(*sides) == {}
        assert post_files(day.live.folder) == post_files(peaceful.folder)
    for name, load in loads.items():
        (files, memory), (files_then, memory_then) = _usual(load[: len(load) // 3]), _usual(load[-len(load) // 3 :])
        assert files_then <= files + 8, f"{name} keeps files open"
        assert memory_then <= memory * 1.1, f"{name} grows"


def _usual(load: list[tuple[int, int]]) -> tuple[float, float]:
    files, memory = zip(*load, strict=True)
    return median(files), median(memory)


@contextmanager
def in_peace(live: LiveWorkspace, folder: Path, at: datetime) -> Iterator[LiveWorkspace]:
    """The same repository and reports in a new workspace, built once at that instant."""
    folder.mkdir()
    for name in ("engine", "reports", "muse.toml"):
        source = live.folder / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    peaceful = LiveWorkspace(folder)
    try:
        today = at.date()
        build(adapters_at(peaceful, at), today - (LOADED_DAYS + 1) * DAY, today - 3 * DAY)
        yield peaceful
    finally:
        stop_warehouse(folder)
