"""What one sentence of a draft may say of the facts whose slots stand in it. Each rule yields a code and a message."""

import re
from collections.abc import Iterable, Iterator, Mapping

from muse_domain.lexicon import DIRECTIONS, Sense, Spoken, spoken
from muse_domain.slotted import GAP, Slots, sentences, with_gaps
from muse_domain.subjects import Subject
from muse_domain.wording import FactSheet, is_absent, show

# Longest stretch of a sentence, in words, that may go by without a fact.
MOST_WORDS_WITHOUT_SLOT = 16

# Beginnings of words for how fast something is.
SPEED = ("slow", "fast", "quick", "sped", "speed", "swift", "accelerat", "decelerat", "snapp", "nimbl", "sluggish")
BULLET = re.compile(r"^[-*] ", re.MULTILINE)
_ASIDE = re.compile(r"\(([^()]*)\)")
_CLAUSE_END = re.compile(r"[.!?:;]+|\s[-–]\s|—|–")
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
_COMMIT_SLOTS = frozenset({"commit", "commit_subject", "suspects", "suspect", "suspect_commit", "same_commit"})
_SIZE_SLOTS = frozenset({"change", "shift", "interval"})
_USER_SLOTS = frozenset({"day.sessions", "day.user_latency", "day.user_latency_before"})
# Words for a metric that a day's own fact shows.
_DAY_METRICS: Mapping[str, frozenset[str]] = {
    "day.user_latency": frozenset({"latency", "median"}),
    "day.latency_p95": frozenset({"latency"}),
}


def turned_directions(block: str) -> Iterator[tuple[str, str]]:
    """Where a licensed direction is told of an earlier time, of something else, or of a commit."""
    plain = _BOTH_SIDES.sub("", with_gaps(block))
    if earlier := next((word for word in spoken(plain) if word.sense is Sense.EARLIER), None):
        yield "turned_direction", f"{earlier.text!r} tells the direction of an earlier time"
    if re.search(r"\bthan\b", plain, re.IGNORECASE):
        yield "turned_direction", "'than' compares with something that the fact does not"
    for sentence in sentences(block):
        directed = any(word.sense in DIRECTIONS for word in spoken(sentence.prose))
        if maybe := _told_as_possible(sentence.prose):
            yield "turned_direction", f"{maybe!r} tells a direction as a possibility"
        if directed and (commit_slots := _COMMIT_SLOTS.intersection(name for _, name in sentence.slots)):
            yield (
                "claimed_cause",
                f"a sentence with {min(commit_slots)} may not tell a direction: it reads as the cause",
            )


def sizes(block: str, known: Mapping[str, Subject]) -> Iterator[tuple[str, str]]:
    """A size is shown without its sign: its sentence says which way it went, and nothing makes another size of it."""
    for sentence in sentences(block):
        sized = [subject for subject, name in sentence.slots if name == "change"]
        if not sized:
            continue
        prose = sentence.with_gaps_for("change")
        if bent := _BENT_BEFORE.search(prose) or _BENT_AFTER.search(prose):
            yield "bent_size", f"{bent.group().replace(GAP, '').strip()!r} makes another size of the change"
        subject = known.get(sized[0])
        if subject is None or not subject.has_direction:
            continue
        directed = [word for word in spoken(sentence.prose) if word.sense in DIRECTIONS]
        if not directed:
            yield "size_without_direction", f"which way {subject.subject} went is not said with its change"
        is_quicker = subject.is_time and subject.effect == "improvement"
        if is_quicker and (word := next((one for one in directed if one.word.startswith(SPEED)), None)):
            yield "bent_size", f"{word.text!r}: a time that fell by so much is not faster by as much"


def commits(block: str, sheet: FactSheet) -> Iterator[tuple[str, str]]:
    """A commit is where something was measured: it does nothing, and it is the only one where there is no other."""
    for sentence in sentences(block):
        slots = sentence.slots
        inside = [(subject, name) for subject, name in slots if name in _COMMIT_SLOTS]
        if not inside:
            continue
        if any(name in _SIZE_SLOTS for _, name in slots):
            yield "claimed_cause", f"a sentence with {inside[0][1]} may not tell a size: it reads as the cause"
        if doer := _DOER.search(sentence.with_gaps_for(*_COMMIT_SLOTS)):
            yield "claimed_cause", f"{doer.group().replace(GAP, '').strip()!r} makes the commit the one that did it"
        suspects = sheet.get(f"{inside[0][0]}.suspects")
        if _ONLY_COMMIT.search(sentence.prose) and (suspects is None or suspects.value != 1.0):
            yield "unproven_claim", "'only' says that there is no other commit: the facts know of others, or of none"


def day_values(block: str, words: Iterable[Spoken]) -> Iterator[tuple[str, str]]:
    """The day's own values are of the day, and say nothing of what moved."""
    if earlier := next((word for word in words if word.sense is Sense.EARLIER), None):
        yield "turned_direction", f"{earlier.text!r} tells the day's values of an earlier time"
    prose = with_gaps(block)
    if time := _WEEK.search(prose):
        yield "naked_date", f"{time.group()!r} is a time outside of a slot"
    if moved := _MOVED.search(prose):
        yield "direction_without_fact", f"{moved.group()!r} claims a change in a paragraph without a finding"
    for sentence in sentences(block):
        inside = {f"{subject}.{name}" for subject, name in sentence.slots}
        if "day.latency_p95" in inside and inside & _USER_SLOTS:
            yield "unproven_relation", "the p95 is a benchmark's: it may not stand in a sentence with the users' values"


def _told_as_possible(sentence: str) -> str:
    """The word that makes of a direction right after it something that may be; empty for none."""
    tokens = sentence.split()
    for at, token in enumerate(tokens):
        if token.lower().strip(",;:()") in _MODALS:
            near = " ".join(tokens[at + 1 : at + 5])
            if any(word.sense in DIRECTIONS for word in spoken(near)):
                return token
    return ""


def metrics_and_users(block: str, slots: Slots, sheet: FactSheet) -> Iterator[tuple[str, str]]:
    """What was measured, and what users felt, come from slots."""
    is_about_finding = any(subject != "day" for subject, _ in slots)
    for sentence in sentences(block):
        inside = {f"{subject}.{name}" for subject, name in sentence.slots}
        has_relation = any(slot.endswith(".relation") for slot in inside)
        shown = frozenset[str]().union(*(_DAY_METRICS.get(slot, frozenset()) for slot in inside))
        for word in spoken(sentence.prose):
            if word.sense is Sense.METRIC and not has_relation and (is_about_finding or word.word not in shown):
                yield "naked_metric", f"{word.text!r} names a metric: use the finding's metric slot"
            if word.sense is Sense.USERS and not has_relation and not inside & _USER_SLOTS:
                yield "unproven_relation", f"{word.text!r} speaks of users without a fact about them"
            if word.sense is Sense.RELATION and not has_relation:
                yield "unproven_relation", f"{word.text!r} claims a relation without its relation slot"
    prose = with_gaps(block).lower()
    for metric in {text for subject, _ in slots if (text := _metric_text(subject, sheet))}:
        if re.search(rf"\b{re.escape(metric.lower())}\b", prose):
            yield "naked_metric", f"{metric!r} stands outside of a slot: use the finding's metric slot"


def _metric_text(subject: str, sheet: FactSheet) -> str:
    """How the finding's metric reads, where it is more than one word (one alone may mean something else)."""
    fact = sheet.get(f"{subject}.metric")
    text = show(fact) if fact is not None and not is_absent(fact) else ""
    return text if " " in text else ""


def clauses_without_slot(block: str) -> Iterator[tuple[str, str]]:
    """Every clause rests on a fact, and is short enough to be seen to."""
    marked = BULLET.sub("", with_gaps(block))
    asides = _ASIDE.findall(marked)
    for text in (_ASIDE.sub("", marked), *asides):
        for clause in _CLAUSE_END.split(text):
            if not re.search(r"\w", clause.replace(GAP, "")):
                continue
            if GAP not in clause:
                yield "claim_without_slot", f"{clause.strip()[:60]!r} states something that no fact supports"
            elif any(len(stretch.split()) > MOST_WORDS_WITHOUT_SLOT for stretch in clause.split(GAP)):
                yield "claim_without_slot", f"{clause.strip(GAP + ' ')[:60]!r} goes on too long without a fact"
