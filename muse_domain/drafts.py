"""What a writer hands in: prose with slots, never a number."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from muse_domain.wording import FactSheet


@dataclass(frozen=True, slots=True)
class Draft:
    """Title and the three sections that a writer writes; each is Markdown paragraphs and bullets with slots."""

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
class Refused:
    """The writer declined; `reason` is what it said."""

    reason: str


@dataclass(frozen=True, slots=True)
class Truncated:
    """The writer's answer was cut off."""

    reason: str


@dataclass(frozen=True, slots=True)
class Empty:
    """The writer answered with nothing."""

    reason: str


WritingOutcome = Draft | Refused | Truncated | Empty


@dataclass(frozen=True, slots=True)
class WritingTask:
    """What a writer is given: the subjects in the order of the episode, with what is known of each."""

    day: str
    subjects: Sequence[Mapping[str, Any]]
    sheet: FactSheet
    slots: Sequence[str]

    @property
    def facts_hash(self) -> str:
        """SHA-256 over the facts: the same facts need not be written about twice."""
        lines = [f"{fact_id} {fact.row_hash} {fact.value} {fact.text}" for fact_id, fact in sorted(self.sheet.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Writer(Protocol):
    """Turns facts into prose."""

    def write(self, task: WritingTask) -> WritingOutcome:
        """One draft, or why there is none. The writer never judges itself."""
