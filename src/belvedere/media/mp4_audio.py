"""Sound in fragmented MP4 and in WAV (ISO/IEC 14496-1, 14496-12, 14496-14; RFC 2361 for WAV's numbers).

At the site both codecs lie in fragments like pictures do, timescale 90 000, the camera's bytes untouched: AAC in `mp4a`, G.711 in
QuickTime's `alaw` and `ulaw`. FFmpeg and VLC play those; browsers do not, so G.711 leaves as WAV, which all of them play and
which takes the same bytes. Why it is so: docs/design/sound.md.
"""

import hashlib
from struct import pack, unpack_from

from belvedere.foundation.errors import BadMedia
from belvedere.media.audio import AudioTrack
from belvedere.media.fmp4 import find_box, initialisation, read_boxes, read_fragment, write_box, write_full_box
from belvedere.media.stream import Codec, StreamConfig

_ENTRIES = {Codec.AAC: b"mp4a", Codec.PCMA: b"alaw", Codec.PCMU: b"ulaw"}
_WAV_TAGS = {b"alaw": 6, b"ulaw": 7}
_SILENCE = {b"alaw": b"\xd5", b"ulaw": b"\xff"}
_MOST_WAV = 0xFFFF_FFFF - 64
_MOST_SILENCE = 1 << 27  # bytes at once; a run has no hole longer than a second


def _descriptor(tag: int, *parts: bytes) -> bytes:
    """A descriptor of 14496-1 8.3.3 with a length below 128."""
    body = b"".join(parts)
    return bytes((tag, len(body))) + body


def _esds(config: bytes) -> bytes:
    decoder = _descriptor(4, bytes((0x40, 0x15)), bytes(3), bytes(8), _descriptor(5, config))
    return write_full_box(b"esds", 0, 0, _descriptor(3, bytes(3), decoder, _descriptor(6, b"\2")))


def sound_config(track: AudioTrack) -> StreamConfig:
    """All that a player must know of a track of sound."""
    rate = track.rate if track.rate <= 0xFFFF else 0  # AAC's own configuration has the rate
    head = pack(">6xH8xHHHHI", 1, track.channels, 16, 0, 0, rate << 16)
    config = track.aac.data if track.aac else b""
    entry = write_box(_ENTRIES[track.codec], head, _esds(config) if track.aac else b"")
    init = initialisation(b"soun", entry)
    return StreamConfig(
        codec=track.codec,
        parameter_sets=(config,) if config else (),
        width=0,
        height=0,
        codec_string=f"mp4a.40.{track.aac.object_type}" if track.aac else track.codec.value,
        init=init,
        config_id=hashlib.sha256(init).hexdigest()[:16],
    )


class WavSplice:
    """Fragments of G.711 to one WAV file: the camera's bytes in order, silence where packets were lost.

    Feed it as `media.clip.Clip`: bytes of consecutive fragments to `push` in parts of any size, then `finish()`. What it
    returns from `push` is the body; `header()` comes before it and is known only at the end. `silence_bytes` were filled in.
    """

    def __init__(self, init: bytes) -> None:
        """`init` is the stretch's initialisation segment. Raises BadMedia when it is not of G.711."""
        box = find_box(init, (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"))
        entry = next(read_boxes(init, box.body + 8, box.end), None)
        if entry is None or entry.kind not in _WAV_TAGS or entry.end - entry.body < 28:
            raise BadMedia("This is no recording of G.711 sound.", advice="Export it again.")
        self._tag, self._silence = _WAV_TAGS[entry.kind], _SILENCE[entry.kind]
        self._channels = unpack_from(">H", init, entry.body + 16)[0]
        self._rate = unpack_from(">H", init, entry.body + 24)[0]
        if not self._channels or not self._rate:
            raise BadMedia("The recording of sound names no rate.", advice="Export it again.")
        self._waiting = b""
        self._base: int | None = None
        self.fragments = 0
        self.bytes_copied = 0
        self.silence_bytes = 0

    def push(self, data: bytes) -> list[bytes | memoryview]:
        """What to write after `data`, the next bytes of the stretch. Raises BadMedia when they are not fragments."""
        out: list[bytes | memoryview] = []
        waiting = self._waiting + data
        at = 0
        while (size := _fragment_size(waiting, at)) and at + size <= len(waiting):
            self._fragment(waiting[at : at + size], out)
            at += size
        self._waiting = waiting[at:]
        return out

    def _fragment(self, data: bytes, out: list[bytes | memoryview]) -> None:
        self.fragments += 1
        view = memoryview(data)
        for sample in read_fragment(data):
            if self._base is None:
                self._base = sample.dts_90k
            due = (sample.dts_90k - self._base) * self._rate // 90_000 * self._channels
            missing = due - self.bytes_copied - self.silence_bytes
            # A packet more or less in step is rounding of its time; what is left out for longer was lost.
            if missing > self._rate * self._channels // 200:
                filled = self._silence * min(missing, _MOST_SILENCE)
                out.append(filled)
                self.silence_bytes += len(filled)
            out.append(view[sample.offset : sample.offset + sample.size])
            self.bytes_copied += sample.size
        if self.bytes_copied + self.silence_bytes > _MOST_WAV:
            raise BadMedia("This sound is too long for one file.", advice="Export less of it at a time.")

    def finish(self) -> bytes:
        """The end of the file. Raises BadMedia when the last fragment is cut short, or there was none."""
        if self._waiting or not self.fragments:
            raise BadMedia("The recording of sound is cut short.", advice="Run `belvedere site check` at the site.")
        return b"\0" if (self.bytes_copied + self.silence_bytes) % 2 else b""

    def header(self) -> bytes:
        """What stands before the samples; complete once `finish` was called."""
        return wav_header(self._tag, self._rate, self._channels, self.bytes_copied + self.silence_bytes)


def wav_header(tag: int, rate: int, channels: int, size: int) -> bytes:
    """RIFF, fmt, fact and the header of data for `size` bytes of 8-bit samples."""
    chunk = pack("<4sIHHIIHHH", b"fmt ", 18, tag, channels, rate, rate * channels, channels, 8, 0)
    fact = pack("<4sII", b"fact", 4, size // channels)
    riff = pack("<4sI4s", b"RIFF", 4 + len(chunk) + len(fact) + 8 + size + size % 2, b"WAVE")
    return riff + chunk + fact + pack("<4sI", b"data", size)


def _fragment_size(data: bytes, at: int) -> int:
    """Bytes of the moof and mdat at `at`; 0 while their headers are not there. Raises BadMedia."""
    if len(data) - at < 8:
        return 0
    moof, kind = unpack_from(">I4s", data, at)
    if kind != b"moof" or moof < 8:
        raise BadMedia("The recording of sound is damaged.", advice="Run `belvedere site check` at the site.")
    if len(data) - at < moof + 8:
        return 0
    mdat, kind = unpack_from(">I4s", data, at + moof)
    if kind != b"mdat" or mdat < 8:
        raise BadMedia("The recording of sound is damaged.", advice="Run `belvedere site check` at the site.")
    return int(moof + mdat)
