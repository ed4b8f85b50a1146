"""What is written: prose with slots, by whichever writer is configured, or by the templates in its place."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import dagster as dg

from muse_assets.council.stored import episode_run_id, stored_findings, stored_sheet
from muse_assets.daily import day_of, day_result, markdown_table
from muse_domain.composition import render_judged
from muse_domain.drafts import Draft, Writer, WritingTask
from muse_domain.fact_sheet import briefing
from muse_domain.findings import Finding
from muse_domain.ports import Clock, Row, Warehouse
from muse_domain.stored import absent_draft_row, draft_row
from muse_domain.wording import is_absent, offered_slots
from muse_domain.writing import Written, write_judged
from muse_resources.llm_ledger import fallback_event
from muse_resources.workspace import Workspace


def episode_drafts(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    writer: dg.ResourceParam[Writer],
    template_writer: dg.ResourceParam[Writer],
    workspace: dg.ResourceParam[Workspace],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The text as written, before any verdict, with the writer, its prompt hash, tokens and cost.

    A model's text that the verdict would refuse is written again with the objections, then by the templates.
    """
    day = day_of(context)
    store = warehouse.tagged(context.run.run_id)
    found, sheet = stored_findings(store, day), stored_sheet(store, day)
    run_id = str(episode_run_id(day))
    task = WritingTask(day.isoformat(), briefing(found), sheet, offered_slots(sheet), run_id=run_id)
    written = None
    if not store.select("select_days_loaded", {"first": day, "last": day, "sources": ["findings"]}):
        reason = "nobody has looked for findings on this day: materialise findings and fact_sheets"
        row = absent_draft_row(day, run_id, "missing", reason, task.facts_hash)
    elif found and ("day.date" not in sheet or is_absent(sheet["day.date"])):
        reason = "nobody has judged whether this day's data is fresh: materialise watcher_runs and fact_sheets"
        row = absent_draft_row(day, run_id, "missing", reason, task.facts_hash)
    elif not found:
        row = absent_draft_row(day, run_id, "quiet", "no finding on this day", task.facts_hash)
    else:
        written = _written(task, found, writer, template_writer, workspace.settings.writer.rewrites)
        if written.fallback:
            context.log.warning("%s: %s", day, written.fallback)
            store.append("llm_events", [fallback_event(day, run_id, clock.now(), written.fallback)])
        row = _row(day, run_id, written, store, task.facts_hash)
    store.replace_days("episode_drafts", [day], [row])
    more = {"writer": row["writer"], "reason": row["reason"], "cost_usd": row["cost_usd"]}
    return day_result(1, _preview(row, written), outcome=row["outcome"], **more)


def _written(
    task: WritingTask, found: Sequence[Finding], writer: Writer, template_writer: Writer, rewrites: int
) -> Written:
    return write_judged(
        task, writer, template_writer, lambda draft: render_judged(draft, task.sheet, found)[1], rewrites
    )


def _row(day: date, run_id: str, written: Written, store: Warehouse, facts_hash: str) -> Row:
    """The row of a text, with all that the day's episode has cost so far: drafts that were refused, too."""
    outcome = written.outcome
    if not isinstance(outcome, Draft):
        return absent_draft_row(day, run_id, outcome.kind, outcome.reason, facts_hash)
    [spent] = store.select("select_llm_spent", {"run_id": run_id})
    paid = replace(
        outcome, tokens_in=spent["tokens_in"], tokens_out=spent["tokens_out"], cost_usd=float(spent["cost_usd"])
    )
    return draft_row(day, run_id, paid, facts_hash)


def _preview(row: Row, written: Written | None) -> str:
    """The text, and how it was come by where a model was asked."""
    if not row["title"]:
        return str(row["reason"])
    text = f"## {row['title']}\n\n{row['what_changed']}\n\n{row['why_it_matters']}\n\n{row['next_steps']}\n"
    if written is None or not written.attempts:
        return text
    tries = [(number, one.told) for number, one in enumerate(written.attempts, start=1)]
    return f"{text}\n{written.fallback}\n\n{markdown_table(('draft', 'came to'), tries)}"
