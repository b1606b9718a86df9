"""What is recorded equals, NAL unit by NAL unit, what the camera sent: through real RTSP, real processes, real sealing."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from argon2 import PasswordHasher

from belvedere.demo.rtsp.reel import Reel, load_reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.users import SignIn
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.register.cameras import Camera
from belvedere.media.fmp4 import read_fragment
from belvedere.media.nal import split_lengths
from belvedere.policy.grant import Action

FPS = 20
FRAMES = 90
SEI = bytes((6, 5, 20)) + bytes(range(16)) + b"kept" + b"\x80"  # user data unregistered, as signed cameras send


def make_reel(path: Path, codec: str) -> Reel:
    """Three seconds with pictures large enough to be sent in many packets."""
    rng = np.random.default_rng(5)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.options = {"preset": "ultrafast", "x265-params": f"log-level=none:keyint={FPS}:bframes=0"}
        stream.codec_context.gop_size = FPS
        stream.codec_context.max_b_frames = 0
        for _ in range(3 * FPS):
            noise = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    reel = load_reel(path)
    if codec == "libx264":  # SEI must be kept: put one that we know before every picture
        units = tuple(type(u)((SEI, *u.nals), u.pts_90k, u.keyframe) for u in reel.units)
        reel = type(reel)(
            reel.codec, reel.parameter_sets, units, reel.at_90k, reel.duration_90k, reel.width, reel.height
        )
    return reel


@asynccontextmanager
async def process(module: str, *arguments: str) -> AsyncIterator[None]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(30):
            assert b"ready" in await child.stdout.readline()
        yield
    finally:
        child.terminate()
        async with asyncio.timeout(20):
            await child.wait()


async def recorded_pictures(hub: HubContext, wire: bytes, at_least: int) -> list[tuple[bytes, ...]]:
    """The NAL units of every picture recorded so far, in order; waits until there are enough."""
    begun_us = hub.clock.now_us() - 60 * SECOND_US
    async with asyncio.timeout(60):
        while True:
            found = await hub.link.playlist(wire, "gate", "main", begun_us, hub.clock.now_us())
            if sum(piece.duration_us for piece in found.pieces) >= at_least * SECOND_US // FPS:
                break
            await asyncio.sleep(0.2)
    pictures: list[tuple[bytes, ...]] = []
    assert len({piece.run for piece in found.pieces}) == 1, "one unbroken run"
    for piece in found.pieces:
        parts = hub.link.read_footage(wire, "playback", "gate", "main", piece.segment, piece.start, piece.end)
        data = b"".join([part async for part in parts])
        at = 0
        while at < len(data):
            samples = read_fragment(data, at)
            for each in samples:
                pictures.append(tuple(split_lengths(data[at + each.offset : at + each.offset + each.size])))
            at += samples[-1].offset + samples[-1].size
    return pictures


def sent(reel: Reel, index: int) -> tuple[bytes, ...]:
    """What the server sends for a unit: parameter sets go before every keyframe."""
    unit = reel.units[index % len(reel.units)]
    if not unit.keyframe:
        return unit.nals
    return (*reel.parameter_sets, *(nal for nal in unit.nals if nal not in reel.parameter_sets))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
async def test_recorded_is_what_was_sent(codec: str, tmp_path: Path) -> None:
    reel = make_reel(tmp_path / "film.mp4", codec)
    data = tmp_path / "data"
    settings = load_settings(data)
    settings.socket_folder.mkdir(parents=True, mode=0o700)
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    async with (
        open_hub(settings, hasher=quick) as hub,
        RtspServer(SystemClock(), username="viewer", password="s3cret") as camera,
        process("belvedere.site.serve", "--data", str(data)),
        process("belvedere.site.ingest.serve", "--socket", str(settings.ingest_socket), "--slot", "0"),
    ):
        camera.add("gate", reel)
        await asyncio.to_thread(hub.register.put_camera, Camera("gate", settings.site.id, "Gate"))
        await hub.link.put_camera("gate", "Gate", camera.url("gate").replace("//", "//viewer:s3cret@"), "")
        user, _ = await asyncio.to_thread(hub.users.create, "ann", "operator")
        _, session = await asyncio.to_thread(hub.sessions.open, SignIn(user, by_code=True), "127.0.0.1")
        grant = await hub.grants.issue(session, GrantAsk("duty"))
        wire = (await hub.grants.use(user, grant.id, Action.PLAYBACK, ["gate"])).wire
        pictures = await recorded_pictures(hub, wire, FRAMES)
    first = next(i for i in range(len(reel.units)) if sent(reel, i) == pictures[0])
    assert pictures == [sent(reel, first + i) for i in range(len(pictures))]
    assert len(pictures) > len(reel.units), "the film must have looped"
