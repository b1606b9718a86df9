"""How and when people work: off shift, far more than the team, cases made to fit, and who approves for whom."""

import statistics
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.hub.watchers.acts import LOOKS, Act, Deed
from belvedere.hub.watchers.findings import WINDOW_DAYS, WINDOW_US, Finding, People, poisson_tail

GRACE_US = HOUR_US
NEAR_US = 31 * DAY_US
TIMES_MEDIAN = 3
FAR_ABOVE = 6  # more than any large incident makes of a day: told once more, and at once
LEAST_ACTS = 30
LEAST_PERSON_DAYS = 10
QUICK_US = 5 * MINUTE_US
SHORT_CASE_US = HOUR_US
FITTED = 4  # so many cases of one's own, opened just before looking, in 30 days; and more than half of them
PAIR_SHARE = 0.4
LEAST_APPROVALS = 10
UNLIKELY = 1e-4
ALONGSIDE_US = 6 * HOUR_US
_SEEING = LOOKS | {Deed.LIVE, Deed.GRANT}
_CASES = 10_000


class OffShift:
    """Looking outside the shifts of one's roster, an hour before and after left out. Who has no roster is not judged."""

    rule = "off_shift"

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        shifts = people.shifts.get(act.person, ())
        if act.deed not in _SEEING or not any(
            abs(act.time_us - edge) < NEAR_US for from_us, until_us in shifts for edge in (from_us, until_us)
        ):
            return
        if any(from_us - GRACE_US <= act.time_us < until_us + GRACE_US for from_us, until_us in shifts):
            return
        day = act.time_us // DAY_US
        if self._told.get(act.person) == day:
            return
        self._told[act.person] = day
        away_us = min(min(abs(act.time_us - from_us), abs(act.time_us - until_us)) for from_us, until_us in shifts)
        yield Finding(
            self.rule,
            act.person,
            f"{self.rule}:{act.person}:{day}",
            f"This person opened pictures outside their shifts, {_hours(away_us)} from the nearest.",
            act.time_us,
            {"away_us": away_us, "case": act.case},
            (act.index,),
        )

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()


class Volume:
    """More than three times what a day of the team's work is by the median of 30 days, and 30 looks at least."""

    rule = "volume"

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str], int] = {}  # day, person
        self._teams: dict[tuple[int, str], str] = {}
        self._medians: dict[str, tuple[int, float | None]] = {}
        self._told: dict[str, tuple[int, int]] = {}  # day, and whether it was far above

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        if act.deed not in LOOKS:
            return
        day, team = act.time_us // DAY_US, people.team(act.person)
        key = (day, act.person)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._teams[key] = team
        median = self._median(team, day)
        count = self._counts[key]
        if median is None or count < LEAST_ACTS or count <= TIMES_MEDIAN * median:
            return
        step = 2 if count > FAR_ABOVE * median else 1
        told = self._told.get(act.person)
        if told is not None and told >= (day, step):
            return
        self._told[act.person] = (day, step)
        yield Finding(
            self.rule,
            act.person,
            f"{self.rule}:{act.person}:{day}" + (":far" if step > 1 else ""),
            f"This person opened recordings {count} times in a day; the team's usual day has {median:.0f}.",
            act.time_us,
            {"count": count, "median": median},
            (act.index,),
        )

    def _median(self, team: str, day: int) -> float | None:
        """Of the team's days before this one; None while too little is known."""
        known = self._medians.get(team)
        if known is not None and known[0] == day:
            return known[1]
        for old in [key for key in self._counts if key[0] < day - WINDOW_DAYS]:
            del self._counts[old], self._teams[old]
        told = [(key[1], count) for key, count in self._counts.items() if key[0] < day and self._teams[key] == team]
        enough = len(told) >= LEAST_PERSON_DAYS and len({person for person, _ in told}) > 2
        median = statistics.median(count for _, count in told) if enough else None
        self._medians[team] = (day, median)
        return median

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()


@dataclass(slots=True)
class _Case:
    opened_us: int
    opener: str
    people: set[str] = field(default_factory=set)
    first_us: int | None = None  # first and last look of the opener
    last_us: int | None = None
    entries: list[int] = field(default_factory=list)


class CaseTiming:
    """Cases made to fit a look: opened, looked at and closed again by one person alone within minutes; or, the fourth time
    in 30 days and more often than not, opened by oneself under five minutes before looking, with nobody else in it a day later.
    """

    rule = "case_timing"

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}
        self._fitted: dict[str, deque[str]] = {}
        self._told: dict[str, int] = {}

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        del people
        if not act.case:
            return
        if act.deed is Deed.CASE_OPENED:
            self._cases[act.case] = _Case(act.time_us, act.person, {act.person}, entries=[act.index])
            if len(self._cases) > _CASES:
                del self._cases[next(iter(self._cases))]
            return
        case = self._cases.get(act.case)
        if case is None:
            return
        if act.deed in LOOKS or act.deed is Deed.CASE_JOINED:
            case.people.add(act.person)
        if act.deed in LOOKS and act.person == case.opener:
            yield from self._look(case, act)
        elif act.deed is Deed.CASE_CLOSED:
            yield from self._close(case, act)

    def _look(self, case: _Case, act: Act) -> Iterator[Finding]:
        case.last_us = act.time_us
        if case.first_us is not None:
            return
        case.first_us = act.time_us
        case.entries.append(act.index)
        if act.time_us - case.opened_us >= QUICK_US:
            return
        fitted = self._fitted.setdefault(act.person, deque())
        fitted.append(act.case)
        old_us = act.time_us - WINDOW_US
        while fitted and (fitted[0] not in self._cases or self._cases[fitted[0]].opened_us < old_us):
            fitted.popleft()
        settled = [name for name in fitted if self._cases[name].opened_us < act.time_us - DAY_US]
        alone = [name for name in settled if self._cases[name].people == {act.person}]
        if (
            len(alone) + 1 < FITTED
            or 2 * len(alone) <= len(settled)
            or act.time_us - self._told.get(act.person, old_us) < WINDOW_US
        ):
            return
        self._told[act.person] = act.time_us
        yield Finding(
            self.rule,
            act.person,
            f"{self.rule}:{act.person}:{act.time_us // DAY_US}",
            f"This person opened {len(alone) + 1} cases in {WINDOW_DAYS} days less than 5 minutes before looking at "
            "recordings under them, and nobody else has worked on them.",
            act.time_us,
            {"cases": [*alone, act.case]},
            tuple(index for name in [*alone, act.case] for index in self._cases[name].entries)[-20:],
        )

    def _close(self, case: _Case, act: Act) -> Iterator[Finding]:
        alone = case.people == {act.person} and act.person == case.opener
        if not alone or case.last_us is None or case.first_us is None:
            return
        if act.time_us - case.last_us >= QUICK_US or act.time_us - case.opened_us >= SHORT_CASE_US:
            return
        yield Finding(
            self.rule,
            act.person,
            f"{self.rule}:{act.case}"[:200],
            f"This person opened a case, looked at recordings under it and closed it again within "
            f"{max(1, (act.time_us - case.opened_us) // MINUTE_US)} minutes, alone.",
            act.time_us,
            {"cases": [act.case]},
            (*case.entries, act.index),
        )

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()


class ApproverPairs:
    """One approver gives more than 40 % of what one person is given, 10 in 30 days at least, and the roster does not explain it.

    Whoever is on duty together approves for each other. So each approval is weighed against what this approver gave to
    *others* within six hours of it; the sum is what chance would give (Poisson, flagged below 1 in 10,000).
    """

    rule = "approver_pair"

    def __init__(self) -> None:
        self._made: list[_Approval] = []  # in order of time
        self._told: dict[tuple[str, str], int] = {}

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        del people
        if act.deed is not Deed.APPROVAL or not act.other:
            return
        self._made.append(_Approval(act.time_us, act.other, act.person, act.index))
        old = bisect_right(self._made, act.time_us - WINDOW_US, key=_time)
        del self._made[:old]
        mine = [each for each in self._made if each.asker == act.other]
        given = [each for each in mine if each.approver == act.person]
        pair = (act.other, act.person)
        if len(mine) < LEAST_APPROVALS or len(given) <= PAIR_SHARE * len(mine):
            return
        if act.time_us - self._told.get(pair, -WINDOW_US) < WINDOW_US:
            return
        expected = sum(self._chance(each, act.person) for each in mine)
        if poisson_tail(len(given), expected) >= UNLIKELY:
            return
        self._told[pair] = act.time_us
        yield Finding(
            self.rule,
            act.other,
            f"{self.rule}:{act.other}:{act.person}:{act.time_us // DAY_US}"[:200],
            f"One approver gave {len(given)} of the {len(mine)} accesses that this person was given in {WINDOW_DAYS} days "
            f"({100 * len(given) // len(mine)} %); by what they gave others at the same hours it would be about {expected:.0f}.",
            act.time_us,
            {"approver": act.person, "given": len(given), "asked": len(mine), "expected": round(expected, 1)},
            tuple(each.index for each in given)[-20:],
        )

    def _chance(self, approval: "_Approval", approver: str) -> float:
        """How likely this approver was to decide it, by what was decided for others around then."""
        first = bisect_left(self._made, approval.time_us - ALONGSIDE_US, key=_time)
        last = bisect_right(self._made, approval.time_us + ALONGSIDE_US, key=_time)
        others = [each.approver for each in self._made[first:last] if each.asker != approval.asker]
        return (others.count(approver) + 0.5) / (len(others) + 0.5 * (1 + len({*others, approver})))

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()


@dataclass(frozen=True, slots=True)
class _Approval:
    time_us: int
    asker: str
    approver: str
    index: int


def _time(approval: _Approval) -> int:
    return approval.time_us


class DwellingLook:
    """More than a minute on a view that looks at where people live. The dwell guard measures and logs it."""

    rule = "dwelling_look"

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], int] = {}

    def see(self, act: Act, people: People) -> Iterator[Finding]:
        if act.deed is not Deed.DWELLING or not act.cameras:
            return
        day, camera = act.time_us // DAY_US, act.cameras[0]
        if self._told.get((act.person, camera)) == day:
            return
        self._told[act.person, camera] = day
        yield Finding(
            self.rule,
            act.person,
            f"{self.rule}:{act.person}:{camera}:{day}"[:200],
            f"This person held a view of homes at {people.place(camera)} for more than a minute.",
            act.time_us,
            {"camera": camera, "case": act.case},
            (act.index,),
        )

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        del now_us
        return ()


class UnreviewedGlass:
    """Break-glass that nobody reviewed within 24 hours."""

    rule = "glass_unreviewed"

    def __init__(self) -> None:
        self._open: dict[str, Act] = {}

    def see(self, act: Act, people: People) -> Iterable[Finding]:
        del people
        if act.deed is Deed.GLASS:
            self._open[act.about] = act
        elif act.deed is Deed.GLASS_REVIEWED:
            self._open.pop(act.about, None)
        return ()

    def pass_time(self, now_us: int) -> Iterator[Finding]:
        for about, act in list(self._open.items()):
            if now_us - act.time_us >= DAY_US:
                del self._open[about]
                yield Finding(
                    self.rule,
                    act.person,
                    f"break_glass.overdue:{about}",  # as the approvals desk says it, so that it is told once
                    "Emergency access (break-glass) was used and nobody has reviewed it within 24 hours.",
                    act.time_us + DAY_US,
                    {"break_glass": about},
                    (act.index,),
                )


def _hours(us: int) -> str:
    if us < HOUR_US:
        return f"{us // MINUTE_US} minutes"
    if us < 2 * DAY_US:
        return f"{us // HOUR_US} hours"
    return f"{us // DAY_US} days"
