"""Requests made up from the hub's own description of its interface: nothing breaks, and nothing leaks.

schemathesis makes the requests, from `GET /openapi.json`; they are sent here, by everybody in turn, to one hub in this process.
Some name cameras, cases and grants that exist, so that they get further than the first check; some are bent, so that they fit
no description.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from requests import Request as Prepared
from schemathesis.core.result import Err
from schemathesis.schemas import APIOperation

from belvedere.hub.access.grants import GrantAsk
from belvedere.policy.grant import Action
from belvedere.policy.table import Role
from door_stage import NOBODY, PICTURE, WHO, DoorStage, Somebody, door_stage
from door_table import DOORS, ENTERING, MAY_HOLD, NOT_SET_UP, PUBLIC, SIGNED_IN

GRANT = "grant-of-whoever-asks"
LONG = 90.0  # seconds that one answer may take, on a machine that has much else to do
LONGEST_URL = 60_000  # bytes; the client that asks refuses longer ones itself
INSIDE = (b"Traceback", b"site-packages", b'File "', b"$argon2", b"PRIVATE KEY", b"sqlite3.", b"sqlalchemy")
ODD: tuple[Any, ...] = (
    None,
    "",
    -1,
    1 << 70,
    1.5,
    "\x00",
    "\u202e",
    "a" * 5000,
    [],
    {},
    ["\x00"],
    True,
    "../../etc/passwd",
)


@dataclass(frozen=True, slots=True)
class Made:
    """One request that was made up. `address`: which of the table."""

    address: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def by(self, grant: str) -> "Made":
        """The same with somebody's own grant."""
        return replace(self, url=self.url.replace(GRANT, grant), body=self.body.replace(GRANT.encode(), grant.encode()))


def _known(hub: DoorStage, case_id: str) -> dict[str, Any]:
    """What exists, by the names that parameters and fields have."""
    span = hub.span
    marks = {"start_us": span["from_us"], "end_us": span["to_us"], **span, "wait_s": 0}
    names = {
        "camera": "gate",
        "camera_id": "gate",
        "stream": "sub",
        "code": "duty",
        "purpose": "duty",
        "case_id": case_id,
    }
    return {**marks, **names, "grant": GRANT, "grant_id": GRANT, "export_id": "export-1", "cameras": ["gate"]}


def _put(values: Any, known: dict[str, Any], *, as_text: bool) -> None:
    """Put what exists in the place of what was made up."""
    if isinstance(values, dict):
        for name in values.keys() & known.keys():
            found = known[name]
            values[name] = ",".join(found) if as_text and isinstance(found, list) else found


def _bend(case: schemathesis.Case[Any], turn: int) -> None:
    """Make one part of a request something that nobody asked for."""
    odd = ODD[turn % len(ODD)]
    body: Any = case.body
    if isinstance(body, dict) and body:
        name = sorted(body)[turn % len(body)]
        body[name] = odd
    elif case.query:
        case.query[sorted(case.query)[turn % len(case.query)]] = str(odd)
    elif case.path_parameters:
        name = sorted(case.path_parameters)[turn % len(case.path_parameters)]
        case.path_parameters[name] = "%00" if turn % 2 else "a" * 300


def _requests(
    operation: APIOperation[Any, Any, Any, Any], count: int, known: dict[str, Any], *, bad: bool
) -> list[Made]:
    """`count` requests at most for one address, of three kinds in turn: as made up, of what exists, bent."""
    made: list[Made] = []
    mode = schemathesis.GenerationMode.NEGATIVE if bad else schemathesis.GenerationMode.POSITIVE

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def make(case: schemathesis.Case[Any]) -> None:
        kind = len(made) % 3
        if kind and not bad:
            _put(case.path_parameters, known, as_text=True)
            _put(case.query, known, as_text=True)
            _put(case.body, known, as_text=False)
        if kind == 2 and not bad:
            _bend(case, len(made) + len(operation.label))
        if case.query and "wait_s" in case.query:
            case.query["wait_s"] = 0
        ready = Prepared(**case.as_transport_kwargs(base_url="http://hub.test")).prepare()
        body = ready.body.encode() if isinstance(ready.body, str) else ready.body or b""
        assert isinstance(body, bytes)
        headers = {name: str(value) for name, value in ready.headers.items() if name.lower() == "content-type"}
        if len(str(ready.url)) > LONGEST_URL:
            return
        made.append(Made(operation.label, str(ready.method), str(ready.url), headers, body))

    try:
        make()
    except Unsatisfiable:  # everything fits this description
        assert bad, operation.label
    return made


def _made(hub: DoorStage, count: int, known: dict[str, Any], *, bad: bool = False) -> Iterator[list[Made]]:
    """Requests for each address."""
    schema = schemathesis.openapi.from_dict(hub.stage.app.openapi())
    seen = set()
    for found in schema.get_all_operations():
        assert not isinstance(found, Err), found
        operation = found.ok()
        seen.add(operation.label)
        yield _requests(operation, count, known, bad=bad)
    undescribed = {each for each in DOORS if not each.startswith("WS ")} - seen
    assert undescribed == set(_FILES) | {"GET /openapi.json"}, "describe it, or say here what is asked of it"
    for address, asks in _FILES.items():
        method = address.partition(" ")[0]
        yield [Made(address, method, f"http://hub.test{path}", {}, body) for path, body in asks]


_NAMES = ("x", "%00", "..%2F..%2Fhub.sqlite", "..%2f..%2fkeys%2fhub", "a" * 300, "%F0%9F%98%80")
# Files, and what programs of others ask for, are not in the description.
_FILES: dict[str, list[tuple[str, bytes]]] = {
    "GET /healthz": [("/healthz", b"")],
    "GET /healthz/ready": [("/healthz/ready?x=%00", b"")],
    "GET /log/checkpoint": [("/log/checkpoint?x=%00", b"")],
    "GET /log/key": [("/log/key", b"")],
    "GET /log/verify.html": [("/log/verify.html", b"")],
    "GET /log/witnessed": [("/log/witnessed", b"")],
    "GET /log/witnesses": [("/log/witnesses", b"")],
    "GET /metrics": [("/metrics", b"")],
    "GET /map/{name}": [(f"/map/{name}", b"") for name in _NAMES],
    "GET /log/timestamps/{name}": [(f"/log/timestamps/{name}", b"") for name in (*_NAMES, "2026-13-99.tsr")],
    "GET /log/tile/{path:path}": [
        (f"/log/tile/{name}", b"") for name in (*_NAMES, "0/000", "0/x001/000.p/999", "9/0", "entries/-1", "0/000.p/0")
    ],
    "GET /{path:path}": [(f"/{name}", b"") for name in (*_NAMES, "assets/../../hub.sqlite", "api/nothing")],
    "POST /log/cosignature": [("/log/cosignature", body) for body in (b"", b"\x00\xff", b"a" * 70_000, b"x\n1\n\n")],
}


def _askers(address: str, turn: int) -> set[str]:
    """Who sends it: somebody in turn, and somebody whom the door lets in."""
    door = DOORS[address]
    inside = [who for who, may in MAY_HOLD.items() if Action(door) in may] if door in list(Action) else door.split()
    if door in (PUBLIC, ENTERING, SIGNED_IN):
        inside = ["operator", "supervisor", "dpo"]
    return {WHO[turn % len(WHO)], inside[turn % len(inside)]}


@dataclass
class Senders:
    """Everybody, with a session that is opened anew when a request has ended it, and a grant where the role may have one."""

    hub: DoorStage
    people: dict[str, Somebody]
    grants: dict[str, str]
    entered: int = 0
    answered: int = 0
    served: int = 0
    wrong: list[str] = field(default_factory=list)

    async def _open(self, who: str) -> str:
        """A grant for everything that the role may do on one camera; "" for none."""
        if not MAY_HOLD[who]:
            return ""
        purpose, case = ("investigation", "CR/26/1") if who == Role.INVESTIGATOR else ("duty", "")
        wish = GrantAsk(purpose, frozenset({"gate"}), MAY_HOLD[who], case)
        return (await self.hub.stage.hub.grants.issue(self.people[who].session, wish)).id

    async def come(self, who: str) -> None:
        """Somebody of this role comes in, as a person of their own."""
        self.entered += 1
        self.people[who] = await self.hub.enter(who, f"{who.replace('_', '.')}.{self.entered}")
        self.grants[who] = await self._open(who)

    async def send(self, who: str, browser: httpx.AsyncClient, wanted: list[Made]) -> None:
        """Send them one after another, and look at what comes back."""
        for made in wanted:
            asked = made.by(self.grants.get(who, ""))
            async with asyncio.timeout(LONG):
                answer = await browser.request(asked.method, asked.url, content=asked.body, headers=asked.headers)
            self.answered += 1
            self.served += answer.is_success
            try:
                self._look(who, asked, answer)
            except AssertionError as error:  # the rest is looked at too
                self.wrong.append(str(error)[:1500])
            if who != NOBODY and answer.status_code == 401 and DOORS[made.address] != PUBLIC:
                await browser.aclose()
                await self.come(who)
                browser = self.people[who].browser
        if browser not in self.hub.browsers.values():
            await browser.aclose()

    def _look(self, who: str, asked: Made, answer: httpx.Response) -> None:
        told = (who, asked, answer.status_code, answer.text[:500])
        assert answer.status_code < 500 or (answer.status_code == 503 and asked.address in NOT_SET_UP), told
        if answer.status_code >= 400:
            error = answer.json()["error"]
            assert error["code"] and error["message"] and "advice" in error, told
        door = DOORS[asked.address]
        if PICTURE in answer.content:
            assert who != NOBODY and door in list(Action) and Action(door) in MAY_HOLD[who], told
        for inside in INSIDE:
            assert inside not in answer.content, told
        for other, somebody in self.people.items():
            if other != who:
                for secret in (somebody.token, somebody.session.key, somebody.session.csrf):
                    assert secret.encode() not in answer.content, (other, *told)


async def _send_all(hub: DoorStage, count: int, *, everybody: bool) -> Senders:
    """Make requests for every address and have them sent by some, or by everybody."""
    senders = Senders(hub, {}, {})
    for who in MAY_HOLD:
        await senders.come(who)
    case = {
        "kind": "damage",
        "title": "Broken door",
        "footage": [{"camera": "gate", **hub.span}],
        "reason": "Call 17",
    }
    opened = await senders.people["operator"].browser.post("/api/cases", json=case)
    assert opened.status_code == 201, opened.text
    known = _known(hub, opened.json()["id"])
    sets = await asyncio.to_thread(lambda: list(_made(hub, count, known)))
    if everybody:
        sets += await asyncio.to_thread(lambda: list(_made(hub, count, known, bad=True)))
    queues: dict[str, list[Made]] = {who: [] for who in WHO}
    for number, found in enumerate(sets):
        for turn, made in enumerate(found):
            for who in WHO if everybody else sorted(_askers(made.address, number + turn)):
                queues[who].append(made)
    browsers = {who: senders.people[who].browser if who in senders.people else hub.browsers[who] for who in WHO}
    await asyncio.gather(*(senders.send(who, browsers[who], queue) for who, queue in queues.items()))
    return senders


async def test_made_up_requests_break_and_leak_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with door_stage(tmp_path, monkeypatch) as hub:
        senders = await _send_all(hub, 3, everybody=False)
        assert not senders.wrong, "\n\n".join(senders.wrong[:10])
        assert senders.answered > 2 * len(DOORS) and senders.served > senders.answered // 8


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_many_made_up_requests_break_and_leak_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with door_stage(tmp_path, monkeypatch) as hub:
        senders = await _send_all(hub, 6, everybody=True)
        assert not senders.wrong, "\n\n".join(senders.wrong[:10])
        assert senders.answered > 60 * len(DOORS) and senders.entered < senders.answered // 20
