"""Datadog's real user monitoring: events as the SDKs send them, and as the search API returns them.

Sources: the schemas and samples of github.com/DataDog/rum-events-format (`schemas/rum/`): `date` is in milliseconds
since 1970, durations are in nanoseconds, ids of an event stand under its type, and an action's id also stands in the
events that it caused; "Search RUM events" (docs.datadoghq.com/api/latest/rum) for `{"data": [...]}`.
"""

from collections.abc import Mapping

from muse_domain.event_formats.event_format import EventFields, EventFormat, first_event, stated

_DOCUMENTATION = """\
One event for each line, for each element of a JSON array, or of `data` in an answer of the search API, whose events
are read from `attributes.attributes`.

| Datadog RUM | Muse |
|---|---|
| `date` (milliseconds), else the `timestamp` that the API states | `ts` |
| `type`, an action's with its own kind: `action.click`, a view's update as `view` | `event_type` |
| the id under the event's type (`action.id`, `view.id`, ...), else the `id` that the API states | `event_id` |
| `session.id` | `session_id`, as a keyed hash |
| `usr.anonymous_id`, else `usr.id` | groups events into sessions where none is stated, is not stored |
| `loading_time` of an action or a view (nanoseconds) | `latency_ms` |
| the tag `git.commit.sha`, if it is a full hash | `commit_sha` |
| `session.useragent`, which the API states | `user_agent`: family and major version |
| `type` is `error` | the error rate |
| service, version, source, kind of session, kind of device, system, kind and status of a resource | metadata |

Null: `latency_ms` of all other events, their durations are not waits of the user; `commit_sha` without the tag;
`user_agent` of events that did not pass Datadog; the abandonment. A session is Datadog's own. SDKs send a view again
as it grows, whole or as a `view_update`: the copies have one id, and one of them is kept, one that states the loading
time if any does. Telemetry, what an SDK tells of itself, comes with the events and has the type `telemetry`. A
`session.type` other than `user` is a robot's: it is in the metadata. Users, accounts, addresses, pages, names of
targets, messages and contexts are not read.
"""


def _recognises(document: Mapping[str, object]) -> bool:
    event = first_event(document, "data")
    if event.get("type") == "rum":
        return isinstance(stated(event, "attributes.attributes"), dict)
    return all(isinstance(stated(event, path), str) for path in ("type", "application.id", "session.id"))


FORMATS = (
    EventFormat(
        name="datadog_rum",
        title="Datadog RUM (events, search API)",
        documentation=_DOCUMENTATION,
        fields=EventFields(
            ts=("date", "muse.time"),
            event_type=("muse.type",),
            event_id=("muse.id",),
            session=("session.id",),
            actor=("usr.anonymous_id", "usr.id"),
            commit=("muse.commit",),
            latency=("muse.duration",),
            latency_unit="ns",
            user_agent=("session.useragent",),
            error_types=("error",),
            metadata=(
                "service",
                "version",
                "source",
                "session.type",
                "device.type",
                "os.name",
                "resource.type",
                "resource.status_code",
            ),
        ),
        unpack="datadog_rum",
        recognises=_recognises,
    ),
)
