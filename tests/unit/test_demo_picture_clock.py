"""The clock in the pictures: London's, with each camera's error."""

from datetime import UTC, date, datetime

import pytest

from belvedere.demo.cameras import camera_by_id
from belvedere.demo.films import camera_clock, midnight_us
from belvedere.demo.picture.clock import clock_text
from belvedere.foundation.clock import SECOND_US


def us(*at: int) -> int:
    return round(datetime(*at, tzinfo=UTC).timestamp()) * SECOND_US  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("at", "reads"),
    [
        ((2026, 1, 5, 12, 0, 0), "05-01-2026 12:00:00"),
        ((2026, 3, 29, 0, 59, 59), "29-03-2026 00:59:59"),
        ((2026, 3, 29, 1, 0, 0), "29-03-2026 02:00:00"),
        ((2026, 10, 25, 0, 59, 59), "25-10-2026 01:59:59"),
        ((2026, 10, 25, 1, 0, 0), "25-10-2026 01:00:00"),
    ],
)
def test_summer_time_begins_and_ends_when_london_says(at: tuple[int, ...], reads: str) -> None:
    assert clock_text(us(*at)) == reads


def test_a_camera_writes_its_wrong_time() -> None:
    plan = camera_by_id("rowan-court")
    assert plan.clock_error_s == 37.5
    reads = camera_clock(plan, date(2026, 11, 21))
    assert reads(20 * 3600) == "21-11-2026 20:00:37"
    assert reads(24.5 * 3600) == "22-11-2026 00:30:37"


def test_the_night_of_a_summer_day_begins_an_hour_before_utc_midnight() -> None:
    assert midnight_us(date(2026, 7, 1)) == us(2026, 6, 30, 23)
    assert midnight_us(date(2026, 11, 21)) == us(2026, 11, 21)
