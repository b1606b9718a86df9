"""The pad that moves a camera, in a real browser against the fake hub: held, let go, by pointer and by keys; who else steers."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from web_axe import AXE, violations
from web_fake_devices import Devices, devices_of
from web_fake_hub import FakeHub
from web_stage import DESK, PHONE, fake_hub, visit

pytestmark = pytest.mark.browser
STILL: tuple[float, float, float] = (0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def theatre(browser: Browser) -> Iterator[tuple[Browser, FakeHub]]:
    with fake_hub() as hub:
        yield browser, hub


@pytest.fixture
def device(theatre: tuple[Browser, FakeHub]) -> Devices:
    """A device that nobody has moved yet."""
    theatre[1].app.state.devices = Devices()
    return devices_of(theatre[1].app)


def until(page: Page, look: Callable[[], bool]) -> None:
    """Wait for the hub's side, while the page goes on."""
    for _ in range(500):
        if look():
            return
        page.wait_for_timeout(10)
    raise AssertionError("it did not come about")


def stopped(page: Page, device: Devices, before: int) -> None:
    """Wait until something was ordered since `before`, and then the stop."""
    until(page, lambda: len(device.orders) > before and device.orders[-1] == STILL)


def test_held_it_moves_and_let_go_it_stops(theatre: tuple[Browser, FakeHub], device: Devices) -> None:
    with visit(*theatre, "/now?enlarge=car-park") as page:
        pad = page.get_by_test_id("ptz")
        expect(pad).to_contain_text("Hold a button or a key")
        left = pad.get_by_role("button", name="Turn left")
        left.hover()
        page.mouse.down()
        expect(pad).to_contain_text("You are steering")
        page.mouse.move(5, 5)  # off the button: still held
        page.mouse.up()
        stopped(page, device, 0)
        assert set(device.orders) == {(-0.5, 0, 0), STILL} and device.orders.count(STILL) == 1

        page.get_by_test_id("enlarged-car-park").focus()
        for key, order in (("ArrowUp", (0, 0.5, 0)), ("+", (0, 0, 0.5))):
            before = len(device.orders)
            page.keyboard.down(key)
            page.keyboard.up(key)
            stopped(page, device, before)
            assert device.orders[before] == order
        before = len(device.orders)
        pad.get_by_role("button", name="Zoom out").focus()
        page.keyboard.press("Enter")  # a button that has the focus works by key as well
        stopped(page, device, before)
        assert device.orders[before] == (0, 0, -0.5)

        page.keyboard.press("p")
        page.get_by_role("menuitem", name="Pay machine").click()
        page.wait_for_function("() => !document.querySelector('[role=menu]')")
        assert device.gone_to == ["2"]
        pad.get_by_test_id("ptz-presets").click()
        page.get_by_role("menuitem", name="Keep this view").click()
        page.get_by_label("What it looks at").fill("Back fence")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert "Back fence" in device.presets.values()

        page.get_by_test_id("shrink").click()
        expect(pad).to_have_count(0)
        until(page, lambda: device.released == 1)  # given back when the tile is left


def test_who_else_steers_is_said_and_a_camera_that_can_not_has_no_pad(
    theatre: tuple[Browser, FakeHub], device: Devices
) -> None:
    device.holder = "Sue Supervisor"
    with visit(*theatre, "/now?enlarge=car-park") as page:
        says = page.get_by_test_id("ptz-says")
        expect(says).to_contain_text("Sue Supervisor is steering. Free at ")
        page.get_by_role("button", name="Turn right").click()
        expect(says).to_contain_text("It is free 10 s after they stop")
        page.get_by_test_id("enlarged-car-park").focus()
        refused = device.refused
        for _ in range(5):  # a key that is held down: refused once, not at every repeat
            page.keyboard.down("ArrowRight")
        until(page, lambda: device.refused > refused)
        page.keyboard.up("ArrowRight")
        assert device.refused == refused + 1
        assert device.orders == []
        page.get_by_test_id("shrink").click()
        page.goto(theatre[1].url + "/now?enlarge=north-gate")
        expect(page.get_by_test_id("enlarged-north-gate")).to_have_attribute("data-phase", "live")
        expect(page.get_by_test_id("ptz")).to_have_count(0)


@pytest.mark.parametrize(("theme", "size"), [("dark", DESK), ("light", PHONE)])
def test_axe_finds_nothing(
    theatre: tuple[Browser, FakeHub], device: Devices, theme: str, size: tuple[int, int]
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed, so accessibility was NOT tested (npm ci in web/)")
    with visit(*theatre, "/now?enlarge=car-park", theme=theme, size=size, bypass_csp=True) as page:
        page.get_by_test_id("ptz").wait_for()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto(theatre[1].url + "/installer?camera=north-gate")
        page.get_by_test_id("device-events").wait_for()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_reports_of_people_need_an_access(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/installer?camera=north-gate", shift=False) as page:
        rows = page.get_by_test_id("device-events")
        expect(rows).to_contain_text("Tampering over")
        expect(rows).not_to_contain_text("Motion")
        expect(page.get_by_test_id("device")).to_contain_text("Sparrow 2")
        expect(page.get_by_test_id("device")).to_contain_text("23.0 s slow, within 0.1 s")
