"""Log entries as the detectors read them: who did what where, under which case, about which blinded subject."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from belvedere.hub.watchers.blind import Blinder

_GRANTS = 20_000  # remembered with their cases; the oldest go first, and count as without a case


class Deed(StrEnum):
    """What a person did, as far as the detectors tell acts apart."""

    LIVE = "live"
    REPLAY = "replay"
    SEARCH = "search"
    EXPORT = "export"
    GRANT = "grant"
    CASE_OPENED = "case opened"
    CASE_JOINED = "case joined"
    CASE_CLOSED = "case closed"
    APPROVAL = "approval"
    DWELLING = "dwelling"
    GLASS = "glass"
    GLASS_REVIEWED = "glass reviewed"


LOOKS = frozenset({Deed.REPLAY, Deed.SEARCH, Deed.EXPORT})

# Kind of log entry to what it is here. A kind that is not named is nobody's look at anybody.
KINDS: Mapping[str, Deed] = {
    "view.live": Deed.LIVE,
    "view.playback": Deed.REPLAY,
    "view.still": Deed.REPLAY,
    "view.events": Deed.REPLAY,
    "view.movement": Deed.REPLAY,
    "view.thumbnail": Deed.REPLAY,
    "search.made": Deed.SEARCH,
    "export.started": Deed.EXPORT,
    "grant.issued": Deed.GRANT,
    "case.opened": Deed.CASE_OPENED,
    "case.person_added": Deed.CASE_JOINED,
    "case.closed": Deed.CASE_CLOSED,
    "access.approved": Deed.APPROVAL,
    "dwell.dwelling": Deed.DWELLING,
    "glass.broken": Deed.GLASS,
    "glass.reviewed": Deed.GLASS_REVIEWED,
}


@dataclass(frozen=True, slots=True)
class Act:
    """One act of one person. `index` is that of the log entry."""

    index: int
    time_us: int
    deed: Deed
    person: str
    case: str = ""
    cameras: tuple[str, ...] = ()
    subjects: frozenset[str] = frozenset()  # blinded
    mentions: frozenset[str] = frozenset()  # blinded runs of words, for declared conflicts
    other: str = ""  # of an approval: who asked
    about: str = ""  # of a grant or break-glass: its id
    main: bool = False  # of a live look: the full picture


class ActReader:
    """Reads entries in the order of the log. It remembers under which case each grant was given."""

    def __init__(self, blinder: Blinder) -> None:
        self._blinder = blinder
        self._cases: OrderedDict[str, str] = OrderedDict()

    def read(self, index: int, time_us: int, kind: str, actor: str, facts: Mapping[str, Any]) -> Act | None:
        """The act that an entry tells of, None for entries that tell of none."""
        deed = KINDS.get(kind)
        if deed is None:
            return None
        grant = _text(facts, "grant")
        case = _text(facts, "case") or self._cases.get(grant, "")
        if deed is Deed.GRANT:
            self._cases[grant] = case
            if len(self._cases) > _GRANTS:
                self._cases.popitem(last=False)
        words = _text(facts, "words") if deed is Deed.SEARCH else ""
        return Act(
            index,
            time_us,
            deed,
            (_text(facts, "user") or actor) if deed is Deed.CASE_JOINED else actor,
            case,
            _cameras(facts),
            self._blinder.subjects(words) if words else frozenset(),
            self._blinder.mentions(words) if words else frozenset(),
            _text(facts, "account"),
            _text(facts, "glass") or grant,
            _text(facts, "stream") == "main",
        )


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""


def _cameras(facts: Mapping[str, Any]) -> tuple[str, ...]:
    several = facts.get("cameras")
    if isinstance(several, list):
        return tuple(each for each in several if isinstance(each, str))
    one = _text(facts, "camera")
    return (one,) if one else ()
