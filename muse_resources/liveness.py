"""Whether a process of this machine still lives: how leftovers of killed runs and loads are told from live ones."""

import os
import time
from pathlib import Path

import psutil

# Linux only: the name of the time since the machine was started.
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED_FIELD = 22 - 3  # of /proc/<pid>/stat, whose third field is the first after the name in brackets
# A clock that is put right takes along what the system says of when it and its processes began, and leaves what was
# noted before as it was: a process may look younger than its own note. By seconds, as a rule; the living are not to be
# taken for dead. A number that comes again within so short a time, as in a container that was started anew, is taken
# for the process that had it, but only until its new owner ends: who asks, asks again.
_SLACK_S = 60.0


def boot_instant(later_s: float = 0.0) -> str:
    """Now, or so much later, on a clock that nobody puts right: which start of the machine, and the seconds since.

    Empty where the system has none, which is everywhere but on Linux.
    """
    return f"{_boot()} {time.clock_gettime(time.CLOCK_BOOTTIME) + later_s:.2f}" if _boot() else ""


def is_alive(pid: int, since: float | None = None, begun_by: str = "") -> bool:
    """Whether the process exists; one that belongs to somebody else does.

    Numbers of processes come again, after a restart of the machine all of them: it must have begun by `begun_by`, a
    `boot_instant`, or where there is none by `since`, in seconds since 1970.
    """
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and _has_begun(process, since, begun_by)
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return False
    except psutil.AccessDenied:
        return True


def _has_begun(process: psutil.Process, since: float | None, begun_by: str) -> bool:
    boot, _, latest_s = begun_by.partition(" ")
    if boot and _boot():
        return boot == _boot() and _begun_s(process.pid) <= float(latest_s)
    return since is None or process.create_time() <= since + _SLACK_S


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.exists() else ""


def _begun_s(pid: int) -> float:
    """Seconds from the machine's start to the process's own; psutil gives the time of day, which is put right."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[_STARTED_FIELD]) / os.sysconf("SC_CLK_TCK")
