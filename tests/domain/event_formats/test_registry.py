"""Which formats there are, how a file's format is recognised, and what every format owes its reader."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muse_domain.event_formats.event_format import EventFields, path_parts
from muse_domain.event_formats.registry import FORMATS, EventFormat, event_format, recognise

NAMES = {
    "json_lines", "segment", "rudderstack", "posthog", "snowplow", "datadog_rum", "otlp_logs", "otlp_spans",
}  # fmt: skip
PATHS = ("ts", "event_type", "event_id", "session", "actor", "commit", "latency", "user_agent", "metadata")
# What may not be read as a fact about an event: it is about a person, or a person wrote it.
PERSONAL = re.compile(r"\b(ip|email|title|url|path|referrer|traits|usr|user|name_tracker|body|message|city)\b", re.I)
each_format = pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)


def format_of(stem: str) -> str:
    """The longest name of a format that a file's stem begins with."""
    return max((name for name in NAMES if stem.startswith(name)), key=len)


def paths_of(fields: EventFields, *names: str) -> list[str]:
    return [path for name in names for path in getattr(fields, name)]


def test_every_module_is_found() -> None:
    """A format is added by its module alone."""
    assert {known.name for known in FORMATS} == NAMES
    assert len(FORMATS) == len(NAMES)


def test_a_format_is_had_by_its_name() -> None:
    """And an unknown name is answered with those that are known."""
    assert event_format("posthog").title.startswith("PostHog")
    with pytest.raises(LookupError, match=r"'mixpanel'.*datadog_rum, json_lines, otlp_logs"):
        event_format("mixpanel")


@each_format
def test_every_format_is_documented(known: EventFormat) -> None:
    """What maps to which column, what is null, how a session is found."""
    assert known.title
    assert "|---|---|" in known.documentation
    assert "Null:" in known.documentation
    assert "session" in known.documentation
    assert "not read" in known.documentation


@each_format
def test_the_documentation_names_every_stated_field(known: EventFormat) -> None:
    """Nobody need read the code to know what is read. Metadata are told in words."""
    for path in paths_of(known.fields, *PATHS[:-1]):
        *_, key = path_parts(path)
        if not path.startswith("muse.") and path not in {"timeUnixNano", "name", "id", "durationNano"}:
            assert key in known.documentation, f"{known.name} reads {path}"


@each_format
def test_every_path_can_be_followed(known: EventFormat) -> None:
    """No stray dot, no open quote."""
    for path in paths_of(known.fields, *PATHS):
        assert path_parts(path)


@each_format
def test_metadata_are_no_personal_data(known: EventFormat) -> None:
    """Neither what identifies a person nor what one wrote is stored as it is."""
    personal = set(paths_of(known.fields, "session", "actor", "user_agent"))
    for path in known.fields.metadata:
        assert path not in personal
        assert not PERSONAL.search(path), f"{known.name} stores {path}"


@each_format
def test_what_no_file_can_tell_is_left_to_the_user(known: EventFormat) -> None:
    """Abandonment needs a start and a completion, and no format has them by itself."""
    assert not known.fields.start_types
    assert not known.fields.completion_types


def test_each_example_is_recognised_as_its_format_alone(examples: dict[str, list[Any]]) -> None:
    """The presets exclude each other; the generic format is nobody's guess."""
    assert {format_of(stem) for stem in examples} == NAMES
    for stem, found in examples.items():
        expected = [] if format_of(stem) == "json_lines" else [format_of(stem)]
        for document in found:
            assert recognise(document) == expected, stem


def test_a_call_may_be_written_large() -> None:
    """Whoever calls the API by hand may do so."""
    assert recognise({"type": "Track", "messageId": "1", "rudderId": "r"}) == ["rudderstack"]


def test_real_files_are_recognised(real_documents: dict[str, list[Any]]) -> None:
    """By their content; a file of its own shape is nobody's."""
    assert recognise(real_documents["rum_action"][0]) == ["datadog_rum"]
    assert recognise(real_documents["otlp_logs"][0]) == ["otlp_logs"]
    assert recognise(real_documents["visitor_events"][0]) == []
    fixture = real_documents["rudder_engagement_track"][0]
    assert recognise(fixture) == []
    assert recognise(fixture["output"]["queue"]) == ["rudderstack"]


@pytest.mark.parametrize(
    "document",
    [
        None, 5, "track", [], [1], {}, [[{"type": "track", "messageId": "1"}]],
        {"batch": []}, {"batch": [5]}, {"batch": 5}, {"data": []}, {"resourceLogs": {}},
        {"type": "track"}, {"type": ["track"], "messageId": "1"}, {"type": "rum"},
        {"event": "a", "properties": {"time": 1, "distinct_id": "d", "$insert_id": "i"}},
    ],
)  # fmt: skip
def test_what_states_too_little_is_nobodys(document: object) -> None:
    """Not even an exception: any document may be asked about."""
    assert recognise(document) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
asked_about = st.sampled_from(
    "type messageId batch data event distinct_id properties timestamp context channel application session attributes "
    "event_id collector_tstamp resourceLogs resourceSpans".split()
)


@given(st.dictionaries(asked_about, json_values, max_size=6))
@settings(max_examples=200, deadline=None)
def test_no_document_is_too_strange_to_be_asked_about(document: dict[str, Any]) -> None:
    """Whatever stands under the keys that the formats look at."""
    assert set(recognise(document)) < NAMES


def test_a_list_stands_for_its_first_object(examples: dict[str, list[Any]]) -> None:
    """A pretty-printed array of events is recognised as its events are."""
    assert recognise([None, *examples["snowplow"]]) == ["snowplow"]


def test_two_formats_in_one_document_are_both_named(examples: dict[str, list[Any]]) -> None:
    """Nobody chooses for the author of the file."""
    both = examples["otlp_logs"][0] | examples["otlp_spans"][0]
    assert recognise(both) == ["otlp_logs", "otlp_spans"]
