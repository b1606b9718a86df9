"""What two people agreed on: handed to the room that carries it out, in the place of one person's session and passkey."""

from collections.abc import Mapping
from dataclasses import dataclass

from belvedere.hub.access.users import User


@dataclass(frozen=True, slots=True)
class Agreed:
    """A change that `user` proposed and another person confirmed. Made by the desk of proposals only."""

    user: User
    confirmed_by: str  # account id
    proposal: str
    reason: str  # of the person who proposed it
    step_up: str  # id of the second person's proof, over exactly this change

    @property
    def facts(self) -> Mapping[str, str]:
        """For the log entry of what was done."""
        return {"confirmed_by": self.confirmed_by, "proposal": self.proposal, "step_up": self.step_up}
