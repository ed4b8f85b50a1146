"""A day's episode put together from what is stored: what the verdict judges and the episode becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from muse_assets.council.stored import episode_run_id, evidence_of_sheet, stale_facts, stored_findings, stored_sheet
from muse_domain import confidence as measures
from muse_domain.composition import Composition, EpisodeInputs, compose
from muse_domain.confidence import Confidence
from muse_domain.days import day_end, trailing_days
from muse_domain.facts import EvidenceRow, Fact
from muse_domain.ports import Publisher, Warehouse
from muse_domain.settings import Settings
from muse_domain.stored import draft_from_row
from muse_resources.freshness import TRAILING_WEEK, loaded_days


@dataclass(frozen=True, slots=True)
class Proposal:
    """A day's episode as composed from what is stored, with the rows behind every fact."""

    inputs: EpisodeInputs
    composition: Composition
    evidence: Mapping[str, Sequence[EvidenceRow]]


def propose(day: date, store: Warehouse, publisher: Publisher, settings: Settings) -> Proposal | None:
    """Compose the day's episode from its stored draft and facts; None where there is no draft."""
    written = store.select("select_draft", {"day": day})
    if not written or written[0]["outcome"] != "draft":
        return None
    found, sheet = stored_findings(store, day), stored_sheet(store, day)
    evidence = evidence_of_sheet(sheet, store)
    series, _ = publisher.published_days().get(day, (None, 0))
    inputs = EpisodeInputs(
        day=day,
        run_id=str(episode_run_id(day)),
        draft=draft_from_row(written[0]),
        sheet=sheet,
        findings=found,
        confidence=_confidence(day, store, settings, sheet),
        policy=settings.policy,
        published_series=series,
        sample=settings.muse.sample,
    )
    made = compose(inputs)
    if made.rendered:
        # The weakest claim that the text really makes bounds the evidence, so it is known only now.
        supports = [sheet[claim.fact].spec.support for claim in made.rendered.claims]
        inputs = replace(inputs, confidence=replace(inputs.confidence, evidence=measures.evidence(supports)))
        made = compose(inputs)
    stale = stale_facts(sheet, evidence)
    return Proposal(inputs, replace(made, objections=(*made.objections, *stale)), evidence)


def _confidence(day: date, store: Warehouse, settings: Settings, sheet: Mapping[str, Fact]) -> Confidence:
    week = trailing_days(day, TRAILING_WEEK, settings.muse.start_date)
    span = {"first": min(week), "last": max(week)}
    [newest] = store.select("select_newest_run", span)
    [counts] = store.select("select_quality_counts", span)
    return Confidence(
        completeness=measures.completeness(len(loaded_days(week[0], week[-1], store, settings)), len(week)),
        recency=measures.recency(newest["newest"], day_end(day)),
        data_quality=measures.data_quality(counts["ok"], counts["flagged"], counts["quarantined"]),
        evidence=measures.evidence([fact.spec.support for fact in sheet.values()]),
    )
