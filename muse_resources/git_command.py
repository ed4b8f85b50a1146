"""Running git: the one place that starts it, with its errors in words."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class GitError(Exception):
    """git said no; the message holds what it said."""


def run_git(
    folder: Path,
    arguments: Sequence[str],
    *,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Standard output of `git <arguments>` in `folder`. Raises GitError."""
    # A user's own git configuration (hooks, signing, templates) must not change what Muse reads or writes; nor may
    # GIT_DIR, GIT_INDEX_FILE and their like, which are set when a hook of another repository starts Muse.
    isolated = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C.UTF-8",
        **(environment or {}),
    }
    # Another owner's folder is fine to read: it was named in muse.toml on purpose.
    command = ["git", "-c", "safe.directory=*", "-c", "core.quotepath=off", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, env=isolated, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise GitError(f"git {arguments[0]} in {folder}: {said or f'exit code {done.returncode}'}")
    return done.stdout


def git_text(folder: Path, *arguments: str) -> str:
    """Standard output as stripped text."""
    return run_git(folder, arguments).decode(errors="replace").strip()
