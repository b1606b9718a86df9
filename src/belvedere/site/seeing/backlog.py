"""Footage that nobody asked about and nobody looked at, under the site's own grant for analysis. Last of all."""

from collections.abc import Callable
from dataclasses import dataclass

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, Clock
from belvedere.policy.grant import Grant
from belvedere.site.seeing.coverage import Coverage
from belvedere.site.seeing.store import SeenStore
from belvedere.site.seeing.stored import StoredSeeing, Work

Standing = Callable[[str, int, int], Grant | None]
"""The site's own grant to analyse a camera's [from_us, to_us), or None where there is none."""

_LEAST_S = 10  # of an hour: less is not worth opening it
_AGAIN_US = 5 * MINUTE_US  # after a walk that found nothing
_KEY_US = MINUTE_US  # after footage whose key was not here: the hub is told, and releases it
_SOON_US = DAY_US  # footage that is deleted within this time is looked at first


@dataclass(frozen=True, slots=True)
class Waiting:
    """Seconds of a camera that nobody looked at; `soon` of them are deleted within a day."""

    seconds: int
    soon: int


class Backlog:
    """In one thread, but for `waiting`, which anybody may ask."""

    def __init__(
        self,
        store: SeenStore,
        stored: StoredSeeing,
        coverage: Coverage,
        clock: Clock,
        standing: Standing,
        retention_days: int,
    ) -> None:
        self._store = store
        self._stored = stored
        self._coverage = coverage
        self._clock = clock
        self._standing = standing
        self._kept_us = retention_days * DAY_US
        self._tried: dict[tuple[str, int], int] = {}
        self._away: dict[str, frozenset[int]] = {}
        self._walk_us = 0

    def waiting(self, camera: str) -> Waiting:
        """How much of a camera's recordings nobody looked at."""
        now_us = self._clock.now_us()
        oldest_us = now_us - self._kept_us
        stream = self._coverage.stream(camera, oldest_us // HOUR_US * HOUR_US, now_us)
        if stream is None:
            return Waiting(0, 0)
        seconds = self._coverage.count(stream[1], oldest_us // HOUR_US * HOUR_US, now_us).waiting
        soon = self._coverage.count(stream[1], oldest_us // HOUR_US * HOUR_US, oldest_us + _SOON_US).waiting
        return Waiting(seconds, soon)

    def away(self, camera: str) -> frozenset[int]:
        """Days (since 1970, UTC) of a camera that wait for their key."""
        return self._away.get(camera, frozenset())

    def step(self, go_on: Callable[[int], bool]) -> bool:
        """Look at one hour of one camera: what is deleted soon first, then the newest. False when nothing waits.

        Raises as StoredSeeing.look.
        """
        now_us = self._clock.now_us()
        if self._clock.monotonic_us() < self._walk_us:
            return False
        oldest_us = (now_us - self._kept_us) // HOUR_US * HOUR_US
        newest_us = now_us // HOUR_US * HOUR_US
        soon = list(range(oldest_us, oldest_us + _SOON_US + HOUR_US, HOUR_US))
        late = list(range(newest_us, oldest_us + _SOON_US, -HOUR_US))
        cameras = [
            each for each in sorted(self._store.cameras()) if self._standing(each, newest_us - HOUR_US, newest_us)
        ]
        if not cameras:
            return False
        for hour_us in soon + late:
            for camera in cameras:
                if self._tried.get((camera, hour_us), 0) > now_us:
                    continue
                stream = self._coverage.stream(camera, hour_us, hour_us + HOUR_US)
                to_us = min(hour_us + HOUR_US, now_us)
                if stream is None or self._coverage.count(stream[1], hour_us, to_us).waiting < _LEAST_S:
                    continue
                grant = self._standing(camera, hour_us, to_us)
                if grant is None:
                    continue
                # What can't be seen now is not tried again and again.
                self._tried[camera, hour_us] = now_us + HOUR_US
                work = Work(grant, camera, hour_us, to_us)
                for _ in self._stored.look(work, busiest=False, go_on=go_on):
                    pass
                day = {hour_us // DAY_US}
                if work.away:
                    self._tried[camera, hour_us] = now_us + _KEY_US
                    self._away[camera] = self.away(camera) | day
                else:
                    self._away[camera] = self.away(camera) - day
                return True
        waits = any(self._away.values())
        self._walk_us = self._clock.monotonic_us() + (_KEY_US if waits else _AGAIN_US)
        self._tried = {key: until_us for key, until_us in self._tried.items() if until_us > now_us}
        return False
