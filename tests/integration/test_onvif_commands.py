"""The commands: find, onvif, archive."""

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from belvedere.cli.main import app
from belvedere.demo.onvif.discovery import hear
from belvedere.demo.onvif.faults import DeviceFaults
from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import CameraDenied, Refused
from onvif_stage import PASSWORD, fake


async def run(*words: str, typed: str = "") -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["camera", *words], typed)


async def test_find_asks_only_where_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = await run("find", "--data", str(tmp_path))
    assert isinstance(refused.exception, Refused) and "camera_networks" in refused.exception.advice
    monkeypatch.setenv("BELVEDERE_SITE__CAMERA_NETWORKS", '["127.0.0.0/29"]')
    async with fake(host="127.0.0.2") as device, hear(device, "127.0.0.2", 0) as (_, port):
        found = await run("find", "--data", str(tmp_path), "--seconds", "0.3", "--port", str(port))
    assert found.exit_code == 0, found.output
    assert f"http://127.0.0.2:{device.port}/onvif/device_service" in found.output and "1 answered of 6" in found.output
    assert device.requests == []


async def test_onvif_shows_what_a_device_is(tmp_path: Path) -> None:
    async with fake(DeviceFaults(clock_error_us=-95 * SECOND_US)) as device:
        words = ("onvif", device.address, "--user", "belvedere", "--password-stdin", "--data", str(tmp_path))
        shown = await run(*words, typed=f"{PASSWORD}\n")
        denied = await run(*words, typed="wrong\n")
    assert shown.exit_code == 0, shown.output
    assert "Belvedere Works Sparrow 2" in shown.output and "2560x1440" in shown.output
    assert "belvedere camera add 'rtsp://127.0.0.1:8554/main?x=1&y=2' --sub 'rtsp://127.0.0.1:8554/sub'" in shown.output
    behind = re.search(r"its clock is (\d+) s behind", shown.output.lower())
    assert (
        behind is not None and abs(int(behind[1]) - 95) <= 2 and PASSWORD not in shown.output
    )  # half the answer's way
    assert isinstance(denied.exception, CameraDenied)
