"""The episode as a file: front matter, sections, number, ledger, path and commit message."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import yaml

from muse_domain.confidence import LIFTED_BY, Confidence
from muse_domain.facts import EvidenceRow, Fact, fact_to_row, instant, used_rows
from muse_domain.rendering import NUMBER_TOKEN, SECTIONS, Claim, RenderedEpisode
from muse_domain.settings import PolicySection
from muse_domain.watch import is_under_way
from muse_domain.wording import FactSheet

FRONT_MATTER_KEYS = (
    "title", "series", "episode", "date", "models", "run_id", "commit_sha",
    "latency_ms_p95", "tokens_in", "tokens_out", "cost_usd",
)  # fmt: skip

EPISODE_SERIES = ("chimera", "banterpacks")
# A month's digest is a post of a series of its own.
DIGEST_SERIES = "digest"

# What `episodes.reason` says of a published day, whoever writes the row.
PUBLISHED_REASON = "published"
UNDER_WAY_REASON = "the day has not ended, and nothing of it is published before"

# How many supporting rows the ledger carries along (of each segment, where there are several: half as many);
# the query gives all of them.
LEDGER_ROWS = 12


class EpisodeStatus(StrEnum):
    """What became of a day."""

    DRAFT = "draft"
    HELD = "held"
    APPROVED = "approved"
    PUBLISHED = "published"
    SKIPPED = "skipped"


class EpisodeFormatError(ValueError):
    """A file is not an episode; the message says which rule it breaks."""


def choose_series(confidence: float, correlation: float | None, policy: PolicySection) -> str:
    """`chimera` where benchmark and users demonstrably moved together, else `banterpacks`."""
    related = correlation is not None and abs(correlation) >= policy.chimera_correlation
    return "chimera" if related and confidence >= policy.chimera_confidence else "banterpacks"


def decide_status(passed: bool, confidence: Confidence, policy: PolicySection) -> tuple[EpisodeStatus, str]:
    """Whether an episode goes out, waits for a person, or is held; why, and what would lift it."""
    score = confidence.score
    if not passed:
        return EpisodeStatus.HELD, "the verdict objects to the text: see episode_verdicts"
    if score >= policy.publish_at:
        return EpisodeStatus.APPROVED, f"confidence {score:.2f} reaches publish_at {policy.publish_at:.2f}"
    lift = f"its lowest part is {confidence.weakest.replace('_', ' ')}: to lift it, {LIFTED_BY[confidence.weakest]}"
    if score >= policy.hold_below:
        below = f"below publish_at {policy.publish_at:.2f}: a person decides"
        return EpisodeStatus.DRAFT, f"confidence {score:.2f} is {below}; {lift}"
    return EpisodeStatus.HELD, f"confidence {score:.2f} is below hold_below {policy.hold_below:.2f}; {lift}"


def approval_objection(day: date, status: str, reason: str, now: datetime) -> str:
    """Why the episode of a day cannot be approved; empty where it is a draft that waits for a person."""
    if is_under_way(day, now):
        return f"The episode of {day} cannot be approved: {UNDER_WAY_REASON}."
    if status == EpisodeStatus.DRAFT:
        return ""
    if not status:
        return f"There is no episode of {day} to approve: build the day first."
    return f"The episode of {day} does not wait for a person, it is {status}: {reason}."


@dataclass(frozen=True, slots=True)
class EpisodeHeader:
    """What the front matter says besides title and number."""

    series: str
    day: date
    models: tuple[str, ...]
    run_id: str
    commit_sha: str | None
    latency_ms_p95: float | None
    tokens_in: int
    tokens_out: int
    cost_usd: float
    data_quality: Mapping[str, str]
    sample: bool


def canonical_episode(header: EpisodeHeader, rendered: RenderedEpisode) -> str:
    """The whole file with `episode: null` and the number token in its links: what a verdict is bound to."""
    return f"---\n{_front_matter(header, rendered.title)}---\n{rendered.body}"


def _front_matter(header: EpisodeHeader, title: str) -> str:
    fields: dict[str, Any] = {
        "title": title.replace("`", ""),
        "series": header.series,
        "episode": None,
        "date": f"{header.day.isoformat()}T00:00:00Z",
        "models": list(header.models),
        "run_id": header.run_id,
        "commit_sha": header.commit_sha,
        "latency_ms_p95": header.latency_ms_p95,
        "tokens_in": header.tokens_in,
        "tokens_out": header.tokens_out,
        "cost_usd": header.cost_usd,
    }
    if header.data_quality:
        fields["data_quality"] = dict(header.data_quality)
    if header.sample:
        fields["sample_data"] = True
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=10_000)


def content_sha256(canonical: str) -> str:
    """The hash that binds a verdict to a text."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def episode_name(number: int) -> str:
    """`ep-001`."""
    return f"ep-{number:03d}"


def episode_path(folder: str, series: str, number: int) -> str:
    """`posts/<series>/ep-001.md` inside the blog's repository."""
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    return f"{prefix}posts/{series}/{episode_name(number)}.md"


def number_episode(canonical: str, ledger: Mapping[str, Any], number: int) -> tuple[str, dict[str, Any]]:
    """Give a canonical episode its number; the ledger's offsets move with the text."""
    head, body = split_front_matter(canonical)
    shift = len(episode_name(number)) - len(NUMBER_TOKEN)
    places = [match.start() for match in _link_to(NUMBER_TOKEN).finditer(body)]
    claims = [_moved(claim, places, shift) for claim in ledger["claims"]]
    numbered = head.replace("episode: null\n", f"episode: {number}\n", 1)
    markdown = numbered + _link_to(NUMBER_TOKEN).sub(rf"\g<1>{episode_name(number)}", body)
    return markdown, {**ledger, "episode": {**ledger["episode"], "episode": number}, "claims": claims}


def _moved(claim: Mapping[str, Any], places: Sequence[int], shift: int) -> dict[str, Any]:
    if claim["where"] != "body" or claim["start"] is None:
        return dict(claim)
    offset = shift * sum(place < claim["start"] for place in places)
    return {**claim, "start": claim["start"] + offset, "end": claim["end"] + offset}


def unnumbered(markdown: str) -> str:
    """The canonical text of a published episode: the inverse of `number_episode`."""
    head, body = split_front_matter(markdown)
    number = read_front_matter(markdown).get("episode")
    if not isinstance(number, int):
        raise EpisodeFormatError(f"the episode has no number: {number!r}")
    canonical_head = re.sub(r"^episode: \d+$", "episode: null", head, count=1, flags=re.MULTILINE)
    return canonical_head + _link_to(episode_name(number)).sub(rf"\g<1>{NUMBER_TOKEN}", body)


def _link_to(name: str) -> re.Pattern[str]:
    """The name of an episode's files at the beginning of a link: quoted subjects may name episodes, too."""
    return re.compile(rf"(\]\(){re.escape(name)}(?=[./])")


def split_front_matter(markdown: str) -> tuple[str, str]:
    """Front matter with its fences, and the body. Raises EpisodeFormatError."""
    match = re.match(r"---\n.*?\n---\n", markdown, re.DOTALL)
    if not match:
        raise EpisodeFormatError("the file does not begin with front matter between --- lines")
    return match.group(), markdown[match.end() :]


def read_front_matter(markdown: str) -> dict[str, Any]:
    """The decoded front matter. Raises EpisodeFormatError."""
    head, _ = split_front_matter(markdown)
    try:
        fields = yaml.safe_load(head.removeprefix("---\n").removesuffix("---\n"))
    except yaml.YAMLError as error:
        raise EpisodeFormatError(f"the front matter is not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise EpisodeFormatError("the front matter is not a mapping")
    return fields


def check_front_matter(markdown: str, series: Sequence[str] = EPISODE_SERIES) -> list[str]:
    """What the front matter lacks or gets wrong; empty when it is right."""
    try:
        fields = read_front_matter(markdown)
    except EpisodeFormatError as error:
        return [str(error)]
    problems = [f"{key} is missing" for key in FRONT_MATTER_KEYS if key not in fields]
    quality = fields.get("data_quality") or {}
    nullable = ("commit_sha", "latency_ms_p95")
    problems += [
        f"{key} is null without a reason in data_quality"
        for key in nullable
        if key in fields and fields[key] is None and not quality.get(key)
    ]
    problems += [
        f"{key} is null"
        for key in FRONT_MATTER_KEYS
        if key not in (*nullable, "episode") and key in fields and fields[key] is None
    ]
    if str(fields.get("series", "")).lower() not in series:
        problems.append(f"series is neither {' nor '.join(series)}")
    return problems


def check_sections(markdown: str) -> list[str]:
    """What is wrong with the section headings: each once, in order, none inside a code fence counted."""
    try:
        _, body = split_front_matter(markdown)
    except EpisodeFormatError as error:
        return [str(error)]
    headings = _headings(body)
    problems = [f"{section!r} is missing" for section in SECTIONS if section not in headings]
    problems += [f"{h!r} stands {headings.count(h)} times" for h in dict.fromkeys(headings) if headings.count(h) > 1]
    problems += [f"{h!r} is not a section of an episode" for h in dict.fromkeys(headings) if h not in SECTIONS]
    if not problems and headings != list(SECTIONS):
        problems.append("the sections are out of order")
    return problems


def _headings(body: str) -> list[str]:
    headings: list[str] = []
    fence = ""
    for line in body.splitlines():
        if fence:
            if (end := re.fullmatch(r" {0,3}(`{3,}|~{3,})\s*", line)) and end.group(1).startswith(fence):
                fence = ""
        elif start := re.match(r" {0,3}(`{3,}(?!.*`)|~{3,})", line):
            fence = start.group(1)
        elif re.match(r" {0,3}#{1,2}(?:\s|$)", line):
            headings.append(line.strip())
    return headings


def build_ledger(
    header: EpisodeHeader,
    rendered: RenderedEpisode,
    sheet: FactSheet,
    evidence: Mapping[str, Sequence[EvidenceRow]],
    sql: Mapping[str, str],
    confidence: Confidence | None,
    correlation: float | None,
    content_hash: str,
    writer: str,
) -> dict[str, Any]:
    """The claim ledger that goes out beside the episode: each claim, its fact, query, rows and row hash."""
    used = {claim.fact for claim in rendered.claims}
    return {
        "schema": 1,
        "episode": {
            "series": header.series,
            "episode": None,
            "day": header.day.isoformat(),
            "run_id": header.run_id,
            "content_sha256": content_hash,
            "sample_data": header.sample,
            "confidence": confidence
            and {
                "score": confidence.score,
                **{name: round(share, 4) for name, share in confidence.components.items()},
            },
            "correlation_strength": correlation,
            "writer": writer,
        },
        "facts": {
            fact_id: _ledger_fact(fact, evidence[fact_id], sql[fact.spec.query])
            for fact_id, fact in sorted(sheet.items())
            if fact_id in used
        },
        "claims": [_ledger_claim(claim) for claim in rendered.claims],
    }


def _ledger_fact(fact: Fact, rows: Sequence[EvidenceRow], sql: str) -> dict[str, Any]:
    shown = fact_to_row(fact)
    return {
        **{key: shown[key] for key in shown if key not in ("fact_id", "parameters", "reason")},
        "parameters": dict(fact.spec.parameters),
        "sql": sql,
        "rows": [_ledger_row(row) for row in _first_rows(used_rows(fact.spec, rows))],
    }


def _first_rows(rows: Sequence[EvidenceRow]) -> list[EvidenceRow]:
    """The first rows, in their order; of several segments the first of each, so that both sides can be seen."""
    if len({row.segment for row in rows}) < 2:
        return list(rows[:LEDGER_ROWS])
    taken: Counter[str] = Counter()
    kept = []
    for row in rows:
        taken[row.segment] += 1
        if taken[row.segment] <= LEDGER_ROWS // 2:
            kept.append(row)
    return kept


def _ledger_row(row: EvidenceRow) -> dict[str, Any]:
    return {
        "table": row.table,
        "row_id": row.row_id,
        "ts": instant(row.ts),
        "commit_sha": row.commit_sha,
        "source": row.source,
        "segment": row.segment,
        "value": row.value,
        "pair": row.pair,
        "text": row.text,
    }


def _ledger_claim(claim: Claim) -> dict[str, Any]:
    in_title = claim.where == "title"
    return {
        "fact": claim.fact,
        "where": "front_matter.title" if in_title else claim.where,
        # The front matter is plain text: code marks are left out there, so offsets would not hold either.
        "text": claim.text.replace("`", "") if in_title else claim.text,
        "style": claim.style,
        "start": None if in_title else claim.start,
        "end": None if in_title else claim.end,
    }


def commit_message(
    *, series: str, number: int, title: str, confidence: float | None, correlation: float | None, draft_cost_usd: float,
    run_id: str,
) -> str:  # fmt: skip
    """Subject and body of the publishing commit."""
    sure, related = ("not measured" if share is None else f"{share:.2f}" for share in (confidence, correlation))
    return "\n".join(
        [
            f"feat(episode): Generate {series} episode {number}",
            "",
            f"Title: {title.replace('`', '')}",
            f"Confidence: {sure}",
            f"Correlation: {related}",
            f"Cost: ${draft_cost_usd:.6f}",
            f"Run ID: {run_id}",
            "",
            "Generated by Muse Protocol Council Agent",
            "",
        ]
    )
