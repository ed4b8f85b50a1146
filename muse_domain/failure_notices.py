"""What people are told of a run that failed: once, and not again where the watcher has told them already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from muse_domain.notices import Notice
from muse_domain.watch import SOURCE_STATUSES


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gate that refused: which, and with which status and reason."""

    gate: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that failed: what it was to build, and what its steps and gates said.

    If no step failed it died: `death` says how that was found, `repeats` how often Dagster had repeated it by then, and
    `is_overdue` that it was to repeat it once more, and has not.
    """

    run_id: str
    title: str
    day: str
    refusals: Sequence[Refusal]
    errors: Sequence[str]
    failed_on: date
    will_retry: bool = False
    death: str = ""
    repeats: int = 0
    is_overdue: bool = False


def failure_notice(run: FailedRun, link: str = "") -> Notice | None:
    """The notice of a failed run; None for one that Dagster starts again by itself.

    Runs that a gate refused share a key as long as they were refused for the same reason: a person who tries again,
    a backfill and the schedule are one thing to tell. That a source is stale is one thing for all days under watch.
    """
    if run.will_retry:
        return None
    what = f"{run.title} of {run.day}" if run.day else run.title
    if run.refusals and not run.errors:
        key = ";".join(_key(one, run) for one in run.refusals)
        reasons = "; ".join(one.reason for one in run.refusals)
        return Notice(key, f"{what} was refused", reasons, "warning", link)
    said = "; ".join([*run.errors, *(one.reason for one in run.refusals)]) or _of_death(run)
    return Notice(f"run:{run.run_id}", f"{what} failed", said[:1500], "error", link)


def _of_death(run: FailedRun) -> str:
    """How it was found, and that Dagster does not repeat it: else nobody would be told."""
    found = run.death.rstrip(" .") or "No step says why"
    if run.is_overdue:
        return f"{found}. Dagster was to repeat it, and has not."
    if run.repeats:
        times = "once" if run.repeats == 1 else f"{run.repeats} times"
        return f"{found}. Dagster has repeated it {times}, and does not again."
    return f"{found}. Dagster does not repeat it."


def _key(refusal: Refusal, run: FailedRun) -> str:
    about = run.failed_on if refusal.status in SOURCE_STATUSES else run.day
    return f"{refusal.gate}:{about}:{refusal.status or refusal.reason}"
