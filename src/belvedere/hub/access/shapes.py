"""Grants as the pages get them."""

from pydantic import BaseModel

from belvedere.policy.grant import Action, Grant


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
