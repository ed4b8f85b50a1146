"""The honesty rules, one by one."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric, Quality
from muse_domain.quality import assess, flag, quarantine

SOUND = Measurement(
    benchmark="b",
    suite="s",
    latency_mean_ms=2.0,
    latency_p50_ms=1.9,
    latency_p95_ms=2.8,
    latency_p99_ms=2.9,
    latency_min_ms=1.0,
    latency_max_ms=3.0,
    latency_std_ms=0.5,
    n_samples=200,
)


def assert_quarantined(run: Measurement, reason: str) -> None:
    assessed = assess(run)
    assert assessed.quality is Quality.QUARANTINED
    assert any(reason in stated for stated in assessed.quality_reasons), assessed.quality_reasons


def assert_flagged(run: Measurement, reason: str) -> None:
    assessed = assess(run)
    assert assessed.quality is Quality.FLAGGED
    assert any(reason in stated for stated in assessed.quality_reasons), assessed.quality_reasons


def test_a_sound_run_is_ok() -> None:
    """A run without contradictions is unchanged."""
    assert assess(SOUND) == SOUND


@pytest.mark.parametrize("mean", [0.9, 3.1])
def test_a_mean_outside_the_extremes_is_quarantined(mean: float) -> None:
    """A mean below the minimum or above the maximum cannot be true."""
    assert_quarantined(replace(SOUND, latency_mean_ms=mean), "latency_mean_ms")


def test_rounding_is_no_contradiction() -> None:
    """A mean above the maximum by the last binary digit is rounding, not a contradiction."""
    value = 0.1 + 0.2
    run = Measurement("b", "s", latency_mean_ms=value, latency_min_ms=0.3, latency_max_ms=0.3, n_samples=9)
    assert assess(run).quality is Quality.OK


def test_a_mean_above_the_maximum_alone_is_quarantined() -> None:
    """One stated bound is enough for a contradiction."""
    run = Measurement("b", "s", latency_mean_ms=5.0, latency_max_ms=4.0)
    assert_quarantined(run, "outside")


def test_a_minimum_above_the_maximum_is_quarantined() -> None:
    """Extremes that are swapped cannot be true."""
    assert_quarantined(replace(SOUND, latency_min_ms=4.0), "latency_min_ms 4 is above")


def test_percentiles_out_of_order_are_quarantined() -> None:
    """p95 is not above p99."""
    assert_quarantined(replace(SOUND, latency_p95_ms=2.95), "latency_p95_ms 2.95 is above")


def test_percentiles_out_of_order_are_found_across_a_gap() -> None:
    """p50 is compared with p99 when p95 is not stated."""
    run = replace(SOUND, latency_p50_ms=2.95, latency_p95_ms=None)
    assert_quarantined(run, "latency_p50_ms 2.95 is above")


@pytest.mark.parametrize("column", ["latency_mean_ms", "latency_p95_ms", "latency_min_ms"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_zero_and_negative_times_are_quarantined(column: str, value: float) -> None:
    """Nothing takes no time: a mean of 0.0 is a failure that was stored as a measurement."""
    assert_quarantined(Measurement("b", "s", **{column: value}), f"{column} is")


def test_a_time_below_a_microsecond_is_a_time() -> None:
    """Small is not zero."""
    assert assess(Measurement("b", "s", latency_mean_ms=4e-7)).quality is Quality.OK


def test_nothing_completed_is_quarantined() -> None:
    """A run of zero samples measured nothing."""
    assert_quarantined(replace(SOUND, n_samples=0), "nothing completed")


def test_a_run_without_any_value_is_quarantined() -> None:
    """A run that states no value is kept, to show that it failed, and never used."""
    assert_quarantined(Measurement("b", "s"), "no value")


def test_zero_tokens_in_real_time_are_quarantined() -> None:
    """0 tokens a second is a failure to parse, stored as a measurement."""
    assert_quarantined(replace(SOUND, tokens_per_sec=0.0), "tokens_per_sec is 0")


def test_impossible_memory_and_cost_are_quarantined() -> None:
    """A program uses memory, and costs are not negative."""
    assert_quarantined(replace(SOUND, memory_peak_mb=0.0), "memory_peak_mb")
    assert_quarantined(replace(SOUND, cost_per_1k=-0.1), "cost_per_1k")
    assert assess(replace(SOUND, cost_per_1k=0.0)).quality is Quality.OK


def test_a_negative_time_among_the_further_metrics_is_quarantined() -> None:
    """A time is not negative wherever it stands; a metric of zero may be true."""
    assert_quarantined(replace(SOUND, metrics=(Metric("load_ms", -1.0, "ms"),)), "load_ms")
    assert assess(replace(SOUND, metrics=(Metric("load_ms", 0.0, "ms"),))).quality is Quality.OK


def test_infinities_leave_the_row_with_a_reason() -> None:
    """What cannot be stored or compared becomes null with its reason, and the run is quarantined."""
    assessed = assess(replace(SOUND, latency_max_ms=math.inf, metrics=(Metric("m", math.nan, "x"),)))
    assert assessed.quality is Quality.QUARANTINED
    assert assessed.latency_max_ms is None
    assert "latency_max_ms" in assessed.null_reasons
    assert assessed.metrics == ()


def test_a_deviation_above_the_mean_is_flagged() -> None:
    """Such a benchmark is too unstable to compare without a warning."""
    assert_flagged(replace(SOUND, latency_std_ms=6.0), "unstable")


@pytest.mark.parametrize(
    ("samples", "warnings"),
    [
        (4, ("p50 stated from only 4 samples", "p95", "p99")),
        (10, ("p95 stated from only 10 samples", "p99 stated from only 10 samples")),
        (20, ("p99 stated from only 20 samples",)),
        (100, ()),
    ],
)
def test_percentiles_from_too_few_samples_are_flagged(samples: int, warnings: tuple[str, ...]) -> None:
    """A stated percentile is kept, and its reader is told from how few samples it comes."""
    assessed = assess(replace(SOUND, n_samples=samples))
    assert assessed.latency_p99_ms == SOUND.latency_p99_ms
    assert len(assessed.quality_reasons) == len(warnings)
    assert all(said.startswith(due) for said, due in zip(assessed.quality_reasons, warnings, strict=True))


def test_one_sample_is_flagged() -> None:
    """A single measurement says nothing about its spread."""
    assert_flagged(Measurement("b", "s", latency_mean_ms=1.0, n_samples=1), "only one sample")


def test_what_a_reader_found_is_kept_and_the_worst_wins() -> None:
    """A warning never lifts a quarantine, and each reason is told once."""
    run = flag(quarantine(SOUND, "failed"), "cold", "cold")
    assert run.quality is Quality.QUARANTINED
    assert run.quality_reasons == ("failed", "cold")
    assert assess(run).quality_reasons == ("failed", "cold")


def test_no_reason_changes_nothing() -> None:
    """A run without findings is the same run."""
    assert quarantine(flag(SOUND)) is SOUND


values = st.none() | st.floats() | st.sampled_from([0.0, 1.0, 2.0])


@given(st.fixed_dictionaries(dict.fromkeys(METRIC_COLUMNS, values)), st.none() | st.integers())
def test_assessing_never_invents_and_is_stable(columns: dict[str, float | None], samples: int | None) -> None:
    """For any values: a second look changes nothing, and no column holds a value that it did not hold."""
    run = Measurement("b", "s", n_samples=samples, **columns)
    assessed = assess(run)
    assert assess(assessed) == assessed
    for column in METRIC_COLUMNS:
        assert getattr(assessed, column) is None or getattr(assessed, column) == columns[column]
    assert (assessed.quality is Quality.OK) == (not assessed.quality_reasons)
