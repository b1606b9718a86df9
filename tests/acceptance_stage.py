"""The product as a person gets it: a running demo estate, and how a page is driven."""

import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from playwright.sync_api import Page

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


@dataclass(slots=True)
class Estate:
    """A running demo. `lines` grows with what it prints."""

    data: Path
    process: "subprocess.Popen[str]"
    url: str = ""
    user: str = ""
    code: str = ""
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


def start_estate(data: Path) -> Estate:
    """Start the demo and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "belvedere.cli.main", "demo", "--data", str(data), "--port", "0", "--no-browser"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    estate = Estate(data, process)
    estate.reader = threading.Thread(target=estate.read, args=(process.stdout,), daemon=True)
    estate.reader.start()
    estate.url = estate.line("Belvedere is ready:", 90).split(": ", 1)[1]
    words = estate.line("Log in as", 30).split()
    estate.user, estate.code = words[3], words[-1]
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


def live_tiles(page: Page, count: int) -> None:
    """Wait until so many tiles show moving pictures."""
    page.wait_for_function(
        "n => window.belvedereLive && window.belvedereLive.report().filter(t => t.phase === 'live' && t.frames > 0).length >= n",
        arg=count,
        timeout=LIVE_WITHIN_MS,
    )
