"""From stated values to the metric columns of a measurement, each empty one with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isqrt
from statistics import fmean

from muse_domain.formats.values import number
from muse_domain.measurements import METRIC_COLUMNS, Measurement, changed
from muse_domain.quality import PERCENTILE_MINIMUM

NOT_STATED = "the report does not state it"
OF_MEANS = "a sample is the mean of several calls: percentiles of samples are not those of calls"
_ONE_SAMPLE = "one sample has no deviation"
_NOT_STATED = dict.fromkeys(METRIC_COLUMNS, NOT_STATED)
_ROOT_BITS = 2 * 53 + 3  # of the significand of a double
_SHARES = {"latency_p50_ms": 0.50, "latency_p95_ms": 0.95, "latency_p99_ms": 0.99}


@dataclass(frozen=True, slots=True)
class Columns:
    """Values of metric columns, and reasons for those that the report states without a usable number."""

    values: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def stated_columns(item: Mapping[str, object], keys: Mapping[str, str], scale: float = 1.0) -> Columns:
    """Columns whose values stand under `keys[column]` in a report's object, times `scale`."""
    found = {column: number(item.get(key)) for column, key in keys.items()}
    return Columns(
        {column: value * scale for column, value in found.items() if value is not None},
        {column: _unusable(key) for column, key in keys.items() if key in item and found[column] is None},
    )


def without_deviation(columns: Columns) -> Columns:
    """The columns of a single sample, whose deviation some tools write as 0."""
    values = {column: value for column, value in columns.values.items() if column != "latency_std_ms"}
    return Columns(values, {**columns.reasons, "latency_std_ms": _ONE_SAMPLE})


def without_zeros(columns: Columns, why: str) -> Columns:
    """The columns without the times that are 0, each null for `why`: they are below what the tool can tell."""
    zeros = [column for column, value in columns.values.items() if value == 0 and column != "latency_std_ms"]
    values = {column: value for column, value in columns.values.items() if column not in zeros}
    return Columns(values, {**columns.reasons, **dict.fromkeys(zeros, why)})


def _unusable(key: str) -> str:
    return f"the report states {key} without a usable number"


def sample_columns(samples_ms: Sequence[float]) -> Columns:
    """Mean, extremes, deviation (n - 1) and percentiles of raw latencies in ms.

    A percentile needs enough samples: 5 for p50, 20 for p95, 100 for p99.
    """
    size = len(samples_ms)
    if size == 0:
        return Columns()
    values = {
        "latency_mean_ms": fmean(samples_ms),
        "latency_min_ms": min(samples_ms),
        "latency_max_ms": max(samples_ms),
    }
    if size > 1:
        values["latency_std_ms"] = deviation(samples_ms)
    percentiles = percentile_columns(samples_ms)
    reasons = {"latency_std_ms": _ONE_SAMPLE} if size == 1 else {}
    return Columns({**values, **percentiles.values}, {**reasons, **percentiles.reasons})


def deviation(samples: Sequence[float]) -> float:
    """The deviation (n - 1) of two or more finite samples, correctly rounded: that of statistics.stdev, whose fractions
    take three times as long."""
    ratios = [sample.as_integer_ratio() for sample in samples]
    # Every denominator is a power of two: in units of the smallest share, the samples are whole numbers.
    shares = max(denominator for _, denominator in ratios)
    whole = [numerator * (shares // denominator) for numerator, denominator in ratios]
    size = len(whole)
    squares = size * sum(one * one for one in whole) - sum(whole) ** 2
    return _root(squares, size * (size - 1) * shares * shares)


def _root(numerator: int, denominator: int) -> float:
    """The square root of a fraction, correctly rounded."""
    # So many bits of it that the last, set where some are cut off, only decides a tie: see bugs.python.org/msg407078.
    shift = max(0, (_ROOT_BITS - numerator.bit_length() + denominator.bit_length()) // 2 + 1)
    scaled = numerator << 2 * shift
    root = isqrt(scaled // denominator)
    return (root | (root * root * denominator != scaled)) / (1 << shift)


def mean_columns(means_ms: Sequence[float]) -> Columns:
    """Mean, extremes and deviation of samples in ms that are each the mean of several calls: no percentiles.

    The slow calls are averaged away, so percentiles of such samples would not be those of calls.
    """
    columns = sample_columns(means_ms)
    values = {column: value for column, value in columns.values.items() if column not in PERCENTILE_MINIMUM}
    return Columns(values, {**columns.reasons, **dict.fromkeys(PERCENTILE_MINIMUM, OF_MEANS)})


def percentile_columns(samples_ms: Sequence[float]) -> Columns:
    """The percentiles that the raw latencies are enough for, and why not the others."""
    size = len(samples_ms)
    enough = [column for column, least in PERCENTILE_MINIMUM.items() if size >= least]
    return Columns(
        {column: percentile(samples_ms, _SHARES[column]) for column in enough},
        {
            column: f"{size} samples are too few: {least} are needed"
            for column, least in PERCENTILE_MINIMUM.items()
            if size < least
        },
    )


def percentile(samples: Sequence[float], share: float) -> float:
    """The value below which `share` of the samples lie, by linear interpolation between the two nearest.

    The same as numpy's default method ("linear", type 7 of Hyndman and Fan).
    """
    ordered = sorted(samples)
    position = (len(ordered) - 1) * share
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    low, high = ordered[below], ordered[above]
    return min(low + (high - low) * (position - below), high)


def with_columns(measurement: Measurement, *parts: Columns, why_null: Mapping[str, str] | None = None) -> Measurement:
    """The measurement with the values of the parts, later ones first, and a reason for every empty column."""
    values: dict[str, float] = {}
    reasons = {**_NOT_STATED, **(why_null or {})}
    for part in parts:
        values |= part.values
        reasons |= part.reasons
    empty = {column: reasons[column] for column in METRIC_COLUMNS if column not in values}
    null_reasons = {**_without_origin(measurement), **measurement.null_reasons, **empty}
    # The names are those of METRIC_COLUMNS, which are fields of Measurement.
    return changed(measurement, null_reasons=null_reasons, **values)


def _without_origin(measurement: Measurement) -> dict[str, str]:
    reasons = {}
    if measurement.ts is None:
        reasons["ts"] = "the report states no time"
    if measurement.commit_sha is None:
        reasons["commit_sha"] = "the report states no commit"
    return reasons
