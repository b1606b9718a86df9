"""Words between an ingest process (or an importer) and the recorder, over one Unix stream socket.

Framing: u32 big-endian length, then one MessagePack message (msgspec, tagged). The recorder listens on
`Settings.ingest_socket`; each worker connects and says `Hello` first. Stream handles are integers that the recorder chose
in `OpenStream` (for an importer: in its answer `ImportReady`).
"""

import msgspec


class ToRecorder(msgspec.Struct, frozen=True, tag_field="t"):
    """Base of what a worker says."""


class Hello(ToRecorder, frozen=True, tag="hello"):
    """`kind`: ingest or import. `slot`: number of this ingest process, given by the supervisor."""

    kind: str
    slot: int
    pid: int


class RunStart(ToRecorder, frozen=True, tag="run_start"):
    """A new run of a stream: configuration first, fragments follow. Media time starts at 0."""

    stream: int
    codec: str
    parameter_sets: tuple[bytes, ...]
    width: int
    height: int
    codec_string: str
    init: bytes
    config_id: str


class FragmentCame(ToRecorder, frozen=True, tag="fragment"):
    """See media.stream.Fragment; field names are kept short because this is the hot path."""

    stream: int
    start_90k: int
    duration_90k: int
    frames: int
    keyframe: bool
    arrival_us: int
    lost_packets: int
    data: bytes


class FragmentView(ToRecorder, frozen=True, tag="fragment"):
    """A `FragmentCame` as the recorder reads it: `data` is a view into the message, not a copy."""

    stream: int
    start_90k: int
    duration_90k: int
    frames: int
    keyframe: bool
    arrival_us: int
    lost_packets: int
    data: memoryview


class LiveFrame(ToRecorder, frozen=True, tag="live"):
    """One frame as moof+mdat, sent only while `SetLive` is on for the stream. tfdt as in the recorded fragments."""

    stream: int
    keyframe: bool
    arrival_us: int
    data: bytes


class RunEnd(ToRecorder, frozen=True, tag="run_end"):
    stream: int
    reason: str  # media.stream.EndReason
    message: str


class StreamState(ToRecorder, frozen=True, tag="state"):
    """`state`: connecting, recording, waiting, denied, refused. `message` is for people and holds no credentials."""

    stream: int
    state: str
    message: str
    reconnects: int


class ClockSeen(ToRecorder, frozen=True, tag="clock"):
    """An RTCP sender report: the camera's NTP time beside our arrival time."""

    stream: int
    camera_us: int
    arrival_us: int


class ImportOpen(ToRecorder, frozen=True, tag="import_open"):
    """Begin importing into a camera's stream; `start_us` is the wall time of media time 0. Answered with ImportReady or Trouble."""

    camera: str
    stream_kind: str
    start_us: int
    duration_us: int  # 0 when unknown
    source: str  # name and SHA-256 of the file, kept as provenance


class ImportEnd(ToRecorder, frozen=True, tag="import_end"):
    """All fragments were sent; answered with ImportDone when they are durable and indexed."""

    stream: int


class IngestFigures(ToRecorder, frozen=True, tag="figures"):
    """What an ingest process counts of itself; every few seconds. See link.messages.IngestStatus."""

    left_out: int
    live_left_out: int
    queue_bytes: int
    frozen: int
    connecting: int
    waiting: int


AnyToRecorder = (
    Hello
    | RunStart
    | FragmentCame
    | LiveFrame
    | RunEnd
    | StreamState
    | ClockSeen
    | ImportOpen
    | ImportEnd
    | IngestFigures
)
AsRead = (
    Hello
    | RunStart
    | FragmentView
    | LiveFrame
    | RunEnd
    | StreamState
    | ClockSeen
    | ImportOpen
    | ImportEnd
    | IngestFigures
)


class ToWorker(msgspec.Struct, frozen=True, tag_field="t"):
    """Base of what the recorder says."""


class OpenStream(ToWorker, frozen=True, tag="open"):
    """Connect and keep connected. `url` holds no credentials; they come beside it.

    `audio`: handle of the camera's stream of sound, 0 where none is to be asked for.
    """

    stream: int
    url: str
    username: str
    password: str
    audio: int = 0

    def __repr__(self) -> str:
        return f"OpenStream(stream={self.stream}, url={self.url!r})"  # credentials are never printed


class CloseStream(ToWorker, frozen=True, tag="close"):
    stream: int


class SetLive(ToWorker, frozen=True, tag="set_live"):
    stream: int
    on: bool


class ImportReady(ToWorker, frozen=True, tag="import_ready"):
    stream: int


class ImportDone(ToWorker, frozen=True, tag="import_done"):
    stream: int
    segments: int
    bytes: int


class Trouble(ToWorker, frozen=True, tag="trouble"):
    """The request can't be done; `code` as in the exception tree."""

    code: str
    message: str
    advice: str


AnyToWorker = OpenStream | CloseStream | SetLive | ImportReady | ImportDone | Trouble
