"""Fixtures of the acceptance tests: a demo estate for the tests that need one, one Chromium for all."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from acceptance_stage import ARGUMENTS, CHROMIUM, Estate, come, start_estate, stop_estate


@pytest.fixture(scope="module")
def estate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The demo estate, with all its films where a module says `FILMS = "all"`, else with what is live within
    seconds. BELVEDERE_TEST_ESTATE names a folder whose films are kept between runs, which saves
    making them again.
    """
    kept = os.environ.get("BELVEDERE_TEST_ESTATE")
    if kept:  # people's passkeys went with the browser of the last run
        for old in ("hub", "site", "run"):
            shutil.rmtree(Path(kept) / old, ignore_errors=True)
        (Path(kept) / "demo" / "imported.json").unlink(missing_ok=True)
    films = getattr(request.module, "FILMS", "short")
    running = start_estate(Path(kept) if kept else tmp_path_factory.mktemp("estate"), films)
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
    page = come(browser, estate, "operator")
    start, chip = page.get_by_test_id("start-shift"), page.get_by_test_id("grant-chip")
    start.click()
    chip.wait_for()
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def supervisor(estate: Estate, browser: Browser) -> Iterator[Page]:
    """A supervisor of another team, who decides on requests."""
    page = come(browser, estate, "supervisor")
    yield page
    page.context.close()
