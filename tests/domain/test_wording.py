"""How facts read: rounded alike, counted in words, and harmless whatever was written into a repository."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from muse_domain.facts import Fact, FactSpec
from muse_domain.wording import (
    COUNTED,
    Citation,
    Style,
    UnknownSlot,
    is_absent,
    level_style,
    offered_slots,
    percent_style,
    phrase,
    plain_text,
    show,
)
from tests.domain.day_story import sheet


def fact(value: float | None, unit: str, text: str | None = None) -> Fact:
    return Fact(FactSpec("f1.x", "f1", "q", {}, "single", unit), value, text, 1, "hash", "why not")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (12.0, "ms", "12.0 ms"),
        (0.796, "ms", "0.796 ms"),
        (0.0123456, "ms", "0.0123 ms"),
        (0.00000123456, "s", "0.00000123 s"),
        (9.999, "ms", "10.0 ms"),
        (99.96, "ms", "100 ms"),
        (999.7, "ms", "1,000 ms"),
        (184_233.6, "tokens/s", "184,200 tokens/s"),
        (1_348_220.0, "ns/iter", "1,348,000 ns/iter"),
        (1000.4, "ms", "1,000 ms"),
        (-3.456, "ms", "−3.46 ms"),
        (0.0, "ms", "0 ms"),
        (17.649, "%", "17.6 %"),
        (-17.649, "%", "17.6 %"),
        (0.04, "%", "0.0400 %"),
        (99.96, "%", "100 %"),
        (1234.5, "%", "1,234 %"),
        (0.0004, "p", "p < 0.001"),
        (0.0412, "p", "p = 0.041"),
        (1.0, "p", "p = 1.000"),
        (0.847, "rho", "ρ = 0.85"),
        (-0.847, "rho", "ρ = −0.85"),
        (42.0, "", "42.0"),
    ],
)
def test_values_read_with_three_digits_and_their_unit(value: float, unit: str, shown: str) -> None:
    """Enough digits to compare, never scientific notation, and a true minus sign."""
    assert show(fact(value, unit)) == shown


@pytest.mark.parametrize("unit", sorted(COUNTED))
def test_counts_have_their_plural(unit: str) -> None:
    """One run, two runs, a thousand runs."""
    assert show(fact(1.0, unit)) == f"1 {unit}"
    assert show(fact(0.0, unit)) == f"0 {COUNTED[unit]}"
    assert show(fact(2.0, unit)) == f"2 {COUNTED[unit]}"
    assert show(fact(1234.0, unit)) == f"1,234 {COUNTED[unit]}"
    assert show(fact(1234.0, unit), "bare") == "1,234"


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [(17.6, "signed", "+17.6 %"), (-17.6, "signed", "−17.6 %"), (0.0, "signed", "0.0 %"), (17.6, "bare", "17.6")],
)
def test_a_change_shows_its_sign_where_no_word_does(value: float, style: Style, shown: str) -> None:
    """In the table the sign is the direction; in prose the word is."""
    assert show(fact(value, "%"), style) == shown


def percent(name: str, value: float | None) -> Fact:
    return Fact(FactSpec(f"f1.{name}", "f1", "q", {}, "single", "%"), value, None, 1, "hash", "no rows")


@pytest.mark.parametrize(
    ("low", "change", "high", "shown"),
    [
        (16.2, 17.4, 20.1, ("+17.4 %", "between 16.2 % and 20.1 %")),
        (11.4, 17.4, 24.2, ("+17 %", "between 11 % and 24 %")),
        (17.02, 17.05, 17.09, ("+17.05 %", "between 17.02 % and 17.09 %")),
        (-4.1, -12.6, -31.0, ("−13 %", "between 4 % and 31 %")),
        (80.0, 123.4, 190.0, ("+123 %", "between 80 % and 190 %")),
        (1034.4, 1234.5, 1434.6, ("+1,234 %", "between 1,034 % and 1,435 %")),
        (0.3, 6.1, 12.2, ("+6.1 %", "between 0.3 % and 12.2 %")),
        (0.004, 6.1, 12.2, ("+6.10 %", "between 0.00400 % and 12.20 %")),
        (-1.2, 0.4, 1.9, ("+0.4 %", "between −1.2 % and +1.9 %")),
        (-4.0, 1.3, 9.8, ("+1 %", "between −4 % and +10 %")),
        (12.0, 12.0, 12.0, ("+12.0 %", "between 12.0 % and 12.0 %")),
        (149.6, 150.0, 150.4, ("+150.0 %", "between 149.6 % and 150.4 %")),
        (105.2, 106.0, 106.9, ("+106 %", "between 105 % and 107 %")),
        (5.0, 12.0, float("inf"), ("+12.0 %", None)),
        (None, 12.0, None, ("+12.0 %", None)),
    ],
)
def test_percentages_have_as_many_digits_as_their_interval_justifies(
    low: float | None, change: float, high: float | None, shown: tuple[str, str | None]
) -> None:
    """A tenth of a percent is not told of an interval that is ten percent wide; what is not nought is not shown so."""
    given = {f"f1.{name}": percent(name, value) for name, value in (("low", low), ("change", change), ("high", high))}
    style = percent_style("f1", given, is_signed=True)
    assert show(given["f1.change"], style) == shown[0]
    [told] = phrase("f1", "change", given)
    assert isinstance(told, Citation) and show(given["f1.change"], told.style) == shown[0].strip("+−")
    if shown[1] is not None:
        parts = phrase("f1", "interval", given)
        assert "".join(one if isinstance(one, str) else show(given[one.fact], one.style) for one in parts) == shown[1]


@given(st.floats(-500.0, 500.0), st.floats(0.01, 200.0))
def test_rounding_stays_within_the_interval(low: float, width: float) -> None:
    """What is shown of a change is nearer to it than a seventh of its interval, and no end is lost."""
    change = low + width / 2.0
    given = {f"f1.{name}": percent(name, v) for name, v in (("low", low), ("change", change), ("high", low + width))}
    style = percent_style("f1", given, is_signed=True)
    for one in given.values():
        assert one.value is not None
        number = float(show(one, style).split(" ")[0].replace(",", "").replace("−", "-"))
        assert abs(number - one.value) <= max(width / 7.0, 0.5 if abs(one.value) >= 99.95 else 0.005) + 1e-9
        assert (number == 0.0) == (one.value == 0.0)


NUMBER = re.compile(r"(?P<sign>[+−]?)(?P<digits>[0-9,]+(?:\.(?P<decimals>[0-9]+))?)(?: |$)")
FINITE = st.floats(-1e6, 1e6).map(lambda value: value + 0.0)
HALVES = st.sampled_from([0.5, -0.5, 0.05, -0.05, 0.005, -0.005, 0.0005, 99.95, -99.95, 0.25, 1.5])


@given(st.one_of(FINITE, HALVES), st.one_of(FINITE, HALVES), st.one_of(FINITE, HALVES))
@example(0.5, 41.0, 41.5)
@example(-0.5, -20.0, -41.5)
@settings(max_examples=500, deadline=None)
def test_no_percentage_is_shown_as_nought_nor_without_its_sign(low: float, change: float, high: float) -> None:
    """Half a percent is not shown as nought; half a unit of the last digit is the farthest that a number is off."""
    given = {f"f1.{name}": percent(name, v) for name, v in (("low", low), ("change", change), ("high", high))}
    style = percent_style("f1", given, is_signed=True)
    for value in (low, change, high):
        read = NUMBER.match(show(percent("x", value), style))
        assert read is not None
        size = float(read["digits"].replace(",", ""))
        assert read["sign"] == ("+" if value > 0 else "−" if value < 0 else "")
        assert (size == 0.0) == (value == 0.0)
        assert abs(size - abs(value)) <= 0.5 * 10.0 ** -len(read["decimals"] or "") * (1.0 + 1e-9)


@pytest.mark.parametrize("style", ["plain", "signed"])
def test_what_published_ledgers_name_is_shown_as_ever(style: Style) -> None:
    """A ledger holds a claim's style, not its interval: its text must read the same for good."""
    assert show(fact(17.649, "%"), style).strip("+") == "17.6 %"


@given(st.floats(1e-9, 1e12), st.sampled_from(["ms", "MB", "tokens/s", "%"]))
def test_a_shown_value_is_the_value(value: float, unit: str) -> None:
    """Rounding moves a value by no more than half of its third digit."""
    number = float(show(fact(value, unit)).split(" ")[0].replace(",", ""))
    assert number == pytest.approx(value, rel=0.0051) or (unit == "%" and abs(number - value) <= 0.051)


def level(name: str, value: float, unit: str = "ms") -> Fact:
    return Fact(FactSpec(f"f1.{name}", "f1", "q", {}, f"median:{name}", unit), value, None, 9, "hash")


@pytest.mark.parametrize(
    ("before", "after", "reads"),
    [
        (12.1, 14.3, "from 12.1 ms to 14.3 ms"),
        (100.4, 102.9, "from 100.4 ms to 102.9 ms"),
        (100.4, 130.0, "from 100 ms to 130 ms"),
        (9.996, 10.11, "from 9.996 ms to 10.11 ms"),
        (1000.2, 1000.9, "from 1,000.20 ms to 1,000.90 ms"),
        (820_000.0, 844_000.0, "from 820,000 ms to 844,000 ms"),
        (-3.2, -2.9, "from −3.20 ms to −2.90 ms"),
        (5.0, 5.0, "from 5.00 ms to 5.00 ms"),
    ],
)
def test_two_levels_are_shown_as_far_apart_as_they_are(before: float, after: float, reads: str) -> None:
    """A change of 2.5 % is not told as one from 100 ms to 103 ms, and never as one from 100 ms to 100 ms."""
    given = {"f1.before": level("before", before), "f1.after": level("after", after)}
    parts = phrase("f1", "shift", given)
    assert "".join(one if isinstance(one, str) else show(given[one.fact], one.style) for one in parts) == reads


@given(st.floats(1e-6, 1e9), st.floats(0.02, 3.0), st.sampled_from([-1.0, 1.0]))
def test_the_difference_of_two_shown_levels_is_their_difference(before: float, change: float, sign: float) -> None:
    """Whoever subtracts what is shown is off by a tenth of the change at most."""
    given = {"f1.before": level("before", before), "f1.after": level("after", before * (1.0 + sign * change))}
    style = level_style("f1", given)
    shown = [float(show(one, style).removesuffix(" ms").replace(",", "").replace("−", "-")) for one in given.values()]
    assert shown[1] - shown[0] == pytest.approx(sign * change * before, rel=0.101)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (12.4, "run", "12.4 run"),
        (1.0, "days", "1.00 days"),
        (0.412, "p", "0.412 p"),
        (-3.25, "%", "−3.25 %"),
        (3.0, "rho", "3.00 rho"),
        (3.0, "", "3.00"),
        (3.0, "a | b", "3.00 `a / b`"),
        (3.0, "](https://evil.example)", "3.00 `] (https://evil.example)`"),
        (3.0, "<b>", "3.00 `<b>`"),
        (3.0, "$", "3.00 `$`"),
    ],
)
def test_the_unit_of_a_report_counts_nothing_and_is_no_markup(value: float, unit: str, shown: str) -> None:
    """A report may call its unit what it likes: 12.4 of it are no 12 runs, and a loss of 3.25 % keeps its sign."""
    assert show(level("before", value, unit)) == shown


@pytest.mark.parametrize(
    ("text", "unit", "shown"),
    [
        ("a1b2c3d4e5f6", "commit", "`a1b2c3d`"),
        ("2026-09-08T06:30:00+00:00", "instant", "2026-09-08 06:30 UTC"),
        ("2026-09-08T06:30:00+02:00", "instant", "2026-09-08 04:30 UTC"),
        ("test[a|b]`x`\nnext", "code", "`test[a/b]'x' next`"),
        ("a\u202eb\x00c", "code", "`a b c`"),
        ("", "code", "`?`"),
        ("x](ep-NNN/y", "code", "`x] (ep-NNN/y`"),
        ("Fix the cache", "quote", "“Fix the cache”"),
        ("fix(algo): close (a seam) (#1010)", "subject", "“fix(algo): close (a seam) (1010)”"),
        ("[x](https://evil.example) (www.evil.example)", "subject", "“x … (…”"),
        ("fix(algo): close", "quote", "“fix algo : close”"),
        ("median latency", "words", "median latency"),
        ("2026-09-08", "date", "2026-09-08"),
    ],
)
def test_texts_read_as_what_they_are(text: str, unit: str, shown: str) -> None:
    """Commits are short, instants are UTC, code cannot leave its marks, quotes are quoted."""
    assert show(fact(None, unit, text)) == shown


def test_an_absent_fact_cannot_be_shown() -> None:
    """Nothing is ever shown as zero or as a dash."""
    with pytest.raises(ValueError, match=r"f1\.x was not measured \(why not\)"):
        show(fact(None, "ms"))


HOSTILE = [
    "[click](https://evil.example)", "<script>alert(1)</script>", "![x](http://evil.example/p.png)",
    "**bold** _it_ ~~no~~",
    "see HTTPS://EVIL.EXAMPLE/x", "www.evil.example", "(www.evil.example)", "Jane Doe <jane@corp.example>",
    "jane@localhost",
    "thanks @octocat", "# heading", "```code```", "a | b | c", "closes #12", "“quoted” \"twice\"",
    "\u202egnp.exe", "git://evil",
    "javascript:alert(1)", "mailto:jane", "a\nb\rc\u2028d", "zero\u200bwidth", "&lt;b&gt;", "$(rm -rf)",
    "{{f1.name}}", "| a |",
    "ssh://x@y", "jane＠corp.example", "- item", "=====", "---", "x" * 500, "ht\x00tps://evil.example", "\\[x\\]",
]  # fmt: skip


@given(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=120), st.lists(st.sampled_from(HOSTILE)).map(" ".join)))
@example("a@b.example")
@settings(max_examples=400, deadline=None)
def test_a_commit_subject_becomes_plain_text(subject: str) -> None:
    """Whatever somebody commits: no markup, no link, no address, no control character, no slot survives."""
    plain = plain_text(subject, 90)
    assert len(plain) <= 90
    assert not set('<>[](){}`*_~|#\\!&$“”"@＠') & set(plain)
    assert "://" not in plain
    assert not re.search(r"(?<!\w)www\.|mailto:|javascript:", plain, re.IGNORECASE)
    assert plain.isprintable() and plain == " ".join(plain.split())
    assert not plain.startswith(("-", "+", "="))
    cited = show(fact(None, "subject", subject))
    assert "](" not in cited and not set('<>[]{}`*_~|#\\!&$"@＠') & set(cited) and cited.isprintable()
    quoted = show(fact(None, "quote", subject))
    assert quoted.startswith("“") and quoted.endswith("”") and quoted.count("“") == quoted.count("”") == 1


@given(st.text(max_size=80))
def test_code_cannot_leave_its_marks_nor_its_table_cell(name: str) -> None:
    """Benchmark names come from reports, which anybody may write."""
    shown = show(fact(None, "code", name))
    assert shown[0] == shown[-1] == "`" and "`" not in shown[1:-1]
    assert "|" not in shown and "\n" not in shown and shown.isprintable() and len(shown) > 2


def test_honest_subjects_are_kept() -> None:
    """Plain words, versions and times stay as they are."""
    for subject in ("Fix the cache: 3 of 4 cases", "Bump to 1.2.3, see notes", "Use half the memory, 50% less"):
        assert plain_text(subject, 90) == subject


def test_slots_explain_themselves() -> None:
    """A writer gets "from 12 ms to 14 ms", never one of the values alone."""
    assert phrase("f1", "shift", sheet()) == ("from ", Citation("f1.before"), " to ", Citation("f1.after"))
    for name in ("before", "after", "low", "high", "n_before", "n_after", "p_value", "relation_hours"):
        with pytest.raises(UnknownSlot):
            phrase("f1", name, sheet())


def test_a_relation_says_when_it_is_opposed() -> None:
    """Two things that moved against each other did not simply move together."""
    relation = sheet()["f1.relation"]
    opposed: dict[str, Any] = {**sheet(), "f1.relation": replace(relation, value=-0.7)}
    assert phrase("f1", "relation", sheet())[0] == Citation("f1.relation")
    assert phrase("f1", "relation", opposed)[0] == "in opposite directions, "


def test_what_is_left_of_a_refuted_shift_has_its_signs() -> None:
    """No word gives it a direction, so an interval of which both ends are negative shows that they are."""
    refuted = {**sheet(), "f1.state": replace(sheet()["f1.state"], text="refuted")}
    refuted |= {
        f"f1.{end}": replace(sheet()[f"f1.{end}"], value=value) for end, value in (("low", -0.9), ("high", -3.1))
    }
    interval = [part for part in phrase("f1", "interval", refuted) if isinstance(part, Citation)]
    assert [show(refuted[part.fact], part.style) for part in interval] == ["−0.9 %", "−3.1 %"]
    [change] = phrase("f1", "change", refuted)
    assert isinstance(change, Citation) and show(refuted["f1.change"], change.style).startswith("+")


def test_only_measured_facts_are_offered() -> None:
    """A slot whose fact is absent is not offered, and cannot be used."""
    absent = {**sheet(), "f1.after": replace(sheet()["f1.after"], value=None)}
    assert is_absent(absent["f1.after"])
    assert "f1.shift" in offered_slots(sheet()) and "f1.shift" not in offered_slots(absent)
    with pytest.raises(UnknownSlot):
        phrase("f1", "shift", absent)
    assert "f2.relation" not in offered_slots(sheet())
    for subject, _, name in (slot.partition(".") for slot in offered_slots(sheet())):
        assert phrase(subject, name, sheet())


def test_what_was_left_out_is_called_what_was_counted() -> None:
    """Another fingerprint need not be another machine, and an unnamed environment may be any."""
    told = [part for part in phrase("f3", "left_out", sheet()) if isinstance(part, str)]
    assert told == [" in another or an unnamed environment"]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("`kv_cache_append` is 14.5 % faster", "kv_cache_append is 14.5 % faster"),
        ("_a_ and __b__ [c](http://d_e.f)", "a and b c …_e.f"),
        ("mail a_b@c.d", "mail a_…"),
    ],
)
def test_a_title_keeps_the_names_in_it_and_nothing_that_is_markup(title: str, shown: str) -> None:
    """An underscore inside of a word is part of a name; emphasis, links and addresses are still taken out."""
    assert show(replace(fact(None, "title"), text=title)) == shown
