"""From a camera to a page through every real process: what is watched live is what is recorded, frame by frame."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

from argon2 import PasswordHasher

from belvedere.demo.rtsp.reel import AccessUnit, Reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.users import SignIn
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.register.cameras import Camera
from belvedere.link.client import LiveView
from belvedere.link.messages import LiveMedia, LiveStart, LiveState
from belvedere.media.fmp4 import read_fragment
from belvedere.media.nal import split_lengths
from belvedere.media.stream import Codec
from belvedere.policy.grant import Action
from link_stage import FPS, TICK_90K, Film, film


def reel_of(film: Film) -> Reel:
    units = tuple(AccessUnit(tuple(split_lengths(each.data)), each.dts_90k, each.keyframe) for each in film.frames)
    times = tuple(unit.pts_90k for unit in units)
    config = film.config
    return Reel(Codec.H264, config.parameter_sets, units, times, times[-1] + TICK_90K, config.width, config.height)


@asynccontextmanager
async def process(module: str, data: Path, *more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of the product's processes, ready."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--data", str(data), *more, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(30):
            assert b"ready" in await child.stdout.readline()
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        async with asyncio.timeout(20):
            await child.wait()


async def duty_words(hub: HubContext) -> bytes:
    """The signed words of a fresh operator's duty grant."""
    user, _ = await asyncio.to_thread(hub.users.create, "ann", "operator")
    _, session = await asyncio.to_thread(hub.sessions.open, SignIn(user, by_code=True), "127.0.0.1")
    grant = await hub.grants.issue(session, GrantAsk("duty"))
    return (await hub.grants.use(user, grant.id, Action.LIVE, ["gate"])).wire


async def watch(view: LiveView, frames: int) -> list[tuple[int, bytes]]:
    """(decode time, picture) of at least so many frames in a row, from the first that comes."""
    seen: list[tuple[int, bytes]] = []
    async with asyncio.timeout(30):
        async for part in view:
            if isinstance(part, LiveMedia):
                assert part.skipped == 0
                seen += [
                    (each.dts_90k, part.data[each.offset : each.offset + each.size])
                    for each in read_fragment(part.data)
                ]
                if len(seen) >= frames:
                    return seen
            else:
                assert isinstance(part, LiveState) or (isinstance(part, LiveStart) and not seen)
    raise AssertionError("the view ended")


async def test_what_is_watched_is_what_is_recorded(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    settings.socket_folder.mkdir(parents=True, mode=0o700)
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    async with (
        open_hub(settings, hasher=quick) as hub,
        RtspServer(SystemClock()) as camera,
        process("belvedere.site.serve", tmp_path),
        process("belvedere.site.ingest.serve", tmp_path, "--slot", "0"),
    ):
        camera.add("gate", reel_of(film()))
        await asyncio.to_thread(hub.register.put_camera, Camera("gate", settings.site.id, "Gate"))
        await hub.link.put_camera("gate", "Gate", camera.url("gate"), "")
        wire = await duty_words(hub)
        watched: dict[int, bytes] = {}
        for pause in (0.0, 0.25, 0.4):  # tiles open at different places between two fragments
            await asyncio.sleep(pause)
            async with await hub.link.open_live(wire, "gate", "main") as view:
                seen = await watch(view, FPS)
                # Recorder, viewers, activity and health all live on one connection to the camera.
                assert len(camera.sources["gate"].clients) == len(camera.sessions) == 1
            times = [dts for dts, _ in seen]
            assert {after - before for before, after in pairwise(times)} == {TICK_90K}
            watched |= dict(seen)
        now_us = hub.clock.now_us()
        until = max(watched)
        async with asyncio.timeout(20):
            while True:  # until what was watched is durable
                found = await hub.link.playlist(wire, "gate", "main", now_us - 60 * SECOND_US, now_us)
                last = found.pieces[-1] if found.pieces else None
                if last is not None and last.media_90k + last.duration_us * 9 // 100 > until:
                    break
                await asyncio.sleep(0.1)
        recorded: dict[int, bytes] = {}
        for piece in found.pieces:
            parts = hub.link.read_footage(wire, "playback", "gate", "main", piece.segment, piece.start, piece.end)
            data = b"".join([part async for part in parts])
            at = 0
            while at < len(data):
                samples = read_fragment(data, at)
                recorded |= {each.dts_90k: data[at + each.offset : at + each.offset + each.size] for each in samples}
                at += samples[-1].offset + samples[-1].size
        assert watched.items() <= recorded.items()
