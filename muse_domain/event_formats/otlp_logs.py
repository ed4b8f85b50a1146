"""OpenTelemetry's logs and events in OTLP's JSON encoding, one export request a document.

Sources: github.com/open-telemetry/opentelemetry-proto: `docs/specification.md` (JSON Protobuf Encoding: integers of
64 bits are texts, ids are hexadecimal) and `opentelemetry/proto/logs/v1/logs.proto` (a time of 0 is not known, then
the observed time is used; a record with an event name is an event). Semantic conventions
(opentelemetry.io/docs/specs/semconv): `session.id`, `log.record.uid`, `user_agent.original`,
`vcs.ref.head.revision`, `enduser.*`, `user.id`; `event.name` came before the field `eventName`, and a field `name`
(a short identifier of the event) before that; `deployment.environment` before `deployment.environment.name`, and
`browser.user_agent` (github.com/open-telemetry/opentelemetry-js, `opentelemetry-browser-detector`) before
`user_agent.original`.
"""

from collections.abc import Mapping

from muse_domain.event_formats.event_format import EventFields, EventFormat

_DOCUMENTATION = """\
One event for each log record of an export request: a line, as the collector's file exporter writes it, or a file.
Requests from before 2022, with `instrumentationLibraryLogs`, are read alike.

| OTLP | Muse |
|---|---|
| `timeUnixNano`, else `observedTimeUnixNano` | `ts` |
| `eventName`, before 2022 `name`, else the attribute `event.name` | `event_type` |
| attribute `log.record.uid` | `event_id`: repeated deliveries count once |
| attribute `session.id`, else the resource's | `session_id`, as a keyed hash |
| attributes `enduser.pseudo.id`, `user.hash`, `enduser.id`, `user.id` | group events into sessions where none is \
stated, are not stored |
| the resource's `vcs.ref.head.revision`, else the attribute | `commit_sha` |
| attribute `user_agent.original`, else the resource's, else its `browser.user_agent` | `user_agent`: family and \
major version |
| severity, instrumentation, service, its version, deployment | metadata |

Null: `latency_ms`, a record has no duration; `event_id` without the attribute, then all are kept; the error rate and
the abandonment, until `muse.toml` names the events that are errors, starts and completions. A session is the one that
the attribute states, else it is derived from a gap of 30 minutes in the events of one user. A record without an event
name is a line of a log and no event: it is refused. Bodies and all other attributes are not read.
"""


def _recognises(document: Mapping[str, object]) -> bool:
    return isinstance(document.get("resourceLogs"), list)


FORMATS = (
    EventFormat(
        name="otlp_logs",
        title="OpenTelemetry logs (OTLP JSON)",
        documentation=_DOCUMENTATION,
        fields=EventFields(
            ts=("timeUnixNano", "observedTimeUnixNano"),
            event_type=("name", 'attributes."event.name"'),
            event_id=('attributes."log.record.uid"',),
            session=('attributes."session.id"', 'resource."session.id"'),
            actor=(
                'attributes."enduser.pseudo.id"',
                'attributes."user.hash"',
                'attributes."enduser.id"',
                'attributes."user.id"',
            ),
            commit=('resource."vcs.ref.head.revision"', 'attributes."vcs.ref.head.revision"'),
            user_agent=(
                'attributes."user_agent.original"',
                'resource."user_agent.original"',
                'resource."browser.user_agent"',
            ),
            metadata=(
                "severityText",
                "scope",
                'resource."service.name"',
                'resource."service.version"',
                'resource."deployment.environment.name"',
                'resource."deployment.environment"',
            ),
        ),
        unpack="otlp_logs",
        recognises=_recognises,
    ),
)
