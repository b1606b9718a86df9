"""RTCP (RFC 3550 section 6): sender reports in, receiver reports out."""

from dataclasses import dataclass
from struct import pack, unpack_from

_SENDER_REPORT, _RECEIVER_REPORT, _SOURCE_DESCRIPTION, _BYE = 200, 201, 202, 203
_NTP_TO_UNIX_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
_NTP_ERA_S = 1 << 32  # NTP seconds wrap in February 2036
_MOST_PACKETS = 64


@dataclass(frozen=True, slots=True)
class SenderReport:
    """A camera's word on time: its wall clock (`camera_us`, UTC) at RTP time `rtp`. `ntp_middle` goes into our reports."""

    ssrc: int
    camera_us: int
    rtp: int
    ntp_middle: int


@dataclass(frozen=True, slots=True)
class RtcpNews:
    """What a compound packet held: the last sender report, if any, and whether the camera said goodbye."""

    report: SenderReport | None
    bye: bool


def parse_rtcp(data: bytes) -> RtcpNews:
    """Reads a compound packet up to the first thing that is not RTCP. Never fails."""
    report: SenderReport | None = None
    bye = False
    pos = 0
    for _ in range(_MOST_PACKETS):
        if len(data) - pos < 4:
            break
        first, kind, words = unpack_from(">BBH", data, pos)
        following = pos + 4 + 4 * words
        if first >> 6 != 2 or following > len(data):
            break
        if kind == _SENDER_REPORT and words >= 6:
            report = _sender_report(data, pos) or report
        elif kind == _BYE:
            bye = True
        pos = following
    return RtcpNews(report, bye)


def _sender_report(data: bytes, pos: int) -> SenderReport | None:
    """None when the camera says that it does not know the time (NTP 0)."""
    ssrc, seconds, fraction, rtp = unpack_from(">IIII", data, pos + 4)
    if not seconds:
        return None
    whole = seconds - _NTP_TO_UNIX_S if seconds >= _NTP_TO_UNIX_S else seconds + _NTP_ERA_S - _NTP_TO_UNIX_S
    camera_us = whole * 1_000_000 + (fraction * 1_000_000 >> 32)
    return SenderReport(ssrc, camera_us, rtp, (seconds & 0xFFFF) << 16 | fraction >> 16)


def write_receiver_report(
    own_ssrc: int, camera_ssrc: int, highest_sequence: int, lost: int, ntp_middle: int, since_report_us: int
) -> bytes:
    """A receiver report and a CNAME. `highest_sequence` has 32 bits (cycles above); `ntp_middle` 0: no sender report yet."""
    delay = min(0xFFFF_FFFF, max(0, since_report_us) * 65_536 // 1_000_000) if ntp_middle else 0
    report = pack(
        ">BBHIIIIIII",
        0x81, _RECEIVER_REPORT, 7, own_ssrc, camera_ssrc,
        min(lost, 0x7F_FFFF), highest_sequence & 0xFFFF_FFFF, 0, ntp_middle, delay,
    )  # fmt: skip
    name = b"belvedere"
    chunk = pack(">IBB", own_ssrc, 1, len(name)) + name
    chunk += bytes(4 - len(chunk) % 4)
    return report + pack(">BBH", 0x81, _SOURCE_DESCRIPTION, len(chunk) // 4) + chunk
