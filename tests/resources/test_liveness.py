"""Which process is alive, and which is another one that has its number: while clocks are put right."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from muse_resources.liveness import boot_instant, is_alive
from tests.workspaces import ended_process

ME = os.getpid()
HOUR_S = 3600.0


@pytest.fixture
def younger() -> Iterator[int]:
    """The number of a process that began just now, some time after this one."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate()


@pytest.fixture
def clock_put_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives the time of its start anew when the clock is put right, and processes begin relative to that."""
    started_at = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: started_at + HOUR_S)


def test_a_process_is_alive_until_it_ends() -> None:
    """Whatever its number was before."""
    assert is_alive(ME)
    assert not is_alive(ended_process())


def test_a_process_that_ended_and_was_not_waited_for_is_dead() -> None:
    """Its number is still taken."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid)
    process.wait()


def test_a_clock_that_was_put_right_by_seconds_kills_nobody() -> None:
    """What a process noted half a minute before it began, as it seems now, it noted itself; not so an hour before."""
    began = psutil.Process(ME).create_time()
    assert is_alive(ME, since=began - 30)
    assert not is_alive(ME, since=began - HOUR_S)


def test_a_clock_that_was_put_right_by_hours_kills_nobody(clock_put_forward: None) -> None:
    """As after a machine was suspended: a note of its own is on the clock that nobody puts right."""
    noted_at = psutil.Process(ME).create_time() - HOUR_S + 1
    assert not is_alive(ME, noted_at)
    assert is_alive(ME, noted_at, boot_instant())


def test_a_process_that_began_after_the_note_is_another_one(younger: int) -> None:
    """By a hundredth of a second."""
    began = psutil.Process(younger)._proc.create_time(monotonic=True)
    boot = boot_instant().split()[0]
    assert is_alive(younger, begun_by=f"{boot} {began:.2f}")
    assert not is_alive(younger, begun_by=f"{boot} {began - 0.01:.2f}")
    assert is_alive(younger, begun_by=boot_instant())


def test_no_process_outlives_a_restart_of_the_machine() -> None:
    """Whenever the note says."""
    assert not is_alive(ME, begun_by=f"00000000-0000-0000-0000-000000000000 {10 * HOUR_S * 24 * 365:.2f}")
