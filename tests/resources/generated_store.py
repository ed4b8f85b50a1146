"""A store that speaks as much of S3's protocol as the engine asks for, with objects that are too large to be kept."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

BUCKET = "muse-generated"
# Parts of an object in turn, each with how often it stands there.
Content = list[tuple[bytes, int]]

_LISTED = (
    "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;{key}-{size}&quot;</ETag>"
    "<LastModified>2026-09-01T00:00:00.000Z</LastModified></Contents>"
)
_LISTING = (
    '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>{bucket}</Name><KeyCount>{count}</KeyCount><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
)


class GeneratedStore(ThreadingHTTPServer):
    """`objects` by their keys, in the one bucket; `sent_bytes` counts what was given of them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.objects: dict[str, Content] = {}
        self.sent_bytes = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def generated_store() -> Iterator[GeneratedStore]:
    """A store that is open until the end of the block."""
    store = GeneratedStore()
    thread = threading.Thread(target=store.serve_forever)
    thread.start()
    try:
        yield store
    finally:
        store.shutdown()
        thread.join()
        store.server_close()


def size_of(content: Content) -> int:
    return sum(len(part) * times for part, times in content)


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GeneratedStore

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # the engine has read enough
            self.close_connection = True

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        key = unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}").lstrip("/")
        if key:
            self._give(key, self.server.objects[key])
            return
        sizes = {key: size_of(content) for key, content in sorted(self.server.objects.items())}
        listed = "".join(_LISTED.format(key=key, size=size) for key, size in sizes.items())
        self._send(200, [_LISTING.format(bucket=BUCKET, count=len(sizes), listed=listed).encode()])

    def _give(self, key: str, content: Content) -> None:
        size = size_of(content)
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), int(asked[2] or size - 1)) if asked else (0, size - 1)
        headers = {"ETag": f'"{key}-{size}"', "Last-Modified": "Tue, 01 Sep 2026 00:00:00 GMT"}
        headers |= {"Content-Range": f"bytes {first}-{last}/{size}"} if asked else {}
        self._send(206 if asked else 200, _slices(content, first, last + 1), last + 1 - first, **headers)

    def _send(self, status: int, pieces: Iterator[bytes] | list[bytes], size: int = 0, **headers: str) -> None:
        length = size or sum(map(len, pieces))
        self.send_response(status)
        for name, value in {"Content-Length": str(length), "Content-Type": "application/xml", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in pieces if self.command == "GET" else ():
            self.wfile.write(piece)
            self.server.sent_bytes += len(piece)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest shows what a test prints."""


def _slices(content: Content, first: int, end: int) -> Iterator[bytes]:
    begin = 0
    for part, times in content:
        skipped = max(0, min(times, (first - begin) // len(part)))
        for number in range(skipped, times):
            start = begin + number * len(part)
            if start >= end:
                return
            yield part[max(0, first - start) : end - start]
        begin += len(part) * times
