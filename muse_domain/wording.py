"""How a fact is shown, and which slots a writer may use.

A slot is a phrase that explains itself ("from 12.1 ms to 14.3 ms"): a writer cannot put the value before
where the value after belongs, because it never gets hold of either alone.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from muse_domain.facts import Fact

Style = Literal[
    "plain", "signed", "bare", "whole", "signed_whole", "tenths", "signed_tenths", "fine", "signed_fine",
    "four", "five", "six",
]  # fmt: skip

# Digits after the point of a percentage. Published ledgers name their styles: what one shows may never change.
_DECIMALS: Mapping[Style, int] = {
    "whole": 0, "signed_whole": 0, "tenths": 1, "signed_tenths": 1, "fine": 2, "signed_fine": 2,
}  # fmt: skip
_SIGNED: Mapping[Style, Style] = {
    "plain": "signed", "whole": "signed_whole", "tenths": "signed_tenths", "fine": "signed_fine",
}  # fmt: skip
_USUAL_DECIMALS, _MOST_DECIMALS = 1, 2
# Significant digits of a measured level.
_DIGITS: Mapping[Style, int] = {"four": 4, "five": 5, "six": 6}
# The reducer of what is a measured value, in a unit that its report has named.
_MEASURING = "median"
_OF_AN_INTERVAL = frozenset({"change", "low", "high"})
_LEVELS = ("before", "after")

COUNTED = {
    "run": "runs",
    "commit": "commits",
    "series": "series",
    "session": "sessions",
    "event": "events",
    "hour": "hours",
    "finding": "findings",
    "day": "days",
    "shift": "shifts",
    "check": "checks",
}

_MARKUP_SIGNS = frozenset('<>[](){}`*_~|#\\!&$“”"')

# Links with any scheme, hosts that readers turn into links, e-mail addresses and mentions.
_ADDRESS = re.compile(r"\S*://\S*|(?<!\w)www\.\S*|(?:mailto|javascript|data):\S*|\S*[@＠]\S*", re.IGNORECASE)

# Inside of a word an underscore is no emphasis: names of benchmarks keep theirs.
_INNER_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])")

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
    "new_runs": (Citation("n_after"), " at the new level"),
    "left_out": (Citation("left_out"), " in another or an unnamed environment"),
    "interval": ("between ", Citation("low"), " and ", Citation("high")),
    "runs": (Citation("n_before"), " before and ", Citation("n_after"), " since"),
    "significance": (Citation("p_value"),),
    "since": (Citation("changed_at"),),
    "commit": (Citation("commit"),),
    "same_commit": (Citation("same_commit"),),
    "commit_subject": (Citation("commit_subject"),),
    "suspects": (Citation("suspects"),),
    "suspect": (Citation("suspect"), ", which touches ", Citation("suspect_path")),
    "suspect_commit": (Citation("suspect"),),
    "relation": (Citation("relation"), " over ", Citation("relation_hours")),
    "state": ("suspected so far, with ", Citation("n_after"), " at the new level"),
    "confirmed": ("confirmed by ", Citation("n_since")),
    "returned": ("the change first told on ", Citation("returned_on"), " is undone"),
    # Offered where the reports leave it open: the fact of a known cause is not settled.
    "cause": ("the cause is ", Citation("cause"), ", as ", Citation("cause_reason")),
}

# A median of another time than the day's says so itself: one could be put in the place of the other.
_DAY_PHRASES: Mapping[str, Phrase] = {
    "user_latency_before": (Citation("user_latency_before"), " over the week before"),
}
# "Moved together" may not hide that one side went up where the other went down.
_OPPOSED_RELATION: Phrase = ("in opposite directions, ", *FINDING_PHRASES["relation"])
# Why the first suspect stands first, by what it touches.
_SUSPECT_PHRASES: Mapping[str, Phrase] = {
    "benchmark": (Citation("suspect"), ", which changes ", Citation("suspect_path"), ", the benchmark itself"),
    "named": (*FINDING_PHRASES["suspect"], ", a name that it shares with the benchmark"),
    "nothing": (Citation("suspect"), ", which lists no file of its own"),
    "aside": (Citation("suspect"), ", which touches only documentation and tests, as ", Citation("suspect_path")),
}
_TOLD_BEFORE: Phrase = ("first told on ", Citation("told_on"), " and ")
# How a shift stands that an earlier day told.
_STATE_PHRASES: Mapping[str, Phrase] = {
    "confirmed": (*_TOLD_BEFORE, *FINDING_PHRASES["confirmed"], " since"),
    "refuted": (*_TOLD_BEFORE, "refuted by ", Citation("n_since"), " since"),
}
# What a shift back means, by what it undoes.
_RETURNED_PHRASES: Mapping[str, Phrase] = {
    "regression": ("the regression first told on ", Citation("returned_on"), " is fixed"),
    "improvement": ("the improvement first told on ", Citation("returned_on"), " is lost"),
}
# An interval that holds zero needs its signs, and one that no word gives a direction.
_SIGNED_INTERVAL: Phrase = ("between ", Citation("low", "signed"), " and ", Citation("high", "signed"))
_ONLY_OF_A_SHIFT = frozenset(
    {
        "new_runs",
        "significance",
        "since",
        "commit",
        "commit_subject",
        "suspects",
        "suspect",
        "suspect_commit",
        "same_commit",
    }
)


class UnknownSlot(KeyError):
    """A text names a slot that the day's fact sheet does not offer."""


FactSheet = Mapping[str, Fact]


def phrase(subject: str, name: str, sheet: FactSheet) -> Phrase:
    """The phrase of slot `{{subject.name}}`, its citations naming whole fact ids. Raises UnknownSlot."""
    parts = _DAY_PHRASES.get(name, (Citation(name),)) if subject == "day" else _finding_phrase(subject, name, sheet)
    if parts is None:
        raise UnknownSlot(f"{subject}.{name}")
    whole = tuple(_of_subject(part, subject, sheet) if isinstance(part, Citation) else part for part in parts)
    for part in whole:
        if isinstance(part, Citation) and (part.fact not in sheet or is_absent(sheet[part.fact])):
            raise UnknownSlot(f"{subject}.{name}")
    return whole


def _of_subject(citation: Citation, subject: str, sheet: FactSheet) -> Citation:
    style = citation.style
    if citation.fact in _OF_AN_INTERVAL:
        style = percent_style(subject, sheet, is_signed=style == "signed")
    elif citation.fact in _LEVELS:
        style = level_style(subject, sheet)
    return Citation(f"{subject}.{citation.fact}", style)


def percent_style(subject: str, sheet: FactSheet, *, is_signed: bool) -> Style:
    """How a finding's change and its interval are shown: with as many digits as the interval justifies."""
    style = _percent_style(_values(subject, ("low", "high", "change"), sheet))
    return _SIGNED[style] if is_signed else style


def level_style(subject: str, sheet: FactSheet) -> Style:
    """How both levels of a finding are shown: with digits enough to read from them how far they lie apart."""
    levels = _values(subject, _LEVELS, sheet)
    apart = abs(levels[0] - levels[1]) if len(levels) == len(_LEVELS) else 0.0
    if apart == 0.0 or _text(sheet, subject, "state") == "refuted":
        return "plain"
    highest = max(map(abs, levels))
    for style in ("plain", *_DIGITS):
        if 10.0 * 10.0 ** -_last_place(highest, _DIGITS.get(style)) <= apart:
            return style
    return "six"


def _values(subject: str, names: Sequence[str], sheet: FactSheet) -> list[float]:
    facts = (sheet.get(f"{subject}.{name}") for name in names)
    return [fact.value for fact in facts if fact is not None and fact.value is not None]


def _percent_style(values: Sequence[float]) -> Style:
    decimals = _justified_decimals(values)
    if decimals == 0:
        return "whole"
    if decimals == _MOST_DECIMALS:
        return "fine"
    ends = [_percent(abs(value), "plain") for value in values[:2]]
    # From a hundred on the usual style has no tenths, and would show 149.6 to 150.4 as one value.
    return "tenths" if len(set(ends)) < len(set(values[:2])) else "plain"


def _justified_decimals(values: Sequence[float]) -> int:
    """Of the two ends of an interval and what lies in it.

    Half the interval keeps two digits up to 354 of a thousand, else one, and the values end where it does (Particle
    Data Group, Review of Particle Physics, 5.3). What is not nought may not be shown as nought.
    """
    half = abs(values[1] - values[0]) / 2.0 if len(values) > 1 else 0.0
    if half == 0.0 or not math.isfinite(half):
        return _USUAL_DECIMALS
    magnitude = math.floor(math.log10(half))
    decimals = (1 if half < 3.55 * 10.0**magnitude else 0) - magnitude
    smallest = min((abs(value) for value in values if value), default=math.inf)
    if _reads_as_nought(smallest, max(decimals, 0)):
        decimals = max(decimals, -math.floor(math.log10(smallest)))
    return min(max(decimals, 0), _MOST_DECIMALS)


def _reads_as_nought(value: float, decimals: int) -> bool:
    """Whether a size that is not nought would be shown as nought: a half is rounded to the even digit, which is 0."""
    return value > 0 and float(f"{value:.{decimals}f}") == 0.0


def _finding_phrase(subject: str, name: str, sheet: FactSheet) -> Phrase | None:
    """The phrase as the finding's facts allow it; None where they allow none."""
    usual, state = FINDING_PHRASES.get(name), _text(sheet, subject, "state")
    if (name == "confirmed" and state != "confirmed") or (name in _ONLY_OF_A_SHIFT and state == "refuted"):
        return None
    if name == "state":
        return _STATE_PHRASES.get(state, usual)
    if name == "relation" and _is_negative(sheet.get(f"{subject}.relation")):
        return _OPPOSED_RELATION
    if name == "interval" and (state == "refuted" or _holds_zero(_values(subject, ("low", "high"), sheet))):
        return _SIGNED_INTERVAL
    if name == "change" and state == "refuted":
        return (Citation("change", "signed"),)
    if name == "returned":
        return _RETURNED_PHRASES.get(_text(sheet, subject, name), usual)
    if name == "suspect":
        return _SUSPECT_PHRASES.get(_text(sheet, subject, "suspect_touches"), usual)
    return usual


def _text(sheet: FactSheet, subject: str, name: str) -> str:
    fact = sheet.get(f"{subject}.{name}")
    return fact.text or "" if fact is not None else ""


def _holds_zero(ends: Sequence[float]) -> bool:
    return len(ends) > 1 and min(ends) < 0.0 < max(ends)


def _is_negative(fact: Fact | None) -> bool:
    return fact is not None and fact.value is not None and fact.value < 0


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
    """The fact as readers see it.

    `signed` shows the sign, `bare` leaves the unit out; `whole`, `tenths` and `fine` are percentages with no, one and
    two digits after the point; `four`, `five` and `six` are so many significant digits of a measured level.
    """
    if fact.text is not None:
        return _show_text(fact.text, fact.spec.unit)
    if fact.value is None:
        raise ValueError(f"{fact.fact_id} was not measured ({fact.reason}) and cannot be shown")
    if fact.spec.reducer.partition(":")[0] == _MEASURING:
        return _show_level(fact.value, fact.spec.unit, style)
    return _show_value(fact.value, fact.spec.unit, style)


def _show_level(value: float, unit: str, style: Style) -> str:
    """A measured value in the unit of its report: no word there counts anything, and none may be markup."""
    number = _significant(abs(value), _DIGITS.get(style))
    safe = unit if plain_text(unit, 40) == unit else _code(unit)
    return f"{'−' if value < 0 else ''}{number} {safe}".rstrip()


def _show_text(text: str, unit: str) -> str:
    if unit == "commit":
        return _code(text[:7])
    if unit == "code":
        return _code(text)
    if unit == "instant":
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if unit == "quote":
        return "“" + plain_text(text, 90) + "”"
    if unit == "subject":
        # Without brackets around words its round ones are no link: "fix(parser): ..." is quoted as it was written.
        return "“" + plain_text(text, 90, kept="()").replace("( ", "(").replace(" )", ")") + "”"
    if unit == "title":
        return "_".join(plain_text(part, 200) for part in _INNER_UNDERSCORE.split(text))
    return plain_text(text, 200)


def _code(text: str) -> str:
    """Untrusted text between code marks, which nothing in it can close; also inside a table."""
    kept = "".join(c if c.isprintable() else " " for c in text).replace("`", "'").replace("|", "/")
    # Code holds no link, but what begins like one to an episode's file would be numbered with the episode.
    kept = kept.replace("](", "] (")
    return f"`{' '.join(kept.split()) or '?'}`"


def plain_text(text: str, longest: int, kept: str = "") -> str:
    """Untrusted text as plain words: markup, links, addresses and control characters cannot survive in it.

    `kept` are signs of markup that may stay where the text goes.
    """
    left_out = _MARKUP_SIGNS.difference(kept)
    plain = "".join(c if c.isprintable() and c not in left_out else " " for c in text)
    plain = _ADDRESS.sub("…", plain)
    plain = re.sub(r"\s+", " ", plain).strip(" -+=")
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def _show_value(value: float, unit: str, style: Style) -> str:
    if unit in COUNTED:
        number = f"{value:,.0f}"
        return number if style == "bare" else f"{number} {unit if value == 1 else COUNTED[unit]}"
    if unit == "p":
        return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
    if unit == "rho":
        return f"ρ = {value:.2f}".replace("-", "−")
    number = _percent(abs(value), style) if unit == "%" else _significant(abs(value))
    if style.startswith("signed"):
        sign = "+" if value > 0 else "−" if value < 0 else ""
    else:
        sign = "−" if _shows_minus(value, unit) else ""
    return f"{sign}{number}" if style == "bare" or not unit else f"{sign}{number} {unit}"


def _shows_minus(value: float, unit: str) -> bool:
    # A change in percent is told as a size; the direction stands in the words, and is checked there.
    return value < 0 and unit != "%"


def _percent(value: float, style: Style) -> str:
    decimals = _DECIMALS.get(style, 0 if value >= 99.95 else _USUAL_DECIMALS)
    return _significant(value) if _reads_as_nought(value, decimals) else f"{value:,.{decimals}f}"


def _significant(value: float, significant: int | None = None) -> str:
    """Three significant digits, from a thousand on four, or as many as are asked for; never in scientific notation."""
    if value == 0:
        return "0"
    digits = _last_place(value, significant)
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def _last_place(value: float, significant: int | None = None) -> int:
    """Where the last digit that is shown lies, counted from the point to the right."""
    wanted = significant or (3 if value < 1000.0 else 4)
    return wanted - 1 - int(f"{value:.{(significant or 3) - 1}e}".split("e")[1])
