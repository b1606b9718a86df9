"""What is never searched for, and the plain words that say so. Pure."""

import re
from dataclasses import dataclass

from belvedere.hub.search.reading import any_of, listed, lowered

_PEOPLE = listed(
    """
    man men woman women male males female females person people guy guys bloke blokes lad lads boy boys girl girls
    youth youths kid kids child children teenager teenagers lady ladies gentleman gentlemen couple family families
    adult adults folk
    """
)
_SKIN = ("black", "white", "brown", "yellow", "dark skinned", "light skinned", "fair skinned", "mixed race", "coloured")
_TRAITS = listed(
    """
    asian asians african africans caucasian caucasians arab arabs chinese indian indians pakistani pakistanis romanian
    romanians polish somali somalis turkish jamaican hispanic latino latina gypsy gypsies traveller travellers roma
    ethnic ethnicity ethnicities race racial skin skinned nationality foreign foreigner foreigners immigrant immigrants
    muslim muslims jewish jew jews christian christians hindu hindus sikh sikhs hijab hijabs burka burqa niqab turban
    turbans kippah religion religious gay lesbian transgender disabled disability wheelchair pregnant
    """
)
_FACES = listed(
    """
    face faces facial recognise recognize recognised recognized recognition identify identified identity identities
    lookalike beard bearded bald glasses tattoo tattoos hair haired blond blonde blondes ginger gait limp limping
    """
)
_MOODS = listed(
    """
    angry nervous drunk aggressive suspicious suspect suspects suspicion happy sad threatening mood emotion emotions
    """
)

_COMMON = r"(?<!\w)(?:{0})(?!\w)"
_RACE = re.compile(
    _COMMON.format(rf"(?:{any_of(_SKIN)})[\s-]+(?:(?:young|old|elderly)[\s-]+)?(?:{any_of(_PEOPLE)})|{any_of(_TRAITS)}")
)
_FACE = re.compile(
    _COMMON.format(
        rf"{any_of(_FACES)}|looks?[\s-]+like|looking[\s-]+like|same[\s-]+(?:{any_of(_PEOPLE)})|who[\s-]+(?:is|was)"
    )
)
_NAME = re.compile(
    _COMMON.format(
        r"(?:named|called|surname|name\s+(?:is|of)|by\s+the\s+name\s+of|mr|mrs|ms)\.?\s+\w+"
        r"|names?|surnames?|known\s+as|watch[\s-]?list"
    )
)
_PLATE = re.compile(
    _COMMON.format(
        r"(?:number|licen[cs]e|registration)[\s-]*plates?|plates?|registrations?|reg(?:\s+(?:no|number))?"
        r"|[a-z]{2}\d{2}\s?[a-z]{3}|[a-z]\d{1,3}[a-z]{3}"
    )
)
_MOOD = re.compile(_COMMON.format(any_of(_MOODS)))
_KINDS = (
    (_RACE, "Belvedere does not search by race, skin, belief or any other trait of a person: nothing of it is kept."),
    (
        _FACE,
        "Belvedere does not recognise faces or tell one person from another: it finds that a person was there, not who.",
    ),
    (_NAME, "Belvedere does not know who anybody is, so it can't search by name. Say what was there, where and when."),
    (_PLATE, "Belvedere does not read number plates. Say what kind of vehicle, its colour, where and when."),
    (
        _MOOD,
        "Belvedere does not judge how people feel or whether they look suspicious. Say what was there, where and when.",
    ),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Words that are never searched for, [start, end) of the question, and the answer to them."""

    words: str
    start: int
    end: int
    text: str


def refusals(asked: str) -> list[Refusal]:
    """Everything in a question that is never searched for, in order; [] where there is nothing of the kind."""
    text = lowered(asked)
    found = [
        Refusal(asked[match.start() : match.end()], match.start(), match.end(), words)
        for pattern, words in _KINDS
        for match in pattern.finditer(text)
        if match.end() > match.start()
    ]
    return sorted(found, key=lambda each: (each.start, -each.end))
