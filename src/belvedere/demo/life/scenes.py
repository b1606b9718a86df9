"""The five scripted incidents of last night, actor by actor. Seconds are of the demo day; after midnight they go on past 86 400."""

import math
import random
from dataclasses import dataclass

from belvedere.demo.life import looks
from belvedere.demo.life.script import Script
from belvedere.demo.life.track import Point, Track
from belvedere.demo.scene import Kind, Look

NIGHT_END_S = 93_600.0  # 02:00


def clock(hours: int, minutes: int, seconds: float = 0.0) -> float:
    """Seconds of the demo day; 24 and 25 are the small hours."""
    return hours * 3600.0 + minutes * 60.0 + seconds


@dataclass(frozen=True, slots=True)
class Scene:
    """When and where an incident takes place."""

    start_s: float
    end_s: float
    x: float
    y: float


FALL_S = clock(19, 44)
MOPED_S = clock(20, 52)
GATHERING_S = clock(21, 28)
DOOR_S = clock(22, 47)
TIPPING_S = clock(24, 31)

SCENES: dict[str, Scene] = {
    "fall": Scene(FALL_S, FALL_S + 420, 65, -129.5),
    "moped": Scene(MOPED_S, MOPED_S + 255, -91, 66),
    "gathering": Scene(GATHERING_S, GATHERING_S + 1700, 12, -96.5),
    "bin-door": Scene(DOOR_S, DOOR_S + 150, -74, 89),
    "fly-tipping": Scene(TIPPING_S, TIPPING_S + 195, -72, -54),
}


def fall() -> list[Track]:
    """An older man falls outside the shops; a shopkeeper and a passer-by come to him, and walk him to the bench."""
    rng = random.Random("scene:fall")
    t = FALL_S
    man = Script("fall-man", Kind.PERSON, looks.older(rng), t - 38, 94, -124.5)
    man.go((94, -128), (70, -129.2), (65, -129.5), speed=0.8)
    down = man.now_s
    man.stay(250, "fallen", 172).stay(25, "sit", 172).stay(12, "bend", 150).stay(20, "stand", 120)
    up = man.now_s
    man.go((70, -129.6), (93, -130.0), (95.4, -130.3), speed=0.55).stay(240, "sit", 90, cycle_s=20)
    keeper = Script("fall-shopkeeper", Kind.PERSON, looks.person(rng), down + 42, 70, -124.5)
    keeper.go((69.6, -126.5), (65.6, -128.6), speed=2.2).until(up, "bend", -110, cycle_s=5)
    keeper.go((70, -128.8), (93, -129.3), (96.6, -129.6), speed=0.55).stay(90, "stand", -100, cycle_s=10, turn=0.2)
    keeper.go((74, -127.4), (70, -124.5), speed=1.4)
    passer = Script("fall-passer-by", Kind.PERSON, looks.person(rng), down + 24, 6, -134.8)
    passer.go((49, -134.4), (53.4, -131.2), (63.6, -130.6), speed=1.9).until(up - 20, "stand", 20, cycle_s=10, turn=0.3)
    passer.go((53.4, -131.4), (49.5, -134.4), (30, -134.8), (-40, -134.8), speed=1.3)
    return [man.track(), keeper.track(), passer.track()]


def _laps(centre: Point, radius: float, squash: float, times: float, turn: float) -> list[Point]:
    steps = int(24 * times)
    return [
        (
            centre[0] + radius * math.cos(turn + 2 * math.pi * k / 24),
            centre[1] + radius * squash * math.sin(turn + 2 * math.pi * k / 24),
        )
        for k in range(steps + 1)
    ]


def moped() -> list[Track]:
    """A moped comes along Rowan Walk, rides laps of the court, stops, rides more laps and leaves by West Walk."""
    rng = random.Random("scene:moped")
    base = looks.dark_clothes(rng)
    look = Look(base.upper, base.lower, (180, 30, 30), base.skin, base.height_m, 1.8)
    rider = Script("moped-rider", Kind.MOPED, look, MOPED_S - 14, -250, 134)
    rider.go((-172, 134), (-168, 92), (-132, 90.2), (-114, 74), speed=8.0, radius=5)
    rider.go(*_laps((-92, 66), 16, 0.62, 4, 2.7), speed=6.2, radius=1.0)
    rider.go(*_laps((-88, 65), 10, 1.0, 3, 2.7), (-96, 60), speed=5.4, radius=1.0)
    rider.go((-92, 58), speed=3.0).stay(38, "sit", cycle_s=4.0)
    rider.go((-84, 56), speed=3.5, accel=1.5)
    rider.go(*_laps((-91, 66), 17, 0.58, 5, 5.2), speed=6.8, radius=1.0)
    rider.go((-91, 52), (-90, 45), (-90.6, 40), (-128, 40), (-131, 30), (-131, -44), speed=7.5, radius=4)
    rider.go((-136, -51.2), (-168, -51.2), (-173.9, -60), (-173.9, -240), speed=7.5, radius=4)
    return [rider.track()]


# The group: where each ends up, which way it faces, posture, idle cycle, when it comes and goes (seconds after the first).
_GROUP: tuple[tuple[Point, float, str, float, float, float], ...] = (
    ((12.6, -98.2), 90, "sit", 20, 0, 1640),
    ((11.6, -98.2), 90, "sit", 10, 3, 1644),
    ((12.1, -95.8), -80, "stand", 20, 6, 1647),
    ((13.6, -96.4), -150, "stand", 10, 95, 1560),
    ((10.6, -96.6), -20, "stand", 20, 98, 1563),
    ((10.0, -98.3), 80, "sit", 20, 240, 1652),
    ((14.9, -95.2), -160, "stand", 5, 246, 1649),
)


def gathering() -> list[Track]:
    """Seven people meet by stair C of Juniper House and stay for half an hour; one goes in and comes out again."""
    made = []
    for i, (spot, facing, posture, cycle, comes, goes) in enumerate(_GROUP):
        rng = random.Random(f"scene:gathering:{i}")
        look = looks.dark_clothes(rng) if i % 2 else looks.person(rng, (1.66, 1.86))
        t = GATHERING_S + comes
        side = 0.5 * (i % 3 - 1)
        if i < 3:
            way: tuple[Point, ...] = ((20 + side, -52), (20 + side, -60), (33 + side, -90), (24, -92 + side))
        else:
            way = ((-44, -92 + side), (4, -92 + side))
        actor = Script(f"gathering-{i + 1}", Kind.PERSON, look, t, *way[0])
        actor.go(*way[1:], (spot[0], spot[1] + 2.4), spot, speed=1.25 + 0.03 * i)
        if i == 4:
            actor.until(GATHERING_S + 900, posture, facing, cycle_s=cycle, turn=0.25)
            actor.go((13.6, -97.4), (14, -98.5), speed=1.2)
            made.append(actor.track())
            actor = Script("gathering-5b", Kind.PERSON, look, GATHERING_S + 1020, 14, -98.5)
            actor.go((13.4, -97.2), spot, speed=1.2, posture="carry")
        actor.until(GATHERING_S + goes, posture, facing, cycle_s=cycle, turn=0.25 if posture == "stand" else 0.12)
        actor.go((spot[0], spot[1] + 2.4), *reversed(way), speed=1.3)
        made.append(actor.track())
    return made


def bin_door() -> list[Track]:
    """Two people come along Rowan Walk, kick at the bin store's door in turn until it gives, and run."""
    rng = random.Random("scene:door")
    t = DOOR_S
    first = Script("door-first", Kind.PERSON, looks.dark_clothes(rng), t - 68, -168, 90.4)
    first.go((-100, 90.6), (-80, 90.6), (-75.4, 90.4), speed=1.4)
    first.stay(18, "stand", -60, cycle_s=6, turn=0.5).go((-74.2, 88.9), speed=1.0)
    first.stay(26.4, "kick", -90, cycle_s=2.4).stay(9, "stand", -90).stay(19.2, "kick", -90, cycle_s=2.4)
    swap = first.now_s
    first.go((-75.8, 90.2), speed=1.2).stay(24, "stand", -50, cycle_s=6, turn=0.6)
    second = Script("door-second", Kind.PERSON, looks.dark_clothes(rng), t - 66, -168, 89.6)
    second.go((-100, 89.8), (-82, 89.8), (-78.6, 90.4), speed=1.36)
    second.until(swap + 1.2, "stand", 30, cycle_s=8, turn=0.9).go((-75.6, 91), (-73.6, 88.9), speed=1.3)
    second.stay(16.8, "kick", -90, cycle_s=2.4).stay(3, "bend", -90, cycle_s=3)
    away: tuple[Point, ...] = ((-60, 90.4), (-41, 90), (-28, 78.4), (20, 78.2), (22, 92), (22.2, 134.4), (120, 134.6))
    run_at = max(first.now_s, second.now_s) + 0.5
    first.until(run_at, "stand", 60).go(*away, speed=4.3, posture="walk")
    second.until(run_at + 0.7, "stand", 90).go(*((x, y - 0.8) for x, y in away), speed=4.2)
    return [first.track(), second.track()]


_SACK = Look((34, 34, 36), (34, 34, 36), (34, 34, 36), (34, 34, 36), 0.62, 0.7)
_RUBBLE = Look((206, 202, 190), (206, 202, 190), (206, 202, 190), (206, 202, 190), 0.5, 0.6)
_MATTRESS = Look((212, 206, 194), (190, 196, 210), (212, 206, 194), (212, 206, 194), 0.28, 1.9)


def tipping() -> list[Track]:
    """A van stops by the bin store on Maple Way, two people carry out bags and a mattress, and it leaves."""
    rng = random.Random("scene:tipping")
    t = TIPPING_S
    paint = (228, 228, 224)
    van = Script("tipping-van", Kind.VAN, Look(paint, (30, 32, 36), paint, (0, 0, 0), 2.3, 5.4), t - 30, -173.9, -240)
    van.go((-173.9, -56), (-166, -48.9), (-71.5, -48.9), speed=8.0, accel=1.6, radius=6)
    parked = van.now_s
    rear = (-74.9, -48.9)
    made = []
    driver = Script("tipping-driver", Kind.PERSON, looks.dark_clothes(rng), parked + 4, -70.4, -50.4)
    mate = Script("tipping-mate", Kind.PERSON, looks.person(rng, (1.68, 1.82)), parked + 6, -70.4, -47.4)
    driver.go((-72, -50.9), rear, speed=1.2).stay(6, "bend", 0, cycle_s=6)
    mate.go((-73, -47.1), (-75.2, -47.8), speed=1.2).stay(9, "stand", -30, cycle_s=9, turn=0.3)
    heap: tuple[tuple[Point, Look], ...] = (
        ((-71.8, -57.9), _SACK),
        ((-72.9, -57.6), _SACK),
        ((-72.3, -56.9), _RUBBLE),
        ((-70.9, -57.3), _SACK),
        ((-73.6, -58.3), _RUBBLE),
        ((-71.4, -56.5), _SACK),
    )
    for k, (spot, look) in enumerate(heap):
        carrier = driver if k % 2 == 0 else mate
        by = (spot[0] + (0.7 if k % 2 == 0 else -0.7), spot[1] + 0.5)
        back = rear if k % 2 == 0 else (-75.4, -49.4)
        carrier.go((-75, -51.5), by, speed=1.05, posture="carry").stay(2.5, "bend", -90, cycle_s=2.5)
        bag = Script(f"tipping-bag-{k + 1}", Kind.BAG, look, carrier.now_s - 1.0, *spot, heading_rad=0.6 * k)
        made.append(bag.until(NIGHT_END_S, cycle_s=1.0).track())
        carrier.go((-75.2, -52), back, speed=1.3).stay(4 + k, "bend", 0, cycle_s=4)
    ready = max(driver.now_s, mate.now_s) + 1
    driver.until(ready, "stand", 0)
    mate.until(ready, "stand", 0)
    # The mattress goes between them.
    carry: tuple[Point, ...] = ((-75.5, -52), (-74.6, -56.2))
    bulky = Script("tipping-mattress", Kind.BAG, _MATTRESS, ready, -75.2, -49.9, heading_rad=-math.pi / 2)
    bulky.go(*carry, speed=0.8).until(NIGHT_END_S, facing_deg=-70, cycle_s=1.0)
    made.append(bulky.track())
    driver.go((-74.6, -50.6), (-74.8, -52.8), (-73.9, -57.0), speed=0.85, posture="carry").stay(
        2, "bend", 90, cycle_s=2
    )
    mate.go((-76, -51), (-75.4, -55.3), speed=0.7, posture="carry").stay(2, "bend", -90, cycle_s=2)
    driver.go((-74.2, -52), (-70.4, -50.4), speed=1.9)
    mate.go((-75.9, -51), (-73.6, -47.2), (-70.4, -47.4), speed=1.9)
    off = max(driver.now_s, mate.now_s) + 6
    van.until(off, "stand")
    van.go((-68, -48.4), (-65, -46.2), speed=2.0, accel=1.0, radius=2).stay(1.5)
    van.go((-67, -48.6), (-66.3, -51.0), (-62.2, -51.3), speed=1.4, accel=0.8, radius=2.5, reverse=True).stay(1.5)
    van.go((-160, -51.2), (-170, -51.2), (-173.9, -46), (-173.9, 240), speed=8.5, accel=1.8, radius=4)
    return [van.track(), driver.track(), mate.track(), *made]


def scenes() -> list[Track]:
    """Everybody and everything of the five incidents."""
    return fall() + moped() + gathering() + bin_door() + tipping()
