"""Counting what is opened, per person, access and camera, in fixed windows. Pure and cheap: a few dictionary look-ups.

Footage is counted by the segment: reading any of a segment opens all of it that the playlist named, once for each window,
so that playing a minute twice costs it once. A scraper that takes one second of each minute is counted in minutes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from belvedere.foundation.clock import DAY_US, HOUR_US


class What(StrEnum):
    """What is counted; footage in seconds, the rest in pieces."""

    FOOTAGE = "footage"
    EXPORTS = "exports"


class Scope(StrEnum):
    PERSON = "person"
    ACCESS = "access"
    CAMERA = "camera"


WINDOWS: dict[What, int] = {What.FOOTAGE: HOUR_US, What.EXPORTS: DAY_US}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most in a window, by what and for whom. What is not named is not limited."""

    most: dict[tuple[What, Scope], int]


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that would be passed. `first`: nobody was told of it in this window yet."""

    what: What
    scope: Scope
    id: str
    most: int
    window_us: int
    first: bool


@dataclass(slots=True)
class _Count:
    window_us: int
    amount: int = 0
    # Invariant: what is in it was counted in this window; empty for what is not told apart.
    seen: set[tuple[str, int]] = field(default_factory=set)
    told: bool = False
    dirty: bool = False
    told_others: int = 0  # of `amount`, what the database has from here


Key = tuple[What, Scope, str]


class Counts:
    """All counters of one hub. For one thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._counts: dict[Key, _Count] = {}

    def take(
        self,
        what: What,
        ids: Iterable[tuple[Scope, str]],
        now_us: int,
        amount: int = 1,
        thing: tuple[str, int] | None = None,
    ) -> Over | None:
        """Count `amount` for all `ids`, or nothing: then the limit that would be passed.

        `thing`: what is opened; opened once, it is free for the rest of the window, for each id by itself.
        """
        window_us = now_us // WINDOWS[what] * WINDOWS[what]
        owing = []
        for scope, name in ids:
            count = self._counts.get((what, scope, name))
            if count is None or count.window_us != window_us:
                count = self._counts[what, scope, name] = _Count(window_us)
            if thing is not None and thing in count.seen:
                continue
            most = self._limits.most.get((what, scope))
            if most is not None and count.amount + amount > most:
                first, count.told = not count.told, True
                return Over(what, scope, name, most, window_us, first)
            owing.append(count)
        for count in owing:
            count.amount += amount
            count.dirty = True
            if thing is not None:
                count.seen.add(thing)
        return None

    def give_back(self, what: What, scope: Scope, name: str, now_us: int) -> None:
        """Take back one that was counted in the present window, because it did not come about."""
        count = self._counts.get((what, scope, name))
        if count is not None and count.window_us == now_us // WINDOWS[what] * WINDOWS[what] and count.amount > 0:
            count.amount -= 1
            count.dirty = True

    def amount(self, what: What, scope: Scope, name: str, now_us: int) -> int:
        """What was counted in the present window."""
        count = self._counts.get((what, scope, name))
        return count.amount if count is not None and count.window_us == now_us // WINDOWS[what] * WINDOWS[what] else 0

    def put(self, key: Key, window_us: int, amount: int) -> None:
        """Set a counter to what was kept of it."""
        self._counts[key] = _Count(window_us, amount, told_others=amount)

    def changed(self) -> list[tuple[Key, int, int]]:
        """Counters that changed since the last call: key, window, amount."""
        found = [(key, count.window_us, count.amount) for key, count in self._counts.items() if count.dirty]
        for key, _, _ in found:
            self._counts[key].dirty = False
        return found

    def owed(self) -> list[tuple[Key, int, int]]:
        """What was counted here since the last call: key, window, how much."""
        found = []
        for key, count in self._counts.items():
            if count.amount != count.told_others:
                found.append((key, count.window_us, count.amount - count.told_others))
                count.told_others = count.amount
        return found

    def settle(self, key: Key, window_us: int, amount: int) -> None:
        """What all processes of the hub together counted, once what `owed` said is in it."""
        count = self._counts.get(key)
        if count is not None and count.window_us == window_us:
            count.amount += amount - count.told_others
            count.told_others = amount

    def forget(self, now_us: int) -> None:
        """Drop the counters of windows that are over."""
        for key in [k for k, c in self._counts.items() if c.window_us + WINDOWS[k[0]] <= now_us]:
            del self._counts[key]

    def __len__(self) -> int:
        return len(self._counts)
