"""How the hub, the command line and tests ask a site. Failures come back as the exceptions they were at the site."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from belvedere.foundation.errors import LinkFault, SiteAway
from belvedere.link.channel import Channel, ChannelClosed, connect_unix
from belvedere.link.messages import (
    Answer,
    End,
    Failure,
    GetInit,
    GetPlaylist,
    GetStatus,
    GetTimeline,
    Init,
    LiveMedia,
    LivePart,
    LiveStart,
    LiveState,
    Mark,
    OpenLive,
    Playlist,
    PutCamera,
    ReadFootage,
    RemoveCamera,
    Reply,
    Request,
    SiteStatus,
    Timeline,
)
from belvedere.link.wire import decode_reply, encode, error_of

CONNECT_TIMEOUT_S = 2.0
REPLY_TIMEOUT_S = 20.0
LIVE_TIMEOUT_S = 15.0  # a site says something at least every 5 s on a live exchange
_IDLE_CHANNELS = 8

_Reply = TypeVar("_Reply", bound=Reply)


def _away(cause: str) -> SiteAway:
    return SiteAway(
        f"The site can't be reached: {cause}.",
        advice="Check that it runs (`belvedere doctor`); recorded footage is safe.",
    )


class LiveView:
    """An open live exchange: iterate over its parts, then close it.

    Iterating raises Refused when the grant ends and SiteAway when the site goes.
    """

    def __init__(self, channel: Channel, timeout_s: float) -> None:
        self._channel = channel
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LivePart:
        reply = await _receive_more(self._channel, self._timeout_s)
        if isinstance(reply, LiveStart | LiveMedia | LiveState):
            return reply
        await self.close()
        if isinstance(reply, End):
            raise StopAsyncIteration
        raise _unexpected(reply)

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()


class SiteLink:
    """Asks one site. Channels are kept and used again, one exchange after another; safe for many tasks of one event loop.

    `site` is the path of its Unix socket, or what makes a channel to it (and raises ChannelClosed when it can't).
    """

    def __init__(
        self,
        site: Path | Callable[[], Awaitable[Channel]],
        *,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        live_timeout_s: float = LIVE_TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._connect = (lambda: connect_unix(site)) if isinstance(site, Path) else site
        self._reply_timeout_s = reply_timeout_s
        self._live_timeout_s = live_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._idle: deque[Channel] = deque()

    async def close(self) -> None:
        """Hang up all idle channels."""
        while self._idle:
            await self._idle.popleft().close()

    async def status(self) -> SiteStatus:
        """Health of the site, its cameras and disks."""
        return await self.ask(GetStatus(), SiteStatus)

    async def timeline(self, cameras: Sequence[str], stream: str, from_us: int, to_us: int) -> Timeline:
        """Recorded runs that overlap [from_us, to_us), one entry a camera, in the order asked."""
        return await self.ask(GetTimeline(tuple(cameras), stream, from_us, to_us), Timeline)

    async def playlist(self, grant: bytes, camera: str, stream: str, from_us: int, to_us: int) -> Playlist:
        """Pieces that cover [from_us, to_us). Raises Refused, NotFound."""
        return await self.ask(GetPlaylist(grant, camera, stream, from_us, to_us), Playlist)

    async def init(self, grant: bytes, camera: str, config_id: str) -> Init:
        """The initialisation segment of a configuration. Raises Refused, NotFound."""
        return await self.ask(GetInit(grant, camera, config_id), Init)

    async def put_camera(self, camera: str, name: str, main_url: str, sub_url: str, enabled: bool = True) -> None:
        """Add or change a camera; `sub_url` may be empty. Raises BadAddress, Conflict."""
        await self.ask(PutCamera(camera, name, main_url, sub_url, enabled), Answer, reuse=False)

    async def remove_camera(self, camera: str) -> None:
        """Stop recording a camera. Its footage stays until its time is up. Raises NotFound."""
        await self.ask(RemoveCamera(camera), Answer, reuse=False)

    async def read_footage(
        self, grant: bytes, action: str, camera: str, stream: str, segment: int, start: int, end: int
    ) -> AsyncGenerator[bytes]:
        """Plaintext bytes [start, end) of a segment, in parts of any size. Raises Refused, NotFound, SealBroken.

        Exactly `end - start` bytes come, or LinkFault. Close the generator (`aclose`) when you stop early.
        """
        request = ReadFootage(grant, action, camera, stream, segment, start, end)
        channel, reply = await self._open(request)
        complete = False
        try:
            if not isinstance(reply, Answer):
                complete = isinstance(reply, Failure)
                raise _unexpected(reply)
            left = end - start
            while not isinstance(part := await _receive_more(channel, self._reply_timeout_s), End):
                if not isinstance(part, bytes):
                    complete = isinstance(part, Failure)
                    raise _unexpected(part)
                left -= len(part)
                yield part
            if left:
                raise LinkFault(
                    f"The site sent {end - start - left} bytes of footage instead of {end - start}.",
                    advice="Try again; if it stays so, run `belvedere site check`.",
                )
            complete = True
        finally:
            await self._put_back(channel, fit=complete)

    async def open_live(self, grant: bytes, camera: str, stream: str, mark: Mark = ()) -> LiveView:
        """Live pictures of one stream, starting with the newest keyframe; with a `mark`, made for one viewer. Raises Refused."""
        channel, reply = await self._open(OpenLive(grant, camera, stream, mark))
        if not isinstance(reply, Answer):
            await channel.close()
            raise _unexpected(reply)
        return LiveView(channel, self._live_timeout_s)

    async def ask(self, request: Request, kind: type[_Reply], *, reuse: bool = True) -> _Reply:
        """What the site answers, which has to be a `kind`. `reuse`: false for what changes something at the site."""
        channel, reply = await self._open(request, reuse=reuse)
        await self._put_back(channel, fit=isinstance(reply, kind | Failure))
        if not isinstance(reply, kind):
            raise _unexpected(reply)
        return reply

    async def _open(self, request: Request, *, reuse: bool = True) -> tuple[Channel, Reply | bytes]:
        """Send `request` and return the first reply with its channel.

        A kept channel may have died with the site's last process; such a one is passed over without a word. What changes
        something at the site (`reuse=False`) goes over a fresh channel, so that it is never sent twice.
        """
        message = encode(request)
        while True:
            kept = bool(self._idle) and reuse
            channel = self._idle.pop() if kept else await self._fresh()
            try:
                try:
                    async with asyncio.timeout(self._reply_timeout_s):
                        await channel.send(message)
                except TimeoutError:
                    raise _away("it does not take the question") from None
                return channel, await _receive(channel, self._reply_timeout_s)
            except ChannelClosed as error:
                await channel.close()
                if not kept:
                    raise _away("it hung up") from error
            except BaseException:  # cancelled, away or nonsense: the channel is out of step
                await channel.close()
                raise

    async def _fresh(self) -> Channel:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await self._connect()
        except ChannelClosed as error:
            raise _away("nobody answers") from error
        except TimeoutError:
            raise _away("it does not answer in time") from None

    async def _put_back(self, channel: Channel, *, fit: bool) -> None:
        if fit and len(self._idle) < _IDLE_CHANNELS:
            self._idle.append(channel)
        else:
            await channel.close()


async def _receive(channel: Channel, timeout_s: float) -> Reply | bytes:
    try:
        async with asyncio.timeout(timeout_s):
            return decode_reply(await channel.receive())
    except TimeoutError:
        await channel.close()
        raise _away("it does not answer in time") from None


async def _receive_more(channel: Channel, timeout_s: float) -> Reply | bytes:
    """As `_receive`, within an exchange that has begun."""
    try:
        return await _receive(channel, timeout_s)
    except ChannelClosed as error:
        await channel.close()
        raise _away("it hung up in the middle of an answer") from error


def _unexpected(reply: Reply | bytes) -> Exception:
    if isinstance(reply, Failure):
        return error_of(reply)
    return LinkFault(f"The site answered with {type(reply).__name__}.", advice="Run the same version on hub and site.")
