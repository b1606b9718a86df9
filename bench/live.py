"""Live pictures in a real browser: time to the first picture, delay, drops and server CPU, for 1, 4 and 12 tiles.

The delay is measured from the arrival of a picture's last byte at the site to the moment that the browser composes it
(requestVideoFrameCallback), both on this machine's clock. The product's own demo is started for it, in a data folder that stays
(bench/out/estate), and measured when its films are made: that takes minutes the first time.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from films import OUT
from meter import total
from playwright.sync_api import Page, sync_playwright
from table import Claim

ROOT = Path(__file__).parent.parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
SETTLE_S = 8
PLAYING = "n => window.belvedereLive && window.belvedereLive.report().filter(t => t.frames > 0).length >= n"
LAYOUTS = {1: "1", 4: "4", 12: "16"}  # tiles to the name of the layout that shows so many of the twelve cameras


def start_demo(data: str) -> "tuple[subprocess.Popen[str], str, str, str]":
    """The demo as (process, address, user, code)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "belvedere.cli.main", "demo", "--data", data, "--port", "0", "--no-browser"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "BELVEDERE_HUB__ACCESS": "open_desk"},  # pictures as recorded: the relay's figures, not the masks'
    )  # fmt: skip
    assert process.stdout is not None
    url = user = code = ""
    for line in process.stdout:
        if line.startswith("Belvedere is ready:"):
            url = line.split(": ", 1)[1].strip()
        elif line.startswith("Log in as "):
            words = line.split()
            user, code = words[3], words[-1]
        elif line.startswith("All ") and url:
            return process, url, user, code
    raise SystemExit("the demo ended before it was ready")


def server_pids(process: "subprocess.Popen[str]") -> list[int]:
    """Hub, site and ingest processes of the demo; not the cameras, which are the load."""
    wanted = ("belvedere.hub.serve", "belvedere.site.serve", "belvedere.site.ingest.serve")
    return [p.pid for p in psutil.Process(process.pid).children() if any(w in p.cmdline() for w in wanted)]


def report(page: Page) -> list[dict[str, Any]]:
    tiles = page.evaluate("window.belvedereLive.report()")
    assert isinstance(tiles, list)
    return tiles


def measure(page: Page, url: str, tiles: int, pids: list[int], seconds: float) -> tuple[list[dict[str, Any]], float]:
    """Reports of `tiles` tiles after a fresh opening of the wall, and server CPU as a share of one core."""
    page.goto(f"{url}/now")
    page.get_by_test_id("view-switch").get_by_text("Wall", exact=True).click()
    page.get_by_test_id("layout-switch").get_by_text(LAYOUTS[tiles], exact=True).click()
    page.reload()  # the layout is remembered; what is measured is the opening of the page
    page.wait_for_function(PLAYING, arg=tiles, timeout=60_000)
    time.sleep(SETTLE_S)
    before = total(pids)
    time.sleep(seconds)
    after = total(pids)
    return report(page), (after.cpu_s - before.cpu_s) / seconds


def bench(*, quick: bool) -> list[Claim]:
    if not Path(CHROMIUM).exists():
        print("Chromium is not installed, so live pictures can't be measured. Install it: apt-get install chromium")
        return []
    claims: list[Claim] = []
    process, url, user, code = start_demo(str(OUT / "estate"))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(url)
            page.get_by_test_id("login-form").locator("input").nth(0).fill(user)
            page.get_by_test_id("login-form").locator("input").nth(1).fill(code)
            page.keyboard.press("Enter")
            start, chip = page.get_by_test_id("start-shift"), page.get_by_test_id("grant-chip")
            later = page.get_by_test_id("passkey-later")
            start.or_(chip).or_(later).first.wait_for()
            if later.count():
                later.click()
            start.or_(chip).first.wait_for()
            if start.count():
                start.click()
            chip.wait_for()
            page.wait_for_function(PLAYING, arg=12, timeout=240_000)
            pids = server_pids(process)
            page.goto("about:blank")
            time.sleep(5)
            idle_before = total(pids)
            time.sleep(10)
            idle = (total(pids).cpu_s - idle_before.cpu_s) / 10
            for tiles in (1, 4, 12):
                seen, cpu = measure(page, url, tiles, pids, 10 if quick else 30)
                first = max(t["first_ms"] for t in seen)
                middle = sorted(t["latency_p50_ms"] for t in seen)[len(seen) // 2]
                worst = max(t["latency_p95_ms"] for t in seen)
                frames, dropped = sum(t["frames"] for t in seen), sum(t["dropped"] for t in seen)
                label = f"{tiles} tile{'s' if tiles > 1 else ''}"
                claims += [
                    Claim(f"{label}: first picture, slowest tile", "< 500", first, "ms", ok=first < 500),
                    Claim(f"{label}: arrival to display, median tile's median", "< 600", middle, "ms", ok=middle < 600),
                    Claim(f"{label}: arrival to display, worst tile's p95", "", worst, "ms"),
                    Claim(f"{label}: pictures dropped by the browser", "< 1 %", 100 * dropped / max(1, frames), "%",
                          ok=dropped <= 0.01 * frames),
                    Claim(f"{label}: server CPU beyond recording", "", 100 * (cpu - idle), "% of a core"),
                ]  # fmt: skip
            browser.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return claims
