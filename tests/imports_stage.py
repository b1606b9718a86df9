"""Recordings as recorders leave them: small real files, made here, under any name."""

import os
import struct
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


def write_dav(path: Path, seconds: int = 4) -> Path:
    """The same pictures in Dahua's container (DHAV): a head with date and thousandths, extensions, data, a tail."""
    raw = write_video(path.with_suffix(".264"), seconds)
    with av.open(str(raw)) as container:
        pictures = [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    raw.unlink()
    out = bytearray()
    for number, (data, keyframe) in enumerate(pictures):
        extension = bytes((0x81, 0, 2, FPS, 0x82, 0, 0, 0)) + struct.pack("<HH", 64, 48)
        date = 24 << 26 | 11 << 22 | 5 << 17 | 20 << 12 | 15 << 6 | number // FPS
        total = 24 + len(extension) + len(data) + 8
        head = b"DHAV" + bytes((0xFD if keyframe else 0xFC, 0, 0, 0)) + struct.pack("<III", number, total, date)
        head += struct.pack("<H", number * 1000 // FPS) + bytes((len(extension),))
        out += head + bytes((sum(head) & 0xFF,)) + extension + data + b"dhav" + struct.pack("<I", total)
    path.write_bytes(out)
    return path
