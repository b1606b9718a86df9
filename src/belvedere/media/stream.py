"""What flows on the packet path: stream configuration, frames, fragments.

Media time is counted in 90 kHz ticks (RFC 3551's video clock) from the start of a *run*: an unbroken stretch of one
camera stream. Wall time never enters here except as the arrival stamp that the recorder anchors a run with.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from belvedere.media.held import Held

TICKS_PER_SECOND = 90_000


class Codec(StrEnum):
    """Codecs that Belvedere keeps as the camera sent them."""

    H264 = "h264"
    H265 = "h265"
    # Sound, in streams of the kind `audio` only.
    AAC = "aac"
    PCMA = "pcma"
    PCMU = "pcmu"


VIDEO_CODECS = frozenset({Codec.H264, Codec.H265})


class StreamKind(StrEnum):
    """A camera's streams. Both of pictures are recorded; tiles, thumbnails and analysis use `sub`.

    `audio` exists only where somebody switched sound on, with a reason (docs/design/sound.md). It is never shown live.
    """

    MAIN = "main"
    SUB = "sub"
    AUDIO = "audio"


class EndReason(StrEnum):
    """Why a run ended; drawn on the gap that follows it."""

    CAMERA_CLOSED = "camera_closed"  # the camera ended the session
    CAMERA_UNREACHABLE = "camera_unreachable"  # connection lost or refused, no route
    CAMERA_DENIED = "camera_denied"  # wrong user name or password
    CAMERA_SILENT = "camera_silent"  # connected, but no frame came in time
    CAMERA_FROZEN = "camera_frozen"  # the very same picture came again and again
    CAMERA_PROTOCOL = "camera_protocol"  # bytes that are not RTSP/RTP
    TIMESTAMP_JUMP = "timestamp_jump"  # media time jumped; recording goes on in a new run
    PARAMETERS_CHANGED = "parameters_changed"  # new SPS/PPS/VPS; recording goes on in a new run
    CLOCK_CHANGED = "clock_changed"  # the host's clock was set
    RESTART = "restart"  # this software stopped or was restarted
    CRASH = "crash"  # found open at start-up
    DISK_FULL = "disk_full"
    DISK_FAULT = "disk_fault"
    REMOVED = "removed"  # the camera was removed or disabled
    IMPORT_END = "import_end"  # the imported file ended here
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """What a decoder must know before the first frame.

    `parameter_sets` are raw NAL units without start codes: SPS, PPS for H.264; VPS, SPS, PPS for H.265. Of AAC they are
    the AudioSpecificConfig, of G.711 nothing; sound is 0 pixels wide and high.
    `codec_string` is RFC 6381's (`avc1.64001f`, `hvc1.1.6.L93.B0`). `init` is a complete fMP4 initialisation segment
    (ftyp + moov, one track, id 1, timescale 90 000). `config_id` is the first 16 hex digits of SHA-256(init).
    """

    codec: Codec
    parameter_sets: tuple[bytes, ...]
    width: int
    height: int
    codec_string: str
    init: bytes
    config_id: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One access unit in decode order.

    `data` holds NAL units each behind a 4-byte big-endian length, SEI and everything else the camera sent kept (parameter
    sets and access unit delimiters too). `dts_90k` counts from the start of the run and never decreases; `cts_90k` is
    presentation minus decode time (may be negative). `arrival_us` is the wall clock when its last byte was read.
    """

    data: bytes
    dts_90k: int
    cts_90k: int
    keyframe: bool
    arrival_us: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof+mdat. Closes at a keyframe or after 0.5 s, so that a crash loses little.

    `data` is the complete moof and mdat; its tfdt is `start_90k` (decode time since the start of the run, version 1 box).
    `lost_packets` counts RTP sequence numbers missing since the previous fragment. `data` may be a view into what a worker
    sent, together with others: whoever keeps it for more than a second keeps a copy, or `held`.
    """

    data: bytes | memoryview
    start_90k: int
    duration_90k: int
    frames: int
    keyframe: bool
    arrival_us: int
    lost_packets: int = 0
    held: Held | None = field(default=None, compare=False)  # a way to the bytes that outlives them in memory
