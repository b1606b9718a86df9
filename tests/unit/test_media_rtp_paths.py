"""The quick way through packets in order and the careful way through all others bring the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.media.access_unit import AccessUnit
from belvedere.media.rtp import Depacketizer
from belvedere.media.stream import Codec


class Careful(Depacketizer):
    """Takes every packet the careful way."""

    def _usual(self, data: bytes, pos: int, end: int, units: list[AccessUnit]) -> int:
        return pos


@st.composite
def nal(draw: st.DrawFn, codec: Codec) -> bytes:
    """A NAL unit of a kind that matters, or any other."""
    size = draw(st.sampled_from((1, 2, 5, 90, 400)))
    body = draw(st.binary(min_size=size, max_size=size))
    if codec is Codec.H264:
        return bytes((0x60 | draw(st.sampled_from((0, 1, 1, 1, 5, 6, 7, 8, 9, 12, 24, 30))),)) + body
    kind = draw(st.sampled_from((0, 1, 1, 19, 21, 32, 33, 34, 35, 39, 48, 50)))
    return bytes((kind << 1, 1)) + body


@st.composite
def payloads(draw: st.DrawFn, codec: Codec) -> list[bytes]:
    """RTP payloads of one NAL unit: whole or in fragments."""
    unit = draw(nal(codec))
    ahead = 1 if codec is Codec.H264 else 2
    body, part = unit[ahead:], draw(st.sampled_from((7, 40, 100)))
    if len(body) <= part:
        return [unit]
    kind = unit[0] & 31 if codec is Codec.H264 else unit[0] >> 1
    indicator = bytes((unit[0] & 0xE0 | 28,)) if codec is Codec.H264 else bytes((49 << 1, unit[1]))
    found = []
    for at in range(0, len(body), part):
        flags = (0x80 if at == 0 else 0) | (0x40 if at + part >= len(body) else 0)
        found.append(indicator + bytes((flags | kind,)) + body[at : at + part])
    return found


@st.composite
def streams(draw: st.DrawFn, codec: Codec) -> bytes:
    """Interleaved packets of some pictures, a few of them lost, sent twice, marked wrongly or of somebody else."""
    sequence = draw(st.sampled_from((0, 100, 65_520)))
    ahead, fragment = (1, (0x1F, 28)) if codec is Codec.H264 else (2, (0x7E, 98))
    out = bytearray()
    for picture in range(draw(st.integers(1, 6))):
        parts = [p for unit in draw(st.lists(payloads(codec), min_size=1, max_size=4)) for p in unit]
        for index, payload in enumerate(parts):
            oddity = draw(st.sampled_from(("",) * 40 + ("lost", "twice", "mark", "report", "other", "flags")))
            marker = (index == len(parts) - 1) != (oddity == "mark")
            head = bytes((0x80, 96 | marker << 7)) + (sequence & 0xFFFF).to_bytes(2, "big")
            # What lies in the middle of a NAL unit belongs to it, whoever sent it.
            middle = len(payload) > 3 and payload[0] & fragment[0] == fragment[1] and not payload[ahead] & 0xC0
            source = 8 if oddity == "other" and not middle else 7
            packet = head + (picture * 3600).to_bytes(4, "big") + source.to_bytes(4, "big") + payload
            if oddity == "flags":
                packet = packet[:13] + bytes((draw(st.integers(0, 255)),)) + packet[14:]
            framed = b"$\0" + len(packet).to_bytes(2, "big") + packet
            if oddity == "report":
                out += b"$\1\0\x08\x80\xc8\0\1\0\0\0\7"
            out += framed * {"lost": 0, "twice": 2}.get(oddity, 1)
            sequence += 1
    return bytes(out)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_ways_bring_the_same(data: st.DataObject) -> None:
    codec = data.draw(st.sampled_from((Codec.H264, Codec.H265)))
    sent = data.draw(streams(codec))
    chunk = data.draw(st.sampled_from((50, 333, 100_000)))
    quick, careful = Depacketizer(codec, 96), Careful(codec, 96)
    for at in range(0, len(sent), chunk):
        assert quick.feed(sent[at : at + chunk]) == careful.feed(sent[at : at + chunk])
    for count in ("packets", "lost_packets", "ignored_packets", "garbage_bytes", "highest_sequence", "ssrc", "reports"):
        assert getattr(quick, count) == getattr(careful, count)


def test_a_unit_that_another_source_goes_on_with_is_lost_both_ways() -> None:
    def packet(sequence: int, source: int, header: int) -> bytes:
        body = bytes((0x80, 96)) + sequence.to_bytes(2, "big") + bytes(4) + source.to_bytes(4, "big")
        return b"$\0" + (14 + 40).to_bytes(2, "big") + body + bytes((0x7C, header)) + bytes(40)

    plain = b"$\0\0\x0e\x80\xe0\0\0" + bytes(7) + b"\7\x61\x80"
    sent = [plain, packet(1, 8, 0x81), *(packet(n, 7, 0x01) for n in range(2, 9)), packet(9, 7, 0x41)]
    quick, careful = Depacketizer(Codec.H264, 96), Careful(Codec.H264, 96)
    for each in sent:
        assert quick.feed(each) == careful.feed(each)
    assert quick.lost_packets == careful.lost_packets == 0
    assert quick.packets == careful.packets == len(sent)


def test_a_little_footage_does_not_keep_a_large_read() -> None:
    track = Depacketizer(Codec.H264, 96)
    packets = b"".join(
        b"$\0"
        + (14 + 600).to_bytes(2, "big")
        + b"\x80\x60"
        + sequence.to_bytes(2, "big")
        + bytes(8)
        + head
        + b"\x80" * 600
        for sequence, head in enumerate((b"\x7c\x85", b"\x7c\x05", b"\x7c\x05"))
    )
    ending = b"$\0" + (14 + 600).to_bytes(2, "big") + b"\x80\xe0\0\3" + bytes(8) + b"\x7c\x45" + b"\x80" * 600
    noise = (b"$\5" + (1000).to_bytes(2, "big") + b"\x80" + bytes(999)) * 20
    (unit,) = track.feed(packets + ending + noise)
    assert all(isinstance(part, bytes) for part in unit.parts)
    assert unit.size == len(unit.data) == 5 + 4 * 600
