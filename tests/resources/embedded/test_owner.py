"""One owner for each folder, started by whoever comes first, gone when idle; nothing acknowledged is lost."""

import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from muse_resources.embedded.connect import (
    OwnerAddress,
    OwnerError,
    ensure_owner,
    owner_client,
    stop_owner,
)

CLIENTS = Path(__file__).with_name("clients.py")
ROOT = Path(__file__).parents[3]


def start_client(action: str, *args: object) -> subprocess.Popen[str]:
    """A client process; see clients.py for the actions."""
    return subprocess.Popen(
        [sys.executable, str(CLIENTS), action, *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def wait_until(condition: Callable[[], bool], timeout_s: float = 15) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "the condition did not come true in time"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """False for a process that has ended, also if nobody has reaped it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def state_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".owner")


def create_table(folder: Path) -> None:
    with owner_client(folder) as client:
        client.command("CREATE TABLE t (writer UInt64, number UInt64) ENGINE = MergeTree ORDER BY number")


def test_a_cold_start_by_eight_processes_gives_one_owner(own_folder: Path) -> None:
    """However many ask at once, one process opens the folder and all of them get a working client."""
    clients = [start_client("say_owner", own_folder) for _ in range(8)]
    answers = [client.communicate(timeout=60)[0].strip() for client in clients]

    assert [client.returncode for client in clients] == [0] * 8
    assert len(set(answers)) == 1
    assert answers[0].isdigit()


def test_eight_writers_at_once_lose_nothing(own_folder: Path) -> None:
    """Eight processes inserting 25 rows each leave 200 different rows."""
    create_table(own_folder)
    writers = [start_client("insert_single_rows", own_folder, number, 25) for number in range(8)]
    for writer in writers:
        assert writer.wait(timeout=60) == 0

    with owner_client(own_folder) as client:
        assert client.command("SELECT count(), uniqExact(writer, number) FROM t") == ["200", "200"]


def test_a_killed_owner_loses_no_acknowledged_insert(own_folder: Path, tmp_path: Path) -> None:
    """After kill -9 during inserts every acknowledged row is there, and long-lived clients just go on."""
    create_table(own_folder)
    acknowledged = tmp_path / "acknowledged"
    writer = start_client("insert_until_killed", own_folder, acknowledged)
    pids = set()
    try:
        for _ in range(3):
            seen = len(acknowledged.read_text()) if acknowledged.exists() else 0
            wait_until(lambda seen=seen: acknowledged.exists() and len(acknowledged.read_text()) > seen + 100)
            address = ensure_owner(own_folder)
            pids.add(address.pid)
            os.kill(address.pid, signal.SIGKILL)
    finally:
        writer.kill()
        writer.communicate()

    numbers = {int(line) for line in acknowledged.read_text().split("\n")[:-1]}
    with owner_client(own_folder) as client:
        stored = {row[0] for row in client.query("SELECT number FROM t").result_rows}
        assert client.command("SELECT count() - uniqExact(number) FROM t") == 0
    assert len(pids) == 3
    assert numbers <= stored


def test_a_stale_address_is_not_trusted(own_folder: Path) -> None:
    """An address whose pid and port now belong to another program is not the owner's."""
    old = ensure_owner(own_folder)
    stop_owner(own_folder)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        threading.Thread(target=_answer_anything, args=(stranger,), daemon=True).start()
        stale = {
            "host": "127.0.0.1",
            "port": stranger.getsockname()[1],
            "token": old.token,
            "pid": os.getpid(),
        }
        (state_of(own_folder) / "owner.json").write_text(json.dumps(stale))

        assert ensure_owner(own_folder).pid not in (os.getpid(), old.pid)
        with owner_client(own_folder) as client:
            assert client.command("SELECT 1") == 1


def _answer_anything(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nOk.\n")


def test_an_idle_owner_ends_and_the_next_request_starts_another(own_folder: Path) -> None:
    """Ending leaves no process, no address and no lock; a client that lived longer does not notice."""
    client = owner_client(own_folder, idle_seconds=1)
    first = ensure_owner(own_folder)
    wait_until(lambda: not is_running(first.pid))
    assert not (state_of(own_folder) / "owner.json").exists()

    assert client.command("SELECT 1") == 1
    assert ensure_owner(own_folder).pid != first.pid


def test_requests_around_the_idle_end_do_not_fail(own_folder: Path) -> None:
    """Whatever the moment of a request, the ending of an idle owner is no error."""
    client = owner_client(own_folder, idle_seconds=0.3)
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    pids = set()
    for number in range(9):
        time.sleep(0.29 + 0.008 * number)
        client.insert("t", [[number]], column_names=["n"])
        pids.add(ensure_owner(own_folder, idle_seconds=0.3).pid)

    assert client.command("SELECT count(), uniqExact(n) FROM t") == ["9", "9"]
    assert len(pids) > 1


def test_a_request_keeps_the_owner_alive_however_long_it_takes(own_folder: Path) -> None:
    """An owner is idle only when no request is under way."""
    client = owner_client(own_folder, idle_seconds=0.5)

    assert client.command("SELECT sum(sleepEachRow(0.5)) FROM numbers(3) SETTINGS max_block_size = 1") == 0


def test_an_owner_ends_with_its_folder(own_folder: Path) -> None:
    """A removed workspace leaves no orphan process, and a client does not create it again."""
    client = owner_client(own_folder, idle_seconds=60)
    address = ensure_owner(own_folder)
    shutil.rmtree(own_folder)
    shutil.rmtree(state_of(own_folder))

    wait_until(lambda: not is_running(address.pid))

    time.sleep(2.1)
    with pytest.raises(OwnerError, match="removed"):
        client.command("SELECT 1")
    assert not own_folder.exists()


def test_a_terminated_owner_ends_in_order(own_folder: Path) -> None:
    """SIGTERM finishes the request under way, then frees the folder."""
    client = owner_client(own_folder)
    address = ensure_owner(own_folder)
    results: list[object] = []
    slow = "SELECT sum(sleepEachRow(0.5)) FROM numbers(2) SETTINGS max_block_size = 1"
    thread = threading.Thread(target=lambda: results.append(client.command(slow)))
    thread.start()
    time.sleep(0.3)

    os.kill(address.pid, signal.SIGTERM)
    thread.join(timeout=20)

    assert results == [0]
    wait_until(lambda: not is_running(address.pid))
    assert not (state_of(own_folder) / "owner.json").exists()


def test_stopping_waits_for_the_end_and_tells_if_there_was_one(own_folder: Path) -> None:
    """After stop_owner the folder is free: another process may open, copy or remove it."""
    assert stop_owner(own_folder) is False
    address = ensure_owner(own_folder)

    assert stop_owner(own_folder) is True
    assert not is_running(address.pid)
    assert stop_owner(own_folder) is False


def test_a_second_owner_gives_way_quietly(own_folder: Path) -> None:
    """An owner started by hand beside a living one exits with its own code and touches nothing."""
    address = ensure_owner(own_folder)
    second = subprocess.run(
        [sys.executable, "-m", "muse_resources.embedded.owner", "--folder", str(own_folder)],
        cwd=ROOT, capture_output=True, timeout=30, check=False,
    )  # fmt: skip

    assert second.returncode == 3
    assert second.stdout + second.stderr == b""
    assert ensure_owner(own_folder) == address


def test_a_folder_in_use_by_another_engine_is_an_error_that_says_so(own_folder: Path) -> None:
    """The error names the folder, shows the engine's reason from the log, and comes at once."""
    intruder = "import chdb, sys; c = chdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", intruder, str(own_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(OwnerError, match=r"warehouse could not be opened(.|\n)*Cannot lock file"):
            ensure_owner(own_folder)
        process.kill()

    assert ensure_owner(own_folder).port


def test_the_starter_keeps_no_child_and_leaves_no_zombie(own_folder: Path) -> None:
    """A daemon that starts owners for months has no children left from it."""
    address = ensure_owner(own_folder)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()

    assert str(address.pid) not in children
    os.kill(address.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(address.pid))


def test_the_address_is_for_this_user_only(folder: Path) -> None:
    """Nobody else on the machine can read the token or reach the owner from outside."""
    address_file = state_of(folder) / "owner.json"
    address = ensure_owner(folder)

    assert stat.S_IMODE(address_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(address_file.parent.stat().st_mode) == 0o700
    assert address.host == "127.0.0.1"
    assert address.token not in repr(address)
    assert address.token not in (state_of(folder) / "owner.log").read_text()


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_token_is_refused(folder: Path, token: str) -> None:
    """Without the token nothing is executed: HTTP 403 and ClickHouse's code 516."""
    address = ensure_owner(folder)
    with pytest.raises(HTTPError) as refused:
        _post(address, b"SELECT 1", token)
    assert refused.value.code == 403
    assert refused.value.headers["X-ClickHouse-Exception-Code"] == "516"
    with pytest.raises(DatabaseError, match="Authentication failed"):
        clickhouse_connect.get_client(host=address.host, port=address.port, password=token)


def test_a_plain_http_client_is_served(folder: Path) -> None:
    """The protocol is ClickHouse's own: anything that speaks it and knows the token may ask."""
    address = ensure_owner(folder)

    assert _post(address, b"SELECT 1 + 1", address.token) == b"2\n"


def _post(address: OwnerAddress, data: bytes, token: str) -> bytes:
    url = f"http://{address.host}:{address.port}/"
    with urllib.request.urlopen(urllib.request.Request(url, data, {"X-ClickHouse-Key": token})) as response:
        return response.read()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 1000000", b"1,1\n" * 1000),
        (b"Transfer-Encoding: chunked", b"fa0\r\n" + b"1,1\n" * 1000 + b"\r\n"),
        (b"Transfer-Encoding: chunked", b"fa0\r\n" + b"1,1\n" * 500),
        (b"Content-Encoding: gzip\r\nContent-Length: 40", gzip.compress(os.urandom(99).hex().encode())[:40]),
    ],
    ids=["short length", "between chunks", "inside a chunk", "inside a gzip frame"],
)  # fmt: skip
def test_a_truncated_upload_commits_nothing(
    folder: Path, client: Client, new_table: Callable[[str], str], headers: bytes, body: bytes
) -> None:
    """Rows that arrived before the sender died are not written."""
    table = new_table("writer UInt64, number UInt64")
    address = ensure_owner(folder)
    with socket.create_connection((address.host, address.port)) as connection:
        query = f"POST /?query=INSERT+INTO+{table}+FORMAT+CSV HTTP/1.1\r\n".encode()
        connection.sendall(
            query + b"X-ClickHouse-Key: " + address.token.encode() + b"\r\n" + headers + b"\r\n\r\n" + body
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""

    assert client.command(f"SELECT count() FROM {table}") == 0


def test_a_client_killed_while_uploading_commits_nothing(own_folder: Path) -> None:
    """Three million rows in, more than the engine would buffer, then kill -9: no row."""
    create_table(own_folder)
    upload = start_client("upload_without_end", own_folder)
    assert upload.stdout is not None
    assert upload.stdout.readline() == "sending\n"
    time.sleep(0.2)
    upload.kill()
    upload.communicate()

    with owner_client(own_folder) as client:
        client.command("SELECT sleep(0.3)")
        assert client.command("SELECT count() FROM t") == 0
    assert stop_owner(own_folder, timeout_s=10)


def test_a_client_killed_while_downloading_is_forgotten(own_folder: Path) -> None:
    """Its query is cancelled: the owner is idle at once and can end."""
    ensure_owner(own_folder)
    assert start_client("download_without_reading", own_folder).wait(timeout=30) == 9

    started_s = time.monotonic()
    assert stop_owner(own_folder)
    assert time.monotonic() - started_s < 5


def test_slow_requests_do_not_hold_up_others(client: Client) -> None:
    """Requests run side by side: a short one is answered while a long one is under way."""
    query = "SELECT sum(sleepEachRow(0.5)) FROM numbers(2) SETTINGS max_block_size = 1"
    slow = threading.Thread(target=client.command, args=[query])
    slow.start()
    time.sleep(0.1)

    assert client.command("SELECT 1") == 1
    assert slow.is_alive()
    slow.join()


def test_a_closed_client_leaves_no_connection(folder: Path, client: Client) -> None:
    """Short-lived clients in a long-lived process cost the owner nothing once they are closed."""
    pid = ensure_owner(folder).pid
    before = _threads_and_files(pid)
    for _ in range(30):
        with owner_client(folder) as short_lived:
            short_lived.command("SELECT 1")

    wait_until(lambda: _threads_and_files(pid)[1] <= before[1] + 8)


def test_two_thousand_requests_leave_nothing_behind(folder: Path, client: Client) -> None:
    """Neither threads nor files of the owner grow with the number of requests."""
    pid = ensure_owner(folder).pid
    for _ in range(200):
        client.command("SELECT 1")
    before = _threads_and_files(pid)
    for _ in range(1800):
        client.command("SELECT 1")
    after = _threads_and_files(pid)

    assert after[0] <= before[0] + 8
    assert after[1] <= before[1] + 8
    assert list((state_of(folder) / "spool").iterdir()) == []


def _threads_and_files(pid: int) -> tuple[int, int]:
    return len(list(Path(f"/proc/{pid}/task").iterdir())), len(list(Path(f"/proc/{pid}/fd").iterdir()))
