"""Paths: how a field is named, and what is found there."""

import pytest

from muse_domain.event_formats.event_format import first_event, path_parts, stated


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("ts", ("ts",)),
        ("context.app.version", ("context", "app", "version")),
        ("properties.$session_id", ("properties", "$session_id")),
        ('attributes."session.id"', ("attributes", "session.id")),
        ('"a.b".c."d e"', ("a.b", "c", "d e")),
        (r'"say \"a\" \\ b".c', ('say "a" \\ b', "c")),
    ],
)
def test_a_path_descends_by_its_dots(path: str, segments: tuple[str, ...]) -> None:
    """But for the dots in quotes."""
    assert path_parts(path) == segments


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", '"', '"a', 'a"b"', '"a"b', '""', "a.''\".b"])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    """With the way to write one."""
    with pytest.raises(ValueError, match=r"write a\.b"):
        path_parts(path)


def test_neither_nothing_nor_null_is_a_statement() -> None:
    """False and zero are."""
    document = {"a": "", "b": None, "c": 0, "d": False, "e": {"f.g": "h"}, "i": "text"}
    assert [stated(document, path) for path in ("a", "b", "z", "c", "d", 'e."f.g"', "e.f.g", "i.j")] == [
        None, None, None, 0, False, "h", None, None,
    ]  # fmt: skip


def test_the_first_event_of_an_envelope_stands_for_all() -> None:
    """An envelope without one has none; a document without an envelope is the event."""
    assert first_event({"batch": [5, {"a": 1}, {"b": 2}]}, "batch") == {"a": 1}
    assert first_event({"batch": []}, "batch") == {}
    assert first_event({"a": 1}, "batch") == {"a": 1}
