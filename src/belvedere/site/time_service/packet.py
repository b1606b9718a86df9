"""NTP packets: reading what a client asks, writing what a server answers (RFC 5905 7.3; SNTP, section 14)."""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from belvedere.foundation.clock import SECOND_US

BYTES = 48
# Seconds from 1900 to 1970. Times are of the era in which we live: 32 bits of seconds wrap in 2036, and so do the answers.
EPOCH_S = 2_208_988_800
_HEAD = Struct(">BBbbII4sQQQQ")
_SHORT_MOST = 0xFFFF_FFFF


class Mode(IntEnum):
    """Who speaks. A server answers clients only."""

    CLIENT = 3
    SERVER = 4


class Leap(IntEnum):
    """Leap indicator. UNKNOWN: the speaker's clock is not kept right."""

    NONE = 0
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asked: its version, how often it asks (log2 s), and its own time, which goes back as it came."""

    version: int
    poll: int
    transmit: int


@dataclass(frozen=True, slots=True)
class Quality:
    """What a server can say for its clock. `root_dispersion_us`: how far it may be off; `reference_id`: four bytes."""

    leap: Leap
    stratum: int
    precision: int  # log2 s
    root_delay_us: int
    root_dispersion_us: int
    reference_id: bytes
    reference_us: int  # when the clock was last set or corrected


def parse_question(data: bytes) -> Question | None:
    """A client's request, None for anything else: a reply, a control message, a packet that is too short or too old.

    Extension fields and authenticators behind the header are ignored (RFC 5905 7.5); nothing is answered longer than it was asked.
    """
    if len(data) < BYTES:
        return None
    first, _, poll, *_, transmit = _HEAD.unpack_from(data)
    version, mode = first >> 3 & 7, first & 7
    # Version 1 had no mode: such a client sends 0 there (RFC 1059).
    if not 1 <= version <= 4 or mode != (0 if version == 1 else Mode.CLIENT):
        return None
    return Question(version, poll, transmit)


def write_answer(question: Question, quality: Quality, received_us: int, transmitted_us: int) -> bytes:
    """The server's answer. Times are Unix microseconds."""
    return _HEAD.pack(
        quality.leap << 6 | question.version << 3 | Mode.SERVER,
        quality.stratum,
        max(-128, min(127, question.poll)),
        quality.precision,
        _short(quality.root_delay_us),
        _short(quality.root_dispersion_us),
        quality.reference_id,
        stamp(quality.reference_us),
        question.transmit,
        stamp(received_us),
        stamp(transmitted_us),
    )


def write_question(transmit_us: int) -> bytes:
    """A client's request, for asking another server."""
    return _HEAD.pack(4 << 3 | Mode.CLIENT, 0, 6, 0, 0, 0, b"\0\0\0\0", 0, 0, 0, stamp(transmit_us))


@dataclass(frozen=True, slots=True)
class Answer:
    """What another server said. Times are Unix microseconds in the era nearest to `asked_us`."""

    leap: int
    stratum: int
    root_delay_us: int
    root_dispersion_us: int
    received_us: int
    transmitted_us: int


def parse_answer(data: bytes, asked_us: int) -> Answer | None:
    """The answer to `write_question(asked_us)`, None for anything else (RFC 5905 8, tests 1 to 3)."""
    if len(data) < BYTES:
        return None
    first, stratum, _, _, delay, dispersion, _, _, origin, received, transmitted = _HEAD.unpack_from(data)
    if first & 7 != Mode.SERVER or origin != stamp(asked_us) or not received or not transmitted:
        return None
    return Answer(
        first >> 6,
        stratum,
        _long(delay),
        _long(dispersion),
        unix_us(received, asked_us),
        unix_us(transmitted, asked_us),
    )


def stamp(unix_time_us: int) -> int:
    """A 64-bit NTP time stamp: seconds since 1900 in this era, and a fraction."""
    seconds, micros = divmod(unix_time_us, SECOND_US)
    return (seconds + EPOCH_S & 0xFFFF_FFFF) << 32 | (micros << 32) // SECOND_US


def unix_us(ntp_stamp: int, near_us: int) -> int:
    """The Unix time of a stamp, in the era that brings it nearest to `near_us`; right to a microsecond."""
    seconds = (ntp_stamp >> 32) - EPOCH_S
    micros = ((ntp_stamp & 0xFFFF_FFFF) * SECOND_US + (1 << 31)) >> 32
    era_us = (1 << 32) * SECOND_US
    value_us = seconds * SECOND_US + micros
    return value_us + round((near_us - value_us) / era_us) * era_us


def _short(us: int) -> int:
    """16.16 seconds, rounded up: a server never claims to be better than it is."""
    return min(_SHORT_MOST, -((-max(0, us) << 16) // SECOND_US))


def _long(short: int) -> int:
    return short * SECOND_US >> 16
