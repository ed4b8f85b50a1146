"""Which failures are worth another try."""

import pytest

from muse_domain.failures import is_transient_clickhouse_code, is_transient_http_status


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_http_failures_are_tried_again(status: int) -> None:
    """Timeouts, limits and broken servers pass."""
    assert is_transient_http_status(status)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 422, 501])
def test_refusals_are_permanent(status: int) -> None:
    """A wrong key stays wrong."""
    assert not is_transient_http_status(status)


def test_clickhouse_failures_are_told_apart_by_code() -> None:
    """Memory and connections pass; a syntax error and an unknown code do not."""
    assert is_transient_clickhouse_code(241) and is_transient_clickhouse_code(210)
    assert not is_transient_clickhouse_code(62)
    assert not is_transient_clickhouse_code(None)
