"""Health, Who is called, in a real browser against a real hub and a real mail server: a plan, a test, an answer; legible (axe)."""

import asyncio
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from hub_stage import hub_stage, served
from paging_stage import Outside, outside
from theatre_stage import HubThread
from web_axe import AXE, violations
from web_fake_hub import UI
from web_stage import PHONE

pytestmark = pytest.mark.browser


class PagingHub(HubThread):
    """The hub with mia, a manager; `got` is what its mail server was sent."""

    code: str
    got: Outside

    async def _serve(self, data: Path) -> None:
        async with outside(data) as self.got, hub_stage(data, ui=UI) as stage:
            self.code = (await asyncio.to_thread(stage.hub.users.create, "mia", "manager", "Mia Manager"))[1]
            async with served(stage.app) as address:
                self.url = f"http://localhost:{address.rpartition(':')[2]}"
                await self._until_closed()


def test_the_manager_names_people_sends_a_test_and_answers_it(browser: Browser, tmp_path: Path) -> None:
    if not (UI / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    hub = PagingHub(tmp_path)
    context = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, bypass_csp=True, locale="en-GB")
    try:
        page = context.new_page()
        page.set_default_timeout(30_000)
        asked = {"username": "mia", "password": hub.code}
        assert context.request.post(f"{hub.url}/api/session", data=asked, headers={"Origin": hub.url}).ok
        page.goto(hub.url + "/health/calls")
        page.get_by_role("button", name="Add the first person to call").click()
        page.get_by_label("Who", exact=False).first.fill("Ann")
        page.get_by_label("E-mail address").fill("ann@council.example")
        page.get_by_role("switch", name="Call people").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Set by Mia Manager")).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_test_id("calls")).to_contain_text("Ann called by e-mail", timeout=60_000)
        page.get_by_role("button", name="I have got this").click()
        expect(page.get_by_test_id("calls")).to_contain_text("Mia Manager got it", timeout=60_000)
        page.reload()  # without the passing words in the corner
        page.get_by_test_id("plan").wait_for()
        expect(page.get_by_test_id("calls")).to_contain_text("Mia Manager got it")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if AXE.is_file():
            assert violations(page) == []
        assert [mail["To"] for mail in hub.got.mails][:1] == ["ann@council.example"]
    finally:
        context.close()
        hub.close()
