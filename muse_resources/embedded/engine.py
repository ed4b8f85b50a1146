"""The only module that loads chDB. One engine for each process, any number of handles to it.

A handle has its own settings, current database and temporary tables, costs about 0.2 ms, and serves one
statement at a time. Importing this module takes the engine into the process: only the owner may do it.
"""

import json
import os
import re
import sys
import time
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

# The engine takes its time zone from the process at its start.
os.environ["TZ"] = "UTC"
time.tzset()
# chDB imports pyarrow only for results that never leave the process; without it the owner starts faster and
# is smaller.
sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]

import chdb  # noqa: E402

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_CODE = re.compile(r"Code: (\d+)")
_UNKNOWN_EXCEPTION = 1002
_BAD_ARGUMENTS = 36

SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
AUTHENTICATION_FAILED = 516
NOT_IMPLEMENTED = 48
NOT_ENOUGH_SPACE = 243


class EngineError(Exception):
    """A statement failed. ``code`` is ClickHouse's, the text begins with ``Code: n. DB::Exception:`` as the
    server's.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @classmethod
    def of(cls, error: Exception) -> "EngineError":
        """From what chDB raised."""
        text = str(error)
        code = _CODE.search(text)
        if code is None:
            return cls(_UNKNOWN_EXCEPTION, f"Code: {_UNKNOWN_EXCEPTION}. DB::Exception: {text}")
        return cls(int(code.group(1)), text[code.start() :].strip())

    @classmethod
    def raised_here(cls, code: int, name: str, text: str) -> "EngineError":
        """For what the owner itself refuses."""
        return cls(code, f"Code: {code}. DB::Exception: {text}. ({name})")

    @property
    def is_refusal_to_stream(self) -> bool:
        return self.code == _BAD_ARGUMENTS and "Streaming query is not supported" in str(self)


def quoted(text: str) -> str:
    """``text`` as an SQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(name: str) -> str:
    """``name`` as an SQL identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Handle:
    """One conversation with the engine. Every method raises EngineError."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def use(self, database: str) -> None:
        self.query(f"USE {quoted_name(database)}".encode(), "TabSeparated")

    def set(self, settings: Mapping[str, str]) -> None:
        """Sets engine settings (and, as ``param_x``, query parameters) on this handle."""
        for name in settings:
            if not _NAME.fullmatch(name):
                raise EngineError.raised_here(115, "UNKNOWN_SETTING", f"Unknown setting {quoted(name)}")
        if settings:
            pairs = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
            self.query(f"SET {pairs}".encode(), "TabSeparated")

    def query(self, sql: bytes, output_format: str, params: Mapping[str, str] | None = None) -> Any:
        """chDB's result object: bytes() and statistics. A FORMAT clause in the statement wins."""
        try:
            return self._connection.query(_for_engine(sql), output_format, params=dict(params or {}))
        except Exception as error:
            raise EngineError.of(error) from error

    def stream(self, sql: bytes, output_format: str, params: Mapping[str, str]) -> Generator[bytes, None, None]:
        """The result block by block. Closing the generator early cancels the query; do so before close()."""
        try:
            result = self._connection.send_query(_for_engine(sql), output_format, params=dict(params))
        except Exception as error:
            raise EngineError.of(error) from error
        return self._blocks(result)

    def insert(self, head: bytes, input_format: str, pieces: Iterable[bytes]) -> Any:
        """Writes the rows in ``pieces``; returns rows_written, bytes_written and elapsed (seconds).

        ``head`` is the INSERT without its FORMAT clause. An exception raised by ``pieces`` cancels the
        insert.
        """
        try:
            with self._connection.send_insert(_for_engine(head), input_format) as inserter:
                for piece in pieces:
                    inserter.append(piece)
                return inserter.finish()
        except Exception as error:
            raise EngineError.of(error) from error

    def lines(self, sql: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """A small result as dictionaries."""
        data: bytes = self.query(sql.encode(), "JSONEachRow", params).bytes()
        return [json.loads(line) for line in data.splitlines()]

    def close(self) -> None:
        self._connection.close()

    @staticmethod
    def _blocks(result: Any) -> Generator[bytes, None, None]:
        try:
            while (block := result.fetch()) is not None:
                yield block.bytes()
        except Exception as error:
            raise EngineError.of(error) from error
        finally:
            result.cancel()


def _for_engine(sql: bytes) -> str | bytes:
    """Text wherever possible: only text is accepted by every call of chDB's interface."""
    try:
        return sql.decode()
    except UnicodeDecodeError:
        return sql


class Engine:
    """The engine on one folder. Opening it twice in a process, or in two processes, is refused by chDB
    itself.
    """

    def __init__(self, folder: Path) -> None:
        """Raises EngineError. That another process has the folder open, chDB tells on stderr only."""
        self._path = str(folder)
        try:
            self._first = chdb.connect(self._path)
        except Exception as error:
            raise EngineError.of(error) from error

    def new_handle(self) -> Handle:
        """A handle with default settings; the caller closes it."""
        return Handle(chdb.connect(self._path))

    def close(self) -> None:
        """Flushes and gives the folder free. Open handles must be closed before."""
        self._first.close()
