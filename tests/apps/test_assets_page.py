"""The page of all assets."""

from muse_apps.assets_page import PAGE, assets_page
from tests.workspaces import ROOT


def test_the_page_in_the_docs_is_the_one_that_the_graph_makes() -> None:
    """Who changes an asset, a table, a check or a sensor makes the page again: `make docs`."""
    page = assets_page()
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page
    assert "### episodes\n" in page and "`watcher_gate`" in page and "`commit_sensor`" in page
