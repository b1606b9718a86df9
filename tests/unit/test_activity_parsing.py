"""Slice headers, fragment heads and blobs of seconds: right where the encoder says so, and never an exception."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity_stage import STEP_90K, cut, film, pictures
from belvedere.media.activity import SliceQp, first_frame, frame_table
from belvedere.media.fmp4 import read_fragment, write_fragment
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Fragment, Frame
from belvedere.site.activity import series
from belvedere.site.activity.laid import Laid
from belvedere.site.activity.seconds import SECOND, Seconds, Tally, pack, seconds_of_records, unpack
from belvedere.site.storage.fragments import Record

CONFIG, FRAMES = film(pictures(4, [(1, 3)]))
READER = SliceQp(CONFIG.codec, CONFIG.parameter_sets)


@pytest.mark.parametrize("qp", [18, 30, 44])
@pytest.mark.parametrize("profile", ["preset=ultrafast", "preset=slow"])
def test_the_quantiser_is_the_encoders(qp: int, profile: str) -> None:
    """At a constant quantiser every P slice says it: with CABAC and without, with weights and several references."""
    options = {"preset": profile.partition("=")[2], "crf": "", "qp": str(qp)}
    options.pop("crf")
    config, frames = film(
        pictures(3, [(0, 3)]), options=options | {"x264-params": f"qp={qp}:keyint=10:scenecut=0:bframes=0:aq-mode=0"}
    )
    reader = SliceQp(config.codec, config.parameter_sets)
    assert reader.able
    inter = [reader.of_frame(f.data, 0, len(f.data)) for f in frames if not f.keyframe]
    assert inter
    assert set(inter) == {qp}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=64), st.integers(0, 63), st.integers(0, 255))
def test_no_slice_and_no_set_raises(junk: bytes, at: int, value: int) -> None:
    READER.of_slice(junk)
    READER.of_frame(junk, 0, len(junk))
    data = bytearray(FRAMES[1].data[:64])
    data[at % len(data)] = value
    READER.of_frame(bytes(data), 0, 1 << 30)
    sets = [bytearray(each) for each in CONFIG.parameter_sets]
    for each in sets:
        each[at % len(each)] = value
    SliceQp(Codec.H264, [*map(bytes, sets), junk]).of_slice(FRAMES[1].data[4:])
    assert SliceQp(Codec.H265, CONFIG.parameter_sets).of_slice(junk) is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 255))
def test_no_fragment_raises(junk: bytes, at: int, value: int) -> None:
    frame_table(junk)
    first_frame(junk)
    whole = bytearray(write_fragment(FRAMES[:3], 3 * STEP_90K, 1))
    whole[at % len(whole)] = value
    table = frame_table(bytes(whole))
    if table is not None:
        assert len(table.sizes) == len(table.durations_90k) == len(table.keyframes)
        assert sum(table.sizes) <= len(whole)
    Tally(0, READER).add(Fragment(bytes(whole), 0, 3 * STEP_90K, 3, True, 0))


def arrays(seconds: Seconds) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    """Seconds as the strip reads them."""
    count = len(seconds) // SECOND.size
    return series.of(Laid(0, bytearray(seconds), bytearray(count), bytearray(count))).seconds


frames_of = st.lists(
    st.tuples(st.integers(1, 400), st.integers(0, 200_000), st.booleans(), st.sampled_from([0, 0, 90])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(frames_of, min_size=1, max_size=6))
def test_every_frame_counts_once_in_its_second(groups: list[list[tuple[int, int, bool, int]]]) -> None:
    tally, dts = Tally(0, READER), 0
    expected: dict[int, list[int]] = {}
    for group in groups:
        made = []
        for size, duration, key, shift in group:
            made.append(Frame(b"\0" * size, dts, shift, key, 0))
            name = min(dts // TICKS_PER_SECOND, 1023)
            counts = expected.setdefault(name, [0, 0, 0, 0])
            counts[2 * key] += size
            counts[2 * key + 1] += 1
            dts += duration
        data = write_fragment(made, dts, 1)
        table = frame_table(data)
        assert table is not None
        assert list(table.sizes) == [sample.size for sample in read_fragment(data)]
        tally.add(Fragment(data, made[0].dts_90k, dts - made[0].dts_90k, len(made), made[0].keyframe, 0))
    seconds = tally.seconds(len(groups))
    names = ("inter_bytes", "inter_frames", "key_bytes", "key_frames")
    found = {
        n: [int(row[name]) for name in names]
        for n, row in enumerate(arrays(seconds))
        if any(int(row[name]) for name in names)
    }
    assert found == expected
    assert unpack(pack(seconds)) == seconds
    assert tally.seconds(0) == b"", "no more is told than is durable"


def test_what_is_not_durable_is_not_told() -> None:
    fragments = cut(FRAMES, 0)
    tally = Tally(0, READER)
    for fragment in fragments:
        tally.add(fragment)
    told = arrays(tally.seconds(2))
    assert int(told["inter_frames"].sum() + told["key_frames"].sum()) == fragments[0].frames + fragments[1].frames


@given(st.binary(max_size=80))
def test_a_blob_that_is_none_is_said(junk: bytes) -> None:
    try:
        assert len(unpack(junk)) % SECOND.size == 0
    except ValueError:
        pass


@given(
    st.lists(
        st.builds(Record, st.integers(0, 1 << 31), st.integers(0, 1 << 40), st.integers(0, 1 << 20), st.integers(0, 99),
                  st.booleans(), st.just(0), st.just(0)),
        max_size=20,
    )
)  # fmt: skip
def test_any_index_record_can_be_counted(records: list[Record]) -> None:
    seconds = arrays(seconds_of_records(records, 0))
    assert int(seconds["key_frames"].astype(np.int64).sum()) <= sum(record.keyframe for record in records)
