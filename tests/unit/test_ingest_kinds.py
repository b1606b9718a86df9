"""Video as cameras really send it, through depacketiser and run writer, and decoded again: nothing is missing."""

import io
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest

from belvedere.media.nal import H264Nal, is_parameter_set, nal_type, split_annex_b
from belvedere.media.sps import parse_sps
from belvedere.media.stream import Codec, EndReason
from belvedere.site.ingest.messages import FragmentCame, RunEnd, RunStart
from ingest_stage import Film, Packetizer, Picture, film
from run_stage import Stage, stage

FRAME_US = 40_000


@cache
def special(codec: Codec, options: str, frames: int = 60, size: tuple[int, int] = (192, 112)) -> Film:
    """Stripes that move, encoded with `options` of x264 or x265."""
    hevc = codec is Codec.H265
    context = av.CodecContext.create("libx265" if hevc else "libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = *size, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    quiet = ":log-level=none:pools=none:frame-threads=1" if hevc else ":threads=1"
    common = f"scenecut=0:repeat-headers=1:{options}{quiet}"
    context.options = {"preset": "ultrafast", "x265-params" if hevc else "x264-params": common}
    base = np.random.default_rng(2).integers(0, 255, (size[1] // 8, size[0] // 8, 3)).repeat(8, 0).repeat(8, 1)
    packets = []
    for index in range(frames):
        picture = np.roll(base, 3 * index, axis=1).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    first = min(packet.pts or 0 for packet in packets)
    pictures = tuple(
        Picture(tuple(split_annex_b(bytes(packet))), ((packet.pts or 0) - first) * 3600, packet.is_keyframe)
        for packet in packets
    )
    sets = tuple(nal for nal in pictures[0].nals if is_parameter_set(codec, nal_type(codec, nal)))
    return Film(codec, pictures, sets, *size)


@dataclass(frozen=True, slots=True)
class Kept:
    runs: list[tuple[RunStart, list[FragmentCame]]]
    reasons: list[str]

    def decoded(self, run: int = 0) -> list[int]:
        """Presentation times of the pictures that FFmpeg shows of a run, in frames."""
        start, fragments = self.runs[run]
        with av.open(io.BytesIO(start.init + b"".join(each.data for each in fragments)), "r") as file:
            shown = [frame.pts or 0 for frame in file.decode(file.streams.video[0])]
        return [pts // 3600 for pts in shown]


def kept(one: Stage) -> Kept:
    runs: list[tuple[RunStart, list[FragmentCame]]] = []
    for message in one.read():
        if isinstance(message, RunStart):
            runs.append((message, []))
        elif isinstance(message, FragmentCame):
            runs[-1][1].append(message)
    return Kept(runs, [end.reason for end in one.recorder.of(RunEnd)])


def record(shown: Film, pictures: tuple[Picture, ...] | None = None, *, sets: bool = True) -> Kept:
    with stage(shown, sets=sets) as one:
        packets = Packetizer(shown.codec)
        for number, picture in enumerate(shown.pictures if pictures is None else pictures):
            one.feed(b"".join(packets.picture(picture)), number * FRAME_US)
        one.run.end(EndReason.RESTART, "")
        return kept(one)


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_gop_of_ten_seconds(codec: Codec) -> None:
    shown = special(codec, "keyint=250:min-keyint=250:bframes=0", 270)
    found = record(shown)
    (_, fragments), *others = found.runs
    assert not others
    assert found.decoded() == list(range(270))
    assert [each.start_90k for each in fragments if each.keyframe] == [0, 250 * 3600]
    assert max(each.duration_90k for each in fragments) <= 50_000  # half a second, whatever the GOP


def test_gops_of_changing_length() -> None:
    long, short = special(Codec.H264, "keyint=25:min-keyint=25:bframes=0"), film(frames=30)
    assert long.parameter_sets != short.parameter_sets
    keys = [0, 7, 9, 40, 41, 58]
    whole = special(Codec.H264, "keyint=1:bframes=0")  # every picture can be one; the camera chooses
    pictures = tuple(
        picture if at in keys else replace(long.pictures[0], pts_90k=picture.pts_90k, nals=picture.nals)
        for at, picture in enumerate(whole.pictures)
    )
    found = record(whole, pictures)
    assert found.decoded() == list(range(60))


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("options", ["bframes=2:b-adapt=0", "bframes=3:b-adapt=0:b-pyramid=1"])
def test_b_frames_are_shown_in_order(codec: Codec, options: str) -> None:
    shown = special(codec, f"keyint=20:min-keyint=20:{options}")
    found = record(shown)
    assert len(found.runs) == 1
    times = found.decoded()
    assert times == sorted(times) and len(times) == len(shown.pictures)


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_another_size_mid_stream_begins_a_run_of_its_own(codec: Codec) -> None:
    first, second = (special(codec, "keyint=10:min-keyint=10:bframes=0", 20, size) for size in ((192, 112), (128, 96)))
    later = tuple(replace(picture, pts_90k=picture.pts_90k + 20 * 3600) for picture in second.pictures)
    found = record(first, first.pictures + later)
    assert [(start.width, start.height) for start, _ in found.runs] == [(192, 112), (128, 96)]
    assert found.reasons[0] == EndReason.PARAMETERS_CHANGED
    assert len(found.decoded(0)) == len(found.decoded(1)) == 20


def test_intra_refresh_without_an_idr_is_recorded_from_a_recovery_point() -> None:
    """Connecting in the middle of such a stream: no IDR ever comes, and whole waves are cut points."""
    shown = special(Codec.H264, "keyint=25:intra-refresh=1:bframes=0", 100)
    middle = shown.pictures[10:]
    assert not any(nal[0] & 31 == H264Nal.IDR for picture in middle for nal in picture.nals)
    found = record(shown, middle)
    (_, fragments), *others = found.runs
    assert not others
    keys = [each.start_90k // 3600 for each in fragments if each.keyframe]
    assert keys == [0, 25, 50]  # waves; the first is picture 25 of the film
    times = found.decoded()
    assert times[-1] == 74
    assert times[0] <= 25 and times == list(
        range(times[0], 75)
    )  # whole within one wave, and nothing is missing from there


@pytest.mark.parametrize(
    "options", ["open-gop=1:bframes=2", "open-gop=1:bframes=3:b-pyramid=1", "temporal-layers=2:bframes=0"]
)
def test_h265_with_cra_pictures_and_temporal_layers(options: str) -> None:
    shown = special(Codec.H265, f"keyint=20:min-keyint=20:b-adapt=0:{options}")
    found = record(shown)
    assert len(found.runs) == 1
    assert len(found.decoded()) == len(shown.pictures)
    assert sum(each.keyframe for each in found.runs[0][1]) == 3
    # Joining at a CRA: what leads it and can't be decoded is left out, the rest is there.
    at = next(index for index, picture in enumerate(shown.pictures) if index and picture.keyframe)
    late = record(shown, shown.pictures[at:])
    assert late.decoded()[-1] >= len(shown.pictures) - at - 3


@pytest.mark.parametrize("options", ["slices=4", "slice-max-size=300"])
def test_pictures_of_many_slices(options: str) -> None:
    shown = special(Codec.H264, f"keyint=15:min-keyint=15:bframes=0:{options}", size=(320, 240))
    assert max(len(picture.nals) for picture in shown.pictures) > 2
    assert record(shown).decoded() == list(range(60))


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_parameter_sets_only_in_the_description(codec: Codec) -> None:
    shown = film(codec, frames=40)
    bare = tuple(
        replace(picture, nals=tuple(nal for nal in picture.nals if not is_parameter_set(codec, nal_type(codec, nal))))
        for picture in shown.pictures
    )
    found = record(shown, bare)
    assert found.decoded() == list(range(40))
    assert not record(shown, bare, sets=False).runs  # nothing could show them


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_parameter_sets_before_every_picture(codec: Codec) -> None:
    shown = film(codec, frames=40)
    wordy = tuple(replace(picture, nals=(*shown.parameter_sets, *picture.nals)) for picture in shown.pictures)
    found = record(shown, wordy, sets=False)
    assert len(found.runs) == 1
    assert found.decoded() == list(range(40))


def test_interlaced_pictures_are_kept_and_said() -> None:
    shown = special(Codec.H264, "keyint=15:min-keyint=15:bframes=0:interlaced=1:tff=1", size=(192, 128))
    assert parse_sps(Codec.H264, next(nal for nal in shown.parameter_sets if nal[0] & 31 == H264Nal.SPS)).interlaced
    with stage(shown) as one:
        packets = Packetizer(shown.codec)
        for number, picture in enumerate(shown.pictures):
            one.feed(b"".join(packets.picture(picture)), number * FRAME_US)
        assert one.run.interlaced
        one.run.end(EndReason.RESTART, "")
        found = kept(one)
    assert found.decoded() == list(range(60))
    assert (found.runs[0][0].width, found.runs[0][0].height) == (192, 128)
