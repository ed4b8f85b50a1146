"""Which failures are worth another try, and which are permanent."""

# ClickHouse codes that name a passing condition: too many queries, timeouts, lost connections, memory pressure.
TRANSIENT_CLICKHOUSE_CODES = frozenset({159, 202, 209, 210, 236, 241, 242, 252, 279, 373, 999})

# Codes that name a fault of one input, not of the engine: it cannot be opened, fetched, unpacked or parsed.
INPUT_CLICKHOUSE_CODES = frozenset({6, 27, 32, 33, 74, 76, 107, 117, 271, 354, 499, 636, 1001})

# An object's name or address that the engine will not take is a fault of that object, too.
_OBJECT_CLICKHOUSE_CODES = INPUT_CLICKHOUSE_CODES | {36, 1000}

TRANSIENT_HTTP_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class PermanentFailure(Exception):
    """Trying again cannot help: the message says what to change."""


class UnreadableInput(Exception):
    """One input cannot be read by the engine; the others can."""


class LineTooLong(UnreadableInput):
    """A line of one input does not fit into the memory that looking for its end may take."""


class TransientFailure(Exception):
    """The same call may succeed later."""


def is_transient_clickhouse_code(code: int | None) -> bool:
    """Whether a ClickHouse error code names a passing condition; an unknown code is permanent."""
    return code in TRANSIENT_CLICKHOUSE_CODES


def is_unreadable_object_code(code: int | None) -> bool:
    """Whether a ClickHouse error code names a fault of an object or of its store."""
    return code in _OBJECT_CLICKHOUSE_CODES


def is_transient_http_status(status: int) -> bool:
    """Whether an HTTP status is worth another try (RFC 9110: 408, 429, 5xx except 501)."""
    return status in TRANSIENT_HTTP_STATUSES
