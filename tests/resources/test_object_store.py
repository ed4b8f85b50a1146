"""Files in S3: a real server that speaks its protocol, listed and read by the real engine."""

import gzip
import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError

from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import StoredObject
from muse_domain.settings import EventMapping, EventSource, ReportSource
from muse_resources import event_files
from muse_resources.embedded.connect import ensure_owner, owner_client
from muse_resources.file_ledger import FileLedger
from muse_resources.object_store import ObjectStore
from muse_resources.report_intake import Intake, take_in_reports
from muse_resources.warehouse import ClickHouseWarehouse
from tests.resources.event_folder import DAY, MAPPING, EventFolder, event, lines_of
from tests.resources.generated_store import BUCKET, Content, GeneratedStore, generated_store, size_of
from tests.resources.report_workspace import ReportWorkspace, dated
from tests.workspaces import run_muse, stop_warehouse

KEY, SECRET = "AKIAMUSETEST", "hunter2/with+signs="
START_S = 30
THREE = [event(number) for number in range(3)]
IDS = ["e0", "e1", "e2"]
BYTES = lines_of(*THREE)
# Signs that the engine takes for a pattern, or that an address would need to be quoted.
ODD_NAMES = [
    "b c.json", " first.json", "d%20e.json", "f#g.json", "h?i.json", "j[1].json", "k{1,2}.json", "l*m.json", "ü.json",
    "n+o.json", "p&q=r.json", "s.zip :: t.json", "it's.json", 'say "so".json', "back\\slash.json", "deep/er/u.json",
]  # fmt: skip


class Bucket:
    """One bucket of the server, emptied for every test."""

    def __init__(self, endpoint: str, name: str) -> None:
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
        self.endpoint = endpoint
        self.name = name
        self._client = boto3.client("s3", endpoint_url=endpoint, **keys)
        self._client.create_bucket(Bucket=name)

    def put(self, key: str, content: bytes = BYTES) -> str:
        """Write an object; returns its address."""
        self._client.put_object(Bucket=self.name, Key=key, Body=content)
        return self.url(key)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=key)

    def url(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def empty(self) -> None:
        for found in self._client.list_objects_v2(Bucket=self.name).get("Contents", []):
            self.delete(found["Key"])


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """A server of S3's protocol in a process of its own. It takes any keys."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up_at = time.monotonic() + START_S
        while not is_open(port):
            assert server.poll() is None and time.monotonic() < give_up_at, "the server of objects did not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(START_S)


@pytest.fixture(scope="session")
def whole_bucket(endpoint: str) -> Bucket:
    return Bucket(endpoint, "muse-events")


@pytest.fixture
def bucket(whole_bucket: Bucket) -> Bucket:
    whole_bucket.empty()
    return whole_bucket


class Warehouses:
    """The test's warehouse as it reaches one store or another."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        self._database = database
        self.opened: list[ClickHouseWarehouse] = []

    def reaching(self, endpoint: str) -> ClickHouseWarehouse:
        self.opened.append(
            ClickHouseWarehouse(
                lambda name: owner_client(self._folder, database=name),
                self._database,
                objects=ObjectStore(endpoint, KEY, SECRET),
            )
        )
        return self.opened[-1]


@pytest.fixture
def warehouses(warehouse_folder: Path, database: str, engine: Client) -> Iterator[Warehouses]:
    warehouses = Warehouses(warehouse_folder, database)
    yield warehouses
    for warehouse in warehouses.opened:
        warehouse.close()


@pytest.fixture
def store(warehouses: Warehouses, bucket: Bucket) -> ClickHouseWarehouse:
    """A warehouse without rows that reaches the bucket."""
    return warehouses.reaching(bucket.endpoint)


@pytest.fixture
def unreachable(warehouses: Warehouses) -> ClickHouseWarehouse:
    """The same warehouse while the store does not answer."""
    return warehouses.reaching(f"http://127.0.0.1:{free_port()}")


class Refusing(BaseHTTPRequestHandler):
    """A store that knows nobody."""

    def do_GET(self) -> None:
        body = b"<Error><Code>InvalidAccessKeyId</Code><Message>The key is not known.</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: pytest shows what a test prints."""


@pytest.fixture
def locked(warehouses: Warehouses) -> Iterator[ClickHouseWarehouse]:
    """The same warehouse with keys that the store does not take."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield warehouses.reaching(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def events(tmp_path: Path, store: ClickHouseWarehouse, bucket: Bucket, engine: Client) -> EventFolder:
    """A workspace whose only source of events is the bucket."""
    folder = EventFolder(tmp_path / "workspace", store, engine)
    folder.sources = [EventSource(files=bucket.url("*.jsonl"), mapping=MAPPING)]
    return folder


class Reports:
    """A workspace whose reports are in the bucket. Every build is a second later."""

    def __init__(self, folder: Path, store: ClickHouseWarehouse, bucket: Bucket) -> None:
        self.workspace = ReportWorkspace(folder)
        self.store = store
        self.sources = [ReportSource(files=bucket.url("**/*.json"))]
        self._now = datetime(2026, 9, 20, tzinfo=UTC)

    def take_in(self, *days: date) -> Intake:
        self._now += timedelta(seconds=1)
        configured = self.workspace.configured(*self.sources)
        return take_in_reports(self.store, configured, days or (DAY,), self._now)

    @property
    def letters(self) -> list[dict[str, Any]]:
        return self.store.select("select_dead_letters", {"source": "bench_runs"})


@pytest.fixture
def reports(tmp_path: Path, store: ClickHouseWarehouse, bucket: Bucket) -> Reports:
    return Reports(tmp_path / "workspace", store, bucket)


def report(mean_ms: float = 0.796) -> bytes:
    return json.dumps(dated(mean_ms=mean_ms)).encode()


def names(store: ClickHouseWarehouse, pattern: str) -> list[str]:
    return [found.url for found in store.list_objects(pattern)]


def test_a_pattern_lists_what_matches_in_the_order_of_names(store: ClickHouseWarehouse, bucket: Bucket) -> None:
    """With its size; nothing else of the bucket."""
    for key in ("b.jsonl", "a.jsonl", "a.json", "deep/c.jsonl"):
        bucket.put(key, key.encode())
    found = store.list_objects(bucket.url("*.jsonl"))
    assert [(one.url, one.size_bytes) for one in found] == [(bucket.url("a.jsonl"), 7), (bucket.url("b.jsonl"), 7)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/*.json", ["a b.json", "a.json", "ab.json", "deep/a.json", "deep/er/a.json"]),
        ("*/a.json", ["deep/a.json"]),
        ("?.json", ["a.json"]),
        ("{a,a b}.json", ["a b.json", "a.json"]),
        ("deep/**", ["deep/a.json", "deep/er/a.json"]),
        ("a.json", ["a.json"]),
        ("deep/e.json", []),
        ("none/*.json", []),
    ],
)
def test_patterns_are_those_of_folders(
    store: ClickHouseWarehouse, bucket: Bucket, pattern: str, expected: list[str]
) -> None:
    """`*` and `?` stay within a folder, `**` does not, braces name alternatives; what matches nothing is empty."""
    for key in ("a.json", "ab.json", "a b.json", "deep/a.json", "deep/er/a.json"):
        bucket.put(key)
    assert names(store, bucket.url(pattern)) == [bucket.url(key) for key in expected]


def test_what_stands_for_a_folder_is_no_file(store: ClickHouseWarehouse, bucket: Bucket) -> None:
    """Consoles leave an empty object that ends with a slash."""
    bucket.put("deep/", b"")
    bucket.put("deep/a.json")
    assert names(store, bucket.url("**")) == [bucket.url("deep/a.json")]


def test_another_content_is_another_time(store: ClickHouseWarehouse, bucket: Bucket) -> None:
    """Of the same size, in the same second: the etag tells."""
    bucket.put("a.json", b"1")
    [before] = store.list_objects(bucket.url("a.json"))
    bucket.put("a.json", b"2")
    [after] = store.list_objects(bucket.url("a.json"))
    assert before.etag != after.etag and before.modified_ns != after.modified_ns


def test_the_same_object_has_the_same_time(store: ClickHouseWarehouse, bucket: Bucket) -> None:
    """Else it would be read with every build."""
    bucket.put("a.json")
    assert store.list_objects(bucket.url("*")) == store.list_objects(bucket.url("*"))


def test_a_bucket_that_is_not_there_is_named(store: ClickHouseWarehouse) -> None:
    """It is not an empty one."""
    with pytest.raises(PermanentFailure, match=r"nowhere.*does not exist"):
        store.list_objects("s3://nowhere/*.json")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_object_is_read_whatever_signs_its_name_has(store: ClickHouseWarehouse, bucket: Bucket, name: str) -> None:
    """Exactly that one: not what its name would match as a pattern."""
    for decoy in ("k1.json", "l-m.json", "h-i.json", "f", "d e.json"):
        bucket.put(decoy, b"another")
    url = bucket.put(name, b"this one")
    assert url in names(store, bucket.url("**"))
    assert store.read_object(url) == b"this one"


def test_an_object_is_read_as_it_is(store: ClickHouseWarehouse, bucket: Bucket) -> None:
    """Byte by byte, text or not."""
    content = bytes(range(256)) + gzip.compress(b"x", mtime=0)
    assert store.read_object(bucket.put("a.gz", content)) == content


def in_parquet(*rows: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows or THREE), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("a.jsonl", BYTES),
        ("no-newline.jsonl", BYTES.rstrip()),
        ("mark.jsonl", b"\xef\xbb\xbf" + BYTES),
        ("a.jsonl.gz", gzip.compress(BYTES, mtime=0)),
        ("packed-without-saying-so.jsonl", gzip.compress(BYTES, mtime=0)),
        ("list.json", json.dumps(THREE).encode()),
        ("document.json", json.dumps(THREE, indent=2).encode()),
        ("document.json.gz", gzip.compress(json.dumps(THREE, indent=2).encode(), mtime=0)),
        ("a.parquet", in_parquet()),
        ("parquet-without-saying-so", in_parquet()),
    ],
)
def test_events_are_read_however_they_are_laid_out(
    events: EventFolder, bucket: Bucket, key: str, content: bytes
) -> None:
    """As in a folder: lines, one document, gzip, Parquet."""
    bucket.put(key, content)
    events.sources = [EventSource(files=bucket.url("*"), mapping=MAPPING)]
    events.take_in()
    assert (events.ids, events.letters) == (IDS, [])
    assert {row["source_path"] for row in events.rows} == {bucket.url(key)}


@pytest.mark.parametrize("name", ["k{1,2}.jsonl", "b c#d.jsonl", "l*m.jsonl"])
def test_events_are_read_from_names_with_odd_signs(events: EventFolder, bucket: Bucket, name: str) -> None:
    """And from no other object that such a name would match."""
    bucket.put("other/k1.jsonl", lines_of(event(9)))
    bucket.put(name)
    events.take_in()
    assert (events.ids, events.letters) == (IDS, [])


def test_events_of_a_format_need_no_mapping(events: EventFolder, bucket: Bucket) -> None:
    """A source in a store takes the same keys as one in a folder."""
    segment = {"type": "track", "event": "opened", "messageId": "m1", "timestamp": "2026-09-01T10:00:00Z"}
    bucket.put("a.jsonl", lines_of(segment))
    events.sources = [EventSource(files=bucket.url("*"), format="segment", mapping=EventMapping())]
    events.take_in()
    assert [row["event_type"] for row in events.rows] == ["opened"]


def test_parquet_of_a_format_is_unpacked_as_in_a_folder(events: EventFolder, bucket: Bucket) -> None:
    """What stands in a text that spells an object, too."""
    stated = {"uuid": "u-1", "event": "open", "distinct_id": "ada", "timestamp": "2026-09-01T10:00:00Z"}
    bucket.put("a.parquet", in_parquet({**stated, "properties": '{"$session_id": "s-1"}'}))
    events.sources = [EventSource(files=bucket.url("*"), format="posthog", mapping=EventMapping())]
    events.take_in()
    [row] = events.rows
    assert (row["event_id"], row["session_id"] is None, row["session_derived"]) == ("u-1", False, False)


def test_a_line_that_is_no_event_is_told(events: EventFolder, bucket: Bucket) -> None:
    """The others are taken."""
    bucket.put("a.jsonl", BYTES + b'{"kind": "query_submit"}\n')
    events.take_in()
    assert events.ids == IDS
    [letter] = events.letters
    assert (letter["source_path"], letter["error_type"]) == (bucket.url("a.jsonl"), "refused_line")


def test_an_empty_object_is_told(events: EventFolder, bucket: Bucket) -> None:
    """As an empty file is."""
    bucket.put("a.jsonl", b"")
    events.take_in()
    assert events.refused == [("", "The file is empty.")]


def test_a_broken_object_does_not_hold_up_the_others(events: EventFolder, bucket: Bucket) -> None:
    """It is a dead letter in the engine's own words."""
    bucket.put("a.jsonl")
    bucket.put("b.jsonl", gzip.compress(lines_of(*(event(number) for number in range(3, 900))))[:-300])
    bucket.put("x//y.jsonl")
    events.sources = [EventSource(files=bucket.url("**"), mapping=MAPPING)]
    events.take_in()
    assert events.ids == IDS
    told = {letter["source_path"]: letter["error"] for letter in events.letters}
    assert set(told) == {bucket.url("b.jsonl"), bucket.url("x//y.jsonl")}
    assert told[bucket.url("x//y.jsonl")].startswith("cannot be read: by the engine: Invalid S3 key: 'x//y.jsonl'")
    assert not any("DB::Exception" in text or "version" in text for text in told.values())


@pytest.fixture
def generated() -> Iterator[GeneratedStore]:
    with generated_store() as store:
        yield store


@pytest.fixture
def vast(tmp_path: Path, warehouses: Warehouses, generated: GeneratedStore, engine: Client) -> EventFolder:
    """A workspace whose events lie in the store of large objects, beside a small one."""
    generated.objects["a.jsonl"] = [(BYTES, 1)]
    folder = EventFolder(tmp_path / "workspace", warehouses.reaching(generated.endpoint), engine)
    folder.sources = [EventSource(files=f"s3://{BUCKET}/*", mapping=MAPPING)]
    return folder


@contextmanager
def little_memory(warehouse_folder: Path, most_mib: int) -> Iterator[None]:
    """The engine takes no more than this at any moment, beyond what it has."""
    process = Path(f"/proc/{ensure_owner(warehouse_folder).pid}")
    (process / "clear_refs").write_text("5")  # the highest is the present now
    before = _memory_mib(process, "VmRSS")
    yield
    assert _memory_mib(process, "VmHWM") - before < most_mib


def _memory_mib(process: Path, name: str) -> int:
    [line] = [line for line in (process / "status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) // 1024


MIB = 1024**2
BEGUN, ENDED = b'{"at": "2026-09-01T10:00:00Z", "kind": "open", "id": "long", "note": "', b'"}\n'
MANY = lines_of(*(event(number) for number in range(10_000)))
PACKED = gzip.compress(b"x" * 64 * MIB, 1)
ENDLESS: dict[str, Content] = {
    "first.jsonl": [(BEGUN, 1), (b"x" * MIB, 2048), (ENDED, 1), (BYTES, 1)],
    "later.jsonl": [(MANY, 1), (BEGUN, 1), (b"x" * MIB, 2048), (ENDED, 1)],
    "just-too-long.jsonl": [(MANY, 1), (BEGUN, 1), (b"x" * MIB, 64), (ENDED, 1)],
    "packed.jsonl.gz": [(gzip.compress(MANY + BEGUN), 1), (PACKED, 32), (gzip.compress(ENDED), 1)],
}


@pytest.mark.parametrize("key", ENDLESS)
def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    vast: EventFolder, generated: GeneratedStore, warehouse_folder: Path, key: str
) -> None:
    """As in a folder, whatever the machine has: the others load, and it is not read again."""
    generated.objects[key] = ENDLESS[key]
    with little_memory(warehouse_folder, 600):
        vast.take_in()
    assert vast.ids == IDS
    [letter] = vast.letters
    assert (letter["source_path"], letter["error_type"]) == (f"s3://{BUCKET}/{key}", "refused_file")
    assert letter["error"] == "A line of the file is longer than 64 MiB: it is not an event."
    assert generated.sent_bytes < 400 * MIB
    assert vast.take_in().files_read == 0


def test_long_lines_are_read_a_few_at_a_time(
    vast: EventFolder, generated: GeneratedStore, warehouse_folder: Path
) -> None:
    """Ten megabytes are no fault, and a thousand such lines need not be held together."""
    generated.objects["b.jsonl"] = [(BEGUN + b"x" * 10 * MIB + ENDED, 100)]
    with little_memory(warehouse_folder, 1024):
        vast.take_in()
    assert (vast.ids, vast.letters) == ([*IDS, "long"], [])


def test_a_large_object_is_read_to_its_end(vast: EventFolder, generated: GeneratedStore) -> None:
    """Its lines are counted first; one that is no event is refused as ever."""
    last = lines_of(event(10_000, at="2026-09-01T11:00:00Z"))
    wide = lines_of(*(event(number, note="x" * 7000) for number in range(1000)))
    generated.objects["b.jsonl"] = [(wide, 10), (b"no event\n", 1), (last, 1)]
    assert size_of(generated.objects["b.jsonl"]) > 64 * MIB
    vast.take_in()
    assert len(vast.ids) == 1001
    assert [(letter["item"][:6], letter["error"]) for letter in vast.letters] == [("event ", "not valid JSON.")]


def test_a_document_that_is_too_large_is_refused(
    vast: EventFolder, generated: GeneratedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine would hold all of it at once."""
    monkeypatch.setattr(event_files, "LARGEST_DOCUMENT_BYTES", 70 * MIB)
    one = json.dumps(event(7)).encode()
    generated.objects["b.json"] = [(b"[\n", 1), (lines_of(one + b",") * 10_000, 110), (one + b"]", 1)]
    vast.take_in()
    assert (vast.ids, [letter["error"] for letter in vast.letters]) == (
        IDS,
        ["A document of the file is longer than 70 MiB: it is not an event."],
    )


def test_an_unchanged_object_is_not_read_again(events: EventFolder, bucket: Bucket) -> None:
    """Its etag says so."""
    bucket.put("a.jsonl")
    assert events.take_in().files_read == 1
    again = events.take_in()
    assert (again.files, again.files_read, again.plan.build) == (1, 0, ())


def test_a_changed_object_is_read_again(events: EventFolder, bucket: Bucket) -> None:
    """Also when it has the size that it had, in the second that it was written."""
    bucket.put("a.jsonl", lines_of(event(1)))
    events.take_in()
    bucket.put("a.jsonl", lines_of(event(2)))
    assert (events.take_in().files_read, events.ids) == (1, ["e2"])


def test_an_unchanged_object_is_read_for_a_day_that_another_one_changes(events: EventFolder, bucket: Bucket) -> None:
    """The day is replaced as a whole."""
    bucket.put("a.jsonl")
    events.take_in()
    bucket.put("b.jsonl", lines_of(event(7)))
    assert (events.take_in().files_read, events.ids) == (1, [*IDS, "e7"])


def test_an_object_that_vanished_keeps_its_rows(events: EventFolder, bucket: Bucket) -> None:
    """It is named as missing, with every build."""
    bucket.put("a.jsonl")
    events.take_in()
    bucket.delete("a.jsonl")
    assert [events.take_in().missing for _ in range(2)] == [[bucket.url("a.jsonl")]] * 2
    assert (events.ids, events.letters) == (IDS, [])


def test_an_object_that_vanished_and_came_back_is_read(events: EventFolder, bucket: Bucket) -> None:
    """Its new content counts."""
    bucket.put("a.jsonl")
    events.take_in()
    bucket.delete("a.jsonl")
    events.take_in()
    bucket.put("a.jsonl", lines_of(event(5)))
    assert (events.take_in().missing, events.ids) == ([], ["e5"])


def test_sessions_of_objects_are_keyed(events: EventFolder, bucket: Bucket) -> None:
    """No name of a session reaches a table, from wherever it comes."""
    bucket.put("a.jsonl", lines_of(event(1, session={"id": "anna@example.org"})))
    events.take_in()
    assert events.rows[0]["session_id"] is not None and "anna" not in events.everything()


def test_reports_are_read(reports: Reports, bucket: Bucket) -> None:
    """A row traces to the object that states it."""
    url = bucket.put("deep/a.json", report())
    assert reports.take_in().rows_by_day == {DAY: 1}
    [row] = reports.store.select("select_kept_runs", {"days": [DAY], "paths": [url], "sha256": []})
    assert (row["source_path"], row["latency_mean_ms"]) == (url, 0.796)


@pytest.mark.parametrize("key", ["a.json", "k{1,2}.json"])
def test_an_object_that_goes_while_it_is_read_keeps_its_rows(reports: Reports, bucket: Bucket, key: str) -> None:
    """Gone is not empty."""
    bucket.put(key, report())
    reports.take_in()
    bucket.put(key, report(0.9))
    [listed] = reports.store.list_objects(bucket.url("*"))
    bucket.delete(key)
    reports.store = _Listing(reports.store, [listed])
    reports.sources.append(ReportSource(files="reports/*.json"))
    reports.workspace.write("local.json", dated(mean_ms=0.9))
    assert reports.take_in().rows_by_day == {DAY: 2}
    assert [letter["error_type"] for letter in reports.letters] == ["unreadable"]


def test_the_name_of_an_object_dates_its_report(reports: Reports, bucket: Bucket) -> None:
    """As a path does."""
    undated = {name: value for name, value in dated().items() if name != "timestamp"}
    bucket.put("2026-09-01T10:30/a.json", json.dumps(undated).encode())
    reports.sources = [ReportSource(files=bucket.url("**"), pattern=r"(?P<ts>\d{4}-\d{2}-\d{2}T\d{2}:\d{2})/")]
    assert (reports.take_in().rows_by_day, reports.letters) == ({DAY: 1}, [])


@pytest.mark.parametrize("name", ["k{1,2}.json", "b c#d.json", "h?i.json"])
def test_reports_are_read_from_names_with_odd_signs(reports: Reports, bucket: Bucket, name: str) -> None:
    """And from no other object."""
    bucket.put(name, report())
    assert (reports.take_in().rows_by_day, reports.letters) == ({DAY: 1}, [])


def test_a_report_is_read_again_only_when_it_changed(reports: Reports, bucket: Bucket) -> None:
    """By its etag."""
    bucket.put("a.json", report(0.796))
    assert [reports.take_in().files_read for _ in range(2)] == [1, 0]
    bucket.put("a.json", report(0.797))
    assert [run["latency_mean_ms"] for run in reports.take_in().rows] == [0.797]


def test_a_report_that_vanished_keeps_its_rows(reports: Reports, bucket: Bucket) -> None:
    """A measurement does not become untrue because its object was tidied away."""
    bucket.put("a.json", report())
    reports.take_in()
    bucket.delete("a.json")
    bucket.put("b.json", report(0.9))
    intake = reports.take_in()
    assert (intake.missing, intake.rows_by_day) == ([bucket.url("a.json")], {DAY: 2})


def test_an_unknown_report_is_refused_by_name(reports: Reports, bucket: Bucket) -> None:
    """As one in a folder is."""
    url = bucket.put("a.json", b'{"what": "is this"}')
    reports.take_in()
    assert [(letter["source_path"], letter["error_type"]) for letter in reports.letters] == [(url, "refused_report")]


def test_a_store_that_does_not_answer_is_told(events: EventFolder, unreachable: ClickHouseWarehouse) -> None:
    """As a dead letter of the source's pattern, with a reason that people can read."""
    events.warehouse = unreachable
    events.take_in()
    [letter] = events.letters
    assert (letter["source_path"], letter["error_type"]) == (events.sources[0].files, "unreadable")
    assert letter["error"].startswith("cannot be listed: Could not list objects in bucket 'muse-events'")
    assert "Connection refused" in letter["error"] and "DB::Exception" not in letter["error"]


def test_a_store_that_does_not_answer_is_not_an_empty_store(
    events: EventFolder, bucket: Bucket, unreachable: ClickHouseWarehouse
) -> None:
    """Earlier rows stay, and nothing counts as missing: `--forget-missing` would give it up."""
    bucket.put("a.jsonl")
    events.take_in()
    events.warehouse = unreachable
    assert (events.take_in().missing, events.ids) == ([], IDS)
    assert FileLedger(unreachable, "ui_events").missing == []


def test_local_sources_are_taken_in_while_the_store_does_not_answer(
    events: EventFolder, bucket: Bucket, unreachable: ClickHouseWarehouse
) -> None:
    """Also into the days that the store gave rows of."""
    bucket.put("a.jsonl")
    events.take_in()
    events.warehouse = unreachable
    events.sources.append(EventSource(files="*.jsonl", mapping=MAPPING))
    events.write("local.jsonl", event(7))
    events.take_in()
    assert events.ids == [*IDS, "e7"]


def test_a_store_that_answers_again_heals_by_itself(
    events: EventFolder, bucket: Bucket, store: ClickHouseWarehouse, unreachable: ClickHouseWarehouse
) -> None:
    """The dead letter is gone, what is new is read, and nothing is read again for having been out of sight."""
    bucket.put("a.jsonl")
    events.take_in()
    events.warehouse = unreachable
    events.take_in()
    bucket.put("b.jsonl", lines_of(event(7)))
    events.warehouse = store
    assert (events.take_in().files_read, events.ids, events.letters) == (1, [*IDS, "e7"], [])


def test_refusals_of_objects_stand_while_the_store_does_not_answer(
    events: EventFolder, bucket: Bucket, unreachable: ClickHouseWarehouse
) -> None:
    """What was refused is not forgotten for being out of sight."""
    bucket.put("a.jsonl", BYTES + b"{}\n")
    events.take_in()
    events.warehouse = unreachable
    events.take_in()
    assert sorted(letter["error_type"] for letter in events.letters) == ["refused_line", "unreadable"]


def test_reports_outlast_a_store_that_does_not_answer(
    reports: Reports, bucket: Bucket, unreachable: ClickHouseWarehouse
) -> None:
    """Their rows stay while a local report reaches the same day, and they are not missing."""
    bucket.put("a.json", report())
    reports.take_in()
    reports.store = unreachable
    reports.sources.append(ReportSource(files="reports/*.json"))
    reports.workspace.write("local.json", dated(mean_ms=0.9))
    intake = reports.take_in()
    assert (intake.missing, intake.rows_by_day) == ([], {DAY: 2})
    assert [letter["error_type"] for letter in reports.letters] == ["unreadable"]


def test_an_object_that_cannot_be_fetched_any_more_keeps_its_rows(
    events: EventFolder, bucket: Bucket, store: ClickHouseWarehouse, unreachable: ClickHouseWarehouse
) -> None:
    """The store lists it, and does not give it: it is told, and the day is built of what it gave before."""
    bucket.put("a.jsonl")
    events.take_in()
    bucket.put("b.jsonl", lines_of(event(7)))
    events.warehouse = _Listing(unreachable, store.list_objects(bucket.url("*")))
    events.sources.append(EventSource(files="*.jsonl", mapping=MAPPING))
    events.write("local.jsonl", event(8))
    events.take_in()
    assert events.ids == [*IDS, "e8"]
    assert [letter["source_path"] for letter in events.letters] == [bucket.url("a.jsonl"), bucket.url("b.jsonl")]
    events.warehouse = store
    events.take_in()
    assert (events.ids, events.letters) == ([*IDS, "e7", "e8"], [])


class _Listing(ClickHouseWarehouse):
    """A warehouse whose store lists these objects, whatever it gives."""

    def __init__(self, warehouse: ClickHouseWarehouse, listed: list[StoredObject]) -> None:
        self.__dict__ = vars(warehouse)
        self._listed = listed

    def list_objects(self, pattern: str) -> list[StoredObject]:
        return self._listed


def test_keys_that_are_not_taken_are_told(locked: ClickHouseWarehouse, events: EventFolder) -> None:
    """In the store's own words."""
    events.warehouse = locked
    events.take_in()
    [(_, reason)] = events.refused
    assert "InvalidAccessKeyId" in reason and "The key is not known." in reason


def test_no_refusal_holds_the_keys(
    locked: ClickHouseWarehouse, unreachable: ClickHouseWarehouse, events: EventFolder, bucket: Bucket
) -> None:
    """Neither a dead letter nor any other row of any table."""
    bucket.put("a.jsonl")
    bucket.put("broken.jsonl", gzip.compress(BYTES, mtime=0)[:-9])
    for warehouse in (events.warehouse, locked, unreachable):
        events.warehouse = warehouse
        events.take_in()
    assert SECRET not in events.everything() and KEY not in events.everything()


@pytest.mark.parametrize("key", ["a", "x//y"])
def test_no_error_holds_the_keys(store: ClickHouseWarehouse, locked: ClickHouseWarehouse, key: str) -> None:
    """Nor does any error that led to it."""
    asked = ((store, "list"), (store, "read"), (locked, "list"), (locked, "read"))
    for warehouse, how in asked:
        with pytest.raises(PermanentFailure) as error:
            if how == "list":
                warehouse.list_objects(f"s3://nowhere/{key}*")
            else:
                warehouse.read_object(f"s3://nowhere/{key}")
        cause: BaseException | None = error.value
        while cause:
            assert SECRET not in str(cause)
            cause = cause.__cause__


def test_a_warehouse_that_is_gone_is_told_without_the_keys() -> None:
    """The driver names the address that it asked, with every parameter in it."""
    address = "/?log_comment=muse&param_secret_key=hunter2&query_id=1"

    def refuse(database: str | None) -> Client:
        raise OperationalError(f"Error Max retries exceeded with url: {address} (Caused by refused) executing")

    warehouse = ClickHouseWarehouse(refuse, "chimera_metrics", objects=ObjectStore("http://store", KEY, "hunter2"))
    with pytest.raises(TransientFailure, match="Max retries exceeded") as error:
        warehouse.list_objects("s3://bucket/*")
    assert "hunter2" not in str(error.value)
    assert error.value.__suppress_context__ and error.value.__cause__ is None


def test_a_store_does_not_show_its_keys() -> None:
    """In a log, a traceback or a debugger."""
    shown = repr(ObjectStore("http://store:9000", KEY, SECRET))
    assert "http://store:9000" in shown and KEY not in shown and SECRET not in shown


def test_queries_carry_the_run_and_not_the_keys(store: ClickHouseWarehouse, bucket: Bucket) -> None:
    """The keys are bound parameters: no text of a query holds them."""
    bucket.put("a.json")
    with store.tagged("run-1")._engine("test") as engine:
        sql, bound = store._objects.source(bucket.url("a.json"), "RawBLOB", "content String")
        assert engine.comment == "muse run run-1"
    assert SECRET not in sql and KEY not in sql and bound["secret_key"] == SECRET


def test_a_dry_run_looks_into_the_store_and_leaves_nothing(tmp_path: Path, bucket: Bucket) -> None:
    """Also before there is a warehouse: the engine that asks the store goes with the command."""
    bucket.put("a.jsonl")
    bucket.put("b.json", report())
    configure(tmp_path, bucket)
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = run_muse("--workspace", tmp_path, "ingest", "--dry-run", TMPDIR=str(temporary), **keys)
    said = " ".join(done.stdout.split())
    assert f"{bucket.url('a.jsonl')} new {len(BYTES)} bytes" in said
    assert f"{bucket.url('b.json')} new 1 run of 1 day" in said
    assert {path.name for path in tmp_path.rglob("*")} == {"muse.toml", "temporary"}


def configure(workspace: Path, bucket: Bucket) -> None:
    """A muse.toml whose inputs are in the bucket."""
    (workspace / "muse.toml").write_text(
        f"""
        [muse]
        start_date = 2026-09-01
        [repositories.hearts]
        path = "."
        [repositories.packs]
        path = "."
        [[reports]]
        files = "{bucket.url("*.json")}"
        [[events]]
        files = "{bucket.url("*.jsonl")}"
        format = "segment"
        [s3]
        endpoint = "{bucket.endpoint}"
        """
    )


def test_status_names_the_adapter_and_counts(tmp_path: Path, bucket: Bucket) -> None:
    """And says which source has nothing."""
    bucket.put("a.jsonl")
    bucket.put("b.jsonl")
    configure(tmp_path, bucket)
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    try:
        done = run_muse("--workspace", tmp_path, "status", expect=1, **keys)
    finally:
        stop_warehouse(tmp_path)
    lines = {line.split()[0]: " ".join(line.split()) for line in done.stdout.splitlines() if line.strip()}
    assert f"S3 through the engine files = '{bucket.url('*.jsonl')}' ok 2 objects" in lines["events"]
    assert "no object matches" in lines["reports"]
    assert SECRET not in done.stdout + done.stderr
