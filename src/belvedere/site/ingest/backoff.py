"""How long a camera that failed is left alone: longer each time, and never two cameras in step."""

import random

from belvedere.foundation.clock import SECOND_US

FIRST_WAIT_US = SECOND_US
LONGEST_WAIT_US = 30 * SECOND_US
REFUSED_WAIT_US = 60 * SECOND_US


class Backoff:
    """Waits of one camera. Each is drawn from the upper half of a span that doubles from 1.5 s to 30 s.

    Invariant: FIRST_WAIT_US / 2 < every wait <= 1.5 * REFUSED_WAIT_US.
    """

    __slots__ = ("_chance", "_span_us")

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._span_us = 0

    def wait_us(self) -> int:
        """The next wait after a failure."""
        self._span_us = min(LONGEST_WAIT_US, 2 * self._span_us) or FIRST_WAIT_US * 3 // 2
        return int(self._span_us * self._chance.uniform(0.5, 1))

    def refused_us(self) -> int:
        """The wait after a wrong password or a codec that is not recorded: asking sooner would lock the account."""
        return int(REFUSED_WAIT_US * self._chance.uniform(0.75, 1.25))

    def reset(self) -> None:
        """The camera has played steadily: its next failure is its first."""
        self._span_us = 0
