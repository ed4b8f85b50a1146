"""An episode's charts: only those that do nothing but draw, and each at the size of a word."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from muse_resources.site.model import SiteError

CHART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.svg")
DRAWING_TAGS = frozenset(
    ("svg", "g", "title", "desc", "style", "rect", "line", "polyline", "circle", "text", "tspan", "path")
)
LOADING_STYLE = re.compile(r"@import|url\(|expression|\\|<")
SPARK_WIDTH, SPARK_HEIGHT, SPARK_DOTS = 148.0, 44.0, 120


@dataclass(frozen=True, slots=True)
class Spark:
    """A chart's dots and medians at the size of a word: (x, y, segment) and (x1, x2, y, segment)."""

    dots: tuple[tuple[float, float, str], ...]
    lines: tuple[tuple[float, float, float, str], ...]


def safe_svg(svg: str, name: str) -> str:
    """The chart, if it only draws. It is inlined in a page, so it must neither run nor load anything.

    `name` is its path on the site. Raises SiteError.
    """
    if not CHART_NAME.fullmatch(name.rpartition("/")[2]):
        raise SiteError(f"{name}: is no name of a chart")
    try:
        root = ElementTree.fromstring(svg) if svg.startswith("<svg") else None
    except ElementTree.ParseError as wrong:
        raise SiteError(f"{name}: is not well-formed: {wrong}") from wrong
    if root is None:
        raise SiteError(f"{name}: is not an SVG element")
    for element in root.iter():
        problem = _danger(element)
        if problem:
            raise SiteError(f"{name}: holds {problem}, which a chart must not")
    return svg


def _danger(element: ElementTree.Element) -> str | None:
    tag = _local(element.tag)
    if tag not in DRAWING_TAGS:
        return f"<{tag}>"
    if tag == "style" and LOADING_STYLE.search(element.text or ""):
        return "a style that loads something"
    for name in (_local(name).lower() for name in element.attrib):
        if name.startswith("on") or name in ("href", "style"):
            return f"the attribute {name}"
    return None


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def spark(svg: str) -> Spark | None:
    """A chart's dots and median lines, scaled down for the list of episodes; None where it has no dots."""
    root = ElementTree.fromstring(svg)
    dots = [dot for group in root.iter() for dot in _group_dots(group)]
    lines = [line for element in root.iter() for line in _median_line(element)]
    xs = [x for x, _, _ in dots] + [x for x1, x2, _, _ in lines for x in (x1, x2)]
    ys = [y for _, y, _ in dots] + [y for _, _, y, _ in lines]
    if not dots:
        return None
    across, down = _scale(xs, SPARK_WIDTH), _scale(ys, SPARK_HEIGHT)
    thin = dots[:: -(-len(dots) // SPARK_DOTS)]
    return Spark(
        dots=tuple((across(x), down(y), segment) for x, y, segment in thin),
        lines=tuple((across(x1), across(x2), down(y), segment) for x1, x2, y, segment in lines),
    )


def _group_dots(group: ElementTree.Element) -> Iterator[tuple[float, float, str]]:
    for segment in ("earlier", "before", "after"):
        if f"muc-{segment}" in group.get("class", "").split():
            for dot in group:
                yield float(dot.get("cx", 0)), float(dot.get("cy", 0)), segment


def _median_line(element: ElementTree.Element) -> Iterator[tuple[float, float, float, str]]:
    name = element.get("class", "")
    if name in ("muc-median-before", "muc-median-after"):
        yield float(element.get("x1", 0)), float(element.get("x2", 0)), float(element.get("y1", 0)), name[11:]


def _scale(values: Sequence[float], size: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    return lambda value: round(3 + (value - low) / (high - low) * (size - 6), 1) if high > low else size / 2
