"""Ten thousand small report files into `bench_runs`, beside only decoding them, only storing what they say, and one
insert for each file."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.made_reports import DAYS, FIRST, PATTERN, write_reports
from benchmarks.measuring import Figures, Sizes, alternate, apart, available, not_installed, peak_mb, peer, table
from muse_domain.formats.registry import read_report
from muse_domain.ports import Warehouse
from muse_domain.settings import ReportSource
from muse_resources.adapters import build_adapters
from muse_resources.embedded.connect import ensure_owner, stop_owner
from muse_resources.file_ledger import FileLedger
from muse_resources.input_files import InputFile, list_inputs
from muse_resources.report_files import read_report_file
from muse_resources.report_intake import SOURCE, take_in_reports
from muse_resources.workspace import Workspace, load_workspace

TITLE = "Loading reports"
# One insert for each file takes minutes: it is measured on so many and said to be extrapolated.
SAMPLE = 300
_OURS = "`take_in_reports`"
_JSON, _ORJSON = "only read and decode, `json`", "only read and decode, `orjson`"
_READ_ONLY = "only read them into runs, no warehouse"
_STORE_ONLY = "only store their runs, nothing read"
_EACH = "one insert for each file (extrapolated)"
_SETTINGS = """
[muse]
start_date = {first:%Y-%m-%d}
end_date = {last:%Y-%m-%d}

[repositories.hearts]
path = "."

[[reports]]
files = "{files}"
pattern = '{pattern}'
"""


def measure(sizes: Sizes) -> str:
    """Files into runs, and what of the time is whose."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "reports"
        write_reports(folder, sizes.reports)
        peers = {_ORJSON: partial(peer, "orjson_reports", folder)}
        running = available(peers)
        sides = alternate({**_sides(folder), **running}, sizes.rounds)
        size_mb = sum(file.stat().st_size for file in folder.rglob("*.json")) / 1e6
    ours, least = sides[_OURS], sides[_ORJSON if running else _JSON]
    rows = [
        [name, f"{side['seconds']:.2f}", side.spread, f"{sizes.reports / side['seconds']:,.0f}",
         f"{side['seconds'] / ours['seconds']:.2f}"]
        for name, side in sides.items()
    ]  # fmt: skip
    head = ("", "s", "spread", "files/s", f"its time beside {_OURS}")
    speed, times = least["seconds"] / ours["seconds"], sides[_EACH]["seconds"] / ours["seconds"]
    limit = least["seconds"] / sides[_STORE_ONLY]["seconds"]
    return (
        f"{sizes.reports:,} files ({size_mb:.0f} MB) of hyperfine, pytest-benchmark, Google Benchmark, Banterhearts: "
        f"{ours['rows']:,.0f} runs of {DAYS} days, with a fresh warehouse; {sizes.rounds} rounds, in turn.\n\n"
        f"{table(head, rows)}{not_installed(set(peers) - set(running))}\n"
        f"Peak memory: {ours['own_mb']:,.0f} MB of Muse's process, {ours['engine_mb']:,.0f} MB of the engine's. Beside "
        f"the fastest decoding, the whole intake has {speed:.2f} of its speed; if reading took no time, it would "
        f"have {limit:.2f}. An insert for each file, measured on {SAMPLE}, would take {times:.0f} times as long.\n"
    )


def _sides(folder: Path) -> dict[str, Callable[[], Figures]]:
    return {
        _OURS: partial(apart, load_reports, folder),
        _JSON: partial(apart, _only_decode, folder),
        _READ_ONLY: partial(apart, _only_read, folder),
        _STORE_ONLY: partial(apart, _only_store, folder),
        _EACH: partial(apart, _insert_each, folder),
    }


def load_reports(reports: Path) -> Figures:
    """Take all files in with a fresh warehouse, as a build does."""
    with report_workspace(reports) as workspace:
        store = build_adapters(workspace).warehouse
        store.migrate()
        days = [(FIRST + timedelta(days=number)).date() for number in range(DAYS)]
        started = time.perf_counter()
        intake = take_in_reports(store, workspace, days, datetime.now(UTC))
        seconds = time.perf_counter() - started
        engine = ensure_owner(workspace.path(workspace.settings.warehouse.folder)).pid
        rows = sum(intake.rows_by_day.values())
        return {"seconds": seconds, "rows": rows, "engine_mb": peak_mb(engine), "own_mb": peak_mb()}


@contextmanager
def report_workspace(reports: Path) -> Iterator[Workspace]:
    """A fresh workspace that reads the files of a folder; its engine ends with it."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        last = FIRST + timedelta(days=DAYS - 1)
        settings = _SETTINGS.format(first=FIRST, last=last, files=reports / "**" / "*.json", pattern=PATTERN)
        (folder / "muse.toml").write_text(settings, encoding="utf-8")
        workspace = load_workspace(folder, {"MUSE_HASH_KEY": "benchmark"})
        try:
            yield workspace
        finally:
            stop_owner(workspace.path(workspace.settings.warehouse.folder))


def _only_decode(reports: Path) -> Figures:
    files = sorted(reports.rglob("*.json"))
    started = time.perf_counter()
    for file in files:
        json.loads(file.read_bytes())
    return {"seconds": time.perf_counter() - started}


def _only_read(reports: Path) -> Figures:
    files = sorted(reports.rglob("*.json"))
    started = time.perf_counter()
    for file in files:
        read_report(file.name, file.read_bytes())
    return {"seconds": time.perf_counter() - started}


def _only_store(reports: Path) -> Figures:
    """The rows of all files into their days, as a build stores them."""
    with report_workspace(reports) as workspace:
        store, files = _store_and_files(workspace)
        read = [read_report_file(workspace.folder, file, "", store.read_object) for file in files]
        runs = [row for one in read for row in one.runs]
        metrics = [row for one in read for row in one.metrics]
        days = sorted({run["day"] for run in runs})
        started = time.perf_counter()
        FileLedger(store, SOURCE).note(((one.reading, one.letters) for one in read), datetime.now(UTC))
        store.replace_days("bench_metrics", days, metrics)
        store.replace_days("bench_runs", days, runs)
        return {"seconds": time.perf_counter() - started}


def _store_and_files(workspace: Workspace) -> tuple[Warehouse, list[InputFile[ReportSource]]]:
    """A migrated warehouse, and what a build would read into it."""
    store = build_adapters(workspace).warehouse
    store.migrate()
    listing = list_inputs(workspace.folder, workspace.settings.reports, store.list_objects)
    return store, list(listing.files.values())


def _insert_each(reports: Path) -> Figures:
    """A file at a time: read, and its rows inserted with statements of their own."""
    with report_workspace(reports) as workspace:
        store, files = _store_and_files(workspace)
        started = time.perf_counter()
        for file in files[:SAMPLE]:
            read = read_report_file(workspace.folder, file, "", store.read_object)
            store.append("bench_runs", read.runs)
            store.append("bench_metrics", read.metrics)
        return {"seconds": (time.perf_counter() - started) * len(files) / min(SAMPLE, len(files))}
