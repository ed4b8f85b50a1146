"""What a call of a language model costs, and whether the day's budget can bear it. Dollars are exact decimals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# A tokenizer that works on bytes makes at most one token of each. This many more are allowed for what the server
# puts around the texts.
TOKENS_AROUND = 1000

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens of a model, from a day on. A prompt may be served from a cache."""

    model: str
    starts: date
    input_per_1m: Decimal
    cached_input_per_1m: Decimal
    output_per_1m: Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; `cached_tokens` are a part of `input_tokens`."""

    input_tokens: int
    cached_tokens: int
    output_tokens: int


NOTHING_USED = Usage(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bound:
    """The most tokens that a call can use."""

    input_tokens: int
    output_tokens: int

    def allows(self, usage: Usage) -> bool:
        """Whether a call within this bound can have used that much."""
        cached_fits = 0 <= usage.cached_tokens <= usage.input_tokens <= self.input_tokens
        return cached_fits and 0 <= usage.output_tokens <= self.output_tokens


def bound_of(request_bytes: int, max_output_tokens: int) -> Bound:
    """The bound of a request whose whole text has this many bytes of UTF-8."""
    return Bound(request_bytes + TOKENS_AROUND, max_output_tokens)


def price_on(prices: Iterable[Price], model: str, day: date) -> Price | None:
    """The price of the model that holds on a day; None where the table has none."""
    known = [price for price in prices if price.model == model and price.starts <= day]
    return max(known, key=lambda price: price.starts, default=None)


def cost_usd(usage: Usage, price: Price) -> Decimal:
    """What the usage costs."""
    plain = usage.input_tokens - usage.cached_tokens
    return (
        plain * price.input_per_1m
        + usage.cached_tokens * price.cached_input_per_1m
        + usage.output_tokens * price.output_per_1m
    ) / _MILLION


def worst_case_usd(bound: Bound, price: Price) -> Decimal:
    """The most that a call within the bound can cost."""
    dearest = max(price.input_per_1m, price.cached_input_per_1m)
    return (bound.input_tokens * dearest + bound.output_tokens * price.output_per_1m) / _MILLION


def dollars(amount: Decimal) -> str:
    """For people: $0.0042, $12.50."""
    shown = f"{amount:.2f}" if amount == 0 or amount >= 1 else f"{amount:.6f}".rstrip("0")
    return f"${shown}"
