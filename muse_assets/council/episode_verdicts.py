"""What is judged: the text against its facts, bound to the hash of exactly this text."""

import dagster as dg

from muse_assets.council.proposal import Proposal, propose
from muse_assets.daily import day_of, day_result, markdown_table
from muse_domain import confidence as measures
from muse_domain.ports import Publisher, Warehouse
from muse_domain.verdicts import verdict_summary
from muse_resources.warehouse import json_text
from muse_resources.workspace import Workspace


def episode_verdicts(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    publisher: dg.ResourceParam[Publisher],
    workspace: dg.ResourceParam[Workspace],
) -> dg.MaterializeResult:
    """Claims against facts, schema and confidence; bound to the hash of the text that was judged."""
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)
    proposal = propose(day, store, publisher, workspace.settings)
    if proposal is None:
        store.replace_days("episode_verdicts", [day], [])
        return day_result(0, "There is no draft to judge on this day.")
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
    return day_result(1, _verdict_preview(proposal), passed=not made.objections, confidence=score.score)


def _verdict_preview(proposal: Proposal) -> str:
    objections = [(o.code, o.where, o.message) for o in proposal.composition.objections]
    if objections:
        return "**Refused**\n\n" + markdown_table(("objection", "where", "what"), objections)
    rendered = proposal.composition.rendered
    claims = [(claim.text, claim.fact, claim.where) for claim in rendered.claims] if rendered else []
    return "Every claim holds.\n\n" + markdown_table(("claim", "fact", "where"), claims, longest=80)
