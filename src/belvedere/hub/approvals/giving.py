"""Between requests and the grant desk: whether an ask needs a second person, and the grant once there was one."""

import asyncio
from typing import TYPE_CHECKING

from belvedere.foundation.errors import Conflict, Refused
from belvedere.hub.access.grants import GRANT_REFUSED, GrantAsk, KeepReview
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.approvals.ask import Wanted
from belvedere.policy.ask import Approval
from belvedere.policy.decision import Decision, Outcome
from belvedere.policy.grant import Grant
from belvedere.policy.row import Role

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext


class Giver:
    """For the event loop."""

    def __init__(self, hub: "HubContext") -> None:
        self._hub = hub

    async def consider(self, session: SignedIn, wanted: Wanted) -> Decision:
        """What the policy says to this ask without a second person. Raises Refused when it says no, which is in the log."""
        decision = await self._hub.grants.consider(session, grant_ask(wanted))
        if decision.outcome is Outcome.REFUSE:
            facts = {
                "purpose": wanted.purpose[:64],
                "rule": decision.rule,
                "reason": decision.reason,
                "policy_version": decision.policy_version,
            }
            await self._hub.audit.append(GRANT_REFUSED, session.user.id, facts)
            raise Refused(decision.reason, advice=decision.advice)
        return decision

    async def issue(self, session: SignedIn, wanted: Wanted, approval: Approval) -> Grant:
        """The grant that was approved. Raises Refused, Conflict, StorageFault."""
        return await self._hub.grants.issue(session, grant_ask(wanted), approval)

    async def issue_first(self, session: SignedIn, wanted: Wanted, reviewed: KeepReview) -> Grant:
        """The grant of what is reviewed afterwards; `reviewed` keeps what is to be reviewed before it is given.

        Raises Refused, Conflict, StepUpNeeded, StorageFault.
        """
        return await self._hub.grants.issue(session, grant_ask(wanted), reviewed=reviewed)

    async def session_of(self, account_id: str) -> SignedIn:
        """The newest live session of a person. Raises Conflict when there is none."""

        def find() -> SignedIn | None:
            for each in self._hub.sessions.of(account_id):
                found = self._hub.sessions.by_key(account_id, each.key)
                if found is not None and not found.by_code:
                    return found
            return None

        found = await asyncio.to_thread(find)
        if found is None:
            raise Conflict("They are not signed in.", advice="They take it when they are back.")
        return found

    def purpose_text(self, code: str) -> str:
        """A purpose in words."""
        purpose = self._hub.grants.table.purposes.get(code)
        return code if purpose is None else purpose.text

    def approving_roles(self) -> frozenset[str]:
        """Every role that may be somebody's second person for footage."""
        rows = self._hub.grants.table.rows
        usual = frozenset(str(role) for row in rows if row.actions for role in row.approvers)
        return usual | {Role.DPO} if usual else usual  # for originals of cameras with permanent masks


def grant_ask(wanted: Wanted) -> GrantAsk:
    """The same for the grant desk."""
    return GrantAsk(
        purpose=wanted.purpose,
        cameras=frozenset(wanted.cameras),
        actions=frozenset(wanted.actions),
        case=wanted.case,
        from_us=wanted.from_us,
        to_us=wanted.to_us,
        lasts_us=wanted.lasts_us,
        reason=wanted.reason,
        recipient=wanted.recipient,
        renews=wanted.renews,
    )
