"""What a site is, ordered at the hub: its kept document with changes, signed with a version, compared by the site first.

The document has passwords in it. It is opened from the hub's sealed copy when it is needed, and goes over the link alone; a
proposal and the log name it by its SHA-256, and by the changes in words that the site answers.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from belvedere.foundation.errors import BadInput, Conflict, NotFound
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.proposals.doing import Sight
from belvedere.hub.proposals.proposal import Change
from belvedere.link.document import (
    Document,
    GetSiteDocumentState,
    PutSiteDocument,
    SiteDocumentState,
    read_document,
    sha256_of,
    sign_order,
    write_document,
)

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

ORDERED, TAKEN = "site.ordered", "site.order_taken"
_LOGGED = 50  # changes


class SiteDocuments:
    """For the hub's event loop."""

    def __init__(self, hub: "HubContext") -> None:
        self._hub = hub

    async def kept(self, site: str) -> tuple[bytes, int]:
        """The newest document that the hub has of a site, and since when. Raises NotFound, KeyAway."""
        _, plain, kept_us = await asyncio.to_thread(self._hub.custody.ledger.document, site)
        return plain, kept_us

    async def state(self, site: str) -> SiteDocumentState:
        """Which order the site goes by. Raises LinkFault."""
        return await self._hub.fleet.to(site).ask(GetSiteDocumentState(), SiteDocumentState)

    async def drawn_up(self, change: Change) -> bytes:
        """The document that a change asks for. Raises NotFound, BadInput; Conflict when the site is another by now."""
        plain, _ = await self.kept(str(change["site"]))
        if sha256_of(plain) != change["sha256"]:
            raise Conflict("The site's document has changed meanwhile.", advice="Reload the page and order it anew.")
        return write_document(changed(read_document(plain), change))

    async def compared(self, site: str, wanted: bytes) -> SiteDocumentState:
        """What a document would change at the site, in its own words. Raises LinkFault, Refused, Conflict."""
        return await self._ask(site, wanted, look=True)

    async def order(self, by: str, change: Change, reason: str, facts: Mapping[str, Any]) -> SiteDocumentState:
        """Have it so; the log first. Raises as `drawn_up` and `compared`."""
        site, wanted = str(change["site"]), await self.drawn_up(change)
        seen = await self.compared(site, wanted)
        said = {"site": site, "version": seen.version + 1, "sha256": sha256_of(wanted)}
        words = [{"what": what, "before": before, "after": after} for what, before, after in seen.changes[:_LOGGED]]
        more = {"changes": words, "change_count": len(seen.changes), "reason": reason}
        await self._hub.audit.append(ORDERED, by, {**said, **more, **facts})
        state = await self._ask(site, wanted, version=seen.version + 1)
        left = [what for what, _, _ in state.left[:_LOGGED]]
        await self._hub.audit.append(TAKEN, f"site:{site}", {**said, "now": state.now, "left": left})
        return state

    async def _ask(self, site: str, wanted: bytes, version: int = 0, *, look: bool = False) -> SiteDocumentState:
        if look:
            version = (await self.state(site)).version + 1
        link, now_us = self._hub.fleet.to(site), self._hub.clock.now_us()
        order: PutSiteDocument = sign_order(wanted, site, version, now_us, self._hub.key, look=look)
        return await link.ask(order, SiteDocumentState, reuse=False)


class DocumentDoing:
    """An order to a site as a proposal, for the event loop."""

    act = "site_update"

    def __init__(self, hub: "HubContext") -> None:
        self._documents = SiteDocuments(hub)

    async def look(self, change: Change) -> Sight:
        site, wanted = str(change["site"]), await self._documents.drawn_up(change)
        seen = await self._documents.compared(site, wanted)
        if not seen.changes:
            raise Conflict("Nothing is different.", advice="Change something, or leave it.")
        before = {"now": seen.now, "version": seen.version, "wanted": sha256_of(wanted)}
        return Sight(f"Order what the site {site} is, version {seen.version + 1}", seen.changes, before)

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        await self._documents.order(agreed.user.id, change, agreed.reason, agreed.facts)
        return {}


def changed(document: Document, change: Change) -> Document:
    """A document with a change's names, switches and removals. Raises NotFound for a camera that it does not name."""
    cameras = {each.camera: each for each in document.cameras}
    gone = set(change["remove"])
    for edit in change["cameras"]:
        camera = str(edit["camera"])
        if camera not in cameras or camera in gone:
            raise NotFound(f"This site has no camera {camera}.", advice="Reload the page.")
        more = {name: edit[name] for name in ("name", "enabled") if edit.get(name) is not None}
        cameras[camera] = msgspec.structs.replace(cameras[camera], **more)
    if unknown := gone - cameras.keys():
        raise NotFound(f"This site has no camera {sorted(unknown)[0]}.", advice="Reload the page.")
    if not cameras.keys() - gone:
        raise BadInput("Every camera of the site would go.", advice="Shut the site out instead.")

    def staying(part: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(each for each in part if each.camera not in gone)

    return msgspec.structs.replace(
        document,
        cameras=staying(tuple(cameras.values())),
        members={camera: name for camera, name in document.members.items() if camera not in gone},
        sound=staying(document.sound),
        masks=staying(document.masks),
        makes=staying(document.makes),
        devices=staying(document.devices),
    )
