"""Small films with known movement, as the fragments that an ingest process would send."""

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from belvedere.media.fmp4 import make_config, write_fragment
from belvedere.media.nal import join_lengths, split_annex_b
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Fragment, Frame, StreamConfig
from belvedere.site.ingest import messages as m
from recorder_stage import Stage, came

FPS = 5
STEP_90K = TICKS_PER_SECOND // FPS
WIDTH, HEIGHT = 160, 96


def pictures(seconds: int, moving: Sequence[tuple[int, int]], *, clock: bool = False) -> list[np.ndarray]:
    """Grey pictures of a still scene; in each [from, to) second of `moving` a bright block walks through it."""
    ground = np.random.default_rng(7).integers(60, 180, (HEIGHT // 8, WIDTH // 8), dtype=np.uint8)
    base = ground.repeat(8, 0).repeat(8, 1)
    digits = np.random.default_rng(8).integers(0, 2, (seconds, 8, 16), dtype=np.uint8) * 255
    made = []
    for number in range(seconds * FPS):
        picture = base.copy()
        second = number // FPS
        if any(start <= second < end for start, end in moving):
            x = (number * 7) % (WIDTH - 24)
            picture[40:64, x : x + 20] = 250
        if clock:
            picture[2:10, 2:18] = digits[second]
        made.append(picture)
    return made


def film(
    made: Sequence[np.ndarray], *, gop_s: int = 2, options: dict[str, str] | None = None
) -> tuple[StreamConfig, list[Frame]]:
    """The pictures as H.264 frames from media time 0."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = made[0].shape[1], made[0].shape[0], "yuv420p"
    encoder.time_base, encoder.framerate, encoder.thread_count = Fraction(1, FPS), Fraction(FPS), 1
    encoder.options = {
        "preset": "ultrafast", "tune": "zerolatency", "crf": "26",
        "x264-params": f"keyint={gop_s * FPS}:min-keyint={gop_s * FPS}:scenecut=0", **(options or {}),
    }  # fmt: skip
    packets = []
    for number, picture in enumerate(made):
        frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    sets: tuple[bytes, ...] = ()
    frames = []
    for number, packet in enumerate(packets):
        nals = split_annex_b(bytes(packet))
        sets = sets or tuple(nal for nal in nals if nal[0] & 31 in (7, 8))
        frames.append(Frame(join_lengths(nals), number * STEP_90K, 0, packet.is_keyframe, 0))
    return make_config(Codec.H264, sets), frames


def cut(frames: Sequence[Frame], start_us: int) -> list[Fragment]:
    """Fragments of at most half a second, each beginning at a keyframe where there is one. Arrival fits `start_us`."""
    groups: list[list[Frame]] = []
    for frame in frames:
        held = groups[-1] if groups else []
        if not held or frame.keyframe or frame.dts_90k - held[0].dts_90k >= TICKS_PER_SECOND // 2:
            groups.append([])
        groups[-1].append(frame)
    made = []
    for number, group in enumerate(groups):
        end_90k = group[-1].dts_90k + STEP_90K
        arrival_us = start_us + group[-1].dts_90k * 100 // 9
        data = write_fragment(group, end_90k, number + 1)
        start_90k = group[0].dts_90k
        made.append(Fragment(data, start_90k, end_90k - start_90k, len(group), group[0].keyframe, arrival_us))
    return made


def started(stream: int, c: StreamConfig) -> m.RunStart:
    return m.RunStart(stream, c.codec, c.parameter_sets, c.width, c.height, c.codec_string, c.init, c.config_id)


async def bring_in(site: Stage, config: StreamConfig, fragments: list[Fragment], start_us: int, kind: str) -> None:
    """Import a film, whose wall times are then exact."""
    worker = await site.worker(kind="import")
    await worker.say(m.ImportOpen("cam-01", kind, start_us, 0, "film.mp4"))
    ready = await worker.hear()
    assert isinstance(ready, m.ImportReady), ready
    await worker.say(started(ready.stream, config), *(came(ready.stream, each) for each in fragments))
    await worker.say(m.RunEnd(ready.stream, "import_end", ""), m.ImportEnd(ready.stream))
    assert isinstance(await worker.hear(), m.ImportDone)
