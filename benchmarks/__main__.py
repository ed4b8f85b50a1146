"""Run every benchmark and write docs/performance.md: `make bench`."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import building_days, change_detection

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "performance.md"


def main() -> None:
    """Measure, print, and write."""
    sections = [_heading(), *(_section(module) for module in (change_detection, building_days)), _owner()]
    text = "\n".join(sections)
    TARGET.write_text(text, encoding="utf-8")
    print(text)


def _heading() -> str:
    memory_gib = _memory_kib() / 1024**2
    return (
        "# Performance\n\n"
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {_cores()} cores, {memory_gib:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}. Medians; both sides of a ratio "
        "were measured in the same run.\n"
    )


def _section(module: object) -> str:
    print(f"... {module.TITLE}", file=sys.stderr)  # type: ignore[attr-defined]
    return f"## {module.TITLE}\n\n{module.measure()}"  # type: ignore[attr-defined]


def _owner() -> str:
    print("... the embedded engine's owner", file=sys.stderr)
    command = [sys.executable, str(ROOT / "benchmarks" / "embedded_owner.py")]
    table = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    return f"## The owner process beside the engine in the same process\n\n{table}\n"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _memory_kib() -> int:
    first = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()[0]
    return int(first.split()[1])


if __name__ == "__main__":
    main()
