"""Recordings as recorders leave them: small real files, made here, under any name."""

import os
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

FPS = 5


@lru_cache(maxsize=8)
def _pictures(seconds: int, seed: int) -> tuple[np.ndarray, ...]:
    chance = np.random.default_rng(seed)
    base = chance.integers(0, 255, (48, 64, 3), dtype=np.uint8)
    return tuple(np.roll(base, at * 3, axis=1) for at in range(seconds * FPS))


def write_video(path: Path, seconds: int = 4, *, seed: int = 1, modified_us: int = 0, b_frames: int = 0) -> Path:
    """An H.264 file with a keyframe a second; its container goes by its ending. `seed` makes the bytes differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    formats = {".264": "h264", ".dat": "mp4", ".dav": "h264"}
    with av.open(str(path), "w", format=formats.get(path.suffix)) as container:
        stream = container.add_stream("libx264", rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = FPS
        stream.codec_context.max_b_frames = b_frames
        stream.options = {"preset": "ultrafast", "x264-params": f"keyint={FPS}:scenecut=0:threads=1"}
        for picture in _pictures(seconds, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    if modified_us:
        os.utime(path, ns=(modified_us * 1000, modified_us * 1000))
    return path
