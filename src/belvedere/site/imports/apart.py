"""Reading a recording in a confined process: it is handed the open file and nothing else, and says pictures.

Recordings come from strangers, and FFmpeg takes them apart. What the process says is bounded and checked here.
"""

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from struct import Struct
from typing import Annotated, BinaryIO

import msgspec

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadMedia
from belvedere.media.access_unit import ACCESS_UNIT_BYTES
from belvedere.media.stream import Codec
from belvedere.site.imports.recording import Recording, Unit, sha256_file
from belvedere.site.sandbox.start import start

LONGEST_ORDER = 16 << 10  # a pipe holds it whole
LONGEST_WORD = 4 * ACCESS_UNIT_BYTES  # a recording's picture may be larger than a camera's
_MEMORY_BYTES = 6 << 30  # decoding 4K and encoding it again
LENGTH = Struct(">I")
_PATIENCE_S = 10.0
_Text = Annotated[str, msgspec.Meta(max_length=600)]
_Small = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
_Time = Annotated[int, msgspec.Meta(ge=-(1 << 61), le=1 << 61)]
_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}


class ImportOrder(msgspec.Struct, frozen=True):
    """`handle`: the open file. `known`: what an earlier look told; None: look now and end."""

    name: str
    handle: int
    known: "Looked | None"


class ImportWord(msgspec.Struct, frozen=True, tag_field="t"):
    """Base of what the process says."""


class Looked(ImportWord, frozen=True, tag="looked"):
    """See imports.recording.Recording."""

    format: _Text
    codec_name: _Text
    width: _Small
    height: _Small
    fps: tuple[Annotated[int, msgspec.Meta(ge=1, le=1 << 31)], Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]]
    duration_us: Annotated[int, msgspec.Meta(ge=0, le=1 << 61)]
    made_us: _Time | None


class UnitCame(ImportWord, frozen=True, tag="unit"):
    """See imports.recording.Unit."""

    nals: tuple[bytes, ...]
    dts_90k: _Time
    pts_90k: _Time
    keyframe: bool


class Failed(ImportWord, frozen=True, tag="failed"):
    """The last word, when the file is no video for us."""

    message: _Text
    advice: _Text


class Whole(ImportWord, frozen=True, tag="whole"):
    """The last word, when all that could be read was said."""


AnyImportWord = Looked | UnitCame | Failed | Whole


def examine_apart(path: Path, *, hashed: bool = True) -> Recording:
    """What `path` is, as `imports.recording.examine` tells it. Raises BadMedia."""
    with _open(path) as file, _Reading(path, file.fileno(), None) as reading:
        for word in reading.words():
            if isinstance(word, Looked):
                return Recording(
                    path=path,
                    sha256=sha256_file(path) if hashed else "",
                    format=word.format,
                    codec_name=word.codec_name,
                    codec=_CODECS.get(word.codec_name),
                    width=word.width,
                    height=word.height,
                    fps=Fraction(*word.fps),
                    duration_us=word.duration_us,
                    made_us=word.made_us,
                )
    raise _broke(path)


def units_apart(recording: Recording) -> Iterator[Unit]:
    """Access units in decode order: copied where the codec allows, else encoded again. Raises BadMedia."""
    known = Looked(
        format=recording.format,
        codec_name=recording.codec_name,
        width=recording.width,
        height=recording.height,
        fps=recording.fps.as_integer_ratio(),
        duration_us=recording.duration_us,
        made_us=recording.made_us,
    )
    with _open(recording.path) as file, _Reading(recording.path, file.fileno(), known) as reading:
        for word in reading.words():
            if isinstance(word, UnitCame):
                yield Unit(word.nals, word.dts_90k, word.pts_90k, word.keyframe)
            elif isinstance(word, Whole):
                return
    # It died over a damaged picture: what came before is kept, as when a file breaks off.


def counted_duration_us(recording: Recording) -> int:
    """How long a recording is that does not say so: its pictures counted, which reads all of it. Raises BadMedia."""
    return int(sum(1 for _ in units_apart(recording)) * SECOND_US / recording.fps)


def _open(path: Path) -> BinaryIO:
    """The file, for the process to read. Raises BadMedia."""
    if not path.is_file():
        raise BadMedia(f"There is no file {path}.", advice="Check the name.")
    if path.stat().st_size == 0:
        raise BadMedia(f"{path.name} is empty.", advice="Copy it from the recorder again.")
    try:
        return path.open("rb")
    except OSError as error:
        raise BadMedia(f"{path.name} can't be read: {error.strerror}.", advice="Check who may read it.") from error


class _Reading:
    """One process and its words. Ended when left, whatever it is doing."""

    def __init__(self, path: Path, handle: int, known: Looked | None) -> None:
        self._path = path
        self._process: subprocess.Popen[bytes] = start(
            "belvedere.site.imports.reader", handles=(handle,), memory_bytes=_MEMORY_BYTES
        )
        self._decoder: msgspec.msgpack.Decoder[AnyImportWord] = msgspec.msgpack.Decoder(AnyImportWord)
        order = msgspec.msgpack.encode(ImportOrder(path.name, handle, known))
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both pipes were asked for")
        self._words = self._process.stdout
        try:
            self._process.stdin.write(order)
            self._process.stdin.close()
        except OSError:
            pass  # it is gone already, which reading tells

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._words.close()
        self._process.wait(_PATIENCE_S)

    def words(self) -> Iterator[AnyImportWord]:
        """What it says, to the end. Raises BadMedia for its last word `Failed` and for nonsense."""
        while head := self._exactly(LENGTH.size):
            (length,) = LENGTH.unpack(head)
            if length > LONGEST_WORD:
                raise _broke(self._path)
            try:
                word = self._decoder.decode(self._exactly(length))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise _broke(self._path) from error
            if isinstance(word, Failed):
                raise BadMedia(word.message, advice=word.advice)
            yield word

    def _exactly(self, size: int) -> bytes:
        """`size` bytes, or nothing when the process ended before."""
        data = bytearray()
        while len(data) < size:
            part = self._words.read(size - len(data))
            if not part:
                return b""
            data += part
        return bytes(data)


def _broke(path: Path) -> BadMedia:
    return BadMedia(
        f"{path.name} holds something that its reader could not stand.", advice="Export it again on the recorder."
    )
