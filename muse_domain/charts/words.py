"""What a chart says: its alt text, and text from outside in a form that every reader of it can hold."""

import re
from datetime import UTC, datetime

from muse_domain.charts.model import FindingChart

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SHORT_SHA = 7
# Not by strftime, which names them in the language of the process.
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
NO_INTERVAL = "no interval of the change is shown"


def chart_alt_text(chart: FindingChart) -> str:
    """One sentence saying what one sees. Its only numbers are the labels that the chart was given."""
    name = one_line(chart.title)
    tail = f"; {_interval_phrase(chart)}{_environment_phrase(chart)}"
    if chart.before_median is None or chart.after_median is None:
        known = chart.after_label if chart.after_median is not None else chart.before_label
        median = f" with a median of {known}" if known else " without a median to compare"
        return f"{name}: single runs over time{median}{tail}."
    return f"{name}: the median {_movement(chart, chart.before_median, chart.after_median)}{tail}."


def _movement(chart: FindingChart, before: float, after: float) -> str:
    if chart.is_refuted:
        return f"is {chart.before_label} before a change that was refuted, and {chart.after_label} after it"
    if after == before:
        return f"stayed at {chart.after_label}"
    verb = "rose" if after > before else "fell"
    moved = f"{verb} from {chart.before_label} before the change to {chart.after_label} after it"
    if chart.better == "none":
        return moved
    improved = (after < before) == (chart.better == "lower")
    return moved + (", an improvement" if improved else ", a regression")


def _interval_phrase(chart: FindingChart) -> str:
    if chart.interval is None:
        return NO_INTERVAL
    return f"the {interval_words(chart)} is {chart.interval.label}"


def interval_words(chart: FindingChart) -> str:
    """Of what the interval is one: a change that was refuted is none."""
    return "interval of what is left of it" if chart.is_refuted else "interval of the change"


def interval_note(chart: FindingChart, longest: int) -> str:
    """What the band is, in at most `longest` characters as far as its label allows."""
    if chart.interval is None:
        return NO_INTERVAL
    label = printable(chart.interval.label)
    notes = (f"{interval_words(chart)}: {label}", f"interval: {label}")
    return next((note for note in notes if len(note) <= longest), label)


def _environment_phrase(chart: FindingChart) -> str:
    return "; the environment changed within this time" if chart.environment_changes else ""


def one_line(text: str) -> str:
    """Untrusted text without control characters and line breaks."""
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """Untrusted text without what XML 1.0 cannot hold at all, not even escaped."""
    return NOT_XML.sub(" ", text)


def moment(at: datetime) -> str:
    """`2026-09-08 04:20 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def day(at: datetime, *, year: bool) -> str:
    """`8 Sep 2026`, or `8 Sep`."""
    at = at.astimezone(UTC)
    return f"{at.day} {month(at)} {at.year}" if year else f"{at.day} {month(at)}"


def month(at: datetime) -> str:
    """`Sep`."""
    return _MONTHS[at.month - 1]
