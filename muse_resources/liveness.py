"""Whether a process of this machine still lives: how leftovers of killed runs and loads are told from live ones."""

import os


def is_alive(pid: int) -> bool:
    """Whether the process exists; one that belongs to somebody else does."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
