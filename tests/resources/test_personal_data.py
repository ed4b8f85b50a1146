"""No person's name reaches the warehouse, wherever in a report it stands and whichever format reads it."""

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from muse_resources.report_intake import take_in_reports
from muse_resources.warehouse import ClickHouseWarehouse
from tests.domain.formats.test_registry import FILES
from tests.resources.report_workspace import ReportWorkspace

NOW = datetime(2026, 9, 10, 6, tzinfo=UTC)
DAY = date(2026, 9, 1)
# What a report's texts are made to hold beside what they say.
PLANTED = " /home/jane.doe/x /Users/Jane Doe/x c:\\users\\jane.doe\\x C:\\Users\\Jane Doe\\x jane.doe@example.org"
# Fields that reports of no benchmark need, and that machines write into them all the same.
NAMED = {
    "user": "jane.doe",
    "username": "jane.doe",
    "login": "jane.doe",
    "email": "jane.doe@example.org",
    "author": {"name": "Jane Doe", "username": "jane.doe", "email": "jane.doe@example.org"},
    "committer": {"name": "Jane Doe", "username": "jane.doe"},
    "hostname": "jane-does-laptop",
    "host_name": "jane-does-laptop",
    "machine_name": "jane-does-laptop",
    "home": "/home/jane.doe",
    "cwd": "/Users/jane.doe/work",
    "executable": "/home/jane.doe/bench",
    "ip": "jane-does-laptop",
}
# A parameter of a benchmark may be called so, too: planted only where a report has them already.
STATED = NAMED | {"host": "jane-does-laptop", "node": "jane-does-laptop"}
JANE = re.compile(r"jane|\bdoe\b", re.IGNORECASE)

Place = tuple[Any, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every part of a document, from the top."""
    yield place
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*place, key))


def at(document: Any, place: Place) -> Any:
    """The part at a place."""
    for key in place:
        document = document[key]
    return document


def planted_documents(document: Any) -> Iterator[Any]:
    """Copies of a document, each with a name in one of its texts, in one of its keys, or in fields of its own."""
    for place in places(document):
        part = at(document, place)
        if isinstance(part, str) and place:
            yield _changed(document, place, part + PLANTED)
            yield _changed(document, place, PLANTED.strip())
        if isinstance(part, dict):
            further = {name: value for name, value in NAMED.items() if name not in part}
            yield _changed(document, place, {**part, **further})
            stated = {name: STATED.get(name, value) for name, value in part.items()}
            if stated != part:
                yield _changed(document, place, stated)
            for key in part:
                yield _changed(
                    document, place, {(f"{name}{PLANTED}" if name == key else name): part[name] for name in part}
                )


def _changed(document: Any, place: Place, part: Any) -> Any:
    changed = copy.deepcopy(document)
    if not place:
        return part
    at(changed, place[:-1])[place[-1]] = part
    return changed


def planted_files(data: bytes) -> Iterator[bytes]:
    """The same for a file: one JSON document, lines of them, or plain text, whose every word is planted upon."""
    text = data.decode()
    try:
        yield from (json.dumps(one).encode() for one in planted_documents(json.loads(text)))
        return
    except json.JSONDecodeError:
        lines = text.splitlines()
    for number, line in enumerate(lines):
        for changed in _planted_lines(line):
            yield "\n".join([*lines[:number], changed, *lines[number + 1 :], ""]).encode()


def _planted_lines(line: str) -> Iterator[str]:
    try:
        yield from (json.dumps(one) for one in planted_documents(json.loads(line)))
        return
    except json.JSONDecodeError:
        yield line + PLANTED
    for end in (found.end() for found in re.finditer(r"[^\s,:\"]+", line)):
        yield line[:end] + PLANTED + line[end:]


def stored_texts(engine: Client) -> Iterator[tuple[str, str]]:
    """Every text of every table, with the file that it came from."""
    columns = engine.query(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN "
        "(SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MergeTree') "
        "AND (position(type, 'String') > 0) AND name NOT IN ('source_path')"
    )
    for table, name in columns.result_rows:
        paths = "source_path" if table in ("bench_runs", "dead_letters", "input_files") else "''"
        for path, text in engine.query(f"SELECT DISTINCT {paths}, toString({name}) FROM {table}").result_rows:
            yield f"{table}.{name} of {path}", text or ""


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_name_that_stands_in_a_report_is_stored(
    name: str, tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client
) -> None:
    """Texts, keys, addresses, home folders, fields of users and machines: none reaches a table, read or refused."""
    reports = ReportWorkspace(tmp_path / "workspace")
    for number, data in enumerate(dict.fromkeys(planted_files(FILES[name]))):
        reports.write(f"{DAY}/{number:04}", data)
    intake = take_in_reports(warehouse, reports.configured(pattern=r"(?P<ts>\d{4}-\d\d-\d\d)/"), [DAY], NOW)
    assert intake.files >= 5
    leaks = [f"{where}: {text[:300]}" for where, text in stored_texts(engine) if JANE.search(text)]
    assert leaks == []


def test_no_name_that_makes_a_report_ambiguous_is_stored(
    tmp_path: Path, warehouse: ClickHouseWarehouse, engine: Client
) -> None:
    """The reason of a refusal quotes the report: it does so without people."""
    reports = ReportWorkspace(tmp_path / "workspace")
    reports.write("twice.json", b'{"jane.doe@example.org": 1, "jane.doe@example.org": 2}')
    reports.write("unknown.json", b'{"jane.doe@example.org": 1}')
    reports.write("lines.json", b'{"/home/jane.doe/x": 1}\n{"/home/jane.doe/x": 2}')
    reports.write("table.csv", b"jane.doe@example.org,b\n1,2\n")
    assert take_in_reports(warehouse, reports.configured(), [DAY], NOW).files_read == 4
    assert [f"{where}: {text}" for where, text in stored_texts(engine) if JANE.search(text)] == []


def test_planted_names_reach_the_readers(tmp_path: Path) -> None:
    """The proof above would be worth nothing if what is planted made every report unreadable."""
    for name, data in FILES.items():
        reports = ReportWorkspace(tmp_path / name)
        for number, planted in enumerate(dict.fromkeys(planted_files(data))):
            reports.write(f"{number:04}", planted)
        read = reports.read(pattern=r"(?P<ts>x)")
        reasons = [{letter["error_type"] for letter in one.letters} for one in read]
        assert any(one.runs for one in read) or {"undated"} in reasons, name
