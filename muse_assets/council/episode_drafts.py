"""What is written: prose with slots, by whichever writer is configured."""

import dagster as dg

from muse_assets.council.stored import episode_run_id, stored_findings, stored_sheet
from muse_assets.daily import day_of, day_result
from muse_domain.drafts import Draft, Writer, WritingTask
from muse_domain.fact_sheet import briefing
from muse_domain.ports import Warehouse
from muse_domain.stored import absent_draft_row, draft_row
from muse_domain.wording import offered_slots


def episode_drafts(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    writer: dg.ResourceParam[Writer],
) -> dg.MaterializeResult:
    """The text as written, before any verdict, with the writer, its prompt hash, tokens and cost."""
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)
    found, sheet = stored_findings(store, day), stored_sheet(store, day)
    run_id = str(episode_run_id(day))
    task = WritingTask(day.isoformat(), briefing(found), sheet, offered_slots(sheet))
    if not store.select("select_days_loaded", {"first": day, "last": day, "sources": ["findings"]}):
        reason = "nobody has looked for findings on this day: materialise findings and fact_sheets"
        row = absent_draft_row(day, run_id, "missing", reason, task.facts_hash)
    elif not found:
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
    return day_result(1, preview if row["title"] else row["reason"], outcome=row["outcome"])
