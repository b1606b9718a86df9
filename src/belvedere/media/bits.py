"""Bits of parameter sets: fixed fields and Exp-Golomb codes (H.264 section 9.1), with every read bounded."""

from belvedere.foundation.errors import BadMedia

# Parameter sets are some tens of bytes. What lies beyond is never read, so no camera can make us walk far.
_MOST_BYTES = 4096


def unescape(data: bytes) -> bytes:
    """RBSP: `data` without emulation prevention bytes (00 00 03 -> 00 00, H.264 section 7.4.1)."""
    if b"\0\0\3" not in data:
        return data
    parts = []
    start = 0
    while (at := data.find(b"\0\0\3", start)) >= 0:
        parts.append(data[start : at + 2])
        start = at + 3
    parts.append(data[start:])
    return b"".join(parts)


class BitReader:
    """Reads bits from the front of an RBSP. Raises BadMedia past the end."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        data = data[:_MOST_BYTES]
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    @property
    def left(self) -> int:
        """Bits not read yet."""
        return self._left

    def bits(self, count: int) -> int:
        """The next `count` bits as an unsigned integer."""
        if count > self._left:
            raise BadMedia("A parameter set is cut short.", advice="Check the camera's video settings or firmware.")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        self.bits(count)

    def flag(self) -> bool:
        return self.bits(1) == 1

    def ue(self) -> int:
        """Unsigned Exp-Golomb, at most 32 leading zeros."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise BadMedia("A parameter set holds an impossible number.", advice="Check the camera's firmware.")
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """Signed Exp-Golomb."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
