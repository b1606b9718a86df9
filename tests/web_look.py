"""Looks at a page as it stands: both colour schemes, desk and phone; nothing sticks out, nothing stands in anybody's way."""

import os
from pathlib import Path

from playwright.sync_api import Page

from web_axe import AXE, violations
from web_stage import DESK, PHONE

# Names a folder for the pictures; without it none are taken, for a picture takes longer than all the checks.
SHOTS = os.environ.get("BELVEDERE_TEST_SHOTS", "")


def look(page: Page, name: str, *, afresh: bool = False) -> None:
    """Needs a page whose policy lets the test bring axe in (`bypass_csp`). Leaves it light and at desk size.

    afresh: loads the page again first, so that passing words in the corner are gone; its address must say all.
    """
    if afresh:
        page.reload()
        page.get_by_role("heading", level=1).first.wait_for()
        page.wait_for_load_state("networkidle")
    for theme in ("dark", "light"):
        page.evaluate("theme => document.documentElement.setAttribute('data-mantine-color-scheme', theme)", theme)
        for width, height in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            # what is told in the corner slides in from outside
            page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")
            if SHOTS:
                page.screenshot(path=Path(SHOTS) / f"{name}-{theme}-{width}.png", full_page=True)
        if AXE.is_file():
            assert violations(page, colours_only=theme == "light") == [], (name, theme)
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
