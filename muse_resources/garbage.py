"""The garbage collector, while a batch makes many objects that stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# So many more objects than before, not 700, before the collector looks for those that only hold each other.
MANY = 100_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """The collector runs rarely until the block ends: rows hold no cycles, and to look at hundreds of thousands of
    them again and again takes a third of a load's time."""
    first, *others = gc.get_threshold()
    gc.set_threshold(MANY, *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
