"""A live workspace with the real warehouse, what people were told, and Dagster's instance."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
import time_machine
from dagster._core.events import JobFailureData, RunFailureReason

from muse_domain.notices import Notice
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.workspace import load_workspace
from tests.live_workspace import LiveWorkspace, live_workspace
from tests.workspaces import FixedClock, stop_warehouse

START = date(2026, 9, 1)
NOW = datetime(2026, 9, 8, 18, 0, tzinfo=UTC)


@dataclass(slots=True)
class ToldPeople:
    """A notifier that keeps what it told; while `problem` is set it tells nothing."""

    told: list[Notice] = field(default_factory=list)
    problem: str = ""

    def tell(self, notice: Notice) -> str:
        """Keep one notice."""
        if not self.problem:
            self.told.append(notice)
        return self.problem

    def ping(self) -> str:
        """Where notices go."""
        return "a list"


@pytest.fixture
def people() -> ToldPeople:
    """What people were told."""
    return ToldPeople()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveWorkspace]:
    """A workspace that began on 1 September."""
    yield live_workspace(tmp_path / "live", START)
    stop_warehouse(tmp_path / "live")


@pytest.fixture
def adapters_at(live: LiveWorkspace, people: ToldPeople) -> Callable[[datetime], Adapters]:
    """The workspace's real adapters, at any instant."""

    def at(now: datetime) -> Adapters:
        adapters = build_adapters(load_workspace(live.folder, {}))
        return replace(adapters, clock=FixedClock(now), notifier=people)

    return at


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's own state."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def ticked(
    sensor: dg.SensorDefinition, cursor: str | None = None, instance: dg.DagsterInstance | None = None
) -> dg.SensorResult:
    """The result of one tick; its cursor is what the next one is given."""
    with dg.build_sensor_context(cursor=cursor, instance=instance) as context:
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def failed_run(
    instance: dg.DagsterInstance, day: date, at: datetime, *, reason: RunFailureReason = RunFailureReason.UNKNOWN
) -> str:
    """The id of a run of the daily job that failed then; without a reason, as one whose process was killed."""
    job = dg.job(name="daily_episode_job")(lambda: None)
    with time_machine.travel(at, tick=False):
        run = instance.create_run_for_job(job, tags={"dagster/partition": day.isoformat()})
        instance.report_run_failed(run, job_failure_data=JobFailureData(None, failure_reason=reason))
    return run.run_id


def days_asked(result: dg.SensorResult) -> list[str]:
    """The days that a tick starts."""
    return [str(request.partition_key) for request in result.run_requests or []]
