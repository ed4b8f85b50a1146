"""The garbage collector stays as it was found."""

import gc

import pytest

from muse_resources.garbage import MANY, rare_collections


def test_the_collector_runs_rarely_during_a_batch_and_as_before_after_it() -> None:
    """Only the first threshold is another, and only inside of the block."""
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold() == (MANY, *before[1:])
    assert gc.get_threshold() == before


def test_the_collector_runs_as_before_after_an_error() -> None:
    """A load that fails leaves a process that goes on."""
    before = gc.get_threshold()
    with pytest.raises(KeyboardInterrupt), rare_collections():
        raise KeyboardInterrupt
    assert gc.get_threshold() == before
