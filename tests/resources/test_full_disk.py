"""A disk that fills up while a day is loaded: told, nothing half written, and right once there is room."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from muse_domain.failures import PermanentFailure
from muse_domain.settings import EventSource
from muse_resources.embedded.connect import stop_owner
from muse_resources.event_intake import take_in_events
from tests.resources.event_folder import DAY, MAPPING, event, lines_of, workspace_of
from tests.resources.loaders import open_warehouse

DISK_MB = 96


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk of {DISK_MB} MB can be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        stop_owner(disk / "store")
        # Lazily: the engine that has just ended may hold a file for a moment more.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told_and_leaves_the_day_as_it_was(small_disk: Path, tmp_path: Path) -> None:
    """The message says what to do; afterwards the same build succeeds."""
    events = tmp_path / "events"
    events.mkdir()
    (events / "a.jsonl").write_bytes(lines_of(*(event(number) for number in range(20_000))))
    workspace = workspace_of(events, [EventSource(files="*.jsonl", mapping=MAPPING)], "key")
    warehouse = open_warehouse(small_disk / "store", "chimera_metrics")
    warehouse.migrate()
    filler = small_disk / "filler"
    with filler.open("wb") as stream, pytest.raises(OSError, match="No space left"):
        while True:
            stream.write(bytes(1024**2))
            stream.flush()
    with pytest.raises(PermanentFailure, match="the disk that holds the warehouse is full: make room"):
        take_in_events(warehouse, workspace, [DAY], datetime.now(UTC))
    filler.unlink()
    assert take_in_events(warehouse, workspace, [DAY], datetime.now(UTC)).rows_by_day == {DAY: 20_000}
    warehouse.close()
