"""`muse.toml`: every wrong key is answered with its name and a remedy."""

import tomllib
import traceback
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from muse_domain.event_formats.registry import event_format
from muse_domain.settings import EventSource, SettingsError, parse_settings

RIGHT = """
[muse]
title = "Log"
start_date = 2026-08-20
end_date = 2026-09-18

[repositories.hearts]
path = "hearts"
grace_minutes = 5

[repositories.packs]
path = "packs"
grace_minutes = 90

[[reports]]
files = "hearts/reports/**/*.json"
pattern = '(?P<ts>\\d{8})_(?P<commit>[0-9a-f]{7})'

[[events]]
files = "packs/events/*.jsonl"
[events.mapping]
ts = "at"
event_type = "kind"

[warehouse]
url = "https://warehouse.example:8443"
"""


def decoded(text: str = RIGHT) -> dict[str, Any]:
    return tomllib.loads(text)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The right settings with one key set to another value; a path such as `reports.0.files`."""
    settings = decoded()
    place: Any = settings
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    place[last] = value
    return settings


def refusal(settings: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as error:
        parse_settings(settings)
    return str(error.value)


def test_a_right_file_is_taken_as_it_is() -> None:
    """What is not said has a documented default."""
    settings = parse_settings(decoded())
    assert settings.muse.start_date == date(2026, 8, 20)
    assert settings.repositories["packs"].grace_minutes == 90
    assert (settings.policy.publish_at, settings.policy.hold_below) == (0.70, 0.50)
    assert settings.policy.maximum_lag_hours == 4.0 and not settings.policy.allow_degraded


@pytest.mark.parametrize(
    ("path", "value", "key", "remedy"),
    [
        ("muse.start_date", "soon", "muse.start_date", "date"),
        ("muse.end_date", date(2026, 1, 1), "muse", "end_date lies before start_date: set it"),
        ("muse.sample", "perhaps", "muse.sample", "boolean"),
        ("warehouse.url", "warehouse:8123", "warehouse.url", 'use "https://host:8443"'),
        ("warehouse.database", "drop table; --", "warehouse.database", "use letters, digits and underscores"),
        ("warehouse.cluster", "muse' --", "warehouse.cluster", "use letters, digits and underscores"),
        ("repositories.hearts.grace_minutes", 0, "repositories.hearts.grace_minutes", "greater than 0"),
        ("repositories.other.path", "x", "(whole file)", "the roles are hearts (measured) and packs (used)"),
        ("reports.0.dated_by", "guess", "reports[0].dated_by", "'report' or 'git'"),
        ("reports.0.pattern", "(", "reports[0].pattern", "is not a regular expression"),
        ("reports.0.pattern", "(?P<when>x)", "reports[0].pattern", "name its groups (?P<ts>...)"),
        ("reports.0.pattern", "plain", "reports[0].pattern", "name its groups"),
        ("reports.0.repository", "harts", "(whole file)", "add [repositories.harts] or change"),
        ("reports.0.files", "gs://bucket/*", "reports[0].files", 'use a path of this machine, or "s3://bucket/folder/'),
        ("reports.0.files", "s3://bucket", "reports[0].files", "use a path of this machine, or"),
        ("reports.0.files", "s3://*/a.json", "reports[0].files", "use a path of this machine, or"),
        ("events.0.files", "s3://bucket/[ab].json", "events[0].files", "matched by *, ?, ** and {a,b}"),
        ("reports.0.repository", "packs", "(whole file)", "reports measure hearts, events are of packs: name hearts"),
        ("events.0.repository", "hearts", "(whole file)", "reports measure hearts, events are of packs: name packs"),
        ("events.0.repository", "nowhere", "(whole file)", "add [repositories.nowhere]"),
        ("events.0.format", "sgment", "events[0].format", "the known ones are datadog_rum, json_lines, "),
        ("events.0.mapping.ts", "a..b", "events[0].mapping.ts", 'is not a path: write a.b, or a."b.c" for a key with'),
        ("events.0.mapping.ts", "", "events[0].mapping.ts", "is not a path"),
        ("events.0.mapping.session", ["id", 'a."b'], "events[0].mapping.session", "'a.\"b' is not a path"),
        ("events.0.mapping.ts", 7, "events[0].mapping.ts", "write a list of texts"),
        ("events.0.mapping.error_types", {"x": 1}, "events[0].mapping.error_types", "write a list of texts"),
        ("events.0.mapping.latency_unit", "m", "events[0].mapping.latency_unit", "'ns', 'us', 'ms' or 's'"),
        ("s3.endpoint", "minio:9000", "s3.endpoint", 'use "https://host:9000"'),
        ("s3.endpoint", "http://minio:9000/bucket", "s3.endpoint", 'use "https://host:9000"'),
        ("s3.endpoint", "http://minio?x=1", "s3.endpoint", 'use "https://host:9000"'),
        ("analysis.window_days", 3, "analysis.window_days", "greater than or equal to 7"),
        ("analysis.minimum_segment", 2, "analysis.minimum_segment", "greater than or equal to 3"),
        ("analysis.false_discovery_rate", 0.9, "analysis.false_discovery_rate", "less than 0.5"),
        ("analysis.minimum_change_pct", -1, "analysis.minimum_change_pct", "greater than or equal to 0"),
        ("analysis.better", {"x": "bigger"}, "analysis.better.x", "'lower', 'higher' or 'none'"),
        ("policy.publish_at", 1.4, "policy.publish_at", "less than or equal to 1"),
        ("policy.hold_below", 0.9, "policy", "hold_below is above publish_at: lower it"),
        ("policy.maximum_lag_hours", 0, "policy.maximum_lag_hours", "greater than 0"),
        ("policy.live_days", 0, "policy.live_days", "greater than or equal to 1"),
        ("writer.kind", "oracle", "writer.kind", "templates"),
    ],
)
def test_every_wrong_value_is_answered_with_its_key_and_a_remedy(path: str, value: Any, key: str, remedy: str) -> None:
    """No wrong value is taken quietly, and none is answered with a riddle."""
    message = refusal(changed(path, value))
    assert message.startswith("muse.toml is not valid:\n")
    assert f"  {key}: " in message and remedy in message


@pytest.mark.parametrize(
    "path",
    [
        "titel",
        "muse.titel",
        "policy.publish",
        "reports.0.file",
        "events.0.mapping.user",
        "warehouse.password",
        "s3.key",
    ],
)
def test_unknown_keys_are_refused(path: str) -> None:
    """A misspelt key would else be a setting that does nothing."""
    message = refusal(changed(path, 1))
    shown = path.replace(".0", "[0]")
    assert f"  {shown}: is not a key of Muse: remove it or mend its spelling" in message


@pytest.mark.parametrize("path", ["muse.start_date", "repositories.hearts.path", "reports.0.files", "events.0.files"])
def test_missing_keys_are_named(path: str) -> None:
    """What must be there is asked for by name."""
    settings = decoded()
    place: Any = settings
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    del place[last]
    assert f"{path.replace('.0', '[0]')}: is missing: add it" in refusal(settings)


@pytest.mark.parametrize("value", ["02:00:30", "02:00+02:00", "25:00", "at night"])
def test_the_schedule_is_a_minute_of_the_utc_day(value: str) -> None:
    """Seconds and zones would be dropped without a word."""
    said = refusal({**decoded(), "watch": {"build_at": value}})
    assert said.splitlines()[-1].strip().startswith("watch.build_at: ")


def test_the_schedule_is_written_as_a_clock_shows_it() -> None:
    """As a text, or as TOML's own time."""
    for value in ("03:30", time(3, 30)):
        assert parse_settings({**decoded(), "watch": {"build_at": value}}).watch.build_at == time(3, 30)


def test_every_wrong_key_is_told_at_once() -> None:
    """Three mistakes are three lines, not three attempts."""
    settings = changed("policy.publish_at", 2)
    settings["analysis"] = {"window_days": 1}
    settings["titel"] = "x"
    assert len(refusal(settings).splitlines()) == 4


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@host:8443",
        "http://:hunter2@host",
        "https://user:hunter2/x@host",
        "HTTPS://user:hunter2@host",
        "https://host:8443/?user=u&password=hunter2",
        "warehouse://user:hunter2@host",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    """Secrets come from the environment; the refusal does not carry them into a log."""
    with pytest.raises(SettingsError) as error:
        parse_settings(changed("warehouse.url", url))
    message = "".join(traceback.format_exception(error.value))
    assert "hunter2" not in message and "warehouse.url" in message


def test_the_file_is_named() -> None:
    """Whoever has two workspaces knows which file is wrong."""
    with pytest.raises(SettingsError, match=r"^other\.toml is not valid"):
        parse_settings({}, file="other.toml")


def test_settings_cannot_be_changed_afterwards() -> None:
    """What was validated stays what it was."""
    with pytest.raises(ValueError, match="frozen"):
        parse_settings(decoded()).policy.publish_at = 0.1


def events_of(text: str) -> EventSource:
    """The only source of events in settings that say this of it."""
    [source] = parse_settings(decoded(RIGHT.partition("[[events]]")[0] + f'[[events]]\nfiles = "x"\n{text}')).events
    return source


@pytest.mark.parametrize("name", ["ts", "event_type"])
def test_json_lines_need_to_be_told_where_time_and_type_are(name: str) -> None:
    """The format knows no names of its own."""
    settings = decoded()
    del settings["events"][0]["mapping"][name]
    assert f"events[0].mapping.{name}: is missing: add it, and say which field of an event holds it" in refusal(
        settings
    )


def test_one_path_is_written_as_a_text_and_several_as_a_list() -> None:
    """The first that is stated wins."""
    fields = events_of('[events.mapping]\nts = "at"\nevent_type = ["kind", "event.type"]').fields
    assert (fields.ts, fields.event_type) == (("at",), ("kind", "event.type"))


@pytest.mark.parametrize("path", ["a", "a.b.c", 'attributes."session.id"', '"a b"', r'"say \"so\"".x', "über.größe"])
def test_paths_may_hold_any_key(path: str) -> None:
    """Quotes hold what has dots, blanks or quotes."""
    assert parse_settings(changed("events.0.mapping.session", path)).events[0].fields.session == (path,)


def test_types_may_be_written_as_one_text() -> None:
    """As paths may."""
    fields = events_of('format = "segment"\n[events.mapping]\nerror_types = "crash"\nstart_types = ["a", "b"]').fields
    assert (fields.error_types, fields.start_types) == (("crash",), ("a", "b"))


def test_a_format_needs_no_mapping() -> None:
    """It has its own."""
    source = events_of('format = "segment"')
    assert source.fields == event_format("segment").fields and source.known_format.name == "segment"


def test_a_mapping_is_laid_over_its_format() -> None:
    """What it names counts instead of the format's own; the rest is as the format has it."""
    source = events_of('format = "segment"\n[events.mapping]\nlatency = "properties.took"\nlatency_unit = "s"')
    own = event_format("segment").fields
    assert source.fields == replace(own, latency=("properties.took",), latency_unit="s")
    assert own.latency == ()


def test_a_mapping_takes_the_place_of_what_the_format_names() -> None:
    """It is not tried after it."""
    source = events_of('format = "segment"\n[events.mapping]\nevent_id = "my_id"')
    assert source.fields.event_id == ("my_id",)


@pytest.mark.parametrize("endpoint", ["", "https://minio.example.org:9000", "http://127.0.0.1:9000/"])
def test_an_endpoint_is_an_address_and_a_port(endpoint: str) -> None:
    """Empty is AWS."""
    assert parse_settings(changed("s3.endpoint", endpoint)).s3.endpoint == endpoint


@pytest.mark.parametrize("endpoint", ["https://key:hunter2@minio:9000", "http://:hunter2@minio"])
def test_keys_in_the_endpoint_are_refused_and_not_repeated(endpoint: str) -> None:
    """They come from the environment."""
    message = refusal(changed("s3.endpoint", endpoint))
    assert "s3.endpoint" in message and "the keys belong in the environment" in message and "hunter2" not in message


@pytest.mark.parametrize(
    "files", ["s3://bucket/*.json", "s3://bucket/{a,b}/**/*.jsonl.gz", "/abs/[ab]/*.json", "~/x.json"]
)
def test_files_are_of_this_machine_or_of_a_store(files: str) -> None:
    """Each with its own signs for patterns."""
    assert parse_settings(changed("reports.0.files", files)).reports[0].files == files


def test_objects_are_not_dated_by_git() -> None:
    """They lie in no clone; a pattern may date them."""
    settings = changed("reports.0.files", "s3://bucket/*.json")
    settings["reports"][0]["dated_by"] = "git"
    assert "reports[0]: objects of a store have no git history: give their pattern a (?P<ts>...)" in refusal(settings)


def test_a_cluster_is_one_of_servers() -> None:
    """The embedded engine is none: whoever names one meant a server."""
    assert parse_settings(changed("warehouse.cluster", "muse")).warehouse.cluster == "muse"
    settings = changed("warehouse.cluster", "muse")
    settings["warehouse"]["url"] = ""
    assert "warehouse.url: is empty, but cluster is not: name a node of it" in refusal(settings)
