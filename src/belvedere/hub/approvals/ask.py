"""What somebody asks for, in words that two people mean the same by: canonical, with a SHA-256 of its own. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from belvedere.foundation.clock import HOUR_US
from belvedere.foundation.errors import BadInput
from belvedere.policy.ask import Ask, ask_words, words_digest
from belvedere.policy.grant import Action


class State(StrEnum):
    """How a request stands. It leaves `waiting` once."""

    WAITING = "waiting"
    APPROVED = "approved"
    NARROWED = "narrowed"  # approved, but for less than was asked
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


GIVEN = frozenset({State.APPROVED, State.NARROWED})
_SAME = ("purpose", "case", "reason", "recipient", "renews")  # what nobody but the asker may word


@dataclass(frozen=True, slots=True)
class Wanted:
    """Footage of `cameras` in [from_us, to_us), for `actions`, to be held open for `lasts_us`."""

    purpose: str
    case: str
    # Invariant: sorted, each once.
    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    actions: tuple[Action, ...]
    lasts_us: int
    reason: str
    recipient: str = ""  # who gets what is exported
    renews: str = ""  # grant that it asks more time for

    @property
    def camera_hours(self) -> float:
        """Hours of footage, all cameras together."""
        return len(self.cameras) * (self.to_us - self.from_us) / HOUR_US

    def policy_ask(self, grant_id: str = "") -> Ask:
        """The same for `policy.decide`, which knows nothing of renewals."""
        return Ask(
            grant_id=grant_id,
            purpose=self.purpose,
            cameras=frozenset(self.cameras),
            actions=frozenset(self.actions),
            case=self.case,
            from_us=self.from_us,
            to_us=self.to_us,
            lasts_us=self.lasts_us,
            reason=self.reason,
            recipient=self.recipient,
        )

    def words(self) -> dict[str, Any]:
        """As it is kept and shown."""
        return {
            "purpose": self.purpose,
            "case": self.case,
            "cameras": list(self.cameras),
            "from_us": self.from_us,
            "to_us": self.to_us,
            "actions": [str(action) for action in self.actions],
            "lasts_us": self.lasts_us,
            "reason": self.reason,
            "recipient": self.recipient,
            "renews": self.renews,
        }

    def within(self, other: "Wanted") -> bool:
        """Whether this opens nothing that `other` does not."""
        same = all(getattr(self, name) == getattr(other, name) for name in _SAME)
        inside = other.from_us <= self.from_us < self.to_us <= other.to_us and 0 < self.lasts_us <= other.lasts_us
        cameras = bool(self.cameras) and set(self.cameras) <= set(other.cameras)
        return same and inside and cameras and bool(self.actions) and set(self.actions) <= set(other.actions)


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One request and what became of it. `None` and "" where that has not happened."""

    id: str
    account_id: str
    user_name: str
    team: str
    roles: tuple[str, ...]
    purpose_text: str
    wanted: Wanted
    place: tuple[float, float] | None  # (longitude, latitude)
    # Invariant: that of `asked_sha256`, and of the log's entry `audit_index`; once approved, that entry is the approval's.
    ask_sha256: str
    rule: str
    approvers: tuple[str, ...]
    audit_index: int
    asked_us: int
    lapses_us: int
    weighing: dict[str, Any] | None = None
    state: State = State.WAITING
    decided_us: int | None = None
    decided_by: str = ""
    decider: str = ""
    words: str = ""
    given: Wanted | None = None
    given_sha256: str = ""
    step_up: str = ""
    grant_id: str = ""


def asked_sha256(request_id: str, account_id: str, wanted: Wanted) -> str:
    """What a request is held to, hex: who asks for exactly what, and why."""
    ask = ask_words(account_id, wanted.policy_ask())
    return words_digest({"request": request_id, "ask": ask, "renews": wanted.renews})


def approving_act(request: AccessRequest, given: Wanted) -> dict[str, Any]:
    """What an approver confirms with a passkey: this person gets exactly this, for that request.

    `ask_digest` of what stands in `ask` is what the policy wants in the approval.
    """
    return {
        "do": "access.approve",
        "request": request.id,
        "asked_sha256": request.ask_sha256,
        "name": request.user_name,
        "renews": given.renews,
        "ask": ask_words(request.account_id, given.policy_ask()),
    }


def require_words(text: str, least: int = 10) -> str:
    """`text` without the space around it. Raises BadInput when it says too little."""
    text = " ".join(text.split())
    if len(text) < least:
        raise BadInput("Say why, in a few words.", advice=f"{least} letters or more: others will read it later.")
    return text
