"""A proposal: the exact change as canonical data, who wants it and why, and what became of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from belvedere.foundation.clock import HOUR_US
from belvedere.hub.access.users import User, team_of
from belvedere.policy.acts import ActAsk, act_digest

LIFE_US = 72 * HOUR_US
LONGEST_REASON = 2_000
_SHOWN_LINES = 40  # lines that the passkey's act spells out; its digest covers all of them
_SHOWN_SIGNS = 200

Change = Mapping[str, Any]
Line = tuple[str, str, str]


class State(StrEnum):
    """What became of a proposal."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    STALE = "stale"  # what it was drawn up against has changed: it has to be proposed anew
    FAILED = "failed"  # it was confirmed and could not be carried out


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal. `lines`: what changes, each with its value before and after, as people read it."""

    id: str
    act: str
    what: str
    change: dict[str, Any]
    sha256: str
    before_sha256: str
    title: str
    lines: tuple[Line, ...]
    concerned: tuple[str, ...]
    reason: str
    approvers: tuple[str, ...]
    account_id: str
    user_name: str
    team: str
    audit_index: int
    made_us: int
    lapses_us: int
    state: State = State.WAITING
    decided_us: int | None = None
    decided_by: str = ""
    decider: str = ""
    words: str = ""
    step_up: str = ""
    done_us: int | None = None

    @property
    def ask(self) -> ActAsk:
        """What the policy decides on."""
        return ask_of(self.id, self.act, self.what, self.change, self.before_sha256, self.reason)

    @property
    def digest(self) -> str:
        """The SHA-256 of what stands here, hex; equal to `sha256` unless a row was altered."""
        return act_digest(self.account_id, self.ask)


def ask_of(proposal_id: str, act: str, what: str, change: Change, before_sha256: str, reason: str) -> ActAsk:
    """The act in words: which change, of what, in which proposal."""
    words = {"proposal": proposal_id, "what": what, "change": dict(change), "before_sha256": before_sha256}
    return ActAsk(act, words, reason)


def confirming_act(proposal: Proposal) -> dict[str, Any]:
    """What the second person's passkey signs: the change in words as far as it fits, and the digest of all of it."""
    lines = [[part[:_SHOWN_SIGNS] for part in line] for line in proposal.lines[:_SHOWN_LINES]]
    return {
        "do": "proposal.confirm",
        "proposal": proposal.id,
        "by": proposal.user_name,
        "title": proposal.title,
        "lines": lines,
        "line_count": len(proposal.lines),
        "reason": proposal.reason,
        "sha256": proposal.sha256,
    }


def why_not(user: User, proposal: Proposal, now_us: int) -> str:
    """Why this person can't decide on this proposal, "" where they can."""
    if proposal.state is not State.WAITING:
        return f"This proposal no longer waits: it was {proposal.state}."
    if proposal.lapses_us <= now_us:
        return "This proposal has lapsed."
    if user.id == proposal.account_id:
        return "Nobody confirms what they propose themselves."
    if user.id in proposal.concerned:
        return "Nobody confirms what changes their own account."
    if not user.roles & set(proposal.approvers):
        return f"This takes one of these roles: {', '.join(proposal.approvers)}."
    if team_of(user) == proposal.team:
        return "Who confirms has to be of another team."
    return ""
