"""One request to a server with OpenAI's Responses API, by the official client, as data.

Imported only when a request is sent: the client costs most of a second. Its own retries are off, because every attempt
has to be reserved and noted; what it would wait for is in the reply.
"""

import time
from collections.abc import Iterator

import httpx2
from openai import (  # noqa: TID251 - this is the writer's adapter
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    OpenAI,
    OpenAIError,
)

from muse_domain.answers import MOST_BYTES, Reply
from muse_domain.prompting import ModelRequest

CONNECT_TIMEOUT_S = 10.0
# The client wants a key; a server of one's own that asks for none ignores it.
NO_KEY = "none"


class _TooLarge(Exception):
    """The body goes on beyond MOST_BYTES."""


class _TooLate(Exception):
    """The body goes on beyond the time that one answer may take."""


class _BoundedStream(httpx2.SyncByteStream):
    """A body that ends with an error where it grows too large or takes too long: a read timeout bounds no drip."""

    def __init__(self, stream: httpx2.SyncByteStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise _TooLarge
            if time.monotonic() > self._deadline:
                raise _TooLate
            yield chunk

    def close(self) -> None:
        self._stream.close()


def send(request: ModelRequest, *, base_url: str, api_key: str | None, timeout_s: float, call_id: str) -> Reply:
    """Send the request once. Whatever comes back, or does not, is a reply."""
    deadline = time.monotonic() + timeout_s
    try:
        with _http_client(timeout_s, deadline) as http:
            client = OpenAI(
                api_key=api_key or NO_KEY, base_url=base_url, max_retries=0, http_client=http, timeout=http.timeout
            )
            answered = client.responses.with_raw_response.create(
                **request.body, extra_headers={"X-Client-Request-Id": call_id, "Accept-Encoding": "identity"}
            )
            return _reply(answered.http_response)
    except APIStatusError as error:
        return _reply(error.response)
    except APITimeoutError as error:
        unsent = isinstance(error.__cause__, httpx2.ConnectTimeout | httpx2.PoolTimeout)
        return Reply(loss="unsent" if unsent else "late", detail=f"no answer within {timeout_s:g} s")
    except APIConnectionError as error:
        return _lost(error.__cause__ or error)
    except _TooLarge:
        return Reply(loss="large")
    except _TooLate:
        return Reply(loss="late", detail=f"the answer was not whole within {timeout_s:g} s")
    except (OpenAIError, httpx2.InvalidURL, UnicodeError, ValueError) as error:
        # Never sent: a key that fits in no header, an address that is none. Its text may hold the key.
        return Reply(loss="unsent", detail=f"the request cannot be sent: {type(error).__name__}", may_retry=False)


def _http_client(timeout_s: float, deadline: float) -> httpx2.Client:
    def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _TooLarge  # not asked for: a small body may unpack into any size
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _BoundedStream(response.stream, deadline)

    return httpx2.Client(
        timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        follow_redirects=False,
        event_hooks={"response": [bound]},
    )


def _reply(response: httpx2.Response) -> Reply:
    headers = response.headers
    return Reply(
        status=response.status_code,
        body=response.content,
        request_id=headers.get("x-request-id", "")[:100],
        retry_after=headers.get("retry-after", ""),
        may_retry=headers.get("x-should-retry") != "false",
    )


def _lost(cause: BaseException) -> Reply:
    unsent = isinstance(cause, httpx2.ConnectError | httpx2.UnsupportedProtocol | httpx2.ProxyError)
    # The protocol's complaint about a header quotes it, and a header holds the key.
    is_local = isinstance(cause, httpx2.LocalProtocolError)
    detail = type(cause).__name__ if is_local else f"{type(cause).__name__}: {cause}"
    return Reply(loss="unsent" if unsent or is_local else "cut", detail=detail, may_retry=not is_local)
