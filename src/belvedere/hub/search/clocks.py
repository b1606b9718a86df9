"""Hours in words: "half past eight", "between 8 and 9 pm", "after ten at night". Minutes of a day, local. Pure."""

import re
from dataclasses import dataclass

from belvedere.hub.search.reading import NUMBERS, number

DAY_MIN = 1440
NIGHT = (1080, 1800)  # 18:00 to 06:00 of the next day
PARTS = {
    "morning": (300, 720),
    "afternoon": (720, 1080),
    "evening": (1020, 1440),
    "night": NIGHT,
    "overnight": NIGHT,
    "lunchtime": (690, 840),
    "lunch time": (690, 840),
    "early hours": (0, 360),
    "small hours": (0, 360),
    "daytime": (420, 1140),
    "rush hour": (960, 1140),
}
AROUND_MIN = 30
AT_MIN = 15
_NAMES = "|".join(sorted((word for word, value in NUMBERS.items() if word.isalpha() and len(word) > 1), key=len)[::-1])
_HOUR = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_HALF = r"(?:(?:in\s+the\s+)?(?:morning|afternoon|evening)|at\s+night|[ap]\.?m\b\.?)"


def clock_pattern(n: int) -> str:
    """A pattern for an hour, whose groups end with `n`."""
    return (
        rf"(?:(?:(?P<named{n}>noon|midday|mid-day|midnight)"
        rf"|(?P<share{n}>half|quarter|(?:\d{{1,2}}|{_NAMES})(?:\s+minutes?)?)\s+(?P<way{n}>past|to)\s+(?P<base{n}>{_HOUR})"
        rf"|half\s+(?P<colloquial{n}>{_HOUR})"
        rf"|(?P<hour{n}>\d{{1,2}})[:.](?P<minute{n}>\d\d)"
        rf"|(?P<military{n}>[012]\d[0-5]\d)\s*(?:hrs|hours|h)"
        rf"|(?P<bare{n}>{_HOUR})(?:\s*o['’]?clock)?)(?![^\Wap]|[ap](?!\.?m))"
        rf"(?:\s*(?P<half{n}>{_HALF}))?)"
    )


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour as said. `minutes` of the day in its morning reading where `open`: it may be twelve hours later."""

    minutes: int
    open: bool
    half: str = ""

    def choices(self) -> list[int]:
        """Minutes that it may mean, up to the end of the next day."""
        first = [self.minutes] + ([self.minutes + 720] if self.open else [])
        return sorted([*first, *(each + DAY_MIN for each in first)])


def clock(found: re.Match[str], number_of: int) -> Hour | None:
    """The hour of a match of `clock_pattern`; None for one that no clock shows."""
    group = {
        name: found[f"{name}{number_of}"]
        for name in ("named", "share", "way", "base", "colloquial", "hour", "minute", "military", "bare", "half")
    }
    half = _half(group["half"] or "")
    if group["named"]:
        return Hour(DAY_MIN if group["named"] == "midnight" else 720, False)
    if group["military"]:
        hour, minute = int(group["military"][:2]), int(group["military"][2:])
        return Hour(hour * 60 + minute, False) if hour < 24 else None
    if group["hour"]:
        hour, minute = int(group["hour"]), int(group["minute"])
        if hour > 23 or minute > 59:
            return None
        exact = hour == 0 or hour > 12 or (len(group["hour"]) == 2 and group["hour"][0] == "0")
        return _with_half(hour * 60 + minute, half, sure=exact)
    if group["colloquial"]:
        return _of(number(group["colloquial"]), 30, half)
    if group["share"]:
        word = group["share"].split()[0]
        minutes = {"half": 30, "quarter": 15}.get(word, number(word) if word not in ("half", "quarter") else 0)
        base = number(group["base"])
        if minutes is None or base is None or minutes > 59 or (word == "half" and group["way"] == "to"):
            return None
        return _of(base, minutes if group["way"] == "past" else -minutes, half)
    return _of(number(group["bare"] or ""), 0, half)


def _half(said: str) -> str:
    text = said.strip()
    if not text:
        return ""
    if text[0] == "a" and text.rstrip(".").replace(".", "") == "am":
        return "am"
    if text[0] == "p" and text.rstrip(".").replace(".", "") == "pm":
        return "pm"
    return text.split()[-1]


def _of(hour: int | None, minutes: int, half: str) -> Hour | None:
    if hour is None or hour > 24:
        return None
    total = hour * 60 + minutes
    return _with_half(total % DAY_MIN, half, sure=hour == 0 or hour > 12)


def _with_half(minutes: int, half: str, *, sure: bool) -> Hour:
    if sure:
        return Hour(minutes, False, half)
    early = minutes % 720
    if half in ("am", "morning"):
        return Hour(early, False, half)
    if half in ("pm", "afternoon", "evening"):
        return Hour(early + 720, False, half)
    if half == "night":
        return Hour(early + 720 if early >= 360 else early + DAY_MIN, False, half)
    return Hour(early, True)  # 12:30 too: after noon or after midnight


def settle(hour: Hour, within: tuple[int, int] | None) -> tuple[int, int | None]:
    """The minute that an hour means, and the other one that it may mean. `within`: the part of the day that was said."""
    if within is not None:
        fit = [each for each in hour.choices() if within[0] <= each <= within[1]]
        if fit:
            return fit[0], None
    if not hour.open:
        return hour.minutes, None
    return hour.minutes + 720, hour.minutes


def settle_pair(first: Hour, last: Hour, within: tuple[int, int] | None) -> tuple[int, int, int | None]:
    """Start, end, and the start of the other reading. The end lies behind the start."""
    if first.open and not last.open:
        end = last.minutes if last.minutes > 0 else DAY_MIN
        before = [each for each in first.choices() if each < end]
        start = max(before) if before else max(each for each in first.choices() if each < end + DAY_MIN)
        other = None
    else:
        start, other = settle(first, within)
    behind = [each for each in last.choices() if each > start]
    end = behind[0] if behind else start + 60
    return start, end, other
