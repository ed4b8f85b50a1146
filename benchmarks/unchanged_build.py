"""What the second build costs, when no file has changed: a look at every file, and none is opened."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.event_load import BACKFILL_DAYS
from benchmarks.made_events import day_list, event_workspace, write_events
from benchmarks.made_reports import DAYS, FIRST, write_reports
from benchmarks.measuring import Figures, Sizes, alternate, table
from benchmarks.report_load import report_workspace
from muse_resources.adapters import build_adapters
from muse_resources.event_intake import take_in_events
from muse_resources.event_rollup import roll_up_events
from muse_resources.report_intake import take_in_reports

TITLE = "A build with nothing to do"
# Few events: what costs is each file and each day.
EVENTS = 36_500


def measure(sizes: Sizes) -> str:
    """First and further builds of the same files."""
    with TemporaryDirectory() as scratch:
        events = _events(Path(scratch) / "events", sizes.rounds)
        reports = _reports(Path(scratch) / "reports", sizes)
    rows = [
        [f"{BACKFILL_DAYS} event files of as many days, and their rollup", *_told(events)],
        [f"{sizes.reports:,} report files of {DAYS} days", *_told(reports)],
    ]
    return (
        f"The same build again, {sizes.rounds} times.\n\n{table(('', 'first build, s', 'unchanged build, ms'), rows)}"
    )


def _told(figures: Figures) -> list[str]:
    return [f"{figures['first']:.2f}", f"{figures['seconds'] * 1000:,.0f}"]


def _events(folder: Path, rounds: int) -> Figures:
    write_events(folder, EVENTS, BACKFILL_DAYS, each_day=True)
    days = day_list(BACKFILL_DAYS)
    with event_workspace(folder, BACKFILL_DAYS) as workspace:
        store = build_adapters(workspace).warehouse
        store.migrate()

        def build() -> Figures:
            started = time.perf_counter()
            take_in_events(store, workspace, days, datetime.now(UTC))
            roll_up_events(store, workspace.settings.events, days)
            return {"seconds": time.perf_counter() - started}

        first = build()["seconds"]
        return {"first": first, "seconds": alternate({"events": build}, rounds)["events"]["seconds"]}


def _reports(folder: Path, sizes: Sizes) -> Figures:
    write_reports(folder, sizes.reports)
    days = [(FIRST + timedelta(days=number)).date() for number in range(DAYS)]
    with report_workspace(folder) as workspace:
        store = build_adapters(workspace).warehouse
        store.migrate()

        def build() -> Figures:
            started = time.perf_counter()
            take_in_reports(store, workspace, days, datetime.now(UTC))
            return {"seconds": time.perf_counter() - started}

        first = build()["seconds"]
        return {"first": first, "seconds": alternate({"reports": build}, sizes.rounds)["reports"]["seconds"]}
