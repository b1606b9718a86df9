"""A small stage for tests of link, live and review: a short film, grants, and an archive in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
import numpy as np

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import NotFound, Refused
from belvedere.link.messages import DiskStatus, Init, Piece, Playlist, Run, SiteStatus
from belvedere.media import nal as nals
from belvedere.media.fmp4 import make_config, write_fragment, write_frame
from belvedere.media.stream import Codec, Fragment, Frame, StreamConfig
from belvedere.policy.decision import Ask, Asker, decide
from belvedere.policy.grant import Action, Grant
from belvedere.policy.table import TABLE

FPS = 10
TICK_90K = 90_000 // FPS


@dataclass(frozen=True, slots=True)
class Film:
    """A short H.264 film of moving stripes: one keyframe a second, no B-frames."""

    config: StreamConfig
    frames: tuple[Frame, ...]

    def fragments(self, most: int = 5) -> list[Fragment]:
        """As the recorder gets them: cut at keyframes and after `most` frames."""
        groups: list[list[Frame]] = []
        for frame in self.frames:
            if frame.keyframe or not groups or len(groups[-1]) == most:
                groups.append([])
            groups[-1].append(frame)
        return [fragment_of(group, group[-1].dts_90k + TICK_90K, at) for at, group in enumerate(groups)]


def fragment_of(frames: list[Frame], next_90k: int, sequence: int = 0) -> Fragment:
    """The fragment that holds `frames` and ends at `next_90k`."""
    return Fragment(
        data=write_fragment(frames, next_90k, sequence),
        start_90k=frames[0].dts_90k,
        duration_90k=next_90k - frames[0].dts_90k,
        frames=len(frames),
        keyframe=frames[0].keyframe,
        arrival_us=frames[-1].arrival_us,
    )


def single(frame: Frame, duration_90k: int = TICK_90K) -> bytes:
    """One frame as moof and mdat."""
    return write_frame(frame, duration_90k, 0)


@cache
def film(seconds: int = 4, width: int = 64, height: int = 48) -> Film:
    """Encode a film."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.gop_size = FPS
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "keyint=10:scenecut=0:threads=1"}
    sets: dict[int, bytes] = {}
    frames: list[Frame] = []

    def take(packets: "Sequence[av.Packet[av.VideoStream]]") -> None:
        for packet in packets:
            units = nals.split_annex_b(bytes(packet))
            for unit in units:
                kind = nals.nal_type(Codec.H264, unit)
                if nals.is_parameter_set(Codec.H264, kind):
                    sets[kind] = unit
            at = len(frames)
            frames.append(Frame(nals.join_lengths(units), at * TICK_90K, 0, packet.is_keyframe, SECOND_US * at // FPS))

    for number in range(seconds * FPS):
        picture = np.full((height, width, 3), 40, np.uint8)
        picture[:, (number * 2) % width : (number * 2) % width + 8] = 220
        shown = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        shown.pts = number
        take(encoder.encode(shown))
    take(encoder.encode(None))
    return Film(make_config(Codec.H264, [sets[key] for key in sorted(sets)]), tuple(frames))


def grant_for(
    clock: Clock,
    *cameras: str,
    actions: frozenset[Action] = frozenset(),
    from_us: int | None = None,
    to_us: int | None = None,
    lasts_us: int = 8 * HOUR_US,
    user_id: str = "user_1",
    grant_id: str = "grant_1",
) -> Grant:
    """What the policy gives an operator on shift."""
    asker = Asker(user_id, "Ann Operator", frozenset({"operator"}), frozenset(cameras), clock.now_us() + lasts_us)
    ask = Ask(grant_id, "duty", frozenset(cameras), actions, from_us=from_us, to_us=to_us)
    return decide(asker, ask, TABLE, clock.now_us()).granted()


class Words:
    """An opener whose signed words are the grant's id."""

    def __init__(self, clock: Clock, *grants: Grant) -> None:
        self._clock = clock
        self.grants = {grant.id.encode(): grant for grant in grants}

    def open(self, wire: bytes) -> Grant:
        grant = self.grants.get(wire)
        if grant is None:
            raise Refused("This access was not signed by the hub.", advice="Ask for access again.")
        return grant


@dataclass
class ShelfArchive:
    """An archive in memory: one run of `film` for each camera in `cameras`, main and sub alike, 2 seconds a segment."""

    clock: Clock
    film: Film
    start_us: int
    cameras: tuple[str, ...] = ("gate",)
    growing: bool = False
    read_calls: int = 0
    fault: Callable[[str], None] = field(default=lambda call: None)
    put: list[tuple[str, str, str, str, bool]] = field(default_factory=list)

    def _segments(self) -> list[bytes]:
        whole: list[bytes] = []
        for fragment in self.film.fragments():
            number = fragment.start_90k // 180_000
            while len(whole) <= number:
                whole.append(b"")
            whole[number] += fragment.data
        return whole

    def status(self) -> SiteStatus:
        self.fault("status")
        disk = DiskStatus("footage", 1 << 40, 1 << 39, "ok", "")
        return SiteStatus("0.1.0", "main", "This site", self.clock.now_us(), 0, (), (disk,))

    def timeline(self, camera: str, stream: str, from_us: int, to_us: int) -> tuple[Run, ...]:
        self.fault("timeline")
        if camera not in self.cameras:
            return ()
        end_us = self.start_us + len(self.film.frames) * SECOND_US // FPS
        return (Run(self.start_us, end_us, "" if self.growing else "camera_closed", False, 0),)

    def playlist(self, grant: Grant, camera: str, stream: str, from_us: int, to_us: int) -> Playlist:
        self.fault("playlist")
        grant.require(Action.PLAYBACK, camera, now_us=self.clock.now_us(), start_us=from_us, end_us=to_us)
        pieces: list[Piece] = []
        offset, segment = 0, 0
        for fragment in self.film.fragments():
            if fragment.start_90k // 180_000 != segment:
                offset, segment = 0, fragment.start_90k // 180_000
            end = offset + len(fragment.data)
            duration_us = fragment.duration_90k * 100 // 9
            if fragment.keyframe:
                start_us = self.start_us + fragment.start_90k * 100 // 9
                pieces.append(
                    Piece(
                        segment + 1,
                        self.film.config.config_id,
                        1,
                        start_us,
                        duration_us,
                        fragment.start_90k,
                        offset,
                        end,
                    )
                )
            else:
                last = pieces[-1]
                pieces[-1] = Piece(
                    last.segment,
                    last.config_id,
                    1,
                    last.start_us,
                    last.duration_us + duration_us,
                    last.media_90k,
                    last.start,
                    end,
                )
            offset = end
        wanted = tuple(each for each in pieces if each.start_us + each.duration_us > from_us and each.start_us < to_us)
        return Playlist(camera, stream, wanted, self.growing)

    def read(
        self, grant: Grant, action: Action, camera: str, stream: str, segment: int, start: int, end: int
    ) -> Iterator[bytes]:
        self.fault("read")
        grant.require(action, camera, now_us=self.clock.now_us(), start_us=self.start_us, end_us=self.start_us)
        segments = self._segments()
        if not 1 <= segment <= len(segments):
            raise NotFound(f"There is no segment {segment}.", advice="Load the timeline again.")
        self.read_calls += 1
        data = segments[segment - 1][start:end]
        for at in range(0, len(data), 1000):
            self.fault("part")
            yield data[at : at + 1000]

    def init(self, grant: Grant, camera: str, config_id: str) -> Init:
        self.fault("init")
        config = self.film.config
        if config_id != config.config_id:
            raise NotFound("There is no such configuration.", advice="Load the timeline again.")
        return Init(config_id, "h264", config.codec_string, config.width, config.height, config.init)

    def put_camera(self, camera: str, name: str, main_url: str, sub_url: str, enabled: bool) -> None:
        self.fault("put_camera")
        self.put.append((camera, name, main_url, sub_url, enabled))

    def remove_camera(self, camera: str) -> None:
        self.fault("remove_camera")
        if camera not in self.cameras:
            raise NotFound(f"There is no camera {camera}.", advice="Look at `belvedere camera list`.")


LAST_NIGHT_US = 10 * MINUTE_US  # before now: where the stage's footage lies
