"""The product as a person gets it: a running demo estate, and how a page is driven."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
LIVE_WITHIN_MS = 240_000
ESTATE_MADE_S = 420  # films of two cores that do nothing else: three minutes
READY_WITHIN_S = 240  # seconds, on a machine that has much else to do


@dataclass(slots=True)
class Estate:
    """A running demo. `lines` grows with what it prints."""

    data: Path
    process: "subprocess.Popen[str]"
    url: str = ""
    codes: dict[str, str] = field(default_factory=dict)  # one-time codes by name
    lines: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self, pipe: IO[str]) -> None:
        for line in pipe:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()
        with self.changed:
            self.lines.append("")  # the end
            self.changed.notify_all()
        pipe.close()

    def line(self, start: str, within_s: float) -> str:
        """The first line that begins with `start`; waits for it."""

        def found() -> str | None:
            return next((line for line in self.lines if line.startswith(start)), None)

        with self.changed:
            assert self.changed.wait_for(lambda: found() is not None or self.process.poll() is not None, within_s)
            line = found()
        assert line is not None, "\n".join(self.lines)
        return line

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command `belvedere`."""
        return subprocess.run(
            [sys.executable, "-m", "belvedere.cli.main", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )


def start_estate(data: Path, films: str = "short") -> Estate:
    """Start the demo and wait until it is ready. `films`: as `belvedere demo --films`."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "belvedere.cli.main",
            "demo",
            "--data",
            str(data),
            "--port",
            "0",
            "--no-browser",
            "--films",
            films,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "BELVEDERE_HUB__ACCESS"},  # as people get it
    )
    assert process.stdout is not None
    estate = Estate(data, process)
    estate.reader = threading.Thread(target=estate.read, args=(process.stdout,), daemon=True)
    estate.reader.start()
    estate.url = estate.line("Belvedere is ready:", READY_WITHIN_S).split(": ", 1)[1]
    words = estate.line("Log in as", 30).split()
    estate.codes[words[3]] = words[-1]
    others = estate.line("Others, ", 30).partition(": ")[2]
    estate.codes.update((name, code) for name, code in (each.split() for each in others.split(", ")))
    return estate


def stop_estate(estate: Estate) -> None:
    estate.process.send_signal(signal.SIGTERM)
    try:
        assert estate.process.wait(60) == 0
    except subprocess.TimeoutExpired:
        estate.process.kill()
        raise
    assert estate.reader is not None
    estate.reader.join(10)


def sign_in(page: Page, url: str, user: str, secret: str) -> None:
    """Log in through the page."""
    page.goto(url)
    form = page.get_by_test_id("login-form")
    form.locator("input").nth(0).fill(user)
    form.locator("input").nth(1).fill(secret)
    page.keyboard.press("Enter")


# What Chromium has in place of a finger: a passkey of this very machine that always agrees.
_KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def come(browser: Browser, estate: Estate, name: str) -> Page:
    """Somebody of the demo at a browser of their own, signed in, with a passkey that they add on the way."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(60_000)
    authenticator = context.new_cdp_session(page)
    authenticator.send("WebAuthn.enable")
    authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": _KEY})
    sign_in(page, estate.url, name, estate.codes[name])
    add = page.get_by_role("button", name="Add a passkey")
    account = page.get_by_test_id("account")
    add.or_(account).first.wait_for()
    if add.count():
        add.click()
    account.wait_for()
    return page


def live_tiles(page: Page, count: int) -> None:
    """Wait until so many tiles show moving pictures."""
    page.wait_for_function(
        "n => window.belvedereLive && window.belvedereLive.report().filter(t => t.phase === 'live' && t.frames > 0).length >= n",
        arg=count,
        timeout=LIVE_WITHIN_MS,
    )
