"""Segment's calls: track, page, screen, identify, group, alias.

Sources: Segment, "Spec: Common fields" (twilio.com/docs/segment/connections/spec/common) for the four times and the
ids; "Spec: Track" for `event`; "HTTP API" for `{"batch": [...]}`, whose own `context` is merged into each call's.
`timestamp` is `receivedAt` less the time that the call waited on the device (`sentAt` - `originalTimestamp`), thus free
of the device's wrong clock; `originalTimestamp` is that clock. `sentAt` and `receivedAt` say when a call travelled, not
when it was made.
"""

from collections.abc import Mapping

from muse_domain.event_formats.calls import is_call, is_from_rudderstack
from muse_domain.event_formats.event_format import EventFields, EventFormat, first_event

_DOCUMENTATION = """\
One event for each call: a line of an archive, an element of a JSON array, or of `batch` as SDKs send it; what the
`context` of a batch states holds for each of its calls that does not state it.

| Segment | Muse |
|---|---|
| `timestamp` (corrected for the device's clock), else `originalTimestamp` (the device's clock) | `ts` |
| `event`, which track calls state, else `type` (`page`, `screen`, ...) | `event_type` |
| `messageId` | `event_id`: repeated deliveries count once |
| `anonymousId`, else `userId` | groups events into sessions, is not stored |
| `context.userAgent` | `user_agent`: family and major version |
| call, version of the app, library and its version, system, kind of device | metadata |

Null: `latency_ms`, calls state no durations; `commit_sha`, they state a version at most; the error rate and the
abandonment, until `muse.toml` names the events that are errors, starts and completions. Segment has no sessions: one
is derived from a gap of 30 minutes in the events of one device. A call that states only when it was sent or received
is refused. In a `batch` that never passed Segment, `timestamp` is the device's clock. Traits, properties, addresses,
pages, names and places are not read.
"""


def _recognises(document: Mapping[str, object]) -> bool:
    event = first_event(document, "batch")
    return is_call(event) and not is_from_rudderstack(event)


FORMATS = (
    EventFormat(
        name="segment",
        title="Segment (JSON lines, batches)",
        documentation=_DOCUMENTATION,
        fields=EventFields(
            ts=("timestamp", "originalTimestamp"),
            event_type=("event", "type"),
            event_id=("messageId",),
            actor=("anonymousId", "userId"),
            user_agent=("context.userAgent",),
            metadata=(
                "type",
                "context.app.version",
                "context.library.name",
                "context.library.version",
                "context.os.name",
                "context.device.type",
            ),
        ),
        unpack="batch",
        recognises=_recognises,
    ),
)
