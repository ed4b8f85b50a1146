"""Passing failures are tried again, all others stop at once; a gate's refusal is none."""

from collections.abc import Iterator

import dagster as dg
import pytest

from muse_assets.retries import RETRY_POLICY, is_passing, retried
from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import SourceUnreachable

AT_ONCE = dg.RetryPolicy(max_retries=RETRY_POLICY.max_retries)


def attempts(error: Exception, *, yields: bool, failures: int = 99) -> tuple[int, bool]:
    """How often an asset was tried that raises this error so many times, and whether it was built in the end."""
    tried: list[int] = []

    def broken(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        tried.append(context.retry_number)
        if len(tried) <= failures:
            raise error
        return dg.MaterializeResult()

    def broken_later(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        yield broken(context)

    function = retried(broken_later if yields else broken)
    asset = dg.asset(name="broken", retry_policy=AT_ONCE)(function)
    result = dg.materialize([asset], instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
    return len(tried), result.success


@pytest.mark.parametrize("yields", [False, True])
def test_a_passing_failure_is_tried_four_times(yields: bool) -> None:
    """Once, and three times again."""
    assert attempts(TransientFailure("busy"), yields=yields) == (4, False)


@pytest.mark.parametrize("yields", [False, True])
def test_what_comes_back_in_time_is_built(yields: bool) -> None:
    """Two failures, then success."""
    assert attempts(TransientFailure("busy"), yields=yields, failures=2) == (3, True)


@pytest.mark.parametrize("yields", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        PermanentFailure("wrong key"),
        SourceUnreachable("no clone"),
        ValueError("a bug"),
        dg.Failure("no", allow_retries=False),
    ],
    ids=lambda error: type(error).__name__,
)
def test_everything_else_stops_at_once(error: Exception, yields: bool) -> None:
    """A second try could not end otherwise."""
    assert attempts(error, yields=yields) == (1, False)


def test_a_failure_made_from_a_passing_one_is_passing() -> None:
    """A repository on a network is unreachable because a server was busy."""
    error = SourceUnreachable("GitHub")
    error.__cause__ = TransientFailure("503")
    assert is_passing(error) and not is_passing(SourceUnreachable("no clone"))


def test_waits_grow_and_are_spread() -> None:
    """Ten runs that failed together do not come back together."""
    assert (RETRY_POLICY.backoff, RETRY_POLICY.jitter) == (dg.Backoff.EXPONENTIAL, dg.Jitter.PLUS_MINUS)
