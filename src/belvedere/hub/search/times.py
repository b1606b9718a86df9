"""Times in words, on the estate's clock: days, parts of days, hours, spans back from now. Pure; now is passed in.

"Last night" is yesterday 18:00 to today 06:00. An hour that may be morning or evening is taken as the later one that is past; the
chip offers the other. Days are local days (IANA time zone): they have 23 or 25 hours where clocks change.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from belvedere.hub.search.clocks import (
    AROUND_MIN,
    AT_MIN,
    DAY_MIN,
    NIGHT,
    PARTS,
    Hour,
    clock,
    clock_pattern,
    settle,
    settle_pair,
)
from belvedere.hub.search.reading import NUMBERS, Chip, Reading, number

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_MONTH = "|".join(sorted({name for each in _MONTHS for name in (each, each[:3])} | {"sept"}, key=len, reverse=True))
_WEEKDAY = "|".join([*_WEEKDAYS, "tues", "thurs", *(each[:3] for each in _WEEKDAYS if each[:3] not in ("sat", "sun"))])
_COUNT = r"(?:\d{1,3}|" + "|".join(sorted(NUMBERS, key=len, reverse=True)) + ")"
_PART = "|".join(sorted((each.replace(" ", r"\s+") for each in PARTS), key=len, reverse=True))
_EDGE = r"(?<![\w\x00])(?:{0})(?!\w)"
_DAY = re.compile(
    _EDGE.format(
        rf"(?:on\s+|from\s+)?(?:the\s+)?(?:(?P<relative>day\s+before\s+yesterday|yesterday|today|tonight|last\s+night)"
        rf"|(?P<this>this)\s+(?P<thispart>morning|afternoon|evening)"
        rf"|(?P<nights>{_COUNT})\s+(?P<nightword>nights?|days?)\s+ago"
        rf"|(?:(?P<which>last|this|on|past)\s+)?(?P<weekday>{_WEEKDAY})(?:\s+last)?"
        rf"|(?P<weekend>(?:last|this|the|at\s+the)\s+weekend)"
        rf"|(?P<week>(?:last|this)\s+week)"
        rf"|(?P<iso>\d{{4}}-\d\d-\d\d)"
        rf"|(?P<slash>\d{{1,2}}/\d{{1,2}}(?:/(?:\d{{4}}|\d\d))?)"
        rf"|(?P<dom>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})(?:,?\s+(?P<year>20\d\d))?"
        rf"|(?P<month2>{_MONTH})\s+(?:the\s+)?(?P<dom2>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year2>20\d\d))?)"
        rf"(?:['’]s)?(?:\s+(?:in\s+the\s+|at\s+)?(?P<part>{_PART}))?"
    )
)
_PAST = re.compile(
    _EDGE.format(
        rf"(?:in|over|during|for|within)?\s*(?:the\s+)?(?:last|past)\s+(?:(?P<count>{_COUNT}|few)\s+(?:of\s+)?)?"
        r"(?P<unit>minutes?|mins?|hours?|hrs?|days?|nights?|weeks?)"
    )
)
_AGO = re.compile(
    _EDGE.format(rf"(?:(?:about|around)\s+)?(?P<count>half\s+an|{_COUNT})\s+(?P<unit>minutes?|mins?|hours?|hrs?)\s+ago")
)
_PART_ALONE = re.compile(_EDGE.format(rf"(?:(?:in|during|at|through)\s+)?(?:the\s+)?(?P<part>{_PART})s?"))
_PAIR = re.compile(
    _EDGE.format(
        rf"(?P<lead>between|from)?\s*{clock_pattern(1)}\s*(?P<joint>and|to|until|till|-|–)\s*{clock_pattern(2)}"
    )
)
_POINT = re.compile(
    _EDGE.format(
        rf"(?P<lead>at\s+about|at\s+around|at|around|about|approximately|roughly|circa|just\s+after|just\s+before"
        rf"|after|since|from|past|before|until|till|up\s+to|by)?\s*(?P<clock>{clock_pattern(1)})"
    )
)
_UNITS_BEHIND = re.compile(
    r"\s*(?:-|or\s+more|people|persons?|m\b|metres?|meters?|minutes?|mins?|hours?|seconds?|secs?|days?|%|times|at\s+once"
    r"|different|other|or\s+\w+\s+(?:people|persons?|vans?|cars?)|(?:\w+\s+){0,2}(?:people|men|women|persons?|vans?|cars?|bikes?|"
    r"bicycles?|bags?|dogs?|vehicles?|lorries|mopeds?|youths|kids|children))"
)
_UNIT_US = {"mi": MINUTE_US, "ho": HOUR_US, "hr": HOUR_US, "da": DAY_US, "ni": DAY_US, "we": 7 * DAY_US}


@dataclass(frozen=True, slots=True)
class When:
    """When: a span [from_us, to_us), minutes of the day, both, or neither (None)."""

    from_us: int | None = None
    to_us: int | None = None
    from_minute: int | None = None
    to_minute: int | None = None


@dataclass(slots=True)
class _Day:
    first: date
    behind: date  # the day after the last
    part: tuple[int, int] | None
    start: int
    end: int


class Calendar:
    """Local days and hours to microseconds UTC."""

    def __init__(self, now_us: int, zone: ZoneInfo) -> None:
        self.now_us, self.zone = now_us, zone
        self.today = self.local(now_us).date()

    def local(self, time_us: int) -> datetime:
        return datetime.fromtimestamp(time_us // SECOND_US, self.zone)

    def us(self, day: date, minute: int, *, late: bool = False) -> int:
        """A minute of a local day, which may lie in the next. `late`: the second of an hour that comes twice."""
        days, rest = divmod(minute, DAY_MIN)
        naive = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), self.zone)
        return int(naive.replace(fold=int(late)).timestamp()) * SECOND_US

    def words(self, from_us: int, to_us: int) -> str:
        """`Tue 17 Nov, 20:00 to 21:00 GMT`."""
        first, last = self.local(from_us), self.local(to_us)
        midnight = (last.hour, last.minute) == (0, 0) and (last - timedelta(seconds=1)).date() == first.date()
        end = "24:00" if midnight else f"{last:%H:%M}"
        zone = last.tzname() or ""
        if first.date() == last.date() or midnight:
            return f"{first:%a} {first.day} {first:%b}, {first:%H:%M} to {end} {zone}"
        return f"{first:%a} {first.day} {first:%b}, {first:%H:%M} to {last:%a} {last.day} {last:%b}, {end} {zone}"


def read_when(reading: Reading, now_us: int, zone: ZoneInfo) -> When:
    """Take the times out of a question. Never raises."""
    calendar = Calendar(now_us, zone)
    if (when := _back(reading, calendar)) is not None:
        return when
    day = _day(reading, calendar)
    hours = _hours(reading, day.part if day else None)
    if day is None and hours is None:
        return _part_alone(reading)
    part_at = _PART_ALONE.search(reading.rest) if day is None or day.part is None else None
    part = day.part if day else None
    pieces = [(each.start, each.end) for each in (day, hours) if each is not None]
    if part_at is not None and (day is not None or hours is not None):
        part = PARTS[" ".join(part_at["part"].split())]
        pieces.append((part_at.start(), part_at.end()))
        reading.take(part_at.start(), part_at.end())
        if hours is not None:
            hours = hours.within(part)
    return _joined(reading, calendar, day, hours, part, pieces)


@dataclass(frozen=True, slots=True)
class _Hours:
    """Hours as said: one or two of them and how. `lead` is the word before a single one."""

    first: Hour
    last: Hour | None
    lead: str
    start: int
    end: int
    part: tuple[int, int] | None = None

    def within(self, part: tuple[int, int]) -> "_Hours":
        return _Hours(self.first, self.last, self.lead, self.start, self.end, part)

    def minutes(self, part: tuple[int, int] | None) -> tuple[int, int, int | None]:
        """Start and end in minutes of the day, and how much earlier the other reading is (minutes or None)."""
        part = self.part or part
        if self.last is not None:
            start, end, other = settle_pair(self.first, self.last, part)
            return start, end, None if other is None else start - other
        at, other = settle(self.first, part)
        shift = None if other is None else at - other
        lead = self.lead.split()
        if not lead or lead == ["at"]:
            return max(0, at - AT_MIN), at + AT_MIN, shift
        if "after" in lead or lead[0] in ("since", "from", "past"):
            night = lead[0] != "since" and (part == NIGHT or self.first.half == "night" or at >= 1260)
            end = at + 60 if "just" in lead else part[1] if part and part[1] > at else 1800 if night else DAY_MIN
            return at, max(end, at + 1), shift
        if "before" in lead or lead[0] in ("until", "till", "up", "by"):
            first = at - 60 if "just" in lead else part[0] if part and part[0] < at else 0
            return max(0, first), max(at, 1), shift
        return max(0, at - AROUND_MIN), at + AROUND_MIN, shift


def _joined(
    reading: Reading,
    calendar: Calendar,
    day: _Day | None,
    hours: _Hours | None,
    part: tuple[int, int] | None,
    pieces: list[tuple[int, int]],
) -> When:
    """The span of a day with or without hours, as one chip."""
    if day is not None and (day.behind - day.first).days > 1:
        if hours is not None or part is not None:
            begin, end, _ = hours.minutes(part) if hours is not None else (*(part or (0, DAY_MIN)), None)
            span = calendar.us(day.first, 0), calendar.us(day.behind, max(0, end - DAY_MIN), late=True)
            return _told(reading, calendar, span, pieces, minutes=(begin % DAY_MIN, (end - 1) % DAY_MIN + 1))
        return _told(reading, calendar, (calendar.us(day.first, 0), calendar.us(day.behind, 0, late=True)), pieces)
    if hours is None:
        assert day is not None
        begin, end = part or (0, DAY_MIN)
        span = calendar.us(day.first, begin), calendar.us(day.first, end, late=True)
        return _told(reading, calendar, span, pieces)
    begin, end, shift = hours.minutes(part)
    if day is None:
        first = calendar.today
        for back in range(3):
            first = calendar.today - timedelta(days=back)
            if calendar.us(first, begin) < calendar.now_us:
                break
    else:
        first = day.first
        if shift and calendar.us(first, begin) >= calendar.now_us:  # this evening is to come: the morning is meant
            begin, end, shift = begin - shift, end - shift, None
    span = calendar.us(first, begin), calendar.us(first, end, late=True)
    other = (
        None
        if shift is None
        else (calendar.us(first, max(0, begin - shift)), calendar.us(first, end - shift, late=True))
    )
    return _told(reading, calendar, span, pieces, other=other)


def _told(
    reading: Reading,
    calendar: Calendar,
    span: tuple[int, int],
    pieces: list[tuple[int, int]],
    *,
    minutes: tuple[int, int] | None = None,
    other: tuple[int, int] | None = None,
) -> When:
    from_us, to_us = span
    if from_us >= calendar.now_us:
        reading.note("This time lies in the future.")
    elif to_us > calendar.now_us:
        to_us = calendar.now_us
    to_us = max(to_us, from_us + SECOND_US)
    text = calendar.words(from_us, to_us)
    if minutes is not None:
        text += f", each day {_hm(minutes[0])} to {_hm(minutes[1])}"
    pieces = sorted(pieces)
    place = pieces[0][0], pieces[-1][1]
    said = "".join(
        (" … " if n and reading.asked[pieces[n - 1][1] : start].strip() else " ") + reading.asked[start:end].strip()
        for n, (start, end) in enumerate(pieces)
    )
    chip = Chip("when", text, said.strip(), *place)
    if other is not None and other[0] < other[1]:
        chip = replace(chip, other_text=calendar.words(*other), other_from_us=other[0], other_to_us=other[1])
    reading.chips.append(chip)
    return When(from_us, to_us, *(minutes or (None, None)))


def _hm(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _part_alone(reading: Reading) -> When:
    """`at night`, `in the evening` without a day: so on every day."""
    found = _PART_ALONE.search(reading.rest)
    if found is None:
        return When()
    first, last = PARTS[" ".join(found["part"].split())]
    minutes = first % DAY_MIN, (last - 1) % DAY_MIN + 1
    reading.chip("time_of_day", f"each day {_hm(minutes[0])} to {_hm(minutes[1])}", found.start(), found.end())
    return When(from_minute=minutes[0], to_minute=minutes[1])


def _back(reading: Reading, calendar: Calendar) -> When | None:
    """`the last three hours`, `20 minutes ago`."""
    found = _PAST.search(reading.rest)
    if found is not None and not (found["count"] is None and found["unit"].startswith(("night", "week"))):
        few = 3 if found["count"] == "few" else number(found["count"] or "a")
        if few:
            length_us = few * _UNIT_US[found["unit"][:2]]
            reading.take(found.start(), found.end())
            span = max(0, calendar.now_us - length_us), calendar.now_us
            return _told(reading, calendar, span, [(found.start(), found.end())])
    found = _AGO.search(reading.rest)
    if found is None:
        return None
    unit_us = _UNIT_US[found["unit"][:2]]
    count = number(found["count"])
    length_us = unit_us // 2 if count is None else count * unit_us
    slack_us = max(10 * MINUTE_US, length_us // 4)
    reading.take(found.start(), found.end())
    at_us = calendar.now_us - length_us
    span = max(0, at_us - slack_us), max(SECOND_US, at_us + slack_us)
    return _told(reading, calendar, span, [(found.start(), found.end())])


def _day(reading: Reading, calendar: Calendar) -> _Day | None:
    for found in _DAY.finditer(reading.rest):
        first = _first(found, calendar)
        if first is None:
            continue
        day, days, part = first
        said = found["part"] or found["thispart"]
        if said is not None:
            part = PARTS[" ".join(said.split())]
        reading.take(found.start(), found.end())
        return _Day(day, day + timedelta(days=days), part, found.start(), found.end())
    return None


def _first(found: re.Match[str], calendar: Calendar) -> tuple[date, int, tuple[int, int] | None] | None:
    """The first day, how many, and the part that the word itself says. None for days that no calendar has."""
    today = calendar.today
    early = calendar.local(calendar.now_us).hour < 6
    if relative := found["relative"]:
        name = relative.split()[0]
        if name == "tonight":
            return today - timedelta(days=early), 1, NIGHT
        if name == "last":
            return today - timedelta(days=1), 1, NIGHT
        return today - timedelta(days={"today": 0, "yesterday": 1, "day": 2}[name]), 1, None
    if found["this"]:
        return today, 1, None
    if found["nights"]:
        count = number(found["nights"]) or 0
        return today - timedelta(days=count), 1, NIGHT if found["nightword"].startswith("night") else None
    if found["weekday"]:
        number_of = next(n for n, name in enumerate(_WEEKDAYS) if name.startswith(found["weekday"][:3]))
        back = (today.weekday() - number_of) % 7
        last = found["which"] == "last" or found[0].rstrip().endswith("last")
        return today - timedelta(days=7 if back == 0 and last else back), 1, None
    if found["weekend"]:
        back = (today.weekday() - 5) % 7
        if found["weekend"].startswith("last") and back < 2:
            back += 7
        return today - timedelta(days=back), 2, None
    if found["week"]:
        monday = today - timedelta(days=today.weekday())
        return (monday - timedelta(days=7), 7, None) if found["week"].startswith("last") else (monday, 7, None)
    try:
        if found["iso"]:
            return date.fromisoformat(found["iso"]), 1, None
        if found["slash"]:
            numbers = [int(each) for each in found["slash"].split("/")]
            year = (numbers[2] + 2000 if numbers[2] < 100 else numbers[2]) if len(numbers) == 3 else None
            return _past_date(numbers[0], numbers[1], year, today), 1, None
        month = found["month"] or found["month2"]
        months = next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(month[:3]))
        year_text = found["year"] or found["year2"]
        year = int(year_text) if year_text else None
        return _past_date(int(found["dom"] or found["dom2"]), months, year, today), 1, None
    except ValueError:
        return None


def _past_date(day: int, month: int, year: int | None, today: date) -> date:
    """That day of the year named, else the newest that is not to come. Raises ValueError."""
    if year is not None:
        return date(year, month, day)
    for back in range(9):  # 29 February comes every fourth year, and once every eighth
        try:
            found = date(today.year - back, month, day)
        except ValueError:
            continue
        if found <= today:
            return found
    raise ValueError("no such day")


def _hours(reading: Reading, part: tuple[int, int] | None) -> _Hours | None:
    for found in _PAIR.finditer(reading.rest):
        first, last = clock(found, 1), clock(found, 2)
        sure = any(
            found[f"{name}{n}"]
            for n in (1, 2)
            for name in ("half", "minute", "named", "military", "share", "colloquial")
        )
        if (
            first is None
            or last is None
            or not (found["lead"] or sure)
            or (found["lead"] is None and found["joint"] == "and")
        ):
            continue
        if found["half2"] is None and _UNITS_BEHIND.match(reading.rest, found.end()):
            continue
        reading.take(found.start(), found.end())
        return _Hours(first, last, "", found.start(), found.end(), part)
    for found in _POINT.finditer(reading.rest):
        hour = clock(found, 1)
        if hour is None:
            continue
        clear = any(found[f"{name}1"] for name in ("half", "minute", "named", "military", "share", "colloquial"))
        clear = clear or "clock" in found[0].replace("’", "'")
        if not clear and (found["lead"] is None or _UNITS_BEHIND.match(reading.rest, found.end())):
            continue
        reading.take(found.start(), found.end())
        return _Hours(hour, None, " ".join((found["lead"] or "").split()), found.start(), found.end(), part)
    return None
