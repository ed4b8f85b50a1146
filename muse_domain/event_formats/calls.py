"""The calls that Segment's specification defines and RudderStack's shares, and how to tell whose they are.

Sources: Segment, "Spec: Common fields" (twilio.com/docs/segment/connections/spec/common); RudderStack, "Common
fields" (rudderstack.com/docs/event-spec/standard-events/common-fields): its `channel` is mobile, web, server or
sources, its SDKs sign `context.library.name`, and its gateway adds `request_ip` and `rudderId`.
"""

from collections.abc import Mapping

from muse_domain.event_formats.event_format import stated

# Tuples: a broken event may state a list, which no set can be asked about.
_CALLS = ("track", "page", "screen", "identify", "group", "alias")
_CHANNELS = ("mobile", "web", "sources")
_WHO = ("messageId", "anonymousId", "userId")


def is_call(event: Mapping[str, object]) -> bool:
    """One of the six calls, with an id of the message or of the one who made it."""
    return str(event.get("type")).lower() in _CALLS and any(stated(event, path) is not None for path in _WHO)


def is_from_rudderstack(event: Mapping[str, object]) -> bool:
    """Whether RudderStack's SDK or gateway has signed the call."""
    return (
        "rudder" in str(stated(event, "context.library.name")).lower()
        or event.get("channel") in _CHANNELS
        or not {"request_ip", "rudderId"}.isdisjoint(event)
    )
