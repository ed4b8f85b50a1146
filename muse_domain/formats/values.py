"""Reading single values out of decoded reports: typed, and never a guess."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeGuard

from muse_domain.measurements import Better, Metric

# Nothing measured on a computer is larger in any of our units; sums of squares of it stay finite.
_LARGEST = 1e100
_YEAR_2100 = 4_102_444_800
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_SPACE = re.compile(r"\s+")

# Multiplier and divisor to milliseconds. Dividing by an exact power of ten rounds once; multiplying by
# 0.000001, which no binary fraction is, would round twice.
_TO_MS = {
    **dict.fromkeys(("ns", "nsec"), (1.0, 1e6)),
    **dict.fromkeys(("us", "µs", "μs", "usec"), (1.0, 1e3)),
    **dict.fromkeys(("ms", "msec"), (1.0, 1.0)),
    **dict.fromkeys(("s", "sec"), (1e3, 1.0)),
}

# Names of people must not reach a row: home directories carry them, and so do addresses.
_NAME = r"[^/\\\s\"']+"
_HOME = re.compile(
    rf"((?:/home/|/Users/|(?i:[A-Z]:[\\/]{{1,4}}Users[\\/]{{1,4}})))(?:{_NAME}(?: {_NAME}){{1,3}}(?=[/\\])|{_NAME})"
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}")
# Load tests name their benchmarks by address, with what stands in it.
_CREDENTIALS = re.compile(r"(://)[^/\s@]{1,200}@")
_SECRET = re.compile(
    r"(?i)([?&;][\w.-]{0,40}(?:token|secret|passw|api_?key|signature|auth|session)[\w.-]{0,40}=)[^&;#\s]+"
)
_PATH = re.compile(r"(?:[A-Za-z]:)?[\\/](?:[^\s\\/:'\"]{1,80}[\\/]{1,4}){1,20}[^\s'\"]{0,80}")
_EXCERPT = 160
_SHORT = 200
# Settings under such names are of a person or a machine, not of the benchmark.
_OF_PEOPLE = re.compile(
    r"(?i)(?:user|login|owner|author|committer|host|machine|node|computer)[ _-]?name|user|login|owner|author|committer"
    r"|e[ _-]?mail|home|cwd|ip|ip[ _-]?address|password|token|api[ _-]?key"
)


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a decoded value is a JSON object."""
    return isinstance(value, dict)


def section(item: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The object under a key; empty when there is none."""
    value = item.get(key)
    return value if is_object(value) else {}


def listed(item: Mapping[str, object], key: str) -> list[object]:
    """The array under a key; empty when there is none."""
    value = item.get(key)
    return value if isinstance(value, list) else []


def number(value: object) -> float | None:
    """A usable number, or None: booleans, texts, NaN, infinities and absurd sizes are not measured."""
    # Most are floats: they are asked first.
    if type(value) is not float and (not isinstance(value, (int, float)) or isinstance(value, bool)):
        return None
    # NaN lies between no two numbers.
    return float(value) if -_LARGEST <= value <= _LARGEST else None


def decimal(text: object) -> float | None:
    """The number that a table cell or a text spells in plain digits, or None."""
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text.strip()):
        return None
    return number(float(text))


def count(value: object) -> int | None:
    """A whole number of things, or None."""
    found = number(value)
    return int(found) if found is not None and found.is_integer() and 0 <= found < 2**53 else None


def to_ms(value: float, unit: str) -> float | None:
    """Milliseconds, or None when the unit is not a time (ns, us, ms, s and their long names)."""
    scale = _TO_MS.get(unit)
    return None if scale is None else value * scale[0] / scale[1]


def label(value: object) -> str | None:
    """A name as the report states it, on one line, without people in it; None when there is none."""
    if not isinstance(value, str):
        return None
    return _known_label(value) if len(value) <= _SHORT else _masked(value)


def _masked(text: str) -> str | None:
    # Half of a surrogate pair is legal in JSON and cannot be stored as UTF-8.
    storable = text.encode("utf-8", "replace").decode("utf-8")
    without_secrets = _SECRET.sub(r"\1<secret>", _CREDENTIALS.sub(r"\1<credentials>@", storable))
    masked = _ADDRESS.sub("<e-mail>", _HOME.sub(r"\1<user>", without_secrets))
    return _SPACE.sub(" ", masked).strip() or None


# The reports of one tool say the same names again and again.
_known_label = lru_cache(maxsize=4096)(_masked)


def excerpt(value: object) -> str:
    """The beginning of an error text, without paths: they name users and machines."""
    text = label(value) or ""
    masked = _PATH.sub("<path>", text)
    return masked if len(masked) <= _EXCERPT else f"{masked[:_EXCERPT]}..."


def content_hash(part: object) -> str:
    """Hex SHA-256 of a part of a report: the identity of a run in a file that holds several."""
    canonical = json.dumps(part, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def scalar(value: object) -> str | None:
    """A setting as text, 0.30000001192092896 as 0.3: single precision adds digits that nobody set."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else None
    return label(value)


def settings(item: Mapping[str, object], without: tuple[str, ...] = ()) -> str:
    """`name=value, ...` of the plain values of an object, sorted: part of a benchmark's name. None tells of people."""
    named = {key: value for key, value in item.items() if key not in without and not _OF_PEOPLE.fullmatch(key)}
    pairs = {label(key): scalar(value) for key, value in named.items()}
    return ", ".join(f"{key}={value}" for key, value in sorted(pairs.items(), key=str) if key and value)


def metric(name: str, value: float | None, unit: str, better: Better = "none") -> tuple[Metric, ...]:
    """The further metric, or nothing when it was not measured."""
    return () if value is None else (Metric(name, value, unit, better),)


@dataclass(frozen=True, slots=True)
class StatedOnce:
    """What a report states once, for all of its benchmarks."""

    ts: datetime | None
    commit_sha: str | None
    null_reasons: Mapping[str, str]
    environment: Mapping[str, str]
    warnings: tuple[str, ...]


def stated_time(value: object, naive_is_utc: bool = False) -> tuple[datetime | None, dict[str, str]]:
    """The instant that a report states (seconds since 1970, or ISO 8601), or why there is none.

    A text without a zone is an instant only where the format documents UTC.
    """
    seconds = number(value)
    if seconds is not None:
        return _from_seconds(seconds)
    if not isinstance(value, str):
        return None, {"ts": "the report states no time"}
    try:
        stated = datetime.fromisoformat(value)
        if stated.tzinfo is None and not naive_is_utc:
            return None, {"ts": "the report states a time without a zone"}
        return (stated if stated.tzinfo else stated.replace(tzinfo=UTC)).astimezone(UTC), {}
    except (ValueError, OverflowError):
        return None, {"ts": "the report states a time that cannot be read"}


def _from_seconds(seconds: float) -> tuple[datetime | None, dict[str, str]]:
    if not 0 < seconds < _YEAR_2100:
        return None, {"ts": "the report states a time outside 1970 to 2100"}
    return datetime.fromtimestamp(seconds, UTC), {}


def stated_commit(value: object) -> tuple[str | None, dict[str, str]]:
    """The full commit hash that a report states, or why there is none."""
    if isinstance(value, str) and _COMMIT.fullmatch(value.lower()):
        return value.lower(), {}
    if isinstance(value, str) and value:
        return None, {"commit_sha": "the report states no full commit hash"}
    return None, {"commit_sha": "the report states no commit"}


def stated_failure(item: Mapping[str, object]) -> str | None:
    """Why the report itself calls this item failed, or None: `success`, `error`, `exit_code`."""
    error = excerpt(item.get("error"))
    if item.get("success") is False:
        return f"failed: {error or 'the report gives no error text'}"
    code = number(item.get("exit_code"))
    if code:
        return f"failed with exit code {code:g}"
    return f"failed: {error}" if error else None
