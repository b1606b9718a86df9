"""What a roll-out does next: pure. First the chosen sites, then a wait, then the rest, a few at once; stop on failure."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from belvedere.foundation.clock import MINUTE_US


class At(StrEnum):
    """How a site stands in a roll-out. `gone`: it no longer belongs to this hub."""

    WAITING = "waiting"
    ORDERED = "ordered"
    HEALTHY = "healthy"
    FAILED = "failed"
    GONE = "gone"


class State(StrEnum):
    """How a roll-out stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class SiteStep:
    """One site of a roll-out. `stage` 0: one of the first."""

    site: str
    stage: int
    state: At
    phase: str = ""
    former: str = ""
    have_bytes: int = 0
    ordered_us: int | None = None
    told_us: int | None = None
    ended_us: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast: minutes between the last of the first sites and the rest; sites that are under way at once."""

    wait_minutes: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Next:
    """What to do: sites to order now, or the end, or nothing but waiting (`rest_us`: until when, at the earliest)."""

    order: tuple[str, ...] = ()
    end: State | None = None
    why: str = ""
    rest_us: int | None = None


def next_of(sites: Sequence[SiteStep], pace: Pace, here: Set[str], now_us: int) -> Next:
    """The next step. `here`: sites that are on the line. Invariant: never more than `at_once` are ordered and not healthy."""
    failed = next((each for each in sites if each.state is At.FAILED), None)
    if failed is not None:
        return Next(end=State.FAILED, why=f"{failed.site}: {failed.why}")
    left = [each for each in sites if each.state in (At.WAITING, At.ORDERED)]
    if not left:
        return Next(end=State.DONE)
    stage = 0 if any(each.stage == 0 for each in left) else 1
    if stage == 1:
        first = [each for each in sites if each.stage == 0 and each.state is At.HEALTHY]
        if not first:
            return Next(end=State.FAILED, why="None of the first sites got it.")
        rest_us = max(each.ended_us or 0 for each in first) + pace.wait_minutes * MINUTE_US
        if now_us < rest_us:
            return Next(rest_us=rest_us)
        if any(each.site not in here for each in first):
            return Next(rest_us=now_us)  # one of the first is away: nobody knows how it does
    under_way = sum(each.state is At.ORDERED for each in left)
    may = [each.site for each in left if each.stage == stage and each.state is At.WAITING and each.site in here]
    return Next(order=tuple(sorted(may)[: max(0, pace.at_once - under_way)]))
