"""Which failures of an asset are tried again: passing ones, a few times; everything else stops at once."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg

from muse_domain.failures import TransientFailure

# 3, 6 and 12 seconds, each up to as much again earlier or later: what is not back by then waits for its next build.
RETRY_POLICY = dg.RetryPolicy(max_retries=3, delay=3, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


def retried(function: Callable[..., Any]) -> Callable[..., Any]:
    """The asset's function, whose failures Dagster repeats only when that can help.

    Dagster repeats any exception of an asset with a retry policy. A mistake in muse.toml or in the code does not go
    away in three more tries, and a step that has cost money is not to be paid for again.
    """
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def yielding(*arguments: Any, **named: Any) -> Any:
            with _permanent_unless_passing():
                yield from function(*arguments, **named)

        return yielding

    @wraps(function)
    def returning(*arguments: Any, **named: Any) -> Any:
        with _permanent_unless_passing():
            return function(*arguments, **named)

    return returning


@contextmanager
def _permanent_unless_passing() -> Iterator[None]:
    try:
        yield
    except (dg.Failure, dg.RetryRequested, GeneratorExit):
        raise
    except Exception as error:
        if is_passing(error):
            raise
        raise dg.Failure(str(error) or type(error).__name__, allow_retries=False) from error


def is_passing(error: BaseException) -> bool:
    """Whether the failure, or what it was made from, may be gone at the next try."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TransientFailure):
            return True
        cause = cause.__cause__
    return False
