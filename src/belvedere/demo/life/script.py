"""A small notation for choreography: an actor walks here, stays there, walks on."""

import math

from belvedere.demo.life.track import Leg, Move, Point, Stay, Track, make_path
from belvedere.demo.scene import Kind, Look


class Script:
    """Writes one actor's track, leg by leg, from where and when it first appears."""

    def __init__(
        self, id: str, kind: Kind, look: Look, start_s: float, x: float, y: float, heading_rad: float = 0.0
    ) -> None:
        self._id, self._kind, self._look, self._start_s = id, kind, look, start_s
        self._legs: list[Leg] = []
        self._heading_rad = heading_rad
        self.at: Point = (x, y)
        self.now_s = start_s

    def go(
        self,
        *points: Point,
        speed: float = 1.35,
        posture: str = "walk",
        accel: float = 0.0,
        radius: float = 1.2,
        reverse: bool = False,
    ) -> "Script":
        """Moves through `points` at `speed` metres a second."""
        path = make_path([self.at, *points], radius)
        self._add(Move(path, speed, accel, taper=False, reverse=reverse, posture=posture))
        self.at = points[-1]
        self._heading_rad = path.direction(path.length_m, 0.3) + (math.pi if reverse else 0.0)
        return self

    def stay(
        self,
        seconds: float,
        posture: str = "stand",
        facing_deg: float | None = None,
        cycle_s: float = 5.0,
        turn: float = 0.0,
    ) -> "Script":
        """Stays for `seconds`, facing as asked (degrees counter-clockwise from east) or as it arrived."""
        if facing_deg is not None:
            self._heading_rad = math.radians(facing_deg)
        self._add(Stay(*self.at, self._heading_rad, seconds, posture, cycle_s, turn))
        return self

    def until(self, second: float, posture: str = "stand", facing_deg: float | None = None, **idle: float) -> "Script":
        """Stays until a second of the night, which must not be past."""
        if second <= self.now_s:
            raise ValueError(f"{self._id} is busy until {self.now_s:.0f}, cannot wait until {second:.0f}")
        return self.stay(second - self.now_s, posture, facing_deg, **idle)

    def track(self) -> Track:
        """What was written."""
        return Track(self._id, self._kind, self._look, self._start_s, tuple(self._legs))

    def _add(self, leg: Leg) -> None:
        self._legs.append(leg)
        self.now_s += leg.duration_s
