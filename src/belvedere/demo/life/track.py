"""A track: what one actor does from its first second to its last, as a list of legs. Evaluating it is pure and cheap."""

import math
from bisect import bisect_right
from dataclasses import dataclass, field

from belvedere.demo.scene import ActorState, Kind, Look

Point = tuple[float, float]

_TAPER_M = 3.0  # over which a walker drifts from the door's middle to its own side of the path
_STRIDE = 0.82  # length of a full walking cycle (two steps) over body height
_WHEEL_TURN_M = 4.6  # ridden per pedal turn


@dataclass(frozen=True, slots=True)
class Path:
    """A smooth polyline with the distance from its start at each point."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    at: tuple[float, ...]

    @property
    def length_m(self) -> float:
        return self.at[-1]

    def point(self, s: float) -> Point:
        """The point `s` metres along; clamped to the ends."""
        s = min(max(s, 0.0), self.at[-1])
        i = min(bisect_right(self.at, s), len(self.at) - 1)
        run = self.at[i] - self.at[i - 1]
        f = (s - self.at[i - 1]) / run
        return self.xs[i - 1] + f * (self.xs[i] - self.xs[i - 1]), self.ys[i - 1] + f * (self.ys[i] - self.ys[i - 1])

    def direction(self, s: float, reach: float) -> float:
        """The heading `s` metres along, from the points `reach` behind and ahead."""
        ax, ay = self.point(s - reach)
        bx, by = self.point(s + reach)
        return math.atan2(by - ay, bx - ax)


def make_path(points: list[Point] | tuple[Point, ...], radius_m: float) -> Path:
    """A path through `points` with every corner rounded, starting at most `radius_m` before it. Needs two points apart."""
    kept = [points[0]]
    for point in points[1:]:
        if math.dist(point, kept[-1]) > 0.05:
            kept.append(point)
    if len(kept) < 2:
        raise ValueError("a path needs two points that lie apart")
    smooth = [kept[0]]
    for before, corner, after in zip(kept, kept[1:], kept[2:], strict=False):
        la, lb = math.dist(before, corner), math.dist(corner, after)
        cut = min(radius_m, la * 0.48, lb * 0.48)
        ax, ay = corner[0] + (before[0] - corner[0]) * cut / la, corner[1] + (before[1] - corner[1]) * cut / la
        bx, by = corner[0] + (after[0] - corner[0]) * cut / lb, corner[1] + (after[1] - corner[1]) * cut / lb
        steps = 6
        for k in range(steps + 1):
            u = k / steps
            p, q, r = (1 - u) ** 2, 2 * u * (1 - u), u * u
            smooth.append((p * ax + q * corner[0] + r * bx, p * ay + q * corner[1] + r * by))
    smooth.append(kept[-1])
    xs, ys, at = [smooth[0][0]], [smooth[0][1]], [0.0]
    for x, y in smooth[1:]:
        run = math.hypot(x - xs[-1], y - ys[-1])
        if run > 1e-6:
            xs.append(x)
            ys.append(y)
            at.append(at[-1] + run)
    return Path(tuple(xs), tuple(ys), tuple(at))


@dataclass(frozen=True, slots=True)
class Move:
    """Along a path at a cruising speed, easing in and out where `accel` is set."""

    path: Path
    speed_mps: float
    accel_mps2: float = 0.0  # 0: the speed is held from end to end
    side_m: float = 0.0  # to the left of the path
    taper: bool = True  # meet the path's ends in the middle
    sway_m: float = 0.0
    reverse: bool = False  # backs along the path
    posture: str = "walk"
    duration_s: float = field(init=False)

    def __post_init__(self) -> None:
        length, v, a = self.path.length_m, self.speed_mps, self.accel_mps2
        if a <= 0:
            duration = length / v
        elif length > v * v / a:
            duration = length / v + v / a
        else:
            duration = 2 * math.sqrt(length / a)
        object.__setattr__(self, "duration_s", duration)

    def travelled(self, age_s: float) -> tuple[float, float]:
        """Metres from the start, and speed, `age_s` seconds in."""
        length, v, a, whole = self.path.length_m, self.speed_mps, self.accel_mps2, self.duration_s
        age_s = min(max(age_s, 0.0), whole)
        if a <= 0:
            return min(length, v * age_s), v
        ramp = min(v / a, whole / 2)
        top = a * ramp
        if age_s < ramp:
            return a * age_s * age_s / 2, a * age_s
        if age_s > whole - ramp:
            left = whole - age_s
            return length - a * left * left / 2, a * left
        return a * ramp * ramp / 2 + top * (age_s - ramp), top

    def place(self, s: float, reach: float) -> tuple[float, float, float]:
        """Position and heading `s` metres along, beside the path as asked."""
        x, y = self.path.point(s)
        heading = self.path.direction(s, reach)
        side = self.side_m
        if self.sway_m:
            side += self.sway_m * math.sin(s / 6.3 + self.side_m * 40)
        if self.taper:
            side *= min(1.0, s / _TAPER_M, (self.path.length_m - s) / _TAPER_M)
        if side:
            x, y = x - side * math.sin(heading), y + side * math.cos(heading)
        return x, y, heading + math.pi if self.reverse else heading


@dataclass(frozen=True, slots=True)
class Stay:
    """At one place for a while."""

    x: float
    y: float
    heading_rad: float
    duration_s: float
    posture: str = "stand"
    # Seconds of one cycle of the idle motion. A group that stays long shares one, so that its film repeats exactly.
    cycle_s: float = 6.0
    # The body turns this far and back within a cycle.
    turn_rad: float = 0.0


Leg = Move | Stay

_REACH_M = {
    Kind.CAR: 1.3,
    Kind.VAN: 1.6,
    Kind.BICYCLE: 0.6,
    Kind.MOPED: 0.6,
    Kind.DOG: 0.35,
    Kind.PERSON: 0.3,
    Kind.BAG: 0.3,
}


@dataclass(frozen=True, slots=True)
class Track:
    """One actor's legs, one after the other from `start_s`. Absent before and after."""

    id: str
    kind: Kind
    look: Look
    start_s: float
    legs: tuple[Leg, ...]
    ends: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        ends, at = [], self.start_s
        for leg in self.legs:
            at += leg.duration_s
            ends.append(at)
        object.__setattr__(self, "ends", tuple(ends))

    @property
    def end_s(self) -> float:
        return self.ends[-1]

    def leg_at(self, t: float) -> tuple[Leg, float] | None:
        """The leg under way at `t` and how long it has been; None when the actor is away."""
        if not self.start_s <= t < self.ends[-1]:
            return None
        i = bisect_right(self.ends, t)
        begun = self.ends[i - 1] if i else self.start_s
        return self.legs[i], t - begun

    def state(self, t: float) -> ActorState | None:
        """The actor at `t`; None when it is away."""
        found = self.leg_at(t)
        if found is None:
            return None
        leg, age = found
        if isinstance(leg, Stay):
            cycle = 2 * math.pi * age / leg.cycle_s
            turn = leg.turn_rad * math.sin(cycle)
            heading = _wrapped(leg.heading_rad + turn)
            return ActorState(
                self.id, self.kind, leg.x, leg.y, heading, 0.0, cycle % (2 * math.pi), leg.posture, self.look
            )
        s, speed = leg.travelled(age)
        x, y, heading = leg.place(s, _REACH_M[self.kind])
        phase = 2 * math.pi * s / self._cycle_m()
        return ActorState(
            self.id, self.kind, x, y, _wrapped(heading), speed, phase % (2 * math.pi), leg.posture, self.look
        )

    def _cycle_m(self) -> float:
        if self.kind in (Kind.BICYCLE, Kind.MOPED):
            return _WHEEL_TURN_M
        if self.kind == Kind.DOG:
            return 0.9
        return max(0.5, _STRIDE * self.look.height_m)


def _wrapped(angle: float) -> float:
    """The same angle between -pi and pi."""
    return (angle + math.pi) % (2 * math.pi) - math.pi
