"""What is expected of the tables: each expectation fails for what it forbids, costs little, and says nothing aloud."""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from muse_apps.sample.workspace import build_sample_workspace
from muse_assets.expectation_checks import EXPECTED_TABLES, SAMPLE_ROWS, read_frames, read_suite
from muse_domain.failures import PermanentFailure
from muse_domain.ports import Row, Warehouse
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.expectations import ExpectationResult, validate
from muse_resources.workspace import load_workspace
from tests.assets.runs import built, check_results, run_assets
from tests.workspaces import ROOT, bare_environment, change_warehouse, stop_warehouse

DAY, NEXT_DAY = date(2026, 9, 16), date(2026, 9, 17)
TEN = datetime(2026, 9, 16, 10, tzinfo=UTC)
SHA = "a" * 40
FIRST_RUN = uuid.UUID(int=1)
ADDRESS = "ada@example.org"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
EVENTS = 60
DOUBTFUL: Row = {"quality": "quarantined", "quality_reasons": ["it cannot be"]}
pytestmark = pytest.mark.filterwarnings("ignore:Asset job daily_episode_job")


def _runs() -> list[Row]:
    run = {
        "day": DAY, "ts": TEN, "ts_source": "report", "run_id": FIRST_RUN, "repository": "hearts", "commit_sha": SHA,
        "suite": "kernels", "benchmark": "prefill", "model": "m", "quant": None, "dataset": None,
        "latency_mean_ms": 11.0, "latency_p50_ms": 10.0, "latency_p95_ms": 15.0, "latency_p99_ms": 18.0,
        "latency_min_ms": 1.0, "latency_max_ms": 20.0, "latency_std_ms": 0.0, "tokens_per_sec": 90.0,
        "cost_per_1k": 0.0, "memory_peak_mb": 512.0, "n_samples": 100, "environment_fingerprint": None,
        "environment": {"cpu": "x"}, "quality": "ok", "quality_reasons": [], "null_reasons": {},
        "source_format": "f", "source_path": "r.json", "source_sha256": "0" * 64,
    }  # fmt: skip
    nothing = dict.fromkeys((*(c for c in run if c.startswith("latency_")), "tokens_per_sec", "n_samples"))
    return [run, {**run, **nothing, "run_id": uuid.UUID(int=2)}, {**run, "run_id": uuid.UUID(int=3)}]


def _commits() -> list[Row]:
    commit = {
        "day": DAY, "ts": TEN, "repository": "hearts", "commit_sha": SHA, "author_hash": None, "subject": "Faster",
        "files_changed": 1, "insertions": 1, "deletions": 0, "paths": ["a.rs"],
    }  # fmt: skip
    return [commit, {**commit, "commit_sha": "b" * 40, "author_hash": "0123456789abcdef"}]


def _events() -> list[Row]:
    event = {
        "day": DAY, "ts": TEN, "event_id": None, "session_id": None, "commit_sha": None, "event_type": "click",
        "latency_ms": None, "user_agent": None, "metadata": {}, "source_path": "a.jsonl",
    }  # fmt: skip
    stated = {"commit_sha": SHA, "latency_ms": 0.0, "user_agent": "Samsung Internet 23", "metadata": {"page": "/a"}}
    return [event, *({**event, **stated, "event_id": f"e-{number}"} for number in range(1, EVENTS))]


def _hours() -> list[Row]:
    hour = {
        "day": DAY, "hour": TEN, "commit_sha": SHA, "total_sessions": 3, "total_events": EVENTS // 2,
        "n_latency": 20, "avg_latency_ms": 10.0, "p50_latency_ms": 9.0, "p95_latency_ms": 20.0, "error_rate": 0.0,
        "abandonment_rate": 1.0,
    }  # fmt: skip
    unknown = dict.fromkeys(("total_sessions", "avg_latency_ms", "p50_latency_ms", "p95_latency_ms", "error_rate"))
    return [hour, {**hour, **unknown, "commit_sha": None}, {**hour, "hour": TEN + timedelta(hours=1), "total_events": 0,
            "total_sessions": 0, "n_latency": 0, "p50_latency_ms": None, "p95_latency_ms": None}]  # fmt: skip


GOOD = {"bench_runs": _runs, "commits": _commits, "ui_events": _events, "session_stats": _hours}

# For each expectation, columns of the table's last row that break it, and nothing else.
LATER = TEN + timedelta(days=1)
VIOLATIONS: Mapping[str, Mapping[str, Row]] = {
    "bench_runs": {
        "qualities_are_known": {"quality": "fine", "quality_reasons": ["because"]},
        "runs_lie_in_their_day": {"ts": LATER},
        "run_ids_are_unique": {"run_id": FIRST_RUN},
        "runs_name_their_source": {"source_sha256": "unknown"},
        "values_are_finite": {"tokens_per_sec": float("inf")},
        "used_values_are_positive": {"cost_per_1k": -0.1},
        "used_values_lie_within_extremes": {"latency_mean_ms": 20.1},
        "used_percentiles_are_ordered": {"latency_p95_ms": None, "latency_p50_ms": 19.0},
        "qualities_have_reasons": {"quality": "flagged"},
        "few_samples_are_flagged": {"n_samples": 99},
        "most_runs_are_usable": {},  # see `_broken`
        "times_have_a_known_origin": {"ts_source": "guess"},
        "commits_are_full_hashes": {"commit_sha": "abc1234"},
        "texts_hold_no_email_addresses": {"dataset": f"of {ADDRESS}"},
    },
    "commits": {
        "commits_lie_in_their_day": {"ts": LATER},
        "hashes_are_full": {"commit_sha": "abc1234"},
        "commits_are_unique": {"commit_sha": SHA},
        "commits_name_their_repository": {"repository": ""},
        "authors_are_hashed": {"author_hash": "Ada Lovelace"},
        "texts_hold_no_email_addresses": {"subject": f"Ask {ADDRESS}."},
    },
    "ui_events": {
        "events_lie_in_their_day": {"ts": LATER},
        "events_have_a_type": {"event_type": ""},
        "latencies_are_possible": {"latency_ms": -1.0},
        "event_ids_are_unique_in_a_day": {"event_id": "e-1"},
        "user_agents_are_reduced": {"user_agent": BROWSER},
        "types_are_short": {"event_type": "x" * 101},
        "commits_are_full_hashes": {"commit_sha": "abc1234"},
        "texts_hold_no_email_addresses": {"metadata": {"note": ADDRESS}},
    },
    "session_stats": {
        "hours_lie_in_their_day": {"hour": LATER},
        "hours_are_unique": {"hour": TEN},
        "hours_hold_all_events": {"total_events": 1},
        "sessions_are_at_most_events": {"total_sessions": 1},
        "latencies_are_at_most_events": {"n_latency": 1},
        "latencies_are_possible": {"avg_latency_ms": float("nan")},
        "percentiles_are_ordered": {"p50_latency_ms": 2.0, "p95_latency_ms": 1.0, "n_latency": 20, "total_events": 20},
        "percentiles_have_enough_samples": {"p50_latency_ms": 1.0},
        "rates_lie_between_0_and_1": {"error_rate": 1.01},
    },
}
EACH = [(table, name) for table, violations in VIOLATIONS.items() for name in violations]


Plant = Callable[..., None]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample, of which nothing is loaded; its tables hold one good day."""
    folder = tmp_path_factory.mktemp("expectations") / "sample"
    build_sample_workspace(folder)
    warehouse = _adapters(folder).warehouse
    warehouse.migrate()
    for table, rows in GOOD.items():
        warehouse.replace_days(table, [DAY], rows())
    yield folder
    stop_warehouse(folder)


def _adapters(folder: Path) -> Adapters:
    return build_adapters(load_workspace(folder, {}))


@pytest.fixture(scope="module")
def adapters(workspace: Path) -> Adapters:
    """The workspace's adapters."""
    return _adapters(workspace)


@pytest.fixture(scope="module")
def warehouse(adapters: Adapters) -> Warehouse:
    """The warehouse with a good day."""
    return adapters.warehouse


@pytest.fixture
def plant(warehouse: Warehouse) -> Iterator[Plant]:
    """Makes rows the whole of a day, until the test is over."""
    planted: set[tuple[str, date]] = set()

    def make_whole(table: str, rows: list[Row], day: date = DAY) -> None:
        planted.add((table, day))
        warehouse.replace_days(table, [day], rows)

    yield make_whole
    for table, day in planted:
        warehouse.replace_days(table, [day], GOOD[table]() if day == DAY else [])


def _judged(warehouse: Warehouse, table: str, *days: date) -> dict[str, ExpectationResult]:
    suite = read_suite(table)
    return {one.name: one for one in validate(suite, read_frames(suite, warehouse, days or [DAY]))}


def _failed(results: Mapping[str, ExpectationResult]) -> set[str]:
    return {name for name, result in results.items() if not result.passed}


def _broken(table: str, name: str) -> list[Row]:
    """The good rows of a table, the last of them changed so that it breaks one expectation."""
    rows = GOOD[table]()
    if name == "most_runs_are_usable":
        return [rows[0], *({**row, **DOUBTFUL} for row in rows[1:])]
    return [*rows[:-1], {**rows[-1], **VIOLATIONS[table][name]}]


@pytest.mark.parametrize("table", EXPECTED_TABLES)
def test_every_expectation_is_broken_by_a_test(table: str) -> None:
    """An expectation that nothing was seen to fail is a hope; names say what holds, once each."""
    names = [one["meta"]["name"] for one in read_suite(table)["expectations"]]
    assert len(names) == len(set(names))
    assert set(names) == set(VIOLATIONS[table])


@pytest.mark.parametrize("table", EXPECTED_TABLES)
def test_a_good_day_meets_every_expectation(warehouse: Warehouse, table: str) -> None:
    """Nulls are no violation, and a day's true zeros neither."""
    assert _failed(_judged(warehouse, table)) == set()


@pytest.mark.parametrize(("table", "name"), EACH)
def test_a_violation_fails_its_expectation_and_no_other(
    warehouse: Warehouse, plant: Plant, table: str, name: str
) -> None:
    """One wrong row is found, and what is said of it is what is wrong with it."""
    if name == "percentiles_are_ordered":  # twenty more in the hours, so twenty more of them
        more = [{**event, "event_id": f"more {number}"} for number, event in enumerate(_events()[:20])]
        plant("ui_events", [*_events(), *more])
    plant(table, _broken(table, name))
    results = _judged(warehouse, table)
    assert _failed(results) == {name}
    assert results[name].examples


@pytest.mark.parametrize(
    "changes",
    [
        {"latency_mean_ms": -1.0},
        {"latency_p95_ms": 30.0},
        {"latency_mean_ms": None, "latency_p50_ms": None, "latency_p95_ms": None, "latency_p99_ms": None,
         "latency_min_ms": 30.0, "latency_max_ms": 3.0},
    ],
)  # fmt: skip
def test_a_quarantined_run_may_be_impossible(warehouse: Warehouse, plant: Plant, changes: Row) -> None:
    """It is kept as the report states it, to be looked at, and never used."""
    *others, last = _runs()
    plant("bench_runs", [*others, {**last, **changes}])
    assert _failed(_judged(warehouse, "bench_runs"))
    plant("bench_runs", [*others, {**last, **changes, **DOUBTFUL}])
    assert _failed(_judged(warehouse, "bench_runs")) == set()


def test_values_that_were_rounded_apart_are_no_contradiction(warehouse: Warehouse, plant: Plant) -> None:
    """A mean printed with fewer digits than its maximum is not above it."""
    rows = _runs()
    rows[0] |= {"latency_p95_ms": 20.0, "latency_p99_ms": 19.9999999999, "latency_max_ms": 19.9999999999}
    plant("bench_runs", rows)
    assert _failed(_judged(warehouse, "bench_runs")) == set()


@pytest.mark.parametrize("table", EXPECTED_TABLES)
def test_a_day_without_rows_meets_what_is_expected(warehouse: Warehouse, table: str) -> None:
    """A quiet day is no violation; that nothing was read is said."""
    results = _judged(warehouse, table, NEXT_DAY)
    assert _failed(results) == set()
    assert {result.observed for result in results.values()} == {"no rows"}


def test_events_without_hours_are_missed(warehouse: Warehouse, plant: Plant) -> None:
    """A rollup that was never made is not an empty one."""
    plant("session_stats", [])
    assert _failed(_judged(warehouse, "session_stats")) == {"hours_hold_all_events"}


def test_a_range_names_the_day_and_the_row(warehouse: Warehouse, plant: Plant) -> None:
    """One result over many days says which of them is wrong, and where to look."""
    moved = [{**row, "day": NEXT_DAY, "ts": LATER, "run_id": uuid.uuid4()} for row in _runs()]
    moved[1] |= {"source_sha256": ""}
    plant("bench_runs", moved, NEXT_DAY)
    result = _judged(warehouse, "bench_runs", DAY, NEXT_DAY)["runs_name_their_source"]
    assert (result.passed, result.observed) == (False, "1 of 2 (days)")
    assert result.examples == (f"{NEXT_DAY}, 1, first: prefill {moved[1]['run_id']}",)
    assert _failed(_judged(warehouse, "bench_runs", DAY)) == set()


@pytest.mark.parametrize("table", ["bench_runs", "commits", "ui_events"])
def test_an_address_is_counted_and_not_repeated(warehouse: Warehouse, plant: Plant, table: str) -> None:
    """The result says which row holds personal data; Dagster's storage must not hold it too."""
    plant(table, _broken(table, "texts_hold_no_email_addresses"))
    results = _judged(warehouse, table)
    assert _failed(results) == {"texts_hold_no_email_addresses"}
    assert ADDRESS not in repr(results)


ADDRESSES = {
    f"Ask {ADDRESS}.": True,
    f"({ADDRESS})": True,
    "A.B+c@Mail.Example.co.uk wrote": True,
    "Merge branch 'main' of git@github.com:org/repo": False,
    "clone https://me@example.org/repo": False,
    "Bump actions/checkout@v4.2.1 and left-pad@1.3.0": False,
    "ssh me@host": False,
    "@ada fixed it": False,
}


@pytest.mark.parametrize(("text", "is_address"), ADDRESSES.items())
@pytest.mark.parametrize("table", ["bench_runs", "commits", "ui_events"])
def test_an_address_is_told_from_what_looks_like_one(table: str, text: str, is_address: bool) -> None:
    """Clone addresses and package versions stand in many subjects."""
    [regex] = [
        one["kwargs"]["regex"]
        for one in read_suite(table)["expectations"]
        if one["meta"]["name"] == "texts_hold_no_email_addresses"
    ]
    assert bool(re.search(regex, text)) is is_address


@pytest.mark.parametrize("table", EXPECTED_TABLES)
def test_a_suite_is_what_great_expectations_itself_would_write(table: str) -> None:
    """Data in its own format: another tool can read it, and nothing in it is silently left out."""
    from great_expectations import ExpectationSuite  # noqa: TID251

    stored = read_suite(table)
    assert ExpectationSuite(**read_suite(table)).to_json_dict() == {**stored, "id": None}
    for one in stored["expectations"]:
        assert one["description"] and one["severity"] in {"critical", "warning"} and one["meta"]["reads"]


def test_an_expectation_that_cannot_be_evaluated_is_no_violation(warehouse: Warehouse) -> None:
    """A suite and a query that do not fit are a mistake of ours, and say so."""
    suite = read_suite("commits")
    frames = read_frames(suite, warehouse, [DAY])
    del frames["days"][0]["malformed_sha"]
    with pytest.raises(PermanentFailure, match=r"hashes_are_full cannot be evaluated: .*malformed_sha"):
        validate(suite, frames)


def test_an_expectation_that_is_unknown_is_not_passed_over(warehouse: Warehouse) -> None:
    """Great Expectations logs what it does not know, and goes on without it."""
    suite = read_suite("commits")
    frames = read_frames(suite, warehouse, [DAY])
    unknown = {**suite, "expectations": [{**suite["expectations"][0], "type": "expect_luck"}]}
    with pytest.raises(PermanentFailure, match="suite commits"):
        validate(unknown, frames)


BUSY_DAY, MANY = date(2026, 9, 10), 3_000_000


def test_a_check_of_millions_of_rows_reads_a_bounded_frame(workspace: Path, adapters: Adapters) -> None:
    """Counting is the engine's work: what reaches Python is a row a day, and the sample, the same each time."""
    change_warehouse(
        workspace,
        "INSERT INTO ui_events (day, ts, event_id, event_type, latency_ms, source_path) "
        f"SELECT '{BUSY_DAY}', toDateTime64('{BUSY_DAY}', 3, 'UTC') + number / 100, toString(intDiv(number, 2)), "
        f"'click', number % 7, 'many.jsonl' FROM numbers({MANY})",
    )
    suite = read_suite("ui_events")
    frames = read_frames(suite, adapters.warehouse, [BUSY_DAY, DAY])
    assert [row["rows"] for row in frames["days"]] == [MANY, EVENTS]
    assert len(frames["sample"]) == SAMPLE_ROWS
    assert read_frames(suite, adapters.warehouse, [BUSY_DAY, DAY]) == frames
    check = check_results(run_assets(adapters, [], BUSY_DAY, checks=[("ui_events", "expectations")]))["expectations"]
    assert (check.metadata["rows_counted"].value, check.metadata["rows_sampled"].value) == (MANY, SAMPLE_ROWS)
    assert "event_ids_are_unique_in_a_day" in str(check.metadata["reason"].value)


@dataclass(frozen=True, slots=True)
class ChangedOnTheWay:
    """The warehouse, but the first row that is stored in `commits` is stored with a change, or twice."""

    store: Warehouse
    changes: Row

    def tagged(self, run_id: str) -> "ChangedOnTheWay":
        return replace(self, store=self.store.tagged(run_id))

    def replace_days(self, table: str, days: Sequence[date], rows: Iterable[Row], **more: Any) -> int:
        stored = list(rows)
        if table == "commits":
            stored = [{**stored[0], **self.changes}, *stored[1:], *([] if self.changes else [stored[0]])]
        return self.store.replace_days(table, days, stored, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


WITH_COMMITS = date(2026, 9, 18)


@pytest.mark.parametrize("last", [None, date(2026, 9, 20)], ids=["a day", "a range"])
def test_what_would_make_an_episode_wrong_stops_its_run_only(adapters: Adapters, last: date | None) -> None:
    """A critical expectation keeps what follows from being built; a run of what follows alone is the gates' affair."""
    doubled = replace(adapters, warehouse=ChangedOnTheWay(adapters.warehouse, {}))
    result = run_assets(doubled, ["commits", "watcher_runs"], WITH_COMMITS, last)
    check = check_results(result)["expectations"]
    assert not result.success and built(result) == {"commits"}
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert str(check.metadata["reason"].value).startswith("commits_are_unique does not hold for 1 of ")
    assert "✗ critical | `commits_are_unique`" in str(check.metadata["results"].value)
    assert run_assets(adapters, ["watcher_runs"], WITH_COMMITS, last).success
    assert run_assets(adapters, ["commits", "watcher_runs"], WITH_COMMITS, last).success


def test_what_is_only_doubtful_is_told_and_stops_nothing(adapters: Adapters) -> None:
    """An address in a subject, which anybody may push, cannot hold up the episodes."""
    doubtful = replace(adapters, warehouse=ChangedOnTheWay(adapters.warehouse, {"subject": f"Ask {ADDRESS}"}))
    result = run_assets(doubtful, ["commits", "watcher_runs"], WITH_COMMITS)
    check = check_results(result)["expectations"]
    assert result.success and built(result) == {"commits", "watcher_runs"}
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "texts_hold_no_email_addresses" in str(check.metadata["warnings"].value)
    assert "reason" not in check.metadata


# Runs in the fresh interpreter. Sockets and files are seen where Python itself announces them.
QUIETLY = """
import json, os, sys

seen = []
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "os.mkdir"):
        seen.append(f"{event} {args}")
    if event == "open" and isinstance(args[2], int) and args[2] & WRITES and str(args[0]) != os.devnull:
        seen.append(f"{event} {args}")

sys.addaudithook(hook)
from muse_assets.expectation_checks import EXPECTED_TABLES, read_suite
from muse_resources.expectations import validate

early = sorted({"great_expectations", "pandas", "scipy"} & set(sys.modules))
frames = json.load(open(sys.argv[1]))
results = {table: validate(read_suite(table), frames[table]) for table in 2 * EXPECTED_TABLES}
failed = [one.name for table in EXPECTED_TABLES for one in results[table] if not one.passed]
print(json.dumps({"early": early, "failed": failed, "seen": seen}))
"""


def test_validating_sends_writes_and_prints_nothing(warehouse: Warehouse, plant: Plant, tmp_path: Path) -> None:
    """No analytics, no progress bars, no log lines, no project folder; and not even imported before it is needed."""
    plant("commits", _broken("commits", "authors_are_hashed"))
    frames = {table: read_frames(read_suite(table), warehouse, [DAY]) for table in EXPECTED_TABLES}
    (tmp_path / "frames.json").write_text(json.dumps(frames, default=str))
    home = tmp_path / "home"
    home.mkdir()
    environment = bare_environment(HOME=str(home), PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(
        [sys.executable, "-c", QUIETLY, str(tmp_path / "frames.json")],
        cwd=home, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {"early": [], "failed": ["authors_are_hashed"], "seen": []}
    assert list(home.iterdir()) == []
