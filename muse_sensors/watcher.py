"""The watcher: is the data fresh? Looked at every ten minutes, recorded and told when the answer changes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from muse_domain.notices import Notice
from muse_domain.watch import FreshnessVerdict, WatchStatus
from muse_domain.watch_state import change_notice, source_statuses
from muse_resources.adapters import Adapters
from muse_resources.freshness import FreshnessReader, live_days, watcher_row
from muse_sensors.cursors import read_cursor, write_cursor


def watcher_sensor(adapters: Adapters) -> dg.SensorDefinition:
    """Judges the days under watch. Its cursor holds what people were told and what was recorded.

    A change is recorded as a row of `watcher_runs` and a materialisation without a run: nothing else depends on it.
    What could not be told stays untold in the cursor, so the next tick tries again.
    """
    settings = adapters.workspace.settings

    @dg.sensor(
        name="watcher_sensor",
        minimum_interval_seconds=round(settings.watch.every_minutes * 60),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Judges whether the sources are fresh; records and tells each change of the verdict once.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        started = time.perf_counter()
        days = live_days(settings, adapters.clock.now())
        if not days:
            return dg.SkipReason("No day is under watch: muse.toml's days have ended.")
        state = read_cursor(context.cursor)
        told: Mapping[str, str] = state.get("told", {})
        recorded: Mapping[str, str] = state.get("recorded", {})
        reader = FreshnessReader(adapters.warehouse, adapters.repositories, settings, adapters.clock.now())
        verdicts = [reader.judge(day) for day in days]
        statuses = source_statuses(verdicts)
        telling = _tell(adapters, told, statuses, verdicts)
        changed = [v for v in verdicts if telling.was_told or recorded.get(v.day.isoformat()) != str(v.status)]
        _record(adapters, changed, (time.perf_counter() - started) * 1000.0, alert_sent=telling.was_told)
        known = statuses if telling.was_told or not telling.notice else told
        after = {
            "told": {name: str(status) for name, status in known.items()},
            "recorded": {v.day.isoformat(): str(v.status) for v in verdicts},
        }
        return dg.SensorResult(
            skip_reason=f"{telling.said}. {'; '.join(f'{v.day} {v.status}' for v in verdicts)}",
            cursor=write_cursor(after),
            asset_events=[_event(verdict) for verdict in changed],
        )

    return tick


@dataclass(frozen=True, slots=True)
class _Telling:
    """What there is to tell, and why it could not be told."""

    notice: Notice | None
    problem: str = ""

    @property
    def was_told(self) -> bool:
        return self.notice is not None and not self.problem

    @property
    def said(self) -> str:
        if self.problem:
            return f"not told yet: {self.problem}"
        return f"told: {self.notice.title}" if self.notice else "no change"


def _tell(
    adapters: Adapters,
    told: Mapping[str, str],
    statuses: Mapping[str, WatchStatus],
    verdicts: Sequence[FreshnessVerdict],
) -> _Telling:
    notice = change_notice(told, statuses, verdicts)
    if notice is None:
        return _Telling(None)
    is_the_only_news = len(statuses) == 1 and told.keys() <= statuses.keys()
    if is_the_only_news and any(_is_told(adapters, verdict) for verdict in verdicts):
        return _Telling(notice)
    return _Telling(notice, adapters.notifier.tell(notice))


def _is_told(adapters: Adapters, verdict: FreshnessVerdict) -> bool:
    """Whether people know of this verdict through a run that it stopped."""
    if verdict.status not in verdict.statuses.values() or verdict.status is WatchStatus.VALID:
        return False
    rows = adapters.warehouse.select("select_watcher_run", {"day": verdict.day})
    return bool(rows) and bool(rows[0]["alert_sent"]) and rows[0]["status"] == str(verdict.status)


def _record(adapters: Adapters, verdicts: Sequence[FreshnessVerdict], duration_ms: float, *, alert_sent: bool) -> None:
    store = adapters.warehouse.tagged("watcher_sensor")
    for verdict in verdicts:
        row = watcher_row(verdict, store, duration_ms=duration_ms, alert_sent=alert_sent)
        store.replace_days("watcher_runs", [verdict.day], [row])


def _event(verdict: FreshnessVerdict) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        "watcher_runs",
        partition=verdict.day.isoformat(),
        metadata={"status": str(verdict.status), "reason": verdict.reason, "recorded_by": "watcher_sensor"},
    )
