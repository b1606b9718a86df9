"""Times as ONVIF writes them, and what a camera's clock is found to be off by."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.foundation.errors import CameraProtocol
from belvedere.site.onvif.events import WANTED_LIFETIME_US, lifetime_us
from belvedere.site.onvif.markup import parse
from belvedere.site.onvif.times import (
    ClockMeter,
    parse_date_and_time,
    parse_duration,
    parse_time,
    write_duration,
    write_time,
)

NOW = 1_790_000_000 * SECOND_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_DAYS = timedelta(days=365)
_MOMENTS = st.datetimes(min_value=_EPOCH - 1900 * _DAYS, max_value=_EPOCH + 8000 * _DAYS)


@given(_MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_a_moment_is_read_in_any_zone(moment: datetime, zone_minutes: int) -> None:
    true_us = (moment - _EPOCH) // timedelta(microseconds=1)
    local = moment + timedelta(minutes=zone_minutes)
    sign = "-" if zone_minutes < 0 else "+"
    hours, minutes = divmod(abs(zone_minutes), 60)
    text = f"{local.isoformat(timespec='microseconds')}{sign}{hours:02d}:{minutes:02d}"
    assert parse_time(text) == true_us
    assert parse_time(write_time(true_us)) == true_us // 1000 * 1000
    assert parse_time(local.isoformat()) - true_us == zone_minutes * MINUTE_US  # no zone is UTC


@given(st.integers(1, 10**9))
def test_a_duration_comes_back(seconds: int) -> None:
    assert parse_duration(write_duration(seconds * SECOND_US)) == seconds * SECOND_US


@given(st.text(alphabet="PT0123456789YMDHS.:+-Z ", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_time_or_our_error(text: str) -> None:
    for read in (parse_time, parse_duration):
        try:
            assert isinstance(read(text), int)
        except CameraProtocol as error:
            assert error.advice


def test_forms_of_the_standard() -> None:
    day = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * SECOND_US
    assert parse_time(" 2026-03-01T00:00:00Z ") == day == parse_time("2026-02-28T24:00:00Z")
    assert parse_time("2026-02-28T23:59:60Z") == day - SECOND_US
    assert parse_time("2026-03-01T00:00:00.1234567891Z") == day + 123_456
    assert parse_duration("P1DT2H3M4.5S") == 93_784_500_000 and parse_duration("-PT1S") == -SECOND_US
    assert parse_duration("P1Y2M") == 425 * 86_400 * SECOND_US
    for bad in ("", "P", "PT", "P1S", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00+15:00", "2026-02-30T00:00:00Z"):
        with pytest.raises(CameraProtocol):
            (parse_duration if bad.startswith("P") or not bad else parse_time)(bad)
    with pytest.raises(ValueError, match="calendar"):
        write_time(1 << 70)


def test_the_clock_of_a_device_is_read() -> None:
    body = (
        "<r><UTCDateTime><Time><Hour>7</Hour><Minute>2</Minute><Second>46</Second></Time><Date><Year>2026</Year>"
        "<Month>11</Month><Day>22</Day></Date></UTCDateTime></r>"
    )
    assert parse_date_and_time(parse(body.encode())) == parse_time("2026-11-22T07:02:46Z")
    for broken in (body.replace("2026", "20266"), body.replace("<Day>22", "<Day>32"), body.replace("46", ""), "<r/>"):
        with pytest.raises(CameraProtocol):
            parse_date_and_time(parse(broken.encode()))


@given(
    error_us=st.integers(-(10**13), 10**13),
    ways=st.lists(
        st.tuples(st.integers(0, 900_000), st.integers(0, 900_000), st.integers(0, 120)), min_size=1, max_size=30
    ),
    drift_ppm=st.integers(-90, 90),
)
def test_the_true_error_always_lies_within_the_uncertainty(
    error_us: int, ways: list[tuple[int, int, int]], drift_ppm: int
) -> None:
    meter, site_us, monotonic_us = ClockMeter(), NOW, 0
    for there_us, back_us, pause_s in ways:
        site_us += pause_s * SECOND_US + 31_337
        monotonic_us += pause_s * SECOND_US + 31_337
        true_us = error_us + monotonic_us * drift_ppm // 1_000_000
        sent_us, answered_us = site_us, site_us + there_us
        site_us += there_us + back_us
        monotonic_us += there_us + back_us
        camera_us = (answered_us + true_us) // SECOND_US * SECOND_US
        told = meter.add(camera_us, sent_us, site_us, monotonic_us)
        assert abs(told.error_us - true_us) <= told.uncertainty_us + 1_000
        assert told.uncertainty_us <= SECOND_US // 2 + (there_us + back_us) // 2 + 1_000 and told.seen_us == site_us


def test_more_answers_tell_more_and_a_set_clock_is_noticed() -> None:
    meter, chance, site_us = ClockMeter(), random.Random(4), NOW
    told = None
    for _ in range(16):
        site_us += 59 * SECOND_US + chance.randrange(SECOND_US)
        told = meter.add((site_us + 95_250_000) // SECOND_US * SECOND_US, site_us, site_us + 4_000, site_us - NOW)
    assert told is not None and abs(told.error_us - 95_250_000) < 250_000 and told.uncertainty_us < 250_000
    told = meter.add((site_us + 10_000_000) // SECOND_US * SECOND_US, site_us, site_us + 4_000, site_us - NOW + 1)
    assert abs(told.error_us - 10_000_000) <= told.uncertainty_us + 4_000 and told.uncertainty_us > 490_000
    set_back = meter.add(NOW, NOW + 5 * SECOND_US, NOW, 0)  # our own clock was set while we waited
    assert set_back.uncertainty_us >= 0


@given(
    camera_error_s=st.integers(-(10**6), 10**6),
    granted_s=st.integers(-100, 100_000),
    reported_s=st.integers(-(10**6), 10**6),
)
def test_a_subscription_is_never_believed_to_live_longer_than_asked(
    camera_error_s: int, granted_s: int, reported_s: int
) -> None:
    camera_us = NOW + camera_error_s * SECOND_US
    life_us = lifetime_us(
        WANTED_LIFETIME_US,
        write_time(camera_us + reported_s * SECOND_US),
        write_time(camera_us + granted_s * SECOND_US),
        camera_us,
    )
    assert 10 * SECOND_US <= life_us <= WANTED_LIFETIME_US + MINUTE_US
    if 10 <= granted_s <= 660:
        assert life_us <= granted_s * SECOND_US  # never past the true end, whatever CurrentTime says


def test_broken_lives() -> None:
    def life(current: str, termination: str) -> int:
        return lifetime_us(WANTED_LIFETIME_US, current, termination, NOW) // SECOND_US

    now, later = write_time(NOW), write_time(NOW + 600 * SECOND_US)
    assert life(now, later) == 600
    assert life(write_time(NOW + 3600 * SECOND_US), later) == 600  # a CurrentTime in the wrong zone
    assert life(now, write_time(NOW - SECOND_US)) == 60  # past already
    assert life("", later) == 600 and life(now, "") == 60
    assert life(now, write_time(NOW + 30 * SECOND_US)) == 30  # what was asked for was ignored
