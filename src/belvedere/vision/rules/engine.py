"""All rules of one camera: sightings in, what is raised out. Deterministic: the same pictures raise the same."""

from collections.abc import Sequence
from dataclasses import replace

from belvedere.foundation.clock import SECOND_US
from belvedere.link.rules import TAMPER, LiveRule
from belvedere.vision.events.gatherer import EventGatherer
from belvedere.vision.events.presence import MINUTE_US, Patience
from belvedere.vision.objects.found import Detection
from belvedere.vision.rules.hours import watches
from belvedere.vision.rules.judge import Judge, judge_of
from belvedere.vision.rules.raised import Raised, only_counts

LIVE = Patience(
    certain=2.0,
    gap_us=6 * SECOND_US,
    still_us=20 * SECOND_US,
    still_misses=30,
    still_gap_us=45 * SECOND_US,
    splits=False,
)
"""Joined closer than for search: a picture comes every two seconds at least, and nothing is told of a single sighting."""

_HINT_WORDS = {
    "black": "The picture went dark, or is covered.",
    "frozen": "The picture stands still: the camera sends one again and again.",
    "blurred": "The picture went out of focus, or something is before the lens.",
    "moved": "The camera looks elsewhere than before.",
}


class RuleEngine:
    """One camera's rules. For one thread. Rules may be changed at any time; those that stay the same keep what they know."""

    def __init__(self, rules: Sequence[LiveRule] = (), aspect: float = 16 / 9) -> None:
        """`aspect`: the picture's width by its height."""
        self._aspect = aspect
        self._gatherer = EventGatherer(aspect, LIVE)
        self._judges: dict[LiveRule, Judge] = {}
        self._tamper: tuple[LiveRule, ...] = ()
        self._quiet_until_us: dict[str, int] = {}
        self._hints: frozenset[str] = frozenset()
        self.put(rules)

    @property
    def rules(self) -> tuple[LiveRule, ...]:
        return (*self._judges, *self._tamper)

    def put(self, rules: Sequence[LiveRule]) -> None:
        """These are the rules from now on."""
        known = self._judges
        self._judges = {rule: known.get(rule) or judge_of(rule, self._aspect) for rule in rules if rule.kind != TAMPER}
        self._tamper = tuple(rule for rule in rules if rule.kind == TAMPER)
        ids = {rule.id for rule in rules}
        self._quiet_until_us = {id: until for id, until in self._quiet_until_us.items() if id in ids}

    def see(self, time_us: int, detections: Sequence[Detection]) -> list[Raised]:
        """Take in one picture. One that is not after the last is passed over. A gap of a minute makes the engine forget."""
        before_us = self._gatherer.last_us
        if time_us <= before_us:
            return []
        if before_us >= 0 and time_us - before_us > MINUTE_US:
            self._gatherer.finish()
            for judge in self._judges.values():
                judge.forget()
        self._gatherer.feed(time_us, detections)
        spots = self._gatherer.spots()
        raised: list[Raised] = []
        for rule, judge in self._judges.items():
            if not watches(rule.windows, rule.zone_name, time_us):
                judge.forget()
                continue
            raised += [self._weighed(found, time_us) for found in judge.look(time_us, spots)]
        return raised

    def feel(self, time_us: int, hints: frozenset[str]) -> list[Raised]:
        """Take in what the health of the picture tells by now; a hint that is new raises what minds it."""
        new, self._hints = hints - self._hints, hints
        return [
            self._weighed(
                Raised(rule, 0, time_us, time_us, 1.0, (0.0, 0.0, 1.0, 1.0), _HINT_WORDS.get(hint, hint)), time_us
            )
            for hint in sorted(new)
            for rule in self._tamper
            if (not rule.hints or hint in rule.hints) and watches(rule.windows, rule.zone_name, time_us)
        ]

    def _weighed(self, found: Raised, time_us: int) -> Raised:
        rule = found.rule
        muted = time_us < self._quiet_until_us.get(rule.id, 0)
        if not muted:
            self._quiet_until_us[rule.id] = time_us + round(rule.cool_down_s * SECOND_US)
        return replace(found, muted=muted, shadow=only_counts(rule, time_us))
