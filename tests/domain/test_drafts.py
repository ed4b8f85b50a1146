"""What a writer is given and hands in."""

from dataclasses import replace

from muse_domain.drafts import Draft
from tests.domain.day_story import sheet, template_draft, writing_task


def test_the_same_facts_have_the_same_hash_in_any_order() -> None:
    """What was written about once need not be written about again."""
    assert writing_task(dict(reversed(list(sheet().items())))).facts_hash == writing_task().facts_hash


def test_any_changed_fact_changes_the_hash() -> None:
    """A value, a text or the rows behind them."""
    for change in ({"value": 1.0}, {"text": "x"}, {"row_hash": "0"}):
        for fact_id in ("f1.before", "day.sessions"):
            changed = {**sheet(), fact_id: replace(sheet()[fact_id], **change)}
            assert writing_task(changed).facts_hash != writing_task().facts_hash


def test_every_text_of_a_draft_is_judged() -> None:
    """No text of a writer goes past the verdict: the sections are all of them."""
    draft = template_draft()
    assert list(draft.sections) == ["title", "what_changed", "why_it_matters", "next_steps"]
    assert [draft.sections[name] for name in draft.sections] == [getattr(draft, name) for name in draft.sections]
    assert Draft("a", "b", "c", "d", "w").cost_usd == 0.0
