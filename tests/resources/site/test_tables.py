"""The data of a chart becomes a table of plain text, or is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from muse_resources.site.model import SiteError
from muse_resources.site.tables import table_html
from tests.resources.site.building import Elements, build
from tests.site_samples import sample_episodes

ATTACK = "<script>alert(1)</script>\"' {0} \U000f0000"


def test_every_cell_is_text() -> None:
    """Nothing in the file can become an element of the page, nor a place of the template."""
    quoted = ATTACK.replace('"', '""')
    html = table_html(f'time,"{quoted}"\n"{quoted}",\n', "f1.csv", "chimera/ep-001")
    page = Elements(str(html))
    assert "script" not in {tag for tag, _, _ in page.found}
    cells = ["".join(text) for tag, _, text in page.found if tag == "td"]
    assert cells == [ATTACK, "not stated"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no table"),
        ("\n", "no table"),
        ("time,value\n1\n", "no table"),
        ('time\n"open', "no CSV"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(tmp_path: Path, content: str, problem: str) -> None:
    """A file that was changed by hand is told, not shown in part."""
    episode = replace(sample_episodes()[0], tables={"f1.csv": content})
    with pytest.raises(SiteError, match=rf"f1\.csv: is {problem}"):
        build(tmp_path / "site", episode)


@pytest.mark.parametrize("name", ["../f1.csv", "f1.csv.html", ".csv", "f 1.csv"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """The file is written under its name."""
    episode = replace(sample_episodes()[0], tables={name: "time\n1\n"})
    with pytest.raises(SiteError, match="no name of a table"):
        build(tmp_path / "site", episode)
