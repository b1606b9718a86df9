"""Which movements are under way, so that the log has each start once and not each repeat while a button is held."""

from collections import OrderedDict

from belvedere.foundation.clock import DAY_US, SECOND_US, Clock

_MOST = 10_000
_SLACK_US = SECOND_US // 2  # a repeat may come a little after the order before it ran out


class Movements:
    """For one event loop. Bounded: the oldest is forgotten, and its next order is a start again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: OrderedDict[tuple[str, str], int] = OrderedDict()  # by person and camera, monotonic

    def begins(self, user: str, camera: str) -> bool:
        """Whether an order now starts a movement: none of this person's is under way there."""
        until_us = self._until.get((user, camera))
        return until_us is None or self._clock.monotonic_us() >= until_us

    def goes_on(self, user: str, camera: str, seconds: int) -> None:
        """An order of so many seconds was carried out."""
        self._until[(user, camera)] = self._clock.monotonic_us() + seconds * SECOND_US + _SLACK_US
        self._until.move_to_end((user, camera))
        while len(self._until) > _MOST:
            self._until.popitem(last=False)

    def ended(self, user: str, camera: str) -> None:
        """It was stopped, or refused."""
        self._until.pop((user, camera), None)


class Looks:
    """Whose events were looked at, so that a page that asks every few seconds is logged once a grant, camera and day."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str, int], None] = OrderedDict()

    def fresh(self, grant: str, camera: str, from_us: int, to_us: int) -> bool:
        """Whether a day of the span was not logged yet."""
        return any(key not in self._seen for key in _days(grant, camera, from_us, to_us))

    def logged(self, grant: str, camera: str, from_us: int, to_us: int) -> None:
        for key in _days(grant, camera, from_us, to_us):
            self._seen[key] = None
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)


def _days(grant: str, camera: str, from_us: int, to_us: int) -> list[tuple[str, str, int]]:
    return [(grant, camera, day) for day in range(from_us // DAY_US, (to_us - 1) // DAY_US + 1)]
