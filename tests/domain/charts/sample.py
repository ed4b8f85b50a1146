"""A chart as a finding gives it, for the tests of its picture, words and table."""

from datetime import UTC, datetime, timedelta

from muse_domain.charts.model import ChartInterval, ChartPoint, FindingChart, Segment

START = datetime(2026, 8, 18, 3, tzinfo=UTC)
CHANGE = datetime(2026, 9, 8, tzinfo=UTC)


def points_of(values: list[float], step: timedelta = timedelta(hours=12)) -> tuple[ChartPoint, ...]:
    def segment(at: datetime) -> Segment:
        return "after" if at >= CHANGE else "before"

    instants = [START + number * step for number in range(len(values))]
    return tuple(
        ChartPoint(at, value, "a1b2c3d4" * 5, segment(at), "0f3a") for at, value in zip(instants, values, strict=True)
    )


def sample_chart() -> FindingChart:
    return FindingChart(
        title="decode, latency p95",
        unit="ms",
        points=points_of([12.0 + number % 5 / 10 + (2 if number > 41 else 0) for number in range(52)]),
        changed_at=CHANGE,
        before_median=12.2,
        after_median=14.2,
        before_label="12.2 ms",
        after_label="14.2 ms",
        interval=ChartInterval(13.6, 14.4, "+11.5 % to +18.0 %"),
        environment_changes=(START + timedelta(days=6),),
        better="lower",
    )
