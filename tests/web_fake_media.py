"""Synthetic video for the fake hub: one looping H.264 scene a camera, cut into fMP4 parts of one frame each."""

import io
import struct
from dataclasses import dataclass
from functools import cache

import av
import numpy as np
import numpy.typing as npt

FPS = 10
GOP_FRAMES = 10
LOOP_FRAMES = 100
TICKS = 90_000
TICKS_PER_FRAME = TICKS // FPS


@dataclass(frozen=True, slots=True)
class Film:
    """An init segment and the moof+mdat of each frame of a loop of ten seconds."""

    init: bytes
    codec_string: str
    width: int
    height: int
    frames: tuple[bytes, ...]

    def frame(self, number: int) -> bytes:
        """Frame `number` since the start of the run; its tfdt counts on through the loops."""
        return _patch_tfdt(self.frames[number % LOOP_FRAMES], number * TICKS_PER_FRAME)

    def gop(self, number: int) -> bytes:
        return b"".join(self.frame(number * GOP_FRAMES + k) for k in range(GOP_FRAMES))


def _picture(seed: int, number: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    y = np.linspace(0, 1, height)[:, None, None]
    sky, ground = rng.integers(90, 190, 3), rng.integers(50, 110, 3)
    image = np.where(y < 0.45, sky * (0.75 + 0.5 * y), ground * (0.7 + 0.6 * y))
    image = np.broadcast_to(image, (height, width, 3)).astype(np.uint8).copy()
    for _ in range(7):  # blocks of flats
        left, wide = int(rng.integers(0, width - 20)), int(rng.integers(width // 12, width // 4))
        top = int(rng.integers(height // 8, int(height * 0.4)))
        shade = rng.integers(60, 150, 3)
        image[top : int(height * 0.5), left : left + wide] = shade
        for floor in range(top + 4, int(height * 0.5) - 4, 9):
            image[floor : floor + 4, left + 4 : left + wide - 4 : 8] = np.minimum(shade + 60, 255)
    walker = int((number / LOOP_FRAMES * 1.2 - 0.1) * width)
    tall = height // 5
    image[int(height * 0.6) : int(height * 0.6) + tall, max(0, walker) : max(0, walker + tall // 3)] = (200, 60, 60)
    image[-6:, : int(width * (number % LOOP_FRAMES) / LOOP_FRAMES)] = (240, 240, 240)  # the second within the loop
    return image


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    out, at = [], 0
    while at + 8 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        out.append((data[at + 4 : at + 8], data[at : at + size]))
        at += size
    return out


def _patch_tfdt(part: bytes, ticks: int) -> bytes:
    at = part.index(b"tfdt")
    if part[at + 4] == 1:
        return part[: at + 8] + struct.pack(">Q", ticks) + part[at + 16 :]
    return part[: at + 8] + struct.pack(">I", ticks) + part[at + 12 :]


@cache
def film(seed: int, width: int = 320, height: int = 180) -> Film:
    """The loop of camera number `seed`."""
    target = io.BytesIO()
    flags = "empty_moov+default_base_moof+frag_every_frame+skip_trailer"
    with av.open(target, "w", format="mp4", options={"movflags": flags, "video_track_timescale": str(TICKS)}) as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "g": str(GOP_FRAMES),
            "sc_threshold": "0",
        }
        for number in range(LOOP_FRAMES):
            frame = av.VideoFrame.from_ndarray(_picture(seed, number, width, height), format="rgb24")
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    init, frames, moof = b"", [], b""
    for kind, box in _boxes(target.getvalue()):
        if kind in (b"ftyp", b"moov"):
            init += box
        elif kind == b"moof":
            moof = box
        elif kind == b"mdat":
            frames.append(moof + box)
    avcc = init.index(b"avcC") + 4
    codec = "avc1." + init[avcc + 1 : avcc + 4].hex()
    assert len(frames) == LOOP_FRAMES
    # version 1 tfdt everywhere, as the product writes it
    return Film(init, codec, width, height, tuple(_long_tfdt(frame) for frame in frames))


def _long_tfdt(part: bytes) -> bytes:
    """`part` with a 64-bit tfdt: long runs overflow 32 bits of 90 kHz."""
    at = part.index(b"tfdt")
    if part[at + 4] == 1:
        return part
    out = bytearray(part)
    out[at - 4 : at + 12] = struct.pack(">I", 20) + b"tfdt" + b"\1\0\0\0" + struct.pack(">Q", 0)
    for name in (b"traf", b"moof"):
        size = out.index(name) - 4
        out[size : size + 4] = struct.pack(">I", struct.unpack_from(">I", out, size)[0] + 4)
    data_offset = out.index(b"trun") + 12
    out[data_offset : data_offset + 4] = struct.pack(">i", struct.unpack_from(">i", out, data_offset)[0] + 4)
    return bytes(out)
