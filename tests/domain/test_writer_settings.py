"""`[writer]` in muse.toml: what it may say, and what each wrong value is answered with."""

import tomllib
from datetime import date
from decimal import Decimal

import pytest

from muse_domain.settings import SettingsError, WriterSection, parse_settings

HEAD = '[muse]\nstart_date = 2026-09-01\n[repositories.hearts]\npath = "."\n[writer]\n'
WHOLE = """kind = "openai"
model = "writer-1"
daily_budget_usd = 0.5
[[writer.prices]]
model = "writer-1"
from = 2026-01-01
input_per_1m = 0.15
output_per_1m = 0.6
"""


def writer(text: str) -> WriterSection:
    return parse_settings(tomllib.loads(HEAD + text)).writer


def test_templates_write_unless_told_otherwise() -> None:
    """Nothing is asked of anybody, and nothing else has to be said."""
    assert writer("").kind == "templates" == parse_settings(tomllib.loads(HEAD.removesuffix("[writer]\n"))).writer.kind


def test_dollars_are_exact() -> None:
    """0.15 is fifteen cents, not the next binary fraction."""
    section = writer(WHOLE)
    price = section.prices[0].price
    assert (price.starts, price.input_per_1m, price.output_per_1m) == (
        date(2026, 1, 1), Decimal("0.15"), Decimal("0.6"),
    )  # fmt: skip
    assert price.cached_input_per_1m == Decimal("0.15")  # as dear as any, unless the table says otherwise
    assert section.daily_budget_usd == Decimal("0.5") and section.needs_key


def test_a_server_of_ones_own_needs_no_key() -> None:
    """Its address says so."""
    assert not writer('base_url = "http://127.0.0.1:11434/v1"\n' + WHOLE).needs_key


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ('model = "writer-1"\ndaily', "daily", "writer", "model is missing: name the model"),
        ("daily_budget_usd = 0.5\n", "", "writer", "daily_budget_usd is missing: say how many dollars"),
        ('model = "writer-1"\nfrom', 'model = "other"\nfrom', "writer", "add [[writer.prices]]"),
        ("daily_budget_usd = 0.5", "daily_budget_usd = -1", "writer.daily_budget_usd", "greater than or equal"),
        ("input_per_1m = 0.15", "input_per_1m = 0.0000001", "writer.prices[0].input_per_1m", "decimal places"),
        ("input_per_1m = 0.15\n", "", "writer.prices[0].input_per_1m", "is missing"),
        ("from = 2026-01-01\n", "", "writer.prices[0].from", "is missing"),
        ("from = 2026-01-01", 'from = "soon"', "writer.prices[0].from", "date"),
        ("daily", "rewrites = 9\ndaily", "writer.rewrites", "less than or equal to 5"),
        ("daily", "max_output_tokens = 1\ndaily", "writer.max_output_tokens", "greater than or equal to 256"),
        ("daily", "timeout_s = 0\ndaily", "writer.timeout_s", "greater than 0"),
        ("daily", 'base_url = "ftp://x"\ndaily', "writer.base_url", 'use "https://host/v1"'),
        ("daily", 'api_key = "sk-1"\ndaily', "writer.api_key", "is not a key of Muse"),
        ('kind = "openai"', 'kind = "gpt"', "writer.kind", "'templates' or 'openai'"),
    ],
)
def test_a_wrong_value_names_its_key_and_the_remedy(old: str, new: str, key: str, remedy: str) -> None:
    """Whoever reads the message can mend the file."""
    with pytest.raises(SettingsError) as told:
        writer(WHOLE.replace(old, new, 1))
    assert f"  {key}: " in str(told.value) and remedy in str(told.value)


@pytest.mark.parametrize("user", ["me:sk-4711", "sk-4711"])
def test_a_key_in_the_address_is_not_repeated(user: str) -> None:
    """It belongs into the environment, and into no message."""
    with pytest.raises(SettingsError) as told:
        writer(f'base_url = "https://{user}@host/v1"\n' + WHOLE)
    assert "OPENAI_API_KEY" in str(told.value) and "4711" not in str(told.value)
