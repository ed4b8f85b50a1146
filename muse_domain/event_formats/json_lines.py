"""JSON with field names of its own: the mapping in muse.toml says everything."""

from muse_domain.event_formats.event_format import EventFields, EventFormat

_DOCUMENTATION = """\
One event for each line, or for each element of a JSON array. The format knows no field names: `muse.toml` names them.

| muse.toml | Muse |
|---|---|
| `ts`, `event_type` (needed) | `ts`, `event_type` |
| `event_id`, `session`, `commit`, `user_agent` | `event_id`, `session_id`, `commit_sha`, `user_agent` |
| `latency` with its unit | `latency_ms` |
| `metadata` | `metadata` |

Null: every column that is not mapped. A session is what `session` names, else a gap of 30 minutes in the events of
one `actor`. The session is stored as a keyed hash, the actor not at all, of the user agent family and major version.
Whatever is not mapped is not read; do not map names, addresses or texts that people wrote as `metadata`.
"""

FORMATS = (
    EventFormat(
        name="json_lines",
        title="JSON lines with a mapping of your own",
        documentation=_DOCUMENTATION,
        fields=EventFields(),
        unpack="list",
        recognises=lambda document: False,
    ),
)
