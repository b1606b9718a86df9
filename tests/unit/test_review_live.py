"""The words on the live WebSocket."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadInput
from belvedere.hub.review.live import Play, Stop, messages_of, read_order
from belvedere.link.messages import LiveMedia, LiveStart, LiveState
from belvedere.media.stream import StreamKind


def test_orders() -> None:
    assert read_order('{"op":"play","tile":3,"camera":"gate","stream":"main"}') == Play(3, "gate", StreamKind.MAIN)
    assert read_order('{"op":"play","tile":3,"camera":"gate"}') == Play(3, "gate", StreamKind.SUB)
    assert read_order('{"op":"stop","tile":65535}') == Stop(65535)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"op":"shout","tile":1}',
        '{"op":"stop","tile":-1}',
        '{"op":"stop","tile":65536}',
        '{"op":"stop"}',
        '{"op":"play","tile":1,"camera":5}',
        '{"op":"play","tile":1,"camera":"gate","stream":"third"}',
    ],
)
def test_nonsense_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        read_order(text)


@given(st.binary(max_size=100))
def test_any_bytes_are_an_order_or_bad_input(data: bytes) -> None:
    try:
        read_order(data)
    except BadInput:
        pass


def test_messages_to_the_letter() -> None:
    assert messages_of(2, LiveStart("h264", "avc1.42c01e", 64, 48, b"INIT")) == [
        {"op": "start", "tile": 2, "codec": "h264", "codec_string": "avc1.42c01e", "width": 64, "height": 48},
        bytes.fromhex("0002 01 00 00000000 0000000000000000") + b"INIT",
    ]
    assert messages_of(2, LiveState("denied", "Wrong password.")) == [
        {"op": "state", "tile": 2, "state": "denied", "message": "Wrong password."}
    ]
    arrival_us = 1_795_381_200_000_000
    assert messages_of(258, LiveMedia(True, arrival_us, 7, b"MOOF")) == [
        {"op": "skipped", "tile": 258, "frames": 7},
        bytes.fromhex("0102 02 00 00000000") + struct.pack(">Q", arrival_us) + b"MOOF",
    ]
    (plain,) = messages_of(0, LiveMedia(False, 1, 0, b"MOOF"))
    assert isinstance(plain, bytes) and plain[2] == 0 and plain[16:] == b"MOOF"
