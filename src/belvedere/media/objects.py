"""What can be found in a picture: kinds of objects and names of colours. Nothing here tells one person from another."""

from enum import IntEnum


class ObjectKind(IntEnum):
    """Kinds that are looked for. Numbers are kept in indexes and messages: they are never reused.

    Invariant: there is no kind that names, recognises or compares people (DESIGN section 1).
    """

    PERSON = 1
    BICYCLE = 2
    MOTORCYCLE = 3
    CAR = 4
    VAN = 5  # van, truck or bus: detectors trained on COCO confuse the three
    DOG = 6
    ANIMAL = 7  # any other
    BAG = 8


VEHICLES = frozenset({ObjectKind.MOTORCYCLE, ObjectKind.CAR, ObjectKind.VAN})

KIND_TEXT = {
    ObjectKind.PERSON: "person",
    ObjectKind.BICYCLE: "bicycle",
    ObjectKind.MOTORCYCLE: "motorcycle or moped",
    ObjectKind.CAR: "car",
    ObjectKind.VAN: "van, truck or bus",
    ObjectKind.DOG: "dog",
    ObjectKind.ANIMAL: "other animal",
    ObjectKind.BAG: "bag",
}


class ObjectColour(IntEnum):
    """Names of colours. UNKNOWN where light does not tell: infrared, dusk, too few pixels."""

    UNKNOWN = 0
    BLACK = 1
    GREY = 2
    WHITE = 3
    RED = 4
    ORANGE = 5
    BROWN = 6
    YELLOW = 7
    GREEN = 8
    BLUE = 9
    PURPLE = 10
    PINK = 11
