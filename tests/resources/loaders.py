"""Loading processes for the tests of the warehouse: ``python loaders.py ACTION FOLDER DATABASE ...``."""

import json
import os
import random
import signal
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from muse_resources.embedded.connect import owner_client
from muse_resources.warehouse import ClickHouseWarehouse

DAY = date(2026, 9, 1)
ROWS = 400


def open_warehouse(folder: Path, database: str) -> ClickHouseWarehouse:
    """The warehouse as any process of Muse opens it."""
    return ClickHouseWarehouse(lambda name: owner_client(folder, database=name), database)


def commit_rows(content: int, count: int = ROWS) -> list[dict[str, Any]]:
    """Rows of `commits` that all name the same content."""
    return [
        {
            "day": DAY,
            "ts": datetime(2026, 9, 1, 12, tzinfo=UTC),
            "repository": "hearts",
            "commit_sha": f"{number:040x}",
            "author_hash": None,
            "subject": f"content {content}",
            "files_changed": 1,
            "insertions": 1,
            "deletions": 0,
            "paths": [],
        }
        for number in range(count)
    ]


def migrate(folder: Path, database: str) -> None:
    """Applies the migrations as soon as a line comes in."""
    warehouse = open_warehouse(folder, database)
    print("ready", flush=True)
    sys.stdin.readline()
    warehouse.migrate()


def replace_rounds(folder: Path, database: str, first: str, rounds: str) -> None:
    """Replaces the day again and again, each time with other content."""
    warehouse = open_warehouse(folder, database)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(first), int(first) + int(rounds)):
        warehouse.replace_days("commits", [DAY], commit_rows(number))


def die_while_loading(folder: Path, database: str, kills: str) -> None:
    """Starts loads that are killed at random moments; prints what each left behind."""
    watching = open_warehouse(folder, database)
    moments = random.Random(20260901)
    for number in range(int(kills)):
        read_end, write_end = os.pipe()
        child = os.fork()  # safe: this process has no thread and no engine
        if child == 0:
            _load_until_killed(folder, database, 1000 * (number + 1), write_end)
        os.close(write_end)
        acknowledged = _contents(read_end, moments.uniform(0.01, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(read_end) as rest:
            acknowledged += [int(line) for line in rest]
        rows = watching.select("select_commits", {"repository": "hearts", "first": DAY, "last": DAY})
        found = sorted({int(row["subject"].split()[1]) for row in rows})
        print(json.dumps({"acknowledged": acknowledged[-1], "contents": found, "rows": len(rows)}))


def _contents(read_end: int, seconds: float) -> list[int]:
    """Waits for the first acknowledged load, then a moment longer."""
    first = b""
    while not first.endswith(b"\n"):
        first += os.read(read_end, 1)
    time.sleep(seconds)
    return [int(first)]


def _load_until_killed(folder: Path, database: str, first: int, write_end: int) -> None:
    warehouse = open_warehouse(folder, database)
    for content in range(first, first + 1000):
        warehouse.replace_days("commits", [DAY], commit_rows(content))
        os.write(write_end, f"{content}\n".encode())


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
