"""Before a site opens its index: room on that disk, without which nothing can be written and SQLite may not even open it.

In this order: the index's own reserve is given up; the oldest footage on that disk goes; and where nothing may go, the site
says so to whoever asks, and waits for room.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from belvedere.foundation.errors import SiteFull
from belvedere.link.channel import Channel, ChannelClosed, listen_unix
from belvedere.link.wire import encode, failure_of
from belvedere.site.retention.emptying import empty_unopened
from belvedere.site.storage.reserve import LEAST_BYTES, Reserve

if TYPE_CHECKING:
    from belvedere.foundation.settings import Settings

log = structlog.get_logger()

_LOOK_EVERY_S = 1.0
FULL = SiteFull(
    "The site's disk is full to the last byte, and nothing on it may go: nothing is recorded.",
    advice="Make room on the disk that holds its data folder; the site goes on by itself.",
)


async def room_to_open(settings: "Settings", stopping: asyncio.Event) -> Reserve | None:
    """Return the index's reserve once there is room to open it; None when the site is to stop. Raises OSError."""
    folder = settings.site_folder
    reserve = Reserve(folder)
    if await asyncio.to_thread(_make_room, reserve, folder / "index.db"):
        return reserve
    log.error("waiting_for_room", folder=str(folder), free=reserve.free())
    listening = None
    with contextlib.suppress(OSError):  # no room for a socket's name: the hub then says that the site is away
        listening = await listen_unix(settings.link_socket, _say_so)
    try:
        while reserve.free() < LEAST_BYTES:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _LOOK_EVERY_S)
                return None
        log.info("room_again", free=reserve.free())
        return reserve
    finally:
        if listening is not None:
            listening.close()
            settings.link_socket.unlink(missing_ok=True)


def _make_room(reserve: Reserve, index_file: Path) -> bool:
    """Whether there is room, or could be made."""
    if reserve.free() >= LEAST_BYTES:
        return True
    if reserve.give_up() and reserve.free() >= LEAST_BYTES:
        return True
    if index_file.exists():
        empty_unopened(index_file, reserve.size + LEAST_BYTES)
    return reserve.free() >= LEAST_BYTES


async def _say_so(channel: Channel) -> None:
    with contextlib.suppress(ChannelClosed):
        while True:
            await channel.receive()
            await channel.send(encode(failure_of(FULL)))
