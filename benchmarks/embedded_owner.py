"""What the owner process costs against the engine inside the same process, and whether it grows over time.

    python benchmarks/embedded_owner.py                     # the table of ratios
    python benchmarks/embedded_owner.py --soak-minutes 30   # memory, threads, files of the owner

Both sides run in fresh processes, alternating, on the same data; a figure is the median over the rounds.
"""

import argparse
import contextlib
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 1_000_000
THREADS = 4
ROOT = Path(__file__).parents[1]
SIDES = ("in-process", "owner")
QUERY = f"SELECT number AS n, number / 3 AS x, toString(number) AS s FROM numbers({ROWS})"
# What is measured, its unit, and whether more is better.
FIGURES = {
    "client_start_ms": ("first client in a process, imports included", "ms", False),
    "select_ms": ("select 1", "ms", False),
    "insert_ms": ("insert 1 row", "ms", False),
    "insert_df_s": ("insert_df 1M rows", "s", False),
    "insert_arrow_s": ("insert_arrow 1M rows", "s", False),
    "query_df_s": ("query_df 1M rows", "s", False),
    "query_arrow_s": ("query_arrow 1M rows", "s", False),
    "queries_per_s": (f"select 1, {THREADS} threads", "1/s", True),
    "client_mb": ("memory of an idle client process", "MB", False),
}


def main() -> None:
    args = _read_args()
    if args.side:
        print(json.dumps(measure(args.side, args.folder)))
    elif args.soak_minutes:
        soak(args.soak_minutes)
    else:
        compare(args.rounds)


def _read_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak-minutes", type=float, default=0)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(rounds: int) -> None:
    """Prints the table. Speed is the in-process time divided by the owner's: above 1 the owner is faster."""
    sys.path.insert(0, str(ROOT))
    from muse_resources.embedded.connect import ensure_owner, stop_owner

    results: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as parent:
        started_s = time.perf_counter()
        ensure_owner(Path(parent) / "owner")
        cold_start_s = time.perf_counter() - started_s
        for _ in range(rounds):
            for side in SIDES:
                results[side].append(_measure_apart(side, Path(parent) / side))
        stop_owner(Path(parent) / "owner")
    print(f"cold start of an owner: {cold_start_s:.2f} s; medians of {rounds} rounds\n")
    print("| | in-process | owner | owner's speed |\n|---|---|---|---|")
    for key, (label, unit, more_is_better) in FIGURES.items():
        inside, owner = (statistics.median(result[key] for result in results[side]) for side in SIDES)
        speed = owner / inside if more_is_better else inside / owner
        print(f"| {label} | {inside:.3g} {unit} | {owner:.3g} {unit} | {speed:.2f} |")


def _measure_apart(side: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


def measure(side: str, folder: Path) -> dict[str, float]:
    """All figures of one side, in this process."""
    started_s = time.perf_counter()
    new_client = _client_maker(side, folder)
    client = new_client()
    figures = {"client_start_ms": (time.perf_counter() - started_s) * 1000, "client_mb": _memory_mb("self")}

    import numpy as np
    import pandas as pd
    import pyarrow as pa

    numbers = np.arange(ROWS)
    frame = pd.DataFrame({"n": numbers.astype("uint64"), "x": numbers / 3, "s": numbers.astype(str)})
    table = pa.table({"n": frame["n"].to_numpy(), "x": frame["x"].to_numpy(), "s": pa.array(numbers.astype(str))})
    client.command("DROP TABLE IF EXISTS rows SYNC")
    client.command("CREATE TABLE rows (n UInt64, x Float64, s String) ENGINE = MergeTree ORDER BY n")
    figures["select_ms"] = _median_s(lambda: client.query("SELECT 1").result_rows, 200) * 1000
    row = [[1, 1.0, "x"]]
    figures["insert_ms"] = _median_s(lambda: client.insert("rows", row, column_names=["n", "x", "s"]), 50) * 1000
    figures["insert_df_s"] = _median_s(lambda: client.insert_df("rows", frame), 3)
    figures["insert_arrow_s"] = _median_s(lambda: client.insert_arrow("rows", table), 3)
    client.command("TRUNCATE TABLE rows")
    figures["query_df_s"] = _median_s(lambda: client.query_df(QUERY), 5)
    figures["query_arrow_s"] = _median_s(lambda: client.query_arrow(QUERY), 5)
    figures["queries_per_s"] = _queries_per_s(new_client)
    return figures


def _client_maker(side: str, folder: Path) -> Callable[[], Any]:
    if side == "owner":
        sys.path.insert(0, str(ROOT))
        from muse_resources.embedded.connect import owner_client

        return lambda: owner_client(folder)
    import clickhouse_connect

    return lambda: clickhouse_connect.get_client(interface="chdb", path=str(folder))


def _median_s(action: Callable[[], object], times: int) -> float:
    action()
    durations = []
    for _ in range(times):
        started_s = time.perf_counter()
        action()
        durations.append(time.perf_counter() - started_s)
    return statistics.median(durations)


def _queries_per_s(new_client: Callable[[], Any], seconds: float = 2) -> float:
    counts = [0] * THREADS
    clients = [new_client() for _ in range(THREADS)]
    end_s = time.perf_counter() + seconds

    def ask(number: int) -> None:
        while time.perf_counter() < end_s:
            clients[number].command("SELECT 1")
            counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _memory_mb(pid: int | str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def soak(minutes: float) -> None:
    """Mixed load from several threads; prints a sample of the owner every half minute."""
    sys.path.insert(0, str(ROOT))
    from muse_resources.embedded.connect import ensure_owner, stop_owner

    parent = Path(tempfile.mkdtemp())
    folder = parent / "soak"
    pid = ensure_owner(folder).pid
    end_s = time.monotonic() + minutes * 60
    counts = [0] * THREADS
    threads = [threading.Thread(target=_load, args=(folder, number, end_s, counts)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    print("minute  requests  memory MB  threads  files")
    started_s = time.monotonic()
    while any(thread.is_alive() for thread in threads):
        time.sleep(min(30, minutes * 6))
        sample = (_memory_mb(pid), _count(pid, "task"), _count(pid, "fd"))
        minute = (time.monotonic() - started_s) / 60
        print(f"{minute:6.1f}  {sum(counts):8d}  {sample[0]:9.0f}  {sample[1]:7d}  {sample[2]:5d}", flush=True)
    stop_owner(folder)
    shutil.rmtree(parent)


def _load(folder: Path, number: int, end_s: float, counts: list[int]) -> None:
    """Small queries mostly, some inserts, frames, errors, cancelled streams and new clients."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    from muse_resources.embedded.connect import owner_client

    choice = random.Random(number)
    client = owner_client(folder)
    client.command(f"CREATE TABLE t{number} (n UInt64) ENGINE = MergeTree ORDER BY n")
    while time.monotonic() < end_s:
        kind = choice.randrange(100)
        if kind < 20:
            client.insert(f"t{number}", [[counts[number]]], column_names=["n"])
        elif kind < 24:
            client.query_df("SELECT number, toString(number) AS s FROM numbers(100000)")
        elif kind < 28:
            with contextlib.suppress(DatabaseError):
                client.query("SELECT throwIf(number = 50) FROM numbers(100)")
        elif kind < 30:
            client.close()
            client = owner_client(folder, session_id=f"{number}-{counts[number]}", session_timeout=5)
        else:
            client.command(f"SELECT count() FROM t{number}", settings={"log_comment": "soak"})
        counts[number] += 1


def _count(pid: int, what: str) -> int:
    return len(list(Path(f"/proc/{pid}/{what}").iterdir()))


if __name__ == "__main__":
    main()
