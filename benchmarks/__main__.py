"""Run benchmarks and write their sections of docs/performance.md: `make bench` for all of them.

python -m benchmarks --only event_load                            # this section anew, the others as they are
python -m benchmarks --only event_load --events 1000000 --print   # a quick look, written nowhere
"""

import argparse
import os
import platform
import re
import subprocess
import sys
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
    "council",
    "year_backfill",
    "commit_to_run",
)
OWNER = "embedded_owner"
HEADING = """# Performance

`make bench` measures all of it; each section says when and how it was. Medians; both sides of a ratio were measured in
the same run, in turn.
"""


def main() -> None:
    """Measure; print each section and, unless told not to, write it as soon as it is measured."""
    arguments = _read_arguments()
    sizes = Sizes(**{field.name: getattr(arguments, field.name) for field in fields(Sizes)})
    for name in arguments.only or [*MEASURED, OWNER]:
        print(f"... {name}", file=sys.stderr, flush=True)
        about = _about()
        title, text = _owner() if name == OWNER else _measured(name, sizes)
        section = f"## {title}\n\n{about}\n\n{text}"
        print(section, flush=True)
        if not arguments.print:
            page = TARGET.read_text(encoding="utf-8") if TARGET.exists() else HEADING
            TARGET.write_text(with_section(page, title, section), encoding="utf-8")


def with_section(page: str, title: str, section: str) -> str:
    """The page with this section instead of the one of the same title, or at its end."""
    head, *sections = re.split(r"(?m)^(?=## )", page)
    titles = [one.partition("\n")[0].removeprefix("## ") for one in sections]
    if title in titles:
        sections[titles.index(title)] = section
    else:
        sections.append(section)
    return "\n".join(part.strip("\n") + "\n" for part in (head, *sections))


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*MEASURED, OWNER], nargs="+", help="measure these, and no other")
    parser.add_argument("--print", action="store_true", help="write nothing into docs/performance.md")
    for size in fields(Sizes):
        name = size.name.replace("_", "-")
        parser.add_argument(f"--{name}", type=int, default=size.default, help=f"default {size.default:,}")
    return parser.parse_args()


def _about() -> str:
    """When, how and on what a section was measured."""
    return (
        f"*{datetime.now(UTC):%Y-%m-%d}, `{_command()}`: {_cores()} cores, {_memory_kib() / 1024**2:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}.{_busy()}*"
    )


def _command() -> str:
    return " ".join(["make bench" if len(sys.argv) == 1 else "python -m benchmarks", *sys.argv[1:]])


def _busy() -> str:
    """Absolute times of a busy machine say little; ratios of alternating rounds still do."""
    load = os.getloadavg()[0]
    if load < _cores() / 2:
        return ""
    return f" The machine was busy with other work (load {load:.1f} at the start): times are upper bounds."


def _measured(name: str, sizes: Sizes) -> tuple[str, str]:
    module = import_module(f"benchmarks.{name}")
    return module.TITLE, module.measure(sizes)


def _owner() -> tuple[str, str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "embedded_owner.py")]
    table = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    return "The owner process beside the engine in the same process", f"{table}\n"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _memory_kib() -> int:
    first = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()[0]
    return int(first.split()[1])


if __name__ == "__main__":
    main()
