"""Updates on the page Sites: a roll-out drawn up in a browser, followed site by site, ended by a failure that is told in words."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from belvedere.hub.pages import UI_FOLDER
from belvedere.hub.rollouts.plan import At, State
from rollout_stage import held
from sites_theatre import Theatre, enter
from web_stage import DESK, PHONE

pytestmark = pytest.mark.browser
LOOKS = os.environ.get("BELVEDERE_TEST_LOOKS", "")  # a folder for pictures of the page


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    theatre = Theatre(tmp_path)
    yield theatre
    theatre.close()


def look(page: Page, name: str) -> None:
    if not LOOKS:
        return
    for scheme in ("light", "dark"):
        page.evaluate("theme => localStorage.setItem('belvedere.theme', theme)", scheme)
        page.reload()
        page.get_by_test_id("rollout").wait_for()
        for width, height in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            page.get_by_test_id("rollout").evaluate("element => element.scrollIntoView()")
            page.screenshot(path=f"{LOOKS}/{name}-{scheme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def test_a_roll_out_is_drawn_up_and_followed_to_its_end(theatre: Theatre, browser: Browser) -> None:
    expect.set_options(timeout=60_000)
    viewport = {"width": DESK[0], "height": DESK[1]}
    context = browser.new_context(viewport=viewport, locale="en-GB", reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    stage = theatre.stage
    desk = stage.hub.fleet.rollouts
    for site in ("elm-court", "oak-house"):
        theatre.do(lambda site=site: stage.let_in(stage.box(site)))  # type: ignore[misc]
    enter(page, theatre, "ann")
    expect(page.get_by_test_id("releases")).to_contain_text("trusts no release key")
    expect(page.get_by_test_id("start-rollout")).to_have_count(0)
    theatre.do(lambda: asyncio.to_thread(held, stage))
    page.reload()
    page.get_by_test_id("start-rollout").click()
    form = page.get_by_test_id("rollout-form")
    form.get_by_role("button", name="Propose it").click()
    expect(form.get_by_text("Choose one or more.")).to_be_visible()
    form.get_by_label("First sites").first.click()
    page.get_by_role("option", name="Elm-Court").click()
    page.keyboard.press("Escape")
    form.get_by_label("Why").fill("It closes holes in what reads cameras")
    expect(form.get_by_test_id("rollout-plan")).to_contain_text("1 site first, 1 more a day later")
    form.get_by_role("button", name="Propose it").click()
    shown = page.get_by_test_id("rollout")
    expect(shown).to_have_attribute("data-state", "running")
    expect(page.get_by_test_id("rollout-elm-court")).to_contain_text("Waits until it is back")
    expect(page.get_by_test_id("rollout-oak-house")).to_contain_text("Waits its turn")

    running = desk.book.running()
    assert running is not None
    elm = next(each for each in running.sites if each.site == "elm-court")

    async def going(**changes: object) -> None:
        async with desk._turn:  # not while the desk looks
            await asyncio.to_thread(desk.book.put_site, running.id, replace(elm, **changes))  # type: ignore[arg-type]

    theatre.do(
        lambda: going(state=At.ORDERED, phase="fetching", former="0.1.0", have_bytes=running.sites[0].have_bytes)
    )
    page.reload()
    expect(page.get_by_test_id("rollout-elm-court")).to_contain_text("Fetching it, 0 %")
    look(page, "running")
    why = "It was not healthy within 600 s. Not recorded: elm-court-gate (main)."
    theatre.do(lambda: going(state=At.FAILED, phase="rolled_back", former="0.1.0", why=why))
    theatre.do(desk.look)
    assert desk.book.get(running.id).state is State.FAILED
    page.reload()
    expect(shown).to_have_attribute("data-state", "failed")
    expect(page.get_by_test_id("rollout-elm-court")).to_contain_text("Went back")
    expect(page.get_by_role("alert").filter(has_text="elm-court: It was not healthy")).to_be_visible()
    look(page, "failed")
    page.get_by_test_id("start-rollout").wait_for()
    assert wrong == []
    context.close()
