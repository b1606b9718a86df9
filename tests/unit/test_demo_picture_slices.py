"""Slices of two encoders make one picture that any decoder reads, and a picture that did not change costs a few bytes."""

import io

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from belvedere.demo.picture import slices
from belvedere.demo.picture.banded import BandedEncoder, context, parameter_sets
from belvedere.demo.picture.slices import Bits, Place
from belvedere.foundation.errors import BadMedia
from belvedere.media.bits import BitReader, unescape
from belvedere.media.nal import split_annex_b

WIDE, HIGH, BAND = 320, 192, 16


def picture(step: int) -> NDArray[np.uint8]:
    """A smooth ground with a square that moves, away from the band."""
    ramp = np.tile(np.linspace(40, 200, WIDE, dtype=np.uint8), (HIGH, 1))
    bgr = np.dstack([ramp, ramp[:, ::-1], np.full_like(ramp, 90)])
    cv2.rectangle(bgr, (30 + 8 * step, 90), (70 + 8 * step, 150), (20, 30, 220), -1)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)


def decoded(stream: bytes) -> list[NDArray[np.uint8]]:
    with av.open(io.BytesIO(stream), "r", format="h264") as container:
        container.streams.video[0].codec_context.options = {"err_detect": "explode"}
        return [np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8) for frame in container.decode(video=0)]


def head() -> bytes:
    return b"".join(b"\0\0\0\1" + nal for nal in parameter_sets(context(WIDE, HIGH, 10, 20)))


@given(
    st.lists(
        st.one_of(st.tuples(st.just("ue"), st.integers(0, 70_000)), st.tuples(st.just("se"), st.integers(-900, 900)))
    )
)
def test_bits_are_read_back(values: list[tuple[str, int]]) -> None:
    bits = Bits()
    for kind, value in values:
        bits.ue(value) if kind == "ue" else bits.se(value)
    bits.put(1, 1)
    reader = BitReader(unescape(bits.nal(0x61)[1:]))
    assert [(kind, reader.ue() if kind == "ue" else reader.se()) for kind, _ in values] == values


def test_no_start_code_hides_in_a_slice() -> None:
    bits = Bits()
    for value in (0, 0, 1, 0, 0, 0, 2, 0, 0, 3, 128):
        bits.put(value, 8)
    nal = bits.nal(0x61)
    assert b"\0\0\1" not in nal[1:] and b"\0\0\0" not in nal[1:] and b"\0\0\2" not in nal[1:]
    assert unescape(nal[1:]) == bytes((0, 0, 1, 0, 0, 0, 2, 0, 0, 3, 128))


def test_band_and_body_decode_as_one_picture() -> None:
    encoder = BandedEncoder(WIDE, HIGH, 10, 18, "Yard", picture(0))
    assert encoder.band_height == BAND
    stream = head()
    for step in range(12):
        stream += encoder.unit(encoder.body(picture(step), step % 6 == 0), f"12:00:{step:02d}", step % 6 == 0)
    shown = decoded(stream)
    assert len(shown) == 12
    for step, seen in enumerate(shown):
        error = np.abs(seen[BAND:HIGH].astype(int) - picture(step)[BAND:HIGH])
        assert error.mean() < 2.0 and np.percentile(error, 99) < 20


def test_what_does_not_change_costs_a_few_bytes_and_stays_the_same() -> None:
    encoder = BandedEncoder(WIDE, HIGH, 10, 18, "Yard", picture(0))
    first = encoder.unit(encoder.body(picture(0), True), "12:00:00", True)
    same = [encoder.unit(None, "12:00:00", False) for _ in range(40)]  # the frame number wraps
    ticked = encoder.unit(None, "12:00:01", False)
    moved = encoder.unit(encoder.body(picture(1), False), "12:00:01", False)
    assert max(map(len, same)) < 40 < len(ticked) < 600 < len(first)
    shown = decoded(head() + first + b"".join(same) + ticked + moved)
    assert len(shown) == 43
    for seen in shown[1:41]:
        np.testing.assert_array_equal(seen, shown[0])
    np.testing.assert_array_equal(shown[41][BAND:HIGH], shown[0][BAND:HIGH])
    assert (shown[41][:BAND] != shown[0][:BAND]).any()
    assert np.abs(shown[42][BAND:HIGH].astype(int) - picture(1)[BAND:HIGH]).mean() < 2.0


def test_a_slice_knows_its_place_after_it_was_moved() -> None:
    encoder = BandedEncoder(WIDE, HIGH, 10, 18, "Yard", picture(0))
    length = slices.frame_num_bits(parameter_sets(context(WIDE, HIGH, 10, 20))[0])
    nal = split_annex_b(encoder.unit(encoder.body(picture(0), True), "", True))[1]
    for place in (Place(77, 0, 1), Place(20, 0, 0)):
        assert slices.place_of(slices.moved(nal, length, place), length) == place


def test_another_kind_of_stream_is_refused() -> None:
    other = av.CodecContext.create("libx264", "w")
    other.width, other.height, other.pix_fmt, other.time_base = 64, 64, "yuv420p", context(64, 64, 5, 20).time_base
    other.flags |= int(av.codec.context.Flags.global_header)
    other.open()
    sps = next(nal for nal in split_annex_b(bytes(other.extradata or b"")) if nal[0] & 31 == 7)
    with pytest.raises(BadMedia):
        slices.frame_num_bits(sps)
