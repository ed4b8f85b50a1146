"""The two repositories of the sample, written by `git fast-import` with fixed authors, dates and texts."""

import os
import subprocess
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Literal

from muse_apps.sample.draws import Draws
from muse_apps.sample.plan import DAY_WITHOUT_COMMITS, DAYS, SHIFTS, shift_begins

Role = Literal["hearts", "packs"]

PERSONAS = {
    "hearts": (
        "Sample Ada <ada@example.org>",
        "Sample Bo <bo@example.org>",
        "Sample Chidi <chidi@example.org>",
    ),
    "packs": (
        "Sample Dana <dana@example.org>",
        "Sample Eiji <eiji@example.org>",
        "Sample Fay <fay@example.org>",
    ),
}
FIRST_PATH = "README.md"
SAMPLE_NOTE = "Sample data, written by `make demo`: nobody made this change."


@dataclass(frozen=True, slots=True)
class PlannedCommit:
    """A commit before git has named it."""

    at: datetime
    author: str
    subject: str
    path: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as the repository holds it."""

    sha: str
    at: datetime
    subject: str


def newest_before(commits: Sequence[Commit], at: datetime) -> Commit:
    """The newest commit made before `at`; the first one for a time before them all."""
    return commits[max(bisect_left(commits, at, key=lambda commit: commit.at) - 1, 0)]


def write_repository(folder: Path, role: Role) -> tuple[Commit, ...]:
    """Make the repository of one role in `folder`, checked out; returns its commits, oldest first."""
    history = sorted(_planned_history(role), key=lambda commit: commit.at)
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--template=", "--object-format=sha1", "--initial-branch=main")
    stream = b"".join(_fast_import(role, history)) + b"done\n"
    _git(folder, "fast-import", "--quiet", "--done", stdin=stream)
    _git(folder, "reset", "--quiet", "--hard")
    shas = _git(folder, "rev-list", "--reverse", "main").split()
    return tuple(Commit(sha, made.at, made.subject) for sha, made in zip(shas, history, strict=True))


def _planned_history(role: Role) -> Iterator[PlannedCommit]:
    first = Draws("commits", role, "first")
    yield PlannedCommit(_moment(DAYS[0], 2, first), PERSONAS[role][0], f"Start the {role} repository", FIRST_PATH)
    changes = _changes(role)
    for day in DAYS:
        draws = Draws("commits", role, day)
        for minute in _minutes(day, draws):
            subject, path = next(changes)
            yield PlannedCommit(_moment(day, minute, draws), draws.pick(PERSONAS[role]), subject, path)
    if role == "hearts":
        yield from _shift_commits()


def _shift_commits() -> Iterator[PlannedCommit]:
    for shift in SHIFTS:
        draws = Draws("commits", "shift", shift.day)
        at = shift_begins(shift) + timedelta(minutes=draws.whole(1, 9), seconds=draws.whole(0, 59))
        yield PlannedCommit(at, draws.pick(PERSONAS["hearts"]), shift.subject, shift.path)


def _minutes(day: date, draws: Draws) -> list[int]:
    # 45 to 195 minutes after a run: every commit is measured by a run of its own day, within four hours.
    slots = (8 * 60 + 20, 12 * 60 + 20, 16 * 60 + 20)
    return sorted({draws.pick(slots) + draws.whole(45, 195) for _ in range(_commit_count(day, draws))})


def _commit_count(day: date, draws: Draws) -> int:
    if day == DAY_WITHOUT_COMMITS:
        return 0
    return draws.whole(2, 4) if day.weekday() < 5 else draws.whole(0, 1)


def _moment(day: date, minute: int, draws: Draws) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(minutes=minute, seconds=draws.whole(0, 59))


def _changes(role: Role) -> Iterator[tuple[str, str]]:
    table = files("muse_apps.sample").joinpath("data", f"{role}_commits.tsv").read_text("utf-8")
    for line in table.splitlines():
        path, subject = line.split("\t")
        yield subject, path


def _fast_import(role: Role, history: Sequence[PlannedCommit]) -> Iterator[bytes]:
    revisions: dict[str, list[str]] = {}
    for commit in history:
        lines = revisions.setdefault(commit.path, [f"# Sample file of {role}. {SAMPLE_NOTE}"])
        lines.append(f"# {commit.at:%Y-%m-%d}: {commit.subject}")
        yield _commit_command(commit, "\n".join(lines) + "\n")


def _commit_command(commit: PlannedCommit, content: str) -> bytes:
    signature = f"{commit.author} {int(commit.at.timestamp())} +0000\n".encode()
    return b"".join(
        [
            b"commit refs/heads/main\n",
            b"author " + signature,
            b"committer " + signature,
            _data(f"{commit.subject}\n\n{SAMPLE_NOTE}\n"),
            f"M 100644 inline {commit.path}\n".encode(),
            _data(content),
        ]
    )


def _data(text: str) -> bytes:
    data = text.encode()
    return b"data %d\n%s\n" % (len(data), data)


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    # A mounted volume may belong to somebody else, and the global settings that allow it are shut out here.
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, env=_git_environment(), check=False)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]} in {folder} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def _git_environment() -> dict[str, str]:
    # A person's git settings must not change the commits, nor an outer GIT_DIR take them (as in a hook).
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return inherited | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
