"""HLS text, byte ranges, openings and timelines: the pure part of review."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import MINUTE_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput
from belvedere.hub.review.byterange import MAX_RANGE_BYTES, read_range
from belvedere.hub.review.looks import Look, Why, ending
from belvedere.hub.review.openings import IDLE_US, MOST, MOST_PIECES, MOST_SPANS, Opener, Openings
from belvedere.hub.review.playlist import Stretch, stretches, write_playlist
from belvedere.hub.review.timeline import draw
from belvedere.link.messages import CameraTimeline, Piece, Playlist, Run
from belvedere.media.stream import EndReason

NINE = 1_795_381_200 * SECOND_US  # 2026-11-22T21:00:00Z


def piece(
    at_s: float, *, segment: int = 7, run: int = 1, config: str = "aaaa", start: int = 0, length: int = 100
) -> Piece:
    return Piece(segment, config, run, NINE + int(at_s * SECOND_US), 2 * SECOND_US, 0, start, start + length)


GOLDEN = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="sub/init/aaaa.mp4?grant=grant_1%26x"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T21:00:00.000Z
#EXTINF:2.000000,
#EXT-X-BYTERANGE:100@0
sub/7.m4s?grant=grant_1%26x
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T21:00:02.000Z
#EXTINF:2.000000,
#EXT-X-BYTERANGE:100@100
sub/7.m4s?grant=grant_1%26x
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T21:00:10.500Z
#EXTINF:2.000000,
#EXT-X-BYTERANGE:50@0
sub/8.m4s?grant=grant_1%26x
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="sub/init/bbbb.mp4?grant=grant_1%26x"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T21:00:12.500Z
#EXTINF:2.000000,
#EXT-X-BYTERANGE:50@0
sub/9.m4s?grant=grant_1%26x
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T21:00:20.000Z
#EXTINF:2.000000,
#EXT-X-BYTERANGE:50@50
sub/9.m4s?grant=grant_1%26x
#EXT-X-ENDLIST
"""


def test_the_playlist_to_the_letter() -> None:
    pieces = (
        piece(0),
        piece(2, start=100),
        piece(10.5, segment=8, run=2, length=50),  # a new run of the same configuration
        piece(12.5, segment=9, run=3, config="bbbb", length=50),  # a new configuration
        piece(20, segment=9, run=3, config="bbbb", start=50, length=50),  # footage of this run is gone before it
    )
    assert write_playlist(Playlist("gate", "sub", pieces, False), "grant_1&x", NINE + MINUTE_US) == GOLDEN


def test_a_playlist_that_grows() -> None:
    growing = Playlist("gate", "sub", (piece(0), piece(2)), True)
    text = write_playlist(growing, "g", NINE + MINUTE_US)
    assert text.count("#EXTINF") == 1  # the last GOP may still grow
    assert "#EXT-X-PLAYLIST-TYPE:EVENT\n" in text
    assert "#EXT-X-TARGETDURATION:4\n" in text
    assert "ENDLIST" not in text
    ended = write_playlist(growing, "g", NINE + 3 * SECOND_US)  # all that was asked for is there
    assert "VOD" in ended and ended.endswith("#EXT-X-ENDLIST\n")
    assert ended.count("#EXTINF") == 2


@pytest.mark.parametrize("pieces", [(), (piece(0),)])
def test_no_piece_no_playlist(pieces: tuple[Piece, ...]) -> None:
    with pytest.raises(ValueError, match="needs a piece"):
        write_playlist(Playlist("gate", "sub", pieces, True), "g", NINE + MINUTE_US)


def test_neighbouring_pieces_are_one_stretch() -> None:
    pieces = (piece(0), piece(2, start=100), piece(4, start=300), piece(6, segment=8))
    assert stretches(pieces) == (
        Stretch(7, 0, 200),
        Stretch(7, 300, 400),
        Stretch(8, 0, 100),
    )


@pytest.mark.parametrize(
    ("header", "span"),
    [("bytes=0-0", (0, 1)), ("bytes=100-299", (100, 300)), (" Bytes=5-9 ", (5, 10))],
)
def test_ranges_that_are_served(header: str, span: tuple[int, int]) -> None:
    assert read_range(header) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=5-",
        "bytes=-5",
        "bytes=9-5",
        "bytes=0-1,4-5",
        "lines=1-2",
        f"bytes=0-{MAX_RANGE_BYTES}",
    ],
)
def test_ranges_that_are_refused(header: str | None) -> None:
    with pytest.raises(BadInput):
        read_range(header)


@given(st.text(max_size=40))
def test_any_header_is_a_range_or_bad_input(header: str) -> None:
    try:
        start, end = read_range(header)
    except BadInput:
        return
    assert 0 <= start < end <= start + MAX_RANGE_BYTES


WHO = Opener("user_1", "grant_1", "gate", "sub")


def test_what_was_opened_may_be_read() -> None:
    clock = SimulatedClock()
    openings = Openings(clock)
    assert not openings.is_open(WHO, 0, 9)
    openings.add(WHO, [Stretch(7, 100, 200), Stretch(7, 200, 300), Stretch(8, 0, 50)], (0, 9))
    assert openings.is_open(WHO, 0, 9)
    assert not openings.is_open(WHO, 0, 10)
    assert openings.allows(WHO, Stretch(7, 100, 300))
    assert openings.allows(WHO, Stretch(7, 150, 250))
    assert not openings.allows(WHO, Stretch(7, 99, 101))
    assert not openings.allows(WHO, Stretch(7, 299, 301))
    assert not openings.allows(WHO, Stretch(9, 0, 1))
    assert not openings.allows(Opener("user_2", "grant_1", "gate", "sub"), Stretch(8, 0, 50))
    clock.advance(IDLE_US)
    assert openings.is_open(WHO, 0, 9)  # use keeps it open
    clock.advance(IDLE_US + 1)
    assert not openings.is_open(WHO, 0, 9)
    assert not openings.allows(WHO, Stretch(8, 0, 50))


def test_a_look_ends_once_with_what_was_shown_last() -> None:
    clock, told = SimulatedClock(), list[tuple[Look, Why]]()
    openings = Openings(clock, lambda look, why: told.append((look, why)))
    pieces = [piece(0, start=0), piece(2, start=100), piece(4, segment=8)]
    begun_us = clock.now_us()
    openings.add(WHO, stretches(pieces), (0, 9), entry=4, pieces=pieces)
    clock.advance(5 * SECOND_US)
    openings.add(WHO, [], (0, 10), entry=6)
    assert openings.allows(WHO, Stretch(7, 100, 200)) and openings.allows(WHO, Stretch(8, 0, 100))
    assert not openings.allows(WHO, Stretch(7, 0, 201))
    assert openings.grants() == {"grant_1"}
    last_us = clock.now_us()
    clock.advance(IDLE_US)
    openings.sweep(frozenset({"grant_2"}))
    assert told == []
    clock.advance(1)
    openings.sweep()
    openings.sweep()
    openings.close()
    [(look, why)] = told
    assert ending(look, why, clock.now_us()) == {
        "of": "playback",
        "grant": "grant_1",
        "camera": "gate",
        "stream": "sub",
        "first": 4,
        "last": 6,
        "opened_us": begun_us,
        "until_us": last_us,
        "why": "idle",
        "start_us": NINE + 2 * SECOND_US,
        "end_us": NINE + 6 * SECOND_US,
    }


def test_a_look_ends_with_its_access_with_the_hub_and_when_too_many_are_open() -> None:
    clock, told = SimulatedClock(), list[tuple[str, Why]]()
    openings = Openings(clock, lambda look, why: told.append((look.opener.grant, why)))
    for number in range(MOST + 1):
        openings.add(Opener("user_1", f"g{number}", "gate", "sub"), [], (0, 1), entry=number)
    assert told == [("g0", Why.IDLE)]
    openings.sweep(frozenset({"g1", "g0"}))
    assert told[1:] == [("g1", Why.ACCESS)]
    clock.advance(IDLE_US + 1)
    assert not openings.is_open(Opener("user_1", "g2", "gate", "sub"), 0, 1)
    assert told[2:] == [("g2", Why.IDLE)]
    openings.close()
    assert told[3:] == [(f"g{number}", Why.STOPPED) for number in range(3, MOST + 1)]


def test_of_footage_whose_playlist_was_forgotten_only_the_bytes_are_known() -> None:
    told: list[Look] = []
    openings = Openings(SimulatedClock(), lambda look, _: told.append(look))
    many = [piece(0)] * (MOST_PIECES // 2)
    for number in range(3):
        openings.add(Opener("u", f"g{number}", "gate", "sub"), stretches([piece(0)]), entry=number, pieces=many)
    for number in range(3):
        assert openings.allows(Opener("u", f"g{number}", "gate", "sub"), Stretch(7, 0, 100))
    openings.close()
    assert [look.seen_us for look in told] == [None, *[(NINE, NINE + 2 * SECOND_US)] * 2]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=30), st.integers(0, 40), st.integers(1, 9))
def test_byte_ranges_add_up(added: list[tuple[int, int]], start: int, length: int) -> None:
    openings = Openings(SimulatedClock())
    allowed: set[int] = set()
    for first, size in added:
        openings.add(WHO, [Stretch(1, first, first + size)])
        allowed |= set(range(first, first + size))
    assert openings.allows(WHO, Stretch(1, start, start + length)) == (set(range(start, start + length)) <= allowed)


def test_openings_are_bounded() -> None:
    openings = Openings(SimulatedClock())
    for number in range(MOST + 5):
        openings.add(Opener(str(number), "g", "gate", "sub"), [], (0, 1))
        openings.remember_grant(str(number), "g", 0, 1)
    assert not openings.is_open(Opener("4", "g", "gate", "sub"), 0, 1)
    assert openings.is_open(Opener("5", "g", "gate", "sub"), 0, 1)
    assert openings.grant_span("4", "g") is None
    assert openings.grant_span("5", "g") == (0, 1)
    for number in range(MOST_SPANS + 1):
        openings.add(WHO, [], (number, number + 1))
    assert not openings.is_open(WHO, 0, 1)
    assert openings.is_open(WHO, MOST_SPANS, MOST_SPANS + 1)


def run(start_s: int, end_s: int, reason: str = EndReason.CAMERA_CLOSED) -> Run:
    return Run(NINE + start_s * SECOND_US, NINE + end_s * SECOND_US, reason, False, 3)


Spans = tuple[list[tuple[int, int]], list[tuple[int, int, str]]]


def drawn(*runs: Run, from_s: int = 0, to_s: int = 100, now_s: int = 1000) -> Spans:
    made = draw(
        CameraTimeline("gate", runs), NINE + from_s * SECOND_US, NINE + to_s * SECOND_US, NINE + now_s * SECOND_US
    )

    def seconds(us: int) -> int:
        return (us - NINE) // SECOND_US

    return (
        [(seconds(each.start_us), seconds(each.end_us)) for each in made.runs],
        [(seconds(each.start_us), seconds(each.end_us), each.reason) for each in made.gaps],
    )


def test_gaps_have_the_reason_of_the_run_before_them() -> None:
    runs, gaps = drawn(run(10, 20), run(30, 40, EndReason.CRASH))
    assert runs == [(10, 20), (30, 40)]
    assert gaps == [(0, 10, "not_recorded"), (20, 30, "camera_closed"), (40, 100, "crash")]


def test_a_run_before_the_span_explains_the_first_gap() -> None:
    runs, gaps = drawn(run(-50, -10, EndReason.DISK_FULL), run(5, 200), from_s=0, to_s=100)
    assert runs == [(5, 100)]
    assert gaps == [(0, 5, "disk_full")]


def test_the_future_and_the_live_edge_are_no_gaps() -> None:
    assert drawn(run(0, 49, ""), now_s=50) == ([(0, 49)], [])
    assert drawn(run(0, 40), now_s=50) == ([(0, 40)], [(40, 50, "camera_closed")])
    assert drawn(now_s=-5) == ([], [])


def test_every_reason_has_words() -> None:
    for reason in EndReason:
        made = draw(CameraTimeline("gate", (run(0, 10, reason),)), NINE, NINE + MINUTE_US, NINE + MINUTE_US)
        (gap,) = made.gaps
        assert gap.reason == reason
        assert gap.text.endswith(".") and len(gap.text) > 15
