"""Run every benchmark and write docs/performance.md: `make bench`.

python -m benchmarks --only event_load --events 1000000   # print one section, smaller
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from benchmarks.measuring import ROOT, Sizes

TARGET = ROOT / "docs" / "performance.md"
# Imported one by one: what one of them needs must not weigh on the processes that another starts.
MEASURED = (
    "event_load",
    "report_load",
    "event_rollup",
    "unchanged_build",
    "finding_speed",
    "finding_study",
    "building_days",
)
OWNER = "embedded_owner"


def main() -> None:
    """Measure, print, and write what was measured as a whole."""
    arguments = _read_arguments()
    sizes = Sizes(**{field.name: getattr(arguments, field.name) for field in fields(Sizes)})
    text = "\n".join([_heading(), *_sections(arguments.only or [*MEASURED, OWNER], sizes)])
    if not arguments.only:
        TARGET.write_text(text, encoding="utf-8")
    print(text)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*MEASURED, OWNER], nargs="+", help="measure these, and only print them")
    for size in fields(Sizes):
        name = size.name.replace("_", "-")
        parser.add_argument(f"--{name}", type=int, default=size.default, help=f"default {size.default:,}")
    return parser.parse_args()


def _heading() -> str:
    memory_gib = _memory_kib() / 1024**2
    return (
        "# Performance\n\n"
        f"Written by `{_command()}` on {datetime.now(UTC):%Y-%m-%d}: {_cores()} cores, {memory_gib:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}. Medians; both sides of a ratio "
        f"were measured in the same run.{_busy()}\n"
    )


def _command() -> str:
    return " ".join(["make bench" if len(sys.argv) == 1 else "python -m benchmarks", *sys.argv[1:]])


def _busy() -> str:
    """Absolute times of a busy machine say little; ratios of alternating rounds still do."""
    load = os.getloadavg()[2]
    if load < _cores() / 2:
        return ""
    return (
        f" **The machine was busy** with other work (load {load:.1f} before the first measurement): times are upper "
        "bounds."
    )


def _sections(names: Iterable[str], sizes: Sizes) -> Iterable[str]:
    for name in names:
        print(f"... {name}", file=sys.stderr, flush=True)
        if name == OWNER:
            yield _owner()
        else:
            module = import_module(f"benchmarks.{name}")
            yield f"## {module.TITLE}\n\n{module.measure(sizes)}"


def _owner() -> str:
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
