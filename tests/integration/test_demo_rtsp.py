"""The demo's RTSP server against players that we did not write."""

import asyncio
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from belvedere.demo.rtsp.faults import Faults
from belvedere.demo.rtsp.reel import Reel, load_reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SystemClock

SECONDS = 2


def make_film(path: Path, codec: str, seconds: int = SECONDS, fps: int = 20) -> Path:
    """A small film whose frames differ, with several GOPs and slices large enough to be fragmented."""
    rng = np.random.default_rng(4)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.options = {"preset": "ultrafast", "x265-params": f"log-level=none:keyint={fps}:bframes=0"}
        stream.codec_context.gop_size = fps
        stream.codec_context.max_b_frames = 0
        for _ in range(seconds * fps):
            picture = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def reel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reel:
    return load_reel(make_film(tmp_path_factory.mktemp("film") / "film.mp4", request.param))


async def run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode("utf-8", "replace")


async def test_ffmpeg_reads_frames_through_several_loops(reel: Reel) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed here")
    async with RtspServer(SystemClock(), username="viewer", password="s3cret") as server:
        server.add("cam", reel)
        url = server.url("cam").replace("rtsp://", "rtsp://viewer:s3cret@")
        code, out = await run(
            "ffmpeg", "-nostdin", "-v", "warning", "-stats_period", "30", "-rtsp_transport", "tcp", "-i", url,
            "-frames:v", "50", "-f", "null", "-",
        )  # fmt: skip
    assert code == 0, out
    assert "error" not in out.lower(), out
    assert "corrupt" not in out.lower(), out


async def test_gstreamer_reads_frames(reel: Reel) -> None:
    if not shutil.which("gst-launch-1.0"):
        pytest.skip("GStreamer is not installed here")
    async with RtspServer(SystemClock()) as server:
        server.add("cam", reel)
        depay = "rtph264depay" if reel.codec == "h264" else "rtph265depay"
        code, out = await run(
            "gst-launch-1.0", "-q", "rtspsrc", f"location={server.url('cam')}", "protocols=tcp", "!", depay, "!",
            "fakesink", "num-buffers=20",
        )  # fmt: skip
    assert code == 0, out


async def test_a_wrong_password_is_refused(reel: Reel) -> None:
    if not shutil.which("ffprobe"):
        pytest.skip("ffmpeg is not installed here")
    async with RtspServer(SystemClock(), username="viewer", password="s3cret") as server:
        server.add("cam", reel)
        url = server.url("cam").replace("rtsp://", "rtsp://viewer:wrong@")
        code, out = await run("ffprobe", "-v", "error", "-rtsp_transport", "tcp", url)
        assert code != 0
        assert "401" in out


async def test_a_cut_camera_closes_in_the_middle_of_a_picture(reel: Reel) -> None:
    async with RtspServer(SystemClock()) as server:
        server.add("cam", reel, Faults(cut_every=reel.units.__len__() // 2))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for request in (
            f"SETUP {server.url('cam')}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
            f"PLAY {server.url('cam')} RTSP/1.0\r\nCSeq: 2\r\nSession: 1\r\n\r\n",
        ):
            writer.write(request.encode())
        data = await asyncio.wait_for(reader.read(-1), 30)  # to the end of the connection
        writer.close()
    at = data.index(b"$", data.index(b"RTP-Info"))
    whole = True
    while at < len(data):
        length = 4 + int.from_bytes(data[at + 2 : at + 4])
        whole = at + length <= len(data)
        at += length
    assert not whole, "the connection must end inside a packet"
