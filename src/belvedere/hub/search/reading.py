"""A question while it is read: what is left of it, and what was understood. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

TAKEN = "\x00"
_WORD = re.compile(r"\w+(?:['’]\w+)*")


def listed(words: str) -> tuple[str, ...]:
    """The words of a text, as a tuple."""
    return tuple(words.split())


_TO_TWENTY = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty
"""
NUMBERS = {name: value for value, name in enumerate(listed(_TO_TWENTY))} | {
    **{"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60},
    **{"a": 1, "an": 1, "couple": 2, "dozen": 12},
}
_FILLERS = frozenset(
    listed(
        """
    a an the any some all every each of to for me please find show search look looking searching seen see where when who was were is
    are     be been being did do does has have had there here that this these those it they them which what and or with in on at by
    from near my our i we you can could would like want need footage video clips recordings recording pictures camera cameras cctv
    anyone's happen happened something go going went come came comes coming just only also as about around time s
    driving drive drives drove driven parked parking walking walk walks walked standing stands stood passing pass passes passed
    moving moves move moved waiting sitting riding rides rode ride using left leaving leave arrives arriving arrived visible
    appears appear appeared day date hours o'clock sometime please thanks thank hello hi give get between once
    """
    )
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `plain`: lower case, no apostrophes, no plural s. Spans count characters of the question."""

    plain: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chip:
    """Something understood. `field` names the facet, `words` what of the question said so, [start, end) where.

    `other_*`: a second reading of an hour that may be morning or evening; None where there is none.
    """

    field: str
    text: str
    words: str
    start: int
    end: int
    other_text: str = ""
    other_from_us: int | None = None
    other_to_us: int | None = None


def lowered(text: str) -> str:
    """Lower case, character for character, so that places in it are places in the text."""
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def plain(word: str) -> str:
    """A word as it is compared with names: no apostrophes, no plural."""
    bare = word.replace("'", "").replace("’", "")
    return bare[:-1] if len(bare) > 3 and bare.endswith("s") and not bare.endswith("ss") else bare


def words_of(text: str) -> list[Word]:
    """The words of a text in lower case."""
    return [
        Word(plain(found[0]), found[0], found.start(), found.end()) for found in _WORD.finditer(text) if found[0] != "_"
    ]


def number(text: str) -> int | None:
    """The number that a word or digits say; None for anything else."""
    if text.isascii() and text.isdigit() and len(text) < 5:
        return int(text)
    return NUMBERS.get(text)


@dataclass(slots=True)
class Reading:
    """A question and what has been made of it so far.

    Invariant: `rest` is as long as `asked`; what was understood is TAKEN in it, so that nothing reads across it.
    """

    asked: str
    rest: str = ""
    chips: list[Chip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rest = lowered(self.asked)

    def take(self, start: int, end: int) -> str:
        """Mark [start, end) as understood and return the words."""
        self.rest = self.rest[:start] + TAKEN * (end - start) + self.rest[end:]
        return self.asked[start:end].strip()

    def chip(self, field: str, text: str, start: int, end: int) -> None:
        """Take [start, end) for a facet; what was said before is not said again."""
        words = self.take(start, end)
        if not any((each.field, each.text) == (field, text) for each in self.chips):
            self.chips.append(Chip(field, text, words, start, end))

    def note(self, text: str) -> None:
        """Say something about the reading, once."""
        if text not in self.notes:
            self.notes.append(text)

    def left(self) -> list[Word]:
        """Words that nobody understood and that say something."""
        return [each for each in words_of(self.rest) if each.text not in _FILLERS and each.plain not in _FILLERS]


def any_of(words: Sequence[str]) -> str:
    """A pattern for any of these phrases, the longest first."""
    return "|".join(re.escape(each).replace(r"\ ", r"[\s-]+") for each in sorted(words, key=len, reverse=True))
