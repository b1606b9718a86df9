"""The same subject again and again: searches, places, and what staff declared of themselves."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from belvedere.foundation.clock import DAY_US
from belvedere.hub.watchers.acts import LOOKS, Act, Deed
from belvedere.hub.watchers.findings import WINDOW_DAYS, WINDOW_US, Finding, People, days, poisson_tail

REPEATS = 3  # the third is flagged
COMMON = 3  # so many others who searched for it too make a subject everybody's business
RARE = 1e-4  # a place is flagged when an honest colleague would be seen there so often less than once in 10,000
RAREST = 1e-6  # told once more, and at once
_CASES = 10_000


class SharedCases:
    """Which cases are more than one person's. Bounded: of the oldest nothing is known any more, and nothing is excused."""

    def __init__(self) -> None:
        self._people: dict[str, set[str]] = {}

    def see(self, act: Act) -> None:
        if act.case and act.deed in LOOKS | {Deed.CASE_OPENED, Deed.CASE_JOINED}:
            self._people.setdefault(act.case, set()).add(act.person)
            if len(self._people) > _CASES:
                del self._people[next(iter(self._people))]

    def shared(self, case: str) -> bool:
        return len(self._people.get(case, ())) > 1


@dataclass(slots=True)
class _Subject:
    """Searches for one subject, in order: time, person, case, log index."""

    made: deque[tuple[int, str, str, int]] = field(default_factory=deque)
    told: dict[str, int] = field(default_factory=dict)


class RepeatSubject:
    """One person searches for one subject for the third time in 30 days, without one case that others work on too.

    In a case that is the person's own, the third *day* counts. Not flagged: what three colleagues searched for as well.
    """

    rule = "repeat_subject"

    def __init__(self) -> None:
        self._cases = SharedCases()
        self._subjects: dict[str, _Subject] = {}
        self._pruned_us = 0

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        del people
        self._cases.see(act)
        if act.deed is not Deed.SEARCH:
            return
        self._prune(act.time_us)
        for name in sorted(act.subjects):
            subject = self._subjects.setdefault(name, _Subject())
            subject.made.append((act.time_us, act.person, act.case, act.index))
            while subject.made[0][0] <= act.time_us - WINDOW_US:
                subject.made.popleft()
            yield from self._judge(name, subject, act)

    def _judge(self, name: str, subject: _Subject, act: Act) -> Iterator[Finding]:
        mine = [each for each in subject.made if each[1] == act.person]
        on_days = {each[0] // DAY_US for each in mine}
        cases = {each[2] for each in mine}
        if len(cases) == 1 and cases != {""}:
            if self._cases.shared(next(iter(cases))) or len(on_days) < REPEATS:
                return
        elif len(mine) < REPEATS:
            return
        if len({each[1] for each in subject.made} - {act.person}) >= COMMON:
            return
        if act.time_us - subject.told.get(act.person, -WINDOW_US) < WINDOW_US:
            return
        subject.told[act.person] = act.time_us
        shared = sum(self._cases.shared(each[2]) for each in mine)
        yield Finding(
            self.rule,
            act.person,
            f"{self.rule}:{act.person}:{name}:{act.time_us // DAY_US}",
            f"This person searched for the same subject {len(mine)} times on {days(len(on_days))} in the last "
            f"{WINDOW_DAYS}, and no case that others work on explains it.",
            act.time_us,
            {
                "subject": name,
                "searches": len(mine),
                "days": len(on_days),
                "cases": sorted(cases - {""}),
                "shared": shared,
                "uncased": sum(not each[2] for each in mine),
            },
            tuple(each[3] for each in mine)[-20:],
        )

    def _prune(self, now_us: int) -> None:
        if now_us - self._pruned_us < DAY_US:
            return
        self._pruned_us = now_us
        old_us = now_us - WINDOW_US
        self._subjects = {name: each for name, each in self._subjects.items() if each.made[-1][0] > old_us}

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()


class RepeatPlace:
    """One person looks at one place on 3 days in 30 or more, and far more than colleagues do.

    Watching the same places is the work; so the days are weighed against how the team's looks spread over the places
    (Poisson, flagged below 1 in 10,000). Looks under a case that others work on do not count.
    """

    rule = "repeat_place"

    def __init__(self) -> None:
        self._cases = SharedCases()
        self._order: deque[tuple[int, str, str, str]] = deque()  # day, team, person, place; each once
        self._known: set[tuple[int, str, str]] = set()
        self._entries: dict[tuple[str, str], deque[int]] = {}
        self._team: dict[str, Counter[str]] = {}
        self._mine: dict[str, Counter[str]] = {}
        self._told: dict[tuple[str, str], tuple[int, int]] = {}  # day, and whether it was far below chance

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        self._cases.see(act)
        looks = act.deed is Deed.REPLAY or (act.deed is Deed.LIVE and act.main)
        if not looks or (act.case and self._cases.shared(act.case)):
            return
        day = act.time_us // DAY_US
        self._forget(day - WINDOW_DAYS)
        team = people.team(act.person)
        for place in sorted({people.place(camera) for camera in act.cameras}):
            if (day, act.person, place) in self._known:
                continue
            self._known.add((day, act.person, place))
            self._order.append((day, team, act.person, place))
            self._team.setdefault(team, Counter())[place] += 1
            self._mine.setdefault(act.person, Counter())[place] += 1
            self._entries.setdefault((act.person, place), deque(maxlen=WINDOW_DAYS)).append(act.index)
            yield from self._judge(act, day, team, place, len(set(people.places.values())))

    def _judge(self, act: Act, day: int, team: str, place: str, places: int) -> Iterator[Finding]:
        mine = self._mine[act.person]
        seen = mine[place]
        told_day, told = self._told.get((act.person, place), (-WINDOW_DAYS, 0))
        told = told if day - told_day < WINDOW_DAYS else 0
        if seen < REPEATS or told == 2:
            return
        everybody = self._team[team]
        others = everybody[place] - seen
        total = everybody.total() - mine.total()
        # Half a look everywhere, so that a place which nobody looked at yet is not impossible.
        share = (others + 0.5) / (total + 0.5 * max(places, len(everybody)))
        expected = mine.total() * share
        chance = poisson_tail(seen, expected)
        step = 2 if chance < RAREST else 1
        if chance >= RARE or step <= told:
            return
        self._told[act.person, place] = (day, step)
        yield Finding(
            self.rule,
            act.person,
            f"{self.rule}:{act.person}:{place}:{day}"[:200],
            f"This person looked at {place} on {days(seen)} of the last {WINDOW_DAYS}; somebody looking as often as they do "
            f"would, by how colleagues look, be there on about {expected:.1f}. No case that others work on explains it.",
            act.time_us,
            {"place": place, "days": seen, "expected": round(expected, 2), "far": step > 1},
            tuple(self._entries[act.person, place]),
        )

    def _forget(self, first_day: int) -> None:
        while self._order and self._order[0][0] <= first_day:
            day, team, person, place = self._order.popleft()
            self._known.discard((day, person, place))
            for counter in (self._team[team], self._mine[person]):
                counter[place] -= 1
                if not counter[place]:
                    del counter[place]

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()


class DeclaredConflict:
    """A search that names what this person, or a colleague, declared as a conflict; or a look at one's own street."""

    rule = "declared_conflict"

    def __init__(self) -> None:
        self._cases = SharedCases()
        self._told: dict[tuple[str, str], int] = {}

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        self._cases.see(act)
        if act.deed is Deed.SEARCH:
            for owner, blinds in people.conflicts.items():
                hit = sorted(blinds & act.mentions)
                if hit:
                    own = owner == act.person
                    whose = "they declared as a conflict of their own" if own else "a colleague declared as their own"
                    yield from self._tell(act, hit[0], f"This person searched for something that {whose}.", own=own)
        elif act.deed is Deed.REPLAY and not (act.case and self._cases.shared(act.case)):
            mine = people.conflicts.get(act.person, frozenset())
            for place in sorted({people.place(camera) for camera in act.cameras}):
                if mine & people.street_blinds.get(place, frozenset()):
                    text = (
                        f"This person looked at recordings of {place}, which they declared as a conflict of their own."
                    )
                    yield from self._tell(act, place, text, own=True)

    def _tell(self, act: Act, subject: str, text: str, *, own: bool) -> Iterator[Finding]:
        key = (act.person, subject)
        if act.time_us - self._told.get(key, -DAY_US) < DAY_US:
            return
        self._told[key] = act.time_us
        matter = f"{self.rule}:{act.person}:{subject}:{act.time_us // DAY_US}"[:200]
        facts = {"subject": subject, "own": own, "case": act.case}
        yield Finding(self.rule, act.person, matter, text, act.time_us, facts, (act.index,))

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()
