"""Do you hold footage of this place and time? Asked by a partner, answered by policy, the register and the sites' own timelines.

A yes places a hold on the cameras concerned, as retention does, and tells its reference and its end; nothing else leaves.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import Conflict, LinkFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.federation.dossier import Dossier, QuestionRow
from belvedere.hub.federation.partner_book import Partner
from belvedere.hub.federation.place import cameras_at
from belvedere.hub.federation.policy import MOST_CAMERAS, No, day_before_us, why_not
from belvedere.hub.federation.post import Post
from belvedere.hub.federation.words import HoldingsAnswer, Question
from belvedere.hub.fleet.routing import FleetLink
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.retention.desk import Person, RetentionDesk
from belvedere.link.messages import GetTimeline, Timeline

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

ANSWERED = "federation.answered"
FAILED = No("failed", "This hub could not place the hold. Make a formal request in writing.")
_LAPSED = No("lapsed", "The site that has the answer did not come back in time. Ask again.")
_TOO_MANY = No("place", "Too many cameras look at this place. Ask for a smaller one.")


class Holdings:
    """For the hub's event loop; one question at a time."""

    def __init__(self, hub: "HubContext", retention: RetentionDesk, dossier: Dossier, post: Post) -> None:
        self._audit: AuditLog = hub.audit
        self._clock: Clock = hub.clock
        self._link: FleetLink = hub.link
        self._register: CameraRegister = hub.register
        self._retention = retention
        self._dossier = dossier
        self._post = post

    async def hear(self, partner: Partner, letter_id: str, question: Question) -> None:
        """Answer a question; asked again, nothing happens twice. Raises BelvedereError where it has to be tried again."""
        now_us = self._clock.now_us()
        row = QuestionRow(partner.id, False, letter_id, msgspec.to_builtins(question), "", partner.controller, now_us)
        today = await asyncio.to_thread(self._dossier.asked_since, partner.id, day_before_us(now_us))
        if not await asyncio.to_thread(self._dossier.add, row):
            row = await asyncio.to_thread(self._dossier.find, QuestionRow, partner.id, False, letter_id)
            if row.state != "waiting":
                await self._tell(partner, row)
                return
            today -= 1
        no = why_not(partner.policy, question, today, now_us)
        if no is not None:
            await self.refuse(partner, row, no)
            return
        everywhere = await asyncio.to_thread(self._register.list_cameras)
        cameras = await asyncio.to_thread(cameras_at, question.place, everywhere, partner.policy.cameras)
        if len(cameras) > MOST_CAMERAS:
            await self.refuse(partner, row, _TOO_MANY)
            return
        recorded, away = await self._look(cameras, question)
        await self._answer(partner, row, question, recorded, away)

    async def look_again(self, partner: Partner, row: QuestionRow) -> None:
        """Ask the sites that were away once more. Raises BelvedereError."""
        if row.until_us is None or row.until_us <= self._clock.now_us():
            await self.refuse(partner, row, _LAPSED)
            return
        question = msgspec.convert(row.words, Question)
        recorded, away = await self._look(row.away, question)
        if recorded:
            answered = replace(row, state="yes", away=tuple(away), cameras=tuple(sorted({*row.cameras, *recorded})))
        elif away:
            if list(row.away) != away:
                await asyncio.to_thread(lambda: self._dossier.change(row, "unknown", away=away))
            return
        else:
            answered = replace(row, state="no", away=(), hold="", until_us=None)
            with suppress(Conflict):  # a person ended it
                await self._retention.end(
                    _person(partner), row.hold, "No footage was found there once the site was back."
                )
        await self._keep(partner, row, answered)

    async def renew(self, partner: Partner, row: QuestionRow) -> int | None:
        """A formal request came: the hold lasts `hold_days` from now. Until when."""
        until_us = self._clock.now_us() + partner.policy.hold_days * DAY_US
        if not row.hold or row.until_us is None or until_us <= row.until_us:
            return row.until_us
        reason = f"{partner.controller} made a formal request: {row.words['reference']}"
        await self._retention.extend(_person(partner), row.hold, until_us, reason)
        await asyncio.to_thread(lambda: self._dossier.change(row, until_us=until_us))
        return until_us

    async def _look(self, cameras: Sequence[str], question: Question) -> tuple[list[str], list[str]]:
        """Cameras with footage of the span, and those whose site does not answer."""
        if not cameras:
            return [], []
        ask = GetTimeline(tuple(cameras), "main", question.from_us, question.to_us)
        try:
            part = await self._link.ask_those_here(ask, Timeline)
        except LinkFault:
            return [], list(cameras)
        recorded = [
            each.camera
            for each in part.reply.cameras
            if any(
                run.start_us < question.to_us and (run.end_us > question.from_us or not run.end_reason)
                for run in each.runs
            )
        ]
        return recorded, sorted(camera for each in part.away for camera in each.cameras)

    async def _answer(
        self, partner: Partner, row: QuestionRow, question: Question, recorded: list[str], away: list[str]
    ) -> None:
        held = sorted({*recorded, *away})
        state = "yes" if recorded else "unknown" if away else "no"
        answered = replace(row, state=state, cameras=tuple(recorded), away=tuple(away))
        if held:
            until_us = self._clock.now_us() + partner.policy.hold_days * DAY_US
            reason = f"{partner.controller} asked whether footage is held ({question.reason}, {question.basis})."
            span = question.from_us, question.to_us
            placed = await self._retention.place(_person(partner), held, *span, until_us, reason, question.reference)
            answered = replace(answered, hold=placed.id, until_us=until_us)
        await self._keep(partner, row, answered)
        if held:
            self._retention.look_soon("")

    async def refuse(self, partner: Partner, row: QuestionRow, no: No) -> None:
        """Answer with a no that says why."""
        await self._keep(partner, row, replace(row, state="refused", code=no.code, told=no.words))

    async def _keep(self, partner: Partner, before: QuestionRow, row: QuestionRow) -> None:
        row = replace(
            row,
            answered_us=self._clock.now_us(),
            count=len(row.cameras) if partner.policy.tells_count and row.state == "yes" else None,
        )
        facts: dict[str, object] = {"partner": partner.id, "controller": partner.controller, "question": row.id}
        facts |= {"answer": row.state, "reference": row.words["reference"]}
        if row.code:
            facts |= {"code": row.code}
        if row.hold:
            facts |= {"hold": row.hold, "until_us": row.until_us}
        if row.away:
            facts |= {"away": len(row.away)}
        await self._audit.append(ANSWERED, "hub", facts)
        names = ("state", "code", "told", "answered_us", "hold", "until_us", "count", "cameras", "away")
        values = {name: getattr(row, name) for name in names}
        await asyncio.to_thread(lambda: self._dossier.change(before, before.state, **values))
        await self._tell(partner, row)

    async def _tell(self, partner: Partner, row: QuestionRow) -> None:
        # One answer of each sort: said again after a crash, it is the same letter.
        letter = f"{row.state[0]}-{row.id[:60]}"
        said = HoldingsAnswer(row.id, row.state, row.code, row.told, row.hold, row.until_us, row.count)
        await self._post.say(partner, said, "hub", letter_id=letter)


def _person(partner: Partner) -> Person:
    return Person(f"partner:{partner.id}", partner.controller)
