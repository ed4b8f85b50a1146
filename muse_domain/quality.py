"""Which measurements may be believed.

`assess` applies the same rules to every run, whatever its format. What cannot be true is quarantined, what
needs care is flagged, and nothing is dropped or repaired: the row stays as the report states it.
"""

import math
from itertools import pairwise
from operator import attrgetter

from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality, changed

# Fewer samples than this say next to nothing about the percentile: with 20 samples the 95th lies between
# the two slowest ones.
PERCENTILE_MINIMUM = {"latency_p50_ms": 5, "latency_p95_ms": 20, "latency_p99_ms": 100}

_PERCENTILES = tuple(PERCENTILE_MINIMUM)
_INNER = ("latency_mean_ms", *_PERCENTILES)
_TIMES = (*_INNER, "latency_min_ms", "latency_max_ms")
_TIME_UNITS = frozenset({"ms", "s", "us", "ns", "ns/iter"})

# Means and extremes are printed after separate roundings: only a difference beyond this is a contradiction.
_ROUNDING = 1e-9

# The metric columns that are not null.
_Stated = dict[str, float]
_values = attrgetter(*METRIC_COLUMNS)


def quarantine(measurement: Measurement, *reasons: str) -> Measurement:
    """The run, kept but never used, with why. Without reasons it is unchanged."""
    return _worsened(measurement, Quality.QUARANTINED, reasons)


def flag(measurement: Measurement, *reasons: str) -> Measurement:
    """The run, used with a warning, with why. Without reasons it is unchanged."""
    return _worsened(measurement, Quality.FLAGGED, reasons)


def assess(measurement: Measurement) -> Measurement:
    """The run with its quality and every reason for it; what a reader already found is kept.

    Assessing twice changes nothing.
    """
    finite = _without_infinities(measurement)
    stated = _stated(finite)
    return flag(quarantine(finite, *_impossibilities(finite, stated)), *_warnings(finite, stated))


def _worsened(measurement: Measurement, quality: Quality, reasons: tuple[str, ...]) -> Measurement:
    if not reasons:
        return measurement
    order = list(Quality)
    worst = max(measurement.quality, quality, key=order.index)
    known = dict.fromkeys((*measurement.quality_reasons, *reasons))
    return changed(measurement, quality=worst, quality_reasons=tuple(known))


def _without_infinities(measurement: Measurement) -> Measurement:
    """NaN and infinities cannot be stored or compared: they leave the row, which is quarantined."""
    broken = [c for c, value in _stated(measurement).items() if not math.isfinite(value)]
    lost = [m.name for m in measurement.metrics if not math.isfinite(m.value)]
    if not broken and not lost:
        return measurement
    metrics = tuple(m for m in measurement.metrics if math.isfinite(m.value))
    reasons = {**measurement.null_reasons, **dict.fromkeys(broken, "the value is not a finite number")}
    cleaned = changed(measurement, **dict.fromkeys(broken), metrics=metrics, null_reasons=reasons)
    return quarantine(cleaned, *(f"{name} is not a finite number" for name in (*broken, *lost)))


def _stated(measurement: Measurement) -> _Stated:
    values = zip(METRIC_COLUMNS, _values(measurement), strict=True)
    return {column: value for column, value in values if value is not None}


def _impossibilities(measurement: Measurement, stated: _Stated) -> list[str]:
    return [
        *_nothing_measured(measurement, stated),
        *_impossible_times(measurement, stated),
        *_out_of_bounds(stated),
        *_percentiles_out_of_order(stated),
        *_impossible_amounts(measurement),
    ]


def _nothing_measured(measurement: Measurement, stated: _Stated) -> list[str]:
    if measurement.n_samples is not None and measurement.n_samples <= 0:
        return [f"nothing completed: {measurement.n_samples} samples"]
    if not stated and not measurement.metrics:
        return ["the report states no value for this run"]
    return []


def _impossible_times(measurement: Measurement, stated: _Stated) -> list[str]:
    times = [(column, stated[column]) for column in _TIMES if column in stated]
    found = [f"{column} is {value:g}: a time is more than zero" for column, value in times if value <= 0]
    if measurement.latency_std_ms is not None and measurement.latency_std_ms < 0:
        found.append(f"latency_std_ms is {measurement.latency_std_ms:g}: a deviation is not negative")
    # A further metric may be a true zero (nothing to load), or a difference only if its unit is not a time.
    negative = [m for m in measurement.metrics if m.unit in _TIME_UNITS and m.value < 0]
    return found + [f"{m.name} is {m.value:g}: a time is not negative" for m in negative]


def _out_of_bounds(stated: _Stated) -> list[str]:
    low, high = stated.get("latency_min_ms"), stated.get("latency_max_ms")
    if low is not None and high is not None and _exceeds(low, high):
        return [f"latency_min_ms {low:g} is above latency_max_ms {high:g}"]
    inner = [(column, stated[column]) for column in _INNER if column in stated]
    return [
        f"{column} {value:g} is outside [{_bound(low)}, {_bound(high)}]"
        for column, value in inner
        if (low is not None and _exceeds(low, value)) or (high is not None and _exceeds(value, high))
    ]


def _bound(value: float | None) -> str:
    return "not stated" if value is None else f"{value:g}"


def _exceeds(left: float, right: float) -> bool:
    return left > right and not math.isclose(left, right, rel_tol=_ROUNDING)


def _percentiles_out_of_order(stated: _Stated) -> list[str]:
    percentiles = [(column, stated[column]) for column in _PERCENTILES if column in stated]
    return [
        f"{low} {low_value:g} is above {high} {high_value:g}"
        for (low, low_value), (high, high_value) in pairwise(percentiles)
        if _exceeds(low_value, high_value)
    ]


def _impossible_amounts(measurement: Measurement) -> list[str]:
    found = []
    if measurement.tokens_per_sec is not None and measurement.tokens_per_sec <= 0:
        found.append(f"tokens_per_sec is {measurement.tokens_per_sec:g}: no tokens in real time")
    if measurement.memory_peak_mb is not None and measurement.memory_peak_mb <= 0:
        found.append(f"memory_peak_mb is {measurement.memory_peak_mb:g}: a program uses memory")
    if measurement.cost_per_1k is not None and measurement.cost_per_1k < 0:
        found.append(f"cost_per_1k is {measurement.cost_per_1k:g}: a cost is not negative")
    return found


def _warnings(measurement: Measurement, stated: _Stated) -> list[str]:
    return [*_unstable(measurement), *_few_samples(measurement, stated)]


def _unstable(measurement: Measurement) -> list[str]:
    mean, std = measurement.latency_mean_ms, measurement.latency_std_ms
    if mean is None or std is None or std <= mean:
        return []
    return [f"unstable: the deviation {std:g} ms is above the mean {mean:g} ms"]


def _few_samples(measurement: Measurement, stated: _Stated) -> list[str]:
    count = measurement.n_samples
    if count is None or count <= 0:
        return []
    found = ["only one sample"] if count == 1 else []
    for column, least in PERCENTILE_MINIMUM.items():
        if column in stated and count < least:
            found.append(f"{_short(column)} stated from only {count} samples")
    return found


def _short(column: str) -> str:
    return column.removeprefix("latency_").removesuffix("_ms")
