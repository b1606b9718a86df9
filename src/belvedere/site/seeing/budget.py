"""How much processor time looking may take: a share of one core, saved up for a moment, overdrawn only by who waits for it."""

import threading

from belvedere.foundation.clock import SECOND_US, Clock

BURST_US = 2 * SECOND_US
_DEBT_US = 20 * SECOND_US


class Budget:
    """Thread-safe. Invariant: over any long time no more than `share` of a core is spent."""

    def __init__(self, clock: Clock, share: float) -> None:
        """`share` of one core, 0.5 for half of it."""
        self._clock = clock
        self.share = share
        self._lock = threading.Lock()
        self._left_us = float(BURST_US)
        self._counted_us = clock.monotonic_us()

    def may(self) -> bool:
        """Whether there is time to spend now."""
        with self._lock:
            self._earn()
            return self._left_us > 0

    def may_overdraw(self) -> bool:
        """Whether somebody who waits for an answer may have a picture looked at now: up to 20 s of processor time ahead."""
        with self._lock:
            self._earn()
            return self._left_us > -_DEBT_US

    def spend(self, cpu_us: int) -> None:
        """Say what was spent."""
        with self._lock:
            self._earn()
            self._left_us -= cpu_us

    def wait_s(self) -> float:
        """Until there is time to spend again; 0 when there is."""
        with self._lock:
            self._earn()
            return 0.0 if self._left_us > 0 else min(5.0, -self._left_us / SECOND_US / max(self.share, 0.001))

    def _earn(self) -> None:
        now_us = self._clock.monotonic_us()
        earned = (now_us - self._counted_us) * self.share
        self._left_us, self._counted_us = min(float(BURST_US), self._left_us + earned), now_us
