"""Stories around real daemons need the machine to themselves: two at once make each other wait for minutes."""

from collections.abc import Iterator

import pytest
from filelock import FileLock


@pytest.fixture(autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One story at a time, whichever of pytest's processes it is in."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "a-story-at-a-time.lock"):
        yield
