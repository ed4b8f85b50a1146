"""k6's end-of-test summaries, in each of their shapes."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.formats.registry import read_report
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Quality, ReportRefused
from tests.domain.formats.test_registry import assert_sound, json_values, paths, read_or_refuse

Runs = Callable[[object], dict[str, Measurement]]

TREND = {"avg": 120.5, "min": 80.5, "med": 115.5, "max": 410.5, "p(90)": 180.5, "p(95)": 210.5}
GROUP: dict[str, object] = {"name": "", "path": "", "id": "d41d", "groups": {}, "checks": {}}


def exported(**metrics: object) -> dict[str, Any]:
    """What `--summary-export` writes."""
    stated = {
        "http_req_duration": TREND,
        "http_reqs": {"count": 200, "rate": 20.5},
        "http_req_failed": {"value": 0, "passes": 0, "fails": 200},
    }
    return {"root_group": GROUP, "metrics": stated | metrics}


def handled(**metrics: object) -> dict[str, Any]:
    """What `handleSummary` is given."""
    stated = {"http_req_duration": {"type": "trend", "contains": "time", "values": TREND}}
    state = {"testRunDurationMs": 10012.5}
    return {"root_group": GROUP, "options": {}, "state": state, "setup_data": "secret", "metrics": stated | metrics}


MACHINE_READABLE: dict[str, Any] = {
    "config": {"duration": 10.5, "execution": "local", "script": "file:///home/jane/load/checkout.js"},
    "metadata": {"generated_at": "2026-03-07T13:40:20.403009123+01:00", "k6_version": "1.5.0"},
    "results": {
        "checks": {
            "metrics": [{"name": "checks_failed", "type": "rate", "contains": "default", "values": {"rate": 0}}]
        },
        "metrics": [
            {
                "name": "http_req_duration",
                "type": "trend",
                "contains": "time",
                "values": {"avg": 120.5, "min": 80.5, "med": 115.5, "max": 410.5, "p90": 180.5, "p95": 210.5},
            },
            {"name": "http_reqs", "type": "counter", "contains": "default", "values": {"count": 200}},
        ],
    },
    "version": "1.0.0",
}


def metrics(run: Measurement) -> dict[str, float]:
    return {metric.name: metric.value for metric in run.metrics}


def test_a_trend_of_times_is_a_benchmark(runs_of: Runs) -> None:
    """All shapes state the same values, in ms."""
    for report in (exported(), handled(), MACHINE_READABLE):
        run = next(iter(runs_of(report).values()))
        assert (run.latency_mean_ms, run.latency_p50_ms, run.latency_p95_ms) == (120.5, 115.5, 210.5)
        assert (run.latency_min_ms, run.latency_max_ms, run.latency_p99_ms) == (80.5, 410.5, None)
        assert metrics(run)["latency_p90_ms"] == 180.5


def test_requests_are_the_samples_of_their_duration(runs_of: Runs) -> None:
    """A trend counts only where summaryTrendStats asks for it."""
    assert runs_of(exported())["http_req_duration"].n_samples == 200
    counted = exported(login={"avg": 1.5, "count": 50}, other={"avg": 1.5})
    assert runs_of(counted)["login"].n_samples == 50 and runs_of(counted)["other"].n_samples is None


def test_custom_trends_are_times_where_k6_says_so(runs_of: Runs) -> None:
    """The old export does not; a trend of sizes is never a latency."""
    time, size = ({"type": "trend", "contains": contains, "values": TREND} for contains in ("time", "default"))
    runs = runs_of(handled(login=time, basket=size))
    assert runs["login"].latency_mean_ms == 120.5 and runs["basket"].latency_mean_ms is None
    assert {m.unit for m in runs["basket"].metrics} == {"not stated"}
    old = runs_of(exported(login=TREND))["login"]
    assert old.latency_mean_ms is None and "does not say" in old.null_reasons["latency_mean_ms"]


def test_sub_metrics_are_benchmarks_of_their_own(runs_of: Runs) -> None:
    """Those of the successful requests, or of one address, without its secrets."""
    name = "http_req_duration{url:https://jane:pw@example.org/?api_key=s3cret&page=2}"
    runs = runs_of(exported(**{name: TREND, "http_req_duration{expected_response:true}": TREND}))
    assert "http_req_duration{expected_response:true}" in runs
    assert "http_req_duration{url:https://<credentials>@example.org/?api_key=<secret>&page=2}" in runs


def test_phases_of_a_request_belong_to_it(runs_of: Runs) -> None:
    """Zero for a connection that was open is no impossible time."""
    zeros = dict.fromkeys(TREND, 0)
    runs = runs_of(exported(http_req_connecting=zeros, http_req_waiting=TREND))
    assert list(runs) == ["http_req_duration"]
    assert metrics(runs["http_req_duration"])["http_req_waiting_mean_ms"] == 120.5
    assert runs["http_req_duration"].quality is Quality.OK


def test_a_minimum_of_zero_is_no_time(runs_of: Runs) -> None:
    """A request that found no connection took 0; a trend of nothing but zeros is quarantined all the same."""
    run = runs_of(exported(http_req_duration=TREND | {"min": 0}))["http_req_duration"]
    assert run.latency_min_ms is None and "never sent" in run.null_reasons["latency_min_ms"]
    assert run.quality is Quality.OK
    zeros = runs_of(exported(http_req_duration=dict.fromkeys(TREND, 0)))["http_req_duration"]
    assert zeros.quality is Quality.QUARANTINED


def test_counters_and_rates_belong_to_the_test(runs_of: Runs) -> None:
    """To the run of its iterations, or to one of their own."""
    more = {"checks": {"value": 0.75, "passes": 3, "fails": 1}, "data_sent": {"count": 10, "rate": 1.5}}
    runs = runs_of(exported(iteration_duration=TREND, **more))
    assert metrics(runs["iteration_duration"])["checks_rate"] == 0.75
    alone = runs_of(exported(**more))["whole test"]
    assert {(m.name, m.unit) for m in alone.metrics} >= {("data_sent_count", "B"), ("data_sent_per_sec", "B/s")}
    assert all(getattr(alone, column) is None for column in METRIC_COLUMNS)


def test_failed_requests_flag_and_quarantine(runs_of: Runs) -> None:
    """A part, or all of them, by k6's own count."""
    some = runs_of(exported(http_req_failed={"value": 0.25, "passes": 50, "fails": 150}))["http_req_duration"]
    assert some.quality_reasons == ("25.000% of the requests failed",)
    every = runs_of(exported(http_req_failed={"value": 1, "passes": 200, "fails": 0}))["http_req_duration"]
    assert every.quality is Quality.QUARANTINED


def test_metrics_of_the_browser_are_known_by_name(runs_of: Runs) -> None:
    """The old export says neither what is a time nor what are bytes; the layout's shift is a score."""
    stated = {name: TREND for name in ("browser_web_vital_lcp", "browser_web_vital_cls", "browser_http_req_duration")}
    sent = {"browser_data_sent": {"count": 10, "rate": 1.5}}
    failed = {"browser_http_req_failed": {"value": 1, "passes": 7, "fails": 0}}
    runs = runs_of(exported(**stated, **sent, **failed))
    assert runs["browser_web_vital_lcp"].latency_mean_ms == 120.5
    assert runs["browser_web_vital_cls"].latency_mean_ms is None
    assert {m.unit for m in runs["whole test"].metrics} == {"B", "B/s"}
    assert "all requests failed" in runs["browser_http_req_duration"].quality_reasons
    assert runs["http_req_duration"].quality is Quality.OK


def test_iterations_of_nothing_but_failures_are_no_measurement(runs_of: Runs) -> None:
    """A server that is down answers fast; what does not ask it by HTTP is not concerned."""
    stated = {"iteration_duration": TREND, "group_duration": TREND, "login": TREND, "grpc_req_duration": TREND}
    runs = runs_of(exported(http_req_failed={"value": 1, "passes": 200, "fails": 0}, **stated))
    quality = {name: run.quality for name, run in runs.items()}
    assert quality.pop("grpc_req_duration") is Quality.OK
    assert set(quality.values()) == {Quality.QUARANTINED}
    partly = runs_of(exported(http_req_failed={"value": 0.5, "passes": 100, "fails": 100}, **stated))
    assert partly["iteration_duration"].quality is Quality.OK


@pytest.mark.parametrize(
    "report",
    [
        exported(checks={"value": 0.75, "passes": 300, "fails": 100}),
        handled(checks={"type": "rate", "contains": "default", "values": {"rate": 0.75, "passes": 300, "fails": 100}}),
    ],
)
def test_failed_checks_flag_the_run_that_counts_them(runs_of: Runs, report: dict[str, Any]) -> None:
    """A wrong answer may be a fast one; k6 itself fails no test for it."""
    run = runs_of(report)["whole test"]
    assert run.quality is Quality.FLAGGED and run.quality_reasons == ("25.000% of the checks failed",)


def test_checks_that_all_held_say_nothing(runs_of: Runs) -> None:
    """A rate of 1 is what is expected of them."""
    run = runs_of(exported(checks={"value": 1, "passes": 400, "fails": 0}))["whole test"]
    assert run.quality is Quality.OK


def test_the_zero_rates_of_old_versions_are_left_out(runs_of: Runs) -> None:
    """Before 0.30 the export wrote 0 for each rate."""
    run = runs_of(exported(http_req_failed={"value": 0, "passes": 50, "fails": 150}))["http_req_duration"]
    assert "http_req_failed_rate" not in metrics(run)


@pytest.mark.parametrize(
    "report",
    [
        exported(checks={"value": 0, "passes": 0, "fails": 0, "thresholds": {"rate>0.9": False}}),
        handled(checks={"type": "rate", "contains": "default", "values": {"rate": 0, "passes": 0, "fails": 0}}),
        MACHINE_READABLE
        | {
            "results": {
                "checks": {
                    "metrics": [
                        {"name": "checks_succeeded", "type": "rate", "values": {"matches": 0, "total": 0, "rate": 0}}
                    ]
                },
                "metrics": [{"name": "vus", "type": "gauge", "values": {"max": 3, "min": 1, "value": 2}}],
            }
        },
    ],
)
def test_a_rate_without_values_is_none(runs_of: Runs, report: dict[str, Any]) -> None:
    """A threshold on checks that never ran brings them into the summary as 0: not one of them failed."""
    run = next(run for name, run in runs_of(report).items() if name.endswith("whole test"))
    assert not any("checks" in name for name in metrics(run))
    assert not any("checks failed" in reason for reason in run.quality_reasons)


def test_a_trend_of_zeros_may_be_one_of_nothing(runs_of: Runs) -> None:
    """A time is never 0, but a size may be: flagged, where nobody can tell."""
    run = runs_of(exported(basket=dict.fromkeys(TREND, 0)))["basket"]
    assert run.quality is Quality.FLAGGED and "nothing but zeros" in run.quality_reasons[0]


def test_a_test_without_an_iteration_is_quarantined(runs_of: Runs) -> None:
    """Nothing happened; the rate of 0 is no slow test."""
    run = runs_of(exported(iterations={"count": 0, "rate": 0}))["whole test"]
    assert run.quality is Quality.QUARANTINED and "no iteration completed" in run.quality_reasons


def test_a_trend_states_what_it_was_asked_for(runs_of: Runs) -> None:
    """summaryTrendStats may leave out mean and median; a gauge has extremes beside its value."""
    some = {"http_req_duration": {"min": 80.5, "max": 410.5}, "login": {"count": 7, "max": 3.5}}
    runs = runs_of(exported(**some, vus={"value": 2, "min": 1, "max": 3}))
    assert (runs["http_req_duration"].latency_min_ms, runs["http_req_duration"].latency_max_ms) == (80.5, 410.5)
    assert runs["login"].n_samples == 7 and metrics(runs["login"]) == {"max": 3.5}
    assert metrics(runs["whole test"]) == {"vus": 2}


def test_true_at_a_threshold_of_the_export_means_failed(runs_of: Runs) -> None:
    """The newer shapes say `ok` instead."""
    old = runs_of(exported(http_req_duration=TREND | {"thresholds": {"p(95)<200": True, "avg<500": False}}))
    assert old["http_req_duration"].quality_reasons == ("threshold failed: http_req_duration p(95)<200",)
    trend = {"type": "trend", "contains": "time", "values": TREND}
    new = handled(http_req_duration=trend | {"thresholds": {"p(95)<200": {"ok": False}, "avg<500": {"ok": True}}})
    assert runs_of(new)["http_req_duration"].quality_reasons == old["http_req_duration"].quality_reasons


def test_the_machine_readable_summary_has_a_time_and_a_script(runs_of: Runs) -> None:
    """Of the script only its file name."""
    runs = runs_of(MACHINE_READABLE)
    run = runs["checkout.js: http_req_duration"]
    assert run.ts is not None and run.ts.isoformat() == "2026-03-07T12:40:20.403009+00:00"
    assert run.environment == {"k6_version": "1.5.0", "execution": "local"}
    assert metrics(runs["checkout.js: whole test"]) == {"checks_failed_rate": 0.0}
    assert "jane" not in str(runs)


def test_nothing_of_the_setup_is_kept(runs_of: Runs) -> None:
    """It may hold tokens."""
    assert "secret" not in str(runs_of(handled()))


def test_a_metric_without_values_is_refused_alone() -> None:
    """The others stay."""
    reading = read_report("a.json", json.dumps(exported(a=[1], b={"c": 1})).encode())
    assert [refusal.item for refusal in reading.refusals] == ["a", "b"]
    assert [run.benchmark for run in reading.measurements] == ["http_req_duration"]


def test_a_stream_of_samples_is_refused_by_name() -> None:
    """The message says which file to ingest."""
    lines = [
        {"type": "Metric", "data": {"name": "http_reqs", "type": "counter"}, "metric": "http_reqs"},
        {"type": "Point", "data": {"time": "2026-03-07T13:40:20Z", "value": 1, "tags": None}, "metric": "http_reqs"},
    ]
    with pytest.raises(ReportRefused, match="--summary-export"):
        read_report("a.json", "\n".join(map(json.dumps, lines)).encode())


@given(st.data(), st.sampled_from(["exported", "handled", "machine-readable"]))
@settings(max_examples=300, deadline=None)
def test_no_change_of_any_shape_crashes_the_reader(data: st.DataObject, shape: str) -> None:
    """Any part replaced by anything."""
    summaries = {"exported": exported(), "handled": handled(), "machine-readable": MACHINE_READABLE}
    changed: Any = copy.deepcopy(summaries[shape])
    path = data.draw(st.sampled_from(list(paths(changed))))
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = data.draw(json_values)
    reading = read_or_refuse(json.dumps(changed).encode())
    if reading is not None:
        assert_sound(reading)
