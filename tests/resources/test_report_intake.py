"""Builds of `bench_runs` from a folder: only what changed is read, and a day is what its files say."""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from muse_domain.ports import Row
from muse_domain.settings import ReportSource
from muse_resources import report_files, report_intake
from muse_resources.file_ledger import FileLedger
from muse_resources.report_files import report_reader
from muse_resources.report_intake import Intake, take_in_reports
from muse_resources.warehouse import ClickHouseWarehouse
from tests.domain.formats.test_registry import SAMPLES, mutated
from tests.resources.loaders import Loaders
from tests.resources.report_workspace import (
    COMMITTED,
    REPORTED,
    WRITTEN,
    ReportWorkspace,
    compiled,
    dated,
    history,
    undated,
)

DAY = REPORTED.date()
NEXT_DAY = DAY + timedelta(days=1)
NOW = datetime(2026, 9, 10, 6, tzinfo=UTC)
BY_FOLDER = r"reports/(?P<ts>\d{4}-\d\d-\d\d)/"


def on(day: date) -> datetime:
    """An instant of a day."""
    return datetime.combine(day, REPORTED.timetz())


class Builds:
    """A workspace of reports and what builds of it leave in the warehouse."""

    def __init__(self, reports: ReportWorkspace, warehouse: ClickHouseWarehouse, engine: Client) -> None:
        self.reports = reports
        self.warehouse = warehouse
        self.engine = engine

    def build(self, *days: date, sources: Sequence[ReportSource] = (), **options: Any) -> Intake:
        """One build of some days, all at the same instant."""
        return self.build_with(self.warehouse, *days, sources=sources, **options)

    def build_with(
        self, store: ClickHouseWarehouse, *days: date, sources: Sequence[ReportSource] = (), **options: Any
    ) -> Intake:
        """The same with a store of the test's own."""
        return take_in_reports(store, self.reports.configured(*sources, **options), days or [DAY], NOW)

    def rows(self, table: str = "bench_runs") -> list[Row]:
        """All rows of a table."""
        result = self.engine.query(f"SELECT * FROM {table} ORDER BY ALL")
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def paths(self) -> list[tuple[date, str]]:
        """Day and file of every run."""
        return sorted((run["day"], run["source_path"].removeprefix("reports/")) for run in self.rows())

    def letters(self) -> list[tuple[str, str]]:
        """File and reason of every dead letter that counts."""
        found = self.warehouse.select("select_dead_letters", {"source": "bench_runs"})
        return [(row["source_path"].removeprefix("reports/"), row["error_type"]) for row in found]

    def content(self) -> tuple[list[Row], ...]:
        """The tables that a report is read into, and what is known of the days."""
        return tuple(self.rows(table) for table in ("bench_runs", "bench_metrics", "loaded_days"))


@pytest.fixture
def builds(tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client) -> Builds:
    return Builds(ReportWorkspace(tmp_path / "workspace"), warehouse, engine)


def test_a_build_stores_runs_values_and_refusals(builds: Builds) -> None:
    """Rows of the asked days lie in their tables, dead letters beside them, and the day counts as loaded."""
    builds.reports.write("a.json", dated())
    builds.reports.write("b.json", b"{")
    builds.reports.write("c.json", undated())
    intake = builds.build()
    assert (intake.files, intake.files_read, intake.rows_by_day) == (3, 3, {DAY: 1})
    assert builds.paths() == [(DAY, "a.json")]
    assert len(builds.rows("bench_metrics")) == intake.further_values
    assert builds.letters() == [("b.json", "refused_report"), ("c.json", "undated")]
    [load] = builds.rows("loaded_days")
    assert (load["day"], load["source"], load["rows"], load["files"]) == (DAY, "bench_runs", 1, 1)


def test_a_day_without_reports_is_loaded_and_empty(builds: Builds) -> None:
    """Nothing measured is not the same as not looked for."""
    assert builds.build().rows_by_day == {DAY: 0}
    assert [(load["day"], load["rows"]) for load in builds.rows("loaded_days")] == [(DAY, 0)]
    assert builds.build().plan.unchanged == (DAY,)


def test_a_build_takes_only_the_days_that_it_was_asked_for(builds: Builds) -> None:
    """A day that nobody asked for and nobody loaded stays unloaded, though its file was read."""
    builds.reports.write("a.json", dated())
    builds.reports.write("b.json", dated(at=on(NEXT_DAY)))
    assert builds.build(DAY).files_read == 2
    assert builds.paths() == [(DAY, "a.json")]
    later = builds.build(NEXT_DAY)
    assert (later.files_read, builds.paths()) == (0, [(DAY, "a.json"), (NEXT_DAY, "b.json")])


def _observed_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are opened from now on."""
    opened: list[str] = []
    real = report_files._read

    def observed(file: Any, fetch: Any) -> bytes:
        opened.append(file.shown)
        return real(file, fetch)

    monkeypatch.setattr(report_files, "_read", observed)
    return opened


def test_a_second_build_opens_no_file_and_replaces_nothing(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not change costs a look at the folder, refused and undated files included."""
    builds.reports.write("a.json", dated())
    builds.reports.write("b.json", b"{")
    builds.reports.write("c.json", undated())
    builds.build()
    before, opened = (builds.content(), builds.rows("input_files")), _observed_reads(monkeypatch)
    intake = builds.build()
    assert (intake.files, intake.files_read, opened) == (3, 0, [])
    assert (intake.plan.build, intake.plan.unchanged, intake.rows_by_day) == ((), (DAY,), {})
    assert (builds.content(), builds.rows("input_files")) == before
    assert len(builds.letters()) == 2


def test_a_changed_file_is_read_again_and_only_its_days_are_built(builds: Builds) -> None:
    """A correction costs its file and its days."""
    builds.reports.write("a.json", dated())
    builds.reports.write("b.json", dated(at=on(NEXT_DAY)))
    builds.build(DAY, NEXT_DAY)
    builds.reports.write("b.json", dated(mean_ms=0.9, at=on(NEXT_DAY)), at=WRITTEN + timedelta(hours=1))
    intake = builds.build(DAY, NEXT_DAY)
    assert (intake.files_read, intake.plan.build, intake.plan.unchanged) == (1, (NEXT_DAY,), (DAY,))
    assert [run["latency_mean_ms"] for run in builds.rows()] == [0.796, 0.9]


def test_a_run_that_leaves_its_day_leaves_it_in_the_table(builds: Builds) -> None:
    """A corrected date moves the run: both days are built, and it is there once."""
    builds.reports.write("a.json", dated())
    builds.build(DAY, NEXT_DAY)
    builds.reports.write("a.json", dated(at=on(NEXT_DAY)), at=WRITTEN + timedelta(hours=1))
    assert builds.build(NEXT_DAY).plan.late == (DAY,)
    assert builds.paths() == [(NEXT_DAY, "a.json")]


def test_a_touched_file_is_read_again_and_changes_nothing(builds: Builds) -> None:
    """The time of a file says only that it is worth a look; from then on not even that."""
    path = builds.reports.write("a.json", dated())
    builds.build()
    before = builds.content()
    os.utime(path, (WRITTEN.timestamp() + 60, WRITTEN.timestamp() + 60))
    touched = builds.build()
    assert (touched.files_read, touched.plan.build, builds.content()) == (1, (), before)
    assert builds.build().files_read == 0


def test_an_edited_reader_reads_all_files_again(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever mends a reader gets mended rows with the next build."""
    builds.reports.write("a.json", dated())
    builds.reports.write("b.json", b"{")
    builds.build()
    monkeypatch.setattr(report_intake, "report_reader", lambda source: "mended")
    assert (builds.build().files_read, builds.build().files_read) == (2, 0)


@pytest.mark.parametrize("options", [{"pattern": BY_FOLDER}, {"dated_by": "git"}], ids=["path", "git"])
def test_another_setting_reads_the_files_of_its_source_again(builds: Builds, options: dict[str, Any]) -> None:
    """Rows follow the settings, and the other source's files are left alone."""
    builds.reports.write("a.json", dated())
    builds.reports.write("other/b.json", dated("render"))
    other = ReportSource(files="reports/other/*")
    builds.build(sources=[ReportSource(files="reports/*"), other])
    again = builds.build(sources=[ReportSource(files="reports/*", **options), other])
    assert (again.files_read, again.plan.build) == (1, (DAY,))
    assert {run["source_path"] for run in builds.rows()} == {"reports/a.json", "reports/other/b.json"}


def test_two_sources_of_one_pattern_are_read_as_the_first_says(builds: Builds) -> None:
    """A file belongs to the first source that matches it; the second's settings do not touch it."""
    builds.reports.write("a.json", dated())
    first = ReportSource(files="reports/*", pattern=BY_FOLDER)
    builds.build(sources=[first, ReportSource(files="reports/*")])
    again = builds.build(sources=[first, ReportSource(files="reports/*", dated_by="git")])
    [known] = builds.rows("input_files")
    assert (again.files_read, known["reader"]) == (0, report_reader(first))


def test_a_late_report_reaches_the_day_it_was_measured_on(builds: Builds) -> None:
    """What arrives within a week is built with the next day, though nobody asks for it."""
    for offset in range(8):
        builds.build(DAY + timedelta(days=offset))
    builds.reports.write("late.json", dated())
    intake = builds.build(DAY + timedelta(days=7))
    assert (intake.plan.late, intake.plan.stale, intake.rows_by_day) == ((DAY,), (), {DAY: 1})
    assert builds.paths() == [(DAY, "late.json")]


def test_a_report_that_comes_later_still_is_told_and_waits_to_be_asked_for(builds: Builds) -> None:
    """Days beyond the week are named as stale until somebody builds them."""
    builds.build(DAY)
    builds.reports.write("late.json", dated())
    today = DAY + timedelta(days=8)
    assert builds.build(today).plan.stale == (DAY,)
    assert (builds.build(today).plan.stale, builds.paths()) == ((DAY,), [])
    assert builds.build(DAY).plan.stale == ()
    assert (builds.build(today).plan.stale, builds.paths()) == ((), [(DAY, "late.json")])


def test_a_late_report_of_a_day_that_was_never_loaded_is_not_late(builds: Builds) -> None:
    """Muse builds no day by itself that it was never asked for."""
    builds.build(NEXT_DAY)
    builds.reports.write("a.json", dated())
    plan = builds.build(NEXT_DAY).plan
    assert (plan.late, plan.stale, builds.paths()) == ((), (), [])


def test_a_report_is_dated_once_git_knows_it(builds: Builds) -> None:
    """Undated before its commit, taken in after it, without a byte of it having changed."""
    day = COMMITTED.date()
    builds.reports.write("a.json", undated())
    assert builds.build(day, dated_by="git").rows_by_day == {day: 0}
    assert builds.letters() == [("a.json", "undated")]
    builds.reports.commit_all()
    assert builds.build(day, dated_by="git").rows_by_day == {day: 1}
    assert (builds.letters(), builds.build(day, dated_by="git").files_read) == ([], 0)


def test_a_vanished_report_keeps_its_rows_when_its_day_is_built_again(builds: Builds) -> None:
    """Whoever cleans up a folder of old reports does not lose what they measured: runs and further values."""
    gone = builds.reports.write("gone.json", compiled())
    builds.build()
    runs, metrics = builds.rows(), builds.rows("bench_metrics")
    assert runs and metrics
    gone.unlink()
    builds.reports.write("new.json", dated("render"))
    intake = builds.build()
    assert (intake.missing, intake.plan.build, intake.rows_by_day) == (["reports/gone.json"], (DAY,), {DAY: 2})
    assert [run for run in builds.rows() if run["source_path"] == "reports/gone.json"] == runs
    assert [row for row in builds.rows("bench_metrics") if row["run_id"] == runs[0]["run_id"]] == metrics


def test_a_vanished_report_is_told_with_every_build(builds: Builds) -> None:
    """Not once: until it comes back or is given up."""
    builds.reports.write("gone.json", dated())
    builds.build()
    (builds.reports.folder / "reports" / "gone.json").unlink()
    assert [builds.build().missing for _ in range(3)] == [["reports/gone.json"]] * 3
    builds.reports.write("gone.json", dated())
    assert (builds.build().missing, builds.paths()) == ([], [(DAY, "gone.json")])


def test_a_forgotten_report_is_given_up_with_the_next_build(builds: Builds) -> None:
    """What a person gives up goes: its rows, its values, its name."""
    path = builds.reports.write("gone.json", compiled())
    builds.reports.write("stays.json", compiled("eager"))
    builds.build()
    path.unlink()
    missing = builds.build().missing
    assert FileLedger(builds.warehouse, "bench_runs").forget(missing, NOW) == ["reports/gone.json"]
    intake = builds.build(NEXT_DAY)
    assert (intake.plan.late, intake.missing, builds.paths()) == ((DAY,), [], [(DAY, "stays.json")])
    assert {row["run_id"] for row in builds.rows("bench_metrics")} == {run["run_id"] for run in builds.rows()}


def test_a_moved_report_is_there_once_under_its_new_name(builds: Builds) -> None:
    """Sorting reports into folders loses nothing and doubles nothing."""
    path = builds.reports.write("a.json", dated())
    builds.build()
    before = [{**run, "source_path": ""} for run in builds.rows()]
    (builds.reports.folder / "reports" / "sorted").mkdir()
    path.rename(builds.reports.folder / "reports" / "sorted" / "b.json")
    intake = builds.build()
    assert (intake.missing, builds.paths()) == ([], [(DAY, "sorted/b.json")])
    assert [{**run, "source_path": ""} for run in builds.rows()] == before


def test_a_report_that_comes_back_under_another_name_is_missed_no_more(builds: Builds) -> None:
    """Gone in one build, back elsewhere in the next: one run, and nothing is told to be missing."""
    path = builds.reports.write("a.json", dated())
    builds.build()
    path.unlink()
    assert builds.build().missing == ["reports/a.json"]
    builds.reports.write("b.json", dated())
    assert (builds.build().missing, builds.paths()) == ([], [(DAY, "b.json")])


def test_a_report_that_moved_unnoticed_and_vanished_keeps_its_rows(builds: Builds) -> None:
    """An old day is not built for a move; its rows must outlive the file under either name."""
    path = builds.reports.write("a.json", dated())
    builds.build(DAY)
    path = path.rename(path.with_name("b.json"))
    today = DAY + timedelta(days=30)
    assert builds.build(today).plan.stale == (DAY,)
    path.unlink()
    builds.build(today)
    assert builds.build(DAY).rows_by_day == {DAY: 1}


def test_dead_letters_go_with_their_file(builds: Builds) -> None:
    """Whoever removes or mends a refused file sees its letter gone."""
    path = builds.reports.write("a.json", b"{")
    builds.reports.write("b.json", b"{")
    builds.build()
    path.unlink()
    builds.reports.write("b.json", dated(), at=WRITTEN + timedelta(hours=1))
    intake = builds.build()
    assert (builds.letters(), intake.missing, builds.paths()) == ([], [], [(DAY, "b.json")])


def test_the_same_bytes_under_two_names_are_one_measurement(builds: Builds) -> None:
    """A copied report must not count twice; the copy is named, with the file that it repeats."""
    builds.reports.write("a.json", compiled())
    builds.reports.write("copies/a.json", compiled())
    builds.reports.write("other.json", compiled("eager"))
    intake = builds.build()
    assert builds.paths() == [(DAY, "a.json"), (DAY, "other.json")]
    assert (intake.copies, builds.letters()) == ({"reports/copies/a.json": "reports/a.json"}, [])
    values = Counter((row["run_id"], row["metric"]) for row in builds.rows("bench_metrics"))
    assert {run for run, _ in values} == {run["run_id"] for run in builds.rows()}
    assert set(values.values()) == {1}


@pytest.mark.parametrize("together", [True, False], ids=["in one build", "a build each"])
def test_a_copy_under_another_day_is_no_second_measurement(builds: Builds, together: bool) -> None:
    """The folder of a day holds a copy of the day before: which days are built together decides nothing."""
    days = (DAY, NEXT_DAY)
    for day in days:
        builds.reports.write(f"{day}/a.json", undated())
    for asked in [days] if together else [(day,) for day in reversed(days)]:
        builds.build(*asked, pattern=BY_FOLDER)
    assert builds.paths() == [(DAY, f"{DAY}/a.json")]


def test_when_the_first_copy_goes_the_second_takes_its_place(builds: Builds) -> None:
    """The run moves to where its file still is; it is never lost and never doubled."""
    first = builds.reports.write(f"{DAY}/a.json", undated())
    builds.reports.write(f"{NEXT_DAY}/a.json", undated())
    builds.build(DAY, NEXT_DAY, pattern=BY_FOLDER)
    first.unlink()
    intake = builds.build(NEXT_DAY, pattern=BY_FOLDER)
    assert (intake.missing, builds.paths()) == ([], [(NEXT_DAY, f"{NEXT_DAY}/a.json")])


def test_copies_outside_of_the_workspace_are_told_too(builds: Builds, tmp_path: Path) -> None:
    """Two folders may end alike: a copy is told even where both are shown under the same path."""
    for root in ("one", "two"):
        ReportWorkspace(tmp_path / root).write("a.json", dated())
    intake = builds.build(files=f"{tmp_path}/*/reports/*.json")
    assert builds.paths() == [(DAY, "a.json")]
    assert intake.copies == {"reports/a.json (2)": "reports/a.json"}


def test_a_history_that_grows_keeps_the_ids_of_its_runs(builds: Builds) -> None:
    """An entry is the same run however long the file has become, and reaches its own day only."""
    builds.reports.write("data.js", history(on(DAY)))
    builds.build(DAY, NEXT_DAY)
    [first] = builds.rows()
    builds.reports.write("data.js", history(on(DAY), on(NEXT_DAY)), at=WRITTEN + timedelta(hours=1))
    builds.build(NEXT_DAY)
    assert [run["day"] for run in builds.rows()] == [DAY, NEXT_DAY]
    assert builds.rows()[0]["run_id"] == first["run_id"]


def test_a_history_in_two_places_is_taken_once_however_the_copies_grow(builds: Builds) -> None:
    """One copy lags behind the other: every entry is one run."""
    builds.reports.write("a/data.js", history(on(DAY)))
    builds.reports.write("b/data.js", history(on(DAY), on(NEXT_DAY)))
    intake = builds.build(DAY, NEXT_DAY)
    assert builds.paths() == [(DAY, "a/data.js"), (NEXT_DAY, "b/data.js")]
    assert intake.copies == {"reports/b/data.js": "reports/a/data.js"}
    builds.reports.write("a/data.js", history(on(DAY), on(NEXT_DAY)), at=WRITTEN + timedelta(hours=1))
    builds.build(DAY, NEXT_DAY)
    assert builds.paths() == [(DAY, "a/data.js"), (NEXT_DAY, "a/data.js")]


def test_a_file_belongs_to_the_first_source_that_matches_it(builds: Builds) -> None:
    """Overlapping patterns, links to the same file: one reading, under the first source."""
    builds.reports.write("a.json", dated())
    (builds.reports.folder / "reports" / "z.json").symlink_to("a.json")
    sources = [ReportSource(files="reports/a.*", pattern=BY_FOLDER), ReportSource(files="reports/**/*")]
    intake = builds.build(sources=sources)
    [known] = builds.rows("input_files")
    assert (intake.files, known["reader"], builds.letters()) == (1, report_reader(sources[0]), [])


def test_odd_names_are_read_and_stored(builds: Builds) -> None:
    """Quotes, line breaks, brackets, and bytes that are no text."""
    names = ["it's [one] é\n.json", "tab\t\\.json", os.fsdecode(b"latin-\xe9.json"), "{day:Date}.json"]
    for number, name in enumerate(names):
        builds.reports.write(name, dated(f"run {number}"))
    assert builds.build().rows_by_day == {DAY: 4}
    assert builds.build().files_read == 0
    assert {path for _, path in builds.paths()} == {*names[:2], "latin-\N{REPLACEMENT CHARACTER}.json", names[3]}


def test_loops_of_links_end(builds: Builds) -> None:
    """A folder that links to itself or to its parent is looked into once."""
    path = builds.reports.write("deep/er/a.json", dated())
    (path.parent / "up").symlink_to(builds.reports.folder / "reports")
    (path.parent / "self").symlink_to("self")
    (path.parent / "self.json").symlink_to("self.json")
    intake = builds.build()
    assert (intake.files, builds.paths(), builds.letters()) == (1, [(DAY, "deep/er/a.json")], [])


class OtherUser:
    """Another user's rights while files are read; the warehouse is reached with one's own."""

    def __init__(self, store: ClickHouseWarehouse) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*arguments: Any, **more: Any) -> Any:
            other = os.geteuid()
            os.seteuid(0)
            try:
                return method(*arguments, **more)
            finally:
                os.seteuid(other)

        return call


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything: its tests run as nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_builds(warehouse: ClickHouseWarehouse, engine: Client) -> Iterator[Builds]:
    """Builds in a folder that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        builds = Builds(ReportWorkspace(Path(name) / "workspace"), warehouse, engine)
        (Path(name) / "workspace").chmod(0o777)
        yield builds


def build_as_other_user(builds: Builds, *days: date) -> Intake:
    """A build that may read only what everybody may read."""
    with without_privileges():
        store: Any = OtherUser(builds.warehouse) if os.getuid() == 0 else builds.warehouse
        return builds.build_with(store, *days)


def test_a_folder_without_rights_is_told_and_heals_by_itself(open_builds: Builds) -> None:
    """Other files are taken in; what lay in the folder is kept until it can be looked into again."""
    builds = open_builds
    locked = builds.reports.write("locked/a.json", dated()).parent
    builds.reports.write("open.json", dated("render"))
    locked.chmod(0)
    try:
        assert build_as_other_user(builds).rows_by_day == {DAY: 1}
        assert (builds.paths(), builds.letters()) == ([(DAY, "open.json")], [("locked", "unreadable")])
        assert build_as_other_user(builds).files_read == 0
    finally:
        locked.chmod(0o755)
    build_as_other_user(builds)
    assert (builds.paths(), builds.letters()) == ([(DAY, "locked/a.json"), (DAY, "open.json")], [])


@pytest.mark.parametrize("locked", ["a.json", "."], ids=["the file", "its folder"])
def test_what_cannot_be_opened_any_more_keeps_its_rows(open_builds: Builds, locked: str) -> None:
    """A failed read is not an empty file: the day may be built again, and what was measured stays."""
    builds = open_builds
    path = builds.reports.write("day/a.json", dated())
    other = builds.reports.write("b.json", dated("render"))
    build_as_other_user(builds)
    [before] = [run for run in builds.rows() if "a.json" in run["source_path"]]
    (path.parent / locked).chmod(0)
    try:
        for hour in (1, 2):
            builds.reports.write("b.json", dated("render", mean_ms=hour), at=WRITTEN + timedelta(hours=hour))
            assert build_as_other_user(builds).rows_by_day == {DAY: 2}
        assert [error for _, error in builds.letters()] == ["unreadable"]
        assert [run for run in builds.rows() if "a.json" in run["source_path"]] == [before]
    finally:
        (path.parent / locked).chmod(0o755)
    other.unlink()
    build_as_other_user(builds)
    assert builds.letters() == []
    assert builds.build(NEXT_DAY).missing == ["reports/b.json"]


class PowerCut(BaseException):
    """Stands for kill -9: nothing may catch it."""


class CutWarehouse(ClickHouseWarehouse):
    """A warehouse whose process ends before one kind of write."""

    cut_before = ""

    def append(self, table: str, rows: Iterable[Row]) -> None:
        self._cut(f"append {table}")
        super().append(table, rows)

    def replace_days(self, table: str, days: Sequence[date], rows: Iterable[Row]) -> int:
        self._cut(f"replace {table}")
        return super().replace_days(table, days, rows)

    def record_loads(self, source: str, loads: Any) -> None:
        self._cut("record")
        super().record_loads(source, loads)

    def _cut(self, doing: str) -> None:
        if doing == self.cut_before:
            raise PowerCut


@pytest.fixture
def cut_warehouse(warehouse: ClickHouseWarehouse) -> CutWarehouse:
    cut = CutWarehouse(warehouse._connect, warehouse._database)
    cut._shared = warehouse._shared
    return cut


@pytest.mark.parametrize(
    "moment",
    ["append dead_letters", "append input_files", "replace bench_metrics", "replace bench_runs", "record"],
)
def test_a_build_killed_between_two_writes_is_made_good_by_the_next(
    builds: Builds, cut_warehouse: CutWarehouse, moment: str
) -> None:
    """At every step the next build leaves the same rows, and each dead letter once."""
    builds.reports.write("a.json", compiled())
    builds.reports.write("b.json", b"{")
    builds.build()
    builds.reports.write("a.json", compiled("eager"), at=WRITTEN + timedelta(hours=1))
    builds.reports.write("b.json", b"{{", at=WRITTEN + timedelta(hours=1))
    builds.reports.write("c.json", b"[")
    cut_warehouse.cut_before = moment
    with pytest.raises(PowerCut):
        builds.build_with(cut_warehouse)
    builds.build()
    [run], metrics = builds.rows(), builds.rows("bench_metrics")
    assert "eager" in run["benchmark"]
    assert {row["run_id"] for row in metrics} == {run["run_id"]}
    assert len(metrics) == len({row["metric"] for row in metrics})
    assert builds.letters() == [("b.json", "refused_report"), ("c.json", "refused_report")]
    assert builds.build().plan.build == ()


def _configured_on_disk(builds: Builds) -> Path:
    """The workspace as other processes load it."""
    lines = ["[muse]", "start_date = 2026-08-01", "[repositories.hearts]", 'path = "hearts"', "[[reports]]"]
    (builds.reports.folder / "muse.toml").write_text("\n".join([*lines, 'files = "reports/**/*"']))
    return builds.reports.folder


def test_two_builds_at_once_leave_one_correct_state(builds: Builds, loaders: Loaders) -> None:
    """Two runs over one workspace: one reads, the other finds it read; no row, letter or reading is doubled."""
    for number in range(40):
        builds.reports.write(f"{number}.json", dated(f"run {number}"))
    builds.reports.write("bad.json", b"{")
    folder = _configured_on_disk(builds)
    processes = loaders.start_together(*[("take_in", folder, DAY)] * 3)
    said = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert sorted(one["files_read"] for one in said) == [0, 0, 41]
    assert (len(builds.rows()), builds.letters()) == (40, [("bad.json", "refused_report")])
    assert len(builds.rows("input_files")) == 41
    assert builds.build().plan.build == ()


def test_builds_that_are_killed_leave_what_an_undisturbed_one_leaves(builds: Builds, loaders: Loaders) -> None:
    """kill -9 at any moment of reading and storing, then once to the end."""
    for number in range(60):
        builds.reports.write(f"{number}.json", dated(f"run {number}"))
    builds.reports.write("bad.json", b"{")
    folder = _configured_on_disk(builds)
    for wait_ms in (0, 10, 30, 60, 100, 160):
        [process] = loaders.start_together(("take_in", folder, DAY))
        loaders.kill_after(process, wait_ms)
    builds.build()
    killed = builds.content()
    assert (len(builds.rows()), builds.letters()) == (60, [("bad.json", "refused_report")])
    for table in ("input_files", "dead_letters", "bench_runs", "bench_metrics", "loaded_days"):
        builds.engine.command(f"TRUNCATE TABLE {table} SYNC")
    builds.build()
    assert builds.content() == killed


def test_a_clock_that_was_set_back_lets_no_older_reading_win(builds: Builds) -> None:
    """The newest reading is the last one, whatever the clock of its machine said."""
    builds.reports.write("a.json", b"{")
    workspace = builds.reports.configured()
    take_in_reports(builds.warehouse, workspace, [DAY], NOW)
    builds.reports.write("a.json", dated(), at=WRITTEN + timedelta(hours=1))
    take_in_reports(builds.warehouse, workspace, [DAY], NOW - timedelta(days=300))
    assert (builds.letters(), builds.paths()) == ([], [(DAY, "a.json")])
    assert take_in_reports(builds.warehouse, workspace, [DAY], NOW).files_read == 0


def test_many_vanished_reports_are_kept(builds: Builds) -> None:
    """A whole archive may be cleaned up at once."""
    for number in range(3000):
        builds.reports.write(f"archive/a-rather-long-name-of-a-report-{number:05}.json", dated(f"run {number}"))
    builds.build()
    shutil.rmtree(builds.reports.folder / "reports" / "archive")
    builds.reports.write("new.json", dated("render"))
    assert builds.build().rows_by_day == {DAY: 3001}


def test_one_impossible_report_costs_itself(builds: Builds) -> None:
    """F-08: times and counts that no table could hold do not stop the reports beside them."""
    builds.reports.write("good.json", dated())
    builds.reports.write("zero-time.json", dated() | {"timestamp": "0001-01-01T00:00:00Z"})
    huge = dated("huge")
    huge["timing"]["samples"] = 2**52
    builds.reports.write("huge.json", huge)
    builds.build()
    assert (DAY, "good.json") in builds.paths()
    assert builds.letters() == [("zero-time.json", "undated")]


@given(st.lists(mutated(sorted(SAMPLES)), min_size=40, max_size=60), st.integers(0, 10**9))
@settings(max_examples=5, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_no_mutated_report_stops_a_build(
    make_builds: Callable[[], Builds], samples: list[tuple[str, Mapping[str, Any]]], seed: int
) -> None:
    """Whatever stands in the reports is stored or refused, all of it in one build."""
    builds = make_builds()
    for number, (_, report) in enumerate(samples):
        builds.reports.write(f"{DAY}/{seed}-{number}.json", json.dumps(report).encode("utf-8", "replace"))
    intake = builds.build(pattern=BY_FOLDER)
    assert (intake.files, intake.files_read) == (len(samples), len(samples))
    known = {reading.path: reading for reading in FileLedger(builds.warehouse, "bench_runs").readings}
    stored = Counter(f"reports/{path}" for _, path in builds.paths())
    assert all(stored[path] <= reading.days[DAY] for path, reading in known.items() if DAY in reading.days)


@pytest.fixture
def make_builds(
    tmp_path_factory: pytest.TempPathFactory, warehouse: ClickHouseWarehouse, engine: Client
) -> Callable[[], Builds]:
    """A fresh workspace over emptied tables."""

    def make() -> Builds:
        for table in ("input_files", "dead_letters", "bench_runs", "bench_metrics", "loaded_days"):
            engine.command(f"TRUNCATE TABLE {table} SYNC")
        return Builds(ReportWorkspace(tmp_path_factory.mktemp("mutated") / "workspace"), warehouse, engine)

    return make
