"""The relay: the first picture at once, each frame once, slow viewers skip, grants end."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.messages import LiveMedia, LivePart, LiveStart, LiveState
from belvedere.media.fmp4 import read_fragment
from belvedere.media.stream import Codec, Frame, StreamConfig
from belvedere.policy.grant import Action
from belvedere.site.live.relay import Relay, Viewer
from link_stage import Film, film, fragment_of, grant_for, single

CONFIG = StreamConfig(Codec.H264, (b"sps", b"pps"), 64, 48, "avc1.42c01e", b"init", "0123456789abcdef")


def take_all(viewer: Viewer) -> list[LivePart]:
    parts = []
    while (part := viewer.backlog.take()) is not None:
        parts.append(part)
    return parts


def dts_of(parts: list[LivePart]) -> list[int]:
    """Decode times of all samples in media parts."""
    return [sample.dts_90k for part in parts if isinstance(part, LiveMedia) for sample in read_fragment(part.data)]


@dataclass
class Camera:
    """An ingest process for one stream: closes fragments as it goes, and sends frames by themselves while told to."""

    relay: Relay
    frame_first: bool  # whether a frame is sent before the fragment that it closes
    resend: bool = False
    live: bool = False
    pending: list[Frame] = field(default_factory=list)
    sent: list[Frame] = field(default_factory=list)
    most: int = 5

    def feed(self, frame: Frame) -> None:
        closes = bool(self.pending) and (frame.keyframe or len(self.pending) >= self.most)
        fragment = fragment_of(self.pending, frame.dts_90k) if closes else None
        if closes:
            self.pending = []
        self.pending.append(frame)
        self.sent.append(frame)
        if fragment is not None and not self.frame_first:
            self.relay.fragment("gate", "sub", fragment)
        if self.live:
            # The duration of a frame is a guess when it is sent, and a wrong one here.
            self.relay.frame("gate", "sub", frame.keyframe, frame.arrival_us, single(frame, 777))
        if fragment is not None and self.frame_first:
            self.relay.fragment("gate", "sub", fragment)

    def set_live(self, on: bool) -> None:
        """Whether the frames of the fragment under way are sent at once is up to the process; both must do."""
        if on and not self.live and self.resend:
            for frame in self.pending:
                self.relay.frame("gate", "sub", frame.keyframe, frame.arrival_us, single(frame, 555))
        self.live = on

    def close(self) -> None:
        if self.pending:
            self.relay.fragment("gate", "sub", fragment_of(self.pending, self.pending[-1].dts_90k + 1))
            self.pending = []


def frames(rng: random.Random, count: int) -> Iterator[Frame]:
    dts = 0
    for number in range(count):
        keyframe = number == 0 or rng.random() < 0.12
        yield Frame(bytes(rng.randrange(1, 9)), dts, 0, keyframe, number)
        dts += rng.randrange(1, 9000)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    frame_first=st.booleans(),
    resend=st.booleans(),
    delay=st.integers(0, 7),
    most=st.integers(1, 8),
)
def test_every_viewer_gets_each_frame_once_and_in_order(
    seed: int, frame_first: bool, resend: bool, delay: int, most: int
) -> None:
    """Viewers come and go at any time, switching frames on takes any time, either order at the seam: no hole, no double."""
    rng = random.Random(seed)
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    camera = Camera(relay, frame_first, resend, most=most)
    orders: list[tuple[int, bool]] = []  # (number of the frame from which it holds, on)
    now = 0
    relay.bind(lambda name, stream, on: orders.append((now + delay, on)))
    grant = grant_for(clock, "gate")
    relay.config("gate", "sub", CONFIG)
    open_viewers: list[tuple[Viewer, list[LivePart]]] = []
    closed: list[list[LivePart]] = []
    came_at: dict[int, int] = {}
    all_frames = list(frames(rng, 120))
    for now, frame in enumerate(all_frames):
        while orders and orders[0][0] <= now:
            camera.set_live(orders.pop(0)[1])
        if rng.random() < 0.15:
            viewer = relay.subscribe(grant, "gate", "sub")
            first = take_all(viewer)
            came_at[id(viewer)] = now
            # What was recorded of the GOP in progress is there at once.
            assert isinstance(first[0], LiveState) and isinstance(first[1], LiveStart)
            open_viewers.append((viewer, first))
        camera.feed(frame)
        for viewer, parts in open_viewers:
            parts += take_all(viewer)
        if open_viewers and rng.random() < 0.1:
            viewer, parts = open_viewers.pop(rng.randrange(len(open_viewers)))
            viewer.close()
            closed.append(parts)
    camera.close()
    for viewer, parts in open_viewers:
        parts += take_all(viewer)
    times = [frame.dts_90k for frame in all_frames]
    keyframes = {frame.dts_90k for frame in all_frames if frame.keyframe}
    for viewer, parts in open_viewers:
        got = dts_of(parts)
        told = sum(part.skipped for part in parts if isinstance(part, LiveMedia))
        if not relay.counters.seams_broken:
            # From a keyframe that is no younger than the viewer, all frames to the end, each once.
            assert got and got[0] in keyframes
            assert got == times[times.index(got[0]) :]
            assert told == 0
            assert got[0] <= max(times[came_at[id(viewer)]], min(t for t in keyframes))
        else:
            assert_honest(got, times, keyframes)
    for parts in closed:
        assert_honest(dts_of(parts), times, keyframes)


def assert_honest(got: list[int], times: list[int], keyframes: set[int]) -> None:
    """No frame twice, none out of order."""
    assert got == sorted(set(got))
    assert set(got) <= set(times)
    assert not got or got[0] in keyframes


def test_a_frame_lost_between_two_fragments_is_noticed_and_told() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    relay.config("gate", "sub", CONFIG)
    viewer = relay.subscribe(grant_for(clock, "gate"), "gate", "sub")
    group = [Frame(b"x", at * 100, 0, at == 0, at) for at in range(5)]
    for frame in group:
        if frame.dts_90k != 200:  # this one never came by itself
            relay.frame("gate", "sub", frame.keyframe, 0, single(frame))
    relay.fragment("gate", "sub", fragment_of(group, 500))
    assert relay.counters.seams_broken == 1
    relay.frame("gate", "sub", False, 0, single(Frame(b"x", 500, 0, False, 5)))
    relay.frame("gate", "sub", True, 0, single(Frame(b"x", 600, 0, True, 6)))
    parts = take_all(viewer)
    assert dts_of(parts) == [0, 100, 300, 400, 600]
    last = parts[-1]
    assert isinstance(last, LiveMedia) and last.skipped == 2


def test_frames_that_come_again_are_taken_once() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    relay.config("gate", "sub", CONFIG)
    viewer = relay.subscribe(grant_for(clock, "gate"), "gate", "sub")
    group = [Frame(bytes([at]), dts, 0, at == 0, at) for at, dts in enumerate((0, 100, 100, 200))]
    for at in (0, 1, 0, 1, 2, 3, 3):
        relay.frame("gate", "sub", group[at].keyframe, 0, single(group[at], 50 + at))
    relay.fragment("gate", "sub", fragment_of(group, 300))
    assert dts_of(take_all(viewer)) == [0, 100, 100, 200]
    assert relay.counters.seams_broken == 0


def test_a_new_viewer_starts_with_the_cached_gop() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    short: Film = film()
    relay.state("gate", "sub", "recording", "")
    relay.config("gate", "sub", short.config)
    for fragment in short.fragments():
        relay.fragment("gate", "sub", fragment)
    state, start, *media = take_all(relay.subscribe(grant_for(clock, "gate"), "gate", "sub"))
    assert state == LiveState("recording", "")
    assert isinstance(start, LiveStart) and start.init == short.config.init
    assert dts_of(list(media)) == [frame.dts_90k for frame in short.frames[-10:]]


def test_two_viewers_share_the_bytes() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    relay.config("gate", "sub", CONFIG)
    grant = grant_for(clock, "gate")
    one, two = (relay.subscribe(grant, "gate", "sub") for _ in range(2))
    data = single(Frame(b"x", 0, 0, True, 0))
    relay.frame("gate", "sub", True, 5, data)
    for viewer in (one, two):
        part = take_all(viewer)[-1]
        assert isinstance(part, LiveMedia) and part.data is data and part.arrival_us == 5


def test_frames_are_switched_on_for_the_first_viewer_and_off_after_the_last() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    orders: list[tuple[str, str, bool]] = []
    relay.bind(lambda camera, stream, on: orders.append((camera, stream, on)))
    grant = grant_for(clock, "gate")
    one = relay.subscribe(grant, "gate", "sub")
    two = relay.subscribe(grant, "gate", "sub")
    relay.config("gate", "sub", CONFIG)  # the ingest process came back: it must hear of it again
    one.close()
    one.close()
    assert relay.viewers == 1
    two.close()
    assert orders == [("gate", "sub", True), ("gate", "sub", True), ("gate", "sub", False)]


async def test_a_tile_that_comes_back_soon_finds_frames_still_on() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=60)
    orders: list[bool] = []
    relay.bind(lambda camera, stream, on: orders.append(on))
    grant = grant_for(clock, "gate")
    relay.subscribe(grant, "gate", "sub").close()
    viewer = relay.subscribe(grant, "gate", "sub")
    assert orders == [True]
    viewer.close()
    relay.forget("gate")


def test_a_new_run_starts_again_and_shows_nothing_old() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    grant = grant_for(clock, "gate")
    relay.config("gate", "sub", CONFIG)
    viewer = relay.subscribe(grant, "gate", "sub")
    relay.frame("gate", "sub", True, 0, single(Frame(b"a", 0, 0, True, 0)))
    relay.ended("gate", "sub")
    relay.state("gate", "sub", "connecting", "The camera closed the connection.")
    late = relay.subscribe(grant, "gate", "sub")
    assert take_all(late) == [LiveState("connecting", "The camera closed the connection.")]
    relay.frame("gate", "sub", True, 0, single(Frame(b"b", 9, 0, True, 0)))
    assert relay.counters.bad_frames == 1
    relay.config("gate", "sub", CONFIG)
    relay.frame("gate", "sub", True, 0, single(Frame(b"c", 0, 0, True, 0)))
    kinds = [type(part) for part in take_all(viewer)]
    assert kinds == [LiveState, LiveStart, LiveMedia, LiveState, LiveStart, LiveMedia]
    assert [type(part) for part in take_all(late)] == [LiveStart, LiveMedia]


def test_a_gop_too_long_for_the_cache_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.site.live.relay.CACHE_LIMIT_BYTES", 300)
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    relay.config("gate", "sub", CONFIG)
    for at in range(5):
        relay.fragment("gate", "sub", fragment_of([Frame(bytes(100), at, 0, at == 0, 0)], at + 1))
    assert relay.counters.gops_not_kept == 1
    viewer = relay.subscribe(grant_for(clock, "gate"), "gate", "sub")
    relay.fragment("gate", "sub", fragment_of([Frame(b"p", 5, 0, False, 0)], 6))
    relay.fragment("gate", "sub", fragment_of([Frame(b"k", 6, 0, True, 0)], 7))
    parts = take_all(viewer)
    assert dts_of(parts) == [6]
    assert [part.skipped for part in parts if isinstance(part, LiveMedia)] == [0]


def test_the_tail_of_live_frames_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.site.live.relay.TAIL_LIMIT_FRAMES", 3)
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    grant = grant_for(clock, "gate")
    relay.config("gate", "sub", CONFIG)
    first = relay.subscribe(grant, "gate", "sub")
    group = [Frame(b"x", at, 0, at == 0, 0) for at in range(6)]
    for frame in group:
        relay.frame("gate", "sub", frame.keyframe, 0, single(frame))
    assert dts_of(take_all(first)) == [0, 1, 2, 3, 4, 5]
    second = relay.subscribe(grant, "gate", "sub")
    assert dts_of(take_all(second)) == []  # a hole is never shown
    relay.fragment("gate", "sub", fragment_of(group, 6))
    third = relay.subscribe(grant, "gate", "sub")
    assert dts_of(take_all(third)) == [0, 1, 2, 3, 4, 5]
    assert relay.counters.seams_broken == 0


def test_unreadable_frames_are_counted() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    relay.config("gate", "sub", CONFIG)
    viewer = relay.subscribe(grant_for(clock, "gate"), "gate", "sub")
    relay.frame("gate", "sub", True, 0, b"garbage")
    relay.fragment("yard", "sub", fragment_of([Frame(b"k", 6, 0, True, 0)], 7))  # without a run
    assert relay.counters.bad_frames == 2
    assert dts_of(take_all(viewer)) == []


def test_who_may_watch() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    grant = grant_for(clock, "gate")
    with pytest.raises(Refused, match="does not cover camera yard"):
        relay.subscribe(grant, "yard", "sub")
    with pytest.raises(Refused, match="does not allow live"):
        relay.subscribe(grant_for(clock, "gate", actions=frozenset({Action.PLAYBACK})), "gate", "sub")
    with pytest.raises(BadInput, match="no stream"):
        relay.subscribe(grant, "gate", "third")
    assert relay.viewers == 0


async def test_a_grant_that_expires_ends_the_view() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    viewer = relay.subscribe(grant_for(clock, "gate", lasts_us=10 * SECOND_US), "gate", "sub")
    assert isinstance(await anext(viewer), LiveState)
    waiting = asyncio.ensure_future(anext(viewer))
    await asyncio.sleep(0)
    clock.advance(10 * SECOND_US)
    with pytest.raises(Refused, match="ended"):
        await waiting
    viewer.close()


async def test_a_quiet_camera_is_told_from_a_dead_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.site.live.relay.CHECK_S", 0.01)
    monkeypatch.setattr("belvedere.site.live.relay.QUIET_S", 0.02)
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    viewer = relay.subscribe(grant_for(clock, "gate"), "gate", "sub")
    assert [await anext(viewer), await anext(viewer)] == [LiveState("connecting", "")] * 2
    viewer.close()
    with pytest.raises(StopAsyncIteration):
        await anext(viewer)


def test_removing_a_camera_ends_its_views() -> None:
    clock = SimulatedClock()
    relay = Relay(clock, linger_s=0)
    relay.config("gate", "sub", CONFIG)
    viewer = relay.subscribe(grant_for(clock, "gate"), "gate", "sub")
    relay.forget("gate")
    viewer.close()
    assert relay.viewers == 0
