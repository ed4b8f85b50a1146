"""From rows to an episode: findings, facts, a draft, its verdict, and the decision."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import numpy as np

from muse_assets.daily import DailyAsset, day_of, days_of, markdown_table, table_result
from muse_assets.watch import TRAILING_WEEK, judge_day, required_sources
from muse_domain import confidence as measures
from muse_domain.composition import Composition, EpisodeInputs, compose, ledger_of
from muse_domain.confidence import Confidence
from muse_domain.days import day_end, trailing_days
from muse_domain.drafts import Draft, Writer, WritingTask
from muse_domain.episodes import EpisodeStatus, decide_status
from muse_domain.fact_sheet import briefing, day_specs, finding_specs, relation_parameters
from muse_domain.facts import EvidenceRow, Fact, FactSpec, fact_from_row, fact_to_row, settle
from muse_domain.findings import DayFindings, Finding, KnownShift, find_day
from muse_domain.measurements import RUN_NAMESPACE
from muse_domain.ports import Clock, Publisher, Row, SourceRepository, Warehouse
from muse_domain.relations import Relation, relate
from muse_domain.series import group_series
from muse_domain.settings import Settings
from muse_domain.stored import (
    absent_draft_row,
    check_row,
    commit_from_row,
    draft_from_row,
    draft_row,
    finding_from_row,
    finding_row,
)
from muse_domain.verdicts import verdict_summary
from muse_domain.watch import FreshnessVerdict
from muse_domain.wording import offered_slots
from muse_resources.statements import statement
from muse_resources.warehouse import json_text
from muse_resources.workspace import Workspace

GROUP = "council"
WATCHER_GATE = "watcher_gate"


def findings(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """What moved, when, by how much, how sure that is, and the cause: code, method, environment or noise.

    Every series that was measured on the day is looked at, and noted in `series_checks`.
    """
    days = days_of(context)
    store = warehouse.tagged(context.run_id)
    looked = _look(days, store, workspace.settings)
    checks = [check_row(one.day, check) for one in looked for check in one.checks]
    rows = [finding_row(one.day, finding) for one in looked for finding in one.findings]
    store.replace_days("series_checks", days, checks)
    store.replace_days("findings", days, rows)
    return table_result(len(rows), preview=_finding_preview(rows), series_checked=len(checks))


def _look(days: Sequence[date], store: Warehouse, settings: Settings) -> list[DayFindings]:
    """Each day in order, each knowing what the days before it have told."""
    window = timedelta(days=settings.analysis.window_days)
    span = {"first": min(days) - window, "last": max(days)}
    better = settings.analysis.better
    points = store.select("select_series_points", span)
    points = [{**row, "better": better.get(row["metric"], row["better"])} for row in points]
    series = group_series(row for row in points if row["better"] != "none")
    history = store.select("select_commits", {"repository": "hearts", **span})
    commits = [commit_from_row(row) for row in history]
    known = [
        KnownShift(row["series_id"], row["changed_at"], row["direction"])
        for row in store.select("select_known_shifts", {"first": span["first"], "before": min(days)})
    ]
    looked: list[DayFindings] = []
    for day in sorted(days):
        found = find_day(day, series, commits, known, settings.analysis)
        known += [KnownShift(f.key.series_id, f.changed_at, f.direction) for f in found.findings]
        looked.append(found)
    return looked


def _finding_preview(rows: Sequence[Row]) -> str:
    if not rows:
        return "Nothing moved.\n"
    listed = (
        (row["day"], row["benchmark"], row["metric"], row["before_median"], row["after_median"],
         f"{row['change_pct']:+.1f} %", row["p_value"], row["cause"])
        for row in rows
    )  # fmt: skip
    return markdown_table(("day", "benchmark", "metric", "before", "after", "change", "p", "cause"), listed)


def fact_sheets(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """Every fact that the day's episode may state, each with its query and the hash of its rows."""
    days = days_of(context)
    store = warehouse.tagged(context.run_id)
    rows = []
    for day in days:
        settled, _ = _settle_all(_specs(day, stored_findings(store, day), store), store)
        rows += [{"day": day, **fact_to_row(fact)} for fact in settled.values()]
    store.replace_days("fact_sheets", days, rows)
    listed = ((row["fact_id"], row["value"] if row["text"] is None else row["text"], row["unit"],
               row["row_count"], row["query"]) for row in rows)  # fmt: skip
    preview = markdown_table(("fact", "value", "unit", "rows", "query"), listed, longest=60)
    return table_result(len(rows), preview=preview)


def _specs(day: date, found: Sequence[Finding], store: Warehouse) -> list[FactSpec]:
    specs = day_specs(day)
    for finding in found:
        specs += finding_specs(finding, day, _relation(finding, day, store))
    return specs


def _relation(finding: Finding, day: date, store: Warehouse) -> Relation | None:
    """Whether the finding's benchmark and the users' latency moved together over the trailing week."""
    if finding.key.unit != "ms":
        return None
    rows = store.select("hourly_pairs", relation_parameters(finding, day))
    left, right = np.array([row["value"] for row in rows]), np.array([row["pair"] for row in rows])
    return relate(left, right, seed=int(finding.key.series_id, 16))


def _settle_all(
    specs: Sequence[FactSpec], store: Warehouse
) -> tuple[dict[str, Fact], dict[str, list[EvidenceRow]]]:
    """Facts and their rows by fact id; facts that share query and parameters share one query."""
    asked: dict[str, list[EvidenceRow]] = {}
    evidence: dict[str, list[EvidenceRow]] = {}
    for spec in specs:
        question = json_text([spec.query, dict(spec.parameters)])
        if question not in asked:
            asked[question] = store.evidence(spec)
        evidence[spec.fact_id] = asked[question]
    return {spec.fact_id: settle(spec, evidence[spec.fact_id]) for spec in specs}, evidence


def episode_drafts(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    writer: dg.ResourceParam[Writer],
) -> dg.MaterializeResult:
    """The text as written, before any verdict, with the writer, its prompt hash, tokens and cost."""
    day = day_of(context)
    store = warehouse.tagged(context.run_id)
    found, sheet = stored_findings(store, day), stored_sheet(store, day)
    run_id = str(episode_run_id(day))
    task = WritingTask(day.isoformat(), briefing(found), sheet, offered_slots(sheet))
    if not found:
        row = absent_draft_row(day, run_id, "quiet", "no finding on this day", task.facts_hash)
    else:
        outcome = writer.write(task)
        if isinstance(outcome, Draft):
            row = draft_row(day, run_id, outcome, task.facts_hash)
        else:
            kind = type(outcome).__name__.lower()
            row = absent_draft_row(day, run_id, kind, outcome.reason, task.facts_hash)
    store.replace_days("episode_drafts", [day], [row])
    preview = f"## {row['title']}\n\n{row['what_changed']}\n\n{row['why_it_matters']}\n\n{row['next_steps']}\n"
    return table_result(1, preview=preview if row["title"] else row["reason"], outcome=row["outcome"])


def episode_verdicts(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    publisher: dg.ResourceParam[Publisher],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """Claims against facts, schema and confidence; bound to the hash of the text that was judged."""
    day = day_of(context)
    store = warehouse.tagged(context.run_id)
    proposal = propose(day, store, publisher, workspace.settings)
    if proposal is None:
        store.replace_days("episode_verdicts", [day], [])
        return table_result(0, preview="There is no draft to judge on this day.")
    made, score = proposal.composition, proposal.inputs.confidence
    claims = made.rendered.claims if made.rendered else ()
    row = {
        "day": day,
        "run_id": proposal.inputs.run_id,
        "content_sha256": made.content_sha256,
        "passed": not made.objections,
        "claims": len(claims),
        "objections": json_text(verdict_summary(made.objections)),
        "confidence": score.score,
        "completeness": score.completeness,
        "recency": score.recency,
        "data_quality": score.data_quality,
        "evidence": score.evidence,
        "confidence_version": measures.VERSION,
    }
    store.replace_days("episode_verdicts", [day], [row])
    return table_result(1, preview=_verdict_preview(proposal), passed=not made.objections, confidence=score.score)


def _verdict_preview(proposal: "Proposal") -> str:
    objections = [(o.code, o.where, o.message) for o in proposal.composition.objections]
    if objections:
        return "**Refused**\n\n" + markdown_table(("objection", "where", "what"), objections)
    rendered = proposal.composition.rendered
    claims = [(claim.text, claim.fact, claim.where) for claim in rendered.claims] if rendered else []
    return "Every claim holds.\n\n" + markdown_table(("claim", "fact", "where"), claims, longest=80)


def episodes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    repositories: dg.ResourceParam[dict[str, SourceRepository]],
    publisher: dg.ResourceParam[Publisher],
    workspace: dg.ResourceParam[Workspace],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """The day's episode with its status: skipped (a quiet day), held, draft, approved or published.

    The watcher's gate stands in here: on stale or incomplete data nothing is materialised, however the run was
    started.
    """
    day = day_of(context)
    store = warehouse.tagged(context.run_id)
    verdict = judge_day(day, store, repositories, workspace.settings, clock)
    allow_degraded = workspace.settings.policy.allow_degraded or workspace.secrets.allow_degraded
    gate = dg.AssetCheckResult(
        check_name=WATCHER_GATE,
        passed=verdict.lets_through(allow_degraded=allow_degraded),
        metadata=_gate_metadata(verdict),
    )
    if not gate.passed:
        context.log.error("The watcher's gate refuses %s: %s", day, verdict.reason)
        yield gate
        return
    row = _episode_row(day, store, publisher, workspace.settings)
    store.replace_days("episodes", [day], [row])
    yield dg.MaterializeResult(
        metadata={
            "dagster/partition_row_count": 1,
            "status": row["status"],
            "reason": row["reason"],
            "series_checked": row["series_checked"],
            "confidence": row["confidence_score"],
            "preview": dg.MetadataValue.md(episode_preview(row)),
        },
        data_version=dg.DataVersion(row["content_sha256"] or row["status"]),
        check_results=[gate],
    )


def _gate_metadata(verdict: FreshnessVerdict) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "status": str(verdict.status),
        "reason": verdict.reason,
        "days_loaded": f"{verdict.days_loaded} of {verdict.days_expected}",
    }
    if verdict.lag_seconds is not None:
        metadata["lag_seconds"] = verdict.lag_seconds
    return metadata


def _episode_row(day: date, store: Warehouse, publisher: Publisher, settings: Settings) -> Row:
    """The row of `episodes`: skipped on a quiet day, else composed and decided."""
    proposal = propose(day, store, publisher, settings)
    checked = len(store.select("day_series", {"day": day}))
    if proposal is None:
        [written] = store.select("select_draft", {"day": day}) or [{"outcome": "missing", "reason": "no draft"}]
        if written["outcome"] == "quiet":
            status, reason = EpisodeStatus.SKIPPED, f"nothing moved in {checked} series"
        else:
            status, reason = EpisodeStatus.HELD, f"no draft: {written['outcome']}, {written['reason']}"
        return _bare_row(day, status, reason, checked)
    made = proposal.composition
    verdict = store.select("select_verdict", {"day": day})
    passed = bool(verdict) and verdict[0]["passed"] and verdict[0]["content_sha256"] == made.content_sha256
    status, reason = decide_status(passed, proposal.inputs.confidence.score, settings.policy)
    published = store.select("select_publication", {"day": day})
    if published and published[0]["content_sha256"] == made.content_sha256:
        status, reason = EpisodeStatus.PUBLISHED, "already published, to the byte"
    return {
        **_bare_row(day, status, reason, checked),
        "series": made.header.series,
        "episode": published[0]["episode"] if published else None,
        "path": published[0]["path"] if published else None,
        "title": made.rendered.title.replace("`", "") if made.rendered else "",
        "hearts_commit": made.header.commit_sha,
        "content_sha256": made.content_sha256 if made.rendered else "",
        "canonical": made.canonical,
        "ledger": json_text(ledger_of(made, proposal.inputs, proposal.evidence, _sql_of(proposal.inputs.sheet)))
        if made.rendered
        else "",
        "confidence_score": proposal.inputs.confidence.score,
        "correlation_strength": made.correlation,
        "tokens_total": made.header.tokens_in + made.header.tokens_out,
        "cost_total": made.header.cost_usd,
    }


def _bare_row(day: date, status: EpisodeStatus, reason: str, checked: int) -> Row:
    return {
        "day": day,
        "ts": day_end(day),
        "run_id": episode_run_id(day),
        "series": "",
        "episode": None,
        "title": "",
        "lang": "en",
        "path": None,
        "hearts_commit": None,
        "packs_commit": None,
        "status": str(status),
        "reason": reason,
        "content_sha256": "",
        "canonical": "",
        "ledger": "",
        "confidence_score": 0.0,
        "correlation_strength": None,
        "series_checked": checked,
        "tokens_total": 0,
        "cost_total": 0.0,
    }


def episode_preview(row: Mapping[str, Any]) -> str:
    """The episode itself, for people."""
    if not row["canonical"]:
        return f"**{row['status']}**: {row['reason']}"
    return f"**{row['status']}**: {row['reason']}\n\n```yaml\n" + row["canonical"].replace("---\n", "", 1).replace("---\n", "```\n", 1)


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
    _, evidence = _settle_all([fact.spec for fact in sheet.values()], store)
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
    return Proposal(inputs, made, evidence)


def _confidence(day: date, store: Warehouse, settings: Settings, sheet: Mapping[str, Fact]) -> Confidence:
    week = trailing_days(day, TRAILING_WEEK, settings.muse.start_date)
    span = {"first": min(week), "last": max(week)}
    sources = required_sources(settings)
    loaded = store.select("select_days_loaded", {**span, "sources": sources})
    [newest] = store.select("select_newest_run", span)
    [counts] = store.select("select_quality_counts", span)
    return Confidence(
        completeness=measures.completeness(sum(row["sources"] == len(sources) for row in loaded), len(week)),
        recency=measures.recency(newest["newest"], day_end(day)),
        data_quality=measures.data_quality(counts["ok"], counts["flagged"], counts["quarantined"]),
        evidence=measures.evidence([fact.spec.support for fact in sheet.values()]),
    )


def stored_findings(store: Warehouse, day: date) -> list[Finding]:
    """The day's findings, f1 first."""
    return [finding_from_row(row) for row in store.select("select_findings", {"first": day, "last": day})]


def stored_sheet(store: Warehouse, day: date) -> dict[str, Fact]:
    """The day's facts by id."""
    return {row["fact_id"]: fact_from_row(row) for row in store.select("select_fact_sheet", {"day": day})}


def _sql_of(sheet: Mapping[str, Fact]) -> dict[str, str]:
    return {fact.spec.query: statement(fact.spec.query) for fact in sheet.values()}


def episode_run_id(day: date) -> uuid.UUID:
    """The episode's own id: the same day is always the same episode."""
    return uuid.uuid5(RUN_NAMESPACE, f"episode:{day}")


def council_assets() -> list[DailyAsset]:
    """The group, in the order of the data."""
    clickhouse = frozenset({"clickhouse"})
    return [
        DailyAsset(findings, GROUP, ["bench_runs", "commits"], clickhouse | {"python"}, ["findings"]),
        DailyAsset(
            fact_sheets, GROUP, ["findings", "session_stats", "watcher_runs"], clickhouse, ["fact_sheets"]
        ),
        DailyAsset(
            episode_drafts, GROUP, ["fact_sheets", "findings"], clickhouse | {"jinja"}, ["episode_drafts"], one_run=False
        ),
        DailyAsset(
            episode_verdicts, GROUP, ["episode_drafts", "fact_sheets"], clickhouse, ["episode_verdicts"], one_run=False
        ),
        DailyAsset(
            episodes, GROUP, ["episode_verdicts", "watcher_runs"], clickhouse | {"markdown"}, ["episodes"],
            gate=WATCHER_GATE, one_run=False,
        ),
    ]  # fmt: skip
