"""A real Chromium in front of the fake hub, for `test_web_*.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from web_fake_hub import PASSWORD, UI, FakeHub

ROOT = Path(__file__).parents[1]
DESK = (1440, 900)
PHONE = (390, 844)


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """A fake hub serving the built pages; skips, saying how to build them, where there are none."""
    if not (UI / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    hub = FakeHub()
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


@contextmanager
def visit(
    browser: Browser,
    hub: FakeHub,
    address: str,
    *,
    theme: str = "dark",
    size: tuple[int, int] = DESK,
    shift: bool = True,
    **options: Any,
) -> Iterator[Page]:
    """A page at `address`, signed in, on shift when asked; fails at the end if the page raised or broke its policy."""
    hub.world.grants.clear()
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="en-GB", reduced_motion="reduce", **options
    )
    context.add_init_script(f"localStorage.setItem('belvedere.theme', '{theme}')")
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.on(
        "request", lambda sent: None if sent.url.startswith((hub.url, "blob:", "data:")) else wrong.append(sent.url)
    )
    try:
        page.goto(hub.url + address)
        sign_in(page)
        if shift:
            page.get_by_test_id("start-shift").click()
            page.get_by_test_id("grant-chip").wait_for()
        yield page
        assert wrong == [], "the page raised, broke its policy, or asked an outside address"
    finally:
        context.close()


def sign_in(page: Page, name: str = "operator", secret: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password or one-time code", exact=True).fill(secret)
    page.keyboard.press("Enter")
