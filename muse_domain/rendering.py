"""From a draft and its facts to the finished Markdown, with every claim's place recorded.

The text is canonical: its episode number is not known before publication, so links carry the token
`ep-NNN`, which `muse_domain.episodes.number_episode` replaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from muse_domain.drafts import Draft
from muse_domain.wording import (
    SLOT,
    Citation,
    FactSheet,
    Phrase,
    Style,
    UnknownSlot,
    is_absent,
    level_style,
    percent_style,
    phrase,
    show,
)

NUMBER_TOKEN = "ep-NNN"
OVERRIDE_FACT = "gate.override"
OVERRIDE_WORDS = "Written by a person's decision, whatever the watcher said of the data"
CHART_WORDS = "every run of the window, where its level changed, and the interval of the change"
REFUTED_CHART_WORDS = "every run of the window, the place of the change that was refuted, and the interval of its rest"
LEDGER_LINK = f"{NUMBER_TOKEN}.claims.json"

SECTIONS = (
    "## What changed",
    "## Why it matters",
    "## Benchmarks (summary)",
    "## Next steps",
    "## Links & artifacts",
)
TABLE_HEAD = (
    "| Benchmark | Metric | Before | After | Change | Interval | Runs |",
    "|---|---|---:|---:|---:|---:|---:|",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One shown fact. `where` is body, title or front_matter.<key>; offsets are characters into body or title."""

    fact: str
    where: str
    text: str
    style: Style = "plain"
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class RenderedEpisode:
    """Title and body with their claims, before front matter and number."""

    title: str
    body: str
    claims: tuple[Claim, ...]
    links: tuple[str, ...]


@dataclass(slots=True)
class _Sheet:
    """Text under construction, recording each citation's place."""

    facts: FactSheet
    where: str
    parts: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    length: int = 0

    def say(self, text: str) -> "_Sheet":
        self.parts.append(text)
        self.length += len(text)
        return self

    def cite(self, fact: str, style: Style = "plain") -> "_Sheet":
        if fact not in self.facts:
            raise UnknownSlot(fact)
        text = show(self.facts[fact], style)
        self.claims.append(Claim(fact, self.where, text, style, self.length, self.length + len(text)))
        return self.say(text)

    def tell(self, parts: Phrase) -> "_Sheet":
        for part in parts:
            self.cite(part.fact, part.style) if isinstance(part, Citation) else self.say(part)
        return self

    def fill(self, text: str) -> "_Sheet":
        """Text with slots: everything between them is the writer's, every slot is ours."""
        position = 0
        for slot in SLOT.finditer(text):
            self.say(text[position : slot.start()])
            self.tell(phrase(slot.group(1), slot.group(2), self.facts))
            position = slot.end()
        return self.say(text[position:])

    @property
    def text(self) -> str:
        return "".join(self.parts)


def chart_words(subject: str, sheet: FactSheet) -> str:
    """What a finding's chart shows."""
    state = sheet.get(f"{subject}.state")
    return REFUTED_CHART_WORDS if state is not None and state.text == "refuted" else CHART_WORDS


def chart_name(subject: str) -> str:
    """File name of a finding's chart."""
    return f"{subject}.svg"


def chart_link(subject: str) -> str:
    """The chart's link from the episode's file, before the number is known."""
    return f"{NUMBER_TOKEN}/{chart_name(subject)}"


def table_name(subject: str) -> str:
    """File name of the table with what a finding's chart draws."""
    return f"{subject}.csv"


def table_link(subject: str) -> str:
    """The table's link from the episode's file, before the number is known."""
    return f"{NUMBER_TOKEN}/{table_name(subject)}"


def render_episode(
    draft: Draft, sheet: FactSheet, subjects: Sequence[str], front_matter: Mapping[str, str]
) -> RenderedEpisode:
    """Render title and body. `front_matter` maps keys to the facts that they show.

    Raises UnknownSlot where the draft names a slot without a fact: judge the draft first.
    """
    title = _Sheet(sheet, "title").fill(" ".join(draft.title.split()))
    body = _Sheet(sheet, "body")
    body.say("\n").say(SECTIONS[0] + "\n\n").fill(draft.what_changed.strip())
    body.say(f"\n\n{SECTIONS[1]}\n\n").fill(draft.why_it_matters.strip())
    body.say(f"\n\n{SECTIONS[2]}\n\n")
    _benchmarks(body, subjects)
    body.say(f"\n{SECTIONS[3]}\n\n").fill(draft.next_steps.strip())
    body.say(f"\n\n{SECTIONS[4]}\n\n")
    _links(body, subjects)
    shown = [
        Claim(fact, f"front_matter.{key}", str(sheet[fact].value))
        for key, fact in front_matter.items()
        if not is_absent(sheet[fact])
    ]
    links = (LEDGER_LINK, *(link(subject) for subject in subjects for link in (chart_link, table_link)))
    return RenderedEpisode(title.text, body.text, (*title.claims, *body.claims, *shown), links)


def render_worded(title: Phrase, lines: Sequence[Phrase], sheet: FactSheet, links: Sequence[str]) -> RenderedEpisode:
    """Render a post that the program words itself. Raises UnknownSlot where a line cites a fact that is not there."""
    headed, body = _Sheet(sheet, "title").tell(title), _Sheet(sheet, "body").say("\n")
    for line in lines:
        body.tell(line).say("\n")
    return RenderedEpisode(headed.text, body.text, (*headed.claims, *body.claims), tuple(links))


def _benchmarks(body: _Sheet, subjects: Sequence[str]) -> None:
    body.cite("day.series_checked").say(" checked on ").cite("day.date").say(", ")
    body.cite("day.runs").say(" measured.\n\n")
    body.say("\n".join(TABLE_HEAD) + "\n")
    for subject in subjects:
        _table_row(body, subject)
    for subject in subjects:
        body.say("\n![Chart of ").cite(f"{subject}.name").say(", ").cite(f"{subject}.metric")
        signed = percent_style(subject, body.facts, is_signed=True)
        body.say(f": {chart_words(subject, body.facts)}, ").cite(f"{subject}.low", signed).say(" to ").cite(
            f"{subject}.high", signed
        )
        body.say(f"]({chart_link(subject)})\n")


def _table_row(body: _Sheet, subject: str) -> None:
    body.say("| ").cite(f"{subject}.full_name").say(" | ").cite(f"{subject}.metric")
    level = level_style(subject, body.facts)
    body.say(" | ").cite(f"{subject}.before", level).say(" | ").cite(f"{subject}.after", level)
    signed = percent_style(subject, body.facts, is_signed=True)
    body.say(" | ").cite(f"{subject}.change", signed)
    body.say(" | ").cite(f"{subject}.low", signed).say(" to ").cite(f"{subject}.high", signed)
    body.say(" | ").cite(f"{subject}.n_before", "bare").say(" then ").cite(f"{subject}.n_after", "bare").say(" |\n")


def _links(body: _Sheet, subjects: Sequence[str]) -> None:
    body.say(f"- [Claim ledger]({LEDGER_LINK}): the query, rows and hash behind every number above\n")
    for subject in subjects:
        body.say(f"- [Chart]({chart_link(subject)}) of ").cite(f"{subject}.name").say(", ")
        body.cite(f"{subject}.metric").say(f", and [its data]({table_link(subject)})\n")
        if f"{subject}.commit" in body.facts and not is_absent(body.facts[f"{subject}.commit"]):
            body.say("- First measured with commit ").cite(f"{subject}.commit").say("\n")
    if OVERRIDE_FACT in body.facts and not is_absent(body.facts[OVERRIDE_FACT]):
        body.say(f"- {OVERRIDE_WORDS}: ").cite(OVERRIDE_FACT).say("\n")
    body.say("- Check it yourself: muse verify ").cite("day.date").say("\n")
