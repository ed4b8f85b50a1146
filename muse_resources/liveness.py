"""Whether a process of this machine still lives: how leftovers of killed runs and loads are told from live ones."""

import psutil

# Clocks of the kernel and of a log differ by this much.
_SLACK_S = 2.0


def is_alive(pid: int, since: float | None = None) -> bool:
    """Whether the process exists; one that belongs to somebody else does.

    With `since`, in seconds since 1970, it must have begun before: numbers of processes come again, after a restart of
    the machine all of them.
    """
    try:
        process = psutil.Process(pid)
        is_dead = process.status() == psutil.STATUS_ZOMBIE
        return not is_dead and (since is None or process.create_time() <= since + _SLACK_S)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
