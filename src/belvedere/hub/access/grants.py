"""The grant desk: asks the policy, writes the answer in the audit log, and only then hands the grant out.

Order of issue: decide, have it confirmed, log (durable, under a signed checkpoint), sign with the proof, store. A grant that is not
in the log does not open anything at a site, so a crash between two steps loses a grant and nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import ApprovalNeeded, BadInput, Conflict, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.asking import (
    Asking,
    CameraIds,
    CaseBook,
    GrantAsk,
    PurposeBook,
    Trained,
    asked_words,
    confirm,
    own_date,
)
from belvedere.hub.access.over import OverGrants
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.standing import StandingGrants
from belvedere.hub.access.step_up import StepUps
from belvedere.hub.access.users import User
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import access_grant
from belvedere.policy.ask import Approval, Ask, Asker
from belvedere.policy.decision import Decision, Outcome, decide
from belvedere.policy.grant import Action, Grant
from belvedere.policy.signed import GRANT_ISSUED, GrantOpener, grant_facts, sign_grant
from belvedere.policy.table import TABLE, DecisionTable, Role, Second

__all__ = [
    "GRANT_ENDED",
    "GRANT_REFUSED",
    "GRANT_REVOKED",
    "REVOKERS",
    "VIEW_REFUSED",
    "GrantAsk",
    "GrantDesk",
    "KeepReview",
    "UsableGrant",
]

GRANT_REFUSED = "grant.refused"
GRANT_ENDED = "grant.ended"
GRANT_REVOKED = "grant.revoked"
REVOKERS = frozenset({Role.SUPERVISOR, Role.MANAGER, Role.DPO})  # may end somebody else's grant
VIEW_REFUSED = "view.refused"
MOST_LIVE = 50  # live grants a person may hold at once
_LOG = structlog.get_logger(__name__)
KeepReview = Callable[
    [Grant, str], Awaitable[None]
]  # is told the grant to come and the passkey's proof, before it is given


@dataclass(frozen=True, slots=True)
class UsableGrant:
    """A grant that was checked just now, and the signed words to send to the site with each request."""

    wire: bytes
    grant: Grant


class GrantDesk:
    """Issues, checks and ends grants. One for each hub; use it on the hub's event loop."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        cameras: CameraIds,
        table: DecisionTable = TABLE,
        *,
        step_up: StepUps | None = None,
        purposes: PurposeBook | None = None,
        cases: CaseBook | None = None,
        trained: Trained = own_date,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._audit = audit
        self._step_up = step_up or StepUps(clock)
        self._asking = Asking(cameras, table, purposes, cases, trained=trained, clock=clock)
        self._opener = GrantOpener(key.public_key().public_bytes_raw(), clock)
        self._standing = StandingGrants(engine)
        # Set whenever a grant ends before its time, so that sites are told at once (see `endings`).
        self.ended = asyncio.Event()
        self.over = OverGrants(clock)
        self._stopped: frozenset[str] = frozenset()
        self.issued = 0
        self.refused = 0

    @property
    def table(self) -> DecisionTable:
        """The table that decides now."""
        return self._asking.table

    def look_at_cases(self, cases: CaseBook) -> None:
        """Take what is known of cases from there."""
        self._asking.cases = cases

    def stop_for(self, account_ids: frozenset[str]) -> None:
        """Give these accounts no access, and let none of theirs be used, until other accounts are named."""
        self._stopped = account_ids

    def look_at_masks(self, veiled: Callable[[], frozenset[str]]) -> None:
        """Take from there which cameras have, or had, permanent masks."""
        self._asking.veiled = veiled

    async def consider(self, session: SignedIn, ask: GrantAsk, approval: Approval | None = None) -> Decision:
        """What the policy says to this ask; changes nothing and logs nothing. The grant in it opens nothing."""
        return (await self._decide(session, ask, approval))[2]

    async def issue(
        self,
        session: SignedIn,
        ask: GrantAsk,
        approval: Approval | None = None,
        reviewed: KeepReview | None = None,
    ) -> Grant:
        """A new grant for the user of `session`, whose shift lasts as long as the session may.

        `reviewed` keeps what is to be reviewed where the table wants a review after (break-glass); without it that is refused.
        Raises Refused, ApprovalNeeded (a second person has to agree), StepUpNeeded, Conflict, StorageFault.
        """
        user = session.user
        self._require_untouched(user)
        if len(await self.live(user)) >= MOST_LIVE:
            raise Conflict(f"You hold {MOST_LIVE} open accesses.", advice="End those that you no longer need.")
        asker, wanted, decision = await self._decide(session, ask, approval)
        if decision.grant is None:
            await self._refuse(user, ask, decision)
            if decision.outcome is Outcome.APPROVAL:
                raise ApprovalNeeded(
                    decision.reason,
                    advice=decision.advice,
                    digest=decision.needs.digest,
                    approvers=decision.needs.approvers,
                    ask=asked_words(asker, wanted),
                )
            raise Refused(decision.reason, advice=decision.advice)
        if decision.needs.second is Second.AFTER and reviewed is None:
            raise Refused("This is reviewed afterwards, and has a desk of its own.", advice="Break the glass.")
        grant = decision.grant
        table = self.table
        purpose = table.purposes.get(grant.purpose)
        if purpose is None:  # withdrawn since the decision, a moment ago
            raise await self._withdrawn(user, grant)
        confirmed = confirm(self._step_up, session, lambda: asked_words(asker, wanted), decision, table.recent_us)
        if reviewed is not None:
            await reviewed(grant, confirmed)
        facts = {**grant_facts(grant), "words": ask.reason[:500], "step_up": confirmed, "renews": ask.renews}
        entry = await self._audit.append(GRANT_ISSUED, user.id, facts)
        wire = sign_grant(grant, self._key, self._audit.proof(entry.index))
        ends_with_session = purpose.ends_with_shift

        def store() -> None:
            with writing(self._engine) as connection:
                connection.execute(
                    insert(access_grant).values(
                        id=grant.id,
                        account_id=user.id,
                        purpose=grant.purpose,
                        case_ref=grant.case,
                        issued_us=grant.issued_us,
                        expires_us=grant.expires_us,
                        ended_us=None,
                        wire=wire,
                        audit_index=entry.index,
                        session_key=session.key if ends_with_session else "",
                    )
                )

        await asyncio.to_thread(store)
        if grant.purpose not in self.table.purposes:  # withdrawn after those grants were ended that stood by then
            await asyncio.to_thread(self._close, access_grant.c.id == grant.id)
            self.ended.set()
            raise await self._withdrawn(user, grant)
        self.issued += 1
        if ask.renews:
            await self.end(user, ask.renews, renewed_as=grant.id)
        return grant

    async def renew(self, session: SignedIn, grant_id: str, reason: str, approval: Approval | None = None) -> Grant:
        """More time for one's own grant: the same ask, decided anew, with a reason. The old grant ends.

        Raises NotFound, BadInput and as `issue`.
        """
        old = next((grant for grant in await self.live(session.user) if grant.id == grant_id), None)
        if old is None:
            raise NotFound("You hold no such access, or it was ended.", advice="Ask for access.")
        if not reason.strip():
            raise BadInput("More time needs a reason.", advice="Say why, in a few words.")
        shift = self.table.purposes.get(old.purpose)
        ask = GrantAsk(
            purpose=old.purpose,
            cameras=old.cameras,
            actions=old.actions,
            case=old.case,
            from_us=None if shift is not None and old.from_us == old.issued_us - shift.usual_reach_us else old.from_us,
            to_us=None if old.to_us == old.expires_us else old.to_us,
            reason=reason,
            lasts_us=None if shift is None or shift.ends_with_shift else old.expires_us - old.issued_us,
            renews=grant_id,
        )
        return await self.issue(session, ask, approval)

    async def revoke(self, by: User, grant_id: str, reason: str) -> Grant:
        """End somebody else's grant at once. Players stop within two seconds, the site at the next part.

        Raises Refused for who may not, NotFound for a grant that does not live, BadInput without a reason.
        """
        if by.roles.isdisjoint(REVOKERS):
            raise Refused("Your role may not end other people's access.", advice=f"Ask: {', '.join(sorted(REVOKERS))}.")
        if not reason.strip():
            raise BadInput("Ending somebody's access needs a reason.", advice="Say why, in a few words.")
        found = next((grant for grant in await self.all_live() if grant.id == grant_id), None)
        if found is None:
            raise NotFound("There is no such access, or it was ended.", advice="Look at the list of open accesses.")
        facts = {"grant": grant_id, "user": found.user_id, "reason": reason.strip()[:500]}
        await self._audit.append(GRANT_REVOKED, by.id, facts)
        self.over.end(grant_id)
        await asyncio.to_thread(self._close, access_grant.c.id == grant_id)
        self.ended.set()
        return found

    async def _decide(self, session: SignedIn, ask: GrantAsk, approval: Approval | None) -> tuple[Asker, Ask, Decision]:
        def look() -> tuple[Asker, Ask, DecisionTable]:
            asker = self._asking.asker(session)
            return asker, self._asking.ask(ask, asker, new_id("grant", self._clock), approval), self.table

        asker, wanted, table = await asyncio.to_thread(look)
        return asker, wanted, decide(asker, wanted, table, self._clock.now_us())

    async def _withdrawn(self, user: User, grant: Grant) -> Refused:
        """The refusal of a grant whose purpose was withdrawn while it was issued; in the log."""
        self.refused += 1
        reason = f"The purpose “{grant.purpose_text}” was withdrawn just now."
        facts = {"purpose": grant.purpose, "rule": "purpose.withdrawn", "reason": reason, "grant": grant.id}
        await self._audit.append(GRANT_REFUSED, user.id, facts)
        return Refused(reason, advice="Choose another purpose, or ask the data protection officer.")

    async def _refuse(self, user: User, ask: GrantAsk, decision: Decision) -> None:
        self.refused += 1
        facts: dict[str, Any] = {
            "purpose": ask.purpose[:64],
            "rule": decision.rule,
            "reason": decision.reason,
            "policy_version": decision.policy_version,
        }
        await self._audit.append(GRANT_REFUSED, user.id, facts)

    async def use(
        self,
        user: User,
        grant_id: str,
        action: Action,
        cameras: Iterable[str],
        start_us: int | None = None,
        end_us: int | None = None,
    ) -> UsableGrant:
        """The grant `grant_id` of `user`, if it allows `action` on all `cameras` for [start_us, end_us) now.

        Live pictures leave the span out. No cameras: only that the grant lives and allows `action`. A refusal is in the log
        before it is raised (Refused); what is let through the caller logs, who knows what is shown.
        """
        wanted = sorted(set(cameras))
        try:
            usable = await self._open(user, grant_id)
            for camera in wanted or sorted(usable.grant.cameras)[:1]:
                usable.grant.require(action, camera, now_us=self._clock.now_us(), start_us=start_us, end_us=end_us)
        except Refused as refusal:
            self.refused += 1
            facts = {
                "grant": grant_id[:64],
                "action": str(action),
                "cameras": [camera[:48] for camera in wanted[:100]],
                "start_us": start_us,
                "end_us": end_us,
                "reason": refusal.message,
            }
            await self._audit.append(VIEW_REFUSED, user.id, facts)
            raise
        return usable

    async def live(self, user: User) -> list[Grant]:
        """The user's grants that still open something, newest first."""
        return await self._live(access_grant.c.account_id == user.id)

    async def all_live(self) -> list[Grant]:
        """Everybody's grants that still open something, newest first. Whoever is shown this list may end them."""
        return await self._live()

    async def _live(self, *which: ColumnElement[bool]) -> list[Grant]:
        now_us = self._clock.now_us()

        def load() -> list[bytes]:
            query = select(access_grant.c.wire).where(
                *which, access_grant.c.ended_us.is_(None), access_grant.c.expires_us > now_us
            )
            with reading(self._engine) as connection:
                return list(connection.scalars(query.order_by(access_grant.c.issued_us.desc())))

        grants = []
        for wire in await asyncio.to_thread(load):
            try:
                grants.append(self._opener.open(wire))
            except Refused as error:  # expired this instant, or signed by a key that was replaced
                _LOG.info("grant_left_out", reason=error.message)
        return grants

    async def end(self, user: User, grant_id: str, *, renewed_as: str = "") -> None:
        """End one's own grant at once. Ending an ended one changes nothing. Raises NotFound.

        `renewed_as`: the grant that takes its place; the log names it.
        """
        mine = (access_grant.c.id == grant_id, access_grant.c.account_id == user.id)

        def close() -> bool:
            if self._close(*mine):
                return True
            with reading(self._engine) as connection:
                if connection.execute(select(access_grant.c.id).where(*mine)).first() is None:
                    raise NotFound("You hold no such access.", advice="Look at the list of your accesses.")
            return False

        if await asyncio.to_thread(close):
            self.over.end(grant_id)
            self.ended.set()
            facts = {"grant": grant_id} | ({"renewed_as": renewed_as} if renewed_as else {})
            await self._audit.append(GRANT_ENDED, user.id, facts)

    def is_over(self, grant_id: str) -> bool:
        """Whether this desk has ended the grant just now: asked before each live byte, so without the database.

        False says nothing: a grant ends by time, by the command line and by other rooms as well; see `live`.
        """
        return grant_id in self.over

    def _close(self, *which: ColumnElement[bool]) -> bool:
        """End an open grant; whether there was one. Blocking."""
        still = (*which, access_grant.c.ended_us.is_(None))
        with writing(self._engine) as connection:
            return (
                connection.execute(update(access_grant).where(*still).values(ended_us=self._clock.now_us())).rowcount
                > 0
            )

    async def end_shift(self, session: SignedIn) -> int:
        """End the grants that end with this session; returns how many there were."""
        query = select(access_grant.c.id).where(
            access_grant.c.session_key == session.key, access_grant.c.ended_us.is_(None)
        )

        def load() -> list[str]:
            with reading(self._engine) as connection:
                return list(connection.scalars(query))

        open_ones = await asyncio.to_thread(load)
        for grant_id in open_ones:
            await self.end(session.user, grant_id)
        return len(open_ones)

    def _require_untouched(self, user: User) -> None:
        if user.id in self._stopped:
            raise Refused(
                "Your account was altered in the database behind the hub, so it opens nothing.",
                advice="Tell the data protection officer; whoever looks after the accounts sets it right.",
            )

    async def _open(self, user: User, grant_id: str) -> UsableGrant:
        self._require_untouched(user)

        wire = await self._standing.wire(grant_id, user.id)
        if wire is None:  # unknown, somebody else's and ended look the same, so that ids can't be tried out
            raise Refused("You hold no such access, or it was ended.", advice="Ask for access.")
        return UsableGrant(wire, self._opener.open(wire))
