"""Snowplow's enriched events as JSON, as the analytics SDKs write them.

Sources: Snowplow, "Timestamps" (docs.snowplow.io/docs/events/timestamps): `derived_tstamp` is `collector_tstamp` less
the time that the event waited on the device, or the true time where the tracker stated one; "Snowplow atomic event
properties" (docs.snowplow.io/docs/fundamentals/canonical-event); the field list of
github.com/snowplow/snowplow-python-analytics-sdk (`event_transformer.py`), whose times all are UTC and which leaves
out empty fields; "Session tracking" for the entity `client_session`, whose fields the loaders that write Parquet name
in snake case (github.com/snowplow/dbt-snowplow-mobile, `get_session_id_path_sql`);
github.com/snowplow/stream-collector (`Service.scala`), which writes a `network_userid` of zeros where somebody is
tracked anonymously.
"""

from collections.abc import Mapping

from muse_domain.event_formats.event_format import EventFields, EventFormat

_DOCUMENTATION = """\
One event for each line, or for each element of a JSON array, as Snowplow's analytics SDKs make them of enriched
events. The enriched events themselves are tab-separated: they are refused line by line, transform them first.

| Snowplow | Muse |
|---|---|
| `derived_tstamp` (corrected for the device's clock), else `collector_tstamp` (when it arrived) | `ts` |
| `se_action` of a structured event, else `event_name`, else `event` | `event_type` |
| `event_id` | `event_id`: repeated deliveries count once |
| `domain_sessionid`, else `sessionId` (in Parquet `session_id`) of the entity `client_session` | `session_id`, as a \
keyed hash |
| `domain_userid`, else `network_userid`, else `user_id` | groups events into sessions where none is stated, is not \
stored |
| `useragent` | `user_agent`: family and major version |
| application, platform, tracker's version, the event's vendor and version, kind of device | metadata |

Null: `latency_ms`, events state no durations and the timings of a page are lists; `commit_sha`; the abandonment; the
error rate, because nothing in a file tells "no error" from "errors are not tracked": where they are, set
`error_types = ["application_error"]`. A session is Snowplow's own, else it is derived from a gap of 30 minutes in the
events of one browser; ids of zeros, which stand for everybody who is tracked anonymously, name no session and no
browser. Addresses, pages, labels, places, transactions and all other entities are not read.
"""


def _recognises(document: Mapping[str, object]) -> bool:
    return {"event_id", "collector_tstamp"} <= document.keys()


FORMATS = (
    EventFormat(
        name="snowplow",
        title="Snowplow (enriched events as JSON)",
        documentation=_DOCUMENTATION,
        fields=EventFields(
            ts=("derived_tstamp", "collector_tstamp"),
            event_type=("se_action", "event_name", "event"),
            event_id=("event_id",),
            session=("domain_sessionid", "muse.session"),
            actor=("domain_userid", "network_userid", "user_id"),
            user_agent=("useragent",),
            metadata=("app_id", "platform", "v_tracker", "event_vendor", "event_version", "dvce_type"),
        ),
        unpack="snowplow",
        recognises=_recognises,
    ),
)
