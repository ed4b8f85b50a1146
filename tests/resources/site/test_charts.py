"""A chart draws, and does nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from muse_resources.site.model import SiteError
from tests.resources.site.building import build
from tests.site_samples import sample_episodes


@pytest.mark.parametrize(
    ("svg", "problem"),
    [
        ("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "<script>"),
        ("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "onload"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><a href='https://x'/></svg>", "<a>"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><style>@import 'x'</style></svg>", "style"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><g></svg>", "well-formed"),
        ("<!DOCTYPE svg><svg/>", "not an SVG"),
    ],
)
def test_a_chart_that_does_more_than_draw_is_refused(tmp_path: Path, svg: str, problem: str) -> None:
    """Charts are inlined, so nothing in them may run or load."""
    episode = replace(sample_episodes()[0], charts={"f1.svg": svg})
    with pytest.raises(SiteError, match=problem):
        build(tmp_path / "site", episode)
