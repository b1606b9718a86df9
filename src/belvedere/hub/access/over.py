"""Grants that ended a moment ago, known without asking the database: looked at before each live byte."""

from collections.abc import Callable

from belvedere.foundation.clock import MINUTE_US, Clock


class OverGrants:
    """For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Invariant: every grant that was noted in the last minute, and when (monotonic).
        self._over: dict[str, int] = {}
        # Told of each grant that this desk ends, so that the hub's other processes hear of it.
        self.tell: Callable[[str], None] | None = None

    def __contains__(self, grant_id: str) -> bool:
        return grant_id in self._over

    def note(self, grant_id: str) -> None:
        """It ended just now, here or in another process of the hub."""
        now_us = self._clock.monotonic_us()
        self._over = {each: at_us for each, at_us in self._over.items() if at_us > now_us - MINUTE_US}
        self._over[grant_id] = now_us

    def end(self, grant_id: str) -> None:
        """It was ended here."""
        self.note(grant_id)
        if self.tell is not None:
            self.tell(grant_id)
