"""What is looked for, in words: kinds of objects, vehicles' colours, clothing, sizes, directions, how many, together. Pure.

Words for sex and age are read as "person": no such attribute exists. What people wear is read, and needs the action `search`.
"""

import re
from dataclasses import dataclass

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.hub.search.reading import NUMBERS, TAKEN, Reading, any_of, number
from belvedere.hub.search.vocabulary import COLOURS, GARMENTS, KIND_WORDS, LOOSE, SEXED
from belvedere.media.objects import KIND_TEXT, VEHICLES, ObjectColour, ObjectKind

_K = ObjectKind
_NOUN = re.compile(
    rf"(?<![\w\x00-])(?:{any_of(tuple(KIND_WORDS))})(?![\w-])(?<!group(?=\s+of))(?<!crowd(?=\s+of))(?:['’]s\b)?"
)
_SHADES = ("dark", "light", "pale", "bright", "metallic")
_TONE = any_of(tuple(COLOURS))
_COLOUR_RUN = re.compile(
    rf"(?<![\w\x00-])(?:(?:{any_of(_SHADES)})[\s-]+)?(?:{_TONE})(?:(?:\s*(?:,|/|and|or)\s*|\s+)(?:(?:{any_of(_SHADES)})[\s-]+)?(?:{_TONE}))*(?!\w)"
)
_COLOUR = re.compile(rf"(?<!\w)(?:{_TONE})(?!\w)")
_GARMENT = re.compile(rf"\s*(?:{any_of(GARMENTS)})(?!\w)")
_GARMENT_ALONE = re.compile(rf"(?<![\w\x00])(?:in|wearing|with)\s+(?:a\s+|an\s+|the\s+)?(?:{any_of(GARMENTS)})(?!\w)")
_WORN = re.compile(r"(?:(?:dressed\s+)?in|wearing|with)\s+(?:a\s+|an\s+|the\s+|all\s+|his\s+|her\s+|some\s+)?$")
_SIZE = {
    **dict.fromkeys(("big", "large", "huge"), (0.25, 1.0)),
    **dict.fromkeys(("small", "tiny", "little"), (0.0, 0.2)),
}
_NEARNESS = re.compile(
    r"(?<![\w\x00])(?:(?P<close>close(?:[\s-]+up|\s+to\s+the\s+camera)|near\s+the\s+camera)|(?P<far>far\s+away|in\s+the\s+(?:distance|background)))(?!\w)"
)
_WAY = re.compile(
    r"(?<![\w\x00])(?:(?:heading|going|moving|driving|walking|running|riding|travelling|coming|turning)\s+)?(?:"
    r"(?P<left>(?:to(?:wards)?\s+the\s+left|leftwards?|from\s+right\s+to\s+left|right\s+to\s+left|(?<=ing\s)left))"
    r"|(?P<right>(?:to(?:wards)?\s+the\s+right|rightwards?|from\s+left\s+to\s+right|left\s+to\s+right|(?<=ing\s)right))"
    r"|(?P<down>towards?\s+(?:the\s+)?camera|downwards?|down\s+the\s+picture)"
    r"|(?P<up>away\s+from\s+(?:the\s+)?camera|upwards?|up\s+the\s+picture))(?!\w)"
)
_WAYS = {"left": (5, 6, 7), "right": (1, 2, 3), "down": (3, 4, 5), "up": (7, 0, 1)}
_WAY_TEXT = {
    "left": "moving to the left",
    "right": "moving to the right",
    "down": "towards the camera",
    "up": "away from the camera",
}
_COUNT = any_of(
    [
        *(str(each) for each in range(1, 51)),
        *(word for word, value in NUMBERS.items() if 0 < value <= 60 and len(word) > 2),
    ]
)
_COUNTED = re.compile(
    rf"(?<![\w\x00.:])(?:(?P<lead>at\s+least|more\s+than|over|about|around|exactly|only|a\s+group\s+of|a\s+crowd\s+of|(?:a\s+)?groups?\s+of)\s+)*"
    rf"(?P<count>{_COUNT})(?:\s+of)?(?:\s*(?:-|to|or|and)\s*(?P<most>more|{_COUNT}))?(?:\s+or\s+more|\s+plus|\+)?\s+$"
)
_VAGUE = re.compile(
    r"(?<![\w\x00])(?:a\s+|the\s+|large\s+|big\s+)*(?P<word>group\s+of|gang\s+of|crowd\s+of|several|many|multiple|a\s+few|few|pair\s+of|couple\s+of|lots\s+of)\s+$"
)
_VAGUE_COUNT = {
    "group": 3,
    "gang": 3,
    "crowd": 5,
    "several": 3,
    "many": 4,
    "multiple": 2,
    "a": 3,
    "few": 3,
    "pair": 2,
    "couple": 2,
    "lots": 4,
}
_BEFORE = re.compile(r"(?<!\w)(?:(?:a|an|the|another|his|her|their|some|any|old|new|young|parked|same|different)\s+)+$")
_LINK = re.compile(
    r"^[\s,]*(?P<word>(?:together\s+)?with|and|&|next\s+to|beside|alongside|near|on|in|pushing|carrying|holding|walking|riding"
    r"|driving|leaving|getting\s+(?:out\s+of|into)|out\s+of|or|/)?[\s,]*(?:(?:a|an|the|his|her|their|some|another)\s+)*$"
)
_TOGETHER = re.compile(r"(?<![\w\x00])(?:together|at\s+the\s+same\s+time|both\s+at\s+once|side\s+by\s+side)(?!\w)")
_AMOUNT = any_of([word for word, value in NUMBERS.items() if value])
_STAYING = re.compile(
    rf"(?<![\w\x00])(?:(?:staying|waiting|standing|parked|there|present)\s+)?(?:for\s+)?(?:at\s+least|more\s+than|longer\s+than|over|for)\s+"
    rf"(?P<count>\d{{1,3}}|{_AMOUNT})"
    r"\s+(?P<unit>seconds?|secs?|minutes?|mins?|hours?)(?!\w)"
)


@dataclass(slots=True)
class What:
    """What is looked for. Colours are vehicles'; `clothing` is what people wear. Heights are shares of the picture's."""

    kinds: tuple[ObjectKind, ...] = ()
    colours: tuple[ObjectColour, ...] = ()
    clothing: tuple[ObjectColour, ...] = ()
    together: tuple[ObjectKind, ...] = ()
    at_least: int = 1
    least_height: float = 0.0
    most_height: float = 1.0
    headings: tuple[int, ...] = ()
    least_duration_us: int = 0


@dataclass(slots=True)
class _Noun:
    kinds: tuple[ObjectKind, ...]
    start: int  # of the words before it that belong to it
    noun: int
    end: int
    word: str


def read_what(reading: Reading) -> What:
    """Take the objects out of a question, after its times and the full names of places. Never raises."""
    what = What()
    _staying(reading, what)
    _ways(reading, what)
    nouns = [
        _Noun(_meaning(found[0]), found.start(), found.start(), found.end(), found[0])
        for found in _NOUN.finditer(reading.rest)
    ]
    _colours(reading, what, nouns)
    for noun in nouns:
        _adjectives(reading, what, noun)
    _kinds(reading, what, nouns)
    for alone in list(_GARMENT_ALONE.finditer(reading.rest)):
        reading.take(alone.start(), alone.end())
        reading.note("What people wear is searched by colour only.")
    if (together := _TOGETHER.search(reading.rest)) is not None:
        reading.take(together.start(), together.end())
    return what


def _meaning(said: str) -> tuple[ObjectKind, ...]:
    text = " ".join(said.removesuffix("'s").removesuffix("’s").split())
    return KIND_WORDS.get(text) or KIND_WORDS.get(text.replace("-", " "), ())


def _staying(reading: Reading, what: What) -> None:
    if (found := _STAYING.search(reading.rest)) is not None:
        count = number(found["count"]) or 0
        unit = found["unit"][:1]
        what.least_duration_us = count * {"s": SECOND_US, "m": MINUTE_US, "h": 60 * MINUTE_US}[unit]
        reading.chip("duration", f"there for {count} {found['unit']} or longer", found.start(), found.end())


def _ways(reading: Reading, what: What) -> None:
    for found in list(_WAY.finditer(reading.rest)):
        way = found.lastgroup or ""
        what.headings = tuple(dict.fromkeys((*what.headings, *_WAYS[way])))
        reading.chip("direction", _WAY_TEXT[way], found.start(), found.end())
    if (near := _NEARNESS.search(reading.rest)) is not None:
        what.least_height, what.most_height = (0.35, 1.0) if near["close"] else (0.0, 0.15)
        text = (
            "near the camera: a third of the picture's height or more"
            if near["close"]
            else "far away: small in the picture"
        )
        reading.chip("size", text, near.start(), near.end())


def _colours(reading: Reading, what: What, nouns: list[_Noun]) -> None:
    """Colours before a vehicle, before or after clothing; others are left, and so told as not understood."""
    for run in list(_COLOUR_RUN.finditer(reading.rest)):
        named = [found[0] for found in _COLOUR.finditer(run[0])]
        tones = [each for each in named if each not in _SHADES] or named
        colours = tuple(dict.fromkeys(colour for tone in tones for colour in COLOURS[" ".join(tone.split())]))
        worn = _WORN.search(reading.rest[: run.start()])
        garment = _GARMENT.match(reading.rest, run.end())
        behind = next(
            (
                each
                for each in nouns
                if each.noun >= run.end() and _only_adjectives(reading.rest[run.end() : each.noun])
            ),
            None,
        )
        text = " or ".join(colour.name.lower() for colour in colours)
        if garment is not None:
            start = worn.start() if worn else run.start()
            what.clothing = tuple(dict.fromkeys((*what.clothing, *colours)))
            reading.chip("clothing", f"clothing {text}", start, garment.end())
        elif behind is not None and set(behind.kinds) & VEHICLES:
            what.colours = tuple(dict.fromkeys((*what.colours, *colours)))
            behind.start = min(behind.start, run.start())
            reading.chip("colour", f"vehicle {text}", run.start(), run.end())
        elif worn is not None and behind is None and any(_K.PERSON in each.kinds for each in nouns):
            what.clothing = tuple(dict.fromkeys((*what.clothing, *colours)))
            reading.chip("clothing", f"clothing {text}", worn.start(), run.end())
        elif behind is None and any(set(each.kinds) & VEHICLES for each in nouns):
            what.colours = tuple(dict.fromkeys((*what.colours, *colours)))
            reading.chip("colour", f"vehicle {text}", run.start(), run.end())
        elif behind is not None:
            reading.note("Colours are kept of vehicles only.")


def _only_adjectives(between: str) -> bool:
    return not between.strip() or all(
        each in (*_SIZE, "parked", "old", "new", "ford", "transit", "or") for each in between.split()
    )


def _adjectives(reading: Reading, what: What, noun: _Noun) -> None:
    """Sizes and numbers right before a noun."""
    while True:
        before = reading.rest[: noun.start]
        trimmed = before.rstrip(TAKEN + " ") if before.endswith((TAKEN, TAKEN + " ")) else before
        last = trimmed.split()[-1] if trimmed.split() else ""
        if last in _SIZE and trimmed.rstrip().endswith(last):
            start = trimmed.rstrip().rindex(last)
            if start and (trimmed[start - 1].isalnum() or trimmed[start - 1] == "_"):
                return
            what.least_height, what.most_height = _SIZE[last]
            text = (
                "large in the picture: a quarter of its height or more"
                if last in ("big", "large", "huge")
                else "small in the picture: a fifth of its height or less"
            )
            reading.chip("size", text, start, start + len(last))
            noun.start = start
            continue
        if (vague := _VAGUE.search(trimmed if trimmed.endswith(" ") else trimmed + " ")) is not None:
            what.at_least = max(what.at_least, _VAGUE_COUNT[vague["word"].split()[0]])
            end = min(vague.end(), len(trimmed))
            reading.chip("how_many", f"{what.at_least} or more at once", vague.start(), end)
            noun.start = vague.start()
            return
        if (counted := _COUNTED.search(trimmed if trimmed.endswith(" ") else trimmed + " ")) is not None:
            _count(reading, what, noun, counted, min(counted.end(), len(trimmed)))
            return
        if (plain := _BEFORE.search(trimmed)) is not None and plain.end() > plain.start():
            noun.start = plain.start()
        return


def _count(reading: Reading, what: What, noun: _Noun, counted: re.Match[str], end: int) -> None:
    count = number(" ".join(counted["count"].split())) or 1
    lead = counted["lead"] or ""
    if lead.startswith(("more", "over")):
        count += 1
    if "crowd" in lead:
        count = max(count, 5)
    noun.start = counted.start()
    if count > 1 and what.at_least == 1:
        what.at_least = count
        reading.chip("how_many", f"{count} or more at once", counted.start(), end)
    else:
        reading.take(counted.start(), end)


def _kinds(reading: Reading, what: What, nouns: list[_Noun]) -> None:
    """Which nouns are looked for, and which have to be there too."""
    both = _TOGETHER.search(reading.rest) is not None
    before: _Noun | None = None
    was_together = False
    for noun in nouns:
        link = None
        if before is not None:
            between = reading.rest[before.end : noun.start].replace(TAKEN, " ")
            link = _LINK.match(between)
        word = " ".join((link["word"] or "").split()) if link is not None else ""
        together = bool(word) and word not in ("and", "&", "or", "/")
        together = together or (word in ("and", "&") and (both or was_together))
        if together and set(noun.kinds) == set(what.kinds) and noun.kinds:
            what.at_least = max(what.at_least, 2)
            reading.chip("how_many", "2 or more at once", noun.noun, noun.end)
        elif together and what.kinds and noun.kinds:
            assert before is not None
            start = before.end + (link.start("word") if link is not None else 0)
            start = start if TAKEN not in reading.rest[start : noun.noun] else noun.noun
            what.together = tuple(dict.fromkeys((*what.together, *noun.kinds)))
            reading.chip("together", f"together with: {_kind_text(noun.kinds)}", start, noun.end)
        else:
            what.kinds = tuple(dict.fromkeys((*what.kinds, *noun.kinds)))
            reading.chip("what", _kind_text(noun.kinds) or "anything", noun.noun, noun.end)
        _remark(reading, noun)
        before, was_together = noun, together


def _remark(reading: Reading, noun: _Noun) -> None:
    word = " ".join(noun.word.removesuffix("'s").removesuffix("’s").split())
    if word in SEXED:
        reading.note(f"“{word}” is searched as a person: sex and age are not looked for.")
    for stem, text in LOOSE.items():
        if word.startswith(stem):
            reading.note(f"{text[0].upper()}{text[1:]}.")


def _kind_text(kinds: tuple[ObjectKind, ...]) -> str:
    return " or ".join(KIND_TEXT[kind] for kind in kinds)
