"""What the tests of ONVIF devices share: a simulated device, our client on it, and the site's keeper."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from belvedere.demo.onvif.device import FakeDevice, Offer, Stored
from belvedere.demo.onvif.faults import GOOD, DeviceFaults
from belvedere.foundation.clock import Clock, SystemClock
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.onvif.web import Web
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe

OFFERS = (
    Offer("small", "H264", 640, 360, 12, 400, "rtsp://127.0.0.1:8554/sub"),
    Offer("large", "H265", 2560, 1440, 25, 4096, "rtsp://admin:leak@127.0.0.1:8554/main?x=1&y=2"),
    Offer("middle", "H264", 1280, 720, 25, 2048, "rtsp://127.0.0.1:8554/middle"),
    Offer("stills", "JPEG", 2560, 1440, 1, 900, "rtsp://127.0.0.1:8554/jpeg"),
)
PASSWORD = "camera secret"


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


class SiteIndex:
    """An index with one camera, and the store of its devices."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.index = Index(folder / "index.db", clock)
        self.safe = ConnectionSafe(b"k" * 32)
        self.cameras = Cameras(self.index, self.safe, clock)
        self.cameras.put("gate", "Gate", f"rtsp://belvedere:{PASSWORD.replace(' ', '%20')}@127.0.0.1/main", "", True)
        self.cameras.stream("gate", next(iter(self.cameras.all()[0].addresses)))
        self.store = DeviceStore(self.index, self.safe, self.cameras, clock, 31)

    def close(self) -> None:
        self.index.close()
