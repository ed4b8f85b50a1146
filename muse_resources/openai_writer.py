"""The writer on a language model: OpenAI, or any server with its Responses API.

It is asked once for a question, pays within the day's budget, and hands in what came back as a typed outcome. The
verdict is somebody else's.
"""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlsplit

from muse_domain.answers import Answer, Reply, Texts, read_reply, read_texts, retry_delay_s
from muse_domain.drafts import (
    Draft,
    Empty,
    Invalid,
    NoDraft,
    NoPrice,
    OverBudget,
    Refused,
    Rejected,
    Truncated,
    WritingOutcome,
    WritingTask,
)
from muse_domain.prompting import ModelRequest, build_request
from muse_domain.settings import WriterSection
from muse_domain.spending import NOTHING_USED, Price, cost_usd, dollars, price_on, worst_case_usd
from muse_resources.llm_ledger import Call, LlmLedger, Settlement
from muse_resources.templates import template_folder

ATTEMPTS = 3
# A server that wants a longer pause is not waited for: the templates write, and the day goes on.
LONGEST_WAIT_S = 60.0
FIRST_WAIT_S = 1.0
# Servers of one's own are given words like "none" for a key.
SHORTEST_KEY = 8

_REMEMBERED: dict[str, type[NoDraft]] = {one.kind: one for one in (Refused, Truncated, Empty, Invalid)}

# Sends a request once: base_url, api_key, timeout_s and call_id are given by name.
Send = Callable[..., Reply]


@dataclass(frozen=True, slots=True)
class _Question:
    """A task as it is asked and paid for."""

    task: WritingTask
    request: ModelRequest
    cache_key: str


class OpenAIWriter:
    """Asks the model of `[writer]`. `sleep` and `jitter` are of the machine unless a test says otherwise."""

    def __init__(
        self,
        settings: WriterSection,
        api_key: str | None,
        ledger: LlmLedger,
        *,
        send: Send | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._api_key = api_key
        self._ledger = ledger
        self._send = send or _send
        self._sleep = sleep
        self._jitter = jitter
        self._instructions = (template_folder("prompts") / "episode.md").read_text(encoding="utf-8")

    def write(self, task: WritingTask) -> WritingOutcome:
        """One draft, or why there is none. A question that was paid for before is not asked again."""
        settings = self._settings
        if not task.subjects:
            return Empty("no finding to write about")
        request = build_request(task, self._instructions, settings.model, settings.max_output_tokens)
        cache_key = request.cache_key(settings.base_url, task.facts_hash)
        if (known := self._ledger.remembered(cache_key)) is not None:
            return self._recalled(known["status"], known["error_msg"], known["answer"], request)
        if settings.needs_key and not self._api_key:
            return Rejected(f"OPENAI_API_KEY is not set: {settings.base_url} needs one")
        return self._asked(_Question(task, request, cache_key))

    def state(self) -> str:
        """Model, server and what is left of today's budget. Raises what the warehouse raises."""
        settings, today = self._settings, self._ledger.now().date()
        if settings.needs_key and not self._api_key:
            raise OSError("OPENAI_API_KEY is not set: put it into the environment")
        if self._price(today) is None:
            raise OSError(self._no_price(today).reason)
        left = max(self._budget_usd - self._ledger.counted_usd(today), Decimal(0))
        host = urlsplit(settings.base_url).netloc
        return f"{settings.model} at {host}, {dollars(left)} of {dollars(self._budget_usd)} left today"

    @property
    def _budget_usd(self) -> Decimal:
        return self._settings.daily_budget_usd or Decimal(0)

    def _price(self, day: date) -> Price | None:
        return price_on((one.price for one in self._settings.prices), self._settings.model, day)

    def _no_price(self, day: date) -> NoPrice:
        return NoPrice(f"writer.prices has no price for {self._settings.model!r} on {day}: add [[writer.prices]]")

    def _recalled(self, status: str, reason: str, answer: str, request: ModelRequest) -> WritingOutcome:
        """An earlier answer, read again as if it had just come."""
        if status in _REMEMBERED:
            return _REMEMBERED[status](reason)
        return self._outcome(Answer(read_texts(answer)), request)

    def _asked(self, question: _Question) -> WritingOutcome:
        """The outcome of the last attempt; only what may pass is tried again, after the pause that it asks for."""
        for attempt in range(1, ATTEMPTS + 1):
            outcome, wait_s = self._attempt(question, attempt)
            if wait_s is None or wait_s > LONGEST_WAIT_S or attempt == ATTEMPTS:
                break
            self._sleep(wait_s)
        return outcome

    def _attempt(self, question: _Question, attempt: int) -> tuple[WritingOutcome, float | None]:
        """Reserve, send once, settle: the outcome, and after how many seconds another attempt makes sense, if ever."""
        now = self._ledger.now()
        price = self._price(now.date())
        if price is None:
            return self._no_price(now.date()), None
        call = self._call(question, attempt, now, price)
        counted = self._ledger.reserve(call)
        if counted > self._budget_usd:
            refusal = self._over_budget(call, counted)
            self._ledger.settle(call, Settlement(refusal.kind, refusal.reason, NOTHING_USED, Decimal(0)))
            return refusal, None
        answer, reply, cost = self._paid(question, call, price)
        wait_s = self._wait_s(reply, attempt) if answer.is_worth_another_try else None
        return self._outcome(answer, question.request, cost), wait_s

    def _paid(self, question: _Question, call: Call, price: Price) -> tuple[Answer, Reply, Decimal | None]:
        """Send what is reserved, and note what came of it. The cost is None where the server did not say."""
        started = time.monotonic()
        reply = self._sent(question, call)
        latency_ms = (time.monotonic() - started) * 1000.0
        answer = read_reply(reply, question.request.bound)
        usage = NOTHING_USED if reply.is_free else answer.usage
        cost = None if usage is None else cost_usd(usage, price)
        kind, reason = _told(answer)
        self._ledger.settle(call, Settlement(kind, reason, usage, cost, latency_ms, reply.request_id, answer.text))
        return answer, reply, cost

    def _call(self, question: _Question, attempt: int, now: datetime, price: Price) -> Call:
        return Call(
            call_id=str(uuid.uuid4()),
            started_at=now,
            run_id=question.task.run_id,
            episode_day=date.fromisoformat(question.task.day),
            model=self._settings.model,
            operation="rewrite" if question.task.revision else "write",
            attempt=attempt,
            prompt_hash=question.request.prompt_hash,
            cache_key=question.cache_key,
            worst_usd=worst_case_usd(question.request.bound, price),
        )

    def _over_budget(self, call: Call, counted: Decimal) -> OverBudget:
        spoken_for = dollars(counted - call.worst_usd)
        return OverBudget(
            f"the call may cost {dollars(call.worst_usd)}, and {spoken_for} of the {dollars(self._budget_usd)} of "
            f"{call.budget_day} (UTC) are spoken for: raise writer.daily_budget_usd, or build again tomorrow"
        )

    def _sent(self, question: _Question, call: Call) -> Reply:
        reply = self._send(
            question.request,
            base_url=self._settings.base_url,
            api_key=self._api_key,
            timeout_s=self._settings.timeout_s,
            call_id=call.call_id,
        )
        return without_key(reply, self._api_key)

    def _wait_s(self, reply: Reply, attempt: int) -> float:
        """What the server asks for; else twice as long each time, spread so that writers do not come back together."""
        asked = retry_delay_s(reply.retry_after, self._ledger.now())
        return FIRST_WAIT_S * 2 ** (attempt - 1) * (1.0 + self._jitter()) if asked is None else asked

    def _outcome(self, answer: Answer, request: ModelRequest, cost: Decimal | None = None) -> WritingOutcome:
        texts, usage = answer.outcome, answer.usage
        if not isinstance(texts, Texts):
            return texts
        return Draft(
            texts.title,
            texts.what_changed,
            texts.why_it_matters,
            texts.next_steps,
            writer="openai",
            model=self._settings.model,
            prompt_hash=request.prompt_hash,
            tokens_in=usage.input_tokens if usage else 0,
            tokens_out=usage.output_tokens if usage else 0,
            cost_usd=float(cost or 0),
        )


def _told(answer: Answer) -> tuple[str, str]:
    """Status and reason of an answer, as they are stored."""
    return ("draft", "") if isinstance(answer.outcome, Texts) else (answer.outcome.kind, answer.outcome.reason)


def without_key(reply: Reply, api_key: str | None) -> Reply:
    """A complaint without the key, which some servers repeat in it. A draft is left as it came."""
    if reply.status == 200 or not api_key or len(api_key) < SHORTEST_KEY:
        return reply
    body = reply.body.replace(api_key.encode(errors="replace"), b"(key)")
    return replace(reply, body=body, detail=reply.detail.replace(api_key, "(key)"))


def _send(request: ModelRequest, *, base_url: str, api_key: str | None, timeout_s: float, call_id: str) -> Reply:
    # Imported here: the client costs most of a second, and most runs never ask a model.
    from muse_resources.openai_transport import send

    return send(request, base_url=base_url, api_key=api_key, timeout_s=timeout_s, call_id=call_id)
