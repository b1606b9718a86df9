"""The story of four eyes in real browsers, before a real hub and a real site whose cameras show people.

Asked, narrowed, approved, watched masked; unmasked; ended while it plays; read by the data protection officer; checked by the
auditor in both verifiers; and a row changed in the database, which both verifiers, the hub and the site notice.
"""

import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.foundation.errors import Refused
from story_stage import MAIN, SUB, Story, live, loud, person, story, typed

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
PRESSES = 12  # of the operator, from the incident to pictures; letters of words not counted
WHY_LESS = "The yard does not see that door"
WHY_UNMASKED = "His face has to be seen to tell the patrol"
WHY_ENDED = "The patrol has him"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Story]:
    made = story(tmp_path / "house")
    yield made
    made.close()


def test_the_story(browser: Browser, stage: Story, tmp_path: Path) -> None:
    with ExitStack() as people:
        sam = people.enter_context(person(browser, stage, "sam", "supervisor", "Community safety", "/approvals"))
        oli = people.enter_context(person(browser, stage, "oli", "operator", "Control room", "/now"))
        health_only(oli, stage)
        ask_from_an_incident(oli, stage)
        approve_less(sam, tmp_path)
        watch_masked(oli, stage, tmp_path)
        unmask(oli, sam, stage)
        end_while_it_plays(oli, sam, stage)
        dpo = people.enter_context(person(browser, stage, "dana", "dpo", "Data protection", "/audit"))
        read_it_all(dpo, tmp_path)
        kept = tmp_path / "kept"
        adi = people.enter_context(person(browser, stage, "adi", "auditor", "Internal audit", "/audit"))
        take_the_log(adi, stage, kept)
        assert both_verifiers(browser, stage, kept) == (True, True)
        row = change_a_row(stage)
        the_running_hub_notices(dpo, stage, row)
        the_site_notices(stage)
        changed = tmp_path / "changed"
        take_the_log(adi, stage, changed)
        assert both_verifiers(browser, stage, changed) == (False, False)
    stage.close()
    no_hub_starts_on_it(stage)


def health_only(oli: Page, stage: Story) -> None:
    """Without an access: how the cameras are, and no picture by any door."""
    expect(oli.get_by_text("Pictures need a purpose")).to_be_visible()
    oli.goto(f"{stage.url}/health")
    expect(oli.get_by_text("Gate").first).to_be_visible()
    expect(oli.locator("video")).to_have_count(0)
    said = oli.evaluate(
        """() => new Promise((resolve) => {
            const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/live?grant=grant_made_up`);
            socket.onclose = ({ code }) => resolve([code, window.cameIn.length]);
        })"""
    )
    assert said == [4403, 0]


def ask_from_an_incident(oli: Page, stage: Story) -> None:
    """A case, its cameras and times, and the wish; typed words and a dozen presses, with those that open it (`watch_masked`)."""
    now_us = stage.clock.now_us()
    oli.goto(f"{stage.url}/cases")
    oli.get_by_role("button", name="Open a case").first.click()
    case = oli.get_by_test_id("case-form")
    case.get_by_label("What happened").fill("Broken door, Alder House")
    case.get_by_label("From").fill(typed(oli, now_us - 40 * MINUTE_US))
    case.get_by_label("To", exact=True).fill(typed(oli, now_us - 20 * MINUTE_US))
    case.get_by_label("Cameras", exact=True).first.click()
    for name in ("Court", "Gate", "Yard"):
        oli.get_by_role("option", name=name).click()
    case.get_by_role("button", name="Open the case").click()
    oli.get_by_test_id("case-ask").click()
    form = oli.get_by_test_id("ask-form")
    form.get_by_label("Live pictures").check()
    form.get_by_label("From").fill(typed(oli, now_us - 54 * MINUTE_US))
    form.get_by_label("To", exact=True).fill(typed(oli, now_us - 6 * MINUTE_US))
    form.get_by_label("Why").fill("Who broke the north door, and is he still there")
    expect(form.get_by_test_id("ask-need")).to_contain_text("Sam can decide now")
    form.get_by_test_id("ask-submit").click()
    expect(oli.get_by_test_id("ask-sent")).to_contain_text("Sam can decide now")


def approve_less(sam: Page, folder: Path) -> None:
    """One camera fewer, half as long, with a passkey."""
    card = sam.get_by_test_id("request")
    expect(card).to_contain_text("is he still there")
    card.get_by_test_id("narrow-by-hand").click()
    narrow = card.get_by_test_id("narrow-form")
    narrow.get_by_label("Yard").uncheck()
    narrow.get_by_label("Open for").click()
    sam.get_by_role("option", name="30 minutes").click()
    expect(card.get_by_test_id("narrowed")).to_contain_text("Court, Gate")
    sam.screenshot(path=folder / "desk.png")
    card.get_by_label("Why less").fill(WHY_LESS)
    card.get_by_test_id("approve").click()
    expect(sam.get_by_text("Nothing waits")).to_be_visible()


def watch_masked(oli: Page, stage: Story, folder: Path) -> None:
    """Decoded pictures of the masked rendition, and of nothing else."""
    sent = oli.get_by_test_id("ask-sent")
    expect(sent).to_contain_text(WHY_LESS)
    sent.get_by_role("button", name="Open it").click()
    oli.get_by_test_id("nav-now").click()
    live(oli, "court", "gate", width=SUB[0])
    assert oli.evaluate("window.presses") <= PRESSES
    chip = oli.get_by_test_id("grant-chip")
    expect(chip).to_contain_text("Masked")
    expect(oli.get_by_test_id("tile-yard")).to_have_count(0)
    assert loud(oli, "court") == loud(oli, "gate") == 0
    oli.screenshot(path=folder / "masked.png")
    # The full picture of this access is the same rendition: no byte of the main stream leaves.
    oli.get_by_test_id("enlarge-gate").click()
    expect(oli.get_by_test_id("enlarged-gate")).to_have_attribute("data-phase", "live")
    live(oli, "gate", width=SUB[0])
    assert loud(oli, "gate") == 0
    assert stage.ledger.widths() == {SUB[0]}, "no other picture left the hub so far"


def unmask(oli: Page, sam: Page, stage: Story) -> None:
    """Asked with a reason, approved with a passkey: the main stream."""
    oli.get_by_test_id("grant-menu").click()
    oli.get_by_test_id("grant-unmask").click()
    form = oli.get_by_test_id("ask-form")
    expect(form.get_by_label("See people unmasked")).to_be_checked()
    expect(form.get_by_test_id("ask-need")).to_contain_text("Sam can decide now")
    form.get_by_test_id("ask-submit").click()
    expect(form.get_by_text("Say what you are looking for")).to_be_visible()
    form.get_by_label("Why").fill(WHY_UNMASKED)
    form.get_by_test_id("ask-submit").click()
    card = sam.get_by_test_id("request")
    expect(card).to_contain_text(WHY_UNMASKED)
    card.get_by_test_id("approve").click()
    oli.get_by_test_id("ask-sent").get_by_role("button", name="Open it").click()
    expect(oli.get_by_test_id("grant-chip")).to_contain_text("Not masked")
    oli.goto(f"{stage.url}/now?enlarge=gate")
    live(oli, "gate", width=MAIN[0])
    assert loud(oli, "gate") > 100


def end_while_it_plays(oli: Page, sam: Page, stage: Story) -> None:
    """No byte leaves after two seconds; what the player holds is gone, and it says why. First the one access, then the other."""
    sam.get_by_test_id("approvals-live").click()
    for masked, left in (("not masked", 1), ("masked", 0)):
        oli.wait_for_function("before => window.cameIn.length > before", arg=oli.evaluate("window.cameIn.length"))
        row = sam.get_by_role("row").filter(has_text=f", {masked}")
        row.get_by_role("button", name="End the access of Oli").click()
        sam.get_by_test_id("why").get_by_label("Why").fill(WHY_ENDED)
        sam.get_by_role("button", name="End it now").click()
        expect(oli.get_by_text(f"Sam ended it. “{WHY_ENDED}”")).to_have_count(2 - left)
        ended = stage.entries("grant.revoked")[-1]
        sockets = stage.ledger.under(ended.facts["grant"])
        assert sum(len(each.left_us) for each in sockets) > 0, "pictures ran until then"
        assert [us for each in sockets for us in each.left_us if us > ended.time_us + 2 * SECOND_US] == []
        if left:  # the other access still stands: its pictures, and nothing kept of the main stream
            live(oli, "gate", width=SUB[0])
            assert loud(oli, "gate") == 0
    expect(oli.get_by_text("Pictures need a purpose")).to_be_visible()
    expect(oli.locator("video")).to_have_count(0)


def read_it_all(dpo: Page, folder: Path) -> None:
    """Every act of the story stands there in plain words, and each with its proof."""
    table = dpo.get_by_test_id("log")
    for words in (
        r"Case CCTV-\d+-\d+ opened",
        r"Asked for access \(investigation\) to cameras court, gate, yard, .*: Who broke the north door",
        f"Approved less than what was asked: cameras court, gate, .*: {WHY_LESS}",
        "Confirmed an act with a passkey",
        r"Access given \(investigation\) to cameras court, gate,",
        "Watched camera gate live",
        f"Asked for access .*: {WHY_UNMASKED}",
        f"Ended somebody's access: {WHY_ENDED}",
    ):
        expect(table.get_by_text(re.compile(words)).first).to_be_visible()
    dpo.screenshot(path=folder / "audit.png")
    dpo.get_by_role("button", name=f"Ended somebody's access: {WHY_ENDED}").first.click()
    dpo.get_by_test_id("verify").click()
    expect(dpo.get_by_test_id("verdict")).to_contain_text("word for word")


def take_the_log(auditor: Page, stage: Story, folder: Path) -> None:
    """Download it from the page, and unpack it."""
    with auditor.expect_download() as downloading:
        auditor.get_by_test_id("whole-log").click()
    downloading.value.save_as(f"{folder}.zip")
    with zipfile.ZipFile(f"{folder}.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    assert stage.entries("log.exported")[-1].facts["salts"] is True


def both_verifiers(browser: Browser, stage: Story, folder: Path) -> tuple[bool, bool]:
    """What the command says, and the page from the disk in a browser that has no network."""
    key = stage.hub.key.public_key().public_bytes_raw().hex()
    words = [
        "verify",
        "--folder",
        str(folder / "log"),
        "--entries",
        str(folder / "log" / "entries.jsonl"),
        "--key",
        key,
    ]
    told = CliRunner().invoke(app, words)
    assert "TRUE" in told.stdout
    context = browser.new_context(locale="en-GB", offline=True)
    page = context.new_page()
    page.goto((folder / "verify.html").as_uri())
    page.locator("#key").fill(key)
    page.locator("#folder").set_input_files(folder / "log")
    page.locator("#check").click()
    result = page.locator("#result")
    page.wait_for_function("() => document.getElementById('result').dataset.verdict !== ''")
    verdict = result.get_attribute("data-verdict") == "true"
    if not verdict:
        expect(result).to_contain_text("does not say")
    context.close()
    return told.exit_code == 0, verdict


def change_a_row(stage: Story) -> int:
    """A database administrator makes the supervisor's reason another one. Returns the entry's number."""
    index = stage.entries("grant.revoked")[-1].index
    with sqlite3.connect(stage.data / "hub" / "hub.db", timeout=60) as database:
        done = database.execute(
            "UPDATE audit_entry SET body = replace(body, ?, 'A fault of the wall') WHERE \"index\" = ?",
            (WHY_ENDED, index),
        )
        assert done.rowcount == 1
        # And gives the operator the picture back: longer, and for every camera.
        database.execute("UPDATE access_grant SET ended_us = NULL, expires_us = expires_us + 86400000000")
    database.close()
    return index


def the_running_hub_notices(dpo: Page, stage: Story, row: int) -> None:
    """Within a minute by itself; told to everybody who reads the log."""
    stage.do(stage.hub.log_watch.turn)
    dpo.goto(f"{stage.url}/audit")
    alarm = dpo.get_by_test_id("log-alarm")
    expect(alarm).to_contain_text(f"Entry {row} of the audit log was altered")
    expect(alarm).to_contain_text("has another end or purpose than was logged")


def the_site_notices(stage: Story) -> None:
    """It has the end of the access in the hub's own words, and the signed words of the access itself."""
    with sqlite3.connect(stage.data / "hub" / "hub.db", timeout=60) as database:
        wire = database.execute("SELECT wire FROM access_grant ORDER BY issued_us DESC").fetchone()[0]
    database.close()
    for words, said in ((wire, "ended"), (wire.replace(b'"gate"', b'"yard"'), "signed")):
        with pytest.raises(Refused, match=said):
            stage.do(partial(stage.hub.link.open_live, words, "gate", "main"))


def no_hub_starts_on_it(stage: Story) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "belvedere.hub.serve", "--data", str(stage.data), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "altered" in done.stderr
