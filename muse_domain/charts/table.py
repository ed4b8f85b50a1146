"""The values that a chart draws as CSV, for readers who cannot see the picture or want to count for themselves.

Pure and deterministic: the same chart is always the same bytes.
"""

import csv
import io
from datetime import UTC

from muse_domain.charts.model import ChartPoint, FindingChart
from muse_domain.charts.words import SHORT_SHA, one_line

TABLE_COLUMNS = ("time", "value", "unit", "commit", "segment", "environment")
# What a spreadsheet takes for the beginning of a formula.
FORMULA_SIGNS = ("=", "+", "-", "@")


def chart_table(chart: FindingChart) -> str:
    """A row for each run of the chart, in its order. What is not known is empty; values are exact."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(TABLE_COLUMNS)
    writer.writerows(_row(point, chart.unit) for point in chart.points)
    return written.getvalue()


def _row(point: ChartPoint, unit: str) -> tuple[str, ...]:
    return (
        point.ts.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        _exact(point.value),
        _words(unit),
        _words((point.commit_sha or "")[:SHORT_SHA]),
        point.segment,
        _words(point.environment or ""),
    )


def _exact(value: float) -> str:
    """The shortest digits that are this double and no other."""
    return repr(float(value)).removesuffix(".0")


def _words(text: str) -> str:
    """Untrusted text that no spreadsheet calculates."""
    kept = one_line(text)
    return f"'{kept}" if kept.startswith(FORMULA_SIGNS) else kept
