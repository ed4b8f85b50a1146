"""Files of user-interface events as a browser's library writes them, and the workspace that reads them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from muse_domain.ports import LoadedDay
from muse_resources.adapters import build_adapters
from muse_resources.embedded.connect import owner_client, stop_owner
from muse_resources.workspace import Workspace, load_workspace

FIRST_DAY = date(2025, 9, 1)
# About 350 bytes a line; sessions of 20 events; ids and session names as random as real ones.
_LINES = """
INSERT INTO FUNCTION file({pattern:String}, 'JSONEachRow')
PARTITION BY if({each_day:Bool}, substring(timestamp, 1, 10), 'all')
SELECT
    formatDateTime(
        toDateTime({first:Date}, 'UTC') + intDiv(number * 86400 * {days:UInt64}, {count:UInt64}),
        '%Y-%m-%dT%H:%i:%SZ') AS timestamp,
    lower(hex(sipHash128(number))) AS messageId,
    ['page_view', 'click', 'search', 'error', 'submit'][1 + number % 5] AS event,
    concat('s', toString(cityHash64(intDiv(number, 20)))) AS sessionId,
    lower(hex(SHA1(toString(number % 12)))) AS release,
    round(20 + rand(number) / 4294967295 * 300, 3) AS latencyMs,
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36'
        AS userAgent,
    concat('/page/', toString(number % 50)) AS page
FROM numbers({count:UInt64})
"""
_ROWS = """
INSERT INTO ui_events (day, ts, event_id, session_id, commit_sha, event_type, latency_ms, metadata, source_path)
SELECT
    {first:Date},
    toDateTime64({first:Date}, 3, 'UTC') + intDiv(number * 86400, {count:UInt64}),
    lower(hex(sipHash128(number))),
    reinterpretAsUUID(sipHash128(intDiv(number, 20))),
    lower(hex(SHA1(toString(number % 12)))),
    ['page_view', 'click', 'search', 'error', 'submit'][1 + number % 5],
    round(20 + rand(number) / 4294967295 * 300, 3),
    map('page', concat('/page/', toString(number % 50))),
    'made'
FROM numbers({count:UInt64})
"""
_SETTINGS = """
[muse]
start_date = {first}
end_date = {last}

[repositories.packs]
path = "."

[[events]]
files = "{files}"

[events.mapping]
ts = "timestamp"
event_type = "event"
event_id = "messageId"
session = "sessionId"
commit = "release"
latency = "latencyMs"
user_agent = "userAgent"
metadata = ["page"]
error_types = ["error"]
start_types = ["page_view"]
completion_types = ["submit"]
"""


def write_events(folder: Path, count: int, days: int, *, each_day: bool = False) -> list[Path]:
    """`count` events spread evenly over `days` from FIRST_DAY, in `folder`: one file, or one for each day."""
    folder.mkdir(parents=True)
    bound = {"count": count, "days": days, "first": FIRST_DAY, "each_day": each_day}
    with TemporaryDirectory() as scratch:
        client = owner_client(Path(scratch) / "writer")
        pattern = str(folder / "{_partition_id}.jsonl")
        try:
            client.command(_LINES, parameters={**bound, "pattern": pattern}, settings={"max_threads": 1})
        finally:
            client.close()
            stop_owner(Path(scratch) / "writer")
    os.sync()  # or the first side is timed while the disk still writes the files
    return sorted(folder.iterdir())


def fill_day(workspace: Workspace, count: int) -> None:
    """`count` events of FIRST_DAY into `ui_events`, by the engine alone, as if a build had loaded them."""
    store = build_adapters(workspace).warehouse
    store.migrate()
    client = owner_client(
        workspace.path(workspace.settings.warehouse.folder), database=workspace.settings.warehouse.database
    )
    client.command(_ROWS, parameters={"first": FIRST_DAY, "count": count})
    store.record_loads("ui_events", [LoadedDay(FIRST_DAY, count, 1, "made")])


def day_list(days: int) -> list[date]:
    """FIRST_DAY and those after it."""
    return [FIRST_DAY + timedelta(days=number) for number in range(days)]


@contextmanager
def event_workspace(events: Path, days: int) -> Iterator[Workspace]:
    """A fresh workspace that reads the files of a folder; its engine ends with it."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = _SETTINGS.format(files=events / "*.jsonl", first=FIRST_DAY, last=day_list(days)[-1])
        (folder / "muse.toml").write_text(settings, encoding="utf-8")
        workspace = load_workspace(folder, {"MUSE_HASH_KEY": "benchmark"})
        try:
            yield workspace
        finally:
            stop_owner(workspace.path(workspace.settings.warehouse.folder))
