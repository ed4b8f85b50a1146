"""Single values: numbers, times, names."""

from datetime import UTC, datetime

import pytest

from muse_domain.formats import values


@pytest.mark.parametrize("value", [True, "1.5", None, float("nan"), float("inf"), 1e300, [1]])
def test_only_plain_numbers_are_numbers(value: object) -> None:
    """Booleans, texts, NaN, infinities and absurd sizes are not measurements."""
    assert values.number(value) is None


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "0x10", "", "1e", "٣", "1,5", None])
def test_a_cell_is_a_number_only_in_plain_digits(text: str | None) -> None:
    """What Python would take for a number, a table did not mean as one."""
    assert values.decimal(text) is None


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(0.796, "ms", 0.796), (1.5, "s", 1500.0), (250.0, "us", 0.25), (250.0, "µs", 0.25), (8e5, "ns", 0.8)],
)
def test_times_become_milliseconds(value: float, unit: str, expected: float) -> None:
    """Each time unit has its factor, and 0.796 ms stays 0.796."""
    assert values.to_ms(value, unit) == pytest.approx(expected, rel=1e-15)


def test_an_unknown_unit_is_no_time() -> None:
    """Bytes are not milliseconds."""
    assert values.to_ms(1.0, "B") is None


def test_a_time_without_a_zone_is_no_instant() -> None:
    """A local time is not guessed to be UTC, unless the format documents it."""
    naive = "2025-10-02T21:08:57"
    assert values.stated_time(naive) == (None, {"ts": "the report states a time without a zone"})
    assert values.stated_time(naive, naive_is_utc=True)[0] == datetime(2025, 10, 2, 21, 8, 57, tzinfo=UTC)


@pytest.mark.parametrize("value", [-1, 0, 1e12, "yesterday", "0001-01-01T00:00:00+23:59", None, [], True])
def test_an_unusable_time_is_null_with_a_reason(value: object) -> None:
    """A time that cannot be read never becomes the present, or 1970."""
    ts, reasons = values.stated_time(value)
    assert ts is None
    assert set(reasons) == {"ts"}


def test_nanoseconds_after_the_point_are_read() -> None:
    """Rust prints nine digits."""
    ts, _ = values.stated_time("2025-11-10T04:42:34.196263800Z")
    assert ts == datetime(2025, 11, 10, 4, 42, 34, 196263, tzinfo=UTC)


@pytest.mark.parametrize("value", ["unversioned", "abc123", "0" * 39, "", None, 1])
def test_only_a_full_hash_is_a_commit(value: object) -> None:
    """A short hash or a placeholder names no commit."""
    commit, reasons = values.stated_commit(value)
    assert commit is None
    assert set(reasons) == {"commit_sha"}


def test_names_of_people_are_masked() -> None:
    """Home directories and addresses name people; neither reaches a row."""
    text = r"C:\Users\jane\x.py /home/jane/y.py /Users/jane/z.py jane@example.org"
    assert "jane" not in (values.label(text) or "")
    assert "jane" not in values.excerpt("cannot open " + text)


def test_a_name_can_be_stored() -> None:
    """Half a surrogate pair and line breaks are legal in JSON, and break tables."""
    assert values.label("a\ud800\n b") == "a? b"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"success": False}, "failed: the report gives no error text"),
        ({"success": False, "error": "boom"}, "failed: boom"),
        ({"success": True, "error": None}, None),
        ({"error": "boom"}, "failed: boom"),
        ({"exit_code": 3}, "failed with exit code 3"),
        ({"exit_code": 0}, None),
    ],
)
def test_a_failure_is_what_the_report_calls_one(item: dict[str, object], reason: str | None) -> None:
    """success=false, an error text or an exit code other than 0."""
    assert values.stated_failure(item) == reason


def test_settings_are_sorted_and_without_single_precision_noise() -> None:
    """The same settings give the same name of a benchmark."""
    assert values.settings({"b": 0.30000001192092896, "a": 1, "c": None, "d": [1]}) == "a=1, b=0.3"
