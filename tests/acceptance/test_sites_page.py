"""The page Sites in a real browser: a site is let in by two people over the real link, its line is limited, it goes away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from belvedere.cli.site_card import read_half
from belvedere.foundation.settings import SiteSettings
from belvedere.hub.pages import UI_FOLDER
from belvedere.hub.register.cameras import Camera
from belvedere.link.enrolment import read_token
from belvedere.site.storage.index import Index
from belvedere.site.uplink.configuration import ConfigurationBook
from fleet_stage import Box, Confirming
from sites_theatre import Theatre, enter
from web_stage import DESK, PHONE

pytestmark = pytest.mark.browser


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    theatre = Theatre(tmp_path)
    yield theatre
    theatre.close()


def answering(theatre: Theatre, box: Box) -> Index:
    """What the site's process has beside the box."""
    folder = theatre.stage.folder / box.site
    index = Index(folder / "index.db", theatre.stage.clock)
    settings = SiteSettings.model_validate({"id": box.site, "line_kbit": 4000})
    box.uplink._answers = ConfigurationBook(index, theatre.stage.clock, settings, folder / "hub.pub").answers
    return index


def test_a_site_is_let_in_by_two_people_and_its_line_is_limited(theatre: Theatre, browser: Browser) -> None:
    expect.set_options(timeout=60_000)
    context = browser.new_context(
        viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    stage = theatre.stage
    enter(page, theatre, "ann")
    page.get_by_test_id("new-site").click()
    page.get_by_label("Name").fill("Rowan Court")
    page.get_by_role("button", name="Make its token").click()
    line = page.get_by_test_id("token").inner_text()
    page.get_by_role("button", name="Done").click()

    box = stage.box("rowan-court", "rowan-court-gate")
    token = read_token(line.split()[-1])
    asked = theatre.do(lambda: asyncio.to_thread(box.papers.ask, stage.place, token, "estate office box"))
    page.reload()  # the page asks by itself every five seconds; a test need not wait for that
    expect(page.get_by_test_id("asking-rowan-court")).to_contain_text("another administrator has to confirm it")
    enter(page, theatre, "ben")
    page.get_by_role("button", name="Compare and let in").click()
    page.get_by_label("Fingerprint on the box").fill("0" * 32)
    page.get_by_role("button", name="Let it in").click()
    expect(page.get_by_text("That is not the fingerprint")).to_be_visible()
    page.get_by_label("Fingerprint on the box").fill(asked.fingerprint.upper())
    page.get_by_role("button", name="Let it in").click()
    expect(page.get_by_test_id("site-rowan-court")).to_contain_text("Away")
    papers = theatre.do(lambda: asyncio.to_thread(box.papers.collect, stage.place, asked))
    assert papers.state == "in"
    index = answering(theatre, box)

    async def call() -> None:
        box.dialler.start()
        while "rowan-court" not in stage.hub.fleet.configuration.told:
            await asyncio.sleep(0.02)

    theatre.do(call)
    expect(page.get_by_test_id("records-rowan-court")).to_contain_text("All here")
    page.reload()
    expect(page.get_by_test_id("line-rowan-court")).to_contain_text("4,000 kbit/s")
    expect(page.get_by_test_id("line-rowan-court")).to_contain_text("By the box's own settings")

    page.get_by_role("button", name="Limits of the line").click()
    form = page.get_by_test_id("line-form")
    form.get_by_label("As the box's own settings say").uncheck()
    form.get_by_label("Limit (kbit/s)", exact=True).fill("2000")
    form.get_by_label("Another limit in some hours").check()
    form.get_by_label("Limit then").fill("8000")
    expect(form.get_by_test_id("line-difference")).to_contain_text("22:00 to 06:00 UTC: 8,000 kbit/s")
    form.get_by_label("Why").fill("The line is shared with the school")
    form.get_by_role("button", name="Order it").click()
    expect(form.get_by_role("button", name="Order it")).to_have_count(0)

    async def goes_by_it() -> None:
        while stage.hub.fleet.configuration.told["rowan-court"].state.version != 1:
            await asyncio.sleep(0.02)

    theatre.do(goes_by_it)
    page.reload()
    fact = page.get_by_test_id("line-rowan-court")
    expect(fact).to_contain_text("2,000 kbit/s")
    expect(fact).to_contain_text("Configuration version 1")
    page.get_by_role("button", name="Limits of the line").click()
    expect(form.get_by_test_id("line-versions")).to_contain_text("The line is shared with the school")
    expect(form.get_by_test_id("line-versions")).to_contain_text("In force there since")
    page.keyboard.press("Escape")

    async def cut() -> None:
        await box.dialler.stop()
        while stage.hub.fleet.switchboard.line("rowan-court") is not None:
            await asyncio.sleep(0.02)

    theatre.do(cut)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.reload()
    expect(page.get_by_test_id("site-rowan-court")).to_contain_text("Away")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wrong == []
    context.close()
    index.close()


def test_a_card_is_made_by_two_people_each_sees_one_half_and_it_is_revoked(theatre: Theatre, browser: Browser) -> None:
    expect.set_options(timeout=60_000)
    context = browser.new_context(
        viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    hub = theatre.stage.hub
    hub.step_up.require = Confirming().require  # type: ignore[method-assign,assignment]
    hub.register.put_camera(Camera("gate", "main", "Gate"))
    halves = []
    for name, button in (("mia", "New card with a passkey"), ("sam", "Finish it with a passkey")):
        enter(page, theatre, name, "manager")
        page.get_by_test_id("site-main").get_by_role("button", name="Break-glass cards").click()
        page.get_by_role("button", name=button).click()
        halves.append(read_half(page.get_by_test_id("card-sheet").locator("code").inner_text()))
        page.emulate_media(media="print")
        expect(page.locator("body > div > code")).to_be_visible()
        expect(page.get_by_test_id("site-main")).to_be_hidden()
        page.emulate_media(media="screen")
        page.get_by_role("button", name="It is printed").click()
        expect(page.locator("code")).to_have_count(0)
        if name == "mia":
            expect(page.get_by_test_id("cards")).to_contain_text("nobody has both halves")
            expect(page.get_by_role("button", name="Finish it")).to_have_count(0)
    assert halves[0] != halves[1]
    expect(page.get_by_test_id("cards")).to_contain_text("In force")
    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke it with a passkey").click()
    expect(page.get_by_test_id("cards")).to_contain_text("Revoked")
    enter(page, theatre, "ann")
    page.get_by_role("button", name="Break-glass cards").click()
    expect(page.get_by_test_id("cards")).to_contain_text("Revoked")
    expect(page.get_by_role("button", name="New card")).to_have_count(0)
    context.close()
