"""Folders of loads: what a killed one leaves is removed by the next, what a living one uses is not."""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from muse_resources.scratch_folders import remove_abandoned, scratch_folder
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.event_folder import EventFolder, event, lines_of
from tests.resources.loaders import Loaders

PATIENCE_S = 60
# The engine reads this for a second or two: the load is stopped long before.
LARGE = lines_of(*(event(number) for number in range(5_000))) * 100


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, of this process and those that it starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def first_in(folder: Path, pattern: str) -> Path:
    """The first thing of this name that appears in a folder."""
    give_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_at:
        for found in folder.glob(pattern):
            return found
        time.sleep(0.001)
    raise AssertionError(f"nothing appeared in {folder}")


def test_the_folder_of_a_killed_load_is_removed_by_the_next_one_and_that_of_a_living_load_is_not(
    tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client, loaders: Loaders, temporary: Path
) -> None:
    """kill -9 leaves links, or a copy, of what may be personal; a load that only stands still needs them."""
    large = EventFolder(tmp_path / "large", warehouse, engine)
    large.write_bytes("a.jsonl", LARGE)
    [process] = loaders.start_together(("take_in_event_rounds", large.folder, "key", 1))
    link = first_in(temporary, "*/*")
    process.send_signal(signal.SIGSTOP)
    other = EventFolder(tmp_path / "other", warehouse, engine)
    other.write("a.jsonl", event(1))
    other.take_in()
    assert link.is_symlink() and list(temporary.iterdir()) == [link.parent]
    process.kill()
    process.wait(PATIENCE_S)
    (large.folder / "a.jsonl").unlink()
    large.take_in()
    assert list(temporary.iterdir()) == []


def test_nothing_of_others_is_removed(temporary: Path, tmp_path: Path) -> None:
    """Folders and links that are only called alike, or belong to somebody else's program."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (temporary / "muse-scratch-link").symlink_to(kept)
    (temporary / "muse-scratch-file").touch()
    (temporary / "muse-of-another").mkdir()
    remove_abandoned()
    assert len(list(temporary.iterdir())) == 3 and kept.is_dir()


def test_a_folder_is_never_removed_before_it_is_in_use(temporary: Path) -> None:
    """Between its making and its lock another load may take it for abandoned: then it is made once more."""
    ended = threading.Event()

    def remove_all_the_time() -> None:
        while not ended.is_set():
            remove_abandoned()

    others = [threading.Thread(target=remove_all_the_time) for _ in range(2)]
    for one in others:
        one.start()
    try:
        for _ in range(500):
            with scratch_folder() as folder:
                (folder / "link").touch()
                os.sched_yield()
                assert (folder / "link").exists()
    finally:
        ended.set()
        for one in others:
            one.join()
    assert list(temporary.iterdir()) == []
