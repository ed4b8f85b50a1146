"""One finding as an SVG picture: the single runs, both medians, the interval, and where the change lies.

The picture must work as a file (GitHub shows it through `<img>`, where no outer style reaches it) and
inlined in a page, where the page's `data-theme` wins over the system's preference. Text is sized in
units of the view box, so a media query enlarges it where the picture is small: at 360 px the labels
still have the size of a caption.

Pure and deterministic: the same chart is always the same bytes.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence

from muse_domain.charts.layout import (
    CHARACTER,
    LABEL_LINE,
    NOTE_CHARACTERS,
    NOTE_INDENT,
    PLOT_HEIGHT,
    SWATCH,
    WIDTH,
    Frame,
    beside,
    heading_y,
    label_lines,
    plot_frame,
    spread,
    title_lines,
)
from muse_domain.charts.markup import Attributes, box, escaped, line, plain, tag, text, titled
from muse_domain.charts.model import SEGMENTS, ChartPoint, FindingChart, Segment, drawn_values
from muse_domain.charts.style import STYLE
from muse_domain.charts.ticks import ValueAxis, time_ticks, value_axis
from muse_domain.charts.words import SHORT_SHA, chart_alt_text, day, interval_note, interval_words, moment, one_line

DENSE_POINTS = 240


def render_chart(chart: FindingChart) -> str:
    """The chart as one `<svg>` element.

    Raises ValueError without points, and for a value that is not a finite number.
    """
    axis = value_axis(drawn_values(chart))
    title = title_lines(chart.title)
    frame = plot_frame(chart, len(title) + 2, axis)
    parts = [
        *_heading(chart, title),
        *_value_axis(frame, axis),
        *_time_axis(chart, frame),
        *_environment(chart, frame),
        *_change(chart, frame),
        *_interval(chart, frame),
        *_points(chart, frame),
        *_medians(chart, frame),
        *_median_labels(chart, frame),
    ]
    return _document(chart, frame.bottom + 34, parts)


def _document(chart: FindingChart, height: float, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    # Ids must differ between the charts of one page.
    key = hashlib.sha256((chart.title + body).encode()).hexdigest()[:10]
    attributes: Attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "muc",
        "role": "img",
        "width": 720,
        "height": height * 1.2,
        "viewBox": f"0 0 {plain(WIDTH)} {plain(height)}",
        "aria-labelledby": f"muc-{key}-t muc-{key}-d",
    }
    head = (
        tag("title", {"id": f"muc-{key}-t"}, escaped(one_line(chart.title))),
        tag("desc", {"id": f"muc-{key}-d"}, escaped(chart_alt_text(chart))),
        tag("style", {}, STYLE),
        tag("rect", {"class": "muc-paper", "width": WIDTH, "height": height}),
    )
    return tag("svg", attributes, "\n" + "\n".join(head) + "\n" + body + "\n") + "\n"


def _heading(chart: FindingChart, title: Sequence[str]) -> Iterator[str]:
    for number, words in enumerate(title):
        yield text(words, 0, heading_y(number), "muc-title")
    direction = {"lower": "lower is better", "higher": "higher is better", "none": ""}[chart.better]
    note = ", ".join(part for part in (one_line(chart.unit), direction) if part)
    yield text(note, 0, heading_y(len(title)))
    y = heading_y(len(title) + 1)
    if chart.interval is not None:
        yield box("muc-interval", 0, y - 11, SWATCH, 12)
        yield line("muc-bound", 0, y - 11, SWATCH, y - 11)
        yield line("muc-bound", 0, y + 1, SWATCH, y + 1)
    yield text(interval_note(chart, NOTE_CHARACTERS), NOTE_INDENT if chart.interval else 0, y)


def _value_axis(frame: Frame, axis: ValueAxis) -> Iterator[str]:
    for value, label in axis.ticks:
        y = frame.y(value)
        yield line("", frame.left, y, frame.right, y)
        yield tag("text", {"x": frame.left - 8, "y": y, "dy": "0.35em", "text-anchor": "end"}, escaped(label))


def _time_axis(chart: FindingChart, frame: Frame) -> Iterator[str]:
    yield line("muc-axis", frame.left, frame.bottom, frame.right, frame.bottom)
    ticks = time_ticks(chart)
    for number, (at, label) in enumerate(ticks):
        # Where text is large there is room for every second date only.
        classes = "muc-wide" if len(ticks) > 3 and number % 2 else ""
        x = frame.x(at)
        mark = line("muc-axis", x, frame.bottom, x, frame.bottom + 5)
        yield tag("g", {"class": classes}, mark + text(label, x, frame.bottom + 26, "", "middle"))


def _environment(chart: FindingChart, frame: Frame) -> Iterator[str]:
    free_from = -math.inf
    for at in chart.crossings:
        x = frame.x(at)
        label, anchor, start = beside(x, "environment")
        words = text("environment", label, frame.top - 18, "muc-note", anchor) if start >= free_from else ""
        free_from = max(free_from, start + 12 * CHARACTER if words else free_from)
        mark = line("muc-environment", x, frame.top - 12, x, frame.bottom)
        yield titled(f"Environment changed {moment(at)}", mark + words)


def _change(chart: FindingChart, frame: Frame) -> Iterator[str]:
    if chart.changed_at is None:
        return
    x = frame.x(chart.changed_at)
    rise = 40 if chart.crossings else 12
    said = "refuted change of" if chart.is_refuted else "changed"
    label = f"{said} {day(chart.changed_at, year=True)}"
    at, anchor, _ = beside(x, label)
    yield box("muc-wash", x, frame.top, frame.right - x, PLOT_HEIGHT)
    mark = line("muc-change", x, frame.top - rise, x, frame.bottom)
    words = text(label, at, frame.top - rise - 6, "muc-note muc-ink", anchor)
    yield titled(f"{said.capitalize()} {moment(chart.changed_at)}", mark + words)


def _interval(chart: FindingChart, frame: Frame) -> Iterator[str]:
    """A band over the runs since the change, with both bounds drawn: a narrow band is no wider than its median."""
    if chart.interval is None:
        return
    start, end = _start_after(chart, frame), frame.right
    top, bottom = frame.y(chart.interval.high), frame.y(chart.interval.low)
    band = box("muc-interval", start, top, end - start, bottom - top)
    bounds = [line("muc-bound", start, y, end, y) for y in (top, bottom)]
    yield titled(f"{interval_words(chart).capitalize()}: {chart.interval.label}", band + "".join(bounds))


def _points(chart: FindingChart, frame: Frame) -> Iterator[str]:
    dense = len(chart.points) > DENSE_POINTS
    radius = 2.0 if dense else 3.0
    for segment in SEGMENTS:
        inside = (point for point in chart.points if point.segment == segment)
        dots = [_dot(point, chart.unit, frame, radius) for point in inside]
        if dots:
            yield tag("g", {"class": f"muc-{segment}{' muc-dense' * dense}"}, "\n".join(dots))


def _dot(point: ChartPoint, unit: str, frame: Frame, radius: float) -> str:
    commit = point.commit_sha[:SHORT_SHA] if point.commit_sha else "no commit"
    value = " ".join(f"{point.value:.6g} {unit}".split())
    told = escaped(f"{moment(point.ts)}, {value}, {commit}")
    place: Attributes = {"cx": frame.x(point.ts), "cy": frame.y(point.value), "r": radius}
    return tag("circle", place, tag("title", {}, told))


def _medians(chart: FindingChart, frame: Frame) -> Iterator[str]:
    if chart.before_median is not None:
        start, end = _extent(chart, "before", frame)
        end = frame.x(chart.changed_at) if chart.changed_at else end
        y = frame.y(chart.before_median)
        # The old median goes on faintly under the new runs: the gap between the lines is the finding.
        yield line("muc-reference", end, y, frame.right, y)
        yield line("muc-median-before", min(start, end), y, end, y)
    if chart.after_median is not None:
        y = frame.y(chart.after_median)
        yield line("muc-median-after", _start_after(chart, frame), y, frame.right, y)


def _start_after(chart: FindingChart, frame: Frame) -> float:
    return frame.x(chart.changed_at) if chart.changed_at else _extent(chart, "after", frame)[0]


def _extent(chart: FindingChart, segment: Segment, frame: Frame) -> tuple[float, float]:
    found = [frame.x(point.ts) for point in chart.points if point.segment == segment]
    return (min(found), max(found)) if found else (frame.left, frame.right)


def _median_labels(chart: FindingChart, frame: Frame) -> Iterator[str]:
    exact = [frame.y(median) for _, median, _ in chart.levels]
    room = LABEL_LINE * max((1 + len(label_lines(label)) for label, _, _ in chart.levels), default=0)
    for (label, _, word), at, y in zip(chart.levels, exact, spread(exact, room, frame), strict=True):
        if abs(at - y) > 1:
            yield _leader(frame.right, at, y)
        yield _stacked([*label_lines(label), word], frame.right + 12, y)


def _leader(x: float, line_y: float, label_y: float) -> str:
    corners = f"{plain(x)},{plain(line_y)} {plain(x + 9)},{plain(label_y)}"
    return tag("polyline", {"class": "muc-leader", "points": corners})


def _stacked(lines: Sequence[str], x: float, y: float) -> str:
    colour = "muc-lit" if lines[-1] == "after" else "muc-ink"
    first = _span(lines[0], f"muc-value {colour}", x, "")
    return tag("text", {"x": x, "y": y}, first + "".join(_span(words, "", x, "1.2em") for words in lines[1:]))


def _span(content: str, classes: str, x: float, down: str) -> str:
    return tag("tspan", {"class": classes, "x": x, "dy": down}, escaped(content))
