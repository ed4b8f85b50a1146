"""Client processes for the tests of the owner: ``python clients.py ACTION FOLDER ...``."""

import os
import sys
import time
from pathlib import Path

from clickhouse_connect.driver.client import Client

from muse_resources.embedded.connect import ensure_owner, owner_client


def say_owner(folder: Path) -> None:
    """Prints the pid of the owner that this process got, after a request to it."""
    address = ensure_owner(folder)
    with owner_client(folder) as client:
        client.command("SELECT 1")
    print(address.pid)


def insert_single_rows(folder: Path, writer: str, count: str) -> None:
    """Inserts rows (writer, 0), (writer, 1)... in one request each."""
    with owner_client(folder) as client:
        for number in range(int(count)):
            _insert(client, int(writer), number)


def insert_until_killed(folder: Path, acknowledged: str) -> None:
    """Inserts for ever, writing every acknowledged number to a file; an error ends nothing."""
    client = owner_client(folder)
    with open(acknowledged, "w", buffering=1) as file:
        for number in range(1_000_000):
            try:
                _insert(client, 0, number)
            except Exception:
                time.sleep(0.01)
            else:
                file.write(f"{number}\n")


def upload_without_end(folder: Path) -> None:
    """Sends ever more rows in one insert, until killed."""

    def rows():  # type: ignore[no-untyped-def]
        yield b"1,1\n" * 3_000_000
        print("sending", flush=True)
        while True:
            yield b"1,1\n" * 1000
            time.sleep(0.01)

    owner_client(folder).raw_insert("t", ["writer", "number"], rows(), fmt="CSV")


def download_without_reading(folder: Path) -> None:
    """Starts a large result, reads a part and dies."""
    with owner_client(folder).query_row_block_stream("SELECT number FROM numbers(1000000000)") as blocks:
        next(iter(blocks))
        os._exit(9)


def _insert(client: Client, writer: int, number: int) -> None:
    client.insert("t", [[writer, number]], ["writer", "number"], column_type_names=["UInt64", "UInt64"])


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
