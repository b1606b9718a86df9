"""What a gatherer of sightings gives: presences, and how patient it is."""

from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US
from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.vision.objects.found import Box

MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Step:
    """Where an object stood: its foot in shares of the picture, its height as a share of the picture's."""

    time_us: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Presence:
    """One object's stay in one stream's picture, from the first to the last picture that showed it.

    `number` is the gatherer's own and never used again. `best_us` and `box`: the moment of its clearest sight. `heading` in
    eighths of a turn in the picture, 0 up, clockwise, -1 unknown. `speed` in picture heights a second, middle of all moves.
    `moved`: it was once seen at two places. `still_us`: how long it had stood at its last place, unmoved. `path`: at most
    32 steps, first and last among them. Invariant: start_us <= best_us <= end_us.
    """

    number: int
    kind: ObjectKind
    upper: ObjectColour
    lower: ObjectColour
    start_us: int
    end_us: int
    best_us: int
    confidence: float
    box: Box
    sightings: int
    heading: int
    speed: float
    moved: bool
    still_us: int
    path: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Patience:
    """How sightings are joined. Times in microseconds, confidences 0 to 1.

    `certain`: one sighting so confident needs no second. `gap_us`: a moving object that is missing for longer has left.
    `still_us`: whoever stood unmoved for so long stands; it has left when `still_misses` pictures in a row and `still_gap_us`
    show it no more. `furniture`: something that appeared at the same place from nowhere so often, and never moved, is
    furniture (a pool table that looks like a car) and gives no more events until it was not seen for `forgotten_us`.
    `splits`: who goes off after standing begins another event; else the same goes on.
    """

    certain: float = 0.7
    gap_us: int = 10 * SECOND_US
    still_us: int = MINUTE_US
    still_misses: int = 8
    still_gap_us: int = 2 * MINUTE_US
    furniture: int = 3
    forgotten_us: int = 48 * HOUR_US
    splits: bool = True


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of sightings. `crowded`: beyond what one picture may hold. `late`: not after the picture before.

    `fleeting`: events that no second sighting confirmed. `furniture`: sightings at the places of furniture.
    """

    pictures: int = 0
    crowded: int = 0
    doubled: int = 0
    late: int = 0
    fleeting: int = 0
    furniture: int = 0
