"""Measurements, and what names their environment."""

from dataclasses import replace

from muse_domain.measurements import Measurement, Metric, Quality, changed, environment_fingerprint

RUN = Measurement("b", "s", model="m", metrics=(Metric("loss", 0.5, "ratio"),), environment={"os": "Linux"})


def test_a_changed_measurement_is_what_replace_makes() -> None:
    """Every other field is kept, and the first one stays as it is."""
    values = {"quality": Quality.FLAGGED, "latency_mean_ms": 0.796, "null_reasons": {"ts": "none"}}
    assert changed(RUN, **values) == replace(RUN, **values)
    assert RUN.latency_mean_ms is None


def test_an_environment_is_named_by_its_facts_in_any_order() -> None:
    """The same machine has one name, whichever report states it; none where nothing is stated."""
    first, second = {"os": "Linux", "cpu": "Xeon"}, {"cpu": "Xeon", "os": "Linux"}
    assert environment_fingerprint(first) == environment_fingerprint(second) != environment_fingerprint({"os": "Linux"})
    assert environment_fingerprint({}) is None
