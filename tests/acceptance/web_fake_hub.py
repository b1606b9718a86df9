"""A hub that is not one: serves the built control room and the HTTP contract with synthetic data.

For looking at pages and for the browser checks of `test_web_*.py`, before and without the real hub:
`python tests/acceptance/web_fake_hub.py --port 8799`, then sign in as `operator` with `correct horse battery`
(`new`, code `314-159`, must choose a password; `clerk` is refused a shift).
"""

import argparse
import asyncio
import io
import json
import secrets
import socket
import struct
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

if __package__:
    from . import web_fake_media as media
    from . import web_fake_town as town
else:
    import web_fake_media as media
    import web_fake_town as town

UI = Path(__file__).resolve().parents[2] / "src" / "belvedere" / "ui"
SECOND = 1_000_000
HOUR = 3600 * SECOND
PASSWORD = "correct horse battery"
CODE = "314-159"
SEGMENT_S = 60
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def now_us() -> int:
    return time.time_ns() // 1000


class World:
    """State of one fake hub: sessions, grants, exports, and a past."""

    def __init__(self) -> None:
        self.started_us = now_us() // SECOND * SECOND
        self.sessions: dict[str, dict[str, Any]] = {}
        self.grants: dict[str, dict[str, Any]] = {}
        self.exports: dict[str, dict[str, Any]] = {}
        self.entries: list[dict[str, Any]] = []
        self.tiles = town.pmtiles()
        self.states = {"bin-store": "denied", "ball-court": "waiting"}
        self.must_change = {"new"}

    def log(self, kind: str, summary: str, **facts: Any) -> None:
        self.entries.append(
            {"index": len(self.entries) + 41, "time_us": now_us(), "kind": kind, "summary": summary, "facts": facts}
        )

    def runs(self, camera: str) -> list[tuple[int, int, bool, str]]:
        """(start, end, imported, why it ended) of one camera; the last one grows unless the camera is in trouble."""
        number = [row[0] for row in town.CAMERAS].index(camera)
        base = self.started_us
        night = base - base % (24 * HOUR) - 3 * HOUR - HOUR // 2  # 20:30 UTC yesterday
        out = [(night + number * 20 * SECOND, night + 2 * HOUR, True, "import_end")]
        out.append((base - 4 * HOUR, base - 2 * HOUR - number * 60 * SECOND, False, "camera_unreachable"))
        if camera not in self.states:
            out.append((base - 2 * HOUR + 300 * SECOND, now_us(), False, ""))
        else:
            out.append((base - 2 * HOUR + 300 * SECOND, base - 1500 * SECOND, False, "camera_silent"))
        return out

    def camera(self, row: tuple[Any, ...]) -> dict[str, Any]:
        name, number = row[0], town.CAMERAS.index(row)
        state = self.states.get(name, "recording")
        lon, lat = town.position(row[3], row[4])
        message = {"denied": "The camera refused the password.", "waiting": "No frame for 25 minutes."}.get(state, "")

        def stream(width: int, height: int, rate: float) -> dict[str, Any]:
            return {
                "state": state,
                "message": message,
                "codec": "h264",
                "width": width,
                "height": height,
                "fps": 15.0 if number % 3 else 25.0,
                "bits_per_second": rate if state == "recording" else 0.0,
                "gop_seconds": 2.0,
                "last_frame_us": now_us() if state == "recording" else self.started_us - 1500 * SECOND,
                "reconnects": number % 4,
                "lost_packets": 0,
                "clock_error_us": None if state == "denied" else (number - 5) * 9_400_000,
            }

        return {
            "id": name,
            "name": row[1],
            "site": "alder",
            "place": row[2],
            "lat": lat,
            "lon": lon,
            "bearing_deg": row[5],
            "fov_deg": row[6],
            "range_m": row[7],
            "height_m": 5.5,
            "view": town.view(*row[3:8]),
            "main": stream(1920, 1080, 2.4e6),
            "sub": stream(640, 360, 3.6e5),
            "state": state,
            "message": message,
            "first_us": self.started_us - 30 * 24 * HOUR,
            "bytes_kept": 880_000_000_000 + number * 7_000_000_000,
        }


def fault(status: int, code: str, message: str, advice: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, "advice": advice}}, status_code=status)


def _session(request: Request) -> dict[str, Any] | None:
    found: dict[str, Any] | None = request.app.state.world.sessions.get(request.cookies.get("belvedere"))
    return found


async def session(request: Request) -> Response:
    world: World = request.app.state.world
    if request.method == "POST":
        body = await request.json()
        name = body["username"]
        if not (name in ("operator", "clerk") and body["password"] == PASSWORD) and not (
            name == "new" and body["password"] in (CODE, PASSWORD)
        ):
            return fault(
                401, "not_signed_in", "That name and password do not match.", "Check both, or ask for a new code."
            )
        key = secrets.token_hex(16)
        world.sessions[key] = {
            "user": {"id": name, "name": name, "display": name.title(), "role": "operator"},
            "csrf": secrets.token_hex(8),
            "must_change_password": name in world.must_change,
        }
        world.log("session.opened", "Signed in")
        answer = JSONResponse(world.sessions[key])
        answer.set_cookie("belvedere", key, httponly=True, samesite="strict")
        return answer
    found = _session(request)
    if found is None:
        return fault(401, "not_signed_in", "Nobody is signed in.", "Sign in.")
    if request.method == "DELETE":
        world.sessions.pop(request.cookies["belvedere"])
        return Response(status_code=204)
    return JSONResponse(found)


async def password(request: Request) -> Response:
    found = _session(request)
    if found is None:
        return fault(401, "not_signed_in", "Nobody is signed in.", "Sign in.")
    found["must_change_password"] = False
    return Response(status_code=204)


async def grants(request: Request) -> Response:
    world: World = request.app.state.world
    found = _session(request)
    if found is None:
        return fault(401, "not_signed_in", "Nobody is signed in.", "Sign in.")
    if request.method == "POST":
        body = await request.json()
        if found["user"]["id"] == "clerk" and body["purpose"] == "duty":
            return fault(
                403,
                "refused",
                "You are not on the rota for Alder Grove today.",
                "Ask the duty officer to put you on it.",
            )
        grant = {
            "id": secrets.token_hex(8),
            "purpose": body["purpose"],
            "purpose_text": "Duty shift" if body["purpose"] == "duty" else "Investigation",
            "case": body.get("case", ""),
            "cameras": body.get("cameras") or [row[0] for row in town.CAMERAS],
            "from_us": now_us() - 31 * 24 * HOUR,
            "to_us": now_us() + 8 * HOUR,
            "actions": ["live", "playback", "export"],
            "issued_us": now_us(),
            "expires_us": now_us() + 8 * HOUR,
            "masked": False,
            "user_name": found["user"]["display"],
        }
        world.grants[grant["id"]] = grant
        world.log("grant.issued", f"{grant['purpose_text']} for 12 cameras", grant=grant["id"])
        return JSONResponse(grant)
    if request.method == "DELETE":
        world.grants.pop(request.path_params["id"], None)
        world.log("grant.ended", "Ended by the person", grant=request.path_params["id"])
        return Response(status_code=204)
    return JSONResponse({"grants": list(world.grants.values())})


async def cameras(request: Request) -> Response:
    world: World = request.app.state.world
    rows = [world.camera(row) for row in town.CAMERAS]
    return JSONResponse({"site": {"id": "alder", "name": "Alder Grove", "state": "up"}, "cameras": rows})


async def health(request: Request) -> Response:
    world: World = request.app.state.world
    disk = {"name": "footage", "bytes_total": 16_000_000_000_000, "bytes_free": 5_310_000_000_000}
    site = {
        "id": "alder",
        "name": "Alder Grove",
        "state": "up",
        "version": "0.1.0",
        "started_us": world.started_us - 8 * 24 * HOUR,
        "disks": [disk | {"state": "ok", "message": ""}],
    }
    return JSONResponse({"now_us": now_us(), "sites": [site], "cameras": []})


async def town_map(request: Request) -> Response:
    places = {"type": "FeatureCollection", "features": []}
    return JSONResponse(
        {
            "centre": [town.LON, town.LAT],
            "zoom": 16.4,
            "tiles": "/map/town.pmtiles",
            "attribution": "Alder Grove is invented",
            "places": places,
        }
    )


def ranged(request: Request, data: bytes, kind: str) -> Response:
    first, last = request.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")
    start, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
    head = {"Content-Range": f"bytes {start}-{end}/{len(data)}", "Accept-Ranges": "bytes"}
    return Response(data[start : end + 1], status_code=206, media_type=kind, headers=head)


async def tiles(request: Request) -> Response:
    return ranged(request, request.app.state.world.tiles, "application/octet-stream")


REASONS = {
    "camera_unreachable": "The camera could not be reached.",
    "camera_silent": "The camera sent nothing.",
    "import_end": "The imported file ended here.",
    "": "Nothing was recorded.",
}


async def timeline(request: Request) -> Response:
    world: World = request.app.state.world
    query = request.query_params
    start, end = int(query["from_us"]), int(query["to_us"])
    lanes = []
    for camera in query["cameras"].split(","):
        runs, gaps, at, reason = [], [], start, ""
        for first, last, imported, why in world.runs(camera):
            if last > start and first < end:
                if first > at:
                    gaps.append(
                        {"start_us": at, "end_us": first, "reason": reason or "unknown", "text": REASONS[reason]}
                    )
                runs.append(
                    {
                        "start_us": max(first, start),
                        "end_us": min(last, end),
                        "imported": imported,
                        "lost_packets": 0,
                        "growing": not why,
                    }
                )
                at = last
            reason = why
        stop = min(end, now_us())
        if stop - at > SECOND:
            gaps.append({"start_us": at, "end_us": stop, "reason": reason or "unknown", "text": REASONS[reason]})
        lanes.append({"id": camera, "runs": runs, "gaps": gaps})
    return JSONResponse({"from_us": start, "to_us": end, "cameras": lanes})


def _film(camera: str) -> media.Film:
    return media.film([row[0] for row in town.CAMERAS].index(camera) % 4)


async def playlist(request: Request) -> Response:
    world: World = request.app.state.world
    camera, query = request.path_params["camera"], request.query_params
    start, end = int(query["from_us"]), int(query["to_us"])
    film, lines, growing, last_run = _film(camera), [], False, -1
    sizes = [len(film.gop(k)) for k in range(10)]
    for number, (first, last, _imported, why) in enumerate(world.runs(camera)):
        whole = (last - first) // SECOND
        low, high = max(0, (start - first) // SECOND), min(whole, -(-(end - first) // SECOND))
        for gop in range(low, high):
            if number != last_run:
                if last_run >= 0:
                    lines.append("#EXT-X-DISCONTINUITY")
                lines.append(f'#EXT-X-MAP:URI="/api/play/{camera}/sub/init/0.mp4?grant={query["grant"]}"')
                last_run = number
            stamp = (first + gop * SECOND) / SECOND
            iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp)) + f".{int(stamp * 1000) % 1000:03d}Z"
            segment, offset = gop // SEGMENT_S, sum(sizes[k % 10] for k in range(gop // SEGMENT_S * SEGMENT_S, gop))
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{iso}")
            lines.append(f"#EXTINF:1.0,\n#EXT-X-BYTERANGE:{sizes[gop % 10]}@{offset}")
            lines.append(f"/api/play/{camera}/sub/{number * 100000 + segment}.m4s?grant={query['grant']}")
        growing = growing or (not why and high >= whole > low)
    if last_run < 0:
        return fault(404, "not_found", "No footage of this camera in that time.", "Choose another time.")
    head = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:1",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if growing else 'VOD'}",
    ]
    tail = [] if growing else ["#EXT-X-ENDLIST"]
    return Response("\n".join([*head, *lines, *tail, ""]), media_type="application/vnd.apple.mpegurl")


async def init(request: Request) -> Response:
    return Response(_film(request.path_params["camera"]).init, media_type="video/mp4")


async def segment(request: Request) -> Response:
    number = int(request.path_params["segment"]) % 100000
    film = _film(request.path_params["camera"])
    data = b"".join(film.gop(number * SEGMENT_S + k) for k in range(SEGMENT_S))
    return ranged(request, data, "video/iso.segment")


async def exports(request: Request) -> Response:
    world: World = request.app.state.world
    if request.method == "POST":
        body = await request.json()
        export = {key: body[key] for key in ("name", "cameras", "start_us", "end_us")}
        export |= {
            "id": secrets.token_hex(4),
            "made_us": now_us(),
            "made_by": "Operator",
            "message": "",
            "state": "working",
        }
        export |= {"progress": 0.0, "bytes": 0, "sha256": ""}
        world.exports[export["id"]] = export
        world.log("export.made", f"Exported {len(export['cameras'])} cameras", name=export["name"])
        return JSONResponse(export, status_code=201)
    for export in world.exports.values():
        if export["state"] == "working":
            export["progress"] = min(1.0, (now_us() - export["made_us"]) / (2 * SECOND))
            if export["progress"] >= 1:
                export |= {"state": "ready", "bytes": 48_211_004, "sha256": "3f7a" * 16}
    return JSONResponse({"exports": sorted(world.exports.values(), key=lambda e: -e["made_us"])})


async def pack(request: Request) -> Response:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("manifest.json", "{}")
    head = {"Content-Disposition": 'attachment; filename="pack.zip"'}
    return Response(target.getvalue(), media_type="application/zip", headers=head)


async def audit(request: Request) -> Response:
    world: World = request.app.state.world
    before = request.query_params.get("before")
    rows = [row for row in reversed(world.entries) if before is None or row["index"] < int(before)][:50]
    point = {"size": len(world.entries) + 41, "root": "Zm9yIGxvb2tpbmcgYXQgdGhlIHBhZ2Ugb25seQ==", "signed_us": now_us()}
    return JSONResponse({"entries": rows, "next": None, "checkpoint": point})


async def live(socket_: WebSocket) -> None:
    """Frames at their pace, one task a tile; a tile in trouble is told its state only."""
    world: World = socket_.app.state.world
    await socket_.accept()
    tasks: dict[int, asyncio.Task[None]] = {}
    lock = asyncio.Lock()

    async def say(word: dict[str, Any]) -> None:
        async with lock:
            await socket_.send_text(json.dumps(word))

    async def part(tile: int, flags: int, data: bytes) -> None:
        async with lock:
            await socket_.send_bytes(struct.pack(">HBBIQ", tile, flags, 0, 0, now_us()) + data)

    async def show(tile: int, camera: str) -> None:
        state = world.states.get(camera, "recording")
        if state != "recording":
            await say({"op": "state", "tile": tile, "state": state, "message": ""})
            return
        film = _film(camera)
        start = {"op": "start", "tile": tile, "codec": "h264", "codec_string": film.codec_string}
        await say(start | {"width": film.width, "height": film.height})
        await part(tile, 1, film.init)
        frame = (int(time.time()) % 5000) * media.FPS
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await part(tile, 2 if frame % media.GOP_FRAMES == 0 else 0, film.frame(frame))
            frame += 1
            due += 1 / media.FPS
            await asyncio.sleep(max(0.0, due - loop.time()))

    try:
        while True:
            word = json.loads(await socket_.receive_text())
            if word["op"] == "play":
                tasks[word["tile"]] = asyncio.create_task(show(word["tile"], word["camera"]))
            elif word["tile"] in tasks:
                tasks.pop(word["tile"]).cancel()
    except WebSocketDisconnect:
        pass
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def page(request: Request) -> Response:
    wanted = (UI / request.path_params["path"]).resolve()
    if wanted.is_file() and wanted.is_relative_to(UI):
        return FileResponse(wanted)
    return FileResponse(UI / "index.html")


class Headers(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        answer = await call_next(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer


def build() -> Starlette:
    routes = [
        Route("/api/session", session, methods=["GET", "POST", "DELETE"]),
        Route("/api/password", password, methods=["POST"]),
        Route("/api/grants", grants, methods=["GET", "POST"]),
        Route("/api/grants/{id}", grants, methods=["DELETE"]),
        Route("/api/cameras", cameras),
        Route("/api/health", health),
        Route("/api/map", town_map),
        Route("/map/{name}", tiles),
        Route("/api/timeline", timeline),
        Route("/api/play/{camera}/{stream}.m3u8", playlist),
        Route("/api/play/{camera}/{stream}/init/{config}.mp4", init),
        Route("/api/play/{camera}/{stream}/{segment}.m4s", segment),
        Route("/api/exports", exports, methods=["GET", "POST"]),
        Route("/api/exports/{id}/pack", pack),
        Route("/api/audit/mine", audit),
        WebSocketRoute("/api/live", live),
        Route("/{path:path}", page),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Headers)])
    app.state.world = World()
    return app


class FakeHub:
    """The fake hub on a port of its own, in a thread."""

    def __init__(self, port: int = 0) -> None:
        self.socket = socket.create_server(("127.0.0.1", port))
        self.app = build()
        config = uvicorn.Config(
            self.app, log_level="error", lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    @property
    def world(self) -> World:
        world: World = self.app.state.world
        return world

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=10)
        self.socket.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8799)
    hub = FakeHub(parser.parse_args().port)
    hub.start()
    print(hub.url, flush=True)
    hub.thread.join()
