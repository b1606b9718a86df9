"""Alder Grove brought to life: map, register, cameras, last night's footage."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console

from belvedere.cli.supervise import Child, Line
from belvedere.demo.cameras import CAMERAS
from belvedere.demo.maps import write_map
from belvedere.demo.scene import CameraPlan
from belvedere.demo.serve import USERNAME, camera_password
from belvedere.demo.town import build_town, to_lonlat
from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.settings import Settings
from belvedere.hub.register.cameras import Camera, open_register
from belvedere.link.client import SiteLink
from belvedere.link.devices import PutDevice
from belvedere.link.messages import Answer
from belvedere.site.imports.recording import examine
from belvedere.site.imports.session import import_recording

log = structlog.get_logger()
_console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Part:
    """A site that has some of the estate's cameras, by id."""

    settings: Settings
    link: SiteLink
    cameras: tuple[str, ...]


class Estate:
    """Brings Alder Grove to life: map, register, cameras, last night's footage."""

    def __init__(self, settings: Settings, clock: Clock, lines: asyncio.Queue[Line], parts: Sequence[Part]) -> None:
        """`settings`: the hub's. `lines`: what the demo's cameras say. `parts`: the sites that share the cameras."""
        self._settings = settings
        self._part_of = {camera: part for part in parts for camera in part.cameras}
        self._clock = clock
        self._lines = lines
        self._live: dict[str, set[str]] = {camera.id: set() for camera in CAMERAS}
        self._port = 0
        self._devices: dict[str, int] = {}  # ports, by camera; empty once they are attached
        self._told = -1
        self._task: asyncio.Task[None] | None = None
        self._noted = settings.demo_folder / "imported.json"

    async def furnish(self) -> None:
        """Map and register, as far as they are not there already: what people must find when they first look."""
        await asyncio.to_thread(self._furnish)

    async def begin(self, cameras: Child) -> None:
        """Let the sites know their cameras. `cameras`, the sites and the hub are running; the estate is furnished."""
        self._port = int(cameras.ready_line["port"])
        for (
            camera
        ) in CAMERAS:  # off until its films are on the server: a camera that is away is asked again only after a minute
            await self._put(camera, enabled=False)
        self._task = asyncio.create_task(self._follow())

    async def report(self) -> None:
        """Open the cases of last night, and have it searched, once there are people to work on them."""
        from belvedere.cli.estate_analysis import order_analysis  # here: nothing waits for them
        from belvedere.cli.estate_cases import open_cases

        sites = sorted({part.settings.site.id for part in self._part_of.values()})
        try:
            await asyncio.to_thread(open_cases, self._settings, self._clock)
            await asyncio.to_thread(order_analysis, self._settings, self._clock, sites)
        except BelvedereError as error:
            log.warning("the demo could not open its cases", error=str(error))

    def _furnish(self) -> None:
        self._settings.demo_folder.mkdir(parents=True, exist_ok=True)
        if not (self._settings.map_folder / "map.json").exists():
            write_map(self._settings.map_folder, build_town())
        with open_register(self._settings, self._clock) as register:
            known = {camera.id: camera for camera in register.list_cameras()}
            for plan in CAMERAS:
                before = known.get(plan.id)
                camera = replace(self._entry(plan), created_us=before.created_us if before else 0)
                if camera != before:  # the log tells of every entry that is written
                    register.put_camera(camera)

    def _entry(self, plan: CameraPlan) -> Camera:
        lon, lat = to_lonlat(plan.x, plan.y)
        return Camera(
            id=plan.id,
            site=self._part_of[plan.id].settings.site.id,
            name=plan.name,
            place="Alder Grove",
            lat=lat,
            lon=lon,
            bearing_deg=plan.bearing_deg,
            fov_deg=plan.fov_deg,
            range_m=plan.range_m,
            height_m=plan.height_m,
        )

    async def _put(self, camera: CameraPlan, *, enabled: bool) -> None:
        login = f"{USERNAME}:{camera_password(self._settings)}"
        base = f"rtsp://{login}@127.0.0.1:{self._port}/{camera.id}"
        link = self._part_of[camera.id].link
        await link.put_camera(camera.id, camera.name, f"{base}/main", f"{base}/sub", enabled)

    async def _attach(self) -> None:
        """Say which ONVIF device each camera is, once all are live: pictures come first. As `camera onvif --attach` does."""
        if not self._devices or any(streams != {"main", "sub"} for streams in self._live.values()):
            return
        ports, self._devices = self._devices, {}
        for camera, port in ports.items():
            address = f"http://127.0.0.1:{port}/onvif/device_service"
            asked = PutDevice(camera, address, USERNAME, camera_password(self._settings))
            await self._part_of[camera].link.ask(asked, Answer, reuse=False)

    async def _follow(self) -> None:
        """Act on what the demo's cameras say, for as long as the demo runs."""
        plans = {camera.id: camera for camera in CAMERAS}
        while True:
            line = await self._lines.get()
            try:
                if "live" in line:
                    streams = self._live[line["live"]]
                    streams.add(line["stream"])
                    if streams == {"main", "sub"}:
                        await self._put(plans[line["live"]], enabled=True)
                        await self._attach()
                elif "devices" in line:
                    self._devices = line["devices"]
                elif "night" in line:
                    await asyncio.to_thread(self._import, line["night"])
                elif "progress" in line:
                    self._tell_progress(line["progress"], line["of"])
                elif "trouble" in line:
                    _console.print(f"[yellow]{line['trouble']}[/yellow]")
            except BelvedereError as error:
                log.warning("the demo could not act on a line", line=line, error=str(error))

    def _tell_progress(self, done: int, of: int) -> None:
        if done == self._told:
            return
        self._told = done
        if done == of:
            night = "; last night is there to review" if self._noted.exists() else ""
            _console.print(f"All {of} films of the demo are made{night}.")
        elif done and done % 4 == 0:
            _console.print(f"Making the demo's pictures: {done} of {of} films. You can look around meanwhile.")

    def _import(self, film: dict[str, Any]) -> None:
        """Bring in one film of last night through the ordinary import path, once."""
        noted = set(json.loads(self._noted.read_text())) if self._noted.exists() else set()
        mark = f"{film['camera']} {film['stream']} {film['start_us']}"
        if mark in noted:
            return
        import_recording(
            self._part_of[film["camera"]].settings.ingest_socket,
            examine(Path(film["path"])),
            camera=film["camera"],
            stream_kind=film["stream"],
            start_us=film["start_us"],
        )
        part = self._noted.with_suffix(".part")
        part.write_text(json.dumps(sorted(noted | {mark})))
        part.replace(self._noted)
