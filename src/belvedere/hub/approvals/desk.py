"""The approval desk: takes requests in, shows what they would open, and carries out what a second person decides.

Order of an approval: who and what is checked, the passkey's proof over exactly this is used up, the log has it, the row says it,
the grant is issued to the person who asked. A crash in between leaves an approved request without its grant: `take` gives it.
"""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import User, team_of
from belvedere.hub.approvals.ask import GIVEN, AccessRequest, State, Wanted, approving_act, asked_sha256, require_words
from belvedere.hub.approvals.call import OnCallHook
from belvedere.hub.approvals.changes import Changes
from belvedere.hub.approvals.giving import Giver
from belvedere.hub.approvals.people import Approver, Approvers, conflict_reason, why_not
from belvedere.hub.approvals.roster import Roster, Turn
from belvedere.hub.approvals.store import RequestStore
from belvedere.hub.approvals.weighing import Weigher
from belvedere.policy.ask import Approval, ask_words, words_digest
from belvedere.policy.decision import Outcome

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

ASKED, APPROVED, REFUSED = "access.asked", "access.approved", "access.refused"
WITHDRAWN, LAPSED, DECISION_REFUSED = "access.withdrawn", "access.lapsed", "access.decision_refused"
ON_CALL_SET = "oncall.set"
MOST_WAITING, MOST_EACH = 500, 10
LOOK_EVERY_S = 10.0
_SHORTEST_US = SECOND_US  # a clip of some seconds is what most exports are
_LONGEST_SPAN_US = 62 * DAY_US
_LOG = structlog.get_logger(__name__)


class ApprovalDesk:
    """One for each hub; use it on the hub's event loop."""

    def __init__(self, hub: "HubContext") -> None:
        self._hub = hub
        self.store = RequestStore(hub.engine)
        self.roster = Roster(hub.engine, hub.clock)
        self.people = Approvers(hub.users, hub.sessions, self.roster, codes=hub.step_up_codes is not None)
        self.changes = Changes(hub.clock.now_us() // SECOND_US)
        self.giver = Giver(hub)
        self.hook = OnCallHook(hub.settings.hub.approval_webhook, hub.settings.hub.origin)
        self._weigher = Weigher(hub.engine, hub.clock, hub.key, hub.audit, hub.link, hub.register)
        self._deciding = asyncio.Lock()  # of two decisions at once, one is in the log
        self._to_weigh: asyncio.Queue[AccessRequest] = asyncio.Queue(MOST_WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin weighing requests, first those that an earlier run did not come to, and letting them lapse."""
        for request in await asyncio.to_thread(self.store.waiting):
            if request.weighing is None and not self._to_weigh.full():
                self._to_weigh.put_nowait(request)
        names = {
            "weighing requests": self._weigh_all,
            "lapsing requests": self._lapse_all,
            "on-call hook": self.hook.run,
        }
        self._tasks = [asyncio.create_task(work(), name=name) for name, work in names.items()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, session: SignedIn, wanted: Wanted, place: tuple[float, float] | None) -> AccessRequest:
        """Put a request to those who may approve it.

        Raises Refused where the policy says no, Conflict where nobody has to be asked, BadInput.
        """
        user, now_us = session.user, self._hub.clock.now_us()
        wanted = replace(wanted, reason=require_words(wanted.reason), case=wanted.case.strip())
        if not _SHORTEST_US <= wanted.to_us - wanted.from_us <= _LONGEST_SPAN_US:
            raise BadInput("The span of time asked for can't be used.", advice="Ask for one second to 62 days.")
        if await asyncio.to_thread(self.store.count_waiting, user.id) >= MOST_EACH:
            raise Conflict(
                f"{MOST_EACH} of your requests are waiting.", advice="Withdraw one that is no longer needed."
            )
        if await asyncio.to_thread(self.store.count_waiting) >= MOST_WAITING:
            raise Conflict("Too many requests are waiting.", advice="Tell the manager of the control room.")
        if wanted.renews and all(grant.id != wanted.renews for grant in await self._hub.grants.live(user)):
            raise NotFound("You hold no such access any more.", advice="Ask anew.")
        decision = await self.giver.consider(session, wanted)
        if decision.outcome is Outcome.ALLOW:
            raise Conflict("You need no second person for this.", advice="Take it: POST /api/grants.")
        request_id = new_id("request", self._hub.clock)
        digest = asked_sha256(request_id, user.id, wanted)
        facts = {"request": request_id, "ask_sha256": digest, **_facts(wanted), "rule": decision.rule}
        entry = await self._hub.audit.append(ASKED, user.id, {**facts, "words": wanted.reason})
        request = AccessRequest(
            id=request_id,
            account_id=user.id,
            user_name=user.display,
            team=team_of(user),
            roles=tuple(sorted(user.roles)),
            purpose_text=self.giver.purpose_text(wanted.purpose),
            wanted=wanted,
            place=place,
            ask_sha256=digest,
            rule=decision.rule,
            approvers=tuple(sorted(str(role) for role in decision.needs.approvers)),
            audit_index=entry.index,
            asked_us=now_us,
            lapses_us=now_us + self._hub.settings.hub.approval_hours * HOUR_US,
        )
        await asyncio.to_thread(self.store.add, request)
        self.changes.tell(request.id, user.id)
        if not self._to_weigh.full():
            self._to_weigh.put_nowait(request)
        await self._call(request)
        return request

    async def withdraw(self, user: User, request_id: str) -> AccessRequest:
        """Take one's own request back. Raises NotFound, Conflict."""
        async with self._deciding:
            request = await self.own(user, request_id)
            if request.state is not State.WAITING:
                raise Conflict("This request is no longer waiting.", advice="Look at what became of it.")
            await self._hub.audit.append(WITHDRAWN, user.id, {"request": request.id})
            await self._leave(request, State.WITHDRAWN, user)
        return await self._told(request)

    async def approve(
        self, session: SignedIn, request_id: str, shown_sha256: str, given: dict[str, Any], words: str
    ) -> AccessRequest:
        """Approve a request, as it is or narrowed to the fields in `given`, after `approving_act` was confirmed.

        Raises NotFound, Refused, Conflict, BadInput, StepUpNeeded.
        """
        async with self._deciding:
            request = await self._decidable(session.user, request_id, shown_sha256)
            narrowed = replace(request.wanted, **given)
            if not narrowed.within(request.wanted):
                await self._refuse_decision(
                    session.user, request, "An approval can narrow what was asked, not widen it."
                )
            state = State.APPROVED if narrowed == request.wanted else State.NARROWED
            if state is State.NARROWED:
                words = require_words(words)
            act = approving_act(request, narrowed)
            proof = self._hub.step_up.require(session, act)
            digest = words_digest(act["ask"])
            facts = {
                "request": request.id,
                "account": request.account_id,
                "asked_sha256": request.ask_sha256,
                "ask_sha256": digest,
                **_facts(narrowed),
                "narrowed": state is State.NARROWED,
                "step_up": proof.id,
                "words": words[:2000],
            }
            entry = await self._hub.audit.append(APPROVED, session.user.id, facts)
            more = {"given": narrowed.words(), "given_sha256": digest, "step_up": proof.id}
            await self._leave(request, state, session.user, words, **more, audit_index=entry.index)
        request = await self._told(request)
        try:
            return await self._give(request, await self.giver.session_of(request.account_id))
        except BelvedereError as error:  # they signed out, or hold too many: they take it when they are back
            _LOG.info("approved_grant_waits", request=request.id, reason=error.message)
            return request

    async def refuse(self, session: SignedIn, request_id: str, shown_sha256: str, words: str) -> AccessRequest:
        """Say no, with a reason. Raises NotFound, Refused, Conflict, BadInput."""
        words = require_words(words)
        async with self._deciding:
            request = await self._decidable(session.user, request_id, shown_sha256)
            facts = {"request": request.id, "account": request.account_id, "reason": words}
            await self._hub.audit.append(REFUSED, session.user.id, facts)
            await self._leave(request, State.REFUSED, session.user, words)
        return await self._told(request)

    async def take(self, session: SignedIn, request_id: str) -> AccessRequest:
        """The grant of one's approved request, where it could not be given at once. Raises NotFound, Conflict, Refused."""
        request = await self.own(session.user, request_id)
        if request.state not in GIVEN:
            raise Conflict("This request was not approved.", advice="Look at what became of it.")
        return request if request.grant_id else await self._give(request, session)

    async def own(self, user: User, request_id: str) -> AccessRequest:
        """One's own request; somebody else's looks like none. Raises NotFound."""
        request = await asyncio.to_thread(self.store.get, request_id)
        if request.account_id != user.id:
            raise NotFound("There is no such request.", advice="Look at the list of your requests.")
        return request

    async def approvers(self, request: AccessRequest) -> list[Approver]:
        """Who may decide on it, those who are here first."""
        return await asyncio.to_thread(self.people.of, request.account_id, request.team, request.approvers)

    async def set_turns(self, user: User, turns: list[Turn]) -> None:
        """A new roster of who is on call. Raises BadInput."""
        people = await asyncio.to_thread(self.people.holding, self.giver.approving_roles())
        self.roster.check(turns, (each.id for each in people))
        told = [{"account": turn.account_id, "from_us": turn.from_us, "to_us": turn.to_us} for turn in turns]
        await self._hub.audit.append(ON_CALL_SET, user.id, {"turns": told})
        await asyncio.to_thread(self.roster.put, turns, user.id)

    async def lapse(self) -> int:
        """Let requests lapse that nobody decided on in time; how many."""
        count = 0
        async with self._deciding:
            for request in await asyncio.to_thread(self.store.due, self._hub.clock.now_us()):
                await self._hub.audit.append(LAPSED, "hub", {"request": request.id, "account": request.account_id})
                await self._leave(request, State.LAPSED, None)
                self.changes.tell(request.id, request.account_id)
                count += 1
        return count

    async def weigh_next(self) -> None:
        """Work out what the next request would open, waiting for one."""
        request = await self._to_weigh.get()
        weighing = await self._weigher.weigh(request)
        await asyncio.to_thread(self.store.weigh, request.id, weighing)
        self.changes.tell(request.id, request.account_id)

    async def _decidable(self, user: User, request_id: str, shown_sha256: str) -> AccessRequest:
        """The request, once this person may decide on exactly what was shown. Raises NotFound, Conflict, Refused, logged."""
        request = await asyncio.to_thread(self.store.get, request_id)
        reason = why_not(user, request, self._hub.clock.now_us())
        if not reason and shown_sha256 != request.ask_sha256:
            reason = "Something else was shown than what is asked."
        if not reason:
            reason = await asyncio.to_thread(conflict_reason, self._hub.watch.conflicts, user, request)
        if not reason and not await self._as_asked(request):
            reason = "This request was changed after it was asked."
        if reason:
            await self._refuse_decision(user, request, reason)
        return request

    async def _as_asked(self, request: AccessRequest) -> bool:
        """Whether the row still says what the log says was asked."""
        entry = await asyncio.to_thread(self._hub.audit.entry, request.audit_index)
        held = asked_sha256(request.id, request.account_id, request.wanted)
        return held == request.ask_sha256 and entry.kind == ASKED and entry.facts.get("ask_sha256") == held

    async def _as_approved(self, request: AccessRequest, given: Wanted) -> bool:
        """Whether the row still says what the log says was approved, and by whom."""
        entry = await asyncio.to_thread(self._hub.audit.entry, request.audit_index)
        digest = words_digest(ask_words(request.account_id, given.policy_ask()))
        told = {"request": request.id, "account": request.account_id, "ask_sha256": digest}
        same = entry.kind == APPROVED and entry.actor == request.decided_by and digest == request.given_sha256
        return same and all(entry.facts.get(name) == value for name, value in told.items())

    async def _refuse_decision(self, user: User, request: AccessRequest, reason: str) -> None:
        facts = {"request": request.id, "account": request.account_id, "reason": reason}
        await self._hub.audit.append(DECISION_REFUSED, user.id, facts)
        if request.state is not State.WAITING:
            raise Conflict(reason, advice="Look at what became of it.")
        raise Refused(reason, advice="Leave it to somebody else, or have it asked anew.")

    async def _leave(
        self, request: AccessRequest, state: State, by: User | None, words: str = "", **more: object
    ) -> None:
        values = {
            "state": str(state),
            "decided_us": self._hub.clock.now_us(),
            "decided_by": "" if by is None else by.id,
            "decider": "" if by is None else by.display,
            "words": words,
            **more,
        }
        if not await asyncio.to_thread(lambda: self.store.leave_waiting(request.id, **values)):
            raise Conflict("This request is no longer waiting.", advice="Look at what became of it.")

    async def _told(self, request: AccessRequest) -> AccessRequest:
        """The request as it is now; open pages hear of it."""
        self.changes.tell(request.id, request.account_id)
        return await asyncio.to_thread(self.store.get, request.id)

    async def _give(self, request: AccessRequest, session: SignedIn) -> AccessRequest:
        given = request.given
        approver = await asyncio.to_thread(self._hub.users.by_id, request.decided_by)
        if given is None or approver is None or request.decided_us is None:
            raise Conflict("This request was not approved.", advice="Look at what became of it.")
        if not await self._as_approved(request, given):
            await self._refuse_decision(session.user, request, "This request was changed after it was approved.")
        approval = Approval(
            approver_id=approver.id,
            team=team_of(approver),
            roles=approver.roles,
            digest=request.given_sha256,
            approved_us=request.decided_us,
        )
        async with self._deciding:
            request = await asyncio.to_thread(self.store.get, request.id)
            if request.grant_id:
                return request
            grant = await self.giver.issue(session, given, approval)
            await asyncio.to_thread(self.store.put_grant, request.id, grant.id)
        return await self._told(request)

    async def _call(self, request: AccessRequest) -> None:
        if self.hook.url:
            on_call = [each.user.display for each in await self.approvers(request) if each.on_call]
            self.hook.tell(request.id, request.purpose_text, on_call)

    async def _weigh_all(self) -> None:
        while True:
            try:
                await self.weigh_next()
            except BelvedereError as error:
                _LOG.error("request_not_weighed", reason=str(error))

    async def _lapse_all(self) -> None:
        while True:
            try:
                await self.lapse()
            except BelvedereError as error:
                _LOG.error("requests_not_lapsed", reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)


def _facts(wanted: Wanted) -> dict[str, Any]:
    """For the log."""
    words = wanted.words()
    del words["reason"]
    return words
