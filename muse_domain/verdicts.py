"""The verdict: whether a text claims only what its facts hold.

The first of two judgements: `judge_draft` reads the writer's text with its slots. Outside of slots there may be no
number, unit, date, commit, cause, denial or direction that is not licensed. What a sentence may say of its slots stands
in `muse_domain.sentence_rules`. The second, of the finished text, is `muse_domain.tracing`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from muse_domain.drafts import Draft
from muse_domain.lexicon import DIRECTIONS, Sense, Spoken, spoken
from muse_domain.sentence_rules import (
    BULLET,
    SPEED,
    clauses_without_slot,
    commits,
    day_values,
    metrics_and_users,
    sizes,
    turned_directions,
)
from muse_domain.slotted import GAP, Slots, slots_in, with_gaps
from muse_domain.subjects import Subject
from muse_domain.wording import FactSheet, UnknownSlot, phrase

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n.,;:!?'\"()-–—’“”*" + GAP)
_BRACES = frozenset("{}")
_UNIT_SIGNS = frozenset("%‰‱°×÷±√∞µμ％﹪٪")
_MARKUP_SIGNS = frozenset("<>[]`|\\#_~=+&/@^")
_MARKUP = re.compile(
    r"^[ \t]+\S"  # an indented line is code, or goes on with the line before
    r"|^[ ]*[-*][-* ]*$"  # a rule, or an underline that makes a heading
    r"|^[-*]\s+[-*]\s|^[-*] {2,}"  # a list, or code, inside a bullet
    r"|(?<!^)\*|^\*(?! )",  # emphasis
    re.MULTILINE,
)
_BROKEN_WORD = re.compile(r"[A-Za-z][.,;:!?\"()“”]+[A-Za-z]")
_COMMIT_LIKE = re.compile(r"\b[0-9a-f]{7,40}\b", re.IGNORECASE)
_GLUED = re.compile(r"[^\s(“\"\x00]\x00|[-–—]\s*\x00|\x00(?!['’]s\b)[^\s.,;:!?)”\"\x00]|\x00\x00")

_LENGTH = frozenset("long longer short shorter".split())

_CLAIMING: Mapping[Sense, tuple[str, str]] = {
    Sense.NUMBER: ("naked_number", "is a number in words"),
    Sense.UNIT: ("naked_unit", "is a unit outside of a slot"),
    Sense.DATE: ("naked_date", "is a date outside of a slot"),
    Sense.CAUSE: ("claimed_cause", "claims a cause: the rows show only that things moved together"),
    Sense.NEGATION: ("negation", "denies something: no fact says what did not happen"),
    Sense.STILL: ("denied_change", "says that something did not move: no fact does"),
    Sense.UNPROVEN: ("unproven_claim", "says more than the rows show"),
}


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that a verdict holds against a text, and where; `fact` is set where it is against one fact's claims."""

    code: str
    where: str
    message: str
    fact: str = ""

    def as_row(self) -> dict[str, str]:
        """The objection for storage."""
        return asdict(self)


def judge_draft(draft: Draft, sheet: FactSheet, subjects: Sequence[Subject]) -> list[Objection]:
    """Every objection to the writer's text; an empty list is a pass."""
    known = {subject.subject: subject for subject in subjects}
    objections = [objection for subject in subjects for objection in _licence_objections(subject, sheet)]
    for section, text in draft.sections.items():
        if not text.strip():
            objections.append(Objection("empty_section", section, "the section is empty"))
        for block in [" ".join(text.split())] if section == "title" else blocks_of(text):
            objections += [Objection(code, section, message) for code, message in _judge_block(block, sheet, known)]
    return objections


def _licence_objections(subject: Subject, sheet: FactSheet) -> Iterator[Objection]:
    """The direction was noted when the finding was made; the fact may have been settled from newer rows."""
    change = sheet.get(f"{subject.subject}.change")
    if not subject.has_direction or change is None or change.value is None:
        return
    if (change.value > 0) != (subject.direction == "up"):
        message = f"{subject.subject} was found to go {subject.direction}, but its change is now {change.value}"
        yield Objection("stale_direction", "facts", message)


def blocks_of(text: str) -> list[str]:
    """Paragraphs and bullets: the unit in which a text may speak of one finding."""
    blocks = re.split(r"\n\s*\n|\n(?=[-*] )", text.strip("\n"))
    return [block.strip("\n") for block in blocks if block.strip()]


def _judge_block(block: str, sheet: FactSheet, known: Mapping[str, Subject]) -> Iterator[tuple[str, str]]:
    if GAP in block:
        yield "forbidden_character", "NUL is not allowed: here it stands for slots"
        block = block.replace(GAP, "")
    slots = slots_in(block)
    prose = with_gaps(block)
    words = list(spoken(prose))
    yield from _slot_objections(slots, sheet)
    yield from _signs(prose)
    yield from _claiming_words(words)
    yield from _unlicensed_words(block, words, slots, known)
    yield from metrics_and_users(block, slots, sheet)
    yield from sizes(block, known)
    yield from commits(block, sheet)
    if slots and all(subject == "day" for subject, _ in slots):
        yield from day_values(block, words)
    yield from clauses_without_slot(block)


def _slot_objections(slots: Slots, sheet: FactSheet) -> Iterator[tuple[str, str]]:
    for subject, name in slots:
        try:
            phrase(subject, name, sheet)
        except UnknownSlot:
            yield "unknown_slot", f"no fact fills {{{{{subject}.{name}}}}}"


def _signs(prose: str) -> Iterator[tuple[str, str]]:
    """Everything but plain letters and punctuation in its place."""
    for sign in sorted(set(prose) - _ALLOWED):
        yield _sign_objection(sign)
    if commit := _COMMIT_LIKE.search(prose):
        yield "naked_commit", f"{commit.group()!r} looks like a commit outside of a slot"
    if markup := _MARKUP.search(prose):
        yield "markup", f"{markup.group()!r} is not allowed: paragraphs and bullets only"
    if broken := _BROKEN_WORD.search(prose):
        yield "broken_word", f"{broken.group()!r}: put a space after punctuation, and none inside a word"
    if glued := _GLUED.search(BULLET.sub("", prose)):
        shown = glued.group().replace(GAP, "{{…}}")
        yield "glued_slot", f"{shown!r} changes how a fact reads: put spaces around slots, and no sign before them"


def _sign_objection(sign: str) -> tuple[str, str]:
    if sign in _BRACES:
        return "broken_slot", "a brace stands outside of a whole slot"
    if is_numeral(sign):
        return "naked_number", f"{sign!r} stands outside of a slot"
    if sign in _UNIT_SIGNS or unicodedata.category(sign) == "Sc":
        return "naked_unit", f"{sign!r} stands outside of a slot"
    if sign in _MARKUP_SIGNS:
        return "markup", f"{sign!r} is not allowed: paragraphs and bullets only"
    name = unicodedata.name(sign, f"U+{ord(sign):04X}")
    return "forbidden_character", f"{name} is not allowed: plain English letters and punctuation only"


def _claiming_words(words: Iterable[Spoken]) -> Iterator[tuple[str, str]]:
    for word in words:
        if word.sense in _CLAIMING:
            code, message = _CLAIMING[word.sense]
            yield code, f"{word.text!r} {message}"


def _unlicensed_words(
    block: str, words: Sequence[Spoken], slots: Slots, known: Mapping[str, Subject]
) -> Iterator[tuple[str, str]]:
    """Directions and findings: one block speaks of one finding, names it, and agrees with it."""
    about = {subject for subject, _ in slots if subject != "day"}
    if len(about) > 1:
        yield "mixed_findings", f"one paragraph speaks of {', '.join(sorted(about))}: give each its own"
        return
    if about and any(subject == "day" and name != "date" for subject, name in slots):
        yield "mixed_findings", "a paragraph about a finding may not hold the day's own values: give them their own"
    subject = known.get(next(iter(about), ""))
    if about and (subject is None or (subject.subject, "name") not in slots):
        yield "unnamed_finding", "a paragraph about a finding must name it with its name slot"
    directional = [word for word in words if word.sense in DIRECTIONS]
    for word in directional:
        if subject is None:
            yield "direction_without_fact", f"{word.text!r} claims a change in a paragraph without a finding"
        elif not _agrees(word, subject):
            yield "wrong_direction", f"{word.text!r} does not fit {subject.subject}: {_licence(subject)}"
    if directional:
        yield from turned_directions(block)


def _agrees(word: Spoken, subject: Subject) -> bool:
    if word.word.startswith(SPEED) and not subject.is_speed:
        return False
    if word.word in _LENGTH and not subject.is_time:
        return False
    if word.sense in (Sense.UP, Sense.DOWN):
        return subject.direction == ("up" if word.sense is Sense.UP else "down")
    return subject.effect == ("regression" if word.sense is Sense.WORSE else "improvement")


def _licence(subject: Subject) -> str:
    if not subject.has_direction:
        return "it is refuted, and went nowhere"
    kind = "a time" if subject.is_time else "a rate" if subject.unit.endswith("/s") else "neither a time nor a rate"
    return f"it went {subject.direction}, a {subject.effect}, and is {kind}"


def is_numeral(character: str) -> bool:
    """Whether a character is a number in any script: digits, fractions, superscripts, Roman numerals."""
    return unicodedata.category(character) in {"Nd", "Nl", "No"} or (unicodedata.numeric(character, None) is not None)


def verdict_summary(objections: Sequence[Objection]) -> list[dict[str, Any]]:
    """Objections as rows for storage and display."""
    return [objection.as_row() for objection in objections]
