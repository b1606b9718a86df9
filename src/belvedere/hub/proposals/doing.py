"""What a room gives so that its changes can be proposed: how a change looks now, and how it is carried out once it is confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from belvedere.hub.access.agreed import Agreed
from belvedere.hub.proposals.proposal import Change, Line
from belvedere.policy.ask import words_digest


@dataclass(frozen=True, slots=True)
class Sight:
    """A change as it stands against what is there now."""

    title: str
    lines: tuple[Line, ...]
    # Invariant: all of what the change was drawn up against, as plain data; when any of it differs the change is stale.
    before: Mapping[str, Any]
    concerned: tuple[str, ...] = ()  # ids of the accounts that it changes
    opens: bool = True  # False: it only takes away, or opens nothing yet, and needs no second person

    @property
    def before_sha256(self) -> str:
        return words_digest(dict(self.before))


class Doing(Protocol):
    """One sort of change. Methods raise BadInput, NotFound, Conflict or Refused when it can't be done as things are now."""

    @property
    def act(self) -> str:
        """The row of the action table."""
        ...

    async def look(self, change: Change) -> Sight: ...

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        """Do it, the log first; returns one-time codes by name, where accounts were made."""
        ...
