"""Percentiles and the reasons of empty columns."""

import math
import statistics

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.formats.columns import (
    deviation,
    percentile,
    percentile_columns,
    sample_columns,
    stated_columns,
    with_columns,
)
from muse_domain.measurements import METRIC_COLUMNS, Measurement

samples = st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=50)
usable = st.lists(st.floats(min_value=-1e100, max_value=1e100), min_size=2, max_size=20)
near = st.builds(
    lambda first, steps: [first + math.ulp(first) * step for step in steps],
    st.floats(min_value=1e-6, max_value=1e6),
    st.lists(st.integers(0, 9), min_size=2, max_size=9),
)


@given(usable | near)
def test_the_deviation_is_that_of_the_standard_library(values: list[float]) -> None:
    """To the last bit, whatever can be a sample: values that are alike, or nearly, are where rounding shows."""
    assert deviation(values) == statistics.stdev(values)


@given(samples, st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_are_numpys_linear_ones(values: list[float], share: float) -> None:
    """The documented method is numpy's default: linear interpolation."""
    assert math.isclose(percentile(values, share), float(numpy.percentile(values, share * 100)), rel_tol=1e-9)


@given(samples)
def test_a_percentile_lies_between_the_samples(values: list[float]) -> None:
    """Interpolation never leaves what was measured."""
    assert min(values) <= percentile(values, 0.95) <= max(values)


@pytest.mark.parametrize(
    ("size", "given_columns"),
    [
        (4, set()),
        (5, {"latency_p50_ms"}),
        (19, {"latency_p50_ms"}),
        (20, {"latency_p50_ms", "latency_p95_ms"}),
        (99, {"latency_p50_ms", "latency_p95_ms"}),
        (100, {"latency_p50_ms", "latency_p95_ms", "latency_p99_ms"}),
    ],
)
def test_a_percentile_needs_enough_samples(size: int, given_columns: set[str]) -> None:
    """p50 from 5, p95 from 20, p99 from 100; the others are null and say how many there were."""
    columns = percentile_columns([float(value) for value in range(1, size + 1)])
    assert set(columns.values) == given_columns
    for column in {"latency_p50_ms", "latency_p95_ms", "latency_p99_ms"} - given_columns:
        assert columns.reasons[column].startswith(f"{size} samples are too few")


def test_samples_give_mean_and_extremes() -> None:
    """Three samples have a mean, extremes and a deviation (n - 1), and no percentile."""
    columns = sample_columns([1.0, 2.0, 6.0])
    assert columns.values["latency_mean_ms"] == 3.0
    assert columns.values["latency_min_ms"] == 1.0
    assert columns.values["latency_max_ms"] == 6.0
    assert columns.values["latency_std_ms"] == pytest.approx(math.sqrt(7))
    assert "latency_p50_ms" not in columns.values


def test_no_samples_give_nothing() -> None:
    """Nothing is derived from nothing."""
    assert sample_columns([]).values == {}


def test_every_empty_column_has_a_reason() -> None:
    """A null without a reason does not leave a reader."""
    stated = stated_columns({"mean": 1.0, "p95": "fast"}, {"latency_mean_ms": "mean", "latency_p95_ms": "p95"})
    run = with_columns(Measurement("b", "s"), stated, why_null={"cost_per_1k": "not measured here"})
    assert run.latency_mean_ms == 1.0
    assert set(run.null_reasons) == {*METRIC_COLUMNS, "ts", "commit_sha"} - {"latency_mean_ms"}
    assert run.null_reasons["latency_p95_ms"] == "the report states p95 without a usable number"
    assert run.null_reasons["cost_per_1k"] == "not measured here"
