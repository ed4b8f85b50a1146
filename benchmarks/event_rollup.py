"""The hourly rollup of a day's events, beside the bare query, and what a build costs that has nothing to do."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.made_events import FIRST_DAY, event_workspace, fill_day
from benchmarks.measuring import Figures, Sizes, alternate, table
from muse_domain.ports import Warehouse
from muse_resources.adapters import build_adapters
from muse_resources.embedded.connect import owner_client
from muse_resources.event_rollup import roll_up_events
from muse_resources.workspace import Workspace

TITLE = "Rolling events up by the hour"
_OURS, _BARE = "`roll_up_events`", "the bare `GROUP BY`"
_BARE_QUERY = """
SELECT
    day, toStartOfHour(ts) AS hour, commit_sha, uniqExact(session_id), count(), count(latency_ms), avg(latency_ms),
    quantilesExactInclusive(0.5, 0.95)(latency_ms), countIf(event_type = 'error') / count(),
    1 - countIf(event_type = 'submit') / countIf(event_type = 'page_view')
FROM ui_events
WHERE day = {day:Date}
GROUP BY day, hour, commit_sha
FORMAT Null
"""


def measure(sizes: Sizes) -> str:
    """One day of events, rolled up anew in every round."""
    with TemporaryDirectory() as scratch, event_workspace(Path(scratch), 1) as workspace:
        fill_day(workspace, sizes.rollup_events)
        sides = alternate(_sides(build_adapters(workspace).warehouse, workspace), sizes.rounds)
    rows = [
        [name, f"{side['seconds']:.2f}", side.spread, f"{side['seconds'] / sides[_BARE]['seconds']:.2f}"]
        for name, side in sides.items()
    ]
    head = ("", "s", "spread", f"beside {_BARE}")
    return (
        f"{sizes.rollup_events:,} events of one day into `session_stats`: exact counts of sessions and exact "
        f"percentiles for each hour and commit; {sizes.rounds} rounds, in turn.\n\n{table(head, rows)}"
    )


def _sides(store: Warehouse, workspace: Workspace) -> dict[str, Callable[[], Figures]]:
    folder = workspace.path(workspace.settings.warehouse.folder)
    client = owner_client(folder, database=workspace.settings.warehouse.database)

    def ours() -> Figures:
        client.command("TRUNCATE TABLE session_stats")
        client.command("ALTER TABLE loaded_days DELETE WHERE source = 'session_stats'", settings={"mutations_sync": 1})
        return _timed(lambda: _must_build(store, workspace, FIRST_DAY))

    def bare() -> Figures:
        return _timed(lambda: client.command(_BARE_QUERY, parameters={"day": FIRST_DAY}))

    return {_OURS: ours, _BARE: bare}


def _must_build(store: Warehouse, workspace: Workspace, day: date) -> None:
    rollup = roll_up_events(store, workspace.settings.events, [day])
    if rollup.unchanged or not rollup.rows_by_day[day]:
        raise RuntimeError("nothing was rolled up")


def _timed(work: Callable[[], object]) -> Figures:
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started}
