"""What the tests of ONVIF devices share: a simulated device, our client on it, and the site's keeper."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from belvedere.demo.onvif.device import FakeDevice, Offer, Stored
from belvedere.demo.onvif.faults import GOOD, DeviceFaults
from belvedere.demo.rtsp.reel import AccessUnit, Reel
from belvedere.foundation.clock import Clock, SystemClock
from belvedere.link.devices import DeviceState, PutDevice
from belvedere.link.messages import Answer, Reply, Request
from belvedere.media.stream import Codec
from belvedere.policy.grant import Grant
from belvedere.site.onvif.answers import begin_devices
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.keeper import DeviceKeeper
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.onvif.web import Web
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe
from ingest_stage import film
from link_stage import Words
from recorder_stage import Stage

AnyReply = TypeVar("AnyReply", bound=Reply)

OFFERS = (
    Offer("small", "H264", 640, 360, 12, 400, "rtsp://127.0.0.1:8554/sub"),
    Offer("large", "H265", 2560, 1440, 25, 4096, "rtsp://admin:leak@127.0.0.1:8554/main?x=1&y=2"),
    Offer("middle", "H264", 1280, 720, 25, 2048, "rtsp://127.0.0.1:8554/middle"),
    Offer("stills", "JPEG", 2560, 1440, 1, 900, "rtsp://127.0.0.1:8554/jpeg"),
)
PASSWORD = "camera secret"


def reel(b_frames: int = 0, codec: Codec = Codec.H264) -> Reel:
    """Ten seconds at 25 pictures a second, a keyframe every second."""
    shown = film(codec, frames=250, b_frames=b_frames, gop=25, width=160, height=96)
    units = tuple(AccessUnit(p.nals, p.pts_90k, p.keyframe) for p in shown.pictures)
    at = tuple(sorted(unit.pts_90k for unit in units))
    return Reel(codec, shown.parameter_sets, units, at, at[-1] + 3600, 160, 96)


def fake(
    faults: DeviceFaults = GOOD, *, stored: tuple[Stored, ...] = (), clock: Clock | None = None, host: str = "127.0.0.1"
) -> FakeDevice:
    return FakeDevice(clock or SystemClock(), password=PASSWORD, offers=OFFERS, stored=stored, host=host, faults=faults)


@asynccontextmanager
async def talking(device: FakeDevice, password: str = PASSWORD) -> AsyncIterator[Device]:
    """Our client of the simulated device."""
    async with Web() as web:
        place, _, _ = service_address(device.address)
        yield Device(web, place, "belvedere", password, SystemClock())


class DeviceSite:
    """The room of a site as `serve` makes it: a real device process, an index, answers, and grants made by hand."""

    def __init__(
        self, keeper: DeviceKeeper, answers: Mapping[type[Request], Callable[[Any], Reply]], index: Index
    ) -> None:
        self.keeper = keeper
        self.index = index
        self._answers = answers

    async def ask(self, request: Request, kind: type[AnyReply]) -> AnyReply:
        """As the uplink asks: in a thread."""
        reply = await asyncio.to_thread(self._answers[type(request)], request)
        assert isinstance(reply, kind)
        return reply

    async def until(self, look: Callable[[], object], seconds: float = 30) -> None:
        """Wait until `look` finds something."""
        async with asyncio.timeout(seconds):
            while not look():
                await asyncio.sleep(0.02)

    async def attach(self, camera: str, address: str, password: str = PASSWORD) -> None:
        await self.ask(PutDevice(camera, address, "belvedere", password), Answer)

    def state(self, camera: str) -> DeviceState:
        return next(each for each in self.keeper.states().devices if each.camera == camera)

    async def watching(self, camera: str) -> DeviceState:
        await self.until(lambda: self.state(camera).state == "watching" and self.state(camera).clock_seen_us)
        return self.state(camera)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.index.read().execute(sql).fetchall()


@asynccontextmanager
async def device_site(
    stage: Stage, *, networks: list[str] | None = None, grants: tuple[Grant, ...] = ()
) -> AsyncIterator[DeviceSite]:
    """On a recorder's stage."""
    clock = stage.clock
    store = DeviceStore(stage.index, ConnectionSafe(b"k" * 32), stage.cameras, clock, 31)
    keeper = DeviceKeeper(store, stage.settings.ingest_socket, clock, stage.recorder.device_clock)
    answers = await begin_devices(keeper, Words(clock, *grants), networks or [], clock)
    try:
        yield DeviceSite(keeper, answers, stage.index)
    finally:
        await keeper.stop()
