"""Where everything stands, in units of the view box, and how text is broken to fit there.

Everything is laid out for the larger text that a narrow screen gets.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from muse_domain.charts.model import FindingChart
from muse_domain.charts.ticks import ValueAxis
from muse_domain.charts.words import one_line, printable

WIDTH = 600.0
PLOT_HEIGHT = 224.0
# Width of one character of the larger (phone) text in view box units, for a wide fallback font.
CHARACTER = 11.4
HEADING_LINE = 24.0
TITLE_CHARACTERS = 46
TITLE_BREAKS = " /_-"
LABEL_CHARACTERS = 16
# One line of a stacked label in phone text.
LABEL_LINE = 23.0
# The key before the interval's note: a swatch of the band.
SWATCH = 18.0
NOTE_INDENT = 26.0
NOTE_CHARACTERS = int((WIDTH - NOTE_INDENT) / CHARACTER)


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot's rectangle in view box units, and the instants and values at its edges."""

    left: float
    right: float
    top: float
    bottom: float
    first: float
    last: float
    low: float
    high: float

    def x(self, at: datetime) -> float:
        """Where an instant lies."""
        share = (at.timestamp() - self.first) / (self.last - self.first)
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        """Where a value lies."""
        # Halves, because the distance between two huge values of opposite sign is not a float.
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.bottom - share * (self.bottom - self.top)


def plot_frame(chart: FindingChart, heading_lines: int, axis: ValueAxis) -> Frame:
    """The plot below the heading and the labels of the verticals, beside those of the levels."""
    top = 16 + HEADING_LINE * heading_lines
    top += 30 if chart.changed_at else 0
    top += 26 if chart.crossings else 0
    first, last = chart.span
    return Frame(
        left=max(len(label) for _, label in axis.ticks) * CHARACTER + 10,
        right=WIDTH - _label_gutter(chart),
        top=top,
        bottom=top + PLOT_HEIGHT,
        first=first,
        last=last,
        low=axis.low,
        high=axis.high,
    )


def heading_y(number: int) -> float:
    """The base line of the heading's line `number`, from 0."""
    return 18 + HEADING_LINE * number


def _label_gutter(chart: FindingChart) -> float:
    longest = max((len(line) for label, _, _ in chart.levels for line in label_lines(label)), default=0)
    return 18 + max(min(longest, LABEL_CHARACTERS), 6) * CHARACTER if chart.levels else 8.0


def title_lines(title: str) -> list[str]:
    """At most two lines; a longer title loses its middle, since both ends tell benchmarks apart."""
    text = one_line(title)
    if len(text) <= TITLE_CHARACTERS:
        return [text]
    cut = max(text.rfind(mark, 0, TITLE_CHARACTERS) for mark in TITLE_BREAKS)
    cut = cut + 1 if cut > TITLE_CHARACTERS // 2 else TITLE_CHARACTERS
    head, rest = text[:cut].strip(), text[cut:].strip()
    if len(rest) <= TITLE_CHARACTERS:
        return [head, rest]
    tail = rest[1 - TITLE_CHARACTERS :]
    start = min((found for mark in TITLE_BREAKS if (found := tail.find(mark)) >= 0), default=0)
    return [head, "…" + (tail[start:] if start < TITLE_CHARACTERS // 2 else tail)]


def label_lines(label: str) -> list[str]:
    """A long value and its unit stand under each other, to keep the plot wide."""
    text = printable(label)
    # A label may bind its unit with a space that does not break; here it may.
    return re.split(r"\s", text, maxsplit=1) if len(text) > 8 else [text]


def beside(x: float, text: str) -> tuple[float, str, float]:
    """Position and anchor of a label at a vertical line, and where the label begins."""
    width = len(text) * CHARACTER
    return (x - 1, "start", x - 1) if x + width <= WIDTH else (x + 1, "end", x + 1 - width)


def spread(heights: Sequence[float], room: float, frame: Frame) -> list[float]:
    """Moves two labels apart until they do not touch, without leaving the plot."""
    if len(heights) < 2 or abs(heights[0] - heights[1]) >= room:
        return list(heights)
    half = room / 2
    middle = min(max(sum(heights) / 2, frame.top + half), frame.bottom - half)
    return [middle + half, middle - half] if heights[0] > heights[1] else [middle - half, middle + half]
