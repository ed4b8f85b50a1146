"""Report files: each gives rows or a dead letter, dated by what was stated and never by the moment of reading."""

import json
import os
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from muse_domain.settings import ReportSource
from muse_resources import report_files
from muse_resources.report_files import LARGEST_REPORT_BYTES, ReportIntake, find_files, rows_of_days, take_in_reports
from muse_resources.warehouse import ClickHouseWarehouse

REAL_DATA = Path(__file__).parents[2].parent / "shared" / "data"
REPORTED = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)
WRITTEN = datetime(2026, 9, 5, 12, tzinfo=UTC)
COMMITTED = datetime(2026, 9, 3, 8, tzinfo=UTC)


class Workspace:
    """A folder of reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "reports").mkdir(parents=True)

    def write(self, name: str, content: dict[str, Any] | bytes) -> Path:
        path = self.folder / "reports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
        return path

    def take_in(self, *sources: ReportSource, files: str = "reports/**/*", **options: Any) -> ReportIntake:
        return take_in_reports(self.folder, sources or [ReportSource(files=files, **options)])

    def git(self, *arguments: str) -> None:
        date = f"{int(COMMITTED.timestamp())} +0000"
        parts = [f"{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
        identity = {f"GIT_{part}": "someone@else" for part in parts}
        isolated = {**os.environ, **identity, "GIT_COMMITTER_DATE": date, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *arguments], cwd=self.folder, env=isolated, check=True, capture_output=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def dated(name: str = "parse", mean_ms: float = 0.796) -> dict[str, Any]:
    """A report of one run that states its time."""
    timing = {"samples": 30, "mean_ms": mean_ms, "p50_ms": mean_ms, "stdev_ms": 0.01}
    return {
        "benchmark_name": name,
        "timestamp": int(REPORTED.timestamp()),
        "timing": timing,
        "environment": {"os": "Linux"},
    }


def undated(*runs: str) -> dict[str, Any]:
    """A report of several runs that states no time."""
    timing = {"mean_time_ms": 1.0, "std_time_ms": 0.1, "min_time_ms": 0.5, "max_time_ms": 2.0}
    return {"attention": dict.fromkeys(runs or ("torch",), timing), "tensor_core": {}, "fusion": {}}


def test_a_report_becomes_rows_that_name_their_file(workspace: Workspace) -> None:
    """Every row traces to a file: path within the workspace, hash, format, and a stable id (F-09)."""
    workspace.write("a.json", dated())
    first, again = workspace.take_in(), workspace.take_in()
    [run] = first.runs
    assert (run["latency_mean_ms"], run["latency_p95_ms"], run["commit_sha"]) == (0.796, None, None)
    assert (run["ts"], run["ts_source"], run["day"]) == (REPORTED, "report", date(2026, 9, 1))
    assert (run["source_path"], run["repository"], len(run["source_sha256"])) == ("reports/a.json", "hearts", 64)
    assert "latency_p95_ms" in run["null_reasons"]
    assert (first.runs, first.metrics, first.inputs_sha256) == (again.runs, again.metrics, again.inputs_sha256)
    assert (first.files, first.dead_letters) == (1, [])


def test_rows_and_dead_letters_are_what_the_tables_take(workspace: Workspace, warehouse: ClickHouseWarehouse) -> None:
    """The rows of the intake are whole rows of `bench_runs`, `bench_metrics` and `dead_letters`."""
    workspace.write("a.json", dated())
    workspace.write("b.json", b"{")
    workspace.write("c.json", undated())
    intake = workspace.take_in()
    days = sorted({row["day"] for row in (*intake.runs, *intake.metrics)})
    assert warehouse.replace_days("bench_runs", days, intake.runs) == 1
    assert warehouse.replace_days("bench_metrics", days, intake.metrics) == len(intake.metrics)
    assert warehouse.replace_source("dead_letters", "bench_runs", intake.dead_letters) == 2
    assert [row["ts"] for row in warehouse.select("select_dead_letters", {"source": "bench_runs"})] == [WRITTEN] * 2


def test_a_path_dates_a_report_that_does_not_date_itself(workspace: Workspace) -> None:
    """The source says how its paths are to be read: time and commit, in whatever zone they state."""
    commit = "b" * 40
    workspace.write(f"2026-09-02T23:30:00-02:00_{commit}.json", undated("torch", "flash"))
    workspace.write("2026-09-02T10.json", undated("torch", "other"))
    intake = workspace.take_in(pattern=r"reports/(?P<ts>[^_/]+?)(_(?P<commit>[0-9a-f]{40}))?\.json")
    assert [(run["ts"], run["ts_source"], run["commit_sha"]) for run in intake.runs] == [
        (datetime(2026, 9, 2, 10, tzinfo=UTC), "path", None),
        (datetime(2026, 9, 2, 10, tzinfo=UTC), "path", None),
        (datetime(2026, 9, 3, 1, 30, tzinfo=UTC), "path", commit),
        (datetime(2026, 9, 3, 1, 30, tzinfo=UTC), "path", commit),
    ]
    assert intake.runs[2]["day"] == date(2026, 9, 3), "the day is the UTC day"


def test_what_a_report_states_of_itself_comes_first(workspace: Workspace) -> None:
    """The path adds the commit that the report lacks; it never overrules the report's own time."""
    workspace.write(f"2020-01-01-{'c' * 40}.json", dated())
    [run] = workspace.take_in(pattern=r"(?P<ts>\d{4}-\d\d-\d\d)-(?P<commit>[0-9a-f]{40})").runs
    assert (run["ts"], run["ts_source"], run["commit_sha"]) == (REPORTED, "report", "c" * 40)


def test_where_the_workspace_lies_dates_nothing(tmp_path: Path) -> None:
    """Moving a workspace into a folder named after a day must not move its measurements to that day."""
    moved = Workspace(tmp_path / "2020-01-01" / "workspace")
    moved.write("a.json", undated())
    intake = moved.take_in(pattern=r"(?P<ts>\d{4}-\d\d-\d\d)")
    assert (intake.runs, [letter["error_type"] for letter in intake.dead_letters]) == ([], ["undated"])


def test_a_path_that_holds_no_time_is_refused_with_its_text(workspace: Workspace) -> None:
    """A pattern that takes something else for a time is told, not guessed around."""
    workspace.write("build-99.json", undated())
    [letter] = workspace.take_in(pattern=r"build-(?P<ts>\d+)").dead_letters
    assert letter["error_type"] == "undated"
    assert "'99'" in letter["error"]
    assert "reports.pattern" in letter["remedy"]


def test_git_dates_a_report_by_the_commit_that_brought_it(workspace: Workspace) -> None:
    """`dated_by = "git"` asks the history; a file that was never committed stays undated, beside one that was."""
    workspace.write("odd [name] é.json", undated("torch", "flash"))
    workspace.git("init", "-q")
    workspace.git("add", "-A")
    workspace.git("commit", "-q", "-m", "reports")
    workspace.write("new.json", undated("other"))
    intake = workspace.take_in(dated_by="git")
    assert [(run["ts"], run["ts_source"]) for run in intake.runs] == [(COMMITTED, "git")] * 2
    [letter] = intake.dead_letters
    assert (letter["source_path"], letter["error_type"]) == ("reports/new.json", "undated")


def test_outside_of_git_nothing_is_dated_by_git(workspace: Workspace) -> None:
    """Where there is no history, no time comes of it, least of all the present one."""
    workspace.write("a.json", undated())
    [letter] = workspace.take_in(dated_by="git").dead_letters
    assert letter["error_type"] == "undated"


def test_an_undated_report_lies_in_the_dead_letters_with_its_remedy(workspace: Workspace) -> None:
    """F-09: never the present moment, never the file's own time; what to do is said."""
    workspace.write("a.json", undated("torch", "flash"))
    intake = workspace.take_in()
    assert intake.runs == intake.metrics == []
    assert [letter["item"] for letter in intake.dead_letters] == ["kernels/attention/torch", "kernels/attention/flash"]
    for letter in intake.dead_letters:
        assert (letter["source_path"], letter["error_type"], letter["ts"]) == ("reports/a.json", "undated", WRITTEN)
        assert "(?P<ts>...)" in letter["remedy"]


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
def test_a_file_that_is_no_report_is_a_dead_letter_beside_the_rows_of_the_others(
    workspace: Workspace, name: str, content: bytes
) -> None:
    """F-02, F-08: one bad file costs itself; its name, size, hash, reason and remedy are kept."""
    workspace.write(name, content)
    workspace.write("good.json", dated())
    intake = workspace.take_in()
    assert (len(intake.runs), intake.files) == (1, 2)
    [letter] = intake.dead_letters
    assert (letter["source_path"], letter["size_bytes"], letter["item"]) == (f"reports/{name}", len(content), "")
    assert all(letter[key] for key in ("error", "remedy", "source_sha256"))


def test_a_huge_file_is_refused_before_it_is_read(workspace: Workspace) -> None:
    """A report is a summary: a trace of gigabytes must not fill the memory."""
    path = workspace.write("huge.json", b"")
    with path.open("r+b") as stream:
        stream.truncate(LARGEST_REPORT_BYTES + 1)
    [letter] = workspace.take_in().dead_letters
    assert (letter["error_type"], letter["size_bytes"]) == ("unreadable", LARGEST_REPORT_BYTES + 1)
    assert "256 MiB" in letter["error"]


def test_a_file_that_cannot_be_read_is_a_dead_letter(workspace: Workspace) -> None:
    """A file whose reading fails is told by name; links into nowhere are no files."""
    if not Path("/proc/self/mem").exists():
        pytest.skip("no file that is sure to fail when it is read: there is no /proc here")
    (workspace.folder / "reports" / "broken.json").symlink_to("/proc/self/mem")
    (workspace.folder / "reports" / "nowhere.json").symlink_to("/nowhere/at/all")
    [letter] = workspace.take_in().dead_letters
    assert (letter["source_path"], letter["error_type"]) == ("reports/broken.json", "unreadable")
    assert "cannot be read" in letter["error"]


def test_the_same_bytes_under_two_names_are_one_measurement(workspace: Workspace) -> None:
    """A copied report must not count twice; the copy is named, with the file that it repeats."""
    workspace.write("a.json", dated())
    workspace.write("copies/a.json", dated())
    workspace.write("other.json", dated("render"))
    intake = workspace.take_in()
    assert sorted(run["source_path"] for run in intake.runs) == ["reports/a.json", "reports/other.json"]
    [letter] = intake.dead_letters
    assert (letter["error_type"], letter["source_path"]) == ("duplicate", "reports/copies/a.json")
    assert "reports/a.json" in letter["error"]
    assert (letter["size_bytes"], letter["ts"]) == (len(json.dumps(dated())), WRITTEN)


def test_copies_outside_of_the_workspace_are_told_too(tmp_path: Path) -> None:
    """Two folders may end alike: a copy is a dead letter even where both are shown under the same path."""
    for root in ("one", "two"):
        Workspace(tmp_path / root).write("a.json", dated())
    intake = take_in_reports(tmp_path / "elsewhere", [ReportSource(files=f"{tmp_path}/*/reports/*.json")])
    assert [run["source_path"] for run in intake.runs] == ["reports/a.json"]
    assert [letter["error_type"] for letter in intake.dead_letters] == ["duplicate"]


def test_a_file_belongs_to_the_first_source_that_matches_it(workspace: Workspace) -> None:
    """Overlapping patterns, links to the same file: one reading, under the first source."""
    workspace.write("a.json", dated())
    (workspace.folder / "reports" / "z.json").symlink_to("a.json")
    sources = [ReportSource(files="reports/a.*", repository="packs"), ReportSource(files="reports/**/*")]
    intake = workspace.take_in(*sources)
    assert (intake.files, [run["repository"] for run in intake.runs], intake.dead_letters) == (1, ["packs"], [])


def test_files_come_in_a_stable_order_whatever_the_pattern(workspace: Workspace) -> None:
    """The same folder is the same list: relative or absolute patterns, folders left out, odd names kept."""
    names = ["b.json", "a.json", "it's [one] é\n.json"]
    for name in names:
        workspace.write(name, b"x")
    (workspace.folder / "reports" / "folder.json").mkdir()
    relative = list(find_files(workspace.folder, "reports/*.json"))
    assert relative == list(find_files(Path("/elsewhere"), f"{workspace.folder}/reports/*.json"))
    assert [path.name for path in relative] == sorted(names)


def test_the_hash_of_the_inputs_changes_with_any_file(workspace: Workspace) -> None:
    """`day_loads` tells whether a day was built from the files as they are now: names and contents count."""
    path = workspace.write("a.json", dated())
    first = workspace.take_in().inputs_sha256
    path.rename(path.with_name("b.json"))
    renamed = workspace.take_in().inputs_sha256
    workspace.write("b.json", dated(mean_ms=0.8))
    changed = workspace.take_in().inputs_sha256
    workspace.write("refused.json", b"{")
    assert len({first, renamed, changed, workspace.take_in().inputs_sha256}) == 4


def test_git_is_asked_once_for_a_file(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of a thousand runs must not start git a thousand times."""
    asked: list[Path] = []
    real = report_files._last_commit_time

    def counted(path: Path) -> datetime | None:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(report_files, "_last_commit_time", counted)
    path = workspace.write("a.json", undated(*(f"k{number}" for number in range(30))))
    assert len(workspace.take_in(dated_by="git").dead_letters) == 30
    assert asked == [path]


def test_rows_are_chosen_by_their_days(workspace: Workspace) -> None:
    """A load of one day takes exactly the rows of that day."""
    workspace.write("a.json", dated())
    runs = workspace.take_in().runs
    assert rows_of_days(runs, [REPORTED.date()]) == runs
    assert rows_of_days(runs, [REPORTED.date() + timedelta(days=1)]) == []


def test_every_real_report_is_accounted_for() -> None:
    """F-02: real reports of public projects: what is known becomes rows, all else a dead letter with its reason."""
    if not REAL_DATA.is_dir():
        pytest.skip("no real reports beside the repository: shared/data is not there")
    intake = take_in_reports(REAL_DATA, [ReportSource(files="reports/*")])
    rows = Counter(Path(run["source_path"]).name for run in intake.runs)
    letters = Counter((Path(one["source_path"]).name, one["error_type"]) for one in intake.dead_letters)
    assert rows == {
        "gurl_data.js": 58,
        "compilation_conv_cpu.json": 4,
        "lagom_py311_0001_baseline.json": 4,
        "demo_inference_timing.json": 1,
        "ollama_suite_runs.csv": 1,
    }
    refused = {"bench_serve_v0.25.1.json", "hyperfine_1brc.json", "hyperfine_error_run.json",
               "llama-bench_b5606_rtx4090.json", "wp_benchmark_result.json"}  # fmt: skip
    undated = {"gemma3_baseline.json": 1, "kernel_benchmarks.json": 4, "quantization_report.json": 4}
    assert letters == {
        **{(name, "refused_report"): 1 for name in refused},
        **{(name, "undated"): count for name, count in undated.items()},
    }
    names = {path.name for path in (REAL_DATA / "reports").iterdir()}
    assert set(rows) | {name for name, _ in letters} == names
    assert intake.files == len(names)
    assert {run["ts_source"] for run in intake.runs} == {"report"}
    assert all(run["ts"].tzinfo and run["source_sha256"] for run in intake.runs)
