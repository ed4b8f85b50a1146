"""The Dagster UI in a real Chromium, as a person uses it: the graph, one day by hand, a week as a backfill."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.assets.test_definitions import GROUPS
from tests.dagster_server import DagsterServer
from tests.workspaces import all_rows, change_warehouse, differences, selected

pytestmark = pytest.mark.browser

TOLD, OF_ITS_WEEK = "2026-09-18", "2026-09-16"
WEEK = "[2026-09-14...2026-09-20]"
# The first page of a fresh server compiles its queries; a run has to be fetched from the queue and to start Python.
PATIENCE_MS = 30_000
RUN_MS = 90_000
BACKFILL_MS = 120_000


@pytest.fixture
def page(browser: Browser, dagster: DagsterServer) -> Iterator[Page]:
    """A page of the running Dagster at desktop size."""
    opened = browser.new_page(viewport={"width": 1500, "height": 1000}, base_url=dagster.address)
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


def test_the_graph_shows_every_group_and_asset(page: Page, tmp_path: Path) -> None:
    """A newcomer sees the groups from sources to publish, with what people decide before them, and every asset."""
    page.goto("/asset-groups")
    graph = page.locator("svg foreignObject")
    for group in GROUPS:
        expect(graph.get_by_text(group, exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    order = {group: _left_edge(page, group) for group in GROUPS}
    flow = [group for group in GROUPS if group != "people"]
    assert sorted(flow, key=order.__getitem__) == flow
    assert order["people"] < order["council"]
    page.get_by_text("Hide navigation").click()
    page.mouse.click(900, 300, button="right")
    page.get_by_role("menuitem", name="Expand all groups").click()
    # Nodes out of sight are not drawn: the expanded graph is wider than a desk.
    page.set_viewport_size({"width": 3200, "height": 1800})
    for asset in sorted(name for names in GROUPS.values() for name in names):
        expect(graph.get_by_text(_shown(asset)).first).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)  # the graph glides into its place
    page.screenshot(path=tmp_path / "graph.png")


def _shown(asset: str) -> re.Pattern[str]:
    """The name on its node: the middle of a long one is left out."""
    return re.compile(rf"^({asset}|{asset[:4]}\w*…\w*{asset[-5:]})$")


def _left_edge(page: Page, group: str) -> float:
    box = page.locator("svg foreignObject").get_by_text(group, exact=True).first.bounding_box()
    assert box is not None
    return box["x"]


def test_one_day_is_built_by_hand_and_its_episode_can_be_read(
    page: Page, dagster: DagsterServer, tmp_path: Path
) -> None:
    """Pick a day, launch, wait for success, open the day: the whole episode with its chart stands in the preview."""
    before = all_rows(dagster.workspace)
    assert _build_by_hand(page, TOLD) == "Success"
    page.screenshot(path=tmp_path / "run.png")
    page.goto(f"/assets/episodes?view=partitions&partition={TOLD}")
    expect(page.get_by_text("Materialized", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_text("[Show Markdown]").click()
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()
    page.screenshot(path=tmp_path / "episode.png")
    chart = page.get_by_role("img", name=re.compile("^Chart of prefill_512"))
    chart.scroll_into_view_if_needed()
    assert chart.evaluate("image => image.complete && image.naturalWidth > 300")
    page.screenshot(path=tmp_path / "chart.png")
    assert differences(before, all_rows(dagster.workspace)) == {}


def test_a_week_is_built_again_by_a_backfill(page: Page, dagster: DagsterServer, tmp_path: Path) -> None:
    """Pick seven days, launch the backfill, watch it complete: one run for all of them, and not a row changes."""
    before = all_rows(dagster.workspace)
    _choose_partitions(page, "findings", WEEK)
    page.screenshot(path=tmp_path / "dialog.png")
    page.get_by_role("button", name="Launch backfill").click()
    page.get_by_role("link", name="View", exact=True).click()
    expect(page.get_by_text("100% completed", exact=True).first).to_be_visible(timeout=BACKFILL_MS)
    page.screenshot(path=tmp_path / "backfill.png")
    assert differences(before, all_rows(dagster.workspace)) == {}


def test_the_days_of_an_asset_are_seen_at_a_glance(page: Page, tmp_path: Path) -> None:
    """All of them on one bar, and the one that was chosen with what became of it."""
    page.goto(f"/assets/episodes?view=partitions&partition={TOLD}")
    expect(page.get_by_text("Materialized (21)")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Failed (0)")).to_be_visible()
    expect(page.get_by_role("row", name="confidence 0.95")).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=tmp_path / "partitions.png")


def test_a_refused_day_says_why_and_what_to_do(page: Page, dagster: DagsterServer, tmp_path: Path) -> None:
    """The gate stands red among the checks, with its reason; the day is red on the bar; then it is well again."""
    before = all_rows(dagster.workspace)
    loads = f"WHERE source = 'commits' AND day = '{OF_ITS_WEEK}'"
    [noted] = selected(dagster.workspace, f"SELECT * FROM loaded_days FINAL {loads}")
    change_warehouse(dagster.workspace, f"ALTER TABLE loaded_days DELETE {loads}")
    try:
        assert _build_by_hand(page, TOLD) == "Failure"
        page.goto("/assets/episodes?view=checks&checkDetail=watcher_gate")
        reason = (
            f"1 of the 7 days of the trailing week is not loaded ({OF_ITS_WEEK}): `muse ingest --from {OF_ITS_WEEK}"
        )
        expect(page.get_by_text(reason)).to_be_visible(timeout=PATIENCE_MS)
        page.screenshot(path=tmp_path / "gate.png")
        page.goto(f"/assets/episodes?view=partitions&partition={TOLD}")
        expect(page.get_by_text("Failed (1)")).to_be_visible(timeout=PATIENCE_MS)
    finally:
        values = ", ".join(f"'{value}'" for value in noted.values())
        change_warehouse(dagster.workspace, f"INSERT INTO loaded_days ({', '.join(noted)}) VALUES ({values})")
    assert _build_by_hand(page, TOLD) == "Success"
    assert differences(before, all_rows(dagster.workspace)) == {}


def _build_by_hand(page: Page, day: str) -> str:
    """Materialise the episode of a day; how its run ends."""
    _choose_partitions(page, "episodes", day)
    page.get_by_role("button", name="Launch 1 run").click()
    page.get_by_role("link", name="View", exact=True).click()
    ended = page.get_by_text(re.compile("^(Success|Failure)$")).first
    expect(ended).to_be_visible(timeout=RUN_MS)
    return ended.inner_text()


def _choose_partitions(page: Page, asset: str, partitions: str) -> None:
    """Open an asset's launch dialog and type the days into it."""
    page.goto(f"/assets/{asset}?view=overview")
    page.get_by_role("button", name="Materialize").first.click()
    days = page.get_by_role("dialog").locator("input[type=text]")
    days.fill(partitions)
    days.press("Enter")
