"""What the benchmarks have in common: sizes, rounds that alternate between the sides, fresh processes, tables."""

import json
import multiprocessing
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Libraries that Muse is compared with and does not use itself live in an environment of their own.
PEERS = ROOT / ".muse" / "peers"

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `rounds` is how often each side is run, in turn."""

    events: int = 10_000_000
    backfill_events: int = 3_650_000
    backfill_days: int = 365
    rollup_events: int = 100_000_000
    reports: int = 10_000
    series: int = 10_000
    histories: int = 200
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Side:
    """The rounds of one side: medians, and how far the seconds spread."""

    rounds: tuple[Figures, ...]

    def __getitem__(self, figure: str) -> float:
        return statistics.median(one[figure] for one in self.rounds)

    @property
    def spread(self) -> str:
        """The fastest and the slowest round."""
        seconds = [one["seconds"] for one in self.rounds]
        return f"{min(seconds):.2f}-{max(seconds):.2f}"


def alternate(sides: Mapping[str, Callable[[], Figures]], rounds: int) -> dict[str, Side]:
    """Run every side once a round, so that a busy minute hits all of them."""
    found: dict[str, list[Figures]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, measure in sides.items():
            found[name].append(measure())
            print(f"    round {number + 1}: {name}: {found[name][-1]['seconds']:.2f} s", file=sys.stderr, flush=True)
    return {name: Side(tuple(figures)) for name, figures in found.items()}


def apart(work: Callable[..., Figures], *arguments: Any) -> Figures:
    """What `work` returns when it runs in a fresh process, which has used no memory before."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def peak_mb(pid: int | str = "self") -> float:
    """The most memory (10^6 bytes) that a living process has had resident."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def peer(script: str, *arguments: object) -> Figures | None:
    """The figures that `benchmarks/peers/<script>.py` prints; None if its libraries are not installed."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        return None
    command = [python, ROOT / "benchmarks" / "peers" / f"{script}.py", *arguments]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def available(sides: Mapping[str, Callable[[], Figures | None]]) -> dict[str, Callable[[], Any]]:
    """Those of the peers that are installed and run. `make bench-peers` installs them."""
    return {name: measure for name, measure in sides.items() if measure() is not None}


def not_installed(names: Iterable[str]) -> str:
    """The sentence about the peers that could not be measured."""
    missing = ", ".join(names)
    return (
        f"\nNot installed: {missing}. `make bench-peers` installs them beside Muse, then measure again.\n"
        if missing
        else ""
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table whose columns after the first are numbers."""
    rules = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rules, *rows)) + "\n"
