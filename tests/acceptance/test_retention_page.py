"""The page Retention and holds in a real browser, before a real hub and a site whose days pass when the test says so."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.pages import UI_FOLDER
from belvedere.hub.retention.certificate import verify_certificate
from hub_stage import served
from retention_stage import RetentionStage, retention_stage
from theatre_stage import HubThread
from web_stage import DESK, PHONE, ROOT, sign_in

pytestmark = pytest.mark.browser
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
_T = TypeVar("_T")


class Theatre(HubThread):
    """Hub and site on a thread of their own; `do` runs something there."""

    stage: RetentionStage

    async def _serve(self, data: Path) -> None:
        async with retention_stage(data, ui=UI_FOLDER) as stage, served(stage.app) as address:
            self.stage, self.url = stage, f"http://{address}"
            await self._until_closed()

    def do(self, call: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        waiting: Future[_T] = asyncio.run_coroutine_threadsafe(call(), self._loop)
        return waiting.result(60)

    def pass_days(self, days: int) -> None:
        self.do(lambda: asyncio.to_thread(self.stage.rig.pass_days, days))

    def code(self, role: str) -> tuple[str, str]:
        """Name and a fresh one-time code of somebody with this role."""
        users, name = self.stage.hub.users, f"{role}-1"
        _, code = users.create(name, role) if users.find(name) is None else users.renew_code(name)
        return name, code


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    theatre = Theatre(tmp_path)
    yield theatre
    theatre.close()


def enter(page: Page, theatre: Theatre, role: str) -> None:
    """Sign in and open the page."""
    page.context.clear_cookies()
    page.goto(theatre.url + "/retention")
    sign_in(page, *theatre.code(role))
    heading = page.get_by_role("heading", name="Retention and holds")
    form = page.get_by_test_id("password-form")
    heading.or_(form).first.wait_for()
    if form.count():  # whoever came with a code sets a password first
        for field in form.locator("input").all():
            field.fill("a long enough password")
        page.keyboard.press("Enter")
    heading.wait_for()


def violations(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate(
        """async (source) => {
            if (!window.axe) (0, eval)(source);
            const result = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] });
            return result.violations.filter((each) => ["serious", "critical"].includes(each.impact))
                .map((each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200))]);
        }""",
        AXE.read_text(encoding="utf-8"),
    )
    return found


def test_a_hold_a_night_a_stop_and_a_certificate(theatre: Theatre, browser: Browser, tmp_path: Path) -> None:
    rig = theatre.stage.rig
    start = theatre.do(lambda: asyncio.to_thread(rig.footage_of, 40))
    context = browser.new_context(
        viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", reduced_motion="reduce", bypass_csp=True
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    enter(page, theatre, "dpo")
    expect(page.get_by_test_id("plan")).to_contain_text("Nothing is due")

    page.get_by_test_id("new-hold").click()
    form = page.get_by_test_id("hold-form")
    form.get_by_label("Cameras").click()
    page.get_by_role("option", name="Gate").click()
    page.keyboard.press("Escape")
    form.get_by_label("From").fill("2026-09-04 10:00:05")  # the site's clock begins at 09:00 UTC
    form.get_by_label("To", exact=True).fill("2026-09-04 10:00:07")
    form.get_by_label("Why").fill("Broken door")
    form.get_by_label("Reference").fill("C-17")
    form.get_by_label("Review in (days)").fill("60")
    form.get_by_role("button", name="Hold this footage").click()
    expect(page.get_by_test_id("holds")).to_contain_text("Broken door")
    assert rig.rows("SELECT to_us - from_us FROM hold") == [(2 * SECOND_US,)], "the site knows it, exactly"

    theatre.pass_days(33)
    enter(page, theatre, "dpo")
    assert rig.seconds() == [(start + 4 * SECOND_US, start + 8 * SECOND_US)]
    row = page.get_by_test_id("certificates").locator("tbody tr")
    expect(row).to_have_count(1)
    with page.expect_download() as download:
        row.get_by_role("link", name="Download").click()
    file = tmp_path / "deletion.json"
    download.value.save_as(file)
    assert verify_certificate(file.read_bytes(), theatre.stage.public_key()).valid

    for _ in range(4):
        theatre.do(lambda: asyncio.to_thread(rig.footage_of, 20))
        theatre.pass_days(1)
    enter(page, theatre, "dpo")
    page.get_by_test_id("edit-classes").click()
    classes = page.get_by_test_id("classes-form")
    classes.get_by_role("button", name="Add a class").click()
    classes.get_by_role("textbox", name="Class").fill("street")
    classes.get_by_role("textbox", name="Days").fill("1")
    classes.get_by_role("combobox", name="Gate").or_(classes.get_by_role("textbox", name="Gate")).first.click()
    page.get_by_role("option", name="street").click()
    classes.get_by_label("Why").fill("The board decided so")
    classes.get_by_role("button", name="Put into force").click()
    expect(page.get_by_test_id("classes")).to_contain_text("street")
    theatre.pass_days(1)
    enter(page, theatre, "dpo")
    expect(page.get_by_test_id("stopped")).to_contain_text("Deletion stopped itself")
    if AXE.is_file():
        assert violations(page) == []
    page.get_by_role("button", name="Go on").click()
    page.get_by_test_id("why").get_by_label("Why").fill("Four days at once: the class is new")
    page.get_by_test_id("why").get_by_role("button", name="Delete").click()
    expect(page.get_by_test_id("stopped")).to_have_count(0)

    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.reload()
    page.get_by_test_id("classes").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wrong == []
    context.close()


def test_who_may_not_sees_why(theatre: Theatre, browser: Browser) -> None:
    page = browser.new_page(locale="en-GB")
    enter(page, theatre, "operator")
    expect(page.get_by_text("may not do this")).to_be_visible()
    page.close()
