"""The activity strip in a real browser, against the fake hub: drawn under each lane, told in words, asked about."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from web_fake_hub import FakeHub
from web_stage import fake_hub, visit

pytestmark = pytest.mark.browser

# Colours of the two themes' strips, as the canvas holds them.
STRIP_PIXELS = """() => {
    const canvas = document.querySelector('[data-testid=review-timeline] canvas');
    const context = canvas.getContext('2d');
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const lanes = new Set();
    const scale = canvas.height / canvas.clientHeight;
    for (let at = 0; at < pixels.length; at += 4)
        if (pixels[at] === 0xf2 && pixels[at + 1] === 0xc6 && pixels[at + 2] === 0x6d)
            lanes.add(Math.floor((Math.floor(at / 4 / canvas.width) / scale - 26) / 34));
    return lanes.size;
}"""


@pytest.fixture(scope="module")
def theatre(browser: Browser) -> Iterator[tuple[Browser, FakeHub]]:
    with fake_hub() as hub:
        yield browser, hub


def ready(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('[data-testid=review-timeline]')?.dataset.strips === '4'")


def test_the_strip_is_drawn_and_told(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/review") as page:
        ready(page)
        page.get_by_test_id("last-night").click()
        page.wait_for_function(f"() => ({STRIP_PIXELS})() === 4")
        page.get_by_test_id("runs-table-open").click()
        table = page.get_by_test_id("runs-table")
        expect(table).to_contain_text("Busy")
        expect(table).to_contain_text("Keyframes compared.")


def test_did_anything_move(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/review") as page:
        ready(page)
        page.keyboard.press("i")
        for _ in range(3):
            page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("o")
        page.get_by_test_id("moved-ask").click()
        expect(page.get_by_test_id("moved-answer")).to_have_count(4)
        expect(page.locator("[data-testid=moved-answer][data-answer=no]").first).to_be_visible()
