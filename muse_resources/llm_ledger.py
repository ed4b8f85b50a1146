"""What is spent on language models: reserved before a call, noted after it, added up from the rows alone.

Two processes may spend at once, and either may be killed at any moment. Each notes its reservation first and adds up
second. So of all calls that go ahead, the one that reserved last has seen all others, and found that the day's budget
bears them together.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from muse_domain.drafts import NO_RUN
from muse_domain.ports import Clock, Row, Warehouse
from muse_domain.prompting import PROMPT_VERSION
from muse_domain.spending import Usage

SOURCE = "council"


@dataclass(frozen=True, slots=True)
class Call:
    """One request that is about to be sent. `worst_usd` is the most that it can cost."""

    call_id: str
    started_at: datetime
    run_id: str
    episode_day: date
    model: str
    operation: str
    attempt: int
    prompt_hash: str
    cache_key: str
    worst_usd: Decimal

    @property
    def budget_day(self) -> date:
        """The UTC day whose budget bears the call, however long it takes."""
        return self.started_at.date()


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a call ended. `cost_usd` is None where the server did not say what was used."""

    status: str
    reason: str = ""
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    request_id: str = ""
    answer: str = ""


class LlmLedger:
    """`llm_reservations` and `llm_events` of a warehouse."""

    def __init__(self, warehouse: Warehouse, clock: Clock) -> None:
        self._warehouse = warehouse
        self._clock = clock

    def now(self) -> datetime:
        """The instant by which calls are dated."""
        return self._clock.now()

    def reserve(self, call: Call) -> Decimal:
        """Note the call's worst case; returns what then counts against its day, this call included."""
        row = {
            "day": call.budget_day,
            "ts": call.started_at,
            "call_id": uuid.UUID(call.call_id),
            "model": call.model,
            "worst_usd": call.worst_usd,
        }
        self._warehouse.append("llm_reservations", [row])
        return self.counted_usd(call.budget_day)

    def settle(self, call: Call, end: Settlement) -> None:
        """Note how the call ended: from now on its real cost counts, where it is known."""
        self._warehouse.append("llm_events", [_event(call, end)])

    def counted_usd(self, day: date) -> Decimal:
        """Dollars that count against the budget of a UTC day."""
        [row] = self._warehouse.select("select_llm_counted", {"day": day})
        return Decimal(row["counted_usd"])

    def remembered(self, cache_key: str) -> Mapping[str, Any] | None:
        """The answer that was paid for already, if there is one."""
        rows = self._warehouse.select("select_llm_answer", {"cache_key": cache_key})
        return rows[0] if rows else None


def _event(call: Call, end: Settlement) -> Row:
    usage = end.usage
    return {
        "day": call.budget_day,
        "ts": call.started_at,
        "run_id": uuid.UUID(call.run_id),
        "call_id": uuid.UUID(call.call_id),
        "episode_day": call.episode_day,
        "source": SOURCE,
        "model": call.model,
        "operation": call.operation,
        "attempt": call.attempt,
        "prompt_version": PROMPT_VERSION,
        "prompt_hash": call.prompt_hash,
        "cache_key": call.cache_key,
        "request_id": end.request_id,
        "tokens_in": usage.input_tokens if usage else None,
        "tokens_cached": usage.cached_tokens if usage else None,
        "tokens_out": usage.output_tokens if usage else None,
        "latency_ms": end.latency_ms,
        "cost_usd": end.cost_usd,
        "reserved_usd": call.worst_usd,
        "status": end.status,
        "error_msg": end.reason,
        "answer": end.answer,
    }


def fallback_event(day: date, run_id: str, at: datetime, reason: str) -> Row:
    """That the templates wrote an episode in the model's place, and why: a row of `llm_events` that cost nothing."""
    call = Call(str(uuid.uuid4()), at, run_id or NO_RUN, day, "", "fallback", 0, "", "", Decimal(0))
    return _event(call, Settlement("templates", reason, Usage(0, 0, 0), Decimal(0)))
