"""Who is called when: steps of a ladder, people with hours, office hours, which faults count. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.health.words import PAGING_FAULTS, SITE_AWAY, WORDS

# Faults that stop or endanger recording. Others (focus, clocks, a key ceremony) wait for the office.
DEFAULT_KINDS = ("no_picture", "password", "disk_fault", "behind", "sandbox", SITE_AWAY)
KINDS = tuple(kind for kind in WORDS if kind not in PAGING_FAULTS)
_MAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9.-]{1,190}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_WEEK = (0, 1, 2, 3, 4, 5, 6)

Minute = Annotated[int, Field(ge=0, le=1439)]
Days = Annotated[tuple[int, ...], Field(max_length=7)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class Hours(_Part):
    """Times of the week, local. `days`: 0 Monday to 6 Sunday; from = to is the whole day; to < from ends the next morning."""

    days: Days = _WEEK
    from_minute: Minute = 0
    to_minute: Minute = 0

    @field_validator("days")
    @classmethod
    def _days_of_the_week(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if not set(days) <= set(_WEEK):
            raise ValueError("days are 0 (Monday) to 6 (Sunday)")
        return tuple(sorted(set(days)))

    def began(self, now: datetime) -> date | None:
        """The day on which the time that holds at local `now` began; None where none holds."""
        minute, today = now.hour * 60 + now.minute, now.date()
        yesterday = today - timedelta(days=1)
        if self.from_minute == self.to_minute:
            return today if today.weekday() in self.days else None
        if self.from_minute < self.to_minute:
            within = self.from_minute <= minute < self.to_minute
            return today if within and today.weekday() in self.days else None
        if minute >= self.from_minute and today.weekday() in self.days:
            return today
        return yesterday if minute < self.to_minute and yesterday.weekday() in self.days else None


class Contact(_Part):
    """One way to one person or desk, and when it is theirs. `address`: e-mail address or +number; none for a webhook."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    channel: Literal["email", "webhook", "sms"]
    address: Annotated[str, Field(max_length=200)] = ""
    hours: Hours = Hours()
    first_day: date | None = None  # on the rota from this day ...
    last_day: date | None = None  # ... to the shift that begins on this one

    @model_validator(mode="after")
    def _address_fits(self) -> "Contact":
        if any(ord(letter) < 32 for letter in self.name):
            raise ValueError("a name is one line")
        if self.channel == "email" and not _MAIL.fullmatch(self.address):
            raise ValueError(f"{self.address!r} is no e-mail address")
        if self.channel == "sms" and not _PHONE.fullmatch(self.address):
            raise ValueError(f"write the number as +441234567890, not {self.address!r}")
        if self.channel == "webhook" and self.address:
            raise ValueError("a webhook's address stands in the settings")
        return self

    def on(self, now: datetime) -> bool:
        """Whether they are called at local `now`."""
        began = self.hours.began(now)
        if began is None or (self.first_day is not None and began < self.first_day):
            return False
        return self.last_day is None or began <= self.last_day


class Step(_Part):
    """All of these are called at once; the next step follows when nobody has answered for `wait_minutes`."""

    contacts: Annotated[tuple[Contact, ...], Field(min_length=1, max_length=20)]
    wait_minutes: Annotated[int, Field(ge=1, le=240)] = 10


class Plan(_Part):
    """Who is called about what, and when."""

    on: bool = False
    kinds: Annotated[tuple[str, ...], Field(max_length=40)] = DEFAULT_KINDS
    stands_minutes: Annotated[int, Field(ge=1, le=1440)] = 10  # a fault stands so long before anybody is called
    again_minutes: Annotated[int, Field(ge=5, le=1440)] = 30  # between two calls about one site
    rounds: Annotated[int, Field(ge=1, le=10)] = 3  # how often the ladder is climbed before it is given up
    office: Hours = Hours(days=(0, 1, 2, 3, 4), from_minute=8 * 60, to_minute=18 * 60)
    closed_days: Annotated[tuple[date, ...], Field(max_length=200)] = ()  # no office on these
    in_office_hours: bool = False
    steps: Annotated[tuple[Step, ...], Field(max_length=10)] = ()

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        wrong = sorted(set(kinds) - set(KINDS))
        if wrong:
            raise ValueError(f"no such fault: {', '.join(wrong)}")
        return tuple(kind for kind in KINDS if kind in kinds)

    @model_validator(mode="after")
    def _somebody_is_there(self) -> "Plan":
        if self.on and not self.steps:
            raise ValueError("name somebody to call first")
        return self

    def silent(self, now: datetime) -> bool:
        """Whether the office is there at local `now`, so that nobody is called."""
        began = None if self.in_office_hours or not self.office.days else self.office.began(now)
        return began is not None and began not in self.closed_days

    def on_call(self, step: int, now: datetime) -> list[tuple[int, Contact]]:
        """Who is called on a step at local `now`, with their places in it."""
        if not 0 <= step < len(self.steps):
            return []
        return [(place, each) for place, each in enumerate(self.steps[step].contacts) if each.on(now)]


def local_time(now_us: int, zone: str) -> datetime:
    """Microseconds UTC as the time on the wall in `zone`."""
    return datetime.fromtimestamp(now_us / SECOND_US, UTC).astimezone(ZoneInfo(zone))
