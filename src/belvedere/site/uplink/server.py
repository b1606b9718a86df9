"""The site's side of the link: answers what the hub and the command line ask.

Whoever connected, a grant is opened and checked here before a picture leaves; nothing is taken on the hub's word.
"""

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BadInput, BelvedereError, LinkFault, Unavailable
from belvedere.link.channel import Channel, ChannelClosed, listen_unix
from belvedere.link.masked import ReadCopy, ReadMasked
from belvedere.link.messages import (
    Answer,
    CameraTimeline,
    End,
    GetInit,
    GetPlaylist,
    GetStatus,
    GetTimeline,
    Init,
    OpenLive,
    Playlist,
    PutCamera,
    ReadFootage,
    RemoveCamera,
    Reply,
    Request,
    Run,
    SiteStatus,
    Timeline,
)
from belvedere.link.wire import decode_request, encode, failure_of
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.live.relay import Relay, Viewer
from belvedere.site.masked.room import MaskedRoom

PART_BYTES = 256 << 10  # of footage, at least this much a message while there is more
MAX_READ_BYTES = 256 << 20  # one request for footage; a segment is smaller
MAX_CAMERAS = 1000  # in one timeline
READERS = 4  # threads that read the disk for this site's askers
MAX_EXCHANGES = 512  # open channels; more are turned away

_log = structlog.get_logger()
_Result = TypeVar("_Result")


class Archive(Protocol):
    """What the uplink asks of the recorder's archive. Every call may block; each runs in a thread."""

    def status(self) -> SiteStatus: ...

    def timeline(self, camera: str, stream: str, from_us: int, to_us: int) -> tuple[Run, ...]: ...

    def playlist(self, grant: Grant, camera: str, stream: str, from_us: int, to_us: int) -> Playlist: ...

    def read(
        self, grant: Grant, action: Action, camera: str, stream: str, segment: int, start: int, end: int
    ) -> Iterator[bytes]: ...

    def init(self, grant: Grant, camera: str, config_id: str) -> Init: ...

    def put_camera(self, camera: str, name: str, main_url: str, sub_url: str, enabled: bool) -> None: ...

    def remove_camera(self, camera: str) -> None: ...


Answers = Mapping[type[Request], Callable[[Any], Reply]]
"""Who answers a kind of request; called in a thread, may raise BelvedereError, and opens the request's grant itself."""


class Opener(Protocol):
    """Turns the hub's signed words into a grant: `policy.signed.GrantOpener`. Raises Refused. Quick, and called on the loop."""

    def open(self, wire: bytes) -> Grant: ...


def always(grant: Grant) -> None:
    """For a site that knows of no grants that ended before their time."""


class Uplink:
    """Answers exchanges on any channel. `still` raises Refused once a grant has ended; asked before each part of a stream."""

    def __init__(
        self,
        archive: Archive,
        relay: Relay,
        opener: Opener,
        clock: Clock,
        answers: Answers | None = None,
        masked: MaskedRoom | None = None,
        still: Callable[[Grant], None] = always,
    ) -> None:
        """`masked` makes masked pictures; without it, masked grants open nothing live."""
        self._masked = masked
        self._still = still
        self._archive = archive
        self._answers = answers or {}
        self._relay = relay
        self._opener = opener
        self._clock = clock
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="uplink")
        self._open: set[asyncio.Task[None]] = set()
        self._closing = False

    async def serve(self, channel: Channel) -> None:
        """Answer one exchange after another until the asker hangs up. Returns quietly, whatever the asker does."""
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= MAX_EXCHANGES:
            _log.warning("link turned away", open=len(self._open))
            await channel.close()
            return
        self._open.add(task)
        try:
            while True:
                try:
                    message = await channel.receive()
                except LinkFault as fault:  # framing: nothing behind it can be read
                    if not isinstance(fault, ChannelClosed):
                        await channel.send(encode(failure_of(fault)))
                    return
                if not await self._exchange(channel, message):
                    return
        except ChannelClosed:
            return
        except asyncio.CancelledError:
            if not self._closing:
                raise
        finally:
            self._open.discard(task)
            await channel.close()

    async def close(self) -> None:
        """Hang up on everybody and stop the threads."""
        self._closing = True
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _exchange(self, channel: Channel, message: bytes) -> bool:
        """Answer one request. False when the channel is used up."""
        request: Request | None = None
        begun_us = self._clock.monotonic_us()
        try:
            request = decode_request(message)
            if isinstance(request, OpenLive):
                await self._live(channel, request)
            elif isinstance(request, ReadFootage):
                await self._read(channel, request)
            else:
                await channel.send(encode(await self._answer(request)))
        except ChannelClosed:
            return False
        except BelvedereError as error:
            await channel.send(encode(failure_of(error)))
        except Exception as error:  # noqa: BLE001 - a fault in one answer must not end the recorder that shares this process
            _log.error("link request failed", exc_info=error)
            fault = LinkFault(
                "The site could not answer: a fault in its software.", advice="Look into the site's log and report it."
            )
            await channel.send(encode(failure_of(fault)))
        took_us = self._clock.monotonic_us() - begun_us
        if took_us > SECOND_US and not isinstance(request, OpenLive):
            _log.info("link request was slow", kind=type(request).__name__, took_us=took_us)
        return not isinstance(request, OpenLive)

    async def _blocking(self, call: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _answer(self, request: Request) -> Reply:
        archive = self._archive
        if isinstance(request, ReadMasked) and self._masked is not None:
            return await self._masked.play(self._opener.open(request.grant), request)
        if isinstance(request, ReadCopy) and self._masked is not None:
            return await self._masked.copy(self._opener.open(request.grant), request)
        if answer := self._answers.get(type(request)):
            return await self._blocking(functools.partial(answer, request))
        match request:
            case GetStatus():
                return await self._blocking(archive.status)
            case GetTimeline():
                _check_span(request.stream, request.from_us, request.to_us)
                if len(request.cameras) > MAX_CAMERAS:
                    raise BadInput(f"A timeline shows {MAX_CAMERAS} cameras at most.", advice="Ask for fewer.")
                return await self._blocking(functools.partial(self._timeline, request))
            case GetPlaylist():
                _check_span(request.stream, request.from_us, request.to_us)
                grant = self._opener.open(request.grant)
                return await self._blocking(
                    functools.partial(
                        archive.playlist, grant, request.camera, request.stream, request.from_us, request.to_us
                    )
                )
            case GetInit():
                grant = self._opener.open(request.grant)
                return await self._blocking(functools.partial(archive.init, grant, request.camera, request.config_id))
            case PutCamera():
                await self._blocking(
                    functools.partial(
                        archive.put_camera,
                        request.camera,
                        request.name,
                        request.main_url,
                        request.sub_url,
                        request.enabled,
                    )
                )
                return Answer()
            case RemoveCamera():
                await self._blocking(functools.partial(archive.remove_camera, request.camera))
                self._relay.forget(request.camera)
                if self._masked is not None:
                    self._masked.forget(request.camera)
                return Answer()
        raise BadInput("The site can't answer this.", advice="Run the same version on hub and site.")

    def _timeline(self, request: GetTimeline) -> Timeline:
        """Runs in a thread."""
        return Timeline(
            tuple(
                CameraTimeline(
                    camera, tuple(self._archive.timeline(camera, request.stream, request.from_us, request.to_us))
                )
                for camera in request.cameras
            )
        )

    async def _read(self, channel: Channel, request: ReadFootage) -> None:
        _check_stream(request.stream)
        if request.action not in list(Action):
            raise BadInput(f"There is no action called {request.action!r}.", advice="Ask for playback or export.")
        if not 0 <= request.start < request.end or request.end - request.start > MAX_READ_BYTES:
            raise BadInput("This range of bytes can't be read.", advice="Ask for the range that the playlist names.")
        grant = self._opener.open(request.grant)
        parts = iter(
            await self._blocking(
                functools.partial(
                    self._archive.read,
                    grant,
                    Action(request.action),
                    request.camera,
                    request.stream,
                    request.segment,
                    request.start,
                    request.end,
                )
            )
        )
        gather = functools.partial(_gather, parts)
        try:
            part = await self._blocking(gather)  # what is refused is refused before the answer
            await channel.send(encode(Answer()))
            while part:
                self._still(grant)
                await channel.send(encode(part))
                part = await self._blocking(gather)
        except ChannelClosed:
            close = getattr(parts, "close", None)  # a generator that stands still; one that ended or raised is closed
            if close is not None:
                await self._blocking(close)
            raise
        await channel.send(encode(End()))

    async def _live(self, channel: Channel, request: OpenLive) -> None:
        """Send live parts until the asker hangs up, the grant ends or the camera is removed; the channel is used up then."""
        grant = self._opener.open(request.grant)
        room = self._masked
        if room is not None and (request.mark or room.needed(grant, request.camera)):
            viewer = room.subscribe(grant, request.camera, request.stream, request.mark)
        elif request.mark:
            raise Unavailable("This site burns no marks into pictures.", advice="Look from the control room.")
        else:
            viewer = self._relay.subscribe(grant, request.camera, request.stream)
        sending = asyncio.create_task(_send_live(viewer, channel, functools.partial(self._still, grant)))
        hung_up = asyncio.create_task(channel.receive())  # an asker has nothing to say here but goodbye
        try:
            await asyncio.wait((sending, hung_up), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            viewer.close()
            for task in (sending, hung_up):
                task.cancel()
            await asyncio.gather(sending, hung_up, return_exceptions=True)


async def _send_live(viewer: Viewer, channel: Channel, still: Callable[[], None]) -> None:
    await channel.send(encode(Answer()))
    async for part in viewer:
        still()
        await channel.send(encode(part))
    await channel.send(encode(End()))


def _gather(parts: Iterator[bytes]) -> bytes:
    """At least PART_BYTES of what is left, b"" at the end. Runs in a thread."""
    kept: list[bytes] = []
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part)
        if size >= PART_BYTES:
            break
    return kept[0] if len(kept) == 1 else b"".join(kept)


def _check_stream(stream: str) -> None:
    if stream not in list(StreamKind):
        raise BadInput(f"There is no stream called {stream!r}.", advice="Ask for main or sub.")


def _check_span(stream: str, from_us: int, to_us: int) -> None:
    _check_stream(stream)
    if not 0 <= from_us < to_us:
        raise BadInput("The span of time is empty.", advice="Give a start before the end.")


class LinkServer:
    """A listening uplink; close it when the site stops."""

    def __init__(self, server: asyncio.Server, uplink: Uplink) -> None:
        self._server = server
        self.uplink = uplink

    async def close(self) -> None:
        """Stop listening and hang up on everybody."""
        self._server.close()
        await self.uplink.close()
        await self._server.wait_closed()


async def serve_link(
    path: Path,
    archive: Archive,
    relay: Relay,
    opener: Opener,
    clock: Clock,
    answers: Answers | None = None,
    masked: MaskedRoom | None = None,
    still: Callable[[Grant], None] = always,
) -> LinkServer:
    """Answer on the Unix socket at `path` (mode 0600) until the server returned is closed. Raises Conflict when it is taken."""
    uplink = Uplink(archive, relay, opener, clock, answers, masked, still)
    return LinkServer(await listen_unix(path, uplink.serve), uplink)
