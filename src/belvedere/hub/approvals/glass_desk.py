"""Breaking the glass: access at once for an hour; the data protection officer is told first, somebody else reviews it in a day."""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import User, team_of
from belvedere.hub.approvals.ask import Wanted, require_words
from belvedere.hub.approvals.giving import Giver
from belvedere.hub.approvals.glass import (
    CODES,
    LEAST_WORDS,
    Glass,
    GlassState,
    obstacle,
    unreviewed,
    why_no_review,
)
from belvedere.hub.approvals.glass_store import GlassStore
from belvedere.hub.storage.engine import writing
from belvedere.hub.watchers.notices import NOTICE, put_item, settle_notice
from belvedere.policy.grant import Action, Grant
from belvedere.policy.row import PurposeKind

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

BROKEN, REFUSED = "glass.broken", "glass.refused"
REVIEWED, LIFTED, OVERDUE = "glass.reviewed", "glass.lifted", "glass.overdue"
OPENED_NOTICE, OVERDUE_NOTICE = "break_glass.opened", "break_glass.overdue"
MOST_CAMERAS = 16
LASTS_US = HOUR_US
REVIEW_US = DAY_US
LOOK_EVERY_S = 15.0
_FAST_US, _SLOW_US = (
    MINUTE_US,
    6 * MINUTE_US,
)  # a page's clock may be ahead by so much; the passkey may take five minutes
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Cry:
    """What somebody breaks the glass for. `at_us`: when they decided to, `back_us`: how long before that footage is needed."""

    code: str
    words: str
    again: str
    cameras: tuple[str, ...]
    at_us: int
    back_us: int


class GlassDesk:
    """One for each hub; use it on the hub's event loop."""

    def __init__(self, hub: "HubContext", giver: Giver) -> None:
        self._hub = hub
        self._giver = giver
        self.store = GlassStore(hub.engine)
        self.most_back_us = hub.settings.hub.break_glass_back_minutes * MINUTE_US
        self._breaking = asyncio.Lock()  # what is counted is still so when it is written
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for overdue reviews."""
        self._task = asyncio.create_task(self._look(), name="break-glass reviews")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def offered(self) -> bool:
        """Whether a purpose for it is in force."""
        return bool(self._purpose())

    def purpose(self) -> str:
        """Code of the purpose that break-glass goes by. Raises Refused when there is none in force."""
        found = self._purpose()
        if not found:
            raise Refused("There is no purpose for break-glass.", advice="Ask the data protection officer for one.")
        return found

    def _purpose(self) -> str:
        purposes = self._hub.grants.table.purposes.values()
        return next((each.code for each in purposes if each.kind is PurposeKind.BREAK_GLASS), "")

    async def break_it(self, session: SignedIn, cry: Cry) -> Glass:
        """Access to its cameras now, once the grant desk has had it confirmed with a passkey.

        Raises BadInput, Refused (in the log), Conflict where `again` has to say why once more, StepUpNeeded.
        """
        user = session.user
        cry = replace(cry, words=require_words(cry.words, LEAST_WORDS), again=" ".join(cry.again.split()))
        self._check(cry)
        async with self._breaking:
            await self._require_free(user, cry.again)
            wanted = self._wanted(cry)
            await self._giver.consider(session, wanted)
            kept: list[Glass] = []

            async def keep(grant: Grant, proof: str) -> None:
                """Confirmed, and about to be given: the log, the row and the notice come first."""
                glass = self._new(user, grant, cry, proof)
                facts: dict[str, object] = {
                    "glass": glass.id,
                    "code": cry.code,
                    "cameras": list(cry.cameras),
                    "step_up": proof,
                }
                facts |= {"from_us": grant.from_us, "to_us": grant.to_us, "again": cry.again, "words": cry.words}
                entry = await self._hub.audit.append(BROKEN, user.id, facts)
                await asyncio.to_thread(self._keep, glass, entry.index)
                kept.append(glass)

            await self._giver.issue_first(session, wanted, keep)
        return kept[0]

    async def review(self, user: User, glass_id: str, justified: bool, words: str) -> Glass:
        """Say whether it was justified, and why. Raises NotFound, Refused (in the log), Conflict, BadInput."""
        words = require_words(words)
        glass = await asyncio.to_thread(self.store.get, glass_id)
        reason = why_no_review(user, glass)
        if reason:
            await self._hub.audit.append(REFUSED, user.id, {"glass": glass.id, "reason": reason})
            error = Conflict if glass.reviewed_us is not None else Refused
            raise error(reason, advice="Leave it to somebody else.")
        facts = {"glass": glass.id, "account": glass.account_id, "justified": justified, "words": words}
        await self._hub.audit.append(REVIEWED, user.id, facts)

        def enter() -> None:
            now_us = self._hub.clock.now_us()
            who = {"reviewed_us": now_us, "reviewed_by": user.id, "reviewer": user.display}
            with writing(self._hub.engine) as connection:
                self.store.review(connection, glass.id, **who, justified=justified, review=words)
                for matter in (_matter(OPENED_NOTICE, glass.id), _matter(OVERDUE_NOTICE, glass.id)):
                    outcome = "justified" if justified else "unjustified"
                    settle_notice(connection, self._hub.clock, matter, user.id, outcome, words)
                if not justified:
                    text = "A break-glass was found not justified; this person can't break it again."
                    matter = _matter("break_glass.unjustified", glass.id)
                    put_item(
                        connection, self._hub.clock, NOTICE, "break_glass.unjustified", glass.account_id, text,
                        {"glass": glass.id, "cameras": list(glass.cameras)}, matter=matter,
                    )  # fmt: skip

        await asyncio.to_thread(enter)
        if not justified and glass.grant_id and glass.state(self._hub.clock.now_us()) is GlassState.OPEN:
            await self._end(user, glass.grant_id)
        return await asyncio.to_thread(self.store.get, glass.id)

    async def _end(self, user: User, grant_id: str) -> None:
        try:
            await self._hub.grants.revoke(user, grant_id, "Its break-glass was found not justified.")
        except NotFound as error:
            _LOG.info("break_glass_ended_before", reason=error.message)

    async def lift(self, user: User, glass_id: str, words: str) -> Glass:
        """Let a person break it again although one was not justified. Raises NotFound, Refused, Conflict, BadInput."""
        words = require_words(words)
        glass = await asyncio.to_thread(self.store.get, glass_id)
        if glass.account_id == user.id:
            raise Refused("Nobody lifts their own bar.", advice="Leave it to somebody else.")
        if glass.state(self._hub.clock.now_us()) is not GlassState.UNJUSTIFIED:
            raise Conflict("Nothing is barred here.", advice="Look at the list.")
        facts = {"glass": glass.id, "account": glass.account_id, "words": words}
        await self._hub.audit.append(LIFTED, user.id, facts)
        lifted_us = self._hub.clock.now_us()
        await asyncio.to_thread(lambda: self.store.lift(glass.id, lifted_us=lifted_us, lifted=words))
        return await asyncio.to_thread(self.store.get, glass.id)

    async def seen(self, user: User, glass_id: str, *, sees_all: bool) -> Glass:
        """One of them. Raises NotFound, also for somebody else's."""
        glass = await asyncio.to_thread(self.store.get, glass_id)
        if glass.account_id != user.id and not sees_all:
            raise NotFound("There is no such break-glass.", advice="Look at the list.")
        return glass

    async def escalate(self) -> int:
        """Put overdue reviews before the data protection officer; how many."""
        now_us = self._hub.clock.now_us()
        overdue = await asyncio.to_thread(self.store.overdue, now_us)
        for glass in overdue:
            entry = await self._hub.audit.append(OVERDUE, "hub", {"glass": glass.id, "account": glass.account_id})

            def enter(glass: Glass = glass, index: int = entry.index) -> None:
                with writing(self._hub.engine) as connection:
                    self.store.escalate(connection, glass.id, now_us)
                    text = "Nobody reviewed a break-glass within a day. Its review is yours now."
                    put_item(
                        connection, self._hub.clock, NOTICE, OVERDUE_NOTICE, glass.account_id, text,
                        {"glass": glass.id}, matter=_matter(OVERDUE_NOTICE, glass.id), entries=[index],
                    )  # fmt: skip

            await asyncio.to_thread(enter)
        return len(overdue)

    async def _require_free(self, user: User, again: str) -> None:
        earlier = await asyncio.to_thread(self.store.of, user.id)
        reason = obstacle(earlier)
        if reason:
            await self._hub.audit.append(REFUSED, user.id, {"reason": reason})
            raise Refused(reason, advice="Call whoever is on call; the data protection officer can lift this.")
        if unreviewed(earlier) and len(again) < LEAST_WORDS:
            raise Conflict(
                "An earlier one of yours waits for its review.",
                advice="Say in `again` why you have to break the glass once more, in twenty letters or more.",
            )

    def _check(self, cry: Cry) -> None:
        if cry.code not in CODES:
            raise BadInput(f"There is no code {cry.code!r}.", advice=f"Choose one of: {', '.join(CODES)}.")
        if len(cry.cameras) > MOST_CAMERAS:
            raise BadInput(f"Name {MOST_CAMERAS} cameras at most.", advice="Name those that see the place.")
        if cry.back_us > self.most_back_us:
            minutes = self.most_back_us // MINUTE_US
            raise BadInput(f"It reaches back {minutes} minutes.", advice="Ask for access to older footage.")
        if not 0 <= self._hub.clock.now_us() - cry.at_us + _FAST_US <= _SLOW_US:
            raise BadInput("It was decided too long ago, or in the future.", advice="Check this device's clock.")

    def _wanted(self, cry: Cry) -> Wanted:
        return Wanted(
            purpose=self.purpose(),
            case="",
            cameras=cry.cameras,
            from_us=cry.at_us - cry.back_us,
            to_us=cry.at_us + LASTS_US,
            actions=(Action.LIVE, Action.PLAYBACK),
            lasts_us=LASTS_US,
            reason=f"{CODES[cry.code]}: {cry.words}",
        )

    def _new(self, user: User, grant: Grant, cry: Cry, step_up: str) -> Glass:
        now_us = self._hub.clock.now_us()
        return Glass(
            id=new_id("glass", self._hub.clock),
            account_id=user.id,
            user_name=user.display,
            team=team_of(user),
            code=cry.code,
            words=cry.words,
            again=cry.again,
            cameras=cry.cameras,
            from_us=grant.from_us,
            to_us=grant.to_us,
            grant_id=grant.id,
            step_up=step_up,
            broken_us=now_us,
            ends_us=grant.expires_us,
            due_us=now_us + REVIEW_US,
        )

    def _keep(self, glass: Glass, index: int) -> None:
        """The row and the notice to the data protection officer in one transaction: neither without the other."""
        cameras = f"{len(glass.cameras)} camera{'' if len(glass.cameras) == 1 else 's'}"
        text = f"Somebody broke the glass: {CODES[glass.code].lower()}; {cameras} for an hour."
        if glass.again:
            text += " An earlier one of this person is not reviewed."
        with writing(self._hub.engine) as connection:
            self.store.add(connection, glass)
            put_item(
                connection, self._hub.clock, NOTICE, OPENED_NOTICE, glass.account_id, text,
                {"glass": glass.id, "code": glass.code, "cameras": list(glass.cameras)},
                matter=_matter(OPENED_NOTICE, glass.id), entries=[index], due_us=glass.due_us,
            )  # fmt: skip

    async def _look(self) -> None:
        while True:
            try:
                await self.escalate()
            except BelvedereError as error:
                _LOG.error("break_glass_not_escalated", reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)


def _matter(kind: str, glass_id: str) -> str:
    return f"{kind}:{glass_id}"
