"""One day's episode put together: header, rendered text, hash and ledger, from facts and a draft.

A pure function of its inputs, so that whoever composes again (the verdict, the episode, `muse verify`) gets
the same bytes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from muse_domain.charts.drawing import render_chart
from muse_domain.charts.model import ChartInterval, ChartPoint, FindingChart
from muse_domain.charts.table import chart_table
from muse_domain.confidence import Confidence
from muse_domain.drafts import Draft
from muse_domain.episodes import (
    EpisodeHeader,
    build_ledger,
    canonical_episode,
    check_front_matter,
    check_sections,
    choose_series,
    content_sha256,
)
from muse_domain.fact_sheet import null_reasons, subjects_of
from muse_domain.facts import EvidenceRow
from muse_domain.findings import Finding
from muse_domain.life_cycle import State
from muse_domain.rendering import RenderedEpisode, chart_name, render_episode, table_name
from muse_domain.settings import PolicySection
from muse_domain.tracing import trace_episode
from muse_domain.verdicts import Objection, judge_draft
from muse_domain.wording import FactSheet, UnknownSlot, level_style, percent_style, show

# The facts that front matter shows; they are claims like any other.
FRONT_MATTER_FACTS = {"latency_ms_p95": "day.latency_p95"}


@dataclass(frozen=True, slots=True)
class EpisodeInputs:
    """All that an episode is made from."""

    day: date
    run_id: str
    draft: Draft
    sheet: FactSheet
    findings: Sequence[Finding]
    confidence: Confidence
    policy: PolicySection
    published_series: str | None
    sample: bool


@dataclass(frozen=True, slots=True)
class Composition:
    """The composed episode. `objections` is empty when every judgement passed; then `rendered` is set."""

    header: EpisodeHeader
    correlation: float | None
    objections: tuple[Objection, ...]
    rendered: RenderedEpisode | None
    canonical: str

    @property
    def content_sha256(self) -> str:
        """The hash that binds a verdict to this text."""
        return content_sha256(self.canonical)


def compose(inputs: EpisodeInputs) -> Composition:
    """Judge the draft, render it, and judge the result."""
    correlation = day_correlation(inputs.sheet, inputs.findings)
    header = _header(inputs, correlation)
    rendered, objections = render_judged(inputs.draft, inputs.sheet, inputs.findings)
    if rendered is None:
        return Composition(header, correlation, tuple(objections), None, "")
    canonical = canonical_episode(header, rendered)
    objections += _front_matter_objections(header, rendered)
    objections += [Objection("front_matter", "front_matter", problem) for problem in check_front_matter(canonical)]
    objections += [Objection("sections", "body", problem) for problem in check_sections(canonical)]
    return Composition(header, correlation, tuple(objections), rendered, canonical)


def render_judged(
    draft: Draft, sheet: FactSheet, findings: Sequence[Finding]
) -> tuple[RenderedEpisode | None, list[Objection]]:
    """Both judgements of a text: the rendered episode, None where the draft was refused, and every objection."""
    licences = subjects_of(findings)
    objections = judge_draft(draft, sheet, licences)
    if objections:
        return None, objections
    try:
        rendered = render_episode(draft, sheet, [finding.finding_id for finding in findings], FRONT_MATTER_FACTS)
    except UnknownSlot as missing:
        message = f"{missing.args[0]} is not on the day's sheet: materialise fact_sheets again"
        return None, [Objection("unknown_fact", "facts", message)]
    return rendered, trace_episode(rendered, sheet, licences, allowed_links=rendered.links)


def _front_matter_objections(header: EpisodeHeader, rendered: RenderedEpisode) -> list[Objection]:
    """Every number of the front matter that is a fact has its claim, with the same value."""
    claimed = {claim.where: claim.text for claim in rendered.claims}
    return [
        Objection("front_matter", "front_matter", f"{key} is {value}, its claim is {claim!r}")
        for key in FRONT_MATTER_FACTS
        if (value := getattr(header, key)) is not None and (claim := claimed.get(f"front_matter.{key}")) != str(value)
    ]


def day_correlation(sheet: FactSheet, findings: Sequence[Finding]) -> float | None:
    """The strongest relation to users that the day may claim; None where none may be."""
    values = [sheet[f"{f.finding_id}.relation"].value for f in findings if f"{f.finding_id}.relation" in sheet]
    return max((value for value in values if value is not None), key=abs, default=None)


def _header(inputs: EpisodeInputs, correlation: float | None) -> EpisodeHeader:
    sheet = inputs.sheet
    models = sheet["day.models"].text
    chosen = choose_series(inputs.confidence.score, correlation, inputs.policy)
    return EpisodeHeader(
        series=inputs.published_series or chosen,
        day=inputs.day,
        models=tuple(models.split(", ")) if models else (),
        run_id=inputs.run_id,
        commit_sha=sheet["day.hearts_commit"].text,
        latency_ms_p95=sheet["day.latency_p95"].value,
        tokens_in=inputs.draft.tokens_in,
        tokens_out=inputs.draft.tokens_out,
        cost_usd=inputs.draft.cost_usd,
        data_quality=null_reasons(sheet),
        sample=inputs.sample,
    )


def ledger_of(
    composition: Composition,
    inputs: EpisodeInputs,
    evidence: Mapping[str, Sequence[EvidenceRow]],
    sql: Mapping[str, str],
) -> dict[str, Any]:
    """The claim ledger of a composed episode. Needs a composition that passed."""
    if composition.rendered is None:
        raise ValueError("an episode that was refused has no ledger")
    return build_ledger(
        composition.header,
        composition.rendered,
        inputs.sheet,
        evidence,
        sql,
        inputs.confidence,
        composition.correlation,
        composition.content_sha256,
        inputs.draft.model or inputs.draft.writer,
    )


def episode_charts(
    findings: Sequence[Finding], sheet: FactSheet, points: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, str]:
    """Each finding's series as SVG and as CSV, by file name; `points` are rows of `select_chart_points` by finding."""
    return dict(file for finding in findings for file in _chart_files(finding, sheet, points[finding.finding_id]))


def _chart_files(finding: Finding, sheet: FactSheet, points: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    chart = finding_chart(finding, sheet, points)
    yield chart_name(finding.finding_id), render_chart(chart)
    yield table_name(finding.finding_id), chart_table(chart)


def finding_chart(finding: Finding, sheet: FactSheet, points: Sequence[Mapping[str, Any]]) -> FindingChart:
    """What the chart of a finding shows: the whole window, other environments included but set apart."""
    subject = finding.finding_id
    level = level_style(subject, sheet)
    return FindingChart(
        title=f"{sheet[f'{subject}.name'].text}, {sheet[f'{subject}.metric'].text}",
        unit=finding.key.unit,
        points=tuple(_point(row, finding) for row in points),
        changed_at=finding.changed_at,
        before_median=finding.before_median,
        after_median=finding.after_median,
        before_label=show(sheet[f"{subject}.before"], level),
        after_label=show(sheet[f"{subject}.after"], level),
        interval=_interval(finding, sheet),
        environment_changes=_environment_changes(points),
        is_refuted=finding.state is State.REFUTED,
        better=finding.key.better,  # type: ignore[arg-type]  # stored as text, written from the same literals
    )


def _point(row: Mapping[str, Any], finding: Finding) -> ChartPoint:
    return ChartPoint(
        ts=row["ts"],
        value=row["value"],
        commit_sha=row["commit_sha"],
        segment=_segment(row, finding),
        environment=row["environment_fingerprint"],
    )


def _interval(finding: Finding, sheet: FactSheet) -> ChartInterval | None:
    """The finding's interval as levels; None where it states none that can be drawn."""
    before = finding.before_median
    low, high = (before + pct / 100.0 * abs(before) for pct in (finding.interval_low_pct, finding.interval_high_pct))
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    signed = percent_style(finding.finding_id, sheet, is_signed=True)
    near, far = (show(sheet[f"{finding.finding_id}.{end}"], signed) for end in ("low", "high"))
    return ChartInterval(low, high, f"{near} to {far}")


def _segment(row: Mapping[str, Any], finding: Finding) -> Any:
    if row["environment_fingerprint"] != finding.key.environment or row["ts"] < finding.segment_start:
        return "earlier"
    return "before" if row["ts"] < finding.changed_at else "after"


def _environment_changes(points: Sequence[Mapping[str, Any]]) -> tuple[datetime, ...]:
    return tuple(
        later["ts"]
        for earlier, later in pairwise(points)
        if earlier["environment_fingerprint"] != later["environment_fingerprint"]
    )
