"""The grant desk: asks the policy, writes the answer in the audit log, and only then hands the grant out.

Order of issue: decide, log (durable, under a signed checkpoint), sign with the proof, store. A grant that is not in the log
does not open anything at a site, so a crash between two steps loses a grant and nothing else.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import User
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import access_grant
from belvedere.policy.decision import Ask, Asker, decide
from belvedere.policy.grant import Action, Grant
from belvedere.policy.signed import GRANT_ISSUED, GrantOpener, grant_facts, sign_grant
from belvedere.policy.table import TABLE, DecisionTable

GRANT_REFUSED = "grant.refused"
GRANT_ENDED = "grant.ended"
VIEW_REFUSED = "view.refused"
MOST_LIVE = 50  # live grants a person may hold at once
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UsableGrant:
    """A grant that was checked just now, and the signed words to send to the site with each request."""

    wire: bytes
    grant: Grant


@dataclass(frozen=True, slots=True)
class GrantAsk:
    """What a person asks for; see `policy.decision.Ask`. `reason` is their own words, kept in the log."""

    purpose: str
    cameras: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    case: str = ""
    from_us: int | None = None
    to_us: int | None = None
    reason: str = ""


class GrantDesk:
    """Issues, checks and ends grants. One for each hub; use it on the hub's event loop."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        cameras: Callable[[], frozenset[str]],
        table: DecisionTable = TABLE,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._audit = audit
        self._cameras = cameras
        self._table = table
        self._opener = GrantOpener(key.public_key().public_bytes_raw(), clock)
        self.issued = 0
        self.refused = 0

    async def issue(self, session: SignedIn, ask: GrantAsk) -> Grant:
        """A new grant for the user of `session`, whose shift lasts as long as the session may.

        Raises Refused, Conflict, StorageFault.
        """
        user = session.user
        if len(await self.live(user)) >= MOST_LIVE:
            raise Conflict(f"You hold {MOST_LIVE} open accesses.", advice="End those that you no longer need.")
        asker = Asker(
            user_id=user.id,
            user_name=user.display,
            roles=user.roles,
            cameras=await asyncio.to_thread(self._cameras),
            shift_end_us=session.expires_us,
        )
        wanted = Ask(
            grant_id=new_id("grant", self._clock),
            purpose=ask.purpose,
            cameras=ask.cameras,
            actions=ask.actions,
            case=ask.case,
            from_us=ask.from_us,
            to_us=ask.to_us,
        )
        decision = decide(asker, wanted, self._table, self._clock.now_us())
        if decision.grant is None:
            self.refused += 1
            facts: dict[str, Any] = {
                "purpose": ask.purpose[:64],
                "rule": decision.rule,
                "reason": decision.reason,
                "policy_version": decision.policy_version,
            }
            await self._audit.append(GRANT_REFUSED, user.id, facts)
            raise Refused(decision.reason, advice=decision.advice)
        grant = decision.grant
        entry = await self._audit.append(GRANT_ISSUED, user.id, {**grant_facts(grant), "words": ask.reason[:500]})
        wire = sign_grant(grant, self._key, self._audit.proof(entry.index))
        ends_with_session = self._table.purposes[grant.purpose].ends_with_shift

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
        self.issued += 1
        return grant

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
        now_us = self._clock.now_us()

        def load() -> list[bytes]:
            query = select(access_grant.c.wire).where(
                access_grant.c.account_id == user.id,
                access_grant.c.ended_us.is_(None),
                access_grant.c.expires_us > now_us,
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

    async def end(self, user: User, grant_id: str) -> None:
        """End one's own grant at once. Ending an ended one changes nothing. Raises NotFound."""
        now_us = self._clock.now_us()
        mine = (access_grant.c.id == grant_id, access_grant.c.account_id == user.id)

        def close() -> bool:
            with writing(self._engine) as connection:
                closed = connection.execute(
                    update(access_grant).where(*mine, access_grant.c.ended_us.is_(None)).values(ended_us=now_us)
                )
                if closed.rowcount == 0 and connection.execute(select(access_grant.c.id).where(*mine)).first() is None:
                    raise NotFound("You hold no such access.", advice="Look at the list of your accesses.")
                return closed.rowcount == 1

        if await asyncio.to_thread(close):
            await self._audit.append(GRANT_ENDED, user.id, {"grant": grant_id})

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

    async def _open(self, user: User, grant_id: str) -> UsableGrant:
        def load() -> bytes | None:
            query = select(access_grant.c.wire).where(
                access_grant.c.id == grant_id,
                access_grant.c.account_id == user.id,
                access_grant.c.ended_us.is_(None),
            )
            with reading(self._engine) as connection:
                return connection.scalar(query)

        wire = await asyncio.to_thread(load)
        if wire is None:  # unknown, somebody else's and ended look the same, so that ids can't be tried out
            raise Refused("You hold no such access, or it was ended.", advice="Ask for access.")
        return UsableGrant(wire, self._opener.open(wire))
