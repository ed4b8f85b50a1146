"""What becomes of the day: an episode, or why there is none. The watcher's gate stands in here."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import dagster as dg

from muse_assets.council.proposal import Proposal, propose
from muse_assets.council.stored import episode_run_id, stored_charts
from muse_assets.daily import day_of
from muse_domain.composition import ledger_of
from muse_domain.days import day_end
from muse_domain.episodes import PUBLISHED_REASON, UNDER_WAY_REASON, EpisodeStatus, decide_status, split_front_matter
from muse_domain.ports import Clock, Publisher, Row, SourceRepository, Warehouse
from muse_domain.settings import Settings
from muse_domain.verdicts import Objection
from muse_domain.watch import FreshnessVerdict, Override, is_under_way
from muse_resources.freshness import FreshnessReader, stored_override
from muse_resources.statements import statement
from muse_resources.warehouse import json_text
from muse_resources.workspace import Workspace

WATCHER_GATE = "watcher_gate"
LONGEST_OBJECTION = 200
_LINK = re.compile(r"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?P<target>[^)]*)\)")


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
    started, unless a person has recorded an override for the day. A day under way is a preview: at most a draft.
    """
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)
    now = clock.now()
    verdict = FreshnessReader(store, repositories, workspace.settings, now).judge(day)
    override = stored_override(day, store)
    gate = dg.AssetCheckResult(
        check_name=WATCHER_GATE,
        passed=verdict.lets_through(allow_degraded=workspace.allows_degraded) or override is not None,
        metadata=_gate_metadata(verdict, override),
    )
    if not gate.passed:
        context.log.error("The watcher's gate refuses %s: %s", day, verdict.reason)
        yield gate
        return
    row = _episode_row(day, store, publisher, workspace.settings)
    if is_under_way(day, now):
        row |= _preview(row, now)
    store.replace_days("episodes", [day], [row])
    yield dg.MaterializeResult(
        metadata={
            "dagster/partition_row_count": 1,
            "status": row["status"],
            "reason": row["reason"],
            "series_checked": row["series_checked"],
            "confidence": row["confidence_score"],
            "preview": dg.MetadataValue.md(episode_preview(row, stored_charts(store, day) if row["canonical"] else {})),
        },
        data_version=dg.DataVersion(row["content_sha256"] or row["status"]),
        check_results=[gate],
    )


def _preview(row: Row, now: datetime) -> Row:
    """What a day may be before it has ended: never more than a draft, and told as such."""
    if row["status"] == EpisodeStatus.SKIPPED:
        return {"ts": now, "reason": f"{row['reason']} so far: {UNDER_WAY_REASON}"}
    if row["status"] in (EpisodeStatus.APPROVED, EpisodeStatus.PUBLISHED):
        return {"ts": now, "status": str(EpisodeStatus.DRAFT), "reason": f"a preview: {UNDER_WAY_REASON}"}
    return {"ts": now}


def _gate_metadata(verdict: FreshnessVerdict, override: Override | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "status": str(verdict.status),
        "reason": verdict.reason,
        "days_loaded": f"{verdict.days_loaded} of {verdict.days_expected}",
    }
    if verdict.lag_seconds is not None:
        metadata["lag_seconds"] = verdict.lag_seconds
    if override is not None:
        metadata["override"] = override.reason
        metadata["overridden_by"] = f"{override.by}, {override.at:%Y-%m-%d %H:%M} UTC"
    return metadata


def _episode_row(day: date, store: Warehouse, publisher: Publisher, settings: Settings) -> Row:
    """The row of `episodes`: skipped on a quiet day, else composed and decided."""
    proposal = propose(day, store, publisher, settings)
    checked = len(store.select("day_series", {"day": day}))
    if proposal is None:
        status, reason = _without_draft(day, store, checked)
        return _bare_row(day, status, reason, checked)
    published = store.select("select_publication", {"day": day})
    row = _composed_row(proposal, checked) | _decision(proposal, store, settings)
    if published:
        row |= {"episode": published[0]["episode"], "path": published[0]["path"]}
        if published[0]["content_sha256"] == row["content_sha256"]:
            row |= {"status": str(EpisodeStatus.PUBLISHED), "reason": PUBLISHED_REASON}
    return row


def _without_draft(day: date, store: Warehouse, checked: int) -> tuple[EpisodeStatus, str]:
    """A quiet day is an outcome; any other missing draft holds the episode and says why."""
    written = store.select("select_draft", {"day": day})
    if not written:
        return EpisodeStatus.HELD, "no draft is stored: materialise episode_drafts"
    if written[0]["outcome"] == "quiet":
        moved = f"no new shift in {checked} series" if checked else "no series has enough runs yet to tell a change"
        return EpisodeStatus.SKIPPED, moved
    return EpisodeStatus.HELD, f"no draft: {written[0]['outcome']}, {written[0]['reason']}"


def _decision(proposal: Proposal, store: Warehouse, settings: Settings) -> Row:
    """Status and reason, by the stored verdict of exactly this text and the policy."""
    verdict = store.select("select_verdict", {"day": proposal.inputs.day})
    made = proposal.composition
    is_judged = bool(verdict) and verdict[0]["content_sha256"] == made.content_sha256
    passed = is_judged and verdict[0]["passed"]
    status, reason = decide_status(passed, proposal.inputs.confidence, settings.policy)
    if status is EpisodeStatus.DRAFT and (by := _approved_by(proposal, store)):
        status, reason = EpisodeStatus.APPROVED, f"approved by {by}; {reason}"
    if not passed:
        reason = _refusal(made.objections) if is_judged else "no verdict of this text: materialise episode_verdicts"
    return {"status": str(status), "reason": reason}


def _approved_by(proposal: Proposal, store: Warehouse) -> str:
    """Who has approved exactly this text; empty while nobody has."""
    approvals = store.select("select_approval", {"day": proposal.inputs.day})
    return next((row["by"] for row in approvals if row["content_sha256"] == proposal.composition.content_sha256), "")


def _refusal(objections: Sequence[Objection]) -> str:
    """What the verdict objects to first; all of it stands with episode_verdicts."""
    first = next(iter(objections), None)
    said = f" ({first.message[:LONGEST_OBJECTION]})" if first else ""
    more = f", and to {len(objections) - 1} more" if len(objections) > 1 else ""
    return f"the verdict objects to the text{said}{more}: see episode_verdicts"


def _composed_row(proposal: Proposal, checked: int) -> Row:
    """The row of an episode that was composed; its text is empty where the draft was refused."""
    made, inputs = proposal.composition, proposal.inputs
    row = _bare_row(inputs.day, EpisodeStatus.HELD, "", checked) | {
        "series": made.header.series,
        "hearts_commit": made.header.commit_sha,
        "confidence_score": inputs.confidence.score,
        "correlation_strength": made.correlation,
        "tokens_total": made.header.tokens_in + made.header.tokens_out,
        "cost_total": made.header.cost_usd,
    }
    if made.rendered:
        sql = {fact.spec.query: statement(fact.spec.query) for fact in inputs.sheet.values()}
        row |= {
            "title": made.rendered.title.replace("`", ""),
            "content_sha256": made.content_sha256,
            "canonical": made.canonical,
            "ledger": json_text(ledger_of(made, inputs, proposal.evidence, sql)),
        }
    return row


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


def episode_preview(row: Mapping[str, Any], charts: Mapping[str, str]) -> str:
    """The episode itself, for people. Its charts are carried along: the UI has no files beside the text."""
    verdict = f"**{row['status']}**" + (f": {row['reason']}" if row["reason"] != row["status"] else "")
    if not row["canonical"]:
        return verdict
    head, body = split_front_matter(row["canonical"])
    fields = head.strip().strip("-").strip()
    body = _LINK.sub(lambda link: _shown_link(link, charts), body)
    return f"{verdict}\n\n```yaml\n{fields}\n```\n{body}"


def _shown_link(link: re.Match[str], charts: Mapping[str, str]) -> str:
    """A chart as its own picture, a link to a file that only the published episode has as plain words."""
    if not link["picture"]:
        return link["words"]
    svg = charts.get(link["target"].rsplit("/", 1)[-1], "")
    return f"![{link['words']}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"
