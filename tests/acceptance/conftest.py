"""Fixtures of the acceptance tests: a demo estate for the tests that need one, one Chromium for all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from acceptance_stage import ARGUMENTS, CHROMIUM, Estate, sign_in, start_estate, stop_estate


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The demo estate. BELVEDERE_TEST_ESTATE names a folder to keep between runs, which saves making its films again."""
    kept = os.environ.get("BELVEDERE_TEST_ESTATE")
    running = start_estate(Path(kept) if kept else tmp_path_factory.mktemp("estate"))
    yield running
    stop_estate(running)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: while it is open, no asynchronous test can run in this process."""
    if CHROMIUM is None:
        pytest.skip("NO BROWSER: install chromium (apt-get install chromium); acceptance tests did not run")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def operator(estate: Estate, browser: Browser) -> Iterator[Page]:
    """An operator on shift, with the wall open."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    sign_in(page, estate.url, estate.user, estate.code)
    start, chip = page.get_by_test_id("start-shift"), page.get_by_test_id("grant-chip")
    start.or_(chip).first.wait_for()
    if start.count():  # in a kept estate the shift may be open still
        start.click()
    chip.wait_for()
    yield page
    context.close()
