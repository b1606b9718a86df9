"""Masked live pictures as a page shows them, from a real site that nobody has asked for any before: its limit, and its faults."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from process_stage import children
from story_stage import CAMERAS, SUB, Story, live, loud, person, said, story

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
AGAIN = "The masked picture is being started again."
# Every text that a picture's cover has shown.
VEILS = """(camera) => {
    window.veils = new Set();
    const tile = document.querySelector(`[data-testid="tile-${camera}"]`);
    const note = () => tile.querySelectorAll("p").forEach((line) => window.veils.add(line.textContent));
    new MutationObserver(note).observe(tile, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Story]:
    made = story(tmp_path / "house", site="masked_renditions = 1")
    yield made
    made.close()


def workers(pid: int) -> list[int]:
    """The processes of the site that mask, with what confines them."""
    found = []
    for child in children(pid):
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        found += [*([child] if b"masked.worker" in words else []), *workers(child)]
    return found


def test_one_picture_at_a_time_is_said_and_a_killed_process_comes_back(browser: Browser, stage: Story) -> None:
    site = stage.supervisor.children["site"].pid
    assert workers(site) == [], "nobody asked yet"
    with person(browser, stage, "oli", "operator", "Control room", "/now") as oli:
        oli.get_by_test_id("start-shift").click()
        # One is made; the others say that they are not, and what to do
        shown = oli.wait_for_function(
            """() => {
                const tiles = window.belvedereLive?.report() ?? [];
                const [one] = tiles.filter((tile) => tile.phase === "live" && tile.frames > 2);
                return one && tiles.filter((tile) => tile.phase === "trouble").length === 2 && one.camera;
            }"""
        ).json_value()
        first, second = [camera for camera in CAMERAS if camera != shown]
        for camera in (first, second):
            tile = oli.get_by_test_id(f"tile-{camera}")
            expect(tile).to_contain_text(
                "One masked picture is being made already at this site, as many as it makes at a time."
            )
            expect(tile).to_contain_text("Close a tile, or try again in a while; recording goes on.")
        assert loud(oli, shown) == 0
        # Room for another
        oli.get_by_test_id(f"tile-{shown}").focus()
        oli.keyboard.press("Delete")
        expect(oli.get_by_test_id(f"tile-{shown}")).to_have_count(0)
        oli.get_by_test_id(f"tile-{first}").get_by_role("button", name="Try again").click()
        live(oli, first, width=SUB[0])
        # Its process is killed: a placeholder that says so, then the picture, masked as before
        oli.evaluate(VEILS, first)
        killed = workers(site)
        assert killed
        for pid in reversed(killed):  # the innermost first: the others end with it
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        oli.wait_for_function("words => window.veils.has(words)", arg=AGAIN)
        frames = oli.evaluate("camera => belvedereLive.report().find((tile) => tile.camera === camera).frames", first)
        oli.wait_for_function(
            """([camera, frames]) => {
                const tile = belvedereLive.report().find((each) => each.camera === camera);
                return tile.phase === "live" && tile.frames > frames + 3;
            }""",
            arg=[first, frames],
        )
        assert loud(oli, first) == 0
        assert set(workers(site)).isdisjoint(killed)
        made = said(oli, stage, "GET", "/api/masking")
        assert made["most"] == 1 and made["refused"] >= 2 and [each["restarts"] for each in made["renditions"]] == [1]
    assert stage.ledger.widths() == {SUB[0]}
