"""The writer that needs no account: what it writes passes the same verdict as anybody's text."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from muse_domain.composition import render_judged
from muse_domain.drafts import Draft, Empty, WritingTask
from muse_domain.fact_sheet import briefing, day_specs, finding_specs, subjects_of
from muse_domain.facts import Fact
from muse_domain.findings import Finding
from muse_domain.life_cycle import State
from muse_domain.relations import Relation
from muse_domain.rendering import render_episode
from muse_domain.series import SeriesKey
from muse_domain.suspects import Suspect, Touched
from muse_domain.verdicts import judge_draft
from muse_domain.wording import offered_slots
from muse_resources.template_writer import TemplateWriter

WRITER = TemplateWriter()
DAY = date(2026, 9, 1)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
METRICS = {
    "latency": ("latency_p50_ms", "ms", "lower"),
    "throughput": ("tokens_per_sec", "tokens/s", "higher"),
    "memory": ("memory_peak_mb", "MB", "lower"),
    "size": ("bytes_written", "B", "none"),
}
TEXTS = {"name": "`parse`", "metric": "median latency", "changed_at": "2026-09-01T12:00:00+00:00", "commit": "c" * 40,
         "commit_subject": "Cache 3 tables, 40% faster (see https://x.example)", "date": "2026-09-01",
         "models": "gemma3:4b", "state": "suspected", "hearts_commit": "c" * 40, "suspect": "c" * 40,
         "suspect_touches": "other", "suspect_path": "parse.py", "cause": "unknown", "same_commit": "b" * 40,
         "cause_reason": "the reports do not name the machine, which may have changed with the commit"}  # fmt: skip


def finding(identifier: str, kind: str, change_pct: float, cause: str, *, commit: bool = True) -> Finding:
    metric, unit, better = METRICS[kind]
    key = SeriesKey("suite::parse", "gemma3", None, None, metric, unit, better, "e1")
    return Finding(
        finding_id=identifier, key=key, window_start=NOON, window_end=NOON, segment_start=NOON, last_before=NOON,
        changed_at=NOON, n_before=12, n_after=9, before_median=10.0, after_median=10.0 * (1 + change_pct / 100),
        change_pct=change_pct, interval_low_pct=change_pct - 1, interval_high_pct=change_pct + 1, p_value=0.001,
        q_value=0.01, cause=cause, cause_reason="", last_good_commit="b" * 40 if commit else None,
        first_bad_commit="c" * 40 if commit else None,
        suspects=(Suspect("c" * 40, Touched.OTHER, "parse.py"),) if commit else (),
    )  # fmt: skip


def task_of(
    *findings: Finding,
    absent: tuple[str, ...] = (),
    related: bool = False,
    texts: Mapping[str, str] | None = None,
    values: Mapping[str, float] | None = None,
) -> WritingTask:
    """What the council gives a writer: facts of the day and of each finding; some were not measured."""
    relation = Relation(0.7, 0.5, 0.9, 48) if related else None
    specs = [*day_specs(DAY), *(spec for one in findings for spec in finding_specs(one, DAY, relation))]
    measured = {one.finding_id: one for one in findings}
    sheet: dict[str, Fact] = {}
    for spec in specs:
        name = spec.fact_id.split(".", 1)[1]
        text, value = (
            {**TEXTS, **(texts or {})}.get(name),
            (values or {}).get(name, _value(measured.get(spec.subject), name)),
        )
        if name in absent:
            sheet[spec.fact_id] = Fact(spec, None, None, 0, "0" * 64, "no rows")
        else:
            sheet[spec.fact_id] = Fact(spec, value if text is None else None, text, 3, "0" * 64)
    return WritingTask(DAY.isoformat(), briefing(findings), sheet, offered_slots(sheet))


def _value(of: Finding | None, name: str) -> float:
    if of is None:
        return 7.0
    stated = {"before": of.before_median, "after": of.after_median, "change": of.change_pct, "p_value": of.p_value}
    stated |= {"suspects": float(len(of.suspects))} if of.suspects else {}
    return stated.get(name, 7.0)


def write(task: WritingTask) -> Draft:
    outcome = WRITER.write(task)
    assert isinstance(outcome, Draft)
    return outcome


EVERY_KIND = [
    finding("f1", kind, change, cause)
    for kind, change, cause in product(METRICS, (12.0, -12.0), ("code", "noise", "method", "unknown"))
]


@pytest.mark.parametrize("one", EVERY_KIND, ids=lambda f: f"{f.effect}-{f.key.metric}-{f.direction}-{f.cause}")
@pytest.mark.parametrize("related", [False, True])
def test_every_kind_of_finding_gets_a_text_that_passes_the_verdict(one: Finding, related: bool) -> None:
    """Regression or improvement, time or throughput, code, method or noise: the template text always holds."""
    task = task_of(one, related=related)
    draft = write(task)
    assert judge_draft(draft, task.sheet, subjects_of([one])) == []
    rendered = render_episode(draft, task.sheet, ["f1"], {})
    assert "{{" not in rendered.title + rendered.body


@pytest.mark.parametrize(
    "absent",
    [("commit", "commit_subject", "suspects"), ("commit_subject",), ("suspects",), ("sessions",), ("user_latency",),
     ("models", "hearts_commit", "latency_p95")],
)  # fmt: skip
@pytest.mark.parametrize("change", [12.0, -12.0])
def test_a_fact_that_was_not_measured_is_not_written_about(absent: tuple[str, ...], change: float) -> None:
    """A text may lack a sentence, but never name a slot that no fact fills."""
    one = finding("f1", "latency", change, "code", commit="commit" not in absent)
    task = task_of(one, absent=absent)
    assert judge_draft(write(task), task.sheet, subjects_of([one])) == []


@pytest.mark.parametrize(
    ("touched", "reads"),
    [
        (Touched.BENCHMARK, "`ccccccc`, which changes `parse 2.py`, the benchmark itself."),
        (Touched.NAMED, "`ccccccc`, which touches `parse 2.py`, a name that it shares with the benchmark."),
        (Touched.OTHER, "`ccccccc`, which touches `parse 2.py`."),
        (Touched.NOTHING, "`ccccccc`, which lists no file of its own."),
        (Touched.ASIDE, "`ccccccc`, which touches only documentation and tests, as `parse 2.py`."),
    ],
)
def test_the_first_of_several_suspects_is_told_with_its_reason(touched: Touched, reads: str) -> None:
    """Where it stands and why are facts like any other: the text passes both judgements."""
    first = Suspect("c" * 40, touched, "parse 2.py")
    one = replace(finding("f1", "latency", 12.0, "code"), suspects=(first, Suspect("d" * 40, Touched.ASIDE, "a.md")))
    task = task_of(one, texts={"suspect": first.sha, "suspect_touches": str(touched), "suspect_path": first.path})
    rendered, objections = render_judged(write(task), task.sheet, [one])
    assert objections == [] and rendered is not None
    assert f"The first of them to look at is {reads}" in rendered.body


def test_the_only_suspect_is_named_itself() -> None:
    """The new level may be first measured with a commit that is not the one between: that one is cited."""
    only = Suspect("d" * 40, Touched.OTHER, "parse.py")
    one = replace(finding("f1", "latency", 12.0, "code"), suspects=(only,))
    task = task_of(one, texts={"suspect": only.sha})
    rendered, objections = render_judged(write(task), task.sheet, [one])
    assert objections == [] and rendered is not None
    assert "at commit `ddddddd`, the only commit known between the runs of the old level and the new." in rendered.body


@pytest.mark.parametrize("one", EVERY_KIND, ids=lambda f: f"{f.effect}-{f.key.metric}-{f.direction}-{f.cause}")
def test_a_cause_that_is_unknown_is_said_to_be_so(one: Finding) -> None:
    """A reader who sees a commit beside a shift takes it for the cause: where the machine may be, the text says it."""
    task = task_of(one)
    rendered, objections = render_judged(write(task), task.sheet, [one])
    assert objections == [] and rendered is not None
    said = (
        "So far, the cause is unknown, as the reports do not name the machine, which may have changed with the commit."
    )
    assert (said in rendered.body) == (one.cause == "unknown")
    assert ("f1.cause" in task.slots) == (one.cause == "unknown")


@pytest.mark.parametrize("one", EVERY_KIND, ids=lambda f: f"{f.effect}-{f.key.metric}-{f.direction}-{f.cause}")
def test_an_effect_is_told_of_code_and_of_an_unknown_cause_alone(one: Finding) -> None:
    """What was measured in another way did not get better or worse, and what is noise did not either."""
    task = task_of(one)
    rendered, objections = render_judged(write(task), task.sheet, [one])
    assert objections == [] and rendered is not None
    claims_effect = ", a regression." in rendered.body or ", an improvement." in rendered.body
    assert claims_effect == (one.effect != "change" and one.cause in ("code", "unknown"))
    assert ("counts as noise" in rendered.body) == (one.cause == "noise")
    assert ("measured by another method" in rendered.body) == (one.cause == "method")


def test_noise_is_told_of_the_commit_on_both_sides() -> None:
    """Not of the one that the new level begins with: that one may have been measured on one side only."""
    task = task_of(finding("f1", "latency", 12.0, "noise"))
    rendered, objections = render_judged(write(task), task.sheet, [finding("f1", "latency", 12.0, "noise")])
    assert objections == [] and rendered is not None
    assert "The same commit, `bbbbbbb`, was measured before and after" in rendered.body
    assert "at commit `bbbbbbb` on an idle machine" in rendered.body


@pytest.mark.parametrize("days_ago", [3, 11])
def test_a_relation_includes_the_change_only_where_its_week_does(days_ago: int) -> None:
    """The week of a relation ends with the day; an older change is not part of it."""
    at = NOON - timedelta(days=days_ago)
    one = replace(finding("f1", "latency", 12.0, "code"), last_before=at, changed_at=at)
    rendered, objections = render_judged(write(task_of(one, related=True)), task_of(one, related=True).sheet, [one])
    assert objections == [] and rendered is not None
    assert "the latency that users felt moved together with" in rendered.body
    assert (", the change included," in rendered.body) == (days_ago == 3)


def later(one: Finding, state: State) -> Finding:
    """The finding as a later day tells it."""
    told = replace(one, state=state, told_on=DAY - timedelta(days=5), told_as="f1", n_since=7)
    if state is State.CONFIRMED:
        return told
    return replace(told, cause="noise", first_bad_commit=None, last_good_commit=None, suspects=())


TOLD_ON = {"told_on": "2026-08-27", "returned_on": "2026-08-20"}


@pytest.mark.parametrize("one", EVERY_KIND, ids=lambda f: f"{f.effect}-{f.key.metric}-{f.direction}-{f.cause}")
def test_a_confirmed_finding_says_since_when_and_by_how_much_it_is(one: Finding) -> None:
    """First told on, confirmed by so many runs: in the title as well, and both judgements pass."""
    confirmed = later(one, State.CONFIRMED)
    task = task_of(confirmed, texts={**TOLD_ON, "state": "confirmed"})
    rendered, objections = render_judged(write(task), task.sheet, [confirmed])
    assert objections == [] and rendered is not None
    assert rendered.title.endswith(", confirmed by 7 runs")
    assert "It was first told on 2026-08-27 and confirmed by 7 runs since." in rendered.body


@pytest.mark.parametrize("one", EVERY_KIND[::4], ids=lambda f: f"{f.effect}-{f.key.metric}-{f.direction}")
def test_a_refuted_finding_is_taken_back(one: Finding) -> None:
    """It moved nowhere: no word gives it a direction, no commit is named, and its interval shows its signs."""
    refuted = later(one, State.REFUTED)
    texts = {**TOLD_ON, "state": "refuted"}
    task = task_of(refuted, texts=texts, values={"low": -1.2, "high": 1.9}, absent=("commit", "commit_subject"))
    rendered, objections = render_judged(write(task), task.sheet, [refuted])
    assert objections == [] and rendered is not None
    assert "was first told on 2026-08-27 and refuted by 7 runs since" in rendered.title
    assert "lies between −1.2 % and +1.9 %" in rendered.body
    assert "commit" not in rendered.body.replace("commits", "")
    told = {name for name in task.slots if name.startswith("f1.")}
    assert "the place of the change that was refuted" in rendered.body and "its level changed" not in rendered.body
    assert "p = " not in rendered.body and "p < " not in rendered.body
    assert told.isdisjoint({"f1.new_runs", "f1.significance", "f1.since", "f1.commit", "f1.suspects", "f1.confirmed"})


@pytest.mark.parametrize(
    ("change", "undone", "reads"),
    [
        (-12.0, "regression", "With it, the regression first told on 2026-08-20 is fixed."),
        (12.0, "improvement", "With it, the improvement first told on 2026-08-20 is lost."),
        (12.0, "change", "With it, the change first told on 2026-08-20 is undone."),
    ],
)
def test_a_shift_back_says_what_it_undoes(change: float, undone: str, reads: str) -> None:
    """A regression that is gone is fixed, an improvement lost; a change is neither."""
    kind = "size" if undone == "change" else "latency"
    back = replace(finding("f1", kind, change, "code"), returned_on=date(2026, 8, 20), returned_as="f1")
    task = task_of(back, texts={**TOLD_ON, "state": "suspected", "returned": undone})
    rendered, objections = render_judged(write(task), task.sheet, [back])
    assert objections == [] and rendered is not None
    assert reads in rendered.body and "It is suspected so far, with 7 runs at the new level." in rendered.body


def test_a_refuted_finding_beside_a_new_one_keeps_to_itself() -> None:
    """Each has its own paragraphs, whatever its state."""
    new, gone = finding("f1", "latency", 12.0, "code"), replace(later(EVERY_KIND[5], State.REFUTED), finding_id="f2")
    task = task_of(new, gone, texts={**TOLD_ON, "state": "suspected"})
    task.sheet["f2.state"] = replace(task.sheet["f2.state"], text="refuted")  # type: ignore[index]
    rendered, objections = render_judged(write(task), task.sheet, [new, gone])
    assert objections == [] and rendered is not None
    assert "suspected so far" in rendered.body and "refuted by 7 runs since" in rendered.body


def test_several_findings_are_told_apart(tmp_path: Path) -> None:
    """Each finding has paragraphs of its own, which name it; the lead is the title."""
    findings = [replace(one, finding_id=f"f{number}") for number, one in enumerate(EVERY_KIND, start=1)]
    task = task_of(*findings, related=True)
    draft = write(task)
    assert judge_draft(draft, task.sheet, subjects_of(findings)) == []
    assert "{{f1.name}}" in draft.title
    for one in findings:
        for text in (draft.what_changed, draft.why_it_matters, draft.next_steps):
            assert f"{{{{{one.finding_id}.name}}}}" in text


def test_the_same_facts_are_the_same_bytes() -> None:
    """A second run must not make a new episode: text and prompt hash depend on the input alone."""
    task = task_of(EVERY_KIND[0], EVERY_KIND[5])
    assert write(task) == TemplateWriter().write(task)
    assert write(task).prompt_hash != ""
    assert write(task) != write(task_of(EVERY_KIND[1]))


def test_a_template_costs_nothing_and_says_so() -> None:
    """F-40, F-43: no model, no tokens, no cost are stated, as none were used."""
    draft = write(task_of(EVERY_KIND[0]))
    spent = (draft.writer, draft.model, draft.tokens_in, draft.tokens_out, draft.cost_usd)
    assert spent == ("templates", None, 0, 0, 0.0)


def test_without_findings_there_is_nothing_to_write() -> None:
    """A quiet day is an outcome, not padding."""
    assert isinstance(WRITER.write(task_of()), Empty)


def test_changed_templates_are_another_prompt(tmp_path: Path) -> None:
    """The stored prompt hash tells which templates wrote a draft."""
    for name in ("title", "what_changed", "why_it_matters", "next_steps"):
        (tmp_path / f"{name}.md.j2").write_text(f'{name} << slot("day", "date") >>')
    outcome = TemplateWriter(tmp_path).write(task_of(EVERY_KIND[0]))
    assert isinstance(outcome, Draft)
    assert outcome.title == "title {{day.date}}"
    assert outcome.prompt_hash != write(task_of(EVERY_KIND[0])).prompt_hash
