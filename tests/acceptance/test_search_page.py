"""The page Search in a real browser, before a real hub and a site that records and sees."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from belvedere.hub.pages import UI_FOLDER
from search_stage import CAMERA, SearchTheatre
from web_axe import violations
from web_stage import DESK, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
WORDS = "van near the bin store last night"


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchTheatre]:
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    made = SearchTheatre(tmp_path_factory.mktemp("search"))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser, theatre: SearchTheatre) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", reduced_motion="reduce"
    )
    made = context.new_page()
    made.set_default_timeout(120_000)
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.goto(theatre.url + "/search")
    users = theatre.house.hub.users
    code = users.create("ann", "operator")[1] if users.find("ann") is None else users.renew_code("ann")[1]
    sign_in(made, "ann", code)
    started = made.get_by_test_id("start-shift").or_(made.get_by_test_id("search-box"))
    started.first.wait_for()
    if made.get_by_test_id("start-shift").count():
        made.get_by_test_id("start-shift").click()
    made.get_by_test_id("search-box").wait_for()
    yield made
    assert wrong == [], "the page raised"
    context.close()


def ask(page: Page, words: str) -> None:
    page.get_by_test_id("search-box").fill(words)
    page.keyboard.press("Enter")


def test_a_van_near_the_bin_store_last_night_is_found_and_reviewed(page: Page, theatre: SearchTheatre) -> None:
    page.locator("body").click(position={"x": 700, "y": 850})
    page.keyboard.press("/")
    expect(page.get_by_test_id("search-box")).to_be_focused()
    ask(page, WORDS)
    first = page.get_by_test_id("result").first
    expect(first).to_have_attribute("data-camera", CAMERA, timeout=120_000)
    expect(first).to_have_attribute("data-kind", "5")
    expect(first).to_contain_text("Maple Way")
    expect(first).to_contain_text("23:00:10")
    expect(first).to_contain_text("Why:")
    picture = first.get_by_test_id("thumbnail")
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())
    expect(page.get_by_test_id("understood")).to_contain_text("near the bin store")
    expect(page.get_by_test_id("facet-where")).to_contain_text("Maple Way")
    expect(page.get_by_test_id("strip")).to_be_visible()
    expect(page.get_by_test_id("looking")).to_have_count(0, timeout=120_000)
    assert violations(page) == []
    first.get_by_test_id("result-open").click()
    page.wait_for_url("**/review?**")
    assert f"cameras={CAMERA}" in page.url and "23%3A00%3A08" in page.url.replace("T22%3A", "T23%3A")
    page.go_back()
    expect(page.get_by_test_id("result").first).to_be_visible(timeout=120_000)
    made = [entry for entry in theatre.house.hub.audit.entries(limit=200) if entry.kind == "search.made"]
    assert made and made[-1].facts["words"] == WORDS


def test_what_is_never_searched_for_is_said(page: Page) -> None:
    ask(page, "black man in the car park")
    expect(page.get_by_test_id("refusal")).to_contain_text("does not search by race")
    expect(page.get_by_test_id("result")).to_have_count(0)
