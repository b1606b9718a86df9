"""A reel: a film as access units in memory, ready to be packetised again and again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from belvedere.foundation.errors import BadMedia, UnsupportedCodec
from belvedere.media.nal import is_parameter_set, nal_type, split_annex_b
from belvedere.media.stream import TICKS_PER_SECOND, Codec


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture: NAL units without start codes, presentation time in 90 kHz ticks since the reel's start."""

    nals: tuple[bytes, ...]
    pts_90k: int
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Reel:
    """A film that can loop. Invariants: units are in decode order, the first is a keyframe, every `at_90k` < duration_90k."""

    codec: Codec
    parameter_sets: tuple[bytes, ...]  # VPS (H.265), SPS, PPS
    units: tuple[AccessUnit, ...]
    at_90k: tuple[int, ...]  # when each unit leaves the camera, in 90 kHz ticks since the reel's start
    duration_90k: int
    width: int
    height: int
    # Changes the NAL units of a unit as it is sent, given the true time of sending in microseconds UTC: a running clock.
    stamp: Callable[[tuple[bytes, ...], int], tuple[bytes, ...]] | None = None

    @property
    def fps(self) -> float:
        return len(self.units) * TICKS_PER_SECOND / self.duration_90k


def load_reel(path: Path) -> Reel:
    """Read an H.264 or H.265 film. Raises BadMedia when it holds none."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise BadMedia(f"{path.name} holds no video.", advice="Give a film with H.264 or H.265 video.")
        stream = container.streams.video[0]
        name = stream.codec_context.name
        if name not in ("h264", "hevc"):
            raise UnsupportedCodec(f"{path.name} is {name}.", advice="Give a film with H.264 or H.265 video.")
        codec = Codec.H264 if name == "h264" else Codec.H265
        bsf = av.BitStreamFilterContext("h264_mp4toannexb" if codec is Codec.H264 else "hevc_mp4toannexb", stream)
        raw: list[tuple[bytes, int, bool]] = []
        base = stream.time_base
        assert base is not None
        for packet in container.demux(stream):
            for out in bsf.filter(packet if packet.size else None):
                if out.pts is not None:
                    raw.append((bytes(out), round(out.pts * base * TICKS_PER_SECOND), out.is_keyframe))
        width, height = stream.codec_context.width, stream.codec_context.height
        rate = float(stream.average_rate or 25)
    if not raw or not raw[0][2]:
        raise BadMedia(f"{path.name} does not start with a keyframe.", advice="Encode it again.")
    return make_reel(codec, raw, width, height, rate)


def make_reel(codec: Codec, raw: list[tuple[bytes, int, bool]], width: int, height: int, fps: float) -> Reel:
    """A reel of Annex B access units `(bytes, pts_90k, keyframe)` in decode order, played at their own times."""
    first = min(pts for _, pts, _ in raw)
    units = []
    sets: list[bytes] = []
    for data, pts, keyframe in raw:
        nals = split_annex_b(data)
        for nal in nals:
            if is_parameter_set(codec, nal_type(codec, nal)) and nal not in sets:
                sets.append(nal)
        units.append(AccessUnit(tuple(nals), pts - first, keyframe))
    # A camera sends in decode order at an even pace: the sorted presentation times are the sending times.
    at = tuple(sorted(unit.pts_90k for unit in units))
    sets.sort(key=lambda nal: nal_type(codec, nal))  # VPS, SPS, PPS are numbered in this order
    return Reel(codec, tuple(sets), tuple(units), at, at[-1] + round(TICKS_PER_SECOND / fps), width, height)
