"""Life on the estate: who is where at any second of a day, of the closing minute that is shown live, and of last night."""

from belvedere.demo.life.day import build_day
from belvedere.demo.life.loop import LOOP_S, build_loop
from belvedere.demo.life.night import NIGHT_END_S, NIGHT_START_S, build_night
from belvedere.demo.life.schedule import Life
from belvedere.demo.life.track import Track
from belvedere.demo.scene import ActorState
from belvedere.demo.town import build_town

__all__ = [
    "LOOP_S",
    "NIGHT_END_S",
    "NIGHT_START_S",
    "Life",
    "Track",
    "build_day",
    "build_loop",
    "build_night",
    "day_actors",
    "loop_actors",
    "night_actors",
]


def day_actors(second_of_day: float) -> tuple[ActorState, ...]:
    """Everybody about at a second of the ordinary day."""
    return build_day(build_town()).actors_at(second_of_day)


def loop_actors(t: float) -> tuple[ActorState, ...]:
    """Everybody about at second `t` of the minute that the live cameras show; t and t + 60 are the same."""
    return build_loop(build_town()).actors_at(t)


def night_actors(t: float) -> tuple[ActorState, ...]:
    """Everybody about last night, 19:00 (68 400) to 01:30 (91 800), incidents included."""
    return build_night(build_town()).actors_at(t)
