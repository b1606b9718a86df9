"""From conditions to faults: one open fault a subject and kind, flapping counted, closed when healthy for a while. Pure.

Durations are by the monotonic clock, so that setting the wall clock neither opens nor closes anything; what is told to
people is wall time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from belvedere.foundation.clock import DAY_US, MINUTE_US
from belvedere.link.health import Fault
from belvedere.site.health.rules import PATIENCE, Condition, FaultKind, Key

HEALTHY = "healthy"
GONE = "gone"  # the camera was switched off or removed, the disk taken out
BY_HAND = "by_hand"
SNOOZE_US = DAY_US  # a fault that a person closed while it lasted comes back after this
STORE_US = 5 * MINUTE_US  # how far "last seen" in the index may lag behind
LONGEST_DETAIL = 300


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that is open."""

    id: str
    detail: str
    first_us: int
    last_us: int
    times: int


@dataclass(slots=True)
class _Watch:
    """One subject and kind. Times are monotonic."""

    open: OpenFault | None = None
    bad_since_us: int | None = None  # None while good or not known
    good_since_us: int | None = None
    was_good: bool = False  # since the open fault was bad last
    stored_us: int = 0  # when the open fault was last handed out to be stored
    snoozed_until_us: int | None = None


class FaultBook:
    """Which faults are open. Single-threaded; `update` at every tick.

    Invariant: at most one open fault for each subject and kind. A condition that is bad for its `raise_us` without a break,
    and that nobody has closed by hand within a day, has an open fault at the next update.
    """

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._watches: dict[Key, _Watch] = {}

    def load(self, faults: Iterable[Fault], now_us: int, monotonic_us: int) -> None:
        """Take over what was stored: open faults, and those a person closed in the last day."""
        for fault in sorted(faults, key=lambda each: each.changed_us):
            if fault.kind not in list(FaultKind):
                continue
            watch = self._watch((fault.subject, FaultKind(fault.kind)))
            if fault.closed_us is None:
                watch.open = OpenFault(fault.id, fault.detail, fault.first_us, fault.last_us, fault.times)
            elif fault.closed_why == BY_HAND:
                left_us = min(SNOOZE_US, fault.closed_us + SNOOZE_US - now_us)
                watch.snoozed_until_us = monotonic_us + left_us if left_us > 0 else None

    def open(self) -> dict[Key, OpenFault]:
        return {key: watch.open for key, watch in self._watches.items() if watch.open is not None}

    def update(self, conditions: Mapping[Key, Condition], now_us: int, monotonic_us: int) -> list[Fault]:
        """Take in all conditions of this moment. Returns the faults that changed, as they are to be stored.

        A subject that is not among the conditions is gone, and its faults are closed.
        """
        changed = []
        for key, condition in conditions.items():
            fault = self._one(key, condition, now_us, monotonic_us)
            if fault is not None:
                changed.append(fault)
        for key in [key for key in self._watches if key not in conditions]:
            watch = self._watches.pop(key)
            if watch.open is not None:
                changed.append(_closed(key, watch.open, GONE, now_us))
        return changed

    def close(self, fault_id: str, now_us: int, monotonic_us: int) -> Fault | None:
        """A person closes a fault. None when it is not open."""
        for key, watch in self._watches.items():
            if watch.open is not None and watch.open.id == fault_id:
                closed = _closed(key, watch.open, BY_HAND, now_us)
                watch.open = None
                watch.bad_since_us = watch.good_since_us = None
                watch.snoozed_until_us = monotonic_us + SNOOZE_US
                return closed
        return None

    def _watch(self, key: Key) -> _Watch:
        return self._watches.setdefault(key, _Watch())

    def _one(self, key: Key, condition: Condition, now_us: int, monotonic_us: int) -> Fault | None:
        watch = self._watch(key)
        if condition.bad is None:
            watch.good_since_us = None
            if condition.planned:
                watch.bad_since_us = None
            return None
        if condition.bad:
            return self._bad(key, watch, condition.detail[:LONGEST_DETAIL], now_us, monotonic_us)
        watch.bad_since_us = None
        if watch.open is None:
            watch.snoozed_until_us = None
            return None
        came_good = not watch.was_good
        watch.was_good = True
        if watch.good_since_us is None:
            watch.good_since_us = monotonic_us
        if monotonic_us - watch.good_since_us < PATIENCE[key[1]].clear_us:
            return _fault(key, watch.open, now_us) if came_good else None
        closed = _closed(key, watch.open, HEALTHY, now_us)
        watch.open = watch.good_since_us = None
        return closed

    def _bad(self, key: Key, watch: _Watch, detail: str, now_us: int, monotonic_us: int) -> Fault | None:
        watch.good_since_us = None
        if watch.bad_since_us is None:
            watch.bad_since_us = monotonic_us
        if watch.open is not None:
            again, watch.was_good = watch.was_good, False
            watch.open = replace(watch.open, last_us=now_us, times=watch.open.times + again, detail=detail)
            if not again and monotonic_us - watch.stored_us < STORE_US:
                return None
            watch.stored_us = monotonic_us
            return _fault(key, watch.open, now_us)
        if watch.snoozed_until_us is not None:
            if monotonic_us < watch.snoozed_until_us:
                return None
            watch.snoozed_until_us = None
        if monotonic_us - watch.bad_since_us < PATIENCE[key[1]].raise_us:
            return None
        first_us = now_us - (monotonic_us - watch.bad_since_us)
        watch.was_good, watch.stored_us = False, monotonic_us
        watch.open = OpenFault(self._new_id(), detail, first_us, now_us, 1)
        return _fault(key, watch.open, now_us)


def _fault(key: Key, fault: OpenFault, now_us: int) -> Fault:
    return Fault(
        fault.id, key[0], key[1], fault.detail, fault.first_us, fault.last_us, fault.times, None, "", changed_us=now_us
    )


def _closed(key: Key, fault: OpenFault, why: str, now_us: int) -> Fault:
    return Fault(
        fault.id, key[0], key[1], fault.detail, fault.first_us, fault.last_us, fault.times, now_us, why, now_us
    )
