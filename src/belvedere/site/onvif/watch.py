"""Watches one camera's device: logs in, measures its clock each minute, listens to its events, begins again when lost."""

import asyncio
import random
from collections.abc import Callable

import structlog

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import CameraDenied, CameraFault
from belvedere.link.devices import DeviceFacts
from belvedere.site.onvif import soap
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.events import Changes, Notice
from belvedere.site.onvif.facts import describe
from belvedere.site.onvif.messages import ClockSeen, FromWorker, Reported, Seen, Target
from belvedere.site.onvif.movement import Movement
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.pullpoint import PullPoint
from belvedere.site.onvif.web import Web

_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 120.0
# A wrong password tried again and again locks the account in many cameras.
_DENIED_WAIT_S = 300.0
_STAGGER_EACH_S = 0.15  # of cameras that begin together, each begins somewhere in that much for every one of them
_LONGEST_STAGGER_S = 30.0

_log = structlog.get_logger()


def backoff_s(failures: int, chance: random.Random) -> float:
    """Seconds to wait after that many failures in a row: doubled each time, bounded, and never the same for two cameras."""
    longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(failures, 10))
    return longest * (0.5 + chance.random() / 2)


class Watcher:
    """One watched device. Runs until its task is cancelled; `tell` gets what it learns."""

    def __init__(
        self,
        target: Target,
        web: Web,
        clock: Clock,
        tell: Callable[[FromWorker], None],
        chance: random.Random,
        together: int = 1,
    ) -> None:
        """`together`: how many cameras begin to be watched at the same time."""
        self._stagger_s = min(_LONGEST_STAGGER_S, _STAGGER_EACH_S * together)
        self.target = target
        self.facts: DeviceFacts | None = None
        self.changes = Changes()
        self._web = web
        self._clock = clock
        self._tell = tell
        self._chance = chance
        self._device: Device | None = None
        self._failures = 0

    @property
    def device(self) -> Device:
        """The device, logged in to. Raises CameraFault when it is not there at present."""
        if self._device is None:
            raise CameraFault("The camera's ONVIF service is not reached.", advice="Look at the state of the camera.")
        return self._device

    def movement(self) -> Movement:
        """Moves this camera. Raises CameraFault when it can't be moved."""
        device, facts = self.device, self.facts
        profile = next((stream.token for stream in facts.streams if stream.ptz), "") if facts else ""
        if soap.PTZ not in device.services or not profile:
            raise CameraFault("This camera can't be moved.", advice="Choose one with PTZ.")
        return Movement(device, profile)

    async def run(self) -> None:
        """Watch until cancelled."""
        await asyncio.sleep(self._chance.random() * self._stagger_s)
        while True:
            try:
                await self._session()
            except CameraDenied as error:
                self._lost("denied", error)
                await asyncio.sleep(_DENIED_WAIT_S * (1 + self._chance.random() / 5))
            except CameraFault as error:
                self._lost("waiting", error)
                await asyncio.sleep(backoff_s(self._failures, self._chance))
            except Exception as error:  # noqa: BLE001 - a fault of ours with one camera must not end the watch of the others
                _log.error("watch failed", camera=self.target.camera, exc_info=error)
                self._lost("waiting", CameraFault("A fault in this software.", advice="Look into the log."))
                await asyncio.sleep(_LONGEST_WAIT_S)

    def _lost(self, state: str, error: CameraFault) -> None:
        self._failures += 1
        self._device = None
        self._tell(Seen(self.target.camera, state, str(error), self.changes.dropped))

    async def _session(self) -> None:
        """One log-in and what follows. Ends by raising only."""
        target = self.target
        home, username, password = service_address(target.address)
        self._tell(Seen(target.camera, "connecting", "", self.changes.dropped))
        device = Device(self._web, home, target.username or username, target.password or password, self._clock)
        self.facts = await describe(device)
        self._device = device
        self._failures = 0
        self._tell(Seen(target.camera, "watching", "", self.changes.dropped, self.facts))
        self._tell_clock(device)
        tasks = [asyncio.create_task(self._clock_each_minute(device))]
        if soap.EVENTS in device.services:
            tasks.append(asyncio.create_task(self._events(device)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tell_clock(self, device: Device) -> None:
        error = device.clock_error
        if error is not None:
            self._tell(ClockSeen(self.target.camera, error.seen_us, error.error_us, error.uncertainty_us))

    async def _clock_each_minute(self, device: Device) -> None:
        while True:
            # Off the full minute, and never at the same part of the second, so that answers narrow each other.
            await asyncio.sleep((MINUTE_US / SECOND_US) - self._chance.random())
            await device.date_and_time()
            self._tell_clock(device)

    async def _events(self, device: Device) -> None:
        point = PullPoint(device, self.changes, self._clock, self._heard, self._chance)
        failures = 0
        while True:
            try:
                wait_s = await point.step()
                failures = 0
            except CameraDenied:
                raise
            except CameraFault as error:
                failures += 1
                if failures > 3:
                    if isinstance(error, soap.SoapFault):  # it has no events after all; the rest goes on
                        _log.info("camera declines events", camera=self.target.camera, reason=error.message)
                        return
                    raise
                wait_s = backoff_s(failures, self._chance)
            if wait_s:
                await asyncio.sleep(wait_s)

    def _heard(self, notice: Notice, arrival_us: int) -> None:
        self._tell(
            Reported(self.target.camera, notice.kind, notice.source, notice.active, notice.camera_us, arrival_us)
        )
