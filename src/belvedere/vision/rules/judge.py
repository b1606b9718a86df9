"""What each kind of rule minds. A judge belongs to one rule of one camera and sees every picture in turn."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from belvedere.foundation.clock import SECOND_US
from belvedere.link.rules import COURT, CROWD, DWELL, LEFT, LINE, WRONG_WAY, LiveRule
from belvedere.media.objects import KIND_TEXT, VEHICLES, ObjectKind
from belvedere.vision.events.spot import Spot
from belvedere.vision.rules.plane import Point, crosses, inside, side
from belvedere.vision.rules.raised import Raised

_LEEWAY = 0.15  # own heights beyond a line before somebody counts as across: boxes shake
_LOST_US = 5 * SECOND_US  # who is missing from a zone for less has not left it
_SURE_US = SECOND_US  # in a zone for so long, and seen there twice
_WAY = 1.5  # own heights gone the wrong way
_OWNER = 2.5  # own heights: a person so near to a bag may be whose it is
_MOST = 512  # objects remembered; the oldest are forgotten first


class Judge(Protocol):
    """Looks at every picture of its camera while its rule watches."""

    def look(self, time_us: int, spots: Sequence[Spot]) -> Iterable[Raised]:
        """What is minded in this picture. `spots`: every object that is followed."""
        ...

    def forget(self) -> None:
        """Nothing is known of what was before: the rule begins to watch, or pictures were missing."""
        ...


def judge_of(rule: LiveRule, aspect: float) -> Judge:
    """The judge of a rule's kind."""
    if rule.kind == LINE:
        return _Line(rule, aspect)
    if rule.kind == CROWD:
        return _Crowd(rule)
    if rule.kind == WRONG_WAY:
        return _WrongWay(rule, aspect)
    if rule.kind == LEFT:
        return _Left(rule, aspect)
    if rule.kind == DWELL:
        return _Stay(rule, round(rule.seconds * SECOND_US), moving=False)
    return _Stay(rule, _SURE_US, moving=rule.kind == COURT)


def minded(rule: LiveRule, spot: Spot) -> bool:
    """Whether a rule minds an object of this kind, seen so surely."""
    objects: Iterable[int] = rule.objects or (VEHICLES if rule.kind == COURT else ())
    return (not objects or spot.kind in objects) and spot.confidence >= rule.least_confidence


def _raised(rule: LiveRule, spot: Spot, start_us: int, time_us: int, words: str) -> Raised:
    box = spot.box
    corners = (box.left, box.top, box.right, box.bottom)
    return Raised(rule, int(spot.kind), start_us, time_us, spot.confidence, corners, words)


def _trimmed(known: dict[int, Any]) -> None:
    while len(known) > _MOST:
        del known[next(iter(known))]


class _Line:
    """Somebody who was surely on one side is surely on the other, and went through between the line's ends."""

    def __init__(self, rule: LiveRule, aspect: float) -> None:
        self._rule = rule
        self._aspect = aspect
        self._line = (rule.line[0], rule.line[1])
        self._sure: dict[int, Point] = {}

    def forget(self) -> None:
        self._sure.clear()

    def look(self, time_us: int, spots: Sequence[Spot]) -> Iterable[Raised]:
        for spot in spots:
            if spot.last_us != time_us or not minded(self._rule, spot):
                continue
            foot = spot.box.foot
            off = side(self._line, foot, self._aspect)
            if abs(off) < _LEEWAY * (spot.box.bottom - spot.box.top):
                continue
            before = self._sure.pop(spot.number, None)
            self._sure[spot.number] = foot
            if before is None or not crosses(self._line, before, foot, self._aspect):
                continue
            way = 1 if off > 0 else -1
            if self._rule.direction in (0, way):
                from_side = "left to right" if way > 0 else "right to left"
                words = f"A {KIND_TEXT[spot.kind]} crossed the line from {from_side}."
                yield _raised(self._rule, spot, time_us, time_us, words)
        _trimmed(self._sure)


class _Stay:
    """Somebody is in the zone for a while; raised once until they have been out of it for five seconds."""

    def __init__(self, rule: LiveRule, least_us: int, moving: bool) -> None:
        self._rule = rule
        self._least_us = least_us
        self._moving = moving
        # Since when and until when it was seen inside, how often, and whether that was told.
        self._known: dict[int, tuple[int, int, int, bool]] = {}

    def forget(self) -> None:
        self._known.clear()

    def look(self, time_us: int, spots: Sequence[Spot]) -> Iterable[Raised]:
        for number in [number for number, known in self._known.items() if time_us - known[1] > _LOST_US]:
            del self._known[number]
        for spot in spots:
            if spot.last_us != time_us or not minded(self._rule, spot) or not inside(self._rule.zone, spot.box.foot):
                continue
            since_us, _, seen, told = self._known.pop(spot.number, (time_us, time_us, 0, False))
            ready = seen >= 1 and time_us - since_us >= self._least_us and (spot.moved or not self._moving)
            self._known[spot.number] = (since_us, time_us, seen + 1, told or ready)
            if ready and not told:
                yield _raised(self._rule, spot, since_us, time_us, self._words(spot, time_us - since_us))
        _trimmed(self._known)

    def _words(self, spot: Spot, stayed_us: int) -> str:
        what = KIND_TEXT[spot.kind]
        if self._rule.kind == DWELL:
            return f"A {what} has been in the zone for {stayed_us // SECOND_US} s."
        if self._rule.kind == COURT:
            return f"A {what} moves where none should drive."
        return f"A {what} came into the zone."


class _Crowd:
    """So many at once for so long; raised again only after they were fewer for five seconds."""

    def __init__(self, rule: LiveRule) -> None:
        self._rule = rule
        self.forget()

    def forget(self) -> None:
        self._since_us: int | None = None
        self._full_us = 0
        self._told = False

    def look(self, time_us: int, spots: Sequence[Spot]) -> Iterable[Raised]:
        here = [
            spot
            for spot in spots
            if time_us - spot.last_us <= 2 * SECOND_US
            and minded(self._rule, spot)
            and inside(self._rule.zone, spot.box.foot)
        ]
        if len(here) >= self._rule.count:
            self._full_us = time_us
            if self._since_us is None:
                self._since_us = time_us
        elif self._since_us is not None and time_us - self._full_us > _LOST_US:
            self.forget()
        if self._since_us is None or self._told or len(here) < self._rule.count:
            return
        if time_us - self._since_us >= self._rule.seconds * SECOND_US:
            self._told = True
            left, top = min(spot.box.left for spot in here), min(spot.box.top for spot in here)
            right, bottom = max(spot.box.right for spot in here), max(spot.box.bottom for spot in here)
            kind = int(here[0].kind) if len({spot.kind for spot in here}) == 1 else 0
            sure = min(spot.confidence for spot in here)
            words = f"{len(here)} at once in the zone."
            yield Raised(self._rule, kind, self._since_us, time_us, sure, (left, top, right, bottom), words)


class _WrongWay:
    """Somebody goes against the way that is right, for more than their own height, within the zone."""

    def __init__(self, rule: LiveRule, aspect: float) -> None:
        self._rule = rule
        self._aspect = aspect
        turn = rule.direction % 8
        across = (0.0, 1.0, 1.0, 1.0, 0.0, -1.0, -1.0, -1.0)[turn]
        down = (-1.0, -1.0, 0.0, 1.0, 1.0, 1.0, 0.0, -1.0)[turn]
        length = (across * across + down * down) ** 0.5
        self._right = (across / length, down / length)
        # The farthest that somebody had come the right way, since when, and whether it was told.
        self._known: dict[int, tuple[float, int, bool]] = {}

    def forget(self) -> None:
        self._known.clear()

    def look(self, time_us: int, spots: Sequence[Spot]) -> Iterable[Raised]:
        for spot in spots:
            if spot.last_us != time_us or not minded(self._rule, spot) or not inside(self._rule.zone, spot.box.foot):
                continue
            x, y = spot.box.foot
            along = x * self._aspect * self._right[0] + y * self._right[1]
            best, since_us, told = self._known.pop(spot.number, (along, time_us, False))
            if along >= best:
                best, since_us = along, time_us
            wrong = best - along > _WAY * (spot.box.bottom - spot.box.top)
            self._known[spot.number] = (best, since_us, told or wrong)
            if wrong and not told:
                words = f"A {KIND_TEXT[spot.kind]} goes against the way."
                yield _raised(self._rule, spot, since_us, time_us, words)
        _trimmed(self._known)


class _Left:
    """A thing that was not there when the rule began to watch lies unmoved, and nobody stands by it."""

    def __init__(self, rule: LiveRule, aspect: float) -> None:
        self._rule = rule
        self._aspect = aspect
        self.forget()

    def forget(self) -> None:
        self._begun_us: int | None = None
        self._alone_us: dict[int, int] = {}  # since when nobody stood by it
        self._told: dict[int, None] = {}

    def look(self, time_us: int, spots: Sequence[Spot]) -> Iterable[Raised]:
        if self._begun_us is None:
            self._begun_us = time_us
        people = [spot for spot in spots if spot.kind == ObjectKind.PERSON and time_us - spot.last_us <= 2 * SECOND_US]
        things = {
            spot.number: spot
            for spot in spots
            if spot.kind in (self._rule.objects or (ObjectKind.BAG,))
            and minded(self._rule, spot)
            and inside(self._rule.zone, spot.box.foot)
        }
        self._alone_us = {number: since for number, since in self._alone_us.items() if number in things}
        for number, thing in things.items():
            # What was there from the beginning is not "left": nobody saw it come.
            if number in self._told or thing.first_us - self._begun_us < 5 * SECOND_US:
                continue
            since_us = max(self._alone_us.setdefault(number, time_us), thing.still_since_us)
            if any(self._near(thing, person) for person in people):
                self._alone_us[number] = time_us
            elif time_us - since_us >= self._rule.seconds * SECOND_US:
                self._told[number] = None
                words = f"A {KIND_TEXT[thing.kind]} lies there, and nobody is by it."
                yield _raised(self._rule, thing, thing.first_us, time_us, words)
        _trimmed(self._told)

    def _near(self, thing: Spot, person: Spot) -> bool:
        (x, y), (other_x, other_y) = thing.box.foot, person.box.foot
        reach = _OWNER * (person.box.bottom - person.box.top)
        return bool(((x - other_x) * self._aspect) ** 2 + (y - other_y) ** 2 < reach * reach)
