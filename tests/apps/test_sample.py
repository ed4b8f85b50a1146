"""The sample workspace: the same everywhere, whole or absent, and holding what its truth says."""

import csv
import hashlib
import json
import re
import signal
import statistics
import subprocess
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muse_apps.sample import workspace
from muse_apps.sample.plan import DAY_WITHOUT_COMMITS, SAMPLE_VERSION
from muse_apps.sample.truth import PlantedShift, SampleTruth, read_truth, write_truth
from muse_apps.sample.workspace import SampleFolderTaken, build_sample_workspace, put_in_place
from muse_domain.formats.registry import read_report
from muse_domain.measurements import Quality, ReportRefused
from muse_domain.relations import spearman
from muse_domain.settings import parse_settings

# Of SAMPLE_VERSION. A change of any byte has to change both, or old workspaces would be taken for new ones.
DIGEST = (3, "5f0a8d449c5d9bc5")

Points = dict[datetime, float]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleTruth]:
    folder = tmp_path_factory.mktemp("sample") / "demo"
    return folder, build_sample_workspace(folder)


@pytest.fixture(scope="module")
def points(sample: tuple[Path, SampleTruth]) -> dict[str, Points]:
    """Benchmark to its level at each run: the median of a test, tokens a second of ollama."""
    folder, truth = sample
    cut = {refused.path for refused in truth.refused if refused.kind == "truncated"}
    found: dict[str, Points] = defaultdict(dict)
    for file in _files(folder, "reports/*/*-engine.json"):
        if str(file.relative_to(folder)) not in cut:
            report = json.loads(file.read_text())
            for result in report["benchmarks"]:
                found[result["name"]][datetime.fromisoformat(report["datetime"])] = result["stats"]["median"]
    for file in _files(folder, "reports/*/*-ollama-*.csv"):
        rows = _rows(file)
        at = datetime.fromisoformat(rows[0]["timestamp"])
        found[rows[0]["model"]][at] = statistics.fmean(float(row["tokens_s"]) for row in rows)
    return found


@pytest.fixture(scope="module")
def events(sample: tuple[Path, SampleTruth]) -> list[dict[str, Any]]:
    """Every valid event once."""
    folder, truth = sample
    bad = {(refused.path, refused.item) for refused in truth.refused if refused.kind == "bad_line"}
    found = {}
    for file in _files(folder, "events/*.jsonl"):
        path = str(file.relative_to(folder))
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            if (path, str(number)) not in bad:
                event = json.loads(line)
                found[event["id"]] = event
    return list(found.values())


def test_two_builds_have_the_same_bytes_and_the_same_commits(sample: tuple[Path, SampleTruth], tmp_path: Path) -> None:
    """The sample is the same wherever it is built: its episodes can be compared."""
    truth = build_sample_workspace(tmp_path / "other")
    assert truth == sample[1]
    assert _digest(tmp_path / "other") == _digest(sample[0])


def test_the_version_changes_whenever_a_byte_does(sample: tuple[Path, SampleTruth]) -> None:
    """A workspace of another version is rebuilt; one of the same version is trusted."""
    assert (SAMPLE_VERSION, _digest(sample[0])) == DIGEST


def test_the_truth_in_the_file_is_the_truth_returned(sample: tuple[Path, SampleTruth]) -> None:
    """truth.json is for people and other programs; it says the same."""
    assert read_truth(sample[0]) == sample[1]


def test_the_settings_are_valid_and_find_every_file(sample: tuple[Path, SampleTruth]) -> None:
    """muse.toml passes the model that Muse reads it with, and its paths lead to the sample's own files."""
    folder, _ = sample
    settings = parse_settings(tomllib.loads((folder / "muse.toml").read_text()))
    assert settings.muse.sample
    assert all((folder / role.path / ".git").is_dir() for role in settings.repositories.values())
    assert len(_files(folder, settings.reports[0].files)) == 21 * 13 + 1
    assert len(_files(folder, settings.events[0].files)) == 21


def test_the_mapping_takes_no_personal_data(sample: tuple[Path, SampleTruth], events: list[dict[str, Any]]) -> None:
    """The events hold names and addresses of users; nothing that the mapping names lies under `user`."""
    settings = parse_settings(tomllib.loads((sample[0] / "muse.toml").read_text()))
    mapped = str(settings.events[0].mapping.model_dump())
    assert all(event["user"]["email"].endswith("@example.org") for event in events)
    assert "user." not in mapped and "email" not in mapped


def test_everything_that_can_says_that_it_is_sample_data(
    sample: tuple[Path, SampleTruth], events: list[dict[str, Any]]
) -> None:
    """Nobody may take the made-up numbers for measured ones."""
    folder, _ = sample
    authors = _git(folder / "sources" / "hearts", "log", "--format=%an") + _git(
        folder / "sources" / "packs", "log", "--format=%an"
    )
    report = json.loads(_files(folder, "reports/*/*-engine.json")[0].read_text())
    assert all(author.startswith("Sample ") for author in authors)
    assert report["machine_info"]["node"].startswith("sample-")
    assert all(event["id"].startswith("sample-") for event in events)


@pytest.mark.parametrize("role", ["hearts", "packs"])
def test_a_repository_has_commits_on_main_and_a_clean_work_tree(sample: tuple[Path, SampleTruth], role: str) -> None:
    """The sources are ordinary repositories: two to five commits a weekday, none on one Sunday."""
    folder, truth = sample[0] / "sources" / role, sample[1]
    dates = Counter(date.fromisoformat(line) for line in _git(folder, "log", "--format=%cs", "main"))
    assert all(dates[day] >= 2 for day in truth.days if day.weekday() < 5)
    assert dates[DAY_WITHOUT_COMMITS] == 0
    assert _git(folder, "rev-parse", "main") == [truth.heads[role]]
    assert _git(folder, "status", "--short") == []


def test_each_shift_begins_with_its_commit(sample: tuple[Path, SampleTruth], points: dict[str, Points]) -> None:
    """Runs before the commit do not have it, five runs of its day do, and it touches the named file."""
    folder, truth = sample
    for shift in truth.shifts:
        shown = _git(folder / "sources" / "hearts", "show", "--format=%s", "--name-only", shift.commit_sha)
        assert [line for line in shown if line] == [shift.subject, shift.path]
        runs = [at for at in points[shift.benchmark] if at.date() == shift.day]
        assert sum(at > shift.began_at for at in runs) == 5


def test_each_run_measures_the_newest_commit_before_it(sample: tuple[Path, SampleTruth]) -> None:
    """A report names a commit that existed when it ran, and every commit's day ends with it measured."""
    folder, _ = sample
    log = [line.split() for line in _git(folder / "sources" / "hearts", "log", "--format=%H %cI")]
    commits = [(sha, datetime.fromisoformat(at)) for sha, at in log]
    for file in _files(folder, "reports/*/*-ollama-*.csv"):
        named = re.findall("[0-9a-f]{40}", file.name)
        run = datetime.fromisoformat(_rows(file)[0]["timestamp"])
        assert named == [next(sha for sha, at in commits if at < run)]


def test_the_statistics_of_a_report_agree_with_each_other(sample: tuple[Path, SampleTruth]) -> None:
    """Order, spread and totals hold as in a report of pytest-benchmark, so no run is quarantined."""
    folder, truth = sample
    cut = {refused.path for refused in truth.refused}
    for file in _files(folder, "reports/*/*-engine.json"):
        if str(file.relative_to(folder)) in cut:
            continue
        for result in json.loads(file.read_text())["benchmarks"]:
            stats = result["stats"]
            ordered = [stats[name] for name in ("min", "q1", "median", "q3", "max")]
            assert ordered == sorted(ordered)
            assert stats["min"] <= stats["ld15iqr"] <= stats["hd15iqr"] <= stats["max"]
            assert stats["min"] < stats["mean"] < stats["max"]
            assert stats["total"] == pytest.approx(stats["mean"] * stats["rounds"])
            assert stats["ops"] * stats["mean"] == pytest.approx(1)
            assert stats["iqr"] == pytest.approx(stats["q3"] - stats["q1"])
            assert 0 < stats["stddev"] < stats["max"] - stats["min"]


def test_the_columns_of_an_ollama_request_agree_with_each_other(sample: tuple[Path, SampleTruth]) -> None:
    """24 requests a run, whose first token waits for loading and reading, and whose pace is tokens / time."""
    for file in _files(sample[0], "reports/*/*-ollama-*.csv"):
        rows = _rows(file)
        assert len(rows) == 24
        for row in rows:
            first = float(row["load_s"]) + float(row["prompt_eval_s"])
            assert float(row["ttft_s"]) == pytest.approx(first, abs=2e-6)
            assert float(row["tokens_s"]) == pytest.approx(int(row["eval_count"]) / float(row["eval_s"]), 1e-3)
            assert json.loads(row["options"])["seed"] == 7


@pytest.mark.parametrize("number", range(4))
def test_the_planted_ratio_is_in_the_files(
    sample: tuple[Path, SampleTruth], points: dict[str, Points], number: int
) -> None:
    """The medians around each shift, on one machine, differ by the plan within three points."""
    truth = sample[1]
    shift = truth.shifts[number]
    assert _ratio_around(points, shift, truth) == pytest.approx(shift.factor, abs=0.03)


def test_the_environment_changes_every_benchmark_at_once_and_says_so(
    sample: tuple[Path, SampleTruth], points: dict[str, Points]
) -> None:
    """Six percent on all of a day, with another machine in the report: a reader can tell it from code."""
    folder, truth = sample
    change = truth.environment_changes[0]
    assert change.before != change.after
    for file in _files(folder, "reports/*/0020-engine.json"):
        machine = json.loads(file.read_text())["machine_info"]
        expected = change.after if file.parent.name >= change.at.date().isoformat() else change.before
        assert {"cpu": machine["cpu"]["brand_raw"], "python_version": machine["python_version"]} == expected
    for benchmark in ("tokenize_prompt", "prefill_512", "decode_step", "kv_cache_append", "sample_top_p"):
        begin, end = change.at - timedelta(days=2), change.at + timedelta(days=2)
        ratio = _median(points[benchmark], change.at, end) / _median(points[benchmark], begin, change.at)
        assert ratio == pytest.approx(change.factor, abs=0.03)


def test_what_must_be_refused_is_refused_and_nothing_else(sample: tuple[Path, SampleTruth]) -> None:
    """The readers of Muse take every report as it is, but for the planned three."""
    folder, truth = sample
    found = set()
    for file in _files(folder, "reports/**/*"):
        path = str(file.relative_to(folder))
        try:
            reading = read_report(file.name, file.read_bytes())
        except ReportRefused:
            found.add(path)
            continue
        if reading.refusals or any(run.quality is not Quality.OK for run in reading.measurements):
            found.add(path)
    assert found == {refused.path for refused in truth.refused if refused.kind != "bad_line"}


def test_the_events_are_as_many_on_each_day_as_the_truth_says(
    sample: tuple[Path, SampleTruth], events: list[dict[str, Any]]
) -> None:
    """Counted once and by their own time, whichever file and however often they came in."""
    truth = sample[1].events
    assert Counter(_at(event).date() for event in events) == truth.by_day
    assert len(events) == truth.count == pytest.approx(30_000, rel=0.05)


def test_every_event_comes_from_a_build_that_was_committed_before_it(
    sample: tuple[Path, SampleTruth], events: list[dict[str, Any]]
) -> None:
    """People get a build some 45 minutes after its commit, well within the grace that muse.toml gives."""
    log = [line.split() for line in _git(sample[0] / "sources" / "packs", "log", "--format=%H %cI")]
    committed = {sha: datetime.fromisoformat(at) for sha, at in log}
    first: dict[str, datetime] = {}
    for event in sorted(events, key=_at):
        first.setdefault(event["build"], _at(event))
    assert all(timedelta(minutes=45) <= first[sha] - committed[sha] for sha in first)
    newest = log[0][0]
    assert first[newest] - committed[newest] < timedelta(minutes=90)


def test_some_events_come_twice_and_some_late(sample: tuple[Path, SampleTruth]) -> None:
    """Ten are sent twice, two of them into the next day's file; one batch arrives a day late, at the end."""
    folder, truth = sample[0], sample[1].events
    ids = re.compile(r'^\{"id":"([^"]+)".*\}$', re.M)
    seen = Counter(name for file in _files(folder, "events/*.jsonl") for name in ids.findall(file.read_text()))
    assert sorted(name for name, count in seen.items() if count == 2) == sorted(truth.sent_twice)
    late = (folder / truth.late_file).read_text().splitlines()[-truth.late_count :]
    assert {_at(json.loads(line)).date() for line in late} == {truth.late_day}


def test_bad_lines_stand_where_the_truth_says(sample: tuple[Path, SampleTruth]) -> None:
    """Three lines hold no event: one is cut, one is not JSON, one has no time."""
    folder, truth = sample
    bad = [refused for refused in truth.refused if refused.kind == "bad_line"]
    lines = (folder / bad[0].path).read_text().splitlines()
    cut, not_json, timeless = (lines[int(refused.item) - 1] for refused in bad)
    for line in (cut, not_json):
        with pytest.raises(json.JSONDecodeError):
            json.loads(line)
    assert "at" not in json.loads(timeless)


def test_sessions_have_three_to_eight_events_and_some_are_abandoned(events: list[dict[str, Any]]) -> None:
    """A session is opened, asks, and is answered; a few never are; about one event in fifty is an error."""
    sessions: dict[str, list[str]] = defaultdict(list)
    for event in events:
        sessions[event["session"]["id"]].append(event["kind"])
    assert {len(kinds) for kinds in sessions.values()} <= set(range(3, 9))
    abandoned = sum("query_done" not in kinds and "error" not in kinds for kinds in sessions.values())
    assert 0.05 < abandoned / len(sessions) < 0.13
    assert 0.01 < sum(event["kind"] == "error" for event in events) / len(events) < 0.03


def test_the_users_feel_the_slower_prefill(
    sample: tuple[Path, SampleTruth], points: dict[str, Points], events: list[dict[str, Any]]
) -> None:
    """Rank correlation by hour over the trailing week: strong where planted, weak before."""
    joint = sample[1].joint_movements[0]
    users = _hourly_median(events, joint.event_type)
    before = _correlation(points[joint.benchmark], users, date(2026, 9, 11))
    assert before < 0.5
    for day in joint.days:
        assert _correlation(points[joint.benchmark], users, day) >= joint.minimum_spearman
    week = timedelta(days=3)
    ratio = _median(users, joint.began_at, joint.began_at + week) / _median(
        users, joint.began_at - week, joint.began_at
    )
    assert ratio == pytest.approx(joint.factor, abs=0.03)


def test_the_sample_is_small_and_quick(tmp_path: Path) -> None:
    """`make demo` must not wait for it, nor fill a disk."""
    started = time.perf_counter()
    build_sample_workspace(tmp_path / "demo")
    took_s = time.perf_counter() - started
    events_mb = sum(file.stat().st_size for file in _files(tmp_path / "demo", "events/*")) / 1e6
    assert events_mb < 12
    assert took_s < 10  # about 1.5 on an idle machine


def test_a_complete_sample_is_left_as_it_is(tmp_path: Path) -> None:
    """What a person changed in it stays."""
    folder = tmp_path / "demo"
    truth = build_sample_workspace(folder)
    (folder / "muse.toml").write_text((folder / "muse.toml").read_text() + "\n# mine\n")
    assert build_sample_workspace(folder) == truth
    assert (folder / "muse.toml").read_text().endswith("# mine\n")


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch, sample: tuple[Path, SampleTruth]) -> SampleTruth:
    """Builds write three tiny files and the real truth: the rules of placing files need no more."""

    def write(folder: Path) -> SampleTruth:
        for name in ("sources", "reports", "events"):
            (folder / name).mkdir(parents=True)
            (folder / name / "new").write_text(name)
        (folder / "muse.toml").write_text("[muse]\nsample = true\n")
        write_truth(folder, sample[1])
        return sample[1]

    monkeypatch.setattr(workspace, "_write_all", write)
    return sample[1]


def test_another_version_is_rebuilt_beside_untouched_state(tmp_path: Path, small_sample: SampleTruth) -> None:
    """The warehouse, the blog, the site and Dagster's folder belong to others."""
    folder = tmp_path / "demo"
    build_sample_workspace(folder)
    write_truth(folder, replace(small_sample, version=0))
    (folder / "reports" / "of-the-old-version").write_text("old")
    for state in ("warehouse", "blog", "site", "dagster"):
        (folder / state).mkdir()
        (folder / state / "kept").write_text(state)
    build_sample_workspace(folder)
    assert read_truth(folder) == small_sample
    assert [file.name for file in (folder / "reports").iterdir()] == ["new"]
    assert all((folder / s / "kept").read_text() == s for s in ("warehouse", "blog", "site", "dagster"))


def test_a_workspace_of_ones_own_is_refused(tmp_path: Path, small_sample: SampleTruth) -> None:
    """The sample never overwrites real reports or settings, and says what to do."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "muse.toml").write_text('[muse]\ntitle = "Ours"\n')
    with pytest.raises(SampleFolderTaken, match="choose another folder"):
        build_sample_workspace(tmp_path)
    assert list((tmp_path / "reports").iterdir()) == []


class PowerCut(BaseException):
    """Stands for kill -9: nothing may catch it."""


@pytest.mark.parametrize("survived", range(9))
def test_a_rebuild_stopped_at_any_rename_is_completed_by_the_next(
    tmp_path: Path, small_sample: SampleTruth, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """Stopped anywhere, the folder has no truth (so nobody takes it for whole) or is whole."""
    folder = tmp_path / "demo"
    build_sample_workspace(folder)
    write_truth(folder, replace(small_sample, version=0))
    moves: list[Path] = []
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _cut_after(survived, moves, Path.rename))
        patch.setattr(Path, "replace", _cut_after(survived, moves, Path.replace))
        try:
            build_sample_workspace(folder)
        except PowerCut:
            assert read_truth(folder) is None
    assert build_sample_workspace(folder) == small_sample
    assert [file.read_text() for file in sorted(folder.glob("*/new"))] == ["events", "reports", "sources"]


def test_a_build_killed_in_the_middle_leaves_no_folder_and_the_next_completes_it(
    tmp_path: Path, sample: tuple[Path, SampleTruth]
) -> None:
    """kill -9 while it writes reports: the folder is not there yet, and no leftovers stay."""
    folder = tmp_path / "demo"
    with _builder(folder) as building:
        _wait_until(lambda: any(tmp_path.glob(".demo.building-*/new/reports/2026-09-03")))
        building.send_signal(signal.SIGKILL)
    assert not folder.exists()
    assert build_sample_workspace(folder) == sample[1]
    assert _digest(folder) == _digest(sample[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".demo.sample.lock", "demo"]


def test_two_builds_at_once_give_one_sample(tmp_path: Path, sample: tuple[Path, SampleTruth]) -> None:
    """The second waits for the first and finds its work done."""
    folder = tmp_path / "demo"
    with _builder(folder) as one, _builder(folder) as other:
        assert (one.wait(60), other.wait(60)) == (0, 0)
    assert _digest(folder) == _digest(sample[0])


def test_a_first_build_appears_as_a_whole(tmp_path: Path) -> None:
    """Into a folder that is not there, everything comes with a single rename."""
    new = tmp_path / "new"
    new.mkdir()
    (new / "anything").write_text("whole")
    put_in_place(new, tmp_path / "demo", aside=tmp_path / "old")
    assert (tmp_path / "demo" / "anything").read_text() == "whole"
    assert not (tmp_path / "old").exists()


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _digest(folder: Path) -> str:
    """Of every file outside .git, and of the commits inside."""
    digest = hashlib.sha256()
    for file in _files(folder, "**/*"):
        if ".git" not in file.parts:
            digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    for role in ("hearts", "packs"):
        digest.update("".join(_git(folder / "sources" / role, "rev-list", "main")).encode())
    return digest.hexdigest()[:16]


def _git(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["at"])


def _median(points: Points, begin: datetime, end: datetime) -> float:
    return statistics.median(value for at, value in points.items() if begin <= at < end)


def _ratio_around(points: dict[str, Points], shift: PlantedShift, truth: SampleTruth) -> float:
    """Median after / before over at most seven days, not past a change of machine or another shift."""
    edges = [truth.environment_changes[0].at] if shift.source_format == "pytest-benchmark" else []
    week = timedelta(days=7)
    begin = max([shift.began_at - week, *(edge for edge in edges if edge < shift.began_at)])
    end = min([shift.began_at + week, *(edge for edge in edges if edge > shift.began_at)])
    level = points[shift.benchmark]
    return _median(level, shift.began_at, end) / _median(level, begin, shift.began_at)


def _hourly_median(events: list[dict[str, Any]], kind: str) -> Points:
    hours: dict[datetime, list[float]] = defaultdict(list)
    for event in events:
        if event["kind"] == kind:
            hours[_hour(_at(event))].append(event["took_ms"])
    return {hour: statistics.median(values) for hour, values in hours.items()}


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _correlation(runs: Points, users: Points, last_day: date) -> float:
    end = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), UTC)
    pairs = [(v, users[_hour(at)]) for at, v in runs.items() if end - timedelta(days=7) <= at < end]
    coefficient = spearman(*(np.array(side) for side in zip(*pairs, strict=True)))
    assert coefficient is not None
    return coefficient


def _cut_after(survived: int, moves: list[Path], real: Callable[..., Path]) -> Callable[..., Path]:
    def move(path: Path, target: Path) -> Path:
        if len(moves) == survived:
            raise PowerCut
        moves.append(path)
        return real(path, target)

    return move


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited 30 seconds in vain"
        time.sleep(0.005)


@contextmanager
def _builder(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that builds the sample, ended at the latest with the block."""
    code = (
        "import sys, pathlib; from muse_apps.sample.workspace import build_sample_workspace as build; "
        "build(pathlib.Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
