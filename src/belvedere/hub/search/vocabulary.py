"""The words for what is looked for: kinds of objects, colours, garments. Data only."""

from belvedere.hub.search.reading import listed
from belvedere.media.objects import VEHICLES, ObjectColour, ObjectKind

_K, _C = ObjectKind, ObjectColour
_NEUTRAL = listed(
    """
    person persons people pedestrian pedestrians somebody someone anybody anyone passer-by passers-by passerby
    passersby walker walkers runner runners jogger joggers resident residents visitor visitors caller callers folk
    figure figures human humans group crowd individual individuals driver drivers tipper tippers
    """
)
SEXED = listed(
    """
    man men woman women male males female females guy guys bloke blokes lad lads lady ladies gentleman gentlemen boy
    boys girl girls youth youths kid kids child children teenager teenagers teen teens adult adults pensioner
    pensioners toddler toddlers baby babies
    """
)
KIND_WORDS: dict[str, tuple[ObjectKind, ...]] = {
    **dict.fromkeys(_NEUTRAL, (_K.PERSON,)),
    **dict.fromkeys(SEXED, (_K.PERSON,)),
    **dict.fromkeys(
        (
            "bicycle",
            "bicycles",
            "cycle",
            "cycles",
            "pushbike",
            "push bike",
            "push bikes",
            "pedal cycle",
            "cyclist",
            "cyclists",
        ),
        (_K.BICYCLE,),
    ),
    **dict.fromkeys(("bike", "bikes"), (_K.BICYCLE, _K.MOTORCYCLE)),
    **dict.fromkeys(("e-bike", "e-bikes", "ebike", "ebikes"), (_K.BICYCLE, _K.MOTORCYCLE)),
    **dict.fromkeys(
        (
            *(
                "motorcycle",
                "motorcycles",
                "motorbike",
                "motorbikes",
                "motor bike",
                "motor bikes",
                "moped",
                "mopeds",
                "scooter",
            ),
            *(
                "scooters",
                "motorcyclist",
                "motorcyclists",
                "dirt bike",
                "dirt bikes",
                "quad bike",
                "quad bikes",
                "biker",
                "bikers",
            ),
        ),
        (_K.MOTORCYCLE,),
    ),
    **dict.fromkeys(
        (
            "car",
            "cars",
            "taxi",
            "taxis",
            "hatchback",
            "saloon",
            "suv",
            "suvs",
            "estate car",
            "minicab",
            "police car",
            "cab",
        ),
        (_K.CAR,),
    ),
    **dict.fromkeys(
        (
            *(
                "van",
                "vans",
                "lorry",
                "lorries",
                "truck",
                "trucks",
                "bus",
                "buses",
                "minibus",
                "coach",
                "coaches",
                "hgv",
                "hgvs",
            ),
            *(
                "transit",
                "pickup",
                "pick up",
                "pickup truck",
                "pick up truck",
                "flatbed",
                "bin lorry",
                "dustcart",
                "ambulance",
            ),
            *(
                "delivery van",
                "ice cream van",
                "school bus",
                "fire engine",
                "tipper truck",
                "box van",
                "skip lorry",
                "caravan",
            ),
        ),
        (_K.VAN,),
    ),
    **dict.fromkeys(("vehicle", "vehicles", "traffic", "motor", "motors"), tuple(sorted(VEHICLES))),
    **dict.fromkeys(("dog", "dogs", "puppy", "hound"), (_K.DOG,)),
    **dict.fromkeys(("animal", "animals"), (_K.DOG, _K.ANIMAL)),
    **dict.fromkeys(("cat", "cats", "horse", "horses", "fox", "foxes", "bird", "birds", "deer"), (_K.ANIMAL,)),
    **dict.fromkeys(
        (
            *(
                "bag",
                "bags",
                "backpack",
                "backpacks",
                "rucksack",
                "rucksacks",
                "suitcase",
                "suitcases",
                "holdall",
                "handbag",
            ),
            *("handbags", "shopping bag", "bin bag", "bin bags", "luggage", "carrier bag", "sports bag"),
        ),
        (_K.BAG,),
    ),
    **dict.fromkeys(("anything", "everything", "something", "any movement"), ()),
}
LOOSE = {
    "scooter": "a kick scooter is too small for the detector; motor scooters and mopeds are looked for",
    "cat": "cats, foxes and birds are often too small to be found",
    "fox": "cats, foxes and birds are often too small to be found",
    "bird": "cats, foxes and birds are often too small to be found",
}
COLOURS: dict[str, tuple[ObjectColour, ...]] = {
    "black": (_C.BLACK,),
    "grey": (_C.GREY,),
    "gray": (_C.GREY,),
    "silver": (_C.GREY, _C.WHITE),
    "white": (_C.WHITE,),
    "cream": (_C.WHITE, _C.YELLOW),
    "red": (_C.RED,),
    "maroon": (_C.RED, _C.BROWN),
    "burgundy": (_C.RED, _C.BROWN),
    "crimson": (_C.RED,),
    "orange": (_C.ORANGE,),
    "brown": (_C.BROWN,),
    "beige": (_C.BROWN, _C.WHITE),
    "gold": (_C.YELLOW, _C.BROWN),
    "golden": (_C.YELLOW, _C.BROWN),
    "yellow": (_C.YELLOW,),
    "green": (_C.GREEN,),
    "turquoise": (_C.GREEN, _C.BLUE),
    "blue": (_C.BLUE,),
    "navy": (_C.BLUE, _C.BLACK),
    "purple": (_C.PURPLE,),
    "violet": (_C.PURPLE,),
    "pink": (_C.PINK,),
    "hi-vis": (_C.YELLOW, _C.ORANGE),
    "hi vis": (_C.YELLOW, _C.ORANGE),
    "high vis": (_C.YELLOW, _C.ORANGE),
    "dark": (_C.BLACK, _C.GREY, _C.BLUE, _C.BROWN),
    "light": (_C.WHITE, _C.GREY),
    "pale": (_C.WHITE, _C.GREY),
}
GARMENTS = listed(
    """
    coat coats jacket jackets top tops hoodie hoodies hoody jumper jumpers sweater shirt shirts t-shirt tshirt trousers
    jeans shorts skirt dress tracksuit joggers bottoms vest anorak raincoat clothes clothing hat cap outfit uniform
    """
)
