"""The picture of a finding: well-formed, complete, deterministic, and safe to put anywhere."""

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from muse_domain.charts.drawing import render_chart
from muse_domain.charts.model import ChartInterval, FindingChart
from muse_domain.charts.words import NO_INTERVAL, chart_alt_text
from tests.domain.charts.sample import START, points_of, sample_chart

SVG = "{http://www.w3.org/2000/svg}"


def _parsed(chart: FindingChart) -> ElementTree.Element:
    return ElementTree.fromstring(render_chart(chart))


def _texts(chart: FindingChart) -> list[str]:
    return ["".join(element.itertext()) for element in _parsed(chart).iter(f"{SVG}text")]


def _coordinates(chart: FindingChart) -> list[float]:
    names = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy")
    return [float(element.get(name, 0)) for element in _parsed(chart).iter() for name in names]


def test_same_chart_is_same_bytes() -> None:
    """A chart that did not change makes no new commit."""
    assert render_chart(sample_chart()) == render_chart(sample_chart())


def test_picture_names_itself_to_a_screen_reader() -> None:
    """The SVG is one image with a title and a description, which it refers to."""
    root = _parsed(sample_chart())
    ids = [element.get("id") for element in root if element.tag in (f"{SVG}title", f"{SVG}desc")]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == " ".join(map(str, ids))
    assert root.findtext(f"{SVG}desc") == chart_alt_text(sample_chart())


def test_every_point_is_drawn_and_tells_its_date_value_and_commit() -> None:
    """No run is left out, and each can be asked what it is."""
    circles = list(_parsed(sample_chart()).iter(f"{SVG}circle"))
    assert len(circles) == 52
    assert circles[0].findtext(f"{SVG}title") == "2026-08-18 03:00 UTC, 12 ms, a1b2c3d"


def test_a_run_without_commit_says_so() -> None:
    """A missing commit is told, not left blank."""
    chart = replace(sample_chart(), points=(replace(sample_chart().points[0], commit_sha=None),))
    assert "12 ms, no commit" in render_chart(chart)


def test_labels_are_printed_as_given() -> None:
    """The chart never formats a fact itself."""
    shown = _texts(replace(sample_chart(), before_label="12.20 ms", after_label="14.25 ms"))
    assert "12.20 msbefore" in shown
    assert "14.25 msafter" in shown


def test_a_label_with_a_bound_unit_is_kept_exactly() -> None:
    """A space that does not break belongs to the label, and the alt text must match its claim."""
    label = "1,234.5\u00a0ms"
    chart = replace(sample_chart(), after_label=label)
    assert label in chart_alt_text(chart)
    assert "1,234.5msafter" in _texts(chart)


def test_a_long_label_puts_its_unit_on_a_line_of_its_own() -> None:
    """A long value keeps all its digits and still fits beside the plot."""
    assert "1,234,567tokens/safter" in _texts(replace(sample_chart(), after_label="1,234,567 tokens/s"))


def test_change_and_environment_are_labelled_lines() -> None:
    """Both kinds of verticals say what they are and when it was."""
    svg = render_chart(sample_chart())
    assert "changed 8 Sep 2026" in _texts(sample_chart())
    assert "environment" in _texts(sample_chart())
    assert "Environment changed 2026-08-24 03:00 UTC" in svg


def _bands(chart: FindingChart) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each band in the plot; the key in the heading is none."""
    boxes = [rect for rect in _parsed(chart).iter(f"{SVG}rect") if rect.get("class") == "muc-interval"]
    edges = [tuple(float(rect.get(name, 0)) for name in ("x", "y", "width", "height")) for rect in boxes]
    return [(x, y, x + width, y + height) for x, y, width, height in edges if x > 0]


def _height_of(chart: FindingChart, classes: str) -> float:
    [line] = [line for line in _parsed(chart).iter(f"{SVG}line") if line.get("class") == classes]
    return float(line.get("y1", 0))


def test_the_interval_is_a_band_around_the_level_after_the_change() -> None:
    """It reaches from the change to the end of the plot, and from its low to its high on the value axis."""
    chart = sample_chart()
    [(left, top, right, bottom)] = _bands(chart)
    before, after = (_height_of(chart, f"muc-median-{side}") for side in ("before", "after"))
    a_unit = (before - after) / 2.0  # the medians are 12.2 and 14.2
    assert top < after < bottom < before
    assert (top, bottom) == pytest.approx((after - 0.2 * a_unit, after + 0.6 * a_unit), abs=0.2)
    changed = next(line for line in _parsed(chart).iter(f"{SVG}line") if line.get("class") == "muc-change")
    median = next(line for line in _parsed(chart).iter(f"{SVG}line") if line.get("class") == "muc-median-after")
    assert (left, right) == pytest.approx((float(changed.get("x1", 0)), float(median.get("x2", 0))))


def test_the_interval_is_named_where_it_is_drawn() -> None:
    """The heading says what the band is, in the label's own words, and so does the band."""
    assert "interval of the change: +11.5 % to +18.0 %" in _texts(sample_chart())
    assert "<title>Interval of the change: +11.5 % to +18.0 %</title>" in render_chart(sample_chart())


def test_an_interval_beyond_all_runs_still_lies_within_the_plot() -> None:
    """The axis makes room for what is not known well."""
    chart = replace(sample_chart(), interval=ChartInterval(2.0, 40.0, "−84 % to +228 %"))
    [(_, top, _, bottom)] = _bands(chart)
    axis = max(
        float(line.get("y1", 0)) for line in _parsed(chart).iter(f"{SVG}line") if line.get("class") == "muc-axis"
    )
    assert 0 < top < bottom < axis


def test_an_interval_of_one_value_is_seen_by_its_bounds() -> None:
    """A band without height has two lines all the same."""
    chart = replace(sample_chart(), interval=ChartInterval(14.0, 14.0, "+14.8 % to +14.8 %"))
    bounds = [line for line in _parsed(chart).iter(f"{SVG}line") if line.get("class") == "muc-bound"]
    assert len(bounds) == 4  # two in the key


def test_a_missing_interval_is_told_and_not_drawn() -> None:
    """No band is invented, and nobody has to wonder where it is."""
    chart = replace(sample_chart(), interval=None)
    assert "muc-interval" not in {element.get("class") for element in _parsed(chart).iter()}
    assert NO_INTERVAL in _texts(chart)


def test_a_long_interval_keeps_to_the_width() -> None:
    """Its numbers stay, the words before them give way."""
    label = "+1,234,567,890 % to +12,345,678,901 %"
    chart = replace(sample_chart(), interval=ChartInterval(13.0, 14.0, label))
    assert f"interval: {label}" in _texts(chart)


def test_environment_labels_do_not_lie_on_each_other() -> None:
    """Changes close together are all drawn, but only those with room are labelled."""
    moments = tuple(START + timedelta(days=6, hours=number) for number in range(4))
    chart = replace(sample_chart(), environment_changes=moments)
    assert _texts(chart).count("environment") == 1
    assert render_chart(chart).count('class="muc-environment"') == 4


def test_equal_medians_keep_their_labels_apart() -> None:
    """Two labels at one height are moved until both can be read."""
    root = _parsed(replace(sample_chart(), after_median=12.2))
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
    chart = replace(sample_chart(), points=points_of(values), before_median=None, after_median=None, interval=None)
    height = float(_parsed(chart).get("viewBox", "").split()[3])
    assert len(list(_parsed(chart).iter(f"{SVG}circle"))) == len(values)
    assert all(-1 <= number <= max(600, height) for number in _coordinates(chart))


@pytest.mark.parametrize("step_minutes", [0, 1, 7, 60, 600, 1440, 10_000, 200_000, 3_000_000])
def test_any_length_of_time_gets_a_few_dates(step_minutes: int) -> None:
    """Between one and six dates stand below the plot, for a minute as for a century."""
    points = points_of([1.0, 2.0, 3.0, 2.0], timedelta(minutes=step_minutes))
    chart = replace(sample_chart(), points=points, changed_at=None, environment_changes=())
    dates = [text for text in _texts(chart) if re.search(r"\d\d:\d\d|[A-Z][a-z]{2}|^\d{4}$", text)]
    assert 1 <= len(dates) <= 6


def test_value_axis_has_few_round_ticks() -> None:
    """Ticks are numbers that a person would choose."""
    assert [text for text in _texts(sample_chart()) if re.fullmatch(r"\d+", text)] == ["12", "13", "14"]


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf")]], ids=["none", "nan", "infinite"])
def test_what_is_no_measurement_is_refused(values: list[float]) -> None:
    """Nothing and not-a-number are errors, never an empty or broken picture."""
    with pytest.raises(ValueError, match="chart"):
        render_chart(replace(sample_chart(), points=points_of(values)))


@pytest.mark.parametrize("bound", [float("nan"), float("inf")])
def test_an_interval_without_an_end_is_refused(bound: float) -> None:
    """A band that has no edge would be drawn somewhere."""
    with pytest.raises(ValueError, match="chart"):
        render_chart(replace(sample_chart(), interval=ChartInterval(13.0, bound, "+1 % to ?")))


def test_hostile_text_stays_text() -> None:
    """No title, unit or label can become an element of the picture."""
    hostile = '</title><script>alert(1)</script>"\x00&'
    chart = replace(sample_chart(), title=hostile, unit=hostile, before_label=hostile, after_label=hostile)
    chart = replace(chart, interval=ChartInterval(13.0, 14.0, hostile))
    tags = {element.tag.removeprefix(SVG) for element in _parsed(chart).iter()}
    assert "script" not in tags


def test_a_long_title_keeps_both_ends() -> None:
    """A long benchmark name takes two lines, and the whole of it stays in the title."""
    name = "tokenizer/llama-3.1-70b-instruct-q4_k_m/batch-32/context-8192/speculative/warm, tokens per second"
    first, second = _texts(replace(sample_chart(), title=name))[:2]
    assert name.startswith(first)
    assert second.startswith("…")
    assert name.endswith(second[1:])
    assert _parsed(replace(sample_chart(), title=name)).findtext(f"{SVG}title") == name


def test_picture_asks_for_nothing_from_outside() -> None:
    """Neither fonts nor images are loaded."""
    svg = render_chart(sample_chart()).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|href", svg)


def test_pages_theme_beats_the_systems() -> None:
    """Inlined in a page with data-theme, both themes are set explicitly."""
    svg = render_chart(sample_chart())
    assert "prefers-color-scheme:dark" in svg
    assert ':root[data-theme="light"] .muc{' in svg
    assert ':root[data-theme="dark"] .muc{' in svg


def test_inlined_style_touches_only_charts() -> None:
    """Every selector of the style block is bound to the chart's own class prefix."""
    style = _parsed(sample_chart()).findtext(f"{SVG}style") or ""
    selectors = [part for group in re.findall(r"([^{}]+)\{", style) for part in group.split(",")]
    assert all(".muc" in part for part in selectors if not part.strip().startswith("@media"))
