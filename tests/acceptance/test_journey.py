"""The whole journey, as people make it: log in, watch, map, review last night, mark, have it approved, export, verify."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Page

from acceptance_stage import Estate, live_tiles
from belvedere.foundation.clock import MINUTE_US, SECOND_US
from journey_stage import CAMERA, NAME, asked, journey

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
WHERE = {"kind": "asb", "title": NAME, "reason": "A resident rang"}


def bring_in_last_night(page: Page, estate: Estate, folder: Path) -> str:
    """Import a minute of last night, by the command line, and open a case about it; the estate's own films take minutes to make."""
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
    start = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), time(23), UTC)
    done = estate.command(
        "import", str(film), "--camera", CAMERA, "--start", start.isoformat(), "--data", str(estate.data)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "copied as it is" in done.stdout
    start_us = int(start.timestamp()) * SECOND_US
    span = {"from_us": start_us, "to_us": start_us + MINUTE_US}
    camera = next(each for each in asked(page, "/api/cameras")["cameras"] if each["id"] == CAMERA)
    incident = {"place": "Rowan court", "lat": camera["lat"], "lon": camera["lon"], **span}
    case = {**WHERE, "incident": incident, "footage": [{"camera": CAMERA, **span}]}
    session = asked(page, "/api/session")
    answer = page.request.post(f"{estate.url}/api/cases", data=case, headers={"X-Belvedere-CSRF": session["csrf"]})
    assert answer.status == 201, answer.text()
    return str(answer.json()["reference"])


def test_from_log_in_to_a_verified_pack(operator: Page, supervisor: Page, estate: Estate, tmp_path: Path) -> None:
    live_tiles(operator, 12)
    journey(operator, supervisor, estate, tmp_path, bring_in_last_night(operator, estate, tmp_path))
