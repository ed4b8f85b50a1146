"""The verdict: whether a text claims only what its facts hold.

Two judgements, independent of each other. `judge_draft` reads the writer's text with its slots: outside of
slots there may be no number, date, commit, cause or direction that is not licensed. `trace_episode` reads the
finished Markdown: every claim must stand where the ledger says, as the fact is shown, and no number elsewhere.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from muse_domain.drafts import Draft
from muse_domain.rendering import Claim, RenderedEpisode
from muse_domain.wording import SLOT, FactSheet, UnknownSlot, phrase, show

UP = frozenset("rose rise rises rising increased increase increases increasing grew grow grows growing climbed higher up upward gained gain longer larger bigger".split())  # fmt: skip
DOWN = frozenset("fell fall falls falling dropped drop drops decreased decrease decreases decreasing shrank shrink shrinks lower down downward lost shorter smaller declined sank".split())  # fmt: skip
WORSE = frozenset("slower regressed regression regressions regresses worse worsened worsens degraded slowed slowdown".split())  # fmt: skip
BETTER = frozenset("faster improved improvement improvements improves better sped speedup quicker".split())
NEGATIONS = frozenset("not no never neither nor without none cannot hardly barely".split())
CAUSES = frozenset("caused causes cause causing because due thanks led leads resulted results therefore hence thus owing attributable proves proven".split())  # fmt: skip
NUMBER_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand "
    "thousands million millions billion billions dozen dozens half halved halves twice thrice double doubled "
    "doubles triple tripled triples quadruple quadrupled quarter quarters third thirds tenth tenths percent "
    "percentage permille twofold threefold tenfold several couple".split()
)
DATE_WORDS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august "
    "september october november december yesterday today tomorrow tonight".split()
)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?", re.UNICODE)
_COMMIT_LIKE = re.compile(r"\b[0-9a-f]{7,40}\b")
_FORBIDDEN_MARKUP = re.compile(r"[<>\[\]`|\\]|https?:|www\.|^\s{0,3}#|^\s*(?:=+|-{3,}|\*{3,})\s*$|!\(", re.MULTILINE)
_CURRENCY_OR_SHARE = re.compile(r"[%‰$€£¥₹×]")


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


def judge_draft(draft: Draft, sheet: FactSheet, subjects: Sequence[Subject]) -> list[Objection]:
    """Every objection to the writer's text; an empty list is a pass."""
    known = {subject.subject: subject for subject in subjects}
    objections: list[Objection] = []
    for section, text in draft.sections.items():
        if not text.strip():
            objections.append(Objection("empty_section", section, "the section is empty"))
        for block in blocks_of(text):
            objections += _judge_block(section, block, sheet, known)
    return objections


def blocks_of(text: str) -> list[str]:
    """Paragraphs and bullets: the unit in which a text may speak of one finding."""
    return [block.strip() for block in re.split(r"\n\s*\n|\n(?=\s*[-*] )", text) if block.strip()]


def _judge_block(section: str, block: str, sheet: FactSheet, known: dict[str, Subject]) -> list[Objection]:
    slots = [(match.group(1), match.group(2)) for match in SLOT.finditer(block)]
    prose = SLOT.sub(" \x00 ", block)
    found = [*_slot_objections(slots, sheet), *_naked_claims(prose)]
    found += [*_unlicensed_words(prose, slots, known), *_sentences_without_slot(block)]
    return [Objection(code, section, message) for code, message in found]


def _slot_objections(slots: Iterable[tuple[str, str]], sheet: FactSheet) -> Iterable[tuple[str, str]]:
    for subject, name in slots:
        try:
            phrase(subject, name, sheet)
        except UnknownSlot:
            yield "unknown_slot", f"no fact fills {{{{{subject}.{name}}}}}"


def _naked_claims(prose: str) -> Iterable[tuple[str, str]]:
    if "{" in prose or "}" in prose:
        yield "broken_slot", "a brace stands outside of a whole slot"
    if number := next((c for c in prose if is_numeral(c)), None):
        yield "naked_number", f"{number!r} stands outside of a slot"
    if sign := _CURRENCY_OR_SHARE.search(prose):
        yield "naked_unit", f"{sign.group()!r} stands outside of a slot"
    if commit := _COMMIT_LIKE.search(prose):
        yield "naked_commit", f"{commit.group()!r} looks like a commit outside of a slot"
    if markup := _FORBIDDEN_MARKUP.search(prose):
        yield "markup", f"{markup.group()!r} is not allowed: paragraphs and bullets only"
    for word in _words(prose):
        if word in NUMBER_WORDS:
            yield "naked_number", f"{word!r} is a number in words"
        if word in DATE_WORDS:
            yield "naked_date", f"{word!r} is a date outside of a slot"
        if word in CAUSES:
            yield "claimed_cause", f"{word!r} claims a cause: the rows show only that things moved together"


def _unlicensed_words(
    prose: str, slots: Sequence[tuple[str, str]], known: dict[str, Subject]
) -> Iterable[tuple[str, str]]:
    """Directions and findings: one block speaks of one finding, names it, and agrees with it."""
    words = _words(prose)
    about = {subject for subject, _ in slots if subject != "day"}
    if len(about) > 1:
        yield "mixed_findings", f"one paragraph speaks of {', '.join(sorted(about))}: give each its own"
        return
    subject = known.get(next(iter(about), ""))
    if about and (subject is None or (subject.subject, "name") not in slots):
        yield "unnamed_finding", "a paragraph about a finding must name it with its name slot"
    directional = [word for word in words if word in UP | DOWN | WORSE | BETTER]
    for word in directional:
        if subject is None:
            yield "direction_without_fact", f"{word!r} claims a change in a paragraph without a finding"
        elif not _agrees(word, subject):
            yield "wrong_direction", f"{word!r} contradicts {subject.subject}, which went {subject.direction}"
    if directional and any(word in NEGATIONS or word.endswith(("n't", "n’t")) for word in words):
        yield "negated_direction", "a negation stands in a paragraph about a direction"


def _agrees(word: str, subject: Subject) -> bool:
    if word in UP | DOWN:
        return (word in UP) == (subject.direction == "up")
    return subject.effect == ("regression" if word in WORSE else "improvement")


def _sentences_without_slot(block: str) -> Iterable[tuple[str, str]]:
    marked = SLOT.sub("\x00", re.sub(r"^[-*] ", "", block))
    for sentence in re.split(r"(?<=[.!?:;])\s+", marked):
        if sentence.strip() and "\x00" not in sentence:
            shown = sentence.strip()[:60]
            yield "claim_without_slot", f"{shown!r} states something that no fact supports"


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(unicodedata.normalize("NFKC", text))]


def is_numeral(character: str) -> bool:
    """Whether a character is a number in any script: digits, fractions, superscripts, Roman numerals."""
    return unicodedata.category(character) in {"Nd", "Nl", "No"} or (
        unicodedata.numeric(character, None) is not None
    )


def trace_episode(
    rendered: RenderedEpisode, sheet: FactSheet, *, allowed_links: Collection[str]
) -> list[Objection]:
    """Hold the finished text against its ledger and facts, trusting neither the writer nor the renderer."""
    objections = [
        objection
        for claim in rendered.claims
        for objection in _claim_objections(claim, _place(rendered, claim), sheet)
    ]
    body_claims = [claim for claim in rendered.claims if claim.where == "body"]
    objections += _stray_numbers(rendered.body, body_claims, allowed_links, "body")
    title_claims = [claim for claim in rendered.claims if claim.where == "title"]
    objections += _stray_numbers(rendered.title, title_claims, (), "title")
    return objections


def _place(rendered: RenderedEpisode, claim: Claim) -> str:
    if claim.start is None or claim.end is None:
        return claim.text
    return (rendered.title if claim.where == "title" else rendered.body)[claim.start : claim.end]


def _claim_objections(claim: Claim, standing: str, sheet: FactSheet) -> list[Objection]:
    if claim.fact not in sheet:
        return [Objection("unknown_fact", claim.where, f"{claim.text!r} names fact {claim.fact}, which is not there")]
    if standing != claim.text:
        return [Objection("claim_moved", claim.where, f"{claim.fact} should read {claim.text!r}, not {standing!r}")]
    fact = sheet[claim.fact]
    shown = str(fact.value) if claim.where.startswith("front_matter.") else show(fact, claim.style)
    if claim.text == shown:
        return []
    return [Objection("wrong_value", claim.where, f"{claim.fact} is {shown!r}, the text says {claim.text!r}")]


_LINK = re.compile(r"!?\[[^\]]*\]\(([^)]*)\)")


def _stray_numbers(
    text: str, claims: Sequence[Claim], allowed_links: Collection[str], where: str
) -> list[Objection]:
    """Numbers and links that no claim covers."""
    masked = list(text)
    for claim in claims:
        if claim.start is not None and claim.end is not None:
            masked[claim.start : claim.end] = "\x00" * (claim.end - claim.start)
    objections: list[Objection] = []
    for link in _LINK.finditer(text):
        target = link.group(1)
        if target not in allowed_links:
            objections.append(Objection("unknown_link", where, f"nothing exists at {target!r}"))
        masked[link.start(1) : link.end(1)] = "\x00" * len(target)
    rest = "".join(masked)
    strays = sorted({c for c in rest if is_numeral(c)})
    if strays:
        objections.append(Objection("stray_number", where, f"{''.join(strays)!r} is covered by no claim"))
    if re.search(r"https?:|<[a-zA-Z/!]", rest):
        objections.append(Objection("markup", where, "a bare link or HTML stands in the text"))
    return objections


def verdict_summary(objections: Sequence[Objection]) -> list[dict[str, Any]]:
    """Objections as rows for storage and display."""
    return [objection.as_row() for objection in objections]
