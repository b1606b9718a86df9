"""From a recorder's clock to true time: names, zones, summer time, the clock's error. Mostly properties."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from belvedere.foundation.errors import BadInput
from belvedere.site.imports.names import PRESETS, NameParts, NamePattern, fitting_preset
from belvedere.site.imports.walltime import (
    Special,
    choose,
    covered_us,
    free_spans,
    local_of,
    moments,
    nearest,
    offset_of_clocks,
    parse_offset,
    parse_zone,
    show_offset,
    to_us,
)

LONDON = ZoneInfo("Europe/London")
ZONES = [LONDON, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), UTC]
YEAR_2000, YEAR_2037 = 946_684_800, 2_114_380_800
times = st.integers(YEAR_2000, YEAR_2037).map(lambda seconds: seconds * SECOND_US)
zones = st.sampled_from(ZONES)


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


@given(times, zones)
@example(us("2024-10-27T00:30:00+00:00"), LONDON)
@example(us("2024-10-27T01:30:00+00:00"), LONDON)
def test_what_a_clock_shows_means_the_moment_that_it_showed(moment: int, zone: ZoneInfo) -> None:
    shown = local_of(moment, zone)
    meant = moments(shown, zone)
    assert moment in meant.all_us and meant.special is not Special.NEVER
    assert list(meant.all_us) == sorted(set(meant.all_us))
    assert nearest(meant, moment) == moment
    assert all(local_of(each, zone) == shown for each in meant.all_us)


@given(times, st.integers(-14 * 60, 14 * 60))
def test_a_zone_without_summer_time_has_one_meaning_everywhere(moment: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    assert moments(local_of(moment, zone), zone).all_us == (moment,)


@given(times, times, zones)
def test_later_shown_is_later_meant_but_for_the_hour_that_came_twice(one: int, other: int, zone: ZoneInfo) -> None:
    a, b = sorted((local_of(one, zone), local_of(other, zone)))
    first, second = moments(a, zone), moments(b, zone)
    assume(not first.special and not second.special and a != b)
    assert first.all_us[0] < second.all_us[0]


def test_summer_time_in_london() -> None:
    twice = moments(naive("2024-10-27T01:30:00"), LONDON)
    assert twice.special is Special.TWICE
    assert twice.all_us == (us("2024-10-27T00:30:00Z"), us("2024-10-27T01:30:00Z"))
    never = moments(naive("2024-03-31T01:30:00"), LONDON)
    assert (never.special, never.all_us) == (Special.NEVER, (us("2024-03-31T01:30:00Z"),))
    assert moments(naive("2024-07-01T12:00:00"), LONDON).all_us == (us("2024-07-01T11:00:00Z"),)
    assert moments(datetime(2024, 7, 1, 12, tzinfo=UTC), LONDON).all_us == (us("2024-07-01T12:00:00Z"),)


def test_the_second_hour_is_told_by_what_came_before() -> None:
    twice = moments(naive("2024-10-27T01:30:00"), LONDON)
    first, second = twice.all_us
    assert choose(twice, None) == first
    assert choose(twice, first - HOUR_US) == first
    assert choose(twice, first + 3 * SECOND_US) == first, "names tell whole seconds"
    assert choose(twice, first + 15 * MINUTE_US) == second
    assert choose(twice, second + HOUR_US) == first, "nothing fits: the first"


offsets = st.integers(-300 * DAY_US, 300 * DAY_US)


@given(offsets)
def test_an_offset_is_read_as_it_is_shown(offset: int) -> None:
    assert parse_offset(show_offset(offset)) == offset


@given(times, offsets)
def test_two_clocks_give_the_offset_between_them(moment: int, offset: int) -> None:
    zone = UTC
    shows, really = (local_of(each, zone).isoformat() for each in (moment, moment + offset))
    assert offset_of_clocks(shows, really, zone) == offset


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-3m20s", -200 * SECOND_US),
        ("+1h", HOUR_US),
        ("90s", 90 * SECOND_US),
        ("-2d3h", -51 * HOUR_US),
        ("0.25s", 250_000),
        ("+0s", 0),
    ],
)
def test_offsets(text: str, value: int) -> None:
    assert parse_offset(text) == value


@pytest.mark.parametrize("text", ["", "3", "-", "3x", "1m1h", "99999d", "1.5h", "--3s"])
def test_offsets_that_are_none(text: str) -> None:
    with pytest.raises(BadInput):
        parse_offset(text)


def test_zones() -> None:
    assert parse_zone("UTC") is UTC and parse_zone("Europe/London") == LONDON
    assert parse_zone("+05:30") == timezone(timedelta(hours=5, minutes=30))
    assert parse_zone("UTC-3") == timezone(timedelta(hours=-3))
    for text in ("Europe/Londno", "", "+25:00", "+01:75", "../etc/passwd", "/etc/localtime"):
        with pytest.raises(BadInput):
            parse_zone(text)


def test_a_clock_at_an_hour_that_came_twice_must_say_which() -> None:
    for shows in ("2024-10-27T01:30:00", "2024-03-31T01:30:00"):
        with pytest.raises(BadInput):
            offset_of_clocks(shows, "2024-06-01T12:00:00", LONDON)
    assert offset_of_clocks("2024-10-27T01:30:00+01:00", "2024-10-27T00:27:00Z", LONDON) == -3 * MINUTE_US


spans = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(1, 200)).map(lambda each: (each[0], sum(each))), max_size=8
)


@given(spans, st.integers(0, 1000), st.integers(1, 300))
def test_free_and_taken_make_the_whole(taken: list[tuple[int, int]], start: int, length: int) -> None:
    free = free_spans(taken)
    for at in range(0, 1300, 7):
        assert any(a <= at < b for a, b in free) != any(a <= at < b for a, b in taken)
    assert all(a < b for a, b in free) and list(free) == sorted(free)
    inside = sum(any(a <= at < b for a, b in taken) for at in range(start, start + length))
    assert covered_us(start, start + length, taken) == inside


# Names.


@pytest.mark.parametrize(
    ("preset", "path", "channel", "stream", "start", "end"),
    [
        ("dvr", "CH01_20241105_201500_203000.avi", "1", "", "2024-11-05T20:15:00", "2024-11-05T20:30:00"),
        ("dvr", "x/y/ch16_20241231_235500_001000.AVI", "16", "", "2024-12-31T23:55:00", "2025-01-01T00:10:00"),
        (
            "nvr",
            "NVR_ch3_main_20241105201500_20241105203000.mp4",
            "3",
            "main",
            "2024-11-05T20:15:00",
            "2024-11-05T20:30:00",
        ),
        (
            "nvr",
            "Old_NVR_ch3_sub_20241105201500_20241105203000.dav",
            "3",
            "sub",
            "2024-11-05T20:15:00",
            "2024-11-05T20:30:00",
        ),
        (
            "dahua",
            "disk/2024-11-05/001/dav/20/20.15.00-20.30.00[M][0@0][0].dav",
            "1",
            "",
            "2024-11-05T20:15:00",
            "2024-11-05T20:30:00",
        ),
        (
            "dahua-day",
            "2024-11-05/20.15.00-20.30.00[R][0@0][0].dav",
            "",
            "",
            "2024-11-05T20:15:00",
            "2024-11-05T20:30:00",
        ),
        (
            "reolink",
            "RecM01_20241105_201500_203000_0_A1.mp4",
            "1",
            "main",
            "2024-11-05T20:15:00",
            "2024-11-05T20:30:00",
        ),
        ("reolink", "RecS02_20241105_201500_203000.mp4", "2", "sub", "2024-11-05T20:15:00", "2024-11-05T20:30:00"),
    ],
)
def test_presets(preset: str, path: str, channel: str, stream: str, start: str, end: str) -> None:
    told = NamePattern(PRESETS[preset].pattern).match(path)
    assert told == NameParts(channel, stream, naive(start), naive(end))


def test_a_name_without_a_time() -> None:
    assert NamePattern(PRESETS["hikvision"].pattern).match("a/hiv00001.mp4") == NameParts("", "", None, None)


@pytest.mark.parametrize(
    ("pattern", "path", "start"),
    [
        ("{camera}/{start:YYMMDD}-{start:hhmm}.ts", "Yard/241105-2015.ts", "2024-11-05T20:15:00"),
        ("{start:DD.MM.YYYY hh.mm.ss.fff} *", "05.11.2024 20.15.00.250 a.mp4", "2024-11-05T20:15:00.250000"),
        ("{start:YYYYMMDD}*{start:hh}h.mkv", "2024110500x20h.mkv", "2024-11-05T20:00:00"),
        ("c{ch}_{start:unix}.mp4", "c3_1730837700.mp4", "2024-11-05T20:15:00+00:00"),
        ("c{ch}_{start:unix}.mp4", "c3_1730837700500.mp4", "2024-11-05T20:15:00.500000+00:00"),
        ("?{ch}_[{start:YYYYMMDDhhmmss}].mp4", "a3_[20241105201500].mp4", "2024-11-05T20:15:00"),
    ],
)
def test_patterns(pattern: str, path: str, start: str) -> None:
    told = NamePattern(pattern).match(path)
    assert told is not None and told.start == datetime.fromisoformat(start)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("CH{ch}_{start:YYYYMMDD_hhmmss}.avi", "CH1_20241305_201500.avi"),  # no such month
        ("CH{ch}_{start:YYYYMMDD_hhmmss}.avi", "CH1_20241105_201500_extra.avi"),
        ("{start:YYYY-MM-DD}/{start:YYYYMMDD_hhmmss}.avi", "2024-11-04/20241105_201500.avi"),  # contradicts itself
        ("{ch}/{start:YYYYMMDDhhmm}.avi", "202411052015.avi"),  # lies in no folder
        ("{start:YYYYMMDDhhmm}-{end:YYYYMMDDhhmm}.avi", "202411052015-202411052010.avi"),  # ends before it begins
        ("{start:YYYYMMDDhhmm}-{end:unix}.avi", "202411052015-1730837700.avi"),  # in two kinds of time
    ],
)
def test_names_that_do_not_fit(pattern: str, path: str) -> None:
    assert NamePattern(pattern).match(path) is None


@pytest.mark.parametrize(
    "pattern", ["", "x" * 400, "{channel}", "{start}", "{start:}", "{ch:02}", "a{b", "{end:hhmm}", "}"]
)
def test_patterns_that_make_no_sense(pattern: str) -> None:
    with pytest.raises(BadInput):
        NamePattern(pattern)


@given(st.text(max_size=120))
def test_any_name_is_taken(name: str) -> None:
    for preset in PRESETS.values():
        NamePattern(preset.pattern).match(name)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_pattern_is_refused_or_compared(pattern: str, name: str) -> None:
    try:
        made = NamePattern(pattern)
    except BadInput:
        return
    made.match(name)


def test_the_preset_is_recognised() -> None:
    names = ["CH01_20241105_201500_203000.avi", "CH02_20241105_201500_203000.avi", "readme.txt"]
    assert fitting_preset(names) == ("dvr", 2)
    assert fitting_preset(["a.mp4"]) == ("", 0) and fitting_preset([]) == ("", 0)
