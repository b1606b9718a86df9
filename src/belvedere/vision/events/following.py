"""One event while it goes on."""

import math

import msgspec

from belvedere.foundation.clock import SECOND_US
from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.vision.events.places import heading_of, overlap
from belvedere.vision.events.presence import Patience, Presence, Step
from belvedere.vision.objects.found import Box, Detection

MOST_STEPS = 32
_PLACE = 0.5  # intersection over union: below it a box is at another place
_EDGE = 0.004
_NET = 0.6  # own heights between first and last foot before a heading is told


class Following(msgspec.Struct, eq=False):
    """An event that goes on. `anchor`: where it came to stand; `away`: sightings in a row that were elsewhere."""

    number: int
    family: int
    first_us: int
    last_us: int
    box: Box
    anchor: Box
    anchor_us: int
    best_us: int
    best_box: Box
    best: float
    confidence: float
    top: float
    kinds: dict[int, float]
    uppers: dict[int, float]
    lowers: dict[int, float]
    path: list[Step]
    stride: int = 1
    sightings: int = 1
    misses: int = 0
    away: int = 0
    moved: bool = False
    stands: bool = False
    furniture: bool = False

    @classmethod
    def begin(cls, number: int, family: int, time_us: int, found: Detection) -> "Following":
        """An event with its first sighting."""
        event = cls(
            number=number,
            family=family,
            first_us=time_us,
            last_us=time_us,
            box=found.box,
            anchor=found.box,
            anchor_us=time_us,
            best_us=time_us,
            best_box=found.box,
            best=-1.0,
            confidence=found.confidence,
            top=found.confidence,
            kinds={},
            uppers={},
            lowers={},
            path=[],
        )
        event._note(time_us, found)
        return event

    def expected(self, time_us: int) -> tuple[float, float]:
        """Where its foot is by now if it went on as it went, for at most three seconds."""
        x, y = self.box.foot
        if self.stands or len(self.path) < 2:
            return x, y
        before, last = self.path[-2], self.path[-1]
        if last.time_us <= before.time_us:
            return x, y
        ahead = min(time_us - self.last_us, 3 * SECOND_US) / (last.time_us - before.time_us)
        return x + (last.x - before.x) * ahead, y + (last.y - before.y) * ahead

    def saw(self, time_us: int, found: Detection, patience: Patience) -> bool:
        """Take in a further sighting. True when something that stood long has gone off: that is an event of its own."""
        self.misses = 0
        if overlap(found.box, self.anchor) >= _PLACE:
            self.away = 0
            self.stands = self.stands or time_us - self.anchor_us >= patience.still_us
        else:
            self.away += 1
            if self.stands and self.away >= 2:
                if patience.splits:
                    return True
                self.stands = False
            if not self.stands:
                self.moved = True
                self.anchor, self.anchor_us, self.away = found.box, time_us, 0
        self.sightings += 1
        self.last_us = time_us
        self.box = found.box
        self._note(time_us, found)
        return False

    def _note(self, time_us: int, found: Detection) -> None:
        sure, box = found.confidence, found.box
        for votes, value in ((self.kinds, found.kind), (self.uppers, found.upper), (self.lowers, found.lower)):
            votes[int(value)] = votes.get(int(value), 0.0) + sure
        self.top = max(self.top, sure)
        cut = box.left < _EDGE or box.top < _EDGE or box.right > 1 - _EDGE or box.bottom > 1 - _EDGE
        size = math.sqrt((box.right - box.left) * (box.bottom - box.top))
        clear = min(size, 0.5) * sure * (0.5 if cut else 1.0)
        if clear > self.best * 1.02:  # of equals the first: a parked car's best moment does not wander
            self.best, self.best_us, self.best_box, self.confidence = clear, time_us, box, sure
        step = Step(time_us, *box.foot, box.bottom - box.top)
        if len(self.path) >= 2 and self.sightings % self.stride:
            self.path[-1] = step
            return
        self.path.append(step)
        if len(self.path) > MOST_STEPS:
            self.path[:] = [*self.path[:-1:2], self.path[-1]]
            self.stride *= 2

    def confirmed(self, patience: Patience) -> bool:
        """Seen twice, or once so clearly that nobody doubts it."""
        return self.sightings >= 2 or self.top >= patience.certain

    def over(self, time_us: int, patience: Patience) -> bool:
        """Whether it has left by `time_us`."""
        unseen_us = time_us - self.last_us
        if self.stands:
            return self.misses >= patience.still_misses and unseen_us > patience.still_gap_us
        return unseen_us > patience.gap_us

    @property
    def kind(self) -> ObjectKind:
        """What most of its sightings, by their confidence, say it is."""
        return ObjectKind(max(self.kinds, key=lambda kind: self.kinds[kind]))

    def presence(self, aspect: float) -> Presence:
        """What is known of it by now. `aspect`: the picture's width by its height."""
        first, last = self.path[0], self.path[-1]
        across, down = (last.x - first.x) * aspect, last.y - first.y
        own = max((step.height for step in self.path), default=0.0)
        paces = sorted(
            math.hypot((b.x - a.x) * aspect, b.y - a.y) * SECOND_US / (b.time_us - a.time_us)
            for a, b in zip(self.path, self.path[1:], strict=False)
            if b.time_us > a.time_us
        )
        return Presence(
            number=self.number,
            kind=self.kind,
            upper=_chosen(self.uppers),
            lower=_chosen(self.lowers),
            start_us=self.first_us,
            end_us=self.last_us,
            best_us=self.best_us,
            confidence=self.confidence,
            box=self.best_box,
            sightings=self.sightings,
            heading=heading_of(across, down) if self.moved and math.hypot(across, down) > _NET * own else -1,
            speed=paces[len(paces) // 2] if paces and self.moved else 0.0,
            moved=self.moved,
            still_us=self.last_us - self.anchor_us,
            path=tuple(self.path),
        )


def _chosen(votes: dict[int, float]) -> ObjectColour:
    """The colour with the most votes; unknown only where no picture told one."""
    told = {colour: weight for colour, weight in votes.items() if colour}
    return ObjectColour(max(told, key=lambda colour: told[colour])) if told else ObjectColour.UNKNOWN
