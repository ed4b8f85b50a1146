"""What the UI shows of an episode: its text, and the very pictures that are published."""

import re
from base64 import b64decode

from muse_assets.council.episodes import episode_preview
from muse_domain.charts.drawing import render_chart
from muse_domain.charts.table import chart_table
from muse_domain.composition import compose
from tests.domain.charts.sample import sample_chart
from tests.domain.day_story import inputs


def test_the_preview_carries_the_published_pictures() -> None:
    """Each chart of the episode stands in its metadata, to the byte, with its alt text; links lead nowhere there."""
    names = [f"f{number}" for number in (1, 2, 3)]
    charts = {f"{name}.svg": render_chart(sample_chart()).replace("decode", name) for name in names}
    charts |= {f"{name}.csv": chart_table(sample_chart()) for name in names}
    row = {"status": "draft", "reason": "a person decides", "canonical": compose(inputs()).canonical}
    preview = episode_preview(row, charts)
    shown = re.findall(r"!\[(.+?)\]\(data:image/svg\+xml;base64,(.+?)\)", preview)
    assert [b64decode(picture).decode() for _, picture in shown] == [charts[f"{name}.svg"] for name in names]
    assert all("the interval of the change, " in alt for alt, _ in shown)
    assert "](ep-NNN" not in preview
