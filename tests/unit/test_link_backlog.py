"""The bounded queue of a live viewer: what it may drop, and what it must tell."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.link.backlog import Backlog
from belvedere.link.messages import LiveMedia, LivePart, LiveStart, LiveState


def media(number: int, keyframe: bool = False, frames: int = 1, size: int = 10) -> LiveMedia:
    return LiveMedia(keyframe, number, 0, bytes(size), frames)


START = LiveStart("h264", "avc1.42c01e", 64, 48, b"init")


def drain(backlog: Backlog) -> list[LivePart]:
    taken = []
    while (part := backlog.take()) is not None:
        taken.append(part)
    return taken


def numbers(parts: list[LivePart]) -> list[int]:
    return [part.arrival_us for part in parts if isinstance(part, LiveMedia)]


def test_nothing_before_the_first_keyframe() -> None:
    backlog = Backlog(SimulatedClock())
    backlog.put(START)
    backlog.put(media(1))
    backlog.put(media(2, keyframe=True))
    backlog.put(media(3))
    parts = drain(backlog)
    assert numbers(parts) == [2, 3]
    assert isinstance(parts[1], LiveMedia) and parts[1].skipped == 0
    assert backlog.dropped == 0


def test_a_slow_viewer_skips_to_the_next_keyframe_and_hears_how_many() -> None:
    backlog = Backlog(SimulatedClock(), limit_parts=4)
    backlog.put(START)
    for number in range(1, 4):
        backlog.put(media(number, keyframe=number == 1))
    backlog.put(media(4))  # full: all four go
    backlog.put(media(5))
    backlog.put(LiveState("recording", ""))
    backlog.put(media(6, keyframe=True))
    parts = drain(backlog)
    assert parts[0] == START
    assert numbers(parts) == [6]
    last = parts[-1]
    assert isinstance(last, LiveMedia) and last.skipped == 5
    assert backlog.dropped == 5


def test_a_keyframe_that_finds_it_full_takes_the_place_of_what_waits() -> None:
    backlog = Backlog(SimulatedClock(), limit_bytes=35)
    for number in range(1, 4):
        backlog.put(media(number, keyframe=number == 1))
    backlog.put(media(4, keyframe=True))
    parts = drain(backlog)
    assert numbers(parts) == [4]
    assert isinstance(parts[0], LiveMedia) and parts[0].skipped == 3


def test_one_keyframe_above_the_limit_still_passes() -> None:
    backlog = Backlog(SimulatedClock(), limit_bytes=35)
    backlog.put(media(1, keyframe=True, size=100))
    assert numbers(drain(backlog)) == [1]


def test_what_waits_too_long_is_dropped() -> None:
    clock = SimulatedClock()
    backlog = Backlog(clock, limit_age_us=SECOND_US)
    backlog.put(media(1, keyframe=True))
    clock.advance(SECOND_US + 1)
    backlog.put(media(2))
    assert drain(backlog) == []
    backlog.put(media(3, keyframe=True))
    (part,) = drain(backlog)
    assert isinstance(part, LiveMedia) and part.skipped == 2


async def test_get_waits_for_the_next_part() -> None:
    backlog = Backlog(SimulatedClock())
    waiting = asyncio.create_task(backlog.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    backlog.put(START)
    assert await waiting == START


def test_missed_frames_are_told_with_the_next_keyframe() -> None:
    backlog = Backlog(SimulatedClock())
    backlog.put(media(1, keyframe=True))
    backlog.resume_at_keyframe(3)
    backlog.put(media(2))
    backlog.put(media(3, keyframe=True))
    parts = drain(backlog)
    assert numbers(parts) == [1, 3]
    assert isinstance(parts[1], LiveMedia) and parts[1].skipped == 4


@given(st.lists(st.tuples(st.sampled_from("kpsctta"), st.integers(1, 5)), max_size=200))
def test_every_frame_arrives_or_is_told_of(steps: list[tuple[str, int]]) -> None:
    """Frames taken and frames told of add up; media always resumes at a keyframe; the newest start is never lost."""
    clock = SimulatedClock()
    backlog = Backlog(clock, limit_parts=6, limit_bytes=60, limit_age_us=SECOND_US)
    put: list[LiveMedia] = []
    taken: list[LivePart] = []
    starts = 0
    for number, (what, frames) in enumerate(steps):
        if what in "kp":
            part = media(number, keyframe=what == "k", frames=frames)
            put.append(part)
            backlog.put(part)
        elif what == "s":
            starts += 1
            backlog.put(LiveStart("h264", "avc1", starts, 0, b""))
        elif what == "c":
            clock.advance(SECOND_US // 2)
        elif what == "a":
            backlog.put(LiveState("recording", str(number)))
        elif (next_part := backlog.take()) is not None:
            taken.append(next_part)
        assert len(backlog) <= 6
        assert backlog.waiting_bytes <= 60
    taken += drain(backlog)
    came = [part for part in taken if isinstance(part, LiveMedia)]
    assert numbers(list(came)) == sorted(part.arrival_us for part in came)
    order = {part.arrival_us: at for at, part in enumerate(put)}
    for part in came:
        before = put[: order[part.arrival_us]]
        previous = came[came.index(part) - 1] if came.index(part) else None
        gap = before[order[previous.arrival_us] + 1 :] if previous else before
        if part.skipped:
            assert part.keyframe
        assert part.skipped <= sum(each.frames for each in gap)
        if gap and not part.keyframe:
            raise AssertionError("media resumed without a keyframe")
    assert sum(part.skipped for part in came) <= backlog.dropped
    assert backlog.dropped + sum(part.frames for part in came) <= sum(part.frames for part in put)
    if starts:
        told = [part.width for part in taken if isinstance(part, LiveStart)]
        assert told[-1] == starts
