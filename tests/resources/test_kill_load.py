"""Loads of events that are killed: whatever the moment, the next build makes every day exactly right."""

import json
from contextlib import ExitStack
from pathlib import Path

from muse_resources.embedded.connect import stop_owner
from tests.resources.loaders import Loaders, open_warehouse

ROUNDS, OWNERS = 50, 6


def test_a_killed_build_of_events_is_made_good_by_the_next(tmp_path: Path) -> None:
    """kill -9 at random moments: days are old or new, never mixed, and right after the next build.

    The engine is killed as well, in the last rounds. It may lose its own life within REPLACE PARTITION, and find the
    old and the new part of a day when it comes back: until that day, which was never recorded, is built again.
    """
    folder = tmp_path / "store"
    try:
        warehouse = open_warehouse(folder, "chimera_metrics")
        warehouse.migrate()
        warehouse.close()
        with ExitStack() as stack:
            loaders = Loaders(folder, "chimera_metrics", stack)
            process = loaders.start("die_while_taking_in_events", tmp_path / "workspace", ROUNDS, OWNERS)
            output, _ = process.communicate(timeout=900)
    finally:
        stop_owner(folder)
    assert process.returncode == 0
    rounds = [json.loads(line) for line in output.splitlines()]
    assert len(rounds) == ROUNDS
    assert sum(one["killed"] for one in rounds) > ROUNDS / 2, "most were killed at work"
    for number, one in enumerate(rounds):
        whole = [day for version in one["fresh"] for day in version]
        if number < ROUNDS - OWNERS:
            assert all(day in whole for day in one["left"]), "a day is an old one or a new one"
        assert one["built"] == one["fresh"][one["version"]]
        assert one["staging"] == []
