"""OpenTelemetry's spans in OTLP's JSON encoding, one export request a document.

Sources: github.com/open-telemetry/opentelemetry-proto: `docs/specification.md` (JSON Protobuf Encoding: integers of
64 bits are texts, ids are hexadecimal in any case, enumerations are numbers) and
`opentelemetry/proto/trace/v1/trace.proto`. Semantic conventions (opentelemetry.io/docs/specs/semconv) as in
`otlp_logs`; `http.user_agent` came before `user_agent.original`.
"""

from collections.abc import Mapping

from muse_domain.event_formats.event_format import EventFields, EventFormat

_DOCUMENTATION = """\
One event for each span of an export request: a line, as the collector's file exporter writes it, or a file. Requests
from before 2022, with `instrumentationLibrarySpans`, are read alike.

| OTLP | Muse |
|---|---|
| `startTimeUnixNano` | `ts` |
| `name`, of an address in it no user, no query and no fragment | `event_type` |
| `traceId` with `spanId`, neither empty nor zero | `event_id`: repeated deliveries count once |
| `endTimeUnixNano` - `startTimeUnixNano` | `latency_ms` |
| attribute `session.id`, else the resource's | `session_id`, as a keyed hash |
| attributes `enduser.pseudo.id`, `user.hash`, `enduser.id`, `user.id` | group spans into sessions where none is \
stated, are not stored |
| the resource's `vcs.ref.head.revision`, else the attribute | `commit_sha` |
| attribute `user_agent.original` or `http.user_agent`, else the resource's, else its `browser.user_agent` | \
`user_agent`: family and major version |
| kind, status, instrumentation, service, its version, deployment | metadata |

Null: `latency_ms` of a span that has no end, ends before it starts or has a start that is not in nanoseconds; the error
rate, a span fails by its status and not by its name; the abandonment. A session is the one that the attribute states,
else it is derived from a gap of 30 minutes in the spans of one user. A span counts as an event whoever caused it:
select the spans of the user interface at the collector. Messages, events and links of spans and all other attributes
are not read.
"""


def _recognises(document: Mapping[str, object]) -> bool:
    return isinstance(document.get("resourceSpans"), list)


FORMATS = (
    EventFormat(
        name="otlp_spans",
        title="OpenTelemetry spans (OTLP JSON)",
        documentation=_DOCUMENTATION,
        fields=EventFields(
            ts=("timeUnixNano",),
            event_type=("name",),
            event_id=("id",),
            session=('attributes."session.id"', 'resource."session.id"'),
            actor=(
                'attributes."enduser.pseudo.id"',
                'attributes."user.hash"',
                'attributes."enduser.id"',
                'attributes."user.id"',
            ),
            commit=('resource."vcs.ref.head.revision"', 'attributes."vcs.ref.head.revision"'),
            latency=("durationNano",),
            latency_unit="ns",
            user_agent=(
                'attributes."user_agent.original"',
                'attributes."http.user_agent"',
                'resource."user_agent.original"',
                'resource."browser.user_agent"',
            ),
            metadata=(
                "kind",
                "status",
                "scope",
                'resource."service.name"',
                'resource."service.version"',
                'resource."deployment.environment.name"',
                'resource."deployment.environment"',
            ),
        ),
        unpack="otlp_spans",
        recognises=_recognises,
    ),
)
