"""The Range header (RFC 9110 section 14.2), as far as players of byte-range playlists use it."""

import re

from belvedere.foundation.errors import BadInput

MAX_RANGE_BYTES = 64 << 20
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})", re.ASCII | re.IGNORECASE)
_ADVICE = "Ask for the bytes that the playlist names: `Range: bytes=FIRST-LAST`."


def read_range(header: str | None) -> tuple[int, int]:
    """First byte and the one behind the last of a header such as `bytes=0-499`. Raises BadInput for every other form.

    The hub doesn't know how long a sealed segment is, so a range needs both ends.
    """
    if header is None:
        raise BadInput("Footage is served in byte ranges only.", advice=_ADVICE)
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        raise BadInput("This range of bytes can't be used.", advice=_ADVICE)
    start, end = int(found[1]), int(found[2]) + 1
    if end <= start:
        raise BadInput("This range of bytes is empty.", advice=_ADVICE)
    if end - start > MAX_RANGE_BYTES:
        raise BadInput(f"A range has {MAX_RANGE_BYTES} bytes at most.", advice=_ADVICE)
    return start, end
