"""How a fact is shown, and which slots a writer may use.

A slot is a phrase that explains itself ("from 12.1 ms to 14.3 ms"): a writer cannot put the value before
where the value after belongs, because it never gets hold of either alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from muse_domain.facts import Fact

Style = Literal["plain", "signed", "bare"]

COUNTED = {
    "run": "runs",
    "commit": "commits",
    "series": "series",
    "session": "sessions",
    "event": "events",
    "hour": "hours",
    "finding": "findings",
}

SLOT = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a phrase where a fact is shown."""

    fact: str
    style: Style = "plain"


Phrase = tuple["str | Citation", ...]

FINDING_PHRASES: Mapping[str, Phrase] = {
    "name": (Citation("name"),),
    "metric": (Citation("metric"),),
    "change": (Citation("change"),),
    "shift": ("from ", Citation("before"), " to ", Citation("after")),
    "interval": ("between ", Citation("low"), " and ", Citation("high")),
    "runs": (Citation("n_before"), " before and ", Citation("n_after"), " since"),
    "significance": (Citation("p_value"),),
    "since": (Citation("changed_at"),),
    "commit": (Citation("commit"),),
    "commit_subject": (Citation("commit_subject"),),
    "suspects": (Citation("suspects"),),
    "relation": (Citation("relation"), " over ", Citation("relation_hours")),
}


class UnknownSlot(KeyError):
    """A text names a slot that the day's fact sheet does not offer."""


FactSheet = Mapping[str, Fact]


def phrase(subject: str, name: str, sheet: FactSheet) -> Phrase:
    """The phrase of slot `{{subject.name}}`, its citations naming whole fact ids. Raises UnknownSlot."""
    parts = (Citation(name),) if subject == "day" else FINDING_PHRASES.get(name)
    if parts is None:
        raise UnknownSlot(f"{subject}.{name}")
    whole = tuple(
        Citation(f"{subject}.{part.fact}", part.style) if isinstance(part, Citation) else part for part in parts
    )
    for part in whole:
        if isinstance(part, Citation) and (part.fact not in sheet or is_absent(sheet[part.fact])):
            raise UnknownSlot(f"{subject}.{name}")
    return whole


def is_absent(fact: Fact) -> bool:
    """Whether the fact was not measured."""
    return fact.value is None and fact.text is None


def offered_slots(sheet: FactSheet) -> list[str]:
    """Every slot that a writer may use for this sheet, in order."""
    subjects = sorted({fact.spec.subject for fact in sheet.values()})
    names = {
        subject: [f.fact_id.split(".", 1)[1] for f in sheet.values() if f.spec.subject == subject]
        if subject == "day"
        else list(FINDING_PHRASES)
        for subject in subjects
    }
    return [f"{subject}.{name}" for subject in subjects for name in names[subject] if _offers(subject, name, sheet)]


def _offers(subject: str, name: str, sheet: FactSheet) -> bool:
    try:
        phrase(subject, name, sheet)
    except UnknownSlot:
        return False
    return True


def show(fact: Fact, style: Style = "plain") -> str:
    """The fact as readers see it. `signed` shows the sign, `bare` leaves the unit out."""
    if fact.text is not None:
        return _show_text(fact.text, fact.spec.unit)
    if fact.value is None:
        raise ValueError(f"{fact.fact_id} was not measured ({fact.reason}) and cannot be shown")
    return _show_value(fact.value, fact.spec.unit, style)


def _show_text(text: str, unit: str) -> str:
    if unit == "commit":
        return f"`{text[:7]}`"
    if unit == "code":
        return "`" + text.replace("`", "'").replace("|", "/").replace("\n", " ") + "`"
    if unit == "instant":
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")
    if unit == "quote":
        return "“" + plain_text(text, 90) + "”"
    return plain_text(text, 200)


def plain_text(text: str, longest: int) -> str:
    """Untrusted text as plain words: markup, links and control characters cannot survive in it."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    kept = re.sub(r"[<>\[\](){}`*_~|#\\!&$“”\"]+", " ", kept)
    kept = re.sub(r"\b(?:https?|ftp)://\S+|\bwww\.\S+|\S+@\S+\.\S+", "…", kept)
    kept = re.sub(r"\s+", " ", kept).strip()
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def _show_value(value: float, unit: str, style: Style) -> str:
    if unit in COUNTED:
        number = f"{value:,.0f}"
        return number if style == "bare" else f"{number} {unit if value == 1 else COUNTED[unit]}"
    if unit == "p":
        return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
    if unit == "rho":
        return f"ρ = {value:.2f}"
    number = _significant(abs(value)) if unit != "%" else _percent(abs(value))
    sign = ("+" if value > 0 else "−" if value < 0 else "") if style == "signed" else "−" if _shows_minus(value, unit) else ""
    return f"{sign}{number}" if style == "bare" or not unit else f"{sign}{number} {unit}"


def _shows_minus(value: float, unit: str) -> bool:
    # A change in percent is told as a size; the direction stands in the words, and is checked there.
    return value < 0 and unit != "%"


def _percent(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _significant(value: float) -> str:
    """Three significant digits, never in scientific notation."""
    if value == 0:
        return "0"
    if value >= 1000:
        return f"{value:,.0f}"
    digits = 2 - _magnitude(value)
    return f"{value:.{max(digits, 0)}f}"


def _magnitude(value: float) -> int:
    return int(f"{value:.2e}".split("e")[1])
