"""Cameras with their state and view, health, the map. Nothing here shows a picture, so nothing here needs a grant."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from belvedere.foundation.errors import NotFound
from belvedere.hub.access.doors import signed_in
from belvedere.hub.pages import file_answer
from belvedere.hub.reach import hub_of
from belvedere.hub.register.cameras import Camera
from belvedere.hub.register.map import SERVED, TILES
from belvedere.hub.room import Room
from belvedere.link.messages import CameraStatus, SiteStatus, StreamStatus

router = Room("register")

_UNKNOWN = "unknown"
_AWAY = "The site is away."
_WORST_FIRST = ("denied", "refused", "waiting", "connecting", "recording", "imported", "off")


class _FromAttributes(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class StreamOut(_FromAttributes):
    state: str
    message: str
    codec: str
    width: int
    height: int
    fps: float
    bits_per_second: float
    gop_seconds: float
    last_frame_us: int
    reconnects: int
    lost_packets: int
    clock_error_us: int | None
    rate_control: str = ""
    clock_source: str = ""


class CameraOut(BaseModel):
    id: str
    name: str
    site: str
    place: str
    lat: float | None
    lon: float | None
    bearing_deg: float | None
    fov_deg: float | None
    range_m: float | None
    height_m: float | None
    view: dict[str, Any] | None
    main: StreamOut | None
    sub: StreamOut | None
    state: str
    message: str
    first_us: int | None
    bytes_kept: int


class SiteOut(BaseModel):
    """`state`: ok, away, or full: its disk has no room for it to start, so nothing is recorded."""

    id: str
    name: str
    state: str


class CameraList(BaseModel):
    """`site`: the first of `sites`, which is the one on the hub's own machine where there is one."""

    site: SiteOut
    sites: list[SiteOut]
    cameras: list[CameraOut]


class DiskOut(_FromAttributes):
    name: str
    bytes_total: int
    bytes_free: int
    state: str
    message: str


class SiteHealth(SiteOut):
    """`confinement`: bubblewrap, landlock or limits, what holds the decoders there; "" while it is not known."""

    version: str
    started_us: int | None
    disks: list[DiskOut]
    confinement: str = ""
    confinement_words: str = ""


class StreamHealth(StreamOut):
    stream: str


class CameraHealth(BaseModel):
    id: str
    name: str
    enabled: bool
    state: str
    first_us: int | None
    bytes_kept: int
    streams: list[StreamHealth]


class Health(BaseModel):
    now_us: int
    sites: list[SiteHealth]
    cameras: list[CameraHealth]


class MapOut(BaseModel):
    centre: tuple[float, float] | None
    zoom: float
    tiles: str | None
    attribution: str
    places: dict[str, Any]


def _sites_out(request: Request, found: Mapping[str, SiteStatus | None]) -> list[SiteOut]:
    """All sites that belong to the hub, the one on its own machine first. Blocks."""
    hub = hub_of(request)
    names, full = {site.id: site.name for site in hub.register.sites()}, hub.fleet.full()
    return [
        SiteOut(
            id=site,
            name=names.get(site, site),
            state="ok" if status is not None else "full" if site in full else "away",
        )
        for site, status in found.items()
    ]


def _worst(streams: tuple[StreamStatus, ...]) -> StreamStatus | None:
    order = {state: place for place, state in enumerate(_WORST_FIRST)}
    return min(streams, key=lambda stream: order.get(stream.state, 0), default=None)


def _camera_out(camera: Camera, state: CameraStatus | None, away: str, view: dict[str, Any] | None) -> CameraOut:
    """`away`: why its site says nothing of it; "" where it answers."""
    streams = {} if state is None else {stream.stream: stream for stream in state.streams}
    worst = None if state is None else _worst(state.streams)
    if worst is not None:
        shown, message = worst.state, worst.message
    elif state is not None:
        shown, message = "off", "This camera is switched off." if not state.enabled else "It has no stream."
    else:
        shown = _UNKNOWN
        message = away or "The site does not know this camera."
    main, sub = streams.get("main"), streams.get("sub")
    return CameraOut(
        id=camera.id,
        name=camera.name,
        site=camera.site,
        place=camera.place,
        lat=camera.lat,
        lon=camera.lon,
        bearing_deg=camera.bearing_deg,
        fov_deg=camera.fov_deg,
        range_m=camera.range_m,
        height_m=camera.height_m,
        view=view,
        main=StreamOut.model_validate(main) if main is not None else None,
        sub=StreamOut.model_validate(sub) if sub is not None else None,
        state=shown,
        message=message,
        first_us=state.first_us if state is not None else None,
        bytes_kept=state.bytes_kept if state is not None else 0,
    )


async def _cameras_out(request: Request, only: str | None = None) -> tuple[list[SiteOut], list[CameraOut]]:
    hub = hub_of(request)
    found = await hub.fleet.statuses()
    states = {
        (site, each.camera): each for site, status in found.items() if status is not None for each in status.cameras
    }
    full = hub.fleet.full()
    away = {site: full.get(site, _AWAY) for site in found if found[site] is None}

    def make() -> tuple[list[SiteOut], list[CameraOut]]:
        cameras = hub.register.list_cameras() if only is None else [hub.register.camera(only)]
        return _sites_out(request, found), [
            _camera_out(
                camera,
                states.get((camera.site, camera.id)),
                away.get(camera.site, "" if camera.site in found else _AWAY),
                hub.map.view(camera),
            )
            for camera in cameras
        ]

    return await run_in_threadpool(make)


@router.get("/api/cameras")
@signed_in
async def cameras(request: Request) -> CameraList:
    """All cameras, by name."""
    sites, found = await _cameras_out(request)
    first = sites[0] if sites else SiteOut(id="", name="No site yet", state="away")
    return CameraList(site=first, sites=sites, cameras=found)


@router.get("/api/cameras/{camera_id}")
@signed_in
async def camera(camera_id: str, request: Request) -> CameraOut:
    """One camera."""
    return (await _cameras_out(request, camera_id))[1][0]


@router.get("/api/health")
@signed_in
async def health(request: Request) -> Health:
    """How the sites, their disks and every stream do."""
    hub = hub_of(request)
    found = await hub.fleet.statuses()
    sites = await run_in_threadpool(_sites_out, request, found)
    told = [_site_health(site, found[site.id]) for site in sites]
    cameras = [_camera_health(each) for status in found.values() if status is not None for each in status.cameras]
    return Health(now_us=hub.clock.now_us(), sites=told, cameras=cameras)


def _site_health(site: SiteOut, status: SiteStatus | None) -> SiteHealth:
    if status is None:
        return SiteHealth(**site.model_dump(), version="", started_us=None, disks=[])
    disks = [DiskOut.model_validate(disk) for disk in status.disks]
    here = SiteHealth(**site.model_dump(), version=status.version, started_us=status.started_us, disks=disks)
    if status.ingest is not None:
        here.confinement, here.confinement_words = status.ingest.confinement, status.ingest.words
    return here


def _camera_health(told: CameraStatus) -> CameraHealth:
    worst = _worst(told.streams)
    return CameraHealth(
        id=told.camera,
        name=told.name,
        enabled=told.enabled,
        state=worst.state if worst is not None else "off",
        first_us=told.first_us,
        bytes_kept=told.bytes_kept,
        streams=[StreamHealth.model_validate(stream) for stream in told.streams],
    )


@router.get("/api/map")
@signed_in
def map_info(request: Request) -> MapOut:
    """Where the map opens, and what lies under it. `tiles` is null, and `centre` may be, where nobody brought a map."""
    hub = hub_of(request)
    info = hub.map.info()
    centre = info.centre
    if centre is None:
        placed = [
            (each.lon, each.lat)
            for each in hub.register.list_cameras()
            if each.lon is not None and each.lat is not None
        ]
        if placed:
            centre = (sum(lon for lon, _ in placed) / len(placed), sum(lat for _, lat in placed) / len(placed))
    return MapOut(
        centre=centre,
        zoom=info.zoom,
        tiles=f"/map/{TILES}" if info.tiles else None,
        attribution=info.attribution,
        places=info.places,
    )


@router.get("/map/{name}", include_in_schema=False)
@signed_in
def map_file(name: str, request: Request) -> Response:
    """A file of the map, with HTTP ranges."""
    if name not in SERVED:
        raise NotFound(f"The map has no file {name}.", advice="See docs/reference/http.md.")
    media_type = "application/geo+json" if name.endswith(".geojson") else "application/vnd.pmtiles"
    return file_answer(hub_of(request).map.folder, name, media_type=media_type, headers={"Cache-Control": "no-cache"})
