"""The whole journey with the demo's own last night, all films of which are made first."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from acceptance_stage import ESTATE_MADE_S, Estate, live_tiles
from journey_stage import asked, journey

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
FILMS = "all"


def test_the_journey_with_the_estates_own_night(
    operator: Page, supervisor: Page, estate: Estate, tmp_path: Path
) -> None:
    live_tiles(operator, 12)
    estate.line("All ", ESTATE_MADE_S)
    (case,) = asked(operator, "/api/cases?state=open&find=Moped+in+Rowan+court&kind=asb")["cases"][-1:]
    journey(operator, supervisor, estate, tmp_path, case["reference"])
