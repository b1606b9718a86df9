"""RTP and RTCP as a camera writes them: RFC 3550, 6184 (H.264), 7798 (H.265), interleaved as RFC 2326 section 10.12 says."""

import struct
from collections.abc import Iterable

from belvedere.foundation.clock import SECOND_US
from belvedere.media.stream import Codec

MTU = 1400
_NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970


def payloads(codec: Codec, nals: Iterable[bytes], mtu: int = MTU) -> list[bytes]:
    """RTP payloads of one access unit: single NAL units, or fragmentation units for those over `mtu` bytes."""
    out: list[bytes] = []
    for nal in nals:
        if len(nal) <= mtu:
            out.append(nal)
            continue
        if codec is Codec.H264:
            head, kind, body, room = bytes(((nal[0] & 0xE0) | 28,)), nal[0] & 31, memoryview(nal)[1:], mtu - 2
        else:
            head = bytes(((nal[0] & 0x81) | (49 << 1), nal[1]))
            kind, body, room = (nal[0] >> 1) & 63, memoryview(nal)[2:], mtu - 3
        for at in range(0, len(body), room):
            start = 0x80 if at == 0 else 0
            end = 0x40 if at + room >= len(body) else 0
            out.append(head + bytes((start | end | kind,)) + body[at : at + room])
    return out


def rtp(channel: int, payload_type: int, marker: bool, seq: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    """One interleaved RTP packet."""
    second = (0x80 if marker else 0) | payload_type
    head = struct.pack(
        ">BBHBBHII",
        0x24,
        channel,
        12 + len(payload),
        0x80,
        second,
        seq & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    return head + payload


def sender_report(channel: int, ssrc: int, ntp_us: int, timestamp: int, packets: int, octets: int) -> bytes:
    """An interleaved RTCP sender report with its obligatory SDES CNAME (RFC 3550 sections 6.4.1 and 6.5)."""
    seconds, micros = divmod(ntp_us, SECOND_US)
    fraction = (micros << 32) // SECOND_US
    report = struct.pack(
        ">BBHIIIIII",
        0x80,
        200,
        6,
        ssrc,
        (seconds + _NTP_EPOCH_S) & 0xFFFFFFFF,
        fraction,
        timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    name = b"camera"
    item = bytes((1, len(name))) + name + b"\0"
    item += b"\0" * (-len(item) % 4)
    sdes = struct.pack(">BBHI", 0x81, 202, 1 + len(item) // 4, ssrc) + item
    body = report + sdes
    return struct.pack(">BBH", 0x24, channel, len(body)) + body
