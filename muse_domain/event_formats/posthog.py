"""PostHog's events: batch exports as JSON lines, and the body of its capture API.

Sources: PostHog, "S3 destination for batch exports" and "File download exports" (posthog.com/docs/data-pipelines) for
the exported fields; "Capture and batch API endpoints" (posthog.com/docs/api/capture) for `{"batch": [...]}`, where
`distinct_id` may stand in the properties; "Timestamps" (posthog.com/docs/data/timestamps): `timestamp` is corrected
with `sent_at` when PostHog stores it; "Sessions" (posthog.com/docs/data/sessions) for `$session_id`;
github.com/PostHog/posthog (`rust/common/cookieless/src/constants.rs`) for `$posthog_cookieless`.
"""

from collections.abc import Mapping

from muse_domain.event_formats.event_format import EventFields, EventFormat, first_event, stated

_DOCUMENTATION = """\
One event for each line of an export, or for each element of a JSON array or of `batch` in the capture API's body.

| PostHog | Muse |
|---|---|
| `timestamp` (in an export corrected for the device's clock) | `ts` |
| `event`, PostHog's own with their dollar sign | `event_type` |
| `uuid` | `event_id`: repeated deliveries count once |
| `properties.$session_id` | `session_id`, as a keyed hash |
| `distinct_id`, else `properties.distinct_id` | groups events into sessions where none is stated, is not stored |
| `properties.$raw_user_agent`, else `$user_agent`, else `$useragent` | `user_agent`: family and major version |
| library and its version, version of the app, system, kind of device | metadata |

Null: `latency_ms`, events state no durations and web vitals describe whole pages; `commit_sha`; the abandonment; the
error rate, because nothing in a file tells "no exception" from "exceptions are not captured": where they are, set
`error_types = ["$exception"]`. A session is PostHog's own, and where a library states none, as on servers, it is
derived from a gap of 30 minutes in the events of one person; the `distinct_id` `$posthog_cookieless`, which a library
without cookies sends for everybody, names no person. Where `properties` is a JSON text, as in exports to
Parquet, it is read as the object that it spells. Persons, their properties, addresses, pages, elements and places are
not read.
"""


def _recognises(document: Mapping[str, object]) -> bool:
    event = first_event(document, "batch")
    # Mixpanel's events look alike, but date themselves in their properties.
    is_posthog = "timestamp" in event or "uuid" in event
    has_person = any(stated(event, path) is not None for path in ("distinct_id", "properties.distinct_id"))
    return is_posthog and has_person and isinstance(event.get("event"), str)


FORMATS = (
    EventFormat(
        name="posthog",
        title="PostHog (exports as JSON lines, capture batches)",
        documentation=_DOCUMENTATION,
        fields=EventFields(
            ts=("timestamp",),
            event_type=("event",),
            event_id=("uuid",),
            session=("properties.$session_id",),
            actor=("distinct_id", "properties.distinct_id"),
            user_agent=("properties.$raw_user_agent", "properties.$user_agent", "properties.$useragent"),
            metadata=(
                "properties.$lib",
                "properties.$lib_version",
                "properties.$app_version",
                "properties.$os",
                "properties.$device_type",
            ),
        ),
        unpack="posthog",
        recognises=_recognises,
    ),
)
