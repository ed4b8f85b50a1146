"""What `muse status` says of the schedule and the sensors: what each does, how often, and whether it is on."""

import dagster as dg

from muse_apps.dagster_home import open_instance
from muse_assets.build import build_defs
from muse_resources.adapters import Adapters


def automation_rows(adapters: Adapters) -> list[tuple[str, str, str, str]]:
    """Name, interval, on or off, and description of everything that starts runs or tells people."""
    repository = build_defs(adapters).get_repository_def()
    with open_instance(adapters.workspace) as instance:
        switched = {state.name: state.status.value for state in instance.all_instigator_state()}
    rows = [(one.name, str(one.cron_schedule), _is_on(one, switched), _said(one)) for one in repository.schedule_defs]
    rows += [
        (one.name, f"every {_interval(one.minimum_interval_seconds)}", _is_on(one, switched), _said(one))
        for one in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
    ]
    return rows


def _is_on(instigator: dg.ScheduleDefinition | dg.SensorDefinition, switched: dict[str, str]) -> str:
    """As it was switched in the UI; else as it is declared. It runs while `muse dev`, or Dagster's daemon, does."""
    status = switched.get(instigator.name, "DECLARED_IN_CODE")
    value = instigator.default_status.value if status == "DECLARED_IN_CODE" else status
    return "[green]on[/]" if value == "RUNNING" else "[yellow]off[/] (switched off in the UI)"


def _said(instigator: dg.ScheduleDefinition | dg.SensorDefinition) -> str:
    return instigator.description or ""


def _interval(seconds: int | None) -> str:
    if not seconds:
        return "30 s"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
