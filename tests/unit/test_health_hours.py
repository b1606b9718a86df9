"""What was recorded of what should have been: exact to the microsecond, planned work apart."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from belvedere.site.health.clocks import drift_ppm
from belvedere.site.health.history import month_spans
from belvedere.site.health.hours import (
    MANY_SHORT,
    MOST_HOLES,
    HourRecord,
    MonthSum,
    RunSpan,
    Samples,
    coverage,
    hour_record,
    overlap_us,
    pack_day,
    unpack_day,
    within,
)

NOON = 1_795_348_800 * SECOND_US  # 2026-11-22T12:00:00Z


def test_holes_carry_the_reason_of_the_run_before() -> None:
    runs = [RunSpan(0, 10, "camera_closed"), RunSpan(20, 30, "crash"), RunSpan(25, 50, "")]
    found = coverage(runs, [(5, 60)])
    assert found.recorded_us == 5 + 30
    assert [(hole.start_us, hole.end_us, hole.reason) for hole in found.holes] == [
        (10, 20, "camera_closed"),
        (50, 60, "off_line"),
    ]
    assert coverage([], [(0, 7)]).holes[0].reason == "off_line"
    assert coverage(runs, []).recorded_us == 0


SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 80)), max_size=8)


@given(SPANS, SPANS)
def test_coverage_agrees_with_counting(runs: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> None:
    """Against the plainest way: one microsecond at a time."""
    spans: list[tuple[int, int]] = []
    for start, length in sorted(wanted):
        if not spans or start > spans[-1][1]:
            spans.append((start, start + length))
    made = [RunSpan(start, start + length, "x") for start, length in sorted(runs)]
    there = {us for run in made for us in range(run.start_us, run.end_us)}
    due = [us for start, end in spans for us in range(start, end)]
    found = coverage(made, spans)
    assert found.recorded_us == sum(us in there for us in due)
    assert [us for hole in found.holes for us in range(hole.start_us, hole.end_us)] == [
        us for us in due if us not in there
    ]
    assert overlap_us([(a, a + b) for a, b in runs], 50, 200) == len(there & set(range(50, 200)))


@given(SPANS, st.lists(st.tuples(st.integers(0, 300), st.integers(1, 80)), max_size=4))
def test_a_month_adds_up(runs: list[tuple[int, int]], outages: list[tuple[int, int]]) -> None:
    made = [RunSpan(NOON + a * SECOND_US, NOON + (a + b) * SECOND_US, "crash") for a, b in sorted(runs)]
    spans = [(NOON, NOON + 400 * SECOND_US)]
    record = hour_record(coverage(made, spans), 400 * SECOND_US, NOON, Samples())
    total = MonthSum()
    total.add(record, NOON, [(NOON + a * SECOND_US, NOON + (a + b) * SECOND_US) for a, b in outages])
    month = total.month("2026-11")
    assert month.recorded_us + month.planned_us + month.missing_us == month.expected_us == 400 * SECOND_US
    assert sum(month.reasons.values()) == month.missing_us >= 0


def test_an_hour_of_many_holes_stays_small_and_adds_up() -> None:
    runs = [RunSpan(NOON + n * SECOND_US, NOON + n * SECOND_US + 900_000, "camera_closed") for n in range(3600)]
    record = hour_record(coverage(runs, [(NOON, NOON + HOUR_US)]), HOUR_US, NOON, Samples())
    assert len(record.holes) == MOST_HOLES and record.gaps == 0
    total = MonthSum()
    total.add(record, NOON, [(NOON, NOON + MINUTE_US)])
    month = total.month("2026-11")
    assert month.missing_us + month.planned_us == 360 * SECOND_US and month.reasons[MANY_SHORT] > 300 * SECOND_US
    whole = MonthSum()
    whole.add(record, NOON, [(NOON - 1, NOON + HOUR_US)])
    assert whole.month("2026-11").missing_us == 0, "the whole hour was planned"
    packed = pack_day({hour: record for hour in range(24)})
    assert unpack_day(packed)[5] == record and len(packed) < 24_000
    quiet = HourRecord(HOUR_US, HOUR_US, 0, (), 720, 25.0, 4e6, 2.0, 0, 0, 120_000)
    assert len(pack_day(dict.fromkeys(range(24), quiet))) < 1_600


def test_samples_go_on_after_a_restart() -> None:
    first, second = Samples(), Samples()
    first.add(20.0, 1e6, 1.0)
    second.add(10.0, 3e6, 3.0)
    second.reconnects = 2
    second.take_in(first.record())
    record = second.record()
    assert (record.samples, record.fps, record.bits_per_second, record.gop_seconds, record.reconnects) == (
        2,
        15.0,
        2e6,
        2.0,
        2,
    )


def test_drift_of_a_clock() -> None:
    points = [(n * 900 * SECOND_US, n * 900 * 40.0) for n in range(20)]
    assert drift_ppm(points) == 40.0
    stepped = [(at, error - (5e6 if n >= 10 else 0)) for n, (at, error) in enumerate(points)]
    assert drift_ppm(stepped) == 40.0, "set right once, it drifts as before"
    assert drift_ppm(points[:3]) is None


def test_months_are_calendar_months() -> None:
    spans = month_spans(NOON, 13)
    assert [name for name, _ in spans][:2] == ["2025-11", "2025-12"] and spans[-1][0] == "2026-11"
    assert all(a[1] == b[0] for (_, a), (_, b) in pairwise(spans))
    assert spans[-1][1][0] <= NOON < spans[-1][1][1] and spans[3][1][1] - spans[3][1][0] == 28 * DAY_US
    assert within([(0, 10), (20, 30)], 5, 25) == [(5, 10), (20, 25)]
