"""One finding as an SVG picture: the single runs, both medians, and where the change lies.

The picture must work as a file (GitHub shows it through `<img>`, where no outer style reaches it) and
inlined in a page, where the page's `data-theme` wins over the system's preference. Text is sized in
units of the view box, so a media query enlarges it where the picture is small: at 360 px the labels
still have the size of a caption. Everything is laid out for that larger text.

Pure and deterministic: the same chart is always the same bytes.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

Segment = Literal["earlier", "before", "after"]
SEGMENTS: tuple[Segment, ...] = ("earlier", "before", "after")

WIDTH = 600.0
PLOT_HEIGHT = 224.0
# Width of one character of the larger (phone) text in view box units, for a wide fallback font.
CHARACTER = 11.4
TITLE_CHARACTERS = 46
TITLE_BREAKS = " /_-"
LABEL_CHARACTERS = 16
# One line of a stacked label in phone text.
LABEL_LINE = 23.0
DENSE_POINTS = 240
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"))

STYLE = """
.muc{--muc-paper:#fff;--muc-ink:#171a21;--muc-muted:#596070;--muc-dot:#8d95a5;--muc-faint:#c3c8d2;
--muc-hair:#e6e8ed;--muc-accent:#2a3fce;
font-family:-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",system-ui,sans-serif;
font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){.muc{--muc-paper:#0f1116;--muc-ink:#eceef3;--muc-muted:#a3abbb;
--muc-dot:#7d8698;--muc-faint:#485063;--muc-hair:#242934;--muc-accent:#9db0ff}}
:root[data-theme="light"] .muc{--muc-paper:#fff;--muc-ink:#171a21;--muc-muted:#596070;--muc-dot:#8d95a5;
--muc-faint:#c3c8d2;--muc-hair:#e6e8ed;--muc-accent:#2a3fce}
:root[data-theme="dark"] .muc{--muc-paper:#0f1116;--muc-ink:#eceef3;--muc-muted:#a3abbb;--muc-dot:#7d8698;
--muc-faint:#485063;--muc-hair:#242934;--muc-accent:#9db0ff}
.muc text{font-size:12px;fill:var(--muc-muted)}
.muc .muc-title{font-size:15px;font-weight:650;fill:var(--muc-ink)}
.muc .muc-value{font-size:15px;font-weight:650}
.muc .muc-note{paint-order:stroke;stroke:var(--muc-paper);stroke-width:5px;stroke-linejoin:round}
.muc .muc-ink{fill:var(--muc-ink)}
.muc .muc-lit{fill:var(--muc-accent)}
.muc-paper{fill:var(--muc-paper)}
.muc-wash{fill:var(--muc-accent);opacity:.045}
.muc line,.muc polyline{fill:none;stroke:var(--muc-hair);stroke-width:1}
.muc .muc-axis{stroke:var(--muc-faint)}
.muc .muc-change{stroke:var(--muc-ink);stroke-width:1.25}
.muc .muc-environment{stroke:var(--muc-muted);stroke-dasharray:3 4}
.muc .muc-median-before{stroke:var(--muc-muted);stroke-width:2}
.muc .muc-median-after{stroke:var(--muc-accent);stroke-width:2.5}
.muc .muc-reference{stroke:var(--muc-muted);stroke-dasharray:1 4;stroke-linecap:round}
.muc .muc-leader{stroke:var(--muc-faint)}
.muc-earlier{fill:var(--muc-faint)}
.muc-before{fill:var(--muc-dot)}
.muc-after{fill:var(--muc-accent)}
.muc-dense circle{fill-opacity:.5}
@media (max-width:520px){.muc text{font-size:19px}.muc .muc-title,.muc .muc-value{font-size:20px}
.muc .muc-wide{display:none}.muc circle{r:4px}.muc .muc-dense circle{r:3px}}
""".strip()


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One run: when (aware UTC), how much, of which commit, and on which side of the change."""

    ts: datetime
    value: float
    commit_sha: str | None
    segment: Segment


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
    environment_changes: tuple[datetime, ...]
    better: Literal["lower", "higher", "none"]


@dataclass(frozen=True, slots=True)
class _Tick:
    position: float
    label: str


@dataclass(frozen=True, slots=True)
class _Frame:
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
        share = (at.timestamp() - self.first) / (self.last - self.first)
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        # Halves, because the distance between two huge values of opposite sign is not a float.
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.bottom - share * (self.bottom - self.top)


def render_chart(chart: FindingChart) -> str:
    """The chart as one `<svg>` element.

    Raises ValueError without points, and for a value that is not a finite number.
    """
    _require_drawable(chart)
    title = _title_lines(chart.title)
    ticks, low, high = _value_ticks(_shown_values(chart))
    frame = _frame(chart, len(title), ticks, low, high)
    parts = [
        *_heading(chart, title),
        *_value_axis(frame, ticks),
        *_time_axis(chart, frame),
        *_environment(chart, frame),
        *_change(chart, frame),
        *_points(chart, frame),
        *_medians(chart, frame),
        *_median_labels(chart, frame),
    ]
    return _document(chart, frame.bottom + 34, parts)


def chart_alt_text(chart: FindingChart) -> str:
    """One sentence saying what one sees. Its only numbers are the labels that the chart was given."""
    name = _one_line(chart.title)
    if chart.before_median is None or chart.after_median is None:
        known = chart.after_label if chart.after_median is not None else chart.before_label
        tail = f" with a median of {known}" if known else " without a median to compare"
        return f"{name}: single runs over time{tail}{_environment_phrase(chart)}."
    moved = _movement(chart, chart.before_median, chart.after_median)
    return f"{name}: the median {moved}{_environment_phrase(chart)}."


def _require_drawable(chart: FindingChart) -> None:
    if not chart.points:
        raise ValueError("a chart needs at least one point")
    for value in _shown_values(chart):
        if not math.isfinite(value):
            raise ValueError(f"a chart cannot show the value {value}")


def _shown_values(chart: FindingChart) -> list[float]:
    medians = [value for value in (chart.before_median, chart.after_median) if value is not None]
    return [*(point.value for point in chart.points), *medians]


def _movement(chart: FindingChart, before: float, after: float) -> str:
    if after == before:
        return f"stayed at {chart.after_label}"
    verb = "rose" if after > before else "fell"
    moved = f"{verb} from {chart.before_label} before the change to {chart.after_label} after it"
    if chart.better == "none":
        return moved
    improved = (after < before) == (chart.better == "lower")
    return moved + (", an improvement" if improved else ", a regression")


def _environment_phrase(chart: FindingChart) -> str:
    return "; the environment changed within this time" if chart.environment_changes else ""


def _one_line(text: str) -> str:
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    # XML 1.0 cannot hold control characters at all, not even escaped.
    return NOT_XML.sub(" ", text)


def _text(content: str, x: float, y: float, classes: str = "", anchor: str = "start") -> str:
    attributes: dict[str, str | float] = {"class": classes, "x": x, "y": y, "text-anchor": anchor}
    return _tag("text", attributes, escape(_printable(content)))


def _tag(name: str, attributes: dict[str, str | float], content: str | None = None) -> str:
    given = ((key, _plain(value)) for key, value in attributes.items())
    written = "".join(f" {key}={quoteattr(value)}" for key, value in given if value)
    return f"<{name}{written}/>" if content is None else f"<{name}{written}>{content}</{name}>"


def _plain(value: str | float) -> str:
    if isinstance(value, str):
        return value
    # Adding 0.0 turns -0.0 into 0.0.
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _line(classes: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return _tag("line", {"class": classes, "x1": x1, "y1": y1, "x2": x2, "y2": y2})


def _document(chart: FindingChart, height: float, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    # Ids must differ between the charts of one page.
    key = hashlib.sha256((chart.title + body).encode()).hexdigest()[:10]
    attributes: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "muc",
        "role": "img",
        "width": 720,
        "height": height * 1.2,
        "viewBox": f"0 0 {_plain(WIDTH)} {_plain(height)}",
        "aria-labelledby": f"muc-{key}-t muc-{key}-d",
    }
    head = (
        _tag("title", {"id": f"muc-{key}-t"}, escape(_one_line(chart.title))),
        _tag("desc", {"id": f"muc-{key}-d"}, escape(_printable(chart_alt_text(chart)))),
        _tag("style", {}, STYLE),
        _tag("rect", {"class": "muc-paper", "width": WIDTH, "height": height}),
    )
    return _tag("svg", attributes, "\n" + "\n".join(head) + "\n" + body + "\n") + "\n"


def _title_lines(title: str) -> list[str]:
    """At most two lines; a longer title loses its middle, since both ends tell benchmarks apart."""
    text = _one_line(title)
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


def _heading(chart: FindingChart, title: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(title):
        yield _text(line, 0, 18 + 24 * number, "muc-title")
    direction = {"lower": "lower is better", "higher": "higher is better", "none": ""}[chart.better]
    note = ", ".join(part for part in (_one_line(chart.unit), direction) if part)
    yield _text(note, 0, 18 + 24 * len(title))


def _frame(chart: FindingChart, title_lines: int, ticks: Sequence[_Tick], low: float, high: float) -> _Frame:
    top = 28 + 24.0 * title_lines
    top += 30 if chart.changed_at else 0
    top += 26 if _environment_shown(chart) else 0
    first, last = _time_span(chart)
    return _Frame(
        left=max(len(tick.label) for tick in ticks) * CHARACTER + 10,
        right=WIDTH - _label_gutter(chart),
        top=top + 12,
        bottom=top + 12 + PLOT_HEIGHT,
        first=first,
        last=last,
        low=low,
        high=high,
    )


def _label_gutter(chart: FindingChart) -> float:
    shown = [label for label, median, _ in _labelled(chart) if median is not None]
    longest = max((len(line) for label in shown for line in _label_lines(label)), default=0)
    return 18 + max(min(longest, LABEL_CHARACTERS), 6) * CHARACTER if shown else 8.0


def _labelled(chart: FindingChart) -> tuple[tuple[str, float | None, str], ...]:
    return (
        (chart.before_label, chart.before_median, "before"),
        (chart.after_label, chart.after_median, "after"),
    )


def _label_lines(label: str) -> list[str]:
    """A long value and its unit stand under each other, to keep the plot wide."""
    text = _printable(label)
    # A label may bind its unit with a space that does not break; here it may.
    return re.split(r"\s", text, maxsplit=1) if len(text) > 8 else [text]


def _time_span(chart: FindingChart) -> tuple[float, float]:
    instants = [point.ts.timestamp() for point in chart.points]
    if chart.changed_at:
        instants.append(chart.changed_at.timestamp())
    first, last = min(instants), max(instants)
    margin = (last - first) * 0.02 or 43_200.0
    return first - margin, last + margin


def _value_ticks(values: Sequence[float]) -> tuple[list[_Tick], float, float]:
    """Round ticks for the value axis, and the lowest and highest value that the axis shows."""
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
    values = [number * step for number in range(first, last + 1)]
    return list(map(_Tick, values, _tick_labels(values, step))), low, high


def _clip(value: float) -> float:
    return max(min(value, 1e308), -1e308)


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= rough), 10 * power)


def _tick_labels(ticks: Sequence[float], step: float) -> list[str]:
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


def _value_axis(frame: _Frame, ticks: Sequence[_Tick]) -> Iterator[str]:
    for tick in ticks:
        y = frame.y(tick.position)
        yield _line("", frame.left, y, frame.right, y)
        yield _tag("text", {"x": frame.left - 8, "y": y, "dy": "0.35em", "text-anchor": "end"}, escape(tick.label))


def _time_axis(chart: FindingChart, frame: _Frame) -> Iterator[str]:
    yield _line("muc-axis", frame.left, frame.bottom, frame.right, frame.bottom)
    ticks = _time_ticks(chart)
    for number, (at, label) in enumerate(ticks):
        # Where text is large there is room for every second date only.
        classes = "muc-wide" if len(ticks) > 3 and number % 2 else ""
        x = frame.x(at)
        mark = _line("muc-axis", x, frame.bottom, x, frame.bottom + 5)
        yield _tag("g", {"class": classes}, mark + _text(label, x, frame.bottom + 26, "", "middle"))


def _time_ticks(chart: FindingChart) -> list[tuple[datetime, str]]:
    first, last = _time_span(chart)
    start, end = _instant(first), _instant(last)
    moments = [point.ts for point in chart.points] + ([chart.changed_at] if chart.changed_at else [])
    if min(moments) == max(moments):
        return [(moments[0], _day(moments[0], year=True))]
    steps = [*_clock_ticks(start, end), *_calendar_ticks(start, end)]
    ticks = next(found for found in steps if len(found) <= 5)
    return ticks or [(min(moments), _day(min(moments), year=True))]


def _instant(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


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
        return _day(at, year=number == 0 and by_day) if is_day else f"{at:%H:%M}"

    return [(at, name(number, at)) for number, at in enumerate(moments)]


def _day(at: datetime, *, year: bool) -> str:
    return f"{at.day} {at:%b %Y}" if year else f"{at.day} {at:%b}"


def _calendar_ticks(start: datetime, end: datetime) -> Iterator[list[tuple[datetime, str]]]:
    """Ticks every so many months, up to centuries."""
    for step in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 12_000):
        first = -(-(start.year * 12 + start.month) // step) * step
        months = range(first, end.year * 12 + end.month, step)
        yield [(at, f"{at:%Y}" if step >= 12 else f"{at:%b %Y}") for at in map(_month, months)]


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _environment_shown(chart: FindingChart) -> list[datetime]:
    """Changes outside the time shown tell nothing about the points shown."""
    first, last = _time_span(chart)
    return sorted({at for at in chart.environment_changes if first <= at.timestamp() <= last})


def _environment(chart: FindingChart, frame: _Frame) -> Iterator[str]:
    free_from = -math.inf
    for at in _environment_shown(chart):
        x = frame.x(at)
        line = _line("muc-environment", x, frame.top - 12, x, frame.bottom)
        label, anchor, start = _beside(x, "environment")
        text = _text("environment", label, frame.top - 18, "muc-note", anchor) if start >= free_from else ""
        free_from = max(free_from, start + 12 * CHARACTER if text else free_from)
        yield _tag("g", {}, _tag("title", {}, f"Environment changed {_moment(at)}") + line + text)


def _beside(x: float, text: str) -> tuple[float, str, float]:
    """Position and anchor of a label at a vertical line, and where the label begins."""
    width = len(text) * CHARACTER
    return (x - 1, "start", x - 1) if x + width <= WIDTH else (x + 1, "end", x + 1 - width)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _change(chart: FindingChart, frame: _Frame) -> Iterator[str]:
    if chart.changed_at is None:
        return
    x = frame.x(chart.changed_at)
    rise = 40 if _environment_shown(chart) else 12
    label = f"changed {_day(chart.changed_at, year=True)}"
    at, anchor, _ = _beside(x, label)
    width = frame.right - x
    yield _tag("rect", {"class": "muc-wash", "x": x, "y": frame.top, "width": width, "height": PLOT_HEIGHT})
    line = _line("muc-change", x, frame.top - rise, x, frame.bottom)
    text = _text(label, at, frame.top - rise - 6, "muc-note muc-ink", anchor)
    yield _tag("g", {}, _tag("title", {}, f"Changed {_moment(chart.changed_at)}") + line + text)


def _points(chart: FindingChart, frame: _Frame) -> Iterator[str]:
    dense = len(chart.points) > DENSE_POINTS
    radius = 2.0 if dense else 3.0
    for segment in SEGMENTS:
        inside = (point for point in chart.points if point.segment == segment)
        dots = [_dot(point, chart.unit, frame, radius) for point in inside]
        if dots:
            yield _tag("g", {"class": f"muc-{segment}{' muc-dense' * dense}"}, "\n".join(dots))


def _dot(point: ChartPoint, unit: str, frame: _Frame, radius: float) -> str:
    commit = point.commit_sha[:7] if point.commit_sha else "no commit"
    value = " ".join(f"{point.value:.6g} {unit}".split())
    told = escape(_printable(f"{_moment(point.ts)}, {value}, {commit}"))
    place: dict[str, str | float] = {"cx": frame.x(point.ts), "cy": frame.y(point.value), "r": radius}
    return _tag("circle", place, _tag("title", {}, told))


def _medians(chart: FindingChart, frame: _Frame) -> Iterator[str]:
    change = frame.x(chart.changed_at) if chart.changed_at else None
    if chart.before_median is not None:
        start, end = _extent(chart, "before", frame)
        end = end if change is None else change
        y = frame.y(chart.before_median)
        # The old median goes on faintly under the new runs: the gap between the lines is the finding.
        yield _line("muc-reference", end, y, frame.right, y)
        yield _line("muc-median-before", min(start, end), y, end, y)
    if chart.after_median is not None:
        start, _ = _extent(chart, "after", frame)
        y = frame.y(chart.after_median)
        yield _line("muc-median-after", start if change is None else change, y, frame.right, y)


def _extent(chart: FindingChart, segment: Segment, frame: _Frame) -> tuple[float, float]:
    found = [frame.x(point.ts) for point in chart.points if point.segment == segment]
    return (min(found), max(found)) if found else (frame.left, frame.right)


def _median_labels(chart: FindingChart, frame: _Frame) -> Iterator[str]:
    shown = [(label, median, word) for label, median, word in _labelled(chart) if median is not None]
    exact = [frame.y(median) for _, median, _ in shown]
    room = LABEL_LINE * max((1 + len(_label_lines(label)) for label, _, _ in shown), default=0)
    for (label, _, word), at, y in zip(shown, exact, _spread(exact, room, frame), strict=True):
        if abs(at - y) > 1:
            yield _leader(frame.right, at, y)
        yield _stacked([*_label_lines(label), word], frame.right + 12, y)


def _leader(x: float, line_y: float, label_y: float) -> str:
    corners = f"{_plain(x)},{_plain(line_y)} {_plain(x + 9)},{_plain(label_y)}"
    return _tag("polyline", {"class": "muc-leader", "points": corners})


def _spread(heights: Sequence[float], room: float, frame: _Frame) -> list[float]:
    """Moves two labels apart until they do not touch, without leaving the plot."""
    if len(heights) < 2 or abs(heights[0] - heights[1]) >= room:
        return list(heights)
    half = room / 2
    middle = min(max(sum(heights) / 2, frame.top + half), frame.bottom - half)
    return [middle + half, middle - half] if heights[0] > heights[1] else [middle - half, middle + half]


def _stacked(lines: Sequence[str], x: float, y: float) -> str:
    colour = "muc-lit" if lines[-1] == "after" else "muc-ink"
    first = _span(lines[0], f"muc-value {colour}", x, "")
    return _tag("text", {"x": x, "y": y}, first + "".join(_span(line, "", x, "1.2em") for line in lines[1:]))


def _span(content: str, classes: str, x: float, down: str) -> str:
    return _tag("tspan", {"class": classes, "x": x, "dy": down}, escape(content))
