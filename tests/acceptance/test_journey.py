"""The whole journey, as a person makes it: log in, watch, map, review last night, mark, export, verify."""

import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from acceptance_stage import ESTATE_MADE_S, Estate, live_tiles

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
CAMERA = "rowan-court"
NAME = "Moped in Rowan court"
# Asks the hub again and again and keeps the first camera that has imported footage of last night.
LOOK_FOR_LAST_NIGHT = """() => {
    const look = async () => {
        const cameras = (await (await fetch('/api/cameras')).json()).cameras.map(c => c.id);
        const grant = (await (await fetch('/api/grants')).json()).grants[0].id;
        const now = Date.now() * 1000, ask = new URLSearchParams(
            {grant, cameras: cameras.join(','), stream: 'main', from_us: now - 36 * 3600e6, to_us: now});
        const lanes = (await (await fetch(`/api/timeline?${ask}`)).json()).cameras;
        window.lastNight = lanes.find(lane => lane.runs.some(run => run.imported))?.id;
        if (!window.lastNight) setTimeout(look, 2000);
    };
    look();
}"""


def flipped(pack: Path, member: str, copy: Path) -> Path:
    """A copy of `pack` in which one byte in the middle of `member` differs, with the checksum of the ZIP made to fit."""
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            data = bytearray(source.read(entry))
            if entry.filename == member:
                data[len(data) // 2] ^= 1
            target.writestr(entry, bytes(data))
    return copy


def bring_in_last_night(estate: Estate, folder: Path) -> str:
    """Import a minute of last night for a camera, by the command line; the estate's own films take minutes to make."""
    film = folder / "recorder-export.mp4"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.gop_size = 20
        for index in range(600):
            picture = np.full((240, 320, 3), 40 + index % 160, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    start = f"{yesterday.isoformat()}T23:00:00Z"
    done = estate.command("import", str(film), "--camera", CAMERA, "--start", start, "--data", str(estate.data))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "copied as it is" in done.stdout
    return CAMERA


def test_from_log_in_to_a_verified_pack(operator: Page, estate: Estate, tmp_path: Path) -> None:
    live_tiles(operator, 12)
    bring_in_last_night(estate, tmp_path)
    journey(operator, estate, tmp_path)


@pytest.mark.slow
def test_the_journey_with_the_estates_own_night(operator: Page, estate: Estate, tmp_path: Path) -> None:
    live_tiles(operator, 12)
    estate.line("All ", ESTATE_MADE_S)
    journey(operator, estate, tmp_path)


def journey(page: Page, estate: Estate, tmp_path: Path) -> None:
    """From the wall to a pack that verifies."""
    # The map, and a camera on it
    expect(page.get_by_test_id("map").locator("canvas")).to_be_visible()
    page.get_by_test_id(f"camera-{CAMERA}").click()
    expect(page.get_by_test_id(f"tile-{CAMERA}")).to_be_visible()
    # Last night
    page.evaluate(LOOK_FOR_LAST_NIGHT)
    camera = page.wait_for_function("() => window.lastNight").json_value()
    page.get_by_test_id(f"to-review-{camera}").click()
    page.get_by_test_id("review-timeline").wait_for()
    page.get_by_test_id("last-night").click()
    page.get_by_test_id("play").click()
    page.wait_for_function(
        "() => { const r = window.belvedereReview?.report(); return r && r.playing && r.tiles.some(t => t.ready && t.time_us) }"
    )
    page.get_by_test_id("mark-in").click()
    page.wait_for_function(
        "start => window.belvedereReview.report().time_us - start > 4e6",
        arg=page.evaluate("window.belvedereReview.report().time_us"),
    )
    page.get_by_test_id("mark-out").click()
    page.get_by_test_id("play").click()
    page.get_by_test_id("export-open").click()
    page.get_by_test_id("export-name").fill(NAME)
    page.get_by_test_id("export-make").click()
    card = page.get_by_test_id("export-card")
    expect(card).to_have_attribute("data-state", "ready", timeout=60_000)
    digest = card.get_by_test_id("export-sha256").inner_text()
    with page.expect_download() as downloading:
        card.get_by_test_id("export-download").click()
    pack = tmp_path / "pack.zip"
    downloading.value.save_as(pack)
    assert re.fullmatch(r"[0-9a-f]{64}", digest.strip())
    # Verify: valid as it is; one byte changed, invalid, and the file is named
    whole = estate.command("verify", str(pack))
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert "VALID" in whole.stdout
    with zipfile.ZipFile(pack) as archive:
        clip = next(name for name in archive.namelist() if name.endswith(".mp4"))
    broken = estate.command("verify", str(flipped(pack, clip, tmp_path / "flipped.zip")))
    assert broken.returncode == 1
    assert "NOT VALID" in broken.stdout
    assert clip in broken.stdout
    # The act is in one's own log
    page.keyboard.press("Escape")
    page.get_by_test_id("nav-access").click()
    expect(page.get_by_text(NAME).first).to_be_visible()
