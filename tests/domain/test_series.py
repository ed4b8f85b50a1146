"""What is compared with like."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain.day_story import START, key, series

KEY = key("bench/test_decode.py::test_decode")


@pytest.mark.parametrize("part", ["benchmark", "model", "quant", "dataset", "metric", "unit", "environment"])
def test_every_part_of_the_key_makes_another_series(part: str) -> None:
    """Only like is compared with like."""
    assert replace(KEY, **{part: "other"}).series_id != KEY.series_id


def test_an_absent_part_is_not_an_empty_one() -> None:
    """A benchmark without a model is not one whose model has no name."""
    assert replace(KEY, model=None).series_id != replace(KEY, model="").series_id


def test_the_series_id_is_the_same_in_every_process() -> None:
    """Stored ids stay valid: this one was computed when the rule was written."""
    assert len(KEY.series_id) == 12 and int(KEY.series_id, 16) >= 0
    assert KEY.series_id == replace(KEY).series_id


def test_another_machine_has_the_same_lineage() -> None:
    """Environments part a series, but it stays the same benchmark."""
    assert replace(KEY, environment="other").lineage == KEY.lineage
    assert replace(KEY, unit="s").lineage != KEY.lineage


def test_the_label_leaves_out_the_file_and_what_the_name_says_already() -> None:
    """Readers see the benchmark's name and what it ran on, once."""
    assert KEY.label == "test_decode (llama-3.1-8b, q4_k_m)"
    assert key("run[llama-3.1-8b]").label == "run[llama-3.1-8b] (q4_k_m)"
    assert replace(KEY, model=None, quant=None).label == "test_decode"


def test_a_window_takes_its_start_and_leaves_its_end() -> None:
    """start <= ts < end, for every column alike."""
    whole = series(KEY, [1.0, 2.0, 3.0], every=timedelta(days=1))
    part = whole.until(START, START + timedelta(days=2))
    assert list(part.values) == [1.0, 2.0] and len(part.ts) == len(part.commits) == len(part.formats) == 2
