"""The desk of proposals: takes a change in, shows it to those who may confirm it, and carries it out once another person has.

Order of a confirmation: who and what is checked, the change is looked at against what is there now, the passkey's proof over
exactly this is used up, the log has it, the row says it, the room carries it out, the row says that it is done. A hub that ends in
between calls the proposal failed when it is back: it takes effect once or not at all, and is then proposed anew.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import structlog

from belvedere.foundation.errors import BelvedereError, Conflict, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import User, team_of
from belvedere.hub.approvals.ask import require_words
from belvedere.hub.approvals.people import Approver, Approvers
from belvedere.hub.approvals.roster import Roster
from belvedere.hub.proposals.doing import Doing
from belvedere.hub.proposals.proposal import (
    LIFE_US,
    LONGEST_REASON,
    Change,
    Proposal,
    State,
    ask_of,
    confirming_act,
    why_not,
)
from belvedere.hub.proposals.store import ProposalStore
from belvedere.hub.watchers.conflicts import CONFLICTED
from belvedere.hub.watchers.notices import tell_dpo
from belvedere.policy.acts import ActAsk, ActDecision, act_digest, decide_act
from belvedere.policy.ask import Approval, Asker
from belvedere.policy.decision import Outcome

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

MADE, CONFIRMED, REFUSED = "proposal.made", "proposal.confirmed", "proposal.refused"
WITHDRAWN, LAPSED, STALE = "proposal.withdrawn", "proposal.lapsed", "proposal.stale"
DONE, FAILED, DECISION_REFUSED = "proposal.done", "proposal.failed", "proposal.decision_refused"
NOT_TAKEN, ALONE, SECOND_THERE = "proposal.not_taken", "proposal.alone", "proposal.second_there"
MOST_EACH = 20
LOOK_EVERY_S = 20.0
# Acts that one person does alone until there has been somebody to confirm them: without, the first administrator is locked out.
FIRST_ALONE = frozenset({"role_change"})
_LOGGED_LINES = 50
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """How a change goes on. `proposal`: it waits for a second person. `alone`: nobody else is there yet, and the log says so."""

    proposal: Proposal | None = None
    alone: bool = False

    @property
    def facts(self) -> Mapping[str, bool]:
        """For the log entry of what is done at once."""
        return {"alone": True} if self.alone else {}


class ProposalDesk:
    """One for each hub; use it on the hub's event loop."""

    def __init__(self, hub: "HubContext", doings: Mapping[str, Doing], tell: Callable[[str, str], None]) -> None:
        """`doings`: sorts of change by name. `tell` wakes open pages (see `approvals.changes`)."""
        self._hub = hub
        self._doings = doings
        self._tell = tell
        self.store = ProposalStore(hub.engine)
        self._codes = hub.step_up_codes is not None
        self.people = Approvers(hub.users, hub.sessions, Roster(hub.engine, hub.clock), codes=self._codes)
        self._deciding = asyncio.Lock()  # of two decisions at once, one counts
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say of what an earlier run did not finish that it failed, and begin to let proposals lapse."""
        for cut in await asyncio.to_thread(self.store.cut_short):
            await self._failed(
                cut, "The hub ended while it was carried out; look at what was done, and propose it anew."
            )
        await self.second_there("role_change")
        self._task = asyncio.create_task(self._lapse_all(), name="lapsing proposals")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def way(self, session: SignedIn, what: str, change: Change, reason: str) -> Way:
        """How a change goes on: at once by whoever asks, or as a proposal, which then waits.

        Raises Refused where the table says no, BadInput, NotFound or Conflict where it can't be done or waits already.
        """
        user, doing = session.user, self._doings[what]
        change = msgspec.json.decode(msgspec.json.encode(change))  # as it comes back from the database
        reason = " ".join(reason.split())[:LONGEST_REASON]
        sight = await doing.look(change)
        if not sight.opens:
            return Way()
        proposal_id = new_id("proposal", self._hub.clock)
        ask = ask_of(proposal_id, doing.act, what, change, sight.before_sha256, reason)
        decision = self._decide(user, ask)
        if decision.outcome is Outcome.REFUSE:
            said = {"act": doing.act, "rule": decision.rule, "reason": decision.reason}
            await self._hub.audit.append(NOT_TAKEN, user.id, said)
            raise Refused(decision.reason, advice=decision.advice)
        if decision.outcome is Outcome.ALLOW:
            return Way()
        if doing.act in FIRST_ALONE and not await self.second_there(doing.act):
            return Way(alone=True)
        require_words(reason)
        mine = await asyncio.to_thread(self.store.of, user.id)
        waiting = [each for each in mine if each.state is State.WAITING]
        if any((each.what, each.change, each.before_sha256) == (what, change, sight.before_sha256) for each in waiting):
            raise Conflict("You have proposed this already.", advice="It waits for a second person.")
        if len(waiting) >= MOST_EACH:
            raise Conflict(f"{MOST_EACH} of your proposals wait.", advice="Withdraw one that is no longer needed.")
        digest, now_us = act_digest(user.id, ask), self._hub.clock.now_us()
        facts: dict[str, object] = {
            "proposal": proposal_id,
            "act": doing.act,
            "sha256": digest,
            "title": sight.title,
            "lines": [list(line) for line in sight.lines[:_LOGGED_LINES] if "licence number" not in line[0]],
            "line_count": len(sight.lines),
            "accounts": list(sight.concerned[:_LOGGED_LINES]),
            "reason": reason,
        }
        entry = await self._hub.audit.append(MADE, user.id, facts)
        made = Proposal(
            id=proposal_id,
            act=doing.act,
            what=what,
            change=dict(change),
            sha256=digest,
            before_sha256=sight.before_sha256,
            title=sight.title,
            lines=sight.lines,
            concerned=sight.concerned,
            reason=reason,
            approvers=tuple(sorted(str(role) for role in decision.needs.approvers)),
            account_id=user.id,
            user_name=user.display,
            team=team_of(user),
            audit_index=entry.index,
            made_us=now_us,
            lapses_us=now_us + LIFE_US,
        )
        await asyncio.to_thread(self.store.add, made)
        self._tell(made.id, made.account_id)
        return Way(made)

    async def done_alone(self, user: User, what: str, title: str) -> None:
        """Say loudly that somebody did alone what takes two, because there is nobody else yet."""
        facts = {"act": self._doings[what].act, "title": title}
        entry = await self._hub.audit.append(ALONE, user.id, facts)
        text = "A person did alone what takes two people: nobody else could confirm it yet."
        await tell_dpo(self._hub.engine, self._hub.clock, ALONE, user.id, text, facts, entries=[entry.index])

    async def second_there(self, act: str) -> bool:
        """Whether somebody could be the second person for `act`, now or at any time before. Never false again once true."""
        if await asyncio.to_thread(self.store.first_second_us, act) is not None:
            return True
        row = self._hub.grants.table.row(act)
        able = await asyncio.to_thread(self.people.holding, row.approvers if row is not None else ())
        if not any(each.has_passkey or self._codes for each in able):
            return False
        await self._hub.audit.append(SECOND_THERE, "hub", {"act": act})
        await asyncio.to_thread(self.store.put_first_second, act, self._hub.clock.now_us())
        return True

    async def confirm(self, session: SignedIn, proposal_id: str, shown_sha256: str) -> tuple[Proposal, dict[str, str]]:
        """Confirm a proposal, after `confirming_act` was confirmed with a passkey; it takes effect. Also gives one-time codes.

        Raises NotFound, Refused, Conflict, StepUpNeeded, and what the room that carries it out raises.
        """
        user = session.user
        async with self._deciding:
            proposal = await self._decidable(user, proposal_id, shown_sha256)
            proposer = await self._proposer(proposal)
            approval = Approval(user.id, team_of(user), user.roles, proposal.sha256, self._hub.clock.now_us())
            decision = self._decide(proposer, proposal.ask, approval)
            if decision.outcome is not Outcome.ALLOW:
                await self._refuse_decision(user, proposal, decision.reason)
            doing = self._doings[proposal.what]
            await self._require_fresh(proposal, doing)
            proof = self._hub.step_up.require(session, confirming_act(proposal))
            facts = {"proposal": proposal.id, "account": proposal.account_id, "sha256": proposal.sha256}
            facts |= {"title": proposal.title, "step_up": proof.id}
            await self._hub.audit.append(CONFIRMED, user.id, facts)
            await self._leave(proposal, State.CONFIRMED, user, step_up=proof.id)
            agreed = Agreed(proposer, user.id, proposal.id, proposal.reason, proof.id)
            try:
                codes = await doing.carry_out(proposal.change, agreed)
            except BelvedereError as error:
                await self._failed(proposal, error.message)
                raise
            await self._hub.audit.append(DONE, "hub", {"proposal": proposal.id, "account": proposal.account_id})
            now_us = self._hub.clock.now_us()
            await asyncio.to_thread(lambda: self.store.change(proposal.id, State.CONFIRMED, done_us=now_us))
        return await self._told(proposal), codes

    async def refuse(self, session: SignedIn, proposal_id: str, shown_sha256: str, words: str) -> Proposal:
        """Say no, with a reason. Raises NotFound, Refused, Conflict, BadInput."""
        words = require_words(words)[:LONGEST_REASON]
        async with self._deciding:
            proposal = await self._decidable(session.user, proposal_id, shown_sha256)
            facts = {"proposal": proposal.id, "account": proposal.account_id, "title": proposal.title, "reason": words}
            await self._hub.audit.append(REFUSED, session.user.id, facts)
            await self._leave(proposal, State.REFUSED, session.user, words)
        return await self._told(proposal)

    async def withdraw(self, user: User, proposal_id: str) -> Proposal:
        """Take one's own proposal back. Raises NotFound, Conflict."""
        async with self._deciding:
            proposal = await asyncio.to_thread(self.store.get, proposal_id)
            if proposal.account_id != user.id:
                raise NotFound("There is no such proposal.", advice="Look at the list of your proposals.")
            if proposal.state is not State.WAITING:
                raise Conflict("This proposal no longer waits.", advice="Look at what became of it.")
            await self._hub.audit.append(WITHDRAWN, user.id, {"proposal": proposal.id, "title": proposal.title})
            await self._leave(proposal, State.WITHDRAWN, user)
        return await self._told(proposal)

    async def lapse(self) -> int:
        """Let proposals lapse that nobody decided on in time; how many."""
        count = 0
        async with self._deciding:
            for each in await asyncio.to_thread(self.store.due, self._hub.clock.now_us()):
                facts = {"proposal": each.id, "account": each.account_id, "title": each.title}
                await self._hub.audit.append(LAPSED, "hub", facts)
                await self._leave(each, State.LAPSED, None)
                self._tell(each.id, each.account_id)
                count += 1
        return count

    def approvers(self, proposal: Proposal) -> list[Approver]:
        """Who may confirm it, those who are here first. Blocking."""
        found = self.people.of(proposal.account_id, proposal.team, proposal.approvers)
        return [each for each in found if each.user.id not in proposal.concerned]

    def conflicted(self, user: User, proposal: Proposal) -> bool:
        """Whether it touches what this person declared as a conflict of their own. Blocking."""
        if proposal.state is not State.WAITING or user.id == proposal.account_id:
            return False
        words = [proposal.title, proposal.reason, *(part for line in proposal.lines for part in line)]
        return self._hub.watch.conflicts.touches(user.id, words, (), "")

    def _decide(self, user: User, ask: ActAsk, approval: Approval | None = None) -> ActDecision:
        asker = Asker(user.id, user.display, user.roles, frozenset(), None, team=team_of(user))
        return decide_act(asker, replace(ask, approval=approval), self._hub.grants.table, self._hub.clock.now_us())

    async def _decidable(self, user: User, proposal_id: str, shown_sha256: str) -> Proposal:
        """The proposal, once this person may decide on exactly what was shown. Raises NotFound, Conflict, Refused, logged."""
        proposal = await asyncio.to_thread(self.store.get, proposal_id)
        reason = why_not(user, proposal, self._hub.clock.now_us())
        if not reason and await asyncio.to_thread(self.conflicted, user, proposal):
            reason = CONFLICTED
        if not reason and shown_sha256 != proposal.sha256:
            reason = "Something else was shown than what is proposed."
        if not reason and not await self._as_proposed(proposal):
            reason = "This proposal was changed after it was made."
        if reason:
            await self._refuse_decision(user, proposal, reason)
        return proposal

    async def _as_proposed(self, proposal: Proposal) -> bool:
        """Whether the row still says what the log says was proposed."""
        entry = await asyncio.to_thread(self._hub.audit.entry, proposal.audit_index)
        told = (entry.kind, entry.actor, entry.facts.get("proposal"), entry.facts.get("sha256"))
        return proposal.digest == proposal.sha256 and told == (MADE, proposal.account_id, proposal.id, proposal.sha256)

    async def _proposer(self, proposal: Proposal) -> User:
        """Who proposed it, as they are now. A proposal of somebody who has left goes stale."""
        proposer = await asyncio.to_thread(self._hub.users.by_id, proposal.account_id)
        if proposer is None or proposer.disabled:
            await self._stale(proposal, "Who proposed this has left.")
        assert proposer is not None
        return proposer

    async def _require_fresh(self, proposal: Proposal, doing: Doing) -> None:
        """Return if everything is still as it was when the change was drawn up. Raises Conflict, and the proposal is stale."""
        try:
            sight = await doing.look(proposal.change)
        except BelvedereError as error:
            await self._stale(proposal, error.message)
            return
        if sight.before_sha256 != proposal.before_sha256:
            await self._stale(proposal, "What this changes was changed since it was proposed.")

    async def _stale(self, proposal: Proposal, reason: str) -> None:
        facts = {"proposal": proposal.id, "account": proposal.account_id, "title": proposal.title, "reason": reason}
        await self._hub.audit.append(STALE, "hub", facts)
        await self._leave(proposal, State.STALE, None, reason)
        self._tell(proposal.id, proposal.account_id)
        raise Conflict(reason, advice="It has to be proposed anew, against how things are now.")

    async def _failed(self, proposal: Proposal, reason: str) -> None:
        facts = {"proposal": proposal.id, "account": proposal.account_id, "title": proposal.title, "reason": reason}
        await self._hub.audit.append(FAILED, "hub", facts)
        await asyncio.to_thread(
            lambda: self.store.change(proposal.id, State.CONFIRMED, state=str(State.FAILED), words=reason)
        )
        self._tell(proposal.id, proposal.account_id)

    async def _refuse_decision(self, user: User, proposal: Proposal, reason: str) -> None:
        facts = {"proposal": proposal.id, "account": proposal.account_id, "reason": reason}
        await self._hub.audit.append(DECISION_REFUSED, user.id, facts)
        if proposal.state is not State.WAITING:
            raise Conflict(reason, advice="Look at what became of it.")
        raise Refused(reason, advice="Leave it to somebody else, or have it proposed anew.")

    async def _leave(self, proposal: Proposal, state: State, by: User | None, words: str = "", **more: object) -> None:
        values = {
            "state": str(state),
            "decided_us": self._hub.clock.now_us(),
            "decided_by": "" if by is None else by.id,
            "decider": "" if by is None else by.display,
            "words": words,
            **more,
        }
        if not await asyncio.to_thread(lambda: self.store.change(proposal.id, State.WAITING, **values)):
            raise Conflict("This proposal no longer waits.", advice="Look at what became of it.")

    async def _told(self, proposal: Proposal) -> Proposal:
        self._tell(proposal.id, proposal.account_id)
        return await asyncio.to_thread(self.store.get, proposal.id)

    async def _lapse_all(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.lapse()
                await self.second_there("role_change")
            except Exception as error:  # noqa: BLE001 - the database may be busy or full; the next look tries again
                _LOG.warning("proposals_wait", exc_info=error)
