"""What happens to an access and around it, in real browsers before a real hub and site: refused, renewed, broken glass, on call,
asked why one watches for so long, over because its time is."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from belvedere.foundation.clock import HOUR_US, MINUTE_US
from hub_stage import CSRF
from story_stage import CAMERAS, SUB, ShiftedClock, Story, live, loud, person, said, story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
RATE = 15  # the guard's clock, so that a minute passes in four seconds


@dataclass(slots=True)
class Shift:
    """Who is at work, each in a browser of their own."""

    stage: Story
    oli: Page
    sam: Page
    dana: Page


@pytest.fixture(scope="module")
def shift(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    stage = story(tmp_path_factory.mktemp("moments") / "house", hub="dwell_minutes = 1\ndwell_grace_seconds = 60")
    try:
        with ExitStack() as people:

            def come(name: str, role: str, team: str, address: str) -> Page:
                return people.enter_context(person(browser, stage, name, role, team, address))

            yield Shift(
                stage,
                come("oli", "operator", "Control room", "/access"),
                come("sam", "supervisor", "Community safety", "/approvals"),
                come("dana", "dpo", "Data protection", "/dpo"),
            )
    finally:
        stage.close()


def case_of(page: Page, stage: Story) -> str:
    """A case about all cameras in the last hours, opened by whoever is signed in; its reference."""
    now_us = stage.clock.now_us()
    span = {"from_us": now_us - 3 * HOUR_US, "to_us": now_us}
    incident = {"place": "North door", "lat": 51.5001, "lon": -0.1, "from_us": now_us - HOUR_US}
    body = {
        "kind": "damage",
        "title": "Broken door",
        "incident": incident | {"to_us": now_us - HOUR_US + MINUTE_US},
        "footage": [{"camera": camera, **span} for camera in CAMERAS],
        "reason": "Call 17",
    }
    return str(said(page, stage, "POST", "/api/cases", body)["reference"])


def asked(page: Page, stage: Story, case: str, *, unmasked: bool, why: str) -> None:
    """The form as a link fills it in: twenty minutes of the gate around the incident; unmasked takes a second person."""
    from_us = stage.clock.now_us() - HOUR_US - 10 * MINUTE_US
    actions = "playback,unmask" if unmasked else "playback"
    span = f"from={from_us}&to={from_us + 20 * MINUTE_US}"
    page.goto(f"{stage.url}/access/ask?purpose=investigation&case={case}&cameras=gate&actions={actions}&{span}")
    form = page.get_by_test_id("ask-form")
    form.get_by_label("Why").fill(why)
    expect(form.get_by_test_id("ask-need")).to_have_attribute("data-outcome", "approval" if unmasked else "allow")
    form.get_by_test_id("ask-submit").click()


def signed_out(page: Page, stage: Story) -> None:
    csrf = page.request.get(f"{stage.url}/api/session").json()["csrf"]
    assert page.request.delete(f"{stage.url}/api/session", headers={CSRF: csrf}).ok


def test_a_refusal_has_a_reason_and_says_what_to_do(shift: Shift) -> None:
    oli, sam, stage = shift.oli, shift.sam, shift.stage
    asked(oli, stage, case_of(oli, stage), unmasked=True, why="Somebody may have come by")
    card = sam.get_by_test_id("request")
    expect(card).to_contain_text("Somebody may have come by")
    card.get_by_test_id("refuse").click()
    expect(card.get_by_text("Say why, in ten letters or more")).to_be_visible()
    card.get_by_label("Your words").fill("Nobody is unmasked for a may")
    card.get_by_test_id("refuse").click()
    expect(sam.get_by_text("Nothing waits")).to_be_visible()
    sent = oli.get_by_test_id("ask-sent")
    expect(sent).to_contain_text("By Sam. “Nobody is unmasked for a may”")
    sent.get_by_role("button", name="Ask again").click()
    expect(oli.get_by_test_id("ask-form").get_by_label("Why")).to_be_visible()
    oli.goto(f"{stage.url}/now")
    expect(oli.get_by_text("Pictures need a purpose")).to_be_visible()


def test_more_time_needs_a_reason(shift: Shift) -> None:
    oli, stage = shift.oli, shift.stage
    asked(oli, stage, case_of(oli, stage), unmasked=False, why="Who broke the door")
    first = stage.once("grant.issued", lambda entry: entry.facts["words"] == "Who broke the door")
    oli.get_by_test_id("grant-menu").click()
    oli.get_by_test_id("grant-renew").click()
    why = oli.get_by_test_id("why")
    why.get_by_role("button", name="Ask for more time").click()
    expect(why.get_by_text("Say why.")).to_be_visible()
    why.get_by_label("Why").fill("The second camera is still to be seen")
    why.get_by_role("button", name="Ask for more time").click()
    expect(oli.get_by_role("dialog")).to_have_count(0)
    second = stage.once("grant.issued", lambda entry: entry.facts["renews"] == first.facts["grant"])
    assert second.facts["words"] == "The second camera is still to be seen"
    stage.once("grant.ended", lambda entry: entry.facts["grant"] == first.facts["grant"])
    oli.get_by_test_id("grant-stop").click()
    expect(oli.get_by_test_id("grant-chip")).to_have_count(0)


def test_a_broken_glass_opens_at_once_and_is_reviewed(shift: Shift) -> None:
    oli, sam, dana, stage = shift.oli, shift.sam, shift.dana, shift.stage
    oli.goto(f"{stage.url}/access")
    oli.get_by_test_id("break-glass").click()
    form = oli.get_by_test_id("glass-form")
    form.get_by_role("button", name="Open with my passkey").click()
    expect(form.get_by_text("Say what is happening")).to_be_visible()
    form.get_by_role("radio").first.check()
    form.get_by_label("What you know").fill("A man lies on the ground at the gate")
    form.get_by_label("Cameras", exact=True).first.click()
    oli.get_by_role("option", name="Gate").click()
    form.get_by_label("What you know").click()
    form.get_by_role("button", name="Open with my passkey").click()
    expect(oli.get_by_test_id("grant-chip")).to_contain_text("Threat to life")
    expect(oli.get_by_test_id("my-glasses")).to_contain_text("To be reviewed by")
    oli.get_by_test_id("nav-now").click()
    live(oli, "gate", width=SUB[0])
    assert loud(oli, "gate") == 0  # at once, and masked as everything is that nobody asked to unmask
    # The data protection officer is told at once, the supervisor of another team reviews
    dana.goto(f"{stage.url}/dpo")
    expect(dana.get_by_test_id("dpo-items")).to_contain_text("Somebody broke the glass")
    sam.get_by_test_id("approvals-glass").click()
    sam.get_by_role("button", name="It was justified").click()
    why = sam.get_by_test_id("why")
    why.get_by_label("Why").fill("The ambulance took him, call 112-7")
    why.get_by_role("button", name="Justified").click()
    expect(sam.get_by_test_id("glasses")).to_contain_text("The ambulance took him")
    oli.get_by_test_id("grant-stop").click()
    oli.goto(f"{stage.url}/access")
    expect(oli.get_by_test_id("my-glasses")).to_contain_text("Sam: justified. “The ambulance took him, call 112-7”")


def test_who_is_on_call_is_who_is_named(browser: Browser, shift: Shift) -> None:
    oli, stage = shift.oli, shift.stage
    with person(browser, stage, "max", "manager", "Management", "/approvals?tab=oncall") as manager:
        expect(manager.get_by_text("Nobody is on call")).to_be_visible()
        form = manager.get_by_test_id("on-call-form")
        form.get_by_label("Put on call").click()
        manager.get_by_role("option", name="Sam").click()
        form.get_by_role("button", name="Put on call").click()
        expect(manager.get_by_test_id("on-call")).to_contain_text("on call now")
        signed_out(manager, stage)
    signed_out(shift.sam, stage)  # gone home, the telephone beside the bed
    asked(oli, stage, case_of(oli, stage), unmasked=True, why="Who else came by that night")
    expect(oli.get_by_test_id("ask-sent")).to_contain_text("Sam is on call")
    request = said(oli, stage, "GET", "/api/requests?which=mine")["requests"][0]["id"]
    said(oli, stage, "POST", f"/api/requests/{request}/withdraw")
    expect(oli.get_by_test_id("ask-sent")).to_contain_text("Withdrawn", ignore_case=True)


def test_who_looks_long_at_one_place_says_why_or_sees_no_more(browser: Browser, shift: Shift) -> None:
    stage = shift.stage
    clock = stage.hub.dwell._clock = ShiftedClock()
    with person(browser, stage, "uma", "operator", "Control room", "/now?enlarge=gate") as uma:
        uma.get_by_test_id("start-shift").click()
        live(uma, "gate", width=SUB[0])
        clock.hurry(RATE)
        question = uma.get_by_test_id("dwell-gate")
        expect(question).to_contain_text("You have watched Gate for")
        clock.hurry(1)
        question.get_by_test_id("dwell-answer").click()
        words = uma.get_by_test_id("dwell-words")
        words.fill("Too short")
        expect(uma.get_by_test_id("dwell-send")).to_be_disabled()
        words.fill("A fight at the gate, the patrol is on its way")
        uma.get_by_test_id("dwell-send").click()
        expect(question).to_have_count(0)
        stage.once("dwell.answered", lambda entry: entry.facts["cameras"] == ["gate"])
    with person(browser, stage, "vic", "operator", "Control room", "/now?enlarge=gate") as vic:
        vic.get_by_test_id("start-shift").click()
        live(vic, "gate", width=SUB[0])
        clock.hurry(RATE)
        tile = vic.get_by_test_id("enlarged-gate")
        expect(tile).to_contain_text("gave no reason")
        expect(tile).to_contain_text("Write an immediate-response note")
        expect(tile.locator("video[src]")).to_have_count(0)
        clock.hurry(1)
        stage.once("dwell.stopped", lambda entry: entry.facts["camera"] == "gate")


def test_an_access_that_runs_out_takes_the_picture_along(browser: Browser, shift: Shift) -> None:
    """The last one: it sets the clocks of hub and page forward."""
    stage = shift.stage
    with person(browser, stage, "wim", "operator", "Control room", "/access") as wim:
        given = said(wim, stage, "POST", "/api/grants", {"purpose": "duty", "lasts_us": 10 * MINUTE_US})
        wim.goto(f"{stage.url}/now")
        live(wim, *CAMERAS, width=SUB[0])
        stage.clock.set_forward(11 * MINUTE_US)
        wim.clock.set_system_time(stage.clock.now_us() / 1000)
        expect(wim.get_by_text("Its time has run out. Ask again if you still need it.")).to_be_visible()
        expect(wim.get_by_text("Pictures need a purpose")).to_be_visible()
        expect(wim.locator("video")).to_have_count(0)
        assert stage.ledger.under(given["id"])  # and its socket is closed: not a byte leaves any more
        ended = stage.once("view.ended", lambda entry: entry.facts["grant"] == given["id"])
        assert ended.facts["why"] == "access_ended"
