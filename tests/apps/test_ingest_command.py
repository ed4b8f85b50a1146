"""`muse ingest` and `muse dead-letters` on small real workspaces: what they print at 80 columns, and how they end."""

import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from muse_apps.cli import app
from muse_apps.spans import named_days
from muse_domain.failures import PermanentFailure
from muse_resources.embedded.connect import owner_client, stop_owner
from muse_resources.report_files import LARGEST_REPORT_BYTES
from muse_resources.statements import migrations
from tests.workspaces import all_rows, change_warehouse, owners_in, selected, stop_warehouse, warehouse_folder

SETTINGS = """
[muse]
title = "Small log"
start_date = 2026-08-28
end_date = 2026-09-05

[repositories.hearts]
path = "hearts"
[repositories.packs]
path = "hearts"

[[reports]]
files = "reports/*.json"

[[events]]
files = "events/*.jsonl*"
[events.mapping]
ts = "at"
event_type = "kind"
event_id = "id"
session = "session"
latency = "took_ms"
"""
REPORTED_S = 1_788_258_600  # 2026-09-01 10:30 UTC
LAST = date(2026, 9, 5)
SECRET = "hunter2-of-the-store"
SEGMENT = {"type": "track", "event": "opened", "messageId": "m1", "timestamp": "2026-09-01T10:00:00Z"}


def report(name: str = "parse", mean_ms: float = 0.796, at_s: int = REPORTED_S) -> dict[str, Any]:
    """A report of one run that states its time, of a size that follows from its values."""
    timing = {"samples": 30, "mean_ms": mean_ms, "p50_ms": mean_ms, "stdev_ms": 0.01}
    return {"benchmark_name": name, "timestamp": at_s, "timing": timing, "environment": {"os": "Linux"}}


def undated() -> dict[str, Any]:
    """A report of one run that states no time."""
    timing = {"mean_time_ms": 1.0, "std_time_ms": 0.1, "min_time_ms": 0.5, "max_time_ms": 2.0}
    return {"attention": {"torch": timing}, "tensor_core": {}, "fusion": {}}


def event(number: int) -> dict[str, Any]:
    return {"at": f"2026-09-01T10:00:0{number}Z", "kind": "opened", "id": f"e{number}", "session": "s", "took_ms": 3.5}


class Small:
    """A workspace and the command in it."""

    def __init__(self, folder: Path, state: str = "") -> None:
        self.folder = folder
        self._state = state
        self.environment: dict[str, str] = {}
        for name in ("hearts", "reports", "events", "elsewhere"):
            (folder / name).mkdir(parents=True)
        self.configure(SETTINGS)
        self._git("init", "-q", "-b", "main")
        self._git("commit", "-q", "--allow-empty", "-m", "one")

    def _git(self, *arguments: str) -> None:
        who = {f"GIT_{part}_{what}": "a@b" for part in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        when = {f"GIT_{part}_DATE": "2026-09-01T09:00:00Z" for part in ("AUTHOR", "COMMITTER")}
        environment = {**os.environ, **who, **when, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *arguments], cwd=self.folder / "hearts", env=environment, check=True)

    def configure(self, settings: str) -> None:
        (self.folder / "muse.toml").write_text(settings + self._state)

    def write(self, name: str, *content: dict[str, Any] | bytes) -> Path:
        """Write a file: bytes as they are, objects as a JSON text a line."""
        path = self.folder / name
        path.write_bytes(
            b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in content)
        )
        return path

    def muse(self, *arguments: str | Path, expect: int = 0) -> str:
        """What the command prints, as it stands on a terminal of 80 columns."""
        env = {**dict.fromkeys(("MUSE_HASH_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")), **self.environment}
        done = CliRunner().invoke(app, ["--workspace", str(self.folder), *map(str, arguments)], env=env)
        assert done.exit_code == expect, f"{done.output}\n{done.exception!r}"
        # What is to be copied is not folded.
        assert (
            "show" in arguments or "--explain" in arguments or all(len(one) <= 80 for one in done.output.splitlines())
        )
        return done.output

    def told(self, *arguments: str | Path, expect: int = 0) -> str:
        """What the command prints, on one line."""
        return " ".join(self.muse(*arguments, expect=expect).replace("│", " ").split())

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return selected(self.folder, sql)

    def benchmarks(self) -> list[str]:
        return [row["benchmark"] for row in self.rows("SELECT benchmark FROM bench_runs ORDER BY benchmark")]

    def states(self) -> dict[str, str]:
        """File to state, as a dry run tells them."""
        lines = [line.split() for line in self.muse("ingest", "--dry-run").splitlines()]
        table = [line for line in lines if line and "/" in line[0]]
        return {line[0]: "read otherwise" if line[1] == "read" else line[1] for line in table}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where all fresh workspaces keep what Muse makes, as muse.toml says it: starting an engine takes seconds."""
    folder = tmp_path_factory.mktemp("state")
    warehouse = folder / "warehouse"
    yield f'[warehouse]\nfolder = "{warehouse}"\n[dagster]\nhome = "{folder / "dagster"}"\n'
    stop_owner(warehouse)


@pytest.fixture
def fresh(tmp_path: Path, state: str) -> Small:
    """A workspace of one good report and one event file; nothing is taken in yet."""
    small = Small(tmp_path / "small", state)
    with owner_client(warehouse_folder(small.folder)) as client:
        client.command("DROP DATABASE IF EXISTS chimera_metrics SYNC")
    small.write("reports/good.json", report())
    small.write("events/a.jsonl", event(1), event(2))
    return small


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A workspace with something of everything, taken in once. Look, but change nothing of its sources."""
    small = Small(tmp_path_factory.mktemp("ingest") / "small")
    small.write("reports/good.json", report())
    small.write("reports/bad.json", report("bad", mean_ms=-1.0))
    small.write("reports/undated.json", undated())
    small.write("reports/unknown.json", {"what": 1, "is": 2})
    small.write("events/a.jsonl", event(1), event(2), b"nonsense\n", {"kind": "opened"})
    small.muse("ingest")
    yield small
    stop_warehouse(small.folder)


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_the_first_ingest_tells_what_it_read(fresh: Small) -> None:
    """Days, files, rows by table."""
    said = fresh.told("ingest")
    assert "2026-08-28 to 2026-09-05: read 1 report and 1 event file, new or changed." in said
    assert "commits 2 bench_runs 1 bench_metrics 0 ui_events 2 session_stats 1" in said
    assert "Refused: none" in said and "Quarantined" not in said


def test_the_next_ingest_reads_nothing(built: Small) -> None:
    """And says so; the tables are as they were."""
    before = all_rows(built.folder)
    assert "no report and no event file has changed." in built.told("ingest")
    assert all_rows(built.folder) == before


def test_refusals_are_told_with_where_to_look(built: Small) -> None:
    """Each with its reason; quarantined runs apart from them."""
    said = built.told("ingest")
    assert "Refused (4)" in said and "events/a.jsonl line 3 not valid JSON." in said
    assert "`muse dead-letters list` numbers them" in said
    assert "Quarantined: kept, and never used (1)" in said and "latency_mean_ms is -1" in said


def test_only_the_days_that_were_asked_for_are_built(fresh: Small) -> None:
    """The others wait for their turn."""
    fresh.write("reports/later.json", report("later", at_s=REPORTED_S + 2 * 86_400))
    said = fresh.told("ingest", "--from", "2026-09-01", "--to", "2026-09-02")
    assert said.startswith("2026-09-01 to 2026-09-02: read 2 reports")
    assert fresh.rows("SELECT benchmark FROM bench_runs") == [{"benchmark": "timing/parse"}]
    fresh.muse("ingest")
    assert fresh.rows("SELECT count() AS n FROM bench_runs") == [{"n": 2}]


def test_a_failed_ingest_ends_with_1(fresh: Small) -> None:
    """What failed is named with its remedy; what was read stays."""
    fresh.configure(SETTINGS.replace('path = "hearts"', 'path = "hearts"\nbranch = "trunk"', 1))
    said = fresh.told("ingest", expect=1)
    assert "failed ingest tables: commits:" in said and "has no branch 'trunk': set repositories.hearts.branch" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--from", "2026-10-01"), "no day is left"),
        (("--from", "soon"), "soon"),
        (("--dry-run", "--from", "2026-09-01"), "--explain and --dry-run stand alone"),
        (("--dry-run", "--forget-missing"), "--explain and --dry-run stand alone"),
        (("--explain", "nowhere.json"), "nowhere.json"),
    ],
)
def test_a_misused_ingest_ends_with_2(built: Small, options: tuple[str, ...], expected: str) -> None:
    """Before anything is read."""
    assert expected in built.told("ingest", *options, expect=2)


def test_a_dry_run_says_what_each_file_would_give(fresh: Small) -> None:
    """Runs and days of a report, lines of events, the reason of a refusal."""
    fresh.write("reports/bad.json", report("bad", mean_ms=-1.0))
    fresh.write("reports/unknown.json", {"what": 1})
    said = fresh.told("ingest", "--dry-run")
    assert "4 files: 4 new" in said and said.endswith("Nothing was written.")
    assert "reports/good.json new 1 run of 1 day" in said
    assert "reports/bad.json new 1 run of 1 day, 1 quarantined" in said
    assert "reports/unknown.json new refused: The format of the report is not known" in said
    assert "events/a.jsonl new 2 lines" in said


def test_a_dry_run_writes_nothing(fresh: Small) -> None:
    """No table changes, whatever it has found."""
    fresh.muse("ingest")
    before = all_rows(fresh.folder)
    (fresh.folder / "reports/good.json").unlink()
    fresh.write("reports/new.json", report("new"))
    fresh.write("events/a.jsonl", event(3))
    fresh.muse("ingest", "--dry-run")
    assert all_rows(fresh.folder) == before


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Small]:
    """A workspace in which no command was run, with a folder of its own for what Muse makes."""
    small = Small(tmp_path / "untouched")
    small.write("reports/good.json", report())
    small.write("events/a.jsonl", event(1), event(2))
    before = sorted(small.folder.rglob("*"))
    yield small
    assert sorted(small.folder.rglob("*")) == before, "nothing was made"
    assert owners_in(small.folder) == []


def test_the_first_dry_run_of_a_workspace_leaves_nothing(untouched: Small) -> None:
    """A newcomer asks what would be read before anything is made: every file is new."""
    said = untouched.told("ingest", "--dry-run")
    assert "2 files: 2 new" in said and said.endswith("Nothing was written.")
    assert "reports/good.json new 1 run of 1 day" in said and "events/a.jsonl new 2 lines" in said


def test_the_first_explanation_of_a_workspace_leaves_nothing(untouched: Small) -> None:
    """The engine that reads the events goes with it."""
    said = untouched.told("ingest", "--explain", untouched.folder / "events/a.jsonl")
    assert "2 events of 1 day." in said and "2026-09-01 10:00:01 opened 3.5 stated –" in said


def test_a_dry_run_leaves_older_tables_as_they_are(fresh: Small) -> None:
    """What it would have to ask them for may not be there: the command that changes them is named."""
    fresh.muse("ingest")
    newest = migrations()[-1][1]
    change_warehouse(fresh.folder, f"DELETE FROM schema_migrations WHERE name = '{newest}'")
    before = all_rows(fresh.folder)
    for look in ("--dry-run", f"--explain={fresh.folder / 'events/a.jsonl'}"):
        done = CliRunner().invoke(app, ["--workspace", str(fresh.folder), "ingest", look])
        assert isinstance(done.exception, PermanentFailure)
        assert f"its tables lack {newest}: run `muse migrate` first" in str(done.exception)
    assert all_rows(fresh.folder) == before


def test_a_dry_run_tells_the_state_of_each_file(fresh: Small) -> None:
    """New, changed, missing, to be tried again; what is unchanged is only counted."""
    fresh.write("reports/goes.json", report("goes"))
    fresh.write("reports/stays.json", report("stays"))
    fresh.write("events/cut.jsonl.gz", gzip.compress(b"x" * 40)[:-9])
    fresh.muse("ingest")
    assert fresh.states() == {}
    (fresh.folder / "reports/goes.json").unlink()
    fresh.write("reports/new.json", report("new"))
    fresh.write("reports/good.json", report("good", mean_ms=12.5))
    assert fresh.states() == {
        "reports/goes.json": "missing",
        "reports/new.json": "new",
        "reports/good.json": "changed",
    }
    said = fresh.told("ingest", "--dry-run")
    assert "6 files: 1 missing, 1 new, 1 changed, 3 unchanged" in said
    assert "missing: not found any more; what it gave is kept" in said


def test_a_dry_run_tells_what_other_settings_read_otherwise(fresh: Small) -> None:
    """The same bytes, another mapping."""
    fresh.muse("ingest")
    fresh.configure(SETTINGS.replace('latency = "took_ms"', 'latency = "other"'))
    assert fresh.states() == {"events/a.jsonl": "read otherwise"}
    assert "read otherwise: the same file under other settings" in fresh.told("ingest", "--dry-run")


def test_a_dry_run_of_very_many_files_is_short(fresh: Small) -> None:
    """Fifty are shown and looked into, the rest is counted."""
    for number in range(10_000):
        (fresh.folder / f"reports/r{number}.json").touch()
    lines = fresh.muse("ingest", "--dry-run").splitlines()
    assert lines[0] == "10,002 files: 10,002 new" and "... and 9,952 more." in lines
    assert len(lines) < 60


def test_a_dry_run_without_any_file_says_so(fresh: Small) -> None:
    """An empty table would be a riddle."""
    (fresh.folder / "reports/good.json").unlink()
    (fresh.folder / "events/a.jsonl").unlink()
    assert "No file matches the sources of muse.toml" in fresh.told("ingest", "--dry-run")


def test_a_store_that_does_not_answer_is_told(fresh: Small) -> None:
    """As blocked by a dry run, as refused by an ingest; the local files are read. The keys are never shown."""
    port = closed_port()
    remote = f'[[reports]]\nfiles = "s3://bucket/*.json"\n[s3]\nendpoint = "http://127.0.0.1:{port}"\n'
    fresh.configure(SETTINGS + remote)
    fresh.environment = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": SECRET}
    planned = fresh.told("ingest", "--dry-run")
    done = fresh.told("ingest")
    assert "1 blocked, 2 new" in planned and "s3://bucket/*.json blocked cannot be listed:" in planned
    assert "read 1 report and 1 event file" in done and "s3://bucket/*.json cannot be listed:" in done
    assert SECRET not in planned + done + fresh.told("dead-letters", "show", "1")


def test_missing_files_are_told_and_can_be_forgotten(fresh: Small) -> None:
    """Their rows are kept until somebody says otherwise."""
    fresh.write("reports/goes.json", report("goes"))
    fresh.muse("ingest")
    (fresh.folder / "reports/goes.json").unlink()
    said = fresh.told("ingest")
    assert "Not found any more: reports/goes.json. What they gave is kept" in said and "bench_runs 2" in said
    said = fresh.told("ingest", "--forget-missing")
    assert "Forgotten: reports/goes.json" in said and "Not found any more" not in said and "bench_runs 1" in said


def test_only_files_of_the_asked_days_are_forgotten(fresh: Small) -> None:
    """A day's rows that nobody asked about stay: also those of a file that holds asked days among others."""
    fresh.write("reports/asked.json", report("asked"))
    fresh.write("reports/later.json", report("later", at_s=REPORTED_S + 2 * 86_400))
    fresh.write("events/both.jsonl", event(3), {**event(4), "at": "2026-09-02T10:00:00Z"})
    fresh.muse("ingest")
    for name in ("reports/asked.json", "reports/later.json", "events/both.jsonl"):
        (fresh.folder / name).unlink()
    fresh.muse("ingest")
    said = fresh.told("ingest", "--forget-missing", "--from", "2026-09-01", "--to", "2026-09-01")
    assert "Forgotten: reports/asked.json Not forgotten, since not all of their days were asked for:" in said
    assert "events/both.jsonl (2026-09-01 to 2026-09-02), reports/later.json (2026-09-03)" in said
    assert "Not found any more: reports/later.json, events/both.jsonl." in said
    assert fresh.benchmarks() == ["timing/later", "timing/parse"]
    assert "ui_events 4" in fresh.told("ingest", "--rebuild")


@pytest.mark.parametrize(
    ("from_", "to", "expected"),
    [
        (date(2026, 9, 1), date(2026, 9, 2), (date(2026, 9, 1), date(2026, 9, 2))),
        (date(2026, 9, 1), None, (date(2026, 9, 1), LAST)),
        (None, date(2026, 9, 2), (date.min, date(2026, 9, 2))),
        (None, None, (date.min, date.max)),
    ],
)
def test_the_days_to_forget_are_those_that_were_named(
    from_: date | None, to: date | None, expected: tuple[date, date]
) -> None:
    """Whatever muse.toml covers: without any, every missing file is given up."""
    first, last = (datetime(one.year, one.month, one.day) if one else None for one in (from_, to))  # noqa: DTZ001
    assert named_days(first, last, LAST) == expected


def test_forgetting_nothing_says_so(built: Small) -> None:
    """Rather than nothing at all."""
    assert "No file is missing: nothing was forgotten." in built.told("ingest", "--forget-missing")


def test_a_report_is_explained(built: Small) -> None:
    """Format, values with their columns, nulls with their reasons, where it belongs."""
    said = built.told("ingest", "--explain", built.folder / "reports/good.json")
    assert "banterhearts-timing: 1 run timing/parse ok" in said
    assert "latency_mean_ms 0.796 bench_runs" in said and "environment.os Linux bench_runs" in said
    assert "Null, and why" in said and "latency_p95_ms the report does not state it 1" in said
    assert "Named by files = 'reports/*.json' of hearts. 1 day: 2026-09-01." in said


def test_a_quarantined_run_is_explained(built: Small) -> None:
    """With what cannot be true of it."""
    said = built.told("ingest", "--explain", built.folder / "reports/bad.json")
    assert "1 run, 1 quarantined (kept, and never used)" in said
    assert "timing/bad quarantined: latency_mean_ms is -1: a time is more than zero" in said


def test_an_unknown_report_is_refused(built: Small) -> None:
    """By what it holds; whoever explains it is not told to explain it."""
    said = built.told("ingest", "--explain", built.folder / "reports/unknown.json", expect=1)
    assert "Refused. The format of the report is not known: its top-level keys are what, is." in said
    assert "--explain" not in said


def test_an_undated_report_is_refused_where_nothing_dates_it(built: Small) -> None:
    """What would date it is told."""
    said = built.told("ingest", "--explain", built.folder / "reports/undated.json", expect=1)
    assert "ts the report states no time" in said
    assert "1 run refused: the report states no time, and nothing else dates it. In muse.toml, give its source" in said


def test_a_report_that_no_source_names_gets_one_suggested(built: Small) -> None:
    """To be copied into muse.toml."""
    path = built.write("elsewhere/other.json", report())
    said = built.muse("ingest", "--explain", path)
    assert '[[reports]]\nfiles = "elsewhere/other.json"\n' in said and "dated_by" not in said


def test_the_suggested_source_dates_an_undated_report(built: Small) -> None:
    """Without it the run would be refused."""
    said = built.muse("ingest", "--explain", built.write("elsewhere/undated.json", undated()))
    assert 'dated_by = "git"' in said and "1 run states no time" in said


def test_a_report_is_explained_without_a_workspace(tmp_path: Path) -> None:
    """Whoever wonders whether Muse is for them has none yet."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report()))
    done = CliRunner().invoke(app, ["--workspace", str(tmp_path / "none"), "ingest", "--explain", str(path)])
    assert done.exit_code == 0 and "Without a workspace" in done.output and "timing/parse ok" in done.output


def test_a_value_is_explained_to_the_digit(tmp_path: Path) -> None:
    """Whoever compares it with the report finds its digits again."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(mean_ms=12563.465956)))
    done = CliRunner().invoke(app, ["--workspace", str(tmp_path / "none"), "ingest", "--explain", str(path)])
    assert "12563.465956" in done.output


def test_events_of_a_source_are_explained(built: Small) -> None:
    """The mapping, the first events, the refused lines with their numbers."""
    said = built.told("ingest", "--explain", built.folder / "events/a.jsonl")
    assert "json_lines events of packs" in said and "latency took_ms" in said and "commit – (null)" in said
    assert "2 events of 1 day." in said and "2026-09-01 10:00:01 opened 3.5 stated –" in said
    assert "Refused (2)" in said and "line 3 not valid JSON." in said


def test_explaining_writes_nothing(built: Small) -> None:
    """Neither rows nor dead letters."""
    before = all_rows(built.folder)
    for name in ("events/a.jsonl", "reports/good.json"):
        built.muse("ingest", "--explain", built.folder / name)
    assert all_rows(built.folder) == before


def test_events_of_a_known_format_get_a_source_suggested(built: Small) -> None:
    """With what the format maps to which column."""
    path = built.write("elsewhere/segment.jsonl", SEGMENT)
    said = built.muse("ingest", "--explain", path)
    assert '[[events]]\nfiles = "elsewhere/segment.jsonl"\nformat = "segment"\n' in said
    assert "messageId" in said and "event_id" in said and "|" not in said


def test_events_of_no_known_format_are_told_what_to_write(built: Small) -> None:
    """They are no report, and might be events with names of their own."""
    said = built.told("ingest", "--explain", built.write("elsewhere/own.jsonl", event(1), event(2)), expect=1)
    assert "The format of the report is not known" in said and "[[events]]" in said and "[events.mapping]" in said


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.json", b"", "The file is empty."),
        ("binary.json", b"\0\1\2", "The file is binary"),
        ("image.png", b"\x89PNG\r\n\x1a\n\xff", "The file is not UTF-8 text"),
        ("cut.json", b'{"a": [1, 2', "The file is cut"),
        ("[odd] name.json", b"", "The file is empty."),
        ("table.parquet", b"PAR1 nonsense PAR1", "The file is Parquet: events are read from it, reports are not."),
        ("packed.jsonl.zst", b"\x28\xb5\x2f\xfd\0", "The file is packed with zstd."),
        ("cut.jsonl.gz", gzip.compress(b'{"at": 1}\n' * 900, mtime=0)[:-20], "The gzip file is cut or broken"),
    ],
)
def test_a_broken_file_is_explained(built: Small, name: str, content: bytes, reason: str) -> None:
    """In a sentence, never with a traceback."""
    assert f"Refused. {reason}" in built.told(
        "ingest", "--explain", built.write(f"elsewhere/{name}", content), expect=1
    )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jsonl", b"", "The file is empty."),
        ("cut.jsonl.gz", gzip.compress(b'{"at": 1}\n' * 900, mtime=0)[:-20], "The gzip file is cut or broken"),
        ("zipped.jsonl", b"PK\x03\x04", "The file is packed with zip."),
        ("table.jsonl", b"PAR1 nonsense PAR1", "The engine cannot read the file"),
    ],
)
def test_a_broken_file_of_events_is_explained(fresh: Small, name: str, content: bytes, reason: str) -> None:
    """Also what only the engine finds."""
    path = fresh.write(f"events/{name}", content)
    assert f"Refused. {reason}" in fresh.told("ingest", "--explain", path, expect=1)


def test_a_huge_file_is_refused_unread(built: Small) -> None:
    """It would not fit into memory."""
    path = built.folder / "elsewhere" / "huge.json"
    with path.open("wb") as sparse:
        sparse.truncate(LARGEST_REPORT_BYTES + 1)
    assert "larger than 256 MiB" in built.told("ingest", "--explain", path, expect=1)


def test_what_is_no_regular_file_is_refused_at_once(built: Small) -> None:
    """Nobody writes to this pipe: whoever opens it waits for ever. A shell's `<(zcat events.gz)` is one, too."""
    pipe = built.folder / "elsewhere" / "pipe"
    pipe.parent.mkdir(exist_ok=True)
    os.mkfifo(pipe)
    done = subprocess.run(
        [sys.executable, "-m", "muse_apps.cli", "--workspace", str(built.folder), "ingest", "--explain", str(pipe)],
        capture_output=True, text=True, timeout=30, check=False, env={**os.environ, "COLUMNS": "1000"},
    )  # fmt: skip
    assert (done.returncode, f"Refused. {pipe} is no regular file" in done.stdout) == (1, True)
    assert "Write what comes out of it to a file" in done.stdout
    assert "/dev/null is no regular file" in built.told("ingest", "--explain", "/dev/null", expect=1)


def test_dead_letters_are_listed_with_numbers(built: Small) -> None:
    """File and part, and the reason."""
    said = built.told("dead-letters", "list")
    assert (
        "Refused (4)" in said
        and "1 reports/undated.json the report states no time, and nothing kernels/attention/torch" in said
    )
    assert "4 events/a.jsonl line 4 the mapped timestamp is missing." in said


def test_a_long_list_is_cut_with_the_way_to_the_rest(built: Small) -> None:
    """Fifty by default."""
    said = built.told("dead-letters", "list", "--limit", "1")
    assert "... and 3 more: `--limit 4` shows them." in said and "line 4" not in said


def test_a_dead_letter_is_shown_with_its_remedy(built: Small) -> None:
    """And nothing that says nothing."""
    said = built.muse("dead-letters", "show", "4")
    assert "file        events/a.jsonl\npart        line 4\n" in said
    assert "what to do  Mend the line, or the events mapping in muse.toml.\n" in said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("show", "5"), "there is no number 5: `muse dead-letters list` has 1 to 4"),
        (("show", "0"), "greater than or equal to 1"),
        (("show", "x"), "unable to parse string as an integer"),
        (("replay", "5"), "there is no number 5"),
        (("replay", "0"), "there is no number 0"),
        (("replay", "x"), "give a number from `muse dead-letters list`, or all"),
    ],
)
def test_a_number_that_is_none_ends_with_2(built: Small, arguments: tuple[str, ...], expected: str) -> None:
    """And tells the numbers that there are."""
    assert expected in built.told("dead-letters", *arguments, expect=2)


def test_nothing_refused_is_said(fresh: Small) -> None:
    """There is no number to show, and nothing to read again."""
    assert fresh.told("dead-letters", "list") == "Nothing is refused."
    assert fresh.told("dead-letters", "replay") == "Nothing is refused."
    assert "nothing is refused" in fresh.told("dead-letters", "show", "1", expect=2)


def test_a_mended_file_is_replayed(fresh: Small) -> None:
    """Its dead letter is gone, its rows are there; another file's stays."""
    fresh.write("reports/cut.json", b'{"a": [1, 2')
    fresh.write("reports/unknown.json", {"what": 1})
    fresh.muse("ingest")
    fresh.write("reports/cut.json", report("mended"))
    said = fresh.told("dead-letters", "replay", "1")
    assert "Read 1 file: 2 refusals before, 1 now." in said
    assert "`muse dead-letters list` shows what is still refused." in said
    assert fresh.rows("SELECT count() AS n FROM bench_runs WHERE benchmark = 'timing/mended'") == [{"n": 1}]


def test_a_file_that_is_as_it_was_is_replayed_in_vain(fresh: Small) -> None:
    """It is read again, and refused again, once."""
    fresh.write("reports/cut.json", b'{"a": [1, 2')
    fresh.muse("ingest")
    assert "Read 1 file: 1 refusal before, 1 now." in fresh.told("dead-letters", "replay", "all")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("ingest",), ["--explain", "--dry-run", "--forget-missing", "muse ingest --explain results.json says how"]),
        (("ingest",), ["of those that hold no other days", "keeps all of its rows, and is named with its days"]),
        (("dead-letters",), ["list", "show", "replay", "muse dead-letters replay all"]),
        (("dead-letters", "replay"), ["A number from the list, or"]),
    ],
)
def test_the_help_gives_examples(command: tuple[str, ...], expected: list[str]) -> None:
    """A newcomer needs no other page."""
    said = " ".join(CliRunner().invoke(app, [*command, "--help"]).output.replace("│", " ").split())
    assert all(part in said for part in expected)
