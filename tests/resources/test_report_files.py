"""One report file: it gives rows or dead letters, dated by what was stated and never by the moment of reading."""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from muse_domain.settings import ReportSource
from muse_resources import report_files
from muse_resources.report_files import LARGEST_REPORT_BYTES, ReadReport, report_reader
from tests.resources.report_workspace import COMMITTED, REPORTED, WRITTEN, ReportWorkspace, dated, undated

REAL_DATA = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture
def workspace(tmp_path: Path) -> ReportWorkspace:
    return ReportWorkspace(tmp_path / "workspace")


def kinds(report: ReadReport) -> list[str]:
    """Why parts of a report were refused."""
    return [letter["error_type"] for letter in report.letters]


def test_a_report_becomes_rows_that_name_their_file(workspace: ReportWorkspace) -> None:
    """Every row traces to a file: path within the workspace, hash, format, and a stable id (F-09)."""
    workspace.write("a.json", dated())
    first, again = workspace.read_one(), workspace.read_one()
    [run] = first.runs
    assert (run["latency_mean_ms"], run["latency_p95_ms"], run["commit_sha"]) == (0.796, None, None)
    assert (run["ts"], run["ts_source"], run["day"]) == (REPORTED, "report", date(2026, 9, 1))
    assert (run["source_path"], run["repository"], len(run["source_sha256"])) == ("reports/a.json", "hearts", 64)
    assert "latency_p95_ms" in run["null_reasons"]
    assert (first.runs, first.metrics, first.letters) == (again.runs, again.metrics, [])


def test_the_reading_says_what_the_file_held(workspace: ReportWorkspace) -> None:
    """Days with their rows, refused parts, size and time: from these alone later builds are planned."""
    path = workspace.write("a.json", undated("torch", "flash") | {"fusion": {"fused": 1}})
    reading = workspace.read_one(pattern=r"(?P<ts>\d{4})", files="reports/*").reading
    assert (dict(reading.days), reading.refused) == ({}, 3)
    path.rename(path.with_name("2026-09-02.json"))
    reading = workspace.read_one(pattern=r"(?P<ts>\d{4}-\d\d-\d\d)").reading
    assert (dict(reading.days), reading.refused) == ({date(2026, 9, 2): 2}, 1)
    assert (reading.size_bytes, reading.modified_ns) == (
        path.with_name("2026-09-02.json").stat().st_size,
        int(WRITTEN.timestamp()) * 10**9,
    )


def test_a_path_dates_a_report_that_does_not_date_itself(workspace: ReportWorkspace) -> None:
    """The source says how its paths are to be read: time and commit, in whatever zone they state."""
    commit = "b" * 40
    workspace.write(f"2026-09-02T23:30:00-02:00_{commit}.json", undated("torch", "flash"))
    workspace.write("2026-09-02T10.json", undated("torch", "other"))
    reports = workspace.read(pattern=r"reports/(?P<ts>[^_/]+?)(_(?P<commit>[0-9a-f]{40}))?\.json")
    runs = [run for report in reports for run in report.runs]
    assert [(run["ts"], run["ts_source"], run["commit_sha"]) for run in runs] == [
        (datetime(2026, 9, 2, 10, tzinfo=UTC), "path", None),
        (datetime(2026, 9, 2, 10, tzinfo=UTC), "path", None),
        (datetime(2026, 9, 3, 1, 30, tzinfo=UTC), "path", commit),
        (datetime(2026, 9, 3, 1, 30, tzinfo=UTC), "path", commit),
    ]
    assert runs[2]["day"] == date(2026, 9, 3), "the day is the UTC day"


def test_what_a_report_states_of_itself_comes_first(workspace: ReportWorkspace) -> None:
    """The path adds the commit that the report lacks; it never overrules the report's own time."""
    workspace.write(f"2020-01-01-{'c' * 40}.json", dated())
    [run] = workspace.read_one(pattern=r"(?P<ts>\d{4}-\d\d-\d\d)-(?P<commit>[0-9a-f]{40})").runs
    assert (run["ts"], run["ts_source"], run["commit_sha"]) == (REPORTED, "report", "c" * 40)


def test_where_the_workspace_lies_dates_nothing(tmp_path: Path) -> None:
    """Moving a workspace into a folder named after a day must not move its measurements to that day."""
    moved = ReportWorkspace(tmp_path / "2020-01-01" / "workspace")
    moved.write("a.json", undated())
    report = moved.read_one(pattern=r"(?P<ts>\d{4}-\d\d-\d\d)")
    assert (report.runs, kinds(report)) == ([], ["undated"])


@pytest.mark.parametrize("stated", ["99", "0001", "9999-12-31", "1969-12-31", "0001-01-01T00:00:00+05:00"])
def test_a_path_that_holds_no_time_of_a_measurement_is_refused_with_its_text(
    workspace: ReportWorkspace, stated: str
) -> None:
    """A pattern that takes something else for a time is told, not guessed around."""
    workspace.write(f"build={stated}.json", undated())
    [letter] = workspace.read_one(pattern=r"build=(?P<ts>[^.]+)").letters
    assert letter["error_type"] == "undated"
    assert f"{stated!r}" in letter["error"]
    assert "reports.pattern" in letter["remedy"]


@pytest.mark.parametrize("stated", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59+00:00", "1969-12-31T23:00:00+00:00"])
def test_a_report_of_an_impossible_time_is_refused(workspace: ReportWorkspace, stated: str) -> None:
    """Go's zero time and its like are no time of a measurement, and no table holds such a day."""
    workspace.write("2026-09-01.json", dated() | {"timestamp": stated})
    report = workspace.read_one(pattern=r"(?P<ts>\d{4}-\d\d-\d\d)")
    assert (report.runs, kinds(report)) == ([], ["undated"])
    assert "1970 to 2100" in report.letters[0]["error"]


def test_git_dates_a_report_by_the_commit_that_brought_it(workspace: ReportWorkspace) -> None:
    """`dated_by = "git"` asks the history; a file that was never committed stays undated, beside one that was."""
    workspace.write("odd [name] é.json", undated("torch", "flash"))
    workspace.commit_all()
    workspace.write("new.json", undated("other"))
    new, odd = workspace.read(dated_by="git")
    assert [(run["ts"], run["ts_source"]) for run in odd.runs] == [(COMMITTED, "git")] * 2
    assert (new.reading.path, new.runs, kinds(new)) == ("reports/new.json", [], ["undated"])


def test_a_report_that_changed_since_its_commit_is_not_dated_by_it(workspace: ReportWorkspace) -> None:
    """The commit of the old bytes says nothing of the new ones, until these are committed themselves."""
    workspace.write("a.json", undated())
    workspace.commit_all()
    workspace.write("a.json", undated(mean_ms=1.5), at=WRITTEN + timedelta(hours=1))
    changed = workspace.read_one(dated_by="git")
    assert (changed.runs, kinds(changed), changed.reading.again) == ([], ["undated"], True)


def test_outside_of_git_nothing_is_dated_by_git(workspace: ReportWorkspace) -> None:
    """Where there is no history, no time comes of it, least of all the present one."""
    workspace.write("a.json", undated())
    assert kinds(workspace.read_one(dated_by="git")) == ["undated"]


def test_an_undated_report_lies_in_the_dead_letters_with_its_remedy(workspace: ReportWorkspace) -> None:
    """F-09: never the present moment, never the file's own time; what to do is said."""
    workspace.write("a.json", undated("torch", "flash"))
    report = workspace.read_one()
    assert report.runs == report.metrics == []
    assert [letter["item"] for letter in report.letters] == ["kernels/attention/torch", "kernels/attention/flash"]
    for letter in report.letters:
        assert (letter["source_path"], letter["error_type"], letter["ts"]) == ("reports/a.json", "undated", WRITTEN)
        assert "(?P<ts>...)" in letter["remedy"]


@pytest.mark.parametrize(("dated_by", "again"), [("report", False), ("git", True)])
def test_only_what_may_change_by_itself_is_read_again(workspace: ReportWorkspace, dated_by: str, again: bool) -> None:
    """The same undated bytes stay undated, unless git learns of them."""
    workspace.write("a.json", undated())
    assert workspace.read_one(dated_by=dated_by).reading.again is again


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", b""),
        ("cut.json", b'{"benchmark_name": "par'),
        ("photo.json", b"\x89PNG\0\xff"),
        ("notes.txt", b"hello"),
        ("unknown.json", b'{"a": 1}'),
        (".DS_Store", b"\0\0\0\1Bud1"),
    ],
)
def test_a_file_that_is_no_report_is_a_dead_letter(workspace: ReportWorkspace, name: str, content: bytes) -> None:
    """F-02, F-08: its name, size, hash, reason and remedy are kept; the same bytes need no second look."""
    workspace.write(name, content)
    report = workspace.read_one()
    [letter] = report.letters
    assert (letter["source_path"], letter["size_bytes"], letter["item"]) == (f"reports/{name}", len(content), "")
    assert all(letter[key] for key in ("error", "remedy", "source_sha256"))
    assert (report.runs, report.reading.refused, report.reading.again) == ([], 1, False)


def test_a_huge_file_is_refused_before_it_is_read(workspace: ReportWorkspace) -> None:
    """A report is a summary: a trace of gigabytes must not fill the memory."""
    path = workspace.write("huge.json", b"")
    with path.open("r+b") as stream:
        stream.truncate(LARGEST_REPORT_BYTES + 1)
    [letter] = workspace.read_one().letters
    assert (letter["error_type"], letter["size_bytes"]) == ("unreadable", LARGEST_REPORT_BYTES + 1)
    assert "256 MiB" in letter["error"]


def test_a_file_that_cannot_be_read_is_a_dead_letter(workspace: ReportWorkspace) -> None:
    """A file whose reading fails is told by name, and tried again with the next build."""
    if not Path("/proc/self/mem").exists():
        pytest.skip("no file that is sure to fail when it is read: there is no /proc here")
    (workspace.folder / "reports" / "broken.json").symlink_to("/proc/self/mem")
    report = workspace.read_one()
    [letter] = report.letters
    assert (letter["source_path"], letter["error_type"]) == ("reports/broken.json", "unreadable")
    assert "cannot be read" in letter["error"] and report.reading.again


def test_git_is_asked_once_for_a_file(workspace: ReportWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of a thousand runs must not start git a thousand times."""
    asked: list[Path] = []
    real = report_files._last_commit_time

    def counted(path: Path) -> datetime | None:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(report_files, "_last_commit_time", counted)
    path = workspace.write("a.json", undated(*(f"k{number}" for number in range(30))))
    assert len(workspace.read_one(dated_by="git").letters) == 30
    assert asked == [path]


@pytest.mark.parametrize(
    "other",
    [
        ReportSource(files="a/*", repository="packs"),
        ReportSource(files="a/*", pattern="(?P<ts>x)"),
        ReportSource(files="a/*", dated_by="git"),
    ],
    ids=["repository", "pattern", "dated_by"],
)
def test_another_setting_is_another_way_of_reading(other: ReportSource) -> None:
    """What a source says of its files decides their rows; which files they are does not."""
    assert report_reader(other) != report_reader(ReportSource(files="a/*"))
    assert report_reader(ReportSource(files="b/*")) == report_reader(ReportSource(files="a/*"))


@pytest.fixture
def edited_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the packages that the hash of the readers is taken of, for tests to edit."""
    for name in ("muse_domain", "muse_resources"):
        ignored = shutil.ignore_patterns("__pycache__", "sql", "site")
        shutil.copytree(str(files(name)), tmp_path / name, ignore=ignored)
    monkeypatch.setattr(report_files, "files", lambda name: tmp_path / name)
    _forget_hashes()
    yield tmp_path
    _forget_hashes()


def _forget_hashes() -> None:
    """As a new process begins."""
    report_files._readers_sha256.cache_clear()
    report_reader.cache_clear()


@pytest.mark.parametrize(
    "module",
    ["muse_domain/formats/kernels.py", "muse_domain/quality.py", "muse_domain/measurements.py",
     "muse_resources/report_files.py"],
)  # fmt: skip
def test_another_code_is_another_way_of_reading(edited_package: Path, module: str) -> None:
    """Whoever mends a reader need not remember to have its files read again."""
    before = report_reader(ReportSource(files="a/*"))
    _forget_hashes()
    assert report_reader(ReportSource(files="a/*")) == before
    with (edited_package / module).open("a") as stream:
        stream.write("# mended\n")
    _forget_hashes()
    assert report_reader(ReportSource(files="a/*")) != before


def test_every_real_report_is_accounted_for() -> None:
    """F-02: real reports of public projects: what is known becomes rows, all else a dead letter with its reason."""
    if not REAL_DATA.is_dir():
        pytest.skip("no real reports beside the repository: shared/data is not there")
    reports = ReportWorkspace(REAL_DATA).read(files="reports/*")
    rows = Counter({Path(one.reading.path).name: len(one.runs) for one in reports if one.runs})
    letters = Counter((Path(one["source_path"]).name, one["error_type"]) for each in reports for one in each.letters)
    runs = [run for report in reports for run in report.runs]
    assert rows == {
        "gurl_data.js": 58,
        "compilation_conv_cpu.json": 4,
        "lagom_py311_0001_baseline.json": 4,
        "llama-bench_b5606_rtx4090.json": 2,
        "demo_inference_timing.json": 1,
        "ollama_suite_runs.csv": 1,
    }
    undated = {"kernel_benchmarks.json": 4, "quantization_report.json": 4, "hyperfine_1brc.json": 2,
               "wp_benchmark_result.json": 2, "bench_serve_v0.25.1.json": 1, "gemma3_baseline.json": 1,
               "hyperfine_error_run.json": 1}  # fmt: skip
    assert letters == {(name, "undated"): count for name, count in undated.items()}
    assert {*rows, *undated} == {path.name for path in (REAL_DATA / "reports").iterdir()}
    assert {run["ts_source"] for run in runs} == {"report"}
    assert all(run["ts"].tzinfo and run["source_sha256"] for run in runs)
