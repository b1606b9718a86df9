"""Every address x every role x own and foreign camera x every state that a grant can be in.

What is expected comes from tests/door_table.py, which is written by hand, and not from the doors that the routes declare.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from belvedere.foundation.errors import Refused
from belvedere.hub.access.doors import Door, DoorKind, door_of
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.app import ROOMS, create_app
from belvedere.hub.evidence.store import READY, ExportRow, ExportStore
from belvedere.policy.grant import Action
from belvedere.policy.table import Role
from door_stage import NOBODY, PICTURE, WHO, DoorStage, Somebody, door_stage, socket_talk
from door_table import DOORS, ENTERING, MAY_HOLD, NOT_SET_UP, PUBLIC, SIGNED_IN

NAMED = "Your role ("  # how a door of roles begins its refusal
REFUSED = (401, 403, 404, 409, 422)
OWN, FOREIGN = "gate", "quay"
# Of a grant for OWN, but "elsewhere", which is one for FOREIGN.
STATES = ("none", "live", "expired", "ended", "of somebody else", "wrong action", "elsewhere")
LAST = "DELETE /api/session"  # what comes after would be refused
QUICK = {"GET /api/requests/changes": {"wait_s": "0"}}  # a long poll
WORDS = {DoorKind.PUBLIC: PUBLIC, DoorKind.ENTERING: ENTERING, DoorKind.SIGNED_IN: SIGNED_IN}


def _no_hub() -> Any:
    raise AssertionError("not opened in this test")


def _said(door: Door) -> str:
    """A declared door in the words of the table."""
    return WORDS.get(door.kind) or (door.action and str(door.action)) or " ".join(sorted(door.roles))


def test_every_route_and_socket_is_in_the_table_with_its_door() -> None:
    found = {}
    for context in iter_route_contexts(create_app(_no_hub, rooms=ROOMS).routes):
        door = door_of(context.endpoint)
        assert door is not None, context.path
        for method in context.methods or ("WS",):
            found[f"{method} {context.path}"] = _said(door)
    assert found == DOORS, "tests/door_table.py says otherwise: decide who may call it, then write it there"
    assert set(MAY_HOLD) == {str(role) for role in Role}


def _at(address: str, names: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Method and path of an address, its parameters filled in."""
    method, _, path = address.partition(" ")
    names = names or {}
    while "{" in path:
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        path = before + names.get(name.partition(":")[0], "1") + after
    return method, path


def _sound(address: str, who: str, answer: httpx.Response) -> None:
    """No fault of the hub, and a refusal that says what happened and what to do."""
    told = (address, who, answer.status_code, answer.text[:300])
    assert answer.status_code < 500 or (answer.status_code == 503 and address in NOT_SET_UP), told
    if answer.status_code >= 400 and not address.endswith("/{path:path}"):
        error = answer.json()["error"]
        assert error["code"] and error["message"], told
        assert error["advice"], told


async def test_every_address_lets_in_whom_the_table_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody and all roles at each address, with nothing in the request: the door comes before all else."""
    addresses = sorted((each for each in DOORS if not each.startswith("WS ")), key=lambda each: each == LAST)

    async def go_round(who: str, browser: httpx.AsyncClient) -> None:
        for address in addresses:
            door = DOORS[address]
            method, path = _at(address)
            body: dict[str, str] | None = None if method == "GET" else {}
            answer = await browser.request(method, path, json=body, params=QUICK.get(address))
            told = (address, who, answer.status_code, answer.text[:300])
            _sound(address, who, answer)
            assert PICTURE not in answer.content, told
            named = door in (PUBLIC, ENTERING, SIGNED_IN, *Action)
            if who == NOBODY and door != PUBLIC:
                assert answer.status_code == 401 and answer.json()["error"]["code"] == "not_signed_in", told
            elif who == NOBODY or named or who in door.split():
                assert NAMED not in answer.text and (who == NOBODY or answer.status_code != 401), told
            else:
                assert answer.status_code == 403 and NAMED in answer.text, told
            if door in list(Action):  # no grant was named
                assert answer.status_code in (400, 401, 403, 404), told

    async with door_stage(tmp_path, monkeypatch) as hub:
        assert set(hub.browsers) == set(WHO)
        await asyncio.gather(*(go_round(who, browser) for who, browser in hub.browsers.items()))


@dataclass(frozen=True, slots=True)
class Try:
    """A request for one camera that is right in everything, its grant to be put in. `shows`: the answer holds a picture."""

    query: Mapping[str, str | int] | None = None
    body: Mapping[str, object] | None = None
    names: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    shows: bool = False


def _tries(hub: DoorStage) -> dict[str, Callable[[str], Try]]:
    """How each address behind a grant is called; by camera."""
    span = hub.span
    marks = {"start_us": span["from_us"], "end_us": span["to_us"]}
    piece = {"stream": "sub", "segment": "1", "start": "0", "end": str(len(PICTURE)), "config_id": "c1"}

    def names(camera: str) -> dict[str, str]:
        return piece | {"camera": camera}

    moving = {"pan": 0.5, "tilt": 0, "zoom": 0, "seconds": 1}
    whole = {"Range": f"bytes=0-{len(PICTURE) - 1}"}
    folder = "/api/play/{camera}"
    masked = f"GET {folder}/masked/{{stream}}/{{segment}}/{{start}}-{{end}}"
    return {
        "GET /api/timeline": lambda camera: Try({"cameras": camera, **span}),
        "GET /api/activity": lambda camera: Try({"cameras": camera, **span}, shows=True),
        "GET /api/activity/moved": lambda camera: Try({"camera": camera, **span}, shows=True),
        f"GET {folder}/{{stream}}.m3u8": lambda camera: Try({**span}, names=names(camera)),
        f"GET {folder}/{{stream}}/init/{{config_id}}.mp4": lambda camera: Try({}, names=names(camera), shows=True),
        f"GET {folder}/{{stream}}/{{segment}}.m4s": lambda camera: Try({}, None, names(camera), whole, shows=True),
        f"{masked}/init.mp4": lambda camera: Try({}, names=names(camera), shows=True),
        f"{masked}.m4s": lambda camera: Try({}, names=names(camera), shows=True),
        "GET /api/devices/{camera}/events": lambda camera: Try({**span}, names=names(camera), shows=True),
        "GET /api/devices/{camera}/presets": lambda camera: Try({}, names=names(camera), shows=True),
        "POST /api/devices/{camera}/presets": lambda camera: Try(None, {"name": "Door"}, names(camera), shows=True),
        "POST /api/search": lambda camera: Try(None, {"facets": {"cameras": [camera], **span}}, shows=True),
        "POST /api/search/counts": lambda camera: Try(None, {"facets": {"cameras": [camera], **span}}),
        "GET /api/search/thumbnail/{camera}/{event}": lambda camera: Try(
            {"at_us": span["from_us"]}, names={"camera": camera, "event": "1"}, shows=True
        ),
        "POST /api/devices/{camera}/move": lambda camera: Try(None, moving, names(camera)),
        "POST /api/devices/{camera}/goto": lambda camera: Try(None, {"preset": "1"}, names(camera)),
        "POST /api/devices/{camera}/release": lambda camera: Try(None, {}, names(camera)),
        "POST /api/exports": lambda camera: Try(None, {"name": "Door", "cameras": [camera], **marks}),
    }


# They have tests of their own: below, a socket, a file that was made before, an answer to a question; in test_rules_hub, what a
# rule raised before.
APART = {
    "WS /api/live",
    "GET /api/exports/{export_id}/pack",
    "POST /api/dwell/notes",
    "GET /api/alarms/{alarm}/picture",
}


async def _grants(hub: DoorStage, somebody: Somebody, action: Action) -> dict[str, str]:
    """One's grants by state, as far as the policy gives this role any for `action`; "of somebody else" comes from elsewhere."""
    desk = hub.stage.hub.grants
    may = MAY_HOLD[somebody.role]
    of_case = somebody.role == Role.INVESTIGATOR

    async def give(camera: str, actions: frozenset[Action], **more: Any) -> str:
        purpose, case = ("investigation", "CR/26/1") if of_case else ("duty", "")
        wish = GrantAsk(purpose, frozenset({camera}), actions, case, **more)
        return (await desk.issue(somebody.session, wish)).id

    if action not in may:
        with pytest.raises(Refused):
            await give(OWN, frozenset({action}))
        if not may:
            return {}
        return {"wrong action": await give(OWN, may)}
    found = {
        "live": await give(OWN, frozenset({action})),
        "expired": await give(OWN, frozenset({action}), lasts_us=1),
        "ended": await give(OWN, frozenset({action})),
        "wrong action": await give(OWN, may - {action}),
        "elsewhere": await give(FOREIGN, frozenset({action})),
    }
    await desk.end(somebody.session.user, found["ended"])
    return found


def _fits(state: str, camera: str) -> bool:
    """Whether a grant in this state, held for the right action, opens this camera."""
    return (state, camera) in (("live", OWN), ("elsewhere", FOREIGN))


async def test_pictures_open_to_a_fitting_grant_and_to_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with door_stage(tmp_path, monkeypatch) as hub:
        tries = _tries(hub)
        behind = {address for address, door in DOORS.items() if door in list(Action)}
        assert set(tries) | APART == behind, "say in this test how the new address is called"
        actions = sorted({Action(DOORS[address]) for address in tries})
        held = {(who, each): await _grants(hub, hub.people[who], each) for who in MAY_HOLD for each in actions}
        other = await hub.enter("supervisor", "other")
        others = {each: (await _grants(hub, other, each))["live"] for each in actions}
        hub.stage.clock.advance(2)
        opened: list[tuple[str, str, str]] = []

        async def go_round(who: str, browser: httpx.AsyncClient) -> None:
            for address, make in tries.items():
                action = Action(DOORS[address])
                mine = held.get((who, action), {})
                known = {"none": "", "of somebody else": others[action], **mine}
                for state, grant in known.items():
                    for camera in (OWN, FOREIGN):
                        asked = make(camera)
                        method, path = _at(address, asked.names)
                        query = None if asked.query is None else {**asked.query, "grant": grant}
                        body = None if asked.body is None else {**asked.body, "grant": grant}
                        answer = await browser.request(method, path, params=query, json=body, headers=asked.headers)
                        told = (address, who, state, camera, answer.status_code, answer.text[:300])
                        _sound(address, who, answer)
                        if _fits(state, camera):
                            assert answer.status_code in (200, 201, 206), told
                            assert (PICTURE in answer.content) is asked.shows, told
                            opened.append((address, who, camera))
                        else:
                            assert answer.status_code in REFUSED and PICTURE not in answer.content, told
                            assert (answer.status_code == 401) is (who == NOBODY), told

        await asyncio.gather(*(go_round(who, browser) for who, browser in hub.browsers.items()))
        expected = [
            (address, who, camera)
            for address in tries
            for who, may in MAY_HOLD.items()
            for camera in (OWN, FOREIGN)
            if Action(DOORS[address]) in may
        ]
        assert sorted(opened) == sorted(expected)


async def test_live_pictures_open_to_a_fitting_grant_and_to_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with door_stage(tmp_path, monkeypatch) as hub:
        held = {who: await _grants(hub, hub.people[who], Action.LIVE) for who in MAY_HOLD}
        other = await hub.enter("supervisor", "other")
        of_other = (await _grants(hub, other, Action.LIVE))["live"]
        hub.stage.clock.advance(2)
        for who in WHO:
            cookie = "" if who == NOBODY else f"belvedere={hub.people[who].token}"
            for state, grant in {"none": "", "of somebody else": of_other, **held.get(who, {})}.items():
                for camera in (OWN, FOREIGN):
                    say = {"op": "play", "tile": 1, "camera": camera, "stream": "sub"}
                    told, closed = await socket_talk(hub.stage.app, "/api/live", {"grant": grant}, cookie, say)
                    seen = any(PICTURE in each for each in told if isinstance(each, bytes))
                    assert seen is _fits(state, camera), (who, state, camera, told, closed)
                    assert seen or not any(isinstance(each, bytes) for each in told)
                    if seen:
                        continue
                    error = json.loads(next(each for each in told if isinstance(each, str)))
                    assert error["op"] == "error" and error["message"] and error["advice"]
                    assert error["code"] == ("not_signed_in" if who == NOBODY else "refused")
                    entered = state in ("live", "elsewhere")  # let in, but not to this camera
                    assert closed == (4401 if who == NOBODY else 0 if entered else 4403), (who, state, camera, closed)


async def test_packs_and_notes_open_to_a_fitting_grant_and_to_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with door_stage(tmp_path, monkeypatch) as hub:
        settings, store = hub.stage.settings, ExportStore(hub.stage.hub.engine)
        settings.exports_folder.mkdir(parents=True, exist_ok=True)
        span = hub.span
        for who, somebody in hub.people.items():
            for camera in (OWN, FOREIGN):
                user = somebody.session.user
                made: dict[str, Any] = {"start_us": span["from_us"], "end_us": span["to_us"], "made_us": span["to_us"]}
                row = ExportRow(
                    id=f"{who}-{camera}", name="Door", note="", grant_id="gone", account_id=user.id, made_by="x",
                    cameras=(camera,), state=READY, progress=1.0, bytes=len(PICTURE), sha256="", message="", **made,
                )  # fmt: skip
                store.add(row)
                (settings.exports_folder / f"{row.id}.zip").write_bytes(PICTURE)
        kinds = (Action.EXPORT, Action.LIVE)
        held = {(who, each): await _grants(hub, hub.people[who], each) for who in MAY_HOLD for each in kinds}
        other = await hub.enter("supervisor", "other")
        others = {each: (await _grants(hub, other, each))["live"] for each in kinds}
        hub.stage.clock.advance(2)

        async def go_round(who: str, browser: httpx.AsyncClient) -> None:
            owner = Role.OPERATOR if who == NOBODY else who
            for state in STATES:
                for camera in (OWN, FOREIGN):
                    grants = [
                        others[each] if state == "of somebody else" else held.get((who, each), {}).get(state, "")
                        for each in kinds
                    ]
                    answer = await browser.get(f"/api/exports/{owner}-{camera}/pack", params={"grant": grants[0]})
                    told = (who, state, camera, answer.status_code, answer.text[:200])
                    fits = _fits(state, camera) and who in MAY_HOLD and Action.EXPORT in MAY_HOLD[who]
                    _sound("GET pack", who, answer)
                    assert (PICTURE in answer.content, answer.status_code == 200) == (fits, fits), told
                    note = {"grant": grants[1], "camera": camera, "kind": "immediate", "text": "A fight at the door"}
                    answer = await browser.post("/api/dwell/notes", json=note)
                    told = (who, state, camera, answer.status_code, answer.text[:200])
                    fits = _fits(state, camera) and who in MAY_HOLD and Action.LIVE in MAY_HOLD[who]
                    _sound("POST note", who, answer)
                    assert fits or answer.status_code in (401, 403), told
                    assert not fits or answer.status_code not in (401, 403), told

        await asyncio.gather(*(go_round(who, browser) for who, browser in hub.browsers.items()))
        someone, another = hub.browsers["operator"], held["operator", Action.EXPORT]["live"]
        answer = await someone.get(f"/api/exports/supervisor-{OWN}/pack", params={"grant": another})
        assert answer.status_code == 404 and PICTURE not in answer.content
