"""What a detector says, and what all detectors share."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from belvedere.foundation.clock import DAY_US
from belvedere.hub.watchers.acts import Act

WINDOW_DAYS = 30
WINDOW_US = WINDOW_DAYS * DAY_US


@dataclass(frozen=True, slots=True)
class Finding:
    """Something for the data protection officer to look at. `text` names nobody and says what is unusual, not who is guilty."""

    rule: str
    person: str
    # Invariant: the same for the same matter whenever the log is read again.
    matter: str
    text: str
    time_us: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    entries: tuple[int, ...] = ()
    strong: bool = True  # told at once; see `weight`


@dataclass(frozen=True, slots=True)
class People:
    """What the detectors know besides the log. Who is missing has no team, shifts or declarations."""

    teams: Mapping[str, str] = field(default_factory=dict)
    shifts: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)  # camera: place
    conflicts: Mapping[str, frozenset[str]] = field(default_factory=dict)  # account: blinded declarations
    street_blinds: Mapping[str, frozenset[str]] = field(default_factory=dict)  # place: what it would be declared as

    def team(self, person: str) -> str:
        return self.teams.get(person, "")

    def place(self, camera: str) -> str:
        return self.places.get(camera) or camera


class Detector(Protocol):
    """A pure rule: acts in the order of the log go in, findings come out. It remembers nothing that the log does not hold."""

    rule: str

    def see(self, act: Act, people: People) -> Iterable[Finding]: ...

    def pass_time(self, now_us: int) -> Iterable[Finding]:
        """What is to be said because nothing happened."""
        ...


def poisson_tail(least: int, mean: float) -> float:
    """P(X >= least) of a Poisson variable."""
    term = below = math.exp(-mean)
    for count in range(1, least):
        term *= mean / count
        below += term
    return 1.0 if least <= 0 else max(0.0, 1.0 - below)


def days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
