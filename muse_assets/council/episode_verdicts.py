"""What is judged: the text against its facts, bound to the hash of exactly this text."""

import dagster as dg

from muse_assets.council.proposal import Proposal, propose
from muse_assets.daily import day_of, day_result, markdown_table
from muse_domain import confidence as measures
from muse_domain.claim_table import ClaimLine, claim_lines
from muse_domain.ports import Publisher, Warehouse
from muse_domain.verdicts import verdict_summary
from muse_resources.warehouse import json_text
from muse_resources.workspace import Workspace

# Claims that are shown; an episode of one finding makes about forty.
LONGEST_TABLE = 120
LONGEST_SECTION = 180


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
        **score.components,
        "confidence_version": measures.VERSION,
    }
    store.replace_days("episode_verdicts", [day], [row])
    return day_result(
        1, _verdict_preview(proposal), passed=not made.objections, confidence=score.score, **score.components
    )


def _verdict_preview(proposal: Proposal) -> str:
    """Confidence, what is objected to which, and every claim beside what it rests on."""
    objections, rendered = proposal.composition.objections, proposal.composition.rendered
    claims = rendered.claims if rendered else ()
    lines = claim_lines(claims, proposal.inputs.sheet, proposal.evidence, objections)
    said = _refusal(proposal) if objections else f"**Passed**: all {len(lines)} claims hold.\n\n"
    parts = proposal.inputs.confidence.components.items()
    return said + markdown_table(("part of confidence", "share"), parts) + _claim_table(lines)


def _refusal(proposal: Proposal) -> str:
    objections = proposal.composition.objections
    listed = [(one.code, one.where, one.fact or None, one.message) for one in objections]
    table = markdown_table(("objection", "where", "against", "what"), listed)
    if proposal.composition.rendered:
        return f"**Refused**, objections: {len(objections)}\n\n{table}"
    # What was refused may hold markup: it is shown as it was written, not as it would look.
    sections = proposal.inputs.draft.sections.items()
    shown = [(name, f"`{text[:LONGEST_SECTION].strip().replace('`', chr(39))}`") for name, text in sections]
    draft = markdown_table(("section", "as written"), shown)
    return f"**Refused** before its facts were put in, objections: {len(objections)}\n\n{table}{draft}"


def _claim_table(lines: list[ClaimLine]) -> str:
    if not lines:
        return ""
    listed = [
        (line.text, line.fact, line.value, line.rows, line.commit, "no" if line.objection else "yes", line.objection)
        for line in lines
    ]
    return markdown_table(("claim", "fact", "value", "rows", "commit", "holds", "objection"), listed, LONGEST_TABLE)
