"""`dagster dev` under a parent that sees all of its processes end."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

STOP_TIMEOUT_S = 15.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_until_stopped(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and the processes that it starts until it ends or this process is told to stop; its exit code.

    Ctrl-C in a terminal reaches every process of the foreground group at once, and Dagster's servers do not end well
    that way: a code server that hears it in the wrong moment lives on until its heartbeat times out, 45 s later. So
    the command gets a group of its own, only its first process is told, and what is left after `STOP_TIMEOUT_S` is
    ended with the group.
    """
    process = subprocess.Popen(command, env=environment, process_group=0, preexec_fn=_end_with_parent)
    told: list[float] = []

    def stop(signal_number: int, frame: FrameType | None) -> None:
        told.append(time.monotonic())
        process.send_signal(signal.SIGINT)

    former = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        _until(lambda: process.poll() is not None or bool(told and time.monotonic() > told[0] + STOP_TIMEOUT_S))
    finally:
        _end_group(process)
        for number, handler in former.items():
            signal.signal(number, handler)
    return 0 if told else process.returncode


def _end_with_parent() -> None:
    """In the child: be told to stop when the parent is killed. Linux only; elsewhere a killed parent leaves it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    for number, patience_s in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        if not _signal_group(process, number):
            return
        give_up_at = time.monotonic() + patience_s
        _until(lambda: not _signal_group(process, 0) or time.monotonic() > give_up_at)  # noqa: B023


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> bool:
    """Whether the group still has a process."""
    process.poll()  # a child that ended and was not waited for counts as a member
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _until(ready: Callable[[], bool]) -> None:
    while not ready():
        time.sleep(0.1)
