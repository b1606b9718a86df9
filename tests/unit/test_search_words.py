"""Questions in plain words: what is understood of them, what is not, and what is refused."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.search.places import Eye, Gazetteer, Spot, spots_of
from belvedere.hub.search.vocabulary import COLOURS, GARMENTS, KIND_WORDS
from belvedere.hub.search.words import Understood, understand
from belvedere.media.objects import ObjectColour, ObjectKind

ZONE = ZoneInfo("Europe/London")
GAZETTEER = Gazetteer(
    [
        Spot("Rowan bin store", "bin_store", 1.0, 51.5),
        Spot("Maple Way bin store", "bin_store", 1.01, 51.5),
        Spot("Birch House", "block", 1.02, 51.5),
        Spot("Playground", "playground", 1.03, 51.5),
        Spot("Alder Close car park", "car_park", 1.04, 51.5),
        Spot("St Osyth's Church", "church", 1.05, 51.5),
        Spot("Wend Canal", "water", 1.06, 51.6),
    ],
    [
        Eye("rowan", "Rowan court", "Alder Grove", 1.0002, 51.5),
        Eye("maple", "Maple Way garages", "Alder Grove", 1.0102, 51.5),
        Eye("birch", "East gate", "Alder Grove", 1.0212, 51.5),
        Eye("play", "Playground", "Alder Grove", 1.0302, 51.5),
        Eye("park", "Car park, west", "Alder Grove", 1.0402, 51.5),
        Eye("osyth", "Church, south", "", 1.0502, 51.5),
        Eye("lost", "Somewhere", "", None, None),
    ],
)
NOW = datetime(2026, 11, 18, 14, 30, tzinfo=ZONE)  # a Wednesday
K, C = ObjectKind, ObjectColour


def read(words: str, now: datetime = NOW) -> Understood:
    return understand(words, GAZETTEER, int(now.timestamp()) * SECOND_US, ZONE)


def short(us: int | None) -> str:
    """`17 18:00` in the estate's time."""
    return "" if us is None else f"{datetime.fromtimestamp(us // SECOND_US, ZONE):%d %H:%M}"


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("last night", "17 18:00", "18 06:00"),
        ("tonight", "18 18:00", "19 06:00"),
        ("yesterday", "17 00:00", "18 00:00"),
        ("today", "18 00:00", "18 14:30"),
        ("the day before yesterday", "16 00:00", "17 00:00"),
        ("yesterday evening", "17 17:00", "18 00:00"),
        ("yesterday morning", "17 05:00", "17 12:00"),
        ("this morning", "18 05:00", "18 12:00"),
        ("this afternoon", "18 12:00", "18 14:30"),
        ("last Tuesday", "17 00:00", "18 00:00"),
        ("on Wednesday", "18 00:00", "18 14:30"),
        ("last Wednesday", "11 00:00", "12 00:00"),
        ("Tuesday night", "17 18:00", "18 06:00"),
        ("on Monday evening", "16 17:00", "17 00:00"),
        ("two nights ago", "16 18:00", "17 06:00"),
        ("3 days ago", "15 00:00", "16 00:00"),
        ("last weekend", "14 00:00", "16 00:00"),
        ("last week", "09 00:00", "16 00:00"),
        ("between 8 and 9 last Tuesday", "17 20:00", "17 21:00"),
        ("between 8 and 9 am last Tuesday", "17 08:00", "17 09:00"),
        ("8-9pm yesterday", "17 20:00", "17 21:00"),
        ("from 10pm to 2am on Saturday", "14 22:00", "15 02:00"),
        ("from 11 to 1 am on Saturday", "14 23:00", "15 01:00"),
        ("last night between 11 and 1", "17 23:00", "18 01:00"),
        ("around nine", "17 20:30", "17 21:30"),
        ("about half past eight yesterday", "17 20:00", "17 21:00"),
        ("half nine last Friday", "13 21:15", "13 21:45"),
        ("quarter to eight on Monday evening", "16 19:30", "16 20:00"),
        ("at ten to six yesterday morning", "17 05:35", "17 06:05"),
        ("at noon yesterday", "17 11:45", "17 12:15"),
        ("last night at two", "18 01:45", "18 02:15"),
        ("last night at twelve", "17 23:45", "18 00:15"),
        ("0030 hrs last night", "18 00:15", "18 00:45"),
        ("on 3 November after ten at night", "03 22:00", "04 06:00"),
        ("3 November 2026 at 21:30", "03 21:15", "03 21:45"),
        ("November 3rd", "03 00:00", "04 00:00"),
        ("3/11", "03 00:00", "04 00:00"),
        ("03/11/2026 21:30", "03 21:15", "03 21:45"),
        ("2026-11-03 after 23:00", "03 23:00", "04 06:00"),
        ("since 9 this morning", "18 09:00", "18 12:00"),
        ("before six this morning", "18 05:00", "18 06:00"),
        ("before 7 am today", "18 00:00", "18 07:00"),
        ("just after nine last night", "17 21:00", "17 22:00"),
        ("just before nine last night", "17 20:00", "17 21:00"),
        ("the last three hours", "18 11:30", "18 14:30"),
        ("in the past 20 minutes", "18 14:10", "18 14:30"),
        ("half an hour ago", "18 13:50", "18 14:10"),
        ("an hour ago", "18 13:15", "18 13:45"),
        ("last weekend at night", "14 00:00", "16 06:00"),
    ],
)
def test_times(words: str, start: str, end: str) -> None:
    found = read(words)
    assert (short(found.when.from_us), short(found.when.to_us)) == (start, end), found.chips
    assert found.unread == () and found.chips[0].field == "when"


def test_an_hour_that_may_be_morning_or_evening_offers_the_other() -> None:
    (chip,) = read("between 8 and 9 last Tuesday").chips
    assert (short(chip.other_from_us), short(chip.other_to_us)) == ("17 08:00", "17 09:00")
    (chip,) = read("between 8 and 9 pm last Tuesday").chips
    assert chip.other_from_us is None


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("van at night", (1080, 360)),
        ("car in the morning", (300, 720)),
        ("dog in the evening", (1020, 1440)),
        ("person last week between 22:00 and 23:30", (1320, 1410)),
        ("moped last weekend at night", (1080, 360)),
    ],
)
def test_times_of_each_day(words: str, minutes: tuple[int, int]) -> None:
    assert (read(words).when.from_minute, read(words).when.to_minute) == minutes


def test_days_on_which_clocks_change() -> None:
    winter = read("yesterday", datetime(2026, 10, 26, 9, tzinfo=ZONE)).when
    summer = read("yesterday", datetime(2026, 3, 30, 9, tzinfo=ZONE)).when
    hours = [
        (when.to_us - when.from_us) // (3600 * SECOND_US) for when in (winter, summer) if when.to_us and when.from_us
    ]
    assert hours == [25, 23]
    twice = read("between 1 and 2 am yesterday", datetime(2026, 10, 26, 9, tzinfo=ZONE)).when
    assert twice.from_us is not None and twice.to_us is not None
    assert twice.to_us - twice.from_us == 2 * 3600 * SECOND_US, "both of them: the hour comes twice"


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("van", {K.VAN}),
        ("a lorry", {K.VAN}),
        ("trucks", {K.VAN}),
        ("the bus", {K.VAN}),
        ("white transit", {K.VAN}),
        ("school bus", {K.VAN}),
        ("moped", {K.MOTORCYCLE}),
        ("scooters", {K.MOTORCYCLE}),
        ("motorbike", {K.MOTORCYCLE}),
        ("cyclist", {K.BICYCLE}),
        ("push bike", {K.BICYCLE}),
        ("bike", {K.BICYCLE, K.MOTORCYCLE}),
        ("taxi", {K.CAR}),
        ("hatchback", {K.CAR}),
        ("vehicles", {K.MOTORCYCLE, K.CAR, K.VAN}),
        ("dog", {K.DOG}),
        ("cat", {K.ANIMAL}),
        ("rucksack", {K.BAG}),
        ("bin bags", {K.BAG}),
        ("man", {K.PERSON}),
        ("two women", {K.PERSON}),
        ("children", {K.PERSON}),
        ("somebody", {K.PERSON}),
        ("pedestrians", {K.PERSON}),
        ("van or car", {K.VAN, K.CAR}),
        ("anything", set()),
    ],
)
def test_kinds(words: str, kinds: set[ObjectKind]) -> None:
    found = read(words)
    assert set(found.what.kinds) == kinds and found.unread == ()


@pytest.mark.parametrize(
    ("words", "colours", "clothing"),
    [
        ("red van", {C.RED}, set()),
        ("red or blue car", {C.RED, C.BLUE}, set()),
        ("dark green car", {C.GREEN}, set()),
        ("silver hatchback", {C.GREY, C.WHITE}, set()),
        ("a van, white", {C.WHITE}, set()),
        ("a white transit van", {C.WHITE}, set()),
        ("man in a red coat", set(), {C.RED}),
        ("woman wearing a blue jacket", set(), {C.BLUE}),
        ("people in black", set(), {C.BLACK}),
        ("person with a red hat and a white van", {C.WHITE}, {C.RED}),
        ("someone in hi-vis", set(), {C.YELLOW, C.ORANGE}),
        ("person with a red car", {C.RED}, set()),
    ],
)
def test_colours(words: str, colours: set[ObjectColour], clothing: set[ObjectColour]) -> None:
    found = read(words)
    assert (set(found.what.colours), set(found.what.clothing)) == (colours, clothing)


@pytest.mark.parametrize(
    ("words", "at_least"),
    [
        ("three or more people", 3),
        ("at least 3 people", 3),
        ("more than two cars", 3),
        ("a group of people", 3),
        ("a crowd of people", 5),
        ("several youths", 3),
        ("two men", 2),
        ("a couple of people", 2),
        ("about three people", 3),
        ("a dozen people", 12),
        ("a person", 1),
        ("one van", 1),
    ],
)
def test_how_many(words: str, at_least: int) -> None:
    found = read(words)
    assert found.what.at_least == at_least and found.when.from_us is None


@pytest.mark.parametrize(
    ("words", "kinds", "together"),
    [
        ("a person with a dog", {K.PERSON}, {K.DOG}),
        ("a van and a person together", {K.VAN}, {K.PERSON}),
        ("person carrying a bag", {K.PERSON}, {K.BAG}),
        ("a person getting out of a car", {K.PERSON}, {K.CAR}),
        ("van next to a car", {K.VAN}, {K.CAR}),
        ("people with bags and a van", {K.PERSON}, {K.BAG, K.VAN}),
        ("a van and a car", {K.VAN, K.CAR}, set()),
    ],
)
def test_together(words: str, kinds: set[ObjectKind], together: set[ObjectKind]) -> None:
    assert (set(read(words).what.kinds), set(read(words).what.together)) == (kinds, together)


@pytest.mark.parametrize(
    ("words", "cameras"),
    [
        ("near the bin store", {"rowan", "maple"}),
        ("by the bins", {"rowan", "maple"}),
        ("near the Maple Way bin store", {"maple"}),
        ("on Maple Way", {"maple"}),
        ("near Birch House", {"birch"}),
        ("in the playground", {"play"}),
        ("in the car park", {"park"}),
        ("Car park, west", {"park"}),
        ("outside St Osyths church", {"osyth"}),
        ("near the canal", set()),
        ("in Alder Grove", {"rowan", "maple", "birch", "play", "park"}),
    ],
)
def test_places(words: str, cameras: set[str]) -> None:
    found = read(f"van {words} last night")
    assert set(found.cameras) == cameras and found.unread == ()
    assert found.what.kinds == (K.VAN,)


def test_a_place_that_no_camera_sees_is_said() -> None:
    assert read("near Birch House").notes == ("No camera looks at Birch House: the nearest is taken.",)
    assert read("van near the canal").notes == ("No camera of yours is near “near the canal”.",)


@pytest.mark.parametrize(
    ("words", "headings"),
    [
        ("car heading left", {5, 6, 7}),
        ("van moving to the right", {1, 2, 3}),
        ("person towards the camera", {3, 4, 5}),
        ("cyclist away from the camera", {7, 0, 1}),
    ],
)
def test_directions(words: str, headings: set[int]) -> None:
    assert set(read(words).what.headings) == headings and read(words).unread == ()


def test_sizes_and_lengths() -> None:
    assert read("big van").what.least_height == 0.25
    assert read("small dog").what.most_height == 0.2
    assert read("person close to the camera").what.least_height == 0.35
    assert read("van parked for more than 10 minutes").what.least_duration_us == 600 * SECOND_US
    assert read("car for at least half past").unread != ()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("black man near the shops", "race"),
        ("two white women", "race"),
        ("asian youths", "race"),
        ("man with a beard", "faces"),
        ("recognise this face", "faces"),
        ("the same man as yesterday", "faces"),
        ("man called John", "name"),
        ("Mr Smith", "name"),
        ("number plate AB12 CDE", "plates"),
        ("AB12CDE", "plates"),
        ("suspicious person", "suspicious"),
        ("drunk man", "feel"),
        ("woman in a hijab", "race"),
    ],
)
def test_what_is_never_searched_for(words: str, says: str) -> None:
    found = read(words)
    assert found.refusal is not None and says in found.refusal.text
    assert found.refusal.words and found.refusal.words in words


def test_a_white_van_is_no_race_and_sex_is_said_to_be_ignored() -> None:
    assert read("black car and white van").refusal is None
    assert read("man in black").refusal is None
    assert "sex and age are not looked for" in read("old woman with a dog").notes[0]


def test_what_is_not_understood_is_said() -> None:
    assert [each.text for each in read("flurble van wozzle last night").unread] == ["flurble", "wozzle"]
    assert [each.text for each in read("broken door, two men, Tuesday about nine").unread] == ["broken", "door"]
    assert [each.text for each in read("red bag").unread] == ["red"]
    assert read("please show me a van").unread == ()


def test_points_of_geojson_alone_are_places() -> None:
    good = {"geometry": {"type": "Point", "coordinates": [1, 51.5]}, "properties": {"name": "Gate", "kind": "gate"}}
    bad = [{}, {"geometry": None}, {"geometry": {"type": "Point", "coordinates": "x"}, "properties": {"name": "A"}}, 5]
    assert spots_of({"features": [good, *bad]}) == [Spot("Gate", "gate", 1.0, 51.5)]


_WORDS = st.sampled_from(
    [
        *KIND_WORDS, *COLOURS, *GARMENTS, "last", "night", "between", "and", "8", "9pm", "half", "past", "to", "near", "the", "bin",
        "store", "with", "three", "or", "more", "on", "29", "february", "31/2", "24:00", "2500", "in", "Birch", "House", "İ", "ß",
        "black", "man", "for", "minutes", "ago", "\x00", "at", "twelve", "a", "of", "group", "together", "-", ",", "’s",
    ]
)  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(_WORDS, max_size=14).map(" ".join)))
def test_whatever_is_asked_is_read_and_its_spans_are_its_own(words: str) -> None:
    found = read(words)
    spans = [(chip.start, chip.end) for chip in found.chips] + [(each.start, each.end) for each in found.unread]
    spans += [(found.refusal.start, found.refusal.end)] if found.refusal else []
    assert all(0 <= start < end <= len(words) for start, end in spans)
    assert all(words[each.start : each.end] == each.text for each in found.unread)
    assert found.when.from_us is None or (found.when.to_us is not None and found.when.from_us < found.when.to_us)
    assert found == read(words), "the same every time"
