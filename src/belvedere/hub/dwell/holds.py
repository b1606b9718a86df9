"""How long somebody has held live pictures on one place. Pure: what is seen and the time go in, what is due comes out.

A **close look** is a live picture that a person follows, rather than a wall that shows the estate at once:
the full picture (main stream) of a camera; or any live picture while fewer than `wall_tiles` cameras play for this person,
over all their pages (an enlarged tile stops the others, so it is one of these), unless those are all cameras that their
access opens; or a camera that they move. Sixty seconds without a close look at a place end the hold on it.

**Following**: who leaves one place for a neighbouring one within that minute goes on holding. Each hold remembers all the
cameras that it reached.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from belvedere.foundation.clock import MINUTE_US, SECOND_US

GAP_US = MINUTE_US
PTZ_US = 30 * SECOND_US  # a movement counts as a close look for so long
DWELLING_US = MINUTE_US
_MOST_HOLDS = 64  # of one person


class Due(StrEnum):
    """What a hold calls for."""

    ASK = "ask"  # long enough: say why
    STOP = "stop"  # asked, not answered
    DWELLING = "dwelling"  # over a minute on a view of homes: enter it in the log


@dataclass(slots=True)
class Hold:
    """One person's look at one place, or along neighbouring ones."""

    # Invariant: in the order in which they were reached; the last is where the look is now.
    cameras: list[str]
    start_us: int
    seen_us: int
    ask_us: int  # when to ask
    asked_us: int | None = None
    dwelling_told: set[str] = field(default_factory=set)
    since_us: int = 0  # when the look came to the present camera

    @property
    def camera(self) -> str:
        return self.cameras[-1]


@dataclass(frozen=True, slots=True)
class Call:
    """What is due for which hold."""

    due: Due
    hold: Hold


@dataclass(frozen=True, slots=True)
class Rules:
    """Minutes and tiles, from the settings."""

    longest_us: int
    grace_us: int
    wall_tiles: int


def close_looks(playing: Iterable[tuple[str, bool]], wall_tiles: int, openable: int) -> frozenset[str]:
    """The cameras of close looks among (camera, is it the full picture) that play for one person.

    `openable`: how many cameras their access opens. One camera alone is always a close look.
    """
    shown = list(playing)
    cameras = {camera for camera, _ in shown}
    full = frozenset(camera for camera, main in shown if main)
    is_wall = len(cameras) >= wall_tiles or 1 < openable <= len(cameras)
    return full if is_wall else frozenset(cameras)


class Holds:
    """One person's holds."""

    def __init__(self, rules: Rules, near: Callable[[str, str], bool], is_dwelling: Callable[[str], bool]) -> None:
        """`near`: whether two cameras are neighbours. `is_dwelling`: whether what a camera shows now looks at homes."""
        self._rules = rules
        self._near = near
        self._is_dwelling = is_dwelling
        self.holds: list[Hold] = []

    def see(self, close: frozenset[str], excused: Callable[[str], int], now_us: int) -> Iterator[Call]:
        """What is due now that these cameras are looked at closely.

        `excused(camera)`: until when a note or authorisation covers it, 0 for none. Call it about every second.
        """
        self.holds = [hold for hold in self.holds if now_us - hold.seen_us <= GAP_US]
        free = [hold for hold in self.holds if hold.camera not in close]
        for camera in sorted(close):
            hold = next((each for each in self.holds if each.camera == camera), None)
            if hold is None:
                hold = self._reach(camera, free, now_us)
            hold.seen_us = now_us
            yield from self._judge(hold, excused, now_us)

    def _reach(self, camera: str, free: list[Hold], now_us: int) -> Hold:
        """The hold that goes on at a camera, or a new one."""
        for hold in sorted(free, key=lambda each: each.start_us):
            if camera in hold.cameras or self._near(hold.camera, camera):
                free.remove(hold)
                if camera in hold.cameras:
                    hold.cameras.remove(camera)
                hold.cameras.append(camera)
                hold.since_us = now_us
                return hold
        hold = Hold([camera], now_us, now_us, now_us + self._rules.longest_us, since_us=now_us)
        self.holds.append(hold)
        if len(self.holds) > _MOST_HOLDS:
            self.holds.pop(0)
        return hold

    def _judge(self, hold: Hold, excused: Callable[[str], int], now_us: int) -> Iterator[Call]:
        if (
            now_us - hold.since_us > DWELLING_US
            and hold.camera not in hold.dwelling_told
            and self._is_dwelling(hold.camera)
        ):
            hold.dwelling_told.add(hold.camera)
            yield Call(Due.DWELLING, hold)
        covered_us = excused(hold.camera)
        if covered_us > now_us:
            hold.asked_us = None
            hold.ask_us = max(hold.ask_us, covered_us)
            return
        if hold.asked_us is None:
            if now_us >= hold.ask_us:
                hold.asked_us = now_us
                yield Call(Due.ASK, hold)
        elif now_us - hold.asked_us >= self._rules.grace_us:
            self.holds.remove(hold)
            yield Call(Due.STOP, hold)
