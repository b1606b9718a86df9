"""Review in a real browser, against the fake hub: pictures in step, honest gaps, zoom, marks, export, the address bar."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from web_fake_hub import FakeHub
from web_stage import fake_hub, visit

pytestmark = pytest.mark.browser

SECOND = 1_000_000
ALL_SHOWN = """() => {
    const tiles = window.belvedereReview?.report().tiles ?? [];
    return tiles.length === 4 && tiles.every((tile) => tile.kind === 'picture');
}"""


@pytest.fixture(scope="module")
def theatre(browser: Browser) -> Iterator[tuple[Browser, FakeHub]]:
    with fake_hub() as hub:
        yield browser, hub


def report(page: Page) -> Any:
    return page.evaluate("window.belvedereReview.report()")


def span_s(page: Page) -> float:
    return float(page.get_by_test_id("review-timeline").get_attribute("data-span-s") or "nan")


def test_plays_in_step(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/review") as page:
        page.wait_for_function(ALL_SHOWN)
        before = report(page)
        page.get_by_test_id("play").press("Space")
        page.wait_for_function(f"() => belvedereReview.report().time_us > {before['time_us']} + 2000000")
        now = report(page)
        assert now["playing"] and now["worst_drift_ms"] is not None
        page.keyboard.press("k")
        page.wait_for_function("() => !belvedereReview.report().playing")
        held = report(page)["time_us"]
        page.keyboard.press(".")
        assert report(page)["time_us"] == held + SECOND // 25
        page.wait_for_function(ALL_SHOWN)
        assert len({tile["time_us"] for tile in report(page)["tiles"]}) == 1


def test_timeline_zooms_from_a_week_to_a_second(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/review") as page:
        page.wait_for_function(ALL_SHOWN)
        timeline = page.get_by_test_id("review-timeline")
        page.keyboard.press("0")
        expect(timeline).to_have_attribute("data-span-s", "86400")
        for _ in range(20):
            page.keyboard.press("+")
        expect(timeline).to_have_attribute("data-span-s", "1")
        page.get_by_test_id("zoom-out").click()
        expect(timeline).to_have_attribute("data-span-s", "2")
        box = timeline.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 600, box["y"] + 60)
        page.mouse.wheel(0, 900)
        page.wait_for_function(
            "() => Number(document.querySelector('[data-testid=review-timeline]').dataset.spanS) > 4"
        )
        wide = span_s(page)
        page.mouse.wheel(0, -300)
        page.wait_for_function(
            f"Number(document.querySelector('[data-testid=review-timeline]').dataset.spanS) < {wide}"
        )


def test_a_gap_is_said_and_left_behind(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/review") as page:
        page.wait_for_function(ALL_SHOWN)
        page.get_by_test_id("last-night").click()
        page.wait_for_function(ALL_SHOWN)
        page.keyboard.press("t")
        page.keyboard.type("+125m")
        page.keyboard.press("Enter")
        tile = page.get_by_test_id("review-north-gate")
        expect(tile).to_have_attribute("data-kind", "gap")
        expect(tile).to_contain_text("No footage here")
        expect(tile).to_contain_text("The imported file ended here.")
        expect(tile.locator("video").first).to_be_hidden()
        expect(page.get_by_test_id("review-status")).to_contain_text("No footage for")
        page.keyboard.press("]")
        expect(tile).to_have_attribute("data-kind", "picture")
        page.go_back()
        expect(tile).to_have_attribute("data-kind", "gap")
        page.get_by_test_id("runs-table-open").click()
        expect(page.get_by_test_id("runs-table")).to_contain_text("Imported")


def test_marks_become_an_export(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/review") as page:
        page.wait_for_function(ALL_SHOWN)
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("i")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("o")
        expect(page.get_by_test_id("marked-span")).to_contain_text("10 s")
        page.wait_for_url(re.compile("in=.*out="))
        page.keyboard.press("e")
        page.get_by_test_id("export-make").click()
        expect(page.get_by_test_id("export-form")).to_contain_text("Give it a name")
        page.get_by_test_id("export-name").fill("Bin store door")
        page.keyboard.press("Enter")
        with page.expect_download() as got:
            page.get_by_test_id("export-download").click()
        assert got.value.suggested_filename == "pack.zip"
        expect(page.get_by_test_id("export-sha256")).to_have_text("3f7a" * 16)
        made = next(iter(theatre[1].world.exports.values()))
        assert made["end_us"] - made["start_us"] == 10 * SECOND
        assert len(made["cameras"]) == 4


def test_a_link_shows_exactly_this(theatre: tuple[Browser, FakeHub]) -> None:
    with visit(*theatre, "/review") as page:
        page.wait_for_function(ALL_SHOWN)
        at_us = report(page)["time_us"] // SECOND * SECOND - 600 * SECOND
        address = page.evaluate("(us) => new Date(us / 1000).toISOString()", at_us)
        page.goto(f"{theatre[1].url}/review?cameras=car-park,playground&at={address}&span=60")
        page.wait_for_function("() => window.belvedereReview?.report().tiles.length === 2")
        assert report(page)["time_us"] == at_us
        assert span_s(page) == 60
        expect(page.get_by_test_id("review-car-park")).to_have_attribute("data-kind", "picture")


def test_a_site_that_is_away_is_named_while_the_other_sites_lanes_show(theatre: tuple[Browser, FakeHub]) -> None:
    world = theatre[1].world
    world.away = {"playground"}
    try:
        with visit(*theatre, "/review?cameras=car-park,playground") as page:
            named = page.get_by_test_id("away-elm")
            expect(named).to_contain_text("Elm House is away.")
            expect(named).to_contain_text("Playground")
            expect(named).not_to_contain_text("Car park")
            expect(page.get_by_test_id("review-car-park")).to_have_attribute("data-kind", "picture")
            page.get_by_test_id("runs-table-open").click()
            expect(page.get_by_test_id("runs-table")).to_contain_text("Car parkRecording now")
            expect(page.get_by_test_id("runs-table")).not_to_contain_text("PlaygroundRecording")
            world.away = set()
            page.reload()
            expect(page.get_by_test_id("review-playground")).to_have_attribute("data-kind", "picture")
            expect(named).to_have_count(0)
    finally:
        world.away = set()
