"""The budget of a day: never exceeded, whoever spends at once and whoever is killed."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from muse_domain.drafts import Draft, OverBudget
from muse_domain.prompting import build_request
from muse_domain.spending import Usage, worst_case_usd
from muse_resources.llm_ledger import Call, LlmLedger, Settlement, fallback_event
from muse_resources.templates import template_folder
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.spenders import NOON, RUN, go, section, start_spender, task, writer_of
from tests.scripted_model import MODEL, ScriptedModel, honest_texts, is_silent, says, scripted_model
from tests.workspaces import FixedClock

TODAY = NOON.date()
DEAR = {"input_tokens": 5000, "output_tokens": 6000}  # about 0.013 USD, close to the worst case


@pytest.fixture
def ledger(warehouse: ClickHouseWarehouse) -> LlmLedger:
    return LlmLedger(warehouse, FixedClock(NOON))


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with scripted_model(says({})) as model:
        yield model


@pytest.fixture
def started() -> Iterator[Callable[..., object]]:
    """Starts spenders, and ends them with the test."""
    with ExitStack() as stack:

        def start(*arguments: object) -> object:
            process = stack.enter_context(start_spender(*arguments))
            stack.callback(process.kill)
            return process

        yield start


def call(worst: str = "0.5", at: datetime = NOON) -> Call:
    key = uuid.uuid4().hex
    return Call(str(uuid.uuid4()), at, RUN, date(2026, 9, 8), MODEL, "write", 1, "p", key, Decimal(worst))


def worst_usd() -> Decimal:
    """The most that one call of these tests can cost."""
    instructions = (template_folder("prompts") / "episode.md").read_text("utf-8")
    [price] = section("http://x").prices
    return worst_case_usd(build_request(task(), instructions, MODEL, 6000).bound, price.price)


def test_a_reservation_counts_until_the_call_is_settled(ledger: LlmLedger) -> None:
    """Then its real cost does, to the last digit."""
    one = call("0.5")
    assert ledger.counted_usd(TODAY) == 0
    assert ledger.reserve(one) == Decimal("0.5")
    assert ledger.reserve(call("0.25")) == Decimal("0.75")
    ledger.settle(one, Settlement("draft", usage=Usage(9, 0, 1), cost_usd=Decimal("0.000000150001")))
    assert ledger.counted_usd(TODAY) == Decimal("0.250000150001")


def test_a_cost_that_is_not_known_counts_in_full(ledger: LlmLedger) -> None:
    """The server did not say: the budget takes the worst case, the row says null."""
    one = call("0.5")
    ledger.reserve(one)
    ledger.settle(one, Settlement("timeout", "no answer"))
    assert ledger.counted_usd(TODAY) == Decimal("0.5")


def test_rows_that_came_twice_count_once(ledger: LlmLedger) -> None:
    """A cut connection may leave an insert twice."""
    one, end = call("0.5"), Settlement("draft", usage=Usage(9, 0, 1), cost_usd=Decimal("0.125"))
    assert [ledger.reserve(one), ledger.reserve(one)] == [Decimal("0.5")] * 2
    ledger.settle(one, end)
    ledger.settle(one, end)
    assert ledger.counted_usd(TODAY) == Decimal("0.125")


def test_each_utc_day_has_its_own_budget(ledger: LlmLedger) -> None:
    """A call belongs to the day on which it was reserved, however late it ends."""
    midnight = datetime(2026, 9, 10, tzinfo=UTC)
    late = call("0.5", midnight - timedelta(milliseconds=1))
    assert ledger.reserve(call("0.25", midnight)) == Decimal("0.25")
    assert ledger.reserve(late) == Decimal("0.5")
    assert ledger.counted_usd(date(2026, 9, 11)) == 0


def test_a_fallback_is_noted_and_costs_nothing(warehouse: ClickHouseWarehouse, ledger: LlmLedger) -> None:
    """The reason stands in llm_events beside the calls."""
    warehouse.append("llm_events", [fallback_event(date(2026, 9, 8), RUN, NOON, "templates wrote; refused")])
    assert ledger.counted_usd(TODAY) == 0
    [spent] = warehouse.select("select_llm_spent", {"run_id": RUN})
    assert (spent["tokens_in"], spent["tokens_out"], spent["cost_usd"]) == (0, 0, 0)


def test_two_processes_at_once_never_exceed_the_budget(
    warehouse: ClickHouseWarehouse,
    ledger: LlmLedger,
    warehouse_folder: Path,
    database: str,
    server: ScriptedModel,
    started: Callable[..., object],
) -> None:
    """Each has twelve dear questions, the budget bears seven and a half worst cases between them."""
    budget = (worst_usd() * Decimal("7.5")).quantize(Decimal("1e-6"))
    server.says(lambda answering, body: says(honest_texts(body), usage=DEAR)(answering, body))
    spenders = [started(warehouse_folder, database, server.url, budget, first, 12) for first in (100, 200)]
    for spender in spenders:
        go(spender)  # type: ignore[arg-type]
    outcomes = [one for spender in spenders for one in json.loads(spender.communicate(timeout=120)[0])]  # type: ignore[attr-defined]
    assert set(outcomes) == {"Draft", "over_budget"} and len(outcomes) == 24
    drafts = outcomes.count("Draft")
    paid = drafts * (Decimal(5000) * Decimal("0.25") + Decimal(6000) * 2) / 1_000_000
    assert drafts == len(server.asked) and 6 <= drafts <= 9
    assert ledger.counted_usd(TODAY) == paid <= budget


def test_a_process_that_is_killed_while_it_waits_has_spent_the_worst_case(
    warehouse: ClickHouseWarehouse,
    ledger: LlmLedger,
    warehouse_folder: Path,
    database: str,
    server: ScriptedModel,
    started: Callable[..., object],
) -> None:
    """kill -9 between call and settlement: the next process finds the reservation, and cannot afford another call."""
    server.says(is_silent(20))
    spender = started(warehouse_folder, database, server.url, 1, 100, 1)
    go(spender)  # type: ignore[arg-type]
    until = time.monotonic() + 30
    while not server.asked and time.monotonic() < until:
        time.sleep(0.02)
    spender.kill()  # type: ignore[attr-defined]
    spender.wait(10)  # type: ignore[attr-defined]
    assert ledger.counted_usd(TODAY) == worst_usd()
    server.says(lambda answering, body: says(honest_texts(body))(answering, body))
    budget = (worst_usd() * Decimal("1.9")).quantize(Decimal("1e-6"))
    assert isinstance(writer_of(warehouse, server.url, daily_budget_usd=budget).write(task()), OverBudget)
    assert server.asked == []
    tomorrow = NOON + timedelta(days=1)
    assert isinstance(writer_of(warehouse, server.url, daily_budget_usd=budget, at=tomorrow).write(task()), Draft)
