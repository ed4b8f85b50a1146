"""Who writes in the end: the configured writer, as often as it may try, else the templates, with the reason."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from muse_domain.drafts import Draft, Writer, WritingOutcome, WritingTask
from muse_domain.prompting import told_objections
from muse_domain.verdicts import Objection

# Passed in, so that no writer judges itself.
Judge = Callable[[Draft], Sequence[Objection]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the configured writer handed in, and what the verdict had against it."""

    outcome: WritingOutcome
    objections: tuple[Objection, ...] = ()

    @property
    def told(self) -> str:
        """In a few words."""
        if not isinstance(self.outcome, Draft):
            return f"{self.outcome.kind}: {self.outcome.reason}"
        codes = Counter(objection.code for objection in self.objections)
        return "objected: " + ", ".join(codes) if codes else "passed"


@dataclass(frozen=True, slots=True)
class Written:
    """The day's text, how it was come by, and why the templates wrote it; empty where they did not have to."""

    outcome: WritingOutcome
    attempts: tuple[Attempt, ...] = ()
    fallback: str = ""


def write_judged(task: WritingTask, writer: Writer, templates: Writer, judge: Judge, rewrites: int) -> Written:
    """Ask the writer, and again with the verdict's objections, at most `rewrites` times; then the templates."""
    if writer is templates:
        return Written(writer.write(task))
    attempts: list[Attempt] = []
    while len(attempts) <= rewrites:
        outcome = writer.write(task)
        objections = tuple(judge(outcome)) if isinstance(outcome, Draft) else ()
        attempts.append(Attempt(outcome, objections))
        if isinstance(outcome, Draft) and not objections:
            return Written(outcome, tuple(attempts))
        if not isinstance(outcome, Draft) or any(objection.where == "facts" for objection in objections):
            break  # another text would not help
        task = task.revised(outcome, told_objections(objections))
    reason = _reason(attempts)
    outcome = templates.write(replace(task, revision=None))
    if isinstance(outcome, Draft):
        outcome = replace(outcome, reason=reason)
    return Written(outcome, tuple(attempts), reason)


def _reason(attempts: Sequence[Attempt]) -> str:
    tried = f"after {len(attempts)} drafts" if len(attempts) > 1 else "at once"
    return f"templates wrote; {tried} {attempts[-1].told}"
