"""One of several processes of a hub: what it answers itself, what it hands over, and the chair when it has it.

Each process has a context for what any of them may do: pictures, lines of sites, records. The one with the chair opens a second
one, as a hub alone would, with all that has to be done once. Taking the chair over is what a restart is to a hub alone.
"""

import asyncio
import hmac
import os
import secrets
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from functools import partial

import msgspec
import structlog
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Refused
from belvedere.foundation.settings import Settings
from belvedere.hub.access import credentials
from belvedere.hub.access.doors import cookie_name
from belvedere.hub.access.keys import signing_key
from belvedere.hub.access.step_up_codes import ShownCode
from belvedere.hub.app import create_app
from belvedere.hub.audit.turn import LogTurn
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.errors import error_body
from belvedere.hub.fleet.door import PEER
from belvedere.hub.processes.bus import Bus
from belvedere.hub.processes.handover import LINK, Handover, Unreached
from belvedere.hub.processes.homes import Home, home_of, process_of
from belvedere.hub.processes.lines import SharedSwitchboard, owner_of
from belvedere.hub.processes.roll import EVERY_S, Known, Roll
from belvedere.hub.processes.share import Share
from belvedere.hub.processes.tables import hub_word
from belvedere.hub.storage import open_engine, reading, upgrade, writing
from belvedere.hub.storage.metadata import session

PATIENCE_S = 20.0  # so long a request waits for a process to take the chair
_LOOK_S = 0.1
_SELDOM = 5  # looks of the roll between two of what changes seldom
_MOST_KNOWN = 10_000
_PEOPLE = "stopped"
_NAME_BYTES = 4
_LOG = structlog.get_logger()


class HubProcess:
    """For one event loop; see `hub_process`."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        engine: Engine,
        secret: bytes,
        inner: socket.socket,
        show_code: Callable[[ShownCode], None],
    ) -> None:
        """`secret`: 32 bytes that only the hub's processes have. `inner`: the listener where they reach each other."""
        self._settings = settings
        self._clock = clock
        self._engine = engine
        self._show_code = show_code
        self.name = secrets.token_hex(_NAME_BYTES)
        self._loop = asyncio.get_running_loop()
        self.bus = Bus(settings.hub.bus, hmac.digest(secret, b"bus", "sha256"))
        self._handover = Handover(hmac.digest(secret, b"handover", "sha256").hex())
        self._switchboard = SharedSwitchboard(clock, engine, self.name, self.bus)
        host, port = inner.getsockname()[:2]
        self.roll = Roll(engine, clock, self.name, f"{host}:{port}", os.getpid(), self._told)
        self._changed, self._looked = asyncio.Event(), asyncio.Event()  # of the roll, for either work below
        # Invariant: which account a session is of; a session never changes its account.
        self._accounts: OrderedDict[str, str] = OrderedDict()
        self.hand: HubContext
        self._hand_app: FastAPI
        self._chair: tuple[HubContext, FastAPI] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Join the hub's processes, and leave them at the end."""
        async with AsyncExitStack() as stack:
            self.bus.start()
            stack.push_async_callback(self.bus.stop)
            stack.push_async_callback(self._handover.close)
            await asyncio.to_thread(self.roll.start)
            stack.push_async_callback(asyncio.to_thread, self.roll.stop)
            share = Share(False, LogTurn(self.name), self._switchboard, self.roll.gone)
            self.hand = await stack.enter_async_context(open_hub(self._settings, clock=self._clock, share=share))
            self._hand_app = create_app(lambda: nullcontext(self.hand), duties=False)
            await stack.enter_async_context(self._hand_app.router.lifespan_context(self._hand_app))
            stack.push_async_callback(self._switchboard.hang_up)
            await self.bus.hear("over", lambda body: self.hand.grants.over.note(body.decode()))
            for subject in ("fleet", "lines"):
                await self.bus.hear(subject, lambda _body: self.roll.look_soon())
            for work in (self._tend, self._keep_chair):
                stack.push_async_callback(_end, asyncio.create_task(work(), name=f"process {work.__name__}"))
            yield

    # Requests -------------------------------------------------------------------------------------------------------

    async def public(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What people ask at the address that all processes share."""
        home = home_of(scope.get("method", "GET"), scope["path"])
        if home is Home.CHAIR:
            await self._ask_chair(scope, receive, send, home)
            return
        if home is Home.PERSON and (account := await self._account(scope)):
            living = dict(self.roll.known.living)
            while (process := process_of(account, living)) not in (self.name, ""):
                try:
                    await self._handover.hand(scope, receive, send, living[process], home)
                    return
                except Unreached:  # it was killed a moment ago: the person has another from now on
                    del living[process]
        await self._hand_app(scope, receive, send)

    async def link(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What sites ask at the address that they dial."""
        door, path = self.hand.fleet.door.app, str(scope["path"])
        await self._know(str(scope.get(PEER, "")))
        if path.startswith("/link/data/"):
            owner = owner_of(path.rpartition("/")[2])
            address = self.roll.address(owner)
            if owner != self.name and address:
                try:
                    await self._handover.hand(scope, receive, send, address, LINK)
                    return
                except Unreached:
                    _LOG.info("channel_of_nobody", process=owner)
        elif path.startswith("/enrol") or path == "/link/renew":
            await self._ask_chair(scope, receive, send, LINK)
            return
        await door(scope, receive, send)

    async def _know(self, certificate: str) -> None:
        """Another process may have let this one in a moment ago."""
        try:
            if certificate:
                self.hand.fleet.desk.site_of(certificate)
        except Refused:
            try:
                await self.hand.fleet.reload()
            except SQLAlchemyError as error:  # the door refuses it, and it tries again
                _LOG.warning("process_behind", reason=str(error))

    async def inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What another process of the hub hands over; it is not handed on."""
        handed = self._handover.taken(scope)
        if handed is None:
            await _refuse(scope, receive, send, 403, "refused", "This door is for the hub's own processes.", "")
        elif handed.home == Home.CHAIR or (handed.home == LINK and not scope["path"].startswith("/link/data/")):
            await self._answer_as_chair(handed.scope, receive, send, handed.home)
        elif handed.home == LINK:
            await self.hand.fleet.door.app(handed.scope, receive, send)
        else:
            await self._hand_app(handed.scope, receive, send)

    async def _ask_chair(self, scope: Scope, receive: Receive, send: Send, home: str) -> None:
        until = self._loop.time() + PATIENCE_S
        while self._loop.time() < until:
            known = self.roll.known
            if self._chair is not None or known.chair == self.name:
                await self._answer_as_chair(scope, receive, send, home)
                return
            address = known.living.get(known.chair, "")
            if address:
                try:
                    await self._handover.hand(scope, receive, send, address, home)
                    return
                except Unreached:
                    self.roll.look_soon()
            await asyncio.sleep(_LOOK_S)
        await _vacant(scope, receive, send)

    async def _answer_as_chair(self, scope: Scope, receive: Receive, send: Send, home: str) -> None:
        until = self._loop.time() + PATIENCE_S
        while (chair := self._chair) is None:
            if self._loop.time() > until or not self.roll.has_chair():
                await _vacant(scope, receive, send)
                return
            await asyncio.sleep(_LOOK_S)  # it opens
        hub, app = chair
        await (hub.fleet.door.app if home == LINK else app)(scope, receive, send)

    async def _account(self, scope: Scope) -> str:
        """Whose session the cookie names, "" for nobody's: then this process says so."""
        connection = HTTPConnection(scope)
        token = connection.cookies.get(cookie_name(connection), "")
        if not token:
            return ""
        key = credentials.digest(token)
        known = self._accounts.get(key)
        if known is None:
            known = await asyncio.to_thread(self._account_of, key)
            if known:
                self._accounts[key] = known
                if len(self._accounts) > _MOST_KNOWN:
                    self._accounts.popitem(last=False)
        return known

    def _account_of(self, key: str) -> str:
        with reading(self._engine) as connection:
            return connection.scalar(select(session.c.account_id).where(session.c.id_hash == key)) or ""

    # Work -----------------------------------------------------------------------------------------------------------

    def _told(self, _known: Known) -> None:
        for tell in (self.roll.alive, self._changed.set, self._looked.set):
            self._loop.call_soon_threadsafe(tell)

    async def _tend(self) -> None:
        """Follow what other processes did: lines, sites let in and shut out, accounts stopped."""
        looks = 0
        while True:
            await self._changed.wait()
            self._changed.clear()
            known, hub = self.roll.known, self.hand
            self._switchboard.see(known)
            hub.grants.stop_for(frozenset(msgspec.json.decode(known.words.get(_PEOPLE, "[]"), type=list[str])))
            try:
                await hub.fleet.reload()
                if looks % _SELDOM == 0:
                    hub.link.forget()
                    await hub.dwell.read_covers_anew()
            except SQLAlchemyError as error:  # looked again with the next
                _LOG.warning("process_behind", reason=str(error))
            looks += 1

    async def _keep_chair(self) -> None:
        """Take the chair whenever the lease is here, and leave it when it is not."""
        while True:
            if self.roll.has_chair():
                try:
                    await self._preside(self.roll.known.number)
                except Exception:  # noqa: BLE001 - database or disk away, or a defect: perhaps another process can
                    _LOG.exception("chair_not_taken")
                    await asyncio.to_thread(self.roll.pass_on)
            await asyncio.sleep(EVERY_S / 4)

    async def _preside(self, number: int) -> None:
        turn = LogTurn(self.name, self.roll.fence(number))
        share = Share(True, turn, self._switchboard, self.roll.gone)
        try:
            async with open_hub(self._settings, clock=self._clock, show_code=self._show_code, share=share) as hub:
                app = create_app(lambda: nullcontext(hub))
                async with app.router.lifespan_context(app):
                    hub.grants.over.tell = lambda grant: self.bus.tell("over", grant.encode())
                    self._chair = hub, app
                    _LOG.info("chair_taken", process=self.name, number=number)
                    await self._while_chair(hub, number)
        finally:
            self._chair = None
            _LOG.info("chair_left", process=self.name, number=number)

    async def _while_chair(self, hub: HubContext, number: int) -> None:
        living: set[str] = set()
        stopped: frozenset[str] | None = None
        while self.roll.has_chair() and self.roll.known.number == number:
            now = set(self.roll.known.living)
            try:
                await hub.fleet.reload()
                if not living or living - now:
                    await hub.views.recover()
                living = now
                if hub.accounts.altered != stopped:
                    stopped = hub.accounts.altered
                    await asyncio.to_thread(self._say, _PEOPLE, msgspec.json.encode(sorted(stopped)).decode())
            except SQLAlchemyError as error:
                _LOG.warning("chair_behind", reason=str(error))
            self._looked.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._looked.wait()
        self._chair = None  # nothing more is answered while this one closes

    def _say(self, name: str, body: str) -> None:
        put = insert(hub_word).values(name=name, body=body)
        with writing(self._engine) as connection:
            connection.execute(put.on_conflict_do_update(index_elements=["name"], set_={"body": body}))


@asynccontextmanager
async def hub_process(
    settings: Settings, clock: Clock, inner: socket.socket, show_code: Callable[[ShownCode], None]
) -> AsyncIterator[HubProcess]:
    """Open this process of the hub. Raises StorageFault, Conflict or BadSettings when it can't be."""
    settings.hub_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = await asyncio.to_thread(signing_key, settings)
    engine = open_engine(settings.hub_database_url)
    try:
        await asyncio.to_thread(upgrade, engine)
        secret = hmac.digest(key.private_bytes_raw(), b"belvedere processes of a hub 1", "sha256")
        process = HubProcess(settings, clock, engine, secret, inner, show_code)
        async with process.open():
            yield process
    finally:
        engine.dispose()


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _refuse(
    scope: Scope, receive: Receive, send: Send, status: int, code: str, message: str, advice: str
) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1013, "reason": message})
        return
    answer = JSONResponse(error_body(code, message, advice), status, {"Retry-After": "2"})
    await answer(scope, receive, send)


_vacant = partial(
    _refuse,
    status=503,
    code="unavailable",
    message="The hub is changing over to another process.",
    advice="Try again in a few seconds.",
)
