"""What is durable is not kept in memory for viewers: it is read back from the disk, and nobody misses or sees anything twice."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.link.backlog import Backlog
from belvedere.link.messages import LiveMedia, LivePart, LiveStart, LiveState
from belvedere.media.held import Held
from belvedere.media.stream import Fragment, Frame
from belvedere.site.live import relay as room
from belvedere.site.live.relay import Relay, Viewer
from belvedere.site.recorder.events import Add
from belvedere.site.storage.disk import SystemFiles
from link_stage import fragment_of, grant_for, single
from recorder_rig import Rig, config, fragment

CAMERA = "cam-01"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def held(number: int, start_us: int) -> Fragment:
    made = fragment(number, start_us)
    return replace(made, held=Held(memoryview(made.data)))


async def parts_of(viewer: Viewer, media: int) -> list[LiveMedia]:
    """The next `media` parts of footage."""
    got: list[LiveMedia] = []
    async with asyncio.timeout(60):
        while len(got) < media:
            part = await viewer.backlog.get()
            if isinstance(part, LiveMedia):
                got.append(part)
    return got


def record(rig: Rig, relay: Relay, numbers: range) -> list[Fragment]:
    """Fragments that the relay has heard of and the disk has made durable."""
    track, start = rig.track(), rig.clock.now_us()
    made = [held(number, start) for number in numbers]
    relay.config(CAMERA, "main", config())
    for each in made:
        rig.writer.offer(Add(track, each))
        relay.fragment(CAMERA, "main", each)
        rig.clock.advance(SECOND_US // 2)
    rig.writer.cycle()
    return made


async def test_a_viewer_begins_with_what_was_recorded_since_the_keyframe(rig: Rig) -> None:
    relay = Relay(rig.clock, linger_s=0)
    made = record(rig, relay, range(8))
    assert all(each.held is not None and each.held.data is None for each in made), "nothing durable is kept"
    viewer = relay.subscribe(grant_for(rig.clock, CAMERA), CAMERA, "main")
    late = held(8, rig.clock.now_us())
    relay.fragment(CAMERA, "main", replace(late, keyframe=False))
    got = await parts_of(viewer, 5)
    assert [part.data for part in got] == [each.data for each in (*made[4:], late)]
    assert [part.keyframe for part in got] == [True, False, False, False, False]
    assert relay.counters.gops_not_read == 0
    keyframe = await asyncio.to_thread(relay.newest_keyframe, CAMERA, "main")
    assert keyframe == config().init + bytes(made[4].data)
    viewer.close()


async def test_a_viewer_of_footage_that_is_gone_goes_on_at_the_next_keyframe(rig: Rig) -> None:
    relay = Relay(rig.clock, linger_s=0)
    record(rig, relay, range(3))
    for path in rig.files.names():
        rig.files.unlink(path)
    assert await asyncio.to_thread(relay.newest_keyframe, CAMERA, "main") is None
    viewer = relay.subscribe(grant_for(rig.clock, CAMERA), CAMERA, "main")
    group = [held(number, rig.clock.now_us()) for number in (3, 4)]
    for each in group:
        relay.fragment(CAMERA, "main", each)
    (part,) = await parts_of(viewer, 1)
    assert part.data == group[1].data and part.skipped == 0
    assert relay.counters.gops_not_read == 1
    viewer.close()


async def test_altered_footage_is_shown_to_nobody(rig: Rig) -> None:
    relay = Relay(rig.clock, linger_s=0)
    record(rig, relay, range(2))
    (path,) = rig.files.names()
    assert isinstance(rig.files, SystemFiles)
    file = rig.files.folder / path
    sealed = bytearray(file.read_bytes())
    sealed[len(sealed) // 4] ^= 1
    file.write_bytes(sealed)
    viewer = relay.subscribe(grant_for(rig.clock, CAMERA), CAMERA, "main")
    key = held(4, rig.clock.now_us())
    relay.fragment(CAMERA, "main", key)
    (part,) = await parts_of(viewer, 1)
    assert part.data == key.data and relay.counters.gops_not_read == 1
    viewer.close()


async def test_a_disk_that_stands_still_holds_up_neither_the_others_nor_the_viewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "_READ_S", 0.01)
    clock, stuck = SimulatedClock(), threading.Event()
    relay = Relay(clock, linger_s=0)
    relay.config("gate", "main", config())

    def wait() -> bytes:
        stuck.wait(60)
        return b""

    first = replace(fragment_of([Frame(b"a", 0, 0, True, 0)], 10), held=Held(b""))
    relay.fragment("gate", "main", first)
    assert first.held is not None
    first.held.settle(wait)
    viewer = relay.subscribe(grant_for(clock, "gate"), "gate", "main")
    key = fragment_of([Frame(b"k", 10, 0, True, 0)], 20)
    relay.fragment("gate", "main", key)
    (part,) = await parts_of(viewer, 1)
    stuck.set()
    assert part.data == key.data and relay.counters.gops_not_read == 1
    viewer.close()


def test_what_no_disk_takes_is_kept_as_a_copy() -> None:
    relay = Relay(SimulatedClock(), linger_s=0)
    relay.config("gate", "main", config())
    chunk = bytearray(b"x" * 90)
    made = [
        replace(fragment_of([Frame(b"f", at, 0, at == 0, 0)], at + 1), held=Held(memoryview(chunk)[at : at + 1]))
        for at in range(9)
    ]
    for each in made:
        relay.fragment("gate", "main", each)
    kinds = [type(each.held.data) for each in made if each.held is not None]
    assert kinds == [bytes] * 3 + [memoryview] * 6


def test_the_masking_inside_the_site_gets_the_next_keyframe_where_none_is_in_memory() -> None:
    relay = Relay(SimulatedClock(), linger_s=0)
    relay.config("gate", "main", config())
    for at in (0, 10):
        made = fragment_of([Frame(bytes([at]), at, 0, True, 0)], at + 10)
        relay.fragment("gate", "main", replace(made, held=(kept := Held(made.data))))
        kept.settle(lambda: b"")
        found = relay.newest_fragment("gate", "main")
        assert (found is None) if at == 0 else (found is not None and found[1].data == made.data)


@settings(max_examples=40, deadline=None)
@given(
    groups=st.lists(st.integers(1, 6), min_size=2, max_size=6),
    joins=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    behind=st.integers(0, 5),
    slow=st.integers(0, 6),
)
def test_every_viewer_gets_everything_from_a_keyframe_on(
    groups: list[int], joins: list[int], behind: int, slow: int
) -> None:
    """Viewers come at any time, disks are `behind` fragments late, reading takes `slow` fragments' time: no hole, no double."""
    asyncio.run(_everything(groups, joins, behind, slow))


async def _everything(groups: list[int], joins: list[int], behind: int, slow: int) -> None:
    relay, clock = Relay(SimulatedClock(), linger_s=0), SimulatedClock()
    relay.config("gate", "main", config())
    live = False
    relay.bind(lambda camera, stream, on: None)
    made: list[Fragment] = []
    waits: list[tuple[int, threading.Event]] = []
    viewers: list[tuple[int, Viewer]] = []
    keys = [number == 0 for size in groups for number in range(size)]
    data_of: list[bytes] = []

    def read_back(number: int) -> bytes:
        event = threading.Event()
        waits.append((len(made) + slow, event))
        event.wait(60)
        return data_of[number]

    for number, keyframe in enumerate(keys):
        for at in joins:
            if at == number:
                viewers.append((number, relay.subscribe(grant_for(clock, "gate"), "gate", "main")))
                live = True
        frame = Frame(bytes([number]), number * 10, 0, keyframe, 0)
        if live:
            relay.frame("gate", "main", keyframe, 0, single(frame, 10))
        plain = fragment_of([frame], (number + 1) * 10)
        data_of.append(bytes(plain.data))
        each = replace(plain, held=Held(plain.data))
        made.append(each)
        relay.fragment("gate", "main", each)
        if number >= behind:
            settled = made[number - behind].held
            assert settled is not None
            settled.settle(lambda at=number - behind: read_back(at))  # type: ignore[misc]
        for due, event in waits:
            if due <= len(made):
                event.set()
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        while relay.reading:
            for _, event in list(waits):
                event.set()
            await asyncio.sleep(0.001)
    for joined, viewer in viewers:
        got: list[int] = []
        while (part := viewer.backlog.take()) is not None:
            if isinstance(part, LiveMedia):
                got.append(part.data[-1])
        keyed = max((at for at in range(joined) if keys[at]), default=0)
        assert got == list(range(keyed, len(keys)))
        viewer.close()
    assert relay.counters.gops_not_read == 0 and relay.counters.seams_broken == 0


def _media(number: int, *, keyframe: bool = False, size: int = 1) -> LiveMedia:
    return LiveMedia(keyframe, 0, 0, bytes([number]) * size)


def _numbers(backlog: Backlog) -> list[int | str]:
    got: list[int | str] = []
    while (part := backlog.take()) is not None:
        got.append(part.data[0] if isinstance(part, LiveMedia) else type(part).__name__)
    return got


def _gap(**limits: int) -> Backlog:
    backlog = Backlog(SimulatedClock(), **limits)
    backlog.put(LiveState("recording", ""))
    backlog.put(LiveStart("h264", "", 1, 1, b""))
    backlog.leave_gap()
    return backlog


@pytest.mark.parametrize("take_first", [0, 1, 2])
def test_what_waits_before_a_gap_is_handed_out_and_what_waits_behind_it_is_not(take_first: int) -> None:
    backlog = _gap()
    first: list[LivePart | None] = [backlog.take() for _ in range(take_first)]
    backlog.put(_media(3))
    backlog.put(LiveState("connecting", ""))
    assert all(part is not None for part in first)
    backlog.fill_gap([_media(1, keyframe=True), _media(2)])
    backlog.put(_media(4))
    assert _numbers(backlog) == [*["LiveState", "LiveStart"][take_first:], 1, 2, 3, "LiveState", 4]
    assert backlog.waiting_bytes == 0 and backlog.dropped == 0
    backlog.fill_gap([_media(9)])  # there is none any more
    assert _numbers(backlog) == []


@pytest.mark.parametrize(("limits", "media"), [({}, 0), ({"limit_bytes": 4}, 3), ({"limit_parts": 6}, 3)])
def test_a_gap_that_is_not_filled_ends_at_the_next_keyframe(limits: dict[str, int], media: int) -> None:
    backlog = _gap(**limits)
    backlog.put(_media(3))
    backlog.put(LiveState("connecting", ""))
    backlog.fill_gap([_media(number, keyframe=number == 0, size=2) for number in range(media)])
    backlog.put(_media(4))
    backlog.put(_media(5, keyframe=True))
    backlog.put(_media(6))
    assert _numbers(backlog) == ["LiveState", "LiveStart", "LiveState", 5, 6]
    assert backlog.waiting_bytes == 0 and backlog.dropped == 0


def test_a_keyframe_behind_a_gap_that_is_not_filled_is_where_it_ends() -> None:
    backlog = _gap()
    for number in (3, 4, 5):
        backlog.put(_media(number, keyframe=number == 4))
    backlog.fill_gap([])
    backlog.put(_media(6))
    assert _numbers(backlog) == ["LiveState", "LiveStart", 4, 5, 6]


def test_a_viewer_that_fell_behind_wants_nothing_for_its_gap() -> None:
    backlog = _gap(limit_parts=4)
    for number in (3, 4, 5):
        backlog.put(_media(number))
    backlog.fill_gap([_media(1, keyframe=True)])
    backlog.put(_media(6, keyframe=True))
    assert _numbers(backlog) == ["LiveState", "LiveStart", 6]
    assert backlog.dropped == 3
