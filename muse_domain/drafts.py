"""What a writer hands in: prose with slots, never a number; or why it hands in nothing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from muse_domain.wording import FactSheet

NO_RUN = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Draft:
    """Title and the three sections that a writer writes; each is Markdown paragraphs and bullets with slots.

    `reason` says why this writer wrote and not the configured one; empty where the configured one did.
    """

    title: str
    what_changed: str
    why_it_matters: str
    next_steps: str
    writer: str
    model: str | None = None
    prompt_hash: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    reason: str = ""

    @property
    def sections(self) -> Mapping[str, str]:
        """The writer's texts by name."""
        return {
            "title": self.title,
            "what_changed": self.what_changed,
            "why_it_matters": self.why_it_matters,
            "next_steps": self.next_steps,
        }


@dataclass(frozen=True, slots=True)
class NoDraft:
    """Why there is no draft. `kind` names the outcome where it is stored."""

    reason: str
    kind: ClassVar[str] = "none"


@dataclass(frozen=True, slots=True)
class Refused(NoDraft):
    """The writer declined; `reason` is what it said."""

    kind: ClassVar[str] = "refused"


@dataclass(frozen=True, slots=True)
class Truncated(NoDraft):
    """The writer's answer was cut off."""

    kind: ClassVar[str] = "truncated"


@dataclass(frozen=True, slots=True)
class Empty(NoDraft):
    """The writer answered with nothing."""

    kind: ClassVar[str] = "empty"


@dataclass(frozen=True, slots=True)
class Invalid(NoDraft):
    """The writer answered with something that is no draft."""

    kind: ClassVar[str] = "invalid"


@dataclass(frozen=True, slots=True)
class TimedOut(NoDraft):
    """The writer did not answer in time."""

    kind: ClassVar[str] = "timeout"


@dataclass(frozen=True, slots=True)
class Quota(NoDraft):
    """The writer's server takes no more for now, or the account is used up."""

    kind: ClassVar[str] = "quota"


@dataclass(frozen=True, slots=True)
class Unavailable(NoDraft):
    """The writer's server could not be reached, or failed."""

    kind: ClassVar[str] = "unavailable"


@dataclass(frozen=True, slots=True)
class Rejected(NoDraft):
    """The writer's server does not accept the request: a key, a model or a setting is wrong."""

    kind: ClassVar[str] = "rejected"


@dataclass(frozen=True, slots=True)
class OverBudget(NoDraft):
    """The call could have cost more than is left of the day's budget, so it was not made."""

    kind: ClassVar[str] = "over_budget"


@dataclass(frozen=True, slots=True)
class NoPrice(NoDraft):
    """What the call would cost is not known, so it was not made."""

    kind: ClassVar[str] = "no_price"


WritingOutcome = Draft | NoDraft


@dataclass(frozen=True, slots=True)
class Revision:
    """A draft that the verdict refused, and what it said, for the writer to do better."""

    draft: Draft
    objections: Sequence[str]


@dataclass(frozen=True, slots=True)
class WritingTask:
    """What a writer is given: the subjects in the order of the episode, with what is known of each.

    `run_id` is the episode's; what is spent on the episode is noted under it.
    """

    day: str
    subjects: Sequence[Mapping[str, Any]]
    sheet: FactSheet
    slots: Sequence[str]
    revision: Revision | None = None
    run_id: str = NO_RUN

    @property
    def facts_hash(self) -> str:
        """SHA-256 over the facts: the same facts need not be written about twice."""
        lines = [f"{fact_id} {fact.row_hash} {fact.value} {fact.text}" for fact_id, fact in sorted(self.sheet.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def revised(self, draft: Draft, objections: Sequence[str]) -> "WritingTask":
        """The same task, with the draft that was refused and why."""
        return replace(self, revision=Revision(draft, objections))


class Writer(Protocol):
    """Turns facts into prose."""

    def write(self, task: WritingTask) -> WritingOutcome:
        """One draft, or why there is none. The writer never judges itself."""
