"""The words of a reader process: any cut, any bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import CameraProtocol
from belvedere.media.nal import split_lengths
from belvedere.media.stream import Codec
from belvedere.site.ingest.foreign import ForeignTrack, described_video
from belvedere.site.ingest.reader_pipe import (
    LONGEST_WORD,
    MOST_NALS,
    AnyWord,
    Described,
    Ended,
    PictureCame,
    PipeWords,
    ReadOrder,
    pack_word,
)

pictures = st.builds(
    PictureCame,
    timestamp=st.integers(0, 0xFFFF_FFFF),
    keyframe=st.booleans(),
    starts=st.booleans(),
    damaged=st.booleans(),
    nals=st.lists(st.binary(max_size=40), max_size=5).map(tuple),
)
texts = st.text(max_size=50)
words = st.one_of(
    pictures,
    st.builds(Ended, why=texts, message=texts, advice=texts),
    st.builds(
        Described, codec=texts, container=texts, parameter_sets=st.lists(st.binary(max_size=9), max_size=4).map(tuple)
    ),
)


@given(st.lists(words, max_size=6), st.integers(1, 60))
def test_words_survive_any_cut(said: list[AnyWord], step: int) -> None:
    data = b"".join(pack_word(word) for word in said)
    pipe = PipeWords()
    heard = [word for at in range(0, len(data), step) for word in pipe.feed(data[at : at + step])]
    assert heard == said


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_any_bytes_are_words_or_refused(chunks: list[bytes]) -> None:
    pipe = PipeWords()
    try:
        for chunk in chunks:
            assert all(isinstance(word, Described | PictureCame | Ended) for word in pipe.feed(chunk))
    except CameraProtocol:
        pass


def test_what_is_too_large_is_refused_at_once() -> None:
    with pytest.raises(CameraProtocol):
        PipeWords().feed((LONGEST_WORD + 1).to_bytes(4, "big"))
    picture = PictureCame(timestamp=0, keyframe=True, starts=True, damaged=False, nals=(b"",) * (MOST_NALS + 1))
    with pytest.raises(CameraProtocol):
        PipeWords().feed(pack_word(picture))
    with pytest.raises(CameraProtocol):
        PipeWords().feed(pack_word(msgspec.structs.replace(picture, nals=(), timestamp=1 << 32)))


@given(pictures, st.sampled_from((Codec.H264, Codec.H265)))
def test_a_picture_becomes_a_whole_access_unit(picture: PictureCame, codec: Codec) -> None:
    unit = ForeignTrack(codec).unit(picture)
    nals = [nal for nal in picture.nals if nal]
    if unit is None:
        assert not nals
    else:
        assert split_lengths(unit.data) == nals
        assert set(unit.parameter_sets) <= set(nals)


def test_known_parameter_sets_are_not_told_again() -> None:
    sps, slice_ = b"\x67\x42\x00", b"\x65\x88"
    picture = PictureCame(timestamp=5, keyframe=True, starts=True, damaged=False, nals=(sps, slice_))
    track = ForeignTrack(Codec.H264)
    first = track.unit(picture)
    track.known_sets = frozenset((sps,))
    second = track.unit(picture)
    assert first is not None and second is not None
    assert (first.parameter_sets, second.parameter_sets) == ((sps,), ())


def test_a_codec_that_a_reader_may_not_name() -> None:
    with pytest.raises(CameraProtocol):
        described_video(Described(codec="mjpeg", container="x", parameter_sets=()))


def test_an_order_never_prints_its_password() -> None:
    assert "secret" not in repr(ReadOrder(url="http://h/", username="a", password="secret", handles=(3,)))


def test_text_that_is_not_utf_8_is_nonsense_like_any_other() -> None:
    word = pack_word(Ended("closed", "m", "a")).replace(b"closed", b"\xff\xfe\xfd\xfc\xfb\xfa")
    with pytest.raises(CameraProtocol):
        PipeWords().feed(word)
