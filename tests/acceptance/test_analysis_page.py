"""The page Analysis in a real browser: how a site stands, the order that is ended, an analysis for a case; legible (axe)."""

import asyncio
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import NotFound
from belvedere.hub.analysis.orders import KeptOrder, put_order
from belvedere.hub.storage.engine import writing
from belvedere.link.messages import Answer, Reply, Request
from belvedere.link.seeing import AnalyseSpan, Analysis, EndAnalysis, GetAnalysis, GetSeeing, Seeing, SeenCamera
from belvedere.link.wire import failure_of
from belvedere.policy.standing import AnalysisOrder
from hub_stage import HubStage, hub_stage, served, status_of
from theatre_stage import HubThread
from web_axe import AXE, violations
from web_fake_hub import UI
from web_stage import DESK, PHONE

pytestmark = pytest.mark.browser


class AnalysisHub(HubThread):
    """The hub with dora, whose order stands, and ines, who works on a case; its site looks, and is a third through."""

    codes: dict[str, str]

    async def _serve(self, data: Path) -> None:
        self.codes, self._jobs = {}, dict[str, str]()
        async with hub_stage(data, ui=UI) as stage:
            stage.site.status, stage.site.answer = status_of(), self._answer
            for name, role, shown in (("dora", "dpo", "Dora Officer"), ("ines", "investigator", "Ines Looks")):
                _, self.codes[name] = await asyncio.to_thread(stage.hub.users.create, name, role, shown)
            self._order(stage)
            async with served(stage.app) as address:
                self.url = f"http://localhost:{address.rpartition(':')[2]}"
                await self._until_closed()

    def _order(self, stage: HubStage) -> None:
        now_us = stage.clock.now_us()
        dora = stage.hub.users.by_name("dora")
        order = AnalysisOrder(
            "main", "DPIA-2026-04", "Searches took days", dora.id, frozenset({"dpo"}), now_us, now_us + 90 * DAY_US, 0
        )
        with writing(stage.hub.engine) as connection:
            put_order(connection, KeptOrder("order_1", order, dora.display, None, "", ""))

    def _answer(self, request: Request) -> Reply | None:
        if isinstance(request, GetSeeing):
            camera = SeenCamera("gate", "live", 0, 5400, 12.0)
            return Seeing("running", "", "nanodet-g/3.0.4", "openvino bf16", 12.0, (camera,))
        if isinstance(request, AnalyseSpan):
            self._jobs[request.job] = "running"
            return Answer()
        if isinstance(request, EndAnalysis):
            self._jobs[request.job] = "paused" if request.pause else "done"
            return Answer()
        if isinstance(request, GetAnalysis):
            if request.job not in self._jobs:
                return failure_of(NotFound("This site knows no such job.", advice="Ask for the analysis again."))
            return Analysis(request.job, self._jobs[request.job], 3600, 1200, 90, 17, "")
        return None


def enter(
    browser: Browser, hub: AnalysisHub, name: str, size: tuple[int, int], scheme: str
) -> tuple[BrowserContext, str]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, bypass_csp=True, locale="en-GB")
    context.add_init_script(f"localStorage.setItem('belvedere.theme', '{scheme}')")
    asked = {"username": name, "password": hub.codes[name]}
    answer = context.request.post(f"{hub.url}/api/session", data=asked, headers={"Origin": hub.url})
    assert answer.ok
    return context, answer.json()["csrf"]


def sound(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if AXE.is_file():
        assert violations(page) == []


def test_an_order_is_ended_and_a_case_is_analysed(browser: Browser, tmp_path: Path) -> None:
    if not (UI / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    expect.set_options(timeout=60_000)
    hub = AnalysisHub(tmp_path)
    try:
        context, _ = enter(browser, hub, "dora", PHONE, "light")
        page = context.new_page()
        page.goto(f"{hub.url}/analysis")
        card = page.get_by_test_id("analysis-main")
        expect(card).to_contain_text("Looking")
        expect(card).to_contain_text("1.5 h of recordings")
        expect(page.get_by_test_id("order-main")).to_contain_text("Ordered by Dora Officer, DPIA-2026-04")
        expect(page.get_by_test_id("model-card")).to_contain_text("NanoDet")
        sound(page)
        page.get_by_role("button", name="Order anew").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Review on").fill("soon")
        dialog.get_by_role("button", name="Switch on").click()
        expect(dialog).to_contain_text("Give a day to come")
        page.keyboard.press("Escape")
        card.get_by_role("button", name="Switch off").click()
        page.get_by_label("Why").fill("The trial is over")
        page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
        expect(page.get_by_test_id("order-main")).to_contain_text("Ended by Dora Officer: The trial is over")
        context.close()

        context, csrf = enter(browser, hub, "ines", DESK, "dark")
        now_us = context.request.get(f"{hub.url}/api/health").json()["now_us"]
        wish = {"purpose": "investigation", "case": "2026-0113", "cameras": ["gate"], "from_us": now_us - HOUR_US,
                "to_us": now_us, "actions": ["playback"], "reason": "Van at the bin store"}  # fmt: skip
        headers = {"Origin": hub.url, "X-Belvedere-CSRF": csrf}
        assert context.request.post(f"{hub.url}/api/grants", data=wish, headers=headers).ok
        page = context.new_page()
        page.goto(f"{hub.url}/analysis")
        expect(page.get_by_test_id("analysis-main").get_by_role("button")).to_have_count(0)
        page.get_by_test_id("analyse-case").click()
        job = page.locator("[data-testid^='job-']")
        expect(job).to_contain_text("33 %: 20 min of 1.0 h")
        expect(job).to_contain_text("17 found")
        sound(page)
        job.get_by_role("button", name="Pause").click()
        expect(job).to_contain_text("Paused")
        job.get_by_role("button", name="End").click()
        expect(job).to_contain_text("Ended by hand")
        context.close()
    finally:
        hub.close()
