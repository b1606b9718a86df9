"""A hub that is not one: serves the built control room and the HTTP contract with synthetic data.

For looking at pages and for the browser checks of `test_web_*.py`, before and without the real hub:
`python tests/web_fake_hub.py --port 8799`, then sign in as `operator` with `correct horse battery`
(`new`, code `314-159`, must choose a password; `clerk` is refused a shift).
"""

import argparse
import io
import secrets
import socket
import threading
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

import web_fake_devices as devices
import web_fake_health as health
import web_fake_town as town
from web_fake_activity import activity, moved
from web_fake_play import fault, init, live, playlist, ranged, segment, timeline
from web_fake_world import HOUR, SECOND, World, now_us

UI = Path(__file__).resolve().parents[1] / "src" / "belvedere" / "ui"
PASSWORD = "correct horse battery"
CODE = "314-159"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


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
            "user": {"id": name, "name": name, "display": name.title(), "role": "operator", "roles": ["operator"]},
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


async def leave(_request: Request) -> Response:
    return JSONResponse({"url": ""})


async def password(request: Request) -> Response:
    found = _session(request)
    if found is None:
        return fault(401, "not_signed_in", "Nobody is signed in.", "Sign in.")
    found["must_change_password"] = False
    return Response(status_code=204)


async def passkeys(_request: Request) -> Response:
    key = {
        "id": "passkey_1",
        "name": "This computer",
        "synced": True,
        "added_us": now_us() - 24 * HOUR,
        "used_us": now_us(),
    }
    return JSONResponse({"passkeys": [{**key, "this": True}], "why_not": "", "advice": ""})


async def sessions(_request: Request) -> Response:
    open_one = {"agent": "Chrome on Linux", "address": "10.1.2.3", "by": "passkey", "expires_us": now_us() + 8 * HOUR}
    times = {"created_us": now_us() - HOUR, "used_us": now_us()}
    return JSONResponse(
        {"sessions": [{"id": key, "this": key == "a", **open_one, **times} for key in ("a", "b")]},
    )


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
            "actions": ["live", "playback", "export", "ptz"],
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


async def tiles(request: Request) -> Response:
    return ranged(request, request.app.state.world.tiles, "application/octet-stream")


async def exports(request: Request) -> Response:
    world: World = request.app.state.world
    if request.method == "POST":
        body = await request.json()
        export = {key: body[key] for key in ("name", "cameras", "start_us", "end_us")}
        export |= {
            "id": secrets.token_hex(4),
            "made_us": now_us(),
            "made_by": "Operator",
            "kind": body.get("kind") or "evidence",
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
        Route("/api/session/council/leave", leave),
        Route("/api/password", password, methods=["POST"]),
        Route("/api/passkeys", passkeys),
        Route("/api/sessions", sessions),
        Route("/api/grants", grants, methods=["GET", "POST"]),
        Route("/api/grants/{id}", grants, methods=["DELETE"]),
        Route("/api/cameras", cameras),
        *health.ROUTES,
        *devices.ROUTES,
        Route("/api/map", town_map),
        Route("/map/{name}", tiles),
        Route("/api/timeline", timeline),
        Route("/api/activity", activity),
        Route("/api/activity/moved", moved),
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
