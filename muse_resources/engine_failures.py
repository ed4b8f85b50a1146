"""Errors of the driver as failures that say whether trying again can help, and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from urllib3.exceptions import HTTPError

from muse_domain.failures import (
    PermanentFailure,
    TransientFailure,
    is_transient_clickhouse_code,
    is_transient_http_status,
)
from muse_resources.embedded.connect import OwnerError
from muse_resources.engine import engine_words

_PARAMETERS = re.compile(r"\?\S*param_\S+")
_HTTP_STATUS = re.compile(r"HTTP status (\d{3})")

_REFUSED = "the server refuses the user or the password: set CH_USER and CH_PASSWORD in the environment"
# Codes for which a person can do something that the engine's own words do not name.
_REMEDIES = {
    **dict.fromkeys((192, 193, 194, 516), _REFUSED),
    243: "the disk that holds the warehouse is full: make room, then build again",
    497: "the user has not the right for this: docs/operations.md lists what Muse needs",
}
_UNTRUSTED = (
    "the server's certificate is not trusted: name the file of its authority as warehouse.ca_certificate in muse.toml"
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raises TransientFailure or PermanentFailure for what the driver, the network or the owner raised."""
    try:
        yield
    except (ClickHouseError, HTTPError, OwnerError, OSError) as error:
        kind = TransientFailure if _is_transient(error) else PermanentFailure
        raise kind(f"warehouse, {doing}: {_told(error)}") from (None if _names_parameters(error) else error)


def _told(error: Exception) -> str:
    if _is_untrusted(error):
        return _UNTRUSTED
    if remedy := _REMEDIES.get(getattr(error, "code", None) or 0):
        return f"{remedy} ({engine_words(error)})"
    # A request's address holds its parameters: keys of the store, the key of the hashes.
    return _PARAMETERS.sub("", str(error))


def _names_parameters(error: BaseException) -> bool:
    """Whether an error, or what caused it, tells the address of a request."""
    return any(_PARAMETERS.search(str(one)) for one in _with_causes(error))


def _is_untrusted(error: Exception) -> bool:
    # The error of the handshake arrives as words only.
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_transient(error: Exception) -> bool:
    """By the engine's code where it gave one; without one, a connection that was refused, cut or timed out."""
    if _is_untrusted(error):
        return False
    code = getattr(error, "code", None)
    if code is not None:
        return is_transient_clickhouse_code(code)
    if status := _HTTP_STATUS.search(str(error)):
        return is_transient_http_status(int(status.group(1)))
    return isinstance(error, OperationalError | HTTPError | OwnerError | ConnectionError | TimeoutError)
