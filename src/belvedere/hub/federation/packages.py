"""Sealed packages: offered with their SHA-256, fetched in parts that are each vouched for, resumed where a line broke, receipted.

The bytes are opaque here: who made the package sealed it for its recipient. They lie in the folder `federation` of the hub.
"""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, LinkFault, NotFound, StorageFault
from belvedere.foundation.ids import new_id
from belvedere.hub.federation.client import PARTS, FederationClient
from belvedere.hub.federation.dossier import Dossier, PackageRow, RequestRow
from belvedere.hub.federation.keys import FederationKeys
from belvedere.hub.federation.partner_book import Partner, PartnerBook
from belvedere.hub.federation.post import Post
from belvedere.hub.federation.reception import Reception
from belvedere.hub.federation.requests import Requests
from belvedere.hub.federation.signing import PART, PART_ASK, sign
from belvedere.hub.federation.words import (
    LONGEST_PACKAGE,
    LONGEST_PART,
    VERSION,
    PackageOffer,
    PackageReceipt,
    PartAsk,
    PartHead,
    RequestState,
    decode,
    encode,
)

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

OFFERED, KEPT, RECEIPTED = "federation.package_offered", "federation.package_kept", "federation.package_receipted"
_HEAD = 4 << 10
_SPARE_BYTES = 1 << 30  # of disk that a package leaves free
_READ = 1 << 20

log = structlog.get_logger()


class Packages:
    """For the hub's event loop."""

    def __init__(
        self,
        hub: "HubContext",
        partners: PartnerBook,
        dossier: Dossier,
        post: Post,
        requests: Requests,
        keys: FederationKeys,
        client: FederationClient,
    ) -> None:
        self._hub = hub
        self._partners = partners
        self._dossier = dossier
        self._post = post
        self._requests = requests
        self._keys = keys
        self._client = client
        self._folder = hub.settings.hub_folder / "federation"

    def place(self, row: PackageRow) -> Path:
        """Where a package lies, whole. Invariant: names are ours or match `words.Id`, so that none leads out of the folder."""
        return self._folder / ("out" if row.outgoing else "in") / row.partner_id / row.id

    async def offer(self, by: str, partner_id: str, request_id: str, source: Path, manifest_sha256: str) -> PackageRow:
        """Offer a sealed package for a request that was decided; `source` is copied. For the disclosure desk.

        Raises NotFound, Conflict, BadInput, StorageFault.
        """
        partner = await asyncio.to_thread(self._partners.get, partner_id)
        request = await asyncio.to_thread(self._dossier.find, RequestRow, partner_id, False, request_id)
        if request.state != RequestState.DECIDED:
            raise Conflict("Nobody has decided to disclose this.", advice="A case approver decides first.")
        made = PackageRow(partner.id, True, new_id("package", self._hub.clock), request.id, 0, "", "", 0, "offered")
        size, digest = await asyncio.to_thread(_copy, source, self.place(made))
        row = PackageRow(
            partner.id,
            True,
            made.id,
            request.id,
            size,
            digest,
            manifest_sha256,
            self._hub.clock.now_us(),
            "offered",
        )
        facts = {"partner": partner.id, "controller": partner.controller, "request": request.id, "package": row.id}
        facts |= {"sha256": digest, "manifest_sha256": manifest_sha256}
        await self._hub.audit.append(OFFERED, by, facts | {"bytes": size})
        await asyncio.to_thread(self._dossier.add, row)
        await self._requests.move(partner, request, RequestState.READY, "The package lies ready.", by)
        said = PackageOffer(row.id, request.id, size, digest, manifest_sha256)
        await self._post.say(partner, said, by, letter_id=row.id)
        return row

    async def hear(self, partner: Partner, said: PackageOffer) -> None:
        """A partner offers one; it is fetched if this hub requested it. Raises NotFound."""
        await asyncio.to_thread(self._dossier.find, RequestRow, partner.id, True, said.request)
        row = PackageRow(
            partner.id,
            False,
            said.package,
            said.request,
            said.bytes,
            said.sha256,
            said.manifest_sha256,
            self._hub.clock.now_us(),
            "coming",
        )
        await asyncio.to_thread(self._dossier.add, row)

    async def receipted(self, partner: Partner, said: PackageReceipt) -> None:
        """A partner has all of one of ours."""
        row = await asyncio.to_thread(self._dossier.find, PackageRow, partner.id, True, said.package)
        if (said.sha256, said.bytes) != (row.sha256, row.bytes) or row.state == "receipted":
            return
        facts = {"partner": partner.id, "controller": partner.controller, "package": row.id, "sha256": row.sha256}
        await self._hub.audit.append(RECEIPTED, f"partner:{partner.id}", facts)
        now_us = self._hub.clock.now_us()
        await asyncio.to_thread(lambda: self._dossier.change(row, "offered", state="receipted", done_us=now_us))
        request = await asyncio.to_thread(self._dossier.find, RequestRow, partner.id, False, row.request_id)
        values = {"state": str(RequestState.DELIVERED), "told": "They have the package, and signed for it."}
        await asyncio.to_thread(lambda: self._dossier.change(request, "ready", changed_us=now_us, **values))
        await asyncio.to_thread(self.place(row).unlink, True)

    async def part(self, reception: Reception, data: bytes) -> bytes:
        """A part that a partner asks for: its head, signed, a line feed, its bytes. Raises BadInput, Refused, NotFound."""
        partner, words = await reception.known(data, PART_ASK)
        ask = decode(words, PartAsk)
        await reception.fresh(partner, ask)
        row = await asyncio.to_thread(self._dossier.find, PackageRow, partner.id, True, ask.package)
        if row.state != "offered" or ask.start >= row.bytes:
            raise NotFound("There is no such part.", advice="Ask for one of a package that is offered.")
        body = await asyncio.to_thread(_read, self.place(row), ask.start)
        head = PartHead(VERSION, ask.nonce, row.id, ask.start, len(body), hashlib.sha256(body).hexdigest())
        return encode(sign(self._keys.key(partner.our_key), PART, encode(head))) + b"\n" + body

    async def fetch_due(self) -> float | None:
        """Fetch what is offered and due; in how many seconds something is due again, None for nothing."""
        waits: list[float] = []
        for row in await asyncio.to_thread(lambda: self._dossier.rows(PackageRow, outgoing=False, state="coming")):
            now_us = self._hub.clock.now_us()
            if row.next_us > now_us and row.next_us < now_us + 2 * HOUR_US:
                waits.append((row.next_us - now_us) / SECOND_US)
                continue
            partner = await asyncio.to_thread(self._partners.get, row.partner_id)
            if partner.revoked_us is not None:
                await self._change(row, state="failed", fault="Its partner was revoked.")
                continue
            try:
                await self._fetch(partner, row)
            except (BelvedereError, OSError, SQLAlchemyError) as error:
                fault = getattr(error, "message", str(error))
                wait_us = min(5 * SECOND_US << min(row.tries, 12), HOUR_US)
                values = {"tries": row.tries + 1, "next_us": now_us + wait_us, "fault": fault}
                await self._change(row, **values)
                waits.append(wait_us / SECOND_US)
                log.info("federation_package_waits", package=row.id, reason=fault)
        return min(waits, default=None)

    async def _change(self, row: PackageRow, **values: object) -> None:
        await asyncio.to_thread(lambda: self._dossier.change(row, **values))

    async def _fetch(self, partner: Partner, row: PackageRow) -> None:
        part = self.place(row).with_suffix(".part")
        have = await asyncio.to_thread(_begin, part, self.place(row), row.bytes)
        while have < row.bytes:
            body = await self._part_of(partner, row, have)
            await asyncio.to_thread(_append, part, have, body)
            have += len(body)
            await self._change(row, have=have, fault="")
        if await asyncio.to_thread(_digest, part) != row.sha256:
            await asyncio.to_thread(part.unlink)
            raise LinkFault("The package that came is not the one that was offered. It is fetched anew.")
        facts = {"partner": partner.id, "controller": partner.controller, "package": row.id, "request": row.request_id}
        facts |= {"sha256": row.sha256, "manifest_sha256": row.manifest_sha256}
        await self._hub.audit.append(KEPT, f"partner:{partner.id}", facts | {"bytes": row.bytes})
        await asyncio.to_thread(part.replace, self.place(row))
        now_us = self._hub.clock.now_us()
        said = PackageReceipt(row.id, row.request_id, row.bytes, row.sha256, now_us)
        await self._post.say(partner, said, "hub", letter_id=f"r-{row.id[:60]}")
        await asyncio.to_thread(lambda: self._dossier.change(row, "coming", state="here", done_us=now_us, fault=""))
        request = await asyncio.to_thread(self._dossier.find, RequestRow, partner.id, True, row.request_id)
        values = {"state": str(RequestState.DELIVERED), "changed_us": now_us}
        await asyncio.to_thread(lambda: self._dossier.change(request, **values))

    async def _part_of(self, partner: Partner, row: PackageRow, start: int) -> bytes:
        nonce = os.urandom(16).hex()
        ask = PartAsk(VERSION, self._keys.hub, partner.id, self._hub.clock.now_us(), nonce, row.id, start)
        data = encode(sign(self._keys.key(partner.our_key), PART_ASK, encode(ask)))
        answer = await self._client.post(partner, PARTS, data, _HEAD + LONGEST_PART)
        line, _, body = answer.partition(b"\n")
        head = decode(await self._post.vouched(partner, line, PART), PartHead)
        right = (head.nonce, head.package, head.start, head.bytes, head.sha256)
        if not body or right != (nonce, row.id, start, len(body), hashlib.sha256(body).hexdigest()):
            raise LinkFault(
                f"A part that came is not as {partner.controller} signed it.", advice="It is fetched again."
            )
        if start + len(body) > row.bytes:
            raise LinkFault("More came than was offered.")
        return body


def require_package(size: int) -> None:
    """Raise BadInput for one that can't be offered."""
    if not 0 < size <= LONGEST_PACKAGE:
        raise BadInput("A package has between one byte and a tebibyte.", advice="Disclose it in several.")


def _copy(source: Path, target: Path) -> tuple[int, str]:
    """Size and SHA-256 of what was copied."""
    try:
        require_package(source.stat().st_size)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _require_room(target.parent, source.stat().st_size)
        near, digest, size = target.with_suffix(".part"), hashlib.sha256(), 0
        with source.open("rb") as reading, near.open("wb") as writing:
            while data := reading.read(_READ):
                writing.write(data)
                digest.update(data)
                size += len(data)
            writing.flush()
            os.fsync(writing.fileno())
        near.replace(target)
    except OSError as error:
        raise StorageFault(f"The package can't be kept: {error}.", advice="Check the disk.") from error
    return size, digest.hexdigest()


def _require_room(folder: Path, size: int) -> None:
    if shutil.disk_usage(folder).free < size + _SPARE_BYTES:
        raise StorageFault("There is not enough room on the disk for this package.", advice="Make room.")


def _read(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(LONGEST_PART)
    except OSError as error:
        raise NotFound("This package is no longer here.", advice="Ask for it to be offered again.") from error


def _begin(part: Path, whole: Path, size: int) -> int:
    """How much of it is here from before."""
    part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if whole.exists():  # the hub ended before it had signed for it
        whole.replace(part)
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    _require_room(part.parent, size - have)
    part.touch()
    return have


def _append(part: Path, have: int, body: bytes) -> None:
    with part.open("r+b") as file:
        file.seek(have)
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
