"""Last night, 19:00 to 01:30: few people, little traffic, and the five incidents."""

import math
import random
from functools import lru_cache

from belvedere.demo.life.day import traffic, walkers
from belvedere.demo.life.scenes import SCENES, scenes
from belvedere.demo.life.schedule import Life
from belvedere.demo.life.track import Track
from belvedere.demo.town.plan import Town

NIGHT_START_S = 19 * 3600.0
NIGHT_END_S = 25.5 * 3600.0

# From 19:00 on, by hour: walks begun, and vehicles on each perimeter street.
_WALKS = {19: 20, 20: 16, 21: 12, 22: 9, 23: 6, 24: 3, 25: 2}
_CARS = tuple({19: 14, 20: 12, 21: 10, 22: 8, 23: 6, 0: 4, 1: 3}.get(hour, 0) for hour in range(24))
_ROOM_M = 14.0  # nobody else walks through an incident


def _in_the_way(track: Track) -> bool:
    """Whether an ordinary walk would lead through an incident while it lasts."""
    for incident in SCENES.values():
        t = max(track.start_s, incident.start_s - 45)
        while t < min(track.end_s, incident.end_s + 45):
            state = track.state(t)
            if state is not None and math.dist((state.x, state.y), (incident.x, incident.y)) < _ROOM_M:
                return True
            t += 2.0
    return False


@lru_cache(maxsize=4)
def build_night(town: Town) -> Life:
    """The night's tracks."""
    rng = random.Random(f"{town.seed}:night")
    tracks: list[Track] = []
    for hour, count in _WALKS.items():
        for k in range(count):
            party = walkers(town, rng, f"night-{hour}-{k}", hour * 3600 + rng.uniform(0, 3600))
            if not any(_in_the_way(track) for track in party):
                tracks += party
    tracks += traffic(town, f"{town.seed}:night", _CARS, range(19, 26))
    return Life(tracks + scenes())
