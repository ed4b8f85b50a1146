"""Event files into whole days of `ui_events`, beside one bare statement of the same engine and beside other engines."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.made_events import day_list, event_workspace, write_events
from benchmarks.measuring import Figures, Side, Sizes, alternate, apart, available, not_installed, peak_mb, peer, table
from muse_resources.adapters import build_adapters
from muse_resources.embedded.connect import ensure_owner, owner_client
from muse_resources.event_intake import take_in_events
from muse_resources.workspace import Workspace

TITLE = "Loading events"
BACKFILL_DAYS = 365
_OURS = "`take_in_events`"
_AS_ONE_DAY = "as one day"
_BARE = "one bare `INSERT ... SELECT`"
# The least that the engine must do to have these rows in this table: nothing is checked, hashed or refused.
_BARE_INSERT = """
INSERT INTO ui_events
    (day, ts, event_id, session_id, commit_sha, event_type, latency_ms, user_agent, metadata, source_path)
SELECT
    toDate(timestamp), timestamp, messageId, reinterpretAsUUID(sipHash128(sessionId)), release, event, latencyMs,
    userAgent, map('page', page), 'events'
FROM file(
    {files:String}, 'JSONEachRow',
    'timestamp DateTime64(3, \\'UTC\\'), messageId String, event String, sessionId String, release String,
    latencyMs Float64, userAgent String, page String')
"""
_BARE_SETTINGS = {"max_partitions_per_insert_block": 0, "date_time_input_format": "best_effort"}


def measure(sizes: Sizes) -> str:
    """One day, then a year in one run."""
    return f"{_one_day(sizes)}\n{_one_year(sizes)}"


def load_events(events: Path, days: int) -> Figures:
    """Take all files in with a fresh warehouse, as a build does."""
    with event_workspace(events, days) as workspace:
        store = build_adapters(workspace).warehouse
        store.migrate()
        started = time.perf_counter()
        intake = take_in_events(store, workspace, day_list(days), datetime.now(UTC))
        seconds = time.perf_counter() - started
        return _figures(workspace, seconds, sum(intake.rows_by_day.values()))


def _load_bare(events: Path, days: int) -> Figures:
    """The same rows into the same table of a fresh warehouse, by one statement."""
    with event_workspace(events, days) as workspace:
        build_adapters(workspace).warehouse.migrate()
        client = owner_client(_engine_folder(workspace), database=workspace.settings.warehouse.database)
        started = time.perf_counter()
        client.command(_BARE_INSERT, parameters={"files": str(events / "*.jsonl")}, settings=_BARE_SETTINGS)
        seconds = time.perf_counter() - started
        return _figures(workspace, seconds, int(str(client.command("SELECT count() FROM ui_events"))))


def _figures(workspace: Workspace, seconds: float, rows: int) -> Figures:
    owner = ensure_owner(_engine_folder(workspace)).pid
    return {"seconds": seconds, "rows": rows, "engine_mb": peak_mb(owner), "own_mb": peak_mb()}


def _engine_folder(workspace: Workspace) -> Path:
    return workspace.path(workspace.settings.warehouse.folder)


def _one_day(sizes: Sizes) -> str:
    with TemporaryDirectory() as scratch:
        [file] = write_events(Path(scratch) / "events", sizes.events, days=1)
        peers = {name: partial(peer, script, file) for name, script in _PEERS.items()}
        running = available(peers)
        sides = alternate({**_both(file.parent, 1), **running}, sizes.rounds)
        size_mb = file.stat().st_size / 1e6
    _check(sides, sizes.events)
    head = ("", "s", "spread", "events/s", f"speed beside {_BARE}", "peak memory, MB", "of Muse's own process, MB")
    rows = [_row(name, side, sides[_BARE], sizes.events) for name, side in sides.items()]
    return (
        f"{sizes.events:,} events of one day in one file of JSON lines ({size_mb:,.0f} MB) into their day of a fresh "
        f"warehouse; {sizes.rounds} rounds, in turn.\n\n{table(head, rows)}{not_installed(set(peers) - set(running))}"
        f"\n{_ABOUT_PEERS}"
    )


def _both(events: Path, days: int) -> dict[str, Callable[[], Figures]]:
    return {_OURS: partial(apart, load_events, events, days), _BARE: partial(apart, _load_bare, events, days)}


def _check(sides: dict[str, Side], events: int) -> None:
    """A load that lost rows is not fast."""
    for name, side in sides.items():
        if any(one["rows"] != events for one in side.rounds):
            raise RuntimeError(f"{name} has {side['rows']:.0f} rows of {events}")


def _row(name: str, side: Side, bare: Side, events: int) -> list[str]:
    seconds, own = side["seconds"], f"{side['own_mb']:,.0f}" if name == _OURS else ""
    ratio = f"{bare['seconds'] / seconds:.2f}"
    return [name, f"{seconds:.2f}", side.spread, f"{events / seconds:,.0f}", ratio, f"{side['engine_mb']:,.0f}", own]


def _one_year(sizes: Sizes) -> str:
    with TemporaryDirectory() as scratch:
        folders = {"365 files": Path(scratch) / "many", "one file": Path(scratch) / "one"}
        for folder in folders.values():
            write_events(folder, sizes.backfill_events, BACKFILL_DAYS, each_day=folder.name == "many")
        day = Path(scratch) / "day"
        write_events(day, sizes.backfill_events, days=1)
        year = {
            f"{how}: {name}": run for how, path in folders.items() for name, run in _both(path, BACKFILL_DAYS).items()
        }
        sides = alternate({**year, _AS_ONE_DAY: partial(apart, load_events, day, 1)}, sizes.rounds)
    _check(sides, sizes.backfill_events)
    one_day = sides[_AS_ONE_DAY]
    rows = [_year_row(how, sides[f"{how}: {_OURS}"], one_day, sides[f"{how}: {_BARE}"]) for how in folders]
    head = (
        "a year from", "Muse, s", "spread", "s a day", "beside one load, by Muse", "bare, s", "spread", "beside bare",
        "peak memory, MB",
    )  # fmt: skip
    return (
        f"{sizes.backfill_events:,} events of {BACKFILL_DAYS} days, backfilled in one run; beside one load of as many "
        f"events of a single day by Muse ({one_day['seconds']:.2f} s, {one_day.spread}), and beside {_BARE} of the "
        f"same files.\n\n{table(head, rows)}"
    )


def _year_row(how: str, ours: Side, one_day: Side, bare: Side) -> list[str]:
    seconds, least = ours["seconds"], bare["seconds"]
    return [
        how, f"{seconds:.2f}", ours.spread, f"{seconds / BACKFILL_DAYS:.3f}", f"{seconds / one_day['seconds']:.2f}",
        f"{least:.2f}", bare.spread, f"{seconds / least:.2f}", f"{ours['engine_mb']:,.0f}",
    ]  # fmt: skip


_PEERS = {"DuckDB": "duckdb_events", "polars": "polars_events"}
_ABOUT_PEERS = """\
Muse also hashes the file, keeps what it read and from where, refuses lines that are no events with a reason each, takes
an event that came twice once, reduces user agents and hashes sessions with a key; the bare statement only fills the
same columns. DuckDB does the same to each event and stores a sorted table; polars, which has no keyed hash, hashes
sessions with its own and writes a sorted Parquet file. Neither checks for what came twice.
"""
