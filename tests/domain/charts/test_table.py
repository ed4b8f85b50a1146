"""The table of a chart: what the picture draws, to the last digit, and nothing that a reader could run."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muse_domain.charts.drawing import render_chart
from muse_domain.charts.model import FindingChart
from muse_domain.charts.table import TABLE_COLUMNS, chart_table
from tests.domain.charts.sample import points_of, sample_chart

CIRCLE = "{http://www.w3.org/2000/svg}circle"
TITLE = "{http://www.w3.org/2000/svg}title"


def rows_of(chart: FindingChart) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(chart_table(chart), newline=""), strict=True))


def test_same_chart_is_same_bytes() -> None:
    """A table that did not change makes no new commit."""
    assert chart_table(sample_chart()) == chart_table(sample_chart())
    assert chart_table(sample_chart()).splitlines()[:2] == [
        "time,value,unit,commit,segment,environment",
        "2026-08-18T03:00:00Z,12,ms,a1b2c3d,before,0f3a",
    ]


def test_the_table_holds_every_dot_of_the_picture_and_no_other() -> None:
    """Row by row what a dot says when it is pointed at, and on which side of the change it lies."""
    chart = sample_chart()
    dots = [str(dot.findtext(TITLE)) for dot in ElementTree.fromstring(render_chart(chart)).iter(CIRCLE)]
    told = [
        f"{row['time'][:10]} {row['time'][11:16]} UTC, {float(row['value']):.6g} {row['unit']}, {row['commit']}"
        for row in rows_of(chart)
    ]
    assert told == dots
    assert [row["segment"] for row in rows_of(chart)] == [point.segment for point in chart.points]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_values_are_exact(values: list[float]) -> None:
    """Every digit that tells a double from its neighbours, and none more."""
    rows = rows_of(replace(sample_chart(), points=points_of(values)))
    assert [float(row["value"]) for row in rows] == values
    assert all(len(row["value"]) <= len(repr(value)) for row, value in zip(rows, values, strict=True))


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 9, 8, 4, 20, 0, 125_000, tzinfo=UTC), "2026-09-08T04:20:00.125000Z"),
        (datetime(2026, 9, 8, 6, 20, tzinfo=timezone(timedelta(hours=2))), "2026-09-08T04:20:00Z"),
    ],
)
def test_times_are_exact_and_in_utc(at: datetime, written: str) -> None:
    """Nothing of an instant is cut off."""
    [row] = rows_of(replace(sample_chart(), points=(replace(sample_chart().points[0], ts=at),)))
    assert row["time"] == written


def test_what_is_not_known_is_empty() -> None:
    """Neither a commit nor an environment is made up."""
    [row] = rows_of(
        replace(sample_chart(), points=(replace(sample_chart().points[0], commit_sha=None, environment=None),))
    )
    assert (row["commit"], row["environment"]) == ("", "")


@pytest.mark.parametrize("text", ['a,"b"\nc', "=1+1", "@x", "\t=1+1", "+1", "-1", "\x00=1", "\u2028=1"])
def test_hostile_text_is_one_cell_that_no_spreadsheet_calculates(text: str) -> None:
    """Units, commits and environments come from reports."""
    point = replace(sample_chart().points[0], commit_sha=text, environment=text)
    [row] = rows_of(replace(sample_chart(), unit=text, points=(point,)))
    assert tuple(row) == TABLE_COLUMNS
    for cell in (row["unit"], row["commit"], row["environment"]):
        assert not re.match(r"[=+\-@\s\x00]", cell)
        assert "\n" not in cell
