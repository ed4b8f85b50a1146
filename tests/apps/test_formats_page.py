"""The page of all formats."""

from muse_apps.formats_page import PAGE, formats_page
from muse_domain.event_formats.registry import FORMATS as EVENT_FORMATS
from muse_domain.formats.registry import FORMATS
from tests.workspaces import ROOT


def test_the_page_in_the_docs_is_the_one_that_the_formats_make() -> None:
    """Who changes a format makes the page again: `make docs`."""
    assert (ROOT / PAGE).read_text(encoding="utf-8") == formats_page()


def test_every_format_has_its_section() -> None:
    """None is left out, and each can be linked to."""
    page = formats_page()
    for known in (*FORMATS, *EVENT_FORMATS):
        assert f'<a id="{known.name}"></a>' in page and f"(#{known.name})" in page
