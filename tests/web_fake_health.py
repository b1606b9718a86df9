"""What the fake hub says of health: two cameras in trouble, one that looks odd, months with a bad one, planned work."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import web_fake_town as town
from belvedere.hub.health.words import WORDS
from web_fake_play import fault
from web_fake_world import HOUR, SECOND, World, now_us

_MINUTE = 60 * SECOND
_DAY = 24 * HOUR


class FakeHealth:
    """Tickets and planned work of one fake hub."""

    def __init__(self, started_us: int) -> None:
        self.tickets = {
            each["id"]: each
            for each in (
                _ticket(
                    "t1",
                    "bin-store",
                    "password",
                    started_us - 26 * HOUR,
                    1,
                    "Main stream: the camera refused the password.",
                ),
                _ticket(
                    "t2",
                    "ball-court",
                    "no_picture",
                    started_us - 25 * _MINUTE,
                    3,
                    "Main stream: no frame for 25 minutes.",
                ),
                _ticket(
                    "t3",
                    "north-gate",
                    "moved",
                    started_us - 3 * HOUR,
                    1,
                    "Edges lie elsewhere: 12% alike with the usual view.",
                ),
                _ticket(
                    "t4",
                    "footage",
                    "disk_headroom",
                    started_us - 4 * _DAY,
                    2,
                    "Full in about 5.2 days; then the oldest footage goes early.",
                    "disk",
                ),
                _ticket("t5", "playground", "gaps", started_us - 9 * _DAY, 41, "Main stream: 11 gaps in the last hour.")
                | {"closed_us": started_us - 8 * _DAY, "closed_why": "healthy", "owner": "Acme CCTV"},
            )
        }
        self.outages: list[dict[str, Any]] = [
            {
                "id": "o1",
                "camera": "ball-court",
                "start_us": started_us + 20 * HOUR,
                "end_us": started_us + 23 * HOUR,
                "reason": "Lamp post 14 is replaced",
                "declared_by": "Mo Manager",
                "declared_us": started_us - HOUR,
            }
        ]


def _ticket(
    key: str, where: str, kind: str, first_us: int, times: int, detail: str, subject: str = "camera"
) -> dict[str, Any]:
    names = {row[0]: row[1] for row in town.CAMERAS}
    words = WORDS[kind]
    return {
        "id": key,
        "site_id": "alder",
        "subject": subject,
        "subject_id": where,
        "kind": kind,
        "detail": detail,
        "first_us": first_us,
        "last_us": now_us(),
        "times": times,
        "closed_us": None,
        "closed_why": "",
        "closed_by": "",
        "reason": "",
        "owner": "",
        "visit_us": None,
        "name": names.get(where, where),
        "title": words.title,
        "advice": words.advice,
        "hint": words.hint,
        "notes": [],
    }


def _health(request: Request) -> FakeHealth:
    world: World = request.app.state.world
    found: FakeHealth | None = getattr(request.app.state, "health", None)
    if found is None:
        found = request.app.state.health = FakeHealth(world.started_us)
    return found


async def now(request: Request) -> Response:
    """As /api/health, with the cameras."""
    world: World = request.app.state.world
    rows = []
    for row in town.CAMERAS:
        camera = world.camera(row)
        streams = [{"stream": kind, **camera[kind]} for kind in ("main", "sub")]
        one = {key: camera[key] for key in ("id", "name", "state", "first_us", "bytes_kept")}
        rows.append(one | {"enabled": True, "streams": streams})
    disk = {"name": "footage", "bytes_total": 16_000_000_000_000, "bytes_free": 5_310_000_000_000}
    site = {
        "id": "alder",
        "name": "Alder Grove",
        "state": "up",
        "version": "0.1.0",
        "started_us": world.started_us - 8 * _DAY,
        "disks": [disk | {"state": "ok", "message": ""}],
    }
    return JSONResponse({"now_us": now_us(), "sites": [site], "cameras": rows})


def _stream_day(kind: str, number: int) -> dict[str, Any]:
    at = now_us()
    gaps = [
        {"start_us": at - (n + 1) * HOUR, "end_us": at - (n + 1) * HOUR + 40 * SECOND, "reason": "camera_unreachable"}
        for n in range(number % 4)
    ]
    return {
        "stream": kind,
        "gaps_today": len(gaps),
        "missing_today_us": len(gaps) * 40 * SECOND,
        "gaps_day": len(gaps),
        "missing_day_us": len(gaps) * 40 * SECOND,
        "gaps": gaps,
        "reasons": {"camera_unreachable": len(gaps)} if gaps else {},
        "reconnects_day": len(gaps) + 1,
        "lost_day": number * 3,
        "clock_error_us": (number - 5) * 9_400_000,
        "drift_ppm": number * 11.5,
    }


async def day(request: Request) -> Response:
    cameras = [
        {
            "id": row[0],
            "streams": [_stream_day("main", number), _stream_day("sub", 0)],
            "hints": [
                {
                    "kind": "moved",
                    "title": WORDS["moved"].title,
                    "since_us": now_us() - 3 * HOUR,
                    "rests_on": "Edges lie elsewhere: 12% alike with the usual view.",
                }
            ]
            if row[0] == "north-gate"
            else [],
            "outage": "",
        }
        for number, row in enumerate(town.CAMERAS)
    ]
    disks = [{"name": "footage", "days_left": 5.2, "kept_days": 25.1, "pending_bytes": 1_200_000}]
    return JSONResponse({"answered": True, "cameras": cameras, "disks": disks, "outages": _health(request).outages})


async def uptime(request: Request) -> Response:
    def month(name: str, missing_us: int, planned_us: int) -> dict[str, Any]:
        expected_us = 21 * _DAY
        recorded_us = expected_us - missing_us - planned_us
        return {
            "month": name,
            "expected_us": expected_us,
            "recorded_us": recorded_us,
            "planned_us": planned_us,
            "missing_us": missing_us,
            "reasons": {"camera_unreachable": missing_us} if missing_us else {},
            "percent": 100 * recorded_us / (expected_us - planned_us),
        }

    wanted = ["2026-09", "2026-10", "2026-11"][-int(request.query_params.get("months", "3")) :]
    cameras = [
        {
            "id": row[0],
            "stream": "main",
            "months": [
                month(name, (number % 5) * (n + 1) * 20 * _MINUTE, (number % 3) * HOUR) for n, name in enumerate(wanted)
            ],
        }
        for number, row in enumerate(town.CAMERAS)
    ]
    return JSONResponse({"now_us": now_us(), "cameras": cameras})


async def tickets(request: Request) -> Response:
    ask = request.query_params
    state = ask.get("state", "open")
    rows = [
        each
        for each in _health(request).tickets.values()
        if state == "all" or (each["closed_us"] is None) == (state == "open")
        if ask.get("kind", each["kind"]) == each["kind"] and ask.get("camera", each["subject_id"]) == each["subject_id"]
        if ask.get("owner", each["owner"]) == each["owner"]
    ]
    rows.sort(key=lambda each: -each["first_us"])
    return JSONResponse({"now_us": now_us(), "tickets": rows, "next": None, "open_by_kind": {}})


async def ticket(request: Request) -> Response:
    found = _health(request).tickets.get(request.path_params["id"])
    if found is None:
        return fault(404, "not_found", "There is no such ticket.", "Reload the list.")
    act = request.path_params.get("act", "")
    if request.method == "PUT":
        found |= await request.json()
    elif act == "notes":
        text = (await request.json())["text"]
        found["notes"].append({"id": secrets.token_hex(4), "time_us": now_us(), "by": "Operator", "text": text})
    elif act == "close":
        reason = (await request.json())["reason"]
        found |= {"closed_us": now_us(), "closed_why": "by_hand", "closed_by": "Operator", "reason": reason}
    return JSONResponse(found)


ROUTES = [
    Route("/api/health", now),
    Route("/api/health/day", day),
    Route("/api/health/uptime", uptime),
    Route("/api/tickets", tickets),
    Route("/api/tickets/{id}", ticket, methods=["GET", "PUT"]),
    Route("/api/tickets/{id}/{act}", ticket, methods=["POST"]),
]
