"""Workspaces as the tests use them: the real command, whole warehouses as rows, copies, nothing left running."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from muse_resources.adapters import Adapters, build_adapters
from muse_resources.embedded.connect import owner_client, stop_owner
from muse_resources.workspace import load_workspace

ROOT = Path(__file__).resolve().parent.parent
MUSE = Path(sys.executable).with_name("muse")

# Columns that hold the wall clock, the machine, or a hash over them. They are the only ones in which two workspaces
# may differ; building the same workspace again changes none of them.
OF_ONE_WORKSPACE: Mapping[str, frozenset[str]] = {
    "dead_letters": frozenset({"ts", "reading_id"}),  # when the file was last written; a name drawn by lot
    "input_files": frozenset({"reading_id", "read_at", "modified_ns"}),
    "publications": frozenset({"commit_sha"}),  # a git commit holds its own time
    "digest_publications": frozenset({"commit_sha"}),
    "deployments": frozenset({"ts", "deployment_id", "commit_sha", "build_time_ms", "duration_ms", "url", "pages"}),
}

# Two processes that migrate a fresh warehouse at once may both note it, a process that is killed leaves letters that no
# reading names, and an insert whose connection was cut may be there twice. Readers of these tables take such rows as
# one, so the comparison does.
READ_AS_ONE = frozenset({"schema_migrations", "dead_letters", "input_files"})

Rows = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still."""

    at: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


def bare_environment(**more: str) -> dict[str, str]:
    """What a fresh shell has, and nothing of the test's own environment."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "COLUMNS": "200", **more}


def run_muse(*arguments: str | Path, expect: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own; fails with what it said when it ends otherwise than expected."""
    command, env = [str(MUSE), *map(str, arguments)], bare_environment(**environment)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if expect is not None:
        assert done.returncode == expect, f"muse {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def start_muse(*arguments: str | Path) -> "subprocess.Popen[str]":
    """The real command as the leader of a process group of its own."""
    return subprocess.Popen(
        [MUSE, *map(str, arguments)],
        cwd=ROOT,
        env=bare_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end_group(process: "subprocess.Popen[Any]", number: int = signal.SIGTERM, timeout_s: float = 30) -> None:
    """Send a signal to a process and all its children, and see the process end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout_s)


def ended_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def adapters_of(workspace: Path, **environment: str) -> Adapters:
    """The adapters that the workspace's own configuration asks for."""
    return build_adapters(load_workspace(workspace, environment))


def warehouse_folder(workspace: Path) -> Path:
    """Where the workspace keeps its tables."""
    loaded = load_workspace(workspace, {})
    return loaded.path(loaded.settings.warehouse.folder)


def stop_warehouse(workspace: Path) -> None:
    """End the owner process of the workspace's warehouse, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        stop_owner(warehouse_folder(workspace))


@contextlib.contextmanager
def copy_of(workspace: Path, folder: Path) -> Iterator[Path]:
    """A copy with the same content, whose warehouse ends with it."""
    stop_warehouse(workspace)
    shutil.copytree(workspace, folder, symlinks=True, ignore=shutil.ignore_patterns("warehouse.owner"))
    try:
        yield folder
    finally:
        stop_warehouse(folder)


def all_rows(workspace: Path, where: str = "1", *, leave_out: Mapping[str, frozenset[str]] | None = None) -> Rows:
    """Every row of every table as sorted JSON lines; `leave_out` names columns by table."""
    hidden = leave_out or {}
    with owner_client(warehouse_folder(workspace), database="chimera_metrics") as client:
        tables = client.query(
            "SELECT table, groupArray(name) FROM system.columns WHERE database = currentDatabase() "
            "AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MergeTree') "
            "GROUP BY table ORDER BY table"
        ).result_rows
        rows: dict[str, list[str]] = {}
        for table, columns in tables:
            shown = [column for column in columns if column not in hidden.get(table, ())]
            condition = where if "day" in columns else "1"
            sql = f"SELECT {', '.join(shown)} FROM {table} WHERE {condition}"
            lines = client.raw_query(sql, fmt="JSONEachRow").decode().splitlines()
            rows[table] = sorted(set(lines) if table in READ_AS_ONE else lines)
        return rows


def row_counts(rows: Rows) -> dict[str, int]:
    """How many rows each table has."""
    return {table: len(lines) for table, lines in rows.items()}


def differences(left: Rows, right: Rows) -> dict[str, tuple[list[str], list[str]]]:
    """The first rows that stand on one side only, by table; empty when both hold the same."""
    return {
        table: (
            [line for line in left.get(table, []) if line not in right.get(table, [])][:3],
            [line for line in right.get(table, []) if line not in left.get(table, [])][:3],
        )
        for table in sorted({*left, *right})
        if left.get(table) != right.get(table)
    }


def selected(workspace: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of a query, values as JSON has them."""
    with owner_client(warehouse_folder(workspace), database="chimera_metrics") as client:
        return [json.loads(line) for line in client.raw_query(sql, fmt="JSONEachRow").decode().splitlines()]


def change_warehouse(workspace: Path, sql: str) -> None:
    """Change rows behind Muse's back; returns when it is done."""
    with owner_client(warehouse_folder(workspace), database="chimera_metrics", mutations_sync=1) as client:
        client.command(sql)


def post_files(workspace: Path) -> dict[str, bytes]:
    """Every published file of the blog's work tree."""
    blog = workspace / "blog"
    return {
        str(file.relative_to(blog)): file.read_bytes() for file in sorted(blog.rglob("posts/**/*")) if file.is_file()
    }


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """What git says."""
    env = bare_environment(GIT_CONFIG_GLOBAL=os.devnull, **environment)
    done = subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def owners_in(folder: Path) -> list[int]:
    """Processes that own a warehouse somewhere in this folder."""
    mark = str(folder.resolve()).encode()
    return [pid for pid, line in _command_lines() if b"embedded.owner" in line and mark in line]


def dagster_processes_of(workspace: Path) -> list[int]:
    """Webserver, daemon, code servers and run workers that `muse dev` started for this workspace."""
    named = f"MUSE_WORKSPACE={load_workspace(workspace, {}).folder}".encode()
    found = []
    for pid, line in _command_lines():
        with contextlib.suppress(OSError):
            if b"dagster" in line and named in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def _command_lines() -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes()
                if line:  # a zombie has none
                    yield int(entry.name), line
