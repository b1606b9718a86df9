"""The sealed segment: an append-only file of authenticated, encrypted frames that can be read at any offset.

Layout, big-endian (docs/design/seal-format.md draws it):

    header    4s "BLVS", u8 version, u8 algorithm, u16 zero, 16 B segment id, 32 B SHA-256 of camera and stream
    append    lead frame (u32 length of the data, then a note of the caller), then data frames
    final     one empty frame with the LAST flag: nothing follows, nothing is missing

A frame is a u32 word (flags, plaintext length), the ciphertext and a 16-byte tag: AES-256-GCM in the STREAM
construction (Hoang, Reyhanitabar, Rogaway, Vizar: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", 2015). Nonce: 7 zero bytes, u32 counter of the frame, u8 last flag. Header and word are
authenticated with each frame. Key: HKDF-SHA256 (RFC 5869) of the camera-day key, salted with the random segment id,
so a key seals one segment only and the fixed nonce prefix is safe.
"""

import hashlib
import os
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from belvedere.foundation.errors import SealBroken

FRAME_BYTES = 65_536
HEADER_BYTES = 56
SEGMENT_ID_BYTES = 16
KEY_BYTES = 32
NOTE_LIMIT = 1024

_MAGIC = b"BLVS"
_VERSION = 1
_AES256GCM_HKDF_SHA256 = 1
_HEADER = struct.Struct(">4sBBH16s32s")
_WORD = struct.Struct(">I")
_NONCE = struct.Struct(">7xIB")
_LAST = 1 << 31
_LEAD = 1 << 30
_TAG = 16
_OVERHEAD = _WORD.size + _TAG
_LEAD_LENGTH = _WORD.size
_COUNTER_LIMIT = 1 << 32
_SCAN_BYTES = 1 << 20

ReadAt = Callable[[int, int], bytes]
"""`read_at(offset, size)`: up to `size` bytes of the sealed file; fewer at its end."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an append begins: offset in the plaintext, offset in the sealed file, counter of its lead frame."""

    plain: int
    sealed: int
    frame: int


START = Mark(0, HEADER_BYTES, 0)


@dataclass(frozen=True, slots=True)
class Append:
    """One append found by a scan."""

    mark: Mark
    length: int  # of the plaintext, without the note
    note: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """What a sequential scan found. `end` is the mark behind the last complete append; `sealed`: the final frame follows."""

    appends: tuple[Append, ...]
    end: Mark
    sealed: bool
    sealed_bytes: int  # bytes of the file that are valid, final frame included


def new_segment_id() -> bytes:
    """A fresh random segment id."""
    return os.urandom(SEGMENT_ID_BYTES)


def identity(camera: str, stream: str) -> bytes:
    """The 32 bytes that bind a segment to its camera and stream."""
    return hashlib.sha256(b"belvedere segment\0" + camera.encode() + b"\0" + stream.encode()).digest()


def sealed_bytes(length: int, note_bytes: int) -> int:
    """Bytes that an append of `length` plaintext bytes with a note of `note_bytes` takes in the file."""
    return _OVERHEAD + _LEAD_LENGTH + note_bytes + length + _OVERHEAD * -(-length // FRAME_BYTES)


def next_mark(mark: Mark, length: int, note_bytes: int) -> Mark:
    """The mark behind an append of `length` bytes that began at `mark`."""
    return Mark(
        mark.plain + length,
        mark.sealed + sealed_bytes(length, note_bytes),
        mark.frame + 1 + -(-length // FRAME_BYTES),
    )


class SegmentKey(bytes):
    """The key of one segment by itself. It stands wherever a camera-day key may, and opens nothing but that segment."""


def segment_key(day_key: bytes, segment_id: bytes) -> SegmentKey:
    """The key that seals one segment, from its camera-day key."""
    if isinstance(day_key, SegmentKey):
        return day_key
    return SegmentKey(HKDF(SHA256(), KEY_BYTES, salt=segment_id, info=b"belvedere segment key 1").derive(day_key))


def segment_id_of(header: bytes) -> bytes:
    """The segment id that a file's header names. Raises SealBroken."""
    if len(header) < HEADER_BYTES or header[:4] != _MAGIC:
        raise _broken("it does not begin as a segment does")
    found: bytes = _HEADER.unpack(header[:HEADER_BYTES])[4]
    return found


def _cipher(day_key: bytes, segment_id: bytes) -> AESGCM:
    return AESGCM(segment_key(day_key, segment_id))


class Scratch:
    """A buffer that writers of one thread share, so that sealing allocates nothing in the long run."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray(1 << 18)

    def take(self, size: int) -> memoryview:
        """The first `size` bytes of the buffer, whatever is in them."""
        if size > len(self._buffer):
            self._buffer = bytearray(size)
        return memoryview(self._buffer)[:size]


class SegmentWriter:
    """Seals appends one after the other. It writes nothing: the caller writes what it returns, in order.

    Invariant: no frame counter is used twice. `undo` only takes back what never has to be written again, and after it
    the segment can be closed but not continued.
    """

    __slots__ = ("_ad", "_closed", "_final", "_gcm", "_hash", "_scratch", "_undo", "end", "header", "segment_id")

    def __init__(self, day_key: bytes, segment_id: bytes, bound_to: bytes, scratch: Scratch | None = None) -> None:
        """`day_key`: 32 bytes; `segment_id`: from `new_segment_id`; `bound_to`: from `identity`."""
        self._scratch = scratch or Scratch()
        self.segment_id = segment_id
        self.header = _HEADER.pack(_MAGIC, _VERSION, _AES256GCM_HKDF_SHA256, 0, segment_id, bound_to)
        self._gcm = _cipher(day_key, segment_id)
        self._ad = bytearray(self.header) + bytes(_WORD.size)
        self._hash = hashlib.sha256(self.header)
        self._closed = False
        self._final = b""
        self.end = START
        self._undo = (self.end, self._hash)

    def append(self, data: bytes | bytearray | memoryview, note: bytes = b"") -> memoryview:
        """The sealed bytes of `data` and its note, to be written behind everything returned before.

        They lie in the scratch buffer: valid until it is used again.
        """
        length = len(data)
        if self._closed:
            raise ValueError("the segment is closed")
        if len(note) > NOTE_LIMIT:
            raise ValueError(f"a note takes at most {NOTE_LIMIT} bytes")
        after = next_mark(self.end, length, len(note))
        if after.frame >= _COUNTER_LIMIT:
            raise ValueError("the segment has used up its frame counter")
        view, source = self._scratch.take(after.sealed - self.end.sealed), memoryview(data)
        position = self._frame(view, 0, self.end.frame, _WORD.pack(length) + note, _LEAD)
        counter = self.end.frame + 1
        for start in range(0, length, FRAME_BYTES):
            position = self._frame(view, position, counter, source[start : start + FRAME_BYTES], 0)
            counter += 1
        self._undo = (self.end, self._hash.copy())
        self._hash.update(view)
        self.end = after
        return view

    def _frame(self, out: memoryview, position: int, counter: int, plain: bytes | memoryview, flags: int) -> int:
        word = flags | len(plain)
        _WORD.pack_into(self._ad, HEADER_BYTES, word)
        _WORD.pack_into(out, position, word)
        begin = position + _WORD.size
        end = begin + len(plain) + _TAG
        self._gcm.encrypt_into(_NONCE.pack(counter, flags >> 31), plain, self._ad, out[begin:end])
        return end

    def undo(self) -> None:
        """Forget the last append: it did not reach the file whole. Only `close` may follow."""
        self.end, self._hash = self._undo
        self._closed = True

    def close(self) -> bytes:
        """The final frame; the same bytes when asked again. The segment is sealed once it is written."""
        if not self._final:
            out = bytearray(_OVERHEAD)
            self._frame(memoryview(out), 0, self.end.frame, b"", _LAST)
            self._hash.update(out)
            self._final = bytes(out)
        self._closed = True
        return self._final

    def sha256(self) -> bytes:
        """SHA-256 of header and everything returned up to now: that of the file."""
        return self._hash.digest()


def final_frame(header: bytes, day_key: bytes, end: Mark) -> bytes:
    """The final frame for a segment found open, whose valid appends end at `end`: closes it there."""
    word = _WORD.pack(_LAST)
    cipher = _cipher(day_key, _HEADER.unpack(header)[4])
    return word + cipher.encrypt(_NONCE.pack(end.frame, 1), b"", header + word)


class SegmentReader:
    """Reads ranges of a segment's plaintext. Every byte it returns was authenticated. Raises SealBroken."""

    __slots__ = ("_ad", "_gcm", "_header", "_read_at")

    def __init__(self, read_at: ReadAt, day_key: bytes, bound_to: bytes) -> None:
        header = read_at(0, HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            raise _broken("the file is shorter than its header")
        magic, version, algorithm, zero, segment_id, bound = _HEADER.unpack(header)
        if magic != _MAGIC or zero:
            raise _broken("it does not begin as a segment does")
        if (version, algorithm) != (_VERSION, _AES256GCM_HKDF_SHA256):
            raise SealBroken(
                f"The segment is of version {version}, algorithm {algorithm}, which this software can't read.",
                advice="Read it with the version of Belvedere that wrote it, or a newer one.",
            )
        if bound != bound_to:
            raise _broken("it belongs to another camera or stream")
        self._read_at = read_at
        self._header = header
        self._ad = bytearray(header) + bytes(_WORD.size)
        self._gcm = _cipher(day_key, segment_id)

    def read(self, marks: Sequence[Mark], note_bytes: int, start: int, end: int) -> Iterator[bytes]:
        """Plaintext bytes [start, end) in parts of up to 64 KiB, opening only the frames that hold them.

        `marks`: where each append begins, in order, and behind them the mark of the end. `note_bytes`: the size of each
        append's note. Raises ValueError for a range outside the marks.
        """
        if not marks or not marks[0].plain <= start <= end <= marks[-1].plain:
            raise ValueError(f"no bytes {start} to {end} in this segment")
        index = bisect_right(marks, start, key=lambda mark: mark.plain) - 1
        while start < end:
            mark, after = marks[index], marks[index + 1]
            length = after.plain - mark.plain
            if next_mark(mark, length, note_bytes) != after:
                raise _broken("its index does not fit its layout")
            data_at = mark.sealed + _OVERHEAD + _LEAD_LENGTH + note_bytes
            stop = min(end, after.plain)
            first = (start - mark.plain) // FRAME_BYTES
            for k in range(first, -(-(stop - mark.plain) // FRAME_BYTES)):
                size = min(FRAME_BYTES, length - k * FRAME_BYTES)
                raw = self._read_at(data_at + k * (FRAME_BYTES + _OVERHEAD), size + _OVERHEAD)
                plain = self._open(raw, size, mark.frame + 1 + k)
                base = mark.plain + k * FRAME_BYTES
                low, high = max(0, start - base), min(size, stop - base)
                yield plain if high - low == size else plain[low:high]
            start = stop
            index += 1

    def _open(self, raw: bytes | memoryview, size: int, counter: int, flags: int = 0) -> bytes:
        if len(raw) < size + _OVERHEAD:
            raise _broken("it was cut")
        word = _WORD.unpack_from(raw)[0]
        if word != flags | size:
            raise _broken("a frame has another length than its index says")
        _WORD.pack_into(self._ad, HEADER_BYTES, word)
        try:
            return self._gcm.decrypt(
                _NONCE.pack(counter, flags >> 31), memoryview(raw)[_WORD.size : size + _OVERHEAD], self._ad
            )
        except InvalidTag as error:
            raise _broken(f"frame {counter} was altered or its key is wrong") from error

    def opens(self) -> bool:
        """Whether the first frame opens: the key is right and the file was begun as it should be."""
        try:
            return self._lead_at(START) is not None
        except SealBroken:
            return False

    def scan(self, since: Mark = START) -> Scan:
        """Walk the appends from `since` (a mark known to be right) up to the first byte that is not valid."""
        appends: list[Append] = []
        mark = since
        while True:
            found = self._append_at(mark)
            if found is None:
                break
            append, mark = found
            appends.append(append)
        final = self._read_at(mark.sealed, _OVERHEAD + 1)
        try:
            self._open(final, 0, mark.frame, _LAST)
            sealed = len(final) == _OVERHEAD
        except SealBroken:
            sealed = False
        return Scan(tuple(appends), mark, sealed, mark.sealed + _OVERHEAD * sealed)

    def _lead_at(self, mark: Mark) -> bytes | None:
        """The plaintext of a lead frame; None when there is none. Raises SealBroken when it does not open."""
        head = self._read_at(mark.sealed, _WORD.size)
        if len(head) < _WORD.size:
            return None
        word = _WORD.unpack(head)[0]
        size = word & ~_LEAD
        if not word & _LEAD or not _LEAD_LENGTH <= size <= _LEAD_LENGTH + NOTE_LIMIT:
            return None
        return self._open(self._read_at(mark.sealed, size + _OVERHEAD), size, mark.frame, _LEAD)

    def _append_at(self, mark: Mark) -> tuple[Append, Mark] | None:
        try:
            lead = self._lead_at(mark)
            if lead is None:
                return None
            length = _WORD.unpack_from(lead)[0]
            position, counter, left = mark.sealed + len(lead) + _OVERHEAD, mark.frame + 1, length
            while left:
                part = min(left, FRAME_BYTES)
                self._open(self._read_at(position, part + _OVERHEAD), part, counter)
                position, counter, left = position + part + _OVERHEAD, counter + 1, left - part
        except SealBroken:
            return None
        return Append(mark, length, lead[_LEAD_LENGTH:]), Mark(mark.plain + length, position, counter)

    def check(self) -> Scan:
        """A whole scan that must reach the final frame and the end of the file. Raises SealBroken otherwise."""
        found = self.scan()
        if not found.sealed:
            raise _broken("it is not sealed, or was altered or cut")
        return found


def file_sha256(read_at: ReadAt, size: int) -> bytes:
    """SHA-256 of the first `size` bytes of a file."""
    digest = hashlib.sha256()
    for offset in range(0, size, _SCAN_BYTES):
        digest.update(read_at(offset, min(_SCAN_BYTES, size - offset)))
    return digest.digest()


def _broken(why: str) -> SealBroken:
    return SealBroken(
        f"The segment can't be opened: {why}.",
        advice="Do not delete it: run `belvedere site check`, and treat the footage around it as disputed.",
    )
