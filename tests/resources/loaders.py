"""Processes that load the warehouse, and the class by which tests start, kill and end them.

``python -m tests.resources.loaders ACTION FOLDER DATABASE ...`` is one of them.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from muse_domain.failures import TransientFailure
from muse_domain.settings import EventSource
from muse_resources.embedded.connect import ensure_owner, owner_client
from muse_resources.event_intake import take_in_events
from muse_resources.report_intake import take_in_reports
from muse_resources.warehouse import ClickHouseWarehouse
from muse_resources.workspace import load_workspace
from tests.resources.event_folder import MAPPING, lines_of, workspace_of

DAY = date(2026, 9, 1)
ROWS = 400


class Loaders:
    """Loading processes that are ended with the test."""

    def __init__(self, folder: Path, database: str, stack: ExitStack) -> None:
        self.folder = folder
        self.database = database
        self._stack = stack

    def start(self, action: str, *arguments: object) -> "subprocess.Popen[str]":
        """A process that begins at once."""
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.resources.loaders",
                action,
                *map(str, (self.folder, self.database, *arguments)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process

    def start_together(self, *actions: tuple[object, ...]) -> "list[subprocess.Popen[str]]":
        """All are ready before any begins."""
        processes = [self.start(str(action), *arguments) for action, *arguments in actions]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return processes

    def kill_after(self, process: "subprocess.Popen[str]", milliseconds: float) -> None:
        """kill -9, and the process has ended."""
        time.sleep(milliseconds / 1000)
        process.kill()
        process.wait(10)


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


def take_in(folder: Path, database: str, workspace: str, day: str) -> None:
    """Takes in the reports of a workspace; prints how many files it read."""
    warehouse, loaded = open_warehouse(folder, database), load_workspace(Path(workspace), {})
    print("ready", flush=True)
    sys.stdin.readline()
    intake = take_in_reports(warehouse, loaded, [date.fromisoformat(day)], datetime.now(UTC))
    print(json.dumps({"files_read": intake.files_read}))


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


def take_in_event_rounds(folder: Path, database: str, workspace: str, hash_key: str, rounds: str) -> None:
    """Builds the events of two days again and again with this key."""
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(rounds)):
        _take_in_events(open_warehouse(folder, database), Path(workspace), hash_key)


def die_while_taking_in_events(folder: Path, database: str, workspace: str, rounds: str, owners: str) -> None:
    """Starts builds of events that are killed at random moments, in the last rounds with the engine's process; prints
    what each left behind, what a build after it made of that, and what a fresh build makes of the same files."""
    inputs = Path(workspace)
    moments = random.Random(20260901)
    fresh: list[Any] = []
    for version in range(2):
        _write_version(inputs, version)
        warehouse = open_warehouse(folder, f"fresh{version}")
        warehouse.migrate()
        started_s = time.monotonic()
        _take_in_events(warehouse, inputs, "key")
        longest_s = time.monotonic() - started_s
        fresh.append(_event_days(folder, f"fresh{version}"))
    version = 0
    for number in range(int(rounds)):
        _write_version(inputs, 1 - version)
        child = os.fork()  # safe: this process has no thread and no engine
        if child == 0:
            with contextlib.suppress(TransientFailure):
                _take_in_events(open_warehouse(folder, database), inputs, "key")
            os._exit(0)
        # Days are put in place at the end: half of the moments lie there.
        time.sleep(moments.uniform(longest_s / 2 if number % 2 else 0, longest_s))
        if number >= int(rounds) - int(owners):
            os.kill(ensure_owner(folder).pid, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        left = _event_days(folder, database)
        if number % 3:  # else the change is taken back before the next build
            version = 1 - version
        _write_version(inputs, version)
        _take_in_events(open_warehouse(folder, database), inputs, "key")
        told = {"killed": os.WIFSIGNALED(status), "left": left, "built": _event_days(folder, database), "fresh": fresh}
        print(json.dumps(told | {"version": version, "staging": _staging(folder, database)}), flush=True)


def _write_version(inputs: Path, version: int) -> None:
    """Two files of three days: one is as it was, the other one changes. Some events come twice, some have no id."""
    inputs.mkdir(exist_ok=True)
    days = [f"2026-09-0{number}T1" for number in (1, 2, 3)]
    for name, count, is_other in (("a.jsonl", 9000, version == 1), ("b.jsonl", 6000, False)):
        lines = [
            {
                "at": f"{days[number % 3]}{number % 10}:{number % 60:02}:00Z",
                "kind": "open",
                "id": None if number % 3 == 1 else f"{name}{number // 6 if number % 3 == 0 else number}",
                "session": {"id": f"s{number % 50}"},
                "panel": f"version {is_other}",
            }
            for number in range(count + 600 * is_other)
        ]
        content = lines_of(*lines)
        path = inputs / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def _take_in_events(warehouse: ClickHouseWarehouse, inputs: Path, hash_key: str) -> None:
    sources = [EventSource(files="*.jsonl", mapping=MAPPING)]
    days = [date(2026, 9, number) for number in (1, 2, 3)]
    take_in_events(warehouse, workspace_of(inputs, sources, hash_key), days, datetime.now(UTC))


def _event_days(folder: Path, database: str) -> list[Any]:
    """Day, count and hash of all that is stored of it."""
    with owner_client(folder, database=database) as client:
        return [
            [str(day), rows, content]
            for day, rows, content in client.query(
                "SELECT day, count(), sum(cityHash64(formatRowNoNewline('JSONEachRow', *))) FROM ui_events "
                "GROUP BY day ORDER BY day"
            ).result_rows
        ]


def _staging(folder: Path, database: str) -> list[str]:
    with owner_client(folder, database=database) as client:
        return [name for (name,) in client.query("SHOW TABLES LIKE 'staging%'").result_rows]


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
