"""The control room's pages in a real browser, against the fake hub: reachable, legible (axe), and worked by keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from web_axe import AXE, violations
from web_fake_hub import CODE, PASSWORD, FakeHub
from web_stage import PHONE, ROOT, fake_hub, sign_in, visit

pytestmark = pytest.mark.browser

READY = {
    "/now": "tile-north-gate",
    "/review": "play",
    "/exports": "account",
    "/cameras": "row-north-gate",
    "/access": "checkpoint",
    "/settings": "password-form",
}


@pytest.fixture(scope="module")
def theatre(browser: Browser) -> Iterator[tuple[Browser, FakeHub]]:
    with fake_hub() as hub:
        yield browser, hub


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(theatre: tuple[Browser, FakeHub], theme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed, so accessibility was NOT tested (npm ci in web/)")
    # axe runs as an injected script, which the pages' policy rightly forbids: it is lifted for this test alone
    with visit(*theatre, "/now", theme=theme, bypass_csp=True) as page:
        for address, ready in READY.items():
            page.goto(theatre[1].url + address)
            page.get_by_test_id(ready).wait_for()
            assert violations(page, colours_only=theme == "light") == [], address
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keyboard").wait_for()
        assert violations(page, colours_only=theme == "light") == [], "cheat sheet"


def test_narrow_pages_do_not_scroll_sideways(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/now", theme="light", size=PHONE) as page:
        for address, ready in READY.items():
            page.goto(theatre[1].url + address)
            page.get_by_test_id(ready).wait_for()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


def test_wrong_password_says_so(theatre: tuple[Browser, FakeHub]) -> None:
    browser, hub = theatre
    hub.world.grants.clear()
    page = browser.new_page()
    page.goto(hub.url)
    sign_in(page, secret="not it")
    expect(page.get_by_test_id("login-error")).to_contain_text("do not match")
    page.close()


def test_a_code_leads_to_a_password(theatre: tuple[Browser, FakeHub]) -> None:
    browser, hub = theatre
    hub.world.grants.clear()
    page = browser.new_page()
    page.goto(hub.url)
    sign_in(page, "new", CODE)
    form = page.get_by_test_id("password-form")
    form.get_by_label("New password", exact=True).fill("too short")
    page.keyboard.press("Enter")
    expect(form).to_contain_text("12 are needed")
    form.get_by_label("New password", exact=True).fill(PASSWORD)
    form.get_by_label("The same again", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("start-shift")).to_be_visible()
    page.close()


def test_refused_shift_says_why(theatre: tuple[Browser, FakeHub]) -> None:
    browser, hub = theatre
    hub.world.grants.clear()
    page = browser.new_page()
    page.goto(hub.url + "/now")
    sign_in(page, "clerk")
    page.get_by_test_id("start-shift").click()
    expect(page.get_by_test_id("grant-refused")).to_contain_text("Ask the duty officer")
    expect(page.locator("video")).to_have_count(0)
    page.close()


def test_stop_ends_every_picture(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/now") as page:
        expect(page.get_by_test_id("tile-north-gate")).to_have_attribute("data-phase", "live")
        page.get_by_test_id("grant-stop").click()
        expect(page.get_by_test_id("start-shift")).to_be_visible()
        expect(page.locator("video")).to_have_count(0)
        expect(page.get_by_test_id("grant-chip")).to_have_count(0)
        assert theatre[1].world.grants == {}


def test_wall_by_keyboard(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/now") as page:
        grid = page.get_by_test_id("wall-grid")
        first = page.get_by_test_id("tile-north-gate")
        expect(first).to_have_attribute("data-phase", "live")
        expect(page.get_by_test_id("tile-bin-store")).to_contain_text("refused the password")
        first.focus()
        page.keyboard.press("Shift+ArrowRight")
        expect(grid.locator("[data-tile]").nth(1)).to_have_attribute("data-testid", "tile-north-gate")
        expect(first).to_be_focused()  # a tile that is moved keeps the keyboard
        first.press("Enter")
        expect(page.get_by_test_id("enlarged-north-gate")).to_have_attribute("data-phase", "live")
        assert "enlarge=north-gate" in page.url
        # the tiles behind it have stopped
        page.wait_for_function("() => belvedereLive.report().filter((tile) => tile.phase === 'live').length === 1")
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("enlarged-north-gate")).to_have_count(0)
        first.focus()
        page.keyboard.press("Delete")
        expect(first).to_have_count(0)
        page.get_by_test_id("camera-north-gate").press("Enter")
        expect(first).to_have_attribute("data-phase", "live")
        page.keyboard.press("Control+k")
        expect(page.locator("[role=dialog] input")).to_be_focused()
        page.keyboard.type("review playg")
        expect(page.locator("[role=dialog]").get_by_text("Playground").first).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("review-playground")).to_be_visible()
        report = page.evaluate("window.belvedereLive.report()")
        assert report == []


def test_live_figures(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/now") as page:
        page.wait_for_function(
            "() => belvedereLive.report().filter((tile) => tile.latency_p50_ms !== null).length >= 10"
        )
        report = page.evaluate("window.belvedereLive.report()")
        playing = [tile for tile in report if tile["phase"] == "live"]
        assert len(report) == 12 and len(playing) == 10
        assert all(tile["first_ms"] > 0 and tile["error"] == "" for tile in playing)


def test_pages_are_built_from_this_source() -> None:
    """A stale build would make the checks above say nothing."""
    from hatch_build import digest

    stamp = Path(ROOT / "src" / "belvedere" / "ui" / ".stamp")
    if not stamp.is_file():
        pytest.skip("the control room was built by hand, without a stamp")
    assert stamp.read_text(encoding="utf-8").strip() == digest(ROOT / "web"), "run `pip install -e .` again"
