"""The verdict: whether a text claims only what its facts hold.

The first of two judgements: `judge_draft` reads the writer's text with its slots. Outside of slots there may be no
number, unit, date, commit, cause, denial or direction that is not licensed. The second, of the finished text, is
`muse_domain.tracing`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from muse_domain.drafts import Draft
from muse_domain.lexicon import DIRECTIONS, Sense, Spoken, spoken
from muse_domain.wording import SLOT, FactSheet, UnknownSlot, is_absent, phrase, show

# Longest stretch of a sentence, in words, that may go by without a fact.
MOST_WORDS_WITHOUT_SLOT = 16

TIME_UNITS = frozenset({"ns", "us", "µs", "ms", "s"})

_GAP = "\x00"  # stands for a slot
_OPEN, _CLOSE = "\x01", "\x02"  # enclose a claim's fact in a traced text

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n.,;:!?'\"()-–—’“”*" + _GAP)
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
_BULLET = re.compile(r"^[-*] ", re.MULTILINE)
_ASIDE = re.compile(r"\(([^()]*)\)")
_CLAUSE_END = re.compile(r"[.!?:;]+|\s[-–]\s|—|–")
_SENTENCE_END = re.compile(r"[.!?]+")
_BOTH_SIDES = re.compile(r"\bbefore and (?:after|since)\b|\bthan (?:before|it was before|previously)\b", re.IGNORECASE)

# What turns a size that follows, or the one before, into another.
_BENT_BEFORE = re.compile(
    r"\b(?:over|under|beyond|past|around|about|roughly|approximately|exactly|precisely|only|just|merely|another|further"
    r"|up to|close to|as (?:much|little) as|(?:excess|upwards|short) of|another|within)\s+\x00",
    re.IGNORECASE,
)
_BENT_AFTER = re.compile(r"\x00\s+(?:points?|per|each|an?|apiece|of)\b", re.IGNORECASE)
_ONLY_COMMIT = re.compile(r"\bonly\b[^.!?]*\bcommits?\b|\bcommits?\b[^.!?]*\bonly\b", re.IGNORECASE)
# What may follow a commit that is not the end of its clause: no verb of which it would be the doer.
_DOER = re.compile(
    r"\x00\s+(?!(?:on|and|or|to|first|at|in|for|with|before|after|against|as|where|is|are|lies?|stands?|begins?|marks?)\b)"
    r"[A-Za-z]+"
)
_MODALS = frozenset({"can", "should", "must", "ought", "would", "if", "unless", "whether", "far", "free", "said"})
_MOVED = re.compile(r"\b(?:mov|chang|shift|differ|drift|var(?:y|i))\w*", re.IGNORECASE)
_WEEK = re.compile(r"\b(?:weeks?|days?)\b", re.IGNORECASE)

_CLAIMING: Mapping[Sense, tuple[str, str]] = {
    Sense.NUMBER: ("naked_number", "is a number in words"),
    Sense.UNIT: ("naked_unit", "is a unit outside of a slot"),
    Sense.DATE: ("naked_date", "is a date outside of a slot"),
    Sense.CAUSE: ("claimed_cause", "claims a cause: the rows show only that things moved together"),
    Sense.NEGATION: ("negation", "denies something: no fact says what did not happen"),
    Sense.STILL: ("denied_change", "says that something did not move: no fact does"),
    Sense.UNPROVEN: ("unproven_claim", "says more than the rows show"),
}
_SPEED = ("slow", "fast", "quick", "sped", "speed", "swift", "accelerat", "decelerat", "snapp", "nimbl", "sluggish")
_LENGTH = frozenset("long longer short shorter".split())
_COMMIT_SLOTS = frozenset({"commit", "commit_subject", "suspects", "suspect", "suspect_commit", "same_commit"})
_SIZE_SLOTS = frozenset({"change", "shift", "interval"})
_USER_SLOTS = frozenset({"day.sessions", "day.user_latency", "day.user_latency_before"})
# Words for a metric that a day's own fact shows.
_DAY_METRICS: Mapping[str, frozenset[str]] = {
    "day.user_latency": frozenset({"latency", "median"}),
    "day.latency_p95": frozenset({"latency"}),
}

Slots = Sequence[tuple[str, str]]


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


@dataclass(frozen=True, slots=True)
class Subject:
    """What the day's facts say of one finding: the licence for words about its direction."""

    subject: str
    direction: str
    effect: str
    unit: str

    @property
    def has_direction(self) -> bool:
        """Whether it moved at all: a shift that is refuted did not."""
        return self.direction != "none"

    @property
    def is_time(self) -> bool:
        """Whether it is measured in time, so that something can take longer."""
        return self.unit.partition("/")[0] in TIME_UNITS

    @property
    def is_speed(self) -> bool:
        """Whether it is a time of which less is better, or a rate of which more is: then something can be faster."""
        rises_for_better = (self.direction == "up") == (self.effect == "improvement")
        return self.unit.endswith("/s") if rises_for_better else self.is_time


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
    if _GAP in block:
        yield "forbidden_character", "NUL is not allowed: here it stands for slots"
        block = block.replace(_GAP, "")
    slots = [(match.group(1), match.group(2)) for match in SLOT.finditer(block)]
    prose = SLOT.sub(_GAP, block)
    words = list(spoken(prose))
    yield from _slot_objections(slots, sheet)
    yield from _signs(prose)
    yield from _claiming_words(words)
    yield from _unlicensed_words(prose, words, slots, known)
    yield from _metrics_and_users(block, slots, sheet)
    yield from _sizes(block, known)
    yield from _commits(block, sheet)
    if slots and all(subject == "day" for subject, _ in slots):
        yield from _day_values(block, words)
    yield from _clauses_without_slot(block)


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
    if glued := _GLUED.search(_BULLET.sub("", prose)):
        shown = glued.group().replace(_GAP, "{{…}}")
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
    prose: str, words: Sequence[Spoken], slots: Slots, known: Mapping[str, Subject]
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
        yield from _turned_directions(prose, slots)


def _agrees(word: Spoken, subject: Subject) -> bool:
    if word.word.startswith(_SPEED) and not subject.is_speed:
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


def _turned_directions(prose: str, slots: Slots) -> Iterator[tuple[str, str]]:
    """Where a licensed direction is told of an earlier time, of something else, or of a commit."""
    plain = _BOTH_SIDES.sub("", prose)
    if earlier := next((word for word in spoken(plain) if word.sense is Sense.EARLIER), None):
        yield "turned_direction", f"{earlier.text!r} tells the direction of an earlier time"
    if re.search(r"\bthan\b", plain, re.IGNORECASE):
        yield "turned_direction", "'than' compares with something that the fact does not"
    names = iter(slots)
    for sentence in _SENTENCE_END.split(prose):
        inside = [next(names)[1] for _ in range(sentence.count(_GAP))]
        directed = any(word.sense in DIRECTIONS for word in spoken(sentence))
        if maybe := _told_as_possible(sentence):
            yield "turned_direction", f"{maybe!r} tells a direction as a possibility"
        if directed and (commits := _COMMIT_SLOTS.intersection(inside)):
            yield "claimed_cause", f"a sentence with {min(commits)} may not tell a direction: it reads as the cause"


def _sizes(block: str, known: Mapping[str, Subject]) -> Iterator[tuple[str, str]]:
    """A size is shown without its sign: its sentence says which way it went, and nothing makes another size of it."""
    for sentence in _sentences(block):
        sized = [subject for subject, name in _slots_of(sentence) if name == "change"]
        if not sized:
            continue
        prose = _masked(sentence, "change")
        if bent := _BENT_BEFORE.search(prose) or _BENT_AFTER.search(prose):
            yield "bent_size", f"{bent.group().replace(_GAP, '').strip()!r} makes another size of the change"
        subject = known.get(sized[0])
        if subject is None or not subject.has_direction:
            continue
        directed = [word for word in spoken(_MASKED_SLOT.sub(_GAP, sentence)) if word.sense in DIRECTIONS]
        if not directed:
            yield "size_without_direction", f"which way {subject.subject} went is not said with its change"
        is_quicker = subject.is_time and subject.effect == "improvement"
        if is_quicker and (word := next((one for one in directed if one.word.startswith(_SPEED)), None)):
            yield "bent_size", f"{word.text!r}: a time that fell by so much is not faster by as much"


def _commits(block: str, sheet: FactSheet) -> Iterator[tuple[str, str]]:
    """A commit is where something was measured: it does nothing, and it is the only one where there is no other."""
    for sentence in _sentences(block):
        slots = _slots_of(sentence)
        inside = [(subject, name) for subject, name in slots if name in _COMMIT_SLOTS]
        if not inside:
            continue
        if any(name in _SIZE_SLOTS for _, name in slots):
            yield "claimed_cause", f"a sentence with {inside[0][1]} may not tell a size: it reads as the cause"
        if doer := _DOER.search(_masked(sentence, *_COMMIT_SLOTS)):
            yield "claimed_cause", f"{doer.group().replace(_GAP, '').strip()!r} makes the commit the one that did it"
        suspects = sheet.get(f"{inside[0][0]}.suspects")
        if _ONLY_COMMIT.search(_MASKED_SLOT.sub(_GAP, sentence)) and (suspects is None or suspects.value != 1.0):
            yield "unproven_claim", "'only' says that there is no other commit: the facts know of others, or of none"


def _day_values(block: str, words: Iterable[Spoken]) -> Iterator[tuple[str, str]]:
    """The day's own values are of the day, and say nothing of what moved."""
    if earlier := next((word for word in words if word.sense is Sense.EARLIER), None):
        yield "turned_direction", f"{earlier.text!r} tells the day's values of an earlier time"
    prose = SLOT.sub(_GAP, block)
    if time := _WEEK.search(prose):
        yield "naked_date", f"{time.group()!r} is a time outside of a slot"
    if moved := _MOVED.search(prose):
        yield "direction_without_fact", f"{moved.group()!r} claims a change in a paragraph without a finding"
    for sentence in _sentences(block):
        inside = {f"{subject}.{name}" for subject, name in _slots_of(sentence)}
        if "day.latency_p95" in inside and inside & _USER_SLOTS:
            yield "unproven_relation", "the p95 is a benchmark's: it may not stand in a sentence with the users' values"


def _sentences(block: str) -> list[str]:
    """The block's sentences, slots masked."""
    return _SENTENCE_END.split(_masked_slots(block))


def _slots_of(sentence: str) -> list[tuple[str, str]]:
    return [(match.group(1), match.group(2)) for match in _MASKED_SLOT.finditer(sentence)]


def _masked(sentence: str, *names: str) -> str:
    """The sentence with these slots as gaps; the others stand for a name or value, and are one too, but another."""
    return _MASKED_SLOT.sub(lambda match: _GAP if match.group(2) in names else "\x04", sentence)


def _told_as_possible(sentence: str) -> str:
    """The word that makes of a direction right after it something that may be; empty for none."""
    tokens = sentence.split()
    for at, token in enumerate(tokens):
        if token.lower().strip(",;:()") in _MODALS:
            near = " ".join(tokens[at + 1 : at + 5])
            if any(word.sense in DIRECTIONS for word in spoken(near)):
                return token
    return ""


def _metrics_and_users(block: str, slots: Slots, sheet: FactSheet) -> Iterator[tuple[str, str]]:
    """What was measured, and what users felt, come from slots."""
    is_about_finding = any(subject != "day" for subject, _ in slots)
    for sentence in _sentences(block):
        inside = {f"{match.group(1)}.{match.group(2)}" for match in _MASKED_SLOT.finditer(sentence)}
        has_relation = any(slot.endswith(".relation") for slot in inside)
        shown = frozenset[str]().union(*(_DAY_METRICS.get(slot, frozenset()) for slot in inside))
        for word in spoken(_MASKED_SLOT.sub(_GAP, sentence)):
            if word.sense is Sense.METRIC and not has_relation and (is_about_finding or word.word not in shown):
                yield "naked_metric", f"{word.text!r} names a metric: use the finding's metric slot"
            if word.sense is Sense.USERS and not has_relation and not inside & _USER_SLOTS:
                yield "unproven_relation", f"{word.text!r} speaks of users without a fact about them"
            if word.sense is Sense.RELATION and not has_relation:
                yield "unproven_relation", f"{word.text!r} claims a relation without its relation slot"
    prose = SLOT.sub(_GAP, block).lower()
    for metric in {text for subject, _ in slots if (text := _metric_text(subject, sheet))}:
        if re.search(rf"\b{re.escape(metric.lower())}\b", prose):
            yield "naked_metric", f"{metric!r} stands outside of a slot: use the finding's metric slot"


_MASKED_SLOT = re.compile(r"\x01([^\x01\x02]+)\x03([^\x01\x02]+)\x02")


def _masked_slots(block: str) -> str:
    """The block with slots in which no full stop stands, so that it can be cut into sentences."""
    return SLOT.sub(lambda match: f"{_OPEN}{match.group(1)}\x03{match.group(2)}{_CLOSE}", block)


def _metric_text(subject: str, sheet: FactSheet) -> str:
    """How the finding's metric reads, where it is more than one word (one alone may mean something else)."""
    fact = sheet.get(f"{subject}.metric")
    text = show(fact) if fact is not None and not is_absent(fact) else ""
    return text if " " in text else ""


def _clauses_without_slot(block: str) -> Iterator[tuple[str, str]]:
    marked = _BULLET.sub("", SLOT.sub(_GAP, block))
    asides = _ASIDE.findall(marked)
    for text in (_ASIDE.sub("", marked), *asides):
        for clause in _CLAUSE_END.split(text):
            if not re.search(r"\w", clause.replace(_GAP, "")):
                continue
            if _GAP not in clause:
                yield "claim_without_slot", f"{clause.strip()[:60]!r} states something that no fact supports"
            elif any(len(stretch.split()) > MOST_WORDS_WITHOUT_SLOT for stretch in clause.split(_GAP)):
                yield "claim_without_slot", f"{clause.strip(_GAP + ' ')[:60]!r} goes on too long without a fact"


def is_numeral(character: str) -> bool:
    """Whether a character is a number in any script: digits, fractions, superscripts, Roman numerals."""
    return unicodedata.category(character) in {"Nd", "Nl", "No"} or (unicodedata.numeric(character, None) is not None)


def verdict_summary(objections: Sequence[Objection]) -> list[dict[str, Any]]:
    """Objections as rows for storage and display."""
    return [objection.as_row() for objection in objections]
