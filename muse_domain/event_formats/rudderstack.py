"""RudderStack's calls: Segment's, with sessions.

Sources: RudderStack, "Common fields" (rudderstack.com/docs/event-spec/standard-events/common-fields) for ids and
times, where `timestamp` is computed as Segment computes it; "Session tracking FAQ"
(rudderstack.com/docs/sources/event-streams/sdks/session-tracking/faq): `context.sessionId` is the time at which the
session began, so it names a session only together with the device or user; github.com/rudderlabs/rudder-transformer,
which lowers every `type` before it compares it; github.com/rudderlabs/rudder-sdk-android
(`RudderClient.screen`), which puts the name of a screen into `event`.
"""

from collections.abc import Mapping

from muse_domain.event_formats.calls import is_call, is_from_rudderstack
from muse_domain.event_formats.event_format import EventFields, EventFormat, first_event

_DOCUMENTATION = """\
One event for each call: a line of a dump, an element of a JSON array, or of `batch` as SDKs send it.

| RudderStack | Muse |
|---|---|
| `timestamp` (corrected for the device's clock), else `originalTimestamp` (the device's clock) | `ts` |
| `event` of a track call, else `type` in lower case (`page`, `screen`, ...) | `event_type` |
| `messageId` | `event_id`: repeated deliveries count once |
| `context.sessionId` with `anonymousId`, else `userId` | `session_id`, as a keyed hash |
| `anonymousId`, else `userId` | groups events into sessions where none is stated, is not stored |
| `context.userAgent` | `user_agent`: family and major version |
| call, channel, version of the app, library and its version, system, kind of device | metadata |

Null: `latency_ms`, calls state no durations; `commit_sha`, they state a version at most; the error rate and the
abandonment, until `muse.toml` names the events that are errors, starts and completions. A session is RudderStack's
own, and where the SDK states none, as on servers, it is derived from a gap of 30 minutes in the events of one device.
A call that states only when it was sent or received is refused. Traits, properties, addresses, pages, names and
places are not read.
"""


def _recognises(document: Mapping[str, object]) -> bool:
    event = first_event(document, "batch")
    return is_call(event) and is_from_rudderstack(event)


FORMATS = (
    EventFormat(
        name="rudderstack",
        title="RudderStack (JSON lines, batches)",
        documentation=_DOCUMENTATION,
        fields=EventFields(
            ts=("timestamp", "originalTimestamp"),
            event_type=("muse.type",),
            event_id=("messageId",),
            session=("muse.session",),
            actor=("anonymousId", "userId"),
            user_agent=("context.userAgent",),
            metadata=(
                "type",
                "channel",
                "context.app.version",
                "context.library.name",
                "context.library.version",
                "context.os.name",
                "context.device.type",
            ),
        ),
        unpack="rudderstack",
        recognises=_recognises,
    ),
)
