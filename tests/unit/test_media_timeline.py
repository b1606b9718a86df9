"""Media time: wraps, B-frames, jumps, and what is none."""

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US
from belvedere.media.access_unit import AccessUnit
from belvedere.media.timeline import Reorder, Timeline

UNIT = AccessUnit(b"", 0, False, True, False, ())


@given(st.integers(0, 0xFFFF_FFFF), st.integers(1, 400))
def test_ticks_go_on_over_the_wrap(first: int, frames: int) -> None:
    timeline = Timeline()
    for index in range(frames):
        assert timeline.place((first + index * 3600) & 0xFFFF_FFFF, index * 40_000) == index * 3600


def test_another_clock_rate_is_turned_into_90_khz() -> None:
    timeline = Timeline(1000)
    assert [timeline.place(index * 40, index * 40_000) for index in range(3)] == [0, 3600, 7200]


def _units(first: int, steps: list[int]) -> list[AccessUnit]:
    times = [(first + sum(steps[: n + 1])) & 0xFFFF_FFFF for n in range(len(steps))]
    return [AccessUnit(b"", timestamp, False, True, False, ()) for timestamp in times]


@given(
    st.sampled_from((0, 90_000, 0xFFFF_0000)),
    st.lists(st.sampled_from((3600, 3600, 89_999, 90_000, 90_001, 0, -3600)), max_size=12),
    st.sampled_from((3600, 180_000, 270_000, 270_001, -3600)),
    st.sampled_from((40_000, 9_999_999, 10_000_000)),
)
def test_pictures_of_one_read_are_placed_together_as_one_by_one(
    first: int, steps: list[int], then: int, at_us: int
) -> None:
    together, apart = Timeline(), Timeline()
    units = _units(first, steps)
    assert together.place(first, 0) == apart.place(first, 0) == 0
    placed = together.follow(units, 0, at_us)
    assert placed == [apart.place(unit.timestamp, at_us) for unit in units[: len(placed)]]
    assert len(placed) == len(units) or at_us >= 10_000_000 or not 0 < steps[len(placed)] <= 90_000
    for unit in _units(units[len(placed) - 1].timestamp if placed else first, [then, 3600, 3600]):
        for when_us in (at_us, 20_500_000):  # the second weighs what was furthest ahead
            assert together.place(unit.timestamp, when_us) == apart.place(unit.timestamp, when_us)


def test_jumps_either_way() -> None:
    for step in (2 * 90_000, -2 * 90_000):
        timeline = Timeline()
        timeline.place(500_000, 0)
        timeline.place(503_600, 40_000)
        assert timeline.place(503_600 + step, 80_000) is None


def test_a_stall_and_its_catching_up_are_no_jump() -> None:
    timeline = Timeline()
    ticks = [timeline.place(index * 3600, index * 40_000) for index in range(50)]
    ticks += [timeline.place(index * 3600, 6_000_000) for index in range(50, 150)]
    assert ticks == [index * 3600 for index in range(150)]


def test_pre_roll_at_connect_is_no_jump_and_neither_is_the_time_after() -> None:
    timeline = Timeline()
    for index in range(200):  # 8 s at once
        assert timeline.place(index * 3600, 0) is not None
    for index in range(200, 2000):
        assert timeline.place(index * 3600, (index - 200) * 40_000) is not None


def test_slow_cameras_are_no_jump() -> None:
    timeline = Timeline()
    for index in range(20):  # a picture each 5 s
        assert timeline.place(index * 450_000, index * 5 * SECOND_US) is not None


def test_a_camera_that_froze_for_three_seconds_has_slipped() -> None:
    timeline = Timeline()
    for index in range(500):
        assert timeline.place(index * 3600, index * 40_000) is not None
    results = [timeline.place(index * 3600, index * 40_000 + 3 * SECOND_US) for index in range(500, 1200)]
    assert None in results


def test_drift_within_500_ppm_goes_on_for_a_day_and_more_does_not() -> None:
    for ppm, holds in ((300, True), (-300, True), (2000, False)):
        timeline = Timeline()
        placed = [timeline.place(index * 90_000 & 0xFFFF_FFFF, index * (SECOND_US + ppm)) for index in range(3600 * 12)]
        assert (None not in placed) is holds


def orders(pts: list[int], declared: int | None) -> list[tuple[int, int]]:
    reorder = Reorder(declared)
    settled = []
    for value in pts:
        settled += reorder.push(UNIT, value, 0)
    settled += reorder.flush()
    return [(dts, cts) for _, dts, cts, _ in settled]


def test_without_b_frames_nothing_waits() -> None:
    reorder = Reorder(0)
    assert not reorder.allowed
    assert [reorder.push(UNIT, value, 0)[0][1] for value in (0, 3600, 7200)] == [0, 3600, 7200]
    assert reorder.straight(10_800) and not reorder.straight(10_800)


@given(st.integers(1, 3), st.integers(1, 12))
def test_decode_times_are_the_sorted_presentation_times(b_frames: int, groups: int) -> None:
    pts = [0]
    for group in range(groups):
        base = group * (b_frames + 1)
        pts += [base + b_frames + 1, *range(base + 1, base + b_frames + 1)]
    placed = orders(pts, 1)
    assert [dts for dts, _ in placed] == sorted(pts)
    assert [dts + cts for dts, cts in placed] == pts


def test_an_undeclared_depth_is_learned_and_times_never_go_back() -> None:
    pts = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    placed = orders(pts, None)
    times = [dts for dts, _ in placed]
    assert times == sorted(times)
    assert [dts + cts for dts, cts in placed] == pts
    assert times[4:] == [4, 5, 6, 7, 8, 9]


def test_a_declared_but_unused_depth_is_given_up() -> None:
    reorder = Reorder(2)
    for index in range(300):
        reorder.push(UNIT, index, 0)
    assert reorder.depth == 0 and not reorder.b_frames
    assert len(reorder.push(UNIT, 300, 0)) == 1


@given(st.lists(st.integers(0, 1000), max_size=60), st.one_of(st.none(), st.integers(0, 16)))
def test_any_order_keeps_every_picture_and_never_goes_back(pts: list[int], declared: int | None) -> None:
    placed = orders(pts, declared)
    assert [dts + cts for dts, cts in placed] == pts
    times = [dts for dts, _ in placed]
    assert times == sorted(times)
