"""What one chart shows: the runs of a series, both levels, the interval of the change, and when what changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Segment = Literal["earlier", "before", "after"]
SEGMENTS: tuple[Segment, ...] = ("earlier", "before", "after")


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One run: when (aware UTC), how much, of which commit, on which side of the change, and where it ran."""

    ts: datetime
    value: float
    commit_sha: str | None
    segment: Segment
    environment: str | None


@dataclass(frozen=True, slots=True)
class ChartInterval:
    """The lowest and highest level after the change that its interval allows, in the series' unit.

    The label states the interval as the text does ("+16.2 % to +20.1 %").
    """

    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True)
class FindingChart:
    """What one chart shows. Labels are already formatted ("12.1 ms"): the chart never rounds a fact."""

    title: str
    unit: str
    points: tuple[ChartPoint, ...]
    changed_at: datetime | None
    before_median: float | None
    after_median: float | None
    before_label: str
    after_label: str
    interval: ChartInterval | None
    environment_changes: tuple[datetime, ...]
    better: Literal["lower", "higher", "none"]
    is_refuted: bool = False  # the change was told, and did not hold

    @property
    def levels(self) -> tuple[tuple[str, float, str], ...]:
        """Label, median and name of each level that is known."""
        both = ((self.before_label, self.before_median, "before"), (self.after_label, self.after_median, "after"))
        return tuple((label, median, name) for label, median, name in both if median is not None)

    @property
    def moments(self) -> list[datetime]:
        """Every instant that must lie within the plot."""
        return [point.ts for point in self.points] + ([self.changed_at] if self.changed_at else [])

    @property
    def span(self) -> tuple[float, float]:
        """First and last instant of the time axis as timestamps, with some room at both ends."""
        first, last = min(self.moments).timestamp(), max(self.moments).timestamp()
        margin = (last - first) * 0.02 or 43_200.0
        return first - margin, last + margin

    @property
    def crossings(self) -> list[datetime]:
        """Changes of environment within the time shown: others tell nothing about the points shown."""
        first, last = self.span
        return sorted({at for at in self.environment_changes if first <= at.timestamp() <= last})


def drawn_values(chart: FindingChart) -> Sequence[float]:
    """Every value that must lie within the plot.

    Raises ValueError without points, and for a value that is not a finite number.
    """
    if not chart.points:
        raise ValueError("a chart needs at least one point")
    values = [*(point.value for point in chart.points), *(median for _, median, _ in chart.levels)]
    values += [chart.interval.low, chart.interval.high] if chart.interval else []
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"a chart cannot show the value {value}")
    return values
