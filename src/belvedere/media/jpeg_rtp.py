"""JPEG over RTP (RFC 2435): packets to whole JPEG pictures, with the headers that the packets leave out.

What the camera does not send (the tables of ITU-T T.81 annex K) is put in; its own entropy-coded bytes are kept as they came.
Nothing is decoded here.
"""

from dataclasses import dataclass
from struct import Struct, pack

from belvedere.foundation.errors import BadMedia

MOST_BYTES = 4 << 20
_RTP = Struct(">BBHII")
_HEADER = Struct(">IBBBB")  # type-specific and offset, type, Q, width / 8, height / 8
_DUPLICATES = 64

# T.81 tables K.3 to K.6, as in a DHT segment: class and number, lengths, values.
_HUFFMAN = bytes.fromhex(
    "0000010501010101010100000000000000000102030405060708090a0b010003010101010101010101000000000000010203040506070809"
    "0a0b100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282"
    "090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a83848586"
    "8788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7"
    "e8e9eaf1f2f3f4f5f6f7f8f9fa1100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1"
    "c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a"
    "737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4"
    "d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)
# T.81 tables K.1 and K.2, row by row.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)  # fmt: skip


def _zigzag() -> tuple[int, ...]:
    """Places of an 8 by 8 block in the order of T.81 figure 5."""
    cells = [(row + column, row, column) for row in range(8) for column in range(8)]
    cells.sort(key=lambda cell: (cell[0], cell[1] if cell[0] % 2 else cell[2]))
    return tuple(8 * row + column for _, row, column in cells)


_ZIGZAG = _zigzag()


def quantization(quality: int) -> bytes:
    """The two tables of a quality from 1 to 99 (RFC 2435 4.2), 128 bytes in zigzag order."""
    factor = max(1, min(99, quality))
    scale = 5000 // factor if factor < 50 else 200 - 2 * factor
    return bytes(
        max(1, min(255, (table[place] * scale + 50) // 100)) for table in (_LUMA, _CHROMA) for place in _ZIGZAG
    )


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A whole picture. `timestamp` is RTP's, 90 kHz; `lost_packets` the track's count when it was complete."""

    data: bytes
    timestamp: int
    lost_packets: int


class JpegDepacketizer:
    """RTP packets of one track of JPEG, pictures out. A picture of which a part is missing is dropped. Never raises."""

    def __init__(self, payload_type: int = 26) -> None:
        self.packets = 0
        self.lost_packets = 0
        self.bad_packets = 0
        self.dropped_pictures = 0
        self._payload_type = payload_type
        self._want = -1
        self._ssrc = -1
        self._tables: dict[int, bytes] = {}
        # The picture under way: its time (-1: none), head, parts and how far they reach.
        self._timestamp = -1
        self._head = b""
        self._parts: list[bytes] = []
        self._reached = 0

    def take(self, packets: list[bytes]) -> list[Jpeg]:
        """Pictures that `packets` completed."""
        pictures: list[Jpeg] = []
        for packet in packets:
            try:
                self._packet(packet, pictures)
            except BadMedia:
                self.bad_packets += 1
                self._drop()
        return pictures

    def _packet(self, packet: bytes, pictures: list[Jpeg]) -> None:
        end = len(packet)
        if end < 20 or packet[0] >> 6 != 2:
            raise _bad()
        first, kind, sequence, timestamp, source = _RTP.unpack_from(packet)
        start = 12 + 4 * (first & 15)
        if first & 0x10:
            if start + 4 > end:
                raise _bad()
            start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
        if first & 0x20:
            end -= packet[end - 1]
        if kind & 0x7F != self._payload_type:
            return
        if source != self._ssrc:
            self._ssrc, self._want = source, sequence
            self._drop()
        missing = (sequence - self._want) & 0xFFFF
        if missing >= 0x1_0000 - _DUPLICATES:
            return
        if missing:
            self.lost_packets += missing if missing < 0x8000 else 1
            self._drop()
        self._want = (sequence + 1) & 0xFFFF
        self.packets += 1
        self._payload(packet[start:end], timestamp)
        if kind & 0x80 and self._timestamp == timestamp:
            data = b"".join((self._head, *self._parts))
            self._timestamp = -1
            self._parts = []
            pictures.append(
                Jpeg(data if data.endswith(b"\xff\xd9") else data + b"\xff\xd9", timestamp, self.lost_packets)
            )

    def _payload(self, payload: bytes, timestamp: int) -> None:
        if len(payload) < 8:
            raise _bad()
        word, kind, quality, across, down = _HEADER.unpack_from(payload)
        offset = word & 0xFF_FFFF
        at, interval = 8, 0
        if 64 <= kind <= 127:
            if len(payload) < 12:
                raise _bad()
            interval = payload[8] << 8 | payload[9]
            at = 12
        if not offset:
            if self._timestamp >= 0:
                self._drop()
            tables, at = self._quantization(payload, at, quality)
            if kind & 0xBF > 1 or not across or not down:
                raise _bad()
            self._head = _head(kind & 1, 8 * across, 8 * down, tables, interval)
            self._timestamp, self._parts, self._reached = timestamp, [], 0
        elif self._timestamp != timestamp or offset != self._reached:
            if self._timestamp >= 0:
                self._drop()
            return
        self._parts.append(payload[at:])
        self._reached += len(payload) - at
        if self._reached > MOST_BYTES:
            raise _bad()

    def _quantization(self, payload: bytes, at: int, quality: int) -> tuple[bytes, int]:
        """Tables of the picture, and where its data begins (RFC 2435 3.1.8)."""
        if quality < 128:
            return quantization(quality), at
        if len(payload) < at + 4:
            raise _bad()
        precision, length = payload[at + 1], payload[at + 2] << 8 | payload[at + 3]
        at += 4
        if not length:
            if quality not in self._tables:
                raise _bad()
            return self._tables[quality], at
        if precision or length not in (64, 128) or at + length > len(payload):
            raise _bad()
        tables = payload[at : at + length]
        if quality != 255:
            self._tables[quality] = tables
        return tables, at + length

    def _drop(self) -> None:
        if self._timestamp >= 0:
            self.dropped_pictures += 1
        self._timestamp = -1
        self._parts = []


def _head(kind: int, width: int, height: int, tables: bytes, interval: int) -> bytes:
    """SOI to SOS of a baseline picture of three components; `kind` 0: chroma halved across, 1: down as well."""
    count = len(tables) // 64
    parts = [b"\xff\xd8"]
    for number in range(count):
        parts.append(pack(">HHB", 0xFFDB, 67, number) + tables[64 * number : 64 * number + 64])
    if interval:
        parts.append(pack(">HHH", 0xFFDD, 4, interval))
    chroma = count - 1
    frame = bytes((1, 0x22 if kind else 0x21, 0, 2, 0x11, chroma, 3, 0x11, chroma))
    parts.append(pack(">HHBHHB", 0xFFC0, 17, 8, height, width, 3) + frame)
    parts.append(pack(">HH", 0xFFC4, 2 + len(_HUFFMAN)) + _HUFFMAN)
    parts.append(pack(">HHB", 0xFFDA, 12, 3) + bytes((1, 0, 2, 0x11, 3, 0x11, 0, 63, 0)))
    return b"".join(parts)


def _bad() -> BadMedia:
    return BadMedia("A packet of JPEG makes no sense.", advice="Update the camera's firmware.")
