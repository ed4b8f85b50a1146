"""The verdict: whether a text claims only what its facts hold.

Two judgements, independent of each other. `judge_draft` reads the writer's text with its slots: outside of
slots there may be no number, unit, date, commit, cause, denial or direction that is not licensed. `trace_episode`
reads the finished Markdown: every claim must stand where the ledger says, as the fact is shown; what lies between
the claims must be the text of an honest draft again, and the parts that the renderer writes must be word for word.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from muse_domain.drafts import Draft
from muse_domain.lexicon import DIRECTIONS, Sense, Spoken, spoken
from muse_domain.rendering import LEDGER_LINK, SECTIONS, TABLE_HEAD, Claim, RenderedEpisode, chart_link
from muse_domain.wording import SLOT, Citation, FactSheet, Phrase, UnknownSlot, is_absent, offered_slots, phrase, show

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
_COMMIT_SLOTS = frozenset({"commit", "commit_subject", "suspects"})
_USER_SLOTS = frozenset({"day.sessions", "day.user_latency", "day.user_latency_before"})
# Words for a metric that a day's own fact shows.
_DAY_METRICS: Mapping[str, frozenset[str]] = {
    "day.user_latency": frozenset({"latency", "median"}),
    "day.latency_p95": frozenset({"latency"}),
}

Slots = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that a verdict holds against a text, and where."""

    code: str
    where: str
    message: str

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
    def is_time(self) -> bool:
        """Whether it is measured in time, so that something can take longer."""
        return self.unit.partition("/")[0] in TIME_UNITS

    @property
    def is_speed(self) -> bool:
        """Whether it is measured in time or by the second, so that something can be faster."""
        return self.is_time or self.unit.endswith("/s")


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
    if change is not None and change.value is not None and (change.value > 0) != (subject.direction == "up"):
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
        return (word.sense is Sense.UP) == (subject.direction == "up")
    return subject.effect == ("regression" if word.sense is Sense.WORSE else "improvement")


def _licence(subject: Subject) -> str:
    kind = "a time" if subject.is_time else "a rate" if subject.is_speed else "neither a time nor a rate"
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
        if directed and (commits := _COMMIT_SLOTS.intersection(inside)):
            yield "claimed_cause", f"a sentence with {min(commits)} may not tell a direction: it reads as the cause"


def _metrics_and_users(block: str, slots: Slots, sheet: FactSheet) -> Iterator[tuple[str, str]]:
    """What was measured, and what users felt, come from slots."""
    is_about_finding = any(subject != "day" for subject, _ in slots)
    for sentence in _SENTENCE_END.split(_masked_slots(block)):
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


def trace_episode(
    rendered: RenderedEpisode, sheet: FactSheet, subjects: Sequence[Subject], *, allowed_links: Collection[str]
) -> list[Objection]:
    """Hold the finished text against its ledger and facts, trusting neither the writer nor the renderer."""
    objections = [
        objection for claim in rendered.claims for objection in _claim_objections(claim, _place(rendered, claim), sheet)
    ]
    for where, text, links in (("title", rendered.title, ()), ("body", rendered.body, allowed_links)):
        claims = sorted(_placed(rendered.claims, where), key=lambda claim: claim.start or 0)
        objections += _overlaps(claims, where)
        objections += _stray_signs(text, claims, links, where)
    return objections or _retold(rendered, sheet, subjects)


def _placed(claims: Iterable[Claim], where: str) -> list[Claim]:
    return [claim for claim in claims if claim.where == where and claim.start is not None and claim.end is not None]


def _place(rendered: RenderedEpisode, claim: Claim) -> str | None:
    """What stands where the claim says; None where it names no place. Front matter is checked by its value."""
    if claim.where.startswith("front_matter."):
        return claim.text
    text = {"title": rendered.title, "body": rendered.body}.get(claim.where)
    if text is None or claim.start is None or claim.end is None or not 0 <= claim.start < claim.end <= len(text):
        return None
    return text[claim.start : claim.end]


def _claim_objections(claim: Claim, standing: str | None, sheet: FactSheet) -> list[Objection]:
    if claim.fact not in sheet or is_absent(sheet[claim.fact]):
        return [Objection("unknown_fact", claim.where, f"{claim.text!r} names fact {claim.fact}, which is not there")]
    if standing != claim.text:
        return [Objection("claim_moved", claim.where, f"{claim.fact} should read {claim.text!r}, not {standing!r}")]
    fact = sheet[claim.fact]
    shown = str(fact.value) if claim.where.startswith("front_matter.") else show(fact, claim.style)
    if claim.text == shown:
        return []
    return [Objection("wrong_value", claim.where, f"{claim.fact} is {shown!r}, the text says {claim.text!r}")]


def _overlaps(claims: Sequence[Claim], where: str) -> Iterator[Objection]:
    reached = 0
    for claim in claims:
        if (claim.start or 0) < reached:
            yield Objection("claim_moved", where, f"{claim.fact} lies over the claim before it")
        reached = max(reached, claim.end or 0)


_LINK_TARGET = re.compile(r"\]\(([^)]*)\)")


def _stray_signs(text: str, claims: Sequence[Claim], allowed_links: Collection[str], where: str) -> Iterator[Objection]:
    """Numbers, links and markup that no claim covers."""
    masked = list(text)
    for claim in claims:
        masked[claim.start : claim.end] = _GAP * ((claim.end or 0) - (claim.start or 0))
    for link in _LINK_TARGET.finditer("".join(masked)):
        if link.group(1) not in allowed_links:
            yield Objection("unknown_link", where, f"nothing exists at {link.group(1)!r}")
        masked[link.start(1) : link.end(1)] = _GAP * len(link.group(1))
    rest = "".join(masked)
    if strays := "".join(sorted({c for c in rest if is_numeral(c)})):
        yield Objection("stray_number", where, f"{strays!r} is covered by no claim")
    if re.search(r"https?:|[<>`{}\x01-\x09\x0b-\x1f]", rest):
        yield Objection("markup", where, "a bare link, code, HTML or a brace stands outside of the claims")


def _retold(rendered: RenderedEpisode, sheet: FactSheet, subjects: Sequence[Subject]) -> list[Objection]:
    """Turn the text back into slots: the writer's sections must pass as a draft, the others word for word."""
    body = _with_facts(rendered.body, _placed(rendered.claims, "body"))
    sections = re.fullmatch(r"\n{}\n\n(.+)\n\n{}\n\n(.+)\n\n{}\n\n(.+)\n{}\n\n(.+)\n\n{}\n\n(.+)".format(
        *map(re.escape, SECTIONS)), body, re.DOTALL)  # fmt: skip
    if sections is None:
        return [Objection("sections", "body", "the five sections do not stand in their order, each with its text")]
    what_changed, why_it_matters, benchmarks, next_steps, links = sections.groups()
    expansions = _expansions(sheet)
    title = _with_facts(rendered.title, _placed(rendered.claims, "title"))
    texts = [_with_slots(text, expansions) for text in (title, what_changed, why_it_matters, next_steps)]
    objections = judge_draft(Draft(texts[0], texts[1], texts[2], texts[3], writer=""), sheet, subjects)
    names = [subject.subject for subject in subjects]
    objections += _fixed_text("benchmarks", benchmarks, _benchmark_lines(names))
    objections += _fixed_text("links", links, _link_lines(names, sheet))
    return objections


def _with_facts(text: str, claims: Sequence[Claim]) -> str:
    """The text with every claim replaced by the fact and style that it shows."""
    parts, position = [], 0
    for claim in sorted(claims, key=lambda claim: claim.start or 0):
        parts += [text[position : claim.start], _marker(Citation(claim.fact, claim.style))]
        position = claim.end or 0
    return "".join([*parts, text[position:]])


def _marker(citation: Citation) -> str:
    return f"{_OPEN}{citation.fact}{'' if citation.style == 'plain' else ':' + citation.style}{_CLOSE}"


def _marked(parts: Phrase) -> str:
    return "".join(_marker(part) if isinstance(part, Citation) else part for part in parts)


def _expansions(sheet: FactSheet) -> list[tuple[str, str]]:
    """What each offered slot becomes, longest first, so that no phrase is taken for a part of it."""
    slots = (slot.split(".", 1) for slot in offered_slots(sheet))
    found = [(_marked(phrase(subject, name, sheet)), f"{{{{{subject}.{name}}}}}") for subject, name in slots]
    return sorted(found, key=lambda pair: -len(pair[0]))


def _with_slots(text: str, expansions: Iterable[tuple[str, str]]) -> str:
    for shown, slot in expansions:
        text = text.replace(shown, slot)
    return text


def _benchmark_lines(subjects: Sequence[str]) -> list[str]:
    rows = [
        f"| <{s}.full_name> | <{s}.metric> | <{s}.before> | <{s}.after> | <{s}.change:signed> "
        f"| <{s}.low:signed> to <{s}.high:signed> | <{s}.n_before:bare> then <{s}.n_after:bare> |"
        for s in subjects
    ]
    charts = [
        f"![Chart of <{s}.name>, <{s}.metric>: every run of the window, and where its level changed]({chart_link(s)})"
        for s in subjects
    ]
    return ["<day.series_checked> checked on <day.date>, <day.runs> measured.", *TABLE_HEAD, *rows, *charts]


def _link_lines(subjects: Sequence[str], sheet: FactSheet) -> list[str]:
    lines = [f"- [Claim ledger]({LEDGER_LINK}): the query, rows and hash behind every number above"]
    for s in subjects:
        lines.append(f"- [Chart]({chart_link(s)}) of <{s}.name>, <{s}.metric>")
        if f"{s}.commit" in sheet and not is_absent(sheet[f"{s}.commit"]):
            lines.append(f"- First measured with commit <{s}.commit>")
    return [*lines, "- Check it yourself: muse verify <day.date>"]


def _fixed_text(where: str, text: str, expected: Sequence[str]) -> Iterator[Objection]:
    lines = [line.replace(_OPEN, "<").replace(_CLOSE, ">") for line in text.split("\n") if line]
    for number in range(max(len(lines), len(expected))):
        stands = lines[number] if number < len(lines) else ""
        belongs = expected[number] if number < len(expected) else ""
        if stands != belongs:
            yield Objection("altered_text", where, f"{stands!r} stands where {belongs!r} belongs")
            return


def verdict_summary(objections: Sequence[Objection]) -> list[dict[str, Any]]:
    """Objections as rows for storage and display."""
    return [objection.as_row() for objection in objections]
