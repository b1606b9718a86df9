"""Passkeys as a person meets them: a real hub, Chromium, and Chromium's own virtual authenticator."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from acceptance_stage import ROOT, sign_in
from belvedere.cli.users import add_user
from belvedere.foundation.settings import load_settings
from web_fake_hub import UI
from web_look import look

pytestmark = pytest.mark.browser
GOOD = "correct horse battery"
DESK, PHONE = (1440, 900), (390, 844)
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Hub:
    """A hub in its own process; `named` has a name, so that passkeys work there."""

    url: str
    code: str

    @property
    def named(self) -> str:
        return self.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    if not (UI / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    code = add_user(load_settings(tmp_path), "ann", "operator", "Ann Operator")
    process = subprocess.Popen(
        [sys.executable, "-m", "belvedere.hub.serve", "--data", str(tmp_path), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Hub(json.loads(process.stdout.readline())["url"], code)
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def person(browser: Browser, theme: str = "dark", **options: Any) -> tuple[BrowserContext, Page, CDPSession, str]:
    """A browser of somebody with a security key in it."""
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", **options)
    context.add_init_script(f"localStorage.setItem('belvedere.theme', '{theme}')")
    page = context.new_page()
    page.set_default_timeout(20_000)
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    key = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]
    return context, page, cdp, key


def enrolled(page: Page, hub: Hub) -> None:
    """From the one-time code to a passkey."""
    sign_in(page, hub.named, "ann", hub.code)
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_test_id("start-shift").wait_for()


def test_from_the_code_to_a_passkey_and_back_in(browser: Browser, hub: Hub) -> None:
    context, page, cdp, key = person(browser)
    enrolled(page, hub)
    page.goto(f"{hub.named}/settings")
    expect(page.get_by_test_id("passkey")).to_have_count(1)
    expect(page.get_by_test_id("passkey")).to_contain_text("This computer")
    expect(page.get_by_test_id("session")).to_contain_text("this device")
    # The same key again, and the only way in
    page.get_by_role("button", name="Add another passkey").click()
    expect(page.get_by_test_id("passkey-error")).to_contain_text("holds a passkey of yours already")
    page.get_by_role("button", name="Remove This computer").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_test_id("remove-error")).to_contain_text("only way into your account")
    page.keyboard.press("Escape")
    # Out, and in again with the passkey alone
    context.clear_cookies(name="belvedere")
    page.goto(hub.named)
    page.get_by_test_id("passkey-sign-in").click()
    page.get_by_test_id("start-shift").wait_for()
    # A second browser with the same passkey, ended from the first
    credential = cdp.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"][0]
    elsewhere, other, other_cdp, other_key = person(browser)
    other_cdp.send("WebAuthn.addCredential", {"authenticatorId": other_key, "credential": credential})
    other.goto(hub.named)
    other.get_by_test_id("passkey-sign-in").click()
    other.get_by_test_id("start-shift").wait_for()
    page.goto(f"{hub.named}/settings")
    expect(page.get_by_test_id("session")).to_have_count(3)  # the one whose cookie was cleared is open as well
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_test_id("session")).to_have_count(1)
    other.goto(f"{hub.named}/settings")
    other.get_by_test_id("login-form").wait_for()
    # The first key's counter is behind by now, as a copied key's would be: refused
    context.clear_cookies(name="belvedere")
    page.goto(hub.named)
    page.get_by_test_id("passkey-sign-in").click()
    expect(page.get_by_test_id("login-error")).to_contain_text("count")
    elsewhere.close()
    context.close()


def test_an_address_in_numbers_leads_to_one_with_a_name(browser: Browser, hub: Hub) -> None:
    context, page, _, _ = person(browser)
    page.goto(hub.url)
    page.get_by_test_id("login-form").wait_for()
    expect(page.get_by_test_id("passkey-sign-in")).to_have_count(0)
    page.get_by_role("link", name="http://localhost").click()
    page.get_by_test_id("passkey-sign-in").wait_for()
    context.close()


def test_the_pages_are_legible_in_both_sizes_and_themes(browser: Browser, hub: Hub) -> None:
    context, page, _, _ = person(browser, "dark", bypass_csp=True)
    page.goto(hub.named)
    page.get_by_test_id("passkey-sign-in").wait_for()
    look(page, "login")
    sign_in(page, hub.named, "ann", hub.code)
    page.get_by_test_id("passkey-form").wait_for()
    look(page, "choose")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_test_id("start-shift").wait_for()
    page.goto(f"{hub.named}/settings")
    page.get_by_test_id("passkey").wait_for()
    page.get_by_test_id("session").wait_for()
    look(page, "settings")
    context.close()
