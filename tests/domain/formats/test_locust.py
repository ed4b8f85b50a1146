"""Locust's statistics."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.formats.registry import read_report
from muse_domain.measurements import Measurement, Quality, ReportRefused
from tests.domain.formats.test_registry import assert_sound, read_or_refuse

Runs = Callable[[object], dict[str, Measurement]]

HEADER = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,"
    "Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
)
OLD = (
    '"Type","Name","# requests","# failures","Median response time","Average response time","Min response time",'
    '"Max response time","Average Content Size","Requests/s","Requests Failed/s","50%","66%","75%","80%","90%","95%",'
    '"98%","99%","99.9%","99.99%","99.999","100%"'
)
OLDEST = (
    '"Method","Name","# requests","# failures","Median response time","Average response time","Min response time",'
    '"Max response time","Average Content Size","Requests/s"'
)
TIMES = "110,115.5,80.25,304.5,1024.5,20.5,0.0,110,120,130,140,180,220,250,280,300,300,300"
TOTAL = f",Aggregated,400,0,{TIMES}"
EXAMPLE = (Path(__file__).parent / "examples" / "locust.csv").read_text()


def table(*lines: str, header: str = HEADER, total: str = TOTAL) -> str:
    return "\r\n".join([header, *lines, total]) + "\r\n"


def test_a_line_is_a_benchmark_and_the_sum_another(runs_of: Runs) -> None:
    """Named by the request's type and name."""
    runs = runs_of(table(f"GET,/a,200,0,{TIMES}", f'POST,"/b, c",200,0,{TIMES}'))
    assert list(runs) == ["GET /a", "POST /b, c", "Aggregated"]
    assert runs["Aggregated"].n_samples == 400


def test_times_are_milliseconds(runs_of: Runs) -> None:
    """The mean and the extremes are exact, the others rounded by Locust."""
    run = runs_of(table(f"GET,/a,200,0,{TIMES}"))["GET /a"]
    assert (run.latency_mean_ms, run.latency_min_ms, run.latency_max_ms) == (115.5, 80.25, 304.5)
    assert (run.latency_p50_ms, run.latency_p95_ms, run.latency_p99_ms) == (110, 220, 280)
    assert run.ts is None and run.commit_sha is None and run.quality is Quality.OK
    assert {m.name: m.value for m in run.metrics}["requests_per_sec"] == 20.5


def test_a_percentile_rounded_above_the_maximum_is_left_out(runs_of: Runs) -> None:
    """147.3 is 150 to Locust, which contradicts no measurement."""
    line = "GET,/a,200,0,120,121.5,80.5,147.3,0,20.5,0,120,120,130,130,140,150,150,150,150,150,150"
    run = runs_of(table(line))["GET /a"]
    assert run.latency_p95_ms is None and "rounded" in run.null_reasons["latency_p95_ms"]
    assert run.latency_p50_ms == 120 and run.quality is Quality.OK


def test_whole_milliseconds_are_too_coarse_for_fast_answers(runs_of: Runs) -> None:
    """A median of 1.6 ms that becomes one of 1.4 is 2 and then 1 to Locust: kept, and never compared."""
    line = "GET,/a,200,0,2,2.8,1.5,75.1,284,20.5,0.0,2,2,3,3,4,5,8,14,20,75,75"
    run = runs_of(table(line))["GET /a"]
    assert run.latency_mean_ms == 2.8 and run.latency_p99_ms == 14
    assert run.latency_p50_ms is None and run.latency_p95_ms is None
    assert "whole milliseconds are too coarse" in run.null_reasons["latency_p95_ms"]
    rounded = [(m.name, m.value, m.better) for m in run.metrics if "rounded" in m.name]
    assert rounded == [("latency_p50_rounded_ms", 2, "none"), ("latency_p95_rounded_ms", 5, "none")]


def test_the_only_answer_is_its_median(runs_of: Runs) -> None:
    """Locust holds the median within minimum and maximum: what has a fraction is one of them, to the digit."""
    line = "GET,/a,1,0,4.25,4.25,4.25,4.25,284,20.5,0.0,4,4,4,4,4,4,4,4,4,4,4"
    assert runs_of(table(line))["GET /a"].latency_p50_ms == 4.25


def test_percentiles_of_other_requests_are_left_out(runs_of: Runs) -> None:
    """Locust 0.13.3 took those of the last ten seconds."""
    line = "GET,/a,200,0,110,115.5,80,9000,0,20.5,0,100,100,100,100,100,100,100,100,100,100,100"
    run = runs_of(table(line))["GET /a"]
    assert run.latency_p95_ms is None and "other requests" in run.null_reasons["latency_p95_ms"]
    assert run.latency_p50_ms == 110


def test_failed_requests_flag_and_quarantine(runs_of: Runs) -> None:
    """Their times are in the line."""
    runs = runs_of(table(f"GET,/a,200,20,{TIMES}", f"GET,/b,200,200,{TIMES}"))
    assert runs["GET /a"].quality_reasons == ("20 of 200 requests failed",)
    assert runs["GET /b"].quality is Quality.QUARANTINED


def test_nothing_requested_is_quarantined(runs_of: Runs) -> None:
    """Locust writes zeros and N/A."""
    empty = "0,0,0,0,0,0,0,0.0,0.0" + ",N/A" * 11
    run = runs_of(table(total=f",Aggregated,{empty}"))["Aggregated"]
    assert run.quality is Quality.QUARANTINED and run.latency_mean_ms is None


def test_a_minimum_of_zero_is_none(runs_of: Runs) -> None:
    """Or one that was rounded to it, before 1.0: no reason to quarantine the run."""
    run = runs_of(table(f"GET,/a,200,0,{TIMES}".replace("80.25", "0")))["GET /a"]
    assert run.latency_min_ms is None and run.quality is Quality.OK


@pytest.mark.parametrize(
    ("header", "kind", "times"),
    [
        (OLD, "None", "110,115,80,304,1024,20.50,0.00,110,120,130,140,180,220,250,280,300,300,300,300"),
        (OLDEST, "None", "110,115,80,304,1024,20.50"),
    ],
)
def test_older_column_names_are_known(runs_of: Runs, header: str, kind: str, times: str) -> None:
    """Before 1.0, and before percentiles stood in the same table."""
    name = "Total" if header == OLDEST else "Aggregated"
    runs = runs_of(table(f'"GET","/a",200,0,{times}', header=header, total=f'"{kind}","{name}",200,0,{times}'))
    assert list(runs) == ["GET /a", name]
    assert runs["GET /a"].latency_mean_ms == 115 and runs["GET /a"].n_samples == 200
    assert (runs["GET /a"].latency_p95_ms is None) == (header == OLDEST)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,100%,Total Request Count", "history"),
        ('"Type","Name","Timestamp","# requests","# failures","Requests/s","Average response time"', "history"),
        ("Method,Name,Error,Occurrences,First Seen,Last Seen", "failures"),
        ("Count,Message,Traceback,Nodes", "exceptions"),
        ('"Name","# requests","50%","66%","100%"', "distribution"),
    ],
)
def test_other_tables_are_refused_by_name(header: str, what: str) -> None:
    """They state no result of a whole test."""
    with pytest.raises(ReportRefused, match=what) as refused:
        read_report("a.csv", f"{header}\n".encode())
    assert "_stats.csv" in refused.value.remedy


def test_a_table_without_its_sum_is_cut() -> None:
    """The sum is always the last line."""
    whole = table(f"GET,/a,200,0,{TIMES}")
    for end in range(len(HEADER), len(whole) - len("300\r\n")):
        with pytest.raises(ReportRefused, match="cut"):
            read_report("a.csv", whole[:end].encode())


def test_a_bad_line_does_not_drop_the_others() -> None:
    """It is refused by its number, or by its name."""
    reading = read_report("a.csv", table(f"GET,/a,many,0,{TIMES}", "a,b,c" + ",1" * 30).encode())
    assert [refusal.item for refusal in reading.refusals] == ["line 3", "GET /a"]
    assert [run.benchmark for run in reading.measurements] == ["Aggregated"]


def test_secrets_of_an_address_are_masked(runs_of: Runs) -> None:
    """Locust names a request by its address unless the script says otherwise."""
    runs = runs_of(table(f"GET,https://jane:pw@example.org/a?access_token=s3cret&q=1,200,0,{TIMES}"))
    assert next(iter(runs)) == "GET https://<credentials>@example.org/a?access_token=<secret>&q=1"


@given(st.integers(0, len(EXAMPLE)), st.integers(0, 60), st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_no_change_crashes_the_reader(start: int, length: int, text: str) -> None:
    """A table with any stretch replaced is read soundly or refused."""
    reading = read_or_refuse((EXAMPLE[:start] + text + EXAMPLE[start + length :]).encode("utf-8", "replace"))
    if reading is not None:
        assert_sound(reading)
