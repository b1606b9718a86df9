"""How often one may try to log in. Checked before any password is hashed, because hashing is what costs."""

import threading
from collections import OrderedDict, deque

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import Refused

SPAN_US = 5 * MINUTE_US
PER_NAME_AND_ADDRESS = 6
PER_NAME = 40  # from anywhere: high, so that a stranger can't easily lock a colleague out
PER_ADDRESS = 60  # for any name: a whole office may share one address
_KEPT = 10_000  # keys remembered; the longest unused goes first


class LoginTries:
    """Counts tries in the last five minutes, by name and by address. Thread-safe, bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], deque[int]] = OrderedDict()
        self._lock = threading.Lock()
        self.refused = 0

    def take(self, name: str, address: str) -> None:
        """Count one try. Raises Refused, saying how long to wait, when there were too many."""
        now_us = self._clock.monotonic_us()
        limits = (((name, address), PER_NAME_AND_ADDRESS), ((name, ""), PER_NAME), (("", address), PER_ADDRESS))
        with self._lock:
            wait_us = max(self._wait(key, limit, now_us) for key, limit in limits)
            if wait_us > 0:
                self.refused += 1
                raise Refused(
                    "There were too many tries to log in.",
                    advice=f"Wait {wait_us // SECOND_US + 1} seconds and try again.",
                )
            for key, _limit in limits:
                self._tries.setdefault(key, deque()).append(now_us)
                self._tries.move_to_end(key)
            while len(self._tries) > _KEPT:
                self._tries.popitem(last=False)

    def forget(self, name: str, address: str) -> None:
        """A right password: earlier tries of this person here no longer count."""
        with self._lock:
            self._tries.pop((name, address), None)

    def _wait(self, key: tuple[str, str], limit: int, now_us: int) -> int:
        times = self._tries.get(key)
        if times is None:
            return 0
        while times and times[0] <= now_us - SPAN_US:
            times.popleft()
        return times[0] + SPAN_US - now_us if len(times) >= limit else 0
