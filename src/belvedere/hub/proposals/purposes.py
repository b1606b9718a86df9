"""What footage is opened for, as proposals: other terms of a purpose in force, one put in force, what cameras accept.

A draft opens nothing, and what takes away opens nothing either: those are the data protection officer's alone.
"""

from typing import Any

from belvedere.foundation.errors import BadInput, Conflict
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.proposals.doing import Sight
from belvedere.hub.proposals.proposal import Change, Line
from belvedere.hub.purposes.book import Written
from belvedere.hub.purposes.desk import PurposeDesk
from belvedere.hub.purposes.rules import Terms, changes, plain, require_sound


def terms_change(code: str, version: int, terms: Terms) -> dict[str, Any]:
    """The canonical words of other terms for a purpose."""
    return {"code": code, "version": version, "terms": plain(terms)}


def terms_of(words: Change) -> Terms:
    """Terms as they were put into words."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in words.items()}
    return Terms(**values)


class _PurposeDoing:
    """For the event loop."""

    act = "purpose_change"

    def __init__(self, desk: PurposeDesk) -> None:
        self._desk = desk

    def _expect(self, change: Change) -> Written:
        found = self._desk.book.of(str(change["code"]))
        if found.version != change["version"]:
            raise Conflict("Somebody else changed this purpose just now.", advice="Reload the page and look again.")
        return found


class TermsDoing(_PurposeDoing):
    """Other terms for a purpose."""

    async def look(self, change: Change) -> Sight:
        before, terms = self._expect(change), terms_of(change["terms"])
        require_sound(terms)
        made = changes(before.terms, terms)
        if not made:
            raise BadInput("Nothing is different.", advice="Change something, or leave it.")
        lines = tuple((name, _words(old), _words(new)) for name, (old, new) in made.items() if old != new)
        opens = self._desk.in_force(before)
        return Sight(f"Change the purpose “{before.terms.text}”", lines, _stands(before), opens=opens)

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        terms = terms_of(change["terms"])
        await self._desk.change(agreed, str(change["code"]), int(change["version"]), terms, agreed.reason)
        return {}


class InForceDoing(_PurposeDoing):
    """A draft or withdrawn purpose is put in force."""

    async def look(self, change: Change) -> Sight:
        before = self._expect(change)
        if self._desk.in_force(before):
            raise Conflict("This purpose is in force.", advice="Reload the page.")
        lines: list[Line] = [("state", "withdrawn" if before.withdrawn_us is not None else "draft", "in force")]
        lines += [(name, _words(value), "") for name, value in plain(before.terms).items()]
        return Sight(f"Put the purpose “{before.terms.text}” in force", tuple(lines), _stands(before))

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        await self._desk.put_in_force(agreed, str(change["code"]), int(change["version"]), agreed.reason)
        return {}


class CamerasDoing(_PurposeDoing):
    """What cameras accept."""

    async def look(self, change: Change) -> Sight:
        lists = self._desk.book.camera_purposes()
        after = lists.others if change["purposes"] is None else frozenset(change["purposes"])
        for code in after:
            self._desk.book.of(code)
        cameras = sorted(set(change["cameras"]))
        lines = [
            (f"Camera {camera} accepts", ", ".join(sorted(lists[camera])), ", ".join(sorted(after)))
            for camera in cameras
            if lists[camera] != after
        ]
        before = {camera: sorted(lists[camera]) for camera in cameras} | {"": sorted(lists.others)}
        title = f"Change what {len(cameras)} camera{'' if len(cameras) == 1 else 's'} may be used for"
        return Sight(title, tuple(lines), before, opens=any(after - lists[camera] for camera in cameras))

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        chosen = None if change["purposes"] is None else frozenset(change["purposes"])
        await self._desk.set_cameras(agreed, change["cameras"], chosen, agreed.reason)
        return {}


def _stands(before: Written) -> dict[str, Any]:
    return {
        "code": before.code,
        "version": before.version,
        "terms": plain(before.terms),
        "in_force": before.in_force_us,
        "withdrawn": before.withdrawn_us,
    }


def _words(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
