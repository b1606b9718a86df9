"""H.264 slice headers, rewritten: two encoders' slices become one picture, and an unchanged picture costs no encoder at all.

For streams of libx264 with CAVLC, one reference, no B-frames and no weighted prediction (picture order count type 2).
Recommendation ITU-T H.264 (08/2021), 7.3.2.1.1 (SPS), 7.3.3 (slice header), 7.3.4 (slice data).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from belvedere.foundation.errors import BadMedia
from belvedere.media.bits import BitReader, unescape

IDR, NON_IDR = 5, 1
_P_SLICE, _I_SLICE = 0, 2
_HEAD = 64  # bytes that surely hold a slice header


class Bits:
    """Bits put together, the first one first."""

    def __init__(self) -> None:
        self.value = 0
        self.count = 0

    def put(self, value: int, count: int) -> None:
        """Append `count` bits."""
        self.value = self.value << count | value
        self.count += count

    def ue(self, value: int) -> None:
        """Append an unsigned Exp-Golomb code (9.1)."""
        self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def se(self, value: int) -> None:
        """Append a signed Exp-Golomb code (9.1.1)."""
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def nal(self, header: int) -> bytes:
        """The bits as a NAL unit; they must end with the stop bit."""
        pad = -self.count % 8
        raw = (self.value << pad).to_bytes((self.count + pad) // 8, "big")
        return bytes([header]) + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", raw)


def frame_num_bits(sps: bytes) -> int:
    """Length of `frame_num` in slice headers under an SPS of the Baseline or Main profile with order count type 2."""
    reader = BitReader(unescape(sps[1:64]))
    profile = reader.bits(8)
    reader.skip(16)
    reader.ue()
    length = reader.ue() + 4
    if profile not in (66, 77) or reader.ue() != 2:
        raise BadMedia(
            "The encoder made a stream of another kind than asked.",
            advice="Install the PyAV version of constraints.txt.",
        )
    return length


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice goes: its first macroblock, and the number of its picture since the last IDR picture."""

    first_macroblock: int
    frame_num: int
    idr_id: int  # 0 or 1; neighbouring IDR pictures must differ


def moved(nal: bytes, length: int, place: Place) -> bytes:
    """The slice with another place in its header, and no deblocking across its edges. `length` as by `frame_num_bits`."""
    rbsp = unescape(nal[1:])
    idr = nal[0] & 31 == IDR
    reader = BitReader(rbsp[:_HEAD])
    reader.ue()
    kind = reader.ue()
    reader.ue()
    reader.skip(length)
    if idr:
        reader.ue()
    inter = kind % 5 == _P_SLICE
    if inter and reader.bits(2):
        raise BadMedia(
            "The encoder used more than one reference.", advice="Install the PyAV version of constraints.txt."
        )
    reader.skip(2 if idr else 1)
    quantiser = reader.se()
    offsets = (0, 0)
    if reader.ue() != 1:
        offsets = (reader.se(), reader.se())
    begun = min(len(rbsp), _HEAD) * 8 - reader.left
    whole = int.from_bytes(rbsp, "big")
    left = len(rbsp) * 8 - begun
    data = whole & ((1 << left) - 1)
    spare = (data & -data).bit_length() - 1  # alignment after the stop bit
    made = _header(_P_SLICE if inter else _I_SLICE, idr, length, place, quantiser, offsets)
    made.put(data >> spare, left - spare)
    return made.nal(nal[0])


def place_of(nal: bytes, length: int) -> Place:
    """Where a slice stands."""
    reader = BitReader(unescape(nal[1 : 1 + _HEAD]))
    first = reader.ue()
    reader.ue()
    reader.ue()
    number = reader.bits(length)
    return Place(first, number, reader.ue() if nal[0] & 31 == IDR else 0)


@lru_cache(maxsize=4096)
def unchanged(length: int, place: Place, macroblocks: int) -> bytes:
    """A slice that repeats `macroblocks` of the picture before: all of them skipped."""
    made = _header(_P_SLICE, False, length, place, 0, (0, 0))
    made.ue(macroblocks)
    made.put(1, 1)
    return made.nal(0x61)


def _header(kind: int, idr: bool, length: int, place: Place, quantiser: int, offsets: tuple[int, int]) -> Bits:
    made = Bits()
    made.ue(place.first_macroblock)
    made.ue(kind)
    made.ue(0)  # picture parameter set
    made.put(place.frame_num % (1 << length), length)
    if idr:
        made.ue(place.idr_id)
    if kind == _P_SLICE:
        made.put(0, 2)  # default references, default order
    made.put(0, 2 if idr else 1)  # default marking
    made.se(quantiser)
    made.ue(2)  # deblock within the slice only
    made.se(offsets[0])
    made.se(offsets[1])
    return made
