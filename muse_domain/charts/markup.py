"""SVG elements as text: everything in them is escaped, and numbers have one decimal at most."""

from xml.sax.saxutils import escape, quoteattr

from muse_domain.charts.words import printable

Attributes = dict[str, str | float]


def tag(name: str, attributes: Attributes, content: str | None = None) -> str:
    """One element; attributes without a value are left out. `content` is markup already."""
    given = ((key, plain(value)) for key, value in attributes.items())
    written = "".join(f" {key}={quoteattr(value)}" for key, value in given if value)
    return f"<{name}{written}/>" if content is None else f"<{name}{written}>{content}</{name}>"


def titled(title: str, content: str) -> str:
    """A group that says what it is when it is pointed at."""
    return tag("g", {}, tag("title", {}, escaped(title)) + content)


def text(content: str, x: float, y: float, classes: str = "", anchor: str = "start") -> str:
    """A line of text from outside or of ours."""
    return tag("text", {"class": classes, "x": x, "y": y, "text-anchor": anchor}, escaped(content))


def line(classes: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """A straight line."""
    return tag("line", {"class": classes, "x1": x1, "y1": y1, "x2": x2, "y2": y2})


def box(classes: str, x: float, y: float, width: float, height: float) -> str:
    """A filled rectangle."""
    return tag("rect", {"class": classes, "x": x, "y": y, "width": width, "height": height})


def escaped(content: str) -> str:
    """Text from outside as the content of an element."""
    return escape(printable(content))


def plain(value: str | float) -> str:
    """A coordinate to a tenth of a unit."""
    if isinstance(value, str):
        return value
    # Adding 0.0 turns -0.0 into 0.0.
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
