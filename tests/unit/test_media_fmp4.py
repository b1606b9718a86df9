"""Fragments: what is written is what FFmpeg and our own reader see."""

import io
from fractions import Fraction
from struct import pack

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import BadMedia
from belvedere.media.fmp4 import (
    Sample,
    find_box,
    make_config,
    read_boxes,
    read_fragment,
    tfdt_offset,
    write_fragment,
    write_frame,
)
from belvedere.media.nal import join_lengths
from belvedere.media.stream import Codec, Frame
from ingest_stage import Film, film

CODECS = [Codec.H264, Codec.H265]


def frames_of(shown: Film) -> list[Frame]:
    times = sorted(picture.pts_90k for picture in shown.pictures)
    return [
        Frame(join_lengths(picture.nals), dts, picture.pts_90k - dts, picture.keyframe, 0)
        for picture, dts in zip(shown.pictures, times, strict=True)
    ]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("size", [1, 7, 10, 30])
def test_written_fragments_are_read_back(codec: Codec, b_frames: int, size: int) -> None:
    shown = film(codec, b_frames=b_frames)
    frames = frames_of(shown)
    config = make_config(codec, shown.parameter_sets)
    assert (config.width, config.height) == (shown.width, shown.height)
    data = config.init
    ends = [frame.dts_90k for frame in frames[1:]] + [frames[-1].dts_90k + 3600]
    for at in range(0, len(frames), size):
        group = frames[at : at + size]
        fragment = write_fragment(group, ends[at + len(group) - 1], at)
        samples = read_fragment(fragment)
        assert [fragment[s.offset : s.offset + s.size] for s in samples] == [frame.data for frame in group]
        assert [(s.dts_90k, s.cts_90k, s.keyframe) for s in samples] == [
            (frame.dts_90k, frame.cts_90k, frame.keyframe) for frame in group
        ]
        assert [s.dts_90k + s.duration_90k for s in samples] == ends[at : at + len(group)]
        data += fragment
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.dts is not None]
        assert [bytes(packet) for packet in packets] == [frame.data for frame in frames]
        assert [packet.is_keyframe for packet in packets] == [frame.keyframe for frame in frames]
        assert stream.codec_context.codec_tag == ("avc1" if codec is Codec.H264 else "hvc1")
        assert (stream.codec_context.width, stream.codec_context.height) == (shown.width, shown.height)
    with av.open(io.BytesIO(data), "r") as container:
        assert len(list(container.decode(video=0))) == len(frames)


@pytest.mark.parametrize("shift", [0, 3600, -3600])
@pytest.mark.parametrize("keyframe", [True, False])
def test_a_live_frame_is_a_fragment_of_one(keyframe: bool, shift: int) -> None:
    frame = Frame(b"\0\0\0\2ab", 1 << 40, shift, keyframe, 0)
    data = write_frame(frame, 3600, 9)
    (sample,) = read_fragment(data)
    assert sample == Sample(len(data) - 6, 6, 1 << 40, shift, 3600, keyframe)
    assert data.endswith(frame.data)
    at = tfdt_offset(data)
    assert int.from_bytes(data[at : at + 8], "big") == 1 << 40


def test_offsets_count_from_the_fragment_and_not_from_the_file() -> None:
    one = write_fragment([Frame(b"a" * 9, 0, 0, True, 0)], 3600, 1)
    two = write_fragment([Frame(b"b" * 5, 3600, 0, False, 0)], 7200, 2)
    assert read_fragment(one + two, len(one)) == read_fragment(two)


def test_sizes_of_pixels_that_are_not_square_are_told() -> None:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 704, 576, "yuv420p"
    context.framerate = Fraction(25)
    context.options = {"x264-params": "sar=12/11:repeat-headers=1", "preset": "ultrafast"}
    packets = [*context.encode(av.VideoFrame(704, 576, "yuv420p")), *context.encode(None)]
    from belvedere.media.nal import is_parameter_set, nal_type, split_annex_b

    nals = split_annex_b(bytes(packets[0]))
    config = make_config(Codec.H264, [nal for nal in nals if is_parameter_set(Codec.H264, nal_type(Codec.H264, nal))])
    assert b"pasp" + pack(">II", 12, 11) in config.init
    with av.open(
        io.BytesIO(config.init + write_fragment([Frame(join_lengths(nals), 0, 0, True, 0)], 3600, 1)), "r"
    ) as file:
        assert str(file.streams.video[0].sample_aspect_ratio) == "12/11"


@pytest.mark.parametrize("codec", CODECS)
def test_incomplete_parameter_sets_are_refused(codec: Codec) -> None:
    sets = film(codec).parameter_sets
    for at in range(len(sets)):
        with pytest.raises(BadMedia):
            make_config(codec, sets[:at] + sets[at + 1 :])
    with pytest.raises(BadMedia):
        make_config(codec, [*sets, b"\x09\x10"])
    with pytest.raises(BadMedia):
        make_config(codec, sets * 20)


@settings(max_examples=200)
@given(st.integers(0, 400), st.integers(0, 255), st.integers(0, 500))
def test_a_damaged_fragment_is_bad_media(at: int, value: int, size: int) -> None:
    data = bytearray(write_fragment([Frame(b"x" * 50, i * 3600, i, i == 0, 0) for i in range(5)], 18_000, 1))
    data[at % len(data)] = value
    try:
        for sample in read_fragment(bytes(data[:size])):
            assert sample.offset + sample.size <= size
    except BadMedia:
        pass


@given(st.binary(max_size=100))
def test_any_bytes_are_boxes_or_bad_media(data: bytes) -> None:
    try:
        for box in read_boxes(data):
            assert box.start < box.end <= len(data)
        find_box(data, (b"moof", b"traf"))
    except BadMedia:
        pass
