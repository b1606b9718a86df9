"""Clock discipline, property by property: docs/design/clocks.md names each of these tests."""

import os
import random
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, SimulatedClock
from belvedere.media.rtcp import parse_rtcp
from belvedere.media.rtp import Depacketizer
from belvedere.media.timeline import Timeline
from belvedere.site.recorder.timing import LOST_US, MAX_PPM, RunClock, media_us, wall_us
from belvedere.site.storage.fragments import Record
from ingest_stage import Packetizer, film, sender_report

HALF_90K = 45_000
MINUTE_90K = 60 * 90_000
START_US = 1_780_000_000 * SECOND_US
delays_us = st.builds(
    lambda seed, most, count: [random.Random(seed * 1000 + at).randrange(most) for at in range(count)],
    st.integers(0, 1 << 20),
    st.integers(1, 400_000),
    st.integers(130, 300),
)


def record(start_90k: int, arrival_us: int, frames: int = 12) -> Record:
    return Record(1000, start_90k, HALF_90K, frames, True, 0, arrival_us)


def last_frame_us(start_90k: int, frames: int = 12) -> int:
    """When the last frame of a fragment was made, in media time."""
    return media_us(start_90k + HALF_90K - HALF_90K // frames)


class Feed:
    """A camera whose own clock runs `ppm` fast, through a network with delays, into a RunClock with segments of a minute."""

    def __init__(self, delays: list[int], ppm: int = 0, wall_step: tuple[int, int] = (1 << 60, 0)) -> None:
        self.ends: list[tuple[int, int, int]] = []  # segments: start, end, rate
        self.clock: RunClock | None = None
        self.lost = False
        self.records: list[tuple[int, int]] = []  # media start, true arrival
        segment_90k = 0
        for index, delay_us in enumerate(delays):
            start_90k = index * HALF_90K
            true_us = START_US + last_frame_us(start_90k) * 1_000_000 // (1_000_000 + ppm)
            arrival_us = true_us + delay_us
            shown_us = arrival_us + (wall_step[1] if index >= wall_step[0] else 0)
            self.records.append((start_90k, arrival_us))
            if self.clock is None:
                self.clock = RunClock(record(start_90k, shown_us))
            elif start_90k - segment_90k >= MINUTE_90K:
                self._turn(start_90k)
                segment_90k = start_90k
            self.clock.see(record(start_90k, shown_us))
            self.lost = self.lost or self.clock.lost
        self._turn(len(delays) * HALF_90K)

    def _turn(self, at_90k: int) -> None:
        assert self.clock is not None
        begun_us, end_us, rate = self.clock.start_us, self.clock.wall_us(at_90k), self.clock.rate_ppm
        self.ends.append((begun_us, end_us, rate))
        self.clock.rotate(at_90k, MINUTE_90K)


@settings(max_examples=30, deadline=None)
@given(delays_us)
def test_a_run_begins_no_later_than_any_frame_allows_and_no_earlier_than_the_least_delay(delays: list[int]) -> None:
    feed = Feed(delays)
    begun_us = feed.ends[0][0]
    assert begun_us == START_US + min(delays[:11]) or START_US <= begun_us <= START_US + min(delays[:10])


@settings(max_examples=30, deadline=None)
@given(delays_us, st.integers(-400, 400))
def test_segments_of_a_run_meet_exactly_and_lean_by_500_ppm_at_most(delays: list[int], ppm: int) -> None:
    feed = Feed(delays, ppm)
    for (_, end_us, rate), (begun_us, _, _) in pairwise(feed.ends):
        assert begun_us == end_us
        assert abs(rate) <= MAX_PPM
    assert not feed.lost


@settings(max_examples=30, deadline=None)
@given(st.integers(-400, 400), st.integers(0, 1 << 30))
def test_a_camera_that_runs_fast_or_slow_is_followed_within_a_second_a_day(ppm: int, seed: int) -> None:
    chance = random.Random(seed)
    delays = [chance.randrange(200_000) for _ in range(1200)]  # ten minutes
    feed = Feed(delays, ppm)
    assert feed.clock is not None
    start_90k, arrival_us = feed.records[-1]
    error_us = feed.clock.wall_us(start_90k + HALF_90K - HALF_90K // 12) - arrival_us
    # Behind by one minute's drift, and by the network's delay.
    assert abs(error_us) < 60 * 500 + 250_000


@given(st.integers(0, 1 << 44), st.integers(0, 1 << 40), st.integers(-MAX_PPM, MAX_PPM), st.integers(0, 1 << 30))
def test_wall_time_never_goes_back_within_a_segment(start_us: int, at_90k: int, ppm: int, step_90k: int) -> None:
    assert wall_us(start_us, 0, ppm, at_90k) <= wall_us(start_us, 0, ppm, at_90k + step_90k)


@settings(max_examples=30, deadline=None)
@given(delays_us, st.integers(20, 250), st.integers(3 * SECOND_US, DAY_US))
def test_a_clock_set_back_changes_nothing_in_the_run_that_was_open(delays: list[int], when: int, step_us: int) -> None:
    """The cut at the next keyframe is test_recorder_service's; until it comes, media time alone counts."""
    plain, stepped = Feed(delays), Feed(delays, wall_step=(when, -step_us))
    assert stepped.clock is not None and plain.clock is not None
    if when < len(delays):
        assert stepped.clock.stepped
    assert not stepped.lost
    # Same start; after the step no segment leans any more, so the two part by drift that was not corrected, at most.
    assert stepped.ends[0][0] == plain.ends[0][0]
    spread_us = abs(stepped.ends[-1][1] - plain.ends[-1][1])
    assert spread_us <= len(delays) * 500_000 * 2 * MAX_PPM // 1_000_000


@settings(max_examples=30, deadline=None)
@given(delays_us, st.integers(LOST_US + SECOND_US, DAY_US))
def test_a_clock_set_far_forward_is_never_followed_beyond_500_ppm(delays: list[int], step_us: int) -> None:
    plain, stepped = Feed(delays), Feed(delays, wall_step=(60, step_us))
    assert abs(stepped.ends[-1][1] - plain.ends[-1][1]) <= len(delays) * 500_000 * 2 * MAX_PPM // 1_000_000


def test_a_clock_that_parts_for_a_whole_segment_ends_the_run() -> None:
    assert Feed([0] * 400, wall_step=(120, LOST_US + SECOND_US)).lost


@pytest.fixture
def london() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/London"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    "turn_us", [1_774_746_000 * SECOND_US, 1_792_890_000 * SECOND_US]
)  # 2026-03-29, 2026-10-25, 01:00Z
def test_summer_time_changes_nothing(turn_us: int, london: None) -> None:
    clock = RunClock(record(0, turn_us - 5 * SECOND_US))
    shown = []
    for index in range(40):
        clock.see(record(index * HALF_90K, turn_us - 5 * SECOND_US + index * 500_000))
        shown.append(clock.wall_us(index * HALF_90K))
    steps = {after - before for before, after in pairwise(shown[12:])}
    assert steps == {500_000}
    assert not clock.stepped and not clock.lost


@given(st.integers(0, 0xFFFF_FFFF), st.integers(1, 40), st.integers(0, 200))
def test_rtp_time_goes_on_over_its_32_bits_any_number_of_times(first: int, hours: int, seed: int) -> None:
    timeline = Timeline()
    step_90k = 90_000 * 9 // 10  # a picture each 0.9 s, so that some hours are quick
    frames = hours * 20
    base = (0xFFFF_FFFF - (first % (frames * step_90k))) & 0xFFFF_FFFF  # the wrap lies in here
    for index in range(frames):
        stamp = (base + index * step_90k) & 0xFFFF_FFFF
        assert timeline.place(stamp, index * 900_000 + seed) == index * step_90k


@settings(max_examples=20, deadline=None)
@given(st.integers(-DAY_US * 400, DAY_US * 400), st.integers(0, 29))
def test_a_camera_clock_far_off_or_missing_changes_no_picture_and_no_time(error_us: int, at: int) -> None:
    shown = film(frames=30)
    packer = Packetizer(shown.codec)
    packets = [b"".join(packer.picture(picture)) for picture in shown.pictures]
    report = sender_report(START_US + error_us, 0)
    silent, speaking = Depacketizer(shown.codec, 96), Depacketizer(shown.codec, 96)
    without = [unit for packet in packets for unit in silent.feed(packet)]
    beside = [unit for index, packet in enumerate(packets) for unit in speaking.feed(packet + report * (index == at))]
    assert without == beside and not silent.reports
    news = parse_rtcp(speaking.reports[0]).report
    assert news is not None and abs(news.camera_us - START_US - error_us) <= 1  # kept as evidence, to a microsecond
    one, other = Timeline(), Timeline()
    for index, (unit, same) in enumerate(zip(without, beside, strict=True)):
        assert one.place(unit.timestamp, index * 40_000) == other.place(same.timestamp, index * 40_000)


@given(st.integers(-20, 20).map(lambda hours: hours * HOUR_US + 3 * SECOND_US))
def test_the_wall_clock_may_step_but_the_timeline_of_a_camera_does_not_hear_of_it(step_us: int) -> None:
    clock = SimulatedClock()
    timeline = Timeline()
    for index in range(600):
        if index == 300:
            clock.step(step_us)
        assert timeline.place(index * 3600, clock.monotonic_us()) == index * 3600
        clock.advance(40_000)


@given(st.integers(2 * SECOND_US, 1000 * SECOND_US), st.booleans())
def test_a_jump_of_the_camera_s_media_time_ends_the_run_either_way(jump_us: int, back: bool) -> None:
    timeline = Timeline()
    for index in range(100):
        assert timeline.place(1_000_000_000 + index * 3600, index * 40_000) is not None
    ticks = 99 * 3600 + 3600 + (-1 if back else 1) * jump_us * 9 // 100
    assert timeline.place((1_000_000_000 + ticks) & 0xFFFF_FFFF, 100 * 40_000) is None


@given(st.integers(0, 900_000), st.integers(0, 900_000))
def test_less_than_a_second_is_no_jump(late_us: int, early_us: int) -> None:
    timeline = Timeline()
    ticks = [0, 3600, 3600 + late_us * 9 // 100 + 1]
    assert [timeline.place(tick, index * 40_000) for index, tick in enumerate(ticks)] == ticks


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), delays_us)
def test_an_import_keeps_the_start_it_was_given(hours: int, delays: list[int]) -> None:
    start_us = START_US - hours * HOUR_US
    clock = RunClock(record(0, START_US), start_us=start_us)
    for index, delay_us in enumerate(delays):
        clock.see(record(index * HALF_90K, START_US + delay_us + index * 9))
    assert clock.run_start_us == clock.start_us == start_us and clock.rate_ppm == 0 and not clock.lost
