"""Two people for one change of roles, in two real browsers before a real hub that works by four eyes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import update

from belvedere.hub.pages import UI_FOLDER
from belvedere.hub.storage.engine import writing
from belvedere.hub.storage.metadata import account
from hub_stage import HubStage, hub_stage, served, status_of
from theatre_stage import HubThread
from web_axe import AXE, violations
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


class Office(HubThread):
    """A hub by four eyes, on a thread of its own; its clock shows the present and stands still."""

    stage: HubStage

    async def _serve(self, data: Path) -> None:
        async with hub_stage(data, ui=UI_FOLDER, password_after_code=True) as stage, served(stage.app) as address:
            stage.clock.step(time.time_ns() // 1000 - stage.clock.now_us())
            stage.site.status = status_of()
            self.stage, self.url = stage, f"http://localhost:{address.rsplit(':', 1)[1]}"
            stage.settings.hub.origin = self.url
            await self._until_closed()


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    monkeypatch.setenv("BELVEDERE_HUB__ACCESS", "four_eyes")
    office = Office(tmp_path)
    yield office
    office.close()


def person(browser: Browser, office: Office, name: str, role: str, team: str) -> tuple[BrowserContext, Page]:
    """Somebody new, signed in with a passkey of their own."""
    hub = office.stage.hub
    _, code = hub.users.create(name, role, name.title())
    with writing(hub.engine) as connection:
        connection.execute(update(account).where(account.c.name == name).values(team=team))
    context = browser.new_context(
        viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", reduced_motion="reduce", bypass_csp=True
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.goto(f"{office.url}/access")
    sign_in(page, name, code)
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_test_id("account").wait_for()
    return context, page


def test_one_proposes_another_confirms_and_then_it_is_so(browser: Browser, office: Office) -> None:
    expect.set_options(timeout=30_000)
    users = office.stage.hub.users
    dora_context, dora = person(browser, office, "dora", "dpo", "data protection")
    root_context, root = person(browser, office, "root", "administrator", "platform")
    root.goto(f"{office.url}/people?person=ann")
    form = root.get_by_test_id("person")
    form.get_by_label("Team", exact=True).fill("nights")
    save = form.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    form.get_by_label("Why").fill("Ann works at night from Monday on")
    save.click()
    told = root.get_by_test_id("waits-news")
    expect(told).to_contain_text("Nothing has changed yet")
    expect(told).to_contain_text("Dora can decide now")
    expect(root.get_by_test_id("waiting-here")).to_contain_text("Waits for a second person: Change Ann Operator")
    assert users.by_name("ann").team == ""
    root.goto(f"{office.url}/access")
    expect(root.get_by_test_id("my-proposals")).to_contain_text("Waits for a second person")

    dora.goto(f"{office.url}/approvals?tab=changes")
    card = dora.get_by_test_id("proposal")
    expect(card).to_contain_text("Ann works at night from Monday on")
    expect(card.get_by_test_id("proposal-lines")).to_contain_text("nights")
    if AXE.is_file():
        assert violations(dora) == []
    card.get_by_test_id("confirm").click()
    expect(dora.get_by_test_id("confirmed")).to_contain_text("It has taken effect")
    expect(dora.get_by_test_id("proposals-decided")).to_contain_text("Confirmed")
    assert users.by_name("ann").team == "nights"
    kinds = office.stage.kinds()
    assert kinds.index("proposal.made") < kinds.index("proposal.confirmed") < kinds.index("account.changed")
    root_context.close()
    dora_context.close()
