"""The picture of a finding: well-formed, complete, deterministic, and safe to put anywhere."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from muse_domain.charts import ChartPoint, FindingChart, Segment, chart_alt_text, render_chart

START = datetime(2026, 8, 18, 3, tzinfo=UTC)
CHANGE = datetime(2026, 9, 8, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def _points(values: list[float], step: timedelta = timedelta(hours=12)) -> tuple[ChartPoint, ...]:
    def segment(at: datetime) -> Segment:
        return "after" if at >= CHANGE else "before"

    instants = [START + number * step for number in range(len(values))]
    return tuple(ChartPoint(at, value, "a1b2c3d4" * 5, segment(at)) for at, value in zip(instants, values, strict=True))


def _chart() -> FindingChart:
    return FindingChart(
        title="decode, latency p95",
        unit="ms",
        points=_points([12.0 + number % 5 / 10 + (2 if number > 41 else 0) for number in range(52)]),
        changed_at=CHANGE,
        before_median=12.2,
        after_median=14.2,
        before_label="12.2 ms",
        after_label="14.2 ms",
        environment_changes=(START + timedelta(days=6),),
        better="lower",
    )


def _parsed(chart: FindingChart) -> ElementTree.Element:
    return ElementTree.fromstring(render_chart(chart))


def _texts(chart: FindingChart) -> list[str]:
    return ["".join(element.itertext()) for element in _parsed(chart).iter(f"{SVG}text")]


def _coordinates(chart: FindingChart) -> list[float]:
    names = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy")
    return [float(element.get(name, 0)) for element in _parsed(chart).iter() for name in names]


def test_same_chart_is_same_bytes() -> None:
    """A chart that did not change makes no new commit."""
    assert render_chart(_chart()) == render_chart(_chart())


def test_picture_names_itself_to_a_screen_reader() -> None:
    """The SVG is one image with a title and a description, which it refers to."""
    root = _parsed(_chart())
    ids = [element.get("id") for element in root if element.tag in (f"{SVG}title", f"{SVG}desc")]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == " ".join(map(str, ids))
    assert root.findtext(f"{SVG}desc") == chart_alt_text(_chart())


def test_every_point_is_drawn_and_tells_its_date_value_and_commit() -> None:
    """No run is left out, and each can be asked what it is."""
    circles = list(_parsed(_chart()).iter(f"{SVG}circle"))
    assert len(circles) == 52
    assert circles[0].findtext(f"{SVG}title") == "2026-08-18 03:00 UTC, 12 ms, a1b2c3d"


def test_a_run_without_commit_says_so() -> None:
    """A missing commit is told, not left blank."""
    chart = replace(_chart(), points=(replace(_chart().points[0], commit_sha=None),))
    assert "12 ms, no commit" in render_chart(chart)


def test_labels_are_printed_as_given() -> None:
    """The chart never formats a fact itself."""
    shown = _texts(replace(_chart(), before_label="12.20 ms", after_label="14.25 ms"))
    assert "12.20 msbefore" in shown
    assert "14.25 msafter" in shown


def test_a_label_with_a_bound_unit_is_kept_exactly() -> None:
    """A space that does not break belongs to the label, and the alt text must match its claim."""
    label = "1,234.5\u00a0ms"
    chart = replace(_chart(), after_label=label)
    assert label in chart_alt_text(chart)
    assert "1,234.5msafter" in _texts(chart)


def test_a_long_label_puts_its_unit_on_a_line_of_its_own() -> None:
    """A long value keeps all its digits and still fits beside the plot."""
    assert "1,234,567tokens/safter" in _texts(replace(_chart(), after_label="1,234,567 tokens/s"))


def test_change_and_environment_are_labelled_lines() -> None:
    """Both kinds of verticals say what they are and when it was."""
    svg = render_chart(_chart())
    assert "changed 8 Sep 2026" in _texts(_chart())
    assert "environment" in _texts(_chart())
    assert "Environment changed 2026-08-24 03:00 UTC" in svg


def test_environment_labels_do_not_lie_on_each_other() -> None:
    """Changes close together are all drawn, but only those with room are labelled."""
    moments = tuple(START + timedelta(days=6, hours=number) for number in range(4))
    chart = replace(_chart(), environment_changes=moments)
    assert _texts(chart).count("environment") == 1
    assert render_chart(chart).count('class="muc-environment"') == 4


def test_equal_medians_keep_their_labels_apart() -> None:
    """Two labels at one height are moved until both can be read."""
    root = _parsed(replace(_chart(), after_median=12.2))
    stacked = [text for text in root.iter(f"{SVG}text") if text.find(f"{SVG}tspan") is not None]
    heights = [float(text.get("y", 0)) for text in stacked]
    assert abs(heights[0] - heights[1]) >= 40


@pytest.mark.parametrize(
    "values",
    [
        [5.0],
        [0.0],
        [3.0] * 40,
        [-2.0, 4.0, -7.5],
        [1e-9, 2e-9, 3e-9],
        [5e-324, 0.0],
        [1e15, 1e15 + 0.125],
        [1e300, -1e300],
        [1.7e308, -1.7e308],
        [float(number % 97) for number in range(2000)],
    ],
    ids=["one", "zero", "equal", "signs", "small", "subnormal", "close", "huge", "largest", "many"],
)
def test_any_finite_values_can_be_drawn(values: list[float]) -> None:
    """Whatever was measured becomes a picture whose parts all lie within it."""
    chart = replace(_chart(), points=_points(values), before_median=None, after_median=None)
    height = float(_parsed(chart).get("viewBox", "").split()[3])
    assert len(list(_parsed(chart).iter(f"{SVG}circle"))) == len(values)
    assert all(-1 <= number <= max(600, height) for number in _coordinates(chart))


@pytest.mark.parametrize("step_minutes", [0, 1, 7, 60, 600, 1440, 10_000, 200_000, 3_000_000])
def test_any_length_of_time_gets_a_few_dates(step_minutes: int) -> None:
    """Between one and six dates stand below the plot, for a minute as for a century."""
    points = _points([1.0, 2.0, 3.0, 2.0], timedelta(minutes=step_minutes))
    chart = replace(_chart(), points=points, changed_at=None, environment_changes=())
    dates = [text for text in _texts(chart) if re.search(r"\d\d:\d\d|[A-Z][a-z]{2}|^\d{4}$", text)]
    assert 1 <= len(dates) <= 6


def test_value_axis_has_few_round_ticks() -> None:
    """Ticks are numbers that a person would choose."""
    assert [text for text in _texts(_chart()) if re.fullmatch(r"\d+", text)] == ["12", "13", "14"]


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf")]], ids=["none", "nan", "infinite"])
def test_what_is_no_measurement_is_refused(values: list[float]) -> None:
    """Nothing and not-a-number are errors, never an empty or broken picture."""
    with pytest.raises(ValueError, match="chart"):
        render_chart(replace(_chart(), points=_points(values)))


def test_hostile_text_stays_text() -> None:
    """No title, unit or label can become an element of the picture."""
    hostile = '</title><script>alert(1)</script>"\x00&'
    chart = replace(_chart(), title=hostile, unit=hostile, before_label=hostile, after_label=hostile)
    tags = {element.tag.removeprefix(SVG) for element in _parsed(chart).iter()}
    assert "script" not in tags


def test_a_long_title_keeps_both_ends() -> None:
    """A long benchmark name takes two lines, and the whole of it stays in the title."""
    name = "tokenizer/llama-3.1-70b-instruct-q4_k_m/batch-32/context-8192/speculative/warm, tokens per second"
    first, second = _texts(replace(_chart(), title=name))[:2]
    assert name.startswith(first)
    assert second.startswith("…")
    assert name.endswith(second[1:])
    assert _parsed(replace(_chart(), title=name)).findtext(f"{SVG}title") == name


def test_picture_asks_for_nothing_from_outside() -> None:
    """Neither fonts nor images are loaded."""
    svg = render_chart(_chart()).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|href", svg)


def test_pages_theme_beats_the_systems() -> None:
    """Inlined in a page with data-theme, both themes are set explicitly."""
    svg = render_chart(_chart())
    assert "prefers-color-scheme:dark" in svg
    assert ':root[data-theme="light"] .muc{' in svg
    assert ':root[data-theme="dark"] .muc{' in svg


def test_inlined_style_touches_only_charts() -> None:
    """Every selector of the style block is bound to the chart's own class prefix."""
    style = _parsed(_chart()).findtext(f"{SVG}style") or ""
    selectors = [part for group in re.findall(r"([^{}]+)\{", style) for part in group.split(",")]
    assert all(".muc" in part for part in selectors if not part.strip().startswith("@media"))


@pytest.mark.parametrize(
    ("before", "after", "better", "words"),
    [
        (12.2, 14.2, "lower", "rose from 12.2 ms before the change to 14.2 ms after it, a regression"),
        (14.2, 12.2, "lower", "fell from 12.2 ms before the change to 14.2 ms after it, an improvement"),
        (12.2, 14.2, "higher", "rose from 12.2 ms before the change to 14.2 ms after it, an improvement"),
        (12.2, 14.2, "none", "rose from 12.2 ms before the change to 14.2 ms after it;"),
        (12.2, 12.2, "lower", "stayed at 14.2 ms"),
    ],
)
def test_alt_text_says_what_one_sees(before: float, after: float, better: str, words: str) -> None:
    """Direction and judgement follow the medians and what is better."""
    chart = replace(_chart(), before_median=before, after_median=after, better=better)  # type: ignore[arg-type]
    assert words in chart_alt_text(chart)


def test_alt_text_holds_no_number_of_its_own() -> None:
    """Every number in it is a claim, so it may only repeat the labels that it was given."""
    chart = replace(_chart(), title="decode", before_label="BEFORE", after_label="AFTER")
    assert not re.search(r"\d", chart_alt_text(chart))
    assert not re.search(r"\d", chart_alt_text(replace(chart, before_median=None)))
