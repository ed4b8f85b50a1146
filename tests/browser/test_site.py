"""The site in a real Chromium: the card beside each number, keyboard, phone, themes, silence."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from muse_resources.site.build import build_site
from muse_resources.site.model import SiteSettings
from tests.site_samples import sample_episodes

pytestmark = pytest.mark.browser

EPISODE = "chimera/ep-002/index.html"
LONG_NAMED = "banterpacks/ep-004/index.html"
PAGES = ("index.html", "banterpacks/index.html", EPISODE, LONG_NAMED)
# Text and the background that it really stands on, as WCAG compares them.
CONTRASTS = """() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const background = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, alpha = 1] = channels(getComputedStyle(node).backgroundColor);
      if (alpha > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const light = (rgb) => rgb.slice(0, 3)
    .map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ratio = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  return [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility() && hasText(node) && !node.closest("script, style, title, desc"))
    .map((node) => {
      const style = getComputedStyle(node);
      const colour = channels(node.closest("svg") ? style.fill : style.color);
      const name = node.className.baseVal ?? node.className;
      return [ratio(light(colour), light(background(node))), name, node.textContent];
    })
    .filter(([found]) => found < 4.5);
}"""

SMALLEST_LABEL = """() => {
  const svg = document.querySelector(".muc");
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  const sizes = [...svg.querySelectorAll("text")].map((text) => parseFloat(getComputedStyle(text).fontSize));
  return Math.min(...sizes) * scale;
}"""
LABEL_BOXES = """() => [...document.querySelectorAll(".muc text")]
  .filter((text) => text.checkVisibility())
  .map((text) => [text.getBBox(), text.textContent])
  .map(([box, text]) => [box.x, box.y, box.x + box.width, box.y + box.height, text])"""
CUT_OFF = """() => [...document.querySelectorAll(".card .rows, .card .sql")]
  .filter((part) => part.scrollWidth > part.clientWidth)
  .map((part) => part.className)"""
COLOURS = """() => [
  getComputedStyle(document.body).backgroundColor,
  getComputedStyle(document.querySelector(".muc")).getPropertyValue("--muc-faint"),
]"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample site in a folder."""
    folder = tmp_path_factory.mktemp("site") / "site"
    settings = SiteSettings("Muse", "", "What the benchmarks of two repositories showed.", True)
    build_site(sample_episodes(), settings, folder, commit_sha="a" * 40)
    return folder


@pytest.fixture
def page(browser: Browser, site: Path) -> Iterator[Page]:
    """An episode's page at desktop size, with nothing wrong on its console."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.goto((site / EPISODE).as_uri())
    yield opened
    opened.close()
    assert wrong == []


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone, 360 px wide, with touch."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


def _after(page: Page) -> dict[str, str]:
    ledger = sample_episodes()[-1].ledger
    fact = ledger["facts"]["f1.after"]
    first = fact["rows"][0]
    return {"value": str(fact["value"]), "row": str(first["value"]), "commit": first["commit_sha"][:7]}


def _expect_card_of_after(page: Page) -> None:
    """The card tells the value and the first row of the fact that the first number states."""
    expected, card = _after(page), page.locator(".card")
    expect(card).to_be_visible()
    expect(card.locator("h3")).to_contain_text(expected["value"])
    expect(card.locator("tbody tr").first).to_contain_text(expected["row"])
    expect(card.locator("tbody tr").first).to_contain_text(expected["commit"])
    expect(card.locator("tbody tr")).to_have_count(6)
    expect(card.locator(".sql")).to_contain_text("FROM chimera_metrics.bench_runs")
    expect(card).to_contain_text("muse verify chimera/ep-002")


def test_hover_opens_the_card_with_the_rows(page: Page) -> None:
    """Pointing at a number shows what it came from; pointing away closes it."""
    page.locator(".prose .claim").first.hover()
    _expect_card_of_after(page)
    page.mouse.move(5, 700)
    expect(page.locator(".card")).to_be_hidden()


def test_pointer_can_enter_the_card(page: Page) -> None:
    """The way from the number into the card does not close it."""
    page.locator(".prose .claim").first.hover()
    page.locator(".card h3").hover()
    page.wait_for_timeout(400)
    expect(page.locator(".card")).to_be_visible()


def test_keyboard_focus_opens_the_card(page: Page) -> None:
    """Tabbing to a number shows its source, and Escape closes it with the focus kept."""
    page.locator(".prose .claim").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    _expect_card_of_after(page)
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_be_hidden()
    expect(page.locator(".prose .claim").first).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", " "])
def test_keyboard_can_enter_the_card_and_come_back(page: Page, key: str) -> None:
    """Enter and Space go into the card; Escape returns to the number."""
    claim = page.locator(".prose .claim").first
    claim.focus()
    page.keyboard.press(key)
    expect(page.locator(".card")).to_be_focused()
    expect(claim).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(page.locator(".card .copy").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(claim).to_be_focused()
    expect(claim).to_have_attribute("aria-expanded", "false")


def test_tabbing_out_of_the_card_goes_on_after_the_number(page: Page) -> None:
    """For the keyboard the card stands where its number is, not at the end of the page."""
    page.locator(".prose .claim").first.focus()
    page.keyboard.press("Enter")
    page.locator(".card-close").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".prose .claim").nth(1)).to_be_focused()


def test_click_pins_the_card_until_a_click_elsewhere(page: Page) -> None:
    """A pinned card stays while the pointer moves away."""
    page.locator(".prose .claim").first.click()
    page.mouse.move(5, 700)
    page.wait_for_timeout(400)
    _expect_card_of_after(page)
    page.mouse.click(5, 700)
    expect(page.locator(".card")).to_be_hidden()


def test_every_number_opens_its_own_source(page: Page) -> None:
    """Title, facts, text, table, caption and list: each card is of the claim's fact."""
    for claim in page.locator(".claim").all():
        claim.click()
        fact = page.locator(f"#source-{claim.get_attribute('data-source')} h3").inner_text()
        expect(page.locator(".card h3")).to_have_text(fact)
        page.keyboard.press("Escape")


def test_card_stays_within_the_window(page: Page) -> None:
    """No card is cut off at an edge of the window, wherever its number stands."""
    for claim in page.locator(".claim").all():
        claim.click()
        box = page.locator(".card").bounding_box()
        assert box
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1280
        assert box["y"] >= 0 and box["y"] + box["height"] <= 900
        page.keyboard.press("Escape")


@pytest.mark.parametrize("path", [EPISODE, LONG_NAMED])
def test_no_row_in_a_card_is_cut_off(page: Page, site: Path, path: str) -> None:
    """Neither both sides of a change nor a long name push the value out of sight."""
    page.goto((site / path).as_uri())
    for claim in page.locator(".prose .claim").all():
        claim.click()
        assert page.evaluate(CUT_OFF) == [], claim.inner_text()
        page.keyboard.press("Escape")


def test_row_hash_is_copied_whole(browser: Browser, site: Path) -> None:
    """The page shows the hash's beginning, the clipboard gets all of it."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto((site / EPISODE).as_uri())
    page.locator(".prose .claim").first.click()
    page.locator(".card .copy").first.click()
    expect(page.locator(".card .copy").first).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    context.close()
    assert copied == sample_episodes()[-1].ledger["facts"]["f1.after"]["row_hash"]


def test_without_script_a_number_links_to_its_source(browser: Browser, site: Path) -> None:
    """The same rows and query are reachable in plain HTML."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / EPISODE).as_uri())
    page.locator(".prose .claim").first.click()
    source = page.locator(page.url[page.url.index("#") :])
    expect(source).to_be_in_viewport()
    source.locator("summary").click()
    expect(source.locator("tbody tr")).to_have_count(6)
    expect(source.locator(".sql")).to_be_visible()
    context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [320, 360, 768])
def test_no_page_scrolls_sideways(phone: Page, site: Path, path: str, width: int) -> None:
    """Not even with a long benchmark name in the table."""
    phone.set_viewport_size({"width": width, "height": 740})
    phone.goto((site / path).as_uri())
    assert phone.evaluate("document.documentElement.scrollWidth") <= width


def test_phone_shows_a_sheet_at_the_bottom(phone: Page, site: Path) -> None:
    """A tap opens the source over the lower part of the screen; a tap beside it closes it."""
    phone.goto((site / EPISODE).as_uri())
    phone.locator(".prose .claim").first.tap()
    _expect_card_of_after(phone)
    phone.wait_for_timeout(300)
    box = phone.locator(".card").bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 360)
    assert round(box["y"] + box["height"]) == 740
    phone.touchscreen.tap(180, 20)
    expect(phone.locator(".card")).to_be_hidden()


def test_chart_text_is_readable_on_a_phone(phone: Page, site: Path) -> None:
    """The smallest label of a chart is at least 10 px high at 360 px."""
    phone.goto((site / EPISODE).as_uri())
    size = phone.evaluate(SMALLEST_LABEL)
    assert size >= 10


def test_the_data_of_a_chart_opens_on_a_phone(phone: Page, site: Path) -> None:
    """Every run of the picture is a row with its heads; what does not fit scrolls within the table, not the page."""
    phone.goto((site / EPISODE).as_uri())
    dots = phone.locator("figure.chart circle").count()
    table = phone.get_by_role("region", name="Data of this chart").get_by_role("table")
    expect(table).to_be_hidden()
    phone.locator(".data summary").tap()
    expect(table.get_by_role("columnheader")).to_have_count(6)
    expect(table.locator("tbody").get_by_role("row")).to_have_count(dots)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    phone.locator(".data .scroll").focus()
    expect(table.get_by_role("row").last).not_to_be_in_viewport()
    phone.keyboard.press("End")
    expect(table.get_by_role("row").last).to_be_in_viewport()
    assert phone.locator(".data a").get_attribute("href") == "f1.csv"


@pytest.mark.parametrize("width", [360, 1280])
def test_chart_labels_stay_inside_and_apart(browser: Browser, site: Path, width: int) -> None:
    """No label is cut off or lies on another, at either size of text."""
    page = browser.new_page(viewport={"width": width, "height": 740})
    for path in (EPISODE, LONG_NAMED, "banterpacks/ep-001/index.html", "banterpacks/ep-002/index.html"):
        page.goto((site / path).as_uri())
        boxes = page.evaluate(LABEL_BOXES)
        for number, (left, top, right, bottom, text) in enumerate(boxes):
            assert left >= -1 and right <= 601, text
            for other in boxes[:number]:
                is_apart = left >= other[2] or right <= other[0] or top >= other[3] - 3 or bottom <= other[1] + 3
                assert is_apart, (text, other[4])
    page.close()


def test_dark_theme_follows_the_system_and_the_toggle_is_remembered(browser: Browser, site: Path) -> None:
    """The system's theme is the default, the reader's choice beats it and is kept, charts included."""
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((site / EPISODE).as_uri())
    dark = page.evaluate(COLOURS)
    page.get_by_role("button", name="Dark theme").click()
    light = page.evaluate(COLOURS)
    page.reload()
    assert dark[0] == "rgb(15, 17, 22)"
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[1] != light[1]
    assert page.evaluate(COLOURS) == light
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["index.html", EPISODE])
def test_text_has_enough_contrast(browser: Browser, site: Path, path: str, scheme: str) -> None:
    """All visible text, an open card and the data of a chart included, reaches 4.5 to 1."""
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.goto((site / path).as_uri())
    if path == EPISODE:
        page.locator(".data summary").click()
        page.locator(".prose .claim").first.click()
    page.wait_for_timeout(300)
    faint = [found for found in page.evaluate(CONTRASTS) if found[2].strip() != "/"]
    page.close()
    assert faint == []


def test_nothing_is_requested_but_the_pages_themselves(browser: Browser, site: Path) -> None:
    """Reading the site asks nobody for anything."""
    page = browser.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for path in PAGES:
        page.goto((site / path).as_uri())
        for claim in page.locator(".claim").all()[:2]:
            claim.hover()
    page.close()
    assert [url for url in requests if not re.match(r"file:|data:image/svg", url)] == []


def test_index_leads_to_the_episode_and_its_source(page: Page, site: Path) -> None:
    """The list opens an episode; a number on it opens the source on the episode's page."""
    page.goto((site / "index.html").as_uri())
    page.locator(".latest .claim").first.click()
    expect(page).to_have_url(re.compile(r"/chimera/ep-002/index\.html#source-\d+$"))
    page.goto((site / "index.html").as_uri())
    page.locator(".episodes a").nth(1).click()
    expect(page).to_have_url(re.compile(r"/banterpacks/ep-004/index\.html$"))
