"""Messages between hub and site: msgspec structs, MessagePack, tagged by kind (version 1).

One *exchange* a channel at a time: the asker sends one request; the site answers with an `Answer`, or a `Failure`, and for
`OpenLive` a stream of `LivePart`, for `ReadFootage` one of bare MessagePack binary values follows, ended by `End`. A
channel is a Unix socket on one machine and a WebSocket that the site dials between machines; the messages are the same.
No message carries a shell command or a file path.
"""

from typing import Annotated

import msgspec

VERSION = 1
Mark = Annotated[tuple[Annotated[str, msgspec.Meta(max_length=120)], ...], msgspec.Meta(max_length=3)]
"""Lines burned into a picture for one viewer: who sees it, under which access. The site adds the picture's time."""


class Request(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of what may be asked of a site."""


class GetStatus(Request, frozen=True, tag="get_status"):
    """Health of the site and its cameras; answered with `SiteStatus`. Carries no picture, needs no grant."""


class GetTimeline(Request, frozen=True, tag="get_timeline"):
    """Recorded runs of streams; answered with `Timeline`. Times in wall microseconds."""

    cameras: tuple[str, ...]
    stream: str
    from_us: int
    to_us: int


class GetPlaylist(Request, frozen=True, tag="get_playlist"):
    """Fragments to play for one stream and span; answered with `Playlist`. Needs PLAYBACK."""

    grant: bytes
    camera: str
    stream: str
    from_us: int
    to_us: int


class ReadFootage(Request, frozen=True, tag="read_footage"):
    """Decrypted bytes [start, end) of one segment's plaintext; answered with `Answer`, parts, `End`. Needs PLAYBACK or EXPORT."""

    grant: bytes
    action: str
    camera: str
    stream: str
    segment: int
    start: int
    end: int


class GetInit(Request, frozen=True, tag="get_init"):
    """The fMP4 initialisation segment of a configuration; answered with `Init`. Needs a grant for the camera."""

    grant: bytes
    camera: str
    config_id: str


class OpenLive(Request, frozen=True, tag="open_live"):
    """Live pictures; answered with `Answer`, then parts until the asker hangs up. Needs LIVE. Each part: see `LivePart`.

    With a `mark` the pictures are made for this viewer alone, 640 x 360, and it is burned in.
    """

    grant: bytes
    camera: str
    stream: str
    mark: Mark = ()


class PutCamera(Request, frozen=True, tag="put_camera"):
    """Add or change a camera; answered with `Answer`. Local administration only."""

    camera: str
    name: str
    main_url: str
    sub_url: str
    enabled: bool

    def __repr__(self) -> str:
        return f"PutCamera(camera={self.camera!r}, enabled={self.enabled})"  # addresses hold credentials


class RemoveCamera(Request, frozen=True, tag="remove_camera"):
    camera: str


AnyRequest = GetStatus | GetTimeline | GetPlaylist | ReadFootage | GetInit | OpenLive | PutCamera | RemoveCamera


class Reply(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of what a site answers."""


class Answer(Reply, frozen=True, tag="answer"):
    """Yes; what was asked follows or is done."""


class Failure(Reply, frozen=True, tag="failure"):
    """No. `code` is that of the exception tree, so the hub raises the same class."""

    code: str
    message: str
    advice: str


class End(Reply, frozen=True, tag="end"):
    """The stream of parts is complete."""


class StreamStatus(msgspec.Struct, frozen=True):
    """One stream's health. `state`: connecting, recording, waiting, denied, refused, off, imported."""

    stream: str
    state: str
    message: str
    codec: str
    width: int
    height: int
    fps: float
    bits_per_second: float
    gop_seconds: float
    last_frame_us: int
    reconnects: int
    lost_packets: int
    clock_error_us: int | None  # camera clock minus site clock; None when unknown
    rate_control: str = ""  # vbr, capped, cbr, smart or unclear (site/activity/rate.py); "" before it was looked at
    clock_source: str = ""  # what clock_error_us is from: rtcp, onvif; "" when unknown


class SoundStatus(msgspec.Struct, frozen=True):
    """A camera's sound: whether it is switched on, why, by whom and when, and how its stream is."""

    on: bool
    because: str
    set_by: str
    set_us: int
    stream: StreamStatus


class CameraStatus(msgspec.Struct, frozen=True):
    """`streams` are those of pictures. `sound` is None where it was never switched on."""

    camera: str
    name: str
    enabled: bool
    streams: tuple[StreamStatus, ...]
    first_us: int | None  # oldest footage kept
    bytes_kept: int
    sound: SoundStatus | None = None


class DiskStatus(msgspec.Struct, frozen=True):
    name: str
    bytes_total: int
    bytes_free: int
    state: str  # ok, full, fault, wrong_disk
    message: str


class IngestStatus(msgspec.Struct, frozen=True):
    """The processes that read cameras, together. Counts are since each of them started.

    `confinement`: bubblewrap, landlock or limits, what holds the decoders of this machine (site/sandbox); `words` says it to
    people, `refused` why no better one was taken.
    """

    confinement: str
    words: str
    refused: tuple[str, ...]
    processes: int
    frames_left_out: int  # that belong to no run: before a first keyframe, or while the recorder was behind
    live_left_out: int  # frames not sent on live, because the queue to the recorder was full
    viewer_frames_left_out: int  # for viewers who could not keep up
    queue_bytes: int  # waiting for the recorder now
    pauses: int  # times that the recorder did not read for a while, because its disks were behind
    frozen: int  # connections ended because the very same picture came again and again
    connecting: int  # under way now
    waiting_to_connect: int
    time_answers: int = 0  # of the time service
    time_limited: int = 0  # asks that came too often


class SiteStatus(Reply, frozen=True, tag="site_status"):
    version: str
    site: str
    name: str
    now_us: int
    started_us: int
    cameras: tuple[CameraStatus, ...]
    disks: tuple[DiskStatus, ...]
    ingest: IngestStatus | None = None


class Run(msgspec.Struct, frozen=True):
    """An unbroken stretch [start_us, end_us). `end_reason` is "" while it still grows."""

    start_us: int
    end_us: int
    end_reason: str
    imported: bool
    lost_packets: int


class CameraTimeline(msgspec.Struct, frozen=True):
    camera: str
    runs: tuple[Run, ...]


class Timeline(Reply, frozen=True, tag="timeline"):
    cameras: tuple[CameraTimeline, ...]


class Piece(msgspec.Struct, frozen=True):
    """Consecutive fragments that start with a keyframe (one GOP), inside one segment.

    `start`/`end` are offsets in the segment's plaintext (moof+mdat bytes, no init). `start_us` is wall time; `media_90k` is the
    tfdt of its first fragment, in ticks since the start of run `run`.
    """

    segment: int
    config_id: str
    run: int
    start_us: int
    duration_us: int
    media_90k: int
    start: int
    end: int


class Playlist(Reply, frozen=True, tag="playlist"):
    """Pieces in time order that cover the span asked for; a new `run` or `config_id` is a discontinuity."""

    camera: str
    stream: str
    pieces: tuple[Piece, ...]
    growing: bool  # the last piece belongs to a run that is still being recorded


class Init(Reply, frozen=True, tag="init"):
    config_id: str
    codec: str
    codec_string: str
    width: int
    height: int
    data: bytes


class LiveStart(Reply, frozen=True, tag="live_start"):
    """Sent as a live part whenever a (new) configuration begins; media parts follow."""

    codec: str
    codec_string: str
    width: int
    height: int
    init: bytes


class LiveMedia(Reply, frozen=True, tag="live_media"):
    """moof+mdat of one frame (or, at the start, of the cached GOP). `arrival_us`: when the site read its last byte."""

    keyframe: bool
    arrival_us: int
    skipped: int  # frames dropped for this viewer just before this part
    data: bytes
    frames: int = 1  # in `data`; a cached fragment holds several


class LiveState(Reply, frozen=True, tag="live_state"):
    """The camera's state changed; `state` as in `StreamStatus`."""

    state: str
    message: str


LivePart = LiveStart | LiveMedia | LiveState
AnyReply = Answer | Failure | End | SiteStatus | Timeline | Playlist | Init | LiveStart | LiveMedia | LiveState
