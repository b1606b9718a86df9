"""The page Partners in a real browser: a question is asked and answered by another hub, a partner is looked at, refused, ended."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from belvedere.hub.pages import UI_FOLDER
from federation_stage import Council, council
from hub_stage import served
from theatre_stage import HubThread
from web_stage import DESK, PHONE, sign_in

pytestmark = pytest.mark.browser


class _Theatre(HubThread):
    """Ashby with its pages, and Birch, which answers; on a thread of their own."""

    ashby: Council
    birch: Council

    async def _serve(self, data: Path) -> None:
        async with (
            council(data / "ashby", "Ashby", ui=UI_FOLDER) as self.ashby,
            council(data / "birch", "Birch") as birch,
        ):
            self.birch = birch
            self.ashby.hub.settings.hub.password_after_code = False
            await self.ashby.add(birch)
            await birch.add(self.ashby)
            await birch.lets(self.ashby)
            async with served(self.ashby.app) as address:
                self.url = f"http://{address}"
                await self._until_closed()


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[_Theatre]:
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    theatre = _Theatre(tmp_path)
    yield theatre
    theatre.close()


def _enter(page: Page, theatre: _Theatre, name: str, role: str) -> None:
    _, code = theatre.ashby.hub.users.create(name, role, name.title())
    page.context.clear_cookies()
    page.goto(theatre.url + "/partners")
    sign_in(page, name, code)
    page.get_by_role("heading", name="Partners", exact=True).wait_for()


def test_a_partner_is_asked_and_looked_after_in_the_pages(theatre: _Theatre, browser: Browser, tmp_path: Path) -> None:
    expect.set_options(timeout=60_000)
    size = {"width": DESK[0], "height": DESK[1]}
    context = browser.new_context(viewport=size, locale="en-GB", reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    _enter(page, theatre, "una", "supervisor")
    form, question = page.get_by_test_id("ask-partner"), theatre.ashby.question()
    form.get_by_role("button", name="Ask").click()
    expect(form.get_by_text("Write it as 51.5012, -0.1419.")).to_be_visible()
    form.get_by_role("textbox", name="Place").fill("51.5, -0.1")
    for label, at_us in (("From", question.from_us), ("To", question.to_us)):
        form.get_by_label(label, exact=True).fill(_london(at_us))
    form.get_by_label("Your reference").fill("CR/2026/0113")
    form.get_by_role("button", name="Ask").click()
    card = page.get_by_test_id("question")
    expect(card).to_contain_text("Yes, it is held")
    expect(card).to_contain_text("Held until")
    card.get_by_role("button", name="Request it formally").click()
    page.get_by_label("What is wanted").fill("Footage of the gate, ten minutes.")
    page.get_by_label("Why it is needed").fill("It is the only view of that door.")
    page.get_by_label("Who answers for it").fill("Una, community safety")
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_test_id("formal-request")).to_contain_text("FR-")

    _enter(page, theatre, "dora", "dpo")
    page.get_by_role("tab", name="Partners").click()
    expect(page.get_by_test_id("partner")).to_contain_text("Birch Council")
    document = tmp_path / "birch.json"
    document.write_bytes(theatre.birch.desk.document())
    page.get_by_test_id("new-partner").click()
    adding = page.get_by_role("dialog")
    adding.locator("input[type=file]").set_input_files(document)
    adding.get_by_role("textbox", name="Fingerprint, as they read it").fill("0" * 32)
    adding.get_by_label("Why").fill("sharing agreement")
    adding.get_by_role("button", name="Propose this partner").click()
    expect(adding).to_contain_text("The fingerprint is not that of this document")
    adding.get_by_role("button", name="Close").click()
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="End the partnership").click()
    ending = page.get_by_role("dialog")
    ending.get_by_label("Why").fill("the agreement ended")
    ending.get_by_role("button", name="End it now").click()
    expect(page.get_by_test_id("partner")).to_contain_text("Ended")
    assert theatre.ashby.desk.partners.get(theatre.birch.id).revoked_us is not None
    assert wrong == []
    context.close()


def _london(at_us: int) -> str:
    """As a person types it."""
    return datetime.fromtimestamp(at_us // 1_000_000, ZoneInfo("Europe/London")).strftime("%Y-%m-%d %H:%M:%S")
