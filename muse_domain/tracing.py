"""The second judgement: the finished Markdown against its ledger and facts, trusting neither writer nor renderer.

Every claim must stand where the ledger says, as its fact is shown. What lies between the claims must be the text of an
honest draft again, and the parts that the renderer writes must be word for word.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import zip_longest

from muse_domain.drafts import Draft
from muse_domain.rendering import (
    LEDGER_LINK,
    OVERRIDE_FACT,
    OVERRIDE_WORDS,
    SECTIONS,
    TABLE_HEAD,
    Claim,
    RenderedEpisode,
    chart_link,
    chart_words,
    table_link,
)
from muse_domain.subjects import Subject
from muse_domain.verdicts import Objection, is_numeral, judge_draft
from muse_domain.wording import (
    Citation,
    FactSheet,
    Phrase,
    is_absent,
    level_style,
    offered_slots,
    percent_style,
    phrase,
    show,
)

_COVERED = "\x00"  # stands for what a claim or a known link covers
_OPEN, _CLOSE = "\x01", "\x02"  # enclose a claim's fact


def trace_episode(
    rendered: RenderedEpisode, sheet: FactSheet, subjects: Sequence[Subject], *, allowed_links: Collection[str]
) -> list[Objection]:
    """Hold the finished text against its ledger and facts, trusting neither the writer nor the renderer."""
    return _traced_claims(rendered, sheet, allowed_links) or _retold(rendered, sheet, subjects)


def trace_worded(
    rendered: RenderedEpisode,
    sheet: FactSheet,
    title: Phrase,
    lines: Sequence[Phrase],
    *,
    allowed_links: Collection[str],
) -> list[Objection]:
    """The same of a post that the program words itself: turned back into facts, it must be these lines."""
    return _traced_claims(rendered, sheet, allowed_links) or [
        objection
        for where, text, expected in (("title", rendered.title, [title]), ("body", rendered.body, lines))
        for objection in _fixed_text(
            where,
            _with_facts(text, _placed(rendered.claims, where)),
            [_shown_marks(_marked(line)) for line in expected],
        )
    ]


def _traced_claims(rendered: RenderedEpisode, sheet: FactSheet, allowed_links: Collection[str]) -> list[Objection]:
    objections = [
        objection for claim in rendered.claims for objection in _claim_objections(claim, _place(rendered, claim), sheet)
    ]
    for where, text, links in (("title", rendered.title, ()), ("body", rendered.body, allowed_links)):
        claims = sorted(_placed(rendered.claims, where), key=lambda claim: claim.start or 0)
        objections += _overlaps(claims, where)
        objections += _stray_signs(text, claims, links, where)
    return objections


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
        return [
            Objection(
                "unknown_fact", claim.where, f"{claim.text!r} names fact {claim.fact}, which is not there", claim.fact
            )
        ]
    if standing != claim.text:
        return [
            Objection(
                "claim_moved", claim.where, f"{claim.fact} should read {claim.text!r}, not {standing!r}", claim.fact
            )
        ]
    fact = sheet[claim.fact]
    shown = str(fact.value) if claim.where.startswith("front_matter.") else show(fact, claim.style)
    if claim.text == shown:
        return []
    return [
        Objection("wrong_value", claim.where, f"{claim.fact} is {shown!r}, the text says {claim.text!r}", claim.fact)
    ]


def _overlaps(claims: Sequence[Claim], where: str) -> Iterator[Objection]:
    reached = 0
    for claim in claims:
        if (claim.start or 0) < reached:
            yield Objection("claim_moved", where, f"{claim.fact} lies over the claim before it", claim.fact)
        reached = max(reached, claim.end or 0)


_LINK_TARGET = re.compile(r"\]\(([^)]*)\)")


def _stray_signs(text: str, claims: Sequence[Claim], allowed_links: Collection[str], where: str) -> Iterator[Objection]:
    """Numbers, links and markup that no claim covers."""
    masked = list(text)
    for claim in claims:
        masked[claim.start : claim.end] = _COVERED * ((claim.end or 0) - (claim.start or 0))
    for link in _LINK_TARGET.finditer("".join(masked)):
        if link.group(1) not in allowed_links:
            yield Objection("unknown_link", where, f"nothing exists at {link.group(1)!r}")
        masked[link.start(1) : link.end(1)] = _COVERED * len(link.group(1))
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
    objections += _fixed_text("benchmarks", benchmarks, _benchmark_lines(names, sheet))
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


def _benchmark_lines(subjects: Sequence[str], sheet: FactSheet) -> list[str]:
    signed = {s: percent_style(s, sheet, is_signed=True) for s in subjects}
    levels = {
        s: [_shown_marks(_marker(Citation(f"{s}.{end}", level_style(s, sheet)))) for end in ("before", "after")]
        for s in subjects
    }
    rows = [
        f"| <{s}.full_name> | <{s}.metric> | {levels[s][0]} | {levels[s][1]} | <{s}.change:{signed[s]}> "
        f"| <{s}.low:{signed[s]}> to <{s}.high:{signed[s]}> | <{s}.n_before:bare> then <{s}.n_after:bare> |"
        for s in subjects
    ]
    charts = [
        f"![Chart of <{s}.name>, <{s}.metric>: {chart_words(s, sheet)}, "
        f"<{s}.low:{signed[s]}> to <{s}.high:{signed[s]}>]({chart_link(s)})"
        for s in subjects
    ]
    return ["<day.series_checked> checked on <day.date>, <day.runs> measured.", *TABLE_HEAD, *rows, *charts]


def _link_lines(subjects: Sequence[str], sheet: FactSheet) -> list[str]:
    lines = [f"- [Claim ledger]({LEDGER_LINK}): the query, rows and hash behind every number above"]
    for s in subjects:
        lines.append(f"- [Chart]({chart_link(s)}) of <{s}.name>, <{s}.metric>, and [its data]({table_link(s)})")
        if f"{s}.commit" in sheet and not is_absent(sheet[f"{s}.commit"]):
            lines.append(f"- First measured with commit <{s}.commit>")
    if OVERRIDE_FACT in sheet and not is_absent(sheet[OVERRIDE_FACT]):
        lines.append(f"- {OVERRIDE_WORDS}: <{OVERRIDE_FACT}>")
    return [*lines, "- Check it yourself: muse verify <day.date>"]


def _fixed_text(where: str, text: str, expected: Sequence[str]) -> Iterator[Objection]:
    for stands, belongs in zip_longest(_filled(_shown_marks(text).split("\n")), _filled(expected), fillvalue=""):
        if stands != belongs:
            yield Objection("altered_text", where, f"{stands!r} stands where {belongs!r} belongs")
            return


def _shown_marks(text: str) -> str:
    return text.replace(_OPEN, "<").replace(_CLOSE, ">")


def _filled(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line]
