"""What the pages of proposals send and receive."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.access.users import User
from belvedere.hub.approvals.answers import approver_out
from belvedere.hub.approvals.people import Approver, sentence
from belvedere.hub.approvals.shapes import ApproverOut
from belvedere.hub.proposals.proposal import Proposal, State, why_not
from belvedere.hub.watchers.conflicts import CONFLICTED
from belvedere.policy.row import DecisionTable

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class LineOut(BaseModel):
    """One thing that changes."""

    what: str
    before: str
    after: str


class ProposalOut(BaseModel):
    """A change that waits for a second person, or what became of it."""

    id: str
    act: str
    act_text: str
    title: str
    lines: list[LineOut]
    reason: str
    user_name: str
    team: str
    sha256: str = Field(description="Of the whole change; a decision names it.")
    made_us: int
    lapses_us: int
    state: State
    mine: bool
    may_decide: bool
    why_not: str
    approvers: list[ApproverOut]
    approvers_text: str
    decided_us: int | None
    decider: str
    words: str
    done: bool


class ProposalList(BaseModel):
    now_us: int
    proposals: list[ProposalOut]
    next_us: int | None = Field(description="`before_us` of the next page.")


class WaitsOut(BaseModel):
    """Answered with 202 in the place of what was asked: it takes effect once a second person has confirmed it."""

    proposal: ProposalOut


class ProposalCodeOut(BaseModel):
    """A one-time code, shown once, to who confirmed that the account is made."""

    name: str
    code: str


class ConfirmedOut(BaseModel):
    proposal: ProposalOut
    codes: list[ProposalCodeOut]


class ConfirmIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sha256: _Digest


class RefuseProposalIn(ConfirmIn):
    reason: Annotated[str, Field(max_length=2_000)]


def proposal_out(
    proposal: Proposal,
    looking: User,
    approvers: list[Approver],
    table: DecisionTable,
    now_us: int,
    conflicted: bool = False,
) -> ProposalOut:
    """One proposal as `looking` sees it."""
    reason, row = why_not(looking, proposal, now_us), table.row(proposal.act)
    reason = reason or (CONFLICTED if conflicted else "")
    waits = proposal.state is State.WAITING
    return ProposalOut(
        id=proposal.id,
        act=proposal.act,
        act_text=proposal.act if row is None else row.text,
        title=proposal.title,
        lines=[LineOut(what=line[0], before=line[1], after=line[2]) for line in proposal.lines],
        reason=proposal.reason,
        user_name=proposal.user_name,
        team=proposal.team,
        sha256=proposal.sha256,
        made_us=proposal.made_us,
        lapses_us=proposal.lapses_us,
        state=proposal.state,
        mine=proposal.account_id == looking.id,
        may_decide=not reason,
        why_not=reason,
        approvers=[approver_out(each) for each in approvers] if waits else [],
        approvers_text=sentence(approvers) if waits else "",
        decided_us=proposal.decided_us,
        decider=proposal.decider,
        words=proposal.words,
        done=proposal.done_us is not None,
    )
