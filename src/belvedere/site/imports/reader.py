"""`python -m belvedere.site.imports.reader`: takes one recording apart, confined (site/sandbox): its file, and nothing else."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import msgspec

from belvedere.foundation.errors import BelvedereError
from belvedere.media.stream import Codec
from belvedere.site.imports.apart import (
    LENGTH,
    LONGEST_ORDER,
    AnyImportWord,
    Failed,
    ImportOrder,
    Looked,
    UnitCame,
    Whole,
)
from belvedere.site.imports.recording import OpenFile, Recording, examine, read_units, reencode_units

_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}


def main() -> int:
    """Exit 0 after a last word, 2 without an order."""
    try:
        order = msgspec.msgpack.decode(sys.stdin.buffer.read(LONGEST_ORDER), type=ImportOrder)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 2
    try:
        with os.fdopen(order.handle, "rb") as handle:
            file = OpenFile(handle, order.name)
            try:
                if order.known is None:
                    _say(_look(order, file))
                else:
                    _pass_on(order, order.known, file)
            except BelvedereError as error:
                _say(Failed(error.message[:600], error.advice[:600]))
    except BrokenPipeError:
        pass  # the owner is gone
    return 0


def _look(order: ImportOrder, file: OpenFile) -> Looked:
    found = examine(Path(order.name), hashed=False, file=file)
    return Looked(
        format=found.format[:600],
        codec_name=found.codec_name[:600],
        width=found.width,
        height=found.height,
        fps=found.fps.as_integer_ratio(),
        duration_us=max(0, found.duration_us),
        made_us=found.made_us,
    )


def _pass_on(order: ImportOrder, known: Looked, file: OpenFile) -> None:
    recording = Recording(
        path=Path(order.name),
        sha256="",
        format=known.format,
        codec_name=known.codec_name,
        codec=_CODECS.get(known.codec_name),
        width=known.width,
        height=known.height,
        fps=Fraction(*known.fps),
        duration_us=known.duration_us,
        made_us=known.made_us,
    )
    for unit in read_units(recording, file) if recording.codec is not None else reencode_units(recording, file):
        _say(UnitCame(unit.nals, unit.dts_90k, unit.pts_90k, unit.keyframe))
    _say(Whole())


def _say(word: AnyImportWord) -> None:
    body = msgspec.msgpack.encode(word)
    data = memoryview(LENGTH.pack(len(body)) + body)
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main())
