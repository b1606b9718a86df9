"""Purposes and cases in a real browser, before a real hub: the DPO withdraws a purpose, an investigator opens a case."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from belvedere.foundation.clock import HOUR_US
from belvedere.hub.pages import UI_FOLDER
from hub_stage import HubStage, gate, hub_stage, served, status_of
from theatre_stage import HubThread
from web_look import look
from web_stage import DESK, sign_in

pytestmark = pytest.mark.browser
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Theatre(HubThread):
    """A hub with two cameras on a thread of its own."""

    stage: HubStage

    async def _serve(self, data: Path) -> None:
        async with hub_stage(data, ui=UI_FOLDER, password_after_code=True) as stage, served(stage.app) as address:
            stage.site.status = status_of()
            stage.hub.register.put_camera(gate(id="yard", name="Yard", place="Alder House", lat=51.5002))
            port = address.rsplit(":", 1)[1]
            self.stage, self.url = stage, f"http://localhost:{port}"
            stage.settings.hub.origin = self.url
            await self._until_closed()


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    theatre = Theatre(tmp_path)
    yield theatre
    theatre.close()


def person(browser: Browser, theatre: Theatre, name: str, role: str, address: str) -> tuple[BrowserContext, Page]:
    """Somebody new, signed in with a passkey of their own, on a page."""
    _, code = theatre.stage.hub.users.create(name, role, name.title())
    context = browser.new_context(
        viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", reduced_motion="reduce", bypass_csp=True
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.goto(theatre.url + address)
    sign_in(page, name, code)
    page.get_by_role("button", name="Add a passkey").click()
    return context, page


def test_the_dpo_withdraws_a_purpose_with_a_reason(browser: Browser, theatre: Theatre) -> None:
    context, page = person(browser, theatre, "dora", "dpo", "/purposes")
    page.get_by_test_id("purpose-claim").click()
    detail = page.get_by_test_id("purpose-detail")
    expect(detail).to_contain_text("legal proceedings")
    detail.get_by_test_id("withdraw").click()
    page.get_by_test_id("why").get_by_label("Why").fill("The council does not do this")
    page.get_by_role("button", name="Withdraw with a passkey").click()
    expect(detail).to_contain_text("Withdrawn")
    expect(page.get_by_test_id("purpose-history")).to_contain_text("The council does not do this")
    assert "claim" not in theatre.stage.hub.purposes.book.purposes()
    page.get_by_role("button", name="Close", exact=True).click()

    page.get_by_test_id("purpose-duty").click()
    detail.get_by_role("button", name="Change", exact=True).click()
    form = page.get_by_test_id("purpose-form")
    form.get_by_label("Lasts at most (minutes)").fill("480")
    form.get_by_label("Why").fill("Shifts are eight hours")
    form.get_by_role("button", name="Change with a passkey").click()
    expect(page.get_by_test_id("purpose-history")).to_contain_text("12 hours 8 hours")
    assert theatre.stage.hub.purposes.book.purposes()["duty"].longest_us == 8 * HOUR_US
    page.get_by_role("button", name="Close", exact=True).click()

    page.get_by_label("Pick Yard").check()
    page.get_by_test_id("set-cameras").click()
    boxes = page.get_by_test_id("set-cameras-form")
    boxes.get_by_label("Duty shift").uncheck()
    boxes.get_by_label("Why").fill("It looks into a playground")
    boxes.get_by_role("button", name="Set with a passkey").click()
    expect(page.get_by_test_id("accepts-yard")).to_contain_text("It looks into a playground")
    assert "duty" not in theatre.stage.hub.purposes.book.camera_purposes()["yard"]
    look(page, "purposes", afresh=True)
    page.get_by_test_id("purpose-duty").click()
    detail.wait_for()
    look(page, "purpose", afresh=True)
    context.close()


def test_an_investigator_opens_a_case(browser: Browser, theatre: Theatre) -> None:
    theatre.stage.hub.users.create("sam", "investigator", "Sam Investigator")
    context, page = person(browser, theatre, "ivy", "investigator", "/cases")
    expect(page.get_by_text("No case is open that you are in")).to_be_visible()
    page.get_by_test_id("new-case").click()
    form = page.get_by_test_id("case-form")
    form.get_by_label("What happened").fill("Mrs Smith's door")
    form.get_by_role("button", name="Open the case").click()
    expect(form.get_by_test_id("case-error")).to_contain_text("name a person")
    form.get_by_label("What happened").fill("Broken door")
    form.get_by_label("Where").fill("Alder House, north stair")
    form.get_by_label("From").fill("2026-05-28 21:10")
    form.get_by_label("Cameras").first.click()
    page.get_by_role("option", name="Gate").click()
    page.get_by_role("option", name="Yard").click()
    form.get_by_label("What happened").click()
    form.get_by_role("button", name="Open the case").click()
    page.get_by_role("heading", name="Broken door").wait_for()
    expect(page.get_by_test_id("case-footage").locator("tbody tr")).to_have_count(2)
    facts = theatre.stage.hub.cases.book.facts("CCTV-2026-0001")
    assert facts is not None and facts.near == {"gate", "yard"} and len(facts.windows) == 2

    page.get_by_test_id("add-person").click()
    adding = page.get_by_test_id("person-form")
    adding.get_by_label("Colleague", exact=True).first.click()
    page.get_by_role("option", name="Sam Investigator").click()
    adding.get_by_label("Why").fill("Knows the house")
    adding.get_by_role("button", name="Add").click()
    expect(page.get_by_test_id("case-people")).to_contain_text("Sam Investigator")
    expect(page.get_by_test_id("case-history")).to_contain_text("Knows the house")
    look(page, "case", afresh=True)
    page.get_by_role("link", name="All cases").click()
    page.get_by_test_id("case-CCTV-2026-0001").wait_for()
    look(page, "cases", afresh=True)

    page.get_by_role("link", name="CCTV-2026-0001").click()
    page.get_by_test_id("close-case").click()
    page.get_by_test_id("why").get_by_label("Why").fill("Passed to the police")
    page.get_by_test_id("why").get_by_role("button", name="Close the case").click()
    expect(page.get_by_text("Nothing opens under a closed case")).to_be_visible()
    facts = theatre.stage.hub.cases.book.facts("CCTV-2026-0001")
    assert facts is not None and not facts.open
    context.close()
