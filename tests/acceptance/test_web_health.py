"""Health and the installer's page in a real browser, against the fake hub: legible (axe), worked by keyboard, right on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from web_axe import AXE, violations
from web_fake_hub import FakeHub
from web_stage import DESK, PHONE, fake_hub, visit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def theatre(browser: Browser) -> Iterator[tuple[Browser, FakeHub]]:
    with fake_hub() as hub:
        yield browser, hub


def ready(page: Page) -> None:
    page.get_by_test_id("ticket-t1").wait_for()
    page.get_by_test_id("uptime").get_by_role("table").wait_for()
    page.get_by_test_id("planned").get_by_role("table").wait_for()


@pytest.mark.parametrize(("theme", "size"), [("dark", DESK), ("light", PHONE)])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    theatre: tuple[Browser, FakeHub], theme: str, size: tuple[int, int]
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed, so accessibility was NOT tested (npm ci in web/)")
    with visit(*theatre, "/health", theme=theme, size=size, shift=False, bypass_csp=True) as page:
        ready(page)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto(theatre[1].url + "/health?ticket=t1")
        page.get_by_test_id("ticket-detail").wait_for()
        assert violations(page) == [], "ticket"
        for camera in ("north-gate", "bin-store"):
            page.goto(f"{theatre[1].url}/installer?camera={camera}")
            page.get_by_test_id("figures").wait_for()
            assert violations(page) == [], camera
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), camera


def test_what_is_worst_comes_first_and_no_picture_is_shown(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/health", shift=False) as page:
        ready(page)
        needs = page.get_by_test_id("attention").locator("li")
        expect(needs).to_have_count(4)
        expect(needs.first).to_contain_text("Disk will be full before its time")
        expect(needs.last).to_contain_text("Camera may have been moved")
        expect(page.get_by_test_id("uptime")).to_contain_text("99.20 %")
        expect(page.locator("video, img, canvas")).to_have_count(0)
        assert theatre[1].world.grants == {}, "health needs no access to footage"


def test_a_ticket_by_keyboard(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/health?kind=password", shift=False) as page:
        row = page.get_by_test_id("ticket-t1").get_by_role("button")
        row.wait_for()
        expect(page.get_by_test_id("tickets").locator("tbody tr")).to_have_count(1)
        row.focus()
        page.keyboard.press("Enter")
        detail = page.get_by_test_id("ticket-detail")
        expect(detail).to_contain_text("Set the right name and password")
        assert "ticket=t1" in page.url and "kind=password" in page.url
        detail.get_by_label("Name or company").fill("Acme CCTV")
        detail.get_by_label("Planned visit").fill("2026-11-24T09:30")
        page.keyboard.press("Enter")
        expect(detail.get_by_role("button", name="Save")).to_be_disabled()
        detail.get_by_label("What was seen or done").fill("Reset the camera.")
        detail.get_by_role("button", name="Write note").press("Enter")
        expect(detail).to_contain_text("Operator,")
        detail.get_by_label("Reason").fill("Password set again")
        page.keyboard.press("Enter")
        expect(detail).to_contain_text("Operator: Password set again")
        page.keyboard.press("Escape")
        expect(detail).to_have_count(0)
        expect(page.get_by_test_id("tickets")).to_contain_text("No ticket matches")
        page.go_back()


def test_one_camera_on_a_ladder(theatre: tuple[Browser, FakeHub]) -> None:
    """Figures move each second, the state is said aloud when it changes and not each second, and no picture is there."""
    with visit(*theatre, "/installer?camera=playground", theme="light", size=PHONE, shift=False) as page:
        state = page.get_by_test_id("big-state")
        expect(state).to_contain_text("Recording")
        expect(page.get_by_test_id("nothing-to-do")).to_be_visible()
        shown = page.get_by_test_id("last-frame").inner_text()
        expect(page.get_by_test_id("last-frame")).not_to_have_text(shown, use_inner_text=True)
        assert state.get_attribute("aria-live") == "polite"
        theatre[1].world.states["playground"] = "denied"
        expect(state).to_contain_text("Password refused")
        expect(page.get_by_test_id("figures")).to_contain_text("none")
        theatre[1].world.states.pop("playground")
        expect(state).to_contain_text("Recording")
        page.get_by_role("button", name="Next camera").click()
        expect(page).not_to_have_url(f"{theatre[1].url}/installer?camera=playground")
        page.goto(f"{theatre[1].url}/installer?camera=north-gate")
        expect(page.get_by_test_id("todo-moved")).to_contain_text("Compare the live picture")
        expect(page.locator("video, img, canvas")).to_have_count(0)
        buttons = page.locator("main button").evaluate_all("all => all.map(b => b.getBoundingClientRect().height)")
        assert min(buttons) >= 24
        assert theatre[1].world.grants == {}
