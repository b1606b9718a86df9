"""A camera's events by pull point (ONVIF Core 9.2): subscribe, pull, renew at 80 % of the life, start again when lost."""

import random
from collections.abc import Callable

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import CameraDenied, CameraProtocol
from belvedere.site.onvif import soap
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.events import WANTED_LIFETIME_US, Changes, Notice, lifetime_us, read_notices
from belvedere.site.onvif.markup import Node
from belvedere.site.onvif.times import write_duration, write_time

_WSN = "http://docs.oasis-open.org/wsn/bw-2"
_POLL_US = 45 * SECOND_US
_LEAST_POLL_US = SECOND_US
_RENEW_SHARE = 0.8  # of the life that is left to pass
_RENEW_SPREAD = 0.1  # less by up to this much, so that cameras that began together do not renew together


class PullPoint:
    """One subscription at one camera, made again whenever it is lost. `hear` gets each event with its arrival."""

    def __init__(
        self, device: Device, changes: Changes, clock: Clock, hear: Callable[[Notice, int], None], chance: random.Random
    ) -> None:
        self.renew_at_us = 0  # monotonic
        self.others = 0  # messages of no concern to us, which are not kept
        self._device = device
        self._changes = changes
        self._clock = clock
        self._hear = hear
        self._chance = chance
        self._point: soap.Endpoint | None = None
        # How the camera wants times: as durations, as moments by its own clock, or left out. Later forms are for broken firmware.
        self._form = 0

    async def step(self) -> float:
        """Subscribe, renew or pull once. Returns seconds to wait before the next step. Raises CameraFault."""
        if self._point is None:
            await self._subscribe()
            return 0.0
        if self._clock.monotonic_us() >= self.renew_at_us:
            await self._renew()
            return 0.0
        began_us = self._clock.monotonic_us()
        left_us = max(_LEAST_POLL_US, min(_POLL_US, self.renew_at_us - began_us))
        try:
            reply = await self._send(
                "PullMessages",
                soap.EVENTS,
                f"{soap.EVENTS}/PullPointSubscription/PullMessagesRequest",
                f"<r:Timeout>{write_duration(left_us)}</r:Timeout><r:MessageLimit>100</r:MessageLimit>",
                timeout_s=left_us / SECOND_US + 10,
            )
        except CameraDenied:
            raise
        except CameraProtocol:
            self._point = None  # the camera restarted or forgot us: once more from the start
            raise
        arrival_us = self._clock.now_us()
        notices, others = read_notices(reply)
        self.others += others
        for notice in notices:
            if self._changes.note(notice, arrival_us):
                self._hear(notice, arrival_us)
        # A camera that answers at once, with nothing, is not asked again at once.
        took_us = self._clock.monotonic_us() - began_us
        return 0.0 if notices else max(0, _LEAST_POLL_US - took_us) / SECOND_US

    async def _subscribe(self) -> None:
        place = self._device.service(soap.EVENTS)
        reply: Node | None = None
        while reply is None:
            time = self._time("InitialTerminationTime")
            try:
                reply = await self._device.call(
                    place,
                    soap.element(soap.EVENTS, "CreatePullPointSubscription", time),
                    action=f"{soap.EVENTS}/EventPortType/CreatePullPointSubscriptionRequest",
                    to=soap.Endpoint(place.url),
                )
            except soap.SoapFault:
                if self._form == 2:
                    raise
                self._form += 1
        reference = reply.find("SubscriptionReference")
        address = reference.value("Address") if reference is not None else ""
        parameters = reference.find("ReferenceParameters") if reference is not None else None
        echoed = tuple(soap.written(node) for node in parameters.children[:16]) if parameters is not None else ()
        # The header names the address as the camera wrote it; where the request goes is pinned to the camera's host.
        self._point = soap.Endpoint(address or place.url, echoed)
        self._lives(reply)
        try:  # asks for the present state of everything; not all know it, and most send it unasked
            await self._send(
                "SetSynchronizationPoint",
                soap.EVENTS,
                f"{soap.EVENTS}/PullPointSubscription/SetSynchronizationPointRequest",
            )
        except soap.SoapFault:
            pass

    async def _renew(self) -> None:
        time = self._time("TerminationTime") or "<r:TerminationTime>PT600S</r:TerminationTime>"
        try:
            reply = await self._send("Renew", soap.NOTIFICATION, f"{_WSN}/SubscriptionManager/RenewRequest", time)
        except CameraDenied:
            raise
        except CameraProtocol:
            # A renewal that is declined: a new subscription, with times in the camera's other form if it has one. The old one ends
            # by itself; ending it by hand makes some cameras end all others too.
            self._point = None
            self._form = min(self._form + 1, 1)
            return
        self._lives(reply)

    def _time(self, name: str) -> str:
        if self._form == 2:
            return ""
        if self._form == 0:
            text = write_duration(WANTED_LIFETIME_US)
        else:
            text = write_time(self._device.camera_us() + WANTED_LIFETIME_US)
        return f"<r:{name}>{text}</r:{name}>"

    def _lives(self, reply: Node) -> None:
        """Plan the renewal from what the camera granted."""
        life_us = lifetime_us(
            WANTED_LIFETIME_US, reply.value("CurrentTime"), reply.value("TerminationTime"), self._device.camera_us()
        )
        share = _RENEW_SHARE - self._chance.random() * _RENEW_SPREAD
        self.renew_at_us = self._clock.monotonic_us() + int(life_us * share)

    async def _send(self, name: str, namespace: str, action: str, inner: str = "", timeout_s: float = 10.0) -> Node:
        point = self._point
        assert point is not None
        place = self._device.pin(point.address)
        return await self._device.call(
            place, soap.element(namespace, name, inner), action=action, to=point, timeout_s=timeout_s
        )
