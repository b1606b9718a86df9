"""Every route says who may call it, and that is enforced, WebSockets included."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, WebSocket
from fastapi.routing import iter_route_contexts
from starlette.routing import Route
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Origin

from belvedere.hub.access.doors import DoorKind, door_of, granted, public, roles, session_key_of, signed_in, user_of
from belvedere.hub.app import ROOMS, create_app, routes_of
from belvedere.policy.grant import Action
from hub_stage import hub_stage, served

# What anybody may call. A line more here is a decision, not an accident.
PUBLIC = {
    "/healthz",
    "/healthz/ready",
    "/api/session",
    "/api/session/passkey",
    "/api/session/council",
    "/api/session/council/begin",
    "/api/session/council/logout",
    "/api/session/council/passkey",
    "/api/session/passkey/begin",
    "/log/checkpoint",
    "/log/cosignature",
    "/log/key",
    "/log/tile/{path:path}",
    "/log/timestamps/{name}",
    "/log/verify.html",
    "/log/witnessed",
    "/log/witnesses",
    "/metrics",
    "/openapi.json",
    "/page/{token}",
    "/{path:path}",
}


async def test_every_route_declares_its_door(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        found = list(routes_of(stage.app))
        assert len(found) >= 15
        assert [path for path, endpoint, enforced in found if door_of(endpoint) is None or not enforced] == []
        open_ones = {
            path for path, endpoint, _ in found if (door := door_of(endpoint)) and door.kind is DoorKind.PUBLIC
        }
        assert open_ones == PUBLIC


async def test_strangers_get_nothing_but_what_is_public(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as browser:
        for context in iter_route_contexts(stage.app.routes):
            door = door_of(context.endpoint)
            assert door is not None and context.path is not None
            if door.kind is DoorKind.PUBLIC or context.methods is None:
                continue
            path = context.path
            for name in ("grant_id", "camera_id", "export_id", "camera", "stream", "config_id", "segment", "name"):
                path = path.replace(f"{{{name}}}", "x")
            for method in context.methods:
                answer = await browser.request(method, path)
                assert answer.status_code == 401, (method, path, answer.text)
                assert answer.json()["error"]["code"] == "not_signed_in"


def _no_hub() -> Any:
    raise AssertionError("not opened in this test")


def test_the_hub_refuses_to_start_with_an_undeclared_route() -> None:
    room = APIRouter()

    @room.get("/api/secret")
    async def secret() -> str:
        return "secret"

    @room.websocket("/api/feed")
    async def feed(websocket: WebSocket) -> None:
        await websocket.accept()

    with pytest.raises(RuntimeError, match="/api/feed, /api/secret"):
        create_app(_no_hub, rooms=(*ROOMS, room))


def test_a_route_that_would_slip_past_the_door_is_refused() -> None:
    room = APIRouter()

    @public
    async def plain(request: Any) -> Any:
        raise AssertionError

    room.routes.append(Route("/api/plain", plain))
    with pytest.raises(RuntimeError, match="/api/plain"):
        create_app(_no_hub, rooms=(room,))


def _room() -> APIRouter:
    room = APIRouter()

    @room.get("/api/dpo")
    @roles("dpo")
    async def dpo() -> str:
        return "for the DPO"

    @room.websocket("/api/feed")
    @granted(Action.LIVE)
    async def feed(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json({"user": user_of(websocket).name, "key": session_key_of(websocket)})
        await websocket.close()

    @room.get("/api/broken")
    @signed_in
    async def broken() -> str:
        raise ZeroDivisionError("inside")

    return room


async def test_roles_are_enforced(tmp_path: Path) -> None:
    async with hub_stage(tmp_path, rooms=(*ROOMS, _room())) as stage:
        async with stage.signed_in() as operator:
            answer = await operator.get("/api/dpo")
            assert answer.status_code == 403 and "dpo" in answer.json()["error"]["advice"]
        async with stage.signed_in("dora", "dpo") as dora:
            assert (await dora.get("/api/dpo")).json() == "for the DPO"


async def test_a_fault_tells_strangers_nothing_of_the_inside(tmp_path: Path) -> None:
    async with hub_stage(tmp_path, rooms=(*ROOMS, _room())) as stage, stage.signed_in() as browser:
        with capture_logs() as logs:
            answer = await browser.get("/api/broken")
        assert [entry["event"] for entry in logs] == ["request_broke"]
        assert answer.status_code == 500 and "inside" not in answer.text and "Zero" not in answer.text


async def test_websockets_pass_the_same_door(tmp_path: Path) -> None:
    async with (
        hub_stage(tmp_path, rooms=(*ROOMS, _room())) as stage,
        stage.signed_in() as browser,
        served(stage.app) as address,
    ):
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        url = f"ws://{address}/api/feed"
        async with connect(url, additional_headers=cookie, origin=Origin(f"http://{address}")) as feed:
            told = json.loads(await feed.recv())
            assert told["user"] == "ann" and stage.hub.sessions.alive(told["key"])
        refused: list[tuple[dict[str, str], str | None, int, str]] = [
            ({}, None, 4401, "not_signed_in"),
            ({"Cookie": "belvedere=guess"}, None, 4401, "not_signed_in"),
            (cookie, "http://evil.test", 4403, "refused"),
        ]
        for headers, origin, code, word in refused:
            chosen = None if origin is None else Origin(origin)
            async with connect(url, additional_headers=headers, origin=chosen) as feed:
                assert json.loads(await feed.recv())["code"] == word
                with pytest.raises(ConnectionClosedError) as closed:
                    await feed.recv()
                assert closed.value.rcvd is not None and closed.value.rcvd.code == code
        with pytest.raises(InvalidStatus):
            await connect(f"ws://{address}/api/nothing", additional_headers=cookie)
