"""What `go test -bench` prints."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.formats.registry import read_report
from muse_domain.measurements import Measurement, Quality, ReportRefused
from tests.domain.formats.test_registry import assert_sound, read_or_refuse

Runs = Callable[[object], dict[str, Measurement]]

HEAD = "goos: linux\ngoarch: amd64\npkg: example.org/a\ncpu: Xeon\n"
END = "PASS\nok  \texample.org/a\t1.234s\n"
RESULT = "BenchmarkX-8   \t     100\t  12500 ns/op\t  512 B/op\t  3 allocs/op\n"


def output(*lines: str, head: str = HEAD, end: str = END) -> str:
    return head + "".join(f"{line}\n" for line in lines) + end


def events(text: str, package: str = "example.org/a", outcome: str = "pass") -> str:
    """The lines of `go test -json`; each result is split in two, as Go does."""
    times = (f"2026-03-07T13:40:{second % 60:02d}.123456789+01:00" for second in range(20, 10_000))
    lines = [{"Time": next(times), "Action": "start", "Package": package}]
    for line in text.splitlines(keepends=True):
        first, tab, rest = line.partition("\t")
        lines += [
            {"Time": next(times), "Action": "output", "Package": package, "Output": part}
            for part in (first + tab, rest)
            if part
        ]
    lines.append({"Time": next(times), "Action": outcome, "Package": package})
    return "\n".join(map(json.dumps, lines))


def only(runs: dict[str, Measurement]) -> Measurement:
    (run,) = runs.values()
    return run


def test_a_result_is_a_mean_of_its_iterations(runs_of: Runs) -> None:
    """Named by its package; allocations are metrics."""
    run = only(runs_of(output(RESULT)))
    assert run.benchmark == "example.org/a.BenchmarkX"
    assert run.latency_mean_ms == 0.0125 and run.n_samples == 100 and run.latency_min_ms is None
    assert [(m.name, m.value, m.better) for m in run.metrics] == [
        ("bytes_per_op", 512.0, "lower"),
        ("allocs_per_op", 3.0, "lower"),
    ]
    assert run.ts is None and run.commit_sha is None and run.quality is Quality.OK


def test_the_environment_is_the_head_and_the_processors(runs_of: Runs) -> None:
    """The number at the end of the name is that of the processors."""
    run = only(runs_of(output(RESULT)))
    assert run.environment == {"goos": "linux", "goarch": "amd64", "cpu": "Xeon", "procs": "8"}


def test_repetitions_are_one_run_of_means(runs_of: Runs) -> None:
    """With `-count` each line is a sample, and a mean of many calls: no percentiles."""
    lines = [f"BenchmarkX-8 {100 + index} {10000 + index * 100} ns/op" for index in range(5)]
    run = only(runs_of(output(*lines)))
    assert run.n_samples == 5 and run.latency_mean_ms == pytest.approx(0.0102)
    assert (run.latency_min_ms, run.latency_max_ms) == (0.01, 0.0104)
    assert run.latency_std_ms == pytest.approx(0.000158, rel=0.01)
    assert run.latency_p50_ms is None and "mean of several calls" in run.null_reasons["latency_p50_ms"]


def test_numbers_that_differ_belong_to_the_names(runs_of: Runs) -> None:
    """With one processor Go adds none; with several (`-cpu`) nobody can tell."""
    runs = runs_of(output("BenchmarkX/size-10 5 100 ns/op", "BenchmarkX/size-100 5 900 ns/op"))
    assert list(runs) == ["example.org/a.BenchmarkX/size-10", "example.org/a.BenchmarkX/size-100"]
    assert all("procs" not in run.environment for run in runs.values())


def test_other_units_are_metrics_without_direction(runs_of: Runs) -> None:
    """`B.ReportMetric`; the throughput is Go's own."""
    run = only(runs_of(output("BenchmarkX-8 5 100 ns/op 12.5 MB/s 3.5 hits/op")))
    assert [(m.name, m.unit, m.better) for m in run.metrics] == [
        ("throughput_mb_per_sec", "MB/s", "higher"),
        ("hits/op", "hits/op", "none"),
    ]
    assert run.tokens_per_sec is None


def test_a_stated_direction_is_that_of_the_metric(runs_of: Runs) -> None:
    """`Unit` holds for the whole output, for the unit in another scale, and for Go's own units."""
    runs = runs_of(
        output(
            "BenchmarkX-8 5 100 ns/op 900 p99-ns 3.5 hits/op 7 B/op 2 odd 4 per/ns",
            "Unit hits/op better=higher",
            "Unit p99-sec better=lower assume=nothing",
            "Unit B/op better=higher",
            "Unit odd better=sideways",
            "Unit per/sec better=higher",
            "Unit tests were run",
        )
    )
    assert [(m.name, m.better) for m in only(runs).metrics] == [
        ("p99-ns", "lower"),
        ("hits/op", "higher"),
        ("bytes_per_op", "higher"),
        ("odd", "none"),
        ("per/ns", "none"),
    ]
    assert only(runs).quality is Quality.OK and only(runs).latency_mean_ms == 0.0001


def test_what_contradicts_a_statement_of_a_unit_is_told(runs_of: Runs) -> None:
    """The first direction holds; what is exact has no repetitions that differ. Other benchmarks are not concerned."""
    units = ("Unit size-MB better=lower assume=exact", "Unit size-B better=higher", "Unit size-B better=lower")
    runs = runs_of(output(*units, "BenchmarkX-8 1 10 size-MB", "BenchmarkX-8 1 11 size-MB", "BenchmarkY-8 5 3 hits/op"))
    assert runs["example.org/a.BenchmarkX"].metrics[0].better == "lower"
    assert runs["example.org/a.BenchmarkX"].quality_reasons == (
        "Unit size-B better=higher: the output stated otherwise before, and that is read",
        "size-MB is stated to be exact, but its repetitions differ",
    )
    assert runs["example.org/a.BenchmarkY"].quality is Quality.OK


def test_results_under_several_settings_are_several_runs() -> None:
    """`key: value` holds for the results after it: the same name before and after a change is no repetition."""
    lines = ["BenchmarkX-8 5 100 ns/op", "BenchmarkX-8 5 102 ns/op"]
    text = output("note: before", *lines, "note: after", "BenchmarkX-8 5 200 ns/op", "BenchmarkY-8 5 7 ns/op")
    reading = read_report("a", text.encode())
    assert [
        (run.benchmark[-1], run.latency_mean_ms, run.environment.get("settings")) for run in reading.measurements
    ] == [
        ("X", 0.000101, "note=before"),
        ("X", 0.0002, "note=after"),
        ("Y", 0.000007, None),
    ]
    assert not reading.refusals and len({run.identity for run in reading.measurements}) == 3


@pytest.mark.parametrize(
    "between",
    [
        "runstamp: 20260307T134020",
        "start-time: 2026-03-07T13:40:20Z",
        "testing: warning: no tests to run",
        "coverage: 85.7% of statements",
        "info: listening on port 41234",
        "go: downloading example.org/b v1.0.0",
        "    note: printed by a test",
        "Note: no key of the format",
    ],
)
def test_what_says_nothing_of_how_it_was_run_leaves_repetitions_together(runs_of: Runs, between: str) -> None:
    """The moment of a repetition, Go's own messages, and other text."""
    run = only(runs_of(output("BenchmarkX-8 5 100 ns/op", between, "BenchmarkX-8 5 102 ns/op")))
    assert run.n_samples == 2 and run.identity is None


def test_a_log_is_no_configuration(runs_of: Runs) -> None:
    """Keys without end would make every result carry all of them; package and commit count however many there are."""
    log = [f"job{number}: done" for number in range(30_000)]
    runs = runs_of(output(*log, RESULT, head="", end="") + HEAD + RESULT + END)
    assert list(runs) == ["BenchmarkX", "example.org/a.BenchmarkX"]


def test_a_key_without_a_value_takes_the_setting_away(runs_of: Runs) -> None:
    """Results after "pkg:" are of no package, not of the one before; the order of the settings tells nothing."""
    again = ["pkg:", "BenchmarkY-8 5 7 ns/op", "pkg: example.org/a", "BenchmarkX-8 5 102 ns/op"]
    runs = runs_of(output("BenchmarkX-8 5 100 ns/op", *again))
    assert {name: run.n_samples for name, run in runs.items()} == {"example.org/a.BenchmarkX": 2, "BenchmarkY": 5}


def test_toolchains_are_told_apart_between_outputs(runs_of: Runs) -> None:
    """Each in a file of its own, as comparing tools write them."""
    run = only(runs_of(output("toolchain: Tip", RESULT)))
    assert run.environment["toolchain"] == "Tip" and "settings" not in run.environment


def test_a_comparison_is_no_output() -> None:
    """What benchstat prints begins like an output and states no run."""
    table = HEAD + "     │ old.txt │ new.txt │\n     │ sec/op  │ sec/op  vs base │\nX-8    100n ± 2%   90n ± 1%  -10%\n"
    with pytest.raises(ReportRefused, match="benchstat's comparison"):
        read_report("a", table.encode())


def test_a_failed_or_skipped_benchmark_is_refused_and_the_others_are_flagged() -> None:
    """Go prints neither a number for it."""
    failed = "BenchmarkY-8 \t--- FAIL: BenchmarkY-8\n    y_test.go:8: secret"
    end = "FAIL\nexit status 1\nFAIL\texample.org/a\t1.234s\n"
    reading = read_report("a", output(RESULT, failed, "--- SKIP: BenchmarkZ", end=end).encode())
    assert [(refusal.item, refusal.reason) for refusal in reading.refusals] == [
        ("BenchmarkY-8", "The benchmark failed."),
        ("BenchmarkZ", "The benchmark was skipped."),
    ]
    assert reading.measurements[0].quality_reasons == ("another benchmark, test or package of the output failed",)
    assert "secret" not in str(reading)


def test_a_line_with_other_output_in_it_is_refused() -> None:
    """A benchmark that prints breaks its own line; a name alone only announces it."""
    reading = read_report("a", output("BenchmarkX", "BenchmarkX-8 hello", RESULT, "BenchmarkX-8 5 100").encode())
    assert len(reading.measurements) == 1 and len(reading.refusals) == 2


def test_a_benchmark_whose_result_is_lost_is_refused() -> None:
    """What a benchmark prints may take its result to a line without a name; `-v` announces those with results too."""
    text = output("BenchmarkX", RESULT, "BenchmarkS", "BenchmarkS/a-8 5 100 ns/op", "BenchmarkY-8", "  100  12 ns/op")
    refusals = read_report("a", text.encode()).refusals
    assert [(one.item, one.reason) for one in refusals] == [
        ("BenchmarkY-8", "The benchmark began, but no line states its result.")
    ]


def test_a_value_that_is_no_number_is_told(runs_of: Runs) -> None:
    """A decimal comma is no number: the time is null for that, not because none was printed."""
    run = only(runs_of(output("BenchmarkX-8 100 12,5 ns/op 3 allocs/op")))
    assert run.latency_mean_ms is None
    assert run.null_reasons["latency_mean_ms"] == "the report states ns/op without a usable number"
    assert run.quality_reasons == ("12,5 ns/op: not a number, so it is not read",)


def test_an_output_without_its_end_is_cut() -> None:
    """Between two results as well as within one."""
    whole = output(RESULT, RESULT.replace("X", "Y"))
    for size in range(len("goos: linux\n"), whole.index("PASS") + 3):
        with pytest.raises(ReportRefused, match="cut"):
            read_report("a", whole[:size].encode())


def test_results_of_no_package_need_no_end(runs_of: Runs) -> None:
    """Tools that measure a build or a binary write neither package nor end, also after results of a package."""
    size = "BenchmarkSize 1 4096 text-bytes"
    alone = only(runs_of(output(size, head="goos: linux\ngoarch: amd64\n", end="")))
    assert alone.quality_reasons[0] == "the output has no end: more results may be missing"
    runs = runs_of(output(RESULT) + f"pkg:\n{size}\n")
    assert list(runs) == ["example.org/a.BenchmarkX", "BenchmarkSize"]


def test_single_lines_are_read_and_flagged(runs_of: Runs) -> None:
    """Lines that somebody picked out have neither head nor end."""
    run = only(runs_of(RESULT))
    assert run.benchmark == "BenchmarkX" and run.latency_mean_ms == 0.0125
    assert run.quality_reasons == ("the output has no end: more results may be missing",)


def test_packages_are_told_apart(runs_of: Runs) -> None:
    """The same name in two packages is two benchmarks."""
    other = output(RESULT, head=HEAD.replace("/a", "/b"), end=END.replace("/a", "/b"))
    assert list(runs_of(output(RESULT) + "?   \texample.org/c\t[no test files]\n" + other)) == [
        "example.org/a.BenchmarkX",
        "example.org/b.BenchmarkX",
    ]


def test_a_commit_that_the_project_adds_is_read() -> None:
    """In full only; outputs of two commits in one file are two runs."""
    commits = ["a" * 40, "b" * 40]
    text = "".join(output(RESULT, head=f"commit: {commit}\n{HEAD}") for commit in commits)
    reading = read_report("a", text.encode())
    assert [run.commit_sha for run in reading.measurements] == commits
    assert len({run.identity for run in reading.measurements}) == 2


def test_json_says_the_same_and_when(runs_of: Runs) -> None:
    """Its events are put together again; the time is that of the first."""
    text, wrapped = only(runs_of(output(RESULT))), only(runs_of(events(output(RESULT))))
    assert wrapped.ts is not None and wrapped.ts.isoformat() == "2026-03-07T12:40:20.123456+00:00"
    assert wrapped.latency_mean_ms == text.latency_mean_ms and wrapped.metrics == text.metrics


def test_json_without_the_end_of_a_package_is_cut() -> None:
    """No last event."""
    whole = events(output(RESULT))
    with pytest.raises(ReportRefused, match="cut"):
        read_report("a", whole[: whole.rindex("\n")].encode())


def test_no_home_directory_is_kept(runs_of: Runs) -> None:
    """Packages outside of modules are named by their folder."""
    run = only(runs_of(output(RESULT, head="pkg: _/home/jane/a\n")))
    assert run.benchmark == "_/home/<user>/a.BenchmarkX"


@given(st.integers(0, 300), st.integers(0, 40), st.text(max_size=20), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_change_crashes_the_reader(start: int, length: int, text: str, as_json: bool) -> None:
    """An output with any stretch replaced is read soundly or refused."""
    whole = output(RESULT, RESULT, "BenchmarkY-8 5 1.5e3 ns/op", "--- FAIL: BenchmarkZ-8")
    changed = whole[:start] + text + whole[start + length :]
    reading = read_or_refuse((events(changed) if as_json and changed.strip() else changed).encode("utf-8", "replace"))
    if reading is not None:
        assert_sound(reading)
