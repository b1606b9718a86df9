"""Scenes with known movement for the activity bench, encoded as cameras encode: variable, capped, constant and smart bitrate."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from belvedere.media.fmp4 import make_config, write_fragment
from belvedere.media.nal import join_lengths, split_annex_b
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Fragment, Frame, StreamConfig

WIDTH, HEIGHT, FPS = 640, 360, 5
STEP_90K = TICKS_PER_SECOND // FPS
GOP_S = 2
BITRATE = 220_000
WITH_NIGHT_S = 2000  # a shorter film has no night: what quiet is takes a quarter of an hour to learn anew

X264 = {
    "vbr": "crf=27",
    "capped": "crf=24:vbv-maxrate=240:vbv-bufsize=240",
    "cbr": f"bitrate={BITRATE // 1000}:vbv-maxrate={BITRATE // 1000}:vbv-bufsize={BITRATE // 1000}:ratetol=0.1",
    "smart": "crf=27",
}


@dataclass(frozen=True, slots=True)
class Walk:
    """One figure that walks through the picture: seconds, size in pixels, row, pixels a second."""

    start_s: float
    end_s: float
    width: int
    height: int
    y: int
    x: float
    speed: float
    grey: int


def walks(seconds: int, seed: int) -> list[Walk]:
    """People and cars at random, about a third of the time; the same for the same seed."""
    rng = np.random.default_rng(seed)
    found, at = [], 20.0
    while at < seconds - 20:
        length = float(rng.uniform(4, 25))
        car = rng.random() < 0.3
        height = int(rng.integers(26, 60)) if car else int(rng.integers(34, 110))
        width = int(height * (2.1 if car else 0.4))
        speed = float(rng.uniform(60, 160) if car else rng.uniform(12, 45)) * (1 if rng.random() < 0.5 else -1)
        x = float(rng.uniform(0.1, 0.5) * WIDTH if speed > 0 else rng.uniform(0.5, 0.9) * WIDTH)
        y = int(rng.integers(90, HEIGHT - height - 8))
        found.append(Walk(at, at + length, width, height, y, x, speed, int(rng.choice([30, 70, 190, 225]))))
        at += length + float(rng.exponential(28))
    return found


def pictures(seconds: int, seed: int) -> Iterator[tuple[NDArray[np.uint8], bool]]:
    """Grey pictures and whether a figure moves in each: grain, a clock in the picture, more grain at night,
    which is the second half of a long film."""
    rng = np.random.default_rng(seed + 1)
    ground = cv2.resize(rng.integers(50, 190, (HEIGHT // 12, WIDTH // 12), dtype=np.uint8), (WIDTH, HEIGHT)).astype(
        np.int16
    )
    grain = [rng.normal(0, 1, (HEIGHT, WIDTH)) for _ in range(12)]
    planned = walks(seconds, seed)
    cloths = [cv2.resize(rng.normal(0, 22, (24, 24)), (160, 160)) for _ in range(5)]
    for number in range(seconds * FPS):
        now = number / FPS
        night = seconds >= WITH_NIGHT_S and now > seconds / 2
        picture = ground * (0.6 if night else 1.0)
        moves = False
        for walk in planned:
            if walk.start_s <= now < walk.end_s:
                x = round(walk.x + (now - walk.start_s) * walk.speed)
                left, right = max(0, x), min(WIDTH, x + walk.width)
                if right - left < 4:
                    continue
                moves = True
                cloth = cloths[walk.grey % len(cloths)][: walk.height, left - x : right - x]
                picture[walk.y : walk.y + walk.height, left:right] = (walk.grey + cloth) * (0.7 if night else 1.0)
                swing = round(5 * np.sin(now * 7))
                legs = slice(walk.y + walk.height // 2, walk.y + walk.height)
                picture[legs, max(0, left + swing) : max(0, left + swing) + 4] = walk.grey / 2
        picture += grain[int(rng.integers(12))] * (1.2 if night else 0.8)
        shown = np.clip(picture, 0, 255).astype(np.uint8)
        cv2.putText(shown, f"22-11-2026 {21 + int(now) // 3600:02d}:{int(now) // 60 % 60:02d}:{int(now) % 60:02d}", (8, 16),
                    cv2.FONT_HERSHEY_SIMPLEX, 0.5, (250,), 1)  # fmt: skip
        yield shown, moves


def encode(shown: list[NDArray[np.uint8]], kind: str) -> tuple[StreamConfig, list[Frame]]:
    """The pictures as a camera with this rate control would send them."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = shown[0].shape[1], shown[0].shape[0], "yuv420p"
    encoder.time_base, encoder.framerate, encoder.thread_count = Fraction(1, FPS), Fraction(FPS), 1
    keyint = GOP_S * FPS if kind != "smart" else 100_000
    encoder.options = {
        "preset": "superfast", "tune": "zerolatency", "forced-idr": "1",
        "x264-params": f"{X264[kind]}:keyint={keyint}:min-keyint=1:scenecut=0:bframes=0",
    }  # fmt: skip
    rng = np.random.default_rng(5)
    due, packets = 0, []
    for number, picture in enumerate(shown):
        frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        if kind == "smart" and number >= due:
            frame.pict_type = av.video.frame.PictureType.I
            due = number + int(rng.integers(5, 30)) * FPS
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    sets: tuple[bytes, ...] = ()
    frames = []
    for number, packet in enumerate(packets):
        nals = split_annex_b(bytes(packet))
        sets = sets or tuple(nal for nal in nals if nal[0] & 31 in (7, 8))
        frames.append(Frame(join_lengths(nals), number * STEP_90K, 0, packet.is_keyframe, 0))
    return make_config(Codec.H264, sets), frames


def fragments(frames: list[Frame]) -> list[Fragment]:
    """Half-second fragments, each beginning at a keyframe where there is one."""
    groups: list[list[Frame]] = []
    for frame in frames:
        if not groups or frame.keyframe or frame.dts_90k - groups[-1][0].dts_90k >= TICKS_PER_SECOND // 2:
            groups.append([])
        groups[-1].append(frame)
    made = []
    for number, group in enumerate(groups):
        start, end = group[0].dts_90k, group[-1].dts_90k + STEP_90K
        data = write_fragment(group, end, number + 1)
        made.append(Fragment(data, start, end - start, len(group), group[0].keyframe, group[-1].dts_90k * 100 // 9))
    return made
