"""What a call costs, to the last digit, and the most that it can cost."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.spending import Bound, Price, Usage, bound_of, cost_usd, dollars, price_on, worst_case_usd

PRICE = Price("m", date(2026, 1, 1), Decimal("0.25"), Decimal("0.025"), Decimal("2"))
COUNTS = st.integers(0, 10**9)
PRICES = st.decimals(0, 99_999, places=6)


def test_tokens_are_charged_at_their_own_price() -> None:
    """Cached input is a part of the input, at another price."""
    assert cost_usd(Usage(1500, 500, 400), PRICE) == Decimal("0.0010625")
    assert cost_usd(Usage(0, 0, 0), PRICE) == 0


def test_the_price_is_that_of_the_day() -> None:
    """A price holds from its day on; before the first there is none, and another model's is none."""
    later = Price("m", date(2026, 6, 1), Decimal(1), Decimal(1), Decimal(1))
    other = Price("n", date(2025, 1, 1), Decimal(9), Decimal(9), Decimal(9))
    prices = [later, PRICE, other]
    assert price_on(prices, "m", date(2025, 12, 31)) is None
    assert price_on(prices, "m", date(2026, 5, 31)) is PRICE
    assert price_on(prices, "m", date(2026, 6, 1)) is later
    assert price_on(prices, "x", date(2026, 6, 1)) is None


@given(COUNTS, COUNTS, st.data(), PRICES, PRICES, PRICES)
def test_no_allowed_usage_costs_more_than_the_worst_case(
    most_in: int, most_out: int, data: st.DataObject, plain: Decimal, cached: Decimal, out: Decimal
) -> None:
    """The reservation covers the call, whichever price is the dearer; and the warehouse's twelve digits hold both."""
    bound = Bound(most_in, most_out)
    read = data.draw(st.integers(0, most_in))
    usage = Usage(read, data.draw(st.integers(0, read)), data.draw(st.integers(0, most_out)))
    price = Price("m", date(2026, 1, 1), plain, cached, out)
    assert bound.allows(usage)
    assert cost_usd(usage, price) <= worst_case_usd(bound, price)
    assert cost_usd(usage, price) == cost_usd(usage, price).quantize(Decimal("1e-12"))


@pytest.mark.parametrize(
    "usage", [Usage(11, 0, 0), Usage(1, 2, 0), Usage(-1, 0, 0), Usage(1, -1, 0), Usage(1, 0, 6), Usage(1, 0, -1)]
)
def test_usage_that_the_call_cannot_have_had_is_not_allowed(usage: Usage) -> None:
    """More than was sent or may be written, or less than nothing."""
    assert not Bound(10, 5).allows(usage)


def test_a_byte_is_at_most_a_token() -> None:
    """The bound of the input follows from the request's size, with room for what a server puts around it."""
    assert bound_of(5000, 600) == Bound(6000, 600)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "$0.00"), ("1.5", "$1.50"), ("0.93", "$0.93"), ("0.0042", "$0.0042"), ("0.000001", "$0.000001")],
)
def test_dollars_are_shown_as_people_write_them(amount: str, shown: str) -> None:
    """Small amounts keep the digits that say anything."""
    assert dollars(Decimal(amount)) == shown
