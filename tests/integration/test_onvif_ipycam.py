"""Our ONVIF client against another's device: ipycam, a virtual IP camera. Skipped where it is not installed.

It asks for opencv-python, which lies over the opencv-python-headless that we use, so it is no dependency of the tests:
`pip install --no-deps ipycam` puts it in.
"""

import asyncio
import http.server
import importlib
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import CameraDenied
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.facts import describe
from belvedere.site.onvif.movement import Movement
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.web import Web

ipycam = pytest.importorskip("ipycam", reason="pip install --no-deps ipycam", exc_type=ImportError)


async def test_another_device_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # it writes its presets where it runs
    config = ipycam.CameraConfig(username="admin", password="a good one", local_ip="127.0.0.1")
    controller = importlib.import_module("ipycam.ptz").PTZController()
    service = importlib.import_module("ipycam.onvif").ONVIFService(config, controller)
    camera = SimpleNamespace(config=config, onvif=service)
    handler = type("Handler", (ipycam.IPCameraHTTPHandler,), {"camera": camera})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    config.onvif_port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        async with Web() as web:
            place, _, _ = service_address(f"127.0.0.1:{config.onvif_port}")
            device = Device(web, place, "admin", "a good one", SystemClock())
            facts = await describe(device)
            assert (facts.manufacturer, facts.model) == ("PythonCam", "VirtualCam-1")
            assert abs(facts.clock_error_us) <= facts.clock_uncertainty_us + SECOND_US // 2
            (proposal,) = facts.proposals
            assert proposal.main_url.startswith("rtsp://127.0.0.1:8554/") and proposal.sub_url != proposal.main_url
            movement = Movement(device, facts.streams[0].token)
            await movement.move(0.5, 0.0, 0.0, 1)
            await movement.stop()
            token = await movement.keep("Gate")
            assert "Gate" in [preset.name for preset in await movement.presets()] and token
            await movement.go(token)
            with pytest.raises(CameraDenied):
                await describe(Device(web, place, "admin", "wrong", SystemClock()))
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
