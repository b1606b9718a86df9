"""Acts on cases: who may, in the log before they take effect, and what they end.

A case that is closed, and a person who leaves one, lose the access that rests on it at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, Conflict, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.ending import GrantEnder, Under
from belvedere.hub.access.users import User, UserDesk
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.cases import rules
from belvedere.hub.cases.rules import Footage, Incident
from belvedere.hub.cases.store import Case, CaseAct, CaseBook, incident_values
from belvedere.policy.table import Role

OPENED, CHANGED, INCIDENT, OWNER = "case.opened", "case.changed", "case.incident", "case.owner"
PERSON_ADDED, PERSON_REMOVED = "case.person_added", "case.person_removed"
FOOTAGE_ADDED, FOOTAGE_REMOVED = "case.footage_added", "case.footage_removed"
CLOSED, REOPENED = "case.closed", "case.reopened"
_SECONDS = frozenset(map(str, (Role.SUPERVISOR, Role.MANAGER, Role.CASE_APPROVER)))


class CaseDesk:
    """Opens, changes and closes cases. One for each hub; use it on the hub's event loop."""

    def __init__(
        self,
        book: CaseBook,
        clock: Clock,
        audit: AuditLog,
        users: UserDesk,
        ender: GrantEnder,
        cameras: Callable[[], frozenset[str]],
        scheme: str,
    ) -> None:
        self.book = book
        self._clock = clock
        self._audit = audit
        self._users = users
        self._ender = ender
        self._cameras = cameras
        self._scheme = scheme
        self._one_at_a_time = asyncio.Lock()

    async def open(
        self,
        user: User,
        *,
        reference: str,
        kind: str,
        regime: str,
        title: str,
        incident: Incident,
        footage: Iterable[Footage],
        review_us: int | None,
        reason: str,
    ) -> Case:
        """A new case, owned and led by who opens it; an empty reference takes the next of the scheme. Raises BadInput, Conflict."""
        now_us = self._clock.now_us()
        title = rules.require_title(title)
        _require_kind(kind, regime)
        rules.require_incident(incident, now_us)
        review_us = now_us + rules.USUAL_REVIEW_US if review_us is None else review_us
        rules.require_review(review_us, now_us)
        spans = tuple(footage)
        await self._require_spans(spans, 0)
        async with self._one_at_a_time:
            if reference.strip():
                reference = rules.require_reference(reference)
            else:
                reference = await asyncio.to_thread(self.book.free_reference, self._scheme)
            if await asyncio.to_thread(self.book.facts, reference) is not None:
                raise Conflict(
                    f"There is a case {reference} already.", advice="Open that one, or give another reference."
                )
            case = Case(
                id=new_id("case", self._clock),
                reference=reference,
                kind=kind,
                regime=regime,
                title=title,
                owner_id=user.id,
                owner=user.display or user.name,
                state="open",
                opened_us=now_us,
                opened_by=user.id,
                closed_us=None,
                closed_by="",
                closed_why="",
                review_us=review_us,
                incident=incident,
            )
            facts = {"kind": kind, "regime": regime, "title": title, "review_us": review_us, **incident_facts(incident)}
            act = await self._log(user, case, OPENED, facts | {"footage": _plain(spans)}, reason)
            await asyncio.to_thread(self.book.open_case, case, "lead", spans, act)
        return case

    async def change(
        self, user: User, case_id: str, *, kind: str, regime: str, title: str, review_us: int, reason: str
    ) -> Case:
        """Another type, title or date of review. Raises NotFound, Refused, BadInput, Conflict."""
        title = rules.require_title(title)
        _require_kind(kind, regime)
        async with self._one_at_a_time:
            case = await self._working(user, case_id)
            wanted = {"kind": kind, "regime": regime, "title": title, "review_us": review_us}
            changed = {name: value for name, value in wanted.items() if value != getattr(case, name)}
            if not changed:
                raise BadInput("Nothing is different.", advice="Change something, or leave it.")
            if "review_us" in changed:
                rules.require_review(review_us, self._clock.now_us())
            act = await self._log(user, case, CHANGED, changed, reason)
            await asyncio.to_thread(lambda: self.book.change(case.id, act, **changed))
            return await asyncio.to_thread(self.book.case, case.id)

    async def set_incident(self, user: User, case_id: str, incident: Incident, reason: str) -> Case:
        """Where and when it happened. Once that is known, only a second person changes it: it decides what opens without one.

        Raises NotFound, Refused, BadInput, Conflict.
        """
        rules.require_incident(incident, self._clock.now_us())
        async with self._one_at_a_time:
            case, parts = await self._open(user, case_id)
            if case.incident.from_us is None and case.incident.lat is None:
                rules.require_works(user, parts)
            elif user.id == case.owner_id or not user.roles & _SECONDS:
                raise Refused(
                    "Where and when it happened is known already; changing it takes a second person.",
                    advice="Ask a supervisor or case approver who does not own the case.",
                )
            act = await self._log(user, case, INCIDENT, incident_facts(incident), reason)
            await asyncio.to_thread(lambda: self.book.change(case.id, act, **incident_values(incident)))
            return replace(case, incident=incident)

    async def put_person(self, user: User, case_id: str, name: str, part: str, reason: str) -> None:
        """Let a colleague into the case, or give them another part. `part`: works, advises. Raises as `change`."""
        if part not in ("works", "advises"):
            raise BadInput(f"There is no part {part!r}.", advice="Choose works or advises; `owner` names who leads.")
        async with self._one_at_a_time:
            case, parts = await self._open(user, case_id)
            rules.require_works(user, parts)
            person = await self._colleague(name)
            if person.id == case.owner_id:
                raise Conflict(f"{person.display} leads this case.", advice="Give it to somebody else first.")
            if parts.get(person.id) == part:
                raise Conflict(f"{person.display} is in the case already.", advice="Reload the page.")
            if person.id not in parts and len(parts) >= rules.MOST_PEOPLE:
                raise Conflict(f"A case has {rules.MOST_PEOPLE} people at most.", advice="Let somebody out first.")
            act = await self._log(user, case, PERSON_ADDED, {"user": person.id, "name": name, "part": part}, reason)
            await asyncio.to_thread(self.book.put_person, case.id, person.id, part, act)
            if part == "advises" and parts.get(person.id) == "works":
                await self._end(user, case, "no longer works on the case", person.id)

    async def remove_person(self, user: User, case_id: str, name: str, reason: str) -> list[str]:
        """Let a person out; their access under the case ends. Anybody may leave by themselves. Raises as `change`."""
        async with self._one_at_a_time:
            case, parts = await self._open(user, case_id)
            person = await asyncio.to_thread(self._users.by_name, name)
            if person.id != user.id:
                rules.require_works(user, parts)
            if person.id == case.owner_id:
                raise Conflict(f"{person.display} leads this case.", advice="Give it to somebody else first.")
            if person.id not in parts:
                raise NotFound("This person is not in the case.", advice="Reload the page.")
            act = await self._log(user, case, PERSON_REMOVED, {"user": person.id, "name": name}, reason)
            await asyncio.to_thread(self.book.put_person, case.id, person.id, "", act)
            return await self._end(user, case, "left the case", person.id)

    async def give(self, user: User, case_id: str, name: str, reason: str) -> Case:
        """Another owner. Raises as `change`."""
        async with self._one_at_a_time:
            case, _ = await self._open(user, case_id)
            rules.require_leads(user, case.owner_id)
            person = await self._colleague(name)
            if not person.roles & frozenset(map(str, rules.OPENERS)):
                raise BadInput(f"{person.display} can't lead a case.", advice="Choose who investigates.")
            if person.id == case.owner_id:
                raise Conflict(f"{person.display} leads this case.", advice="Reload the page.")
            act = await self._log(user, case, OWNER, {"user": person.id, "name": name, "before": case.owner_id}, reason)
            await asyncio.to_thread(self.book.own, case.id, person.id, person.display, act)
            return replace(case, owner_id=person.id, owner=person.display)

    async def add_footage(self, user: User, case_id: str, footage: Iterable[Footage], reason: str) -> None:
        """Cameras and spans that the case is about too. Raises as `change`."""
        spans = tuple(footage)
        async with self._one_at_a_time:
            case = await self._working(user, case_id)
            there = await asyncio.to_thread(self.book.footage, case.id)
            await self._require_spans(spans, len(there))
            known = {(each.camera, each.from_us, each.to_us) for each in there}
            new = [each for each in dict.fromkeys(spans) if (each.camera, each.from_us, each.to_us) not in known]
            if not new:
                raise Conflict("The case is about this already.", advice="Reload the page.")
            act = await self._log(user, case, FOOTAGE_ADDED, {"footage": _plain(new)}, reason)
            await asyncio.to_thread(self.book.add_footage, case.id, new, act)

    async def remove_footage(self, user: User, case_id: str, footage_id: str, reason: str) -> list[str]:
        """A camera and span that the case is not about; access to that camera under the case ends. Raises as `change`."""
        async with self._one_at_a_time:
            case = await self._working(user, case_id)
            there = await asyncio.to_thread(self.book.footage, case.id)
            gone = next((each for each in there if each.id == footage_id), None)
            if gone is None:
                raise NotFound("This span is not in the case.", advice="Reload the page.")
            span = Footage(gone.camera, gone.from_us, gone.to_us)
            act = await self._log(user, case, FOOTAGE_REMOVED, {"footage": _plain([span])}, reason)
            await asyncio.to_thread(self.book.remove_footage, case.id, footage_id, act)
            return await self._end(user, case, "the case is not about this footage", cameras=frozenset({gone.camera}))

    async def close(self, user: User, case_id: str, reason: str) -> list[str]:
        """Close the case: access under it ends. Returns the grants that this ended. Raises as `change`."""
        if len(reason.strip()) < 3:
            raise BadInput("Say how it ended.", advice="Such as: passed to the police, nothing seen, resolved.")
        async with self._one_at_a_time:
            case, _ = await self._open(user, case_id)
            rules.require_leads(user, case.owner_id)
            act = await self._log(user, case, CLOSED, {}, reason)
            values = {
                "state": "closed",
                "closed_us": act.at_us,
                "closed_by": act.by,
                "closed_why": reason.strip(),
            }
            await asyncio.to_thread(lambda: self.book.change(case.id, act, **values))
            return await self._end(user, case, "the case was closed")

    async def reopen(self, user: User, case_id: str, reason: str) -> Case:
        """Open a closed case again; access has to be asked for anew. For those who lead shifts or approve. Raises as `change`."""
        if len(reason.strip()) < 3:
            raise BadInput("Say why, in a sentence.", advice="The reason stands in the log with your name.")
        async with self._one_at_a_time:
            case, _ = await self._seen(user, case_id)
            if not user.roles & _SECONDS:
                raise Refused("A closed case is opened again by a supervisor.", advice="Ask one.")
            if case.state == "open":
                raise Conflict("This case is open.", advice="Reload the page.")
            now_us = self._clock.now_us()
            act = await self._log(user, case, REOPENED, {}, reason)
            values: dict[str, Any] = {"state": "open", "closed_us": None, "closed_by": "", "closed_why": ""}
            values["review_us"] = max(case.review_us, now_us + rules.USUAL_REVIEW_US)
            await asyncio.to_thread(lambda: self.book.change(case.id, act, **values))
            return await asyncio.to_thread(self.book.case, case.id)

    async def seen(self, user: User, case_id: str) -> Case:
        """The case, for who may see it. Raises NotFound."""
        return (await self._seen(user, case_id))[0]

    # Parts of the acts above.

    async def _seen(self, user: User, case_id: str) -> tuple[Case, dict[str, str]]:
        case = await asyncio.to_thread(self.book.case, case_id)
        people = await asyncio.to_thread(self.book.people, case_id)
        parts = {each.account_id: each.part for each in people}
        rules.require_sees(user, frozenset(parts))
        return case, parts

    async def _open(self, user: User, case_id: str) -> tuple[Case, dict[str, str]]:
        case, parts = await self._seen(user, case_id)
        if case.state != "open":
            raise Conflict(f"The case {case.reference} is closed.", advice="Ask a supervisor to open it again.")
        return case, parts

    async def _working(self, user: User, case_id: str) -> Case:
        case, parts = await self._open(user, case_id)
        rules.require_works(user, parts)
        return case

    async def _colleague(self, name: str) -> User:
        person = await asyncio.to_thread(self._users.by_name, name)
        if person.disabled or not person.roles & rules.MEMBERS:
            raise BadInput(f"{person.display} can't be in a case.", advice="Choose who works with footage.")
        return person

    async def _require_spans(self, spans: tuple[Footage, ...], there: int) -> None:
        if there + len(spans) > rules.MOST_FOOTAGE:
            raise BadInput(f"A case has {rules.MOST_FOOTAGE} spans at most.", advice="Take out what does not matter.")
        cameras = await asyncio.to_thread(self._cameras)
        for each in spans:
            rules.require_footage(each, cameras, self._clock.now_us())

    async def _log(self, user: User, case: Case, kind: str, facts: Mapping[str, Any], reason: str) -> CaseAct:
        """Enter the act in the log, and give it for the case's own history."""
        words = {"case": case.reference, "case_id": case.id, **facts, "reason": reason.strip()[:2_000]}
        entry = await self._audit.append(kind, user.id, words)
        return CaseAct(
            id=new_id("act", self._clock),
            at_us=self._clock.now_us(),
            account_id=user.id,
            by=user.display or user.name,
            kind=kind,
            facts=dict(facts),
            reason=reason.strip()[:2_000],
            audit_index=entry.index,
        )

    async def _end(
        self, user: User, case: Case, why: str, person: str = "", cameras: frozenset[str] = frozenset()
    ) -> list[str]:
        under = Under(case=case.reference, person=person, cameras=cameras)
        return await self._ender.end(under, by=user.id, reason=f"Case {case.reference}: {why}")


def incident_facts(incident: Incident) -> dict[str, Any]:
    """For the log and the history."""
    position = "" if incident.lat is None or incident.lon is None else f"{incident.lat:.6f},{incident.lon:.6f}"
    return {"place": incident.place, "position": position, "from_us": incident.from_us, "to_us": incident.to_us}


def _plain(footage: Iterable[Footage]) -> list[dict[str, Any]]:
    return [asdict(each) for each in footage]


def _require_kind(kind: str, regime: str) -> None:
    if kind not in rules.KINDS:
        raise BadInput(f"There is no type of case {kind!r}.", advice=f"Choose one of: {', '.join(rules.KINDS)}.")
    if regime not in ("uk_gdpr", "part_3"):
        raise BadInput(f"There is no regime {regime!r}.", advice="Choose uk_gdpr or part_3.")
