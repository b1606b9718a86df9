"""What the link may ask about devices, and who may: moving a camera needs a grant with PTZ, opened here."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.link import devices as d
from belvedere.link.messages import Answer, Reply, Request
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.onvif.discovery import allowed_networks, inside, parse_network
from belvedere.site.onvif.keeper import DeviceKeeper
from belvedere.site.onvif.messages import LONGEST_MOVE_S, Target
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.turns import Turns

_LONGEST_NAME = 64
_LONGEST_PULL_US = 31 * DAY_US
_MOST_CAMERAS = 1000


class Opener(Protocol):
    """Turns the hub's signed words into a grant. Raises Refused."""

    def open(self, wire: bytes) -> Grant: ...


class DeviceAnswers:
    """Answers of the room, by kind of request. Each is called in a thread and may raise BelvedereError."""

    def __init__(self, keeper: DeviceKeeper, turns: Turns, opener: Opener, networks: list[str], clock: Clock) -> None:
        self._keeper = keeper
        self._turns = turns
        self._opener = opener
        self._networks = networks
        self._clock = clock

    def by_kind(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """For `serve_link`."""
        return {
            d.FindDevices: self._on_loop(self._find),
            d.LookAtDevice: self._on_loop(self._look),
            d.PutDevice: self._put,
            d.GetDevices: self._on_loop(self._states),
            d.GetDeviceEvents: self._events,
            d.MoveCamera: self._on_loop(self._move),
            d.GetPresets: self._on_loop(self._presets),
            d.GoToPreset: self._on_loop(self._go),
            d.KeepPreset: self._on_loop(self._keep),
            d.GiveBackCamera: self._on_loop(self._give_back),
            d.GetDeviceArchive: self._on_loop(self._archive),
            d.PullArchive: self._on_loop(self._pull),
            d.GetPulls: lambda _: self._keeper.pulls(),
        }

    def _on_loop(self, answer: Callable[[Any], Awaitable[Reply]]) -> Callable[[Any], Reply]:
        async def work(request: Any) -> Reply:
            return await answer(request)

        return lambda request: self._keeper.wait_for(work(request))

    async def _find(self, request: d.FindDevices) -> Reply:
        networks = allowed_networks(self._networks, request.networks)
        return await self._keeper.do("find", networks=tuple(str(network) for network in networks))

    async def _look(self, request: d.LookAtDevice) -> Reply:
        place, username, password = service_address(request.address)
        listed = [parse_network(text) for text in self._networks]
        if not inside(place.host, listed):
            raise Refused(
                "This address is not in the networks that this site's settings allow.",
                advice="Add its network to camera_networks in belvedere.toml, or look from the site itself.",
            )
        target = Target("", place.url, request.username or username, request.password or password)
        return await self._keeper.do("look", target=target)

    def _put(self, request: d.PutDevice) -> Reply:
        if request.address:
            place, _, _ = service_address(request.address)
            try:
                reachable = not ipaddress.ip_address(place.host).is_multicast
            except ValueError:
                reachable = True
            if not reachable:
                raise BadInput("A device has an address of its own.", advice="Enter that of the camera.")
        self._keeper.store.put(request.camera, request.address, request.username, request.password)
        self._keeper.wait_for(self._keeper.changed())
        return Answer()

    def _events(self, request: d.GetDeviceEvents) -> Reply:
        if len(request.cameras) > _MOST_CAMERAS:
            raise BadInput(f"Events of {_MOST_CAMERAS} cameras at most are told.", advice="Ask for fewer.")
        kinds: tuple[str, ...] = ("tamper",)
        if request.grant:
            grant = self._opener.open(request.grant)
            for camera in request.cameras:
                grant.require(
                    Action.PLAYBACK,
                    camera,
                    now_us=self._clock.now_us(),
                    start_us=request.from_us,
                    end_us=request.to_us,
                )
            kinds = ("motion", "tamper", "input")
        found = self._keeper.store.events(
            request.cameras, request.from_us, request.to_us, kinds=kinds, newest=request.newest
        )
        return d.DeviceEvents(found)

    async def _states(self, _: d.GetDevices) -> Reply:
        known = await asyncio.to_thread(self._keeper.states)
        told = []
        for each in known.devices:
            holder = self._turns.holder(each.camera)
            if holder is not None:
                each = msgspec.structs.replace(
                    each,
                    holder=holder.user_name,
                    holder_id=holder.user_id,
                    free_in_us=self._turns.left_us(each.camera),
                )
            told.append(each)
        return d.Devices(tuple(told))

    def _granted(self, wire: bytes, camera: str) -> Grant:
        grant = self._opener.open(wire)
        grant.require(Action.PTZ, camera, now_us=self._clock.now_us())
        return grant

    def _take(self, request: "d.MoveCamera | d.GoToPreset | d.KeepPreset") -> d.Turn:
        """Open the grant, then take the camera. Raises Refused."""
        grant = self._granted(request.grant, request.camera)
        turn = self._turns.take(request.camera, grant.user_id, grant.user_name, request.priority)
        return d.Turn(request.camera, turn.user_name, self._turns.left_us(request.camera))

    async def _move(self, request: d.MoveCamera) -> Reply:
        speeds = (request.pan, request.tilt, request.zoom)
        if not all(-1 <= speed <= 1 for speed in speeds) or not 1 <= request.seconds <= LONGEST_MOVE_S:
            raise BadInput("A movement is of speeds from -1 to 1 and 1 to 5 s.", advice="Ask for less.")
        turn = self._take(request)
        await self._keeper.do("move", camera=request.camera, speeds=speeds, seconds=request.seconds)
        return turn

    async def _presets(self, request: d.GetPresets) -> Reply:
        self._granted(request.grant, request.camera)
        return await self._keeper.do("presets", camera=request.camera)

    async def _go(self, request: d.GoToPreset) -> Reply:
        turn = self._take(request)
        await self._keeper.do("go", camera=request.camera, preset=request.preset[:_LONGEST_NAME])
        return turn

    async def _keep(self, request: d.KeepPreset) -> Reply:
        name = request.name.strip()
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise BadInput(f"A preset needs a name of 1 to {_LONGEST_NAME} letters.", advice="Name what it looks at.")
        self._take(request)
        return await self._keeper.do("keep", camera=request.camera, name=name, preset=request.preset[:_LONGEST_NAME])

    async def _give_back(self, request: d.GiveBackCamera) -> Reply:
        grant = self._granted(request.grant, request.camera)
        holder = self._turns.holder(request.camera)
        if holder is None or holder.user_id == grant.user_id:
            try:
                await self._keeper.do("move", camera=request.camera, speeds=(0.0, 0.0, 0.0))
            finally:
                self._turns.give_back(request.camera, grant.user_id)
        left = self._turns.holder(request.camera)
        return d.Turn(request.camera, left.user_name if left else "", self._turns.left_us(request.camera))

    async def _archive(self, request: d.GetDeviceArchive) -> Reply:
        return await self._keeper.do("archive", camera=request.camera)

    async def _pull(self, request: d.PullArchive) -> Reply:
        if request.stream not in list(StreamKind):
            raise BadInput(f"There is no stream called {request.stream!r}.", advice="Say main or sub.")
        if not 0 <= request.from_us < request.to_us or request.to_us - request.from_us > _LONGEST_PULL_US:
            raise BadInput("A pull is of a span up to 31 days.", advice="Give a start before the end.")
        if request.to_us > self._clock.now_us() + DAY_US:
            raise BadInput("The span lies in the future.", advice="Give times in UTC.")
        await self._keeper.pull(request)
        return Answer()


async def begin_devices(
    keeper: DeviceKeeper, opener: Opener, networks: list[str], clock: Clock
) -> Mapping[type[Request], Callable[[Any], Reply]]:
    """Start the device process where there are devices; the answers that this room gives."""
    await keeper.start()
    return DeviceAnswers(keeper, Turns(clock), opener, networks, clock).by_kind()
