"""Grants as the pages get them."""

from pydantic import BaseModel, Field

from belvedere.policy.decision import Decision, Outcome
from belvedere.policy.grant import Action, Grant
from belvedere.policy.row import StepUp

_CASES = frozenset({"case.unknown", "case.people", "case.closed"})


class GrantOut(BaseModel):
    id: str
    purpose: str
    purpose_text: str
    case: str
    cameras: list[str]
    from_us: int
    to_us: int
    actions: list[Action]
    issued_us: int
    expires_us: int
    masked: bool
    user_name: str
    approver: str


class GrantList(BaseModel):
    grants: list[GrantOut]


def grant_out(grant: Grant) -> GrantOut:
    """A grant for its holder, or for those who may end it."""
    return GrantOut(
        id=grant.id,
        purpose=grant.purpose,
        purpose_text=grant.purpose_text,
        case=grant.case,
        cameras=sorted(grant.cameras),
        from_us=grant.from_us,
        to_us=grant.to_us,
        actions=sorted(grant.actions),
        issued_us=grant.issued_us,
        expires_us=grant.expires_us,
        masked=grant.masked,
        user_name=grant.user_name,
        approver=grant.approver,
    )


class EndedOut(BaseModel):
    """One's access that ended before its time. `by` and `reason` are empty where it ended with a session or an account."""

    id: str
    purpose_text: str
    case: str
    cameras: list[str]
    ended_us: int
    expires_us: int
    by: str
    mine: bool = Field(description="One ended it oneself.")
    reason: str
    renewed: bool = Field(description="One renewed it: another took its place.")


class EndedList(BaseModel):
    ended: list[EndedOut]


class ConsideredOut(BaseModel):
    """What the policy says to an ask that was not made yet."""

    outcome: Outcome
    rule: str
    reason: str
    advice: str
    passkey: StepUp = Field(description="How oneself confirms it.")
    approvers: list[str] = Field(
        description="Roles of which one has to agree, of another team; empty where nobody has to."
    )
    masked: bool | None = Field(description="Whether pictures would be masked; null where that is not decided here.")


def considered_out(decision: Decision) -> ConsideredOut:
    """For the person who thinks of asking. Nothing is logged, so it does not tell which cases there are."""
    case = decision.rule in _CASES
    before = decision.outcome is Outcome.APPROVAL
    return ConsideredOut(
        outcome=decision.outcome,
        rule="case" if case else decision.rule,
        reason="There is no open case of this reference that you work on." if case else decision.reason,
        advice="Check the reference, or have yourself added to the case." if case else decision.advice,
        passkey=StepUp.NONE if before else decision.needs.step_up,
        approvers=sorted(str(role) for role in decision.needs.approvers) if before else [],
        masked=None if decision.grant is None else decision.grant.masked,
    )
