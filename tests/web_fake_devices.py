"""ONVIF devices of the fake hub: two cameras, one of which can be moved."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from web_fake_play import fault
from web_fake_world import SECOND, now_us

MOVABLE = "car-park"


class Devices:
    """What the devices were told, and who holds the one that moves."""

    def __init__(self) -> None:
        self.orders: list[tuple[float, float, float]] = []
        self.gone_to: list[str] = []
        self.released = 0
        self.refused = 0
        self.holder = ""  # "" nobody, "Operator" who is signed in
        self.presets = {"1": "Entrance", "2": "Pay machine"}

    def turn(self) -> dict[str, Any]:
        free_us = now_us() + 10 * SECOND if self.holder else 0
        return {"camera": MOVABLE, "holder": self.holder, "mine": self.holder == "Operator", "free_us": free_us}


def devices_of(app: Any) -> Devices:
    """The devices of one fake hub, made at the first use."""
    if not hasattr(app.state, "devices"):
        app.state.devices = Devices()
    found: Devices = app.state.devices
    return found


async def listed(request: Request) -> Response:
    known = devices_of(request.app)
    rows = [
        {
            "camera": camera,
            "state": "watching",
            "message": "",
            "manufacturer": "Belvedere Works",
            "model": "Heron PTZ" if camera == MOVABLE else "Sparrow 2",
            "firmware": "1.4.2",
            "serial": "BW-0042",
            "ptz": camera == MOVABLE,
            "events": True,
            "archive": False,
            "clock_error_us": -23 * SECOND,
            "clock_uncertainty_us": 120_000,
            "clock_seen_us": now_us() - 20 * SECOND,
            "dropped_events": 0,
            **(known.turn() if camera == MOVABLE else {"holder": "", "mine": False, "free_us": 0}),
        }
        for camera in ("north-gate", MOVABLE)
    ]
    return JSONResponse({"now_us": now_us(), "devices": rows})


def _event(kind: str, active: bool, ago_s: int) -> dict[str, Any]:
    at_us = now_us() - ago_s * SECOND
    return {"kind": kind, "source": "source-1", "active": active, "camera_us": at_us, "arrival_us": at_us}


async def tampers(request: Request) -> Response:
    return JSONResponse({"now_us": now_us(), "events": [_event("tamper", False, 60), _event("tamper", True, 90)]})


async def events(request: Request) -> Response:
    rows = [
        _event("motion", True, 5),
        _event("input", True, 30),
        _event("tamper", False, 60),
        _event("tamper", True, 90),
    ]
    return JSONResponse({"now_us": now_us(), "events": rows})


async def act(request: Request) -> Response:
    known = devices_of(request.app)
    body = await request.json() if request.method == "POST" else {}
    grant = body.get("grant") or request.query_params.get("grant")
    if grant not in request.app.state.world.grants:
        return fault(403, "refused", "You hold no such access, or it was ended.", "Ask for access.")
    what = request.path_params["act"]
    if what == "presets" and request.method == "GET":
        return JSONResponse({"presets": [{"token": token, "name": name} for token, name in known.presets.items()]})
    if known.holder not in ("", "Operator"):
        known.refused += 1
        return fault(
            403, "refused", f"{known.holder} is moving this camera.", "It is free 10 s after they stop, or ask them."
        )
    if what == "presets":
        known.presets[str(len(known.presets) + 1)] = body["name"]
        return JSONResponse({"presets": [{"token": token, "name": name} for token, name in known.presets.items()]})
    known.holder = "" if what == "release" else "Operator"
    if what == "release":
        known.released += 1
    elif what == "move":
        known.orders.append((body["pan"], body["tilt"], body["zoom"]))
    elif what == "goto":
        known.gone_to.append(body["preset"])
    return JSONResponse(known.turn())


ROUTES = [
    Route("/api/devices", listed),
    Route("/api/devices/{camera}/tampers", tampers),
    Route("/api/devices/{camera}/events", events),
    Route("/api/devices/{camera}/{act}", act, methods=["GET", "POST"]),
]
