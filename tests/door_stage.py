"""The hub with somebody of every role signed in, and a site that hands out marked pictures to whatever the hub lets through."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from belvedere.foundation.clock import HOUR_US
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import SignIn
from belvedere.link import devices
from belvedere.link.activity import Activity, AskMovement, CameraActivity, GetActivity, Movement
from belvedere.link.channel import Channel, ChannelClosed
from belvedere.link.masked import MaskedPiece, ReadMasked
from belvedere.link.messages import (
    Answer,
    CameraTimeline,
    End,
    Failure,
    GetInit,
    GetPlaylist,
    GetTimeline,
    Init,
    LiveMedia,
    LiveStart,
    OpenLive,
    Piece,
    Playlist,
    ReadFootage,
    Reply,
    Request,
    Run,
    Timeline,
)
from belvedere.link.seeing import CountEvents, Covered, Event, EventCounts, Events, FindEvents, GetThumbnail, Thumbnail
from belvedere.link.wire import decode_request, encode
from belvedere.policy.table import Role
from hub_stage import CSRF, HubStage, ToldSite, gate, hub_stage, status_of

PICTURE = b"PICTURE-BYTES-OF-A-CAMERA"  # what no answer holds but by a fitting grant
NOBODY = "nobody"
WHO = (NOBODY, *(str(role) for role in Role))


def shown(request: Request) -> Reply | None:
    """What the site answers with a picture or with what tells of people in one; None: nothing of the kind was asked."""
    mark = PICTURE.decode()
    match request:
        case GetTimeline(cameras=cameras, from_us=from_us, to_us=to_us):
            run = Run(from_us, to_us, "", False, 0)
            return Timeline(tuple(CameraTimeline(camera, (run,)) for camera in cameras))
        case GetPlaylist(camera=camera, stream=stream, from_us=from_us, to_us=to_us):
            piece = Piece(1, "c1", 1, from_us, to_us - from_us, 0, 0, len(PICTURE))
            return Playlist(camera, stream, (piece,), False)
        case GetInit(config_id=config_id):
            return Init(config_id, "h264", "avc1.42c01e", 64, 36, PICTURE)
        case ReadMasked():
            return MaskedPiece("avc1.42c01e", 64, 36, PICTURE, PICTURE, False)
        case GetActivity(cameras=cameras, from_us=from_us, to_us=to_us, buckets=buckets):
            values = bytes([1] * buckets)
            strips = (CameraActivity(each, "sub", values, values, "variable", 0.9, True, mark) for each in cameras)
            return Activity(from_us, to_us, tuple(strips))
        case AskMovement(camera=camera):
            return Movement(camera, "yes", "packets", mark, (), 1, 1, 0)
        case devices.GetDeviceEvents(cameras=cameras, from_us=from_us, grant=grant):
            event = devices.DeviceEvent(cameras[0], "motion", mark, True, None, from_us)
            return devices.DeviceEvents((event,) if grant else ())
        case (
            devices.MoveCamera(camera=camera)
            | devices.GoToPreset(camera=camera)
            | devices.GiveBackCamera(camera=camera)
        ):
            return devices.Turn(camera, "Ann", 1)
        case devices.GetPresets() | devices.KeepPreset():
            return devices.Presets((devices.PresetEntry("1", mark),))
        case devices.GetDevices():
            return devices.Devices(())
        case FindEvents(cameras=searched, from_us=from_us, to_us=to_us):
            box = (0.4, 0.4, 0.6, 0.8)
            seen = tuple(
                Event(1, each.camera, "sub", 1, 0, 0, from_us, to_us, from_us, 0.9, box, 3, -1, 1, "m", mark)
                for each in searched
            )
            return Events(seen, tuple(Covered(each.camera, 1, 1, 0, 0) for each in searched), "", mark)
        case CountEvents(cameras=searched, from_us=from_us, step_us=step_us):
            return EventCounts(from_us, step_us, tuple((1,) for _ in searched))
        case GetThumbnail():
            return Thumbnail(PICTURE, 64, 36, 1)
    return None


@dataclass
class MarkedSite(ToldSite):
    """Gives PICTURE for everything that it is asked; that a grant fits, the hub alone decides here."""

    async def _serve(self, channel: Channel) -> None:
        try:
            while True:
                request = decode_request(await channel.receive())
                self.asked += 1
                match request:
                    case ReadFootage(start=start, end=end):
                        data = (PICTURE * ((end - start) // len(PICTURE) + 1))[: end - start]
                        parts: tuple[Reply | bytes, ...] = (Answer(), data, End())
                    case OpenLive():
                        start_of = LiveStart("h264", "avc1.42c01e", 64, 36, PICTURE)
                        parts = (Answer(), start_of, LiveMedia(True, 1, 0, PICTURE), End())
                    case _:
                        told = self.answer(request) or shown(request)
                        parts = (told or Failure("not_found", "This site knows nothing of it.", "Ask another."),)
                for part in parts:
                    await channel.send(encode(part))
        except ChannelClosed:
            return
        finally:
            await channel.close()


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of one role at their browser."""

    role: str
    browser: httpx.AsyncClient
    session: SignedIn
    token: str


@dataclass
class DoorStage:
    """The hub with the cameras gate and quay; `people` by role. Nobody is in it as a browser that is not signed in."""

    stage: HubStage
    people: dict[str, Somebody] = field(default_factory=dict)
    browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    @property
    def span(self) -> dict[str, int]:
        """An hour that every grant made here covers."""
        now_us = self.stage.clock.now_us()
        return {"from_us": now_us - 2 * HOUR_US, "to_us": now_us - HOUR_US}

    async def enter(self, role: str, name: str = "") -> Somebody:
        """Somebody of this role comes in; the session is opened as logging in would."""
        hub = self.stage.hub
        user, _ = await asyncio.to_thread(hub.users.create, name or f"{role.replace('_', '.')}.one", role)
        token, session = await asyncio.to_thread(hub.sessions.open, SignIn(user, False), "127.0.0.1")
        browser = self.stage.browser(**{CSRF: session.csrf, "Cookie": f"belvedere={token}"})
        return Somebody(role, browser, session, token)


@asynccontextmanager
async def door_stage(
    data: Path, monkeypatch: pytest.MonkeyPatch, access: str = "open_desk"
) -> AsyncIterator[DoorStage]:
    """The hub, open, somebody of every role in it."""
    monkeypatch.setenv("BELVEDERE_HUB__ACCESS", access)
    monkeypatch.setattr("hub_stage.ToldSite", MarkedSite)
    (data / "ui").mkdir()
    (data / "ui" / "index.html").write_text("<!doctype html><title>Belvedere</title>", "utf-8")
    async with hub_stage(data) as stage, AsyncExitStack() as stack:
        stage.site.status = status_of()
        stage.hub.register.put_camera(gate(id="quay", name="Quay"))
        found = DoorStage(stage)
        for role in Role:
            found.people[role] = somebody = await found.enter(role)
            found.browsers[str(role)] = await stack.enter_async_context(somebody.browser)
        found.browsers[NOBODY] = await stack.enter_async_context(stage.browser())
        yield found


async def socket_talk(
    app: FastAPI, path: str, query: Mapping[str, str], cookie: str, say: Mapping[str, Any]
) -> tuple[list[str | bytes], int]:
    """What a WebSocket is told until it has a picture, an error or is closed, and the code it was closed with (0: it was not).

    The page says `say` once it is let in, and leaves when it has its answer.
    """
    told: list[str | bytes] = []
    closed = 0
    arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    arriving.put_nowait({"type": "websocket.connect"})
    done = asyncio.Event()

    async def send(message: Any) -> None:
        nonlocal closed
        if message["type"] == "websocket.accept":
            arriving.put_nowait({"type": "websocket.receive", "text": json.dumps(say)})
        elif message["type"] == "websocket.send":
            text = message.get("text") or message.get("bytes")
            told.append(text)
            if PICTURE in (text if isinstance(text, bytes) else text.encode()) or '"error"' in str(text):
                done.set()
        elif message["type"] == "websocket.close":
            closed = message.get("code", 1000)
            done.set()

    headers = [(b"host", b"hub.test")] + ([(b"cookie", cookie.encode())] if cookie else [])
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": str(httpx.QueryParams(dict(query))).encode(),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("hub.test", 80),
        "subprotocols": [],
        "state": {},
        "extensions": {},
    }
    task = asyncio.create_task(app(scope, arriving.get, send))
    waiting = asyncio.create_task(done.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    arriving.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.gather(task, waiting, return_exceptions=True)
    if task.done() and not task.cancelled() and (fault := task.exception()) is not None:
        raise fault
    return told, closed
