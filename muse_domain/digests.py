"""A month's digest: what became of each of its days, told in the program's own words, every number a fact.

Pure, as the composition of an episode is. There is no writer: each line is a phrase that cites facts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from muse_domain.days import month_last
from muse_domain.episodes import (
    DIGEST_SERIES,
    EpisodeHeader,
    EpisodeStatus,
    build_ledger,
    canonical_episode,
    check_front_matter,
    content_sha256,
)
from muse_domain.facts import EvidenceRow, FactSpec
from muse_domain.rendering import LEDGER_LINK, RenderedEpisode, render_worded
from muse_domain.tracing import trace_worded
from muse_domain.verdicts import Objection
from muse_domain.wording import Citation, FactSheet, Phrase, UnknownSlot, is_absent, phrase

UNDER_WAY_REASON = "the month has not ended, and nothing of it is published before"
LONGEST_LIST = 5
# What is said of a shift by its own later runs; else another shift has undone it.
_STANDS = ("confirmed", "refuted")
_POST = re.compile(r"[a-z0-9_-]+/ep-\d+")
_OTHER_DAYS = {
    "waiting": " waiting for a person to decide",
    "held": " held back: what was written did not pass, or was not sure enough",
    "failed": " failed",
    "unfinished": " not built to the end, and counted nowhere else",
}
_NULL_REASONS = {
    "commit_sha": "a digest is of a month, not of a commit",
    "latency_ms_p95": "a digest measures nothing of its own",
}


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month by its first day, and the days of it that are covered."""

    first: date
    covered_first: date
    covered_last: date

    @property
    def last(self) -> date:
        """The last day of the calendar month: the digest's date."""
        return month_last(self.first)

    @property
    def span(self) -> dict[str, str | int | float | None]:
        """The covered days as a query takes them."""
        return {"first": self.covered_first.isoformat(), "last": self.covered_last.isoformat()}


def covered_month(first: date, start: date, end: date | None) -> Month:
    """The month that begins with `first`, of a history that runs from `start` to `end`."""
    last = month_last(first)
    return Month(first, max(first, start), min(last, end) if end else last)


def digest_name(day: date) -> str:
    """`digest-2026-10`: the digest of the month of this day."""
    return f"{DIGEST_SERIES}-{day:%Y-%m}"


def month_specs(month: Month) -> list[FactSpec]:
    """Facts about the month as a whole; what a month need not have is absent where there is none."""
    span, subject = month.span, "month"

    def counted(name: str, query: str, reducer: str, unit: str) -> FactSpec:
        return FactSpec(f"{subject}.{name}", subject, query, span, reducer, unit)

    return [
        *(
            FactSpec(f"{subject}.{name}", subject, "month_span", {**span, "field": name}, "single", unit)
            for name, unit in (("name", "words"), ("digest", "words"), ("first", "date"), ("last", "date"))
        ),
        counted("days", "month_days", "count", "day"),
        counted("told", "month_days", "count:told", "day"),
        counted("quiet", "month_days", "count:quiet", "day"),
        counted("quiet_series", "month_quiet_series", "count_any", "series"),
        counted("quiet_checks", "month_days", "sum:quiet", "check"),
        *(counted(name, "month_days", f"count_any:{name}", "day") for name in ("waiting", "held", "failed")),
        counted("unfinished", "month_unfinished", "count_any", "day"),
        *(
            counted(name, "month_shifts", f"count_any:{name}", "shift")
            for name in ("confirmed", "fixed", "undone", "refuted")
        ),
    ]


def list_specs(told: Sequence[EvidenceRow], shifts: Sequence[EvidenceRow]) -> list[FactSpec]:
    """Facts about each told day and each shift; the rows are those of `month_days` and `month_shifts`."""
    days = [row.row_id for row in told if row.segment == "told"]
    specs: list[FactSpec] = []
    for number, day in enumerate(days, start=1):
        subject = f"e{number}"
        specs += [*_post_specs(subject, day), _field(subject, "title", "day_episode", {"day": day}, "title")]
    for number, row in enumerate(shifts, start=1):
        subject, (day, finding_id) = f"s{number}", row.row_id.split(" ")
        specs += _post_specs(subject, day)
        fields = {"name": "code", "metric": "words", "state": "words"}
        fields |= {"told_on": "date"} if row.segment in _STANDS else {"returned": "words", "returned_on": "date"}
        specs += [
            _field(subject, name, "finding_text", {"day": day, "finding_id": finding_id}, unit)
            for name, unit in fields.items()
        ]
    return specs


def _post_specs(subject: str, day: str) -> list[FactSpec]:
    fields = {"day": "date", "post": "words"}
    return [_field(subject, name, "day_episode", {"day": day}, unit) for name, unit in fields.items()]


def _field(subject: str, name: str, query: str, parameters: Mapping[str, str], unit: str) -> FactSpec:
    return FactSpec(f"{subject}.{name}", subject, query, {**parameters, "field": name}, "single", unit)


TITLE: Phrase = ("Digest of ", Citation("month.name"))


def digest_lines(sheet: FactSheet) -> list[Phrase]:
    """The digest's body, line by line. Raises UnknownSlot where a fact that every digest has is absent."""
    lines: list[Phrase] = [("## The month",), (), *_month_lines(sheet)]
    if shifts := _subjects(sheet, "s"):
        lines += [(), ("## Shifts",), (), _shift_counts(sheet), (), *(_shift_line(one, sheet) for one in shifts)]
    if episodes := _subjects(sheet, "e"):
        lines += [(), ("## Episodes",), (), *(_episode_line(one, sheet) for one in episodes)]
    return [
        *lines,
        (),
        ("## Links & artifacts",),
        (),
        (f"- [Claim ledger]({LEDGER_LINK}): the query, rows and hash behind every number above",),
        ("- Check it yourself: muse verify ", Citation("month.digest")),
    ]


def _month_lines(sheet: FactSheet) -> Iterator[Phrase]:
    first, last = Citation("month.first"), Citation("month.last")
    yield ("What became of ", Citation("month.days"), ", from ", first, " to ", last, ":")
    yield ()
    yield ("- ", Citation("month.told"), " with an episode")
    yield ("- ", Citation("month.quiet"), " quiet: looked at, and no new shift found", *_checked(sheet))
    for name, words in _OTHER_DAYS.items():
        if _has(sheet, f"month.{name}"):
            yield ("- ", Citation(f"month.{name}"), words)


def _checked(sheet: FactSheet) -> Phrase:
    """How much was looked at on the quiet days; a series with too few runs is looked at, and cannot be checked."""
    if not _has(sheet, "month.quiet_series"):
        return ()
    return (" in ", Citation("month.quiet_series"), ", with ", Citation("month.quiet_checks"), " in all")


def _shift_counts(sheet: FactSheet) -> Phrase:
    parts: list[str | Citation] = []
    for name in ("confirmed", "fixed", "undone", "refuted"):
        if _has(sheet, f"month.{name}"):
            parts += [", " if parts else "", Citation(f"month.{name}"), f" {name}"]
    return (*parts, ":")


def _shift_line(subject: str, sheet: FactSheet) -> Phrase:
    """Which earlier shift, what became of it, and on which day that was told."""
    day, post = Citation(f"{subject}.day"), _post_link(subject, sheet)
    of = ("- ", Citation(f"{subject}.metric"), " of ", Citation(f"{subject}.name"), ": ")
    if f"{subject}.returned" in sheet:
        return (*of, *phrase(subject, "returned", sheet), ", told on ", day, *post)
    first_told = ("first told on ", Citation(f"{subject}.told_on"), ", ", Citation(f"{subject}.state"))
    return (*of, *first_told, " on ", day, *post)


def _episode_line(subject: str, sheet: FactSheet) -> Phrase:
    day, title = Citation(f"{subject}.day"), Citation(f"{subject}.title")
    return ("- ", day, ": ", title, *_post_link(subject, sheet))


def _post_link(subject: str, sheet: FactSheet) -> Phrase:
    """The link's words are the claim that its target is made of."""
    return (" ([", Citation(f"{subject}.post"), f"]({_link(subject, sheet)}))")


def _link(subject: str, sheet: FactSheet) -> str:
    """The post of an episode, as seen from the digest's file."""
    post = sheet[f"{subject}.post"].text or ""
    if not _POST.fullmatch(post):
        raise UnknownSlot(f"{subject}.post")
    return f"../{post}.md"


def _subjects(sheet: FactSheet, kind: str) -> list[str]:
    named = {fact.spec.subject for fact in sheet.values()}
    return sorted((one for one in named if re.fullmatch(rf"{kind}\d+", one)), key=lambda one: int(one[1:]))


def _has(sheet: FactSheet, fact_id: str) -> bool:
    return not is_absent(sheet[fact_id])


@dataclass(frozen=True, slots=True)
class Digest:
    """A composed digest. `rendered` is None where there is nothing to tell; `objections` is empty when it passed."""

    header: EpisodeHeader
    sheet: FactSheet
    rendered: RenderedEpisode | None
    canonical: str
    objections: tuple[Objection, ...]

    @property
    def content_sha256(self) -> str:
        """The hash that binds a verdict to this text."""
        return content_sha256(self.canonical)

    def count(self, name: str) -> int:
        """One of the month's counts; none where it is absent."""
        return int(self.sheet[f"month.{name}"].value or 0)


def compose_digest(month: Month, run_id: str, sheet: FactSheet, *, sample: bool) -> Digest:
    """Word the digest, and judge the finished text as that of an episode is judged."""
    header = _header(month, run_id, sample)
    if not sheet["month.days"].value:
        return Digest(header, sheet, None, "", ())
    try:
        lines = digest_lines(sheet)
        links = [LEDGER_LINK, *dict.fromkeys(_link(one, sheet) for kind in "es" for one in _subjects(sheet, kind))]
        rendered = render_worded(TITLE, lines, sheet, links)
    except UnknownSlot as missing:
        objection = Objection("unknown_fact", "facts", f"{missing.args[0]} is not there to be told")
        return Digest(header, sheet, None, "", (objection,))
    canonical = canonical_episode(header, rendered)
    objections = trace_worded(rendered, sheet, TITLE, lines, allowed_links=rendered.links)
    problems = check_front_matter(canonical, (DIGEST_SERIES,))
    objections += [Objection("front_matter", "front_matter", problem) for problem in problems]
    return Digest(header, sheet, rendered, canonical, tuple(objections))


def _header(month: Month, run_id: str, sample: bool) -> EpisodeHeader:
    return EpisodeHeader(
        series=DIGEST_SERIES, day=month.last, models=(), run_id=run_id, commit_sha=None, latency_ms_p95=None,
        tokens_in=0, tokens_out=0, cost_usd=0.0, data_quality=_NULL_REASONS, sample=sample,
    )  # fmt: skip


def digest_ledger(
    digest: Digest, evidence: Mapping[str, Sequence[EvidenceRow]], sql: Mapping[str, str]
) -> dict[str, Any]:
    """The claim ledger of a digest that was rendered. It has no confidence: its numbers are counts of rows."""
    if digest.rendered is None:
        raise ValueError("a digest without a text has no ledger")
    return build_ledger(
        digest.header, digest.rendered, digest.sheet, evidence, sql, None, None, digest.content_sha256, "none"
    )


def decide_digest(digest: Digest, unfinished: Sequence[str], *, under_way: bool) -> tuple[EpisodeStatus, str]:
    """Whether a digest goes out, or why not; `unfinished` are the days that are not built to their end."""
    if digest.objections:
        return EpisodeStatus.HELD, f"the verdict objects to the text: {digest.objections[0].message}"
    if under_way:
        return EpisodeStatus.DRAFT, f"a preview: {UNDER_WAY_REASON}"
    if unfinished:
        named = ", ".join(unfinished[:LONGEST_LIST])
        more = f" and {len(unfinished) - LONGEST_LIST} more" if len(unfinished) > LONGEST_LIST else ""
        remedy = f"muse backfill --from {unfinished[0]} --to {unfinished[-1]}"
        return EpisodeStatus.HELD, f"not built to the end: {named}{more}; `{remedy}` builds them"
    return EpisodeStatus.APPROVED, f"each of the month's {digest.count('days')} days has its outcome"
