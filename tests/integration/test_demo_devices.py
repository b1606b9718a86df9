"""The devices of the demo estate, by our own ONVIF client: clocks as wrong as the cameras', one that can be moved, true motion."""

import asyncio

from belvedere.demo.cameras import CAMERAS
from belvedere.demo.onvif.estate import MOVABLE, EstateDevices, motion_spans
from belvedere.demo.rtsp.reel import AccessUnit, Reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.media.stream import Codec
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.facts import describe
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.web import Web


def reel(busy: range, seconds: int = 30) -> Reel:
    """Five pictures a second, of 900 bytes, in `busy` seconds of 3000."""
    units = []
    for at in range(seconds * 5):
        size = 9000 if at % 10 == 0 else 3000 if at // 5 in busy else 900
        units.append(AccessUnit((b"\x01" * size,), at * 18_000, at % 10 == 0))
    return Reel(Codec.H264, (), tuple(units), tuple(u.pts_90k for u in units), seconds * 90_000, 640, 360)


def test_motion_is_where_pictures_are_large() -> None:
    assert motion_spans(reel(range(0))) == ()
    assert motion_spans(reel(range(5, 9))) == ((5 * 90_000, 12 * 90_000),)
    ((first, last),) = motion_spans(reel(range(25, 30)))
    assert (first, last) == (25 * 90_000, 30 * 90_000)


async def test_each_camera_has_its_device_and_one_can_be_moved() -> None:
    clock = SystemClock()
    server = RtspServer(clock, port=0, username="belvedere", password="camera secret")
    await server.start()
    try:
        async with EstateDevices(clock, server, "belvedere", "camera secret") as devices, Web() as web:
            assert set(devices.ports) == {camera.id for camera in CAMERAS} and len(set(devices.ports.values())) == 12
            for name in (MOVABLE, "juniper-entrance"):
                place, _, _ = service_address(devices.devices[name].address)
                facts = await describe(Device(web, place, "belvedere", "camera secret", clock))
                plan = next(camera for camera in CAMERAS if camera.id == name)
                off_us = abs(facts.clock_error_us - plan.clock_error_s * SECOND_US)
                assert off_us <= facts.clock_uncertainty_us + SECOND_US // 10
                assert any(stream.ptz for stream in facts.streams) == (name == MOVABLE) == ("ptz" in facts.services)
                assert facts.proposals[0].main_url == f"rtsp://127.0.0.1:{server.port}/{name}/main"
            told = devices.devices["playground"].events
            subscription = told.subscribe("PT60S")
            subscription.waiting.clear()
            server.add("playground/sub", reel(range(30)))  # as loud everywhere: nothing stands out
            assert not devices.moves("playground")
            server.sources["playground/sub"].cut_to(reel(range(12), 60))
            async with asyncio.timeout(10):
                (message,) = await told.pull(subscription.number, 9, 1)
            assert "CellMotionDetector" in message and 'Value="true"' in message
    finally:
        await server.close()
