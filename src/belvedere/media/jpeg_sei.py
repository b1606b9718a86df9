"""A camera's own JPEG inside the H.264 that is made of it: one SEI message in front of each picture (H.264 D.1.7).

Players step over it. So what is recorded, exported and played is one stream, and the bytes that the camera sent are in it,
to be taken out again with nothing changed.
"""

import re
from collections.abc import Iterator
from uuid import UUID

from belvedere.media.bits import unescape
from belvedere.media.nal import H264Nal, split_lengths

# Says that a user data message is a camera's JPEG. Made by chance, for this purpose.
JPEG_ID = UUID("6f1d7c5e-2f0b-4f6e-9a55-3b1f0d7be2a9").bytes
_USER_DATA = 5
_TO_ESCAPE = re.compile(rb"\0\0(?=[\0-\3])")


def jpeg_sei(jpeg: bytes) -> bytes:
    """A NAL unit that holds `jpeg`."""
    size = len(JPEG_ID) + len(jpeg)
    head = bytes((_USER_DATA,)) + b"\xff" * (size // 255) + bytes((size % 255,))
    return bytes((H264Nal.SEI,)) + escape(head + JPEG_ID + jpeg + b"\x80")


def escape(payload: bytes) -> bytes:
    """`payload` with emulation prevention bytes (H.264 7.4.1): no two zeros before a byte below 4."""
    if b"\0\0" not in payload:
        return payload
    out: list[bytes] = []
    at = 0
    while found := _TO_ESCAPE.search(payload, at):
        # The byte put in ends a row of zeros, so that the next search begins anew behind it.
        out.append(payload[at : found.end()] + b"\3")
        at = found.end()
    out.append(payload[at:])
    return b"".join(out)


def jpegs_in(sample: bytes) -> Iterator[bytes]:
    """The camera's JPEGs in a sample (NAL units behind 4-byte lengths). Raises BadMedia when the lengths do not add up."""
    for nal in split_lengths(sample):
        if len(nal) < 20 or nal[0] & 31 != H264Nal.SEI or nal[1] != _USER_DATA:
            continue
        at, size = 2, 0
        while at < len(nal) and nal[at] == 0xFF:
            at, size = at + 1, size + 255
        size, at = size + nal[at] if at < len(nal) else 0, at + 1
        payload = unescape(nal[at:])[:size]
        if len(payload) == size and payload.startswith(JPEG_ID):
            yield payload[len(JPEG_ID) :]
