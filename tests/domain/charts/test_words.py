"""What a chart says to those who do not see it."""

import locale
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from muse_domain.charts.drawing import render_chart
from muse_domain.charts.model import ChartInterval
from muse_domain.charts.words import chart_alt_text, day, moment
from tests.domain.charts.sample import sample_chart


@pytest.mark.parametrize(
    ("before", "after", "better", "words"),
    [
        (12.2, 14.2, "lower", "rose from 12.2 ms before the change to 14.2 ms after it, a regression"),
        (14.2, 12.2, "lower", "fell from 12.2 ms before the change to 14.2 ms after it, an improvement"),
        (12.2, 14.2, "higher", "rose from 12.2 ms before the change to 14.2 ms after it, an improvement"),
        (12.2, 14.2, "none", "rose from 12.2 ms before the change to 14.2 ms after it;"),
        (12.2, 12.2, "lower", "stayed at 14.2 ms"),
    ],
)
def test_alt_text_says_what_one_sees(before: float, after: float, better: str, words: str) -> None:
    """Direction and judgement follow the medians and what is better."""
    chart = replace(sample_chart(), before_median=before, after_median=after, better=better)  # type: ignore[arg-type]
    assert words in chart_alt_text(chart)


def test_a_refuted_change_is_neither_a_rise_nor_a_fall() -> None:
    """It was told, and did not hold: its picture may not say otherwise."""
    refuted = replace(sample_chart(), is_refuted=True)
    told = chart_alt_text(refuted)
    assert "the median is 12.2 ms before a change that was refuted, and 14.2 ms after it;" in told
    assert "the interval of what is left of it is +11.5 % to +18.0 %" in told
    assert not re.search(r"rose|fell|regression|improvement", told)
    picture = render_chart(refuted)
    assert "refuted change of 8 Sep 2026" in picture and "Refuted change of 2026-09-08 00:00 UTC" in picture
    assert ">changed" not in picture.lower() and "interval of the change" not in picture.lower()


def test_moments_and_days_are_told_in_utc_and_in_english() -> None:
    """Half past midnight in Berlin is a day earlier; the picture may not depend on where it is drawn."""
    berlin = datetime(2026, 9, 9, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert moment(berlin) == "2026-09-08 22:30 UTC" and day(berlin, year=True) == "8 Sep 2026"
    before = locale.setlocale(locale.LC_TIME)
    try:
        for known in ("de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"):
            with suppress(locale.Error):
                locale.setlocale(locale.LC_TIME, known)
            assert day(datetime(2026, 5, 9, tzinfo=UTC), year=False) == "9 May"
    finally:
        locale.setlocale(locale.LC_TIME, before)


def test_alt_text_holds_no_number_of_its_own() -> None:
    """Every number in it is a claim, so it may only repeat the labels that it was given."""
    chart = replace(sample_chart(), title="decode", before_label="BEFORE", after_label="AFTER")
    chart = replace(chart, interval=ChartInterval(13.6, 14.4, "LOW to HIGH"))
    assert not re.search(r"\d", chart_alt_text(chart))
    assert not re.search(r"\d", chart_alt_text(replace(chart, before_median=None)))


def test_alt_text_states_the_interval_in_the_labels_words() -> None:
    """Who does not see the band reads it, whether or not both medians are known."""
    for chart in (sample_chart(), replace(sample_chart(), before_median=None)):
        assert "; the interval of the change is +11.5 % to +18.0 %;" in chart_alt_text(chart)


def test_alt_text_says_that_there_is_no_interval() -> None:
    """A band that is missing is told."""
    assert "; no interval of the change is shown;" in chart_alt_text(replace(sample_chart(), interval=None))
