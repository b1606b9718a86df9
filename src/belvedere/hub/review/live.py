"""Live pictures of all tiles over one WebSocket. The wire format stands in docs/design/contracts.md."""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from fastapi import Query, WebSocket
from starlette.websockets import WebSocketDisconnect

from belvedere.foundation.errors import BadInput, BelvedereError, LinkFault, Refused
from belvedere.hub.access.doors import granted, session_key_of, user_of
from belvedere.hub.access.users import User
from belvedere.hub.context import HubContext
from belvedere.hub.errors import CLOSED_NOT_SIGNED_IN, CLOSED_REFUSED
from belvedere.hub.reach import hub_of
from belvedere.hub.review.looks import Look, Opener, Why
from belvedere.hub.review.remote import remote_mark
from belvedere.hub.room import Room
from belvedere.link.backlog import Backlog
from belvedere.link.messages import LiveMedia, LivePart, LiveStart, LiveState
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant

VIEW_LIVE = "view.live"
MOST_TILES = 64  # on one WebSocket
CHECK_S = 1.0  # how often session and grant are looked at
RETRY_S = (0.5, 1.0, 2.0, 5.0)  # a site that is away is asked again; the last goes on
CLOSE_S = 2.0  # how long a browser may take over the goodbye
_CLOSED, _RESTARTED = (1000, 1001, 1005), 1012  # close codes of RFC 6455, section 7.4.1, and IANA's list
FLAG_INIT, FLAG_KEYFRAME = 1, 2
_HEAD = struct.Struct(">HBBIQ")

router = Room()


class Play(msgspec.Struct, frozen=True, tag_field="op", tag="play"):
    """Show a camera in a tile; a tile in use changes over."""

    tile: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    camera: Annotated[str, msgspec.Meta(max_length=64)]
    stream: StreamKind = StreamKind.SUB


class Stop(msgspec.Struct, frozen=True, tag_field="op", tag="stop"):
    """Show nothing more in a tile."""

    tile: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]


_orders: msgspec.json.Decoder[Play | Stop] = msgspec.json.Decoder(Play | Stop)


def read_order(text: str | bytes) -> Play | Stop:
    """What the page asks for. Raises BadInput."""
    try:
        return _orders.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The page sent what the hub does not understand: {error}.", advice="Reload the page."
        ) from error


def binary(tile: int, flags: int, arrival_us: int, data: bytes) -> bytes:
    """One binary message: 16 bytes of header, then fMP4."""
    return _HEAD.pack(tile, flags, 0, 0, arrival_us) + data


def messages_of(tile: int, part: LivePart) -> list[bytes | dict[str, Any]]:
    """A live part as the messages that a page gets; dicts become JSON text."""
    match part:
        case LiveStart():
            start = {"op": "start", "tile": tile, "codec": part.codec, "codec_string": part.codec_string}
            return [start | {"width": part.width, "height": part.height}, binary(tile, FLAG_INIT, 0, part.init)]
        case LiveState():
            return [{"op": "state", "tile": tile, "state": part.state, "message": part.message}]
        case LiveMedia():
            told: list[bytes | dict[str, Any]] = []
            if part.skipped:
                told.append({"op": "skipped", "tile": tile, "frames": part.skipped})
            return [*told, binary(tile, FLAG_KEYFRAME if part.keyframe else 0, part.arrival_us, part.data)]


@router.websocket("/api/live")
@granted(Action.LIVE)
async def live(websocket: WebSocket, grant: Annotated[str, Query(max_length=64)]) -> None:
    """Live pictures until the page leaves, or the session or grant ends."""
    hub, user = hub_of(websocket), user_of(websocket)
    await hub.grants.use(user, grant, Action.LIVE, ())
    await websocket.accept()
    await LiveWall(websocket, hub, user, session_key_of(websocket), grant).run()


@dataclass(slots=True)
class _Tile:
    """One tile: what waits for the browser, and the task that fetches it."""

    number: int
    camera: str
    stream: StreamKind
    backlog: Backlog
    task: "asyncio.Task[None] | None" = None
    error: Mapping[str, Any] | None = None  # told when the backlog is empty
    told_state: LiveState | None = None
    why: Why = Why.CLOSED  # it ends, where its task is cancelled


def _left(message: Mapping[str, Any]) -> Why:
    """How the page left. A goodbye of its own comes with a reason, if only an empty one; a broken connection has none."""
    code = message.get("code")
    if code == _RESTARTED:
        return Why.STOPPED
    return Why.CLOSED if code in _CLOSED and "reason" in message else Why.LOST


@dataclass(frozen=True, slots=True)
class _Ending:
    """Why the hub hangs up."""

    code: int
    message: str
    why: Why


@dataclass(slots=True)
class LiveWall:
    """One page's live pictures. Bounded: each tile has a backlog that skips to a keyframe; tiles take turns at the socket."""

    websocket: WebSocket
    hub: HubContext
    user: User
    session_key: str
    grant_id: str
    tiles: dict[int, _Tile] = field(default_factory=dict)
    _waiting: asyncio.Event = field(default_factory=asyncio.Event)
    _look: asyncio.Event = field(default_factory=asyncio.Event)
    # About which places the dwell guard asks, as the page was told.
    _asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    _news: list[dict[str, Any]] = field(default_factory=list)  # for the page as a whole; one for each look at most
    _left: Why = Why.LOST  # how the page left

    async def run(self) -> None:
        """Serve until the page leaves or may see no more. Raises BadInput when the page sends nonsense."""
        works = [asyncio.create_task(work()) for work in (self._take_orders, self._send, self._watch)]
        why = Why.STOPPED
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            why = self._why(next(work for work in works if work in done))
        finally:
            for tile in list(self.tiles.values()):
                self._drop(tile, why)
            self.hub.dwell.leave(self, self.user.id)
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        try:  # the page's leaving comes first: then nothing else that went wrong matters
            ending = next(work for work in works if work in done).result()
        except WebSocketDisconnect:
            return
        if ending is not None:
            await self._say_goodbye(ending)

    def _why(self, done: "asyncio.Task[_Ending | None]") -> Why:
        """Why all pictures end, by the work that ended."""
        error = done.exception()
        if error is not None:
            return Why.LOST if isinstance(error, WebSocketDisconnect) else Why.REFUSED
        ending = done.result()
        return self._left if ending is None else ending.why

    async def _take_orders(self) -> _Ending | None:
        while True:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                self._left = _left(message)
                return None
            order = read_order(message.get("text") or message.get("bytes") or b"")
            known = self.tiles.get(order.tile)
            if known is not None:
                self._drop(known, Why.CLOSED)
            if isinstance(order, Play):
                if len(self.tiles) >= MOST_TILES:
                    raise BadInput(f"A page shows {MOST_TILES} live tiles at most.", advice="Stop some first.")
                tile = self.tiles[order.tile] = _Tile(order.tile, order.camera, order.stream, Backlog(self.hub.clock))
                tile.task = asyncio.create_task(self._show(tile, order.camera, order.stream))

    def _drop(self, tile: _Tile, why: Why) -> None:
        self.tiles.pop(tile.number, None)
        if tile.task is not None:
            if not tile.task.cancelling():  # else another reason came first
                tile.why = why
            tile.task.cancel()

    async def _show(self, tile: _Tile, camera: str, stream: StreamKind) -> None:
        """Show a camera in a tile until it ends, which is in the log as its beginning is."""
        looks: list[Look] = []
        try:
            tile.why = await self._look_at(tile, camera, stream, looks)
        finally:
            for look in looks:
                self.hub.views.end(look, tile.why)

    async def _look_at(self, tile: _Tile, camera: str, stream: StreamKind, looks: list[Look]) -> Why:
        """Fetch live parts for a tile: check, log, then look; a site that is away is asked again. Why that ended."""
        tries = 0
        mark = remote_mark(self.hub, self.websocket, self.user, self.grant_id)
        while True:
            try:
                usable = await self.hub.grants.use(self.user, self.grant_id, Action.LIVE, [camera])
                self.hub.dwell.require(self.user.id, usable.grant, camera)
                if not looks:
                    facts = {"grant": self.grant_id, "camera": camera, "stream": stream}
                    opener = Opener(self.user.id, self.grant_id, camera, stream)
                    looks.append(await self.hub.views.live(opener, VIEW_LIVE, facts, lambda: tile.why))
                async with await self.hub.link.open_live(usable.wire, camera, stream, mark) as view:
                    tries = 0
                    async for part in view:
                        self._put(tile, part)
                self._put(tile, LiveState("off", "The camera was removed or switched off."))
                return Why.CAMERA
            except LinkFault as error:
                self._put(tile, LiveState("unknown", str(error)))
            except BelvedereError as error:
                tile.error = {"code": error.code, "message": error.message, "advice": error.advice}
                self._waiting.set()
                if isinstance(error, Refused):
                    self._look.set()  # perhaps the whole grant is over
                    if all(each.id != self.grant_id for each in await self.hub.grants.live(self.user)):
                        return Why.ACCESS
                return Why.REFUSED
            await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
            tries += 1

    def _put(self, tile: _Tile, part: LivePart) -> None:
        if isinstance(part, LiveState):
            if part == tile.told_state:
                return  # the site repeats itself so that the link is known to live
            tile.told_state = part
        tile.backlog.put(part)
        self._waiting.set()

    async def _send(self) -> _Ending | None:
        """Give the browser one part of each tile in turn, as fast as it takes them."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while await self._send_round():
                pass

    async def _send_round(self) -> bool:
        """One part of each tile; whether there was any."""
        sent = bool(self._news)
        while self._news:
            await self.websocket.send_json(self._news.pop(0))
        for tile in list(self.tiles.values()):
            if self.hub.grants.is_over(self.grant_id):
                self._look.set()  # `_watch` finds it gone, and says so
                return False
            part = tile.backlog.take()
            if part is not None:
                sent = True
                for message in messages_of(tile.number, part):
                    if isinstance(message, bytes):
                        await self.websocket.send_bytes(message)
                    else:
                        await self.websocket.send_json(message)
            elif tile.error is not None:
                error, tile.error = tile.error, None
                await self.websocket.send_json({"op": "error", "tile": tile.number, **error})
        return sent

    async def _watch(self) -> _Ending | None:
        """Wait for the end of the session or the grant."""
        while True:
            if not await asyncio.to_thread(self.hub.sessions.alive, self.session_key):
                return _Ending(CLOSED_NOT_SIGNED_IN, "You are signed out, or were away for too long.", Why.SIGNED_OUT)
            grant = next((each for each in await self.hub.grants.live(self.user) if each.id == self.grant_id), None)
            if grant is None:
                return _Ending(CLOSED_REFUSED, "This access has ended.", Why.ACCESS)
            await self._guard(grant)
            try:
                async with asyncio.timeout(CHECK_S):
                    await self._look.wait()
                    self._look.clear()
            except TimeoutError:
                pass

    async def _guard(self, grant: Grant) -> None:
        """Tell the dwell guard what plays, the page what it asks, and stop what it stops."""
        dwell = self.hub.dwell
        playing = [
            (tile.camera, tile.stream is StreamKind.MAIN)
            for tile in self.tiles.values()
            if tile.task is not None and not tile.task.done()
        ]
        verdict = await dwell.look(self, self.user.id, grant, playing)
        places = [(one.camera, one.cameras) for one in verdict.asked]
        if places != self._asked:
            self._asked = places
            asked = [
                {"camera": one.camera, "cameras": list(one.cameras), "held_us": one.held_us, "until_us": one.until_us}
                for one in verdict.asked
            ]
            self._news.append({"op": "dwell", "asked": asked})
            self._waiting.set()
        for tile in self.tiles.values():
            if tile.camera in verdict.stopped and tile.task is not None and not tile.task.done():
                tile.why = Why.DWELL
                tile.task.cancel()
                tile.backlog = Backlog(self.hub.clock)  # nothing that waits may leave
                try:
                    dwell.require(self.user.id, grant, tile.camera)
                except Refused as error:
                    tile.error = {"code": error.code, "message": error.message, "advice": error.advice}
                    self._waiting.set()

    async def _say_goodbye(self, ending: _Ending) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.websocket.send_json({"op": "grant_ended", "message": ending.message})
                await self.websocket.close(ending.code, ending.message)
        except (TimeoutError, WebSocketDisconnect):
            pass  # the browser does not listen any more; the server cuts it off
