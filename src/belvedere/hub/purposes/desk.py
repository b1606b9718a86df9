"""The data protection officer's acts on purposes: confirmed with a passkey, in the log before they take effect.

An act that takes something away (a purpose withdrawn, a camera's list shortened) ends the grants that rest on it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, Conflict
from belvedere.foundation.ids import new_id
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.access.ending import GrantEnder, Under
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.step_up import StepUps
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.purposes.book import CameraList, PurposeBook, PurposeChange, Written
from belvedere.hub.purposes.rules import CODE, MOST_PURPOSES, Terms, changes, plain, require_sound

ADDED, CHANGED = "purpose.added", "purpose.changed"
IN_FORCE, WITHDRAWN, CAMERAS = "purpose.in_force", "purpose.withdrawn", "purpose.cameras"
MOST_CAMERAS = 1_500
_LONGEST_REASON = 2_000
By = SignedIn | Agreed  # one person at their browser, or what two people agreed on


class PurposeDesk:
    """Changes purposes and cameras' lists. One for each hub; use it on the hub's event loop."""

    def __init__(self, book: PurposeBook, clock: Clock, audit: AuditLog, step_up: StepUps, ender: GrantEnder) -> None:
        self.book = book
        self._clock = clock
        self._audit = audit
        self._step_up = step_up
        self._ender = ender
        self._one_at_a_time = asyncio.Lock()

    async def add(self, by: By, code: str, terms: Terms, reason: str) -> Written:
        """A new purpose, as a draft: it opens nothing until it is put in force. Raises BadInput, Conflict, StepUpNeeded."""
        reason = _reason(reason)
        if not CODE.fullmatch(code):
            raise BadInput(
                f"{code[:64]!r} can't be the code of a purpose.",
                advice="Use small letters, digits and _, two to 32, a letter first.",
            )
        require_sound(terms)
        async with self._one_at_a_time:
            if any(each.code == code for each in self.book.all()):
                raise Conflict(f"There is a purpose {code} already.", advice="Change that one, or choose another code.")
            if len(self.book.all()) >= MOST_PURPOSES:
                raise Conflict(f"There are {MOST_PURPOSES} purposes.", advice="So many can't be told apart: use one.")
            new = Written(code, terms, None, None, 1, self._clock.now_us())
            made = {name: [None, value] for name, value in plain(terms).items()}
            return await self._carry_out(by, ADDED, new, made, reason)

    async def change(self, by: By, code: str, version: int, terms: Terms, reason: str) -> Written:
        """Other terms for a purpose. Grants given before keep theirs until they end. Raises as `add`, NotFound."""
        reason = _reason(reason)
        require_sound(terms)
        async with self._one_at_a_time:
            before = self._expect(code, version)
            made = changes(before.terms, terms)
            if not made:
                raise BadInput("Nothing is different.", advice="Change something, or leave it.")
            return await self._carry_out(by, CHANGED, replace(before, terms=terms), made, reason)

    def in_force(self, written: Written) -> bool:
        """Whether a purpose opens footage now."""
        return written.state(self._clock.now_us()) == "in_force"

    async def put_in_force(self, by: By, code: str, version: int, reason: str) -> Written:
        """A draft or withdrawn purpose opens footage from now on. Raises as `change`."""
        reason = _reason(reason)
        async with self._one_at_a_time:
            before, now_us = self._expect(code, version), self._clock.now_us()
            if before.state(now_us) == "in_force":
                raise Conflict("This purpose is in force.", advice="Reload the page.")
            after = replace(before, in_force_us=now_us, withdrawn_us=None)
            return await self._carry_out(by, IN_FORCE, after, _dates(before, after), reason)

    async def withdraw(self, by: By, code: str, version: int, reason: str) -> tuple[Written, list[str]]:
        """A purpose opens nothing any more; grants under it end now. Returns their ids too. Raises as `change`."""
        reason = _reason(reason)
        async with self._one_at_a_time:
            before, now_us = self._expect(code, version), self._clock.now_us()
            if before.state(now_us) == "withdrawn":
                raise Conflict("This purpose was withdrawn.", advice="Reload the page.")
            after = replace(before, withdrawn_us=now_us)
            after = await self._carry_out(by, WITHDRAWN, after, _dates(before, after), reason)
            gone = Under(purposes=frozenset({code}))
            text = f"The purpose “{before.terms.text}” was withdrawn: {reason}"
            return after, await self._ender.end(gone, by=by.user.id, reason=text)

    async def set_cameras(
        self, by: By, cameras: Iterable[str], purposes: frozenset[str] | None, reason: str
    ) -> list[str]:
        """What these cameras accept; None gives them the list of new cameras. Returns the grants that this ended.

        Raises BadInput, NotFound, StepUpNeeded.
        """
        reason = _reason(reason)
        chosen = sorted(set(cameras))
        if not 0 < len(chosen) <= MOST_CAMERAS:
            raise BadInput(f"Choose 1 to {MOST_CAMERAS} cameras.", advice="Do it in parts.")
        for code in purposes or ():
            self.book.of(code)
        async with self._one_at_a_time:
            act = {
                "do": CAMERAS,
                "cameras": chosen,
                "purposes": None if purposes is None else sorted(purposes),
                "reason": reason,
            }
            facts = {**act, **self._confirmed(by, act)}
            del facts["do"]
            entry = await self._audit.append(CAMERAS, by.user.id, facts)
            before, now_us = self.book.camera_purposes(), self._clock.now_us()
            lists: dict[str, CameraList | None] = {}
            made: dict[str, PurposeChange] = {}
            name = by.user.display or by.user.name
            for camera in chosen:
                lists[camera] = None if purposes is None else CameraList(camera, purposes, now_us, name, reason)
                after = before.others if purposes is None else purposes
                made[camera] = PurposeChange(
                    id=new_id("change", self._clock),
                    subject=f"camera:{camera}",
                    version=0,
                    at_us=now_us,
                    account_id=by.user.id,
                    by=name,
                    reason=reason,
                    changes={"purposes": [sorted(before[camera]), sorted(after)]},
                    audit_index=entry.index,
                )
            await asyncio.to_thread(self.book.put_lists, lists, made)
            ended = []
            after = before.others if purposes is None else purposes
            lost: dict[frozenset[str], set[str]] = {}
            for camera in chosen:
                lost.setdefault(before[camera] - after, set()).add(camera)
            for codes, where in lost.items():
                if codes:
                    gone = Under(purposes=codes, cameras=frozenset(where))
                    text = f"A camera of this access no longer accepts its purpose: {reason}"
                    ended += await self._ender.end(gone, by=by.user.id, reason=text)
            return ended

    def _confirmed(self, by: By, act: dict[str, Any]) -> Mapping[str, str]:
        """For the log, what proves that it was confirmed. Raises StepUpNeeded."""
        return by.facts if isinstance(by, Agreed) else {"step_up": self._step_up.require(by, act).id}

    def _expect(self, code: str, version: int) -> Written:
        found = self.book.of(code)
        if found.version != version:
            raise Conflict("Somebody else changed this purpose just now.", advice="Reload the page and look again.")
        return found

    async def _carry_out(self, by: By, kind: str, after: Written, made: dict[str, list[Any]], reason: str) -> Written:
        """Confirm, log, store. `after` has the old version yet, or 1 when it is new."""
        new = kind == ADDED
        act: dict[str, Any] = {"do": kind, "purpose": after.code, "version": after.version, "reason": reason}
        if kind in (ADDED, CHANGED):  # what is confirmed names no moment: the log's own time says when
            act["changes"] = made
        confirmed = self._confirmed(by, act)
        after = replace(after, version=1 if new else after.version + 1, changed_us=self._clock.now_us())
        facts = {"purpose": after.code, "version": after.version, "changes": made, "reason": reason}
        entry = await self._audit.append(kind, by.user.id, {**facts, **confirmed})
        change = PurposeChange(
            id=new_id("change", self._clock),
            subject=f"purpose:{after.code}",
            version=after.version,
            at_us=after.changed_us,
            account_id=by.user.id,
            by=by.user.display or by.user.name,
            reason=reason,
            changes=made,
            audit_index=entry.index,
        )
        await asyncio.to_thread(self.book.put, after, change)
        return after


def _dates(before: Written, after: Written) -> dict[str, list[Any]]:
    names = ("in_force_us", "withdrawn_us")
    return {name: [getattr(before, name), getattr(after, name)] for name in names}


def _reason(text: str) -> str:
    text = text.strip()
    if not 3 <= len(text) <= _LONGEST_REASON:
        raise BadInput("Say why, in a sentence.", advice="The reason stands in the log with your name.")
    return text
