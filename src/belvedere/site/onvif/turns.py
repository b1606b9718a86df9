"""Who moves a camera: one person at a time; a higher rank takes it over; it is free again when nobody moved it for a while."""

from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import Refused

IDLE_US = 10 * SECOND_US


@dataclass(frozen=True, slots=True)
class Turn:
    """Who holds a camera. `used_us` is monotonic."""

    user_id: str
    user_name: str
    priority: int
    used_us: int


class Turns:
    """The turns of all cameras of a site. Not thread-safe: one loop asks.

    Invariant: a camera has one holder or none; a holder changes only by idling, by giving back, or to a higher priority.
    """

    def __init__(self, clock: Clock, idle_us: int = IDLE_US) -> None:
        self._clock = clock
        self._idle_us = idle_us
        self._held: dict[str, Turn] = {}

    def holder(self, camera: str) -> Turn | None:
        """Who holds it now."""
        turn = self._held.get(camera)
        if turn is not None and self._clock.monotonic_us() - turn.used_us >= self._idle_us:
            del self._held[camera]
            return None
        return turn

    def left_us(self, camera: str) -> int:
        """Until the camera is anybody's, if its holder does nothing more."""
        turn = self.holder(camera)
        return 0 if turn is None else turn.used_us + self._idle_us - self._clock.monotonic_us()

    def take(self, camera: str, user_id: str, user_name: str, priority: int) -> Turn:
        """Hold the camera, or go on holding it. Raises Refused while somebody of the same or a higher rank does."""
        turn = self.holder(camera)
        if turn is not None and turn.user_id != user_id and priority <= turn.priority:
            raise Refused(
                f"{turn.user_name} is moving this camera.",
                advice=f"It is free {self._idle_us // SECOND_US} s after they stop, or ask them.",
            )
        mine = Turn(user_id, user_name, priority, self._clock.monotonic_us())
        self._held[camera] = mine
        return mine

    def give_back(self, camera: str, user_id: str) -> None:
        """Free the camera, if it is this person's."""
        turn = self._held.get(camera)
        if turn is not None and turn.user_id == user_id:
            del self._held[camera]
