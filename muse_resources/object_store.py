"""Files in S3 and what speaks like it, listed and read by the engine itself."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import quote

from clickhouse_connect.driver.exceptions import ClickHouseError

from muse_domain.failures import PermanentFailure, is_unreadable_object_code
from muse_domain.ports import Row, StoredObject
from muse_resources.engine import Engine, engine_words

# The engine would else try a store that does not answer for minutes.
PATIENCE = {"s3_retry_attempts": 3, "s3_connect_timeout_ms": 3000, "s3_request_timeout_ms": 30000}
# Empty objects are listed, to be told as empty files are; a name that is not there is no error.
_LISTING = PATIENCE | {"s3_skip_empty_files": 0, "s3_ignore_file_doesnt_exist": 1}

_SCHEME = "s3://"
_PATTERN_SIGN = re.compile(r"[*?{}]")


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Where buckets are and who asks. Without keys, objects are asked for without a signature.

    `endpoint` is empty for AWS, else the address of a service that speaks S3's protocol, such as http://minio:9000.
    """

    endpoint: str = ""
    access_key: str | None = None
    secret_key: str | None = None

    def __repr__(self) -> str:
        return f"ObjectStore({self.endpoint!r}, ...)"

    def source(self, url: str, form: str, structure: str = "") -> tuple[str, dict[str, Any]]:
        """The table expression that reads the object of exactly this name, and what it is bound to."""
        pattern = _PATTERN_SIGN.sub("?", url)
        function, bound = self.matching(pattern, form, structure)
        if not _PATTERN_SIGN.search(url):
            return function, bound
        # The engine takes these signs for a pattern, however they are written: it is told which match is meant.
        return f"(SELECT * FROM {function} WHERE _path = {{exact:String}})", {**bound, "exact": _path(url)}

    def matching(self, pattern: str, form: str, structure: str = "") -> tuple[str, dict[str, Any]]:
        """The table function that reads every object whose name matches, and what it is bound to."""
        bound: dict[str, Any] = {"object": self._address(pattern)}
        who = "NOSIGN"
        if self.access_key and self.secret_key:
            who = "{access_key:String}, {secret_key:String}"
            bound |= {"access_key": self.access_key, "secret_key": self.secret_key}
        shape = f", '{structure}', {{compression:String}}" if structure else ""
        return f"s3({{object:String}}, {who}, '{form}'{shape})", bound

    def _address(self, pattern: str) -> str:
        """`s3://bucket/key` as the engine takes it: under the endpoint, or AWS's own.

        Quoted, as the engine unquotes it: a blank, `#`, `%` or `::` would else be no part of the name.
        """
        quoted = quote(_path(pattern), safe="/*{},")
        return f"{self.endpoint.rstrip('/')}/{quoted}" if self.endpoint else f"{_SCHEME}{quoted}"


NO_KEYS = ObjectStore()


def list_objects(engine: Engine, store: ObjectStore, pattern: str) -> list[StoredObject]:
    """The objects that match `s3://bucket/prefix/*.json`, in the order of their keys. Nothing of them is read.

    None is an answer; a store that does not give one raises PermanentFailure.
    """
    source, bound = store.matching(pattern, "One")
    with _in_plain_words():
        sql = f"SELECT DISTINCT _path, _size, _time, _etag FROM {source} ORDER BY _path"
        rows = engine.rows(sql, bound, **_LISTING)
    # A name that ends with a slash is what some tools leave in place of a folder.
    return [_stored(row) for row in rows if not row["_path"].endswith("/")]


def read_object(engine: Engine, store: ObjectStore, url: str) -> bytes:
    """The bytes of one object. Raises PermanentFailure when the store does not give them."""
    source, bound = store.source(url, "RawBLOB", "content String")
    with _in_plain_words():
        # Hexadecimal: a String column would come back as text.
        sql = f"SELECT hex(content) AS content FROM {source}"
        rows = engine.rows(sql, {**bound, "compression": "none"}, **PATIENCE)
    return b"".join(bytes.fromhex(row["content"]) for row in rows)


def _path(url: str) -> str:
    return url.removeprefix(_SCHEME)


def _stored(row: Row) -> StoredObject:
    """One object. The store tells its time in whole seconds: what is below is a mark of its etag, so that another
    content of the same size in the same second is another file."""
    etag = str(row["_etag"]).strip('"')
    seconds = int(row["_time"].astimezone(UTC).timestamp())
    mark = int(hashlib.sha256(etag.encode()).hexdigest()[:12], 16) % 1_000_000_000
    return StoredObject(f"{_SCHEME}{row['_path']}", etag, row["_size"], seconds * 1_000_000_000 + mark)


@contextmanager
def _in_plain_words() -> Iterator[None]:
    """What the store answered, without the engine's surroundings."""
    try:
        yield
    except ClickHouseError as error:
        if is_unreadable_object_code(getattr(error, "code", None)):
            raise PermanentFailure(engine_words(error)) from error
        raise
