"""The devices of the demo estate: one for each camera, with the camera's own wrong clock; one of them can be moved.

Motion is reported as simple cameras find it, by the size of the pictures that are sent. The picture does not turn when the
device does: its film is one view.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from statistics import median

from belvedere.demo.cameras import CAMERAS
from belvedere.demo.onvif.device import FakeDevice, Offer
from belvedere.demo.onvif.faults import DeviceFaults
from belvedere.demo.rtsp.reel import Reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.demo.scene import CameraPlan
from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.media.stream import TICKS_PER_SECOND

MOVABLE = "car-park-west"
_PORT = 8580  # of the first; the others follow. Any free one where it is taken
_LOOK_EVERY_S = 0.5
_WINDOW_90K = TICKS_PER_SECOND
_LINGER_90K = 4 * TICKS_PER_SECOND  # quiet so long before it says that motion is over
_SHORT_90K = 20 * TICKS_PER_SECOND
_LOUD = 1.5  # times the usual size
_LEAST_BYTES = 400  # smaller pictures are noise
_MODELS = {True: "Heron PTZ", False: "Sparrow 2"}

Span = tuple[int, int]


def motion_spans(reel: Reel) -> tuple[Span, ...]:
    """When its pictures are larger than usual, in 90 kHz ticks since the reel's start; ordered, apart. None in a short film."""
    sizes = [
        (unit.pts_90k, sum(len(nal) for nal in unit.nals))
        for unit in sorted(reel.units, key=lambda unit: unit.pts_90k)
        if not unit.keyframe
    ]
    if not sizes or reel.duration_90k < _SHORT_90K:  # the demo's first films go round every few seconds
        return ()
    bar = max(_LEAST_BYTES, _LOUD * median(size for _, size in sizes))
    loud = []
    for start in range(_WINDOW_90K, reel.duration_90k, _WINDOW_90K):  # a film's first second is large whatever it shows
        window = [size for at, size in sizes if start <= at < start + _WINDOW_90K]
        if window and median(window) > bar:  # the median: one large picture after a keyframe is no motion
            loud.append((start, min(reel.duration_90k, start + _LINGER_90K)))
    if not loud:
        return ()
    ends = [at for at, ((_, end), (start, _)) in enumerate(pairwise(loud)) if start > end]
    firsts = [0, *(at + 1 for at in ends)]
    return tuple((loud[first][0], loud[last][1]) for first, last in zip(firsts, [*ends, len(loud) - 1], strict=True))


class EstateDevices:
    """`async with EstateDevices(...)`: answers on loopback while it is open. `ports` by camera."""

    def __init__(self, clock: Clock, server: RtspServer, username: str, password: str) -> None:
        self.devices: dict[str, FakeDevice] = {}
        self._server = server
        self._stack = AsyncExitStack()
        self._watch: asyncio.Task[None] | None = None
        self._known: dict[str, tuple[Reel, tuple[Span, ...]]] = {}
        self._active: dict[str, bool] = {}
        for number, plan in enumerate(CAMERAS):
            movable = plan.id == MOVABLE
            self.devices[plan.id] = FakeDevice(
                clock,
                username=username,
                password=password,
                offers=self._offers(plan),
                faults=DeviceFaults(clock_error_us=round(plan.clock_error_s * SECOND_US)),
                port=_PORT + number,
                ptz=movable,
                model=_MODELS[movable],
                serial=f"BW-{number + 1:04d}",
            )

        self.devices[MOVABLE].presets = {"preset-1": "Entrance", "preset-2": "Far corner"}

    @property
    def ports(self) -> Mapping[str, int]:
        return {camera: device.port for camera, device in self.devices.items()}

    def _offers(self, plan: CameraPlan) -> tuple[Offer, ...]:
        base = f"rtsp://127.0.0.1:{self._server.port}/{plan.id}"
        return (
            Offer("main", "H264", plan.width, plan.height, plan.fps, 2000, f"{base}/main"),
            Offer("sub", "H264", plan.sub_width, plan.sub_height, plan.sub_fps, 300, f"{base}/sub"),
        )

    async def __aenter__(self) -> "EstateDevices":
        for device in self.devices.values():
            await self._stack.enter_async_context(device)
        self._watch = asyncio.create_task(self._report(), name="motion")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._stack.aclose()

    def moves(self, camera: str) -> bool:
        """Whether something moves in the picture that the camera sends now."""
        source = self._server.sources.get(f"{camera}/sub")
        if source is None:
            return False
        known = self._known.get(camera)
        if known is None or known[0] is not source.reel:
            known = self._known[camera] = (source.reel, motion_spans(source.reel))
        at = source.position_90k()
        return any(start <= at < end for start, end in known[1])

    async def _report(self) -> None:
        while True:
            for camera, device in self.devices.items():
                active = self.moves(camera)
                if active != self._active.get(camera, False):
                    self._active[camera] = active
                    device.events.set_state("motion", active)
            await asyncio.sleep(_LOOK_EVERY_S)
