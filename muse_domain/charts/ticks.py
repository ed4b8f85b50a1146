"""Where the axes have their marks: round numbers and round moments that a person would choose."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from muse_domain.charts.model import FindingChart
from muse_domain.charts.words import day, month

SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"))


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The value axis: its ticks, each with its label, and the lowest and highest value that it shows."""

    ticks: tuple[tuple[float, str], ...]
    low: float
    high: float


def value_axis(values: Sequence[float]) -> ValueAxis:
    """Round ticks for an axis on which all values have room."""
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    # Closer than a float can divide into ticks counts as equal.
    if high / 2 - low / 2 <= size * 1e-9:
        margin = size * 0.1 if size > 1e-300 else 1.0
    else:
        margin = (high / 2 - low / 2) * 0.16
    low, high = _clip(low - margin), _clip(high + margin)
    step = _nice_step(high / 4 - low / 4)
    first, last = math.ceil(low / step), math.floor(high / step)
    places = [number * step for number in range(first, last + 1)]
    return ValueAxis(tuple(zip(places, _labels(places, step), strict=True)), low, high)


def _clip(value: float) -> float:
    return max(min(value, 1e308), -1e308)


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= rough), 10 * power)


def _labels(ticks: Sequence[float], step: float) -> list[str]:
    size = max(abs(tick) for tick in ticks)
    if size >= 1e15 or size < 1e-4:
        return [_scientific(tick) for tick in ticks]
    scale, suffix = next((pair for pair in SCALES if size >= pair[0]), (1.0, ""))
    places = next((places for places in range(9) if _is_whole(step / scale * 10**places)), 9)
    return [f"{tick / scale + 0.0:,.{places}f}{suffix}".replace("-", "\u2212") for tick in ticks]


def _is_whole(number: float) -> bool:
    return round(number) >= 1 and abs(number - round(number)) < 1e-6


def _scientific(value: float) -> str:
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.3g}".partition("e")[::2] if "e" in f"{value:.3g}" else (f"{value:.3g}", "")
    return (f"{mantissa}e{int(exponent)}" if exponent else mantissa).replace("-", "\u2212")


def time_ticks(chart: FindingChart) -> list[tuple[datetime, str]]:
    """At most six moments with their labels; at least one."""
    first, last = min(chart.moments), max(chart.moments)
    alone = [(first, day(first, year=True))]
    if first == last:
        return alone
    start, end = (datetime.fromtimestamp(edge, UTC) for edge in chart.span)
    steps = [*_clock_ticks(start, end), *_calendar_ticks(start, end)]
    return next(found for found in steps if len(found) <= 5) or alone


def _clock_ticks(start: datetime, end: datetime) -> Iterator[list[tuple[datetime, str]]]:
    """Ticks every so many minutes, hours or days, from the finest step to the coarsest."""
    minutes = (1, 5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160)
    for step in minutes:
        if (end - start) / timedelta(minutes=step) < 7:
            yield _named(_multiples(start, end, timedelta(minutes=step)), by_day=step >= 1440)


def _multiples(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    # Counted from a Monday, so that weekly ticks fall on Mondays.
    origin = datetime(1970, 1, 5, tzinfo=UTC)
    first, last = -((origin - start) // step), (end - origin) // step
    return [origin + number * step for number in range(first, last + 1)]


def _named(moments: Sequence[datetime], *, by_day: bool) -> list[tuple[datetime, str]]:
    def name(number: int, at: datetime) -> str:
        is_day = by_day or (at.hour, at.minute) == (0, 0)
        return day(at, year=number == 0 and by_day) if is_day else f"{at:%H:%M}"

    return [(at, name(number, at)) for number, at in enumerate(moments)]


def _calendar_ticks(start: datetime, end: datetime) -> Iterator[list[tuple[datetime, str]]]:
    """Ticks every so many months, up to centuries."""
    for step in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 12_000):
        first = -(-(start.year * 12 + start.month) // step) * step
        months = range(first, end.year * 12 + end.month, step)
        yield [(at, f"{at:%Y}" if step >= 12 else f"{month(at)} {at.year}") for at in map(_month, months)]


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
