"""Splicing a clip: whole fragments are copied, only their decode times and numbers change (measured: 7 ms for 30 s).

A clip is the stream's initialisation segment, with the duration written in (`mvhd`, `mehd`), then the fragments
 with `tfdt` counted from 0 and `mfhd` counted from 1, then an index of the keyframes (`mfra`) so that players can
seek. Sample bytes are never touched. ISO/IEC 14496-12, sections 8.8.
"""

from collections.abc import Iterator
from struct import pack, unpack_from

from belvedere.foundation.errors import BadMedia
from belvedere.media.stream import TICKS_PER_SECOND

MAX_INIT_BYTES = 1 << 20
MAX_MOOF_BYTES = 4 << 20
_MAX_BOX_BYTES = 1 << 32  # an mdat of one fragment; anything larger is damage
_NOT_SYNC = 0x0001_0000
_ADVICE = "Run `belvedere site check` on the site that recorded it."


def _broken(what: str) -> BadMedia:
    return BadMedia(f"The recording can't be cut: {what}.", advice=_ADVICE)


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes of data[start:end], one level: kind, first byte of the body, end. Sizes of 64 bits do not occur in headers."""
    pos = start
    while pos < end:
        if end - pos < 8:
            raise _broken("a box is cut short")
        size, kind = unpack_from(">I4s", data, pos)
        if not 8 <= size <= end - pos:
            raise _broken(f"the box {kind.decode('latin-1')!r} does not fit")
        yield kind, pos + 8, pos + size
        pos += size


def _only(data: bytes | bytearray, kind: bytes, start: int, end: int, size: int) -> tuple[int, int]:
    """Body and end of the one box `kind` in data[start:end], at least `size` bytes long."""
    found = [(body, stop) for name, body, stop in _boxes(data, start, end) if name == kind]
    if len(found) != 1 or found[0][1] - found[0][0] < size:
        raise _broken(f"it needs one {kind.decode()} box")
    return found[0]


class Clip:
    """Turns the pieces of one unbroken stretch into one MP4, as they come, in memory of one fragment's header.

    Feed the bytes of consecutive fragments to `push` in parts of any size and write what it returns; then write `finish()`.
    """

    def __init__(self, init: bytes, duration_90k: int) -> None:
        """`init` is the stretch's initialisation segment (timescale 90 000), `duration_90k` its length. Raises BadMedia."""
        if len(init) > MAX_INIT_BYTES:
            raise _broken("the initialisation segment is too long")
        self._head = _timed_init(init, duration_90k)
        self._written = 0
        self._waiting = bytearray()  # of a box header or moof that is not complete yet
        self._copying = 0  # bytes of mdat still to come
        self._dropping = 0  # bytes of another box still to come
        self._expects_mdat = False
        self._base: int | None = None
        # Invariant: (time, offset of moof) of each fragment that starts with a keyframe.
        self._keyframes: list[tuple[int, int]] = []
        self.fragments = 0
        self.bytes_copied = 0

    def push(self, data: bytes) -> list[bytes | memoryview]:
        """What to write after `data`, the next bytes of the stretch. Raises BadMedia when they are not fragments."""
        out: list[bytes | memoryview] = []
        if self._written == 0:
            out.append(self._head)
            self._written = len(self._head)
        view = memoryview(data)
        while view:
            if self._copying:
                part = view[: self._copying]
                out.append(part)
                self._copying -= len(part)
                self._written += len(part)
                self.bytes_copied += len(part)
            elif self._dropping:
                part = view[: self._dropping]
                self._dropping -= len(part)
            else:
                part = self._header(view, out)
            view = view[len(part) :]
        return out

    def finish(self) -> bytes:
        """The end of the clip. Raises BadMedia when the last fragment is cut short, or there was none."""
        if self._waiting or self._copying or self._dropping or self._expects_mdat:
            raise _broken("the last fragment is cut short")
        if not self.fragments:
            raise _broken("there is no fragment")
        entries = b"".join(pack(">QQBBB", time, offset, 1, 1, 1) for time, offset in self._keyframes)
        body = pack(">IIII", 1 << 24, 1, 0, len(self._keyframes)) + entries
        tfra = pack(">I4s", 8 + len(body), b"tfra") + body
        size = 8 + len(tfra) + 16
        return pack(">I4s", size, b"mfra") + tfra + pack(">I4sII", 16, b"mfro", 0, size)

    def _header(self, view: memoryview, out: list[bytes | memoryview]) -> memoryview:
        """Take a box header or a whole moof from `view`, as far as it is there; returns what was taken."""
        waiting = self._waiting
        needed = 8 - len(waiting)
        if needed > 0:
            part = view[:needed]
            waiting += part
            if len(part) < needed:
                return part
        else:
            part = view[:0]
        size, kind = unpack_from(">I4s", waiting)
        if size < 8 or size >= _MAX_BOX_BYTES:
            raise _broken("a box has no length")
        if kind == b"mdat":
            if not self._expects_mdat:
                raise _broken("there is data without a header")
            self._expects_mdat = False
            self._copying = size - 8
            out.append(bytes(waiting))
            self._written += 8
            waiting.clear()
        elif kind == b"moof":
            if self._expects_mdat:
                raise _broken("there is a header without data")
            if size > MAX_MOOF_BYTES:
                raise _broken("a header is too long")
            more = view[len(part) : len(part) + size - len(waiting)]
            waiting += more
            part = view[: len(part) + len(more)]
            if len(waiting) == size:
                self._moof(out)
        elif self._expects_mdat:
            raise _broken("there is a header without data")
        else:  # styp, sidx, emsg: says nothing that the clip needs
            self._dropping = size - 8
            waiting.clear()
        return part

    def _moof(self, out: list[bytes | memoryview]) -> None:
        moof = self._waiting
        number, _ = _only(moof, b"mfhd", 8, len(moof), 8)
        traf, traf_end = _only(moof, b"traf", 8, len(moof), 8)
        tfdt, tfdt_end = _only(moof, b"tfdt", traf, traf_end, 8)
        wide = moof[tfdt] == 1
        if wide and tfdt_end - tfdt < 12:
            raise _broken("a decode time is cut short")
        time = int(unpack_from(">Q" if wide else ">I", moof, tfdt + 4)[0])
        if self._base is None:
            self._base = time
        if time < self._base:
            raise _broken("decode time runs backwards")
        self.fragments += 1
        moof[tfdt + 4 : tfdt + (12 if wide else 8)] = pack(">Q" if wide else ">I", time - self._base)
        moof[number + 4 : number + 8] = pack(">I", self.fragments & 0xFFFF_FFFF)
        if _starts_with_keyframe(moof, traf, traf_end):
            self._keyframes.append((time - self._base, self._written))
        out.append(bytes(moof))
        self._written += len(moof)
        self._expects_mdat = True
        moof.clear()


def _starts_with_keyframe(moof: bytearray, traf: int, traf_end: int) -> bool:
    """Whether the first sample of a fragment is a sync sample (14496-12, 8.8.3.1)."""
    tfhd, tfhd_end = _only(moof, b"tfhd", traf, traf_end, 8)
    trun, trun_end = next(
        ((body, end) for kind, body, end in _boxes(moof, traf, traf_end) if kind == b"trun"), (traf_end, traf_end)
    )
    if trun_end - trun < 8:
        return False
    flags = unpack_from(">I", moof, tfhd)[0] & 0xFF_FFFF
    run = unpack_from(">I", moof, trun)[0] & 0xFF_FFFF
    at, end = -1, trun_end
    if run & 0x004:  # flags of the first sample
        at = trun + 8 + (4 if run & 0x001 else 0)
    elif run & 0x400:  # flags of every sample
        at = trun + 8 + (4 if run & 0x001 else 0) + (4 if run & 0x100 else 0) + (4 if run & 0x200 else 0)
    elif flags & 0x20:  # flags of the fragment
        at = tfhd + 8 + (8 if flags & 0x01 else 0) + sum(4 for bit in (0x02, 0x08, 0x10) if flags & bit)
        end = tfhd_end
    return 0 <= at <= end - 4 and not unpack_from(">I", moof, at)[0] & _NOT_SYNC


def _timed_init(init: bytes, duration_90k: int) -> bytes:
    """The initialisation segment with the clip's duration written into it."""
    data = bytearray(init)
    moov, moov_end = _only(data, b"moov", 0, len(data), 8)
    scale, at, width = _timing(data, moov, moov_end, b"mvhd")
    trak, trak_end = _only(data, b"trak", moov, moov_end, 8)
    mdia, mdia_end = _only(data, b"mdia", trak, trak_end, 8)
    if _timing(data, mdia, mdia_end, b"mdhd")[0] != TICKS_PER_SECOND or not scale:
        raise _broken("it does not count in ticks of 1/90 000 s")
    duration = -(-duration_90k * scale // TICKS_PER_SECOND)
    data[at : at + width] = min(duration, 2 ** (8 * width) - 1).to_bytes(width, "big")
    mvex, mvex_end = _only(data, b"mvex", moov, moov_end, 8)
    kept = [data[body - 8 : end] for kind, body, end in _boxes(data, mvex, mvex_end) if kind != b"mehd"]
    extends = b"".join((pack(">I4sIQ", 20, b"mehd", 1 << 24, duration), *kept))
    grown = len(extends) - (mvex_end - mvex)
    data[moov - 8 : moov - 4] = pack(">I", moov_end - moov + 8 + grown)
    data[mvex - 8 : mvex_end] = pack(">I4s", 8 + len(extends), b"mvex") + extends
    return bytes(data)


def _timing(data: bytearray, start: int, end: int, kind: bytes) -> tuple[int, int, int]:
    """Timescale of an mvhd or mdhd box, and where its duration lies: offset and bytes."""
    body, stop = _only(data, kind, start, end, 20)
    if data[body] == 1:
        if stop - body < 32:
            raise _broken(f"{kind.decode()} is cut short")
        return unpack_from(">I", data, body + 20)[0], body + 24, 8
    return unpack_from(">I", data, body + 12)[0], body + 16, 4
