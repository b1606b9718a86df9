"""Devices over HTTP. How a device is shows no picture and nobody; what it reports of people, and moving it, need a grant.

Moving: the site opens the grant for each order and stops the camera by itself when orders cease. The log has each start of a
movement and each call of a preset, written before the camera moves; a refusal by the site follows it.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import BadInput, BelvedereError, NotFound
from belvedere.hub.access.doors import CurrentUser, granted, signed_in
from belvedere.hub.access.users import User
from belvedere.hub.devices.movements import Looks, Movements
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link import devices as link
from belvedere.policy.grant import Action
from belvedere.policy.table import Role

router = Room("devices")

PTZ_MOVED = "ptz.moved"
PTZ_PRESET = "ptz.preset"
PTZ_KEPT = "ptz.kept"
PTZ_REFUSED = "ptz.refused"
VIEW_EVENTS = "view.events"

# A higher rank takes a camera over; of the same rank, whoever came first keeps it.
RANKS: dict[str, int] = {Role.OPERATOR: 10, Role.SUPERVISOR: 20, Role.MANAGER: 30}

_LONGEST_US = 7 * DAY_US
_Id = Annotated[str, Field(max_length=64)]
_Name = Annotated[str, Query(max_length=64)]
_Moment = Annotated[int | None, Query(ge=0, lt=1 << 53, description="Microseconds, UTC.")]
_Speed = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
_Result = TypeVar("_Result")


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeviceOut(BaseModel):
    """One camera as a device. `state`: connecting, watching, waiting, denied. `clock_error_us` is camera minus site.

    `holder` moves it now ("" nobody, `mine` when that is you) and is free to others at `free_us`.
    """

    camera: str
    state: str
    message: str
    manufacturer: str
    model: str
    firmware: str
    serial: str
    ptz: bool
    events: bool
    archive: bool
    clock_error_us: int | None
    clock_uncertainty_us: int
    clock_seen_us: int
    dropped_events: int
    holder: str
    mine: bool
    free_us: int


class DeviceList(BaseModel):
    now_us: int
    devices: list[DeviceOut]


class EventOut(BaseModel):
    """A change that the camera reported. `kind`: motion, tamper, input. `camera_us` is by the camera's own clock."""

    kind: str
    source: str
    active: bool
    camera_us: int | None
    arrival_us: int


class EventList(BaseModel):
    now_us: int
    events: list[EventOut]


class TurnOut(BaseModel):
    camera: str
    holder: str
    mine: bool
    free_us: int


class PresetOut(BaseModel):
    token: str
    name: str


class PresetList(BaseModel):
    presets: list[PresetOut]


class GrantIn(_In):
    grant: _Id


class MoveIn(GrantIn):
    """Speeds to the right, up, and in; all 0 stops it. It stops by itself after `seconds`."""

    pan: _Speed = 0.0
    tilt: _Speed = 0.0
    zoom: _Speed = 0.0
    seconds: Annotated[int, Field(ge=1, le=5)] = 1


class GoIn(GrantIn):
    preset: Annotated[str, Field(min_length=1, max_length=64)]


class KeepIn(GrantIn):
    """`preset`: the one to put the present view in place of; empty for a new one."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    preset: Annotated[str, Field(max_length=64)] = ""


def _kept(connection: HTTPConnection, name: str, kind: type[_Result], make: Callable[[], _Result]) -> _Result:
    """What this hub remembers for the room, made at the first use."""
    found = getattr(connection.app.state, name, None)
    if not isinstance(found, kind):
        found = make()
        setattr(connection.app.state, name, found)
    return found


def _movements(request: Request) -> Movements:
    return _kept(request, "movements", Movements, lambda: Movements(hub_of(request).clock))


def rank_of(user: User) -> int:
    """What the site is told of the person's highest role."""
    return max((RANKS.get(role, 0) for role in user.roles), default=0)


@router.get("/api/devices")
@signed_in
async def devices(request: Request, user: CurrentUser) -> DeviceList:
    """Every camera with an ONVIF device: what it is, whether it answers, its clock, who moves it. 502: the site is away."""
    hub = hub_of(request)
    told = await hub.fleet.everywhere(link.GetDevices(), link.Devices)
    found = link.Devices(tuple(device for one in told for device in one.devices))
    now_us = hub.clock.now_us()
    return DeviceList(now_us=now_us, devices=[_device_out(each, user, now_us) for each in found.devices])


@router.get("/api/devices/{camera}")
@signed_in
async def device(camera: str, request: Request, user: CurrentUser) -> DeviceOut:
    """One of them. 404: the camera has none."""
    for each in (await devices(request, user)).devices:
        if each.camera == camera:
            return each
    raise NotFound(
        "This camera has no ONVIF device.", advice="`belvedere camera onvif HOST --attach CAMERA` says which it is."
    )


def _device_out(each: link.DeviceState, user: User, now_us: int) -> DeviceOut:
    fields = {name: getattr(each, name) for name in DeviceOut.model_fields if name not in ("mine", "free_us")}
    free_us = now_us + each.free_in_us if each.holder else 0
    return DeviceOut(**fields, mine=bool(each.holder) and each.holder_id == user.id, free_us=free_us)


@router.get("/api/devices/{camera}/tampers")
@signed_in
async def tampers(camera: str, request: Request) -> EventList:
    """The newest reports of tampering in the last day, newest first. They tell of the camera, not of people."""
    hub = hub_of(request)
    now_us = hub.clock.now_us()
    ask = link.GetDeviceEvents((camera[:64],), max(0, now_us - DAY_US), now_us, newest=True)
    return _events_out(await hub.link.ask(ask, link.DeviceEvents), now_us, 20)


@router.get("/api/devices/{camera}/events")
@granted(Action.PLAYBACK)
async def events(
    camera: str,
    request: Request,
    user: CurrentUser,
    grant: _Name,
    from_us: _Moment = None,
    to_us: _Moment = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> EventList:
    """The newest motion, tampering and inputs that the camera reported, newest first; the last day if no span is given.

    The span is cut to what the grant covers; 7 days at most. Looking is logged once a grant, camera and day.
    """
    hub = hub_of(request)
    now_us = hub.clock.now_us()
    end_us = now_us if to_us is None else min(to_us, now_us)
    start_us = max(0, end_us - DAY_US) if from_us is None else from_us
    if not start_us < end_us or end_us - start_us > _LONGEST_US:
        raise BadInput("A span is at most 7 days, and not empty.", advice="Give `from_us` before `to_us`.")
    held = next((each for each in await hub.grants.live(user) if each.id == grant), None)
    if held is not None and held.from_us < end_us and start_us < held.to_us:
        start_us, end_us = max(start_us, held.from_us), min(end_us, held.to_us)
    usable = await hub.grants.use(user, grant, Action.PLAYBACK, [camera], start_us=start_us, end_us=end_us)
    looks = _kept(request, "device_looks", Looks, Looks)
    if looks.fresh(grant, camera, start_us, end_us):
        facts = {"grant": grant, "camera": camera, "start_us": start_us, "end_us": end_us}
        await hub.audit.append(VIEW_EVENTS, user.id, facts)
        looks.logged(grant, camera, start_us, end_us)
    ask = link.GetDeviceEvents((camera,), start_us, end_us, usable.wire, newest=True)
    return _events_out(await hub.link.ask(ask, link.DeviceEvents), now_us, limit)


def _events_out(found: link.DeviceEvents, now_us: int, limit: int) -> EventList:
    rows = [
        EventOut(
            kind=each.kind,
            source=each.source,
            active=each.active,
            camera_us=each.camera_us,
            arrival_us=each.arrival_us,
        )
        for each in reversed(found.events[-limit:])
    ]
    return EventList(now_us=now_us, events=rows)


def _turn_out(request: Request, turn: link.Turn, *, mine: bool) -> TurnOut:
    free_us = hub_of(request).clock.now_us() + turn.free_in_us if turn.holder else 0
    return TurnOut(camera=turn.camera, holder=turn.holder, mine=mine and bool(turn.holder), free_us=free_us)


async def _told(request: Request, user: User, facts: dict[str, Any], order: Awaitable[_Result]) -> _Result:
    """What the site answers to an order that stands in the log; its refusal is put beside it."""
    try:
        return await order
    except BelvedereError as error:
        refused = {"grant": facts["grant"], "camera": facts["camera"], "reason": error.message}
        await hub_of(request).audit.append(PTZ_REFUSED, user.id, refused)
        raise


@router.post("/api/devices/{camera}/move")
@granted(Action.PTZ)
async def move(camera: str, body: MoveIn, request: Request, user: CurrentUser) -> TurnOut:
    """Move, go on moving, or stop. 403 says who moves it already."""
    hub = hub_of(request)
    usable = await hub.grants.use(user, body.grant, Action.PTZ, [camera])
    stops = not (body.pan or body.tilt or body.zoom)
    if not stops:
        await hub.dwell.moved(user.id, usable.grant, camera)
    moving = _movements(request)
    order = link.MoveCamera(
        usable.wire, camera, rank_of(user), body.pan, body.tilt, body.zoom, 1 if stops else body.seconds
    )
    if stops:
        moving.ended(user.id, camera)
        return _turn_out(request, await hub.link.ask(order, link.Turn, reuse=False), mine=True)
    facts = {"grant": body.grant, "camera": camera, "pan": body.pan, "tilt": body.tilt, "zoom": body.zoom}
    if moving.begins(user.id, camera):
        await hub.audit.append(PTZ_MOVED, user.id, facts)
    try:
        turn = await _told(request, user, facts, hub.link.ask(order, link.Turn, reuse=False))
    except BelvedereError:
        moving.ended(user.id, camera)
        raise
    moving.goes_on(user.id, camera, body.seconds)
    return _turn_out(request, turn, mine=True)


@router.post("/api/devices/{camera}/release")
@granted(Action.PTZ)
async def release(camera: str, body: GrantIn, request: Request, user: CurrentUser) -> TurnOut:
    """Stop it and let others. Does nothing while somebody else moves it."""
    hub = hub_of(request)
    usable = await hub.grants.use(user, body.grant, Action.PTZ, [camera])
    _movements(request).ended(user.id, camera)
    order = link.GiveBackCamera(usable.wire, camera)
    return _turn_out(request, await hub.link.ask(order, link.Turn, reuse=False), mine=False)


@router.get("/api/devices/{camera}/presets")
@granted(Action.PTZ)
async def presets(camera: str, request: Request, user: CurrentUser, grant: _Name) -> PresetList:
    """Positions that the camera remembers."""
    hub = hub_of(request)
    usable = await hub.grants.use(user, grant, Action.PTZ, [camera])
    return _presets_out(await hub.link.ask(link.GetPresets(usable.wire, camera), link.Presets))


def _presets_out(found: link.Presets) -> PresetList:
    return PresetList(presets=[PresetOut(token=each.token, name=each.name) for each in found.presets])


@router.post("/api/devices/{camera}/goto")
@granted(Action.PTZ)
async def go(camera: str, body: GoIn, request: Request, user: CurrentUser) -> TurnOut:
    """Turn to a preset."""
    hub = hub_of(request)
    usable = await hub.grants.use(user, body.grant, Action.PTZ, [camera])
    await hub.dwell.moved(user.id, usable.grant, camera, body.preset)
    facts = {"grant": body.grant, "camera": camera, "preset": body.preset}
    await hub.audit.append(PTZ_PRESET, user.id, facts)
    order = link.GoToPreset(usable.wire, camera, rank_of(user), body.preset)
    turn = await _told(request, user, facts, hub.link.ask(order, link.Turn, reuse=False))
    return _turn_out(request, turn, mine=True)


@router.post("/api/devices/{camera}/presets")
@granted(Action.PTZ)
async def keep(camera: str, body: KeepIn, request: Request, user: CurrentUser) -> PresetList:
    """Remember where it looks now, as a new preset or in place of one; answers with all."""
    hub = hub_of(request)
    usable = await hub.grants.use(user, body.grant, Action.PTZ, [camera])
    facts = {"grant": body.grant, "camera": camera, "name": body.name, "preset": body.preset}
    await hub.audit.append(PTZ_KEPT, user.id, facts)
    order = link.KeepPreset(usable.wire, camera, rank_of(user), body.name, body.preset)
    return _presets_out(await _told(request, user, facts, hub.link.ask(order, link.Presets, reuse=False)))
