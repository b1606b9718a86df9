"""The log's own page in Chromium, from the disk: the second verifier, which shares no code with the first, agrees on every case."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from belvedere.hub.audit.page import VERIFY_PAGE, page_policy
from belvedere.tlog.checkpoint import log_key
from belvedere.tlog.cosign import note_key_text
from belvedere.tlog.note import NoteKey
from forged_logs import LOG, ORIGIN, PUBLIC, SMALL, STRANGER, Files, big_case, forged_cases, true_cases
from web_axe import violations

pytestmark = pytest.mark.browser
TRUE, FORGED = dict(true_cases()), dict(forged_cases())
SERVED = "http://127.0.0.1:8/log/verify.html"  # answered by the test, not by a network


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """The page, opened from the disk. Fails at the end when it raised, or asked for anything from outside."""
    context = browser.new_context(locale="en-GB", offline=True)
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith("file://") else None)
    opened.goto(VERIFY_PAGE.as_uri())
    yield opened
    context.close()
    assert not wrong


def give(page: Page, folder: Path, files: Files, key: str = PUBLIC.hex()) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    page.locator("#clear").click()
    page.locator("#key").fill(key)
    page.locator("#folder").set_input_files(folder)


def hand_over(page: Page, files: Files) -> None:
    """The same without the way over the disk, for the many."""
    page.locator("#clear").click()
    page.locator("#key").fill(PUBLIC.hex())
    page.evaluate(
        """files => {
            for (const [name, data] of Object.entries(files))
                given.add("log/" + name, new File([Uint8Array.from(atob(data), one => one.charCodeAt(0))], "x"));
            showGiven();
        }""",
        {name: base64.b64encode(data).decode() for name, data in files.items()},
    )


def answer(page: Page) -> tuple[bool, str]:
    """The verdict, and everything that was said."""
    page.locator("#check").click()
    page.wait_for_function("() => document.getElementById('result').dataset.verdict !== ''")
    verdict = page.locator("#result").get_attribute("data-verdict")
    return verdict == "true", page.locator("#result").inner_text()


def test_what_is_true_is_found_true(page: Page, tmp_path: Path) -> None:
    for number, (name, files) in enumerate(TRUE.items()):
        give(page, tmp_path / str(number), files)
        true, said = answer(page)
        assert true, (name, said)
        assert "True" in said


def test_every_forgery_is_refused(page: Page) -> None:
    for name, files in FORGED.items():
        hand_over(page, files)
        true, said = answer(page)
        assert not true, (name, said)
        assert "could not be checked" not in said, (name, said)  # found, not fallen over
        assert len(said) > 20, name


def test_three_levels_of_tiles(page: Page, tmp_path: Path) -> None:
    files = big_case()
    give(page, tmp_path / "true", files)
    true, said = answer(page)
    assert true and "65800" in said, said
    give(page, tmp_path / "forged", {**files, "tile/2/000.p/1": bytes(32)})
    assert answer(page)[0] is False


def test_what_is_said(page: Page, tmp_path: Path) -> None:
    for number, (name, words) in enumerate(
        (
            ("missing tile", "Tile 0/001 is missing."),
            ("bundle: an entry changed", "Entry 258 is not the one"),
            ("cut: gone back behind the kept checkpoint", "The log went back"),
            ("fork: another history, longer", "its first 300 entries"),
            ("records: one changed", "Entry 3 does not say"),
            ("cosignature: another time", "witness.example/dpo does not hold"),
        )
    ):
        give(page, tmp_path / f"forged{number}", FORGED[name])
        assert words in answer(page)[1], name
    for number, (name, words) in enumerate(
        (
            ("cosigned", "Witness witness.example/dpo saw 600 entries at 2026-09-21T"),
            ("witnessed", "1 of 1 known witnesses signed"),
            ("a stranger signed too", "NOT checked"),
            ("entry 255", "Entry 255 is in the log, word for word."),
            ("kept checkpoint of 300", "begins with the 300 entries"),
        )
    ):
        give(page, tmp_path / f"true{number}", TRUE[name])
        true, said = answer(page)
        assert true and words in said, (name, said)


def test_keys(page: Page, tmp_path: Path) -> None:
    line = note_key_text(log_key(PUBLIC))
    stranger = STRANGER.public_key().public_bytes_raw()
    for number, (key, expected) in enumerate(
        (
            (line, True),
            (PUBLIC.hex().upper(), True),
            ("", False),
            ("12", False),
            (stranger.hex(), False),
            (line.replace("+", "+0", 1), False),
            (note_key_text(NoteKey(ORIGIN, stranger)), False),
            (line[:-2] + "xx", False),
        )
    ):
        give(page, tmp_path / str(number), SMALL.files(), key)
        assert answer(page)[0] is expected, key
    give(page, tmp_path / "beside", {**SMALL.files(), "key": line.encode()}, "")
    true, said = answer(page)
    assert true and "Compare it" in said
    pack = {**LOG.proof(3), "manifest.json": json.dumps({"hub": {"public_key": PUBLIC.hex()}}).encode()}
    give(page, tmp_path / "pack", pack, "")
    true, said = answer(page)
    assert true and "from the pack itself" in said


def test_dropped_and_by_keyboard(page: Page) -> None:
    page.locator("#clear").click()
    page.locator("#key").fill(PUBLIC.hex())
    files = {name: list(data) for name, data in LOG.proof(300).items()}
    page.evaluate(
        """files => {
            const data = new DataTransfer();
            for (const [name, bytes] of Object.entries(files)) data.items.add(new File([new Uint8Array(bytes)], name));
            document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));
        }""",
        files,
    )
    button = page.locator("#check")
    expect(button).to_be_enabled()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_text("True")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_stand_in_nobodys_way(browser: Browser, tmp_path: Path, theme: str) -> None:
    # The page forbids scripts from elsewhere; axe is brought in by the test.
    context = browser.new_context(color_scheme="dark" if theme == "dark" else "light", bypass_csp=True)
    opened = context.new_page()
    opened.goto(VERIFY_PAGE.as_uri())
    assert violations(opened) == []
    for number, files in enumerate((TRUE["entry 0"], FORGED["missing tile"])):
        give(opened, tmp_path / str(number), files)
        answer(opened)
        assert violations(opened) == []
    context.close()


def test_served_by_the_hub_it_runs_under_its_own_policy(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context()
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text))

    def serve(route: Route) -> None:
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": page_policy()}
        route.fulfill(body=VERIFY_PAGE.read_bytes(), headers=headers)

    opened.route(SERVED, serve)
    opened.goto(SERVED)
    give(opened, tmp_path, TRUE["entry 0"])
    assert answer(opened)[0]
    assert wrong == []
    context.close()
