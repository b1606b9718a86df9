"""Forty simulated members of staff at work for weeks, seeded: what honest people do, and six scripted abuses.

The figures behind the honest people are assumptions, written where they are used; what the detectors make of them is measured.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.hub.watchers.acts import Act, Deed
from belvedere.hub.watchers.blind import Blinder
from belvedere.hub.watchers.findings import Detector, Finding, People

START_US = 1_780_012_800_000_000  # 2026-05-29, midnight UTC
PLACES = 60
CAMERAS = 3  # at each place
BLINDER = Blinder(b"k" * 32)
_WORDS = ("red van", "white van", "man with dog", "two bicycles", "blue coat", "ladder", "green moped", "trolley")


@dataclass
class Person:
    """One member of staff. `busy`: how much they do, against the usual."""

    id: str
    team: str
    busy: float
    shifts: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class World:
    """Staff, their acts in order, and what else the detectors know."""

    staff: list[Person]
    acts: list[Act]
    people: People
    days: int

    @property
    def staff_months(self) -> float:
        return len(self.staff) * self.days / 30


class _Making:
    def __init__(self, seed: int, days: int, staff: int) -> None:
        self.random = random.Random(seed)
        self.days = days
        operators = round(staff * 0.6)
        approvers = max(4, round(staff * 0.15))
        self.staff = [
            Person(
                f"user_{number:02}",
                "operator"
                if number < operators
                else "supervisor"
                if number < operators + approvers
                else "investigator",
                self.random.lognormvariate(0, 0.25),
            )
            for number in range(staff)
        ]
        self.acts: list[tuple[int, Act]] = []
        self.cases = 0
        # Places are looked at unevenly (Zipf), and each person has a few favourites of their patrol area.
        self.weights = [1 / (rank + 2) for rank in range(PLACES)]
        # Plates: the first `staff` are their own, the next 30 are known to all, the rest come up now and then.
        self.vehicles = [f"{w[:2]}{n % 100:02} {w[2:]}" for n, w in enumerate(_letters(self.random, 2_030 + staff))]

    def put(self, time_us: int, deed: Deed, person: str, **words: object) -> None:
        self.acts.append((time_us, Act(0, time_us, deed, person, **words)))  # type: ignore[arg-type]

    def place(self) -> str:
        return f"place {self.random.choices(range(PLACES), self.weights)[0]:02}"

    def cameras(self, place: str) -> tuple[str, ...]:
        return (f"{place} cam {self.random.randrange(CAMERAS)}",)

    def case(self) -> str:
        self.cases += 1
        return f"CASE-{self.cases:05}"

    def search(self, time_us: int, person: str, words: str, case: str) -> None:
        self.put(
            time_us,
            Deed.SEARCH,
            person,
            case=case,
            subjects=BLINDER.subjects(words),
            mentions=BLINDER.mentions(words),
        )


def _letters(source: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        yield "".join(source.choices("ABCDEFGHJKLMNOPRSTUVWXYZ", k=5))


def honest(seed: int, *, days: int = 90, staff: int = 40) -> World:
    """Honest staff. Incidents make busy days; one day in fifteen has a large one."""
    making = _Making(seed, days, staff)
    for number, person in enumerate(making.staff):
        for day in range(days):
            _day(making, person, number, day)
    _approvals(making)
    ordered = sorted(making.acts, key=lambda each: each[0])
    acts = [
        Act(index, a.time_us, a.deed, a.person, a.case, a.cameras, a.subjects, a.mentions, a.other, a.about, a.main)
        for index, (_, a) in enumerate(ordered)
    ]
    conflicts = {
        person.id: BLINDER.declared(f"{number + 3} {_STREETS[number % len(_STREETS)]}")
        | BLINDER.declared(making.vehicles[number])
        for number, person in enumerate(making.staff)
    }
    places = {f"place {at:02} cam {camera}": f"place {at:02}" for at in range(PLACES) for camera in range(CAMERAS)}
    people = People(
        {person.id: person.team for person in making.staff},
        {person.id: tuple(person.shifts) for person in making.staff},
        places,
        conflicts,
        {},
    )
    return World(making.staff, acts, people, days)


_STREETS = ("Alder Way", "Birch Close", "Cedar Road", "Damson Row", "Elm Court")


def _day(making: _Making, person: Person, number: int, day: int) -> None:
    chance = making.random
    start_us = START_US + day * DAY_US
    weekday = (day + 4) % 7
    if person.team == "investigator":
        if weekday > 4:
            return
        shift = (start_us + 8 * HOUR_US, start_us + 16 * HOUR_US)
    else:  # four on, four off; days and nights in turn
        turn = (day + 2 * number) % 8
        if turn > 3:
            return
        night = turn > 1
        shift = (start_us + (19 if night else 7) * HOUR_US, start_us + (31 if night else 19) * HOUR_US)
    if chance.random() < 0.04:  # leave and sickness; the roster has it
        return
    swapped = chance.random() < 0.004  # once in 250 days a swap that nobody entered
    if not swapped:
        person.shifts.append(shift)
    if chance.random() < 0.02:  # stays on after an incident, once in 50 days, up to an hour and a half
        making.put(
            shift[1] + chance.randrange(90) * MINUTE_US, Deed.REPLAY, person.id, cameras=making.cameras(making.place())
        )
    large = chance.random() < 1 / 15
    _looks(making, person, shift, 2.0 if large else 1.0)


def _looks(making: _Making, person: Person, shift: tuple[int, int], busy: float) -> None:
    chance = making.random
    usual = {"operator": 14, "supervisor": 5, "investigator": 8}[person.team] * person.busy * busy
    for _ in range(_poisson(chance, usual)):
        at_us = chance.randrange(*shift)
        place = making.place()
        if person.team == "operator" and chance.random() < 0.75:  # a look back on duty, no case
            making.put(at_us, Deed.REPLAY, person.id, cameras=making.cameras(place))
        else:
            _case(making, person, at_us, place)


def _case(making: _Making, person: Person, at_us: int, place: str) -> None:
    """A case: mostly somebody else's, looked at a few times; a third holds a search, one in ten goes on for days."""
    chance = making.random
    case = making.case()
    other = chance.choice(making.staff).id
    own = chance.random() < 0.3
    opened_us = at_us - (chance.randrange(8 * MINUTE_US) if own else chance.randrange(HOUR_US, 3 * DAY_US))
    making.put(opened_us, Deed.CASE_OPENED, person.id if own else other, case=case)
    own_vehicles, known = len(making.staff), 30
    draw = chance.random()
    first, count = (
        (0, own_vehicles) if draw < 0.001 else (own_vehicles, known) if draw < 0.1 else (own_vehicles + known, 2_000)
    )
    vehicle = making.vehicles[first + chance.randrange(count)]
    words = vehicle if chance.random() < 0.4 else f"{chance.choice(_WORDS)} {place}"
    sittings = [at_us + each * DAY_US for each in range(chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 4)))]
    searches = chance.random() < 0.33
    for sitting in sittings:
        if not any(start <= sitting < end for start, end in person.shifts):
            continue
        for _ in range(1 + _poisson(chance, 0.6)):
            making.put(sitting, Deed.REPLAY, person.id, case=case, cameras=making.cameras(place))
        if searches:
            for _ in range(1 + _poisson(chance, 0.5)):
                making.search(sitting + MINUTE_US, person.id, words, case)
    if chance.random() < 0.85:  # nearly every case gets a second person within hours
        making.put(at_us + chance.randrange(HOUR_US, 6 * HOUR_US), Deed.CASE_JOINED, other, case=case)
    if chance.random() < 0.1:  # opened in error, or settled at once
        making.put(at_us + chance.randrange(2 * MINUTE_US, 50 * MINUTE_US), Deed.CASE_CLOSED, person.id, case=case)


def _approvals(making: _Making) -> None:
    """About one approval in five shifts of a person, given by whoever of another team is on duty then."""
    chance = making.random
    approvers = [each for each in making.staff if each.team == "supervisor"]
    for person in making.staff:
        for start, end in person.shifts:
            if chance.random() < 0.6:
                at_us = chance.randrange(start, end)
                on_duty = [each for each in approvers if each is not person and _on(each, at_us)]
                approver = chance.choice(on_duty or [each for each in approvers if each is not person])
                making.put(at_us, Deed.APPROVAL, approver.id, other=person.id)


def _on(person: Person, at_us: int) -> bool:
    return any(start <= at_us < end for start, end in person.shifts)


def _poisson(chance: random.Random, mean: float) -> int:
    """Knuth's method; means are small."""
    count, left = 0, chance.expovariate(1.0)
    while left < mean:
        count += 1
        left += chance.expovariate(1.0)
    return count


def run(detectors: tuple[Detector, ...], world: World, extra: tuple[Act, ...] = ()) -> list[Finding]:
    """What the detectors say of a world, with further acts put in by their time."""
    acts = sorted([*world.acts, *extra], key=lambda act: act.time_us)
    found: list[Finding] = []
    for number, act in enumerate(acts):
        placed = Act(
            number, act.time_us, act.deed, act.person, act.case, act.cameras, act.subjects, act.mentions, act.other,
            act.about, act.main,
        )  # fmt: skip
        for detector in detectors:
            found += detector.see(placed, world.people)
    return found


def _night(day: int, minute: int = 0) -> int:
    return START_US + day * DAY_US + 10 * HOUR_US + minute * MINUTE_US


def florida(person: str) -> tuple[Act, ...]:
    """Searches for one person 69 times, for two of their family 24 and 15 times, over eight weeks."""
    acts = []
    for words, count in (("KT19 FLO", 69), ("RB07 MUM", 24), ("DD55 PAP", 15)):
        for number in range(count):
            at_us = _night(20 + number * 50 // count, number % 50)
            subjects, mentions = BLINDER.subjects(words), BLINDER.mentions(words)
            acts.append(Act(0, at_us, Deed.SEARCH, person, subjects=subjects, mentions=mentions))
    return tuple(acts)


def ex_partners_street(person: str) -> tuple[Act, ...]:
    """Looks at a quiet place that colleagues seldom open, twice a week."""
    return tuple(
        Act(0, _night(25 + 3 * each), Deed.REPLAY, person, cameras=(f"place {PLACES - 1:02} cam 0",))
        for each in range(12)
    )


def own_cases(person: str) -> tuple[Act, ...]:
    """Opens a case, looks, closes it in four minutes."""
    acts: list[Act] = []
    for each in range(4):
        case, at_us = f"OWN-{each}", _night(30 + 5 * each)
        acts.append(Act(0, at_us, Deed.CASE_OPENED, person, case))
        acts.append(Act(0, at_us + 2 * MINUTE_US, Deed.REPLAY, person, case, cameras=("place 05 cam 1",)))
        acts.append(Act(0, at_us + 4 * MINUTE_US, Deed.CASE_CLOSED, person, case))
    return tuple(acts)


def at_home(person: str, world: World) -> tuple[Act, ...]:
    """Looks five times on days off."""
    shifts = world.people.shifts[person]
    free = [day for day in range(20, 60) if not any(abs(_night(day) - start) < 20 * HOUR_US for start, _ in shifts)]
    return tuple(Act(0, _night(day), Deed.REPLAY, person, cameras=("place 03 cam 0",)) for day in free[:5])


def scraper(person: str) -> tuple[Act, ...]:
    """Opens 300 recordings in one day."""
    return tuple(
        Act(0, _night(40, each), Deed.REPLAY, person, cameras=(f"place {each % PLACES:02} cam 1",))
        for each in range(300)
    )


def colluders(asker: str, approver: str) -> tuple[Act, ...]:
    """One approver gives this person 25 further accesses in a month."""
    return tuple(Act(0, _night(30 + each), Deed.APPROVAL, approver, other=asker) for each in range(25))


def curious_neighbour(person: str, world: World) -> tuple[Act, ...]:
    """Searches once for a vehicle that a colleague declared."""
    owner = next(each.id for each in world.staff if each.id != person)
    blinds = world.people.conflicts[owner]
    return (Act(0, _night(33), Deed.SEARCH, person, "CASE-1", subjects=frozenset(), mentions=blinds),)


Abuse = Callable[[str, World], tuple[Act, ...]]
ABUSES: dict[str, tuple[str, Abuse]] = {
    "69 + 24 + 15 searches for one family": ("repeat_subject", lambda person, world: florida(person)),
    "a quiet street twice a week": ("repeat_place", lambda person, world: ex_partners_street(person)),
    "a colleague's vehicle, once": ("declared_conflict", curious_neighbour),
    "five looks on days off": ("off_shift", at_home),
    "300 recordings in a day": ("volume", lambda person, world: scraper(person)),
    "cases of four minutes, four times": ("case_timing", lambda person, world: own_cases(person)),
    "25 approvals by one approver in a month": (
        "approver_pair",
        lambda person, world: colluders(person, next(e.id for e in world.staff if e.team == "supervisor")),
    ),
}
