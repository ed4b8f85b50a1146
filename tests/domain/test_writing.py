"""Who writes in the end: the model as often as it may try, else the templates; the judge is somebody else."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from muse_domain.composition import render_judged
from muse_domain.drafts import Draft, OverBudget, Refused, WritingOutcome, WritingTask
from muse_domain.verdicts import Objection
from muse_domain.writing import write_judged
from muse_resources.template_writer import TemplateWriter
from tests.domain.day_story import findings, sheet, template_draft, writing_task

GOOD = replace(template_draft(), writer="model", title="{{f1.name}} is {{f1.change}} slower")
BAD = replace(GOOD, title="{{f1.name}} is 3 ms faster")
TEMPLATES = TemplateWriter()


@dataclass
class Scripted:
    """A writer that hands in one outcome after the other."""

    outcomes: list[WritingOutcome]
    tasks: list[WritingTask] = field(default_factory=list)

    def write(self, task: WritingTask) -> WritingOutcome:
        """The next outcome; the last is repeated."""
        self.tasks.append(task)
        return self.outcomes[min(len(self.tasks), len(self.outcomes)) - 1]


def judge(draft: Draft) -> Sequence[Objection]:
    """Both judgements of the council."""
    return render_judged(draft, sheet(), findings())[1]


def test_a_draft_that_passes_is_taken_at_once() -> None:
    """No more is asked than needed."""
    writer = Scripted([GOOD])
    written = write_judged(writing_task(), writer, TEMPLATES, judge, rewrites=2)
    assert (written.outcome, written.fallback, len(writer.tasks)) == (GOOD, "", 1)


def test_objections_are_told_and_a_better_draft_is_taken() -> None:
    """The refused draft and the reasons go with the second task."""
    writer = Scripted([BAD, GOOD])
    written = write_judged(writing_task(), writer, TEMPLATES, judge, rewrites=2)
    assert written.outcome == GOOD and written.fallback == ""
    revision = writer.tasks[1].revision
    assert revision is not None and revision.draft == BAD
    assert any("naked_number" in told for told in revision.objections)
    assert [one.told for one in written.attempts][1] == "passed"


@pytest.mark.parametrize("rewrites", [0, 1, 3])
def test_rewrites_are_bounded_and_then_the_templates_write(rewrites: int) -> None:
    """With the reason on the draft; the templates see no revision."""
    writer = Scripted([BAD])
    written = write_judged(writing_task(), writer, TEMPLATES, judge, rewrites)
    assert len(writer.tasks) == rewrites + 1 == len(written.attempts)
    assert isinstance(written.outcome, Draft) and written.outcome.writer == "templates"
    assert replace(written.outcome, reason="") == template_draft()
    assert written.outcome.reason == written.fallback and "objected: " in written.fallback
    assert "naked_number" in written.fallback


@pytest.mark.parametrize("outcome", [Refused("no"), OverBudget("too dear")])
def test_without_a_draft_there_is_nothing_to_write_again(outcome: WritingOutcome) -> None:
    """A refusal is not argued with."""
    writer = Scripted([outcome])
    written = write_judged(writing_task(), writer, TEMPLATES, judge, rewrites=3)
    assert len(writer.tasks) == 1 and isinstance(outcome, Refused | OverBudget)
    assert written.fallback == f"templates wrote; at once {outcome.kind}: {outcome.reason}"


def test_an_objection_to_the_facts_is_no_reason_to_write_again() -> None:
    """No text can mend a stale fact: nothing more is paid for."""
    writer = Scripted([GOOD])
    stale = [Objection("stale_direction", "facts", "f1 was found to go up, but its change is now -3.0")]
    written = write_judged(writing_task(), writer, TEMPLATES, lambda draft: stale, rewrites=3)
    assert len(writer.tasks) == 1 and "stale_direction" in written.fallback


def test_the_templates_are_neither_judged_nor_replaced_by_themselves() -> None:
    """The default stays as it is: one text, no reason."""

    def never(draft: Draft) -> Sequence[Objection]:
        raise AssertionError

    written = write_judged(writing_task(), TEMPLATES, TEMPLATES, never, rewrites=3)
    assert (written.outcome, written.attempts, written.fallback) == (template_draft(), (), "")
