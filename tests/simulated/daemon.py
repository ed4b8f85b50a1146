"""Dagster's own daemon, whose pauses are as much shorter as the simulated time is faster."""

import logging
import os
import threading

import dagster as dg
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster._daemon.monitoring import run_monitoring

# Pauses of less than a second only keep a loop from spinning.
_SHORT_S, _LEAST_S = 1.0, 0.5
_wait, _monitor_starting_run = threading.Event.wait, run_monitoring.monitor_starting_run


def _shortened(event: threading.Event, timeout: float | None = None) -> bool:
    if timeout is not None and timeout > _SHORT_S:
        timeout = max(timeout / float(os.environ["SIMULATED_RATE"]), _LEAST_S)
    return _wait(event, timeout)


def _started_only(instance: dg.DagsterInstance, run_record: dg.RunRecord, logger: logging.Logger) -> None:
    """The creation of a run is noted by the database, whose clock is the real one; its start is not."""
    if run_record.dagster_run.status is dg.DagsterRunStatus.STARTING:
        _monitor_starting_run(instance, run_record, logger)


if __name__ == "__main__":
    threading.Event.wait = _shortened  # type: ignore[method-assign]
    run_monitoring.monitor_starting_run = _started_only
    create_dagster_daemon_cli()()
