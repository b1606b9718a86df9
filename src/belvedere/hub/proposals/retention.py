"""How long footage is kept, a stopped night let go on, a hold ended: as proposals."""

import asyncio

from belvedere.foundation.clock import iso
from belvedere.foundation.errors import Conflict
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.proposals.doing import Sight
from belvedere.hub.proposals.proposal import Change, Line
from belvedere.hub.retention.desk import Person, RetentionDesk
from belvedere.hub.retention.rules import check_classes
from belvedere.link.retention import ClassOrder

_NO_CLASS = "no class"


class ClassesDoing:
    """Classes of cameras and their days. For the event loop, as the two below."""

    act = "retention_change"

    def __init__(self, desk: RetentionDesk) -> None:
        self._desk = desk

    async def look(self, change: Change) -> Sight:
        classes, cameras = _classes(change), dict(change["cameras"])
        check_classes(classes, cameras, self._desk.ceiling_days)
        before, assigned = await asyncio.to_thread(self._desk.store.classes)
        old = {each.name: each for each in before}
        new = {each.name: each for each in classes}
        lines: list[Line] = []
        for name in sorted(old.keys() | new.keys()):
            was, will = _days(old.get(name)), _days(new.get(name))
            if was != will:
                lines.append((f"Class {name}", was, will))
        for camera in sorted(assigned.keys() | cameras.keys()):
            where, there = assigned.get(camera, _NO_CLASS), cameras.get(camera, _NO_CLASS)
            if where != there:
                lines.append((f"Camera {camera}", where, there))
        if not lines:
            raise Conflict("Nothing is different.", advice="Change something, or leave it.")
        stands = {"classes": [_plain(each) for each in before], "cameras": assigned}
        return Sight("Change how long footage is kept", tuple(lines), stands)

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        by = Person(agreed.user.id, agreed.user.display)
        cameras = dict(change["cameras"])
        await self._desk.put_classes(by, _classes(change), cameras, agreed.reason, agreed=agreed.facts)
        await self._desk.look()
        return {}


class NightDoing:
    """A night that stopped itself is let go on: footage goes."""

    act = "retention_change"

    def __init__(self, desk: RetentionDesk) -> None:
        self._desk = desk

    async def look(self, change: Change) -> Sight:
        night, size, site = int(change["night"]), int(change["bytes"]), self._site(change)
        answered = await asyncio.to_thread(self._desk.store.answered, night, site)
        if answered:
            raise Conflict("This night was answered.", advice="Reload the page.")
        lines = (("Deletion of the night", "stopped", f"goes on: {size:,} bytes"), ("Site", site, ""))
        stands = {"night": night, "bytes": size, "site": site, "answered": answered}
        return Sight("Let a stopped deletion go on", lines, stands)

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        by = Person(agreed.user.id, agreed.user.display)
        night, size, site = int(change["night"]), int(change["bytes"]), self._site(change)
        await self._desk.decide(by, "go", agreed.reason, night=night, size=size, site=site, agreed=agreed.facts)
        await self._desk.look()
        return {}

    def _site(self, change: Change) -> str:
        """Proposals of before there were many sites name none: they are about the hub's own."""
        return self._desk.known_site(str(change.get("site", "")))


class HoldDoing:
    """A hold ends before its time."""

    act = "hold_release"

    def __init__(self, desk: RetentionDesk) -> None:
        self._desk = desk

    async def look(self, change: Change) -> Sight:
        row = await asyncio.to_thread(self._desk.store.hold, str(change["hold"]))
        if row.ended_us is not None:
            raise Conflict("This hold has ended.", advice="Reload the page.")
        span = f"{iso(row.from_us)[:19]} to {iso(row.to_us)[:19]} UTC"
        lines: list[Line] = [
            ("Hold", f"until {iso(row.expires_us)[:10]}", "ended"),
            ("Cameras", ", ".join(row.cameras), ""),
            ("Footage", span, ""),
            ("Held by", row.owner, ""),
            ("Held because", row.reason, ""),
        ]
        before = {
            "hold": row.id,
            "cameras": list(row.cameras),
            "span": [row.from_us, row.to_us],
            "expires": row.expires_us,
        }
        return Sight("End a hold", tuple(lines), before)

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        by = Person(agreed.user.id, agreed.user.display)
        await self._desk.end(by, str(change["hold"]), agreed.reason, agreed=agreed.facts)
        await self._desk.look()
        return {}


class FoundDoing:
    """A hold that sites go by and this hub, restored from a backup, knows nothing of: ended or adopted."""

    act = "hold_release"

    def __init__(self, desk: RetentionDesk) -> None:
        self._desk = desk

    async def look(self, change: Change) -> Sight:
        found = await self._desk.lost_hold(str(change["hold"]))
        row, end = found.row, change["answer"] == "end"
        lines: list[Line] = [
            (
                "Hold",
                "in force at the site, unknown to this hub",
                "ended" if end else "adopted: this hub knows it again",
            ),
            ("Sites", ", ".join(found.sites), ""),
            ("Cameras", ", ".join(row.cameras), ""),
            ("Footage", f"{iso(row.from_us)[:19]} to {iso(row.to_us)[:19]} UTC", ""),
            ("Placed", f"{iso(row.placed_us)[:19]} UTC by {row.owner}", ""),
            ("Held because", row.reason, ""),
        ]
        before = {"hold": row.id, "cameras": list(row.cameras), "span": [row.from_us, row.to_us]}
        return Sight("End a hold of before" if end else "Adopt a hold of before", tuple(lines), before)

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        by = Person(agreed.user.id, agreed.user.display)
        await self._desk.settle(by, str(change["hold"]), str(change["answer"]), agreed.reason, agreed=agreed.facts)
        await self._desk.look()
        return {}


def _classes(change: Change) -> list[ClassOrder]:
    return [ClassOrder(each["name"], each["days"], each["reference"]) for each in change["classes"]]


def _plain(one: ClassOrder) -> dict[str, object]:
    return {"name": one.name, "days": one.days, "reference": one.reference}


def _days(one: ClassOrder | None) -> str:
    if one is None:
        return ""
    return f"{one.days} days" + (f", {one.reference}" if one.reference else "")
