"""NAL units and parameter sets: what x264 and x265 wrote is read back, and nothing else gets through."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import BadMedia
from belvedere.media.bits import BitReader, unescape
from belvedere.media.nal import (
    annex_b_to_lengths,
    is_recovery_point,
    join_annex_b,
    join_lengths,
    lengths_to_annex_b,
    nal_type,
    parameter_key,
    split_annex_b,
    split_lengths,
)
from belvedere.media.sps import parse_sps
from belvedere.media.stream import Codec
from ingest_stage import film

CODECS = [Codec.H264, Codec.H265]
nal_units = st.lists(st.binary(min_size=1, max_size=40).map(lambda data: data.replace(b"\0", b"\1")), max_size=8)


@given(nal_units)
def test_framings_are_inverse(units: list[bytes]) -> None:
    assert split_annex_b(join_annex_b(units)) == units
    assert split_lengths(join_lengths(units)) == units
    assert annex_b_to_lengths(lengths_to_annex_b(join_lengths(units))) == join_lengths(units)


@given(st.binary(max_size=64))
def test_lengths_that_do_not_add_up_are_refused(data: bytes) -> None:
    try:
        assert join_lengths(split_lengths(data)) == data
    except BadMedia:
        pass


@given(st.binary(max_size=64))
def test_unescape_removes_what_an_encoder_put_in(data: bytes) -> None:
    escaped = bytearray()
    for byte in data:
        if len(escaped) >= 2 and not escaped[-1] and not escaped[-2] and byte <= 3:
            escaped.append(3)
        escaped.append(byte)
    assert unescape(bytes(escaped)) == data


def test_exp_golomb() -> None:
    reader = BitReader(bytes((0b1_010_011_0, 0b0100_0010, 0b1_0000000)))
    assert [reader.ue() for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(BadMedia):
        reader.ue()
    with pytest.raises(BadMedia):
        BitReader(bytes(9)).ue()
    assert [BitReader(bytes((bits,))).se() for bits in (0x80, 0x40, 0x60)] == [0, 1, -1]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("width", "height"), [(320, 180), (322, 182), (64, 64)])
def test_size_and_rate_are_read_with_cropping(codec: Codec, width: int, height: int) -> None:
    shown = film(codec, frames=3, width=width, height=height)
    info = next(parse_sps(codec, nal) for nal in shown.parameter_sets if nal_type(codec, nal) in (7, 33))
    assert (info.width, info.height, info.fps) == (width, height, Fraction(25))
    assert info.reorder_frames == 0
    assert info.codec_string.startswith("avc1.42c0" if codec is Codec.H264 else "hvc1.1.6.L")
    keys = [parameter_key(codec, nal) for nal in shown.parameter_sets]
    assert keys == ([(7, 0), (8, 0)] if codec is Codec.H264 else [(32, 0), (33, 0), (34, 0)])


@pytest.mark.parametrize("codec", CODECS)
def test_reordering_is_read(codec: Codec) -> None:
    shown = film(codec, b_frames=2)
    info = next(parse_sps(codec, nal) for nal in shown.parameter_sets if nal_type(codec, nal) in (7, 33))
    assert info.reorder_frames and info.reorder_frames >= 1


@pytest.mark.parametrize("codec", CODECS)
def test_a_cut_or_changed_sps_never_raises_anything_else(codec: Codec) -> None:
    shown = film(codec)
    (sps,) = (nal for nal in shown.parameter_sets if nal_type(codec, nal) in (7, 33))
    for size in range(len(sps)):
        for changed in (sps[:size], sps[:size] + b"\0" + sps[size:], sps[:size] + b"\xff" + sps[size + 1 :]):
            parameter_key(codec, changed)
            try:
                info = parse_sps(codec, changed)
            except BadMedia:
                continue
            assert 0 < info.width <= 16384 and 0 < info.height <= 16384


@settings(max_examples=300)
@given(st.sampled_from(CODECS), st.binary(max_size=120))
def test_any_bytes_are_survived(codec: Codec, data: bytes) -> None:
    parameter_key(codec, data)
    is_recovery_point(data)
    split_annex_b(data)
    for head in (b"", b"\x67", b"\x42\x01"):
        try:
            parse_sps(codec, head + data)
        except BadMedia:
            pass


def test_recovery_points() -> None:
    assert is_recovery_point(b"\x06\x06\x01\xc4\x80")
    assert is_recovery_point(b"\x06\x05\x02ab\x06\x01\xc4\x80")
    assert is_recovery_point(b"\x06\x06\x01\x44\x80")  # intra refresh: right after one more picture
    assert not is_recovery_point(b"\x06\x06\x00\x80")
    assert not is_recovery_point(b"\x06\x01\x01\x44\x80")
    assert not is_recovery_point(b"\x06\x05\xff")
